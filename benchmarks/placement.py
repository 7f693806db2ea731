"""Random workloads on random federations: none may leave its data's zone. A row for each two thousand.

    python benchmarks/placement.py [--count 114000]

Writes benchmarks/results/placement.csv; rows that it has already are skipped. Whether a zone is violated is
found here, from the data forwards, without the package's own check. In one of nine no site may hold all that
some task works on, so 114,000 workloads make 100,000 placements. `free_violations` counts what these would
violate with zones off: without it, none might mean nothing. `excess` is how far placements of at most four
tasks lie above the best of all, which is found by trying them all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from random import Random
from statistics import fmean

from _table import append, machine, rows, versions

from labkit.cluster._links import read_links
from labkit.cluster._moves import POLICIES, Policy, cost_of, run
from labkit.cluster._placement import Placement, _prepare, price_of_sovereignty
from labkit.cluster._places import Place
from labkit.cluster._zones import DataSet, Task
from labkit.errors import InputError

TABLE = Path(__file__).parent / "results" / "placement.csv"
CHUNK = 2_000
COMPARED = 250  # of so many workloads one is small, and compared with the best of all placements
COUNTRIES = {"FIN": "EU", "DEU": "EU", "ITA": "EU", "ESP": "EU", "CHE": "", "GBR": "", "NOR": "EEA"}
COLUMNS = (
    "first",
    "workloads",
    "placed",
    "no_common_site",
    "tasks",
    "restricted_tasks",
    "violations",
    "free_violations",
    "compared",
    "excess_mean_percent",
    "excess_max_percent",
    "negative_prices",
    "seconds",
    "workloads_per_s",
    "machine",
    "versions",
)

Workload = tuple[list[DataSet], list[Task], list[Place]]


def workload(random: Random, most_tasks: int) -> Workload:
    """Return random data, half of it restricted, tasks and machines."""
    places = []
    for i in range(random.randint(2, 8)):
        country = random.choice(sorted(COUNTRIES))
        zone = frozenset({country, COUNTRIES[country]} - {""})
        places.append(
            Place(
                f"p{i}",
                f"s{i}",
                zone,
                nodes=random.randint(4, 100),
                node_power_w=random.uniform(300, 4000),
                pue=random.uniform(1.02, 1.6),
                g_per_kwh=random.uniform(20, 700),
                speed=random.uniform(0.5, 3),
                wait_s=random.choice((0.0, random.uniform(0, 3600))),
            )
        )
    data = []
    for i in range(random.randint(1, 5)):
        home = random.choice(places)
        label = frozenset({random.choice(sorted(home.zone)), random.choice(sorted(COUNTRIES))})
        site = home.site if random.random() < 0.8 else None
        data.append(DataSet(f"d{i}", random.uniform(0, 2000), site, label if random.random() < 0.5 else None))
    names = [item.name for item in data]
    tasks = []
    for i in range(random.randint(1, most_tasks)):
        reads = tuple(random.sample(names, random.randint(0, min(3, len(names)))))
        artefact = f"a{i}"
        tasks.append(Task(f"t{i}", random.uniform(10, 1e4), random.randint(1, 4), reads, {artefact: 1.0}))
        names.append(artefact)
    return data, tasks, places


def restricted(data: Sequence[DataSet], tasks: Sequence[Task]) -> dict[str, list[frozenset[str]]]:
    """Return the labels that reach each task, spread from every data set forwards until nothing changes."""
    reached: dict[str, list[frozenset[str]]] = {task.name: [] for task in tasks}
    for item in data:
        if item.zone is None:
            continue
        tainted, before = {item.name}, 0
        while len(tainted) > before:
            before = len(tainted)
            for task in tasks:
                if tainted.intersection(task.reads):
                    tainted |= {task.name, *task.writes}
        for task in tasks:
            if task.name in tainted:
                reached[task.name].append(item.zone)
    return reached


def violated(
    placement: Placement, labels: Mapping[str, list[frozenset[str]]], places: Sequence[Place]
) -> int:
    """Return how many tasks of a placement run where a label that reaches them doesn't allow it."""
    zones = {place.name: place.zone for place in places}
    return sum(any(not (label & zones[s.place]) for label in labels[s.task]) for s in placement.steps)


def row(first: int) -> dict[str, object]:
    """Return one row of the table, computed."""
    link = read_links()["wan"]
    counts = dict.fromkeys(("placed", "no_common_site", "tasks", "restricted_tasks"), 0)
    counts |= dict.fromkeys(("violations", "free_violations", "negative_prices"), 0)
    excess, spent = [], 0.0
    for seed in range(first, first + CHUNK):
        random = Random(seed)
        policy: Policy = POLICIES[seed % len(POLICIES)]
        small = seed % COMPARED == 0
        data, tasks, places = workload(random, 4 if small else 8)
        labels = restricted(data, tasks)
        begun = time.process_time()
        try:
            price = price_of_sovereignty(data, tasks, places, link=link, policy=policy)
        except InputError as error:
            if "no site lies in the zones of all" not in str(error):
                raise
            counts["no_common_site"] += 1
            continue
        finally:
            spent += time.process_time() - begun
        counts["placed"] += 1
        counts["tasks"] += len(tasks)
        counts["restricted_tasks"] += sum(map(bool, labels.values()))
        counts["violations"] += violated(price.zoned, labels, places)
        counts["free_violations"] += violated(price.free, labels, places)
        least = {"earliest": price.seconds, "energy": price.kwh, "carbon": price.co2_g}[policy]
        counts["negative_prices"] += least < -1e-9
        if small:
            _, problem = _prepare(data, tasks, places, link, policy, True)
            best = min(cost_of(policy, run(problem, choice))[0] for choice in product(*problem.options))
            zoned = price.zoned
            found = {"earliest": zoned.makespan_s, "energy": zoned.kwh, "carbon": zoned.co2_g}[policy]
            excess.append(100 * (found / best - 1))
    return {
        "first": first,
        "workloads": CHUNK,
        **counts,
        "compared": len(excess),
        "excess_mean_percent": f"{fmean(excess):.3f}",
        "excess_max_percent": f"{max(excess):.1f}",
        "seconds": f"{spent:.1f}",
        "workloads_per_s": f"{CHUNK / spent:.0f}",
        "machine": machine(),
        "versions": versions("numpy"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=114_000, help="workloads, in steps of 2,000")
    options = parser.parse_args()
    for first in range(0, options.count, CHUNK):
        if str(first) in {entry["first"] for entry in rows(TABLE)}:
            continue
        entry = row(first)
        append(TABLE, COLUMNS, entry)
        print(f"{first}: {entry['violations']} violations, {entry['seconds']} s", file=sys.stderr, flush=True)
    done = rows(TABLE)
    total = {name: sum(int(entry[name]) for entry in done) for name in ("workloads", "placed", "violations")}
    free = sum(int(entry["free_violations"]) for entry in done)
    print(f"{total['workloads']} workloads, {total['placed']} placed each with and without zones")
    print(f"tasks outside their data's zone: {total['violations']} with zones, {free} without")
    print(f"mean excess over the best: {fmean(float(e['excess_mean_percent']) for e in done):.2f} %")


if __name__ == "__main__":
    main()
