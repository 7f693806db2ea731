"""The comparison dashboard: runs side by side, their scores against what they have used."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.campaign import COSTS, TOP, Progress, Run, compare, list_runs
from labkit.campaign._comparison import progress_of, side_by_side
from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, line
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._energy_model import Amount
from labkit.dashboards._energy_view import said as amount_in_words
from labkit.dashboards._page import Block, Picture, table, together
from labkit.errors import LabkitError

if TYPE_CHECKING:
    import ipywidgets

_ERRORS = {"energy_wh": "energy_uncertainty_wh", "co2e_g": "co2e_uncertainty_g"}
_LABELS = ("Evaluations", "Time of work / s", "Energy / Wh", "Emissions / g CO₂e")


def comparison_charts(compared: Sequence[Progress]) -> list[Chart]:
    """The score of each run against each of its costs, a chart a cost."""
    y_label = f"Mean score of the {TOP} best"
    charts = []
    for cost, label in zip(COSTS, _LABELS, strict=True):
        traces, said = [], []
        for n, one in enumerate(compared):
            # A line of steps needs a point only where it rises, and at its end.
            kept = np.union1d(np.flatnonzero(np.diff(one.score, prepend=0.0)), len(one.score) - 1)
            x, y = (np.append(0.0, values[kept]) for values in (one.costs[cost], one.score))
            traces.append(line(one.name, x, y, *palette.stroke(n), width=1.8, shape="hv"))
            said.append(f"{one.name} {one.score[-1]:.3f} at {_used(one, cost, one.costs[cost][-1])}")
        alt = f"{y_label} so far against {label}: {'; '.join(said)}."
        charts.append(Chart("", label, y_label, traces, alt, x={"rangemode": "tozero"}))
    return charts


def comparison_picture(compared: Sequence[Progress]) -> Picture:
    """The same, drawn side by side."""
    return drawn(*comparison_charts(compared), width=13.0)


def comparison_table(compared: Sequence[Progress]) -> Block:
    """What each run has reached and used; and what it had used when it was as good as the worst of them."""
    head = ["Run", f"Mean of the {TOP} best", *_LABELS]
    level = min(float(one.score[-1]) for one in compared)
    rows = []
    for one in compared:
        for name, score, used in (
            (one.name, one.score[-1], {cost: values[-1] for cost, values in one.costs.items()}),
            (f"{one.name} until {level:.3f}", level, one.until(level) or {}),
        ):
            rows.append([name, f"{score:.3f}", *(_used(one, cost, used[cost]) for cost in COSTS)])
    return table(head, rows, numeric=head[1:])


def _used(one: Progress, cost: str, value: float) -> str:
    """A cost of a run with its uncertainty: a meter that errs by a share errs by that share all along."""
    total, error = one.summary.get(cost), one.summary.get(_ERRORS.get(cost, ""))
    if not total or error is None:
        return f"{value:.4g}"
    off = value * error / total
    return amount_in_words(Amount(value, max(value - off, 0.0), value + off))


def comparison_dashboard(ui: str, runs: Sequence[str] = ()) -> ipywidgets.Widget | Block:
    """Runs side by side, as a widget or a static page.

    Args:
        ui: "widget" or "static".
        runs: folders or names; where there are none, the finished ones of the campaign that ran last.

    Raises:
        InputError: if there is no such run, or a static page is asked of runs that don't compare.
    """
    named = [runs] if isinstance(runs, str) else runs
    folders = [str(Run.open(run).folder.resolve()) for run in named or _finished()]
    if ui == "widget":
        return comparison_widget(folders)
    compared = compare(folders)
    return together(comparison_picture(compared), comparison_table(compared))


def comparison_widget(folders: Sequence[str]) -> ipywidgets.Widget:
    """Runs to choose, compared as soon as they are chosen; these are chosen first."""
    import ipywidgets

    from labkit.dashboards._chart_widget import chart, show
    from labkit.dashboards._live import column, control, row

    choice = ipywidgets.SelectMultiple(
        description="runs (several with Ctrl or Shift)",
        rows=4,
        style={"description_width": "initial"},
        layout={"width": "560px"},
    )
    again = control("button", "Read again")
    inside = {"x": 1, "xanchor": "right", "y": 0, "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0.8)"}
    figures = [chart("", height=270, legend=inside, margin={"t": 10, "b": 50}) for _ in COSTS]
    fault, numbers = ipywidgets.HTML(), ipywidgets.HTML()
    read = cache(lambda folder: progress_of(Run(Path(folder))))

    lock = threading.Lock()  # a choice can come while another is drawn

    def draw(change: Any = None) -> None:
        with lock:
            try:
                compared = side_by_side([read(folder) for folder in choice.value])
                for figure, drawing in zip(figures, comparison_charts(compared), strict=True):
                    show(figure, drawing)
                fault.value, numbers.value = "", comparison_table(compared).html
            except LabkitError as error:
                fault.value = f'<span role="alert">{escape(str(error))}</span>'

    def look(press: Any = None) -> None:
        read.cache_clear()
        known = {str(Path(run["folder"]).resolve()): f"{run['run']}, {run['status']}" for run in list_runs()}
        known = {folder: Path(folder).name for folder in folders} | known
        alike = Counter(known.values())
        chosen = choice.value or folders
        choice.unobserve(draw, "value")
        choice.options = [(name if alike[name] == 1 else folder, folder) for folder, name in known.items()]
        choice.value = [folder for folder in chosen if folder in known]
        choice.observe(draw, "value")
        draw()

    choice.observe(draw, "value")
    again.on_click(look)
    look()
    return column(row(choice, again), fault, row(*figures[:2]), row(*figures[2:]), numbers)


def _finished() -> list[str]:
    """The last finished runs of the campaign that ran last, as many as there are colours at most."""
    done = sorted((run for run in list_runs() if run["status"] == "done"), key=lambda run: run["started"])
    return [run["folder"] for run in done if run["campaign"] == done[-1]["campaign"]][-len(palette.SERIES) :]
