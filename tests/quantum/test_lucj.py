"""The optimised LUCJ ansatz is ffsim's own, its gradient is the energy's, and its optimum beats its start."""

from __future__ import annotations

from collections.abc import Callable

import ffsim
import numpy as np
import pytest

from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj import Lucj, optimize_lucj
from labkit.quantum._lucj_circuit import interaction_pairs
from labkit.quantum._reference import coupled_cluster
from labkit.quantum._sector import exact_state

H4 = "H 0 0 0; H 0 0 1; H 0 0 2.1; H 0 0.3 3"


@pytest.fixture(scope="module")
def hydrogens(full_space: Callable[..., ActiveHamiltonian]) -> ActiveHamiltonian:
    return full_space(H4)


@pytest.fixture(scope="module", params=["square", "all"])
def ansatz(request: pytest.FixtureRequest, hydrogens: ActiveHamiltonian) -> tuple[Lucj, np.ndarray]:
    """The ansatz with three layers, and parameters far from anything special."""
    pairs = interaction_pairs(4, request.param)
    operator = ffsim.random.random_ucj_op_spin_balanced(
        4, n_reps=3, interaction_pairs=pairs, with_final_orbital_rotation=True, seed=5
    )
    lucj = Lucj(hydrogens, 3, pairs)
    return lucj, lucj.parameters(operator)


def test_the_energy_is_that_of_ffsim_s_state(
    hydrogens: ActiveHamiltonian, ansatz: tuple[Lucj, np.ndarray]
) -> None:
    lucj, parameters = ansatz
    operator = lucj.operator(parameters)
    state = ffsim.apply_unitary(ffsim.hartree_fock_state(4, (2, 2)), operator, norb=4, nelec=(2, 2))
    hamiltonian = ffsim.linear_operator(
        ffsim.MolecularHamiltonian(hydrogens.h1e, hydrogens.eri), norb=4, nelec=(2, 2)
    )
    expected = np.vdot(state, hamiltonian @ state).real
    assert lucj.energy_and_gradient(parameters)[0] == pytest.approx(expected, abs=1e-12)


def test_the_gradient_is_the_energy_s(ansatz: tuple[Lucj, np.ndarray]) -> None:
    lucj, parameters = ansatz
    _, gradient = lucj.energy_and_gradient(parameters)
    step = 1e-5
    differences = [
        (lucj.energy_and_gradient(parameters + shift)[0] - lucj.energy_and_gradient(parameters - shift)[0])
        / (2 * step)
        for shift in step * np.eye(len(parameters))
    ]
    np.testing.assert_allclose(gradient, differences, atol=1e-8)


def test_operators_survive_the_way_through_parameters(ansatz: tuple[Lucj, np.ndarray]) -> None:
    lucj, parameters = ansatz
    np.testing.assert_allclose(lucj.parameters(lucj.operator(parameters)), parameters, atol=1e-10)


def test_optimisation_lowers_the_energy_towards_the_exact_one(hydrogens: ActiveHamiltonian) -> None:
    amplitudes = coupled_cluster(hydrogens)
    exact = exact_state(hydrogens)[0]
    lucj = Lucj(hydrogens, 2, interaction_pairs(4, "square"))
    operator, optimum = optimize_lucj(hydrogens, amplitudes, layers=2, gradient_norm=1e-3, max_iterations=200)
    assert optimum.converged
    assert 0 < optimum.energy - exact < 2e-3
    energy, gradient = lucj.energy_and_gradient(lucj.parameters(operator))
    assert energy == pytest.approx(optimum.energy, abs=1e-10)
    assert np.linalg.norm(gradient) == pytest.approx(optimum.gradient_norm, abs=1e-8)
