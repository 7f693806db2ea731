"""When jobs run on a machine of equal nodes: first come first served, EASY and conservative back-filling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labkit.cluster._schedule_state import CONSERVATIVE, EASY, FCFS, State, new_state
from labkit.cluster._schedule_state import PARTS as PARTS
from labkit.cluster._schedule_state import Outage as Outage
from labkit.cluster._workload import Jobs
from labkit.errors import EvaluationError, InputError

Policy = Literal["fcfs", "easy", "conservative"]


@dataclass(frozen=True)
class Schedule:
    """When jobs ran.

    Attributes:
        jobs: what was to run.
        machine_nodes: of the machine.
        policy: by which it was scheduled.
        start_s: when each job started for the last time, s.
        end_s: when it ended, s.
        killed: index of a job for each time that a failure killed one.
        killed_start_s, killed_end_s: when that lost run began and was killed, s.
        qpus: quantum computers beside the machine.
        qpu_parts: of one that each job holds while it runs, in `PARTS`.
    """

    jobs: Jobs
    machine_nodes: int
    policy: Policy
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    killed: NDArray[np.int64]
    killed_start_s: NDArray[np.float64]
    killed_end_s: NDArray[np.float64]
    qpus: int = 0
    qpu_parts: NDArray[np.int64] | None = None

    @property
    def wait_s(self) -> NDArray[np.float64]:
        """From submission to the last start, of each job, s."""
        return self.start_s - self.jobs.submit_s

    @property
    def makespan_s(self) -> float:
        """From the first submission to the last end, s; 0 without jobs."""
        return float(self.end_s.max() - self.jobs.submit_s.min()) if len(self.jobs) else 0.0

    @property
    def utilisation(self) -> float:
        """Node-seconds that jobs occupied, lost runs included, over what the machine had in the makespan."""
        lost = (self.killed_end_s - self.killed_start_s) @ self.jobs.nodes[self.killed]
        used = float(self.jobs.run_s @ self.jobs.nodes + lost)
        return used / (self.machine_nodes * self.makespan_s) if len(self.jobs) else 0.0

    def usage(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return when the number of busy nodes changes (s, ascending), and how many are busy from then on."""
        return self._usage(self.jobs.nodes)

    def qpu_usage(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return when what is held of quantum computers changes (s, ascending), and the `PARTS` from then."""
        none = np.zeros(len(self.jobs), np.int64)
        return self._usage(none if self.qpu_parts is None else self.qpu_parts)

    def _usage(self, amount: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        from labkit.cluster._occupancy import occupancy

        return occupancy(
            np.append(self.start_s, self.killed_start_s),
            np.append(self.end_s, self.killed_end_s),
            np.append(amount, amount[self.killed]),
        )


def schedule(
    jobs: Jobs,
    nodes: int,
    policy: Policy = "easy",
    outages: Iterable[Outage | tuple[float, float, int, str]] = (),
    *,
    qpus: int = 0,
    qpu_parts: NDArray[np.int64] | None = None,
) -> Schedule:
    """Return when each job runs on a machine of equal nodes.

    Jobs are served by priority, higher first, then by submission, then by position. "fcfs" starts none before
    those ahead of it. "easy" (D. A. Lifka 1995, doi:10.1007/3-540-60153-8_35) lets a job pass if that doesn't
    delay the first that waits; "conservative" (A. W. Mu'alem and D. G. Feitelson 2001, doi:10.1109/71.932708)
    if it delays none: every waiting job has a reservation, which moves up, in the order of service, when a
    job ends early. Only a job of higher priority or an outage puts a reservation back.

    The scheduler plans with requested times; a job that runs longer is planned with what it takes (nobody is
    killed at the limit). It learns of an outage when it begins, and then knows its end.

    Args:
        jobs: what is to run.
        nodes: of the machine.
        policy: one of those three.
        outages: in any order, each an `Outage` or a tuple of its values.
        qpus: quantum computers beside the machine.
        qpu_parts: of one that each job holds from start to end, in `PARTS`, shape (jobs,); none where not
            given.

    Raises:
        InputError: if a job wants more than the machine has, or an argument makes no sense.
        EvaluationError: if the result breaks a law of conservation, which is a fault of labkit.
    """
    from labkit.cluster._schedule_core import run

    known = sorted((_outage(outage, nodes, qpus) for outage in outages), key=lambda outage: outage.start_s)
    order = _order(jobs)
    state, number = _prepare(jobs, nodes, policy, known, order, qpus, qpu_parts)
    killed, killed_start_s, killed_end_s = run(state, nodes, qpus * PARTS, number)
    start_s, end_s = np.empty(len(jobs)), np.empty(len(jobs))
    start_s[order], end_s[order] = state.start_s[: len(jobs)], state.end_s[: len(jobs)]
    lost = order[killed], killed_start_s, killed_end_s
    result = Schedule(jobs, nodes, policy, start_s, end_s, *lost, qpus, qpu_parts)
    check(result, known)
    return result


def check(result: Schedule, outages: Iterable[Outage] = ()) -> None:
    """Check what must hold of any schedule: every job once, whole, after its submission, on nodes of its own.

    Raises:
        EvaluationError: if it doesn't.
    """
    jobs = result.jobs
    wrong = ~(result.start_s >= jobs.submit_s) | (result.end_s != result.start_s + jobs.run_s)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise EvaluationError(
            f"job {jobs.id[index]} (index {index}) is submitted at {jobs.submit_s[index]} s, runs for "
            f"{jobs.run_s[index]} s, but is scheduled from {result.start_s[index]} to {result.end_s[index]} s"
        )
    if not (result.killed_end_s <= result.start_s[result.killed]).all():
        raise EvaluationError("a killed job runs again before it was killed")
    known = list(outages)
    down = [(outage.start_s, outage.end_s, outage.nodes) for outage in known]
    _check_use("nodes", result.machine_nodes, result.usage(), result.start_s, down)
    if result.qpu_parts is not None:
        starts_s = result.start_s[result.qpu_parts > 0]
        down = [(outage.start_s, outage.end_s, PARTS * outage.qpus) for outage in known]
        _check_use("parts of quantum computers", PARTS * result.qpus, result.qpu_usage(), starts_s, down)


def _check_use(
    what: str,
    there: int,
    usage: tuple[NDArray[np.float64], NDArray[np.int64]],
    starts_s: NDArray[np.float64],
    outages: list[tuple[float, float, int]],
) -> None:
    """Check that no more is busy than there is, nor than outages leave when a job starts that wants some."""
    times_s, busy = usage
    if len(busy) and (busy.max() > there or busy[-1] != 0):
        raise EvaluationError(f"{busy.max()} {what} are busy at once; the machine has {there}")
    for start_s, end_s, amount in _down(outages):
        # Jobs may still hold what an outage waits for; but none may start on it.
        started = (starts_s >= start_s) & (starts_s < end_s)
        at = np.searchsorted(times_s, starts_s[started], side="right") - 1
        if at.size and busy[at].max() > there - amount:
            raise EvaluationError(
                f"{busy[at].max()} {what} are busy after a start in an outage from {start_s} to {end_s} s, "
                f"which leaves {there - amount}"
            )


def _down(outages: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Return stretches of time with how much outages take in them, from start, end and amount of each."""
    known = [outage for outage in outages if outage[2]]
    edges = sorted({edge for start_s, end_s, _ in known for edge in (start_s, end_s)})
    return [
        (start_s, end_s, sum(count for begin, end, count in known if begin <= start_s and end_s <= end))
        for start_s, end_s in pairwise(edges)
    ]


def _outage(values: Outage | tuple[float, float, int, str], nodes: int, qpus: int) -> Outage:
    outage = Outage(*values)
    if not (0 <= outage.start_s < outage.end_s < np.inf):
        raise InputError(
            f"outage from {outage.start_s} to {outage.end_s} s; a start from 0 on and a later end are wanted"
        )
    if outage.qpus and not (0 < outage.qpus <= qpus and 0 <= outage.nodes <= nodes):
        raise InputError(
            f"outage of {outage.qpus} QPUs and {outage.nodes} nodes; there are {qpus} and {nodes}"
        )
    if not outage.qpus and not 1 <= outage.nodes <= nodes:
        raise InputError(f"outage of {outage.nodes} nodes; 1 to {nodes} are wanted, which the machine has")
    if outage.kind not in ("failure", "drain"):
        raise InputError(f'outage of kind {outage.kind!r}; "failure" or "drain" is wanted')
    return outage


def _order(jobs: Jobs) -> NDArray[np.int64]:
    """Return the order of service: indices by priority, submission and position."""
    if (jobs.priority == jobs.priority[:1]).all() and (jobs.submit_s[1:] >= jobs.submit_s[:-1]).all():
        return np.arange(len(jobs))
    return np.lexsort((jobs.submit_s, -jobs.priority))


def _prepare(
    jobs: Jobs,
    nodes: int,
    policy: str,
    outages: Sequence[Outage],
    order: NDArray[np.int64],
    qpus: int = 0,
    qpu_parts: NDArray[np.int64] | None = None,
) -> tuple[State, int]:
    """Return what the compiled core reads and writes, and its number of the policy."""
    numbers = {"fcfs": FCFS, "easy": EASY, "conservative": CONSERVATIVE}
    if policy not in numbers:
        raise InputError(f"policy {policy!r} isn't known; choose one of {', '.join(numbers)}")
    if nodes < 1:
        raise InputError(f"nodes={nodes}; a machine of at least one is wanted")
    if len(jobs) and jobs.nodes.max() > nodes:
        widest = int(np.argmax(jobs.nodes))
        raise InputError(
            f"job {jobs.id[widest]} wants {jobs.nodes[widest]} nodes; the machine has only {nodes}"
        )
    parts = np.zeros(len(jobs), np.int64) if qpu_parts is None else np.asarray(qpu_parts, np.int64)
    if parts.shape != (len(jobs),):
        raise InputError(f"qpu_parts has shape {parts.shape}; one value for each job is wanted")
    wrong = np.flatnonzero((parts < 0) | (parts > PARTS * qpus))
    if wrong.size:
        raise InputError(
            f"job {jobs.id[wrong[0]]} wants {parts[wrong[0]] / PARTS:g} of a quantum computer; "
            f"the machine has {qpus}"
        )
    return new_state(jobs, order, parts, outages, nodes, numbers[policy]), numbers[policy]
