"""The catalogue, read and checked: places, supercomputers, AI factories, accelerators, quantum computers."""

from __future__ import annotations

import csv
import difflib
import math
import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from labkit.cluster._entries import (
    BASES,
    Accelerator,
    Catalogue,
    Factory,
    Machine,
    QuantumComputer,
    Site,
)
from labkit.errors import InputError
from labkit.store import data_path

# Members as of 2026; Regulation (EU) 2016/679 (GDPR) holds in the whole EEA.
EU: frozenset[str] = frozenset(
    (
        "AUT BEL BGR CYP CZE DEU DNK ESP EST FIN FRA GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD POL PRT ROU SVK "
        "SVN SWE"
    ).split()
)
EEA: frozenset[str] = EU | {"ISL", "LIE", "NOR"}

# Least and greatest value of a number; what isn't named is at least 0, or more where a model divides by it.
_LIMITS = {"latitude": (-90.0, 90.0), "longitude": (-180.0, 180.0), "pue": (1.0, math.inf)}
_MORE_THAN_0 = frozenset(
    (
        "nodes link_gbit_s_per_node qubits t_shot_s shots_per_job "
        "peak_tflop_s matmul_tflop_s memory_gb memory_gb_s link_gb_s multiprocessors"
    ).split()
)

_NO_FIGURES = ("str", "dict[str, str]", "frozenset[str]", "tuple[int, ...]")

_SHIPPED = ("sites", "machines", "factories", "accelerators")

_KINDS: dict[str, type] = {
    "site": Site,
    "machine": Machine,
    "factory": Factory,
    "accelerator": Accelerator,
    "qpu": QuantumComputer,
}


def read_catalogue(extra: Path | None = None) -> Catalogue:
    """Return the shipped catalogue, with a user's own entries.

    Args:
        extra: a TOML file of `[[site]]`, `[[machine]]`, `[[factory]]`, `[[accelerator]]` and `[[qpu]]` tables
            as in `data/cluster/catalogue`; an entry of a known name takes that one's place.

    Raises:
        InputError: if the file can't be read or an entry makes no sense; names the line on which it begins.
    """
    known: dict[str, dict[str, Any]] = {key: {} for key in _KINDS}
    known["qpu"] = _read_qpus(data_path("qpus", "qpus.csv"))
    shipped = [data_path("cluster", "catalogue", f"{name}.toml") for name in _SHIPPED]
    for path in [*shipped, *([extra] if extra is not None else [])]:
        entries = _read(path)
        for key, _, entry in entries:
            known[key][entry.name] = entry
        for key, line, entry in entries:
            if key not in ("site", "accelerator") and entry.site not in known["site"]:
                raise InputError(f"{path}:{line}: site {entry.site!r}{_unknown(entry.site, known['site'])}")
    return Catalogue(*known.values())


def _read(path: Path) -> list[tuple[str, int, Any]]:
    """Return a file's entries, each with its kind and the line on which it begins."""
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no TOML: {error}") from None
    found: list[tuple[str, int, Any]] = []
    for key, tables in content.items():
        if key not in _KINDS:
            raise InputError(f"{path}: [[{key}]]{_unknown(key, _KINDS)}")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise InputError(f"{path}: {key}: write each as a table headed [[{key}]]")
        # tomllib keeps no line numbers; the n-th table of a kind begins at the n-th such header.
        lines = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*\[\[\s*{key}\s*]]", line)]
        if len(lines) != len(tables):  # written inline, or a header stands in a text
            lines = [1] * len(tables)
        for line, table in zip(lines, tables, strict=True):
            try:
                entry = _entry(key, table)
                if any(kind == key and other.name == entry.name for kind, _, other in found):
                    raise InputError("a second entry of this name; one is wanted")
            except InputError as error:
                raise InputError(f"{path}:{line}: {key} {table.get('name', '')!r}: {error}") from None
            found.append((key, line, entry))
    return found


def _entry(key: str, table: dict[str, Any]) -> Any:
    """Return a table as an entry, its values checked."""
    attributes = {entry.name: entry for entry in fields(_KINDS[key])}
    for name in table:
        if name not in attributes:
            raise InputError(f"key {name!r}{_unknown(name, attributes)}")
    values = {name: _value(name, value, str(attributes[name].type)) for name, value in table.items()}
    for name, attribute in attributes.items():
        if attribute.default is MISSING and attribute.default_factory is MISSING and name not in values:
            raise InputError(f"{name} is missing")
    figures = [name for name in values if str(attributes[name].type) not in _NO_FIGURES]
    basis = values.get("basis", {})
    for name, word in basis.items():
        if name not in values or word not in BASES:
            raise InputError(
                f"basis: {name} = {word!r}; a given figure and one of {', '.join(BASES)} are wanted"
            )
    values["basis"] = {**{name: "assumed" for name in figures}, **basis}
    entry = _KINDS[key](**values)
    if isinstance(entry, Site):
        return _with_memberships(entry)
    if isinstance(entry, Machine):
        _check_machine(entry)
    return entry


