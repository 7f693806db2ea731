"""A finished run of labkit, projected: what it would take on each machine of a federation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from labkit.cluster._centre import plant_of, power_of, weather_of
from labkit.cluster._entries import Machine
from labkit.cluster._facility import key_indicators, run_facility
from labkit.cluster._power import power_series
from labkit.cluster._scenario import DAY_S, Label, Scenario
from labkit.cluster._schedule import schedule
from labkit.cluster._workload import Jobs, run_jobs
from labkit.energy import carbon_intensity
from labkit.errors import InputError

# One evaluation takes one core. Nodes of today's machines have 56 to 288; assumed for all: 64.
EVALUATIONS_PER_NODE = 64
_UTILISATION = 0.5  # of a node whose cores all work and whose accelerators rest; assumed
_STEP_S = 60.0
_J_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Projection:
    """Runs of a campaign on one machine that has nothing else to do.

    Attributes:
        machine: its name.
        site: where it stands.
        country: ISO 3166-1.
        allowed: whether the data may go there.
        seconds: from the first evaluation to the last.
        energy_kwh: of the nodes while they work, with the centre's overhead.
        co2_kg: by the country's grid.
        pue: of the centre in that time, simulated.
    """

    machine: str
    site: str
    country: str
    allowed: bool
    seconds: float
    energy_kwh: float
    co2_kg: float
    pue: float


def project(
    evaluations: Iterable[tuple[str, float, float]],
    scenario: Scenario,
    *,
    copies: int = EVALUATIONS_PER_NODE,
    zone: frozenset[str] | None = None,
) -> list[Projection]:
    """Return what a run's evaluations take on each machine of a scenario.

    Each evaluation takes one core for as long as it took here; cores aren't rated against each other. As many
    runs as fit on a node share it.

    Args:
        evaluations: stage, start (s) and duration (s) of each.
        scenario: whose machines.
        copies: how many such runs, side by side.
        zone: jurisdictions in one of which the data must stay; None: it may go anywhere.

    Raises:
        InputError: if there is no evaluation or `copies` is less than 1.
    """
    jobs = node_jobs(evaluations, copies)
    return [_projected(jobs, machine, scenario, zone) for machine in scenario.machines]


def node_jobs(evaluations: Iterable[tuple[str, float, float]], copies: int) -> Jobs:
    """Return as jobs of one node what so many runs do, as many on a node as it has cores; see `project`."""
    if copies < 1:
        raise InputError(f"copies={copies}; at least 1 is wanted")
    return run_jobs(evaluations, -(-copies // EVALUATIONS_PER_NODE))


def bound(scenario: Scenario, zone: frozenset[str] | None) -> Scenario:
    """Return the scenario with all work bound to a zone, or none of it."""
    return replace(scenario, labels=() if zone is None else (Label(1.0, zone),))


def _projected(jobs: Jobs, machine: Machine, scenario: Scenario, zone: frozenset[str] | None) -> Projection:
    site = scenario.catalogue.sites[machine.site]
    power, start = power_of(machine), datetime.fromisoformat(scenario.rules.start)
    done = schedule(jobs, power.nodes)
    # What a centre adds hangs on its load and the weather: half of its nodes at work, for a day or as long.
    end_s = max(done.makespan_s, DAY_S)
    series = power_series(power, [0.0], [power.nodes / 2], 1.0, _STEP_S, start_s=0.0, end_s=end_s)
    plant = plant_of(machine, scenario.rules.supply_k)
    centre = run_facility(series, plant, weather_of(scenario, machine), start)
    pue = key_indicators(centre, start, power.design_w / 1e3).pue
    node_w = power.node.idle_w + _UTILISATION * (power.node.peak_w - power.node.idle_w)
    kwh = float(jobs.run_s @ jobs.nodes) * node_w * pue / _J_PER_KWH
    return Projection(
        machine=machine.name,
        site=machine.site,
        country=site.country,
        allowed=zone is None or bool(zone & site.zone),
        seconds=done.makespan_s,
        energy_kwh=kwh,
        co2_kg=kwh * carbon_intensity(site.country).g_per_kwh / 1e3,
        pue=pue,
    )


def price_of_zone(projections: Sequence[Projection]) -> dict[str, float]:
    """Return what the zone adds to the least of time (s), energy (kWh) and CO2 (kg) that any machine offers.

    Raises:
        InputError: if the zone allows no machine.
    """
    allowed = [found for found in projections if found.allowed]
    if not allowed:
        raise InputError(
            "no machine of the scenario lies in the data's zone; a federation with one is wanted"
        )
    return {
        name: min(getattr(found, name) for found in allowed)
        - min(getattr(found, name) for found in projections)
        for name in ("seconds", "energy_kwh", "co2_kg")
    }
