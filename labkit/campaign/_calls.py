"""Calls of somebody else's objective: it may raise, answer nonsense or never come back."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import InputError

Objective = Callable[[list[str]], Sequence[float]]


@dataclass(frozen=True)
class Call:
    """One molecule's score, or why there is none."""

    smiles: str
    score: float | None
    failure: str = ""


class _NoAnswerError(Exception):
    """An objective didn't answer as it should; says how."""


def call(objective: Objective, smiles: Sequence[str], limit_s: float) -> list[Call]:
    """Scores of molecules, those that fail with their reason.

    All are asked for at once; if that fails, one by one, so that each is judged on its own. A call that is
    over its time is interrupted where it runs Python; where it doesn't, it is left behind.

    Args:
        objective: of a list of SMILES, one number for each.
        smiles: canonical.
        limit_s: most time for a molecule, s; for all of them at once, their number of times that.
    """
    try:
        scores = _answer(objective, list(smiles), limit_s * len(smiles))
    except _NoAnswerError as fault:
        if len(smiles) == 1:
            return [Call(smiles[0], None, str(fault))]
        return [each for text in smiles for each in call(objective, [text], limit_s)]
    return [
        Call(text, score) if math.isfinite(score) else Call(text, None, f"its score is {score}")
        for text, score in zip(smiles, scores, strict=True)
    ]


def _answer(objective: Objective, smiles: list[str], limit_s: float) -> list[float]:
    """What the objective answers within its time, as numbers."""
    outcome: list[Any] = []
    fault: list[str] = []

    def work() -> None:
        try:
            outcome.append(objective(smiles))
        except BaseException as error:  # whatever it raises, SystemExit too, is its own affair
            fault.append(" ".join(f"{type(error).__name__}: {error}".split()))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(TimeoutError)
        )
        thread.join(1.0)  # time to end, where it can be interrupted
        raise _NoAnswerError(f"no answer within {limit_s:g} s")
    if fault:
        raise _NoAnswerError(fault[0])
    return _numbers(outcome[0], len(smiles))


def _numbers(answer: Any, count: int) -> list[float]:
    try:
        values = list(answer)
    except TypeError:
        raise _NoAnswerError(f"it answers {answer!r:.60}, not a list of {count} numbers") from None
    if len(values) != count:
        raise _NoAnswerError(f"it answers {len(values)} values for {count} molecules")
    for value in values:
        if isinstance(value, (str, bytes, bool)) or not hasattr(value, "__float__"):
            raise _NoAnswerError(f"it answers {value!r:.60}, which is no number")
    return [float(value) for value in values]


def objective_from(reference: str) -> Objective:
    """The function that ``FILE.py:FUNCTION`` names. The file is executed.

    Raises:
        InputError: if there is no such file or function, or the file fails.
    """
    file, _, name = reference.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise InputError(f"objective '{reference}': FILE.py:FUNCTION is wanted")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"objective '{reference}': there is no file '{file}'")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"objective '{reference}': '{file}' fails: {type(error).__name__}: {error}"
        ) from None
    function = getattr(module, name, None)
    if not callable(function):
        there = ", ".join(key for key, value in vars(module).items() if callable(value) and key[0] != "_")
        raise InputError(f"objective '{reference}': '{file}' has no function '{name}'; it has: {there}")
    return function
