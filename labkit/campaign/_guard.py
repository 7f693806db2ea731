"""Work in a process beside the worker's own: one that dies, hangs or takes too much memory harms no other."""

from __future__ import annotations

import math
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from labkit.errors import LabkitError

_LOOK_S = 1.0  # between two looks at a process's time and memory; a look costs 10 ms
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class LostError(LabkitError):
    """The process that was to answer has ended before it did; says why."""


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    pipe: Connection[Any, Any]
    cores: int

    def end(self) -> None:
        """Kills it and all that it has started."""
        try:
            members = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            members = []
        self.process.kill()
        for member in members:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


class _Children:
    """The child processes of one engine here, one for each thread that works for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._alive: list[_Child] = []
        self._closed = False

    def start(self, cores: int) -> _Child:
        """A new child; LostError if the engine was closed."""
        here, there = multiprocessing.Pipe()
        environment = {
            **os.environ,
            # Fixed by the task, whatever the number of workers: no result depends on it, no core is
            # oversubscribed. Threads that wait don't compute.
            **dict.fromkeys(_THREADS, str(cores)),
            "OMP_WAIT_POLICY": "PASSIVE",
            "JAX_PLATFORMS": "cpu",
            # What this process can import, the child can too.
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        with self._lock, there:
            if self._closed:
                raise LostError("the run was stopped")
            # A fresh interpreter: no fork after JAX has started threads, no second run of the user's script.
            process = subprocess.Popen(
                [sys.executable, "-m", "labkit.campaign._child", str(there.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # the coordinator's own may be read by a program
                env=environment,
                pass_fds=[there.fileno()],
            )
            child = _Child(process, here, cores)
            self._alive = [one for one in self._alive if one.process.poll() is None] + [child]
        return child

    def end(self, close: bool) -> None:
        with self._lock:
            self._closed = close
            for child in self._alive:
                child.end()
            self._alive.clear()


class _Thread(threading.local):
    owner = ""
    child: _Child | None = None


_thread = _Thread()
_children: dict[str, _Children] = {}  # by engine: those of several runs may meet in a worker of Dask


def end_children(owner: str, *, close: bool = False) -> None:
    """Ends the processes that an engine has here; what they compute is lost.

    Args:
        owner: name of the engine.
        close: whether it is to start no others.
    """
    _children.setdefault(owner, _Children()).end(close)


def guarded(
    function: Callable[..., Any],
    *arguments: Any,
    owner: str,
    cores: int = 1,
    memory_gb: float = math.inf,
    limit_s: float = math.inf,
) -> Any:
    """What a function makes of its arguments in a process of its own, which this thread keeps for the next.

    Args:
        function: of a module, so that it can be imported there.
        arguments: that can be pickled.
        owner: the engine for which this is done.
        cores: threads that the process may use.
        memory_gb: most memory of it and all that it starts, GB (resident; looked at every second).
        limit_s: most time, s.

    Raises:
        LostError: if the process died, or was ended for its memory or its time.
        LabkitError: the one that the function raised.
        RuntimeError: in place of any other; its note has the traceback.
    """
    child = _thread.child
    if child is None or child.process.poll() is not None or (_thread.owner, child.cores) != (owner, cores):
        if child is not None:
            child.end()
        child = _thread.child = _children.setdefault(owner, _Children()).start(cores)
        _thread.owner = owner
    start = time.monotonic()
    try:
        child.pipe.send((function, arguments))
        while not child.pipe.poll(_LOOK_S):
            if time.monotonic() - start > limit_s:
                raise LostError(f"no answer within {limit_s:g} s")
            used = _memory_gb(child.process.pid)
            if used > memory_gb:
                raise LostError(f"it took {used:.2g} GB of memory; {memory_gb:g} GB are allowed")
        answer, error = child.pipe.recv()
    except (EOFError, OSError):
        code = child.process.wait()
        how = f"signal {-code}: killed, or out of memory" if code < 0 else f"exit code {code}"
        raise LostError(f"its process died ({how})") from None
    except LostError:
        child.end()
        raise
    if error is not None:
        raise error
    return answer


def _memory_gb(pid: int) -> float:
    """Resident memory of a process and all that it has started, GB."""
    total = 0
    try:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            total += member.memory_info().rss
    except psutil.Error:
        pass  # one that ended in this moment uses nothing
    return total / 1e9
