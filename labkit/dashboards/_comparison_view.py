"""Runs side by side: their scores against what they have used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labkit.campaign import COSTS, TOP, Progress
from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, line
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._page import Block, Picture, table

_LABELS = ("Evaluations", "Time of work / s", "Energy / Wh", "Emissions / g CO₂e")


def comparison_charts(compared: Sequence[Progress]) -> list[Chart]:
    """The score of each run against each of its costs, a chart a cost."""
    alt = "Mean score of the ten best molecules so far against evaluations, time, energy and emissions: "
    alt += "; ".join(_in_words(one) for one in compared) + "."
    charts = []
    for i, (cost, label) in enumerate(zip(COSTS, _LABELS, strict=True)):
        traces = [
            line(
                one.name,
                np.concatenate([[0.0], one.costs[cost]]),
                np.concatenate([[0.0], one.score]),
                palette.SERIES[n % len(palette.SERIES)],
                palette.PLOTLY_DASHES[n % len(palette.PLOTLY_DASHES)],
                width=1.8,
                shape="hv",
            )
            for n, one in enumerate(compared)
        ]
        y_label = f"Mean score of the {TOP} best so far"
        charts.append(Chart("", label, y_label, traces, "" if i else alt))
    return charts


def comparison_picture(compared: Sequence[Progress]) -> Picture:
    """The same, drawn side by side."""
    return drawn(*comparison_charts(compared), width=13.0)


def comparison_table(compared: Sequence[Progress]) -> Block:
    """What each run has reached and used; and what it had used when it was as good as the worst of them."""
    head = [
        "Run",
        "Mean of the ten best",
        "Evaluations",
        "Time / s",
        "Energy / Wh",
        "Emissions / g CO₂e",
    ]
    level = min(float(one.score[-1]) for one in compared)
    rows = []
    for one in compared:
        for name, score, used in (
            (one.name, one.score[-1], {cost: values[-1] for cost, values in one.costs.items()}),
            (f"{one.name} until {level:.3f}", level, one.until(level) or {}),
        ):
            rows.append([name, f"{score:.3f}", *(f"{used[cost]:.4g}" for cost in COSTS)])
    return table(head, rows, numeric=head[1:])


def _in_words(one: Progress) -> str:
    return (
        f"{one.name} reached {one.score[-1]:.3f} with {len(one.score)} evaluations and "
        f"{one.costs['energy_wh'][-1]:.3g} Wh"
    )
