"""What noise does to the samples of 16-qubit LUCJ circuits, and whether mitigation helps.

    python benchmarks/noise.py [--seeds 3] [--summary]

Writes benchmarks/results/noise.csv, a row for each system, noise, seed and variant, and
noise_against_aer.csv, which compares 8-qubit samples with Aer's own, a row for each seed. Cases that are
there already are skipped, so that an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import mean

import numpy as np
from _table import append, machine, rows, versions
from pyscf import ao2mo, gto, mcscf, scf
from qiskit_aer import AerSimulator

from labkit.quantum import Noise
from labkit.quantum._distributions import total_variation
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj_circuit import lucj_circuit
from labkit.quantum._noise_study import same_distribution, study_noise
from labkit.quantum._reference import coupled_cluster
from labkit.quantum._trajectories import aer_noise_model, noisy_sample

RESULTS = Path(__file__).parent / "results"
SHOTS = 20_000
AER_SHOTS = 20_000

# Atoms and frozen orbitals; all valence orbitals of a minimal basis are active, 16 qubits each.
SYSTEMS = {
    "N2 at 1.1 Å": ("N 0 0 0; N 0 0 1.1", 2),
    "N2 at 1.6 Å": ("N 0 0 0; N 0 0 1.6", 2),
    "H8 chain at 1.0 Å": ("; ".join(f"H 0 0 {i}" for i in range(8)), 0),
}

NOISES = {
    "gates 0.001": Noise(1e-4, 1e-3),
    "gates 0.003": Noise(3e-4, 3e-3),
    "read-out 0.01/0.02": Noise(0, 0, 0.01, 0.02),
    "gates 0.001, read-out 0.01/0.02": Noise(1e-4, 1e-3, 0.01, 0.02),
    "gates 0.003, read-out 0.01/0.02": Noise(3e-4, 3e-3, 0.01, 0.02),
    "gates 0.01, read-out 0.02/0.04": Noise(1e-3, 1e-2, 0.02, 0.04),
}

PACKAGES = ("qiskit", "qiskit-aer", "ffsim", "qiskit-addon-sqd", "pyscf", "numpy")

COLUMNS = (
    "system",
    "noise",
    "seed",
    "variant",
    "distance",
    "occupation_error",
    "distinct_bit_strings",
    "sqd_error_mha",
    "random_bits_error_mha",
    "singles_doubles_error_mha",
    "fraction_in_sector",
    "cap_strings",
    "two_qubit_gates",
    "shots",
    "ms_per_shot",
    "cpu_ms_per_shot",
    "machine",
    "versions",
)

AER_COLUMNS = (
    "seed",
    "trajectories",
    "shots",
    "distance_to_aer",
    "distance_aer_to_aer",
    "p_value",
    "p_value_aer_to_aer",
    "p_value_if_two_qubit_error_were_a_third_more",
    "machine",
    "versions",
)


def active_hamiltonian(atoms: str, frozen: int) -> ActiveHamiltonian:
    """Return the active space of all STO-6G orbitals but frozen ones, in Hartree-Fock's orbitals."""
    mol = gto.M(atom=atoms, basis="sto-6g", verbose=0)
    space = mcscf.CASCI(scf.RHF(mol).run(), mol.nao - frozen, mol.nelectron - 2 * frozen)
    h1e, core = space.get_h1eff()
    eri = ao2mo.restore(1, space.get_h2eff(), space.ncas)
    return ActiveHamiltonian(h1e, eri, float(core), space.nelecas)


def study_rows(system: str, noise: str, seed: int) -> Iterable[dict[str, object]]:
    """Return a row for each variant of one case, computed."""
    study = study_noise(
        active_hamiltonian(*SYSTEMS[system]),
        NOISES[noise],
        shots=SHOTS,
        repetitions=2,
        cap=0.1,
        trajectories=None,
        seed=seed,
    )
    for variant, judged in study.samples.items():
        yield {
            "system": system,
            "noise": noise,
            "seed": seed,
            "variant": variant,
            "distance": f"{judged.distance:.4f}",
            "occupation_error": f"{judged.occupation_error:.5f}",
            "distinct_bit_strings": judged.distinct_bit_strings,
            "sqd_error_mha": f"{judged.sqd_error_mha:.3f}",
            "random_bits_error_mha": f"{study.random_bits_error_mha:.3f}",
            "singles_doubles_error_mha": f"{study.singles_doubles_error_mha:.3f}",
            "fraction_in_sector": f"{study.fraction_in_sector:.4f}",
            "cap_strings": study.cap_strings,
            "two_qubit_gates": study.circuit["two_qubit_gates"],
            "shots": study.shots,
            "ms_per_shot": f"{study.seconds / study.shots * 1e3:.3f}",
            "cpu_ms_per_shot": f"{study.cpu_seconds / study.shots * 1e3:.3f}",
            "machine": machine(),
            "versions": versions(*PACKAGES),
        }


