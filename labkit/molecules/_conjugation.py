"""Conjugation: how far a molecule's π electrons reach."""

from __future__ import annotations

from rdkit import Chem


def conjugated_atoms(molecule: Chem.Mol) -> int:
    """Number of atoms in the largest conjugated system, by RDKit's perception; 0 where nothing conjugates."""
    neighbours: dict[int, list[int]] = {}
    for bond in molecule.GetBonds():
        if bond.GetIsConjugated():
            begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            neighbours.setdefault(begin, []).append(end)
            neighbours.setdefault(end, []).append(begin)
    largest = 0
    while neighbours:
        system, front = set(), [next(iter(neighbours))]
        while front:
            atom = front.pop()
            if atom not in system:
                system.add(atom)
                front += neighbours.pop(atom)
        largest = max(largest, len(system))
    return largest
