"""One interface to every solver of an active space: exact, coupled-cluster circuits, sampled subspaces."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import comb, prod
from typing import TYPE_CHECKING

import numpy as np
import psutil
from numpy.typing import NDArray

from labkit.errors import InputError, TooLittleMemoryError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._optimize import Optimum
from labkit.quantum._reference import coupled_cluster, open_coupled_cluster
from labkit.quantum._sector import (
    State,
    action,
    density_matrices,
    exact_state,
    natural_occupations,
    spin_square,
)
from labkit.quantum._uccsd import factors_memory, optimize_uccsd

if TYPE_CHECKING:
    from labkit.quantum._circuit import UcjCircuit

# How many states of the full space's size (of real numbers) a solver holds at once, as its peak memory shows
# with eleven orbitals: Davidson's vectors and their images for the exact one, complex states and their
# copies for the circuits.
_STATES = {"exact": 32, "uccsd": 16, "lucj": 32, "ucj": 48, "sqd": 48}

SOLVERS: tuple[str, ...] = tuple(_STATES)

# Wider circuits take Aer over half a minute; their samples come from the sector's state.
_WIDEST_ON_AER = 20


@dataclass(frozen=True)
class SolverSettings:
    """How a solver goes about it.

    Attributes:
        layers: repetitions of the ansatz of `uccsd` and `lucj`, each with parameters of its own; None for 1
            and 2.
        shots: times that `sqd` samples its circuit.
        max_strings: limit on the strings of each spin in `sqd`'s subspace; None for no limit.
        seed: seed of the sampling.
        gradient_norm: Euclidean norm of the energy's gradient at which an optimisation ends, Ha.
        max_iterations: steps after which an optimisation ends, converged or not.

    Raises:
        InputError: if a value is out of range.
    """

    layers: int | None = None
    shots: int = 100_000
    max_strings: int | None = None
    seed: int = 0
    gradient_norm: float = 1e-4
    max_iterations: int = 500

    def __post_init__(self) -> None:
        for name in ("layers", "shots", "max_strings", "max_iterations"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value}; at least 1 is wanted")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed={self.seed}; a whole number from 0 to {2**31 - 1} is wanted")
        if not self.gradient_norm > 0:
            raise InputError(f"gradient_norm={self.gradient_norm}; above 0 is wanted")


@dataclass(frozen=True)
class Solution:
    """The ground state of a particle-number sector, as a solver finds it.

    Attributes:
        solver: which one.
        energy: with the core, Ha.
        spin_square: expectation of S²: 0 for a singlet, 2 for a triplet.
        occupations: natural occupations, summed over spin, the fullest orbital first.
        converged: whether the solver met its own criterion; an energy that didn't is still an upper bound.
        cost: what it took: `seconds` and `dimension` of the space; of an optimisation `parameters`,
            `evaluations`, `iterations`, `gradient_norm`; of a circuit `qubits`, `repetitions`,
            `two_qubit_gates`, `depth`; of its sampling `shots`, `sampler`, `distinct_bit_strings`,
            `fraction_in_sector` and `strings` of each spin.
        nelec: electrons of spin up and of spin down.
        state: amplitudes in PySCF's order, shape (strings of spin up, strings of spin down).
    """

    solver: str
    energy: float
    spin_square: float
    occupations: tuple[float, ...]
    converged: bool
    cost: Mapping[str, float | str]
    nelec: tuple[int, int]
    state: State = field(repr=False)

    def density_matrices(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the spin-summed one- and two-electron density matrices, in PySCF's order."""
        return density_matrices(self.state, len(self.occupations), self.nelec)


def solve(
    hamiltonian: ActiveHamiltonian, solver: str = "exact", settings: SolverSettings | None = None
) -> Solution:
    """Return the ground state of the Hamiltonian's particle-number sector.

    `lucj`, `ucj` and `sqd` import ffsim, which switches JAX to 64 bits: call them in a process of their own.

    Args:
        hamiltonian: the active space. Sectors (n + 1, n - 1) hold triplets.
        solver: `exact` (full CI), `uccsd` (factorised unitary coupled cluster, optimised), `lucj` (local
            unitary cluster Jastrow, optimised), `ucj` (all terms of the CCSD amplitudes, not optimised) or
            `sqd` (the samples of `ucj`, diagonalised). All but `lucj` take open
            shells, `sqd` with at least one electron of each spin.
        settings: how; the defaults where not given.

    Raises:
        InputError: if the solver doesn't exist, or the space is malformed or too large for it.
        EvaluationError: if the exact solver, or CCSD for the circuits, doesn't converge.
    """
    settings = settings or SolverSettings()
    check_size(hamiltonian.norb, hamiltonian.nelec, solver)
    start = time.perf_counter()
    found = _SOLVERS[solver](hamiltonian, settings)
    norb, nelec = hamiltonian.norb, hamiltonian.nelec
    return Solution(
        solver=solver,
        energy=found.energy + hamiltonian.core,
        spin_square=spin_square(found.state, norb, nelec),
        occupations=natural_occupations(found.state, norb, nelec),
        converged=found.converged,
        cost={"seconds": time.perf_counter() - start, "dimension": prod(hamiltonian.strings), **found.cost},
        nelec=nelec,
        state=found.state,
    )


