import math
import time
from pathlib import Path

import pytest

from labkit.campaign import Call, objective_from
from labkit.campaign._calls import call
from labkit.errors import InputError

GOOD, BAD = "CCO", "CCN"


def lengths(smiles: list[str]) -> list[float]:
    return [float(len(text)) for text in smiles]


def failing_on_bad(smiles: list[str]) -> list[float]:
    if BAD in smiles:
        raise ValueError("no\nnitrogen")
    return lengths(smiles)


def test_each_molecule_gets_its_score() -> None:
    assert call(lengths, ["C", "CC"], 5) == [Call("C", 1.0), Call("CC", 2.0)]


def test_what_raises_fails_alone_with_its_reason() -> None:
    assert call(failing_on_bad, [GOOD, BAD, "C"], 5) == [
        Call(GOOD, 3.0),
        Call(BAD, None, "ValueError: no nitrogen"),
        Call("C", 1.0),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_fails_alone(value: float) -> None:
    answer = call(lambda smiles: [value if text == BAD else 0.5 for text in smiles], [GOOD, BAD], 5)
    assert answer == [Call(GOOD, 0.5), Call(BAD, None, f"its score is {value}")]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (0.5, "it answers 0.5, not a list of 1 numbers"),
        (None, "it answers None, not a list of 1 numbers"),
        ([1.0, 2.0], "it answers 2 values for 1 molecules"),
        ("x", "it answers 'x', which is no number"),
        (["0.5"], "it answers '0.5', which is no number"),
        ([None], "it answers None, which is no number"),
        ([True], "it answers True, which is no number"),
    ],
)
def test_an_answer_that_is_no_list_of_numbers_fails(answer: object, failure: str) -> None:
    assert call(lambda smiles: answer, [GOOD], 5) == [Call(GOOD, None, failure)]  # type: ignore[arg-type, return-value]


def test_a_call_that_hangs_is_interrupted_and_the_others_are_scored() -> None:
    interrupted = []

    def hanging(smiles: list[str]) -> list[float]:
        try:
            while BAD in smiles:
                time.sleep(0.001)
        except TimeoutError:
            interrupted.append(smiles)
            raise
        return lengths(smiles)

    start = time.monotonic()
    assert call(hanging, [GOOD, BAD], 0.2) == [Call(GOOD, 3.0), Call(BAD, None, "no answer within 0.2 s")]
    assert time.monotonic() - start < 5
    assert interrupted == [[GOOD, BAD], [BAD]]


def test_an_objective_that_exits_ends_nothing() -> None:
    def leave(smiles: list[str]) -> list[float]:
        raise SystemExit(3)

    assert call(leave, [GOOD], 5) == [Call(GOOD, None, "SystemExit: 3")]


def test_a_function_is_taken_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def halves(smiles):\n    return [0.5 for _ in smiles]\n")
    assert objective_from(f"{file}:halves")([GOOD, BAD]) == [0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "reference", "match"),
    [
        ("", "mine.py", "FILE.py:FUNCTION is wanted"),
        ("", "mine.txt:f", "FILE.py:FUNCTION is wanted"),
        ("", "other.py:f", "there is no file 'other.py'"),
        ("def f(x): pass\n", "mine.py:g", "'mine.py' has no function 'g'; it has: f"),
        ("f = 3\n", "mine.py:f", "has no function 'f'"),
        ("import nothing_of_that_name\n", "mine.py:f", "'mine.py' fails: ModuleNotFoundError"),
        ("def f(:\n", "mine.py:f", "'mine.py' fails: SyntaxError"),
        ("raise SystemExit\n", "mine.py:f", "'mine.py' fails: SystemExit"),
    ],
)
def test_a_reference_that_names_no_function_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reference: str, match: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(text)
    with pytest.raises(InputError, match=match) as refused:
        objective_from(reference)
    assert "\n" not in str(refused.value)
