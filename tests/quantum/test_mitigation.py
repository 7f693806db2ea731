"""Mitigation undoes what it claims to: exactly on whole distributions, for the better on samples."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from labkit.errors import EvaluationError, InputError
from labkit.quantum import Noise
from labkit.quantum._distributions import total_variation
from labkit.quantum._mitigation import _nearest_distribution, as_counts, invert_readout, post_select

NOISE = Noise(read_1_for_0=0.03, read_0_for_1=0.08)
TRUE = {"0011": 0.6, "0101": 0.25, "1100": 0.15}


def read(distribution: dict[str, float], noise: Noise) -> dict[str, float]:
    """Return a distribution as read, by the full matrix of all qubits."""
    qubits = len(next(iter(distribution)))
    exact = np.zeros(2**qubits)
    for bits, weight in distribution.items():
        exact[int(bits, 2)] = weight
    flips = np.array(
        [[1 - noise.read_1_for_0, noise.read_0_for_1], [noise.read_1_for_0, 1 - noise.read_0_for_1]]
    )
    seen = reduce(np.kron, [flips] * qubits) @ exact
    return {format(index, f"0{qubits}b"): float(weight) for index, weight in enumerate(seen)}


def test_reading_is_undone_exactly_on_whole_distributions() -> None:
    seen = read(TRUE, NOISE)
    assert total_variation(seen, TRUE) > 0.1
    undone = invert_readout({bits: 500 * weight for bits, weight in seen.items()}, NOISE)
    assert sum(undone.values()) == pytest.approx(500)
    assert total_variation(undone, TRUE) == pytest.approx(0, abs=1e-12)


def test_reading_is_undone_for_the_better_on_samples() -> None:
    random = np.random.default_rng(0)
    seen = read(TRUE, NOISE)
    counts = dict(zip(seen, random.multinomial(5_000, list(seen.values())).tolist(), strict=True))
    undone = invert_readout({bits: count for bits, count in counts.items() if count}, NOISE)
    assert min(undone.values()) > 0
    assert total_variation(undone, TRUE) < total_variation(counts, TRUE) / 5


def test_without_errors_of_reading_nothing_changes() -> None:
    counts = {"01": 30, "10": 12}
    assert invert_readout(counts, Noise(two_qubit=0.1)) == pytest.approx(counts)


@given(st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=6))
def test_the_nearest_distribution_is_the_nearest(values: list[float]) -> None:
    weights = np.array(values) + (1 - sum(values)) / len(values)
    nearest = _nearest_distribution(weights)
    assert nearest.sum() == pytest.approx(1) and nearest.min() >= 0
    found = minimize(
        lambda x: ((x - weights) ** 2).sum(),
        np.full(len(weights), 1 / len(weights)),
        bounds=[(0, 1)] * len(weights),
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1},
        method="SLSQP",
    )
    assert ((nearest - weights) ** 2).sum() <= found.fun + 1e-6


def test_strings_with_the_right_electrons_of_both_spins_are_kept() -> None:
    counts = {"0101": 2, "1001": 1, "0111": 3, "0011": 4, "1100": 5}
    assert post_select(counts, 2, (1, 1)) == {"0101": 2, "1001": 1}
    assert post_select(counts, 2, (2, 0)) == {"0011": 4}  # spin up is the right half
    assert post_select(counts, 2, (0, 2)) == {"1100": 5}


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="none of 1 distinct bit strings has 1 electrons of spin up"):
        post_select({"0000": 9}, 2, (1, 1))


def test_weights_become_counts_again() -> None:
    assert as_counts({"00": 0.5, "01": 0.4999, "10": 0.0001}, 1000) == {"00": 500, "01": 500}


def test_what_can_t_be_undone_is_refused() -> None:
    with pytest.raises(InputError, match=r"contrast of 0\.00"):
        invert_readout({"0": 1}, Noise(read_1_for_0=0.5, read_0_for_1=0.5))
    with pytest.raises(InputError, match="the distribution is empty"):
        invert_readout({}, NOISE)
    with pytest.raises(InputError, match="26 qubits; undoing the read-out takes at most 24"):
        invert_readout({"0" * 26: 1}, NOISE)
