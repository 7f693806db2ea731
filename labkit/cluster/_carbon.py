"""Carbon of electricity: a country's grid over a year, or by hour where the user has a series."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np

from labkit.cluster._series import Array, as_utc, read_series, step_means
from labkit.errors import InputError
from labkit.store import data_path

GRID_SOURCE = "Our World in Data through CodeCarbon"


@dataclass(frozen=True)
class GridCarbon:
    """What a country's electricity emits on average over a year.

    Attributes:
        country: ISO 3166-1 code of three letters.
        g_per_kwh: gCO2-equivalent for each kWh generated.
        year: of the figure.
        source: whence it is.
    """

    country: str
    g_per_kwh: float
    year: int
    source: str = GRID_SOURCE


@dataclass(frozen=True)
class CarbonSeries:
    """What a grid's electricity emits, by hour or any other interval.

    Attributes:
        start: of the first value, UTC.
        times_s: (n,) from when each value holds, after the start, s.
        g_per_kwh: (n,) gCO2-equivalent for each kWh; the last holds as long as the one before it.
        path: whence it was read.
    """

    start: datetime
    times_s: Array
    g_per_kwh: Array
    path: Path

    def means(self, start: datetime, edges_s: Array) -> Array:
        """Return the mean over each interval between edges, g/kWh.

        Args:
            start: of the edges' time 0, UTC where it has no zone.
            edges_s: (m + 1,) s.

        Raises:
            InputError: if an interval lies outside the series.
        """
        edges = edges_s + (as_utc(start) - self.start).total_seconds()
        end_s = 2 * self.times_s[-1] - self.times_s[-2]
        if edges[0] < 0 or edges[-1] > end_s:
            raise InputError(
                f"{self.path}: covers {end_s / 3600:g} hours from {self.start:%Y-%m-%d %H:%M}, hours "
                f"{edges[0] / 3600:g} to {edges[-1] / 3600:g} of them are wanted"
            )
        return step_means(self.times_s, self.g_per_kwh, edges)


def carbon_intensity(country: str) -> GridCarbon:
    """Return what a country's electricity emits.

    Args:
        country: ISO 3166-1 code of three letters, as in "FIN".

    Raises:
        InputError: if it isn't in the table.
    """
    known = _grids()
    if country not in known:
        close = difflib.get_close_matches(country.upper(), known, n=3, cutoff=0.5)
        hint = f", as {' or '.join(close)}" if close else ""
        raise InputError(
            f"carbon of the grid of {country!r} isn't known; three letters of ISO 3166-1 are wanted{hint}"
        )
    return known[country]


def read_carbon(path: Path) -> CarbonSeries:
    """Return a user's series from a CSV with `time` (ISO 8601, UTC where no zone is given) and `g_per_kwh`.

    Raises:
        InputError: if the file can't be read or a value makes no sense; names the line or the row.
    """
    series = read_series(path, ("g_per_kwh",))
    values = series.columns["g_per_kwh"]
    bad = np.flatnonzero(values < 0)
    if bad.size:
        raise InputError(f"{path}, row {bad[0] + 1}: g_per_kwh={values[bad[0]]:g}; at least 0 is wanted")
    if len(values) < 2:
        raise InputError(f"{path}: has one row; at least two are wanted, to tell how long a value holds")
    return CarbonSeries(series.start, series.times_s, values, path)


def carbon_t(edges_s: Array, power_w: Array, grid: GridCarbon | CarbonSeries, start: datetime) -> float:
    """Return what a power emits, t CO2-equivalent.

    Args:
        edges_s: (n + 1,) edges of the intervals, s.
        power_w: (n,) mean power in each, W.
        grid: that it is drawn from.
        start: of time 0, UTC where it has no zone.

    Raises:
        InputError: if a series doesn't cover the intervals.
    """
    kwh = power_w * np.diff(edges_s) / 3.6e6
    intensity = grid.g_per_kwh if isinstance(grid, GridCarbon) else grid.means(start, edges_s)
    return float(np.sum(kwh * intensity)) / 1e6


@cache
def _grids() -> dict[str, GridCarbon]:
    with data_path("cluster", "carbon", "grid.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["country"]: GridCarbon(row["country"], float(row["g_per_kwh"]), int(row["year"]))
            for row in csv.DictReader(file)
        }
