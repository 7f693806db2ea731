"""What every molecule keeps: a scaffold, two fragments with a linker between them, or nearness to a molecule.

Decorations and linkers are pieces of what the language model writes, cut off at single bonds outside rings.
A piece joins only an atom like the one that it was cut from, and a neighbour of a molecule has only bonds
that occur in it or in what the model wrote: so no bond comes about that the model wouldn't make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from rdkit import Chem, rdBase

from labkit.errors import InputError
from labkit.generative._breeding import canonical
from labkit.generative._operators import Parent, cross, mutate
from labkit.generative._tasks import Part, similarity
from labkit.generative._vocabulary import Vocabulary, tokenize
from labkit.molecules import parse

_MAX_HEAVY_ATOMS = 50
_MAX_MATCHES = 10_000  # of a frame in a molecule; symmetric groups multiply them
_MAX_MOVES = 4

_Bond = tuple[int, int]  # the atom outside a piece and the one inside
_Kind = tuple[int, bool, bool]  # of an atom
_SINGLE = Chem.BondType.SINGLE
_ZIP = Chem.MolzipParams()
_ZIP.label = Chem.MolzipLabel.Isotope


@dataclass(frozen=True)
class Frame:
    """A scaffold, or two fragments: these atoms stand in every molecule, substituted at their points alone.

    Attributes:
        smiles: canonical; one part or two, with attachment points `[*:1]`, `[*:2]`, ….
    """

    smiles: str

    def keeps(self, smiles: str) -> bool:
        """Whether a molecule, cut at the points, falls into the parts as they are and what was bound to them.

        That is one piece for each point of a scaffold, or the linker of two fragments. Bonds, charges and
        stereo are those of the parts.
        """
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None:
            return False
        cuts: set[tuple[_Bond, ...]] = set()
        for match in molecule.GetSubstructMatches(self._query, uniquify=False, maxMatches=_MAX_MATCHES):
            inside = [molecule.GetAtomWithIdx(match[at]) for at in self._points.values()]
            ends = [[(n.GetIdx(), atom.GetIdx()) for n in atom.GetNeighbors()] for atom in inside]
            cuts.update(product(*([end for end in some if end[0] not in match] for some in ends)))
        found = (_pieces(molecule, dict(zip(self._points, cut, strict=True))) for cut in cuts)
        return any(len(p) == len(self._points) + 1 and self._parts < set(map(_canonical, p)) for p in found)

    def build(self, stream: Iterable[str], rng: np.random.Generator) -> Iterator[str | None]:
        """For each molecule one that keeps the frame: itself, or one made of pieces, or None if none fit.

        Args:
            stream: canonical SMILES that a model wrote.
            rng: source of chance.
        """
        marks = tuple(self._points)
        groups = [marks] if len(self._parts) == 2 else [(mark,) for mark in marks]
        pieces: list[str] = []
        for smiles in stream:
            if self.keeps(smiles):
                yield smiles
                continue
            piece = self._cut_off(Chem.MolFromSmiles(smiles), groups[len(pieces)], rng)
            pieces += [piece] if piece else []
            joined = None
            if len(pieces) == len(groups):
                with rdBase.BlockLogs():
                    molecule = Chem.molzip(Chem.MolFromSmiles(".".join([*self._parts, *pieces])), _ZIP)
                    if molecule.GetNumHeavyAtoms() <= _MAX_HEAVY_ATOMS:
                        joined = _canonical(molecule)
                pieces = []
            yield joined if joined is not None and self.keeps(joined) else None

    def _cut_off(self, molecule: Chem.Mol, marks: Sequence[int], rng: np.random.Generator) -> str | None:
        """A random piece of at most half the molecule, with an open end for each mark."""
        kinds = [_kind(atom) for atom in molecule.GetAtoms()]
        # An anion at such a bond belongs to a nitro group or an N-oxide.
        ends = [
            (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
            for bond in molecule.GetBonds()
            if bond.GetBondType() == _SINGLE
            and not bond.IsInRing()
            and min(bond.GetBeginAtom().GetFormalCharge(), bond.GetEndAtom().GetFormalCharge()) >= 0
        ]
        ends += [(inside, outside) for outside, inside in ends]
        wanted = [_kind(self._molecule.GetAtomWithIdx(self._points[mark])) for mark in marks]
        choices = list(product(*([end for end in ends if kinds[end[0]] == kind] for kind in wanted)))
        for index in rng.permutation(len(choices)):
            for piece in _pieces(molecule, dict(zip(marks, choices[index], strict=True))):
                labels = sorted(atom.GetIsotope() for atom in piece.GetAtoms() if not atom.GetAtomicNum())
                if labels == list(marks) and 2 * piece.GetNumHeavyAtoms() <= molecule.GetNumHeavyAtoms():
                    return str(Chem.MolToSmiles(piece))
        return None

    @cached_property
    def _molecule(self) -> Chem.Mol:
        """The parts, points at the end; they are told by isotopes, like the ends that come from cutting."""
        molecule = Chem.MolFromSmiles(self.smiles)
        marks = [atom.GetAtomMapNum() for atom in molecule.GetAtoms()]
        for atom, mark in zip(molecule.GetAtoms(), marks, strict=True):
            atom.SetAtomMapNum(0)
            atom.SetIsotope(mark or atom.GetIsotope())
        return Chem.RenumberAtoms(molecule, sorted(range(len(marks)), key=lambda index: marks[index]))

    @cached_property
    def _parts(self) -> frozenset[str]:
        return frozenset(map(Chem.CanonSmiles, Chem.MolToSmiles(self._molecule).split(".")))

    @cached_property
    def _points(self) -> dict[int, int]:
        """Mark to the atom that the point is bound to."""
        points = [atom for atom in self._molecule.GetAtoms() if not atom.GetAtomicNum()]
        return {atom.GetIsotope(): atom.GetNeighbors()[0].GetIdx() for atom in points}

    @cached_property
    def _query(self) -> Chem.Mol:
        """The atoms without the points; each has no more neighbours than in the frame."""
        rules = Chem.AdjustQueryParameters.NoAdjustments()
        rules.adjustDegree, rules.adjustDegreeFlags = True, Chem.ADJUST_IGNOREDUMMIES
        query = Chem.RWMol(Chem.AdjustQueryProperties(self._molecule, rules))
        for index in reversed(range(query.GetNumAtoms())):
            if not query.GetAtomWithIdx(index).GetAtomicNum():
                query.RemoveAtom(index)
        return query.GetMol()


@dataclass(frozen=True)
class Near:
    """Nearness to a molecule.

    Attributes:
        smiles: of the molecule, canonical.
        similarity: least Tanimoto similarity by counted Morgan fingerprints of radius 2, 0–1.
    """

    smiles: str
    similarity: float

    def keeps(self, smiles: str) -> bool:
        """Whether a molecule is near enough."""
        molecule = Chem.MolFromSmiles(smiles)
        return molecule is not None and self._measure(molecule) >= self.similarity

    def build(self, stream: Iterable[str], rng: np.random.Generator) -> Iterator[str | None]:
        """For each molecule one that is near: itself, or a child of it and the given one, or a mutant.

        Args:
            stream: canonical SMILES that a model wrote.
            rng: source of chance.
        """
        given = Chem.MolFromSmiles(self.smiles)
        usual = _bond_kinds(given)

        def allowed(molecule: Chem.Mol | None) -> bool:
            near = molecule is not None and self._measure(molecule) >= self.similarity
            return near and _bond_kinds(molecule) <= usual

        for smiles in stream:
            other = Chem.MolFromSmiles(smiles)
            usual |= _bond_kinds(other)
            found = other
            with rdBase.BlockLogs():
                if not allowed(found):
                    found = cross(Parent(given), Parent(other), rng)
                if not allowed(found):
                    found = given
                    for _ in range(rng.integers(1, _MAX_MOVES + 1)):
                        moved = mutate(Parent(found), rng)
                        found = moved if allowed(moved) else found
                text = _canonical(found)
            yield text if text is not None and text != self.smiles and self.keeps(text) else None

    @cached_property
    def _measure(self) -> Part:
        return similarity(self.smiles)


Constraint = Frame | Near


def decorate(smiles: str) -> Frame:
    """A scaffold that is substituted at its attachment points and nowhere else: `c1ccc([*:1])cc1`.

    Raises:
        InputError: if it can't be read, isn't one part, or has no attachment point that makes sense.
    """
    return _frame("scaffold", smiles, 1, "c1ccc([*:1])cc1")


def link(smiles: str) -> Frame:
    """Two fragments with a linker between their attachment points: `c1ccc([*:1])cc1.C1CCN([*:2])CC1`.

    Raises:
        InputError: if they can't be read, aren't two parts, or have not one attachment point each.
    """
    return _frame("fragments", smiles, 2, "c1ccc([*:1])cc1.C1CCN([*:2])CC1")


def near(smiles: str, similarity: float = 0.4) -> Near:
    """What is like a molecule, by Tanimoto similarity of counted Morgan fingerprints of radius 2, 0–1.

    Raises:
        InputError: if the molecule can't be read or isn't one part, or the similarity is outside the range.
    """
    molecule = parse(smiles)
    if not 0 <= similarity <= 1:
        raise InputError(f"similarity {similarity}: 0 to 1 is possible")
    if len(Chem.GetMolFrags(molecule)) > 1 or any(not atom.GetAtomicNum() for atom in molecule.GetAtoms()):
        raise InputError(f"near '{smiles}': one molecule without attachment points is needed")
    return Near(_written(molecule), similarity)


def check_writable(constraint: Constraint, vocabulary: Vocabulary) -> None:
    """Raises InputError for what a model can't write: it knows no molecules of that kind."""
    for token in tokenize(constraint.smiles):
        if token not in vocabulary.index and token != "." and not token.startswith("[*"):
            raise InputError(f"'{constraint.smiles}': the language model can't write {token!r}")


