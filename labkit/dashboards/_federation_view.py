"""A federation of AI factories: its machines, what work on it costs, and what zones and troubles add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labkit.cluster import Electricity, electricity
from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, Trace, bars, line
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import change, duration, signed
from labkit.dashboards._page import Block, Picture, paragraphs, picture, table, together

if TYPE_CHECKING:
    from labkit.cluster._entries import Catalogue
    from labkit.cluster._facility import Facility
    from labkit.cluster._outcome import MachineOutcome, Outcome

_MARKS = {"cited": "", "secondary": " s", "recalled": " r", "assumed": " a"}
_FIGURES = {
    "nodes": "nodes",
    "node_power_idle_w": "rest (W)",
    "node_power_peak_w": "peak (W)",
    "pue": "PUE",
    "rmax_pflops": "Pflop/s",
}


def machines_table(catalogue: Catalogue, names: Sequence[str]) -> Block:
    """Machines of the catalogue; a letter behind each figure that isn't cited says how it was come by.

    Powers are a node's.
    """
    rows, bases = [], []
    for machine in (catalogue.machines[name] for name in names):
        cells = []
        for figure in _FIGURES:
            value, basis = getattr(machine, figure), machine.basis.get(figure, "assumed")
            cells.append("unknown" if value is None else f"{value:,.6g}{_MARKS[basis]}")
            bases += [] if value is None else [basis]
        site = catalogue.sites[machine.site]
        rows.append([machine.name, f"{site.name}, {site.country}", machine.accelerator, *cells])
    counts = ", ".join(f"{bases.count(basis)} {basis}{_letter(basis)}" for basis in _MARKS)
    return together(
        table(("machine", "site", "accelerator", *_FIGURES.values()), rows, numeric=tuple(_FIGURES.values())),
        paragraphs(f"Of {len(bases)} figures: {counts}."),
    )


def _letter(basis: str) -> str:
    return f" ({_MARKS[basis].strip()})" if _MARKS[basis] else ""


def qpus_table(catalogue: Catalogue) -> Block:
    """Quantum computers of the catalogue, what they stand beside, and how long a shot takes."""
    rows = [
        [
            qpu.name,
            qpu.site,
            qpu.beside,
            qpu.modality,
            "unknown" if qpu.qubits is None else f"{qpu.qubits}{_MARKS[qpu.basis.get('qubits', 'cited')]}",
            "unknown"
            if qpu.t_shot_s is None
            else f"{1e3 * qpu.t_shot_s:g}{_MARKS[qpu.basis.get('t_shot_s', 'cited')]}",
        ]
        for qpu in catalogue.qpus.values()
    ]
    head = ("quantum computer", "site", "beside", "modality", "qubits", "a shot (ms)")
    return table(head, rows, numeric=head[4:])


def outcome_table(outcome: Outcome) -> Block:
    """What each machine did: jobs, waiting, energy, and the indicators of its centre."""
    rows = [
        [
            f"{row['machine']}, {row['country']}",
            f"{row['jobs']:,}",
            duration(row["wait_mean_s"]),
            f"{100 * row['utilisation']:.0f}",
            f"{row['energy_mwh']:,.0f}",
            f"{row['pue']:.3f}",
            "unknown" if row["pue_published"] is None else f"{row['pue_published']:.2f}",
            f"{row['wue_l_kwh']:.2f}",
            f"{row['erf']:.2f}",
            f"{row['co2_t']:.1f}",
        ]
        for row in outcome.kpis()["machines"]
    ]
    head = ("machine", "jobs", "mean wait", "busy (%)", "MWh", "PUE", "published", "l/kWh", "ERF", "t CO2")
    return table(head, rows, numeric=head[1:])


def outcome_in_words(outcome: Outcome) -> Block:
    """The whole federation in three sentences."""
    found = outcome.kpis()
    violations = found["zone_violations"]
    return paragraphs(
        f"{found['jobs']:,} jobs wait {duration(found['wait_mean_s'])} on average, and all are done after "
        f"{duration(found['makespan_s'])}. {100 * found['utilisation']:.0f} % of the nodes' time is work.",
        f"That takes {found['energy_mwh']:,.0f} MWh at a PUE of {found['pue']:.3f}, and gives off "
        f"{found['co2_t']:,.0f} t CO2. {100 * found['erf']:.0f} % of the electricity is used again, as heat.",
        "No job ran outside its data's zone."
        if not violations
        else f"{violations:,} jobs ran outside their data's zone.",
    )


def machine_over_time(part: MachineOutcome) -> Picture:
    """Busy nodes of a machine over time, and below them the power of its nodes and of all the rest."""
    times_s, busy = part.schedule.usage()
    power = part.facility.power
    hours = power.edges_s / 3600
    it_mw, total_mw = power.input_w / 1e6, part.facility.total_w / 1e6
    with palette.canvas(9.0, 4.4, 2, 1, sharex=True) as (figure, (nodes, watts)):
        nodes.fill_between(times_s / 3600, busy, step="post", color=palette.SKY, linewidth=0)
        nodes.axhline(part.schedule.machine_nodes, color=palette.BLACK, linestyle="--", linewidth=1)
        nodes.annotate("all nodes", (hours[-1], part.schedule.machine_nodes), ha="right", va="bottom")
        nodes.margins(y=0.12)
        nodes.set(ylim=(0, None), ylabel="busy nodes")
        watts.stairs(it_mw, hours, fill=True, color=palette.BLUE, label="cabinets")
        watts.stairs(
            total_mw, hours, baseline=it_mw, fill=True, color=palette.ORANGE, label="cooling and distribution"
        )
        watts.set(ylim=(0, None), ylabel="power (MW)", xlabel="hours since the scenario's start")
        watts.legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    alt = (
        f"{part.machine.name}: at most {busy.max():,} of {part.schedule.machine_nodes:,} nodes are busy; its "
        f"centre draws {total_mw.min():.2f} to {total_mw.max():.2f} MW."
    )
    return picture(figure, alt, alt)


def pue_over_a_day(days: Mapping[str, Facility]) -> Picture:
    """PUE of centres over a day, and the wet-bulb temperature outside.

    Args:
        days: by what the lines are to be called; power over time from midnight on.
    """
    over_time, against, said = [], [], []
    for i, (name, day) in enumerate(days.items()):
        pue, wet = day.total_w / day.power.input_w, day.weather.wet_c
        hours = (day.power.edges_s[:-1] + day.power.edges_s[1:]) / 7200
        colour, dash = palette.stroke(i)
        over_time.append(line(name, hours, pue, colour, dash))
        against.append(line(name, wet, pue, colour, dash))
        said.append(
            f"{name}: {pue.min():.3f} at {wet[pue.argmin()]:.0f} °C to {pue.max():.3f} at "
            f"{wet[pue.argmax()]:.0f} °C"
        )
    alt, hour = "PUE by wet bulb. " + "; ".join(said), "hour of the day, local time"
    return drawn(
        Chart("", hour, "PUE", over_time, alt, "; ".join(said) + ".", x={"dtick": 6, "range": (0, 24)}),
        Chart("", "wet bulb outside (°C)", "PUE", against, ""),
    )


def policies_picture(outcomes: Mapping[str, Outcome]) -> Picture:
    """The same work by several policies: waiting, energy and CO2, all over the longest of their periods."""
    names, seconds, drawings = _over_one_period(outcomes)
    waits = [_wait_h(outcomes[name]) for name in names]
    charts = [
        ("electricity (MWh)", [one.work_mwh for one in drawings], [one.rest_mwh for one in drawings]),
        ("CO2 (t)", [one.work_co2_t for one in drawings], [one.rest_co2_t for one in drawings]),
    ]
    waiting = bars("", waits, names, palette.GREEN, text=[f"{h:.2g}" for h in waits], showlegend=False)
    alt = f"Policies over {duration(seconds)}. " + "; ".join(
        f"{name}: {hours:.2f} h of waiting, {one.work_mwh:,.0f} MWh at work and {one.rest_mwh:,.0f} at rest, "
        f"{one.work_co2_t + one.rest_co2_t:,.0f} t CO2"
        for name, hours, one in zip(names, waits, drawings, strict=True)
    )
    caption = f"All over the same {duration(seconds)}; bars are with the centres' overhead."
    height = 1.7 + 0.45 * len(names)
    return drawn(
        Chart("", "mean wait (h)", "", [waiting], alt, caption, y=UPSIDE_DOWN, height=height),
        *(Chart("", label, "", _work_and_rest(names, *both), "", y=UPSIDE_DOWN) for label, *both in charts),
    )


def _work_and_rest(names: Sequence[str], work: Sequence[float], rest: Sequence[float]) -> list[Trace]:
    at_work = bars("nodes at work", work, names, palette.BLUE)
    return [at_work, bars("at rest", rest, names, palette.ORANGE, "/", base=work)]


def policies_in_words(outcomes: Mapping[str, Outcome]) -> Block:
    """What each policy brings against the first, and what it costs in waiting."""
    names, _, drawings = _over_one_period(outcomes)
    first = drawings[0]
    texts = []
    for name, one in zip(names[1:], drawings[1:], strict=True):
        hours = _wait_h(outcomes[name]) - _wait_h(outcomes[names[0]])
        tonnes = one.work_co2_t + one.rest_co2_t - first.work_co2_t - first.rest_co2_t
        all_mwh = one.work_mwh + one.rest_mwh - first.work_mwh - first.rest_mwh
        texts.append(
            f"“{name}” against “{names[0]}”: {signed(hours, 1)} h of waiting a job, "
            f"{signed(all_mwh, 0)} MWh ({change(all_mwh, first.work_mwh + first.rest_mwh)}), "
            f"{signed(tonnes, 0)} t CO2 ({change(tonnes, first.work_co2_t + first.rest_co2_t)}). What the "
            f"jobs' own nodes draw changes by {change(one.work_mwh - first.work_mwh, first.work_mwh)}."
        )
    share = first.rest_mwh / (first.work_mwh + first.rest_mwh)
    texts.append(
        f"By “{names[0]}” {100 * share:.0f} % of all electricity goes into nodes at rest; no policy saves "
        "that unless somebody switches them off."
    )
    return paragraphs(*texts)


def zones_table(outcomes: Mapping[str, Outcome]) -> Block:
    """What zones add to the federation as a whole, by policy: differences to the same with zones off."""
    rows = []
    for name, outcome in outcomes.items():
        price = outcome.kpis().get("price_of_zones")
        if outcome.free is None or price is None:
            continue
        elsewhere = int((_where(outcome) != _where(outcome.free)).sum())
        rows.append(
            [
                name,
                f"{elsewhere:,}",
                signed(price["makespan_s"] / 3600, 1),
                signed(price["wait_mean_s"] / 60, 1),
                signed(price["energy_mwh"], 1),
                signed(price["co2_t"], 1),
            ]
        )
    head = ("policy", "jobs elsewhere", "all done (h)", "mean wait (min)", "MWh", "t CO2")
    return table(head, rows, numeric=head[1:])


def waits_by_label(outcome: Outcome) -> Block:
    """Who pays for zones: the mean wait of jobs by where their data must stay, with zones and without."""
    kinds = [*range(len(outcome.scenario.labels)), -1]
    zoned, free = _waits(outcome), None if outcome.free is None else _waits(outcome.free)
    rows = []
    for kind in kinds:
        mine = outcome.workload.label == kind
        if not mine.any():
            continue
        zone = "anywhere" if kind < 0 else " or ".join(sorted(outcome.scenario.labels[kind].zone))
        rows.append(
            [
                zone,
                f"{mine.sum():,}",
                duration(float(zoned[mine].mean())),
                "–" if free is None else duration(float(free[mine].mean())),
            ]
        )
    head = ("data must stay in", "jobs", "mean wait", "without zones")
    return table(head, rows, numeric=head[1:])


def scenarios_table(outcomes: Mapping[str, Outcome]) -> Block:
    """The same federation under several scenarios: waiting, PUE, and what the work itself takes."""
    rows = []
    for name, outcome in outcomes.items():
        found = outcome.kpis()
        took = electricity(outcome, found["period_s"])
        killed = sum(len(part.schedule.killed) for part in outcome.machines)
        rows.append(
            [
                name,
                duration(found["wait_mean_s"]),
                duration(float(_waits(outcome).max())),
                duration(found["makespan_s"]),
                f"{killed:,}",
                f"{found['pue']:.3f}",
                f"{took.work_mwh:,.0f}",
                f"{took.work_co2_t:,.1f}",
            ]
        )
    head = ("scenario", "mean wait", "longest", "all done after", "killed", "PUE", "MWh of work", "t CO2")
    return table(head, rows, numeric=head[1:])


def scenarios_picture(outcomes: Mapping[str, Outcome]) -> Picture:
    """Mean wait and PUE of each machine, a mark for each scenario."""
    machines = [part.machine.name for part in next(iter(outcomes.values())).machines]
    said = []
    with palette.canvas(9.0, 1.6 + 0.36 * len(machines), 1, 2, sharey=True) as (figure, (wait, pue)):
        for i, (name, outcome) in enumerate(outcomes.items()):
            rows = {row["machine"]: row for row in outcome.kpis()["machines"]}
            style = {"color": palette.SERIES[i], "marker": palette.MARKERS[i], "linestyle": "none"}
            # Above each other, since machines that a scenario doesn't touch have their marks on one spot.
            shift = 0.5 * (i - (len(outcomes) - 1) / 2) / len(outcomes)
            busy = [machine for machine in machines if rows[machine]["jobs"]]
            wait.plot(
                [rows[machine]["wait_mean_s"] / 3600 for machine in busy],
                [machines.index(machine) + shift for machine in busy],
                label=name,
                **style,
            )
            pue.plot([rows[m]["pue"] for m in machines], np.arange(len(machines)) + shift, **style)
            worst = max(busy, key=lambda machine: rows[machine]["wait_mean_s"])
            said.append(
                f"{name}: PUE {min(row['pue'] for row in rows.values()):.3f} to "
                f"{max(row['pue'] for row in rows.values()):.3f}, longest mean wait at {worst}, "
                f"{duration(rows[worst]['wait_mean_s'])}"
            )
        wait.set_xscale("symlog", linthresh=0.01)
        wait.set(xlim=(0, None), xlabel="mean wait (h)")
        pue.set(xlabel="PUE")
        wait.set_yticks(range(len(machines)), machines)
        wait.invert_yaxis()
        figure.legend(loc="outside upper center", ncols=len(outcomes))
    return picture(figure, "; ".join(said))


def _over_one_period(outcomes: Mapping[str, Outcome]) -> tuple[list[str], float, list[Electricity]]:
    seconds = max(part.kpis.seconds for outcome in outcomes.values() for part in outcome.machines)
    return list(outcomes), seconds, [electricity(outcome, seconds) for outcome in outcomes.values()]


def _wait_h(outcome: Outcome) -> float:
    return float(_waits(outcome).mean()) / 3600


def _waits(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how long each job of the workload waited, s."""
    waits = np.zeros(len(outcome.workload.jobs))
    for part in outcome.machines:
        waits[part.jobs] = part.schedule.wait_s
    return waits


def _where(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return on which machine each job of the workload ran, as its index."""
    where = np.zeros(len(outcome.workload.jobs), np.int64)
    for index, part in enumerate(outcome.machines):
        where[part.jobs] = index
    return where
