"""The twin: jobs find their machines and are scheduled there; power, cooling and carbon follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from labkit.cluster._beside import Sharing, held, schedule_beside
from labkit.cluster._carbon import carbon_t
from labkit.cluster._centre import plant_of, power_of, qpus_of, weather_of
from labkit.cluster._entries import Machine
from labkit.cluster._facility import key_indicators, run_facility
from labkit.cluster._moves import Policy
from labkit.cluster._outcome import MachineOutcome, Outcome, Workload, zone_violations
from labkit.cluster._plant import HeatReuse
from labkit.cluster._power import power_series
from labkit.cluster._routing import NOWHERE, route
from labkit.cluster._scenario import DAY_S, Scenario, read_scenario
from labkit.cluster._schedule import PARTS, Outage, Schedule
from labkit.cluster._schedule import Policy as Scheduler
from labkit.cluster._swf import read_swf
from labkit.cluster._workload import Jobs, lublin_feitelson
from labkit.energy import carbon_intensity
from labkit.errors import InputError

log = logging.getLogger("labkit")

# Of a heating network's supply; assumed, networks run between 65 and 90 °C.
_HEATING_C = 75.0


def simulate(
    federation: Scenario | str | Path = "federation",
    workload: Jobs | str | Path | None = None,
    policy: str | None = None,
    *,
    seed: int | None = None,
    step_s: float = 60.0,
    progress: Callable[[float], None] = lambda done: None,
) -> Outcome:
    """Return what comes of work on a federation of machines.

    Args:
        federation: a scenario, the name of a shipped one, or a TOML file.
        workload: jobs that any machine may do, or a trace in Standard Workload Format (plain or gzip); the
            scenario's own work where not given.
        policy: by which jobs find their machine, "earliest", "energy" or "carbon", instead of the scenario's.
        seed: instead of the scenario's.
        step_s: of the time series of power and cooling, s; energies are exact whatever it is.
        progress: told the share that is done, 0–1, before each machine's schedule; what it raises ends all.

    Raises:
        InputError: if the scenario or the trace makes no sense, or a job fits no machine that it may run on.
    """
    begun = time.perf_counter()
    scenario = federation if isinstance(federation, Scenario) else read_scenario(federation)
    rules = scenario.rules
    rules = replace(rules, policy=policy or rules.policy, seed=rules.seed if seed is None else seed)
    scenario = replace(scenario, rules=rules)
    work = draw_workload(scenario, workload)
    sites = [scenario.catalogue.sites[machine.site] for machine in scenario.machines]
    of_kind = np.array([machine.kind for machine in scenario.machines])
    qpus = np.array([qpus_of(scenario, machine) for machine in scenario.machines])
    fits = (work.kind[:, None] == "") | (work.kind[:, None] == of_kind)
    fits &= (work.qpu_parts[:, None] == 0) | (qpus > 0)
    inside = np.array([[bool(label.zone & site.zone) for site in sites] for label in scenario.labels], bool)
    zones = np.vstack([inside.reshape(-1, len(sites)), np.ones(len(sites), bool)])[work.label]
    wanted = [fits & zones, fits] if scenario.labels else [fits & zones]
    steps = len(wanted) * len(scenario.machines)
    shares = (step / steps for step in range(steps))
    routed = [_schedules(scenario, work, allowed, qpus, lambda: progress(next(shares))) for allowed in wanted]
    # With and without zones over the same time: machines at rest draw power, too.
    end_s = max(float(done.end_s.max(initial=0.0)) for schedules in routed for _, done in schedules)
    outcome, *free = (_outcome(scenario, work, schedules, end_s, step_s) for schedules in routed)
    return replace(outcome, free=free[0] if free else None, seconds=time.perf_counter() - begun)


def draw_workload(scenario: Scenario, given: Jobs | str | Path | None = None) -> Workload:
    """Return a scenario's work, or given jobs, with labels drawn for it.

    Raises:
        InputError: if there is no job, or a trace makes no sense.
    """
    rng = np.random.default_rng(scenario.rules.seed)
    left_out = 0
    if given is None:
        parts = []
        for part in scenario.work:
            machines = [m for m in scenario.machines if m.kind == part.kind]
            nodes = sum(m.nodes or 0 for m in machines)
            # The model draws for a machine as wide as the widest job; the federation is many of these.
            load = part.load * nodes / part.widest
            parts.append(lublin_feitelson(part.jobs, part.widest, load, seed=int(rng.integers(2**32))))
        jobs = Jobs(
            **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Jobs)}
        )
        kind = np.concatenate([np.full(p.jobs, p.kind) for p in scenario.work])
        used = np.concatenate([np.full(p.jobs, p.utilisation) for p in scenario.work])
    else:
        if isinstance(given, Jobs):
            jobs = given
        else:
            trace = read_swf(Path(given))
            jobs, left_out = trace.jobs, trace.left_out
            if left_out:
                log.info("%s: %d jobs of unknown size or time are left out", given, left_out)
        if scenario.rules.processors_per_node > 1:
            jobs = replace(jobs, nodes=-(-jobs.nodes // scenario.rules.processors_per_node))
        if len(jobs) == 0:
            raise InputError("the workload has no job; at least one is wanted")
        jobs = replace(jobs, submit_s=jobs.submit_s - jobs.submit_s.min())
        kind = np.full(len(jobs), "")
        used = np.full(len(jobs), scenario.work[0].utilisation)
    shares = np.cumsum([label.share for label in scenario.labels])
    drawn = (
        np.searchsorted(shares, rng.random(len(jobs)), side="right") if len(shares) else np.zeros(len(jobs))
    )
    label = np.where(drawn < len(shares), drawn, -1).astype(np.int64)
    if given is None and any(part.hybrid for part in scenario.work):
        counts = [part.jobs for part in scenario.work]
        hybrid = rng.random(len(jobs)) < np.repeat([part.hybrid for part in scenario.work], counts)
        shots_part = np.repeat([part.qpu_part for part in scenario.work], counts)
        jobs = replace(jobs, qpu_s=np.where(hybrid, shots_part * jobs.run_s, 0.0))
    held_nodes, qpu_parts = held(jobs, cast(Sharing, scenario.rules.qpu_sharing))
    return Workload(replace(jobs, nodes=held_nodes), kind, label, used, qpu_parts, left_out)


def _schedules(
    scenario: Scenario,
    work: Workload,
    allowed: NDArray[np.bool_],
    qpus: NDArray[np.int64],
    begins: Callable[[], None],
) -> list[tuple[NDArray[np.int64], Schedule]]:
    """Return for each machine the indices of its jobs, and when they run; `begins` is called before each."""
    jobs, rules = work.jobs, scenario.rules
    nodes = np.array([machine.nodes for machine in scenario.machines])
    cost = np.array([_cost(scenario, machine) for machine in scenario.machines])
    closed = [
        (index, outage.start_s, outage.end_s)
        for index, machine in enumerate(scenario.machines)
        for outage in _outages(scenario, machine)
        if outage.nodes == machine.nodes
    ]
    chosen = route(
        jobs,
        nodes,
        cost,
        allowed,
        policy=cast(Policy, rules.policy),
        patience_s=rules.patience_h * 3600,
        closed=closed,
        qpus=qpus,
        qpu=work.qpu_parts / PARTS,
    )
    lost = np.flatnonzero(chosen == NOWHERE)
    if lost.size:
        raise InputError(_why_nowhere(scenario, work, int(lost[0]), lost.size))
    found = []
    for index, machine in enumerate(tqdm(scenario.machines, desc="machines", disable=None)):
        begins()
        mine = np.flatnonzero(chosen == index)
        done = schedule_beside(
            jobs.chosen(mine),
            int(nodes[index]),
            cast(Scheduler, rules.scheduler),
            _outages(scenario, machine),
            qpus=int(qpus[index]),
            qpu_parts=work.qpu_parts[mine],
            calibration_every_s=rules.calibration_every_h * 3600,
            calibration_s=rules.calibration_h * 3600,
        )
        found.append((mine, done))
    return found


def _outcome(
    scenario: Scenario,
    work: Workload,
    schedules: list[tuple[NDArray[np.int64], Schedule]],
    end_s: float,
    step_s: float,
) -> Outcome:
    machines = tuple(
        _centre(scenario, machine, mine, done, work.utilisation[mine], end_s, step_s)
        for machine, (mine, done) in zip(scenario.machines, schedules, strict=True)
    )
    return Outcome(scenario, work, machines, zone_violations(scenario, work, machines))


def _centre(
    scenario: Scenario,
    machine: Machine,
    mine: NDArray[np.int64],
    done: Schedule,
    utilisation: NDArray[np.float64],
    end_s: float,
    step_s: float,
) -> MachineOutcome:
    """Return what a machine's centre draws and gives off over the whole period."""
    site, rules = scenario.catalogue.sites[machine.site], scenario.rules
    start = datetime.fromisoformat(rules.start)
    power, plant = power_of(machine), plant_of(machine, rules.supply_k)
    times_s, busy = done.usage() if len(mine) else (np.zeros(1), np.zeros(1, np.int64))
    used = float(np.average(utilisation, weights=done.jobs.run_s * done.jobs.nodes)) if len(mine) else 0.0
    series = power_series(power, times_s, busy, used, step_s, start_s=0.0, end_s=end_s)
    reuse = None
    if rules.reuse_share and site.district_heating:
        reuse = HeatReuse(rules.reuse_share * power.design_w, _HEATING_C, heat_pump_inside=False)
    facility = run_facility(series, plant, weather_of(scenario, machine), start, reuse)
    grid = scenario.carbon.get(site.country) or carbon_intensity(site.country)
    return MachineOutcome(
        machine=machine,
        country=site.country,
        schedule=done,
        jobs=mine,
        facility=facility,
        kpis=key_indicators(facility, start, power.design_w / 1e3),
        co2_t=carbon_t(series.edges_s, facility.total_w, grid, start),
    )


