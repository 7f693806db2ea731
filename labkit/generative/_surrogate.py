"""A Gaussian process over molecules that says what an expensive score would be, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors
from scipy.linalg import cho_solve, cholesky, solve_triangular

Bits = NDArray[np.uint8]
Rows = NDArray[np.float32]
Floats = NDArray[np.float64]
Columns = slice | NDArray[np.intp]

# Several bits for an environment, by how often it occurs: once, twice, four times, eight times.
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(
    radius=2, fpSize=4096, countSimulation=True, countBounds=(1, 2, 4, 8)
)

_ENVIRONMENTS = rdFingerprintGenerator.GetMorganGenerator(radius=1)

# Among these the likelihood of some known scores decides: how fingerprints are compared, their share in the
# kernel, the length over which descriptors count as alike (in standard deviations, over all of them), and the
# variance of the noise of standardised scores: molecules of equal features can differ.
_FORMS = ("cosine", "tanimoto")
_SHARES = (1.0, 0.8, 0.5, 0.2)
_LENGTHS = (2.0, 4.0, 8.0)
_NOISES = (1e-4, 1e-3, 1e-2, 1e-1)
_DECIDING = 500
_FARTHEST = 5.0  # standard deviations; what none of the known molecules has would count without bound


@dataclass(frozen=True)
class Features:
    """What the surrogate sees of a molecule.

    Attributes:
        bits: Morgan fingerprint of radius 2, folded to 4096 bits, counts in steps, shape (4096,).
        descriptors: the 42 molecular quantum numbers (Nguyen et al. 2009, doi:10.1002/cmdc.200900317), number
            of atoms with hydrogens, Crippen's log P, topological polar surface area in Å²; shape (45,).
    """

    bits: Bits
    descriptors: Floats

    @classmethod
    def of(cls, molecule: Chem.Mol) -> Features:
        """Features of a molecule."""
        log_p, _ = rdMolDescriptors.CalcCrippenDescriptors(molecule)
        descriptors = [
            *rdMolDescriptors.MQNs_(molecule),
            molecule.GetNumAtoms(onlyExplicit=False),
            log_p,
            rdMolDescriptors.CalcTPSA(molecule),
        ]
        return cls(_MORGAN.GetFingerprintAsNumPy(molecule), np.array(descriptors, float))


def environments(molecule: Chem.Mol) -> frozenset[int]:
    """Kinds of its atoms, each with its neighbours: bits of the unfolded Morgan fingerprint of radius 1."""
    return frozenset(_ENVIRONMENTS.GetSparseFingerprint(molecule).GetOnBits())


def matrix(fingerprints: Sequence[Bits]) -> Rows:
    """Fingerprints as rows of zeros and ones, whose sums are exact in 32 bits, whatever their order."""
    return np.array(fingerprints, np.float32)


def resemblance(form: str, a: Rows, b: Rows, columns: Columns = slice(None)) -> Floats:
    """Similarities of two sets of fingerprints, shape (a, b).

    Args:
        form: "tanimoto", or "cosine": linear in the bits of molecules of one size, so that each adds its part
            and what combines the good parts of two is expected to be better than both.
        a: fingerprints.
        b: fingerprints of which only these columns are kept, the others being 0.
        columns: see there.
    """
    shared = (a[:, columns] @ b.T).astype(np.float64)
    sizes = a.sum(1, dtype=np.float64)[:, None], b.sum(1, dtype=np.float64)[None, :]
    whole = sizes[0] + sizes[1] - shared if form == "tanimoto" else np.sqrt(sizes[0] * sizes[1])
    return shared / np.maximum(whole, 1.0)


def matern(distances: Floats) -> Floats:
    """Matérn kernel of smoothness 3/2 of distances in units of its length."""
    root = np.sqrt(3.0) * distances
    return (1.0 + root) * np.exp(-root)


def _distances(a: Floats, b: Floats) -> Floats:
    squares = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None, :] - 2.0 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


@dataclass(frozen=True)
class _Fit:
    """A process for one kernel and noise: Cholesky factor, weights, amplitude of variance, ln likelihood."""

    factor: Floats
    weights: Floats
    amplitude: float
    likelihood: float

    @classmethod
    def of(cls, kernel: Floats, noise: float, standard: Floats) -> _Fit:
        factor = cholesky(kernel + noise * np.eye(len(kernel)), lower=True, check_finite=False)
        weights = cho_solve((factor, True), standard, check_finite=False)
        # The amplitude of highest likelihood for this noise; 0 only where all scores are equal.
        amplitude = max(float(standard @ weights) / len(standard), 1e-12)
        likelihood = -0.5 * len(standard) * np.log(amplitude) - np.log(np.diag(factor)).sum()
        return cls(factor, weights, amplitude, float(likelihood))


@dataclass(frozen=True)
class Surrogate:
    """A Gaussian process whose kernel is a sum of one over fingerprints and one over descriptors.

    The former, Tanimoto's or the cosine's (Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009), tells
    what a molecule resembles; the latter, of Matérn's form, tells composition, size and polarity.
    """

    form: str
    rows: Rows
    columns: Columns
    descriptors: Floats
    centre: Floats
    spread: Floats
    share: float
    length: float
    process: _Fit
    mean: float
    deviation: float

    @classmethod
    def fit(cls, known: Sequence[Features], scores: Sequence[float]) -> Surrogate:
        """The process given scores; kernel and noise are those of highest marginal likelihood.

        Args:
            known: n molecules; the likelihood is that of so many evenly drawn from them as can be afforded.
            scores: theirs, shape (n,).
        """
        mean, deviation = float(np.mean(scores)), float(np.std(scores)) or 1.0
        standard = (np.asarray(scores) - mean) / deviation
        rows = matrix([one.bits for one in known])
        columns = np.flatnonzero(rows.any(0))
        rows = rows[:, columns]
        raw = np.array([one.descriptors for one in known])
        centre, spread = raw.mean(0), raw.std(0)
        spread[spread == 0] = 1.0
        descriptors = np.clip((raw - centre) / spread, -_FARTHEST, _FARTHEST)
        alike = {form: resemblance(form, rows, rows) for form in _FORMS}
        distances = _distances(descriptors, descriptors)
        some = np.unique(np.linspace(0, len(known) - 1, min(len(known), _DECIDING)).astype(int))
        part = np.ix_(some, some)
        best = None
        near = {length: matern(distances[part] / length) for length in _LENGTHS}
        for form, share, length in product(_FORMS, _SHARES, _LENGTHS):
            if share == 1.0 and length != _LENGTHS[0]:
                continue  # the same kernel again
            kernel = share * alike[form][part] + (1.0 - share) * near[length]
            for noise in _NOISES:
                likelihood = _Fit.of(kernel, noise, standard[some]).likelihood
                if best is None or likelihood > best[0]:
                    best = (likelihood, form, share, length, noise)
        assert best is not None
        _, form, share, length, noise = best
        whole = _Fit.of(share * alike[form] + (1.0 - share) * matern(distances / length), noise, standard)
        return cls(form, rows, columns, descriptors, centre, spread, share, length, whole, mean, deviation)

    def predict(self, asked: Sequence[Features]) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the scores of molecules, each of shape (asked,)."""
        mean, explained, _, _ = self._given(asked)
        variance = np.maximum(1.0 - np.square(explained).sum(0), 1e-9)
        return mean, self.deviation * np.sqrt(self.process.amplitude * variance)

    def posterior(self, asked: Sequence[Features]) -> tuple[Floats, Floats]:
        """Mean and covariance of the scores of molecules, of shape (asked,) and (asked, asked)."""
        mean, explained, rows, descriptors = self._given(asked)
        alike = resemblance(self.form, rows, rows)
        near = matern(_distances(descriptors, descriptors) / self.length)
        covariance = self.share * alike + (1.0 - self.share) * near - explained.T @ explained
        return mean, self.deviation**2 * self.process.amplitude * covariance

    def _given(self, asked: Sequence[Features]) -> tuple[Floats, Floats, Rows, Floats]:
        """Mean, what the known scores explain of the kernel's root, fingerprints and scaled descriptors."""
        raw = np.array([one.descriptors for one in asked])
        descriptors = np.clip((raw - self.centre) / self.spread, -_FARTHEST, _FARTHEST)
        rows = matrix([one.bits for one in asked])
        alike = resemblance(self.form, rows, self.rows, self.columns)
        near = matern(_distances(descriptors, self.descriptors) / self.length)
        cross = self.share * alike + (1.0 - self.share) * near
        mean = self.mean + cross @ self.process.weights * self.deviation
        explained = solve_triangular(self.process.factor, cross.T, lower=True, check_finite=False)
        return mean, explained, rows, descriptors
