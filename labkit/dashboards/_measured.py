"""What labkit's own benchmarks measured, from the CSVs that are kept beside them."""

from __future__ import annotations

import csv
from pathlib import Path

from labkit.errors import InputError


def measured(name: str) -> list[dict[str, str]]:
    """Return the rows of a benchmark's result, as text.

    Args:
        name: of the file under `benchmarks/results`, without ending.

    Raises:
        InputError: if there is none of that name; says which there are.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package.parent / "benchmarks" / "results", package / "benchmarks" / "results"):
        if (folder / f"{name}.csv").is_file():
            with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
    known = sorted(path.stem for path in (package.parent / "benchmarks" / "results").glob("*.csv"))
    raise InputError(
        f"no benchmark result {name!r}; there are {', '.join(known)}"
        if known
        else f"benchmark result {name!r} doesn't come with this installation; use a checkout of labkit"
    )
