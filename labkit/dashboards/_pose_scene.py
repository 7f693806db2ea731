"""What is drawn of a pose and its pocket, as coordinates; how it is told in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from labkit.dashboards import palette
from labkit.dashboards._format import number, place
from labkit.docking import Contact, Pocket, Pose, pocket_atoms

Points = NDArray[np.float64]
_LABELLED = 8  # residues named in the picture; more would cover each other


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn (Å): x and y span the plane in which the ligand is widest, z points at the reader.

    Attributes:
        symbols: elements of the ligand's atoms, without hydrogens that don't bind to N, O or S.
        atoms: their positions, shape (natom, 3).
        bonds: pairs of indices into them.
        pocket: atoms of the residues around.
        dashes: contact, the ligand atom's and the protein atom's position.
        centres: residue label to the mean of its atoms' positions, the strongest contacts' residues only.
    """

    symbols: tuple[str, ...]
    atoms: Points
    bonds: tuple[tuple[int, int], ...]
    pocket: Pocket
    dashes: tuple[tuple[Contact, Points, Points], ...]
    centres: Mapping[str, Points]


def scene(pose: Pose) -> Scene:
    """What there is to draw of a pose."""
    molecule, pocket = pose.molecule(), pocket_atoms(pose)
    positions = molecule.GetConformer().GetPositions()
    shown = [atom.GetIdx() for atom in molecule.GetAtoms() if not _on_carbon(atom)]
    index = {atom: i for i, atom in enumerate(shown)}
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    chosen = _main_contacts(pose)
    residues = np.array(pocket.residues)
    turned = face_on(positions[shown])
    return Scene(
        symbols=tuple(molecule.GetAtomWithIdx(i).GetSymbol() for i in shown),
        atoms=turned(positions[shown]),
        bonds=tuple((index[i], index[j]) for i, j in bonds if i in index and j in index),
        pocket=replace(pocket, coordinates=turned(pocket.coordinates)),
        dashes=tuple(
            (contact, turned(positions[contact.ligand_atom]), turned(_partner(contact, positions, pocket)))
            for contact in chosen
        ),
        centres={c.residue: turned(pocket.coordinates[residues == c.residue].mean(axis=0)) for c in chosen},
    )


def face_on(points: Points) -> Callable[[Points], Points]:
    """The rigid motion that lays the points' widest plane flat before the reader."""
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre, full_matrices=False)[2]  # principal axes, the longest first
    if np.linalg.det(axes) < 0:
        axes[2] *= -1  # a mirror image would be another molecule
    return lambda moved: np.asarray((moved - centre) @ axes.T)


def _main_contacts(pose: Pose) -> list[Contact]:
    """The strongest contact of each residue, the strongest residues only."""
    first: dict[str, Contact] = {}
    for contact in pose.contacts:
        first.setdefault(contact.residue, contact)
    return list(first.values())[:_LABELLED]


def _on_carbon(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 1 and atom.GetNeighbors()[0].GetAtomicNum() == 6


def _partner(contact: Contact, positions: Points, pocket: Pocket) -> Points:
    """The protein's atom of a contact: that of its residue whose distance is the contact's."""
    own = [i for i, residue in enumerate(pocket.residues) if residue == contact.residue]
    distances = np.linalg.norm(pocket.coordinates[own] - positions[contact.ligand_atom], axis=1)
    return pocket.coordinates[own[int(np.argmin(np.abs(distances - contact.distance)))]]


def half_bonds(
    symbols: Sequence[str], atoms: Points, bonds: Sequence[tuple[int, int]], carbon: str
) -> dict[str, list[tuple[Points, Points]]]:
    """Half bonds by colour, each half in the colour of its atom."""
    halves: dict[str, list[tuple[Points, Points]]] = {}
    for i, j in bonds:
        middle = (atoms[i] + atoms[j]) / 2
        for atom in (i, j):
            colour = carbon if symbols[atom] == "C" else palette.ELEMENTS.get(symbols[atom], palette.GREY)
            halves.setdefault(colour, []).append((atoms[atom], middle))
    return halves


def describe(pose: Pose) -> str:
    """The pose in words: what it touches, the strongest first."""
    contacts = _main_contacts(pose)
    bonds = [c for c in contacts if c.kind == "hydrogen bond"]
    text = f"{pose.state.smiles} in {pose.target}, Vina {number(pose.energy, 1)} kcal/mol. "
    named = ", ".join(f"{place(c.residue)} {c.part} ({c.distance:.1f} Å)" for c in bonds)
    near = ", ".join(place(c.residue) for c in contacts if c not in bonds)
    return text + f"Hydrogen bonds: {named or 'none'}. Other close contacts: {near or 'none'}."
