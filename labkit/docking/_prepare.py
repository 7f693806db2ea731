"""Preparing a target of the user's own: receptor with hydrogens in, PDBQT and box out, all or nothing.

The rule for what is no protein: waters, ions, cofactors and every other hetero group are left out and
listed in the target's `dropped`. Of alternative positions the first is kept.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from labkit.docking._target import Target, checked_name, load_target, read_ligand, read_text, targets_writable
from labkit.errors import EvaluationError, InputError, MissingDependencyError

BOX_PADDING = 5.0
"""Å between the reference ligand and each face of the box."""
BOX_RANGE = (18.0, 30.0)
"""Smallest and largest edge of a box, Å. Vina's search gets unreliable beyond 30 Å."""
_AMINO_ACIDS = frozenset(
    "ALA ARG ASN ASP ASH CYS CYX CYM GLN GLU GLH GLY HIS HID HIE HIP ILE LEU LYS LYN MET PHE PRO SER THR TRP "
    "TYR VAL ACE NME".split()
)
_RULE = (
    "Standard residues with the file's hydrogens are kept, of alternative positions the first; "
    "waters, ions, cofactors and other hetero groups are left out."
)


def add_target(
    name: str,
    receptor: Path | str,
    ligand: Path | str,
    *,
    title: str = "",
    ph: float = 7.4,
    key_residues: Sequence[str] = (),
) -> Target:
    """Prepare a target from a receptor with hydrogens and a ligand in its site, and store it.

    The receptor's atoms are sorted by residue first, since Meeko takes a residue that is interrupted by
    another for two. The box is the ligand's extent and 5 Å more on each side, 18 to 30 Å an edge. Nothing
    is left behind on failure.

    Args:
        name: small letters, digits, '-', '_'; must be free.
        receptor: PDB file with all hydrogens.
        ligand: SDF file with the ligand where it binds.
        title: one line about the target.
        ph: the pH that the receptor's hydrogens stand for; recorded, the hydrogens stay as they are.
        key_residues: residues to show first, as "A:MET318".

    Raises:
        InputError: if the name is taken or unsafe, a file can't be read, the receptor lacks hydrogens, or the
            ligand does not lie in the receptor.
        MissingDependencyError: if Meeko is not installed.
    """
    checked_name(name)
    receptor, ligand = Path(receptor), Path(ligand)
    structure, dropped = read_receptor(receptor)
    molecule = read_ligand(ligand)
    center, size = _box(molecule, structure, ligand, receptor)
    pdb = structure.make_pdb_string(gemmi.PdbWriteOptions(minimal=True))
    pdbqt = _receptor_pdbqt(pdb, receptor)
    root = targets_writable()
    workspace = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    try:
        (workspace / "receptor.pdb").write_text(pdb, encoding="utf-8")
        (workspace / "receptor.pdbqt").write_text(pdbqt, encoding="utf-8")
        (workspace / "ligand.sdf").write_text(Chem.MolToMolBlock(molecule) + "$$$$\n", encoding="utf-8")
        entries: dict[str, object] = {
            "title": title or f"{name}, prepared from {receptor.name}",
            "source": f"{receptor.name} and {ligand.name}, added by the user",
            "licence": "the user's own",
            "ph": float(ph),
            "rule": _RULE,
            "dropped": list(dropped),
            "key_residues": [str(residue) for residue in key_residues],
        }
        box = {"center": [round(float(x), 3) for x in center], "size": [round(float(x), 3) for x in size]}
        (workspace / "target.toml").write_text(_toml(entries) + "\n[box]\n" + _toml(box), encoding="utf-8")
        os.rename(workspace, root / name)
    except OSError as error:
        raise InputError(
            f"{root / name}: can't be written ({error.strerror}); set LABKIT_DATA elsewhere"
        ) from None
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return load_target(name)


