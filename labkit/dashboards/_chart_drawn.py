"""Charts drawn by matplotlib, for pages without a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, Trace
from labkit.dashboards._page import Picture, picture

_MARKERS = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "cross": "P", "x": "X"}
_MARKERS |= {"line-ns": "|"}
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_TEXTS = {  # plotly's place of a text: offset in points, and which of its sides stands there
    "top center": ((0, 8), "center", "bottom"),
    "top right": ((6, 5), "left", "bottom"),
    "middle left": ((-5, 0), "right", "center"),
    "middle right": ((5, 0), "left", "center"),
}


def drawn(*charts: Chart, width: float = 9.0) -> Picture:
    """Charts drawn by matplotlib side by side, on one vertical axis where they name the same.

    Args:
        charts: what they say, one after the other, is said of the picture; the first has its height.
        width: inches of the picture.
    """
    shared = len({(chart.y_label, *chart.y.get("ticktext", ())) for chart in charts}) == 1
    with palette.style():
        figure = Figure(figsize=(width, charts[0].height))
        panels = figure.subplots(1, len(charts), squeeze=False, sharey=shared)[0]
        for i, (axes, chart) in enumerate(zip(panels, charts, strict=True)):
            _draw(axes, chart.traces, chart.right)
            _set(axes, chart.x, "x")
            axes.set(xlabel=chart.x_label)
            axes.set_title(chart.title, loc="left")
            if not (i and shared):
                _set(axes, chart.y, "y")
                axes.set(ylabel=chart.y_label)
        _legend(figure, ncols=4 if width < 10 else 6)
    alt, caption = ([getattr(chart, name) for chart in charts] for name in ("alt", "caption"))
    return picture(figure, " ".join(filter(None, alt)), " ".join(filter(None, caption)))


def _set(axes: Axes, axis: Mapping[str, Any], name: str) -> None:
    """Gives an axis what plotly's words say of it."""
    log, font = axis.get("type") == "log", axis.get("tickfont", {})
    if log:
        axes.set(**{f"{name}scale": "log"})
    if "ticktext" in axis:
        axes.set(**{f"{name}ticks": axis["tickvals"], f"{name}ticklabels": axis["ticktext"]})
        axes.grid(visible=False, axis=name)  # type: ignore[arg-type]
        if any("\n" in text for text in axis["ticktext"]):
            font = {"size": 8.5} | font
    if "range" in axis:
        low, high = axis["range"]
        axes.set(**{f"{name}lim": (10.0**low, 10.0**high) if log else (low, high)})
    if axis.get("rangemode") == "tozero":
        axes.set(**{f"{name}lim": (0, None)})
    if "dtick" in axis:
        ends = getattr(axes, f"get_{name}lim")()
        axes.set(**{f"{name}ticks": np.arange(0, ends[1] + 1, axis["dtick"])})
    if font or "tickangle" in axis:
        look = {
            f"label{part}": font[key]
            for part, key in (("size", "size"), ("fontfamily", "family"))
            if key in font
        }
        axes.tick_params(axis=name, labelrotation=-axis.get("tickangle", 0), **look)  # type: ignore[arg-type]
    if not axis.get("visible", True):
        axes.set_axis_off()
    if "scaleanchor" in axis:
        axes.set_aspect("equal")
    if axis.get("autorange") == "reversed":
        getattr(axes, f"invert_{name}axis")()


