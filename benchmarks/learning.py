"""Does the model learn? Ten seeds of a cheap campaign, each paired with the same run with learning off.

    python benchmarks/learning.py [--seeds N]

Writes one row a run to results/learning.csv as it is done, skips those that are there, and ends with the mean
difference of the last round's mean score and its 95 % confidence interval (Student's t, paired).
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import numpy as np
from _table import append, machine, rows, versions
from scipy import stats

from labkit.campaign import Campaign, Run

HERE = Path(__file__).parent
TABLE = HERE / "results" / "learning.csv"
COLUMNS = [
    "seed",
    "learning",
    "rounds",
    "first_round",
    "last_round",
    "docked",
    "seconds",
    "machine",
    "versions",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--runs", type=Path, default=Path("runs/learning"))
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    done = {(row["seed"], row["learning"]) for row in rows(TABLE)}
    for seed in range(args.seeds):
        for learning in ("true", "false"):
            if (str(seed), learning) not in done:
                campaign = Campaign.load(HERE / "learning.toml", [f"generator.learning={learning}"])
                append(TABLE, COLUMNS, row(campaign.run(seed, out=args.runs), seed, learning))
    print(summary())


def row(run: Run, seed: int, learning: str) -> dict[str, object]:
    """Return what a run came to."""
    with run.journal() as journal:
        means = {number: value for number, name, value in journal.metrics() if name == "score_mean"}
        docked = journal.counts()["docking"]
    last = max(means)
    return {
        "seed": seed,
        "learning": learning,
        "rounds": last + 1,
        "first_round": f"{means[0]:.6f}",
        "last_round": f"{means[last]:.6f}",
        "docked": docked,
        "seconds": f"{run.manifest['seconds']:.0f}",
        "machine": machine(),
        "versions": versions("labkit", "jax", "vina", "rdkit"),
    }


def summary() -> str:
    last = {(row["seed"], row["learning"]): float(row["last_round"]) for row in rows(TABLE)}
    seeds = sorted({seed for seed, _ in last if (seed, "true") in last and (seed, "false") in last}, key=int)
    gain = np.array([last[seed, "true"] - last[seed, "false"] for seed in seeds])
    if len(gain) < 2:
        return f"{len(gain)} pair(s) of runs: two are needed for an interval"
    half = stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain))
    return (
        f"mean score of the last round, learning minus no learning, {len(gain)} seeds: "
        f"{gain.mean():+.3f}, 95 % interval {gain.mean() - half:+.3f} to {gain.mean() + half:+.3f}"
    )


if __name__ == "__main__":
    main()
