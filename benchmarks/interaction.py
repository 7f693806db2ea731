"""Interaction energies of the shipped dimers against CCSD(T)/CBS; each row is on disk before the next begins.

    python benchmarks/interaction.py [--level standard] [--threads 1] [--backwards] [NAME…]
    python benchmarks/interaction.py [--level standard] --summary

Without names, levels `fast` and `standard` take every shipped dimer of at most 12 heavy atoms, those at
equilibrium first and then the two dissociation curves; `accurate` takes the six smallest neutral ones and the
two smallest ionic ones. Rows that the CSV has already are skipped, so that an interrupted benchmark goes on
where it stopped, and a second one can work towards it `--backwards`. The references come from the headers of
the dimers' files, which no calculation reads.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from statistics import fmean

from _table import append, cpu_seconds, machine, rows

from labkit.errors import EvaluationError
from labkit.molecules import read_dimer
from labkit.quantum import (
    InteractionEnergy,
    InteractionSettings,
    compute_interaction_energy,
    interaction_energy,
)
from labkit.store import data_path

MAX_HEAVY_ATOMS = 12
CURVES = ("D442_3.13.03", "HB375_5.005")

# Interaction energies that stand beside the headline, kcal/mol, where the level has them.
BESIDE = (
    "full_counterpoise",
    "half_counterpoise",
    "no_counterpoise",
    "dispersion",
    "hartree_fock",
    "mp2",
    "casci",
    "mp2_cbs",
    "ccsd_t_correction",
    "delta_quantum",
    "with_delta_quantum",
)
QUANTUM = (
    "error_mha",
    "delta_kcal_mol",
    "delta_exact_kcal_mol",
    "delta_triples_kcal_mol",
    "delta_triples_exact_kcal_mol",
    "size_consistency_mha",
)
COLUMNS = (
    "dimer",
    "class",
    "set",
    "heavy_atoms",
    "atoms",
    "reference",
    "kcal_mol",
    "error",
    "fast",
    *BESIDE,
    *QUANTUM,
    "orbitals",
    "singular_value",
    "seconds",
    "cpu_seconds",
    "stages",
    "notes",
    "machine",
    "versions",
)


def heavy_atoms(name: str) -> int:
    """Return how many atoms of a shipped dimer are no hydrogen."""
    return sum(symbol != "H" for symbol in read_dimer(data_path("dimers", f"{name}.xyz")).symbols)


def on_curve(name: str) -> bool:
    """Return whether a dimer is a stretched or compressed point of a dissociation curve."""
    return name.startswith(CURVES) and not name.endswith("_100")


def grid(level: str) -> list[str]:
    """Return the names of a level's dimers, small ones first, the curves last."""
    sizes = {path.stem: heavy_atoms(path.stem) for path in data_path("dimers").glob("*.xyz")}
    names = [name for name, size in sizes.items() if size <= MAX_HEAVY_ATOMS]
    names.sort(key=lambda name: (on_curve(name), sizes[name], atoms(name), name))
    if level != "accurate":
        return names
    neutral = [name for name in names if not charged(name)]
    return neutral[:6] + [name for name in names if charged(name)][:2]


def atoms(name: str) -> int:
    """Return how many atoms a shipped dimer has."""
    return len(read_dimer(data_path("dimers", f"{name}.xyz")).symbols)


def charged(name: str) -> bool:
    """Return whether a monomer of a shipped dimer is an ion."""
    dimer = read_dimer(data_path("dimers", f"{name}.xyz"))
    return bool(dimer.charge_a or dimer.charge_b)


def reference(path: Path) -> float:
    """Return the CCSD(T)/CBS interaction energy in a dimer file's header, kcal/mol."""
    header = path.read_text(encoding="utf-8").splitlines()[1]
    match = re.search(r"benchmark_Eint=(\S+)", header)
    if match is None or "benchmark_unit=kcal/mol" not in header:
        raise SystemExit(f"{path}: the header has no benchmark_Eint in kcal/mol")
    return float(match[1])


