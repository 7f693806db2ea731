"""From a contact to a pair of small molecules that the quantum layer can afford.

The residue is cut to its interacting group: a peptide unit to N-methylacetamide (or, when the budget of
atoms is tight, to formamide), a side chain from its CB (or nearer its end). The ligand is cut at single
acyclic bonds around the contact. Every cut bond is capped with a hydrogen on both sides, so each piece keeps
its closed shell, and only hydrogens are relaxed afterwards (GFN2-xTB in implicit water, which keeps protons
where they are; in vacuum a carboxylate would take one from an ammonium).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from labkit.docking._contacts import Contact, turned_hydrogen
from labkit.docking._pose import Pose
from labkit.docking._receptor import Receptor, Residue, load_receptor
from labkit.docking._target import Target, load_target
from labkit.errors import EvaluationError, InputError
from labkit.molecules import Dimer, relax_hydrogens

MAX_HEAVY_ATOMS = 14
QUICK_HEAVY_ATOMS = 10
"""What the quick campaign asks for: the quantum step takes three times as long at 14."""

_CAP_LENGTH = {"C": 1.09, "N": 1.01, "O": 0.96, "S": 1.34, "P": 1.42}
"""Å, hydrogen caps before relaxation (mean lengths of Allen et al. 1987, 10.1039/P298700000S1)."""

# Side chains along which the cut may move towards the end: the first atom kept, the most complete first.
_SIDE_CHAIN_ROOTS: dict[str, tuple[str, ...]] = {
    "ARG": ("CB", "CG", "CD"),
    "GLN": ("CB", "CG"),
    "GLU": ("CB", "CG"),
    "HIS": ("CB", "CG"),
    "LYS": ("CB", "CG", "CD", "CE"),
    "MET": ("CB", "CG"),
    "PHE": ("CB", "CG"),
    "TRP": ("CB", "CG"),
    "TYR": ("CB", "CG"),
}
_BACKBONE = frozenset({"N", "CA", "C", "O", "OXT"})

# Bonds that hold a functional group together: halogens stay with their carbon, acyl and sulfonyl with their
# heteroatom, heteroatoms with each other; nothing is cut at a charged atom except an ammonium's carbon.
_KEPT_BONDS = [
    Chem.MolFromSmarts(smarts)
    for smarts in (
        "[F,Cl,Br,I]~[*]",
        "[#6,#16,#15;$(*=[O,N,S])]-[#7,#8,#16]",
        "[S;$(S=[O,N])]-[*]",
        "[P,B,Si]-[*]",
        "[!#6;!#1]-[!#6;!#1]",
        "[-]-[*]",
        "[$([N+](=[*])),$([N+]#[*])]-[*]",
    )
]


@dataclass(frozen=True)
class _Fragment:
    """Atoms of one monomer, capped. `ends` tells which heavy atoms the original indices became."""

    symbols: tuple[str, ...]
    coordinates: NDArray[np.float64]
    charge: int
    ends: dict[int, int]

    @property
    def heavy_atoms(self) -> int:
        return sum(symbol != "H" for symbol in self.symbols)


@dataclass(frozen=True)
class _Pair:
    """The two fragments of a contact, before their hydrogens are relaxed."""

    name: str
    contact: Contact
    protein: _Fragment
    ligand: _Fragment


def contact_dimer(
    contact: Contact,
    pose: Pose,
    target: str | Target | None = None,
    *,
    max_heavy_atoms: int = MAX_HEAVY_ATOMS,
) -> Dimer:
    """The two groups of a contact as a dimer: A from the protein, B from the ligand.

    The most complete protein group that fits the budget is taken, with the smallest ligand fragment that
    holds all atoms of the contact, else the one around its nearest atom.

    Args:
        contact: one of the pose's contacts.
        pose: the pose it belongs to.
        target: the pose's target; loaded by name if None.
        max_heavy_atoms: most atoms other than hydrogen in the whole dimer.

    Raises:
        EvaluationError: if the contact can't be cut into two small closed-shell molecules; says why.
        InputError: if the contact does not belong to the pose.
        MissingDependencyError: if tblite is not installed.
    """
    return _relaxed(_cut(contact, pose, target, max_heavy_atoms))


def contact_dimers(
    pose: Pose,
    target: str | Target | None = None,
    *,
    limit: int = 3,
    max_heavy_atoms: int = MAX_HEAVY_ATOMS,
    neutral_only: bool = False,
) -> tuple[list[tuple[Contact, Dimer]], list[str]]:
    """Dimers of a pose's strongest contacts, and one line for each stronger contact that gave none.

    Args:
        pose: the pose.
        target: the pose's target; loaded by name if None.
        limit: most dimers.
        max_heavy_atoms: most atoms other than hydrogen in a dimer.
        neutral_only: leave out pairs with a charged side, whose gas-phase energies dwarf all others.

    Raises:
        MissingDependencyError: if tblite is not installed.
    """
    dimers: list[tuple[Contact, Dimer]] = []
    refused: list[str] = []
    for contact in pose.contacts:
        if len(dimers) == limit:
            break
        try:
            pair = _cut(contact, pose, target, max_heavy_atoms)
            charges = pair.protein.charge, pair.ligand.charge
            if neutral_only and any(charges):
                refused.append(
                    f"{pair.name}: charges {charges[0]:+d} and {charges[1]:+d}; neutral pairs only"
                )
                continue
            dimers.append((contact, _relaxed(pair)))
        except EvaluationError as error:
            refused.append(str(error))
    return dimers, refused


def _cut(contact: Contact, pose: Pose, target: str | Target | None, max_heavy_atoms: int) -> _Pair:
    """Both fragments of a contact, the hydrogens of the caps not yet relaxed."""
    chosen = load_target(pose.target if target is None else target)
    if contact not in pose.contacts:
        raise InputError(f"contact {contact.residue} {contact.part}: is not one of this pose's contacts")
    name = f"{chosen.name}:{contact.residue}:{contact.part.replace(' ', '-')}:{contact.protein_atom}"
    proteins = list(_protein_fragments(contact, load_receptor(chosen), name))
    if not proteins:
        raise EvaluationError(f"{name}: the receptor file lacks atoms of this group; can't be cut")
    ligands = list(_ligand_fragments(contact, pose.molecule()))
    for ligand in ligands:
        for protein in proteins:
            if protein.heavy_atoms + ligand.heavy_atoms <= max_heavy_atoms:
                return _Pair(name, contact, protein, ligand)
    smallest = min(p.heavy_atoms for p in proteins) + min(f.heavy_atoms for f in ligands)
    raise EvaluationError(
        f"{name}: its smallest fragments hold {smallest} heavy atoms together; at most {max_heavy_atoms} may"
    )


def _protein_fragments(contact: Contact, receptor: Receptor, name: str) -> Iterator[_Fragment]:
    """Fragments of the contact's residue, the most complete first."""
    anchor = contact.protein_atoms[0]
    residue = receptor.residues[receptor.residue_of[anchor]]
    if contact.part == "backbone":
        yield from _peptide_fragments(anchor, receptor, residue, name)
        return
    side_chain = [
        i for atom, i in residue.atoms.items() if atom not in _BACKBONE and receptor.symbols[i] != "H"
    ]
    if any(receptor.symbols[i] == "S" and len(receptor.neighbours[i]) != 2 for i in side_chain):
        raise EvaluationError(f"{name}: its sulphur carries no hydrogen in the receptor file; can't be cut")
    if any(receptor.bonded_residue_atom(i, "SG") is not None for i in side_chain):
        raise EvaluationError(f"{name}: a disulfide bridge can't be cut")
    roots = [residue.atoms[r] for r in _SIDE_CHAIN_ROOTS.get(residue.name, ("CB",)) if r in residue.atoms]
    left_out: set[int] = set()
    for root in roots:
        kept = _reachable(root, set(side_chain) - left_out, receptor)
        if anchor not in kept:
            return
        yield _capped(
            receptor.symbols, receptor.coordinates, receptor.neighbours, kept, _charge(residue, receptor)
        )
        left_out.add(root)


