"""What the scheduler's compiled loop reads and writes, and outages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.cluster._workload import Jobs

FCFS, EASY, CONSERVATIVE = range(3)

PARTS = 1_000_000  # of a quantum computer, of which jobs that share it hold some

_Floats = NDArray[np.float64]
_Whole = NDArray[np.int64]


class Outage(NamedTuple):
    """Nodes or quantum computers that are out of service from a start to an end, s.

    A "failure" takes what is idle first and then kills as many running jobs as it must, those that started
    last; they wait again in their old place and run from their beginning. A "drain" waits for jobs to end.
    """

    start_s: float
    end_s: float
    nodes: int
    kind: Literal["failure", "drain"]
    qpus: int = 0


class State(NamedTuple):
    """Queue, machine and plan. `job` is a position in the order of service, `item` that or an outage.

    What only one policy needs is empty with the others.

    Attributes:
        submit_s: of each job, s.
        run_s, planned_s: how long each item runs, and how long the scheduler thinks at most, s.
        nodes, qpu: that each item takes: nodes, and parts of the quantum computers.
        arrivals: jobs by submission.
        outage_start_s: by outage, ascending.
        failure: by outage, whether jobs are killed for it.
        start_s, end_s, planned_end_s: of each item's last start; what comes back.
        least: segment tree of the jobs that wait, the least nodes, planned time (s) and parts of each branch;
            leaf `job` at half + job, infinity where none waits.
        ends, ends_place: binary heap of running items by end, and where each item is in it (-1: not).
        plan, plan_place: the same by planned end.
        walk, walk_place: scratch heap.
        held, held_place: heap of waiting jobs by reserved start (conservative).
        reserved_s: start of each job's reservation, s (conservative).
        profile: times (s), and the nodes and parts that are free from each on, by the plan; the latest first,
            so that what has passed falls off the end (conservative).
    """

    submit_s: _Floats
    run_s: _Floats
    planned_s: _Floats
    nodes: _Whole
    qpu: _Whole
    arrivals: _Whole
    outage_start_s: _Floats
    failure: NDArray[np.bool_]
    start_s: _Floats
    end_s: _Floats
    planned_end_s: _Floats
    least: _Floats
    ends: _Whole
    ends_place: _Whole
    plan: _Whole
    plan_place: _Whole
    walk: _Whole
    walk_place: _Whole
    held: _Whole
    held_place: _Whole
    reserved_s: _Floats
    profile: _Floats


def new_state(
    jobs: Jobs,
    order: _Whole,
    qpu: _Whole,
    outages: Sequence[Outage],
    machine_nodes: int,
    policy: int,
) -> State:
    """Return the state before the first event.

    Args:
        jobs: in any order.
        order: of service, indices of jobs.
        qpu: parts of quantum computers that each job holds.
        outages: by their start.
        machine_nodes: of the machine.
        policy: its number.
    """
    count, items = len(jobs), len(jobs) + len(outages)
    submit_s = jobs.submit_s[order]
    outage_s = [outage.end_s - outage.start_s for outage in outages]
    # No more than one job runs on a node.
    running = min(count, machine_nodes) + len(outages)
    leaves = 1 << max(count - 1, 1).bit_length()
    holding = count if policy == CONSERVATIVE else 0
    # Each item that runs or has a reservation begins and ends at most two stretches.
    stretches = 2 * items + 4 if policy == CONSERVATIVE else 0
    sorted_already = bool((submit_s[1:] >= submit_s[:-1]).all())

    def places(size: int) -> _Whole:
        return np.full(size, -1, np.int64)

    def with_outages(values: NDArray[Any], more: list[Any]) -> NDArray[Any]:
        return np.append(values[order], np.array(more, values.dtype))

    return State(
        submit_s=submit_s,
        run_s=with_outages(jobs.run_s, outage_s),
        planned_s=with_outages(np.maximum(jobs.requested_s, jobs.run_s), outage_s),
        nodes=with_outages(jobs.nodes, [outage.nodes for outage in outages]),
        qpu=with_outages(qpu, [outage.qpus * PARTS for outage in outages]),
        arrivals=np.arange(count) if sorted_already else np.argsort(submit_s, kind="stable"),
        outage_start_s=np.array([outage.start_s for outage in outages], np.float64),
        failure=np.array([outage.kind == "failure" for outage in outages], np.bool_),
        start_s=np.full(items, np.nan),
        end_s=np.full(items, np.nan),
        planned_end_s=np.full(items, np.nan),
        least=np.full((2 * leaves, 3), np.inf),
        ends=places(running),
        ends_place=places(items),
        plan=places(running if policy == EASY else 0),
        plan_place=places(items if policy == EASY else 0),
        walk=places(running if policy == EASY else 0),
        walk_place=places(items if policy == EASY else 0),
        held=places(holding),
        held_place=places(holding),
        reserved_s=np.full(holding, np.nan),
        profile=np.empty((3, stretches)),
    )