def row(name: str, level: str, threads: int, here: bool) -> dict[str, object]:
    """Return one row of the table, computed."""
    path = data_path("dimers", f"{name}.xyz")
    before = cpu_seconds()
    result: InteractionEnergy
    if here:
        result = compute_interaction_energy(read_dimer(path), InteractionSettings(level=level))
    else:
        result = interaction_energy(path, level, threads=threads)
    spent = cpu_seconds() - before
    wanted = reference(path)
    notes = list(result.notes)
    try:
        fast = f"{interaction_energy(path, 'fast').kcal_mol:.4f}"
    except EvaluationError as error:
        fast = ""
        notes.append(str(error))
    components, quantum, space = result.components, result.quantum, result.active_space
    return {
        "dimer": name,
        "class": result.charge_class,
        "set": "curve" if on_curve(name) else "equilibrium",
        "heavy_atoms": heavy_atoms(name),
        "atoms": atoms(name),
        "reference": wanted,
        "kcal_mol": f"{result.kcal_mol:.4f}",
        "error": f"{result.kcal_mol - wanted:.4f}",
        "fast": fast,
        **{key: f"{components[key]:.4f}" for key in BESIDE if key in components},
        **{key: f"{quantum[key]:.4f}" for key in QUANTUM if key in quantum},
        "orbitals": space["dimer"]["orbitals"] if space else "",
        "singular_value": f"{space['smallest_singular_value']:.4f}" if space else "",
        "seconds": f"{result.seconds['total']:.2f}",
        "cpu_seconds": f"{spent:.1f}",
        "stages": json.dumps({key: round(value, 1) for key, value in result.seconds.items()}),
        "notes": "; ".join(notes),
        "machine": machine(threads) + (", imports once" if here else ""),
        "versions": " ".join(f"{package}={version}" for package, version in result.versions.items()),
    }


def mean_absolute(rows: list[dict[str, str]], column: str) -> str:
    """Return a column's mean absolute error against the reference, and over how many rows if not all."""
    errors = [abs(float(entry[column]) - float(entry["reference"])) for entry in rows if entry[column]]
    if not errors:
        return "–"
    return f"{fmean(errors):.2f}" + (f" ({len(errors)})" if len(errors) < len(rows) else "")


def signed(entry: dict[str, str]) -> str:
    return f"{entry['dimer']} {float(entry['error']):+.2f}"


def summary(done: list[dict[str, str]]) -> list[str]:
    """Return mean absolute errors (kcal/mol) by class and by curve, the worst dimers, and times, in words."""
    lines = []
    equilibrium = [entry for entry in done if entry["set"] == "equilibrium"]
    methods = ("kcal_mol", "full_counterpoise", "no_counterpoise", "with_delta_quantum")
    methods = (*methods, "mp2_cbs", "mp2", "hartree_fock", "casci", "fast")
    for charge_class in ("neutral", "ionic"):
        chosen = [entry for entry in equilibrium if entry["class"] == charge_class]
        if chosen:
            lines.append(f"{charge_class}, {len(chosen)} dimers at equilibrium, mean absolute errors:")
            lines += [
                f"  {'headline' if method == 'kcal_mol' else method}: {mean_absolute(chosen, method)}"
                for method in methods
                if any(entry[method] for entry in chosen)
            ]
    worst = sorted(equilibrium, key=lambda entry: -abs(float(entry["error"])))[:5]
    lines.append("the worst five: " + ", ".join(map(signed, worst)))
    for curve in CURVES:
        points = sorted(
            (entry for entry in done if entry["dimer"].startswith(curve)), key=lambda e: e["dimer"]
        )
        if len(points) > 1:
            errors = ", ".join(f"{e['dimer'][-3:]}: {float(e['error']):+.2f}" for e in points)
            lines.append(f"curve {curve} (distance in %): {errors}")
    for size in sorted({int(entry["heavy_atoms"]) for entry in done}):
        alike = [entry for entry in done if int(entry["heavy_atoms"]) == size]
        cpu = [float(entry["cpu_seconds"]) for entry in alike]
        lines.append(
            f"{size} heavy atoms, {len(alike)} dimers: {fmean(cpu):.1f} s of processor time, at most "
            f"{max(cpu):.1f}; wall time at most {max(float(entry['seconds']) for entry in alike):.1f} s"
        )
    if any(entry["notes"] for entry in done):
        lines += [f"{entry['dimer']}: {entry['notes']}" for entry in done if entry["notes"]]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="dimers in data/dimers (default: the grid)")
    parser.add_argument("--level", default="standard", choices=("fast", "standard", "accurate"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--backwards", action="store_true", help="start with the last dimer")
    parser.add_argument(
        "--here",
        action="store_true",
        help="compute in this process, which imports but once (set OMP_NUM_THREADS to --threads)",
    )
    parser.add_argument("--summary", action="store_true", help="compute nothing, summarise the CSV")
    parser.add_argument(
        "--out", type=Path, help="the CSV (default: benchmarks/results/interaction_LEVEL.csv)"
    )
    options = parser.parse_args()
    table = options.out or Path(__file__).parent / "results" / f"interaction_{options.level}.csv"
    names = [] if options.summary else options.names or grid(options.level)
    for name in reversed(names) if options.backwards else names:
        if name in {entry["dimer"] for entry in rows(table)}:
            continue
        entry = row(name, options.level, options.threads, options.here)
        if name in {entry["dimer"] for entry in rows(table)}:
            continue  # the other worker was faster
        append(table, COLUMNS, entry)
        print(
            f"{name}: {entry['kcal_mol']} (error {entry['error']}) in {entry['seconds']} s",
            file=sys.stderr,
            flush=True,
        )
    print("\n".join(summary(rows(table))))


if __name__ == "__main__":
    main()
