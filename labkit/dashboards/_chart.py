"""A chart described once, in plotly's words: plotly shows it live, matplotlib where there is no browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.dashboards import palette
from labkit.dashboards._page import Picture, picture

_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "cross": "P", "x": "X"}
_DASHES = {"solid": "-", "dash": "--", "dot": ":"}
_TEXTS = {  # plotly's place of a text: offset in points, and which of its sides stands there
    "top center": ((0, 8), "center", "bottom"),
    "middle left": ((-5, 0), "right", "center"),
    "middle right": ((5, 0), "left", "center"),
}


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows.
        x_label: of the horizontal axis, with its unit.
        y_label: of the vertical axis, with its unit.
        traces: in plotly's words; those that `draw` knows.
        alt: the same in words.
        caption: what to read off it.
        x: more of the horizontal axis in plotly's words: type, range, tickvals and ticktext, autorange.
        y: likewise.
        height: inches of the picture.
    """

    title: str
    x_label: str
    y_label: str
    traces: tuple[Mapping[str, Any], ...]
    alt: str
    caption: str = ""
    x: Mapping[str, Any] = field(default_factory=dict)
    y: Mapping[str, Any] = field(default_factory=dict)
    height: float = 3.9


def live(chart: Chart) -> Any:
    """The chart as a plotly widget."""
    import plotly.graph_objects as go

    layout: dict[str, Any] = {
        "template": palette.plotly_template(),
        "height": 100 * chart.height,
        "margin": {"t": 40},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"},
    }
    for name, label, axis in (("xaxis", chart.x_label, chart.x), ("yaxis", chart.y_label, chart.y)):
        texts = [text.replace("\n", "<br>") for text in axis.get("ticktext", ())]
        layout[name] = {**axis, "title": {"text": label}, "ticktext": texts or None}
    return go.FigureWidget([{"type": "scatter", **trace} for trace in chart.traces], layout)


def drawn(chart: Chart) -> Picture:
    """The chart drawn by matplotlib."""
    with palette.style():
        figure = Figure(figsize=(9.0, chart.height))
        axes = figure.subplots()
        draw(axes, chart.traces)
        for axis, name, label in ((chart.x, "x", chart.x_label), (chart.y, "y", chart.y_label)):
            _set(axes, axis, name)
            axes.set(**{f"{name}label": label})
        axes.set_title(chart.title, loc="left")
        legend(figure, ncols=4)
    return picture(figure, chart.alt, chart.caption)


def _set(axes: Axes, axis: Mapping[str, Any], name: str) -> None:
    """Gives an axis what plotly's words say of it."""
    if axis.get("type") == "log":
        axes.set(**{f"{name}scale": "log"})
    if "range" in axis:
        low, high = axis["range"]
        axes.set(**{f"{name}lim": (10.0**low, 10.0**high) if axis.get("type") == "log" else (low, high)})
    if "ticktext" in axis:
        axes.set(**{f"{name}ticks": axis["tickvals"], f"{name}ticklabels": axis["ticktext"]})
        axes.grid(visible=False, axis=name)  # type: ignore[arg-type]
        if any("\n" in text for text in axis["ticktext"]):
            axes.tick_params(axis=name, labelsize=8.5)  # type: ignore[arg-type]
    if axis.get("autorange") == "reversed":
        getattr(axes, f"invert_{name}axis")()


