"""Weather at a site: two sinusoids from its climate, or a user's own series."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from labkit.cluster._series import Array, as_utc, read_series
from labkit.errors import InputError
from labkit.store import data_path

PRESSURE_HPA = 1013.25  # standard atmosphere; sites lie low
_PSYCHROMETER = 6.62e-4 * PRESSURE_HPA  # hPa/K, ventilated: WMO-No. 8, annex 4.B (about 6.5e-4 to 6.7e-4)
# Air temperature lags the sun: warmest some four weeks after the solstice and three hours after noon.
_WARMEST_DAY, _WARMEST_HOUR = 200.0, 15.0
_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Weather:
    """Dry-bulb and wet-bulb temperature, (n,) each, °C, at the times that it was asked for."""

    dry_c: Array
    wet_c: Array


@dataclass(frozen=True)
class Climate:
    """A site's mean year and mean day.

    Attributes:
        dry_mean_c: of the year, dry bulb, °C.
        dry_season_k: half of what lies between winter and summer, K.
        dry_day_k: half of what lies between night and day, K.
        wet_mean_c: of the year, wet bulb, °C.
        wet_season_k: likewise for the wet bulb, K.
        wet_day_k: likewise for the wet bulb, K.
        basis: how the figures were come by.
    """

    dry_mean_c: float
    dry_season_k: float
    dry_day_k: float
    wet_mean_c: float
    wet_season_k: float
    wet_day_k: float
    basis: str

    def at(self, start: datetime, times_s: ArrayLike) -> Weather:
        """Return the weather at times after a start in the site's local time.

        No heat waves and no cold spells: extremes are those of the mean day of the mean year.
        """
        year_start = start.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
        days = ((start - year_start).total_seconds() + np.asarray(times_s, dtype=np.float64)) / 86400
        season = np.cos(2 * np.pi * (days - _WARMEST_DAY) / _YEAR_DAYS)
        hour = np.cos(2 * np.pi * (days - _WARMEST_HOUR / 24))
        dry = self.dry_mean_c + self.dry_season_k * season + self.dry_day_k * hour
        wet = self.wet_mean_c + self.wet_season_k * season + self.wet_day_k * hour
        return Weather(dry, np.minimum(wet, dry))  # saturated air: dew falls


@dataclass(frozen=True)
class WeatherSeries:
    """A user's weather, between whose rows it is interpolated.

    Attributes:
        start: of the first row, UTC.
        times_s: (n,) after it, s.
        weather: at these times.
        path: whence it was read.
    """

    start: datetime
    times_s: Array
    weather: Weather
    path: Path

    def at(self, start: datetime, times_s: ArrayLike) -> Weather:
        """Return the weather at times after a start, UTC where it has no zone.

        Raises:
            InputError: if a time lies outside the series.
        """
        times = np.asarray(times_s, dtype=np.float64) + (as_utc(start) - self.start).total_seconds()
        if times.min() < 0 or times.max() > self.times_s[-1]:
            raise InputError(
                f"{self.path}: days {times.min() / 86400:g} to {times.max() / 86400:g} after "
                f"{self.start:%Y-%m-%d %H:%M} are wanted, it covers {self.times_s[-1] / 86400:g}"
            )
        weather = self.weather
        return Weather(
            np.interp(times, self.times_s, weather.dry_c), np.interp(times, self.times_s, weather.wet_c)
        )


def climate_from_means(
    *,
    january_c: float,
    july_c: float,
    daily_k: float,
    january_rh: float,
    july_rh: float,
    basis: str = "given means",
) -> Climate:
    """Return a climate from a site's January and July.

    The wet bulb of either month follows from its mean temperature and humidity; its daily swing is what the
    dry bulb's gives at the year's mean vapour pressure, which hardly changes over a day.

    Args:
        january_c: mean temperature, °C.
        july_c: mean temperature, °C.
        daily_k: half of what lies between night and day, K.
        january_rh: mean relative humidity, percent.
        july_rh: mean relative humidity, percent.
        basis: how the figures were come by.

    Raises:
        InputError: if a value is out of range.
    """
    for name, value in (("january_c", january_c), ("july_c", july_c)):
        if not -60 <= value <= 60:
            raise InputError(f"{name}={value:g}; -60 to 60 °C is wanted")
    for name, value in (("january_rh", january_rh), ("july_rh", july_rh)):
        if not 0 < value <= 100:
            raise InputError(f"{name}={value:g}; more than 0 and at most 100 percent is wanted")
    if not 0 <= daily_k <= 25:
        raise InputError(f"daily_k={daily_k:g}; 0 to 25 K is wanted")
    january_wet, july_wet = wet_bulb_c([january_c, july_c], [january_rh, july_rh])
    mean, rh = (january_c + july_c) / 2, (january_rh + july_rh) / 2
    vapour = rh / 100 * saturation_hpa(mean)
    warm_rh = min(100.0, float(100 * vapour / saturation_hpa(mean + daily_k)))
    swing = wet_bulb_c([mean, mean + daily_k], [rh, warm_rh])
    return Climate(
        mean,
        (july_c - january_c) / 2,
        daily_k,
        float(january_wet + july_wet) / 2,
        float(july_wet - january_wet) / 2,
        float(swing[1] - swing[0]),
        basis,
    )


def site_climate(place: str, latitude: float | None = None) -> Climate:
    """Return a shipped place's climate, else that of its latitude; `basis` says which.

    Args:
        place: as in `data/cluster/climates`.
        latitude: degrees north, for a place that isn't there.

    Raises:
        InputError: if there is none of that name and no latitude is given, or that lies outside Europe.
    """
    known = {row["place"]: row for row in _climate_rows()}
    if place in known:
        row = known[place]
        return climate_from_means(**{name: float(row[name]) for name in _MEANS}, basis=row["basis"])
    if latitude is None:
        raise InputError(f"the climate of {place!r} isn't known; choose one of {', '.join(known)}")
    return climate_from_latitude(latitude)


def climate_from_latitude(latitude: float) -> Climate:
    """Return the climate of a European place of which only the latitude is known.

    Straight lines through the shipped places; the sea's and the heights' share is not in them.

    Args:
        latitude: degrees north, 35 to 70.

    Raises:
        InputError: if it lies outside Europe.
    """
    if not 35 <= latitude <= 70:
        raise InputError(
            f"latitude={latitude:g}; 35 to 70 degrees north is wanted, elsewhere give monthly means"
        )
    rows = _climate_rows()
    latitudes = [float(row["latitude"]) for row in rows]
    lines = {name: np.polyfit(latitudes, [float(row[name]) for row in rows], 1) for name in _MEANS}
    basis = f"assumed: a line by latitude through {len(rows)} European places"
    return climate_from_means(
        **{name: float(np.polyval(line, latitude)) for name, line in lines.items()}, basis=basis
    )


_MEANS = ("january_c", "july_c", "daily_k", "january_rh", "july_rh")


@cache
def _climate_rows() -> Sequence[dict[str, str]]:
    with data_path("cluster", "climates", "climates.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def read_weather(path: Path) -> WeatherSeries:
    """Return a user's weather from a CSV with `time`, `dry_bulb_c` and `wet_bulb_c` or `relative_humidity`.

    Args:
        path: times are ISO 8601 (UTC where no zone is given), temperatures °C, the humidity percent.

    Raises:
        InputError: if the file can't be read or a value makes no sense; names the line or the time.
    """
    series = read_series(path, ("dry_bulb_c",), ("wet_bulb_c", "relative_humidity"))
    dry = series.columns["dry_bulb_c"]
    if "wet_bulb_c" in series.columns:
        wet = series.columns["wet_bulb_c"]
        bad = np.flatnonzero(wet > dry)
        if bad.size:
            raise InputError(
                f"{path}, row {bad[0] + 1}: wet_bulb_c={wet[bad[0]]:g} is above dry_bulb_c={dry[bad[0]]:g}"
            )
    elif "relative_humidity" in series.columns:
        humidity = series.columns["relative_humidity"]
        bad = np.flatnonzero((humidity <= 0) | (humidity > 100))
        if bad.size:
            raise InputError(
                f"{path}, row {bad[0] + 1}: relative_humidity={humidity[bad[0]]:g}; percent are wanted"
            )
        wet = wet_bulb_c(dry, humidity)
    else:
        raise InputError(f"{path}: has no column wet_bulb_c nor relative_humidity; one of them is wanted")
    return WeatherSeries(series.start, series.times_s, Weather(dry, wet), path)


def saturation_hpa(temperature_c: ArrayLike) -> Array:
    """Return the saturation vapour pressure over water, hPa.

    Magnus form of Alduchov and Eskridge (1996), doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2.
    """
    temperature = np.asarray(temperature_c, dtype=np.float64)
    return np.asarray(6.1094 * np.exp(17.625 * temperature / (temperature + 243.04)))


def vapour_hpa(dry_c: ArrayLike, wet_c: ArrayLike) -> Array:
    """Return the pressure of the vapour in the air, hPa; 0 where a wet bulb is colder than any air allows."""
    depression = np.asarray(dry_c, dtype=np.float64) - np.asarray(wet_c)
    return np.maximum(saturation_hpa(wet_c) - _PSYCHROMETER * depression, 0.0)


def wet_bulb_c(dry_c: ArrayLike, relative_humidity: ArrayLike) -> Array:
    """Return the wet-bulb temperature, °C, from the psychrometer equation e = e_s(T_w) − A p (T − T_w).

    Args:
        dry_c: dry-bulb temperature, °C.
        relative_humidity: percent.
    """
    dry = np.asarray(dry_c, dtype=np.float64)
    vapour = np.asarray(relative_humidity) / 100 * saturation_hpa(dry)
    wet = dry.copy()
    for _ in range(8):  # Newton; convex and started above the root, so it comes down without overshooting
        saturated = saturation_hpa(wet)
        slope = saturated * 17.625 * 243.04 / (wet + 243.04) ** 2 + _PSYCHROMETER
        wet = wet - (saturated - _PSYCHROMETER * (dry - wet) - vapour) / slope
    return wet
