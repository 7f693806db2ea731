"""The way in: triplet energies, in a process of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from labkit.errors import InputError, TooLittleMemoryError
from labkit.quantum._chromophore import Chromophore, read_chromophore
from labkit.quantum._process import DEFAULT_THREADS, in_own_process
from labkit.quantum._triplet_result import TripletEnergy, TripletSettings

if TYPE_CHECKING:
    from rdkit import Chem

# Basis functions of def2-SVP and of its auxiliary basis, of hydrogen, the second period, and all others.
_FUNCTIONS = {"H": (5, 23)}
_SECOND_PERIOD = (14, 77)
_OTHERS = (32, 130)

# What Python and the imported packages take.
_FOUNDATION = 400e6


def triplet_energy(
    molecule: str | Path | Chem.Mol,
    *,
    settings: TripletSettings | None = None,
    threads: int | None = None,
) -> TripletEnergy:
    """Return the vertical energy of a molecule's lowest triplet state, computed in a process of its own.

    Args:
        molecule: a SMILES, the path of an xyz file (second line: `charge=`, 0 where it says nothing), or a
            molecule of RDKit. Files and RDKit's conformers with hydrogens are taken as they stand; all
            others get a GFN2-xTB geometry.
        settings: the solver, and whether lone pairs join; the defaults where not given.
        threads: threads of the computation; 1 where not given.

    Raises:
        InputError: if the molecule can't be read, is no closed shell, has no π system, or is too large.
        EvaluationError: if a mean field or the orbitals don't converge.
        ResourceError: if memory is too short, or runs out.
        MissingDependencyError: if a package is missing on this platform.
    """
    start = time.perf_counter()
    settings = settings or TripletSettings()
    threads = DEFAULT_THREADS if threads is None else threads
    if threads < 1:
        raise InputError(f"threads={threads}; at least 1 is wanted")
    chromophore = read_chromophore(molecule)
    prepared = time.perf_counter() - start
    reply = in_own_process(
        __name__,
        {"chromophore": chromophore.as_dict(), "settings": asdict(settings)},
        label=chromophore.name,
        threads=threads,
    )
    result = TripletEnergy.from_dict(reply)
    total = time.perf_counter() - start
    return replace(result, seconds={"structure": prepared, **result.seconds, "total": total})


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `triplet_energy`, both as plain values."""
    from labkit.quantum._triplet_compute import compute_triplet

    chromophore = Chromophore.from_dict(request["chromophore"])
    settings = TripletSettings(**request["settings"])
    check_chromophore(chromophore, settings)
    return compute_triplet(chromophore, settings).as_dict()


def check_chromophore(chromophore: Chromophore, settings: TripletSettings) -> None:
    """Refuse a molecule for which memory is short, before anything is computed."""
    from labkit.quantum._solvers import check_size, memory_needed

    chosen = chromophore.system.orbitals + (chromophore.system.lone_pairs if settings.lone_pairs else ())
    norb = min(len(chosen), settings.max_orbitals)
    pairs = min(sum(orbital.electrons for orbital in chosen) // 2, norb - 1)
    check_size(norb, (pairs, pairs), settings.solver)
    needed = _FOUNDATION + memory_needed(norb, (pairs, pairs), settings.solver)
    needed += _integrals(chromophore, norb)
    available = psutil.virtual_memory().available
    if needed > available:
        raise TooLittleMemoryError(
            f"{chromophore.name}: {len(chromophore.symbols)} atoms and {norb} active orbitals take about "
            f"{needed / 1e9:.1f} GB, {available / 1e9:.1f} GB are free: choose a smaller molecule"
        )


def _integrals(chromophore: Chromophore, norb: int) -> float:
    """Return about how many bytes the fitted integrals take: packed, and of each occupied orbital twice."""
    counts = [
        _FUNCTIONS.get(symbol, _SECOND_PERIOD if symbol in ("B", "C", "N", "O", "F") else _OTHERS)
        for symbol in chromophore.symbols
    ]
    nao, naux = (sum(column) for column in zip(*counts, strict=True))
    occupied = chromophore.electrons // 2 + norb // 2
    return 8.0 * naux * (nao * (nao + 1) / 2 + 3 * occupied * nao)
