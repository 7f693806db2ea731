"""Rotations of orbitals as exponentials U = exp(K) of antihermitian matrices, and how they vary with K."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.complex128]


def antihermitian(elements: NDArray[np.float64]) -> Matrix:
    """Return the antihermitian matrix with these free elements, all of shape (norb, norb).

    Below the diagonal they are the real parts, on it and above it the imaginary ones.
    """
    below, above = np.tril(elements, -1), np.triu(elements)
    return below - below.T + 1j * (above + np.triu(elements, 1).T)


def free_elements(generator: Matrix) -> NDArray[np.float64]:
    """Return the free elements that `antihermitian` takes."""
    return np.tril(generator.real, -1) + np.triu(generator.imag)


def free_slopes(slopes: Matrix) -> NDArray[np.float64]:
    """Return derivatives by the free elements of K where a quantity changes by 2 Re tr(dK slopes)."""
    real, imaginary = slopes.real, slopes.imag
    symmetric = np.triu(imaginary + imaginary.T) - np.diag(imaginary.diagonal())
    return 2 * (np.tril(real.T - real, -1) - symmetric)


@dataclass(frozen=True)
class Exponential:
    """exp(K) with the eigenvalues iω and eigenvectors of K.

    Attributes:
        value: the unitary matrix exp(K).
        angles: ω, shape (norb,).
        vectors: eigenvectors, one a column.
    """

    value: Matrix
    angles: NDArray[np.float64]
    vectors: Matrix

    @classmethod
    def of(cls, generator: Matrix) -> Exponential:
        """Return the exponential of an antihermitian matrix."""
        angles, vectors = np.linalg.eigh(-1j * generator)
        return cls((vectors * np.exp(1j * angles)) @ vectors.conj().T, angles, vectors)

    def pull_back(self, response: Matrix) -> Matrix:
        """Return S with tr(X response) = tr(dK S), where exp(K + dK) = (1 + X) exp(K).

        In the eigenvectors X is dK times divided differences of the exponential (Daleckii, Krein 1965).
        """
        gaps = 1j * (self.angles[:, None] - self.angles)
        close = np.abs(gaps) < 1e-8
        differences = np.where(close, 1 + gaps / 2, np.expm1(gaps) / np.where(close, 1, gaps))
        inner = self.vectors.conj().T @ response @ self.vectors
        return self.vectors @ (differences.T * inner) @ self.vectors.conj().T
