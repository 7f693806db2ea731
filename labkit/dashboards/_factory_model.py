"""What the AI-factory dashboard shows: outcomes kept by their settings, and what is drawn of them."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.cluster import HybridLoop, QuantumService, loop_time, read_links, read_scenario, simulate
from labkit.dashboards._europe_map import on_map
from labkit.dashboards._format import duration
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.cluster import Outcome, Scenario
    from labkit.cluster._hybrid import LoopTime
    from labkit.cluster._simulate import MachineOutcome

Array = NDArray[np.float64]

EVERYWHERE = "whole federation"
UNBOUND, KILLED = -1, -2  # beside indices of labels: data without a zone, runs that a failure ended
_MOST_KEPT = 12  # outcomes, some 10 MB each
_STEP_S = 1800.0  # a fortnight in some 650 points; energies are exact whatever it is


@dataclass(frozen=True)
class Settings:
    """What one side of the dashboard is set to.

    Attributes:
        scenario: a shipped one's name, or a TOML file.
        policy: by which jobs find their machine.
        machines: that take part; all of the scenario's where empty.
        zones: whether labels bind jobs to zones.
        supply_k: by how much the water to the nodes is warmer than in the scenario, K.
        warmer_k: likewise the weather, K.
    """

    scenario: str = "federation"
    policy: str = "earliest"
    machines: tuple[str, ...] = ()
    zones: bool = True
    supply_k: float = 0.0
    warmer_k: float = 0.0

    def __str__(self) -> str:
        changes = (
            self.machines and f"{len(self.machines)} machines",
            "" if self.zones else "zones off",
            self.supply_k and f"water {self.supply_k:+g} K",
            self.warmer_k and f"weather {self.warmer_k:+g} K",
        )
        return ", ".join((self.scenario, self.policy, *(str(change) for change in changes if change)))


class FactoryModel:
    """Simulations of federations, each done once as long as it is kept; several threads may ask."""

    def __init__(self, jobs: int = 40_000) -> None:
        """Simulations of that many jobs.

        Raises:
            InputError: if there is none.
        """
        if jobs < 1:
            raise InputError(f"jobs={jobs}; at least 1 is wanted")
        self._jobs, self._kept, self._lock = jobs, dict[Settings, "Outcome"](), threading.Lock()

    def kept(self, settings: Settings) -> Outcome | None:
        """Return what is known of settings already."""
        with self._lock:
            return self._kept.get(settings)

    def outcome(self, settings: Settings, progress: Callable[[float], None] = lambda done: None) -> Outcome:
        """Return what comes of settings; `progress` as in `simulate`.

        Raises:
            InputError: if they make no sense, or leave a job no machine.
        """
        found = self.kept(settings)
        if found is None:
            found = simulate(self._scenario(settings), step_s=_STEP_S, progress=progress)
            with self._lock:
                self._kept[settings] = found
                while len(self._kept) > _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
        return found

    def _scenario(self, settings: Settings) -> Scenario:
        found = scenario_of(settings.scenario)
        names = [machine.name for machine in found.machines]
        chosen = settings.machines or tuple(names)
        if missing := [name for name in chosen if name not in names]:
            raise InputError(f"machine {missing[0]!r} takes no part in the scenario; {', '.join(names)} do")
        machines = tuple(machine for machine in found.machines if machine.name in chosen)
        for part in found.work:
            if part.kind not in {machine.kind for machine in machines}:
                raise InputError(f"no machine of kind {part.kind!r} takes part; the scenario has work for it")
        jobs = max(1, self._jobs // len(found.work))
        work = tuple(replace(part, jobs=jobs) for part in found.work)
        rules = replace(
            found.rules,
            policy=settings.policy,
            supply_k=found.rules.supply_k + settings.supply_k,
            warmer_k=found.rules.warmer_k + settings.warmer_k,
        )
        labels = found.labels if settings.zones else ()
        closures = tuple(closure for closure in found.closures if closure.machine in chosen)
        return replace(found, rules=rules, machines=machines, work=work, labels=labels, closures=closures)


@lru_cache(maxsize=16)
def scenario_of(source: str) -> Scenario:
    """Return a scenario by name or TOML file, read once."""
    return read_scenario(source)


def parts_of(outcome: Outcome, machine: str) -> tuple[MachineOutcome, ...]:
    """Return what one machine did or, for `EVERYWHERE`, each of them; nothing of one that takes no part."""
    return tuple(part for part in outcome.machines if machine in (EVERYWHERE, part.machine.name))


def kind_name(outcome: Outcome, kind: int) -> str:
    """Return where data of a label's index must stay, or what else a kind is."""
    if kind < 0:
        return "anywhere" if kind == UNBOUND else "killed by a failure"
    return " or ".join(sorted(outcome.scenario.labels[kind].zone))


