"""Europe's outline on a map of equal areas, ETRS89-LAEA (EPSG:3035), drawn from labkit's own data."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.store import data_path

Array = NDArray[np.float64]

# What a map shows, km: from Portugal to the Black Sea, from Crete to the north of Finland.
EAST_KM, NORTH_KM = (2500.0, 5950.0), (1350.0, 5050.0)

# Ellipsoid GRS80, origin and false origin of EPSG:3035.
_A_KM, _E = 6378.137, np.sqrt(2 / 298.257222101 - 1 / 298.257222101**2)
_LATITUDE, _LONGITUDE, _EAST_KM, _NORTH_KM = 52.0, 10.0, 4321.0, 3210.0


def on_map(latitude: ArrayLike, longitude: ArrayLike) -> tuple[Array, Array]:
    """Return easting and northing, km, each of the arguments' shape.

    Lambert's azimuthal equal-area projection of an ellipsoid: Snyder, Map projections, a working manual (USGS
    professional paper 1395, 1987, doi:10.3133/pp1395), equations 3-11 to 3-13 and 24-17 to 24-20.

    Args:
        latitude: degrees north.
        longitude: degrees east.
    """
    whole, middle = _authalic(90.0), _authalic(_LATITUDE)
    b0, b = np.arcsin(middle / whole), np.arcsin(_authalic(latitude) / whole)
    turn = np.radians(np.asarray(longitude, np.float64) - _LONGITUDE)
    radius = _A_KM * np.sqrt(whole / 2)
    phi = np.radians(_LATITUDE)
    d = _A_KM * np.cos(phi) / np.sqrt(1 - (_E * np.sin(phi)) ** 2) / (radius * np.cos(b0))
    scale = radius * np.sqrt(2 / (1 + np.sin(b0) * np.sin(b) + np.cos(b0) * np.cos(b) * np.cos(turn)))
    east = _EAST_KM + scale * d * np.cos(b) * np.sin(turn)
    north = np.cos(b0) * np.sin(b) - np.sin(b0) * np.cos(b) * np.cos(turn)
    return east, _NORTH_KM + scale / d * north


def _authalic(latitude: ArrayLike) -> Array:
    sine = np.sin(np.radians(np.asarray(latitude, np.float64)))
    inner = np.log((1 - _E * sine) / (1 + _E * sine)) / (2 * _E)
    return np.asarray((1 - _E**2) * (sine / (1 - (_E * sine) ** 2) - inner))


@cache
def outlines() -> dict[str, list[Array]]:
    """Return by country the rings of its outline, (n, 2) km on the map each."""
    found = json.loads(data_path("cluster", "outlines", "europe.json").read_text(encoding="utf-8"))
    return {name: [_ring(ring) for ring in rings] for name, rings in found.items()}


def _ring(steps: list[int]) -> Array:
    longitude, latitude = np.cumsum(np.reshape(steps, (-1, 2)), axis=0).T / 100
    return np.column_stack(on_map(latitude, longitude))
