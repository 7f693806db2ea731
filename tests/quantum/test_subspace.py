"""SQD is variational, exact in the full space, and better with the circuit's samples than without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb, prod

import numpy as np
import pytest

from labkit.quantum._active_space import MatchedSpaces
from labkit.quantum._circuit import sample, ucj_circuit
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._reference import coupled_cluster, exact_energy
from labkit.quantum._subspace import (
    capped_strings,
    diagonalize,
    random_counts,
    without_samples,
)


@pytest.fixture(scope="module")
def counts(water_spaces: MatchedSpaces) -> dict[str, int]:
    return sample(ucj_circuit(coupled_cluster(water_spaces.dimer)), 100_000, seed=0)


def test_sampled_energies_lie_above_the_exact_one_by_less_than_a_millihartree(
    water_spaces: MatchedSpaces, counts: dict[str, int]
) -> None:
    exact = exact_energy(water_spaces.dimer)
    sampled = diagonalize(water_spaces.dimer, counts, seed=0)
    assert -1e-9 < sampled.energy - exact < 1e-3
    assert sampled.dimension < prod(water_spaces.dimer.strings)
    assert sampled.spin_square == pytest.approx(0.0, abs=1e-2)


def test_at_a_tenth_of_the_space_samples_beat_noise_and_excitations(
    water_spaces: MatchedSpaces, counts: dict[str, int]
) -> None:
    dimer = water_spaces.dimer
    cap = capped_strings(dimer, 0.1)
    assert cap**2 <= 0.1 * comb(8, 4) ** 2 < (cap + 1) ** 2
    with_samples = diagonalize(dimer, counts, seed=0, max_strings=cap)
    with_noise = diagonalize(dimer, random_counts(8, 2000, seed=0), seed=0, max_strings=cap)
    with_excitations = without_samples(dimer, cap)
    assert with_samples.strings <= with_noise.strings == with_excitations.strings == cap
    assert with_samples.energy < with_excitations.energy < exact_energy(dimer) + 0.1
    assert with_samples.energy < with_noise.energy


def test_all_strings_give_the_exact_energy_whatever_is_sampled(water_spaces: MatchedSpaces) -> None:
    # Why the controls are capped: with room for everything, noise does as well as a quantum computer.
    monomer = water_spaces.monomer_a
    exact = exact_energy(monomer)
    assert without_samples(monomer, monomer.strings[0]).energy == pytest.approx(exact, abs=1e-8)
    noise = diagonalize(monomer, random_counts(monomer.norb, 2000, seed=0), seed=0)
    assert noise.energy == pytest.approx(exact, abs=1e-8)


def test_one_string_without_samples_is_hartree_fock(
    water_spaces: MatchedSpaces, water_mean_fields: object
) -> None:
    energy = without_samples(water_spaces.dimer, 1).energy
    assert energy == pytest.approx(water_mean_fields.dimer.e_tot, abs=1e-8)  # type: ignore[attr-defined]


def test_random_counts_are_uniform_and_repeat_with_the_seed() -> None:
    counts = random_counts(2, 16_000, seed=1)
    assert counts == random_counts(2, 16_000, seed=1)
    assert sum(counts.values()) == 16_000
    assert len(counts) == 16
    assert all(len(bits) == 4 for bits in counts)
    # Each of 16 strings is expected 1000 times with a standard deviation of 31.
    assert all(abs(count - 1000) < 5 * 31 for count in counts.values())


def test_open_shells_come_with_the_same_controls(full_space: Callable[..., ActiveHamiltonian]) -> None:
    hamiltonian = replace(
        full_space("H 0 0 0; H 0 0 1; H 0 0 2.1; H 0 0.3 3; H 1 0 0; H 1 1 3"), nelec=(4, 2)
    )
    exact = exact_energy(hamiltonian)
    everything = without_samples(hamiltonian, hamiltonian.strings[0])
    assert everything.energy == pytest.approx(exact, abs=1e-8)
    assert everything.spin_square == pytest.approx(2.0, abs=1e-6)
    noise = diagonalize(hamiltonian, random_counts(6, 2000, seed=0), seed=0)
    assert noise.energy == pytest.approx(exact, abs=1e-8)
    assert np.vdot(noise.state, noise.state) == pytest.approx(1.0)
    assert exact < without_samples(hamiltonian, 5).energy
