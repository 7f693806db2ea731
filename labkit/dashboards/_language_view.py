"""A chemical language model: what it expects next, how it learned, how likely a string is; its steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from labkit.campaign import COMPONENTS
from labkit.dashboards import palette
from labkit.dashboards._format import number
from labkit.dashboards._page import Picture, picture

if TYPE_CHECKING:
    from labkit.campaign import Desirability
    from labkit.generative import Reading

_DASHES = ("-", "--", "-.", ":")


def next_tokens_picture(chances: Mapping[str, Mapping[str, float]], count: int = 6) -> Picture:
    """What a model may write after the beginnings of strings: a panel a beginning.

    Args:
        chances: beginning → token → probability.
        count: of the most probable tokens, how many are shown.
    """
    with palette.style():
        figure = Figure(figsize=(9.0, 2.7))
        panels = figure.subplots(1, len(chances), squeeze=False, sharey=True)[0]
        for panel, (beginning, after) in zip(panels, chances.items(), strict=True):
            likely = sorted(after.items(), key=lambda item: -item[1])[:count]
            panel.bar(range(len(likely)), [100 * chance for _, chance in likely], color=palette.SKY)
            panel.set_xticks(
                range(len(likely)), [token for token, _ in likely], family="monospace", rotation=90
            )
            panel.set_title(f"after {beginning}" if beginning else "at the start", family="monospace")
            panel.grid(visible=False, axis="x")
        panels[0].set_ylabel("probability (%)")
    told = []
    for beginning, after in chances.items():
        token = max(after, key=lambda name: after[name])
        told.append(f"{token} {'after ' + beginning if beginning else 'at the start'} ({after[token]:.0%})")
    return picture(figure, "Probability of the next token. Most likely: " + ", ".join(told) + ".")


def surprise(reading: Reading) -> Picture:
    """How little a model expected each token of a string: −ln P, in nats."""
    heights = -np.array(reading.log_probabilities)
    with palette.style():
        figure = Figure(figsize=(9.0, 2.9))
        axes = figure.subplots()
        axes.bar(range(len(heights)), heights, color=palette.BLUE)
        turned = any(len(token) > 2 for token in reading.tokens[:-1])
        labels = [*reading.tokens[:-1], "end" if turned else "\nend"]
        axes.set_xticks(range(len(heights)), labels, family="monospace", fontsize=8.5, rotation=90 * turned)
        axes.set_xlim(-0.7, len(heights) - 0.3)
        axes.set_ylabel("surprise −ln P (nats)")
        axes.grid(visible=False, axis="x")
    most = int(np.argmax(heights))
    return picture(
        figure,
        f"Surprise of each token of {reading.text}: {heights.sum():.1f} nats in all, most for token "
        f"{most + 1} of {len(heights)}, {reading.tokens[most]}, with {heights[most]:.1f}.",
    )


def loss_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> Picture:
    """How the loss falls while models are trained: lines for training, marks for strings held out.

    Args:
        curves: name of the model → points of its curve, in nats a string, as cards have them.
    """
    with palette.style():
        figure = Figure(figsize=(9.0, 3.6))
        axes = figure.subplots()
        for i, (name, curve) in enumerate(curves.items()):
            colour = palette.SERIES[i]
            held = [point for point in curve if "held_out" in point]
            axes.plot(
                [point["step"] for point in curve],
                [point["training"] for point in curve],
                color=colour,
                linestyle=_DASHES[i % 4],
                label=f"{name}: training",
            )
            axes.plot(
                [point["step"] for point in held],
                [point["held_out"] for point in held],
                palette.MARKERS[i],
                color=colour,
                markeredgecolor=palette.BLACK,
                linestyle="none",
                label=f"{name}: held out",
            )
        axes.set_xscale("log")
        axes.set_xlabel("gradient steps")
        axes.set_ylabel("loss (nats a string)")
        axes.legend()
    told = ", ".join(
        f"{name} from {curve[0]['training']:.1f} to {curve[-1]['training']:.1f} nats a string, "
        f"{curve[-1]['held_out']:.1f} held out, in {curve[-1]['step']:,.0f} steps"
        for name, curve in curves.items()
    )
    return picture(figure, f"Loss over gradient steps: {told}.")


def likelihood_by_length(clouds: Mapping[str, Sequence[Reading]], named: Mapping[str, Reading]) -> Picture:
    """The log-likelihood of strings over their number of tokens.

    Args:
        clouds: name of a set → its readings, drawn as points.
        named: readings that are told by name.
    """
    with palette.style():
        figure = Figure(figsize=(9.0, 4.6))
        axes = figure.subplots()
        for i, (name, readings) in enumerate(clouds.items()):
            axes.plot(
                [len(reading.tokens) for reading in readings],
                [reading.log_likelihood for reading in readings],
                palette.MARKERS[i],
                color=(palette.SKY, palette.YELLOW, palette.GREEN)[i % 3],
                alpha=0.6,
                markersize=4,
                linestyle="none",
                label=name,
            )
        for i, (name, reading) in enumerate(named.items()):
            axes.plot(
                len(reading.tokens),
                reading.log_likelihood,
                palette.MARKERS[i % len(palette.MARKERS)],
                color=palette.SERIES[i % len(palette.SERIES)],
                markeredgecolor=palette.BLACK,
                markersize=9,
                linestyle="none",
                label=name,
            )
        axes.set_xlabel("tokens of the string")
        axes.set_ylabel("ln P of the string (nats)")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    sets = [
        f"{name}, median {number(float(np.median([one.log_likelihood for one in readings])), 1)}"
        for name, readings in clouds.items()
    ]
    ones = [f"{name} {number(reading.log_likelihood, 1)}" for name, reading in named.items()]
    return picture(figure, f"ln P over length: {'; '.join(sets)}; {', '.join(ones)} nats.")


def desirabilities(
    objective: Mapping[str, Desirability], values: Mapping[str, Sequence[float]] | None = None
) -> Picture:
    """What an objective asks for: a panel a component, its desirability and, as marks, molecules' values."""
    values = values or {}
    told = []
    with palette.style():
        figure = Figure(figsize=(2.4 * max(len(objective), 3), 2.6))
        panels = figure.subplots(1, len(objective), squeeze=False, sharey=True)[0]
        for panel, (name, wanted) in zip(panels, objective.items(), strict=True):
            low, high = wanted.range
            found = list(values.get(name, []))
            ends = [low - (high - low) / 2, high + (high - low) / 2, *found]
            axis = np.linspace(min(ends), max(ends), 301)
            panel.plot(axis, [wanted(value) for value in axis], color=palette.BLUE, linewidth=2.2)
            panel.plot(
                found,
                [0.04] * len(found),
                "|",
                color=palette.VERMILION,
                markersize=9,
                transform=panel.get_xaxis_transform(),
            )
            unit = COMPONENTS[name][0] if name in COMPONENTS else ""
            panel.set_xlabel(f"{name} ({unit})" if unit not in ("", "1") else name)
            text = f"{name}: {wanted.direction} between {low:g} and {high:g}, weight {wanted.weight:g}"
            if found:
                text += f", mean desirability of the marks {np.mean([wanted(v) for v in found]):.2f}"
            told.append(text)
        panels[0].set_ylabel("desirability")
    return picture(figure, "Desirabilities. " + "; ".join(told) + ".")


