"""Values over time: step functions averaged over intervals, and a user's series read from CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import InputError

Array = NDArray[np.float64]


def interval_edges(start_s: float, end_s: float, step_s: float) -> Array:
    """Return the edges of steps that fill a period, s; the last step is shorter where they don't fit.

    Raises:
        InputError: if the step isn't positive or the period is empty.
    """
    if not 0 < step_s < np.inf:
        raise InputError(f"step_s={step_s:g}; a step of more than 0 s is wanted")
    if not (np.isfinite(start_s) and np.isfinite(end_s) and end_s > start_s):
        raise InputError(
            f"the period from {start_s:g} s to {end_s:g} s is empty; an end after the start is wanted"
        )
    count = int(np.ceil((end_s - start_s) / step_s - 1e-9))
    edges: Array = start_s + step_s * np.arange(count + 1, dtype=np.float64)
    edges[-1] = end_s
    return edges


def step_means(times_s: Array, values: Array, edges_s: Array) -> Array:
    """Return the mean of a step function over each interval, exactly.

    The integral of a step function is piecewise linear: interpolating it at the edges has no sampling error.

    Args:
        times_s: (n,) where the function steps, s, ascending.
        values: (n,) from each of these times on; 0 before the first, and the last holds for ever.
        edges_s: (m + 1,) edges of the intervals, s, ascending.
    """
    knots = np.append(times_s, max(times_s[-1], edges_s[-1]) + 1.0)
    integral = np.concatenate(([0.0], np.cumsum(values * np.diff(knots))))
    means: Array = np.diff(np.interp(edges_s, knots, integral)) / np.diff(edges_s)
    return means


def as_array(name: str, values: ArrayLike) -> Array:
    """Return numbers as a one-dimensional array of finite values.

    Raises:
        InputError: if they aren't; names the first that is no finite number.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise InputError(f"{name} has the shape {array.shape}; a list of at least one number is wanted")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise InputError(f"{name}[{bad[0]}]={array[bad[0]]:g}; a finite number is wanted")
    return array


@dataclass(frozen=True)
class TimedSeries:
    """A user's series.

    Attributes:
        start: of the first row, UTC.
        times_s: (n,) of each row after it, s.
        columns: name → (n,) values.
        path: whence it was read.
    """

    start: datetime
    times_s: Array
    columns: dict[str, Array]
    path: Path


def as_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_series(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> TimedSeries:
    """Return a series from a CSV with the column `time` (ISO 8601, UTC where no zone is given) and numbers.

    Raises:
        InputError: if the file can't be read, a column is missing, or a line is out of order or no number.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header = reader.fieldnames or ()
            missing = [name for name in ("time", *required) if name not in header]
            if missing:
                raise InputError(
                    f"{path}: column {missing[0]!r} is missing; it has {', '.join(header) or 'none'}"
                )
            names = (*required, *(name for name in optional if name in header))
            moments, rows = [], []
            for row in reader:
                moments.append(_moment(row["time"], path, reader.line_num))
                rows.append(_numbers(row, names, path, reader.line_num))
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: isn't text in UTF-8") from None
    if not rows:
        raise InputError(f"{path}: has no rows; at least one is wanted")
    for before, after in pairwise(moments):
        if after <= before:
            raise InputError(f"{path}: the time {after.isoformat()} isn't after the row before it")
    times = np.array([(moment - moments[0]).total_seconds() for moment in moments])
    columns = np.array(rows, dtype=np.float64).T
    return TimedSeries(moments[0], times, dict(zip(names, columns, strict=True)), path)


def _moment(text: str, path: Path, line: int) -> datetime:
    try:
        return as_utc(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        raise InputError(f"{path}, line {line}: time {text!r} isn't ISO 8601, as 2026-07-01T12:00") from None


def _numbers(row: dict[str, str], names: Sequence[str], path: Path, line: int) -> list[float]:
    numbers = []
    for name in names:
        try:
            number = float(row[name])
        except (TypeError, ValueError):
            number = np.nan
        if not np.isfinite(number):
            raise InputError(f"{path}, line {line}: {name}={row[name]!r}; a finite number is wanted")
        numbers.append(number)
    return numbers
