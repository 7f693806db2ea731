"""A chemical language model: what it expects next, how it learned, how likely a string is; its steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labkit.campaign import COMPONENTS
from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, bars, errors, joined, line, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number
from labkit.dashboards._page import Picture

if TYPE_CHECKING:
    from labkit.campaign import Desirability
    from labkit.generative import Reading


def next_tokens_picture(chances: Mapping[str, Mapping[str, float]], count: int = 6) -> Picture:
    """What a model may write after the beginnings of strings: a panel a beginning.

    Args:
        chances: beginning → token → probability.
        count: of the most probable tokens, how many are shown.
    """
    told, charts, tick = [], [], {"tickfont": {"family": "monospace"}, "tickangle": -90}
    for beginning, after in chances.items():
        likely = dict(sorted(after.items(), key=lambda item: -item[1])[:count])
        token, place = next(iter(likely)), f"after {beginning}" if beginning else "at the start"
        told.append(f"{token} {place} ({after[token]:.0%})")
        rows = bars("", [*likely], [100 * p for p in likely.values()], palette.SKY, orientation="v")
        charts.append(Chart(place, "", "probability (%)", [rows | {"showlegend": False}], "", x=tick))
    alt = "Probability of the next token. Most likely: " + ", ".join(told) + "."
    return drawn(replace(charts[0], alt=alt, height=2.7), *charts[1:])


def surprise(reading: Reading) -> Picture:
    """How little a model expected each token of a string: −ln P, in nats."""
    heights = -np.array(reading.log_probabilities)
    places, most = range(len(heights)), int(np.argmax(heights))
    turned = any(len(token) > 2 for token in reading.tokens[:-1])
    x = {
        "tickvals": places,
        "ticktext": [*reading.tokens[:-1], "end" if turned else "\nend"],
        "tickfont": {"family": "monospace", "size": 8.5},
        "tickangle": -90 * turned,
        "range": (-0.7, len(heights) - 0.3),
    }
    rows = bars("", places, heights, palette.BLUE, orientation="v", showlegend=False)
    alt = (
        f"Surprise of each token of {reading.text}: {heights.sum():.1f} nats in all, most for token "
        f"{most + 1} of {len(heights)}, {reading.tokens[most]}, with {heights[most]:.1f}."
    )
    return drawn(Chart("", "", "surprise −ln P (nats)", [rows], alt, x=x, height=2.9))


def loss_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Picture:
    """How the loss falls while models are trained: lines for training, marks for strings held out.

    Args:
        curves: name of the model → points of its curve, in nats a string, as cards have them.
    """
    return drawn(loss_chart(curves))


def loss_chart(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Chart:
    """As ``loss_curves``; a training that goes on may have no strings held out yet."""
    traces = []
    for i, (name, curve) in enumerate(curves.items()):
        steps, held = [point["step"] for point in curve], [p for p in curve if "held_out" in p]
        at, apart = [point["step"] for point in held], [point["held_out"] for point in held]
        traces += [
            line(f"{name}: training", steps, [point["training"] for point in curve], *palette.stroke(i)),
            marks(f"{name}: held out", at, apart, *palette.series(i)),
        ]
    told = ", ".join(
        f"{name} from {curve[0]['training']:.1f} to {curve[-1]['training']:.1f} nats a string, "
        + "".join(f"{p['held_out']:.1f} held out, " for p in [p for p in curve if "held_out" in p][-1:])
        + f"in {curve[-1]['step']:,.0f} steps"
        for name, curve in curves.items()
    )
    alt = f"Loss over gradient steps: {told}."
    log = {"type": "log"}
    return Chart("", "gradient steps", "loss (nats a string)", traces, alt, x=log, height=3.6)


def likelihood_by_length(clouds: Mapping[str, Sequence[Reading]], named: Mapping[str, Reading]) -> Picture:
    """The log-likelihood of strings over their number of tokens.

    Args:
        clouds: name of a set → its readings, drawn as points.
        named: readings that are told by name.
    """
    faint = (palette.SKY, palette.YELLOW, palette.GREEN)
    groups = [*((n, found, 5, 0.6) for n, found in clouds.items())]
    groups += [(n, [found], 12, 1.0) for n, found in named.items()]
    traces = []
    for i, (name, found, size, opacity) in enumerate(groups):
        x, y = [len(one.tokens) for one in found], [one.log_likelihood for one in found]
        colour, symbol = (faint[i % 3], "circle") if i < len(clouds) else palette.series(i - len(clouds))
        traces.append(marks(name, x, y, colour, symbol, size, opacity=opacity))
    sets = [
        f"{name}, median {number(float(np.median([one.log_likelihood for one in readings])), 1)}"
        for name, readings in clouds.items()
    ]
    ones = [f"{name} {number(reading.log_likelihood, 1)}" for name, reading in named.items()]
    alt = f"ln P over length: {'; '.join(sets)}; {', '.join(ones)} nats."
    return drawn(Chart("", "tokens of the string", "ln P of the string (nats)", traces, alt, height=4.6))


def desirabilities(
    objective: Mapping[str, Desirability], values: Mapping[str, Sequence[float]] | None = None
) -> Picture:
    """What an objective asks for: a panel a component, its desirability and, as marks, molecules' values."""
    told, charts = [], []
    for name, wanted in objective.items():
        low, high = wanted.range
        found = list((values or {}).get(name, []))
        ends = [low - (high - low) / 2, high + (high - low) / 2, *found]
        axis = np.linspace(min(ends), max(ends), 301)
        curve = line("", axis, [wanted(v) for v in axis], palette.BLUE, width=2.2, showlegend=False)
        spots = marks("", found, [0.04] * len(found), palette.VERMILION, "line-ns", 12, showlegend=False)
        unit = COMPONENTS[name][0] if name in COMPONENTS else ""
        label = f"{name} ({unit})" if unit not in ("", "1") else name
        charts.append(Chart("", label, "desirability", [curve, spots], "", height=2.6))
        told.append(f"{name}: {wanted.direction} between {low:g} and {high:g}, weight {wanted.weight:g}")
        if found:
            mean = np.mean([wanted(value) for value in found])
            told[-1] += f", mean desirability of the marks {mean:.2f}"
    alt = "Desirabilities. " + "; ".join(told) + "."
    return drawn(replace(charts[0], alt=alt), *charts[1:], width=2.4 * max(len(objective), 3))


