"""Where evaluations run: behind ``concurrent.futures.Executor``, whatever the machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path

from labkit.errors import InputError

# One thread a task, whatever the number of workers: no result depends on it, no core is oversubscribed.
_ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "RAYON_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}
_LATER = ("dask", "slurm")


def default_workers(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The number of cores that this process may use, by its affinity and, in a container, by its quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = quota.read_text().split()  # of each so many microseconds
        return max(1, min(cores, int(granted) // int(period)))
    except (OSError, ValueError):  # no container, or one without a quota: "max"
        return cores


@contextmanager
def open_engine(name: str = "local", workers: int | None = None) -> Iterator[Executor]:
    """An executor of the named engine; closed, its workers ended, on leaving.

    Args:
        name: "local", a pool of spawned processes.
        workers: number of processes; one a core by default.

    Raises:
        InputError: if the engine is unknown or the number not positive.
    """
    if name in _LATER:
        raise InputError(f"engine '{name}' is not built yet; this version of labkit has: local")
    if name != "local":
        raise InputError(f"no engine '{name}'; this version of labkit has: local")
    count = default_workers() if workers is None else workers
    if count < 1:
        raise InputError(f"workers {count}: at least 1 is needed")
    with _environment(_ONE_THREAD):
        # Spawned, not forked: JAX's threads don't survive a fork, and thread counts are read at import.
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(count, mp_context=context, initializer=_start_worker)
        try:
            yield executor
        except BaseException:
            # Interrupted or failed: what is in flight is not waited for; it is done again on resume.
            for process in list((executor._processes or {}).values()):
                process.terminate()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Makes a worker end when the process that started it has died, be it by ``kill -9``, or says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the coordinator answers it
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