class Mark(NamedTuple):
    """A site on the map, km, with what its machines draw at most, 0 where none takes part.

    `kind` is that of the labels whose data may go there which the fewest sites hold; `takes` names them all.
    """

    site: str
    east_km: float
    north_km: float
    power_mw: float
    kind: int
    takes: str
    text: str


def marks(outcome: Outcome) -> list[Mark]:
    """Return the catalogue's sites."""
    sites, labels, found = outcome.scenario.catalogue.sites, outcome.scenario.labels, []
    part_of = {part.machine.site for part in outcome.machines}
    holders = [sum(bool(label.zone & sites[site].zone) for site in part_of) for label in labels]
    for site in sites.values():
        parts = [part for part in outcome.machines if part.machine.site == site.name]
        held = [index for index, label in enumerate(labels) if label.zone & site.zone]
        east, north = on_map(site.latitude, site.longitude)
        power_mw = sum(part.facility.power.design_w for part in parts) / 1e6
        head = f"<b>{site.name}, {site.country}</b> (position {site.basis.get('latitude', 'assumed')})"
        text = "<br>".join([head, *(_figures(part) for part in parts)] if parts else [head, "takes no part"])
        kind = min(held, key=lambda index: holders[index], default=UNBOUND)
        takes = ", ".join(kind_name(outcome, index) for index in held) or "only unbound"
        found.append(Mark(site.name, float(east), float(north), power_mw, kind, takes, text))
    return found


def _figures(part: MachineOutcome) -> str:
    machine, row = part.machine, part.row()
    known = []
    for figure, name in (("nodes", "nodes"), ("power_mw", "MW"), ("pue", "PUE over a year")):
        value, basis = getattr(machine, figure), machine.basis.get(figure, "assumed")
        known.append(f"{name} unknown" if value is None else f"{value:,g} {name} ({basis})")
    return (
        f"{machine.name}: {', '.join(known)}<br>simulated: {row['jobs']:,} jobs wait "
        f"{duration(row['wait_mean_s'])}, PUE {row['pue']:.3f}, {row['energy_mwh']:,.0f} MWh, "
        f"{row['co2_t']:,.1f} t CO2"
    )


class Gantt(NamedTuple):
    """Bars of runs, (n,) each; `row` counts machines, `left_out` runs that aren't shown.

    Within its machine a bar stands where there is room; its height says nothing.
    """

    start_h: Array
    hours: Array
    row: Array
    height: Array
    kind: NDArray[np.int64]
    nodes: NDArray[np.int64]
    left_out: int


def gantt(outcome: Outcome, machine: str = EVERYWHERE, most: int = 250) -> Gantt:
    """Return those runs that took the most node-hours, lost ones among them."""
    columns = []
    for index, part in enumerate(parts_of(outcome, machine)):
        done, lost = part.schedule, part.schedule.killed
        runs = (
            np.append(done.start_s, done.killed_start_s) / 3600,
            np.append(done.end_s, done.killed_end_s) / 3600,
            np.append(done.jobs.nodes, done.jobs.nodes[lost]),
            np.append(outcome.workload.label[part.jobs], np.full(len(lost), KILLED)),
        )
        columns.append((*runs, np.full(len(runs[0]), index)))
    every = [np.concatenate(values) for values in zip(*columns, strict=True)]
    chosen = np.argsort(-(every[1] - every[0]) * every[2], kind="stable")[:most]
    chosen = chosen[np.argsort(every[0][chosen], kind="stable")]
    start, end, nodes, kind, where = (values[chosen] for values in every)
    row, height = np.zeros(len(chosen)), np.zeros(len(chosen))
    for index in range(len(columns)):
        mine = where == index
        lanes = _lanes(start[mine], end[mine])
        height[mine] = 0.9 / (lanes.max(initial=0) + 1)
        row[mine] = index - 0.45 + (lanes + 0.5) * height[mine]
    return Gantt(start, end - start, row, height, kind, nodes, len(every[0]) - len(chosen))


