import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.campaign import COMPONENTS, Desirability, pareto_front, score

# Ends, middles and outsides of a range from 2 to 6, by hand.
MAXIMISE = {-1.0: 0.0, 2.0: 0.0, 3.0: 0.25, 4.0: 0.5, 6.0: 1.0, 9.0: 1.0}
MINIMISE = {-1.0: 1.0, 2.0: 1.0, 3.0: 0.75, 4.0: 0.5, 6.0: 0.0, 9.0: 0.0}
WINDOW = {
    -3.0: 0.0,
    -2.0: 0.0,
    0.0: 0.5,
    2.0: 1.0,
    4.0: 1.0,
    6.0: 1.0,
    7.0: 0.75,
    8.0: 0.5,
    10.0: 0.0,
    11.0: 0.0,
}


@pytest.mark.parametrize(
    ("direction", "expected"), [("maximise", MAXIMISE), ("minimise", MINIMISE), ("window", WINDOW)]
)
def test_desirabilities_are_those_computed_by_hand(direction: str, expected: dict[float, float]) -> None:
    desirability = Desirability.model_validate({"direction": direction, "range": [2, 6]})
    for value, wanted in expected.items():
        assert desirability(value) == pytest.approx(wanted), value


def test_a_window_falls_as_far_as_it_says() -> None:
    window = Desirability(direction="window", range=(2, 6), fall=(1, 8))
    expected = {0.9: 0.0, 1.0: 0.0, 1.5: 0.5, 2.0: 1.0, 6.0: 1.0, 8.0: 0.75, 14.0: 0.0, 15.0: 0.0}
    for value, wanted in expected.items():
        assert window(value) == pytest.approx(wanted), value


def _half(weight: float = 1.0) -> Desirability:
    """The value itself, within 0–1."""
    return Desirability(direction="maximise", range=(0, 1), weight=weight)


def test_the_score_is_the_weighted_geometric_mean() -> None:
    assert score({"qed": _half(), "sa": _half()}, {"qed": 0.25, "sa": 1.0}) == pytest.approx(0.5)
    # (0.5^3 · 1)^(1/4)
    assert score({"qed": _half(3), "sa": _half()}, {"qed": 0.5, "sa": 1.0}) == pytest.approx(0.125**0.25)


def test_one_worthless_component_makes_the_whole_worthless() -> None:
    assert score({"qed": _half(0.01), "sa": _half(100)}, {"qed": 0.0, "sa": 1.0}) == 0.0


def test_only_what_is_known_and_asked_for_counts() -> None:
    objective = {"qed": _half(), "docking_energy": _half()}
    assert score(objective, {"qed": 0.3, "mw": 400.0}) == pytest.approx(0.3)
    assert score(objective, {"mw": 400.0}) == 0.0


_OBJECTIVES = st.dictionaries(
    st.sampled_from(sorted(COMPONENTS)),
    st.builds(
        lambda direction, low, width, weight: Desirability(
            direction=direction, range=(low, low + width), weight=weight
        ),
        st.sampled_from(["maximise", "minimise"]),
        st.floats(-10, 10),
        st.floats(0.1, 10),
        st.floats(0.1, 10),
    ),
    min_size=1,
)


@settings(deadline=None)
@given(objective=_OBJECTIVES, data=st.data())
def test_a_better_component_never_lowers_the_score(
    objective: dict[str, Desirability], data: st.DataObject
) -> None:
    values = {name: data.draw(st.floats(-20, 20)) for name in objective}
    name = data.draw(st.sampled_from(sorted(objective)))
    step = data.draw(st.floats(0, 20)) * (1 if objective[name].direction == "maximise" else -1)
    before, after = score(objective, values), score(objective, values | {name: values[name] + step})
    assert 0 <= before <= 1
    assert after >= before or math.isclose(after, before)


BOTH = {
    "qed": Desirability(direction="maximise", range=(0.0, 1.0), weight=3.0),
    "sa": Desirability(direction="minimise", range=(0.0, 10.0), weight=1.0),
}


def test_a_sum_makes_up_for_what_a_product_forbids() -> None:
    # Desirabilities 0.8 and 0, weights 3 and 1.
    assert score(BOTH, {"qed": 0.8, "sa": 10.0}) == 0.0
    assert score(BOTH, {"qed": 0.8, "sa": 10.0}, "sum") == pytest.approx(0.6)
    assert score(BOTH, {"qed": 0.81, "sa": 0.0}) == pytest.approx(0.81**0.75)
    assert score(BOTH, {}, "sum") == 0.0


def test_the_front_is_what_nothing_beats() -> None:
    molecules = [
        {"qed": 0.9, "sa": 5.0},
        {"qed": 0.5, "sa": 2.0},
        {"qed": 0.5, "sa": 3.0},  # beaten by the one before
        {"qed": 0.9, "sa": 5.0, "logp": 3.0},  # equal to the first
        {"qed": 1.0},  # not complete
        {"qed": 0.4, "sa": 6.0},
    ]
    assert pareto_front(BOTH, molecules) == [0, 1, 3]
    assert pareto_front(BOTH, []) == pareto_front(BOTH, [{"qed": 1.0}]) == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10)), min_size=1, max_size=12))
def test_whoever_is_not_in_the_front_is_beaten_by_somebody_in_it(values: list[tuple[float, float]]) -> None:
    molecules = [{"qed": qed, "sa": sa} for qed, sa in values]
    worth = [(BOTH["qed"](qed), BOTH["sa"](sa)) for qed, sa in values]
    front = pareto_front(BOTH, molecules)
    assert front
    for i, mine in enumerate(worth):
        beaten = any(
            all(a >= b for a, b in zip(worth[j], mine, strict=True)) and worth[j] != mine for j in front
        )
        assert beaten == (i not in front)