def _legend(figure: Figure, ncols: int) -> None:
    """Names each kind of mark once, below all."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        found |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if found:
        figure.legend([*found.values()], [*found], loc="outside lower center", ncols=ncols)


def _draw(axes: Axes, traces: Iterable[Trace], right: Mapping[str, Any]) -> None:
    """Draws plotly's traces: bars, boxes, stacks, areas, lines, marks with errors, texts.

    Args:
        axes: where.
        traces: texts in place of numbers stand one after the other, as they first come.
        right: as in `Chart`.
    """
    names: tuple[dict[str, int], dict[str, int]] = ({}, {})
    below: Any = 0.0
    for trace in traces:
        x, y = (_numbers(trace.get(axis, ()), own) for axis, own in zip("xy", names, strict=True))
        label = trace["name"] if trace.get("showlegend", True) else None
        kind = trace.get("type", "scatter")
        if kind == "box":
            _boxes(axes, trace, x)
        elif kind == "bar":
            _bars(axes, trace, x, y, label)
        elif "stackgroup" in trace:
            pattern, top = trace["fillpattern"], below + np.asarray(y)
            style = {"facecolor": pattern["bgcolor"], "hatch": 2 * pattern["shape"], "label": label}
            axes.fill_between(x, below, top, edgecolor="white", linewidth=0, **style)
            below = top
        elif "fill" in trace:
            _areas(axes, trace, np.column_stack([x, y]).astype(float), label)
        elif len(x):
            if "lines" in trace["mode"]:
                _line(axes, trace, x, y, label, right)
            elif "markers" in trace["mode"]:
                _marks(axes, trace, x, y, label)
            if "text" in trace["mode"]:
                _texts(axes, trace, x, y)
    for name, own in zip("xy", names, strict=True):
        if own:
            axes.set(**{f"{name}ticks": range(len(own)), f"{name}ticklabels": list(own)})
            axes.grid(visible=False, axis=name)  # type: ignore[arg-type]


def _numbers(values: Any, names: dict[str, int]) -> Any:
    """Places along an axis."""
    if len(values) and isinstance(values[0], str):
        return [names.setdefault(value, len(names)) for value in values]
    return values


def _ends(error: Mapping[str, Any]) -> Any:
    return np.array([error.get("arrayminus", error["array"]), error["array"]], float)


def _bars(axes: Axes, trace: Trace, x: Any, y: Any, label: str | None) -> None:
    """Bars with their errors, and texts at their ends."""
    marker, base, width = trace["marker"], trace.get("base"), trace.get("width", 0.8)
    style: dict[str, Any] = {"color": marker["color"], "label": label, "edgecolor": "white", "linewidth": 0}
    pattern = marker["pattern"]["shape"]
    style["hatch"] = 2 * pattern if isinstance(pattern, str) else [2 * own for own in pattern]
    style["error_kw"] = {"capsize": 4, "ecolor": palette.BLACK}
    if trace["orientation"] == "h":
        error = trace.get("error_x")
        found = axes.barh(y, x, width, base, xerr=None if error is None else _ends(error), **style)
    else:
        found = axes.bar(x, y, width, base, **style)
    if "text" in trace:
        axes.bar_label(found, trace["text"], padding=4)
        axes.margins(x=0.1)


def _areas(axes: Axes, trace: Trace, points: Any, label: str | None) -> None:
    """Areas, each ended by a point that is no number."""
    rings = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))
    kept = [ring[~np.isnan(ring[:, 0])] for ring in rings if len(ring) > 1]
    edge = {"edgecolor": trace["line"].get("color", "none"), "linewidth": trace["line"]["width"]}
    areas = PolyCollection(kept, facecolor=trace["fillcolor"], label=label, zorder=0, **edge)
    areas.set_rasterized(len(kept) > 1)  # a map's would make the file large
    axes.add_collection(areas)


def _boxes(axes: Axes, trace: Trace, places: Sequence[float]) -> None:
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


def _line(axes: Any, trace: Trace, x: Any, y: Any, label: str | None, right: Mapping[str, Any]) -> None:
    style, marker = trace["line"], trace.get("marker") if "markers" in trace["mode"] else None
    if "yaxis" in trace:
        axes = axes.twinx()
        axes.set(ylabel=right["title"]["text"], ylim=right["range"])
        axes.grid(visible=False)
    look: dict[str, Any] = {"color": style["color"], "linestyle": _DASHES[style.get("dash", "solid")]}
    look |= {"linewidth": style.get("width", 1.5), "label": label}
    look["drawstyle"] = "steps-post" if style.get("shape") == "hv" else "default"
    if marker is not None:
        look |= {
            "marker": _MARKERS[marker["symbol"].removesuffix("-open")],
            "markersize": 0.75 * marker["size"],
        }
        look["markerfacecolor"] = "white" if marker["symbol"].endswith("-open") else style["color"]
    axes.plot(x, y, **look)
    _error_bars(axes, trace, x, y, style["color"])


def _marks(axes: Axes, trace: Trace, x: Any, y: Any, label: str | None) -> None:
    """Marks with their errors; open ones may stand among closed ones of the same kind."""
    marker = trace["marker"]
    color, symbols = marker["color"], marker["symbol"]
    sizes = (0.75 * np.broadcast_to(marker["size"], len(x))) ** 2
    if isinstance(symbols, str):
        symbols = [symbols] * len(x)
    for symbol in sorted(set(symbols), key=len):  # the legend shows a closed one
        mine = [i for i, own in enumerate(symbols) if own == symbol]
        look: dict[str, Any] = {"color": color, "alpha": marker.get("opacity")}
        if symbol.endswith("-open"):
            look = {"facecolors": "none", "edgecolors": color, "linewidths": 1.8}
        elif "cmin" in marker:
            look = {"c": color, "cmap": "cividis", "vmin": marker["cmin"], "vmax": marker["cmax"]}
        look |= {"marker": _MARKERS[symbol.removesuffix("-open")], "zorder": 3}
        points = axes.scatter(
            np.asarray(x, float)[mine], np.asarray(y, float)[mine], sizes[mine], label=label, **look
        )
        label = None
        if marker.get("showscale"):
            axes.figure.colorbar(points, label=marker["colorbar"]["title"]["text"])
    _error_bars(axes, trace, x, y, color)


def _error_bars(axes: Axes, trace: Trace, x: Any, y: Any, color: Any) -> None:
    for side in "xy":
        if error := trace.get(f"error_{side}"):
            look: dict[str, Any] = {"fmt": "none", "ecolor": color, "elinewidth": 1.0, "capsize": 3}
            axes.errorbar(np.asarray(x, float), y, **(look | {f"{side}err": _ends(error)}))


def _texts(axes: Axes, trace: Trace, x: Any, y: Any) -> None:
    offset, ha, va = _TEXTS[trace["textposition"]]
    style: dict[str, Any] = {"textcoords": "offset points", "ha": ha, "va": va, "fontsize": 8.5}
    for text, left, height in zip(trace["text"], x, y, strict=True):
        axes.annotate(text, (left, height), xytext=offset, **style)
