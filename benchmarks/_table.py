"""What the benchmarks share: a CSV to which each row is added as soon as it is computed, and the machine."""

from __future__ import annotations

import csv
import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path


def rows(table: Path) -> list[dict[str, str]]:
    """Return the rows that are on disk, none where there is no table yet."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(table: Path, columns: Sequence[str], *entries: Mapping[str, object]) -> None:
    """Add rows, after the header where the table is new; values that are missing stay empty."""
    new = not table.is_file()
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(entries)


def machine(threads: int = 1) -> str:
    """Return processor and threads in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        model = match[1] if match else model
    return f"{model}, {threads} thread(s)"


def versions(*packages: str) -> str:
    """Return packages with their versions."""
    return " ".join(f"{package}={version(package)}" for package in packages)


def cpu_seconds() -> float:
    """Return the processor time of this process and its workers, which a busy machine doesn't inflate."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
