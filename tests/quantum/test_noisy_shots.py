"""Shots that can be looked at: the right probabilities, and noise that leaks electrons."""

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.quantum import (
    Noise,
    Shots,
    active_hamiltonian,
    noisy_shots,
    post_select,
    share_by_electrons,
    total_variation,
)

SHOTS = 3_000


@pytest.fixture(scope="module")
def measured() -> Shots:
    hydrogens = active_hamiltonian("; ".join(f"H 0 0 {i}" for i in range(4)), electrons=4, orbitals=4)
    noises = [Noise(), Noise(1e-3, 1e-2, 0.02, 0.04)]
    return noisy_shots(hydrogens, noises, shots=SHOTS, repetitions=1, trajectories=200)


def test_without_noise_shots_follow_the_state_vector(measured: Shots) -> None:
    assert measured.circuit["qubits"] == 8
    assert sum(measured.ideal.values()) == pytest.approx(1)
    for counts in (measured.noiseless, measured.noisy[0]):
        assert sum(counts.values()) == SHOTS
        assert share_by_electrons(counts, 4)[2, 2] == 1
        assert total_variation(measured.ideal, counts) < 0.03


def test_noise_moves_shots_out_of_the_sector_and_selecting_brings_them_nearer(measured: Shots) -> None:
    noisy = measured.noisy[1]
    shares = share_by_electrons(noisy, 4)
    assert shares.sum() == pytest.approx(1) and 0.3 < shares[2, 2] < 0.9
    kept = post_select(noisy, 4, (2, 2))
    assert total_variation(measured.ideal, kept) < total_variation(measured.ideal, noisy)


def test_electrons_are_counted_by_spin() -> None:
    shares = share_by_electrons({"0001": 3, "1100": 1}, 2)  # up is on the right
    assert np.array_equal(shares, [[0, 0, 0.25], [0.75, 0, 0], [0, 0, 0]])


def test_no_shots_are_refused() -> None:
    hydrogen = active_hamiltonian("H 0 0 0; H 0 0 0.74", electrons=2, orbitals=2)
    with pytest.raises(InputError, match="shots=0; at least 1"):
        noisy_shots(hydrogen, [Noise()], shots=0)