def score_by_call(runs: Mapping[str, Sequence[Sequence[float]]]) -> Picture:
    """How the score of what is proposed changes: a mark a molecule, a line through the means of the rounds.

    Args:
        runs: name → rounds → scores of the molecules of that round.
    """
    told = []
    with palette.style():
        figure = Figure(figsize=(9.0, 3.6))
        axes = figure.subplots()
        for i, (name, rounds) in enumerate(runs.items()):
            ends = np.cumsum([len(scores) for scores in rounds])
            means = [float(np.mean(scores)) for scores in rounds]
            errors = [1.96 * float(np.std(scores, ddof=1)) / len(scores) ** 0.5 for scores in rounds]
            colour, marker = palette.SERIES[i], palette.MARKERS[i]
            together = np.concatenate([np.asarray(scores, float) for scores in rounds])
            axes.plot(
                np.arange(1, len(together) + 1), together, marker, color=colour, alpha=0.25, markersize=3
            )
            axes.errorbar(
                ends,
                means,
                errors,
                color=colour,
                marker=marker,
                linestyle=_DASHES[i % 4],
                linewidth=2,
                capsize=3,
                label=f"{name}: mean of a round, 95 % interval",
            )
            told.append(
                f"{name} from {means[0]:.2f} ± {errors[0]:.2f} in the first round to "
                f"{means[-1]:.2f} ± {errors[-1]:.2f} in the last, after {ends[-1]} calls"
            )
        axes.set_xlabel("calls of the oracle")
        axes.set_ylabel("score")
        axes.set_ylim(-0.03, 1.03)
        axes.legend(loc="lower right")
    return picture(figure, "Score by call: " + "; ".join(told) + ".")
