"""Notebooks without a browser: papermill executes them, each is kept with its output and as one HTML file.

A notebook that fails is kept as far as it got, with its error, and its result says "failed". Several share
one page, ``index.html``, that tells what came of each.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit._notebook_execution import execute
from labkit.errors import EvaluationError, InputError, LabkitError
from labkit.store import write_atomically

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from labkit.campaign import Run

log = logging.getLogger("labkit")

_REPORT = "99_report"
_TRIPLET_REPORT = "99_report_triplet"


@dataclass(frozen=True)
class NotebookResult:
    """What came of a notebook.

    Attributes:
        name: without its folder and ending.
        status: "done" or "failed".
        seconds: wall time, start of the kernel included.
        cpu_seconds: processor time of the kernel and all that it started; 0 on Windows, which doesn't tell.
        peak_mb: largest proportional set size of the kernel and all that it started, MB.
        notebook: the notebook with its output.
        html: the same as one page.
        error: the first line of what went wrong; None if nothing did.
        warnings: the first line of each warning, of whatever else a cell wrote to stderr.
    """

    name: str
    status: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    notebook: Path
    html: Path
    error: str | None = None
    warnings: tuple[str, ...] = ()


def list_notebooks() -> list[str]:
    """Names of the notebooks that come with labkit and run as they stand, in order."""
    # No run with triplets comes with labkit, so that report has nothing to tell until it is given one.
    return [name for name in _names() if name != _TRIPLET_REPORT]


def _names() -> list[str]:
    return sorted(path.stem for path in notebooks_folder().glob("[0-9]*.ipynb"))


def notebook_path(name: str | Path) -> Path:
    """File of a notebook: one of labkit's by name, with or without its number, or any by its path.

    Raises:
        InputError: if there is none; lists those there are.
    """
    if Path(name).suffix == ".ipynb" and Path(name).is_file():
        return Path(name)
    for known in _names():
        if Path(name).stem in (known, known.partition("_")[2]):
            return notebooks_folder() / f"{known}.ipynb"
    raise InputError(f"no notebook '{name}'; give a path or one of: {', '.join(_names())}")


def run_notebooks(
    names: Sequence[str | Path],
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "notebooks-out",
    workers: int = 1,
) -> list[NotebookResult]:
    """Executes notebooks as `run_notebook` does, and writes one page about all, ``index.html``.

    Args:
        names: as in `notebook_path`.
        parameters: in place of the notebooks' own; each notebook takes those that it has.
        out: the folder.
        workers: how many run side by side; a chapter may take more than 1 GB of memory.

    Raises:
        InputError: before the first one runs, if there is no such notebook or none has such a parameter; if
            the folder can't be written.
    """
    from labkit._notebook_html import to_index
    from labkit.campaign._engines import open_engine

    known = {name: _known_parameters(notebook_path(name)) for name in names}
    given = parameters or {}
    for key in given:
        if not any(key in has for has in known.values()):
            every = sorted(set().union(*known.values()))
            raise InputError(f"no notebook asked for has a parameter '{key}'; they have: {', '.join(every)}")
    own = [{key: value for key, value in given.items() if key in known[name]} for name in names]
    if workers == 1:
        results = [run_notebook(name, values, out) for name, values in zip(names, own, strict=True)]
    else:
        with open_engine(workers=workers) as engine:
            jobs = [
                engine.submit(run_notebook, name, values, out)
                for name, values in zip(names, own, strict=True)
            ]
            results = []
            for job in jobs:
                results.append(job.result())
                log.info("%s", _in_words(results[-1]))
    write_atomically(Path(out) / "index.html", to_index(results))
    return results


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
    _check_parameters(path, parameters or {})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.parent.resolve() == folder.resolve():
            raise InputError(f"output folder '{out}' holds the notebook itself; choose another")
        executed = execute(path, parameters or {})
        notebook, html = executed.write(folder / path.name, folder / f"{path.stem}.html")
    except OSError as error:
        raise InputError(f"output folder '{out}' can't be written: {error.strerror}") from None
    result = NotebookResult(
        name=path.stem,
        status="done" if executed.error is None else "failed",
        seconds=executed.seconds,
        cpu_seconds=executed.cpu_seconds,
        peak_mb=executed.peak_mb,
        notebook=notebook,
        html=html,
        error=executed.error,
        warnings=_warnings(executed.notebook),
    )
    log.info("%s", _in_words(result))
    return result


def _in_words(result: NotebookResult) -> str:
    told = f"{result.name}: {result.status}, {result.seconds:.1f} s, {result.peak_mb:.0f} MB"
    return told if not result.warnings else f"{told}, {len(result.warnings)} warnings"


def _warnings(notebook: NotebookNode) -> tuple[str, ...]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = ["".join(output["text"]) for output in outputs if output.get("name") == "stderr"]
    return tuple(text.strip().partition("\n")[0] for text in texts)


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
    executed = execute(notebook_path(template), {"run": str(found.folder.resolve()), "ui": "static"})
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


def _check_parameters(path: Path, parameters: Mapping[str, Any]) -> None:
    known = _known_parameters(path)
    for name in parameters:
        if name not in known:
            raise InputError(
                f"notebook {path.stem} has no parameter '{name}'; it has: {', '.join(known) or 'none'}"
            )


def _known_parameters(path: Path) -> list[str]:
    import nbformat
    import papermill

    try:
        return list(papermill.inspect_notebook(str(path)))
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"'{path}' is no notebook: {first}") from None


def notebooks_folder() -> Path:
    """Where labkit's notebooks lie, in a checkout or in an installed package."""
    package = Path(__file__).resolve().parent
    for folder in (package.parent / "notebooks", package / "notebooks"):
        if (folder / f"{_REPORT}.ipynb").is_file():
            return folder
    raise LabkitError("labkit's notebooks are missing; reinstall labkit or run it from its checkout")
