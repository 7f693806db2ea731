"""Quantum work in a process of its own: threads are set before imports, JAX stays as the caller has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from labkit import errors

# Fixed, for results must not depend on the machine; and one, for threads on a busy machine wait for each
# other: measured on two loaded cores, two of them took twice as long as one.
DEFAULT_THREADS = 1

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def in_own_process(
    module: str, request: Mapping[str, Any], *, label: str, threads: int = DEFAULT_THREADS
) -> Any:
    """Return what a module's `answer` makes of a request, computed in a fresh process.

    Args:
        module: name of a module with a function `answer(request)` that returns plain values, or raises.
        request: plain values, as JSON takes them.
        label: what is computed, for messages.
        threads: threads of the process.

    Raises:
        LabkitError: the one that the computation raised.
        ResourceError: if the process was killed from outside, as where memory runs out.
        EvaluationError: if it died by itself.
    """
    environment = {
        **os.environ,
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        # What this process can import, the worker can too; an accelerator is of no use to it.
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "JAX_PLATFORMS": "cpu",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    # A fresh interpreter and not multiprocessing's spawn, which would run the caller's script once more.
    process = subprocess.run(
        [sys.executable, "-m", "labkit.quantum._worker", module, str(os.getpid())],
        input=json.dumps(request),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        fault = f"{label}: the quantum worker died"
        if process.returncode in (-signal.SIGKILL, -signal.SIGTERM):
            raise errors.ResourceError(f"{fault} (signal {-process.returncode}, out of memory?)")
        reason = f"signal {-process.returncode}" if process.returncode < 0 else last
        raise errors.EvaluationError(f"{fault} ({reason})")
    reply = json.loads(process.stdout)
    if "error" in reply:
        raise getattr(errors, reply["error"])(reply["message"])
    return reply["result"]


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
