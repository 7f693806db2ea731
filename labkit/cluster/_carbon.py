"""Carbon of electricity by hour, from a user's series, and what a power through time emits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from labkit.cluster._series import Array, as_utc, read_series, step_means
from labkit.energy import GridCarbon
from labkit.errors import InputError


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
