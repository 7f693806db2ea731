"""Where evaluations run: behind ``concurrent.futures.Executor``, whatever the machine."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from labkit.campaign._guard import LostError, end_children, guarded
from labkit.errors import InputError, MissingDependencyError

_HERE = "127.0.0.1:0"  # where Dask's own pages are shown: to nobody else, at any port that is free
_ENGINES = "there are: local, dask, dask:ADDRESS, slurm"


@dataclass(frozen=True)
class Engine:
    """Where evaluations run.

    Attributes:
        executor: whose threads, wherever they are, do nothing but wait for the process that each keeps.
        workers: how many evaluations run at once.
        everywhere: calls a function in each process of the executor.
        lost: what a future raises whose evaluation has died, or the machine under it.
        elsewhere: whether evaluations run outside this process and its children, so that no meter here sees
            them.
    """

    executor: Executor
    workers: int
    everywhere: Callable[..., None]
    lost: tuple[type[BaseException], ...] = (LostError,)
    elsewhere: bool = False
    _name: str = field(default_factory=lambda: uuid4().hex)

    def submit(self, function: Callable[..., Any], *arguments: Any, **limits: Any) -> Future[Any]:
        """What a function will make of its arguments in a process of its own (see ``guarded``)."""
        return self.executor.submit(guarded, function, *arguments, owner=self._name, **limits)

    def rest(self, *, close: bool = False) -> None:
        """Ends the processes, and with them what is in flight; unless it closes, later work gets new ones."""
        self.everywhere(end_children, self._name, close=close)


def default_workers(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The number of cores that this process may use, by its affinity and, in a container, by its quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        granted, period = quota.read_text().split()  # of each so many microseconds
        return max(1, min(cores, int(granted) // int(period)))
    except (OSError, ValueError):  # no container, or one without a quota: "max"
        return cores


@contextmanager
def open_engine(
    name: str = "local", workers: int | None = None, *, cores: int = 1, memory_gb: float = 4.0
) -> Iterator[Engine]:
    """An engine; closed, and what is in flight ended, on leaving.

    Args:
        name: "local"; "dask" in this process, "dask:ADDRESS" of a scheduler that runs; "slurm", whose jobs
            are as dask-jobqueue's configuration says.
        workers: evaluations at once. By default as many as there are cores for, or threads of Dask's workers
            at an address; SLURM needs the number.
        cores: that one evaluation takes.
        memory_gb: most that one evaluation takes, GB.

    Raises:
        InputError: if the engine is unknown or can't be reached, or the number is not positive.
        MissingDependencyError: naming the package that the engine needs.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers {workers}: at least 1 is needed")
    kind, _, address = name.partition(":")
    if kind == "dask" and address:
        engine = _dask_at(address, workers, cores)
    elif name == "slurm":
        engine = _slurm(workers, cores, memory_gb)
    elif name in ("local", "dask"):
        own = max(1, default_workers() // cores) if workers is None else workers
        engine = _local(own) if name == "local" else _dask_here(own)
    else:
        raise InputError(f"no engine '{name}'; {_ENGINES}")
    with engine as opened:
        yield opened


@contextmanager
def _local(workers: int) -> Iterator[Engine]:
    def everywhere(function: Callable[..., None], *arguments: Any, **options: Any) -> None:
        function(*arguments, **options)

    executor = ThreadPoolExecutor(workers, "labkit-worker")
    engine = Engine(executor, workers, everywhere)
    try:
        yield engine
    finally:
        engine.rest(close=True)
        executor.shutdown(cancel_futures=True)


@contextmanager
def _dask_here(workers: int) -> Iterator[Engine]:
    distributed = _package("distributed")
    with (
        distributed.LocalCluster(
            processes=False,
            n_workers=1,
            threads_per_worker=workers,
            memory_limit=0,
            dashboard_address=_HERE,
            worker_dashboard_address=_HERE,
        ) as cluster,
        distributed.Client(cluster) as client,
        _client_engine(client, workers, elsewhere=False) as engine,
    ):
        yield engine


@contextmanager
def _dask_at(address: str, workers: int | None, cores: int) -> Iterator[Engine]:
    distributed = _package("distributed")
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())
        raise InputError(f"engine 'dask:{address}': no scheduler of Dask answers there ({told})") from None
    with client:
        threads = sum(client.nthreads().values())
        if workers is None and threads == 0:
            raise InputError(f"engine 'dask:{address}' has no workers yet; start some, or say --workers N")
        with _client_engine(client, workers or max(1, threads // cores), elsewhere=True) as engine:
            yield engine


@contextmanager
def _slurm(workers: int | None, cores: int, memory_gb: float) -> Iterator[Engine]:
    dask, distributed = _package("dask"), _package("distributed")
    jobqueue = _package("dask_jobqueue")
    if workers is None:
        raise InputError("engine 'slurm': say with --workers how many evaluations are to run at once")
    if shutil.which("sbatch") is None:
        raise InputError("engine 'slurm': there is no sbatch here; start labkit where SLURM's commands are")
    configured = dask.config.get("jobqueue.slurm", {})
    job_cores = configured.get("cores") or cores
    if job_cores < cores:
        raise InputError(f"engine 'slurm': jobs of {job_cores} cores are configured, a stage needs {cores}")
    slots = job_cores // cores
    jobs = -(-workers // slots)
    with jobqueue.SLURMCluster(
        cores=slots,  # threads of a worker of Dask; each keeps a process of so many cores
        processes=1,
        job_cpu=configured.get("job-cpu") or job_cores,
        memory=configured.get("memory") or f"{slots * memory_gb:g} GB",
        worker_extra_args=[
            "--memory-limit",
            "0",
            "--no-dashboard",
            *(configured.get("worker-extra-args") or ()),
        ],
        log_directory=configured.get("log-directory") or "slurm-logs",
        scheduler_options={"dashboard_address": _HERE, **(configured.get("scheduler-options") or {})},
    ) as cluster:
        tried = subprocess.run(
            ["sbatch", "--test-only"], input=cluster.job_script(), capture_output=True, text=True, check=False
        )
        if tried.returncode:  # Dask itself would ask again and again, and tell nobody
            told = " ".join(tried.stderr.split())
            raise InputError(f"engine 'slurm': sbatch refuses the job of a worker: {told}")
        # Jobs end with their time limit, and Dask's scale() alone doesn't replace them.
        cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
        with (
            distributed.Client(cluster) as client,
            _client_engine(client, workers, elsewhere=True) as engine,
        ):
            yield engine


@contextmanager
def _client_engine(client: Any, workers: int, *, elsewhere: bool) -> Iterator[Engine]:
    from distributed.scheduler import KilledWorker

    executor = client.get_executor(pure=False)  # a question that was lost is asked again

    def everywhere(function: Callable[..., None], *arguments: Any, **options: Any) -> None:
        with suppress(OSError):  # a scheduler that is gone has no workers any more
            client.run(function, *arguments, on_error="ignore", **options)

    # Dask itself asks others when a worker is gone; after some of them it gives up.
    engine = Engine(executor, workers, everywhere, (LostError, KilledWorker), elsewhere)
    try:
        yield engine
    finally:
        executor.shutdown(wait=False)
        engine.rest(close=True)  # Dask alone would wait for what computes


def _package(name: str) -> ModuleType:
    """Dask's packages are an extra: most runs need one machine.

    Raises:
        MissingDependencyError: naming the extra.
    """
    import importlib

    try:
        module = importlib.import_module(name)
        for part in ("distributed", "distributed.client"):
            logging.getLogger(part).setLevel(logging.CRITICAL)  # what goes wrong is told by the loop
        return module
    except ModuleNotFoundError:
        package = name.replace("_", "-")
        remedy = "pip install 'labkit[cluster]'"
        raise MissingDependencyError(
            f"this engine needs {package}, which isn't installed: {remedy}"
        ) from None
