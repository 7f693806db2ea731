"""Answers to exercises: told right from wrong without showing the solution.

An author locks the answer once with `lock` and puts the key into the exercise; `check` opens nothing with it,
it only sees whether an answer fits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from labkit.errors import InputError

_ROUNDS = 20_000  # of the hash: 10 ms a guess, so that short answers aren't found by trying all in no time
_LENGTH = 12  # digits of a key


@dataclass(frozen=True)
class Verdict:
    """What came of an answer.

    Attributes:
        right: whether it is.
        why: what is wrong, as far as it can be told without telling the answer; empty if nothing is.
    """

    right: bool
    why: str = ""

    def __repr__(self) -> str:
        return "✔ right" if self.right else f"✘ not yet: {self.why}"


def check(
    exercise: str,
    answer: Any,
    right: str | Mapping[str, Callable[[Any], object]],
    *,
    within: float | None = None,
) -> Verdict:
    """Tells whether the answer to an exercise is right.

    Args:
        exercise: its number, as "01.2".
        answer: a number, a text, a list of texts and whole numbers, or a set of them, whose order is free.
        right: the key that `lock` made of the right answer; or, where many answers are right, what each of
            them fulfils: conditions by their wording.
        within: how far a number may be off. Up to that it is right for sure, beyond twice that never.

    Raises:
        InputError: if the key isn't one.
    """
    if answer is ...:
        return Verdict(False, "put your answer in place of the three dots")
    if not isinstance(right, str):
        return _fulfils(answer, right)
    kind, _, key = right.partition(":")
    if kind not in _KINDS or len(key) != _LENGTH:
        raise InputError(f"key '{right}' of exercise {exercise}: one that `lock` made is needed")
    try:
        found, texts = _normal(answer, within)
    except InputError as error:
        return Verdict(False, str(error))
    if found != kind:
        return Verdict(False, f"{_KINDS[kind]} is wanted, {answer!r} is {_KINDS[found]}")
    if any(_digest(exercise, text) == key for text in texts):
        return Verdict(True)
    told = f"{float(answer):g}" if kind == "number" else repr(answer)
    return Verdict(False, f"{told} isn't it" if within is None else f"{told} isn't within {within:g} of it")


def lock(exercise: str, answer: Any, *, within: float | None = None) -> str:
    """The key of a right answer, from which the answer can't be read; arguments as in `check`.

    Raises:
        InputError: if the answer is of another kind than `check` takes.
    """
    kind, texts = _normal(answer, within)
    return f"{kind}:{_digest(exercise, texts[0])}"


_KINDS = {"number": "a number", "text": "a text", "list": "a list", "set": "a set"}


def _normal(answer: Any, within: float | None) -> tuple[str, list[str]]:
    """The kind of an answer, and the texts that stand for it; a number's neighbours count as well."""
    if isinstance(answer, Real) or (hasattr(answer, "__float__") and getattr(answer, "ndim", 0) == 0):
        number = float(answer)
        if not math.isfinite(number):
            raise InputError(f"{number} is no finite number")
        if within is None:
            return "number", [repr(number)]
        step = math.floor(number / within + 0.5)
        return "number", [f"{step} × {within!r}", f"{step - 1} × {within!r}", f"{step + 1} × {within!r}"]
    if isinstance(answer, str):
        return "text", [" ".join(answer.split())]
    if isinstance(answer, set | frozenset):
        return "set", [repr(sorted(map(_item, answer)))]
    if isinstance(answer, list | tuple):
        return "list", [repr([_item(one) for one in answer])]
    raise InputError(f"{answer!r} is neither a number, a text, a list nor a set")


def _item(one: Any) -> str:
    if isinstance(one, str) or (isinstance(one, Real) and float(one).is_integer()):
        return one.strip() if isinstance(one, str) else str(int(float(one)))
    raise InputError(f"{one!r} in the answer is neither a text nor a whole number")


def _digest(exercise: str, text: str) -> str:
    # The exercise salts it, so that equal answers have unequal keys.
    return hashlib.pbkdf2_hmac("sha256", text.encode(), exercise.encode(), _ROUNDS).hex()[:_LENGTH]


def _fulfils(answer: Any, conditions: Mapping[str, Callable[[Any], object]]) -> Verdict:
    failed = []
    for wording, holds in conditions.items():
        try:
            if not holds(answer):
                failed.append(wording)
        except Exception as error:  # whatever a student's answer does to a condition, it isn't right
            told = (str(error).splitlines() or [type(error).__name__])[0]
            failed.append(f"{wording} ({told})")
    return Verdict(not failed, "" if not failed else f"it isn't so that {'; '.join(failed)}")
