"""All-reduce: how well the fit tells times that it has not seen; each row is on disk before the next begins.

    python benchmarks/collectives.py [--summary]

Measured: 2 to 16 A100, 2 KB to 64 MB, 994 sizes in each of seven configurations (`data/cluster/network`).

- Nothing: one α–β pair for the configuration, judged on what it was fitted to (least squares of relative
  errors), as the figure to beat.
- Sizes: every fifth size (the 3rd, 8th, …; never the smallest or largest) is left out of the fit of 6 regimes
  and judged; `below_1mb` is the same below 1 MiB only, where times inside a node jump between two values.
- A block of sizes: one tenth of the sizes in a row, in turn but for the two tenths at the ends.
- Configuration: all its sizes are told by the law that the others of its kind share. Beside it `copied`:
times of
  the nearest configuration (as many nodes, fewest doublings of accelerators away); where two are equally
  near, both are judged, and `copied` is their mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from _table import append, machine, rows, versions

from labkit.cluster._all_reduce import Array, Configuration, Samples, fit_all_reduce, read_all_reduce

TABLE = Path(__file__).parent / "results" / "collectives.csv"
COLUMNS = (
    "left_out",
    "accelerators_per_node",
    "nodes",
    "judged",
    "error",
    "below_1mb",
    "copied",
    "copied_from",
    "machine",
    "versions",
)
MIB = 1 << 20


def percent(errors: Array) -> str:
    """Return mean absolute relative errors in per cent."""
    return f"{100 * float(np.mean(np.abs(errors))):.2f}"


def kept(times: Samples, left_out: Array) -> Samples:
    return Samples(times.size_bytes[~left_out], times.time_s[~left_out])


def held_out(times: Samples, left_out: Array, key: Configuration, regimes: int = 6) -> Array:
    """Return relative errors at sizes that the fit has not seen."""
    fitted = fit_all_reduce({key: kept(times, left_out)}, regimes)
    return fitted.seconds(times.size_bytes[left_out], *key) / times.time_s[left_out] - 1


def of_sizes(samples: dict[Configuration, Samples], key: Configuration) -> dict[str, object]:
    times = samples[key]
    left_out = np.arange(len(times.size_bytes)) % 5 == 2
    errors = held_out(times, left_out, key)
    small = times.size_bytes[left_out] < MIB
    return {"judged": len(errors), "error": percent(errors), "below_1mb": percent(errors[small])}


def of_blocks(samples: dict[Configuration, Samples], key: Configuration) -> dict[str, object]:
    times = samples[key]
    place = np.arange(len(times.size_bytes)) * 10 // len(times.size_bytes)
    errors = np.concatenate([held_out(times, place == block, key) for block in range(1, 9)])
    return {"judged": len(errors), "error": percent(errors)}


def in_sample(samples: dict[Configuration, Samples], key: Configuration) -> dict[str, object]:
    times = samples[key]
    errors = fit_all_reduce({key: times}, 1).seconds(times.size_bytes, *key) / times.time_s - 1
    return {"judged": len(errors), "error": percent(errors)}


def of_configuration(samples: dict[Configuration, Samples], key: Configuration) -> dict[str, object]:
    times = samples[key]
    others = {other: fit for other, fit in samples.items() if other != key}
    errors = fit_all_reduce(others).seconds(times.size_bytes, *key) / times.time_s - 1
    doublings = {other: abs(np.log2(other[0] / key[0])) for other in others if other[1] == key[1]}
    nearest = [other for other in doublings if doublings[other] == min(doublings.values())]
    copied = [
        np.interp(times.size_bytes, samples[other].size_bytes, samples[other].time_s) / times.time_s - 1
        for other in nearest
    ]
    return {
        "judged": len(errors),
        "error": percent(errors),
        "below_1mb": percent(errors[times.size_bytes < MIB]),
        "copied": percent(np.concatenate(copied)),
        "copied_from": "; ".join(
            f"{other[0]} a node: {percent(part)}" for other, part in zip(nearest, copied, strict=True)
        ),
    }


WAYS = {
    "nothing, one α–β pair": in_sample,
    "sizes": of_sizes,
    "block of sizes": of_blocks,
    "configuration": of_configuration,
}


def summary(table: list[dict[str, str]]) -> list[str]:
    """Return the mean errors in words."""
    lines = []
    for way in WAYS:
        found = [row for row in table if row["left_out"] == way]
        errors = [float(row["error"]) for row in found]
        if not errors:
            continue
        line = (
            f"left out {way}: {np.mean(errors):.1f} % in the mean, {min(errors):.1f} to {max(errors):.1f} %"
        )
        if way == "configuration":
            copied = [float(row["copied"]) for row in found]
            line += f"; copied {np.mean(copied):.1f} %, {min(copied):.1f} to {max(copied):.1f} %"
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--summary", action="store_true", help="compute nothing, summarise the CSV")
    if not parser.parse_args().summary:
        samples = read_all_reduce()
        done = {(row["left_out"], row["accelerators_per_node"], row["nodes"]) for row in rows(TABLE)}
        for way, judge in WAYS.items():
            for key in samples:
                if (way, str(key[0]), str(key[1])) in done:
                    continue
                entry = {
                    "left_out": way,
                    "accelerators_per_node": key[0],
                    "nodes": key[1],
                    **judge(samples, key),
                    "machine": machine(),
                    "versions": versions("numpy", "scipy"),
                }
                append(TABLE, COLUMNS, entry)
                print(way, key, entry["error"], entry.get("copied", ""), flush=True)
    print("\n".join(summary(rows(TABLE))))


if __name__ == "__main__":
    main()
