"""The way in: interaction energies, in this process or in one of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from labkit import errors
from labkit.molecules import Dimer, read_dimer
from labkit.quantum._cost import check_cost
from labkit.quantum._process import DEFAULT_THREADS, in_own_process
from labkit.quantum._result import InteractionEnergy, InteractionSettings


def interaction_energy(
    dimer: Dimer | str | Path,
    level: str = "standard",
    *,
    seed: int = 0,
    threads: int | None = None,
    settings: InteractionSettings | None = None,
) -> InteractionEnergy:
    """Return the interaction energy of a dimer, computed so that the calling process stays as it is.

    All but `fast` runs in a process of its own: ffsim and qiskit-addon-sqd switch JAX to 64 bits on import,
    and thread counts must be set before.

    Args:
        dimer: the dimer, or the path of an xyz file that `read_dimer` reads.
        level: `fast` (GFN2-xTB), `standard` (ωB97X-3c) or `accurate` (CCSD(T)/CBS), the latter two with the
            quantum step beside them.
        seed: seed of the sampling.
        threads: threads of the computation; 1 where not given, 2 help on an idle machine.
        settings: finer settings; its level and seed give way to the arguments above.

    Raises:
        InputError: if the dimer or a setting is no good.
        EvaluationError: if the computation fails.
        MissingDependencyError: if a package is missing on this platform.
    """
    if not isinstance(dimer, Dimer):
        dimer = read_dimer(dimer)
    settings = replace(settings or InteractionSettings(), level=level, seed=seed)
    threads = DEFAULT_THREADS if threads is None else threads
    if threads < 1:
        raise errors.InputError(f"threads={threads}; at least 1 is wanted")
    check_cost(dimer, settings)
    if settings.level == "fast":
        return compute_interaction_energy(dimer, settings)
    request = {
        "dimer": {**asdict(dimer), "coordinates": dimer.coordinates.tolist()},
        "settings": asdict(settings),
    }
    label = dimer.name or "dimer"
    return InteractionEnergy.from_dict(in_own_process(__name__, request, label=label, threads=threads))


def compute_interaction_energy(dimer: Dimer, settings: InteractionSettings) -> InteractionEnergy:
    """Return the interaction energy, computed in this process.

    For processes that exist for such work. Above level `fast` it imports ffsim, which switches JAX to 64
    bits, and takes the number of threads from the environment.

    Raises:
        InputError: if the dimer is too large for level, machine or active space.
        EvaluationError: if the computation fails.
        MissingDependencyError: if a package is missing on this platform.
    """
    check_cost(dimer, settings)
    start = time.perf_counter()
    try:
        if settings.level == "fast":
            from labkit.quantum._xtb import fast_interaction as interaction
        elif settings.level == "accurate":
            from labkit.quantum._accurate import accurate_interaction as interaction
        else:
            from labkit.quantum._compute import standard_interaction as interaction
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("labkit"):
            raise
        package = error.name.partition(".")[0].replace("_", "-")
        raise errors.MissingDependencyError(
            f"level {settings.level} needs {package}: pip install {package} (on Windows, inside WSL)"
        ) from None
    imported = time.perf_counter() - start
    result = interaction(dimer, settings)
    seconds = {"import": imported, **result.seconds, "total": time.perf_counter() - start}
    return replace(result, seconds=seconds)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `interaction_energy`, both as plain values."""
    dimer, settings = Dimer(**request["dimer"]), InteractionSettings(**request["settings"])
    return compute_interaction_energy(dimer, settings).as_dict()
