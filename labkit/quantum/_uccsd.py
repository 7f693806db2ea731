"""Factorised unitary coupled cluster (UCCSD), optimised with adjoint gradients in a particle-number sector.

The state is a product of factors exp(θ(τ - τ†)), one for each single and double excitation τ of the reference
determinant: Evangelista, Chan, Scuseria 2019, doi:10.1063/1.5133059. Such a factor rotates pairs of
determinants, x and τx, into each other by the angle θ and leaves all others alone. One sweep forward, one
application of the Hamiltonian and one sweep backward give the energy and all its derivatives (adjoint
differentiation: Jones, Gacon 2020, arXiv:2009.02823).

Order of the factors, first applied first: doubles of like spin (up, then down), doubles of unlike spin,
singles (up, then down), each in the order of their orbitals' numbers; then the next layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from pyscf.fci import cistring

from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._optimize import Optimum, Vector, minimize
from labkit.quantum._sector import action, orbital_energies, reference_state

# Smallest rise of energy (Ha) that an excitation is credited with where the first step is chosen:
# near-degenerate orbitals would otherwise ask for a huge one.
_SMALLEST_GAP = 0.1


@dataclass(frozen=True)
class Factor:
    """One factor exp(θ(τ - τ†)), as rotations of pairs of amplitudes.

    Attributes:
        parameter: number of its angle θ; spin partners in closed shells share theirs.
        gap: rise of the orbital energies along the excitation, Ha.
        lower: where the flattened state holds the amplitudes that τ excites.
        upper: where it holds their images, pair by pair. Where τx = -y, x and y have changed places, which
            makes up for the sign.
    """

    parameter: int
    gap: float
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]


@dataclass(frozen=True)
class _Excitation:
    """An excitation of the electrons of one spin: positions of strings and images, signs, rise in energy."""

    orbitals: tuple[int, ...]
    source: NDArray[np.intp]
    image: NDArray[np.intp]
    sign: NDArray[np.int64]
    gap: float


def optimize_uccsd(
    hamiltonian: ActiveHamiltonian, *, layers: int, gradient_norm: float, max_iterations: int
) -> tuple[NDArray[np.float64], Optimum]:
    """Return the UCCSD state of lowest energy, shape `hamiltonian.strings`, and how it was found.

    The angles start from second-order perturbation theory, for any number of unpaired electrons.

    Args:
        hamiltonian: the active space; the reference determinant fills the first orbitals of each spin.
        layers: how often the product of all factors is repeated, each time with angles of its own.
        gradient_norm: norm of the gradient at which the search ends, Ha.
        max_iterations: steps after which it ends unconverged.
    """
    factors = excitation_factors(hamiltonian)
    count = _parameters(factors)
    prepare, energy_and_gradient = ansatz(hamiltonian, factors, layers)
    # A factor's second derivative at the reference determinant is twice its gap, to lowest order.
    once = np.zeros(count)
    for factor in factors:
        once[factor.parameter] += 2 * max(factor.gap, _SMALLEST_GAP)
    curvature = np.tile(once, layers)
    _, slope = energy_and_gradient(np.zeros(layers * count))
    optimum = minimize(
        energy_and_gradient,
        -slope / curvature / layers,
        curvature=curvature,
        gradient_norm=gradient_norm,
        max_iterations=max_iterations,
    )
    return prepare(optimum.parameters), optimum


def excitation_factors(hamiltonian: ActiveHamiltonian) -> list[Factor]:
    """Return the factors of one layer, in the order in which they are applied."""
    norb, nelec = hamiltonian.norb, hamiltonian.nelec
    energies = orbital_energies(hamiltonian)
    singles, doubles = (
        [
            [
                _excitation(norb, count, holes, particles, levels)
                for holes in combinations(range(count), rank)
                for particles in combinations(range(count, norb), rank)
            ]
            for count, levels in zip(nelec, energies, strict=True)
        ]
        for rank in (1, 2)
    )
    nothing = [
        _excitation(norb, count, (), (), levels) for count, levels in zip(nelec, energies, strict=True)
    ]
    pairs = (
        [(up, nothing[1]) for up in doubles[0]]
        + [(nothing[0], down) for down in doubles[1]]
        + [(up, down) for up in singles[0] for down in singles[1]]
        + [(up, nothing[1]) for up in singles[0]]
        + [(nothing[0], down) for down in singles[1]]
    )
    closed = nelec[0] == nelec[1]
    numbers: dict[tuple[tuple[int, ...], ...], int] = {}
    factors = []
    for up, down in pairs:
        key = (up.orbitals, down.orbitals)
        if closed:
            key = min(key, key[::-1])
        number = numbers.setdefault(key, len(numbers))
        factors.append(_factor(number, up, down, hamiltonian.strings[1]))
    return factors


def ansatz(
    hamiltonian: ActiveHamiltonian, factors: list[Factor], layers: int
) -> tuple[Callable[[Vector], NDArray[np.float64]], Callable[[Vector], tuple[float, Vector]]]:
    """Return two functions of the angles: the state, and its energy (Ha, no core) with the gradient."""
    apply = action(hamiltonian)
    count = _parameters(factors)
    sequence = [
        (layer * count + factor.parameter, factor.lower, factor.upper)
        for layer in range(layers)
        for factor in factors
    ]

    def prepare(angles: Vector) -> NDArray[np.float64]:
        cosines, sines = np.cos(angles), np.sin(angles)
        state = reference_state(hamiltonian).ravel()
        for k, lower, upper in sequence:
            x, y = state[lower], state[upper]
            state[lower] = cosines[k] * x - sines[k] * y
            state[upper] = cosines[k] * y + sines[k] * x
        return state.reshape(hamiltonian.strings)

    def energy_and_gradient(angles: Vector) -> tuple[float, Vector]:
        cosines, sines = np.cos(angles), np.sin(angles)
        state = prepare(angles)
        applied = apply(state)
        # State and H|state⟩ are real and undergo the same rotations: one complex array holds both.
        both = (state + 1j * applied).ravel()
        gradient = np.zeros_like(angles)
        for k, lower, upper in reversed(sequence):
            x, y = both[lower], both[upper]
            gradient[k] += 2 * np.vdot(x, y).imag
            both[lower] = cosines[k] * x + sines[k] * y
            both[upper] = cosines[k] * y - sines[k] * x
        return float(np.vdot(state, applied)), gradient

    return prepare, energy_and_gradient


def factors_memory(norb: int, nelec: tuple[int, int]) -> int:
    """Return how many bytes the factors' indices take; layers share them."""

    def pairs(rank_up: int, rank_down: int) -> int:
        count = 1
        for filled, rank in zip(nelec, (rank_up, rank_down), strict=True):
            excitations = comb(filled, rank) * comb(norb - filled, rank)
            count *= excitations * comb(norb - 2 * rank, filled - rank) if excitations else 0
        return count

    total = sum(pairs(*ranks) for ranks in ((2, 0), (0, 2), (1, 1), (1, 0), (0, 1)))
    return total * 2 * np.dtype(np.intp).itemsize


