"""Do two workers do twice as much as one, on docking and on quantum stages?

    python benchmarks/workers.py [--repeats 3]

Each repeat runs the same campaign (the settings of `quick`: 40 proposals, of which some 16 are docked and
eight simulated) with one worker and with two, each with a cache of its own. `seconds` are the stage's own on
the wall, the start of its processes included; the machine must be quiet. Writes a row a stage to
results/workers.csv as it is done, skips the repeats that are there, and ends with the ratios.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from itertools import product
from pathlib import Path
from statistics import median

from _table import append, machine, rows, versions

from labkit.campaign import Campaign, Run

TABLE = Path(__file__).parent / "results" / "workers.csv"
COLUMNS = ("repeat", "workers", "stage", "evaluations", "seconds", "per_minute", "machine", "versions")
CHANGES = ("rounds=1", "proposals=40", "interaction.candidates=8", "generator.learning=false")
WORKERS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for repeat, workers in product(range(args.repeats), WORKERS):
        if (str(repeat), str(workers)) not in {(row["repeat"], row["workers"]) for row in rows(TABLE)}:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["LABKIT_CACHE"] = f"{folder}/cache"
                run = Campaign.load("quick", CHANGES).run(repeat, workers=workers, out=Path(folder))
                append(TABLE, COLUMNS, *stages(run, repeat, workers))
    print("\n".join(summary()))


def stages(run: Run, repeat: int, workers: int) -> list[dict[str, object]]:
    """Return what each stage of a run did, and how long it took."""
    with run.journal() as journal:
        counts, booked = journal.counts(), journal.meter()
    found: list[dict[str, object]] = []
    for stage in run.specification.fidelities:
        seconds = sum(row["seconds"] for row in booked if row["stage"] == stage)
        found.append(
            {
                "repeat": repeat,
                "workers": workers,
                "stage": stage,
                "evaluations": counts[stage],
                "seconds": f"{seconds:.2f}",
                "per_minute": f"{60 * counts[stage] / seconds:.3f}",
                "machine": machine(workers),
                "versions": versions("labkit", "vina", "pyscf"),
            }
        )
    return found


def summary() -> list[str]:
    """Return the gain of two workers on each stage, in words."""
    table = {(row["repeat"], row["workers"], row["stage"]): float(row["per_minute"]) for row in rows(TABLE)}
    gains: dict[str, list[float]] = {}
    for (repeat, workers, stage), rate in table.items():
        if workers == "2" and (repeat, "1", stage) in table:
            gains.setdefault(stage, []).append(rate / table[repeat, "1", stage])
    return [
        f"{stage}: two workers do {median(own):.2f} times as much as one; "
        + ", ".join(f"{gain:.2f}" for gain in own)
        for stage, own in gains.items()
    ] or ["no pair of runs yet"]


if __name__ == "__main__":
    main()
