"""How alike two sets of molecules are: the distribution metrics of MOSES.

Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644, as its package molsets 0.3.1 has them. But PAINS are
RDKit's corrected patterns, and FCD, which needs PyTorch, is left to benchmarks/distribution.py.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod, sqrt

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams
from rdkit.Chem.Scaffolds import MurckoScaffold
from tqdm import tqdm

from labkit.errors import InputError
from labkit.generative._prior import valid_smiles
from labkit.molecules import fingerprint, parse
from labkit.store import data_path

_BITS = 1024
_BLOCK = 2000  # molecules a side: 16 MB of similarities at a time
_ALLOWED = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})


@dataclass(frozen=True)
class Distribution:
    """Distribution metrics of a set of strings against a reference set; fractions and similarities are 0–1.

    Similarities are Tanimoto's on Morgan bits of radius 2, folded to 1024. All but ``valid`` rest on the
    valid strings, repeats included.

    Attributes:
        strings: how many were judged.
        molecules: how many of them are valid.
        references: molecules of the reference set.
        valid: fraction of the strings that are molecules.
        unique_1k: fraction of different ones among the first 1,000 molecules, or all where there are fewer.
        unique_10k: the same among the first 10,000.
        novelty: fraction of the different molecules that weren't trained on; None if that isn't known.
        int_div: 1 − mean similarity over all ordered pairs, self-pairs included.
        int_div2: 1 − root of the mean squared similarity to all, the root taken for each molecule.
        snn: mean similarity to the nearest reference molecule.
        frag: cosine similarity of the counts of BRICS fragments (Degen 2008, 10.1002/cmdc.200800178).
        scaf: cosine similarity of the counts of Murcko scaffolds with two rings or more; None where one set
            has no such scaffold. Grows with the number of molecules.
        filters: fraction without a charged atom, a ring of eight or more, an element other than C, N, S, O,
            F, Cl, Br and H, a match of PAINS or of MOSES' medicinal-chemistry filters (MCF).
    """

    strings: int
    molecules: int
    references: int
    valid: float
    unique_1k: float
    unique_10k: float
    novelty: float | None
    int_div: float
    int_div2: float
    snn: float
    frag: float
    scaf: float | None
    filters: float


def distribution(
    smiles: Sequence[str], reference: Sequence[str], *, training: Sequence[str] | None = None
) -> Distribution:
    """Distribution metrics of MOSES of any strings, such as a language model's, against a reference set.

    One core takes about 5 ms a string, 0.8 ms a reference molecule, 15 ns a pair of both.

    Args:
        smiles: strings to judge, valid or not; MOSES draws 30,000.
        reference: SMILES of molecules, best not trained on.
        training: SMILES that the strings' writer was trained on, for the novelty.

    Raises:
        InputError: if a list is empty or a text, no string is a molecule, or one of the reference or the
            training set is none; names it.
    """
    for name, given in (("smiles", smiles), ("reference", reference), ("training", training)):
        if isinstance(given, str):
            raise InputError(f"{name} = '{given}': a list of SMILES is needed, not one text")
        if given is not None and len(given) == 0:
            raise InputError(f"{name} = []: at least one SMILES is needed")
    valid = [text for text in map(valid_smiles, smiles) if text is not None]
    if not valid:
        raise InputError(f"none of the {len(smiles)} strings is a molecule; the metrics need one at least")
    known = None if training is None else {Chem.MolToSmiles(mol) for mol in _read(training, "training")}
    expected, found = _profile(reference, "reference"), _profile(valid, "molecules")
    int_div, int_div2 = _internal_diversities(found.fingerprints)
    return Distribution(
        strings=len(smiles),
        molecules=len(valid),
        references=len(reference),
        valid=len(valid) / len(smiles),
        unique_1k=len(set(valid[:1000])) / len(valid[:1000]),
        unique_10k=len(set(valid[:10_000])) / len(valid[:10_000]),
        novelty=None if known is None else len(set(valid) - known) / len(set(valid)),
        int_div=int_div,
        int_div2=int_div2,
        snn=_mean_nearest(found.fingerprints, expected.fingerprints),
        frag=cosine(found.fragments, expected.fragments) or 0.0,  # every molecule has a fragment
        scaf=cosine(found.scaffolds, expected.scaffolds),
        filters=sum(map(_passes_filters, _read(valid, "filters"))) / len(valid),
    )


@dataclass(frozen=True)
class _Profile:
    fragments: Counter[str]
    scaffolds: Counter[str]
    fingerprints: np.ndarray  # uint8 (molecules, bytes), eight bits each


def _read(smiles: Sequence[str], name: str) -> Iterator[Chem.Mol]:
    """The molecules one by one, since a hundred thousand of them take gigabytes."""
    for i, text in enumerate(tqdm(smiles, desc=name, disable=None), start=1):
        try:
            yield parse(text, index=i, total=len(smiles))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None


def _profile(smiles: Sequence[str], name: str) -> _Profile:
    fragments: Counter[str] = Counter()
    scaffolds: Counter[str] = Counter()
    fingerprints = np.empty((len(smiles), _BITS // 8), np.uint8)
    for row, mol in zip(fingerprints, _read(smiles, name), strict=True):
        row[:] = np.frombuffer(DataStructs.BitVectToBinaryText(fingerprint(mol, size=_BITS)), np.uint8)
        fragments.update(Chem.MolToSmiles(Chem.FragmentOnBRICSBonds(mol)).split("."))
        scaffolds.update(scaffold_of_rings(mol))
    return _Profile(fragments, scaffolds, fingerprints)


def scaffold_of_rings(mol: Chem.Mol) -> list[str]:
    """Canonical SMILES of the Murcko scaffold, if that has two rings or more."""
    scaffold = MurckoScaffold.GetScaffoldForMol(mol)
    return [Chem.MolToSmiles(scaffold)] if scaffold.GetRingInfo().NumRings() >= 2 else []


def cosine(first: Counter[str], second: Counter[str]) -> float | None:
    """Cosine similarity of two sets of counts; None where one is empty."""
    if not first or not second:
        return None
    product = sum(count * second[key] for key, count in first.items())
    return product / sqrt(prod(sum(n**2 for n in counts.values()) for counts in (first, second)))


def _similarities(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Tanimoto similarities block by block: rows of the first set, (rows, some of the second)."""
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        a = np.unpackbits(first[rows], axis=1).astype(np.float32)
        for begin in range(0, len(second), _BLOCK):
            b = np.unpackbits(second[begin : begin + _BLOCK], axis=1).astype(np.float32)
            common = a @ b.T
            yield rows, common / (a.sum(1)[:, None] + b.sum(1) - common)


