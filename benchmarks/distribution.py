"""Does the shipped prior write molecules like those it was trained on? The metrics of MOSES, and their check.

    pip install -r benchmarks/requirements.txt && pip install --no-deps molsets==0.3.1
    python benchmarks/distribution.py [--only SET…] [--summary]

One table of three parts:

- MOSES' own training set against its two test sets, to be held against the published values: 10,000 random
  strings for all metrics, and all 1,584,663 for the scaffolds, whose cosine grows with the number of strings.
- 30,000 strings of the shipped prior against the part of ZINC250k that was kept from it. The row above, with
  strings that it was trained on, is the best that it could reach.
- MOSES' published baselines. They were trained on 1.6 million lead-like molecules without charges and stereo,
  all of which pass the filters, and compared with 176,074 more; our prior on 237 thousand drug-like ones with
  both, and compared with 12,472. So only distances to the row of the training set can be compared.

FCD (Preuer et al. 2018, doi:10.1021/acs.jcim.8b00234) is computed by the package fcd from at most 30,000
strings of each set; it grows where there are fewer, and MOSES takes the whole of its test set. Novelty of a
training set is 0 and isn't computed.

Writes benchmarks/results/distribution.csv; rows that it has already are skipped. Drawn strings and what FCD
needs are kept in benchmarks/cache, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.metadata import distribution as package
from pathlib import Path

import jax
import numpy as np
from _table import append, machine, rows, versions

from labkit.generative import PriorTraining, distribution, load_prior, sample
from labkit.generative._distribution import cosine, scaffold_of_rings
from labkit.generative._prior import valid_smiles
from labkit.generative._training import split_data
from labkit.molecules import load_zinc250k, parse

HERE = Path(__file__).parent
TABLE = HERE / "results" / "distribution.csv"
CACHE = HERE / "cache"
STRINGS = 30_000
SEED = 0
BATCH = 500
METRICS = (
    *("valid", "unique_1k", "unique_10k", "novelty", "fcd", "snn", "frag", "scaf"),
    *("int_div", "int_div2", "filters"),
)
COLUMNS = (
    *("set", "reference", "trained_on", "strings", "molecules", "references", *METRICS),
    *("source", "seed", "seconds", "machine", "versions"),
)

# Means of three trainings, from the README of github.com/molecularsets/moses at commit dd7ed6a (paper:
# Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644). Of two values the first is against the test set,
# the second against that of other scaffolds. Its novelty of the training set, 1, is a slip and left out.
PUBLISHED = """
set       valid unique_1k unique_10k novelty fcd snn frag scaf int_div int_div2 filters
MOSES     1.0   1.0 1.0   -     .008/.4755   .6419/.5859 1.0/.9986   .9907/0.0   .8567 .8508 1.0
CharRNN   .9748 1.0 .9994 .8419 .0732/.5204  .6015/.5649 .9998/.9983 .9242/.1101 .8562 .8503 .9943
AAE       .9368 1.0 .9973 .7931 .5555/1.0572 .6081/.5677 .991/.9905  .9022/.0789 .8557 .8499 .996
VAE       .9767 1.0 .9984 .6949 .099/.567    .6257/.5783 .9994/.9984 .9386/.0588 .8558 .8498 .997
JTN-VAE   1.0   1.0 .9996 .9143 .3954/.9382  .5477/.5194 .9965/.9947 .8964/.1009 .8551 .8493 .976
LatentGAN .8966 1.0 .9968 .9498 .2968/.8281  .5371/.5132 .9986/.9972 .8867/.1072 .8565 .8505 .9735
"""
ALL_OF_MOSES = "MOSES train"
MOSES_TESTS = {"MOSES test": "test", "MOSES test scaffolds": "test_scaffolds"}


def moses(part: str) -> list[str]:
    with gzip.open(package("molsets").locate_file(f"moses/dataset/data/{part}.csv.gz"), "rt") as file:
        return [row["SMILES"] for row in csv.DictReader(file)]


@cache
def zinc250k() -> tuple[list[str], list[str]]:
    """What the prior was trained on, and what was kept from it."""
    settings = load_prior().card["settings"]
    return split_data(load_zinc250k(), PriorTraining(**settings | {"epochs": tuple(settings["epochs"])}))[1:]


def some(smiles: list[str], count: int = STRINGS) -> list[str]:
    chosen = np.random.default_rng(SEED).choice(len(smiles), count, replace=False)
    return [smiles[i] for i in chosen]


def drawn() -> list[str]:
    """Strings of the shipped prior, one a line in a file that grows batch by batch."""
    file = CACHE / f"zinc250k-{SEED}.smi"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    prior = load_prior()
    # A line that was cut off by an interruption isn't whole and goes with the rest of its batch.
    done = file.read_text(encoding="ascii").split("\n")[:-1]
    done = done[: len(done) // BATCH * BATCH]
    file.write_text("".join(f"{text}\n" for text in done), encoding="ascii")
    for batch in range(len(done) // BATCH, STRINGS // BATCH):
        key = jax.random.fold_in(jax.random.key(SEED), batch)
        texts = [item.text for item in sample(prior.network, prior.vocabulary, key=key, count=BATCH)]
        with file.open("a", encoding="ascii") as stream:
            stream.write("".join(f"{text}\n" for text in texts))
        done += texts
    return done


SETS: dict[str, Callable[[], list[str]]] = {
    "MOSES train, 10,000": lambda: some(moses("train"), 10_000),
    "MOSES test": lambda: moses("test"),
    "MOSES test scaffolds": lambda: moses("test_scaffolds"),
    "ZINC250k train, 30,000": lambda: some(zinc250k()[0]),
    "ZINC250k held out": lambda: zinc250k()[1],
    "prior zinc250k": drawn,
}
# Set, reference, what the set's writer was trained on.
GRID = (
    ("ZINC250k train, 30,000", "ZINC250k held out", "ZINC250k train"),
    ("prior zinc250k", "ZINC250k held out", "ZINC250k train"),
    *(("MOSES train, 10,000", test, ALL_OF_MOSES) for test in MOSES_TESTS),
    *((ALL_OF_MOSES, test, ALL_OF_MOSES) for test in MOSES_TESTS),
)


def activations(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean (512,) and covariance (512, 512) of ChemNet's last layer over at most 30,000 of a set."""
    file = CACHE / f"fcd-{name.replace(' ', '_').replace(',', '')}.npz"
    if not file.is_file():
        import fcd

        strings = SETS[name]()
        chosen = some(strings) if len(strings) > STRINGS else strings
        smiles = [text for text in map(valid_smiles, chosen) if text is not None]
        total, products = np.zeros(512), np.zeros((512, 512))
        for start in range(0, len(smiles), 10_000):
            part = fcd.get_predictions(fcd.load_ref_model(), smiles[start : start + 10_000], n_jobs=0)
            total += part.sum(0, dtype=float)
            products += part.T.astype(float) @ part
            print(f"FCD, {name}: {start + len(part)} of {len(smiles)}", file=sys.stderr)
        mean = total / len(smiles)
        covariance = (products - len(smiles) * np.outer(mean, mean)) / (len(smiles) - 1)
        CACHE.mkdir(exist_ok=True)
        np.savez(file, mean=mean, covariance=covariance)
    with np.load(file) as kept:
        return kept["mean"], kept["covariance"]


