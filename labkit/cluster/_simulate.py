"""The twin: jobs find their machines and are scheduled there; power, cooling and carbon follow."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from labkit.cluster._carbon import carbon_t
from labkit.cluster._cooling import cooling_plant
from labkit.cluster._electricity import electricity
from labkit.cluster._entries import Machine
from labkit.cluster._facility import Facility, Kpis, key_indicators, run_facility
from labkit.cluster._plant import HeatReuse, Plant
from labkit.cluster._power import MachinePower, NodePower, power_of_nodes, power_series
from labkit.cluster._routing import NOWHERE, route
from labkit.cluster._scenario import DAY_S, Scenario, read_scenario
from labkit.cluster._schedule import Outage, Schedule, schedule
from labkit.cluster._swf import read_swf
from labkit.cluster._weather import Climate, WeatherSeries, site_climate
from labkit.cluster._workload import Jobs, lublin_feitelson
from labkit.energy import carbon_intensity
from labkit.errors import InputError
from labkit.store import data_path, write_atomically

if TYPE_CHECKING:
    from labkit.cluster._moves import Policy
    from labkit.cluster._schedule import Policy as Scheduler

log = logging.getLogger("labkit")

# Of a heating network's supply; assumed, networks run between 65 and 90 °C.
_HEATING_C = 75.0
# What zones may cost.
_PRICED = ("makespan_s", "wait_mean_s", "energy_mwh", "work_energy_mwh", "co2_t", "work_co2_t")

_DEFAULT_PLANT = "warm-water-dry"


@dataclass(frozen=True)
class Workload:
    """Jobs with what binds them.

    Attributes:
        jobs: what is to run.
        kind: of machine that each needs, "" for any, shape (jobs,).
        label: index of each job's label among the scenario's, −1 for none, shape (jobs,).
        utilisation: how far each uses its nodes, 0 to 1, shape (jobs,).
        left_out: jobs of a trace whose size or time isn't known.
    """

    jobs: Jobs
    kind: NDArray[np.str_]
    label: NDArray[np.int64]
    utilisation: NDArray[np.float64]
    left_out: int = 0


@dataclass(frozen=True)
class MachineOutcome:
    """What a machine and its centre did.

    Attributes:
        machine: its place in the catalogue.
        country: where it stands, ISO 3166-1.
        schedule: of the jobs that it got.
        jobs: their indices in the workload.
        facility: means over time.
        kpis: over the scenario's period.
        co2_t: of all its electricity, t.
    """

    machine: Machine
    country: str
    schedule: Schedule
    jobs: NDArray[np.int64]
    facility: Facility
    kpis: Kpis
    co2_t: float

    def row(self) -> dict[str, Any]:
        """Return the figures that a table of sites shows."""
        wait = self.schedule.wait_s
        busy_s = float(self.schedule.jobs.run_s @ self.schedule.jobs.nodes)
        return {
            "machine": self.machine.name,
            "site": self.machine.site,
            "country": self.country,
            "jobs": len(self.jobs),
            "wait_mean_s": float(wait.mean()) if len(wait) else 0.0,
            "utilisation": busy_s / (self.schedule.machine_nodes * self.kpis.seconds),
            "energy_mwh": self.kpis.total_kwh / 1e3,
            "pue": self.kpis.pue,
            "pue_published": self.machine.pue,
            "wue_l_kwh": self.kpis.wue_l_kwh,
            "erf": self.kpis.erf,
            "co2_t": self.co2_t,
        }


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario.

    Attributes:
        scenario: what was asked.
        workload: what was to be done.
        machines: what each did.
        zone_violations: jobs that ran outside their data's zone, counted from where they ran.
        free: the same with zones off, where the scenario has labels.
        seconds: that the simulation took, s.
    """

    scenario: Scenario
    workload: Workload
    machines: tuple[MachineOutcome, ...]
    zone_violations: int
    free: Outcome | None = None
    seconds: float = 0.0

    def kpis(self) -> dict[str, Any]:
        """Return the indicators of the whole federation; what zones cost as differences to zones off."""
        total = sum(part.kpis.total_kwh for part in self.machines)
        it = sum(part.kpis.it_kwh for part in self.machines)
        waits = np.concatenate([part.schedule.wait_s for part in self.machines])
        ends = np.concatenate([part.schedule.end_s for part in self.machines])
        period = self.machines[0].kpis.seconds
        nodes = sum(part.schedule.machine_nodes for part in self.machines)
        drawn = electricity(self, period)
        found: dict[str, Any] = {
            "scenario": self.scenario.rules.name,
            "policy": self.scenario.rules.policy,
            "scheduler": self.scenario.rules.scheduler,
            "period_start": self.scenario.rules.start,
            "period_s": period,
            "jobs": len(self.workload.jobs),
            "jobs_left_out": self.workload.left_out,
            "makespan_s": float(ends.max() - self.workload.jobs.submit_s.min()),
            "wait_mean_s": float(waits.mean()),
            "utilisation": float(self.workload.jobs.run_s @ self.workload.jobs.nodes) / (nodes * period),
            "energy_mwh": total / 1e3,
            # Of the nodes while they work, which compares policies: periods end with each one's last job.
            "work_energy_mwh": drawn.work_mwh,
            "work_co2_t": drawn.work_co2_t,
            "pue": total / it,
            "erf": sum(part.kpis.reused_kwh for part in self.machines) / total,
            "co2_t": sum(part.co2_t for part in self.machines),
            "zone_violations": self.zone_violations,
            "machines": [part.row() for part in self.machines],
        }
        if self.free is not None:
            free = self.free.kpis()
            found["price_of_zones"] = {
                name: found[name] - free[name]
                for name in (
                    "makespan_s",
                    "wait_mean_s",
                    "energy_mwh",
                    "work_energy_mwh",
                    "co2_t",
                    "work_co2_t",
                )
            }
        return found | {"seconds": self.seconds}

    def write(self, folder: str | Path) -> list[Path]:
        """Write the indicators as JSON, jobs and power over time as parquet; return the files.

        Raises:
            InputError: if the folder can't be written.
        """
        import pandas as pd

        target = Path(folder)
        jobs = pd.concat(
            [
                pd.DataFrame(
                    {
                        **{f.name: getattr(part.schedule.jobs, f.name) for f in fields(Jobs)},
                        "machine": part.machine.name,
                        "start_s": part.schedule.start_s,
                        "end_s": part.schedule.end_s,
                    }
                )
                for part in self.machines
            ]
        )
        power = pd.concat(
            [
                pd.DataFrame(
                    {
                        "machine": part.machine.name,
                        "from_s": part.facility.power.edges_s[:-1],
                        "to_s": part.facility.power.edges_s[1:],
                        "it_w": part.facility.power.it_w,
                        "losses_w": part.facility.power.losses_w,
                        "distribution_w": part.facility.distribution_w,
                        "pumps_w": part.facility.cooling.pumps_w,
                        "fans_w": part.facility.cooling.fans_w,
                        "chiller_w": part.facility.cooling.chiller_w,
                        "total_w": part.facility.total_w,
                        "reused_w": part.facility.cooling.reused_w,
                    }
                )
                for part in self.machines
            ]
        )
        files = [target / name for name in ("jobs.parquet", "power.parquet", "kpis.json")]
        try:
            target.mkdir(parents=True, exist_ok=True)
            jobs.to_parquet(files[0], index=False)
            power.to_parquet(files[1], index=False)
            write_atomically(files[2], json.dumps(self.kpis(), indent=1) + "\n")
        except OSError as error:
            raise InputError(f"folder '{folder}' can't be written: {error.strerror}") from None
        return files


