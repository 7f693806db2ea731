"""Notebooks without a browser: papermill executes them, each is kept with its output and as one HTML file.

A notebook that fails is kept as far as it got, with its error, and its result says "failed".
"""

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

from labkit.errors import EvaluationError, InputError, LabkitError
from labkit.store import write_atomically

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from labkit.campaign import Run

log = logging.getLogger("labkit")

_REPORT = "99_report"
_TRIPLET_REPORT = "99_report_triplet"
_STARTS = 3  # two kernels that start at once can take each other's ports
_SAMPLES_A_SECOND = 4


@dataclass(frozen=True)
class NotebookResult:
    """What came of a notebook.

    Attributes:
        name: without its folder and ending.
        status: "done" or "failed".
        seconds: wall time, start of the kernel included.
        peak_mb: largest proportional set size of the kernel and all that it started, MB.
        notebook: the notebook with its output.
        html: the same as one page.
        error: the first line of what went wrong; None if nothing did.
    """

    name: str
    status: str
    seconds: float
    peak_mb: float
    notebook: Path
    html: Path
    error: str | None = None


def list_notebooks() -> list[str]:
    """Names of the notebooks that come with labkit and run as they stand, in order."""
    # No run with triplets comes with labkit, so that report has nothing to tell until it is given one.
    return [name for name in _names() if name != _TRIPLET_REPORT]


def _names() -> list[str]:
    return sorted(path.stem for path in _folder().glob("[0-9]*.ipynb"))


def notebook_path(name: str | Path) -> Path:
    """File of a notebook: one of labkit's by name, with or without its number, or any by its path.

    Raises:
        InputError: if there is none; lists those there are.
    """
    if Path(name).suffix == ".ipynb" and Path(name).is_file():
        return Path(name)
    for known in _names():
        if Path(name).stem in (known, known.partition("_")[2]):
            return _folder() / f"{known}.ipynb"
    raise InputError(f"no notebook '{name}'; give a path or one of: {', '.join(_names())}")


def run_notebook(
    name: str | Path, parameters: Mapping[str, Any] | None = None, out: str | Path = "notebooks-out"
) -> NotebookResult:
    """Executes a notebook and writes it, with its output and as HTML, into a folder.

    Args:
        name: as in `notebook_path`.
        parameters: in place of the values in its cell tagged ``parameters``.
        out: the folder.

    Raises:
        InputError: if there is no such notebook or parameter, or the folder can't be written.
    """
    path, folder = notebook_path(name), Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.parent.resolve() == folder.resolve():
            raise InputError(f"output folder '{out}' holds the notebook itself; choose another")
        executed = _execute(path, parameters or {})
        notebook, html = executed.write(folder / path.name, folder / f"{path.stem}.html")
    except OSError as error:
        raise InputError(f"output folder '{out}' can't be written: {error.strerror}") from None
    log.info("%s: %s, %.1f s, %.0f MB", path.stem, executed.status, executed.seconds, executed.peak_mb)
    return NotebookResult(
        path.stem, executed.status, executed.seconds, executed.peak_mb, notebook, html, executed.error
    )


def report(run: Run | str | Path, html: str | Path | None = None) -> Path:
    """Writes the report of a run, finished or not, into its folder, and gives the path of its HTML.

    Args:
        run: the run, its folder or its name.
        html: where the HTML goes instead of ``report.html`` in the run's folder.

    Raises:
        InputError: if there is no such run or a file can't be written.
        EvaluationError: if the report fails; an earlier one is kept, the failed one stands beside it.
    """
    from labkit.campaign import Run

    found = run if isinstance(run, Run) else Run.open(run)
    target = found.folder / "report.html" if html is None else Path(html)
    template = _TRIPLET_REPORT if found.specification.docking is None else _REPORT
    executed = _execute(notebook_path(template), {"run": str(found.folder.resolve()), "ui": "static"})
    try:
        if executed.error is not None:
            failed, _ = executed.write(
                found.folder / "report-failed.ipynb", found.folder / "report-failed.html"
            )
            raise EvaluationError(f"the report of '{found.folder}' failed: {executed.error}; see {failed}")
        target.parent.mkdir(parents=True, exist_ok=True)
        # With --html, a run in a folder that can't be written (one that was installed) has a report, too.
        if html is None or os.access(found.folder, os.W_OK):
            executed.write(found.folder / "report.ipynb", target)
        else:
            write_atomically(target, executed.page)
    except OSError as error:
        raise InputError(
            f"report '{target}' can't be written: {error.strerror}; name a place with --html"
        ) from None
    return target


@dataclass(frozen=True)
class _Executed:
    notebook: NotebookNode
    page: str
    seconds: float
    peak_mb: float
    error: str | None

    @property
    def status(self) -> str:
        return "done" if self.error is None else "failed"

    def write(self, notebook: Path, html: Path) -> tuple[Path, Path]:
        write_atomically(notebook, json.dumps(self.notebook, indent=1, ensure_ascii=False) + "\n")
        write_atomically(html, self.page)
        return notebook, html


def _execute(path: Path, parameters: Mapping[str, Any]) -> _Executed:
    import nbformat

    from labkit._notebook_html import to_html

    _check_parameters(path, parameters)
    start = time.monotonic()
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
    return _Executed(notebook, page, time.monotonic() - start, peak[0] / 1e6, error)


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


def _check_parameters(path: Path, parameters: Mapping[str, Any]) -> None:
    import nbformat
    import papermill

    try:
        known = papermill.inspect_notebook(str(path))
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"'{path}' is no notebook: {first}") from None
    for name in parameters:
        if name not in known:
            raise InputError(
                f"notebook {path.stem} has no parameter '{name}'; it has: {', '.join(known) or 'none'}"
            )


def _folder() -> Path:
    """Where labkit's notebooks lie, in a checkout or in an installed package."""
    package = Path(__file__).resolve().parent
    for folder in (package.parent / "notebooks", package / "notebooks"):
        if (folder / f"{_REPORT}.ipynb").is_file():
            return folder
    raise LabkitError("labkit's notebooks are missing; reinstall labkit or run it from its checkout")


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