def frechet(first: str, second: str) -> float:
    from fcd import calculate_frechet_distance

    (mean, covariance), (other_mean, other) = activations(first), activations(second)
    return float(calculate_frechet_distance(mean, covariance, other_mean, other))


def row(name: str, reference: str, trained_on: str) -> dict[str, object]:
    start = time.perf_counter()
    if name == ALL_OF_MOSES:  # 1.6 million times 1.6 million similarities would take half a day
        scaf = cosine(scaffolds("train"), scaffolds(MOSES_TESTS[reference]))
        values: dict[str, object] = {"strings": len(moses("train")), "scaf": scaf}
    else:
        known = zinc250k()[0] if name == "prior zinc250k" else None
        found = distribution(SETS[name](), SETS[reference](), training=known)
        values = {**asdict(found), "fcd": frechet(name, reference)}
    return {
        **{key: round(x, 4) if isinstance(x, float) else x for key, x in values.items()},
        **{"set": name, "reference": reference, "trained_on": trained_on, "source": "labkit", "seed": SEED},
        "seconds": round(time.perf_counter() - start),
        "machine": machine(),
        "versions": versions("rdkit", "numpy", "jax", "fcd", "torch", "molsets"),
    }


@cache
def scaffolds(part: str) -> Counter[str]:
    return Counter(scaffold for text in moses(part) for scaffold in scaffold_of_rings(parse(text)))


def published() -> list[dict[str, str]]:
    header, *lines = [line.split() for line in PUBLISHED.strip().splitlines()]
    entries = []
    for line in lines:
        for i, test in enumerate(MOSES_TESTS):
            values = [value.split("/")[min(i, value.count("/"))].replace("-", "") for value in line[1:]]
            name = ALL_OF_MOSES if line[0] == "MOSES" else line[0]
            entry = {"set": name, "reference": test, "trained_on": ALL_OF_MOSES, "source": "published"}
            entries.append(entry | dict(zip(header[1:], values, strict=True)))
    return entries


def show(table: list[dict[str, str]]) -> None:
    for entry in table:
        print(", ".join(entry[key] for key in ("set", "reference", "source")))
        print("   ", " ".join(f"{key}={entry[key]}" for key in METRICS if entry[key]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*dict.fromkeys(name for name, _, _ in GRID)]
    parser.add_argument("--only", nargs="+", metavar="SET", choices=names, default=names)
    parser.add_argument("--summary", action="store_true", help="compute nothing, print the table")
    options = parser.parse_args()
    if not options.summary:
        for name in ("fcd", "molsets"):
            try:
                version(name)
            except PackageNotFoundError:
                sys.exit(f"package {name} is missing; benchmarks/requirements.txt says how to get it")
        if not TABLE.is_file():
            append(TABLE, COLUMNS, *published())
        for name, reference, trained_on in GRID:
            done = {(entry["set"], entry["reference"], entry["source"]) for entry in rows(TABLE)}
            if name in options.only and (name, reference, "labkit") not in done:
                append(TABLE, COLUMNS, row(name, reference, trained_on))
    show(rows(TABLE))


if __name__ == "__main__":
    main()
