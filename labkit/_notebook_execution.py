"""One notebook, executed by papermill in a kernel of its own, whose time and memory are measured."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from labkit.store import write_atomically

if TYPE_CHECKING:
    from nbformat import NotebookNode

log = logging.getLogger("labkit")

_STARTS = 3  # two kernels that start at once can take each other's ports
_SAMPLES_A_SECOND = 4


@dataclass(frozen=True)
class Executed:
    """A notebook as it was executed.

    Attributes:
        notebook: with its output.
        page: the same as HTML.
        seconds: wall time, start of the kernel included.
        cpu_seconds: processor time of the kernel and all that it started; 0 on Windows, which doesn't tell.
        peak_mb: largest proportional set size of the kernel and all that it started, MB.
        error: the first line of what went wrong; None if nothing did.
    """

    notebook: NotebookNode
    page: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    error: str | None

    def write(self, notebook: Path, html: Path) -> tuple[Path, Path]:
        """Writes both, and gives their paths."""
        write_atomically(notebook, json.dumps(self.notebook, indent=1, ensure_ascii=False) + "\n")
        write_atomically(html, self.page)
        return notebook, html


def execute(path: Path, parameters: Mapping[str, Any]) -> Executed:
    """Executes a notebook whose parameters are known to be right; in a kernel of this interpreter."""
    import nbformat

    from labkit._notebook_html import to_html

    start, cpu = time.monotonic(), _cpu_seconds_of_ended()
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder, _peak_memory() as peak, _own_kernel():
        output = Path(folder) / path.name
        for attempt in range(1, _STARTS + 1):
            error = _run_papermill(path, output, parameters)
            notebook = nbformat.read(output if output.exists() else path, as_version=4)
            started = any(cell.get("execution_count") for cell in notebook.cells)
            if error is None or started or attempt == _STARTS:
                break
            log.warning("%s: its kernel did not start, trying again", path.stem)
    page = to_html(notebook, path.stem)
    took, cpu_took = time.monotonic() - start, _cpu_seconds_of_ended() - cpu
    return Executed(notebook, page, took, cpu_took, peak[0] / 1e6, error)


def _cpu_seconds_of_ended() -> float:
    """Processor time of all that this process started and that has ended, s."""
    times = os.times()
    return times.children_user + times.children_system


def _run_papermill(path: Path, output: Path, parameters: Mapping[str, Any]) -> str | None:
    """Executes a notebook; the first line of its error, or None."""
    import papermill
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    from traitlets.config import Config

    try:
        papermill.execute_notebook(
            str(path),
            str(output),
            parameters=dict(parameters),
            kernel_name="python3",
            progress_bar={"desc": path.stem, "file": sys.stderr, "disable": None},
            # Kernels talk through local ports that any user of the machine could read.
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
            # A kernel is interrupted before it is shut down; one that is slow to leave calls that an error.
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        return f"{error.ename}: {error.evalue}".strip().splitlines()[0]
    except (DeadKernelError, CellControlSignal, RuntimeError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


@contextmanager
def _own_kernel() -> Iterator[None]:
    """Makes "python3" mean this interpreter, whatever kernels the user has installed elsewhere."""
    own, before = str(Path(sys.prefix) / "share" / "jupyter"), os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (own, before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["JUPYTER_PATH"]
        else:
            os.environ["JUPYTER_PATH"] = before


@contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """Largest sum of proportional set sizes (bytes) of the processes started inside, as a list of one."""
    before = {child.pid for child in psutil.Process().children()}
    peak, ended = [0.0], threading.Event()

    def sample() -> None:
        while not ended.wait(1 / _SAMPLES_A_SECOND):
            started = [child for child in psutil.Process().children() if child.pid not in before]
            peak[0] = max(peak[0], sum(map(_tree_memory, started)))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()


def _tree_memory(process: psutil.Process) -> float:
    total = 0.0
    try:
        for member in (process, *process.children(recursive=True)):
            used = member.memory_full_info()
            total += getattr(used, "pss", used.uss)  # only Linux knows the proportional set size
    except psutil.Error:
        pass  # a process that ended in this moment uses nothing
    return total
