"""Frozen dataclasses of numbers, texts and switches, read from tables of TOML."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from labkit.errors import InputError
from labkit.store import data_path

T = TypeVar("T")

_WORDS = {"int": "a whole number", "float": "a finite number", "str": "a text", "bool": "true or false"}


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        InputError: if it can't be read or isn't TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: isn't TOML ({error})") from None


def shipped(folder: str) -> dict[str, Path]:
    """Return the TOML files of a folder of `data/cluster` by name, in its order."""
    return {path.stem: path for path in sorted(data_path("cluster", folder).glob("*.toml"))}


def shipped_file(folder: str, name: str, what: str) -> Path:
    """Return one of them.

    Raises:
        InputError: if there is none of that name; says which there are.
    """
    known = shipped(folder)
    if name not in known:
        raise InputError(f"{what} of {name!r} isn't known; choose one of {', '.join(known)}")
    return known[name]


def record(kind: type[T], table: Any, where: str, **given: Any) -> T:
    """Return a dataclass from a table whose keys are its attributes.

    Args:
        kind: the dataclass; its attributes are int, float, str or bool, but for those that are given.
        table: as read from TOML.
        where: what the table is, for messages.
        given: attributes that aren't read from the table.

    Raises:
        InputError: if a key is unknown or missing, or a value is of another type or out of range.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{where}={table!r}; a table is wanted")
    wanted = {field.name: field for field in fields(kind) if field.name not in given}  # type: ignore[arg-type]
    unknown = [key for key in table if key not in wanted]
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} isn't known; {', '.join(wanted)} are")
    values = dict(given)
    for name, field in wanted.items():
        if name in table:
            values[name] = _value(table[name], str(field.type), f"{where}: {name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: {name} is missing")
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _value(value: Any, annotation: str, where: str) -> Any:
    wanted = annotation.removesuffix(" | None")
    right = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
    }[wanted]
    if not right:
        raise InputError(f"{where}={value!r}; {_WORDS[wanted]} is wanted")
    return float(value) if wanted == "float" else value