def check_size(norb: int, nelec: tuple[int, int], solver: str = "exact") -> None:
    """Refuse an active space that makes no sense, or doesn't fit into memory, before anything is computed.

    Args:
        norb: number of active orbitals.
        nelec: active electrons of spin up and of spin down.
        solver: the solver that is to take it.

    Raises:
        InputError: if the solver doesn't exist, or the space is malformed or too large for it.
    """
    if solver not in SOLVERS:
        raise InputError(f"solver {solver!r} doesn't exist; choose one of {', '.join(SOLVERS)}")
    if not all(0 <= count <= norb for count in nelec) or sum(nelec) == 0:
        raise InputError(
            f"{nelec[0]} electrons of spin up and {nelec[1]} of spin down in {norb} orbitals; "
            "each spin takes from 0 to the number of orbitals, one electron at least"
        )
    if solver == "lucj" and nelec[0] != nelec[1]:
        raise InputError(
            f"{nelec[0]} electrons of spin up and {nelec[1]} of spin down: lucj rotates the orbitals of both "
            "spins alike and wants as many of both; the other solvers take open shells"
        )
    if solver == "sqd" and 0 in nelec:
        raise InputError(
            f"{nelec[0]} electrons of spin up and {nelec[1]} of spin down: PySCF's selected CI, which sqd "
            "stands on, wants at least one of each; the other solvers don't"
        )
    needed = memory_needed(norb, nelec, solver)
    available = psutil.virtual_memory().available
    if needed > available:
        raise TooLittleMemoryError(
            f"{sum(nelec)} electrons in {norb} orbitals take solver {solver} about {needed / 1e9:.1f} GB, "
            f"{available / 1e9:.1f} GB are free: choose fewer orbitals"
        )


def memory_needed(norb: int, nelec: tuple[int, int], solver: str) -> int:
    """Return about how many bytes a solver needs for a space."""
    state = comb(norb, nelec[0]) * comb(norb, nelec[1]) * np.dtype(np.float64).itemsize
    return _STATES[solver] * state + (factors_memory(norb, nelec) if solver == "uccsd" else 0)


@dataclass(frozen=True)
class _Found:
    """What a solver returns: energy without the core, Ha, and the state."""

    energy: float
    state: State
    converged: bool = True
    cost: Mapping[str, float | str] = field(default_factory=dict)


def _exact(hamiltonian: ActiveHamiltonian, settings: SolverSettings) -> _Found:
    return _Found(*exact_state(hamiltonian))


def _uccsd(hamiltonian: ActiveHamiltonian, settings: SolverSettings) -> _Found:
    state, optimum = optimize_uccsd(
        hamiltonian,
        layers=settings.layers or 1,
        gradient_norm=settings.gradient_norm,
        max_iterations=settings.max_iterations,
    )
    return _Found(optimum.energy, state, optimum.converged, _optimisation_cost(optimum))


def _lucj(hamiltonian: ActiveHamiltonian, settings: SolverSettings) -> _Found:
    from labkit.quantum._circuit import compile_ucj, sector_state
    from labkit.quantum._lucj import optimize_lucj

    operator, optimum = optimize_lucj(
        hamiltonian,
        coupled_cluster(hamiltonian),
        layers=settings.layers or 2,
        gradient_norm=settings.gradient_norm,
        max_iterations=settings.max_iterations,
    )
    state = sector_state(operator, hamiltonian.norb, hamiltonian.nelec)
    circuit = compile_ucj(operator, hamiltonian.norb, hamiltonian.nelec).describe()
    return _Found(optimum.energy, state, optimum.converged, {**_optimisation_cost(optimum), **circuit})


def _ucj(hamiltonian: ActiveHamiltonian, settings: SolverSettings) -> _Found:
    from labkit.quantum._circuit import sector_state

    circuit = _circuit(hamiltonian)
    state = sector_state(circuit.operator, hamiltonian.norb, hamiltonian.nelec)
    energy = float(np.vdot(state, action(hamiltonian)(state)).real)
    return _Found(energy, state, cost=circuit.describe())


def _circuit(hamiltonian: ActiveHamiltonian) -> UcjCircuit:
    from labkit.quantum._circuit import open_ucj_circuit, ucj_circuit

    if hamiltonian.nelec[0] == hamiltonian.nelec[1]:
        return ucj_circuit(coupled_cluster(hamiltonian))
    return open_ucj_circuit(open_coupled_cluster(hamiltonian))


def _sqd(hamiltonian: ActiveHamiltonian, settings: SolverSettings) -> _Found:
    from labkit.quantum._circuit import fraction_in_sector, sample, sample_sector, sector_state
    from labkit.quantum._subspace import diagonalize

    norb, nelec, shots, seed = hamiltonian.norb, hamiltonian.nelec, settings.shots, settings.seed
    circuit = _circuit(hamiltonian)
    on_aer = 2 * norb <= _WIDEST_ON_AER
    if on_aer:
        counts = sample(circuit, shots, seed)
    else:
        counts = sample_sector(sector_state(circuit.operator, norb, nelec), norb, nelec, shots, seed)
    subspace = diagonalize(hamiltonian, counts, seed=seed, max_strings=settings.max_strings)
    cost = {
        "dimension": subspace.dimension,
        "strings": subspace.strings,
        "shots": shots,
        "sampler": "aer" if on_aer else "ffsim",
        "distinct_bit_strings": len(counts),
        "fraction_in_sector": fraction_in_sector(counts, norb, nelec),
        **circuit.describe(),
    }
    return _Found(subspace.energy - hamiltonian.core, subspace.state, cost=cost)


def _optimisation_cost(optimum: Optimum) -> dict[str, float | str]:
    return {
        "parameters": len(optimum.parameters),
        "evaluations": optimum.evaluations,
        "iterations": optimum.iterations,
        "gradient_norm": optimum.gradient_norm,
    }


_SOLVERS: dict[str, Callable[[ActiveHamiltonian, SolverSettings], _Found]] = {
    "exact": _exact,
    "uccsd": _uccsd,
    "lucj": _lucj,
    "ucj": _ucj,
    "sqd": _sqd,
}
