"""Interaction energies of shipped dimers against CCSD(T)/CBS; each row is on disk before the next begins.

    python benchmarks/interaction.py [--level standard] [--threads 1] [NAME…]

Rows that the CSV has already are skipped, so that an interrupted benchmark goes on where it stopped. The
references come from the headers of the dimers' files, which no calculation reads.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import re
import sys
from pathlib import Path

from labkit.quantum import InteractionEnergy, interaction_energy
from labkit.store import data_path

DEFAULT_NAMES = (
    "S66_01",
    "S66_03",
    "S66_05",
    "S66_07",
    "S66_09",
    "S66_11",
    "S66_23",
    "S66_59",
    "HB375_3.039_100",
    "HB375_4.015_100",
    "IHB100_08.012_100",
    "IHB100_12.003_100",
)

COLUMNS = (
    "dimer",
    "class",
    "reference",
    "kcal_mol",
    "error",
    "components",
    "error_mha",
    "delta_kcal_mol",
    "norb",
    "seconds",
    "cpu_seconds",
    "machine",
    "versions",
)


def reference(path: Path) -> float:
    """Return the CCSD(T)/CBS interaction energy in a dimer file's header, kcal/mol."""
    header = path.read_text(encoding="utf-8").splitlines()[1]
    match = re.search(r"benchmark_Eint=(\S+)", header)
    if match is None or "benchmark_unit=kcal/mol" not in header:
        raise SystemExit(f"{path}: the header has no benchmark_Eint in kcal/mol")
    return float(match[1])


def machine(threads: int) -> str:
    """Return processor and threads in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        model = match[1] if match else model
    return f"{model}, {threads} thread(s)"


def cpu_seconds() -> float:
    """Return the processor time of this process and its workers, which a busy machine doesn't inflate."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def row(name: str, level: str, threads: int) -> dict[str, object]:
    """Return one row of the table, computed."""
    path = data_path("dimers", f"{name}.xyz")
    before = cpu_seconds()
    result: InteractionEnergy = interaction_energy(path, level, threads=threads)
    wanted = reference(path)
    return {
        "dimer": name,
        "class": result.charge_class,
        "reference": wanted,
        "kcal_mol": f"{result.kcal_mol:.4f}",
        "error": f"{result.kcal_mol - wanted:.4f}",
        "components": json.dumps({key: round(value, 4) for key, value in result.components.items()}),
        "error_mha": f"{result.quantum['error_mha']:.4f}" if result.quantum else "",
        "delta_kcal_mol": f"{result.quantum['delta_kcal_mol']:.4f}" if result.quantum else "",
        "norb": result.active_space["dimer"]["orbitals"] if result.active_space else "",
        "seconds": f"{result.seconds['total']:.1f}",
        "cpu_seconds": f"{cpu_seconds() - before:.1f}",
        "machine": machine(threads),
        "versions": " ".join(f"{package}={version}" for package, version in result.versions.items()),
    }


def summary(rows: list[dict[str, str]]) -> list[str]:
    """Return the mean absolute error of each charge class in words, kcal/mol."""
    lines = []
    for charge_class in sorted({entry["class"] for entry in rows}):
        errors = [float(entry["error"]) for entry in rows if entry["class"] == charge_class]
        mean = sum(abs(error) for error in errors) / len(errors)
        worst = max(errors, key=abs)
        lines.append(
            f"{charge_class}: {len(errors)} dimers, mean absolute error {mean:.2f}, worst {worst:+.2f}"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="dimers in data/dimers (default: the twelve)"
    )
    parser.add_argument("--level", default="standard", choices=("fast", "standard"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, help="the CSV (default: benchmarks/results/interaction_LEVEL.csv)"
    )
    options = parser.parse_args()
    table = options.out or Path(__file__).parent / "results" / f"interaction_{options.level}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    done: list[dict[str, str]] = []
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            done = list(csv.DictReader(file))
    else:
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writeheader()
    for name in options.names or DEFAULT_NAMES:
        if name in {entry["dimer"] for entry in done}:
            continue
        entry = {key: str(value) for key, value in row(name, options.level, options.threads).items()}
        with table.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS).writerow(entry)
        done.append(entry)
        print(
            f"{name}: {entry['kcal_mol']} (error {entry['error']}) in {entry['seconds']} s", file=sys.stderr
        )
    print("\n".join(summary(done)))


if __name__ == "__main__":
    main()
