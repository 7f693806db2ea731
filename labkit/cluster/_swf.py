"""Traces of real machines in the Standard Workload Format."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.cluster._workload import Jobs
from labkit.errors import InputError

# Version 2.2 of the format: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html
_FIELDS = (
    "job number",
    "submit time",
    "wait time",
    "run time",
    "allocated processors",
    "average CPU time",
    "used memory",
    "requested processors",
    "requested time",
    "requested memory",
    "status",
    "user",
    "group",
    "executable",
    "queue",
    "partition",
    "preceding job",
    "think time",
    "QPU time",  # labkit's own, which a line may have or not: s of the run time
)
_WIDTH = 18
_NUMBER, _SUBMIT, _RUN, _ALLOCATED, _REQUESTED, _REQUESTED_TIME, _USER = 0, 1, 3, 4, 7, 8, 11
# What is counted or measured; the other fields are names.
_QUANTITIES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 18)
_COUNTS = (0, 4, 7, 11)
_HEADER = re.compile(rb";\s*([A-Za-z]+):\s*(.*?)\s*$")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Trace:
    """What a trace holds.

    Attributes:
        jobs: that can be simulated; a processor counts as a node.
        left_out: how many more the file names, whose submit time, run time or processors are unknown or zero.
        processors: of the machine, by the header; None where it doesn't say.
        header: the comments "Label: value" at the beginning, of labels that come twice the last.
    """

    jobs: Jobs
    left_out: int
    processors: int | None
    header: Mapping[str, str]


def read_swf(path: Path) -> Trace:
    """Return a trace in the Standard Workload Format (18 numbers a line, -1 for unknown), plain or gzipped.

    A 19th number in each line, which the format doesn't know, is how long (s) of its run time the job has
    shots on a quantum computer.

    Raises:
        InputError: if the file can't be read, a line makes no sense, or no job can be simulated.
    """
    lines = _read(path)
    header = {}
    numbered = []
    for number, line in enumerate(lines, 1):
        if line.startswith(b";"):
            if match := _HEADER.match(line):
                header[match[1].decode("latin-1")] = match[2].decode("latin-1")
        elif line and not line.isspace():
            numbered.append(number)
    table = _parse(path, lines, numbered)
    run_s, submit_s = table[:, _RUN], table[:, _SUBMIT]
    processors = np.where(table[:, _ALLOCATED] > 0, table[:, _ALLOCATED], table[:, _REQUESTED])
    known = (submit_s >= 0) & (run_s > 0) & (processors > 0)
    if not known.any():
        raise InputError(f"{path}: none of {len(table)} jobs has a submit time, a run time and processors")
    requested_s = np.where(table[:, _REQUESTED_TIME] > 0, table[:, _REQUESTED_TIME], run_s)
    jobs = Jobs(
        submit_s=submit_s[known],
        run_s=run_s[known],
        nodes=processors[known].astype(np.int64),
        requested_s=requested_s[known],
        priority=np.zeros(np.count_nonzero(known), np.int64),
        user=table[known, _USER].astype(np.int64),
        id=table[known, _NUMBER].astype(np.int64),
        qpu_s=np.maximum(table[known, _WIDTH], 0.0) if table.shape[1] > _WIDTH else np.zeros(0),
    )
    return Trace(jobs, int(np.count_nonzero(~known)), _machine_size(header), header)


def _read(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes()
        # By what it holds, not by its name.
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: can't be read ({reason})") from None
    return content.splitlines()


def _parse(path: Path, lines: list[bytes], numbered: list[int]) -> NDArray[np.float64]:
    """Return the numbers, shape (jobs, 18 or 19): all at once, by line only to tell which line is wrong."""
    if not numbered:
        raise InputError(f"{path}: holds no job; lines of {_WIDTH} numbers are wanted")
    width = _WIDTH + (len(lines[numbered[0] - 1].split()) == _WIDTH + 1)
    try:
        table = np.loadtxt([lines[number - 1] for number in numbered], np.float64, comments=None, ndmin=2)
    except ValueError:
        table = None
    if table is not None and table.shape[1] == width and np.isfinite(table).all():
        quantities, counts = table[:, [i for i in _QUANTITIES if i < width]], table[:, _COUNTS]
        if ((quantities >= 0) | (quantities == -1)).all() and (counts == np.floor(counts)).all():
            return table
    for number in numbered:
        if fault := _fault(lines[number - 1].split(), width):
            raise InputError(f"{path}, line {number}: {fault}")
    raise InputError(f"{path}: can't be read as Standard Workload Format")


def _fault(values: list[bytes], width: int) -> str | None:
    """Return what is wrong with a line, None if nothing is."""
    if len(values) != width:
        return f"has {len(values)} field{'s' if len(values) != 1 else ''}; {width} are wanted"
    for index, (name, value) in enumerate(zip(_FIELDS, values, strict=False)):
        text = value.decode("latin-1")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            return f"{name} is {text!r}; a number is wanted"
        if index in _QUANTITIES and number < 0 and number != -1:
            return f"{name} is {text}; 0 or more is wanted, or -1 for unknown"
        if index in _COUNTS and number != math.floor(number):
            return f"{name} is {text}; a whole number is wanted"
    return None


def _machine_size(header: Mapping[str, str]) -> int | None:
    for label in ("MaxProcs", "MaxNodes"):
        # Some logs explain the figure after it.
        if match := re.match(r"[1-9]\d*", header.get(label, "")):
            return int(match[0])
    return None