def _cost(scenario: Scenario, machine: Machine) -> float:
    """Return what a working node costs there: W by "energy", gCO2/h by "carbon"; an unknown PUE is 1.2."""
    power = (machine.node_power_peak_w or 0.0) * (machine.pue or 1.2)
    if scenario.rules.policy != "carbon":
        return power
    return power / 1e3 * carbon_intensity(scenario.catalogue.sites[machine.site].country).g_per_kwh


def _outages(scenario: Scenario, machine: Machine) -> list[Outage]:
    return [
        Outage(
            closure.from_day * DAY_S,
            (closure.from_day + closure.days) * DAY_S,
            max(1, round(closure.share * (machine.nodes or 1))),
            closure.kind,  # type: ignore[arg-type]
        )
        for closure in scenario.closures
        if closure.machine == machine.name
    ]


def _why_nowhere(scenario: Scenario, work: Workload, index: int, count: int) -> str:
    job, label = work.jobs, int(work.label[index])
    widest = max(scenario.machines, key=lambda machine: machine.nodes or 0)
    if job.nodes[index] > (widest.nodes or 0):
        rule = f"wants {job.nodes[index]} nodes; the widest machine, {widest.name}, has {widest.nodes}"
    else:
        zone = f" in zone {', '.join(sorted(scenario.labels[label].zone))}" if label >= 0 else ""
        kind = f" of kind {str(work.kind[index])!r}" if work.kind[index] else ""
        qpu = " beside a quantum computer" if work.qpu_parts[index] else ""
        rule = f"wants {job.nodes[index]} nodes{kind}{qpu}{zone}; no machine of the scenario is that"
    return f"job {job.id[index]} {rule}" + (f" (and {count - 1} jobs more)" if count > 1 else "")
