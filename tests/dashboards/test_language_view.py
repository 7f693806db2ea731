"""Figures of chapters 02 and 03 say what their numbers say."""

from collections.abc import Callable

import pytest

from labkit import dashboards as shown
from labkit.campaign import Desirability
from labkit.dashboards import Picture
from labkit.generative import Reading

ETHANOL = Reading("CCO", ("C", "C", "O", "<end>"), (-0.5, -1.0, -3.25, -0.25))
SALT = Reading("C[NH3+]", ("C", "[NH3+]", "<end>"), (-0.5, -9.0, -0.5))
CHANCES = {"": {"C": 0.6, "c": 0.4}, "CC": {"O": 0.25, "C": 0.7, "<end>": 0.05}}
OBJECTIVE = {
    "qed": Desirability(direction="maximise", range=(0.4, 0.8), weight=2),
    "logp": Desirability(direction="window", range=(1, 3)),
}
CURVE = [
    {"step": 100, "training": 60.0},
    {"step": 200, "training": 40.5, "held_out": 45.25},
]

PICTURES: list[tuple[Callable[[], Picture], list[str]]] = [
    (lambda: shown.next_tokens_picture(CHANCES, count=2), ["C at the start (60%)", "C after CC (70%)"]),
    (lambda: shown.surprise(ETHANOL), ["CCO: 5.0 nats in all", "token 3 of 4, O, with 3.2"]),
    (lambda: shown.surprise(SALT), ["token 2 of 3, [NH3+], with 9.0"]),
    (
        lambda: shown.loss_curves({"small": CURVE, "large": CURVE}),
        ["small from 60.0 to 40.5 nats a string, 45.2 held out, in 200 steps", "large from"],
    ),
    (
        lambda: shown.likelihood_by_length({"data": [ETHANOL, SALT, ETHANOL]}, {"a salt": SALT}),
        ["data, median −5.0", "a salt −10.0 nats"],
    ),
    (
        lambda: shown.desirabilities(OBJECTIVE, {"qed": [0.5, 0.7]}),
        ["qed: maximise between 0.4 and 0.8, weight 2, mean desirability of the marks 0.50", "logp: window"],
    ),
    (
        # Standard deviation of 0 and 0.2 is 0.2 / √2; the mean's interval 1.96 · 0.2 / 2.
        lambda: shown.score_by_call({"steered": [[0.0, 0.2], [0.5, 0.5, 0.5]], "control": [[0.1, 0.1]]}),
        ["steered from 0.10 ± 0.20 in the first round to 0.50 ± 0.00 in the last, after 5 calls; control"],
    ),
]


@pytest.mark.parametrize(("draw", "told"), PICTURES)
def test_pictures_say_what_they_show_and_are_the_same_each_time(
    draw: Callable[[], Picture], told: list[str], well_drawn: Callable[..., Picture]
) -> None:
    shown = well_drawn(draw)
    assert all(text in shown.alt for text in told)


def test_sets_in_one_panel_can_be_told_apart() -> None:
    many = [float(i % 7) for i in range(70)]
    one = {"ZINC": {"log P": many}}
    filled = shown.histograms(one).svg
    both = shown.histograms(one | {"model": {"log P": many}}).svg
    assert "#0072b2" not in filled.lower() and "#e69f00" in both.lower()
