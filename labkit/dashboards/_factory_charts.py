"""Charts of the AI-factory dashboard: traces in plotly's words, which matplotlib draws as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from labkit.dashboards import _factory_model as factory
from labkit.dashboards import palette
from labkit.dashboards._chart import draw, legend
from labkit.dashboards._europe_map import EAST_KM, NORTH_KM, outlines
from labkit.dashboards._page import Picture, picture

if TYPE_CHECKING:
    from labkit.cluster import Outcome
    from labkit.cluster._hybrid import LoopTime

Trace = dict[str, Any]
Shown = tuple[list[Trace], str]  # traces, and what they show in words
Sheet = tuple[list[Trace], dict[str, Any], dict[str, str]]  # traces, layout, and words by column

_PARTS = {  # colour and pattern of each part of the power
    "nodes at rest": (palette.SKY, ""),
    "nodes at work": (palette.BLUE, "/"),
    "losses": (palette.ORANGE, "x"),
    "pumps": (palette.GREEN, "."),
    "fans": (palette.PURPLE, "-"),
    "chiller": (palette.VERMILION, "+"),
}
_LOOP_PARTS = {
    "classical work": ("classical_s", palette.BLUE, "/"),
    "queue": ("queue_s", palette.SKY, "."),
    "link": ("link_s", palette.VERMILION, "x"),
    "shots": ("shots_s", palette.ORANGE, ""),
}
_KINDS = {  # colour, marker, pattern; the next label begins anew
    factory.KILLED: (palette.BLACK, "x", "x"),
    factory.UNBOUND: (palette.BLUE, "circle", ""),
    0: (palette.ORANGE, "square", "/"),
    1: (palette.VERMILION, "cross", "."),
    2: (palette.GREEN, "diamond", "-"),
    3: (palette.PURPLE, "circle-open", "+"),
}
_LAND, _BORDER = "#EDEDED", "#A8A8A8"
_HOURS = "hours since the scenario's start"
_COLUMNS = ((0.0, 0.44), (0.56, 1.0))  # of a figure's width


def _pattern(color: str, shape: str) -> dict[str, Any]:
    return {"shape": shape, "bgcolor": color, "fgcolor": "white", "size": 6}


def _map(outcome: Outcome, machine: str) -> Shown:
    groups: dict[tuple[int | None, str], list[factory.Mark]] = {}
    found = factory.marks(outcome)
    for mark in found:
        key = (mark.kind, f"takes {mark.takes} data") if mark.power_mw else (None, "takes no part")
        groups.setdefault(key, []).append(mark)
    traces = []
    for (kind, name), mine in groups.items():
        color, symbol, _ = (palette.GREY, "circle", "") if kind is None else _KINDS[min(kind, kind % 4)]
        size = [5 + 8 * mark.power_mw**0.5 for mark in mine]  # its area goes with the power
        traces.append(
            {
                "x": [mark.east_km for mark in mine],
                "y": [mark.north_km for mark in mine],
                "mode": "markers",
                "name": name,
                "marker": {"color": color, "symbol": symbol, "size": size, "opacity": 0.85},
                "hovertext": [mark.text for mark in mine],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    ordered = sorted((mark for mark in found if mark.power_mw), key=lambda mark: -mark.power_mw)
    said = [f"{mark.site} {mark.power_mw:.1f} MW, takes {mark.takes} data" for mark in ordered]
    return traces, "Sites by power at most: " + "; ".join(said) + "."


def _jobs(outcome: Outcome, machine: str) -> Shown:
    found = factory.gantt(outcome, machine)
    traces = []
    for kind in sorted(set(found.kind.tolist())):
        mine = np.flatnonzero(found.kind == kind)
        color, _, pattern = _KINDS[min(kind, kind % 4)]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "base": found.start_h[mine],
                "x": found.hours[mine],
                "y": found.row[mine],
                "width": found.height[mine],
                "name": factory.kind_name(outcome, kind),
                "marker": {"color": color, "line": {"width": 0}, "pattern": _pattern(color, pattern)},
                "hovertext": [f"{found.nodes[i]} nodes for {found.hours[i]:.1f} h" for i in mine],
                "hovertemplate": "%{hovertext} from hour %{base:.1f}<extra>%{fullData.name}</extra>",
            }
        )
    killed = int((found.kind == factory.KILLED).sum())
    return traces, (
        f"{machine}: the {len(found.row):,} runs with the most node-hours, up to {found.nodes.max()} nodes "
        f"and {found.hours.max():.1f} h; {found.left_out:,} smaller ones aren't drawn"
        + (f"; {killed:,} were killed by a failure." if killed else ".")
    )


def _queue(outcome: Outcome, machine: str) -> Shown:
    hours, waiting = factory.queue(outcome, machine)
    line = {"color": palette.BLUE, "shape": "hv"}
    trace = {"x": hours, "y": waiting, "mode": "lines", "name": "jobs waiting", "line": line}
    return [trace], f"{machine}: at most {waiting.max():,} jobs wait, at hour {hours[waiting.argmax()]:.0f}."


def _power(outcome: Outcome, machine: str, leave_out: Collection[str] = ()) -> Shown:
    found = factory.power(outcome, machine)
    shown = {name: values for name, values in found.parts_mw.items() if name not in leave_out}
    traces = [
        {
            "x": found.hours[:-1],
            "y": values,
            "mode": "lines",
            "stackgroup": "parts",
            "name": name,
            "line": {"color": _PARTS[name][0], "width": 0.5},
            "fillcolor": _PARTS[name][0],
            "fillpattern": _pattern(*_PARTS[name]),
        }
        for name, values in shown.items()
    ]
    share = np.diff(found.hours) / found.hours[-1]
    said = [f"{name} {values @ share:.3f} MW" for name, values in shown.items()]
    return traces, f"{machine}, mean power: {', '.join(said)}."


def _overhead(outcome: Outcome, machine: str) -> Shown:
    return _power(outcome, machine, leave_out=("nodes at rest", "nodes at work"))


def _day(outcome: Outcome, machine: str) -> Shown:
    found = factory.power(outcome, machine)
    pue, grid = found.pue, found.grid_g_per_kwh
    both = {"x": found.hours[:-1], "mode": "lines"}
    traces = [
        both | {"y": pue, "name": "PUE", "line": {"color": palette.BLUE, "dash": "solid"}},
        both
        | {"y": grid, "name": "g CO2/kWh (right)", "line": {"color": palette.VERMILION, "dash": "dash"}}
        | {"yaxis": "y2"},
    ]
    basis = "by the hour" if outcome.scenario.carbon else "each country's mean of a year"
    return traces, (
        f"{machine}: PUE {pue.min():.3f} to {pue.max():.3f}; what is drawn emits {grid.min():.0f} to "
        f"{grid.max():.0f} g CO2/kWh ({basis})."
    )


class Chart(NamedTuple):
    """What is drawn of one machine, or all of them, in an outcome; `height` is the live view's, px."""

    title: str
    x_label: str
    y_label: str
    height: int
    show: Callable[[Outcome, str], Shown]


