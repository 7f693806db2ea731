"""Links between sites, and between a quantum computer and its nodes: how long, how wide, how dear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.cluster._entries import BASES
from labkit.cluster._tables import read_toml, record
from labkit.errors import InputError
from labkit.store import data_path


@dataclass(frozen=True)
class Link:
    """A link; None where a figure is unknown or doesn't apply.

    Attributes:
        name: of the link.
        round_trip_s: there and back without any work, s.
        gigabit_per_s: what one transfer gets, Gbit/s.
        kwh_per_gb: energy that the network takes, kWh per 10⁹ bytes.
        basis: by attribute: cited, secondary, recalled or assumed.
        source: whence the figures are.

    Raises:
        InputError: if a figure is out of range.
    """

    name: str
    round_trip_s: float
    gigabit_per_s: float | None = None
    kwh_per_gb: float | None = None
    basis: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("round_trip_s", "gigabit_per_s", "kwh_per_gb"):
            value = getattr(self, name)
            if value is None and name != "round_trip_s":
                continue
            if not 0 <= value < math.inf:
                raise InputError(f"link {self.name!r}: {name}={value!r}; a number of at least 0 is wanted")
        if self.gigabit_per_s == 0:
            raise InputError(f"link {self.name!r}: gigabit_per_s=0; more than 0 is wanted")
        for name, basis in self.basis.items():
            if basis not in BASES:
                raise InputError(
                    f"link {self.name!r}: basis of {name} is {basis!r}; choose one of {', '.join(BASES)}"
                )


def read_links(path: Path | None = None) -> dict[str, Link]:
    """Return links by name.

    Args:
        path: a TOML file with the keys of `data/cluster/links/README.md`; the shipped one where not given.

    Raises:
        InputError: if the file can't be read, or a link makes no sense.
    """
    path = data_path("cluster", "links", "links.toml") if path is None else path
    return {name: _link(name, table, f"{path}: link {name!r}") for name, table in read_toml(path).items()}


def _link(name: str, table: Any, where: str) -> Link:
    basis = table.get("basis", {}) if isinstance(table, dict) else {}
    if not isinstance(basis, dict):
        raise InputError(f"{where}: basis={basis!r}; a basis for each key is wanted")
    rest = (
        {key: value for key, value in table.items() if key != "basis"} if isinstance(table, dict) else table
    )
    return record(Link, rest, where, name=name, basis=basis)