def _peptide_fragments(anchor: int, receptor: Receptor, residue: Residue, name: str) -> Iterator[_Fragment]:
    if receptor.names[anchor] in ("C", "O"):
        carbon = residue.atoms.get("C")
        nitrogen = None if carbon is None else receptor.bonded_residue_atom(carbon, "N")
    else:
        nitrogen = residue.atoms.get("N")
        carbon = None if nitrogen is None else receptor.bonded_residue_atom(nitrogen, "C")
    if carbon is None or nitrogen is None:
        raise EvaluationError(f"{name}: has no peptide bond there (chain end); can't be cut")
    before = receptor.residues[receptor.residue_of[carbon]]
    after = receptor.residues[receptor.residue_of[nitrogen]]
    oxygen = before.atoms.get("O")
    # The capping groups ACE and NME have a CH3 in the place of a CA.
    arms = [r.atoms.get("CA", r.atoms.get("CH3")) for r in (before, after)]
    # Proline's CD is the third carbon on nitrogen; without it the cap would make a donor that isn't there.
    if after.name == "PRO":
        arms.append(after.atoms.get("CD"))
    whole = [carbon, oxygen, nitrogen, *arms]
    found = {i for i in whole if i is not None}
    if len(found) < len(whole):
        return
    sets = [found] if after.name == "PRO" else [found, found - set(arms)]
    for kept in sets:
        if anchor in kept:
            yield _capped(receptor.symbols, receptor.coordinates, receptor.neighbours, kept, 0)