def legend(figure: Figure, ncols: int) -> None:
    """Names each kind of mark once, below all."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        found |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if found:
        figure.legend([*found.values()], [*found], loc="outside lower center", ncols=ncols)


def draw(axes: Axes, traces: Iterable[Mapping[str, Any]], right: Mapping[str, Any] | None = None) -> None:
    """Draws plotly's traces: horizontal bars, boxes, stacks, areas, lines, marks with errors, texts.

    Args:
        axes: where.
        traces: texts in place of numbers stand one after the other, as they first come.
        right: the axis of traces that have a `yaxis` of their own, in plotly's words.
    """
    names: tuple[dict[str, int], dict[str, int]] = ({}, {})
    below: Any = 0.0
    for trace in traces:
        x, y = (_numbers(trace.get(axis, ()), own) for axis, own in zip("xy", names, strict=True))
        label = trace["name"] if trace.get("showlegend", True) else None
        kind, mode = trace.get("type", "scatter"), trace.get("mode", "")
        if kind == "box":
            _boxes(axes, trace, x)
        elif kind == "bar":
            marker = trace["marker"]
            style = {"color": marker["color"], "label": label, "edgecolor": "white", "linewidth": 0}
            if "pattern" in marker:
                style["hatch"] = 2 * marker["pattern"]["shape"]
            axes.barh(y, x, trace.get("width", 0.8), trace.get("base"), **style)
        elif "stackgroup" in trace:
            pattern, top = trace["fillpattern"], below + np.asarray(y)
            style = {"facecolor": pattern["bgcolor"], "hatch": 2 * pattern["shape"], "label": label}
            axes.fill_between(x, below, top, edgecolor="white", linewidth=0, **style)
            below = top
        elif "fill" in trace:
            axes.fill(x, y, color=trace["fillcolor"], linewidth=0, label=label, zorder=0)
        elif mode == "lines":
            _line(axes, trace, x, y, label, right)
        elif len(x):
            _marks(axes, trace, x, y, label)
    for name, own in zip("xy", names, strict=True):
        if own:
            axes.set(**{f"{name}ticks": range(len(own)), f"{name}ticklabels": list(own)})


def _numbers(values: Any, names: dict[str, int]) -> Any:
    """Places along an axis."""
    if len(values) and isinstance(values[0], str):
        return [names.setdefault(value, len(names)) for value in values]
    return values


def _boxes(axes: Axes, trace: Mapping[str, Any], places: Sequence[float]) -> None:
    keys = {"whislo": "lowerfence", "q1": "q1", "med": "median", "q3": "q3", "whishi": "upperfence"}
    for i, place in enumerate(places):
        axes.bxp(
            [{name: trace[key][i] for name, key in keys.items()}],
            [place],
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": trace["fillcolor"], "edgecolor": trace["marker"]["color"]},
            medianprops={"color": palette.BLACK},
            widths=0.5,
            label=None if i else trace["name"],
        )


def _line(
    axes: Any, trace: Mapping[str, Any], x: Any, y: Any, label: str | None, right: Mapping[str, Any] | None
) -> None:
    line = trace["line"]
    if right is not None and "yaxis" in trace:
        axes = axes.twinx()
        axes.set(ylabel=right["title"]["text"], ylim=right["range"])
        axes.grid(visible=False)
    axes.plot(
        x,
        y,
        color=line["color"],
        linestyle=_DASHES[line.get("dash", "solid")],
        linewidth=line.get("width", 1.5),
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        label=label,
    )


def _marks(axes: Axes, trace: Mapping[str, Any], x: Any, y: Any, label: str | None) -> None:
    """Marks with their errors, and texts beside their places."""
    if "markers" in trace["mode"]:
        marker = trace["marker"]
        color, symbol = marker["color"], marker["symbol"]
        look: dict[str, Any] = {"color": color, "alpha": marker.get("opacity")}
        if symbol.endswith("-open"):
            look = {"facecolors": "none", "edgecolors": color, "linewidths": 1.8}
        elif "cmin" in marker:
            look = {"c": color, "cmap": "cividis", "vmin": marker["cmin"], "vmax": marker["cmax"]}
        area = (0.75 * np.asarray(marker["size"])) ** 2
        look |= {"marker": _MARKERS[symbol.removesuffix("-open")], "label": label, "zorder": 3}
        points = axes.scatter(x, y, area, **look)
        if marker.get("showscale"):
            axes.figure.colorbar(points, label=marker["colorbar"]["title"]["text"])
        for side in "xy":
            if error := trace.get(f"error_{side}"):
                ends = [error.get("arrayminus", error["array"]), error["array"]]
                bars: dict[str, Any] = {"fmt": "none", "ecolor": color, "elinewidth": 1.0, "capsize": 3}
                axes.errorbar(x, y, **(bars | {f"{side}err": ends}))
    if "text" in trace["mode"]:
        offset, ha, va = _TEXTS[trace["textposition"]]
        style: dict[str, Any] = {"textcoords": "offset points", "ha": ha, "va": va, "fontsize": 8.5}
        for text, left, height in zip(trace["text"], x, y, strict=True):
            axes.annotate(text, (left, height), xytext=offset, **style)
