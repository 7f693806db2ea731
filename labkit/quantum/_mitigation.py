"""What can be done about noisy shots afterwards: undo the errors of reading out, keep the right electrons.

Both work on any distribution over bit strings '[b_N … b_0 a_N … a_0]', counts or weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from labkit.errors import EvaluationError, InputError
from labkit.quantum._noise import Noise

# The inverse acts on all 2^n strings, 8 bytes each and a few copies: 1 GiB at this size.
_MAX_QUBITS = 24

# Below this the read-out tells the two states of a qubit hardly apart, and its inverse blows up noise.
_LEAST_CONTRAST = 0.05


def post_select(distribution: Mapping[str, float], norb: int, nelec: tuple[int, int]) -> dict[str, float]:
    """Return the bit strings with the right number of electrons of each spin, weights as they were.

    Args:
        distribution: counts or weights of bit strings of 2·norb bits.
        norb: number of orbitals.
        nelec: electrons of spin up (the right half of a string) and of spin down.

    Raises:
        EvaluationError: if nothing is left.
    """
    kept = {
        bits: weight
        for bits, weight in distribution.items()
        if (bits[norb:].count("1"), bits[:norb].count("1")) == nelec
    }
    if sum(kept.values()) <= 0:
        raise EvaluationError(
            f"none of {len(distribution)} distinct bit strings has {nelec[0]} electrons of spin up and "
            f"{nelec[1]} of spin down: nothing is left to select"
        )
    return kept


def invert_readout(distribution: Mapping[str, float], noise: Noise) -> dict[str, float]:
    """Return the distribution before it was read with errors, its sum as it was.

    Errors of reading are independent from qubit to qubit, so the inverse is that of a 2x2 matrix, once for
    each: Bravyi et al. 2021, doi:10.1103/PhysRevA.103.042605. It is unbiased, but a finite sample gives
    negative weights too; the nearest distribution without them is returned: Smolin, Gambetta, Smith 2012,
    doi:10.1103/PhysRevLett.108.070502.

    Args:
        distribution: counts or weights of bit strings.
        noise: of which the probabilities of misreading are used.

    Raises:
        InputError: if there are no bit strings, too many qubits, or misreading is so frequent that nothing
            can be undone.
    """
    if not distribution:
        raise InputError("the distribution is empty; at least one bit string with its weight is wanted")
    qubits = len(next(iter(distribution)))
    contrast = 1 - noise.read_1_for_0 - noise.read_0_for_1
    if contrast < _LEAST_CONTRAST:
        raise InputError(
            f"read_1_for_0={noise.read_1_for_0} and read_0_for_1={noise.read_0_for_1} leave a contrast of "
            f"{contrast:.2f} between 0 and 1; at least {_LEAST_CONTRAST} is wanted to undo it"
        )
    if qubits > _MAX_QUBITS:
        raise InputError(f"{qubits} qubits; undoing the read-out takes at most {_MAX_QUBITS}")
    weights = np.zeros(2**qubits)
    weights[[int(bits, 2) for bits in distribution]] = list(distribution.values())
    inverse = np.linalg.inv(noise.readout)
    tensor = weights.reshape((2,) * qubits)
    for axis in range(qubits):
        tensor = np.moveaxis(np.tensordot(inverse, tensor, axes=(1, axis)), 0, axis)
    total = weights.sum()
    nearest = _nearest_distribution(tensor.ravel() / total) * total
    return {format(index, f"0{qubits}b"): float(nearest[index]) for index in np.flatnonzero(nearest)}


def as_counts(distribution: Mapping[str, float], shots: int) -> dict[str, int]:
    """Return whole numbers of shots in proportion to the weights, rounded; strings with none are dropped."""
    total = sum(distribution.values())
    counts = {bits: round(weight / total * shots) for bits, weight in distribution.items()}
    return {bits: count for bits, count in counts.items() if count}


def _nearest_distribution(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities nearest, by least squares, to weights that sum to 1.

    They are the weights less a common amount, where more than that; the amount follows from the largest.
    """
    descending = np.sort(weights)[::-1]
    excess = (np.cumsum(descending) - 1) / np.arange(1, len(weights) + 1)
    amount = excess[np.flatnonzero(descending > excess)[-1]]
    return np.maximum(weights - amount, 0)