def _charge(residue: Residue, receptor: Receptor) -> int:
    """Formal charge of a side chain, from the hydrogens that the receptor carries."""

    def hydrogens(*names: str) -> int:
        return sum(len(receptor.hydrogens_of(residue.atoms[name])) for name in names if name in residue.atoms)

    match residue.name:
        case "ASP" | "ASH":
            return -1 if hydrogens("OD1", "OD2") == 0 else 0
        case "GLU" | "GLH":
            return -1 if hydrogens("OE1", "OE2") == 0 else 0
        case "LYS" | "LYN":
            return hydrogens("NZ") - 2
        case "ARG":
            return hydrogens("NE", "NH1", "NH2") - 4
        case name if name.startswith("HI"):
            return hydrogens("ND1", "NE2") - 1
        case "TYR":
            return hydrogens("OH") - 1
        case _:
            return 0


def _reachable(start: int, allowed: set[int], receptor: Receptor) -> set[int]:
    found, queue = {start}, [start]
    while queue:
        for j in receptor.neighbours[queue.pop()]:
            if j in allowed and j not in found:
                found.add(j)
                queue.append(j)
    return found


def _ligand_fragments(contact: Contact, ligand: Chem.Mol) -> Iterator[_Fragment]:
    """Fragments of the ligand: all atoms of the contact first, then its nearest atom alone."""
    units, links = _units(ligand)
    unit_of = {atom: index for index, unit in enumerate(units) for atom in unit}
    wanted = list(dict.fromkeys(unit_of[atom] for atom in contact.ligand_atoms))
    neighbours = [tuple(a.GetIdx() for a in atom.GetNeighbors()) for atom in ligand.GetAtoms()]
    symbols = tuple(atom.GetSymbol() for atom in ligand.GetAtoms())
    positions = ligand.GetConformer().GetPositions()
    seen: set[frozenset[int]] = set()
    for goals in (wanted, wanted[:1]):
        joined = _joined(goals, links)
        if sum(len(units[u]) for u in joined) < 2:
            # A lone atom tells nothing about the group it belongs to: a neighbour comes along, first of all
            # one that draws on its lone pair.
            lone = ligand.GetAtomWithIdx(next(iter(units[goals[0]])))
            conjugated = {unit_of[a.GetIdx()] for a in lone.GetNeighbors() if _is_unsaturated(a)}
            around = sorted(links[goals[0]], key=lambda u: (u not in conjugated, len(units[u]), u))
            joined |= set(around[:1])
        kept = frozenset(atom for u in joined for atom in units[u])
        if kept in seen:
            continue
        seen.add(kept)
        charge = sum(ligand.GetAtomWithIdx(i).GetFormalCharge() for i in kept)
        yield _capped(symbols, positions, neighbours, set(kept), charge)


