"""The shipped quick campaign, projected onto every machine of today's federation.

    python benchmarks/projection.py [--zone FIN]

Writes results/projection.csv anew: time, energy and CO2 on each machine that had nothing else to do, for 64
runs side by side (a node's worth; labkit/cluster/_project.py tells what is assumed), and prints what keeping
the data in its zone costs.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from _table import append, machine, versions

from labkit.campaign import Run
from labkit.cluster import price_of_zone, project, read_scenario

TABLE = Path(__file__).parent / "results" / "projection.csv"
COPIES = 64


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zone", nargs="+", default=["FIN"], metavar="LABEL")
    zone = frozenset(parser.parse_args().zone)
    with Run.open("quick").journal() as journal:
        evaluations = [
            (e.fidelity, e.finished - e.seconds, e.seconds) for e in journal.evaluations() if e.seconds
        ]
    found = project(evaluations, read_scenario(), copies=COPIES, zone=zone)
    environment = {"machine_here": machine(), "versions": versions("labkit", "numpy", "numba")}
    entries = [
        {
            **{
                key: round(value, 5) if isinstance(value, float) else value
                for key, value in asdict(part).items()
            },
            "zone": " ".join(sorted(zone)),
            **environment,
        }
        for part in found
    ]
    TABLE.unlink(missing_ok=True)
    append(TABLE, list(entries[0]), *entries)
    for name, value in price_of_zone(found).items():
        print(f"the zone {', '.join(sorted(zone))} adds {value:+.4g} to the least {name}")


if __name__ == "__main__":
    main()
