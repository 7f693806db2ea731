"""A check-up of the installation: what is there, what is not, and what to do about it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from labkit.errors import LabkitError
from labkit.store import cache_folder, data_path

_REINSTALL = "make run (or: pip install -r binder/requirements.txt)"
_PACKAGES = {
    "jax": "language model",
    "equinox": "language model",
    "rdkit": "molecules",
    "tblite": "molecules",
    "vina": "docking",
    "meeko": "docking",
    "pyscf": "quantum layer",
    "ffsim": "quantum layer",
    "qiskit_aer": "quantum layer",
    "qiskit_addon_sqd": "quantum layer",
    "papermill": "notebooks",
    "jupyterlab": "notebooks",
}


def checkup() -> dict[str, Any]:
    """All checks: ``ok`` and, a check, ``check``, ``ok``, ``found`` and ``remedy``."""
    checks = [*_python(), *_packages(), *_data(), *_machine(), *_folders()]
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


def _check(name: str, ok: bool, found: str, remedy: str = "") -> dict[str, Any]:
    return {"check": name, "ok": ok, "found": found, "remedy": "" if ok else remedy}


def _python() -> Iterator[dict[str, Any]]:
    version = sys.version_info
    yield _check(
        "Python",
        version >= (3, 11),
        platform.python_version(),
        "install Python 3.11 or 3.12 and make a new environment",
    )


def _packages() -> Iterator[dict[str, Any]]:
    for name, purpose in _PACKAGES.items():
        distribution = name.replace("_", "-")
        remedy = _REINSTALL
        if name == "vina" and not (sys.platform == "linux" and version_below(3, 13)):
            remedy = "Vina has no wheel here; use Linux x86-64 with Python 3.11 or 3.12 (on Windows: WSL)"
        try:
            # Found and complete is enough: importing all takes long, and ffsim would change JAX's precision.
            spec = importlib.util.find_spec(name)
            found = metadata.version(distribution) if spec is not None else "missing"
        except (ImportError, ValueError, metadata.PackageNotFoundError):
            spec, found = None, "missing"
        yield _check(f"{name} ({purpose})", spec is not None, found, remedy)


def version_below(major: int, minor: int) -> bool:
    """Whether this Python is older than the given version."""
    return sys.version_info < (major, minor)


def _data() -> Iterator[dict[str, Any]]:
    remedy = "fetch the files again: git checkout -- data"
    try:
        sums = data_path("SHA256SUMS").read_text().splitlines()
    except (LabkitError, OSError) as error:
        yield _check("data", False, str(error), remedy)
        return
    bad = []
    for line in sums:
        expected, _, name = line.partition("  ")
        file = data_path(*Path(name).parts)
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            bad.append(name)
    found = f"{len(sums)} files as published" if not bad else f"damaged or missing: {', '.join(bad[:5])}"
    yield _check("data", not bad, found, remedy)


def _machine() -> Iterator[dict[str, Any]]:
    import psutil

    free = psutil.virtual_memory().available / 1e9
    yield _check(
        "memory", free >= 2, f"{free:.1f} GB free", "the quick campaign needs 2 GB: close other programs"
    )
    disk = shutil.disk_usage(Path.cwd()).free / 1e9
    yield _check("disk", disk >= 1, f"{disk:.1f} GB free here", "a run needs up to 1 GB: make room")


def _folders() -> Iterator[dict[str, Any]]:
    for name, folder in (("this folder", Path.cwd()), ("cache folder", cache_folder())):
        remedy = f"make '{folder}' writable, or set LABKIT_CACHE to a folder that is"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield _check(name, False, f"{folder}: {error.strerror}", remedy)
        else:
            yield _check(name, os.access(folder, os.W_OK), str(folder), remedy)