CHARTS = {
    "map": Chart("Sites by power", "", "", 400, _map),
    "jobs": Chart("Largest jobs by the zone of their data", _HOURS, "", 300, _jobs),
    "queue": Chart("Queue", _HOURS, "jobs waiting", 180, _queue),
    "power": Chart("Electricity", _HOURS, "power (MW)", 400, _power),
    "overhead": Chart("Electricity beside the nodes’", _HOURS, "power (MW)", 220, _overhead),
    "day": Chart("PUE and carbon", _HOURS, "PUE", 220, _day),
}


def _axes(
    name: str, outcomes: Collection[Outcome], shown: Collection[Shown], machine: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """Return a chart's axes in plotly's words, below, left and right: the same for all outcomes."""
    x: dict[str, Any] = {"title": {"text": CHARTS[name].x_label}}
    y: dict[str, Any] = {"title": {"text": CHARTS[name].y_label}}
    if name == "map":
        bare = {"visible": False, "constrain": "domain"}
        return x | bare | {"range": EAST_KM}, y | bare | {"range": NORTH_KM}, None
    x["range"] = (0.0, max((outcome.machines[0].kpis.seconds for outcome in outcomes), default=0.0) / 3600)
    if name == "jobs":
        names = max(
            ([p.machine.name for p in factory.parts_of(o, machine)] for o in outcomes), key=len, default=[]
        )
        return (
            x,
            y | {"tickvals": [*range(len(names))], "ticktext": names, "range": (len(names) - 0.5, -0.5)},
            None,
        )
    if name == "day":
        pue, grid = (max((max(traces[i]["y"]) for traces, _ in shown), default=1.0) for i in (0, 1))
        right: dict[str, Any] = {"title": {"text": "g CO2/kWh"}, "range": (0.0, 1.1 * grid), "side": "right"}
        right |= {"showgrid": False, "tickmode": "auto"}
        return x, y | {"range": (1.0, 1.01 * pue)}, right
    top = max((np.sum([trace["y"] for trace in traces], axis=0).max() for traces, _ in shown), default=0.0)
    return x, y | {"range": (0.0, 1.05 * top or 1.0)}, None


def sheet(names: Sequence[str], sides: Mapping[str, Outcome], machine: str) -> Sheet:
    """Return one plotly figure of several charts, a row for each, with a column for each of two outcomes."""
    whole = sum(CHARTS[name].height for name in names)
    plan, traces, words = blank(whole + 80), list[Trace](), dict.fromkeys(sides, "")
    taking = {label: outcome for label, outcome in sides.items() if factory.parts_of(outcome, machine)}
    top = 1.0
    for row, name in enumerate(names):
        chart = CHARTS[name]
        shown = {label: chart.show(outcome, machine) for label, outcome in taking.items()}
        x, y, right = _axes(name, taking.values(), shown.values(), machine)
        below = top - chart.height / whole
        room = {"domain": (below + 0.15 * (row + 1 < len(names)), top - 0.05)}
        for column, label in enumerate(sides):
            at, beside = _number(2 * row + column), _number(4 + column)
            plan[f"xaxis{at}"] = {"anchor": f"y{at}", "domain": _COLUMNS[column]} | x
            plan[f"yaxis{at}"] = {"anchor": f"x{at}"} | y | room
            if name == "map":
                plan[f"yaxis{at}"]["scaleanchor"] = f"x{at}"
                plan["shapes"].append(_land() | {"xref": f"x{at}", "yref": f"y{at}"})
            if right is not None:
                plan[f"yaxis{beside}"] = {"anchor": f"x{at}", "overlaying": f"y{at}"} | right
            title = {
                "text": f"<b>{label.partition(':')[0]}: {chart.title}</b>",
                "showarrow": False,
                "yanchor": "bottom",
            }
            place = {
                "x": _COLUMNS[column][0],
                "y": top - 0.05,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
            }
            plan["annotations"].append(title | place)
            mine, text = shown.get(label, ([], f"{machine} takes no part."))
            words[label] += f" {text}"
            for trace in mine:
                axes = {"xaxis": f"x{at}", "yaxis": f"y{beside if 'yaxis' in trace else at}"}
                first = trace["name"] not in {other["name"] for other in traces}
                traces.append(trace | axes | {"legendgroup": trace["name"], "showlegend": first})
        top = below
    return traces, plan, words


def _number(index: int) -> str:
    """Return how plotly numbers its axes: none for the first."""
    return str(index + 1) if index else ""


def blank(height: int) -> dict[str, Any]:
    """Return the layout of a figure that shows one sheet after the other: with all axes hidden."""
    names = [
        f"{axis}{_number(index)}" for axis, count in (("xaxis", 4), ("yaxis", 6)) for index in range(count)
    ]
    return {
        "height": height,
        "width": 1080,  # plotly takes 700 px where it can't see yet how wide the page is
        "barmode": "overlay",
        "shapes": [],
        "annotations": [],
        "margin": {"l": 60, "r": 60, "t": 10, "b": 90},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -70 / height, "yanchor": "top"},
        **{name: {"visible": False} for name in names},
    }


