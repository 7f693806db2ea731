"""Carbon of a country's electricity, and of the grid that this machine is taken to be on."""

from __future__ import annotations

import csv
import difflib
import os
from dataclasses import dataclass
from functools import cache
from math import hypot, sqrt

from labkit.errors import InputError
from labkit.store import data_path


@dataclass(frozen=True)
class GridCarbon:
    """What electricity emits on average over a year.

    Attributes:
        country: ISO 3166-1 code of three letters; "world" where the country isn't known.
        g_per_kwh: gCO2-equivalent for each kWh generated.
        year: of the figure.
        source: whence it is.
        uncertainty_g_per_kwh: spread over the world's grids where the country isn't known. 0 for a country:
            how far its hours lie from its year isn't in the data.
    """

    country: str
    g_per_kwh: float
    year: int
    source: str = "Our World in Data through CodeCarbon"
    uncertainty_g_per_kwh: float = 0.0

    def emitted(self, energy_wh: float, uncertainty_wh: float) -> tuple[float, float]:
        """Return what an energy emits and its uncertainty, gCO2-equivalent; the two errors are independent.

        Args:
            energy_wh: Wh.
            uncertainty_wh: of the energy, Wh.
        """
        error = hypot(uncertainty_wh * self.g_per_kwh, energy_wh * self.uncertainty_g_per_kwh)
        return energy_wh * self.g_per_kwh / 1e3, error / 1e3


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
    return known[country][0]


def local_grid() -> GridCarbon:
    """Return the grid of the country that `LABKIT_COUNTRY` names, else the world's mean with its spread.

    Raises:
        InputError: if the setting names no country of the table.
    """
    country = os.environ.get("LABKIT_COUNTRY", "")
    if not country:
        return _world()
    try:
        return carbon_intensity(country)
    except InputError as error:
        raise InputError(f"LABKIT_COUNTRY: {error}") from None


def _world() -> GridCarbon:
    """Mean over the countries and their standard deviation, each weighted with what it generates."""
    grids = list(_grids().values())
    total = sum(twh for _, twh in grids)
    mean = sum(grid.g_per_kwh * twh for grid, twh in grids) / total
    spread = sqrt(sum((grid.g_per_kwh - mean) ** 2 * twh for grid, twh in grids) / total)
    year = max(grid.year for grid, _ in grids)
    return GridCarbon("world", mean, year, uncertainty_g_per_kwh=spread)


@cache
def _grids() -> dict[str, tuple[GridCarbon, float]]:
    """By country its grid and what it generates in that year, TWh."""
    with data_path("energy", "grid.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["country"]: (
                GridCarbon(row["country"], float(row["g_per_kwh"]), int(row["year"])),
                float(row["twh"]),
            )
            for row in csv.DictReader(file)
        }