def read_receptor(path: Path) -> tuple[gemmi.Structure, tuple[str, ...]]:
    """First model of a PDB file, protein only, sorted by residue; and what was dropped.

    Raises:
        InputError: if the file can't be read, holds no protein, or lacks hydrogens.
    """
    text = read_text(path, "a PDB file of the receptor with hydrogens")
    try:
        structure = gemmi.read_pdb_string(text)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}: is no readable PDB file ({str(error).splitlines()[0]})") from None
    if len(structure) == 0:
        raise InputError(f"{path}: holds no atoms; a PDB file of the receptor with hydrogens is needed")
    while len(structure) > 1:
        del structure[-1]
    structure.remove_alternative_conformations()
    dropped: dict[str, int] = {}
    for chain in structure[0]:
        for i in range(len(chain) - 1, -1, -1):
            if chain[i].name not in _AMINO_ACIDS:
                dropped[chain[i].name] = dropped.get(chain[i].name, 0) + 1
                del chain[i]
    structure.remove_empty_chains()
    protein = sum(len(chain) for chain in structure[0]) if len(structure) else 0
    if protein == 0:
        raise InputError(f"{path}: holds no amino acids; a PDB file of the receptor with hydrogens is needed")
    atoms = [atom for chain in structure[0] for residue in chain for atom in residue]
    hydrogens = sum(atom.is_hydrogen() for atom in atoms)
    # A complete protein has about as many hydrogens as heavy atoms, polar hydrogens alone are a fifth.
    if hydrogens < 0.7 * (len(atoms) - hydrogens):
        raise InputError(
            f"{path}: {hydrogens} hydrogens for {len(atoms) - hydrogens} heavy atoms; all are needed, "
            f"add them first, for example with `reduce` or PDBFixer"
        )
    _sort_residues(structure[0])
    return structure, tuple(f"{count} {name}" for name, count in sorted(dropped.items()))


def _sort_residues(model: gemmi.Model) -> None:
    """Residues of each chain in the order of their numbers; gemmi has already joined interrupted ones."""
    for chain in model:
        residues = sorted((r.clone() for r in chain), key=lambda r: (r.seqid.num or 0, r.seqid.icode))
        while len(chain):
            del chain[len(chain) - 1]
        for residue in residues:
            chain.add_residue(residue)


def _box(
    molecule: Chem.Mol, structure: gemmi.Structure, ligand: Path, receptor: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    atoms = [i for i, atom in enumerate(molecule.GetAtoms()) if atom.GetAtomicNum() > 1]
    positions = molecule.GetConformer().GetPositions()[atoms]
    protein = np.array(
        [
            atom.pos.tolist()
            for chain in structure[0]
            for res in chain
            for atom in res
            if not atom.is_hydrogen()
        ]
    )
    nearest = np.array([np.linalg.norm(protein - position, axis=1).min() for position in positions])
    if nearest.min() > 5.0:
        raise InputError(
            f"{ligand}: the ligand lies outside the receptor {receptor} "
            f"(nearest atoms {nearest.min():.1f} Å apart); give a ligand in its binding site"
        )
    if nearest.min() < 1.2:
        raise InputError(
            f"{ligand}: the ligand overlaps the receptor {receptor} "
            f"(nearest atoms {nearest.min():.1f} Å apart); give a ligand that fits its site"
        )
    low, high = positions.min(axis=0), positions.max(axis=0)
    return (low + high) / 2, np.clip(high - low + 2 * BOX_PADDING, *BOX_RANGE)


def _receptor_pdbqt(pdb: str, path: Path) -> str:
    try:
        import meeko
    except ImportError:
        raise MissingDependencyError("preparing a target needs Meeko: pip install 'meeko>=0.7'") from None
    said = io.StringIO()
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(said), redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            polymer = meeko.Polymer.from_pdb_string(
                pdb,
                meeko.ResidueChemTemplates.create_from_defaults(),
                meeko.MoleculePreparation(),
            )
            rigid, _ = meeko.PDBQTWriterLegacy.write_string_from_polymer(polymer)
    except Exception as error:  # Meeko raises errors of many kinds, all about the receptor
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{path}: Meeko can't describe this receptor ({reason}); mend or remove the residue"
        ) from None
    finally:
        logging.disable(disabled)
    if "ATOM" not in rigid:
        raise EvaluationError(f"{path}: Meeko wrote an empty receptor")
    return str(rigid)


def _toml(entries: dict[str, object] | dict[str, list[float]]) -> str:
    """TOML lines of strings, numbers and flat lists of them."""

    def literal(value: object) -> str:
        if isinstance(value, list):
            return "[" + ", ".join(literal(item) for item in value) + "]"
        if isinstance(value, str):
            escaped = (
                "".join(c if c.isprintable() else " " for c in value)
                .replace("\\", "\\\\")
                .replace('"', '\\"')
            )
            return f'"{escaped}"'
        return repr(value)

    return "".join(f"{key} = {literal(value)}\n" for key, value in entries.items())
