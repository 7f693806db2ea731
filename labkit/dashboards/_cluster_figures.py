"""Quantum computers beside nodes, and work on a federation's sites, in pictures and tables."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from labkit.cluster._hybrid import LoopTime
from labkit.cluster._placement import Sovereignty
from labkit.cluster._places import Estimate
from labkit.cluster._sharing import Sharing
from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, beside, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import duration, number, signed
from labkit.dashboards._page import Block, Picture, picture, table


def iteration_by_link(times: Mapping[str, Mapping[str, LoopTime]]) -> Picture:
    """T_iteration on a logarithmic axis: a row for each quantum computer, a mark for each link.

    Args:
        times: by quantum computer, and by link from the nearest to the farthest.
    """
    names = list(times)
    links = list(dict.fromkeys(link for row in times.values() for link in row))
    traces = []
    # Beside each other, since where the link doesn't matter the marks would lie on one spot.
    for i, (link, offset) in enumerate(zip(links, beside(len(links), 0.25), strict=True)):
        shown = {name: row[link].iteration_s for name, row in times.items() if link in row}
        heights = [names.index(name) + offset for name in shown]
        traces.append(marks(link, [*shown.values()], heights, *palette.series(i)))
    farthest = links[-1]
    said = [
        f"{name}: {row[farthest].iteration_s:.3g} s over {farthest}, of which the link adds "
        f"{100 * row[farthest].link_adds:.2g} %"
        for name, row in times.items()
        if farthest in row
    ]
    return drawn(
        Chart(
            "",
            "time of an iteration (s)",
            "",
            traces,
            "Time of an iteration by quantum computer and link. " + "; ".join(said),
            x={"type": "log"},
            y=UPSIDE_DOWN | {"tickvals": range(len(names)), "ticktext": names},
            height=1.4 + 0.5 * len(names),
        )
    )


def sharing_bars(found: Mapping[str, Sharing], reference: str = "exclusive") -> Picture:
    """Node-hours that each way to share holds, with work on them and without; and when all is done.

    Args:
        found: by way to share.
        reference: the way that savings are told against.
    """
    modes = list(found)
    idle = [found[mode].idle_node_s / 3600 for mode in modes]
    held = [sharing.held_node_s / 3600 for sharing in found.values()]
    working = [whole - part for whole, part in zip(held, idle, strict=True)]
    alt = "Ways to share a quantum computer. " + "; ".join(
        f"{mode}: {number(held[row], 1)} node-hours held, {number(idle[row], 1)} idle, "
        f"all done after {duration(found[mode].makespan_s)}"
        for row, mode in enumerate(modes)
    )
    saved = [
        "" if mode == reference else f"{signed(-100 * found[mode].saved(found[reference]), 0)} %"
        for mode in modes
    ]
    nodes = [
        bars("at work", working, modes, palette.BLUE),
        bars("idle", idle, modes, palette.ORANGE, "/", base=working, text=saved),
    ]
    done = [found[mode].makespan_s / 3600 for mode in modes]
    spans = [bars("", done, modes, palette.GREEN, showlegend=False)]
    caption, height = f"Per cent: node-hours held against {reference}.", 1.6 + 0.5 * len(modes)
    return drawn(
        Chart("", "node-hours held", "", nodes, alt, caption, y=UPSIDE_DOWN, height=height),
        Chart("", "hours until all is done", "", spans, "", y=UPSIDE_DOWN),
    )


def sharing_timeline(found: Mapping[str, Sharing]) -> Picture:
    """Nodes held over time in each way to share, and below them when the quantum computer measures."""
    end = max(sharing.makespan_s for sharing in found.values())
    most = max(nodes for sharing in found.values() for _, nodes in sharing.held)
    with palette.style():
        figure = Figure(figsize=(9.0, 1.5 * len(found) + 0.6))
        for axes, (mode, sharing) in zip(
            figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0], found.items(), strict=True
        ):
            times, nodes = zip(*sharing.held, (end, 0), strict=True)
            axes.fill_between(times, nodes, step="post", color=palette.SKY, linewidth=0)
            axes.broken_barh(
                [(start, stop - start) for start, stop, _ in sharing.shots],
                (-0.22 * most, 0.16 * most),
                color=palette.VERMILION,
            )
            axes.set_ylim(-0.26 * most, 1.08 * most)
            axes.set_ylabel(mode)
        axes.set_xlabel("time (s)")
    alt = "Nodes held over time and batches on the quantum computer. " + "; ".join(
        f"{mode}: at most {max(n for _, n in sharing.held)} nodes, quantum computer busy "
        f"{100 * sharing.qpu_busy_s / sharing.makespan_s:.0f} % of {duration(sharing.makespan_s)}"
        for mode, sharing in found.items()
    )
    return picture(figure, alt, "Blue: nodes held. Red, below the axis: batches on the quantum computer.")


def sites_table(estimates: Mapping[str, Estimate | str]) -> Block:
    """What a task takes at each place, or the rule that keeps it from there."""
    rows = [
        [
            name,
            *(
                ["–", "–", "–", found]
                if isinstance(found, str)
                else [duration(found.seconds), _figure(found.kwh), _figure(found.co2_g / 1000), ""]
            ),
        ]
        for name, found in estimates.items()
    ]
    head = ("place", "time", "energy (kWh)", "CO2 (kg)", "stopped by")
    return table(head, rows, numeric=head[1:4])


def sovereignty_table(prices: Mapping[str, Sovereignty]) -> Block:
    """What data zones cost by policy: time, energy and CO2 within the zones, and what they add."""
    rows = [
        [
            policy,
            ", ".join(sorted({step.site for step in price.zoned.steps})),
            ", ".join(sorted({step.site for step in price.free.steps})),
            duration(price.zoned.makespan_s),
            ("+" if price.seconds >= 0 else "−") + duration(abs(price.seconds)),
            _figure(price.zoned.kwh),
            _added(price.kwh),
            _figure(price.zoned.co2_g / 1000),
            _added(price.co2_g / 1000),
        ]
        for policy, price in prices.items()
    ]
    head = ("least", "sites", "without zones", "time", "added", "kWh", "added", "kg CO2", "added")
    return table(head, rows, numeric=("least", *head[3:]))  # neither may be broken within


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _added(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−") if abs(value) >= 100 else signed(value, 3)
