"""The π system of a molecule, read off its structure: p orbitals, where they point, their electrons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from labkit.errors import InputError

Vector = NDArray[np.float64]

# Elements whose lone pair joins a neighbouring π bond. Halogens have one too, but it stays all but doubly
# occupied (above 1.99), and an orbital that correlates nothing only makes the optimisation drift.
_DONORS = frozenset({"N", "O", "S", "Se", "P"})

# Of two of these each diatomic molecule has a triplet ground state.
_TRIPLETS = frozenset({"O", "S", "Se"})

# Below this cosine (60°) two neighbouring p orbitals count as perpendicular, and don't conjugate.
_CONJUGATING_COSINE = 0.5

# Two bonds within 15° of a straight line span no plane.
_STRAIGHT_SINE = np.sin(np.deg2rad(15.0))


@dataclass(frozen=True)
class PiOrbital:
    """A p orbital that takes part in a π system, or a lone pair in its plane.

    Attributes:
        atom: the atom it stands on, counted from 0.
        direction: unit vector along its axis.
        electrons: 0 (vacant, as on three-coordinate boron), 1 (part of a π bond) or 2 (a lone pair).
        in_plane: whether it is a lone pair n, at right angles to the π system.
    """

    atom: int
    direction: tuple[float, float, float]
    electrons: int
    in_plane: bool = False


@dataclass(frozen=True)
class PiSystem:
    """The π orbitals that become the active space.

    Attributes:
        orbitals: the p orbitals.
        left_out: sizes of smaller π systems of the same molecule, separated by saturated atoms or
            perpendicular; they stay outside.
        lone_pairs: the lone pairs n in the plane of atoms with a π bond (carbonyl O, pyridine N), from which
            an n→π* state could start; they are no part of `orbitals`.
    """

    orbitals: tuple[PiOrbital, ...]
    left_out: tuple[int, ...] = ()
    lone_pairs: tuple[PiOrbital, ...] = ()

    @property
    def electrons(self) -> int:
        """Number of π electrons."""
        return sum(orbital.electrons for orbital in self.orbitals)


def pi_system(molecule: Chem.Mol) -> PiSystem:
    """Return the largest π system of a molecule with hydrogens and a conformer.

    If several are largest, it is all of them; systems that cross it in a cumulene join. Each atom with one π
    bond brings one p orbital along the normal of its local plane, with one electron; each with two
    (acetylene, nitrile, the middle of an allene) two perpendicular ones; cumulated π bonds stand at right
    angles to each other. A neighbouring donor brings its lone pair (furan's O, pyrrole's N, aniline's), and
    so does an end atom at right angles to its own π bond (ketene's O, azide's last N); a neighbouring
    three-coordinate boron or carbocation brings its vacant orbital. Bonded orbitals within 60° of parallel
    make one system: the in-plane π bond of benzonitrile's CN stands apart from the ring's system,
    diacetylene has two of equal size.

    Raises:
        InputError: if there is no π bond, a triplet ground state as O2 has, or too few electrons or orbitals
            for a triplet.
    """
    name = Chem.MolToSmiles(Chem.RemoveHs(molecule))
    if molecule.GetNumAtoms() == 2 and {atom.GetSymbol() for atom in molecule.GetAtoms()} <= _TRIPLETS:
        raise InputError(
            f"{name}: its ground state is a triplet (two alike π systems share six electrons); a molecule "
            "whose ground state is a closed shell is wanted"
        )
    kekulized = Chem.Mol(molecule)
    Chem.Kekulize(kekulized, clearAromaticFlags=True)
    _cumulate(kekulized)
    bonds = [_pi_bonds(atom) for atom in kekulized.GetAtoms()]
    if not any(bonds):
        raise InputError(
            f"{name}: no π system; a triplet energy wants a molecule with double bonds, best conjugated ones"
        )
    orbitals = _orbitals(kekulized, bonds)
    systems = sorted(_connected(kekulized, orbitals), key=len, reverse=True)
    largest = [system for system in systems if len(system) == len(systems[0])]
    cumulated = {
        atom.GetIdx()
        for atom in kekulized.GetAtoms()
        if bonds[atom.GetIdx()] == 2 and all(b.GetBondType() == Chem.BondType.DOUBLE for b in atom.GetBonds())
    }
    # From one π system of a cumulene into that across it leads the lowest triplet (ketene's, diazomethane's).
    shared = cumulated & {orbital.atom for system in largest for orbital in system}
    largest = [s for s in systems if len(s) == len(systems[0]) or any(o.atom in shared for o in s)]
    chosen = tuple(orbital for system in largest for orbital in system)
    electrons = sum(orbital.electrons for orbital in chosen)
    if electrons % 2 or electrons < 2 or electrons > 2 * len(chosen) - 2:
        raise InputError(
            f"{name}: {electrons} π electrons in {len(chosen)} orbitals leave no room for a triplet; "
            "a closed-shell molecule with a π bond is wanted"
        )
    return PiSystem(
        orbitals=chosen,
        left_out=tuple(len(system) for system in systems if not any(system is kept for kept in largest)),
        lone_pairs=_in_plane_lone_pairs(kekulized, bonds, chosen),
    )


def _cumulate(molecule: Chem.Mol) -> None:
    """Write X⁻-Y⁺≡Z as X=Y⁺=Z⁻, its other formula, so that azides are read alike in both."""
    for middle in molecule.GetAtoms():
        bonds = {bond.GetBondType(): bond for bond in middle.GetBonds()}
        if middle.GetFormalCharge() != 1 or set(bonds) != {Chem.BondType.SINGLE, Chem.BondType.TRIPLE}:
            continue
        anion, end = (
            bonds[kind].GetOtherAtom(middle) for kind in (Chem.BondType.SINGLE, Chem.BondType.TRIPLE)
        )
        if anion.GetFormalCharge() == -1 and end.GetFormalCharge() == 0:
            anion.SetFormalCharge(0)
            end.SetFormalCharge(-1)
            for bond in bonds.values():
                bond.SetBondType(Chem.BondType.DOUBLE)
    molecule.UpdatePropertyCache(strict=False)


def _pi_bonds(atom: Chem.Atom) -> int:
    """Return how many π bonds an atom takes part in; those of hypervalent S and P are none."""
    return sum(
        round(bond.GetBondTypeAsDouble()) - 1
        for bond in atom.GetBonds()
        if not (_hypervalent(bond.GetBeginAtom()) or _hypervalent(bond.GetEndAtom()))
    )


def _hypervalent(atom: Chem.Atom) -> bool:
    usual = {"S": 2, "Se": 2, "P": 3, "Cl": 1, "Br": 1, "I": 1}.get(atom.GetSymbol())
    return usual is not None and atom.GetTotalValence() - max(atom.GetFormalCharge(), 0) > usual


def _outer_electrons(atom: Chem.Atom) -> int:
    """Return the valence electrons that are in no bond."""
    outer = Chem.GetPeriodicTable().GetNOuterElecs(atom.GetAtomicNum())
    return outer - atom.GetFormalCharge() - atom.GetTotalValence()


def _orbitals(molecule: Chem.Mol, bonds: list[int]) -> list[PiOrbital]:
    normals = _normals(molecule, bonds)
    found = []
    for atom, count in zip(molecule.GetAtoms(), bonds, strict=True):
        beside = any(bonds[neighbour.GetIdx()] for neighbour in atom.GetNeighbors())
        if not (count or beside):
            continue
        electrons = [1] * count
        if atom.GetSymbol() in _DONORS | {"C"}:
            # One pair of an end atom points along the bond.
            electrons += [2] * (_outer_electrons(atom) // 2 - (atom.GetDegree() == 1))
        if not electrons and _vacant(atom):
            electrons = [0]
        index = atom.GetIdx()
        for (x, y, z), share in zip(normals[index], electrons, strict=False):
            found.append(PiOrbital(index, (float(x), float(y), float(z)), share))
    return found


def _vacant(atom: Chem.Atom) -> bool:
    sextet = atom.GetSymbol() in ("B", "Al") or (atom.GetSymbol() == "C" and atom.GetFormalCharge() == 1)
    return sextet and atom.GetDegree() == 3 and _outer_electrons(atom) == 0


def _normals(molecule: Chem.Mol, bonds: list[int]) -> list[list[Vector]]:
    """Return for each atom the directions in which its p orbitals can point, that of its π bond first."""
    positions = molecule.GetConformer().GetPositions()
    planes: dict[int, Vector] = {}
    for atom in molecule.GetAtoms():
        index = atom.GetIdx()
        arms = [_unit(positions[n.GetIdx()] - positions[index]) for n in atom.GetNeighbors()]
        if len(arms) >= 3:
            planes[index] = _unit(np.cross(arms[1] - arms[0], arms[2] - arms[0]))
        elif len(arms) == 2 and np.linalg.norm(np.cross(arms[0], arms[1])) > _STRAIGHT_SINE:
            planes[index] = _unit(np.cross(arms[0], arms[1]))
    unsaturated = {index for index in planes if bonds[index] == 1}
    donors = {index for index in planes if bonds[index] == 0} & {
        atom.GetIdx() for atom in molecule.GetAtoms() if _outer_electrons(atom) >= 2 or _vacant(atom)
    }
    normals: list[list[Vector]] = []
    for atom in molecule.GetAtoms():
        index = atom.GetIdx()
        if bonds[index] < 2 and index in planes:
            normals.append([planes[index]])
            continue
        # An end atom or one in a straight chain: it takes the plane at the end of the chain.
        neighbours = [n.GetIdx() for n in atom.GetNeighbors()]
        if not neighbours:
            normals.append([])
            continue
        axis = _unit(positions[index] - positions[neighbours[0]])
        end = _end_of_chain(molecule, index, bonds, unsaturated)
        if end < 0:
            end = _end_of_chain(molecule, index, bonds, donors)
        borrowed = planes.get(end, np.eye(3)[np.abs(axis).argmin()])
        normals.append(_frame(borrowed, axis))
    for index in range(len(bonds)):
        end, before, length = _end_of_cumulene(molecule, index, bonds)
        if length < 2 or (index not in planes, index) > (end not in planes, end):
            continue
        # Its π bonds take turns: the other end is at right angles to this one, or parallel to it.
        axis = _unit(positions[end] - positions[before])
        frame = _frame(normals[index][0], axis)
        expected = frame if length % 2 else frame[::-1]
        if end not in planes or abs(planes[end] @ expected[0]) < _CONJUGATING_COSINE:
            normals[end] = expected
    return normals


def _frame(normal: Vector, axis: Vector) -> list[Vector]:
    """Return two directions perpendicular to a bond and to each other, the first nearest to a normal."""
    first = _unit(normal - (normal @ axis) * axis)
    return [first, np.cross(axis, first)]


def _end_of_cumulene(molecule: Chem.Mol, start: int, bonds: list[int]) -> tuple[int, int, int]:
    """Return the other end of the cumulated double bonds that begin at an atom, the atom before, how many."""
    before, current, length = -1, start, 0
    while bonds[current] == (2 if length else 1):
        onward = [
            n.GetIdx()
            for n in molecule.GetAtomWithIdx(current).GetNeighbors()
            if n.GetIdx() != before
            and bonds[n.GetIdx()]
            and molecule.GetBondBetweenAtoms(current, n.GetIdx()).GetBondType() == Chem.BondType.DOUBLE
        ]
        if not onward:
            break  # a triple bond
        before, current, length = current, onward[0], length + 1
    return current, before, length


def _end_of_chain(molecule: Chem.Mol, start: int, bonds: list[int], ends: set[int]) -> int:
    """Return the nearest of the ends that is reached along a chain of triple and cumulated bonds, else -1."""
    seen, front = {start}, [start]
    while front:
        following = [
            n.GetIdx()
            for index in front
            for n in molecule.GetAtomWithIdx(index).GetNeighbors()
            if n.GetIdx() not in seen
        ]
        for index in following:
            if index in ends:
                return index
        seen.update(following)
        front = [index for index in following if bonds[index] == 2]
    return -1


def _connected(molecule: Chem.Mol, orbitals: list[PiOrbital]) -> list[list[PiOrbital]]:
    """Return the orbitals in groups whose members conjugate."""
    label = list(range(len(orbitals)))
    for (i, a), (j, b) in combinations(enumerate(orbitals), 2):
        cosine = abs(float(np.dot(a.direction, b.direction)))
        if molecule.GetBondBetweenAtoms(a.atom, b.atom) is not None and cosine > _CONJUGATING_COSINE:
            old, new = label[j], label[i]
            label = [new if entry == old else entry for entry in label]
    groups = [[o for o, entry in zip(orbitals, label, strict=True) if entry == g] for g in set(label)]
    return [group for group in groups if len(group) > 1]


def _in_plane_lone_pairs(
    molecule: Chem.Mol, bonds: list[int], orbitals: tuple[PiOrbital, ...]
) -> tuple[PiOrbital, ...]:
    """Return the lone pairs that atoms with one π bond keep in the plane, as p orbitals.

    On an end atom (carbonyl O) it points across the bond, on one between two others away from both.
    """
    positions = molecule.GetConformer().GetPositions()
    taken = Counter(orbital.atom for orbital in orbitals)
    found = []
    for orbital in orbitals:
        atom = molecule.GetAtomWithIdx(orbital.atom)
        if orbital.electrons != 1 or bonds[orbital.atom] != 1 or _outer_electrons(atom) < 2:
            continue
        if taken[orbital.atom] > 1:
            continue  # it conjugates, and is among the orbitals
        arms = sum(_unit(positions[n.GetIdx()] - positions[orbital.atom]) for n in atom.GetNeighbors())
        axis = np.cross(arms, orbital.direction) if atom.GetDegree() == 1 else np.asarray(arms)
        x, y, z = (float(value) for value in _unit(axis))
        found.append(PiOrbital(orbital.atom, (x, y, z), 2, in_plane=True))
    return tuple(found)


def _unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)
