import numpy as np
import pytest
from rdkit import Chem

from labkit.docking import load_target
from labkit.docking._contacts import Contact, find_contacts, turned_hydrogen
from labkit.docking._receptor import load_receptor


@pytest.fixture(scope="module")
def crystal() -> tuple[Contact, ...]:
    target = load_target("abl1")
    return find_contacts(target.reference_ligand(), load_receptor(target))


def test_crystal_imatinib_has_its_published_hydrogen_bonds(crystal: tuple[Contact, ...]) -> None:
    # Nagar et al. 2002, Cancer Res. 62, 4236: six hydrogen bonds, to Met318 N, Thr315 OG1, Glu286, Asp381 N,
    # and to the carbonyls of Ile360 and His361.
    bonds = {(c.residue, c.protein_atom) for c in crystal if c.kind == "hydrogen bond"}
    assert bonds >= {
        ("A:MET318", "N"),
        ("A:THR315", "OG1"),
        ("A:GLU286", "OE2"),
        ("A:ASP381", "N"),
        ("A:ILE360", "O"),
    }
    assert len(bonds) <= 7


def test_hydrogen_bonds_rank_above_close_contacts(crystal: tuple[Contact, ...]) -> None:
    strengths = [contact.strength for contact in crystal]
    assert strengths == sorted(strengths, reverse=True)
    assert all(contact.kind == "hydrogen bond" for contact in crystal[:5])


def test_distances_are_those_of_the_files(crystal: tuple[Contact, ...]) -> None:
    target = load_target("abl1")
    receptor = load_receptor(target)
    ligand = target.reference_ligand().GetConformer().GetPositions()
    for contact in crystal:
        apart = np.linalg.norm(receptor.coordinates[contact.protein_atoms[0]] - ligand[contact.ligand_atom])
        assert contact.distance == pytest.approx(apart)
        assert contact.distance <= 4.0


def test_a_ligand_far_away_has_no_contact() -> None:
    target = load_target("abl1")
    ligand = target.reference_ligand()
    for i, position in enumerate(ligand.GetConformer().GetPositions()):
        ligand.GetConformer().SetAtomPosition(i, (position + 200.0).tolist())
    assert find_contacts(ligand, load_receptor(target)) == ()


def test_an_aromatic_nitrogen_accepts_and_a_pyrrole_does_not() -> None:
    target = load_target("abl1")
    receptor = load_receptor(target)
    donor = next(r for r in receptor.residues if r.label == "A:MET318").atoms["N"]
    hydrogen = receptor.hydrogens_of(donor)[0]
    direction = receptor.coordinates[hydrogen] - receptor.coordinates[donor]
    site = receptor.coordinates[donor] + 2.9 * direction / np.linalg.norm(direction)
    kinds = {}
    for smiles in ("c1ccncc1", "c1cc[nH]c1"):
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        conformer = Chem.Conformer(molecule.GetNumAtoms())
        for atom in molecule.GetAtoms():  # only the nitrogen is near, all else far away
            far = site + 500.0 + 3.0 * atom.GetIdx()
            conformer.SetAtomPosition(atom.GetIdx(), (site if atom.GetAtomicNum() == 7 else far).tolist())
        molecule.AddConformer(conformer)
        found = find_contacts(molecule, receptor)
        kinds[smiles] = {c.residue: c.kind for c in found if c.protein_atom == "N"}.get("A:MET318")
    assert kinds == {"c1ccncc1": "hydrogen bond", "c1cc[nH]c1": "close contact"}


def test_a_turned_hydroxyl_keeps_its_geometry_and_faces_the_acceptor() -> None:
    root, donor, acceptor = np.array([0.0, 0, 0]), np.array([1.4, 0, 0]), np.array([2.2, 2.5, 0.7])
    hydrogen = turned_hydrogen(root, donor, acceptor)
    bond, back = hydrogen - donor, root - donor
    angle = np.degrees(np.arccos(bond @ back / np.linalg.norm(bond) / np.linalg.norm(back)))
    assert (np.linalg.norm(bond), angle) == pytest.approx((0.97, 109.5))
    turns = [
        donor + np.array([bond[0], np.hypot(*bond[1:]) * np.cos(t), np.hypot(*bond[1:]) * np.sin(t)])
        for t in np.linspace(0, 2 * np.pi, 73)
    ]
    nearest = min(np.linalg.norm(acceptor - turn) for turn in turns)
    assert np.linalg.norm(acceptor - hydrogen) <= nearest + 1e-9
