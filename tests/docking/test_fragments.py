import dataclasses
from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from labkit.docking import Pose, contact_dimer, contact_dimers, load_target, shipped_poses
from labkit.docking._fragments import _units
from labkit.docking._pose import make_pose
from labkit.docking._receptor import load_receptor
from labkit.errors import EvaluationError, InputError
from labkit.molecules import Dimer, State, conformer, xtb_energy


@pytest.fixture(scope="module")
def crystal() -> Pose:
    """Imatinib as it lies in the crystal."""
    target = load_target("abl1")
    state = State("", 7.4, 1, 1, 1)
    return make_pose(
        target.reference_ligand(), target, proposed="STI", state=state, rank=1, energy=-12.0, seed=0
    )


def _dimer(pose: Pose, residue: str, atom: str, size: int = 14) -> Dimer:
    contact = next(c for c in pose.contacts if c.residue == residue and c.protein_atom == atom)
    return contact_dimer(contact, pose, max_heavy_atoms=size)


def _formula(dimer: Dimer, selection: tuple[int, ...]) -> dict[str, int]:
    return dict(Counter(dimer.symbols[i] for i in selection))


def _interaction(dimer: Dimer) -> float:
    """GFN2-xTB interaction energy in vacuum, kcal/mol."""
    parts = [
        xtb_energy([dimer.symbols[i] for i in s], dimer.coordinates[list(s)], charge)
        for s, charge in ((dimer.selection_a, dimer.charge_a), (dimer.selection_b, dimer.charge_b))
    ]
    return 627.5095 * (xtb_energy(dimer.symbols, dimer.coordinates, dimer.charge) - sum(parts))


def test_the_hinge_becomes_n_methylacetamide_with_pyridine(crystal: Pose) -> None:
    dimer = _dimer(crystal, "A:MET318", "N")
    assert dimer.name == "abl1:A:MET318:backbone:N"
    assert _formula(dimer, dimer.selection_a) == {"C": 3, "N": 1, "O": 1, "H": 7}
    assert _formula(dimer, dimer.selection_b) == {"C": 5, "N": 1, "H": 5}
    assert (dimer.charge, dimer.charge_a, dimer.charge_b) == (0, 0, 0)
    # its like in S66, methanol with pyridine, stands at −7.4 (Řezáč, Riley & Hobza 2011, 10.1021/ct2002946)
    assert -10 < _interaction(dimer) < -4


def test_a_tight_budget_takes_formamide(crystal: Pose) -> None:
    dimer = _dimer(crystal, "A:MET318", "N", size=10)
    assert _formula(dimer, dimer.selection_a) == {"C": 1, "N": 1, "O": 1, "H": 3}


def test_the_salt_bridge_residue_is_a_carboxylate(crystal: Pose) -> None:
    dimer = _dimer(crystal, "A:GLU286", "OE2")
    assert (dimer.charge_a, dimer.charge_b) == (-1, 0)
    assert _formula(dimer, dimer.selection_a) == {"C": 3, "O": 2, "H": 5}  # propionate
    assert _formula(dimer, dimer.selection_b) == {"C": 1, "O": 1, "N": 1, "H": 3}  # the amide


def test_the_gatekeeper_keeps_its_hydroxyl(crystal: Pose) -> None:
    dimer = _dimer(crystal, "A:THR315", "OG1")
    assert _formula(dimer, dimer.selection_a) == {"C": 2, "O": 1, "H": 6}  # ethanol
    assert dimer.charge == 0


def test_heavy_atoms_stay_where_the_crystal_has_them(crystal: Pose) -> None:
    receptor = load_receptor(load_target("abl1"))
    ligand = crystal.molecule().GetConformer().GetPositions()
    for contact, dimer in contact_dimers(crystal, limit=4)[0]:
        for selection, known in ((dimer.selection_a, receptor.coordinates), (dimer.selection_b, ligand)):
            for i in selection:
                if dimer.symbols[i] != "H":
                    apart = np.linalg.norm(known - dimer.coordinates[i], axis=1).min()
                    assert apart < 1e-6, contact.residue