def _value(name: str, value: Any, annotation: str) -> Any:
    """Return a value from TOML as an attribute's type."""
    kind = annotation.removesuffix(" | None")
    least, most = _LIMITS.get(name, (0.0, math.inf))
    if kind in ("int", "float"):
        if isinstance(value, bool) or not isinstance(value, int if kind == "int" else int | float):
            raise InputError(f"{name} = {value!r}; a {'whole ' if kind == 'int' else ''}number is wanted")
        if not least <= value <= most or not math.isfinite(value):
            wanted = f"{least:g} to {most:g}" if math.isfinite(most) else f"at least {least:g}"
            raise InputError(f"{name} = {value}; {wanted} is wanted")
        if value == 0 and name in _MORE_THAN_0:
            raise InputError(f"{name} = 0; more is wanted, or nothing where it isn't known")
        return value if kind == "int" else float(value)
    if kind == "tuple[int, ...]":
        if not isinstance(value, list) or len(value) != 3 or not all(type(n) is int and n > 0 for n in value):
            raise InputError(f"{name} = {value!r}; a list of three whole numbers of more than 0 is wanted")
        return tuple(value)
    if kind == "frozenset[str]":
        if not isinstance(value, list) or not all(isinstance(label, str) and label for label in value):
            raise InputError(f"{name} = {value!r}; a list of labels is wanted")
        return frozenset(value)
    wanted_type: type = {"str": str, "bool": bool, "dict[str, str]": dict}[kind]
    if not isinstance(value, wanted_type) or (name in ("name", "site") and not value):
        words = {"str": "text", "bool": "true or false", "dict[str, str]": "a table"}[kind]
        raise InputError(f"{name} = {value!r}; {words} is wanted")
    return value


def _with_memberships(site: Site) -> Site:
    """Return a site with the jurisdictions that follow from its country."""
    if not re.fullmatch("[A-Z]{3}", site.country):
        raise InputError(
            f"country = {site.country!r}; three capital letters (ISO 3166-1) as in 'FIN' are wanted"
        )
    follow = (
        {site.country}
        | ({"EU"} if site.country in EU else set())
        | ({"EEA"} if site.country in EEA else set())
    )
    for label in sorted(site.zone - follow):
        if re.fullmatch("[A-Z]{2,3}", label):
            raise InputError(f"zone has {label!r}, which doesn't hold in {site.country}; leave it out")
    return replace(site, zone=site.zone | follow)


def _check_machine(machine: Machine) -> None:
    if machine.kind not in ("cpu", "gpu"):
        raise InputError(f"kind = {machine.kind!r}; 'cpu' or 'gpu' is wanted")
    accelerators = machine.accelerators_per_node
    if accelerators is not None and (accelerators > 0) != (machine.kind == "gpu"):
        raise InputError(
            f"kind = {machine.kind!r} with accelerators_per_node = {accelerators}; they contradict"
        )
    idle, peak = machine.node_power_idle_w, machine.node_power_peak_w
    if idle is not None and peak is not None and idle > peak:
        raise InputError(f"node_power_idle_w = {idle:g}; at most node_power_peak_w = {peak:g} is wanted")


def _read_qpus(path: Path) -> dict[str, QuantumComputer]:
    """Return the quantum computers that labkit ships, of which `labkit.quantum` reads the gates."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["name"]: _qpu(row) for row in csv.DictReader(file)}


def _qpu(row: dict[str, str]) -> QuantumComputer:
    doubts = dict(part.split("=", 1) for part in row["assumed"].split(";") if part)
    qubits = row["qubits_usable"] or row["qubits"]
    return QuantumComputer(
        name=row["name"],
        site=row["site"],
        beside=row["beside"],
        modality=row["modality"],
        qubits=int(qubits) if qubits else None,
        t_shot_s=float(row["t_shot_s"]) if row["t_shot_s"] else None,
        shots_per_job=int(row["shots_per_job"]) if row["shots_per_job"] else None,
        notes=row["basis"],
        source=row["source"],
        # What a doubted value is instead ("by proxy", "worst case for billing") stands in the file.
        basis={
            name: how if how in BASES else "assumed"
            for name, how in doubts.items()
            if name in QuantumComputer.__dataclass_fields__
        },
    )


def _unknown(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return (
        f" isn't known; did you mean {close[0]!r}?"
        if close
        else f" isn't known; there are {', '.join(known)}"
    )