@cache
def _land() -> dict[str, Any]:
    rings = ["M" + "L".join(f"{x:.0f},{y:.0f}" for x, y in ring) + "Z" for ring in _rings()]
    line = {"color": _BORDER, "width": 0.6}
    return {"type": "path", "path": "".join(rings), "fillcolor": _LAND, "line": line, "layer": "below"}


def _rings() -> list[factory.Array]:
    return [ring for country in outlines().values() for ring in country]


def loops(times: Mapping[str, LoopTime]) -> Shown:
    """Return an iteration's parts by link, and what the link adds."""
    names = [f"{name}: {time.iteration_s:.4g} s" for name, time in times.items()]
    base, traces = np.zeros(len(names)), list[Trace]()
    for name, (part, color, pattern) in _LOOP_PARTS.items():
        seconds = np.array([getattr(time, part) / time.iterations for time in times.values()])
        marker = {"color": color, "pattern": _pattern(color, pattern)}
        bar = {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "marker": marker,
            "width": np.full(len(names), 0.7),
        }
        traces.append(bar | {"x": seconds, "y": names, "base": base})
        base = base + seconds
    said = [
        f"{name} {time.iteration_s:.5g} s, of which the link adds {100 * time.link_adds:.2g} %"
        for name, time in times.items()
    ]
    return traces, f"T_iteration by link: {'; '.join(said)}."


def drawn(name: str, sides: Mapping[str, Outcome], machine: str) -> Picture:
    """Picture of a chart for each of several outcomes, side by side."""
    chart = CHARTS[name]
    shown = [chart.show(outcome, machine) for outcome in sides.values()]
    x, y, right = _axes(name, sides.values(), shown, machine)
    with palette.style():
        figure = Figure(figsize=(11.0, chart.height / 70))
        panels = figure.subplots(1, len(sides), sharex=True, sharey=True, squeeze=False)[0]
        for axes, title, (traces, _) in zip(panels, sides, shown, strict=True):
            if name == "map":
                land = PolyCollection(_rings(), facecolor=_LAND, edgecolor=_BORDER, linewidth=0.5)
                land.set_rasterized(True)
                axes.add_collection(land)
                axes.set_aspect("equal")
                axes.set_axis_off()
            draw(axes, traces, right)
            axes.set(title=title, xlabel=chart.x_label, xlim=x["range"], ylim=y["range"])
            if "ticktext" in y:
                axes.set_yticks(y["tickvals"], y["ticktext"])
        panels[0].set_ylabel(chart.y_label)
        figure.suptitle(chart.title, fontweight="bold")
        legend(figure, ncols=6)
    words = " ".join(f"{side}: {text}" for side, (_, text) in zip(sides, shown, strict=True))
    return picture(figure, f"{chart.title}. {words}", words)


def loops_drawn(times: Mapping[str, LoopTime]) -> Picture:
    """Picture of an iteration's parts by link."""
    traces, words = loops(times)
    with palette.style():
        figure = Figure(figsize=(11.0, 2.2))
        axes = figure.subplots()
        draw(axes, traces)
        axes.set_xlabel("an iteration (s)")
        axes.invert_yaxis()
        legend(figure, ncols=6)
    return picture(figure, words, words)
