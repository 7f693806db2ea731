"""A process of its own ends with the one that asked, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from labkit.errors import EvaluationError, ResourceError
from labkit.quantum._process import as_reply, in_own_process

SLEEPER = """
import os, time
from pathlib import Path

def answer(request):
    Path(request["file"]).write_text(str(os.getpid()))
    time.sleep(600)
"""

ASKER = """
import sys
from labkit.quantum._process import in_own_process
in_own_process("sleeper", {"file": sys.argv[1]}, label="sleep")
"""


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_a_worker_whose_asker_was_killed_ends(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    note = tmp_path / "pid"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    asker = subprocess.Popen([sys.executable, "-c", ASKER, str(note)], env=environment, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()):
        assert asker.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    worker = int(note.read_text())
    assert _alive(worker)
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    while _alive(worker):
        assert time.monotonic() < deadline, "the worker outlived the process that asked"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (signal.SIGKILL, ResourceError),  # what Linux sends where memory runs out
        (signal.SIGSEGV, EvaluationError),
    ],
)
def test_a_worker_that_dies_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, error: type[Exception]
) -> None:
    (tmp_path / "mortal.py").write_text(
        f"import os\n\ndef answer(request):\n    os.kill(os.getpid(), {number:d})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(error, match=rf"test: the quantum worker died \(signal {number:d}"):
        in_own_process("mortal", {}, label="test")


def test_a_failure_in_the_worker_comes_back_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing.py").write_text(
        "from labkit.errors import EvaluationError\n\ndef answer(request):\n"
        "    raise EvaluationError(request['text'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EvaluationError, match=r"^the SCF didn't converge$"):
        in_own_process("failing", {"text": "the SCF didn't converge"}, label="test")


def test_a_cancelled_worker_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tireless.py").write_text(
        "import time\nfrom labkit.quantum._process import progress\n\ndef answer(request):\n"
        "    progress(0.25, 'a long sum')\n    time.sleep(600)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    cancelled, told = threading.Event(), []

    def report(fraction: float, text: str) -> None:
        told.append((fraction, text))
        cancelled.set()

    with pytest.raises(EvaluationError, match="sum: cancelled"):
        in_own_process("tireless", {}, label="sum", report=report, cancelled=cancelled)
    assert told == [(0.25, "a long sum")]


def test_an_allocation_that_fails_is_no_answer_of_the_molecule() -> None:
    def compute() -> None:
        raise MemoryError("Unable to allocate 64.0 GiB")

    reply = as_reply(compute)
    assert reply["error"] == "ResourceError" and "Unable to allocate 64.0 GiB" in reply["message"]