def _is_unsaturated(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() > 1 and atom.GetHybridization() != Chem.HybridizationType.SP3


def _units(ligand: Chem.Mol) -> tuple[list[frozenset[int]], list[set[int]]]:
    """Heavy atoms in groups that are never cut, and which groups are joined by a bond that may be."""
    kept = {
        frozenset(match[:2])
        for pattern in _KEPT_BONDS
        for match in ligand.GetSubstructMatches(pattern, maxMatches=5000)
    }
    edited = Chem.RWMol(ligand)
    cuts = []
    for bond in ligand.GetBonds():
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        if bond.GetBondType() != Chem.BondType.SINGLE or bond.IsInRing() or bond.GetIsAromatic():
            continue
        if any(atom.GetAtomicNum() == 1 for atom in ends) or frozenset(a.GetIdx() for a in ends) in kept:
            continue
        cuts.append((ends[0].GetIdx(), ends[1].GetIdx()))
        edited.RemoveBond(*cuts[-1])
    groups = Chem.GetMolFrags(edited.GetMol(), sanitizeFrags=False)
    units = [frozenset(i for i in group if ligand.GetAtomWithIdx(i).GetAtomicNum() > 1) for group in groups]
    units = [unit for unit in units if unit]
    unit_of = {atom: index for index, unit in enumerate(units) for atom in unit}
    links: list[set[int]] = [set() for _ in units]
    for i, j in cuts:
        links[unit_of[i]].add(unit_of[j])
        links[unit_of[j]].add(unit_of[i])
    return units, links


def _joined(goals: Sequence[int], links: list[set[int]]) -> set[int]:
    """Smallest connected set of units that holds the goals: units form a tree, so bare ends are pruned."""
    kept = set(range(len(links)))
    while ends := {unit for unit in kept if unit not in goals and len(links[unit] & kept) <= 1}:
        kept -= ends
    return kept


def _capped(
    symbols: Sequence[str],
    coordinates: NDArray[np.float64],
    neighbours: Sequence[Sequence[int]],
    kept: set[int],
    charge: int,
) -> _Fragment:
    """Kept heavy atoms with their hydrogens, and a hydrogen in the place of each atom that was cut off."""
    out_symbols: list[str] = []
    positions: list[NDArray[np.float64]] = []
    ends: dict[int, int] = {}
    for i in sorted(kept):
        ends[i] = len(out_symbols)
        out_symbols.append(symbols[i])
        positions.append(coordinates[i])
    for i in sorted(kept):
        for j in neighbours[i]:
            if j in kept:
                continue
            bond = coordinates[j] - coordinates[i]
            length = _CAP_LENGTH[symbols[i]] if symbols[j] != "H" else float(np.linalg.norm(bond))
            out_symbols.append("H")
            positions.append(coordinates[i] + length * bond / np.linalg.norm(bond))
    return _Fragment(tuple(out_symbols), np.array(positions), charge, ends)


def _relaxed(pair: _Pair) -> Dimer:
    protein, ligand = pair.protein, pair.ligand
    symbols = protein.symbols + ligand.symbols
    start = np.vstack([protein.coordinates, ligand.coordinates])
    size = len(protein.symbols)
    _face_hydroxyls(start, symbols, pair)
    charge = protein.charge + ligand.charge
    relaxed = relax_hydrogens(symbols, start, charge, solvent="water")
    if _parents(symbols, start) != _parents(symbols, relaxed):
        raise EvaluationError(
            f"{pair.name}: a proton moved from one heavy atom to another; the pair has no clear charges"
        )
    return Dimer(
        symbols=symbols,
        coordinates=relaxed,
        charge=charge,
        charge_a=protein.charge,
        charge_b=ligand.charge,
        selection_a=tuple(range(size)),
        selection_b=tuple(range(size, len(symbols))),
        name=pair.name,
    )


def _face_hydroxyls(positions: NDArray[np.float64], symbols: Sequence[str], pair: _Pair) -> None:
    """Turn a hydroxyl towards its acceptor, in place: relaxing finds only the nearest minimum."""
    contact, protein, ligand = pair.contact, pair.protein, pair.ligand
    if contact.kind != "hydrogen bond" or contact.ligand_atom not in ligand.ends:
        return
    parents = _parents(symbols, positions)
    first = protein.ends[contact.protein_atoms[0]]
    second = len(protein.symbols) + ligand.ends[contact.ligand_atom]
    for donor, acceptor in ((first, second), (second, first)):
        own = [h for h, parent in parents.items() if parent == donor]
        if symbols[donor] != "O" or len(own) != 1 or acceptor in parents.values():
            continue
        heavy = [i for i, s in enumerate(symbols) if s != "H" and i != donor]
        root = min(heavy, key=lambda i: float(np.linalg.norm(positions[i] - positions[donor])))
        positions[own[0]] = turned_hydrogen(positions[root], positions[donor], positions[acceptor])


def _parents(symbols: Sequence[str], positions: NDArray[np.float64]) -> dict[int, int]:
    """The heavy atom nearest to each hydrogen."""
    heavy = [i for i, symbol in enumerate(symbols) if symbol != "H"]
    return {
        h: min(heavy, key=lambda i: float(np.linalg.norm(positions[i] - positions[h])))
        for h, symbol in enumerate(symbols)
        if symbol == "H"
    }
