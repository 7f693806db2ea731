"""How fast the scheduler is and what it needs: a real trace, parallel jobs, and numbers of jobs up to 10^7.

    python benchmarks/scheduling.py [CASE…]

Writes benchmarks/results/scheduling.csv; rows that it has already are skipped. Each row is a process of its
own, so that its peak of memory is its own. Times are processor time. `compile_s` is what compiling or loading
the compiled core took, on a handful of jobs, before anything else was timed; `core_s` is the event loop
alone, the median of seven; `check_s` is the check of conservation, which each schedule goes through.

Cases: `lcg` is the whole trace on as many nodes as it had processors, and on fewer, where jobs wait; `lublin`
are 10^5 jobs of the Lublin-Feitelson model on 256 nodes at load 0.9, with exact requests and with requests
up to five times too long; `growth` are 10^3 to 10^7 of them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from _table import append, machine, rows, versions

from labkit.cluster._schedule import Schedule, _order, _prepare, check, schedule
from labkit.cluster._swf import read_swf
from labkit.cluster._workload import lublin_feitelson
from labkit.store import data_path

TABLE = Path(__file__).parent / "results" / "scheduling.csv"
COLUMNS = (
    "case",
    "policy",
    "jobs",
    "nodes",
    "overestimate",
    "compile_s",
    "make_s",
    "core_s",
    "check_s",
    "jobs_per_s",
    "peak_mb",
    "bytes_per_job",
    "wait_mean_s",
    "utilisation",
    "machine",
    "versions",
)
KEY = ("case", "policy", "jobs", "nodes", "overestimate")
LCG_JOBS, LCG_NODES = 187_520, 24_515
CASES = [
    *(("lcg", policy, LCG_JOBS, nodes, 0.0) for nodes in (LCG_NODES, 2048) for policy in ("fcfs", "easy")),
    ("lcg", "conservative", LCG_JOBS, LCG_NODES, 0.0),
    *(
        ("lublin", policy, 10**5, 256, over)
        for over in (0.0, 4.0)
        for policy in ("fcfs", "easy", "conservative")
    ),
    *(("growth", policy, 10**power, 256, 0.0) for power in range(3, 8) for policy in ("fcfs", "easy")),
    *(("growth", "conservative", 10**power, 256, 0.0) for power in range(3, 7)),
]
REPEATED_BELOW = 10**6


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: str, policy: str, count: int, nodes: int, overestimate: float) -> None:
    """Add a row."""
    from labkit.cluster import _schedule_core as core

    # Of one thread, on a machine that others may use.
    clock = time.process_time
    before = clock()
    schedule(lublin_feitelson(20, 32, seed=0, overestimate=1.0), 32, policy)
    compile_s = clock() - before
    idle_bytes = peak_bytes()
    before = clock()
    if case == "lcg":
        jobs = read_swf(data_path("cluster", "traces", "LCG.swf.gz")).jobs
    else:
        jobs = lublin_feitelson(count, nodes, 0.9, seed=1, overestimate=overestimate)
    make_s = clock() - before
    times = []
    for _ in range(7 if count < REPEATED_BELOW else 1):
        state, number = _prepare(jobs, nodes, policy, [], _order(jobs))
        before = clock()
        lost = core.run(state, nodes, 0, number)
        times.append(clock() - before)
    core_s = median(times)
    result = Schedule(jobs, nodes, policy, state.start_s, state.end_s, *lost)
    before = clock()
    check(result)
    check_s = clock() - before
    peak = peak_bytes()
    append(
        TABLE,
        COLUMNS,
        {
            **dict(zip(KEY, (case, policy, len(jobs), nodes, overestimate), strict=True)),
            "compile_s": f"{compile_s:.2f}",
            "make_s": f"{make_s:.3f}",
            "core_s": f"{core_s:.4f}",
            "check_s": f"{check_s:.4f}",
            "jobs_per_s": round(len(jobs) / core_s),
            "peak_mb": round(peak / 1e6),
            "bytes_per_job": round((peak - idle_bytes) / len(jobs)),
            "wait_mean_s": round(float(result.wait_s.mean())),
            "utilisation": f"{result.utilisation:.4f}",
            "machine": machine(),
            "versions": versions("numpy", "numba"),
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="of lcg, lublin, growth (default: all)")
    parser.add_argument("--row", type=int, help="compute this row, in this process")
    options = parser.parse_args()
    if options.row is not None:
        measure(*CASES[options.row])
        return
    for index, case in enumerate(CASES):
        done = {tuple(entry[name] for name in KEY) for entry in rows(TABLE)}
        if tuple(map(str, case)) in done or (options.cases and case[0] not in options.cases):
            continue
        print(*case, file=sys.stderr, flush=True)
        subprocess.run([sys.executable, __file__, "--row", str(index)], check=True)


if __name__ == "__main__":
    main()
