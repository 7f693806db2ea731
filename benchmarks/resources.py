"""What truncated LUCJ circuits take on every machine in data/qpus; a row for each circuit and machine.

    python benchmarks/resources.py

Writes benchmarks/results/resources.csv. Rows that it has already are skipped.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from _table import append, rows, versions

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
    return {
        **asdict(size),
        **found,
        "assumed": "; ".join(found["assumed"]),
        "versions": versions("qiskit", "ffsim"),
    }


def main() -> None:
    done = rows(TABLE)
    for size in SIZES:
        for name in read_qpus():
            case = {**{key: str(value) for key, value in asdict(size).items()}, "qpu": name}
            if any(all(entry[key] == value for key, value in case.items()) for entry in done):
                continue
            append(TABLE, COLUMNS, row(size, name))
            print(", ".join(case.values()), file=sys.stderr)


if __name__ == "__main__":
    main()
