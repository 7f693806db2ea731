"""Distributions over bit strings '[b_N … b_0 a_N … a_0]', compared and sorted by electrons."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def total_variation(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the total variation distance of two distributions, 0 to 1; each is scaled to sum 1."""
    sum_one, sum_other = sum(one.values()), sum(other.values())
    differences = (
        one.get(bits, 0) / sum_one - other.get(bits, 0) / sum_other for bits in one.keys() | other.keys()
    )
    return math.fsum(map(abs, differences)) / 2  # exact: a set's order changes from process to process


def share_by_electrons(distribution: Mapping[str, float], norb: int) -> NDArray[np.float64]:
    """Return the share with each number of electrons, shape (norb + 1, norb + 1): spin up, spin down."""
    shares = np.zeros((norb + 1, norb + 1))
    for bits, weight in distribution.items():
        shares[bits[norb:].count("1"), bits[:norb].count("1")] += weight
    return shares / shares.sum()
