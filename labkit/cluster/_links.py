"""Links between sites, and between a quantum computer and its nodes: how long, how wide, how dear."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from labkit.cluster._entries import BASES
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
            if not _is_number(value) or not 0 <= value < math.inf:
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
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    return {name: _parse(name, table, path) for name, table in tables.items()}


def _parse(name: str, table: Any, path: Path) -> Link:
    known = [f.name for f in fields(Link) if f.name != "name"]
    if not isinstance(table, dict):
        raise InputError(f"{path}: {name}={table!r}; a table [{name}] with {', '.join(known)} is wanted")
    for key in table:
        if key not in known:
            raise InputError(f"{path}: link {name!r}: {key!r} isn't known; choose of {', '.join(known)}")
    if "round_trip_s" not in table:
        raise InputError(f"{path}: link {name!r} has no round_trip_s; seconds are wanted")
    if not isinstance(table.get("basis", {}), dict):
        raise InputError(f"{path}: link {name!r}: basis={table['basis']!r}; a basis for each key is wanted")
    return Link(name, **table)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
