"""Charts of the AI-factory dashboard: of what happened on either side, on the same axes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.dashboards import _factory_model as factory
from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, hatch, line, marks
from labkit.dashboards._europe_map import EAST_KM, NORTH_KM, outlines

if TYPE_CHECKING:
    from labkit.cluster import Outcome
    from labkit.cluster._hybrid import LoopTime

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


def charts(name: str, sides: Mapping[str, Outcome], machine: str) -> list[Chart]:
    """A chart of each of several outcomes, on the same axes.

    Args:
        name: of `CHARTS`.
        sides: by label, whose letter before the colon heads the chart.
        machine: whose jobs and power are shown, or `EVERYWHERE`.
    """
    shown = {
        label: CHARTS[name](outcome, machine)
        for label, outcome in sides.items()
        if factory.parts_of(outcome, machine)
    }
    found = []
    for label in sides:
        head = label.partition(":")[0]
        if label not in shown:
            found.append(Chart(head, "", "", [], f"{label}: {machine} takes no part."))
            continue
        chart = shown[label]
        axes: dict[str, Any] = {axis: _common(axis, chart, shown.values()) for axis in ("x", "y", "right")}
        said = f"{label}: {chart.alt}"
        found.append(replace(chart, title=f"{head}: {chart.title}", alt=said, caption=said, **axes))
    return found


def _common(name: str, chart: Chart, every: Collection[Chart]) -> Mapping[str, Any]:
    """A chart's axis, as long as the longest."""
    own: Mapping[str, Any] = getattr(chart, name)
    if "range" not in own or "ticktext" in own:
        return own
    low, high = zip(*(getattr(other, name)["range"] for other in every), strict=True)
    return {**own, "range": (min(low), max(high))}


def _map(outcome: Outcome, machine: str) -> Chart:
    groups: dict[tuple[int | None, str], list[factory.Mark]] = {}
    found = factory.marks(outcome)
    for mark in found:
        key = (mark.kind, f"takes {mark.takes} data") if mark.power_mw else (None, "takes no part")
        groups.setdefault(key, []).append(mark)
    traces = [_land()]
    for (kind, name), mine in groups.items():
        color, symbol, _ = (palette.GREY, "circle", "") if kind is None else _KINDS[min(kind, kind % 4)]
        size = [5 + 8 * mark.power_mw**0.5 for mark in mine]  # its area goes with the power
        x, y = [mark.east_km for mark in mine], [mark.north_km for mark in mine]
        hover = {"hovertext": [mark.text for mark in mine], "hovertemplate": "%{hovertext}<extra></extra>"}
        traces.append(marks(name, x, y, color, symbol, size, opacity=0.85, **hover))
    ordered = sorted((mark for mark in found if mark.power_mw), key=lambda mark: -mark.power_mw)
    said = [f"{mark.site} {mark.power_mw:.1f} MW, takes {mark.takes} data" for mark in ordered]
    bare = {"visible": False, "constrain": "domain"}
    return Chart(
        "Sites by power",
        "",
        "",
        traces,
        "Sites by power at most: " + "; ".join(said) + ".",
        x=bare | {"range": EAST_KM, "scaleanchor": "y"},
        y=bare | {"range": NORTH_KM},
        height=5.7,
    )


@cache
def _land() -> dict[str, Any]:
    gap = np.full((1, 2), np.nan)
    rings = [part for country in outlines().values() for ring in country for part in (ring, gap)]
    x, y = np.concatenate(rings).T
    borders = line("land", x, y, _BORDER, width=0.6, hoverinfo="skip", showlegend=False)
    return borders | {"fill": "toself", "fillcolor": _LAND}


def _jobs(outcome: Outcome, machine: str) -> Chart:
    found = factory.gantt(outcome, machine)
    traces = []
    for kind in sorted(set(found.kind.tolist())):
        mine = np.flatnonzero(found.kind == kind)
        color, _, pattern = _KINDS[min(kind, kind % 4)]
        name, place = (
            factory.kind_name(outcome, kind),
            {"base": found.start_h[mine], "width": found.height[mine]},
        )
        hover = {
            "hovertext": [f"{found.nodes[i]} nodes for {found.hours[i]:.1f} h" for i in mine],
            "hovertemplate": "%{hovertext} from hour %{base:.1f}<extra>%{fullData.name}</extra>",
        }
        traces.append(bars(name, found.hours[mine], found.row[mine], color, pattern, **place, **hover))
    killed = int((found.kind == factory.KILLED).sum())
    names = [part.machine.name for part in factory.parts_of(outcome, machine)]
    return Chart(
        "Largest jobs by the zone of their data",
        _HOURS,
        "",
        traces,
        f"{machine}: the {len(found.row):,} runs with the most node-hours, up to {found.nodes.max()} nodes "
        f"and {found.hours.max():.1f} h; {found.left_out:,} smaller ones aren't drawn"
        + (f"; {killed:,} were killed by a failure." if killed else "."),
        x=_hours(outcome),
        y={"tickvals": [*range(len(names))], "ticktext": names, "range": (len(names) - 0.5, -0.5)},
        height=4.3,
    )


