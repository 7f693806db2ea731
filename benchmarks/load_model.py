"""Power of a CPU from its rated power and its load: fitted, and judged on machines that were left out.

    python benchmarks/load_model.py

Writes results/load_model.csv anew, for a straight line and for a power law, with each of the three measured
machines left out in turn and with none: the fit (shares of rated power, over load from 0 to 1), its error on
the machine that was left out, and the share of that machine's points that the stated interval covers. The
straight line with none left out is what labkit/energy/_processor.py uses.

Least squares of ln(model/measured), since errors are judged in percent; each machine counts alike. Points of
one machine err together, so the spread is estimated from machines: s² is the sum over n machines of the mean
squared residual, over n - 1; the half width is t(0.9, n - 1) · s · √(1 + 1/n), the interval that holds one
more machine four times in five if machines scatter normally. Nothing in this rule looks at the left-out one.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from _table import append, machine, versions
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import t

from labkit.energy import rated_power
from labkit.store import data_path

TABLE = Path(__file__).parent / "results" / "load_model.csv"

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class LoadModel:
    """Power as a share of rated power: idle + rise · load ** exponent; and its interval's half width."""

    idle: float
    rise: float
    exponent: float
    half_width: float = 0.0

    def power(self, load: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.idle + self.rise * load**self.exponent


def measured() -> dict[str, Curve]:
    """Return load (0 to 1) and power (share of rated power) by CPU."""
    points: dict[str, list[tuple[float, float]]] = {}
    with data_path("energy", "measured_load.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rated = rated_power(row["cpu"])
            if rated is None:
                raise SystemExit(f"rated power of {row['cpu']} isn't known")
            # Not the source's own power: that is the power of the row before.
            watts = float(row["rapl_kwh"]) * 3.6e6 / float(row["seconds"])
            share = watts / (rated * int(row["sockets"]))
            points.setdefault(row["cpu"], []).append((float(row["load_percent"]) / 100, share))
    return {cpu: (np.array(p)[:, 0], np.array(p)[:, 1]) for cpu, p in points.items()}


def fit(curves: Mapping[str, Curve], straight: bool) -> LoadModel:
    def model(parameters: NDArray[np.float64]) -> LoadModel:
        return LoadModel(*(float(p) for p in parameters), *[1.0] * straight)

    def residuals(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        found = model(parameters)
        return np.concatenate(
            [np.log(found.power(load) / power) / np.sqrt(len(load)) for load, power in curves.values()]
        )

    start = [0.1, 0.6] if straight else [0.1, 0.6, 1.0]
    best = model(least_squares(residuals, start, bounds=(1e-3, 3)).x)
    n = len(curves)
    squares = sum(np.mean((best.power(load) - power) ** 2) for load, power in curves.values())
    half_width = t.ppf(0.9, n - 1) * np.sqrt(squares / (n - 1) * (1 + 1 / n))
    return LoadModel(best.idle, best.rise, best.exponent, float(half_width))


def judged(curves: Mapping[str, Curve], left_out: str, straight: bool) -> dict[str, object]:
    model = fit({cpu: curve for cpu, curve in curves.items() if cpu != left_out}, straight)
    entry: dict[str, object] = {
        "form": "straight line" if straight else "power law",
        "left_out": left_out,
        **{name: f"{value:.3f}" for name, value in asdict(model).items()},
    }
    if left_out in curves:
        load, power = curves[left_out]
        found = model.power(load)
        errors = 100 * (found / power - 1)
        entry |= {
            "points": len(load),
            "mean_absolute_error_percent": f"{np.mean(np.abs(errors)):.1f}",
            "mean_error_percent": f"{np.mean(errors):+.1f}",
            "covered_percent": f"{100 * np.mean(np.abs(found - power) <= model.half_width):.0f}",
        }
    return entry


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    curves = measured()
    entries = [judged(curves, cpu, straight) for straight in (True, False) for cpu in (*curves, "none")]
    environment = {"machine_here": machine(), "versions": versions("labkit", "numpy", "scipy")}
    TABLE.unlink(missing_ok=True)
    append(TABLE, [*entries[0], *environment], *[entry | environment for entry in entries])
    for entry in entries:
        print("  ".join(str(value) for value in entry.values()))


if __name__ == "__main__":
    main()
