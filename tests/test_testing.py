"""Answers to exercises: right ones are told right, wrong ones wrong, and a key gives nothing away."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.testing import check, lock


@settings(deadline=None, max_examples=25)  # a check takes its time, on purpose
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 10), st.floats(-1, 1))
def test_numbers_are_right_within_the_tolerance_and_wrong_beyond_twice_that(
    answer: float, within: float, off: float
) -> None:
    key = lock("1", answer, within=within)
    assert check("1", answer + 0.99 * off * within, key, within=within).right
    for far in (2.02, 5.0, 1e3):
        assert not check("1", answer + far * within, key, within=within).right
        assert not check("1", answer - far * within, key, within=within).right


@pytest.mark.parametrize("answer", [3, 3.0, np.int64(3), np.float64(3), np.array(3.0)])
def test_whole_numbers_are_right_exactly(answer: object) -> None:
    assert check("1", answer, lock("1", 3)).right
    assert not check("1", answer, lock("1", 4)).right


def test_texts_lists_and_sets_are_compared_as_they_are() -> None:
    assert check("1", "  c1ccccc1 ", lock("1", "c1ccccc1")).right
    assert not check("1", "C1CCCCC1", lock("1", "c1ccccc1")).right  # upper case is another molecule
    assert check("1", ("a", 2), lock("1", ["a", 2])).right
    assert not check("1", [2, "a"], lock("1", ["a", 2])).right
    assert check("1", {"b", "a"}, lock("1", {"a", "b"})).right
    for wrong in ({"a"}, {"a", "b", "c"}, set()):
        assert not check("1", wrong, lock("1", {"a", "b"})).right


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (..., "put your answer in place of the three dots"),
        (np.float64(4.2), "4.2 isn't within 0.1 of it"),
        ("3", "a number is wanted, '3' is a text"),
        (None, "None is neither a number, a text, a list nor a set"),
        (float("nan"), "nan is no finite number"),
        (np.array([3.0, 3.0]), "neither a number"),
        ([1.5], "1.5 in the answer is neither a text nor a whole number"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong_with_it(answer: object, told: str) -> None:
    verdict = check("1", answer, lock("1", 3.0, within=0.1), within=0.1)
    assert not verdict.right and told in verdict.why
    assert repr(verdict) == f"✘ not yet: {verdict.why}"


def test_conditions_that_fail_are_named() -> None:
    conditions = {"it is even": lambda x: x % 2 == 0, "it is below 10": lambda x: x < 10}
    assert repr(check("1", 4, conditions)) == "✔ right"
    assert check("1", 12, conditions).why == "it isn't so that it is below 10"
    assert "it is even (not all arguments converted" in check("1", "four", conditions).why


def test_equal_answers_have_unequal_keys_which_hold_nothing_of_them() -> None:
    keys = {lock(exercise, "imatinib") for exercise in ("1", "2", "3")}
    assert len(keys) == 3
    assert all(len(key) == 17 and "imatinib" not in key for key in keys)


@pytest.mark.parametrize("key", ["", "text", "word:0123456789ab", "text:012345"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(InputError, match="one that `lock` made is needed"):
        check("1", "imatinib", key)