def _mean_nearest(fingerprints: np.ndarray, references: np.ndarray) -> float:
    nearest = np.zeros(len(fingerprints))
    for rows, similarity in _similarities(fingerprints, references):
        nearest[rows] = np.maximum(nearest[rows], similarity.max(1))
    return float(nearest.mean())


def _internal_diversities(fingerprints: np.ndarray) -> tuple[float, float]:
    means, squares = np.zeros((2, len(fingerprints)))
    for rows, similarity in _similarities(fingerprints, fingerprints):
        means[rows] += similarity.sum(1, dtype=float) / len(fingerprints)
        squares[rows] += (similarity**2).sum(1, dtype=float) / len(fingerprints)
    return float(1 - means.mean()), float(1 - np.sqrt(squares).mean())


def _passes_filters(mol: Chem.Mol) -> bool:
    if any(len(ring) >= 8 for ring in mol.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() != 0 or atom.GetSymbol() not in _ALLOWED for atom in mol.GetAtoms()):
        return False
    with_hydrogens = Chem.AddHs(mol)  # some patterns of MCF name them
    return not (any(map(with_hydrogens.HasSubstructMatch, _mcf())) or _pains().HasMatch(mol))


@cache
def _mcf() -> tuple[Chem.Mol, ...]:
    with data_path("molecules", "mcf.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Chem.MolFromSmarts(row["smarts"]) for row in csv.DictReader(file))


@cache
def _pains() -> FilterCatalog:
    return FilterCatalog(FilterCatalogParams(FilterCatalogParams.FilterCatalogs.PAINS))
