"""Docking targets: a prepared receptor, a box, and where they come from.

A target is a folder: `receptor.pdb` (all hydrogens, for contacts and quantum clusters), `receptor.pdbqt`
(for Vina), `ligand.sdf` (the ligand that marks the site) and `target.toml`. Shipped targets lie in
`data/targets`, a user's own in `targets` of the user's data folder, or of `LABKIT_DATA` where that is set.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import platformdirs
from rdkit import Chem, rdBase

from labkit.errors import InputError
from labkit.store import data_path

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MAX_FILE_BYTES = 50_000_000


@dataclass(frozen=True)
class Target:
    """A prepared target.

    Attributes:
        name: what users call it.
        folder: where its files lie.
        title: what it is, one line.
        box_center: centre of the docking box, Å.
        box_size: edges of the docking box, Å.
        ph: the pH that the receptor's hydrogens stand for.
        key_residues: residues that the literature names, as "A:MET318"; shown first in reports.
        dropped: waters, ions and cofactors of the source file that were left out.
        rule: what was kept and what was dropped, in words.
        source: where the structure comes from.
        licence: its licence.
    """

    name: str
    folder: Path
    title: str
    box_center: tuple[float, float, float]
    box_size: tuple[float, float, float]
    ph: float
    key_residues: tuple[str, ...]
    dropped: tuple[str, ...]
    rule: str
    source: str
    licence: str

    @property
    def receptor_pdb(self) -> Path:
        """Receptor with all hydrogens."""
        return self.folder / "receptor.pdb"

    @property
    def receptor_pdbqt(self) -> Path:
        """Receptor as Vina reads it."""
        return self.folder / "receptor.pdbqt"

    @property
    def ligand_sdf(self) -> Path:
        """The ligand that marks the binding site."""
        return self.folder / "ligand.sdf"

    @cached_property
    def identity(self) -> str:
        """Hash of all that a docking depends on: receptor and box. Part of every cache key."""
        digest = hashlib.sha256(self.receptor_pdbqt.read_bytes())
        digest.update(repr((self.box_center, self.box_size)).encode())
        return digest.hexdigest()[:16]

    def reference_ligand(self) -> Chem.Mol:
        """The ligand that marks the site, as it lies in the receptor (Å), without added hydrogens."""
        return read_ligand(self.ligand_sdf)


def user_targets_folder() -> Path:
    """Folder of the user's own targets (`LABKIT_DATA` overrides the platform's data folder)."""
    override = os.environ.get("LABKIT_DATA")
    root = Path(override) if override else platformdirs.user_data_path("labkit", appauthor=False)
    return root / "targets"


def list_targets() -> list[str]:
    """Names of all targets, shipped and own."""
    roots = (data_path("targets"), user_targets_folder())
    return sorted({file.parent.name for root in roots for file in root.glob("*/target.toml")})


def load_target(name: str | Target) -> Target:
    """Target of that name; the user's own wins over nothing, since shipped names can't be taken.

    Raises:
        InputError: if there is no such target, or its folder is incomplete.
    """
    if isinstance(name, Target):
        return name
    if isinstance(name, str) and _NAME.fullmatch(name):
        for root in (data_path("targets"), user_targets_folder()):
            if (root / name / "target.toml").is_file():
                return _read_target(root / name)
    known = list_targets()
    near = difflib.get_close_matches(str(name).lower(), known, n=len(known), cutoff=0.0)
    raise InputError(f"target {name!r}: not known; there are {', '.join(near or known)}")


def checked_name(name: str) -> str:
    """A name that is safe as a folder's and free.

    Raises:
        InputError: if it isn't.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(
            f"target name {str(name)[:60]!r}: use 1 to 40 small letters, digits, '-' or '_', no sign first"
        )
    if name in list_targets():
        raise InputError(f"target name {name!r}: is taken; choose another")
    return name


def read_text(path: Path, kind: str) -> str:
    """Text of a user's file.

    Raises:
        InputError: if it can't be read as text or is unreasonably large; names the file and the kind wanted.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; {kind} is needed")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputError(f"{path}: {path.stat().st_size} bytes; at most {MAX_FILE_BYTES} are read")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{path}: can't be read ({reason}); {kind} is needed") from None


def read_ligand(path: Path) -> Chem.Mol:
    """First molecule of an SDF file, with its hydrogens and coordinates (Å).

    Raises:
        InputError: if the file can't be read, or holds no three-dimensional molecule.
    """
    text = read_text(path, "an SDF file with one ligand")
    with rdBase.BlockLogs():
        molecule = Chem.MolFromMolBlock(text.split("$$$$")[0], removeHs=False)
    if molecule is None or molecule.GetNumHeavyAtoms() == 0:
        raise InputError(f"{path}: holds no readable molecule; an SDF file with one ligand is needed")
    if not molecule.GetNumConformers() or not molecule.GetConformer().Is3D():
        raise InputError(f"{path}: has no three-dimensional coordinates; the ligand must lie in its site")
    return molecule


def _read_target(folder: Path) -> Target:
    for name in ("receptor.pdb", "receptor.pdbqt", "ligand.sdf"):
        if not (folder / name).is_file():
            raise InputError(f"target {folder.name!r}: {folder / name} is missing; add the target again")
    try:
        table = tomllib.loads((folder / "target.toml").read_text(encoding="utf-8"))
        center = tuple(float(x) for x in table["box"]["center"])
        size = tuple(float(x) for x in table["box"]["size"])
        if len(center) != 3 or len(size) != 3:
            raise ValueError("box needs three numbers each for center and size")
        return Target(
            name=folder.name,
            folder=folder,
            title=str(table["title"]),
            box_center=(center[0], center[1], center[2]),
            box_size=(size[0], size[1], size[2]),
            ph=float(table["ph"]),
            key_residues=tuple(str(x) for x in table["key_residues"]),
            dropped=tuple(str(x) for x in table["dropped"]),
            rule=str(table["rule"]),
            source=str(table["source"]),
            licence=str(table["licence"]),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{folder / 'target.toml'}: {missing}; add the target again") from None


def targets_writable() -> Path:
    """The user's targets folder, made if need be.

    Raises:
        InputError: if it can't be written; names the folder and the remedy.
    """
    folder = user_targets_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: can't be written ({error.strerror}); set LABKIT_DATA to another folder"
        ) from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: can't be written; set LABKIT_DATA to another folder")
    return folder