def _parameters(factors: list[Factor]) -> int:
    return 1 + max((factor.parameter for factor in factors), default=-1)


def _excitation(
    norb: int, count: int, holes: tuple[int, ...], particles: tuple[int, ...], energies: Vector
) -> _Excitation:
    """Return what exciting electrons of one spin, from holes to particles in turn, does to the strings."""
    strings = np.asarray(cistring.make_strings(range(norb), count), dtype=np.int64)
    images, crossed = strings.copy(), np.zeros(len(strings), dtype=np.int64)
    possible = np.ones(len(strings), dtype=bool)
    for hole, particle in zip(holes, particles, strict=True):
        possible &= ((images >> hole) & 1 == 1) & ((images >> particle) & 1 == 0)
        low, high = sorted((hole, particle))
        between = (1 << high) - (1 << (low + 1))
        crossed += np.bitwise_count(images & between)
        images ^= (1 << hole) | (1 << particle)
    source = np.flatnonzero(possible)
    return _Excitation(
        orbitals=(*holes, *particles),
        source=source,
        image=np.searchsorted(strings, images[source]),
        sign=1 - 2 * (crossed[source] % 2),
        gap=float(energies[list(particles)].sum() - energies[list(holes)].sum()),
    )


def _factor(parameter: int, up: _Excitation, down: _Excitation, strings_down: int) -> Factor:
    """Return the factor of two excitations, one of each spin, together; spin down's strings vary fastest."""
    lower = np.add.outer(up.source * strings_down, down.source).ravel()
    upper = np.add.outer(up.image * strings_down, down.image).ravel()
    positive = np.multiply.outer(up.sign, down.sign).ravel() > 0
    return Factor(
        parameter=parameter,
        gap=up.gap + down.gap,
        lower=np.where(positive, lower, upper),
        upper=np.where(positive, upper, lower),
    )
