"""A Gaussian process over molecules that says what an expensive score would be, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator
from scipy.linalg import cho_solve, cholesky, solve_triangular

Bits = NDArray[np.uint8]
Rows = NDArray[np.float32]
Floats = NDArray[np.float64]

# Several bits for an environment, by how often it occurs: once, twice, four times, eight times.
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(
    radius=3, fpSize=4096, countSimulation=True, countBounds=(1, 2, 4, 8)
)

# Variances of the noise of standardised scores that are tried; molecules of one fingerprint can differ.
_NOISES = (1e-4, 1e-3, 1e-2, 1e-1)


def fingerprint(molecule: Chem.Mol) -> Bits:
    """Morgan fingerprint of radius 3, folded to 4096 bits, counts in steps, shape (4096,)."""
    return _MORGAN.GetFingerprintAsNumPy(molecule)


def matrix(fingerprints: Sequence[Bits]) -> Rows:
    """Fingerprints as rows of zeros and ones, whose sums are exact in 32 bits, whatever their order."""
    return np.array(fingerprints, np.float32)


def tanimoto(a: Rows, b: Rows) -> Floats:
    """Tanimoto similarities of two sets of fingerprints, shape (a, b)."""
    shared = a @ b.T
    either = a.sum(1)[:, None] + b.sum(1)[None, :] - shared
    return shared.astype(np.float64) / np.maximum(either, 1.0)


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process with a Tanimoto kernel (Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009)."""

    known: Rows
    factor: Floats
    weights: Floats
    mean: float
    scale: float

    @classmethod
    def fit(cls, known: Sequence[Bits], scores: Sequence[float]) -> Surrogate:
        """The process given scores; its noise is the one of highest marginal likelihood.

        Args:
            known: fingerprints, n of them.
            scores: theirs, shape (n,).
        """
        mean, spread = float(np.mean(scores)), float(np.std(scores)) or 1.0
        standard = (np.asarray(scores) - mean) / spread
        rows = matrix(known)
        kernel = tanimoto(rows, rows)
        best = None
        for noise in _NOISES:
            factor = cholesky(kernel + noise * np.eye(len(kernel)), lower=True)
            weights = cho_solve((factor, True), standard)
            # The amplitude of highest likelihood for this noise; 0 only where all scores are equal.
            amplitude = max(float(standard @ weights) / len(standard), 1e-12)
            likelihood = -0.5 * len(standard) * np.log(amplitude) - np.log(np.diag(factor)).sum()
            if best is None or likelihood > best[0]:
                best = (likelihood, factor, weights, amplitude)
        assert best is not None
        _, factor, weights, amplitude = best
        return cls(rows, factor, weights * spread, mean, spread * amplitude**0.5)

    def predict(self, asked: Sequence[Bits]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the scores of fingerprints, each of shape (asked,)."""
        cross = tanimoto(matrix(asked), self.known)
        mean = self.mean + cross @ self.weights
        explained = solve_triangular(self.factor, cross.T, lower=True)
        variance = np.maximum(1.0 - np.square(explained).sum(0), 1e-9)
        return mean, self.scale * np.sqrt(variance)
