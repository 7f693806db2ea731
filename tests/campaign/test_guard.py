import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import pytest

from labkit.campaign import objective_from
from labkit.campaign._guard import LostError, end_children, guarded
from labkit.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    end_children("test")


_guarded = partial(guarded, owner="test")


def test_the_answer_comes_from_one_process_that_stays() -> None:
    assert _guarded(os.getpid) == _guarded(os.getpid) != os.getpid()


def test_an_error_of_labkit_arrives_as_it_is_and_another_as_text() -> None:
    pid = _guarded(os.getpid)
    with pytest.raises(InputError, match=r"objective .score.: FILE\.py:FUNCTION is wanted"):
        _guarded(objective_from, "score")
    with pytest.raises(RuntimeError, match=r"^ValueError: invalid literal for int") as told:
        _guarded(int, "x")
    assert "Traceback" in told.value.__notes__[0]
    assert _guarded(os.getpid) == pid  # an answer like any other


def test_who_takes_too_long_is_ended_with_all_that_it_started() -> None:
    pid = _guarded(os.getpid)
    start = time.monotonic()
    with pytest.raises(LostError, match=r"^no answer within 1.5 s$"):
        _guarded(os.system, "sleep 1000", limit_s=1.5)
    assert time.monotonic() - start < 30
    sleeping = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "1000"]]
    assert not psutil.pid_exists(pid) and not sleeping
    assert _guarded(os.getpid) != pid


def test_who_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(LostError, match=r"it took 0\.\d+ GB of memory; 0.2 GB are allowed"):
        _guarded(eval, "(bytearray(300_000_000), __import__('time').sleep(1000))", memory_gb=0.2)
    # What another process that it started takes counts, too.
    command = "python3 -c 'import time; x = bytearray(300_000_000); time.sleep(1000)'"
    with pytest.raises(LostError, match="GB are allowed"):
        _guarded(os.system, command, memory_gb=0.2)
    assert len(_guarded(bytes, 10_000_000, memory_gb=0.2)) == 10_000_000


def test_who_is_killed_is_told_with_the_signal() -> None:
    pid = _guarded(os.getpid)
    with pytest.raises(LostError, match=r"its process died \(signal 9: killed, or out of memory\)"):
        _guarded(eval, f"__import__('os').kill({pid}, {int(signal.SIGKILL)})")
    with pytest.raises(LostError, match=r"its process died \(exit code 3\)"):
        _guarded(os._exit, 3)


def test_what_an_evaluation_prints_stays_out_of_the_coordinators_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    _guarded(
        print,
        "from Vina",
    )
    _guarded(os.system, "echo from xtb")
    end_children("test")
    assert capfd.readouterr().out == ""


def test_an_engine_that_is_closed_starts_nothing_and_harms_no_other() -> None:
    other = _guarded(os.getpid)
    with ThreadPoolExecutor(1) as thread:
        pid = thread.submit(guarded, os.getpid, owner="closed").result()
        end_children("closed", close=True)
        assert not psutil.pid_exists(pid)
        with pytest.raises(LostError, match="the run was stopped"):
            thread.submit(guarded, os.getpid, owner="closed").result()
    assert _guarded(os.getpid) == other
