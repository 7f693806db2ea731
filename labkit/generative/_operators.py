"""Genetic operators on molecular graphs: crossover of two molecules, mutation of one.

The moves are those of Graph GA (Jensen 2019, doi:10.1039/C8SC05372C) and one more: parents exchange what lies
beyond a bond or one half of a ring; mutation adds, inserts, removes or changes an atom, changes a bond,
closes or opens a ring, or binds a group elsewhere. Mutation mostly makes one such move and at times several
at once (a heavy-tailed number, after Doerr et al. 2017, arXiv:1703.03334), which leads over what
scores less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rdkit import Chem

_ATTEMPTS = 10
_MAX_RING = 7
_TAIL = 1.5  # a mutation makes k moves with a weight of k to the power of -1.5

# What an atom is added, inserted or changed as, with weights near ZINC's shares of heavy atoms; assumed.
_ELEMENTS = {"C": 0.5, "N": 0.16, "O": 0.16, "F": 0.06, "S": 0.06, "Cl": 0.05, "Br": 0.01}
_ALONE = ("F", "Cl", "Br")
_ORDERS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)

_CUMULATED = Chem.MolFromSmarts("[R]=[R]=[R]")
_RING_TRIPLE = Chem.MolFromSmarts("[R]#[R]")


class Parent:
    """A molecule as the operators take it: Kekulé bonds, hydrogens left to the valence, known cuts.

    Attributes:
        molecule: the edited copy.
        chain_cuts: single bonds outside rings.
        ring_cuts: for each ring that has two or more, its single bonds that no other ring shares.
    """

    def __init__(self, molecule: Chem.Mol):
        edited = Chem.RWMol(molecule)
        Chem.Kekulize(edited, clearAromaticFlags=True)
        for atom in edited.GetAtoms():
            atom.SetNoImplicit(False)
            if not atom.GetFormalCharge():
                atom.SetNumExplicitHs(0)
        self.molecule = edited.GetMol()
        self._pieces: dict[tuple[int, ...], tuple[Chem.Mol, ...]] = {}
        rings = molecule.GetRingInfo()
        single = {bond.GetIdx() for bond in edited.GetBonds() if bond.GetBondType() == _ORDERS[0]}
        self.chain_cuts = sorted(bond for bond in single if not rings.NumBondRings(bond))
        free = [
            [bond for bond in ring if bond in single and rings.NumBondRings(bond) == 1]
            for ring in rings.BondRings()
        ]
        self.ring_cuts = [bonds for bonds in free if len(bonds) > 1]

    def pieces(self, bonds: tuple[int, ...]) -> tuple[Chem.Mol, ...]:
        """What is left when bonds are cut; the last atoms of each piece are its open ends."""
        if bonds not in self._pieces:
            cut = Chem.FragmentOnBonds(self.molecule, bonds, dummyLabels=[(0, 0)] * len(bonds))
            self._pieces[bonds] = Chem.GetMolFrags(cut, asMols=True, sanitizeFrags=False)
        return self._pieces[bonds]


def cross(a: Parent, b: Parent, rng: np.random.Generator) -> Chem.Mol | None:
    """Return a child that has one part of each parent, or None where none came out.

    Args:
        a: first parent.
        b: second parent.
        rng: source of chance.
    """
    for _ in range(_ATTEMPTS):
        cut = _cut_chain if rng.random() < 0.5 else _cut_ring
        parts = cut(a, rng), cut(b, rng)
        if len(parts[0]) == len(parts[1]) == 2:
            child = _joined(parts[0][rng.integers(2)], parts[1][rng.integers(2)], 1 + (cut is _cut_ring), rng)
            if child is not None:
                return child
    return None


def mutate(parent: Parent, rng: np.random.Generator, most: int = 8) -> Chem.Mol | None:
    """Return a molecule that differs by one or more moves, or None where none gave a molecule.

    Args:
        parent: what is changed.
        rng: source of chance.
        most: so many moves at most.
    """
    moves, shares = tuple(_MOVES), tuple(_MOVES.values())
    weights = np.arange(1, most + 1) ** -_TAIL
    for _ in range(_ATTEMPTS):
        edited = Chem.RWMol(parent.molecule)
        count = 1 + rng.choice(most, p=weights / weights.sum())
        moved = False
        for index in rng.choice(len(moves), count, p=shares):
            if moved:  # the moves look at rings
                Chem.FastFindRings(edited)
            moved |= moves[index](edited, rng)
        child = _sanitized(edited) if moved else None
        if child is not None:
            return child
    return None


def _sanitized(child: Chem.RWMol) -> Chem.Mol | None:
    """Return the molecule if it is one piece whose valences hold, without a strained ring."""
    if Chem.SanitizeMol(child, catchErrors=True) or len(Chem.GetMolFrags(child)) > 1:
        return None
    if any(len(ring) > _MAX_RING for ring in child.GetRingInfo().AtomRings()):
        return None
    if child.HasSubstructMatch(_CUMULATED) or child.HasSubstructMatch(_RING_TRIPLE):
        return None
    return child.GetMol()


def _cut_chain(parent: Parent, rng: np.random.Generator) -> tuple[Chem.Mol, ...]:
    """Return both sides of a random single bond outside rings, each with one open end."""
    if not parent.chain_cuts:
        return ()
    return parent.pieces((parent.chain_cuts[rng.integers(len(parent.chain_cuts))],))


def _cut_ring(parent: Parent, rng: np.random.Generator) -> tuple[Chem.Mol, ...]:
    """Return two sides of a ring, cut at two bonds that no other ring shares, with two open ends each."""
    if not parent.ring_cuts:
        return ()
    ring = parent.ring_cuts[rng.integers(len(parent.ring_cuts))]
    first = rng.integers(len(ring))
    second = (first + rng.integers(1, len(ring))) % len(ring)
    return parent.pieces(tuple(sorted((ring[first], ring[second]))))


def _joined(a: Chem.Mol, b: Chem.Mol, ends: int, rng: np.random.Generator) -> Chem.Mol | None:
    """Return two pieces joined at their open ends, so many each; None if they don't fit."""
    together = Chem.RWMol(Chem.CombineMols(a, b))
    size, total = a.GetNumAtoms(), together.GetNumAtoms()
    ours, theirs = range(size - ends, size), rng.permutation(ends) + total - ends
    for end, other in zip(ours, theirs.tolist(), strict=True):
        here, there = (together.GetAtomWithIdx(i).GetNeighbors()[0].GetIdx() for i in (end, other))
        if together.GetBondBetweenAtoms(here, there):
            return None
        together.AddBond(here, there, Chem.BondType.SINGLE)
    for index in sorted([*ours, *theirs.tolist()], reverse=True):
        together.RemoveAtom(index)
    return _sanitized(together)


