"""What truncated LUCJ circuits take on every machine in data/qpus; a row for each circuit and machine.

    python benchmarks/resources.py

Writes benchmarks/results/resources.csv. Rows that it has already are skipped.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from labkit.quantum import LucjSize, Resources, read_qpus, resources
from labkit.quantum._lucj_circuit import lucj_circuit, random_amplitudes

TABLE = Path(__file__).parent / "results" / "resources.csv"

SIZES = tuple(LucjSize(orbitals, orbitals, repetitions) for orbitals in (4, 8, 12) for repetitions in (1, 2))

COLUMNS = ("electrons", "orbitals", "repetitions", "locality", *Resources.__dataclass_fields__, "versions")


def row(size: LucjSize, name: str) -> dict[str, object]:
    """Return one row of the table, computed."""
    amplitudes = random_amplitudes(size.orbitals, size.electrons // 2)
    lucj = lucj_circuit(amplitudes, repetitions=size.repetitions, locality=size.locality)
    found = asdict(resources(lucj.circuit, name))
    for fidelity in ("gate_fidelity", "expected_fidelity"):
        found[fidelity] = "" if found[fidelity] is None else f"{found[fidelity]:.3g}"
    versions = " ".join(f"{package}={version(package)}" for package in ("qiskit", "ffsim"))
    return {**asdict(size), **found, "assumed": "; ".join(found["assumed"]), "versions": versions}


def main() -> None:
    done: list[dict[str, str]] = []
    if TABLE.is_file():
        with TABLE.open(newline="", encoding="utf-8") as file:
            done = list(csv.DictReader(file))
    else:
        TABLE.parent.mkdir(exist_ok=True)
        with TABLE.open("w", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writeheader()
    for size in SIZES:
        for name in read_qpus():
            case = {**{key: str(value) for key, value in asdict(size).items()}, "qpu": name}
            if any(all(entry[key] == value for key, value in case.items()) for entry in done):
                continue
            with TABLE.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, COLUMNS).writerow(row(size, name))
            print(", ".join(case.values()), file=sys.stderr)


if __name__ == "__main__":
    main()