def score_by_call(runs: Mapping[str, Sequence[Sequence[float]]]) -> Picture:
    """How the score of what is proposed changes: a mark a molecule, a line through the means of the rounds.

    Args:
        runs: name → rounds → scores of the molecules of that round.
    """
    return drawn(score_chart(runs))


def score_chart(runs: Mapping[str, Sequence[Sequence[float]]]) -> Chart:
    """As ``score_by_call``."""
    traces, told = [], []
    for i, (name, rounds) in enumerate(runs.items()):
        ends = np.cumsum([len(scores) for scores in rounds])
        means = [float(np.mean(scores)) for scores in rounds]
        off = [1.96 * float(np.std(scores, ddof=1)) / len(scores) ** 0.5 for scores in rounds]
        every = np.concatenate([np.asarray(scores, float) for scores in rounds])
        colour, symbol = palette.series(i)
        calls = np.arange(1, len(every) + 1)
        mean = joined(f"{name}: mean of a round, 95 % interval", ends, means, colour, symbol)
        traces += [
            marks("", calls, every, colour, symbol, 4, opacity=0.25, showlegend=False),
            mean | {"line": line("", (), (), *palette.stroke(i), width=2)["line"], "error_y": errors(off)},
        ]
        told.append(
            f"{name} from {means[0]:.2f} ± {off[0]:.2f} in the first round to "
            f"{means[-1]:.2f} ± {off[-1]:.2f} in the last, after {ends[-1]} calls"
        )
    alt, y = "Score by call: " + "; ".join(told) + ".", {"range": (-0.03, 1.03)}
    return Chart("", "calls of the oracle", "score", traces, alt, y=y, height=3.6)
