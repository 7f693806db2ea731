import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.campaign._engines import default_workers, open_engine
from labkit.errors import InputError


@pytest.mark.parametrize("name", ["dask", "slurm", "cloud", ""])
def test_an_engine_that_is_not_there_is_told_with_those_that_are(name: str) -> None:
    with (
        pytest.raises(InputError, match=f"engine '{name}'.*this version of labkit has: local"),
        open_engine(name),
    ):
        pass


@pytest.mark.parametrize("workers", [0, -3])
def test_a_senseless_number_of_workers_is_told(workers: int) -> None:
    with pytest.raises(InputError, match=f"workers {workers}: at least 1"), open_engine("local", workers):
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


def test_workers_are_other_processes_with_one_thread_each() -> None:
    before = os.environ.get("OMP_NUM_THREADS")
    with open_engine("local", 1) as executor:
        worker = executor.submit(os.getpid).result()
        assert worker != os.getpid()
        assert executor.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"
    assert not psutil.pid_exists(worker)
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_on_an_interruption_nothing_in_flight_is_waited_for() -> None:
    with pytest.raises(KeyboardInterrupt), open_engine("local", 1) as executor:
        worker = executor.submit(os.getpid).result()
        executor.submit(time.sleep, 10_000)
        raise KeyboardInterrupt
    assert not psutil.pid_exists(worker)


_DRIVER = """
import os, time
from labkit.campaign._engines import default_workers, open_engine
if __name__ == "__main__":
    with open_engine("local", 2) as executor:
        print(*{executor.submit(os.getpid).result() for _ in range(20)}, flush=True)
        executor.submit(time.sleep, 10_000)
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