def _queue(outcome: Outcome, machine: str) -> Chart:
    hours, waiting = factory.queue(outcome, machine)
    most = waiting.max()
    return Chart(
        "Queue",
        _HOURS,
        "jobs waiting",
        [line("jobs waiting", hours, waiting, palette.BLUE, shape="hv", showlegend=False)],
        f"{machine}: at most {most:,} jobs wait, at hour {hours[waiting.argmax()]:.0f}.",
        x=_hours(outcome),
        y=_up_to(most),
        height=2.6,
    )


def _power(outcome: Outcome, machine: str) -> Chart:
    return _stack("Electricity", outcome, machine, _PARTS, 5.7)


def _overhead(outcome: Outcome, machine: str) -> Chart:
    parts = [name for name in _PARTS if not name.startswith("nodes")]
    return _stack("Electricity beside the nodes’", outcome, machine, parts, 3.1)


def _stack(title: str, outcome: Outcome, machine: str, parts: Collection[str], height: float) -> Chart:
    found = factory.power(outcome, machine)
    shown = {name: found.parts_mw[name] for name in parts}
    traces = [
        line(name, found.hours[:-1], values, _PARTS[name][0], width=0.5, stackgroup="parts")
        | {"fillcolor": _PARTS[name][0], "fillpattern": hatch(*_PARTS[name])}
        for name, values in shown.items()
    ]
    share = np.diff(found.hours) / found.hours[-1]
    said = [f"{name} {values @ share:.3f} MW" for name, values in shown.items()]
    top = np.sum([*shown.values()], axis=0).max()
    alt = f"{machine}, mean power: {', '.join(said)}."
    return Chart(title, _HOURS, "power (MW)", traces, alt, x=_hours(outcome), y=_up_to(top), height=height)


def _day(outcome: Outcome, machine: str) -> Chart:
    found = factory.power(outcome, machine)
    hours, pue, grid = found.hours[:-1], found.pue, found.grid_g_per_kwh
    basis = "by the hour" if outcome.scenario.carbon else "each country's mean of a year"
    return Chart(
        "PUE and carbon",
        _HOURS,
        "PUE",
        [
            line("PUE", hours, pue, palette.BLUE),
            line("g CO2/kWh (right)", hours, grid, palette.VERMILION, "dash", yaxis="y2"),
        ],
        f"{machine}: PUE {pue.min():.3f} to {pue.max():.3f}; what is drawn emits {grid.min():.0f} to "
        f"{grid.max():.0f} g CO2/kWh ({basis}).",
        x=_hours(outcome),
        y={"range": (1.0, 1.01 * pue.max())},
        right={"title": {"text": "g CO2/kWh"}, "range": (0.0, 1.1 * grid.max())},
        height=3.1,
    )


CHARTS = {
    "map": _map,
    "jobs": _jobs,
    "queue": _queue,
    "power": _power,
    "overhead": _overhead,
    "day": _day,
}


def _hours(outcome: Outcome) -> dict[str, Any]:
    return {"range": (0.0, outcome.machines[0].kpis.seconds / 3600)}


def _up_to(most: float) -> dict[str, Any]:
    return {"range": (0.0, 1.05 * most or 1.0)}


def loops(times: Mapping[str, LoopTime]) -> Chart:
    """An iteration's parts by link, and what the link adds."""
    names = [f"{name}: {time.iteration_s:.4g} s" for name, time in times.items()]
    base, traces = np.zeros(len(names)), []
    for name, (part, color, pattern) in _LOOP_PARTS.items():
        seconds = np.array([getattr(time, part) / time.iterations for time in times.values()])
        traces.append(bars(name, seconds, names, color, pattern, base=base, width=0.7))
        base = base + seconds
    said = [
        f"{name} {time.iteration_s:.5g} s, of which the link adds {100 * time.link_adds:.2g} %"
        for name, time in times.items()
    ]
    label, alt = "an iteration of a variational loop (s)", f"T_iteration by link: {'; '.join(said)}."
    x = {"rangemode": "tozero"}
    return Chart("", label, "", traces, alt, alt, x=x, y=UPSIDE_DOWN, height=2.4)
