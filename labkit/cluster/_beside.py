"""Jobs that use a quantum computer beside their nodes: what they hold of either while they run.

The scheduler knows amounts that a job holds from its start to its end. What comes of a job's batches of shots
one by one stands in `_sharing`; here is the limit of many short ones, in which nobody waits for another's
batch. Of a job of n nodes that runs for T, Q of it for shots, and that could do with m nodes meanwhile:

    exclusive    n nodes                 and a whole quantum computer
    multiplexed  n nodes                 and Q/T of one: so many share it as it has time for
    malleable    n − (n − m) Q/T nodes   and Q/T of one: others run on what it gives back
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from labkit.cluster._schedule import PARTS, Outage, Policy, Schedule, schedule
from labkit.cluster._workload import Jobs
from labkit.errors import InputError

Sharing = Literal["exclusive", "multiplexed", "malleable"]
SHARINGS: tuple[Sharing, ...] = get_args(Sharing)
_KEPT_NODES = 1  # that a malleable job's memory stays on


def held(jobs: Jobs, sharing: Sharing) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what each job holds while it runs: nodes, and parts of a quantum computer, rounded up.

    Raises:
        InputError: if the way to share isn't known.
    """
    if sharing not in SHARINGS:
        raise InputError(f"sharing {sharing!r} isn't known; choose one of {', '.join(SHARINGS)}")
    busy = jobs.qpu_s / jobs.run_s
    if sharing == "exclusive":
        return jobs.nodes, np.where(busy > 0, PARTS, 0)
    parts = np.ceil(PARTS * busy).astype(np.int64)
    if sharing == "multiplexed":
        return jobs.nodes, parts
    return jobs.nodes - np.floor((jobs.nodes - _KEPT_NODES) * busy).astype(np.int64), parts


def schedule_beside(
    jobs: Jobs,
    nodes: int,
    policy: Policy,
    outages: Sequence[Outage],
    *,
    qpus: int,
    qpu_parts: NDArray[np.int64],
    calibration_every_s: float = 0.0,
    calibration_s: float = 0.0,
) -> Schedule:
    """Return when jobs run on a machine with quantum computers that are all calibrated at once.

    A calibration is a drain: it waits for jobs that run, none begins in it, and it ends when it was to end.

    Args:
        jobs: what is to run.
        nodes: of the machine.
        policy: of its scheduler.
        outages: of its nodes.
        qpus: quantum computers beside it.
        qpu_parts: of one that each job holds, as of `held`.
        calibration_every_s: from one calibration's end to the next one's, s; 0: there is none.
        calibration_s: how long each takes, s.

    Raises:
        InputError: as `schedule`.
    """
    hybrid = qpu_parts > 0
    if not hybrid.any():
        return schedule(jobs, nodes, policy, outages, qpus=qpus)
    until_s = float(jobs.submit_s.max())
    while True:
        count = int(until_s // calibration_every_s) if calibration_s else 0
        ends_s = [calibration_every_s * (number + 1) for number in range(count)]
        shut = [Outage(end_s - calibration_s, end_s, 0, "drain", qpus) for end_s in ends_s]
        done = schedule(jobs, nodes, policy, [*outages, *shut], qpus=qpus, qpu_parts=qpu_parts)
        last_s = float(done.end_s[hybrid].max())
        if last_s <= until_s or not calibration_s:
            return done
        until_s = 2 * last_s  # calibrations went on longer than was thought