def _frame(what: str, smiles: str, parts: int, example: str) -> Frame:
    molecule = parse(smiles)
    points = [atom for atom in molecule.GetAtoms() if not atom.GetAtomicNum()]
    marks = {point.GetAtomMapNum() for point in points}
    found = Chem.GetMolFrags(molecule)
    counts = [sum(point.GetIdx() in part for point in points) for part in found]
    fault = None
    if len(found) != parts:
        fault = f"{'one part is' if parts == 1 else 'two parts are'} needed, not {len(found)}"
    elif 0 in counts or (parts == 2 and counts != [1, 1]):
        fault = "each part needs one attachment point" if parts == 2 else "an attachment point is needed"
    elif 0 in marks or len(marks) < len(points):
        fault = "each attachment point needs a number of its own"
    elif any([bond.GetBondType() for bond in point.GetBonds()] != [_SINGLE] for point in points) or any(
        point.GetNeighbors()[0].GetAtomicNum() < 2 for point in points
    ):
        fault = "an attachment point has one single bond, to a heavy atom"
    if fault:
        raise InputError(f"{what} '{smiles}': {fault}, as in '{example}'")
    return Frame(_written(molecule))


def _written(molecule: Chem.Mol) -> str:
    """Canonical SMILES; numbers of atoms that aren't points mean nothing here, nor do isotopes of points."""
    for atom in molecule.GetAtoms():
        if atom.GetAtomicNum():
            atom.SetAtomMapNum(0)
        else:
            atom.SetIsotope(0)
    return str(Chem.MolToSmiles(molecule))


