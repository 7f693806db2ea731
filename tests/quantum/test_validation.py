"""Error estimates are what the committed benchmark measured, and the benchmark meets its goal."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import pytest

from labkit.quantum._result import LEVELS
from labkit.quantum._validation import error_estimate

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def rows(level: str, charge_class: str) -> list[dict[str, str]]:
    with (RESULTS / f"interaction_{level}.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    return [row for row in found if row["class"] == charge_class and row["set"] == "equilibrium"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("charge_class", ["neutral", "ionic"])
def test_an_estimate_is_the_benchmark_s_mean_absolute_error(level: str, charge_class: str) -> None:
    measured = rows(level, charge_class)
    errors = [abs(float(row["kcal_mol"]) - float(row["reference"])) for row in measured]
    estimate, source = error_estimate(level, charge_class)
    assert estimate == pytest.approx(fmean(errors), abs=0.005)
    assert f"over {len(errors)} {charge_class} dimer" in source


def test_the_standard_level_meets_its_goals() -> None:
    neutral, ionic = rows("standard", "neutral"), rows("standard", "ionic")
    assert len(neutral) >= 55 and len(ionic) >= 6
    assert fmean(abs(float(row["error"])) for row in neutral) <= 0.35
    assert fmean(abs(float(row["error"])) for row in ionic) <= 1.0
    # The quantum energies within 1 mHa of exact, in all of them.
    assert all(float(row["error_mha"]) < 1.0 for row in neutral + ionic)


def test_the_accurate_level_is_the_more_accurate_one() -> None:
    accurate = {row["dimer"]: abs(float(row["error"])) for row in rows("accurate", "neutral")}
    standard = {row["dimer"]: abs(float(row["error"])) for row in rows("standard", "neutral")}
    assert len(accurate) >= 6
    assert fmean(accurate.values()) < fmean(standard[name] for name in accurate)
