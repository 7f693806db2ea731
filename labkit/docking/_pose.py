"""Poses: where and how strongly a docked molecule sits, to and from SDF files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from labkit.docking._contacts import Contact, find_contacts
from labkit.docking._receptor import load_receptor
from labkit.docking._target import Target, load_target, read_text
from labkit.errors import InputError
from labkit.molecules import State, canonical_smiles


@dataclass(frozen=True)
class Pose:
    """One docked pose. Plain values only, so it can be pickled, hashed and written as JSON.

    Attributes:
        target: name of the target.
        proposed: the SMILES that was asked for.
        state: the protonation state and stereoisomer that was docked.
        rank: 1 for the best pose of its docking.
        energy: Vina score, kcal/mol; more negative is better.
        ligand_efficiency: minus the energy per heavy atom, kcal/mol.
        seed: seed of the docking.
        mol_block: the docked molecule in the receptor's frame (Å), MDL mol block with all hydrogens.
        contacts: residues it touches, the strongest first.
    """

    target: str
    proposed: str
    state: State
    rank: int
    energy: float
    ligand_efficiency: float
    seed: int
    mol_block: str
    contacts: tuple[Contact, ...]

    def molecule(self) -> Chem.Mol:
        """The docked molecule with all hydrogens and its coordinates (Å)."""
        return molecule_of(self.mol_block)


def molecule_of(mol_block: str) -> Chem.Mol:
    """Molecule of a mol block, hydrogens kept.

    Raises:
        InputError: if it can't be read.
    """
    with rdBase.BlockLogs():
        molecule = Chem.MolFromMolBlock(mol_block, removeHs=False)
    if molecule is None or not molecule.GetNumConformers():
        raise InputError(f"mol block {mol_block[:40]!r}: no readable molecule with coordinates")
    return molecule


def rmsd(pose: Pose | Chem.Mol, reference: Pose | Chem.Mol) -> float:
    """Root mean square distance of the heavy atoms in place, without alignment, Å.

    Atoms that the molecule's symmetry exchanges (flipped phenyls, carboxylate oxygens) are matched in the
    way that gives the smallest value. Charges and bond orders are ignored, so states can be compared.

    Raises:
        InputError: if the two are not the same molecule.
    """
    first, second = (_skeleton(m.molecule() if isinstance(m, Pose) else m) for m in (pose, reference))
    matches: Sequence[Sequence[int]] = ()
    if first.GetNumAtoms() == second.GetNumAtoms():
        matches = second.GetSubstructMatches(first, uniquify=False, maxMatches=20_000)
    if not matches:
        names = [Chem.MolToSmiles(m) for m in (first, second)]
        raise InputError(
            f"RMSD of unlike molecules (heavy-atom graphs {names[0]} and {names[1]}): dock the same one"
        )
    a, b = (m.GetConformer().GetPositions() for m in (first, second))
    return float(np.sqrt(min(_mean_square(a, b[list(match)]) for match in matches)))


def _mean_square(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(((a - b) ** 2).sum(axis=1).mean())


def _skeleton(molecule: Chem.Mol) -> Chem.Mol:
    """Heavy atoms and single bonds only."""
    bare = Chem.RWMol()
    with rdBase.BlockLogs():
        heavy = Chem.RemoveAllHs(molecule, sanitize=False)
    for atom in heavy.GetAtoms():
        bare.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    for bond in heavy.GetBonds():
        bare.AddBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), Chem.BondType.SINGLE)
    bare.AddConformer(heavy.GetConformer(), assignId=True)
    skeleton = bare.GetMol()
    for atom in skeleton.GetAtoms():
        atom.SetNoImplicit(True)
    skeleton.UpdatePropertyCache(strict=False)
    return skeleton


def pose_to_sdf(pose: Pose) -> str:
    """SDF record of a pose, its numbers as properties."""
    values = {
        "target": pose.target,
        "proposed_smiles": pose.proposed,
        "docked_state": json.dumps(asdict(pose.state)),
        "rank": str(pose.rank),
        "vina_kcal_mol": f"{pose.energy:.3f}",
        "ligand_efficiency_kcal_mol": f"{pose.ligand_efficiency:.4f}",
        "seed": str(pose.seed),
        "contacts": " ".join(dict.fromkeys(contact.residue for contact in pose.contacts)),
    }
    return pose.mol_block + "".join(f">  <{key}>\n{value}\n\n" for key, value in values.items()) + "$$$$\n"


def write_poses(poses: Sequence[Pose], path: Path | str) -> Path:
    """Write poses to one SDF file, all or nothing.

    Raises:
        InputError: if the file can't be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text("".join(map(pose_to_sdf, poses)), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: can't be written ({error.strerror}); choose another place") from None
    return path


