"""Which machine each job of a stream goes to: as it is submitted, by what is known then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labkit.cluster._moves import Policy
from labkit.cluster._workload import Jobs
from labkit.errors import InputError

NOWHERE = -1


def route(
    jobs: Jobs,
    nodes: NDArray[np.int64],
    cost_per_node_s: NDArray[np.float64],
    allowed: NDArray[np.bool_],
    *,
    policy: Policy,
    patience_s: float,
    closed: Sequence[tuple[int, float, float]] = (),
    qpus: NDArray[np.int64] | None = None,
    qpu: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Return the index of each job's machine, `NOWHERE` for jobs that fit none they are allowed on.

    A machine's queue is estimated as its outstanding work over its nodes, as if jobs packed without gaps. By
    "earliest" a job goes where queue and run end first. By "energy" and "carbon" it goes where it costs
    least among the machines whose queue is no longer than the patience; where all are, to the shortest queue.

    Args:
        jobs: in any order; they are routed by submission.
        nodes: of each machine, shape (machines,).
        cost_per_node_s: of a working node on each machine for a second, in any unit, shape (machines,).
        allowed: whether a job may run on a machine, shape (jobs, machines).
        policy: what decides.
        patience_s: longest estimated queue, s.
        closed: index of a machine that is shut as a whole, from when to when, s. As long as it is, its queue
            is known to wait; before, nobody knows.
        qpus: quantum computers beside each machine, shape (machines,); their queue is estimated likewise.
        qpu: of one that each job holds, shape (jobs,).

    Raises:
        InputError: if the shapes don't fit.
    """
    machines = len(nodes)
    if cost_per_node_s.shape != (machines,) or allowed.shape != (len(jobs), machines):
        raise InputError(
            f"cost_per_node_s {cost_per_node_s.shape} and allowed {allowed.shape} don't fit {len(jobs)} jobs "
            f"on {machines} machines"
        )
    order = np.argsort(jobs.submit_s, kind="stable")
    return _route(
        order,
        jobs.submit_s,
        jobs.run_s,
        jobs.nodes,
        np.ascontiguousarray(nodes, np.int64),
        np.ascontiguousarray(cost_per_node_s, np.float64),
        np.ascontiguousarray(allowed),
        policy == "earliest",
        float(patience_s),
        np.array(closed, np.float64).reshape(-1, 3),
        np.zeros(machines) if qpus is None else np.asarray(qpus, np.float64),
        np.zeros(len(jobs)) if qpu is None else np.asarray(qpu, np.float64),
    )


@njit(cache=True)
def _route(order, submit, run, wanted, nodes, cost, allowed, earliest, patience, closed, qpus, qpu):  # type: ignore[no-untyped-def]
    machines = len(nodes)
    free, free_qpu = np.zeros(machines), np.zeros(machines)
    chosen = np.full(len(order), NOWHERE, np.int64)
    for job in order:
        for k in range(len(closed)):
            if closed[k, 1] <= submit[job] < closed[k, 2]:
                shut = int(closed[k, 0])
                free[shut] = max(free[shut], closed[k, 2])
        best, best_end, best_cost, best_waits = NOWHERE, np.inf, np.inf, True
        for m in range(machines):
            if not allowed[job, m] or wanted[job] > nodes[m] or qpu[job] > qpus[m]:
                continue
            wait = max(free[m] - submit[job], 0.0)
            if qpu[job] > 0:
                wait = max(free_qpu[m] - submit[job], wait)
            end = submit[job] + wait + run[job]
            waits = wait > patience
            price = 0.0 if waits else cost[m]  # beyond the patience the shortest queue decides
            # Machines within the patience come first; then the cheaper; then who ends first.
            if earliest:
                better = end < best_end
            else:
                better = (not waits and best_waits) or (
                    waits == best_waits and (price < best_cost or (price == best_cost and end < best_end))
                )
            if better:
                best, best_end, best_cost, best_waits = m, end, price, waits
        if best != NOWHERE:
            chosen[job] = best
            free[best] = max(free[best], submit[job]) + wanted[job] * run[job] / nodes[best]
            if qpu[job] > 0:
                free_qpu[best] = max(free_qpu[best], submit[job]) + qpu[job] * run[job] / qpus[best]
    return chosen