def _lanes(start: Array, end: Array) -> NDArray[np.int64]:
    """Return for each bar, in order of their starts, the number of a lane that is free then."""
    lanes, busy, free = np.zeros(len(start), np.int64), list[tuple[float, int]](), list[int]()
    for index in range(len(start)):
        while busy and busy[0][0] <= start[index]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        lanes[index] = lane
        heapq.heappush(busy, (end[index], lane))
    return lanes


def queue(outcome: Outcome, machine: str = EVERYWHERE) -> tuple[Array, NDArray[np.int64]]:
    """Return moments, hours, and how many jobs wait then, those that a failure killed among them."""
    parts = parts_of(outcome, machine)
    times_s = np.linspace(0.0, parts[0].kpis.seconds, 400)
    waiting = np.zeros(len(times_s), np.int64)
    for done in (part.schedule for part in parts):
        for sign, events in (
            (1, (done.jobs.submit_s, done.killed_end_s)),
            (-1, (done.start_s, done.killed_start_s)),
        ):
            waiting += sign * np.searchsorted(np.sort(np.concatenate(events)), times_s, side="right")
    return times_s / 3600, waiting


class Power(NamedTuple):
    """Means over intervals whose `hours` are n + 1 edges; all else is (n,)."""

    hours: Array
    parts_mw: dict[str, Array]
    pue: Array
    grid_g_per_kwh: Array


def power(outcome: Outcome, machine: str = EVERYWHERE) -> Power:
    """Return electricity by part, PUE, and what the grid emits for each kWh (of several grids: by use).

    "Rest" is what all nodes draw at rest; "work" is what comes on top of it.
    """
    parts = parts_of(outcome, machine)
    centres = [part.facility for part in parts]
    rest = [(p.machine.nodes or 0) * (p.machine.node_power_idle_w or 0.0) for p in parts]
    watts = {
        "nodes at rest": [np.full_like(c.power.it_w, w) for c, w in zip(centres, rest, strict=True)],
        "nodes at work": [c.power.it_w - w for c, w in zip(centres, rest, strict=True)],
        "losses": [c.power.losses_w + c.distribution_w for c in centres],
        "pumps": [c.cooling.pumps_w for c in centres],
        "fans": [c.cooling.fans_w for c in centres],
        "chiller": [c.cooling.chiller_w for c in centres],
    }
    total_w = np.sum([c.total_w for c in centres], axis=0)
    emitted = np.sum([p.facility.total_w * _grid(outcome, p) for p in parts], axis=0)
    return Power(
        centres[0].power.edges_s / 3600,
        {name: np.sum(values, axis=0) / 1e6 for name, values in watts.items()},
        total_w / np.sum([c.power.input_w for c in centres], axis=0),
        emitted / total_w,
    )


def _grid(outcome: Outcome, part: MachineOutcome) -> Array | float:
    """Return a grid's carbon, g/kWh: a user's own series by interval, else the country's mean of a year."""
    own = outcome.scenario.carbon.get(part.country)
    if own is not None:
        return own.means(datetime.fromisoformat(outcome.scenario.rules.start), part.facility.power.edges_s)
    return 1e6 * part.co2_t / part.kpis.total_kwh


@lru_cache(maxsize=1)
def qpus() -> dict[str, QuantumService]:
    """Return the catalogue's quantum computers whose time of a shot is known, by name."""
    return {
        qpu.name: QuantumService(qpu.name, qpu.modality, qpu.t_shot_s)
        for qpu in scenario_of("federation").catalogue.qpus.values()
        if qpu.t_shot_s is not None
    }


def loop_times(qpu: str, shots: int, classical_s: float, queue_s: float) -> dict[str, LoopTime]:
    """Return by link how long an iteration of a variational loop takes.

    Args:
        qpu: one of `qpus`.
        shots: of an iteration.
        classical_s: work on nodes in an iteration, s.
        queue_s: wait behind others in an iteration, s.

    Raises:
        InputError: if a value is out of range.
    """
    if qpu not in qpus():
        raise InputError(f"quantum computer {qpu!r} isn't known; choose one of {', '.join(qpus())}")
    loop = HybridLoop("loop", 1, 1, classical_s, shots)
    links = read_links()
    service = replace(qpus()[qpu], queue_s=queue_s)
    return {name: loop_time(loop, service, links[name]) for name in ("local", "metro", "wan")}
