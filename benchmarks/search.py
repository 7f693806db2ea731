"""How good the molecules are that a search finds in so many calls: ten PMO tasks, and an ablation on others.

    python benchmarks/search.py [--only TASK…] [--arm ARM…] [--budget N] [--seeds N…]

Without options: the ten tasks of the PMO benchmark, 10,000 calls, three seeds. `--arm` names what is to be
measured: `full` is what `labkit optimize` does; the others lack something (`ARMS`). Writes
benchmarks/results/search.csv; rows that it has already are skipped. Each search keeps its calls and its
checkpoint in benchmarks/searches, so that an interrupted one goes on. `seconds` is wall time without the
objective's, `cpu_s` processor time with it.

The tasks `own:…` were made for tuning, from the same parts as PMO's, on other molecules.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from _table import append, machine, rows, versions
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors

from labkit.campaign import optimize
from labkit.campaign._optimize import SEARCH
from labkit.generative import TASKS, OptimiserSettings, task
from labkit.generative import _tasks as parts

HERE = Path(__file__).parent
TABLE = HERE / "results" / "search.csv"
COLUMNS = (
    "arm",
    "task",
    "budget",
    "seed",
    "auc_top1",
    "auc_top10",
    "auc_top100",
    "auc_top10_at_1000",
    "top10_mean",
    "calls",
    "seconds",
    "cpu_s",
    "peak_mb",
    "machine",
    "versions",
)
KEY = ("arm", "task", "budget", "seed")

_breeding = SEARCH.breeding
ARMS: dict[str, OptimiserSettings] = {
    "full": SEARCH,
    "policy learns": replace(SEARCH, learning=True, updates=2),
    "no fresh parents": replace(SEARCH, breeding=replace(_breeding, fresh=0.0)),
    "two generations": replace(SEARCH, breeding=replace(_breeding, generations=2)),
    "one move a mutation": replace(SEARCH, breeding=replace(_breeding, moves=1)),
    "what is sure alone": replace(SEARCH, breeding=replace(_breeding, kappa=0.0)),
    "one lineage": replace(SEARCH, breeding=replace(_breeding, patience=0)),
    "any environment": replace(SEARCH, breeding=replace(_breeding, strange=None)),
    "no surrogate": replace(SEARCH, breeding=replace(_breeding, known=0)),
    # After REINVENT: its augmented likelihood, its replay by rank; what the language model does alone.
    "policy only": replace(SEARCH, learning=True, breeding=replace(_breeding, children=0)),
}

APIXABAN = "COc1ccc(-n2nc(C(N)=O)c3c2C(=O)N(c2ccc(N4CCCCC4=O)cc2)CC3)cc1"
LOSARTAN = "CCCCc1nc(Cl)c(CO)n1Cc1ccc(-c2ccccc2-c2nnn[nH]2)cc1"
ZOLPIDEM = "Cc1ccc(-c2nc3ccc(C)cn3c2CC(=O)N(C)C)cc1"
ERLOTINIB = "C#Cc1cccc(Nc2ncnc3cc(OCCOC)c(OCCOC)cc23)c1"


def losartan() -> parts.Part:
    molecule = Chem.MolFromSmiles(LOSARTAN)
    return parts.geometric_mean(
        parts.shaped(parts.similarity(LOSARTAN), parts.gaussian(0.0, 0.1)),
        parts.shaped(Crippen.MolLogP, parts.gaussian(Crippen.MolLogP(molecule), 0.2)),
        parts.shaped(rdMolDescriptors.CalcTPSA, parts.gaussian(rdMolDescriptors.CalcTPSA(molecule), 5.0)),
        parts.isomer("C22H23ClN6O"),
    )


OWN: dict[str, Callable[[], parts.Part]] = {
    "own:apixaban_rediscovery": lambda: parts.similarity(APIXABAN),
    "own:losartan_mpo": losartan,
    "own:zolpidem_mpo": lambda: parts.geometric_mean(parts.similarity(ZOLPIDEM), parts.isomer("C20H22N2O2")),
    "own:nicotine_cocaine_median": lambda: parts.geometric_mean(
        parts.similarity("CN1CCCC1c1cccnc1"), parts.similarity("CN1C2CCC1C(C(=O)OC)C(OC(=O)c1ccccc1)C2")
    ),
    "own:erlotinib_hop": lambda: parts.mean(
        parts.shaped(parts.pharmacophore_similarity(ERLOTINIB), parts.clipped(0.75)),
        parts.lacks("c1ccc2ncncc2c1"),
        parts.has("COCCO[#6]~[#6]~[#6]"),
    ),
}


def search(arm: str, name: str, budget: int, seed: int) -> None:
    """Add a row."""
    start, cpu = time.perf_counter(), time.process_time()
    if name in OWN:
        part = OWN[name]()
        objective = lambda smiles: [part(Chem.MolFromSmiles(text)) for text in smiles]  # noqa: E731
    else:
        objective = task(name)
    out = HERE / "searches" / f"{arm}-{name}-{budget}-{seed}".replace(" ", "_").replace(":", "-")
    found = optimize(objective, budget, seed, settings=ARMS[arm], out=out)
    summary = found.summary()
    append(
        TABLE,
        COLUMNS,
        {
            **dict(zip(KEY, (arm, name, budget, seed), strict=True)),
            **{key: f"{summary[key]:.4f}" for key in ("auc_top1", "auc_top10", "auc_top100", "top10_mean")},
            "auc_top10_at_1000": f"{found.auc(10, calls=1000):.4f}",
            "calls": len(found.calls),
            "seconds": round(found.seconds - found.objective_seconds),
            "cpu_s": round(time.process_time() - cpu),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            "machine": machine(),
            "versions": versions("jax", "rdkit", "numpy", "scipy"),
        },
    )
    print(f"{arm}, {name}, seed {seed}: {time.perf_counter() - start:.0f} s", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="TASK", default=list(TASKS))
    parser.add_argument("--arm", nargs="+", metavar="ARM", default=["full"], choices=ARMS)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--here", action="store_true", help="compute the first row, in this process")
    options = parser.parse_args()
    for seed in options.seeds:
        for name in options.only:
            for arm in options.arm:
                row = (arm, name, options.budget, seed)
                if tuple(map(str, row)) in {tuple(entry[key] for key in KEY) for entry in rows(TABLE)}:
                    continue
                if options.here:
                    search(*row)
                    return
                arguments = ["--arm", arm, "--only", name, "--budget", str(row[2]), "--seeds", str(seed)]
                subprocess.run([sys.executable, __file__, "--here", *arguments], check=True, env=os.environ)


if __name__ == "__main__":
    main()
