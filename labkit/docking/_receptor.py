"""The receptor as arrays: atoms, residues and bonds, for contacts, fragments and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.spatial import cKDTree

from labkit.docking._prepare import read_receptor
from labkit.docking._target import Target

_BOND_TOLERANCE = 0.45
"""Å beyond the sum of covalent radii up to which two atoms count as bonded (as in PDB software at large)."""


@dataclass(frozen=True)
class Residue:
    """One residue.

    Attributes:
        label: chain, name and number, as "A:MET318".
        chain: chain identifier.
        name: three-letter name.
        number: number with insertion code, as a string.
        atoms: indices of its atoms, by atom name.
    """

    label: str
    chain: str
    name: str
    number: str
    atoms: dict[str, int]


@dataclass(frozen=True, eq=False)
class Receptor:
    """Atoms of a receptor.

    Attributes:
        symbols: element symbols.
        names: PDB atom names.
        coordinates: positions, shape (natom, 3), Å.
        residues: residues in order.
        residue_of: index of the residue of each atom.
        neighbours: indices of the atoms bonded to each atom.
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    coordinates: NDArray[np.float64]
    residues: tuple[Residue, ...]
    residue_of: tuple[int, ...]
    neighbours: tuple[tuple[int, ...], ...]

    @cached_property
    def heavy(self) -> NDArray[np.int64]:
        """Indices of the atoms other than hydrogen."""
        return np.array([i for i, symbol in enumerate(self.symbols) if symbol != "H"])

    @cached_property
    def heavy_tree(self) -> cKDTree:
        """Search tree over the heavy atoms."""
        return cKDTree(self.coordinates[self.heavy])

    def hydrogens_of(self, atom: int) -> list[int]:
        """Hydrogens bonded to an atom."""
        return [j for j in self.neighbours[atom] if self.symbols[j] == "H"]

    def bonded_residue_atom(self, atom: int, name: str) -> int | None:
        """The neighbour of that name in another residue, if there is one (the peptide bond's other end)."""
        for j in self.neighbours[atom]:
            if self.residue_of[j] != self.residue_of[atom] and self.names[j] == name:
                return j
        return None


def load_receptor(target: Target) -> Receptor:
    """Receptor of a target, read once per process.

    Raises:
        InputError: if the target's receptor file can't be read.
    """
    return _load(target)


@lru_cache(maxsize=4)
def _load(target: Target) -> Receptor:
    structure, _ = read_receptor(target.receptor_pdb)
    symbols: list[str] = []
    names: list[str] = []
    positions: list[list[float]] = []
    residues: list[Residue] = []
    residue_of: list[int] = []
    for chain in structure[0]:
        for residue in chain:
            atoms = {}
            for atom in residue:
                atoms[atom.name] = len(symbols)
                symbols.append(atom.element.name)
                names.append(atom.name)
                positions.append(atom.pos.tolist())
                residue_of.append(len(residues))
            number = str(residue.seqid).strip()
            label = f"{chain.name}:{residue.name}{number}"
            residues.append(Residue(label, chain.name, residue.name, number, atoms))
    coordinates = np.array(positions)
    return Receptor(
        tuple(symbols),
        tuple(names),
        coordinates,
        tuple(residues),
        tuple(residue_of),
        _neighbours(symbols, coordinates),
    )


def _neighbours(symbols: list[str], coordinates: NDArray[np.float64]) -> tuple[tuple[int, ...], ...]:
    table = Chem.GetPeriodicTable()
    radius = {symbol: table.GetRcovalent(symbol) for symbol in set(symbols)}
    found: list[list[int]] = [[] for _ in symbols]
    for i, j in cKDTree(coordinates).query_pairs(
        2 * max(radius.values()) + _BOND_TOLERANCE, output_type="ndarray"
    ):
        first, second = symbols[i], symbols[j]
        if first == "H" and second == "H":
            continue
        distance = float(np.linalg.norm(coordinates[i] - coordinates[j]))
        # Hydrogens added by programs sit close to their atom; a loose rule binds them to a neighbour too.
        tolerance = 0.25 if "H" in (first, second) else _BOND_TOLERANCE
        if distance <= radius[first] + radius[second] + tolerance:
            found[i].append(int(j))
            found[j].append(int(i))
    return tuple(tuple(sorted(row)) for row in found)
