"""A campaign projected, a quantum computer beside, and how fast and how right the twin is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, joined, line
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import change, duration, number
from labkit.dashboards._page import Block, Picture, paragraphs, table

if TYPE_CHECKING:
    from labkit.cluster._hybrid import LoopTime
    from labkit.cluster._project import Projection
    from labkit.cluster._sharing import Sharing


def projection_table(projections: Sequence[Projection]) -> Block:
    """What a campaign takes on each machine, the least CO2 first."""
    rows = [
        [
            f"{found.machine}, {found.country}",
            "yes" if found.allowed else "no",
            duration(found.seconds),
            f"{found.energy_kwh:.3f}",
            f"{1e3 * found.co2_kg:.1f}",
            f"{found.pue:.3f}",
        ]
        for found in sorted(projections, key=lambda found: found.co2_kg)
    ]
    head = ("machine", "data may go there", "time", "kWh", "g CO2", "PUE")
    return table(head, rows, numeric=head[2:])


def projection_picture(projections: Sequence[Projection]) -> Picture:
    """Energy and CO2 of a campaign by machine, the least CO2 on top; hatched where its data may not go."""
    order = sorted(projections, key=lambda found: found.co2_kg)
    names = [found.machine for found in order]
    colours = [palette.BLUE if found.allowed else "#CCCCCC" for found in order]
    patterns = ["" if found.allowed else "/" for found in order]
    alt = "Energy and CO2 by machine. " + "; ".join(
        f"{found.machine}: {found.energy_kwh:.3f} kWh, {1e3 * found.co2_kg:.1f} g"
        + ("" if found.allowed else ", data may not go there")
        for found in order
    )
    caption, height = "Hatched: the data may not go there.", 1.4 + 0.34 * len(order)
    kwh, grams = [found.energy_kwh for found in order], [1e3 * found.co2_kg for found in order]
    energy, carbon = (bars("", x, names, colours, patterns, showlegend=False) for x in (kwh, grams))
    return drawn(
        Chart("", "energy (kWh)", "", [energy], alt, caption, y=UPSIDE_DOWN, height=height),
        Chart("", "CO2 (g)", "", [carbon], "", y=UPSIDE_DOWN),
    )


def projection_in_words(projections: Sequence[Projection], price: Mapping[str, float]) -> Block:
    """Where a campaign would run by energy and by CO2, and what its zone adds to either."""
    allowed = [found for found in projections if found.allowed]
    texts = []
    for what, key, unit, factor in (
        ("energy", "energy_kwh", "kWh", 1.0),
        ("CO2", "co2_kg", "g", 1e3),
    ):
        inside, free = (
            min((factor * float(getattr(one, key)), one.machine) for one in some)
            for some in (allowed, projections)
        )
        added = factor * price[key]
        texts.append(
            f"Least {what} within the zone: {inside[1]}, {inside[0]:.3g} {unit}; anywhere: {free[1]}, "
            f"{free[0]:.3g} {unit}. The zone costs {added:.2g} {unit} ({change(added, free[0])})."
        )
    spread = max(found.co2_kg for found in projections) / min(found.co2_kg for found in projections)
    texts.append(f"From the cleanest machine to the dirtiest CO2 differs by a factor of {spread:.0f}.")
    return paragraphs(*texts)


def loops_table(times: Mapping[str, Mapping[str, Mapping[str, LoopTime]]]) -> Block:
    """How long loops take, by kind of loop, quantum computer and link.

    Args:
        times: by kind of loop, by quantum computer, and by link from the nearest to the farthest.
    """
    links = list(dict.fromkeys(link for kind in times.values() for row in kind.values() for link in row))
    rows = []
    for kind, by_qpu in times.items():
        for qpu, row in by_qpu.items():
            near, far = row[links[0]].total_s, row[links[-1]].total_s
            rows.append([kind, qpu, *(_span(row[link].total_s) for link in links), change(far - near, near)])
    head = ("loop", "quantum computer", *links, f"{links[-1]} adds")
    return table(head, rows, numeric=head[2:])


def sharing_in_words(found: Mapping[str, Sharing], reference: str = "exclusive") -> Block:
    """In which order ways to share save node-hours, and how much there was to be saved."""
    base = found[reference]
    order = sorted(found, key=lambda mode: found[mode].held_node_s)
    said = ", ".join(f"{mode} ({change(-found[mode].saved(base), 1.0)})" for mode in order)
    soonest = min(found, key=lambda mode: found[mode].makespan_s)
    return paragraphs(
        f"Of what “{reference}” holds {100 * base.idle_node_s / base.held_node_s:.0f} % is idle: no way to "
        f"share can save more. From the least held to the most: {said}. First done is “{soonest}”, after "
        f"{duration(found[soonest].makespan_s)}; “{reference}” takes {duration(base.makespan_s)}."
    )


def speed_picture(rows: Sequence[Mapping[str, str]], twin: Sequence[Mapping[str, str]] = ()) -> Picture:
    """Processor time by number of jobs.

    Args:
        rows: of the scheduling core, `benchmarks/results/scheduling.csv`.
        twin: of the whole simulation, `benchmarks/results/simulate.csv`.
    """
    growth = [row for row in rows if row["case"] == "growth"]
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in growth:
        lines.setdefault(row["policy"], []).append((int(row["jobs"]), float(row["core_s"])))
    if twin:
        lines["the whole twin (EASY)"] = [(int(row["jobs"]), float(row["cpu_s"])) for row in twin]
    traces, said = [], []
    for i, (name, points) in enumerate(lines.items()):
        jobs, seconds = (list(values) for values in zip(*sorted(points), strict=True))
        traces.append(joined(name, jobs, seconds, *palette.series(i)))
        said.append(f"{name}: {jobs[0]:,} jobs in {seconds[0]:.2g} s, {jobs[-1]:,} in {seconds[-1]:.2g} s")
    ends = [min(int(row["jobs"]) for row in growth), max(int(row["jobs"]) for row in growth)]
    million = [n / 1e6 for n in ends]
    traces.append(line("a million jobs a second", ends, million, palette.GREY, "dash"))
    alt, log = "Processor time by number of jobs. " + "; ".join(said), {"type": "log"}
    return drawn(Chart("", "jobs", "processor time (s)", traces, alt, x=log, y=log))


def speed_in_words(scheduling: Sequence[Mapping[str, str]], facility: Sequence[Mapping[str, str]]) -> Block:
    """How fast scheduler and facility are, as the benchmarks measured them."""
    texts = []
    for row in scheduling:
        if row["case"] == "lcg" and row["policy"] == "easy":
            texts.append(
                f"The LHC grid's trace, {int(row['jobs']):,} jobs on {int(row['nodes']):,} nodes, by EASY: "
                f"{float(row['core_s']):.2f} s, {float(row['jobs_per_s']) / 1e6:.2g} million jobs a second."
            )
    texts += [
        f"{row['case'][0].upper()}{row['case'][1:]}: {float(row['value']) / 1e6:.2g} million × real time, "
        f"{row['basis']} {row['reference']} ×."
        for row in facility
        if row["what"] == "speed"
    ]
    return paragraphs(*texts)


def checks_table(rows: Sequence[Mapping[str, str]]) -> Block:
    """Power and PUE that labkit computes beside figures of others, of `benchmarks/results/facility.csv`."""
    shown = [
        [
            row["case"] if row["what"] == "power" else f"PUE of {row['case']}",
            f"{float(row['value']):.3f} {row['unit']}".strip(),
            f"{row['reference']} {row['unit']}".strip(),
            change(float(row["value"]) - float(row["reference"]), float(row["reference"])),
            row["basis"],
        ]
        for row in rows
        if row["what"] in ("power", "pue")
    ]
    head = ("what", "labkit", "other", "apart", "other's basis")
    return table(head, shown, numeric=head[1:4])


def _span(seconds: float) -> str:
    """A time span in which a hundredth of a second can be seen below an hour."""
    return f"{number(seconds)} s" if seconds < 3600 else duration(seconds)
