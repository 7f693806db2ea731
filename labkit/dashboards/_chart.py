"""A chart described once, in plotly's words: shown live by plotly, and drawn by matplotlib for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.dashboards import palette

Trace = Mapping[str, Any]

UPSIDE_DOWN: dict[str, Any] = {"autorange": "reversed"}  # an axis whose first row is on top


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows.
        x_label: of the horizontal axis, with its unit.
        y_label: of the vertical axis, with its unit.
        traces: in plotly's words; those that `_chart_drawn` knows.
        alt: the same in words.
        caption: what to read off it.
        x: more of the horizontal axis in plotly's words: type, range, tickvals and ticktext, autorange …
        y: likewise.
        right: a second vertical axis likewise, of traces whose `yaxis` is "y2"; empty for none.
        height: inches of the picture.
    """

    title: str
    x_label: str
    y_label: str
    traces: Sequence[Trace]
    alt: str
    caption: str = ""
    x: Mapping[str, Any] = field(default_factory=dict)
    y: Mapping[str, Any] = field(default_factory=dict)
    right: Mapping[str, Any] = field(default_factory=dict)
    height: float = 3.9


def marks(
    name: str, x: Any, y: Any, color: str, symbol: Any, size: Any = 8, *, opacity: float = 1.0, **more: Any
) -> dict[str, Any]:
    """A trace of marks; symbol and size may be one each; `more` in plotly's words."""
    marker = {"color": color, "symbol": symbol, "size": size, "opacity": opacity}
    return {"mode": "markers", "name": name, "x": x, "y": y, "marker": marker} | more


def line(
    name: str, x: Any, y: Any, color: str, dash: str = "solid", *, width: float = 1.5, **more: Any
) -> dict[str, Any]:
    """A trace of a line; with `shape="hv"` it goes on at its height until the next point."""
    style = {"color": color, "dash": dash, "width": width, "shape": more.pop("shape", "linear")}
    return {"mode": "lines", "name": name, "x": x, "y": y, "line": style} | more


def joined(name: str, x: Any, y: Any, color: str, symbol: str, size: float = 7) -> dict[str, Any]:
    """A trace of marks with a line through them."""
    return line(name, x, y, color) | marks(name, x, y, color, symbol, size) | {"mode": "lines+markers"}


def bars(name: str, x: Any, y: Any, color: Any, pattern: Any = "", **more: Any) -> dict[str, Any]:
    """A trace of bars from left to right; `orientation="v"` has them rise."""
    marker = {"color": color, "line": {"width": 0}, "pattern": hatch(color, pattern)}
    return {"type": "bar", "orientation": "h", "name": name, "x": x, "y": y, "marker": marker} | more


def hatch(color: Any, shape: Any) -> dict[str, Any]:
    """A pattern in white on a colour; an empty shape for none."""
    return {"shape": shape, "bgcolor": color, "fgcolor": "white", "size": 6}


def errors(above: Sequence[Any], below: Sequence[Any] | None = None) -> dict[str, Any]:
    """Error bars, None for none; the same to both sides where one is given."""
    return {"type": "data", "array": above} | ({} if below is None else {"arrayminus": below})


def level(y: float, name: str, ends: tuple[float, float]) -> dict[str, Any]:
    """A dashed line at a height, from one end of a chart to the other."""
    return line(name, ends, (y, y), palette.BLACK, "dash", width=1)


def beside(count: int, width: float) -> list[float]:
    """Places of several marks around 0, so that none covers another."""
    return np.linspace(-width, width, count).tolist() if count > 1 else [0.0]
