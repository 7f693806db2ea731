"""Quantum work in a process of its own: threads are set before imports, JAX stays as the caller has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any

from labkit import errors

# Fixed, for results must not depend on the machine; and one, for threads on a busy machine wait for each
# other: measured on two loaded cores, two of them took twice as long as one.
DEFAULT_THREADS = 1

Report = Callable[[float, str], None]

# A worker's line on stderr that tells how far it is: mark, share done, what is being done.
_PROGRESS = "labkit-progress"

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def in_own_process(
    module: str,
    request: Mapping[str, Any],
    *,
    label: str,
    threads: int = DEFAULT_THREADS,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Any:
    """Return what a module's `answer` makes of a request, computed in a fresh process.

    Args:
        module: name of a module with a function `answer(request)` that returns plain values, or raises.
        request: plain values, as JSON takes them.
        label: what is computed, for messages.
        threads: threads of the process.
        report: called with the share done and with what is being done, as the module calls `progress`.
        cancelled: ends the process when it is set.

    Raises:
        LabkitError: the one that the computation raised.
        ResourceError: if the process was killed from outside, as where memory runs out.
        EvaluationError: if it died by itself, or was cancelled.
    """
    environment = {
        **os.environ,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        # What this process can import, the worker can too; an accelerator is of no use to it.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "JAX_PLATFORMS": "cpu",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    # Files for request and reply, so that only one pipe is to be read, line by line.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as asked, tempfile.TemporaryFile("w+b") as replied:
        json.dump(request, asked)
        asked.seek(0)
        # A fresh interpreter and not multiprocessing's spawn, which would run the caller's script once more.
        process = subprocess.Popen(
            [sys.executable, "-m", "labkit.quantum._worker", module, str(os.getpid())],
            stdin=asked,
            stdout=replied,
            stderr=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
            errors="replace",
        )
        if cancelled is not None:
            threading.Thread(target=_end_when, args=(process, cancelled), daemon=True).start()
        last = _follow(process, report)
        if cancelled is not None and cancelled.is_set():
            raise errors.EvaluationError(f"{label}: cancelled")
        if process.returncode != 0:
            fault = f"{label}: the quantum worker died"
            if process.returncode in (-signal.SIGKILL, -signal.SIGTERM):
                raise errors.ResourceError(f"{fault} (signal {-process.returncode}, out of memory?)")
            reason = f"signal {-process.returncode}" if process.returncode < 0 else last
            raise errors.EvaluationError(f"{fault} ({reason})")
        replied.seek(0)
        reply = json.load(replied)
    if "error" in reply:
        raise getattr(errors, reply["error"])(reply["message"])
    return reply["result"]


def progress(fraction: float, text: str) -> None:
    """Tell the asker, from within a worker, how far its request is.

    Args:
        fraction: share done, 0 to 1.
        text: what is being done now.
    """
    print(_PROGRESS, f"{fraction:.3f}", text, file=sys.stderr, flush=True)


def _follow(process: subprocess.Popen[str], report: Report | None) -> str:
    """Pass a worker's progress on until it has ended; return the last other line that it wrote."""
    last = "no message"
    with process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                mark, *rest = line.strip().split(" ", 2)
                if mark == _PROGRESS and len(rest) == 2:
                    if report is not None:
                        report(float(rest[0]), rest[1])
                elif line.strip():
                    last = line.strip()
        except BaseException:  # an interrupt too: nobody waits for the reply any more
            process.kill()
            raise
    return last


def _end_when(process: subprocess.Popen[str], cancelled: threading.Event) -> None:
    while process.poll() is None:
        if cancelled.wait(0.1):
            process.kill()
            return


def as_reply(compute: Callable[[], Any]) -> dict[str, Any]:
    """Return a worker's reply, as plain values: what is computed, or the error that labkit raises on purpose.

    A package that is missing on this platform is one, too, and so is memory that can't be had.
    """
    try:
        return {"result": compute()}
    except errors.LabkitError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError as error:
        return {"error": "ResourceError", "message": f"memory ran out ({error})"}
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("labkit"):
            raise
        package = error.name.partition(".")[0].replace("_", "-")
        message = f"the quantum layer needs {package}: pip install {package} (on Windows, inside WSL)"
        return {"error": "MissingDependencyError", "message": message}
