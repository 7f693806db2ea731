"""SQD at (12e,12o) against exact, uniform random bits and singles plus doubles, at equal dimension.

    python benchmarks/sqd_controls.py [--shots 200000 2000000] [SYSTEM…]

Up to eight orbitals SQD finds the exact energy whatever is sampled. Here the subspace is capped at a tenth of
the full space; where the samples name fewer strings than that, the controls get as few. Each row is on disk
before the next begins, and rows that the CSV has already are skipped. `--summary` prints what it holds.

At 24 qubits the samples are drawn from the sector's state by ffsim, since Aer takes 40 s for them; tests
check that both agree up to 16 qubits.
"""

# ruff: noqa: E402 - thread counts must be set before the libraries that read them

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from _table import append, machine, rows, versions
from pyscf import ao2mo, gto, mcscf, scf

from labkit.molecules import conformer
from labkit.quantum._circuit import fraction_in_sector, sample_sector, sector_state, ucj_operator
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._mp2 import mp2
from labkit.quantum._reference import coupled_cluster
from labkit.quantum._sector import action, exact_state
from labkit.quantum._subspace import Subspace, capped_strings, diagonalize, random_counts, without_samples

BASIS = "6-31g*"
SHARE = 0.1  # of the full space
SEED = 0
# Random strings hardly repeat; so many name each of the 924 strings of a spin several times.
RANDOM_SHOTS = 4_000

COLUMNS = (
    "system",
    "orbitals",
    "electrons",
    "full_dimension",
    "exact_ha",
    "hartree_fock_mha",
    "ccsd_mha",
    "ucj_state_mha",
    "shots",
    "sampler",
    "distinct_bit_strings",
    "fraction_in_sector",
    "strings",
    "dimension",
    "share",
    "sqd_mha",
    "sqd_spin_square",
    "random_mha",
    "random_strings",
    "random_in_sector",
    "singles_doubles_mha",
    "seconds",
    "machine",
    "versions",
)


def from_smiles(smiles: str) -> str:
    """Return a molecule's conformer as PySCF reads it, Å."""
    molecule = conformer(smiles, seed=0)
    positions = molecule.GetConformer().GetPositions()
    return "; ".join(
        f"{atom.GetSymbol()} {x:.6f} {y:.6f} {z:.6f}"
        for atom, (x, y, z) in zip(molecule.GetAtoms(), positions, strict=True)
    )


def stretched_ethylene() -> str:
    """Return ethylene with its double bond pulled from 1.33 to 2.0 Å."""
    carbons = "C 0 0 -1.0; C 0 0 1.0"
    return carbons + "".join(f"; H 0 {side * 0.92} {end * 1.56}" for side in (1, -1) for end in (1, -1))


# A bond being broken, a ligand's aromatic amide, and a whole drug.
SYSTEMS: dict[str, Callable[[], str]] = {
    "ethylene at 2.0 Å": stretched_ethylene,
    "benzamide": lambda: from_smiles("NC(=O)c1ccccc1"),
    "aspirin": lambda: from_smiles("CC(=O)Oc1ccccc1C(=O)O"),
}


def active_hamiltonian(atoms: str, pairs: int = 6) -> ActiveHamiltonian:
    """Return the space of the most correlated MP2 natural orbitals, as many filled as empty."""
    mol = gto.M(atom=atoms, basis=BASIS, verbose=0)
    mean_field = scf.RHF(mol).density_fit().run()
    if not mean_field.converged:
        raise SystemExit("Hartree-Fock didn't converge")
    correlation = mp2(mean_field)
    nocc = mol.nelectron // 2
    filled = mean_field.mo_coeff[:, :nocc] @ np.linalg.eigh(correlation.occupied)[1][:, ::-1]
    empty = mean_field.mo_coeff[:, nocc:] @ np.linalg.eigh(correlation.virtual)[1][:, ::-1]
    space = mcscf.CASCI(mean_field, 2 * pairs, 2 * pairs)
    orbitals = np.hstack([filled, empty])
    h1e, core = space.get_h1eff(orbitals)
    eri = space.get_h2eff(orbitals[:, nocc - pairs : nocc + pairs])
    eri = np.asarray(ao2mo.restore(1, eri, 2 * pairs)).reshape((2 * pairs,) * 4)
    return ActiveHamiltonian(h1e, eri, float(core), (pairs, pairs))


