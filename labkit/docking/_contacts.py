"""Contacts: which part of which residue meets which atoms of the ligand.

A hydrogen bond needs a donor and an acceptor within 3.5 Å and an angle D–H…A of at least 120° (wide
limits of the IUPAC definition; Arunan et al. 2011, 10.1351/PAC-REC-10-01-02); hydroxyls and ammonium
groups are turned to face the acceptor. A close contact is a pair of
heavy atoms within 4.0 Å. Backbone contacts are counted by peptide unit, C=O of one residue with N–H of the
next, since that is the group that interacts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from labkit.docking._receptor import Receptor

HYDROGEN_BOND_DISTANCE = 3.5
HYDROGEN_BOND_ANGLE = 120.0
CLOSE_DISTANCE = 4.0
_IDEAL_DISTANCE = 2.8
_BACKBONE = frozenset({"N", "CA", "C", "O", "OXT"})
# Lone pairs that accept: oxygen; nitrogen with two bonds; amines whose lone pair isn't drawn into a π system.
_ACCEPTOR = Chem.MolFromSmarts(
    "[$([#8;!+]),$([#7X2,#7X1;!+]),$([NX3;!+;!$(N~[#6]=,:[*]);!$(N[#16]);!$(N[#7])])]"
)


@dataclass(frozen=True)
class Contact:
    """One contact between a residue's part and the ligand.

    Attributes:
        residue: chain, name and number of the residue, as "A:MET318".
        part: "backbone" or "side chain".
        kind: "hydrogen bond" or "close contact".
        protein_atom: name of the residue's nearest atom in it.
        ligand_atom: index of the ligand's nearest atom in the pose, counted from 0.
        distance: between those two, Å.
        angle: D–H…A of a hydrogen bond, degrees; None for a close contact.
        strength: for ranking only, no energy: each hydrogen bond counts 0–1 by distance and angle,
            twice if one side is charged; each further pair within 4 Å counts 0.02.
        protein_atoms: all heavy atoms of the part that take part, indices into the receptor.
        ligand_atoms: all heavy atoms of the ligand that take part, indices into the pose.
    """

    residue: str
    part: str
    kind: str
    protein_atom: str
    ligand_atom: int
    distance: float
    angle: float | None
    strength: float
    protein_atoms: tuple[int, ...]
    ligand_atoms: tuple[int, ...]


@dataclass(frozen=True)
class _Pair:
    protein: int
    ligand: int
    distance: float
    angle: float | None
    strength: float


def find_contacts(ligand: Chem.Mol, receptor: Receptor) -> tuple[Contact, ...]:
    """Contacts of a ligand (all hydrogens, coordinates in the receptor's frame), the strongest first."""
    positions = ligand.GetConformer().GetPositions()
    acceptors = {match[0] for match in ligand.GetSubstructMatches(_ACCEPTOR)}
    groups: dict[tuple[str, int], list[_Pair]] = {}
    for atom in ligand.GetAtoms():
        if atom.GetAtomicNum() == 1:
            continue
        i = atom.GetIdx()
        for hit in receptor.heavy_tree.query_ball_point(positions[i], CLOSE_DISTANCE):
            j = int(receptor.heavy[hit])
            pair = _pair(ligand, positions, atom, i in acceptors, receptor, j)
            groups.setdefault(_group(receptor, j), []).append(pair)
    contacts = [_contact(part, pairs, receptor) for (part, _), pairs in groups.items()]
    return tuple(sorted(contacts, key=lambda c: (-round(c.strength, 6), c.distance, c.residue, c.part)))


def _group(receptor: Receptor, atom: int) -> tuple[str, int]:
    """Part and residue that an atom's contacts are counted under; a C=O goes with the next residue's N–H."""
    residue = receptor.residue_of[atom]
    name = receptor.names[atom]
    if name not in _BACKBONE:
        return "side chain", residue
    if name in ("C", "O"):
        carbon = receptor.residues[residue].atoms.get("C")
        following = None if carbon is None else receptor.bonded_residue_atom(carbon, "N")
        if following is not None:
            return "backbone", receptor.residue_of[following]
        return "backbone end", residue
    return "backbone", residue


def _contact(part: str, pairs: list[_Pair], receptor: Receptor) -> Contact:
    bonds = [pair for pair in pairs if pair.angle is not None]
    chosen = bonds or pairs
    best = (
        max(chosen, key=lambda p: (p.strength, -p.distance))
        if bonds
        else min(chosen, key=lambda p: p.distance)
    )
    closest_first = sorted(chosen, key=lambda p: (p is not best, p.distance))
    return Contact(
        residue=receptor.residues[receptor.residue_of[best.protein]].label,
        part=part.removesuffix(" end"),
        kind="hydrogen bond" if bonds else "close contact",
        protein_atom=receptor.names[best.protein],
        ligand_atom=best.ligand,
        distance=best.distance,
        angle=best.angle,
        strength=sum(pair.strength for pair in pairs),
        protein_atoms=tuple(dict.fromkeys(pair.protein for pair in closest_first)),
        ligand_atoms=tuple(dict.fromkeys(pair.ligand for pair in closest_first)),
    )


def _pair(
    ligand: Chem.Mol,
    positions: NDArray[np.float64],
    atom: Chem.Atom,
    accepts: bool,
    receptor: Receptor,
    partner: int,
) -> _Pair:
    here, there = positions[atom.GetIdx()], receptor.coordinates[partner]
    distance = float(np.linalg.norm(here - there))
    polar = atom.GetAtomicNum() in (7, 8) and receptor.symbols[partner] in ("N", "O")
    if not polar or distance > HYDROGEN_BOND_DISTANCE:
        return _Pair(partner, atom.GetIdx(), distance, None, 0.02)
    angles = []
    if _accepts(receptor, partner):
        angles += _donor_angles(atom, positions, there)
    if accepts:
        angles += _protein_donor_angles(receptor, partner, here)
    angle = max(angles, default=0.0)
    if angle < HYDROGEN_BOND_ANGLE:
        return _Pair(partner, atom.GetIdx(), distance, None, 0.02)
    reach = np.clip(
        (HYDROGEN_BOND_DISTANCE - distance) / (HYDROGEN_BOND_DISTANCE - _IDEAL_DISTANCE), 0.1, 1.0
    )
    charged = atom.GetFormalCharge() != 0 or _is_charged(receptor, partner)
    strength = float(reach) * -float(np.cos(np.radians(angle))) * (2.0 if charged else 1.0)
    return _Pair(partner, atom.GetIdx(), distance, angle, strength)


def _accepts(receptor: Receptor, atom: int) -> bool:
    """Whether a polar protein atom has a lone pair to offer: oxygens, and an unprotonated histidine N."""
    if receptor.symbols[atom] == "O":
        return True
    name = receptor.names[atom]
    return name in ("ND1", "NE2") and len(receptor.neighbours[atom]) == 2


def _is_charged(receptor: Receptor, atom: int) -> bool:
    residue = receptor.residues[receptor.residue_of[atom]]
    name = receptor.names[atom]
    if residue.name in ("ASP", "GLU") and name in ("OD1", "OD2", "OE1", "OE2"):
        return not any(
            receptor.hydrogens_of(residue.atoms[o])
            for o in ("OD1", "OD2", "OE1", "OE2")
            if o in residue.atoms
        )
    return (residue.name, name) in {("LYS", "NZ"), ("ARG", "NE"), ("ARG", "NH1"), ("ARG", "NH2")}


def _donor_angles(
    donor: Chem.Atom, positions: NDArray[np.float64], acceptor: NDArray[np.float64]
) -> list[float]:
    """Angles D–H…A of a ligand's donor, degrees."""
    at = positions[donor.GetIdx()]
    hydrogens = [atom.GetIdx() for atom in donor.GetNeighbors() if atom.GetAtomicNum() == 1]
    heavy = [atom for atom in donor.GetNeighbors() if atom.GetAtomicNum() > 1]
    sp3 = donor.GetHybridization() == Chem.HybridizationType.SP3 or donor.GetAtomicNum() == 8
    if hydrogens and len(heavy) == 1 and sp3:
        return [_angle(at, turned_hydrogen(positions[heavy[0].GetIdx()], at, acceptor), acceptor)]
    return [_angle(at, positions[h], acceptor) for h in hydrogens]


def _protein_donor_angles(receptor: Receptor, donor: int, acceptor: NDArray[np.float64]) -> list[float]:
    """Angles D–H…A of a receptor's donor, degrees."""
    at = receptor.coordinates[donor]
    hydrogens = receptor.hydrogens_of(donor)
    if hydrogens and receptor.names[donor] in ("OG", "OG1", "OH", "NZ"):
        heavy = next(j for j in receptor.neighbours[donor] if receptor.symbols[j] != "H")
        return [_angle(at, turned_hydrogen(receptor.coordinates[heavy], at, acceptor), acceptor)]
    return [_angle(at, receptor.coordinates[h], acceptor) for h in hydrogens]


def turned_hydrogen(
    root: NDArray[np.float64], donor: NDArray[np.float64], acceptor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Position (Å) of a hydroxyl's or ammonium's hydrogen, turned about root–donor to face an acceptor.

    Which way it points in a crystal structure or a docked pose is a guess, so the best is assumed.
    """
    axis = (root - donor) / np.linalg.norm(root - donor)
    across = (acceptor - donor) - ((acceptor - donor) @ axis) * axis
    norm = np.linalg.norm(across)
    if norm < 1e-6:  # acceptor on the axis: every direction is as bad
        across = np.cross(axis, np.roll(axis, 1) + 0.1)
        norm = np.linalg.norm(across)
    tilt = np.radians(109.5)
    return np.asarray(donor + 0.97 * (np.cos(tilt) * axis + np.sin(tilt) * across / norm))


def _angle(donor: NDArray[np.float64], hydrogen: NDArray[np.float64], acceptor: NDArray[np.float64]) -> float:
    a, b = donor - hydrogen, acceptor - hydrogen
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
