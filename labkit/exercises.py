"""Exercises, made from their solutions: a cell tagged "solution" becomes a place for a student's answer."""

from __future__ import annotations

import copy
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.errors import InputError
from labkit.runner import notebooks_folder
from labkit.store import write_atomically

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PLACE = "answer = ...  # in place of the three dots"


def student_copy(solution: NotebookNode) -> NotebookNode:
    """The exercise of a solution.

    Of a code cell tagged "solution" only the comments at its top are left, above a place for the answer.
    """
    exercise = copy.deepcopy(solution)
    for cell in exercise.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if "solution" in cell.metadata.get("tags", []):
            asked = takewhile(lambda line: line.startswith("#"), cell.source.splitlines())
            cell.source = "\n".join([*asked, _PLACE])
            del cell.metadata["tags"]
    return exercise


def write_exercises(out: str | Path | None = None) -> list[Path]:
    """Writes the exercise of every solution, and gives the files.

    Args:
        out: the folder; ``notebooks/exercises`` by default.

    Raises:
        InputError: if the folder can't be written.
    """
    import nbformat

    folder = notebooks_folder() / "exercises" if out is None else Path(out)
    written = []
    for path in sorted((notebooks_folder() / "solutions").glob("*.ipynb")):
        exercise = student_copy(nbformat.read(path, as_version=4))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / path.name, nbformat.writes(exercise) + "\n")
        except OSError as error:
            raise InputError(f"exercises '{folder}' can't be written: {error.strerror}") from None
        written.append(folder / path.name)
    return written
