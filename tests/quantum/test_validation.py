"""Error estimates are what the committed benchmark measured, and the benchmark meets its goal."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import pytest

from labkit.quantum._validation import error_estimate

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def rows(level: str, charge_class: str) -> list[dict[str, str]]:
    with (RESULTS / f"interaction_{level}.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["class"] == charge_class]


@pytest.mark.parametrize("level", ["fast", "standard"])
@pytest.mark.parametrize("charge_class", ["neutral", "ionic"])
def test_an_estimate_is_the_benchmark_s_mean_absolute_error(level: str, charge_class: str) -> None:
    measured = rows(level, charge_class)
    errors = [abs(float(row["kcal_mol"]) - float(row["reference"])) for row in measured]
    estimate, source = error_estimate(level, charge_class)
    assert estimate == pytest.approx(fmean(errors), abs=0.005)
    assert f"over {len(errors)} {charge_class} dimers" in source


def test_the_standard_level_meets_its_goal() -> None:
    neutral = rows("standard", "neutral")
    assert len(neutral) >= 10
    assert fmean(abs(float(row["error"])) for row in neutral) <= 0.5
    # The quantum energies within 1 mHa of exact, in all of them.
    assert all(float(row["error_mha"]) < 1.0 for row in neutral + rows("standard", "ionic"))
