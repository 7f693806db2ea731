import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labkit.campaign._engines import default_workers, open_engine
from labkit.errors import InputError, MissingDependencyError


@pytest.mark.parametrize("name", ["cloud", "", "local:1", "slurm:1", "dask:"])
def test_an_engine_that_is_not_there_is_told_with_those_that_are(name: str) -> None:
    told = f"no engine '{name}'; there are: local, dask, dask:ADDRESS, slurm"
    with pytest.raises(InputError, match=told), open_engine(name):
        pass


def test_an_address_where_no_scheduler_answers_is_told() -> None:
    with pytest.raises(InputError, match="engine 'dask:nowhere': no scheduler of Dask answers there"):
        with open_engine("dask:nowhere"):
            pass


@pytest.mark.parametrize("workers", [0, -3])
@pytest.mark.parametrize("name", ["local", "dask", "slurm"])
def test_a_senseless_number_of_workers_is_told(name: str, workers: int) -> None:
    with pytest.raises(InputError, match=f"workers {workers}: at least 1"), open_engine(name, workers):
        pass


def test_slurm_needs_a_number_and_its_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="engine 'slurm': say with --workers"), open_engine("slurm"):
        pass
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="engine 'slurm': there is no sbatch here"), open_engine("slurm", 2):
        pass


@pytest.mark.parametrize(("name", "package"), [("dask", "distributed"), ("slurm", "dask-jobqueue")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    told = f"needs {package}, which isn't installed: pip install 'labkit\\[cluster\\]'"
    with pytest.raises(MissingDependencyError, match=told), open_engine(name, 1):
        pass


@pytest.mark.parametrize(
    ("quota", "workers"),
    [("150000 100000\n", 1), ("200000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 64)],
)
def test_a_container_gets_workers_for_the_cores_that_it_is_granted(
    quota: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (tmp_path / "cpu.max").write_text(quota)
    assert default_workers(tmp_path / "cpu.max") == workers
    assert default_workers(tmp_path / "missing") == 64


@pytest.mark.parametrize(("cores", "workers"), [(1, 6), (2, 3), (4, 1), (8, 1)])
def test_no_more_evaluations_run_than_there_are_cores_for_their_threads(
    cores: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.campaign._engines.default_workers", lambda: 6)
    with open_engine("local", cores=cores) as engine:
        assert engine.workers == workers
        threads = engine.submit(os.getenv, "OMP_NUM_THREADS", cores=cores)
        assert threads.result() == str(cores)


@pytest.mark.parametrize("name", ["local", "dask"])
def test_work_is_done_in_other_processes_that_end_when_the_engine_rests(name: str) -> None:
    with open_engine(name, 1) as engine:
        first, same = (engine.submit(os.getpid).result() for _ in range(2))
        assert first == same != os.getpid()
        engine.rest()
        assert not psutil.pid_exists(first)
        last = engine.submit(os.getpid).result()
        assert last not in (first, os.getpid())
    assert not psutil.pid_exists(last)


@pytest.mark.parametrize("name", ["local", "dask"])
def test_on_an_interruption_nothing_in_flight_is_waited_for(name: str) -> None:
    with pytest.raises(KeyboardInterrupt), open_engine(name, 1) as engine:
        worker = engine.submit(os.getpid).result()
        engine.submit(time.sleep, 10_000)
        raise KeyboardInterrupt
    assert not psutil.pid_exists(worker)


_DRIVER = """
import os, time
from labkit.campaign._engines import open_engine
with open_engine("local", 2) as engine:
    print(*{one.result() for one in [engine.submit(os.getpid) for _ in range(20)]}, flush=True)
    engine.submit(time.sleep, 10_000)
    time.sleep(10_000)
"""


def test_workers_end_when_the_process_that_started_them_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _DRIVER], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in driver.stdout.readline().split()]
        assert workers
        os.kill(driver.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Address of a scheduler with one worker of two threads, both processes of their own."""
    file, dask = tmp_path / "scheduler.json", [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    join = ["--scheduler-file", str(file)]
    processes = [
        subprocess.Popen([*dask, *command, *join], **quiet)
        for command in (
            ["scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1"],
            ["worker", "--nthreads", "2", "--no-dashboard", "--nanny-port", "0", "--worker-port", "0"],
        )
    ]
    try:
        import distributed

        with distributed.Client(scheduler_file=str(file), timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            yield client.scheduler.address
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=60)


@pytest.mark.slow
def test_at_an_address_the_workers_threads_are_counted_and_used(scheduler: str) -> None:
    with open_engine(f"dask:{scheduler}") as engine:
        assert engine.workers == 2 and engine.elsewhere
        running = [engine.submit(os.getpid) for _ in range(8)]
        pids = {one.result(timeout=60) for one in running}
        assert len(pids) <= 2 and not pids & {child.pid for child in psutil.Process().children()}
        engine.rest()
        assert not any(map(psutil.pid_exists, pids))
