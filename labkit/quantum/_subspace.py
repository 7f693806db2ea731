"""Sample-based quantum diagonalisation (SQD), and what would have come out without the quantum circuit.

Method: Robledo-Moreno et al. 2024, arXiv:2405.05068.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from math import isqrt, prod

import numpy as np
from numpy.typing import NDArray
from pyscf.fci import cistring
from qiskit.primitives import BitArray
from qiskit_addon_sqd.fermion import SCIResult, diagonalize_fermionic_hamiltonian, solve_sci

from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._sector import State, orbital_energies

# Rounds of configuration recovery; samples without noise need one, and stop by themselves.
_ROUNDS = 5


@dataclass(frozen=True)
class Subspace:
    """The lowest state in the space that chosen strings span.

    Attributes:
        energy: with the core, Ha.
        strings: strings of spin up, as many as of spin down in closed shells.
        dimension: determinants, strings of one spin times strings of the other.
        spin_square: expectation of S²: 0 for a singlet, 2 for a triplet.
        state: amplitudes over the full space in PySCF's order, zero outside the subspace.
    """

    energy: float
    strings: int
    dimension: int
    spin_square: float
    state: State = field(repr=False)


def capped_strings(hamiltonian: ActiveHamiltonian, share: float) -> int:
    """Return how many strings of each spin keep the dimension within a share of the full one, at least 1."""
    return max(1, isqrt(int(share * prod(hamiltonian.strings))))


def diagonalize(
    hamiltonian: ActiveHamiltonian, counts: dict[str, int], *, seed: int, max_strings: int | None = None
) -> Subspace:
    """Return the lowest state in the space that sampled bit strings span (SQD).

    Args:
        hamiltonian: the active space.
        counts: how often each bit string '[b_N … b_0 a_N … a_0]' was measured.
        seed: seed of the configuration recovery.
        max_strings: limit on the strings of each spin, the most frequent first; None for no limit.
    """
    distinct = np.array([[bit == "1" for bit in bits] for bits in counts])
    samples = BitArray.from_bool_array(np.repeat(distinct, list(counts.values()), axis=0))
    result = diagonalize_fermionic_hamiltonian(
        hamiltonian.h1e,
        hamiltonian.eri,
        samples,
        samples_per_batch=len(counts),
        norb=hamiltonian.norb,
        nelec=hamiltonian.nelec,
        max_iterations=_ROUNDS,
        symmetrize_spin=hamiltonian.nelec[0] == hamiltonian.nelec[1],
        max_dim=max_strings,
        seed=seed,
    )
    return _summarize(hamiltonian, result)


def without_samples(hamiltonian: ActiveHamiltonian, strings: int) -> Subspace:
    """Return the lowest state in the space of Hartree-Fock, singles and doubles, the cheapest strings first.

    Cheapest by orbital energies, which is what one knows before any sample is taken; strings beyond
    doubles follow where more are asked for than singles and doubles are.
    """
    chosen = []
    for filled, energies in zip(hamiltonian.nelec, orbital_energies(hamiltonian), strict=True):

        def cost(
            orbitals: tuple[int, ...], filled: int = filled, energies: NDArray[np.float64] = energies
        ) -> tuple[bool, float]:
            return sum(orbital >= filled for orbital in orbitals) > 2, float(energies[list(orbitals)].sum())

        cheapest = sorted(combinations(range(hamiltonian.norb), filled), key=cost)[:strings]
        integers = [sum(1 << orbital for orbital in orbitals) for orbitals in cheapest]
        chosen.append(np.sort(np.array(integers, dtype=np.int64)))
    up, down = chosen
    result = solve_sci((up, down), hamiltonian.h1e, hamiltonian.eri, hamiltonian.norb, hamiltonian.nelec)
    return _summarize(hamiltonian, result)


def random_counts(norb: int, shots: int, seed: int) -> dict[str, int]:
    """Return the counts that a machine of pure noise would measure: every bit string as likely."""
    drawn = np.random.default_rng(seed).integers(0, 2 ** (2 * norb), size=shots)
    values, counts = np.unique(drawn, return_counts=True)
    return {format(value, f"0{2 * norb}b"): int(count) for value, count in zip(values, counts, strict=True)}


def _summarize(hamiltonian: ActiveHamiltonian, result: SCIResult) -> Subspace:
    state = result.sci_state
    strings_a, strings_b = len(state.ci_strs_a), len(state.ci_strs_b)
    full = np.zeros(hamiltonian.strings)
    positions = (
        np.searchsorted(cistring.make_strings(range(hamiltonian.norb), count), strings)
        for count, strings in zip(hamiltonian.nelec, (state.ci_strs_a, state.ci_strs_b), strict=True)
    )
    full[np.ix_(*positions)] = state.amplitudes
    return Subspace(
        energy=float(result.energy) + hamiltonian.core,
        strings=strings_a,
        dimension=strings_a * strings_b,
        spin_square=float(state.spin_square()),
        state=full,
    )
