"""Data sets of molecules that come with labkit. Provenance: data/molecules/README.md."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import InputError
from labkit.store import data_path

_ZINC250K_SHA256 = "2517c87f49cd488660c02f9241a68421ce1ddb9b947ca1bd67053a8dd75b0078"
_MAX_SMILES_BYTES = 500_000_000


@dataclass(frozen=True)
class KnownInhibitor:
    """A known inhibitor of a target.

    Attributes:
        name: international non-proprietary name or code.
        smiles: SMILES as in the source.
        formula: published molecular formula, Hill order.
        source: database and identifier.
        site: binding site, as far as it is known from crystal structures.
    """

    name: str
    smiles: str
    formula: str
    source: str
    site: str


def load_zinc250k() -> list[str]:
    """The 249,456 SMILES of ZINC250k, in file order.

    Raises:
        InputError: if the file is missing or is not the one that labkit shipped.
    """
    content = _verified(data_path("molecules", "zinc250k.smi.gz"), _ZINC250K_SHA256)
    return [line.split()[0] for line in gzip.decompress(content).decode("ascii").splitlines() if line.strip()]


def load_abl1_inhibitors() -> list[KnownInhibitor]:
    """Known ABL1 inhibitors, to compare proposals with.

    Raises:
        InputError: if the file is missing.
    """
    return [KnownInhibitor(**row) for row in _rows(data_path("molecules", "abl1_inhibitors.csv"))]


def load_dyes() -> dict[str, str]:
    """Name to SMILES of known dyes and other chromophores, on which the prior `chromophores` was trained.

    Raises:
        InputError: if the file is missing.
    """
    return {row["name"]: row["smiles"] for row in _rows(data_path("molecules", "chromophores.csv"))}


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise InputError(f"{path} is missing; reinstall labkit")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _verified(path: Path, sha256: str) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is missing; reinstall labkit")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise InputError(f"{path}: sha256 {found[:12]}… instead of {sha256[:12]}…; restore the shipped file")
    return content


def read_smiles_file(path: Path) -> list[str]:
    """First column of a text file with one SMILES a line, plain or gzip; empty lines are left out.

    Raises:
        InputError: if it cannot be read, is unreasonably large or holds no line; says why.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read(_MAX_SMILES_BYTES + 1)
        lines = content.decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' can't be read as SMILES, one a line: {error}") from None
    if len(content) > _MAX_SMILES_BYTES:
        raise InputError(f"'{path}' holds more than {_MAX_SMILES_BYTES} bytes; split it")
    smiles = [line.split()[0] for line in lines if line.strip()]
    if not smiles:
        raise InputError(f"'{path}' is empty; SMILES are needed, one a line")
    return smiles
