"""The compiled circuit prepares the state that ffsim computes, and samples are a matter of the seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ffsim
import numpy as np
import pytest

from labkit.quantum._active_space import MatchedSpaces
from labkit.quantum._circuit import (
    UcjCircuit,
    fraction_in_sector,
    open_ucj_circuit,
    sample,
    sample_sector,
    sector_state,
    state_vector,
    ucj_circuit,
)
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._reference import coupled_cluster, open_coupled_cluster


@pytest.fixture(scope="module", params=["monomer_a", "dimer"])
def ucj(request: pytest.FixtureRequest, water_spaces: MatchedSpaces) -> UcjCircuit:
    return ucj_circuit(coupled_cluster(getattr(water_spaces, request.param)))


def test_aer_s_state_vector_is_ffsim_s(ucj: UcjCircuit) -> None:
    by_ffsim = ffsim.apply_unitary(
        ffsim.hartree_fock_state(ucj.norb, ucj.nelec), ucj.operator, norb=ucj.norb, nelec=ucj.nelec
    )
    by_aer = state_vector(ucj)
    assert np.linalg.norm(by_aer) == pytest.approx(1.0, abs=1e-8)  # nothing leaves the sector
    overlap = np.vdot(by_aer, by_ffsim)
    # A circuit fixes its state up to a phase common to all amplitudes.
    np.testing.assert_allclose(by_aer * overlap / abs(overlap), by_ffsim, rtol=0, atol=1e-8)


def test_open_shells_have_circuits_too(full_space: Callable[..., ActiveHamiltonian]) -> None:
    hamiltonian = replace(full_space("H 0 0 0; H 0 0 1; H 0 0 2.1; H 0 0.3 3"), nelec=(3, 1))
    ucj = open_ucj_circuit(open_coupled_cluster(hamiltonian))
    by_ffsim = sector_state(ucj.operator, ucj.norb, ucj.nelec).ravel()
    by_aer = state_vector(ucj)
    overlap = np.vdot(by_aer, by_ffsim)
    np.testing.assert_allclose(by_aer * overlap / abs(overlap), by_ffsim, rtol=0, atol=1e-8)


def test_the_circuit_that_runs_is_described(ucj: UcjCircuit) -> None:
    described = ucj.describe()
    assert described["qubits"] == 2 * ucj.norb
    operations = ucj.circuit.count_ops()
    assert set(operations) <= {"cx", "u", "cp", "p"}
    assert described["two_qubit_gates"] == operations["cx"] + operations["cp"]


def test_samples_repeat_with_the_seed_and_keep_the_electrons(water_spaces: MatchedSpaces) -> None:
    ucj = ucj_circuit(coupled_cluster(water_spaces.monomer_a))
    counts = sample(ucj, 20_000, seed=3)
    assert counts == sample(ucj, 20_000, seed=3)
    assert counts != sample(ucj, 20_000, seed=4)
    assert sum(counts.values()) == 20_000
    assert fraction_in_sector(counts, ucj.norb, ucj.nelec) == 1.0
    hartree_fock = ("0" * (ucj.norb - ucj.nelec[0]) + "1" * ucj.nelec[0]) * 2
    assert max(counts, key=counts.__getitem__) == hartree_fock


def test_samples_follow_the_state(water_spaces: MatchedSpaces) -> None:
    ucj = ucj_circuit(coupled_cluster(water_spaces.monomer_a))
    shots = 50_000
    counts = sample(ucj, shots, seed=0)
    # The Hartree-Fock determinant comes first in ffsim's order; five standard deviations of a binomial.
    weight = abs(state_vector(ucj)[0]) ** 2
    hartree_fock = ("0" * (ucj.norb - ucj.nelec[0]) + "1" * ucj.nelec[0]) * 2
    assert counts[hartree_fock] / shots == pytest.approx(
        weight, abs=5 * (weight * (1 - weight) / shots) ** 0.5
    )


def test_ffsim_draws_from_the_distribution_that_aer_samples(water_spaces: MatchedSpaces) -> None:
    ucj = ucj_circuit(coupled_cluster(water_spaces.monomer_a))
    shots = 50_000
    drawn = sample_sector(sector_state(ucj.operator, ucj.norb, ucj.nelec), ucj.norb, ucj.nelec, shots, seed=1)
    measured = sample(ucj, shots, seed=1)
    assert sum(drawn.values()) == shots
    for bits in drawn.keys() | measured.keys():
        one, other = drawn.get(bits, 0), measured.get(bits, 0)
        # Five standard deviations of the difference of two counts; rare strings may miss on one side.
        assert abs(one - other) < 5 * (one + other) ** 0.5 + 5


def test_the_fraction_in_the_sector_counts_both_spins() -> None:
    counts = {"0101": 2, "1001": 1, "0111": 3, "0000": 2}
    assert fraction_in_sector(counts, 2, (1, 1)) == 3 / 8