def read_poses(path: Path | str) -> list[Pose]:
    """Poses of an SDF file that `write_poses` wrote; their contacts are found anew.

    Raises:
        InputError: if the file can't be read or isn't of that kind.
    """
    return poses_from_sdf(read_text(Path(path), "an SDF file with poses"), str(path))


def poses_from_sdf(text: str, where: str = "SDF text") -> list[Pose]:
    """Poses of the text that `pose_to_sdf` gave; `where` names it in errors.

    Raises:
        InputError: if it isn't of that kind.
    """
    if not text.strip():
        raise InputError(f"{where}: holds no pose; an SDF file written by labkit is needed")
    poses = []
    with rdBase.BlockLogs():
        supplier = Chem.SDMolSupplier()
        supplier.SetData(text, removeHs=False)
        for number, molecule in enumerate(supplier, start=1):
            if molecule is None:
                raise InputError(f"{where}: record {number} is no readable molecule")
            poses.append(_read_pose(molecule, f"{where}: record {number}"))
    return poses


def _read_pose(molecule: Chem.Mol, where: str) -> Pose:
    try:
        values = molecule.GetPropsAsDict(autoConvertStrings=False)
        target = load_target(values["target"])
        return make_pose(
            molecule,
            target,
            proposed=values["proposed_smiles"],
            state=State(**json.loads(values["docked_state"])),
            rank=int(values["rank"]),
            energy=float(values["vina_kcal_mol"]),
            seed=int(values["seed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{where}: {error} is missing or malformed; a pose written by labkit is needed"
        ) from None


def make_pose(
    molecule: Chem.Mol, target: Target, *, proposed: str, state: State, rank: int, energy: float, seed: int
) -> Pose:
    """Pose of a molecule that carries hydrogens and coordinates in the target's frame (Å)."""
    bare = Chem.Mol(molecule)
    for key in bare.GetPropNames():
        bare.ClearProp(key)
    bare.SetProp("_Name", proposed if len(proposed) <= 80 else "pose")
    mol_block = Chem.MolToMolBlock(bare)
    return Pose(
        target=target.name,
        proposed=proposed,
        state=state,
        rank=rank,
        energy=energy,
        ligand_efficiency=-energy / molecule.GetNumHeavyAtoms(),
        seed=seed,
        mol_block=mol_block,
        contacts=find_contacts(molecule_of(mol_block), load_receptor(target)),
    )


def shipped_poses(target: str | Target = "abl1") -> list[Pose]:
    """Poses that come with a target, best energy first; what can be looked at where Vina can't run.

    Raises:
        InputError: if the target is unknown.
    """
    folder = load_target(target).folder / "poses"
    poses = [pose for path in sorted(folder.glob("*.sdf")) for pose in read_poses(path)]
    return sorted(poses, key=lambda pose: pose.energy)


def shipped_pose(smiles: str, target: str | Target = "abl1") -> Pose:
    """The best pose of a molecule that comes with a target, decoys included.

    Raises:
        InputError: if the SMILES or the target is no good, or no pose of the molecule is shipped.
    """
    wanted, folder = canonical_smiles(smiles), load_target(target).folder
    decoys = [pose for path in sorted(folder.glob("decoys/*.sdf")) for pose in read_poses(path)]
    known = {canonical_smiles(pose.proposed): pose for pose in [*decoys, *reversed(shipped_poses(target))]}
    if wanted not in known:
        raise InputError(f"no pose of {smiles!r} is shipped; there are those of {', '.join(known)}")
    return known[wanted]
