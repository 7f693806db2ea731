"""The quantum step: what circuits make of matched active spaces, beside exact, CCSD and the controls."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from labkit.quantum._active_space import MatchedSpaces, far_apart
from labkit.quantum._circuit import UcjCircuit, fraction_in_sector, sample, ucj_circuit
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._reference import coupled_cluster, coupled_cluster_with_triples, exact_energy
from labkit.quantum._result import InteractionSettings
from labkit.quantum._subspace import (
    Subspace,
    capped_strings,
    diagonalize,
    random_counts,
    without_samples,
)
from labkit.quantum._timing import timed
from labkit.quantum._units import HARTREE_IN_KCAL_MOL

# Random bit strings hardly repeat, and configuration recovery takes its time over each; this many name
# every string that the cap can hold many times over.
_RANDOM_SHOTS = 2_000


@dataclass(frozen=True)
class _Solved:
    """One Hamiltonian, solved four ways (Ha), with the circuit and its samples."""

    exact: float
    ccsd: float
    ccsd_t: float
    sampled: Subspace
    circuit: UcjCircuit
    counts: dict[str, int]


def quantum_step(
    spaces: MatchedSpaces, settings: InteractionSettings, seconds: dict[str, float]
) -> dict[str, Any]:
    """Return energies, errors, controls and circuit of the quantum solver, as plain values.

    The indicator `delta_kcal_mol` is the interaction energy in the active space by the quantum solver less
    the same by CCSD: about 0 where one determinant describes the contact. `delta_exact_kcal_mol` is free
    of the solver's own error. `delta_triples_…` are the same against CCSD(T).

    Args:
        spaces: matched active spaces.
        settings: shots, cap and seed.
        seconds: stages are added to it.

    Raises:
        EvaluationError: if CCSD or the exact reference doesn't converge.
    """
    dimer, a, b = (
        _solve(hamiltonian, settings, seconds)
        for hamiltonian in (spaces.dimer, spaces.monomer_a, spaces.monomer_b)
    )
    with timed(seconds, "controls"):
        controls = _controls(spaces.dimer, dimer, settings)
        apart = _solve(far_apart(spaces.monomer_a, spaces.monomer_b), settings, {})

    sampled = _interaction(dimer.sampled.energy, a.sampled.energy, b.sampled.energy)
    exact = _interaction(dimer.exact, a.exact, b.exact)
    ccsd = _interaction(dimer.ccsd, a.ccsd, b.ccsd)
    ccsd_t = _interaction(dimer.ccsd_t, a.ccsd_t, b.ccsd_t)
    return {
        "method": "UCJ circuit from CCSD amplitudes, sampled on Aer without noise, then SQD",
        "shots": settings.shots,
        "error_mha": max(abs(solved.sampled.energy - solved.exact) for solved in (dimer, a, b)) * 1e3,
        "delta_kcal_mol": sampled - ccsd,
        "delta_exact_kcal_mol": exact - ccsd,
        "delta_triples_kcal_mol": sampled - ccsd_t,
        "delta_triples_exact_kcal_mol": exact - ccsd_t,
        "interaction_kcal_mol": {"quantum": sampled, "exact": exact, "ccsd": ccsd, "ccsd_t": ccsd_t},
        "dimer": _describe(spaces.dimer, dimer),
        "monomer_a": _describe(spaces.monomer_a, a),
        "monomer_b": _describe(spaces.monomer_b, b),
        "size_consistency_mha": (apart.sampled.energy - a.sampled.energy - b.sampled.energy) * 1e3,
        "controls": controls,
        "circuit": dimer.circuit.describe(),
    }


def _solve(
    hamiltonian: ActiveHamiltonian, settings: InteractionSettings, seconds: dict[str, float]
) -> _Solved:
    with timed(seconds, "exact"):
        exact = exact_energy(hamiltonian)
    with timed(seconds, "ccsd"):
        amplitudes = coupled_cluster(hamiltonian)
        ccsd_t = coupled_cluster_with_triples(hamiltonian)
    with timed(seconds, "circuit"):
        circuit = ucj_circuit(amplitudes)
    with timed(seconds, "sampling"):
        counts = sample(circuit, settings.shots, settings.seed)
    with timed(seconds, "sqd"):
        sampled = diagonalize(hamiltonian, counts, seed=settings.seed)
    return _Solved(exact, amplitudes.energy, ccsd_t, sampled, circuit, counts)


def _interaction(dimer: float, a: float, b: float) -> float:
    return (dimer - a - b) * HARTREE_IN_KCAL_MOL


def _controls(
    hamiltonian: ActiveHamiltonian, solved: _Solved, settings: InteractionSettings
) -> dict[str, Any]:
    """Return what the samples are worth: errors (mHa) at one capped dimension, with and without them."""
    cap = capped_strings(hamiltonian, settings.cap)
    noise = random_counts(hamiltonian.norb, min(settings.shots, _RANDOM_SHOTS), settings.seed)
    from_samples = diagonalize(hamiltonian, solved.counts, seed=settings.seed, max_strings=cap)
    from_noise = diagonalize(hamiltonian, noise, seed=settings.seed, max_strings=cap)
    from_excitations = without_samples(hamiltonian, cap)

    def error_mha(subspace: Subspace) -> float:
        return (subspace.energy - solved.exact) * 1e3

    return {
        "cap_strings": cap,
        "cap_share": cap**2 / prod(hamiltonian.strings),
        "capped_error_mha": error_mha(from_samples),
        "capped_strings_used": from_samples.strings,
        "random_bits_error_mha": error_mha(from_noise),
        "random_bits_shots": sum(noise.values()),
        "singles_doubles_error_mha": error_mha(from_excitations),
        "ccsd_error_mha": (solved.ccsd - solved.exact) * 1e3,
        "fraction_in_sector": fraction_in_sector(solved.counts, hamiltonian.norb, hamiltonian.nelec),
        "distinct_bit_strings": len(solved.counts),
    }


def _describe(hamiltonian: ActiveHamiltonian, solved: _Solved) -> dict[str, Any]:
    return {
        "quantum_ha": solved.sampled.energy,
        "exact_ha": solved.exact,
        "ccsd_ha": solved.ccsd,
        "ccsd_t_ha": solved.ccsd_t,
        "error_mha": (solved.sampled.energy - solved.exact) * 1e3,
        "dimension": solved.sampled.dimension,
        "full_dimension": prod(hamiltonian.strings),
        "spin_square": solved.sampled.spin_square,
    }
