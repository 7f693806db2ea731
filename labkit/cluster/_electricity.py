"""What of a federation's electricity goes into work, and what into nodes at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from labkit.cluster._outcome import Outcome


class Electricity(NamedTuple):
    """What busy nodes draw and nodes at rest, with their centres' overhead (MWh), and CO2 of either (t)."""

    work_mwh: float
    rest_mwh: float
    work_co2_t: float
    rest_co2_t: float


def electricity(outcome: Outcome, seconds: float) -> Electricity:
    """Return how a federation's electricity over a period is shared between work and rest.

    Outcomes end with their last job, each at its own time; over one period they can be compared. A centre's
    overhead counts in proportion, as the mean of its own period.

    Args:
        outcome: whose nodes.
        seconds: of the period, s; beyond the outcome's own, all nodes are at rest.
    """
    found = np.zeros(4)
    for part in outcome.machines:
        done, machine = part.schedule, part.machine
        lost_s = (done.killed_end_s - done.killed_start_s) * done.jobs.nodes[done.killed]
        busy_s = float(done.jobs.run_s @ done.jobs.nodes + lost_s.sum())
        idle_w, peak_w = machine.node_power_idle_w or 0.0, machine.node_power_peak_w or 0.0
        used = outcome.workload.utilisation[part.jobs]
        weights = done.jobs.run_s * done.jobs.nodes
        share = float(np.average(used, weights=weights)) if weights.any() else 0.0
        busy_kwh = busy_s * (idle_w + share * (peak_w - idle_w)) / 3.6e6
        own_kwh = busy_kwh + (done.machine_nodes * part.kpis.seconds - busy_s) * idle_w / 3.6e6
        idle_kwh = (done.machine_nodes * seconds - busy_s) * idle_w / 3.6e6
        overhead, t_per_mwh = part.kpis.total_kwh / own_kwh, 1e3 * part.co2_t / part.kpis.total_kwh
        for place, kwh in enumerate((busy_kwh, idle_kwh)):
            found[place] += kwh * overhead / 1e3
            found[2 + place] += kwh * overhead * t_per_mwh / 1e3
    return Electricity(*found.tolist())
