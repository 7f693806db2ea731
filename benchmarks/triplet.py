"""Triplet energies of shipped molecules against QUEST's; each row is on disk before the next begins.

    python benchmarks/triplet.py [--max-orbitals 10] [--solver exact] [--threads 1] [--summary] [NAME…]

The smallest π systems come first. With `--solver exact` no circuit is run, and the rows go into a table of
their own: that reaches the π systems whose circuit takes hours. Rows that the CSV has already are skipped, so
that an interrupted benchmark goes on where it stopped. The references come from data/triplets/reference.csv,
which no calculation reads.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from statistics import fmean

from _table import append, cpu_seconds, machine, rows

from labkit.errors import EvaluationError
from labkit.quantum import TripletEnergy, TripletSettings, triplet_energy
from labkit.quantum._chromophore import read_chromophore
from labkit.store import data_path

RESULTS = Path(__file__).parent / "results"
TABLES = {"uccsd": RESULTS / "triplet.csv", "exact": RESULTS / "triplet_exact.csv"}

COLUMNS = (
    "molecule",
    "safe",
    "electrons",
    "orbitals",
    "reference",
    "ev",
    "error",
    "exact_ev",
    "components",
    "error_mha_s0",
    "error_mha_t1",
    "spin_square_s0",
    "spin_square_t1",
    "layers",
    "notes",
    "seconds",
    "cpu_seconds",
    "machine",
    "versions",
)


def references() -> dict[str, dict[str, str]]:
    """Return the rows of the reference table by file name without its ending."""
    with data_path("triplets", "reference.csv").open(newline="", encoding="utf-8") as file:
        return {Path(entry["file"]).stem: entry for entry in csv.DictReader(file)}


def by_size(names: list[str]) -> dict[str, int]:
    """Return the number of π orbitals by name, the smallest first, then by the number of atoms."""
    found = {name: read_chromophore(data_path("triplets", f"{name}.xyz")) for name in names}
    ordered = sorted(found, key=lambda name: (len(found[name].system.orbitals), len(found[name].symbols)))
    return {name: len(found[name].system.orbitals) for name in ordered}


def row(name: str, reference: dict[str, str], solver: str, threads: int) -> dict[str, object]:
    """Return one row of the table, computed."""
    before = cpu_seconds()
    result: TripletEnergy = triplet_energy(
        data_path("triplets", f"{name}.xyz"), settings=TripletSettings(solver=solver), threads=threads
    )
    wanted, quantum = float(reference["t1_ev"]), result.quantum
    return {
        "molecule": name,
        "safe": reference["safe"],
        "electrons": result.active_space["electrons"],
        "orbitals": result.active_space["orbitals"],
        "reference": wanted,
        "ev": f"{result.ev:.4f}",
        "error": f"{result.ev - wanted:.4f}",
        "exact_ev": f"{result.components['exact']:.4f}",
        "components": json.dumps({key: round(value, 4) for key, value in result.components.items()}),
        "error_mha_s0": f"{quantum['S0']['error_mha']:.4f}",
        "error_mha_t1": f"{quantum['T1']['error_mha']:.4f}",
        "spin_square_s0": f"{quantum['S0']['spin_square']:.4f}",
        "spin_square_t1": f"{quantum['T1']['spin_square']:.4f}",
        "layers": "/".join(str(quantum[state]["cost"].get("layers", 0)) for state in ("S0", "T1")),
        "notes": "; ".join(result.notes),
        "seconds": f"{result.seconds['total']:.1f}",
        "cpu_seconds": f"{cpu_seconds() - before:.1f}",
        "machine": machine(threads),
        "versions": " ".join(f"{package}={version}" for package, version in result.versions.items()),
    }


def summary(done: list[dict[str, str]]) -> list[str]:
    """Return mean absolute errors in words, eV, by size and by the reference's own certainty."""
    small = [entry for entry in done if int(entry["orbitals"]) <= 10]
    groups = {
        "at most 10 π orbitals": small,
        "of these, safe": [entry for entry in small if entry["safe"] == "yes"],
        "larger": [entry for entry in done if int(entry["orbitals"]) > 10],
    }
    lines = []
    for label, group in groups.items():
        if group:
            parts = [json.loads(entry["components"]) for entry in group]
            errors = {
                key: [part[key] - float(entry["reference"]) for part, entry in zip(parts, group, strict=True)]
                for key in ("solver", "exact", "tpbe", "casscf", "determinant")
            }
            worst = max(group, key=lambda entry: abs(float(entry["error"])))
            mha = max(float(entry[key]) for entry in group for key in ("error_mha_s0", "error_mha_t1"))
            lines.append(
                f"{label}: {len(group)} molecules, mean absolute error {_mean(errors['solver'])} eV (signed "
                f"{fmean(errors['solver']):+.3f}, worst {worst['molecule']} {worst['error']}); "
                f"exact solver {_mean(errors['exact'])}, tPBE {_mean(errors['tpbe'])}, CASSCF "
                f"{_mean(errors['casscf'])}, one determinant {_mean(errors['determinant'])}; "
                f"solver off by at most {mha:.2f} mHa"
            )
    return lines


def _mean(errors: list[float]) -> str:
    return f"{fmean(abs(error) for error in errors):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="molecules in data/triplets (default: all)")
    parser.add_argument("--max-orbitals", type=int, default=99, help="leave larger π systems out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--solver", choices=TABLES, default="uccsd", help="what solves the active space")
    parser.add_argument("--summary", action="store_true", help="only sum up the rows that are there")
    options = parser.parse_args()
    table = TABLES[options.solver]
    known = references()
    sizes = {} if options.summary else by_size(options.names or list(known))
    for name, orbitals in sizes.items():
        # Read anew each time: another process may fill the same table from its other end.
        if orbitals > options.max_orbitals or name in {entry["molecule"] for entry in rows(table)}:
            continue
        try:
            entry = row(name, known[name], options.solver, options.threads)
        except EvaluationError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        append(table, COLUMNS, entry)
        print(f"{name}: {entry['ev']} (error {entry['error']}) in {entry['seconds']} s", file=sys.stderr)
    print("\n".join(summary(rows(table))))


if __name__ == "__main__":
    main()
