"""Which machine a job goes to, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster._routing import NOWHERE, route
from labkit.cluster._workload import Jobs
from labkit.errors import InputError

DAY_S = 86400.0


def jobs(submit_s: list[float], run_s: list[float], nodes: list[int]) -> Jobs:
    none = np.zeros(len(nodes), np.int64)
    run = np.array(run_s, float)
    return Jobs(np.array(submit_s, float), run, np.array(nodes), run, none, none, np.arange(len(nodes)))


def routed(work: Jobs, nodes: list[int], cost: list[float], allowed: Any = True, **how: Any) -> list[int]:
    mask = np.broadcast_to(allowed, (len(work), len(nodes))).copy()
    how = {"policy": "earliest", "patience_s": DAY_S, **how}
    return route(work, np.array(nodes), np.array(cost, float), mask, **how).tolist()


def test_the_earliest_end_counts_the_queue() -> None:
    # Ten nodes and twenty. Job 0 fills the first for 100 s; job 1 then ends earlier on the second (free);
    # job 2 finds 100 s of queue on the first and 10 · 100 / 20 = 50 s on the second.
    work = jobs([0, 0, 0], [100, 100, 100], [10, 10, 10])
    assert routed(work, [10, 20], [1, 1]) == [0, 1, 1]


def test_the_cheapest_is_taken_until_patience_ends() -> None:
    # Each job is 100 s of queue on the first machine, the cheaper one; patience ends at 150 s.
    work = jobs([0] * 5, [100] * 5, [10] * 5)
    assert routed(work, [10, 10], [1, 2], policy="energy", patience_s=150) == [0, 0, 1, 1, 0]


def test_zones_and_widths_are_walls() -> None:
    work = jobs([0, 0, 0], [10, 10, 10], [5, 30, 5])
    allowed = np.array([[False, True], [True, True], [False, False]])
    assert routed(work, [10, 20], [1, 1], allowed) == [1, NOWHERE, NOWHERE]


def test_a_closed_machine_is_known_to_wait_as_long_as_it_is_closed() -> None:
    # Shut from 50 s to 500 s: job 0 doesn't know, job 1 (at 60 s) goes elsewhere, job 2 comes back.
    work = jobs([0, 60, 600], [10, 10, 10], [10, 10, 10])
    assert routed(work, [10, 10], [1, 1], closed=[(0, 50.0, 500.0)]) == [0, 1, 0]


def test_jobs_are_routed_by_submission_whatever_their_order() -> None:
    forwards = jobs([0, 1], [100, 100], [10, 10])
    backwards = jobs([1, 0], [100, 100], [10, 10])
    assert routed(forwards, [10, 10], [1, 1]) == routed(backwards, [10, 10], [1, 1])[::-1] == [0, 1]


@given(
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(1, 100), st.integers(1, 30)), min_size=1, max_size=30
    ),
    st.sampled_from(["earliest", "energy", "carbon"]),
    st.integers(0, 2**30),
)
def test_no_job_goes_where_it_may_not(rows: list[tuple[int, int, int]], policy: str, seed: int) -> None:
    submit, run, nodes = zip(*rows, strict=True)
    allowed = np.random.default_rng(seed).random((len(rows), 3)) < 0.5
    machines = [10, 20, 30]
    work = jobs(list(submit), list(run), list(nodes))
    for job, machine in enumerate(routed(work, machines, [3, 1, 2], allowed, policy=policy)):
        possible = [m for m in range(3) if allowed[job, m] and nodes[job] <= machines[m]]
        assert machine in possible if possible else machine == NOWHERE


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(InputError, match=r"don't fit 1 jobs on 2 machines"):
        route(
            jobs([0], [1], [1]),
            np.array([1, 2]),
            np.ones(2),
            np.ones((2, 2), bool),
            policy="earliest",
            patience_s=0,
        )