def computed(system: str, wanted: list[int]) -> Iterator[dict[str, object]]:
    """Yield the rows of a system, one for each number of shots."""
    start = time.perf_counter()
    hamiltonian = active_hamiltonian(SYSTEMS[system]())
    norb, nelec = hamiltonian.norb, hamiltonian.nelec
    exact = exact_state(hamiltonian)[0] + hamiltonian.core
    amplitudes = coupled_cluster(hamiltonian)
    state = sector_state(ucj_operator(amplitudes), norb, nelec)
    ideal = float(np.vdot(state, action(hamiltonian)(state)).real) + hamiltonian.core
    noise = random_counts(norb, RANDOM_SHOTS, SEED)
    cap = capped_strings(hamiltonian, SHARE)
    for shots in wanted:
        counts = sample_sector(state, norb, nelec, shots, SEED)
        sampled = diagonalize(hamiltonian, counts, seed=SEED, max_strings=cap)
        random = diagonalize(hamiltonian, noise, seed=SEED, max_strings=sampled.strings)
        excitations = without_samples(hamiltonian, sampled.strings)

        def error(subspace: Subspace) -> str:
            return f"{(subspace.energy - exact) * 1e3:.4f}"

        yield {
            "system": system,
            "orbitals": norb,
            "electrons": sum(nelec),
            "full_dimension": prod(hamiltonian.strings),
            "exact_ha": f"{exact:.8f}",
            "hartree_fock_mha": error(without_samples(hamiltonian, 1)),
            "ccsd_mha": f"{(amplitudes.energy - exact) * 1e3:.4f}",
            "ucj_state_mha": f"{(ideal - exact) * 1e3:.4f}",
            "shots": shots,
            "sampler": "ffsim",
            "distinct_bit_strings": len(counts),
            "fraction_in_sector": fraction_in_sector(counts, norb, nelec),
            "strings": sampled.strings,
            "dimension": sampled.dimension,
            "share": f"{sampled.dimension / prod(hamiltonian.strings):.4f}",
            "sqd_mha": error(sampled),
            "sqd_spin_square": f"{sampled.spin_square:.4f}",
            "random_mha": error(random),
            "random_strings": random.strings,
            "random_in_sector": f"{fraction_in_sector(noise, norb, nelec):.4f}",
            "singles_doubles_mha": error(excitations),
            "seconds": f"{time.perf_counter() - start:.1f}",
            "machine": machine(),
            "versions": versions("pyscf", "ffsim", "qiskit-addon-sqd", "numpy"),
        }


def summary(entries: list[dict[str, str]]) -> list[str]:
    """Return each row in words, and whether the samples beat the controls."""
    lines = []
    for entry in entries:
        errors = {
            "SQD": float(entry["sqd_mha"]),
            "random bits": float(entry["random_mha"]),
            "singles + doubles": float(entry["singles_doubles_mha"]),
        }
        best = min(errors, key=errors.__getitem__)
        lines.append(
            f"{entry['system']}, {int(entry['shots']):,} shots, {entry['strings']} strings "
            f"({100 * float(entry['share']):.1f} %): "
            + ", ".join(f"{name} {value:.2f} mHa" for name, value in errors.items())
            + f"; {best} best"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(SYSTEMS)}")
    parser.add_argument("--shots", type=int, nargs="+", default=[200_000, 2_000_000])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sqd_controls.csv")
    parser.add_argument("--summary", action="store_true", help="compute nothing")
    options = parser.parse_args()
    done = rows(options.out)
    for system in () if options.summary else options.systems or SYSTEMS:
        have = {int(entry["shots"]) for entry in done if entry["system"] == system}
        missing = [shots for shots in options.shots if shots not in have]
        for row in computed(system, missing) if missing else ():
            entry = {key: str(value) for key, value in row.items()}
            append(options.out, COLUMNS, entry)
            done.append(entry)
            print(summary([entry])[0], file=sys.stderr)
    print("\n".join(summary(done)))


if __name__ == "__main__":
    main()
