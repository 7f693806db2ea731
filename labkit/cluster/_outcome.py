"""What comes of a scenario: per machine, as indicators of the federation, and on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.cluster._electricity import electricity
from labkit.cluster._entries import Machine
from labkit.cluster._facility import Facility, Kpis
from labkit.cluster._scenario import Scenario
from labkit.cluster._schedule import PARTS, Schedule
from labkit.cluster._workload import Jobs
from labkit.errors import InputError
from labkit.store import write_atomically

# What zones may cost.
_PRICED = ("makespan_s", "wait_mean_s", "energy_mwh", "work_energy_mwh", "co2_t", "work_co2_t")


@dataclass(frozen=True)
class Workload:
    """Jobs with what binds them.

    Attributes:
        jobs: what is to run.
        kind: of machine that each needs, "" for any, shape (jobs,).
        label: index of each job's label among the scenario's, −1 for none, shape (jobs,).
        utilisation: how far each uses its nodes, 0 to 1, shape (jobs,).
        qpu_parts: of a quantum computer that each holds while it runs, in `PARTS`, shape (jobs,).
        left_out: jobs of a trace whose size or time isn't known.
    """

    jobs: Jobs
    kind: NDArray[np.str_]
    label: NDArray[np.int64]
    utilisation: NDArray[np.float64]
    qpu_parts: NDArray[np.int64]
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
            **_qpu_row([self]),
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
            **_qpu_row(self.machines),
            "machines": [part.row() for part in self.machines],
        }
        if self.free is not None:
            free = self.free.kpis()
            found["price_of_zones"] = {name: found[name] - free[name] for name in _PRICED}
        return found | {"seconds": self.seconds}

    def write(self, folder: str | Path) -> list[Path]:
        """Write the indicators as JSON, jobs and power over time as parquet; return the files.

        Raises:
            InputError: if the folder can't be written.
        """
        import pandas as pd

        target = Path(folder)
        files = [target / name for name in ("jobs.parquet", "power.parquet", "kpis.json")]
        try:
            target.mkdir(parents=True, exist_ok=True)
            for file, columns in ((files[0], _job_columns), (files[1], _power_columns)):
                tables = [pd.DataFrame({"machine": p.machine.name, **columns(p)}) for p in self.machines]
                pd.concat(tables).to_parquet(file, index=False)
            write_atomically(files[2], json.dumps(self.kpis(), indent=1) + "\n")
        except OSError as error:
            raise InputError(f"folder '{folder}' can't be written: {error.strerror}") from None
        return files


def zone_violations(scenario: Scenario, workload: Workload, machines: Sequence[MachineOutcome]) -> int:
    """Return how many jobs ran outside their data's zone, from where each ran and what its label says.

    It shares nothing with the routing of jobs but the labels, and so checks it.
    """
    found = 0
    for part in machines:
        zone = scenario.catalogue.sites[part.machine.site].zone
        for label, count in zip(*np.unique(workload.label[part.jobs], return_counts=True), strict=True):
            if label >= 0 and scenario.labels[label].zone.isdisjoint(zone):
                found += int(count)
    return found


def _qpu_row(parts: Sequence[MachineOutcome]) -> dict[str, Any]:
    """Return what quantum computers did and how long jobs waited that wanted one; None without any."""
    there_s = sum(part.schedule.qpus * part.kpis.seconds for part in parts)
    used_s, held_s, waits = 0.0, 0.0, [np.zeros(0)]
    for part in parts:
        done, jobs = part.schedule, part.schedule.jobs
        used_s += float(jobs.qpu_s.sum())
        if done.qpu_parts is not None:
            held_s += float(jobs.run_s @ done.qpu_parts) / PARTS
            waits.append(done.wait_s[done.qpu_parts > 0])
    wait_s = np.concatenate(waits)
    return {
        "qpus": sum(part.schedule.qpus for part in parts),
        "qpu_jobs": len(wait_s),
        "qpu_utilisation": used_s / there_s if there_s else None,
        "qpu_held": held_s / there_s if there_s else None,
        "qpu_wait_mean_s": float(wait_s.mean()) if len(wait_s) else None,
    }


def _job_columns(part: MachineOutcome) -> dict[str, Any]:
    jobs = {field.name: getattr(part.schedule.jobs, field.name) for field in fields(Jobs)}
    return {**jobs, "start_s": part.schedule.start_s, "end_s": part.schedule.end_s}


def _power_columns(part: MachineOutcome) -> dict[str, Any]:
    facility = part.facility
    power, cooling = facility.power, facility.cooling
    return {
        "from_s": power.edges_s[:-1],
        "to_s": power.edges_s[1:],
        "it_w": power.it_w,
        "losses_w": power.losses_w,
        "distribution_w": facility.distribution_w,
        "pumps_w": cooling.pumps_w,
        "fans_w": cooling.fans_w,
        "chiller_w": cooling.chiller_w,
        "total_w": facility.total_w,
        "reused_w": cooling.reused_w,
    }