def test_every_hydrogen_is_bonded_to_one_atom_at_a_bonds_length(crystal: Pose) -> None:
    for _, dimer in contact_dimers(crystal, limit=6)[0]:
        heavy = [i for i, symbol in enumerate(dimer.symbols) if symbol != "H"]
        for i, symbol in enumerate(dimer.symbols):
            if symbol == "H":
                apart = sorted(np.linalg.norm(dimer.coordinates[heavy] - dimer.coordinates[i], axis=1))
                assert 0.93 < apart[0] < 1.12
                assert apart[1] > 1.5


def test_the_ligand_is_cut_only_where_functional_groups_stay_whole() -> None:
    # sulfonamide with its aryl, amide, nitrile, CF3 and ester: each whole, methyl and phenyl apart
    molecule = Chem.MolFromSmiles("CCNS(=O)(=O)c1ccc(C(=O)NCC#N)cc1")
    groups = {Chem.MolFragmentToSmiles(molecule, sorted(unit)) for unit in _units(molecule)[0]}
    assert groups == {"C", "NS(=O)(=O)c1ccccc1", "NC=O", "C#N"}
    molecule = Chem.MolFromSmiles("FC(F)(F)CCOC(=O)C[NH+](C)C")
    groups = {Chem.MolFragmentToSmiles(molecule, sorted(unit)) for unit in _units(molecule)[0]}
    assert groups == {"FC(F)F", "C", "O=CO", "[NH+]"}


def test_neutral_pairs_can_be_asked_for(crystal: Pose) -> None:
    dimers, refused = contact_dimers(crystal, limit=3, neutral_only=True)
    assert len(dimers) == 3
    assert all(dimer.charge_a == dimer.charge_b == 0 for _, dimer in dimers)
    assert any("GLU286" in line and "neutral pairs only" in line for line in refused)


def test_what_is_too_large_is_refused_with_the_size(crystal: Pose) -> None:
    with pytest.raises(
        EvaluationError, match=r"MET318:backbone:N: its smallest fragments hold 9 heavy atoms"
    ):
        _dimer(crystal, "A:MET318", "N", size=8)


def _methanol_near(label: str, name: str) -> Pose:
    """Methanol with its oxygen 3.2 Å from an atom of the receptor, on the far side of the residue."""
    target = load_target("abl1")
    receptor = load_receptor(target)
    residue = next(r for r in receptor.residues if r.label == label)
    site = receptor.coordinates[residue.atoms[name]]
    outward = site - receptor.coordinates[list(residue.atoms.values())].mean(axis=0)
    methanol = conformer("CO")
    start = methanol.GetConformer().GetPositions()
    moved = start - start[1] + site + 3.2 * outward / np.linalg.norm(outward)
    for i, position in enumerate(moved):
        methanol.GetConformer().SetAtomPosition(i, position.tolist())
    state = State("CO", 7.4, 0, 1, 1)
    return make_pose(methanol, target, proposed="CO", state=state, rank=1, energy=-1.0, seed=0)


@pytest.mark.parametrize(
    ("residue", "atom", "reason"),
    [
        ("A:GLN498", "O", "has no peptide bond there"),  # the chain's end
        ("A:MET225", "N", "has no peptide bond there"),  # its start
        ("A:CYS369", "SG", "its sulphur carries no hydrogen"),
    ],
)
def test_what_has_no_closed_shell_cut_is_refused(residue: str, atom: str, reason: str) -> None:
    pose = _methanol_near(residue, atom)
    with pytest.raises(EvaluationError, match=reason):
        _dimer(pose, residue, atom)
    assert any(reason in line for line in contact_dimers(pose, limit=99)[1])


def test_a_contact_of_another_pose_is_refused(crystal: Pose) -> None:
    foreign = dataclasses.replace(crystal.contacts[0], distance=1.0)
    with pytest.raises(InputError, match="not one of this pose's contacts"):
        contact_dimer(foreign, crystal)


def test_dimers_of_shipped_poses_are_closed_shell_and_repeatable() -> None:
    pose = shipped_poses()[0]
    first, second = (contact_dimers(pose, limit=2)[0] for _ in range(2))
    for (_, a), (_, b) in zip(first, second, strict=True):
        # Not bit by bit: with several OpenMP threads GFN2-xTB sums in any order.
        assert np.allclose(a.coordinates, b.coordinates, rtol=0, atol=1e-6)
        electrons = sum(Chem.GetPeriodicTable().GetAtomicNumber(s) for s in a.symbols) - a.charge
        assert electrons % 2 == 0
