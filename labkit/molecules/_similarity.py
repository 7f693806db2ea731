"""Fingerprints, similarity, scaffolds and diversity.

Fingerprints are Morgan bits (ECFP-like, Rogers & Hahn 2010, 10.1021/ci100050t), not counts: Tanimoto
on bits is what MOSES and the literature quote. Benchmarks that need counts ask for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

from labkit.errors import InputError
from labkit.molecules._parse import parse, parse_all


def fingerprint(
    molecule: Chem.Mol | str, *, radius: int = 2, size: int = 2048, counts: bool = False
) -> DataStructs.ExplicitBitVect | DataStructs.UIntSparseIntVect:
    """Morgan fingerprint of a molecule: folded bits, or folded counts if asked.

    Raises:
        InputError: if a SMILES can't be read.
    """
    mol = parse(molecule) if isinstance(molecule, str) else molecule
    generator = _morgan(radius, size)
    return generator.GetCountFingerprint(mol) if counts else generator.GetFingerprint(mol)


def tanimoto(first: Chem.Mol | str, second: Chem.Mol | str) -> float:
    """Tanimoto similarity of two molecules, 0–1.

    Raises:
        InputError: if a SMILES can't be read.
    """
    return float(DataStructs.TanimotoSimilarity(fingerprint(first), fingerprint(second)))


def nearest(smiles: Sequence[str], references: Sequence[str]) -> list[tuple[int, float]]:
    """For each molecule the index of the most similar reference and their Tanimoto similarity, 0–1.

    Raises:
        InputError: if a SMILES can't be read or there is no reference.
    """
    if not references:
        raise InputError("references = []: at least one reference molecule is needed")
    known = [fingerprint(mol) for mol in parse_all(references)]
    found = []
    for mol in parse_all(smiles):
        similarities = DataStructs.BulkTanimotoSimilarity(fingerprint(mol), known)
        best = int(np.argmax(similarities))
        found.append((best, float(similarities[best])))
    return found


def murcko_scaffold(smiles: str) -> str:
    """Canonical SMILES of the ring systems and linkers; empty if there is no ring.

    Bemis & Murcko 1996, 10.1021/jm9602928.

    Raises:
        InputError: if the SMILES can't be read.
    """
    return str(Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(parse(smiles))))


def internal_diversity(smiles: Sequence[str]) -> float:
    """Mean Tanimoto distance over all ordered pairs, self-pairs included, 0–1.

    IntDiv₁ of MOSES (Polykovskiy et al. 2020, 10.3389/fphar.2020.565644): Morgan radius 2, 1024 bits.

    Raises:
        InputError: if the list is empty or a SMILES can't be read.
    """
    if not smiles:
        raise InputError("smiles = []: the diversity of an empty set isn't defined")
    prints = [fingerprint(mol, size=1024) for mol in parse_all(smiles)]
    # Each unordered pair once, then doubled; a molecule is at similarity 1 to itself.
    pairs = sum(
        float(np.sum(DataStructs.BulkTanimotoSimilarity(prints[i], prints[:i]))) for i in range(len(prints))
    )
    return 1.0 - (2.0 * pairs + len(prints)) / len(prints) ** 2


@cache
def _morgan(radius: int, size: int) -> rdFingerprintGenerator.FingerprintGenerator64:
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=size)
