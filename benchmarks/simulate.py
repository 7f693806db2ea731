"""What the whole twin takes as jobs become more: routing, scheduling, power, cooling, carbon, zones.

    python benchmarks/simulate.py

Writes benchmarks/results/simulate.csv; rows that it has already are skipped. The scenario is `federation`
with as many jobs at the same load: ten times the jobs come in ten times the days. Each row is a process of
its own, so that its peak of memory is its own, and begins with a small run that loads compiled code. `cpu_s`
is processor time, of several runs the median, `wall_s` the time of that run on a machine that others use too.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from _table import append, machine, rows, versions

from labkit.cluster import read_scenario, simulate

TABLE = Path(__file__).parent / "results" / "simulate.csv"
COLUMNS = (
    "jobs",
    "cpu_s",
    "wall_s",
    "us_per_job",
    "peak_mb",
    "bytes_per_job",
    "days",
    "energy_mwh",
    "zone_violations",
    "machine",
    "versions",
)
COUNTS = tuple(10**power for power in range(3, 8))
REPEATED_BELOW = 10**6


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(count: int) -> None:
    """Add a row."""
    scenario = read_scenario("federation")
    work = scenario.work[0]
    simulate(replace(scenario, work=(replace(work, jobs=500),)))
    idle_bytes = peak_bytes()
    scenario = replace(scenario, work=(replace(work, jobs=count),))
    times = []
    for _ in range(5 if count < REPEATED_BELOW else 1):
        cpu, wall = time.process_time(), time.perf_counter()
        outcome = simulate(scenario)
        kpis = outcome.kpis()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_s, wall_s = sorted(times)[len(times) // 2]
    peak = peak_bytes()
    append(
        TABLE,
        COLUMNS,
        {
            "jobs": count,
            "cpu_s": f"{cpu_s:.4f}",
            "wall_s": f"{wall_s:.4f}",
            "us_per_job": f"{1e6 * cpu_s / count:.3f}",
            "peak_mb": round(peak / 1e6),
            "bytes_per_job": round((peak - idle_bytes) / count),
            "days": f"{kpis['period_s'] / 86400:.2f}",
            "energy_mwh": f"{kpis['energy_mwh']:.1f}",
            "zone_violations": kpis["zone_violations"],
            "machine": machine(),
            "versions": versions("numpy", "numba"),
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--row", type=int, help="so many jobs, in this process")
    options = parser.parse_args()
    if options.row is not None:
        measure(options.row)
        return
    done = {int(entry["jobs"]) for entry in rows(TABLE)}
    for count in COUNTS:
        if count not in done:
            print(count, file=sys.stderr, flush=True)
            subprocess.run([sys.executable, __file__, "--row", str(count)], check=True)


if __name__ == "__main__":
    main()
