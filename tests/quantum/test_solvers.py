"""Every solver gives the known energies, through one interface, and refuses what makes no sense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import comb

import numpy as np
import psutil
import pytest
from pyscf import fci

from labkit.errors import InputError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._solvers import SOLVERS, SolverSettings, check_size, memory_needed, solve

# Full CI, Ha. H2: OpenFermion's at 0.7414 Å (McClean et al. 2020, doi:10.1088/2058-9565/ab8ebc); LiH:
# MindQuantum's tutorial "VQE for quantum chemistry"; N2: ffsim's guide "Simulate the variational quantum
# eigensolver", six electrons in six orbitals.
KNOWN = {
    "H2": ("H 0 0 0; H 0 0 0.7414", "sto-3g", 0, -1.13727017463),
    "LiH": ("Li 0 0 0; H 0 0 1.5", "sto-3g", 0, -7.8823622868),
    "N2": ("N 0 0 -0.5; N 0 0 0.5", "sto-6g", 4, -108.566842251942),
}
# Within which each solver gets there, mHa. LUCJ's search is cut short, SQD has few shots.
TOLERANCE = {"exact": 1e-5, "uccsd": 0.25, "lucj": 16.0, "ucj": 2.0, "sqd": 0.3}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("molecule", KNOWN)
def test_known_energies(full_space: Callable[..., ActiveHamiltonian], molecule: str, solver: str) -> None:
    atoms, basis, frozen, energy = KNOWN[molecule]
    hamiltonian = full_space(atoms, basis, frozen)
    solution = solve(hamiltonian, solver, SolverSettings(max_iterations=30, shots=20_000))
    assert -1e-5 < (solution.energy - energy) * 1e3 < TOLERANCE[solver]
    assert solution.spin_square == pytest.approx(0.0, abs=0.05)
    assert sum(solution.occupations) == pytest.approx(sum(hamiltonian.nelec))
    assert list(solution.occupations) == sorted(solution.occupations, reverse=True)
    one, two = solution.density_matrices()
    from_densities = np.vdot(hamiltonian.h1e, one) + np.vdot(hamiltonian.eri, two) / 2 + hamiltonian.core
    assert from_densities == pytest.approx(solution.energy, abs=1e-8)


@pytest.mark.parametrize(
    ("solver", "within"), [("exact", 1e-7), ("uccsd", 1e-4), ("ucj", 2e-3), ("sqd", 2e-4)]
)
def test_the_triplet_is_the_ground_state_of_its_sector(
    full_space: Callable[..., ActiveHamiltonian], solver: str, within: float
) -> None:
    hamiltonian = full_space(*KNOWN["N2"][:3])
    solution = solve(replace(hamiltonian, nelec=(4, 2)), solver)
    # The same triplet with its spin turned lies among the excited states of (3, 3).
    many = fci.direct_spin1.FCI()
    energies, states = many.kernel(hamiltonian.h1e, hamiltonian.eri, 6, (3, 3), nroots=4, tol=1e-10)
    triplet = next(
        energy
        for energy, state in zip(energies, states, strict=True)
        if fci.spin_op.spin_square0(state, 6, (3, 3))[1] == pytest.approx(3, abs=1e-2)
    )
    assert -1e-7 < solution.energy - hamiltonian.core - triplet < within
    assert solution.spin_square == pytest.approx(2.0, abs=1e-3)
    assert solution.state.shape == (comb(6, 4), comb(6, 2))


def test_the_state_works_with_pyscf(full_space: Callable[..., ActiveHamiltonian]) -> None:
    hamiltonian = full_space(*KNOWN["N2"][:3])
    solution = solve(hamiltonian, "uccsd")
    one, two = fci.direct_spin1.make_rdm12(solution.state, 6, (3, 3))
    np.testing.assert_allclose(solution.density_matrices()[0], one, atol=1e-12)
    np.testing.assert_allclose(solution.density_matrices()[1], two, atol=1e-12)


def test_costs_tell_what_was_done(full_space: Callable[..., ActiveHamiltonian]) -> None:
    hamiltonian = full_space(*KNOWN["N2"][:3])
    settings = SolverSettings(shots=5_000, max_strings=6, seed=2)
    solution = solve(hamiltonian, "sqd", settings)
    cost = solution.cost
    assert cost["shots"] == 5_000
    assert cost["strings"] <= 6
    assert cost["dimension"] == cost["strings"] ** 2
    assert cost["fraction_in_sector"] == 1.0
    assert cost["qubits"] == 12
    assert cost["sampler"] == "aer"
    assert solve(hamiltonian, "sqd", settings).energy == solution.energy
    assert solve(hamiltonian, "uccsd").cost["parameters"] == 63


@pytest.mark.parametrize(
    ("solver", "nelec", "text"),
    [
        ("vqe", (1, 1), "solver 'vqe' doesn't exist; choose one of exact, uccsd"),
        ("exact", (3, 1), "3 electrons of spin up and 1 of spin down in 2 orbitals"),
        ("exact", (0, 0), "one electron at least"),
        ("sqd", (2, 0), "2 electrons of spin up and 0 of spin down: .* at least one of each"),
        ("lucj", (2, 0), "2 electrons of spin up and 0 of spin down: lucj .* wants as many of both"),
    ],
)
def test_nonsense_is_refused(
    full_space: Callable[..., ActiveHamiltonian], solver: str, nelec: tuple[int, int], text: str
) -> None:
    hamiltonian = replace(full_space(*KNOWN["H2"][:3]), nelec=nelec)
    with pytest.raises(InputError, match=text):
        solve(hamiltonian, solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_doesn_t_fit_into_memory_is_refused_with_the_estimate(solver: str) -> None:
    with pytest.raises(
        InputError, match=rf"40 electrons in 40 orbitals take solver {solver} about [\d.]+ GB"
    ):
        check_size(40, (20, 20), solver)
    check_size(4, (2, 2), solver)
    assert memory_needed(40, (20, 20), solver) > psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"layers": 0}, "layers=0"),
        ({"shots": 0}, "shots=0"),
        ({"max_strings": 0}, "max_strings=0"),
        ({"max_iterations": 0}, "max_iterations=0"),
        ({"gradient_norm": 0.0}, "gradient_norm=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, float], text: str) -> None:
    with pytest.raises(InputError, match=text):
        SolverSettings(**values)  # type: ignore[arg-type]