def simulate(
    federation: Scenario | str | Path = "federation",
    workload: Jobs | str | Path | None = None,
    policy: str | None = None,
    *,
    seed: int | None = None,
    step_s: float = 60.0,
) -> Outcome:
    """Return what comes of work on a federation of machines.

    Args:
        federation: a scenario, the name of a shipped one, or a TOML file.
        workload: jobs that any machine may do, or a trace in Standard Workload Format (plain or gzip); the
            scenario's own work where not given.
        policy: by which jobs find their machine, "earliest", "energy" or "carbon", instead of the scenario's.
        seed: instead of the scenario's.
        step_s: of the time series of power and cooling, s; energies are exact whatever it is.

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
    fits = (work.kind[:, None] == "") | (work.kind[:, None] == of_kind)
    inside = np.array([[bool(label.zone & site.zone) for site in sites] for label in scenario.labels], bool)
    zones = np.vstack([inside.reshape(-1, len(sites)), np.ones(len(sites), bool)])[work.label]
    routed = [_schedules(scenario, work, fits & zones)]
    if scenario.labels:
        routed.append(_schedules(scenario, work, fits))
    # With and without zones over the same time: machines at rest draw power, too.
    end_s = max(float(done.end_s.max(initial=0.0)) for schedules in routed for _, done in schedules)
    outcome, *free = (_outcome(scenario, work, zones, schedules, end_s, step_s) for schedules in routed)
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
    return Workload(jobs, kind, label, used, left_out)


def _schedules(
    scenario: Scenario, work: Workload, allowed: NDArray[np.bool_]
) -> list[tuple[NDArray[np.int64], Schedule]]:
    """Return for each machine the indices of its jobs, and when they run."""
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
        policy=cast("Policy", rules.policy),
        patience_s=rules.patience_h * 3600,
        closed=closed,
    )
    lost = np.flatnonzero(chosen == NOWHERE)
    if lost.size:
        raise InputError(_why_nowhere(scenario, work, int(lost[0]), lost.size))
    found = []
    for index, machine in enumerate(tqdm(scenario.machines, desc="machines", disable=None)):
        mine = np.flatnonzero(chosen == index)
        part = Jobs(**{f.name: getattr(jobs, f.name)[mine] for f in fields(Jobs)})
        outages = _outages(scenario, machine)
        found.append((mine, schedule(part, int(nodes[index]), cast("Scheduler", rules.scheduler), outages)))
    return found


def _outcome(
    scenario: Scenario,
    work: Workload,
    zones: NDArray[np.bool_],
    schedules: list[tuple[NDArray[np.int64], Schedule]],
    end_s: float,
    step_s: float,
) -> Outcome:
    machines = tuple(
        _centre(scenario, machine, mine, done, work.utilisation[mine], end_s, step_s)
        for machine, (mine, done) in zip(scenario.machines, schedules, strict=True)
    )
    outside = sum(int((~zones[part.jobs, index]).sum()) for index, part in enumerate(machines))
    return Outcome(scenario, work, machines, outside)


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


def power_of(machine: Machine) -> MachinePower:
    """Return a machine's power from that of its nodes; conversion is in the catalogue's figures."""
    if machine.nodes is None or machine.node_power_idle_w is None or machine.node_power_peak_w is None:
        raise InputError(f"{machine.name} has no figure for its nodes' power: no work can be placed there")
    node = NodePower(machine.node_power_idle_w, machine.node_power_peak_w)
    return power_of_nodes(machine.name, machine.nodes, node)


def climate_of(scenario: Scenario, machine: Machine) -> Climate:
    """Return the climate of a machine's site under the scenario."""
    site = scenario.catalogue.sites[machine.site]
    climate = site_climate(site.name, site.latitude)
    warmer = scenario.rules.warmer_k
    return replace(climate, dry_mean_c=climate.dry_mean_c + warmer, wet_mean_c=climate.wet_mean_c + warmer)


def weather_of(scenario: Scenario, machine: Machine) -> Climate | WeatherSeries:
    """Return the user's weather of a machine's site, where there is one, else its climate."""
    return scenario.weather.get(machine.site) or climate_of(scenario, machine)


def plant_of(machine: Machine, supply_k: float = 0.0) -> Plant:
    """Return the plant of the machine's own name where there is one, else warm water and dry coolers.

    Args:
        machine: whose plant.
        supply_k: by how much the water of its first loop, the nodes' own, is warmer than its set-point, K.

    Raises:
        InputError: if that is colder or hotter than a plant can be.
    """
    slug = "".join(filter(str.isalnum, machine.name.lower()))
    names = sorted(path.stem for path in data_path("cluster", "cooling").glob("*.toml"))
    plant = cooling_plant(next((name for name in names if slug.startswith(name)), _DEFAULT_PLANT))
    first, *rest = plant.loops
    return replace(plant, loops=(replace(first, supply_c=first.supply_c + supply_k), *rest))


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
        rule = f"wants {job.nodes[index]} nodes{kind}{zone}; no machine of the scenario is that"
    return f"job {job.id[index]} {rule}" + (f" (and {count - 1} jobs more)" if count > 1 else "")
