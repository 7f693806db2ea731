"""Jobs that hold nodes and a quantum computer: what they hold, and when they run."""

from __future__ import annotations

import numpy as np
import pytest

from labkit.cluster._beside import SHARINGS, held, schedule_beside
from labkit.cluster._hybrid import HybridLoop, QuantumService
from labkit.cluster._links import Link
from labkit.cluster._schedule import PARTS
from labkit.cluster._sharing import share
from labkit.cluster._workload import Jobs
from labkit.errors import InputError


def jobs(run_s: list[float], qpu_s: list[float], nodes: list[int]) -> Jobs:
    none = np.zeros(len(nodes), np.int64)
    run = np.array(run_s, float)
    return Jobs(np.zeros(len(nodes)), run, np.array(nodes), run, none, none, none, np.array(qpu_s, float))


def test_what_jobs_hold_follows_from_how_they_share() -> None:
    work = jobs([100, 100, 3], [25, 0, 1], [9, 4, 1])
    for sharing, nodes, parts in (
        ("exclusive", [9, 4, 1], [PARTS, 0, PARTS]),
        ("multiplexed", [9, 4, 1], [PARTS // 4, 0, PARTS // 3 + 1]),
        ("malleable", [7, 4, 1], [PARTS // 4, 0, PARTS // 3 + 1]),  # eight of nine, a quarter of the time
    ):
        found = held(work, sharing)
        assert (found[0].tolist(), found[1].tolist()) == (nodes, parts)
    with pytest.raises(InputError, match="sharing 'split' isn't known; choose one of exclusive, multip"):
        held(work, "split")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"qpu_s=4\.0; 0 s to its run_s is wanted"):
        jobs([3], [4], [1])


@pytest.mark.parametrize("sharing", SHARINGS)
def test_many_short_batches_come_to_what_the_simulation_of_each_batch_gives(sharing: str) -> None:
    # Six loops, half of each shots: one after another, or two at a time where they take turns.
    iterations, count, nodes = 400, 6, 16
    loops = [HybridLoop(str(i), 8, iterations, 1.0, 100) for i in range(count)]
    batches = share(loops, nodes, QuantumService("q", "any", 0.01), Link("none", 0.0), sharing)
    work = jobs([2.0 * iterations] * count, [1.0 * iterations] * count, [8] * count)
    amounts, parts = held(work, sharing)
    one = Jobs(**{**vars(work), "nodes": amounts})
    done = schedule_beside(one, nodes, "easy", [], qpus=1, qpu_parts=parts)
    assert done.makespan_s == pytest.approx(batches.makespan_s, rel=0.02)


def test_no_job_begins_in_a_calibration_however_long_they_go_on() -> None:
    work = jobs([100] * 60, [100] * 60, [1] * 60)
    parts = held(work, "exclusive")[1]
    every = {"calibration_every_s": 1000.0, "calibration_s": 200.0}
    done = schedule_beside(work, 4, "easy", [], qpus=1, qpu_parts=parts, **every)
    # Eight jobs fit between two calibrations: 60 take seven periods and four jobs.
    assert done.makespan_s == 7 * 1000 + 400
    assert (done.start_s % 1000 < 800).all()
