"""Learning watched while it goes on: a chart below the cell that is drawn anew with each result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from IPython.display import display

from labkit.dashboards._chart import Chart
from labkit.dashboards._language_view import loss_chart, score_chart
from labkit.errors import InputError

T = TypeVar("T")


def watch_loss(ui: str) -> Callable[[Sequence[Mapping[str, float]]], None]:
    """What a training calls with its loss curve: it draws ``loss_curves``.

    Args:
        ui: "widget" for JupyterLab; "static" draws nothing, since a page can't change: show the picture then.

    Raises:
        InputError: if there is no such way of showing it.
    """
    return _watch(ui, lambda curve: loss_chart({"learning now": curve}))


def watch_scores(ui: str) -> Callable[[Mapping[str, Sequence[Sequence[float]]]], None]:
    """What a search calls with its scores, round by round: it draws ``score_by_call``; as ``watch_loss``."""
    return _watch(ui, score_chart)


def _watch(ui: str, drawn: Callable[[T], Chart]) -> Callable[[T], None]:
    if ui not in ("widget", "static"):
        raise InputError(f"ui '{ui}' is unknown; there are: widget, static")
    if ui == "static":
        return lambda _: None
    from labkit.dashboards._chart_widget import chart, show
    from labkit.dashboards._live import column

    shown: list[Any] = []

    def tell(state: T) -> None:
        wanted = drawn(state)
        if not shown:
            shown.append(chart("", round(100 * wanted.height)))
            show(shown[0], wanted)
            display(column(shown[0]))
        else:
            show(shown[0], wanted)

    return tell
