"""What noise does to sampled energies, what mitigation gives back, and what would have come out anyway."""

from __future__ import annotations

import time
from collections.abc import Mapping

import ffsim
import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency

from labkit.quantum._circuit import UcjCircuit, fraction_in_sector, sample, state_vector
from labkit.quantum._distributions import total_variation
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj_circuit import lucj_circuit
from labkit.quantum._mitigation import as_counts, invert_readout, post_select
from labkit.quantum._noise import Noise, NoiseStudy, Samples
from labkit.quantum._reference import coupled_cluster, exact_energy
from labkit.quantum._subspace import (
    Subspace,
    capped_strings,
    diagonalize,
    random_counts,
    without_samples,
)
from labkit.quantum._trajectories import noisy_sample

# Random bit strings hardly repeat; this many name every string that the cap can hold many times over.
_RANDOM_SHOTS = 2_000

# Of the bit strings, those that a histogram has room for.
_KEPT = 12

# The chi-squared test wants some five expected in every cell of its two rows.
_LEAST_SEEN = 10


def study_noise(
    hamiltonian: ActiveHamiltonian,
    noise: Noise,
    *,
    shots: int,
    repetitions: int,
    cap: float,
    trajectories: int | None,
    seed: int,
) -> NoiseStudy:
    """Return what `noise_study` promises, computed in this process; arguments and errors are its own."""
    norb, nelec = hamiltonian.norb, hamiltonian.nelec
    exact = exact_energy(hamiltonian)
    circuit = lucj_circuit(coupled_cluster(hamiltonian), repetitions=repetitions)
    start, cpu_start = time.perf_counter(), time.process_time()
    noisy = noisy_sample(circuit.circuit, noise, shots, seed=seed, trajectories=trajectories)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    inverted = invert_readout(noisy, noise)
    variants: dict[str, Mapping[str, float]] = {
        "noiseless": sample(circuit, shots, seed),
        "noisy": noisy,
        "post_selected": post_select(noisy, norb, nelec),
        "readout_inverted": inverted,
        "inverted_then_selected": post_select(inverted, norb, nelec),
    }
    strings = capped_strings(hamiltonian, cap)
    ideal = ideal_distribution(circuit)

    probable = dict(sorted(ideal.items(), key=lambda item: -item[1])[:_KEPT])

    def sqd(counts: dict[str, int]) -> Subspace:
        return diagonalize(hamiltonian, counts, seed=seed, max_strings=strings)

    def judge(distribution: Mapping[str, float]) -> Samples:
        difference = np.abs(_occupations(distribution) - _occupations(ideal))
        subspace = sqd(as_counts(distribution, shots))
        total = sum(distribution.values())
        return Samples(
            distance=total_variation(ideal, distribution),
            occupation_error=float(difference.mean()),
            distinct_bit_strings=len(distribution),
            sqd_error_mha=(subspace.energy - exact) * 1e3,
            strings=subspace.strings,
            fraction_in_sector=fraction_in_sector(distribution, norb, nelec),
            shares=tuple(distribution.get(bits, 0) / total for bits in probable),
        )

    by_chance = sqd(random_counts(norb, min(shots, _RANDOM_SHOTS), seed))

    return NoiseStudy(
        samples={name: judge(distribution) for name, distribution in variants.items()},
        random_bits_error_mha=(by_chance.energy - exact) * 1e3,
        singles_doubles_error_mha=(without_samples(hamiltonian, strings).energy - exact) * 1e3,
        fraction_in_sector=fraction_in_sector(noisy, norb, nelec),
        cap_strings=strings,
        exact_ha=exact,
        shots=shots,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        circuit=circuit.describe(),
        ideal=probable,
    )


def ideal_distribution(circuit: UcjCircuit) -> dict[str, float]:
    """Return the probabilities of all bit strings that the circuit without noise can give."""
    strings = ffsim.addresses_to_strings(
        range(ffsim.dim(circuit.norb, circuit.nelec)),
        norb=circuit.norb,
        nelec=circuit.nelec,
        bitstring_type=ffsim.BitstringType.STRING,
    )
    return dict(zip(strings, (np.abs(state_vector(circuit)) ** 2).tolist(), strict=True))


def _occupations(distribution: Mapping[str, float]) -> NDArray[np.float64]:
    """Return how much of each spin orbital is filled, the last one (spin down) first."""
    bits = np.array([[bit == "1" for bit in string] for string in distribution])
    weights = np.array(list(distribution.values()), dtype=float)
    return weights @ bits / weights.sum()


def same_distribution(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Return the p-value of two samples under the hypothesis that they have one distribution.

    Pearson's chi-squared test of homogeneity; strings that were seen fewer than ten times are one class.
    """
    table = np.array(
        [[counts.get(bits, 0) for bits in sorted(one.keys() | other.keys())] for counts in (one, other)]
    )
    rare = table.sum(axis=0) < _LEAST_SEEN
    classes = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    return float(chi2_contingency(classes[:, classes.sum(axis=0) > 0]).pvalue)
