"""Does the loop find better photosensitisers than chance, for the same number of quantum calls?

    python benchmarks/photosensitiser.py [--seeds 3] [--workers 2]

Each seed runs the shipped campaign twice, once as it is and once with learning off: the same generator's
output, of which the same number of molecules is chosen at random for the quantum step. Writes a row a run to
results/photosensitiser.csv as it is done, skips those that are there (a run that was stopped goes on), and
ends with the paired differences.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from statistics import fmean

from _table import append, machine, rows, versions

from labkit.campaign import Campaign, Run, list_runs, resume
from labkit.store import data_path

TABLE = Path(__file__).parent / "results" / "photosensitiser.csv"
COLUMNS = (
    "seed",
    "learning",
    "rounds",
    "quantum_calls",
    "failed",
    "best_score",
    "top5_score",
    "mean_score",
    "last_rounds_score",
    "lowest_ev",
    "in_window",
    "best",
    "seconds",
    "machine",
    "versions",
)
WINDOW = (0.98, 1.4)
LAST_ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/photosensitiser"))
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for seed in range(args.seeds):
        for learning in ("true", "false"):
            done = {(row["seed"], row["learning"]) for row in rows(TABLE)}
            if (str(seed), learning) not in done:
                run = finished(seed, learning, args.runs / f"{seed}-{learning}", args.workers)
                append(TABLE, COLUMNS, row(run, seed, learning, args.workers))
    print("\n".join(summary()))


def finished(seed: int, learning: str, folder: Path, workers: int) -> Run:
    """Return the run of one case: carried on where it was stopped, else begun."""
    for known in list_runs([folder]) if folder.is_dir() else ():
        return resume(folder / known["run"], workers=workers)
    campaign = Campaign.load(
        data_path("campaigns", "photosensitiser.toml"), [f"generator.learning={learning}"]
    )
    return campaign.run(seed, workers=workers, out=folder)


def row(run: Run, seed: int, learning: str, workers: int) -> dict[str, object]:
    """Return what a run found."""
    with run.journal() as journal:
        evaluations = journal.evaluations("triplet")
        scores = {smiles: value for smiles, _, value, _ in journal.scores()}
    # What failed has no score: it was a quantum call, and worth nothing.
    scored = sorted(((scores.get(e.smiles, 0.0), e.round) for e in evaluations), reverse=True)
    energies = [e.result["components"]["triplet_energy"] for e in evaluations if e.status == "done"]
    best, rounds = run.best(1)[0], run.specification.rounds
    late = [value for value, number in scored if number >= rounds - LAST_ROUNDS]
    return {
        "seed": seed,
        "learning": learning,
        "rounds": rounds,
        "quantum_calls": len(evaluations),
        "failed": sum(e.status == "failed" for e in evaluations),
        "best_score": f"{scored[0][0]:.4f}",
        "top5_score": f"{fmean(value for value, _ in scored[:5]):.4f}",
        "mean_score": f"{fmean(value for value, _ in scored):.4f}",
        "last_rounds_score": f"{fmean(late):.4f}",
        "lowest_ev": f"{min(energies):.3f}",
        "in_window": sum(WINDOW[0] <= energy <= WINDOW[1] for energy in energies),
        "best": json.dumps({"smiles": best["smiles"], "ev": round(best["components"]["triplet_energy"], 3)}),
        "seconds": f"{run.manifest['seconds']:.0f}",
        "machine": machine(workers),
        "versions": versions("labkit", "jax", "pyscf", "rdkit"),
    }


def summary() -> list[str]:
    """Return the means with and without learning, and the paired differences, in words."""
    table = {(row["seed"], row["learning"]): row for row in rows(TABLE)}
    pairs = [
        (row, table[seed, "false"])
        for (seed, learning), row in table.items()
        if learning == "true" and (seed, "false") in table
    ]
    lines = []
    for column in ("best_score", "top5_score", "mean_score", "last_rounds_score", "lowest_ev", "in_window"):
        differences = [float(with_[column]) - float(without[column]) for with_, without in pairs]
        if pairs:
            lines.append(
                f"{column}: {fmean(float(with_[column]) for with_, _ in pairs):.3f} learning, "
                f"{fmean(float(without[column]) for _, without in pairs):.3f} at random; differences "
                + ", ".join(f"{difference:+.3f}" for difference in differences)
            )
    return lines or ["no pair of runs yet"]


if __name__ == "__main__":
    main()
