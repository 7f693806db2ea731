"""Training steps of language models on Selene (A100, 80 GB) against what was published; rows are kept.

    python benchmarks/training.py [--summary]

Published: seconds of a step in Table 5 of arXiv 2205.05198, with full recomputation, and with selective
recomputation and sequence parallelism (checked against the copy in calculon-ai/calculon on GitHub).

Nothing in the model is fitted to these cases. The one constant that stands for what an A100 does with
matrix products was published elsewhere (`data/cluster/catalogue/accelerators.toml`): 257 Tflop/s for 8192³
of normally distributed numbers, in 2022. `best_of_scan` is the same model with the most that a later scan
over shapes found (267.9 Tflop/s for 6912 × 16384 × 2048). What either gives was known when the first was
chosen, as the one that wasn't picked for being the best.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from _table import append, machine, rows, versions

from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._collectives import Channel
from labkit.cluster._plan import LanguageModel, Plan
from labkit.cluster._training import Hardware, training_step

TABLE = Path(__file__).parent / "results" / "training.csv"
PARTS = ("compute", "tensor", "pipeline", "bubble", "data", "optimiser")
COLUMNS = (
    "model",
    "accelerators",
    "recompute",
    "published_s",
    "seconds",
    "error",
    "best_of_scan",
    "best_of_scan_error",
    *PARTS,
    "utilisation",
    "memory_gb",
    "machine",
    "versions",
)
CASES = {
    "22B": (LanguageModel(48, 6144, 64), Plan(4, 4, tensor=8), (1.42, 1.10)),
    "175B": (LanguageModel(96, 12288, 96), Plan(64, tensor=8, pipeline=8, interleave=3), (18.13, 13.75)),
    "530B": (LanguageModel(105, 20480, 128), Plan(280, tensor=8, pipeline=35, interleave=3), (49.05, 37.83)),
    "1T": (LanguageModel(128, 25600, 160), Plan(512, tensor=8, pipeline=64), (94.42, 71.49)),
}


def selene() -> Hardware:
    """A DGX A100 of Selene: 8 GPUs with a 200 Gbit/s HCA each (arXiv 2104.04473); 5 µs of latency assumed."""
    return Hardware(read_catalogue().accelerators["A100"], 8, Channel(5e-6, 8 * 25.0))


def percent(told: float, published: float) -> str:
    return f"{100 * (told / published - 1):+.2f}"


def row(name: str, recompute: str, published: float) -> dict[str, object]:
    """Return one row of the table, computed."""
    model, plan, _ = CASES[name]
    plan = replace(plan, recompute=recompute, sequence_parallel=recompute == "selective")
    hardware = selene()
    step = training_step(model, plan, hardware)
    scanned = replace(hardware.accelerator, matmul_tflop_s=267.9, matmul_shape=(6912, 16384, 2048))
    best = training_step(model, plan, replace(hardware, accelerator=scanned))
    return {
        "model": name,
        "accelerators": plan.accelerators,
        "recompute": recompute,
        "published_s": published,
        "seconds": f"{step.seconds:.4f}",
        "error": percent(step.seconds, published),
        "best_of_scan": f"{best.seconds:.4f}",
        "best_of_scan_error": percent(best.seconds, published),
        **{part: f"{step.parts[part]:.4f}" for part in PARTS},
        "utilisation": f"{step.utilisation:.4f}",
        "memory_gb": f"{sum(step.memory_gb.values()):.1f}",
        "machine": machine(),
        "versions": versions("numpy", "scipy"),
    }


def summary(table: list[dict[str, str]]) -> list[str]:
    """Return the mean and the greatest error in words."""
    lines = []
    for column in ("error", "best_of_scan_error"):
        for names in (tuple(CASES), ("22B", "530B")):
            errors = [abs(float(entry[column])) for entry in table if entry["model"] in names]
            if errors:
                mean = sum(errors) / len(errors)
                lines.append(
                    f"{column} of {', '.join(names)}: {mean:.2f} % in the mean, at most {max(errors):.2f} %"
                )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--summary", action="store_true", help="compute nothing, summarise the CSV")
    if not parser.parse_args().summary:
        done = {(entry["model"], entry["recompute"]) for entry in rows(TABLE)}
        for name, (_, _, published) in CASES.items():
            for recompute, seconds in zip(("full", "selective"), published, strict=True):
                if (name, recompute) not in done:
                    entry = row(name, recompute, seconds)
                    append(TABLE, COLUMNS, entry)
                    print(name, recompute, entry["seconds"], entry["error"], entry["best_of_scan_error"])
    print("\n".join(summary(rows(TABLE))))


if __name__ == "__main__":
    main()
