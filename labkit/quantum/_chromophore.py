"""A molecule to compute a triplet energy of: from a SMILES, an xyz file or RDKit, checked once here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from labkit.errors import InputError
from labkit.molecules import conformer, parse, relax
from labkit.quantum._pi_space import PiOrbital, PiSystem, pi_system

ELEMENTS: tuple[str, ...] = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")

# Bonds are as long as 1.15 times the sum of the covalent radii: RDKit's own 1.3 sees a bond across the ring
# of diazete (1.82 Å), and stretched bonds belong to no chromophore at rest.
_BOND_FACTOR = 1.15
_OVERLAP_FACTOR = 0.6

# A chromophore of a hundred atoms is 10 kB, and ways to place its double bonds are tried up to a limit.
_MAX_BYTES = 1_000_000
_MAX_TRIALS = 100_000


@dataclass(frozen=True, eq=False)
class Chromophore:
    """A closed-shell molecule with a π system.

    Attributes:
        name: the file's stem or the SMILES, for messages and tables.
        symbols: element symbols.
        coordinates: positions in Å, shape (natom, 3).
        charge: total charge.
        geometry: where the positions come from, in words.
        system: its π orbitals.
    """

    name: str
    symbols: tuple[str, ...]
    coordinates: NDArray[np.float64]
    charge: int
    geometry: str
    system: PiSystem

    @property
    def electrons(self) -> int:
        """Number of all electrons."""
        table = Chem.GetPeriodicTable()
        return sum(table.GetAtomicNumber(symbol) for symbol in self.symbols) - self.charge

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values that `json.dumps` takes."""
        return {**asdict(self), "coordinates": self.coordinates.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Chromophore:
        """Return the chromophore that `as_dict` wrote down."""
        system = values["system"]
        orbitals, lone_pairs = (
            tuple(
                PiOrbital(**{**orbital, "direction": tuple(orbital["direction"])}) for orbital in system[key]
            )
            for key in ("orbitals", "lone_pairs")
        )
        return cls(
            **{
                **values,
                "symbols": tuple(values["symbols"]),
                "coordinates": np.array(values["coordinates"], dtype=np.float64),
                "system": PiSystem(orbitals, tuple(system["left_out"]), lone_pairs),
            }
        )


def read_chromophore(source: str | Path | Chem.Mol) -> Chromophore:
    """Return the chromophore of a SMILES, an xyz file or a molecule of RDKit.

    A file's geometry is taken as it stands, and bonds are read off the distances; its second line may say
    `charge=`. A molecule with hydrogens and a conformer keeps that. All others get a GFN2-xTB geometry.

    Raises:
        InputError: if it can't be read, or is no closed-shell molecule with a π system.
        EvaluationError: if no geometry is found.
        MissingDependencyError: if tblite is missing.
    """
    if isinstance(source, Path) or (isinstance(source, str) and source.lower().endswith(".xyz")):
        path = Path(source)
        try:
            return _checked(_read_xyz(path), path.stem, "as in the file")
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    molecule = parse(source) if isinstance(source, str) else source
    name = Chem.MolToSmiles(Chem.RemoveHs(molecule))
    _check_elements(molecule)
    _check(molecule, name)
    complete = Chem.AddHs(molecule).GetNumAtoms() == molecule.GetNumAtoms()
    if complete and molecule.GetNumConformers() and molecule.GetConformer().Is3D():
        return _checked(molecule, name, "as given")
    molecule = conformer(molecule)
    positions = relax(
        [atom.GetSymbol() for atom in molecule.GetAtoms()],
        molecule.GetConformer().GetPositions(),
        Chem.GetFormalCharge(molecule),
    )
    molecule.GetConformer().SetPositions(positions)
    return _checked(molecule, name, "GFN2-xTB from the SMILES")


def _checked(molecule: Chem.Mol, name: str, geometry: str) -> Chromophore:
    _check(molecule, name)
    return Chromophore(
        name=name,
        symbols=tuple(atom.GetSymbol() for atom in molecule.GetAtoms()),
        coordinates=np.array(molecule.GetConformer().GetPositions()),
        charge=Chem.GetFormalCharge(molecule),
        geometry=geometry,
        system=pi_system(molecule),
    )


def _check_elements(molecule: Chem.Mol) -> None:
    for number, atom in enumerate(molecule.GetAtoms(), start=1):
        if atom.GetSymbol() not in ELEMENTS:
            raise InputError(f"atom {number} is {atom.GetSymbol()}; supported are {', '.join(ELEMENTS)}")


def _check(molecule: Chem.Mol, name: str) -> None:
    for number, atom in enumerate(molecule.GetAtoms(), start=1):
        if atom.GetNumRadicalElectrons():
            raise InputError(
                f"{name}: atom {number} ({atom.GetSymbol()}) is a radical; a closed shell is wanted, whose "
                "triplet lies above a singlet ground state"
            )
    fragments = len(Chem.GetMolFrags(molecule))
    if fragments != 1:
        raise InputError(f"{name}: {fragments} separate molecules; one is wanted, without its counter-ions")


def _read_xyz(path: Path) -> Chem.Mol:
    try:
        if not path.is_file():
            raise InputError("no such file; give a SMILES or the path of an xyz file")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path.stat().st_size} bytes is too large for a molecule; at most {_MAX_BYTES}")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError("not a text file; a molecule in xyz format is wanted") from None
    except OSError as error:
        raise InputError(f"can't be read ({error.strerror}); give a readable xyz file") from None
    with rdBase.BlockLogs():
        molecule = Chem.MolFromXYZBlock(text.rstrip() + "\n")
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise InputError(
            "not in xyz format: the number of atoms, a header line, then an element and x, y, z in Å a line"
        )
    _check_elements(molecule)
    if sum(atom.GetAtomicNum() > 1 for atom in molecule.GetAtoms()) < 2:  # RDKit finds no bond of H2
        raise InputError("no π system; a triplet energy wants a molecule with double bonds")
    header = dict(re.findall(r"(\w+)\s*=\s*(\S+)", text.splitlines()[1]))
    for key, wanted in (("charge", r"[+-]?\d{1,2}"), ("multiplicity", "1")):
        if re.fullmatch(wanted, header.get(key, "1")) is None:
            raise InputError(
                f"{key}={header[key]} in the header; a whole number is wanted as charge, and multiplicity 1"
            )
    charge = int(header.get("charge", 0))
    table = Chem.GetPeriodicTable()
    electrons = sum(atom.GetAtomicNum() for atom in molecule.GetAtoms()) - charge
    if electrons % 2:
        raise InputError(
            f"{electrons} electrons at charge {charge:+d} are an odd number; a closed shell is wanted: say "
            "charge= in the header (line 2), or check the hydrogens"
        )
    positions = molecule.GetConformer().GetPositions()
    radii = [table.GetRcovalent(atom.GetAtomicNum()) for atom in molecule.GetAtoms()]
    for i, j in combinations(range(len(radii)), 2):
        distance, least = np.linalg.norm(positions[i] - positions[j]), _OVERLAP_FACTOR * (radii[i] + radii[j])
        if distance < least:
            raise InputError(
                f"atoms {i + 1} and {j + 1} overlap: they are {distance:.2f} Å apart and should be at least "
                f"{least:.2f} Å"
            )
    try:
        with rdBase.BlockLogs():
            rdDetermineBonds.DetermineBonds(
                molecule,
                charge=charge,
                useVdw=True,
                covFactor=_BOND_FACTOR,
                embedChiral=False,
                maxIterations=_MAX_TRIALS,
            )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(
            f"no bonds fit the distances at charge {charge:+d} ({reason}); check the geometry, the hydrogens "
            "and charge= in the header, or give a SMILES"
        ) from None
    return molecule