def _pieces(molecule: Chem.Mol, bonds: Mapping[int, _Bond]) -> tuple[Chem.Mol, ...]:
    """What is left of a molecule when bonds are cut; inside, an open end is a dummy with the bond's mark."""
    cut = [molecule.GetBondBetweenAtoms(*bond) for bond in bonds.values()]
    if len({bond.GetIdx() for bond in cut}) < len(cut):
        return ()
    # The first of the two labels stands where the bond's first atom was.
    pairs = zip(bonds.items(), cut, strict=True)
    labels = [(m, 0) if bond.GetBeginAtomIdx() == outside else (0, m) for (m, (outside, _)), bond in pairs]
    parts = Chem.FragmentOnBonds(molecule, [bond.GetIdx() for bond in cut], dummyLabels=labels)
    return tuple(Chem.GetMolFrags(parts, asMols=True, sanitizeFrags=False))


def _canonical(molecule: Chem.Mol) -> str | None:
    return canonical(Chem.MolToSmiles(molecule, canonical=False))


def _kind(atom: Chem.Atom) -> _Kind:
    """Element, whether it is aromatic, and whether it has a double or triple bond."""
    multiple = any(bond.GetBondTypeAsDouble() >= 2 for bond in atom.GetBonds())
    return atom.GetAtomicNum(), atom.GetIsAromatic(), multiple


def _bond_kinds(molecule: Chem.Mol) -> set[tuple[frozenset[_Kind], Chem.BondType]]:
    """Kinds of the atoms that are bound to each other, with the kind of their bond."""
    return {
        (frozenset((_kind(bond.GetBeginAtom()), _kind(bond.GetEndAtom()))), bond.GetBondType())
        for bond in molecule.GetBonds()
    }
