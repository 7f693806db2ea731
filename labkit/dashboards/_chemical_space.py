"""A plane in which molecules that look alike lie close, fixed once and for all by a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs

from labkit.molecules import fingerprint

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """The first two principal axes of a sample's Morgan bits (radius 2, 2048 bits).

    Attributes:
        mean: of the sample's bits, shape (2048,).
        axes: shape (2, 2048), each pointing to where its largest weight is positive.
        shares: of the sample's spread that lies along each axis, 0–1.
        fitted: molecules of the sample.
    """

    mean: Numbers
    axes: Numbers
    shares: tuple[float, float]
    fitted: int

    def place(self, smiles: str) -> Numbers:
        """Coordinates of a molecule, shape (2,); they depend on nothing but the sample.

        Raises:
            InputError: if the SMILES can't be read.
        """
        return np.asarray(self.axes @ (_bits(smiles) - self.mean))


def fit_plane(sample: Sequence[str]) -> Plane | None:
    """The plane in which the sample spreads most; None if it has fewer than three unlike molecules.

    Raises:
        InputError: if a SMILES can't be read.
    """
    if len(sample) < 3:
        return None
    bits = np.array([_bits(smiles) for smiles in sample])
    mean = bits.mean(axis=0)
    _, sizes, axes = np.linalg.svd(bits - mean, full_matrices=False)
    if sizes[1] < 1e-9 * len(sample):
        return None
    axes, shares = axes[:2], sizes**2 / np.sum(sizes**2)
    signs = np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])
    return Plane(mean, axes * signs[:, None], (float(shares[0]), float(shares[1])), len(sample))


def _bits(smiles: str) -> Numbers:
    bits = np.zeros(0)
    DataStructs.ConvertToNumpyArray(fingerprint(smiles), bits)
    return bits
