"""Where the data that labkit ships lies."""

from __future__ import annotations

from pathlib import Path

from labkit.errors import LabkitError


def data_path(*parts: str) -> Path:
    """Path of a file or folder that labkit ships, in a checkout or in an installed package.

    Raises:
        LabkitError: if the installation carries no data at all.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package.parent / "data", package / "data"):
        if (root / "SHA256SUMS").is_file():
            return root.joinpath(*parts)
    raise LabkitError("labkit's data folder is missing; reinstall labkit or run it from its checkout")