def aer_rows(seed: int) -> Iterable[dict[str, object]]:
    """Return how trajectories at 8 qubits compare with two samples of Aer's own noise model."""
    hydrogens = active_hamiltonian("; ".join(f"H 0 0 {i}" for i in range(4)), 0)
    circuit = lucj_circuit(coupled_cluster(hydrogens)).circuit
    noise = NOISES["gates 0.003, read-out 0.01/0.02"]

    def by_aer(seed: int) -> Mapping[str, int]:
        measured = circuit.copy()
        measured.measure_all()
        simulator = AerSimulator(method="statevector", noise_model=aer_noise_model(circuit, noise))
        # Aer counts its seed up from shot to shot: seeds that are near each other repeat shots.
        return simulator.run(measured, shots=AER_SHOTS, seed_simulator=seed * 10**6).result().get_counts()

    one, other = by_aer(2 * seed + 1), by_aer(2 * seed + 2)
    ours = noisy_sample(circuit, noise, AER_SHOTS, seed=seed)
    stronger = noisy_sample(
        circuit, Noise(noise.one_qubit, noise.two_qubit * 4 / 3, 0.01, 0.02), AER_SHOTS, seed=seed
    )
    yield {
        "seed": seed,
        "trajectories": "one for each noisy shot",
        "shots": AER_SHOTS,
        "distance_to_aer": f"{total_variation(ours, one):.4f}",
        "distance_aer_to_aer": f"{total_variation(other, one):.4f}",
        "p_value": f"{same_distribution(ours, one):.3g}",
        "p_value_aer_to_aer": f"{same_distribution(other, one):.3g}",
        "p_value_if_two_qubit_error_were_a_third_more": f"{same_distribution(stronger, one):.3g}",
        "machine": machine(),
        "versions": versions(*PACKAGES),
    }


def carry_on(
    name: str, columns: tuple[str, ...], cases: list[dict[str, str]], compute: Callable[..., Iterable]
) -> list[dict[str, str]]:
    """Return a table's rows; those of cases that it lacks are computed and written, a case at a time."""
    table = RESULTS / name
    done = rows(table)
    for case in cases:
        if any(all(row[key] == str(value) for key, value in case.items()) for row in done):
            continue
        computed = [{key: str(value) for key, value in row.items()} for row in compute(**case)]
        append(table, columns, *computed)
        done += computed
        print(f"{name}: {', '.join(map(str, case.values()))}", file=sys.stderr)
    return done


def summary(done: list[dict[str, str]]) -> list[str]:
    """Return, for each noise, the mean over systems and seeds of what each variant is worth, in words."""
    lines = []
    for noise in NOISES:
        here = [row for row in done if row["noise"] == noise]
        if not here:
            continue
        cases = [row for row in here if row["variant"] == "noisy"]
        lines.append(
            f"{noise}: {mean(float(row['fraction_in_sector']) for row in cases):.2f} in sector; SQD "
            f"from random bits {mean(float(row['random_bits_error_mha']) for row in cases):.1f} mHa, without "
            f"samples {mean(float(row['singles_doubles_error_mha']) for row in cases):.1f} mHa"
        )
        for variant in dict.fromkeys(row["variant"] for row in here):
            mine = [row for row in here if row["variant"] == variant]
            better = np.mean(
                [
                    float(row["sqd_error_mha"]) < float(raw["sqd_error_mha"]) - 1e-3
                    for row, raw in zip(mine, cases, strict=True)
                ]
            )
            lines.append(
                f"  {variant:24s} distance {mean(float(row['distance']) for row in mine):.3f}, occupations "
                f"{mean(float(row['occupation_error']) for row in mine):.4f}, SQD "
                f"{mean(float(row['sqd_error_mha']) for row in mine):.1f} mHa (below the noisy one's in "
                f"{better:.0%} of {len(mine)})"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--summary", action="store_true", help="compute nothing, say what is there")
    options = parser.parse_args()
    seeds = range(0 if options.summary else options.seeds)
    against_aer = carry_on("noise_against_aer.csv", AER_COLUMNS, [{"seed": seed} for seed in seeds], aer_rows)
    cases = [
        {"system": system, "noise": noise, "seed": seed}
        for seed in seeds
        for system in SYSTEMS
        for noise in NOISES
    ]
    done = carry_on("noise.csv", COLUMNS, cases, study_rows)
    print("\n".join(summary(done)))
    for row in against_aer:
        print(
            f"8 qubits, seed {row['seed']}: distance to Aer {row['distance_to_aer']}, of two samples of Aer "
            f"{row['distance_aer_to_aer']}; p = {row['p_value']}"
        )


if __name__ == "__main__":
    main()