def _element(rng: np.random.Generator, among: Sequence[str]) -> Chem.Atom:
    weights = np.array([_ELEMENTS[symbol] for symbol in among])
    return Chem.Atom(among[rng.choice(len(among), p=weights / weights.sum())])


def _any_atom(molecule: Chem.RWMol, rng: np.random.Generator) -> int:
    return int(rng.integers(molecule.GetNumAtoms()))


def _append(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    host = _any_atom(molecule, rng)
    atom = _element(rng, tuple(_ELEMENTS))
    order = _ORDERS[rng.choice(2, p=(0.85, 0.15))] if atom.GetSymbol() not in _ALONE else _ORDERS[0]
    molecule.AddBond(host, molecule.AddAtom(atom), order)
    return True


def _insert(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    if not molecule.GetNumBonds():
        return False
    bond = molecule.GetBondWithIdx(int(rng.integers(molecule.GetNumBonds())))
    begin, end, order = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondType()
    new = molecule.AddAtom(_element(rng, ("C", "N", "O", "S")))
    molecule.RemoveBond(begin, end)
    molecule.AddBond(begin, new, order)
    molecule.AddBond(new, end, Chem.BondType.SINGLE)
    return True


def _remove(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    if molecule.GetNumAtoms() < 3:
        return False
    index = _any_atom(molecule, rng)
    neighbours = [atom.GetIdx() for atom in molecule.GetAtomWithIdx(index).GetNeighbors()]
    if len(neighbours) > 2:
        return False
    if len(neighbours) == 2:
        if molecule.GetBondBetweenAtoms(*neighbours):
            return False
        orders = [molecule.GetBondBetweenAtoms(index, i).GetBondType() for i in neighbours]
        molecule.AddBond(*neighbours, orders[rng.integers(2)])
    molecule.RemoveAtom(index)
    return True


def _change_atom(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    atom = molecule.GetAtomWithIdx(_any_atom(molecule, rng))
    others = [symbol for symbol in _ELEMENTS if symbol != atom.GetSymbol()]
    if atom.GetDegree() > 1:
        others = [symbol for symbol in others if symbol not in _ALONE]
    atom.SetAtomicNum(_element(rng, others).GetAtomicNum())
    atom.SetFormalCharge(0)
    atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    return True


def _change_bond(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    if not molecule.GetNumBonds():
        return False
    bond = molecule.GetBondWithIdx(int(rng.integers(molecule.GetNumBonds())))
    orders = [order for order in _ORDERS if order != bond.GetBondType()]
    bond.SetBondType(orders[rng.choice(2, p=(0.8, 0.2))])
    bond.SetStereo(Chem.BondStereo.STEREONONE)
    return True


def _close_ring(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    distances = Chem.GetDistanceMatrix(molecule, force=True)
    pairs = np.argwhere(np.triu((distances >= 2) & (distances < _MAX_RING)))
    if not len(pairs):
        return False
    sizes = distances[pairs[:, 0], pairs[:, 1]] + 1
    weights = np.where((sizes == 5) | (sizes == 6), 1.0, 0.1)
    i, j = pairs[rng.choice(len(pairs), p=weights / weights.sum())].tolist()
    molecule.AddBond(i, j, Chem.BondType.SINGLE)
    return True


def _open_ring(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    bonds = [bond for bond in molecule.GetBonds() if bond.IsInRing()]
    if not bonds:
        return False
    bond = bonds[rng.integers(len(bonds))]
    molecule.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
    return True


def _move_group(molecule: Chem.RWMol, rng: np.random.Generator) -> bool:
    bonds = [
        bond
        for bond in molecule.GetBonds()
        if bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing()
    ]
    if not bonds:
        return False
    bond = bonds[rng.integers(len(bonds))]
    ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
    host, group = ends if rng.random() < 0.5 else ends[::-1]
    molecule.RemoveBond(host, group)
    # Half of the moves go to a neighbour, as from meta to para; the others to any atom of that side.
    if rng.random() < 0.5:
        targets = [atom.GetIdx() for atom in molecule.GetAtomWithIdx(host).GetNeighbors()]
    else:
        side = next(part for part in Chem.GetMolFrags(molecule) if host in part)
        targets = [index for index in side if index != host]
    if not targets:
        return False
    molecule.AddBond(targets[rng.integers(len(targets))], group, Chem.BondType.SINGLE)
    return True


_Move = Callable[[Chem.RWMol, np.random.Generator], bool]
_MOVES: dict[_Move, float] = {  # with their shares
    _append: 0.15,
    _insert: 0.12,
    _remove: 0.13,
    _change_atom: 0.15,
    _change_bond: 0.12,
    _close_ring: 0.08,
    _open_ring: 0.05,
    _move_group: 0.2,
}
