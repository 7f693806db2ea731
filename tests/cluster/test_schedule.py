import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.cluster._schedule import PARTS, Outage, Schedule, check, schedule
from labkit.cluster._workload import Jobs
from labkit.errors import EvaluationError, InputError

POLICIES = ("fcfs", "easy", "conservative")


def jobs_of(*rows: tuple[float, ...]) -> Jobs:
    """Jobs of (submission, run time, requested time, nodes) and, if given, priority."""
    table = np.array([(*row, 0)[:5] for row in rows], float).reshape(-1, 5)
    count = np.arange(len(rows))
    submit_s, run_s, requested_s, nodes, priority = table.T
    return Jobs(submit_s, run_s, nodes.astype(int), requested_s, priority.astype(int), count, count)


# Jobs on four nodes: submission, run time, requested time, nodes. E and L end before the time they ask for.
DOZEN = {
    "A": (0, 10, 10, 2),
    "B": (1, 5, 5, 4),
    "C": (2, 8, 8, 2),
    "D": (3, 3, 3, 1),
    "E": (4, 4, 20, 2),
    "F": (5, 20, 20, 2),
    "G": (11, 1, 1, 1),
    "H": (12, 6, 6, 3),
    "X": (13, 5, 5, 4),
    "I": (17, 5, 5, 1),
    "J": (20, 30, 30, 1),
    "K": (25, 14, 14, 1),
    "L": (26, 2, 12, 1),
}
HAND = {
    # 0 A takes 2. B (4) waits, and so do all behind it. 10 B. 15 C, D, one node idle for E (2). 18 D ends: E.
    # 22 E ends: F (2) beside C. 23 C ends: G (1), then one idle for H (3). 42 F ends: H. 48 X (4).
    # 53 all that is left: I, J, K, L, of one node each.
    "fcfs": dict(A=0, B=10, C=15, D=15, E=18, F=22, G=23, H=42, X=48, I=53, J=53, K=53, L=53),
    # 2 C ends by 10, when B is to start: passes. 10 B. 15 D, E; F is to start at 18 when D ends, none to
    # spare: G ends by then and passes; at 17 I (to 22) doesn't. 18 F. 19 E ends early, 2 free: H (3) is to
    # start at 38 when F ends, one to spare; I (to 24) passes; at 20 J (to 50) takes the one to spare. 25 K
    # (to 39) is too long; 26 L (to 38) passes. 38 H. Now X (4) waits for J. 44 H ends; K (to 58) would delay
    # X. 50 X. 55 K.
    "easy": dict(A=0, B=10, C=2, D=15, E=15, F=18, G=15, H=38, X=50, I=19, J=20, K=55, L=26),
    # Reservations: B 10; C 2; D 15; E 15 to 35; F 18 to 38; G 15; H 38 to 44; X 44 to 49; I 35. 19 E ends
    # early: H needs 3 and stays, X stays, I moves to 19. 20 J (30 long) would delay X: 49. 25 K fits in the
    # one node that H leaves, to 39. 26 L to 38. 28 L ends early: nobody gains, J lacks the node of K.
    "conservative": dict(A=0, B=10, C=2, D=15, E=15, F=18, G=15, H=38, X=44, I=19, J=49, K=25, L=26),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_dozen_jobs_start_when_worked_by_hand(policy: str) -> None:
    result = schedule(jobs_of(*DOZEN.values()), 4, policy)
    assert dict(zip(DOZEN, result.start_s, strict=True)) == HAND[policy]


def test_the_order_in_the_arrays_does_not_matter() -> None:
    shuffled = np.random.default_rng(3).permutation(list(DOZEN))
    for policy in POLICIES:
        result = schedule(jobs_of(*(DOZEN[name] for name in shuffled)), 4, policy)
        assert dict(zip(shuffled, result.start_s, strict=True)) == HAND[policy]


# On four nodes beside one quantum computer, which A and B use: submission, run time, requested time, nodes.
BESIDE = {"A": (0, 10, 10, 1), "B": (1, 10, 10, 1), "C": (2, 5, 5, 1), "D": (3, 20, 20, 3), "E": (4, 4, 4, 1)}
BESIDE_HAND = {
    # B waits for A's quantum computer, and all behind B. 10 B, C; D (3) waits. 15 C ends: D. 20 B ends: E.
    "fcfs": dict(A=0, B=10, C=10, D=15, E=20),
    # B is to start at 10, with three nodes to spare then. C and E end by then. 8 E ends: D takes the three.
    "easy": dict(A=0, B=10, C=2, D=8, E=4),
    # B is promised 10, D what C leaves at 7, so that E finds no node before B ends.
    "conservative": dict(A=0, B=10, C=2, D=7, E=20),
}


@pytest.mark.parametrize("policy", POLICIES)
def test_jobs_beside_a_quantum_computer_start_when_worked_by_hand(policy: str) -> None:
    parts = np.array([PARTS, PARTS, 0, 0, 0])
    result = schedule(jobs_of(*BESIDE.values()), 4, policy, qpus=1, qpu_parts=parts)
    assert dict(zip(BESIDE, result.start_s, strict=True)) == BESIDE_HAND[policy]
    # Two that take half of it go together, a third waits; nodes there are enough.
    halves = schedule(jobs_of(*[(0, 10, 10, 1)] * 3), 4, policy, qpus=1, qpu_parts=np.full(3, PARTS // 2))
    np.testing.assert_array_equal(halves.start_s, [0, 0, 10])
    assert halves.qpu_usage()[1].tolist() == [PARTS, PARTS // 2, 0]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_calibration_holds_up_and_a_failed_quantum_computer_kills_those_who_use_it(policy: str) -> None:
    jobs, parts = jobs_of((0, 10, 10, 1), (1, 10, 10, 1), (6, 2, 2, 1)), np.array([0, PARTS, 0])
    drained = schedule(jobs, 4, policy, [(0, 7, 0, "drain", 1)], qpus=1, qpu_parts=parts)
    # First come, first served: the third waits behind the second.
    np.testing.assert_array_equal(drained.start_s, [0, 7, 7 if policy == "fcfs" else 6])
    failed = schedule(jobs, 4, policy, [(5, 9, 0, "failure", 1)], qpus=1, qpu_parts=parts)
    np.testing.assert_array_equal(failed.start_s, [0, 9, 9 if policy == "fcfs" else 6])
    assert failed.killed.tolist() == [1]
    # A calibration that waits for a job to end holds up none that wants no quantum computer.
    waits = schedule(
        jobs_of((0, 10, 10, 1), (2, 3, 3, 1)),
        4,
        policy,
        [(1, 12, 0, "drain", 1)],
        qpus=1,
        qpu_parts=np.array([PARTS, 0]),
    )
    np.testing.assert_array_equal(waits.start_s, [0, 2])


@pytest.mark.parametrize("policy", POLICIES)
def test_higher_priorities_go_first(policy: str) -> None:
    # All but the first wait; the third is the most urgent, then the fifth and second in order of submission.
    rows = [(0, 10, 10, 1, 0), (1, 5, 5, 1, 1), (2, 5, 5, 1, 2), (3, 5, 5, 1, 0), (4, 5, 5, 1, 1)]
    np.testing.assert_array_equal(schedule(jobs_of(*rows), 1, policy).start_s, [0, 15, 10, 25, 20])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_failure_kills_what_started_last_and_a_drain_waits(policy: str) -> None:
    jobs = jobs_of((0, 10, 10, 2), (1, 10, 10, 1), (2, 10, 10, 1))
    # 2 of 4 nodes fail at 5: the third job and the second go. Both begin anew when the first ends, at 10.
    failed = schedule(jobs, 4, policy, [Outage(5, 20, 2, "failure")])
    np.testing.assert_array_equal(failed.start_s, [0, 10, 10])
    assert sorted(zip(failed.killed, failed.killed_start_s, failed.killed_end_s, strict=True)) == [
        (1, 1, 5),
        (2, 2, 5),
    ]
    times, busy = failed.usage()
    assert dict(zip(times, busy, strict=True)) == {0: 2, 1: 3, 2: 4, 5: 2, 20: 0}
    assert failed.utilisation == pytest.approx((20 + 10 + 10 + 4 + 3) / (4 * 20))
    # A drain takes them as they become free; a fourth job finds none before 20.
    more = jobs_of((0, 10, 10, 2), (1, 10, 10, 1), (2, 10, 10, 1), (6, 3, 3, 4))
    drained = schedule(more, 4, policy, [(5, 20, 2, "drain")])
    np.testing.assert_array_equal(drained.start_s, [0, 1, 2, 20])
    assert drained.killed.size == 0


def test_a_failure_takes_no_more_than_it_needs_while_a_drain_waits() -> None:
    # All nodes are busy, and the drain waits for three of them; the failure of one kills one job, which finds
    # no node until both are over.
    jobs = jobs_of(*((i, 100, 100, 1) for i in range(4)))
    result = schedule(jobs, 4, "easy", [(10, 50, 3, "drain"), (20, 60, 1, "failure")])
    np.testing.assert_array_equal(result.killed, [3])
    np.testing.assert_array_equal(result.start_s, [0, 1, 2, 60])


def test_usage_is_a_step_function() -> None:
    result = schedule(jobs_of((0, 4, 4, 2), (1, 3, 3, 1), (4, 2, 2, 2)), 3, "fcfs")
    times, busy = result.usage()
    np.testing.assert_array_equal(times, [0, 1, 4, 6])
    np.testing.assert_array_equal(busy, [2, 3, 2, 0])
    assert result.makespan_s == 6
    assert result.utilisation == pytest.approx((8 + 3 + 4) / 18)
    np.testing.assert_array_equal(result.wait_s, [0, 0, 0])


def test_no_jobs_are_no_trouble() -> None:
    for policy in POLICIES:
        result = schedule(jobs_of(), 3, policy, [(1, 2, 1, "failure")])
        assert (result.makespan_s, result.utilisation, len(result.usage()[0])) == (0, 0, 0)


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Jobs, int]:
    nodes = draw(st.integers(1, 9))
    row = st.tuples(
        st.integers(0, 60), st.integers(1, 20), st.integers(1, 30), st.integers(1, nodes), st.integers(0, 2)
    )
    return jobs_of(*draw(st.lists(row, min_size=1, max_size=25))), nodes


OUTAGES = st.lists(
    st.tuples(
        st.integers(0, 80), st.integers(1, 40), st.integers(1, 9), st.sampled_from(["failure", "drain"])
    ),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(workloads(), OUTAGES, st.sampled_from(POLICIES))
def test_what_is_conserved(
    workload: tuple[Jobs, int], rows: list[tuple[int, int, int, str]], policy: str
) -> None:
    jobs, nodes = workload
    outages = [Outage(start, start + length, min(n, nodes), kind) for start, length, n, kind in rows]
    result = schedule(jobs, nodes, policy, outages)
    assert (result.start_s >= jobs.submit_s).all()
    np.testing.assert_array_equal(result.end_s, result.start_s + jobs.run_s)
    runs = [*zip(result.start_s, result.end_s, jobs.nodes, strict=True)]
    runs += zip(result.killed_start_s, result.killed_end_s, jobs.nodes[result.killed], strict=True)
    # Second by second: nodes in use never exceed the machine; when one starts, not what outages leave either.
    times, busy = result.usage()
    for second in range(int(result.end_s.max()) + 1):
        used = sum(n for start, end, n in runs if start <= second < end)
        down = sum(o.nodes for o in outages if o.start_s <= second < o.end_s)
        assert used <= nodes
        assert used + down <= nodes or all(start != second or end == second for start, end, _ in runs)
        at = np.searchsorted(times, second, side="right") - 1
        assert used == (busy[at] if at >= 0 else 0)
    killers = {o.start_s for o in outages if o.kind == "failure"}
    assert set(result.killed_end_s) <= killers


@settings(max_examples=100, deadline=None)
@given(workloads())
def test_exactly_known_run_times_make_conservative_never_later_than_first_come_first_served(
    workload: tuple[Jobs, int],
) -> None:
    # By induction: all ahead of a job start and end no later, so what is free at its old start still is.
    jobs, nodes = workload
    jobs = replace(jobs, requested_s=jobs.run_s, priority=np.zeros(len(jobs), int))
    assert (schedule(jobs, nodes, "conservative").start_s <= schedule(jobs, nodes, "fcfs").start_s).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start_s": [0.0, 1.0, 0.0]}, "is submitted at 2.0 s"),
        ({"start_s": [0.0, np.nan, 4.0]}, "is scheduled from nan"),
        ({"end_s": [4.0, 4.0, 7.0]}, "but is scheduled from 4.0 to 7.0"),
        ({"start_s": [0.0, 1.0, 3.0], "end_s": [4.0, 4.0, 5.0]}, "5 nodes are busy at once"),
        ({"killed": [1], "killed_start_s": [0.0], "killed_end_s": [2.0]}, "before it was killed"),
    ],
)
def test_a_broken_schedule_is_noticed(change: dict[str, list[float]], message: str) -> None:
    jobs = jobs_of((0, 4, 4, 2), (1, 3, 3, 1), (2, 2, 2, 2))
    result = schedule(jobs, 3, "fcfs")
    check(result)
    broken = replace(result, **{name: np.array(values) for name, values in change.items()})
    with pytest.raises(EvaluationError, match=re.escape(message)):
        check(broken)


def test_a_start_on_nodes_that_are_down_is_noticed() -> None:
    jobs = jobs_of((0, 4, 4, 2))
    result: Schedule = schedule(jobs, 3, "fcfs")
    check(result, [Outage(0, 9, 1, "drain")])
    with pytest.raises(EvaluationError, match="which leaves 1"):
        check(result, [Outage(0, 9, 1, "drain"), Outage(0, 2, 1, "failure")])


def test_a_broken_use_of_quantum_computers_is_noticed() -> None:
    jobs, parts = jobs_of((0, 4, 4, 1), (1, 3, 3, 1)), np.array([PARTS, PARTS // 2])
    result = schedule(jobs, 3, "easy", qpus=1, qpu_parts=parts)
    broken = replace(result, start_s=np.array([0.0, 1.0]), end_s=np.array([4.0, 4.0]))
    with pytest.raises(EvaluationError, match="1500000 parts of quantum computers are busy at once"):
        check(broken)
    with pytest.raises(EvaluationError, match="in an outage from 3 to 6 s, which leaves 0"):
        check(result, [Outage(3, 6, 0, "drain", 1)])
    with pytest.raises(InputError, match="job 0 wants 1 of a quantum computer; the machine has 0"):
        schedule(jobs, 3, "easy", qpu_parts=parts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, "sjf"), "policy 'sjf' isn't known; choose one of fcfs, easy, conservative"),
        ((0, "easy"), "nodes=0; a machine of at least one is wanted"),
        ((1, "easy"), "job 1 wants 2 nodes; the machine has only 1"),
        ((3, "easy", [(5, 5, 1, "drain")]), "outage from 5 to 5 s; a start from 0 on and a later end"),
        ((3, "easy", [(5, np.inf, 1, "drain")]), "outage from 5 to inf s"),
        ((3, "easy", [(5, 6, 4, "drain")]), "outage of 4 nodes; 1 to 3 are wanted"),
        ((3, "easy", [(5, 6, 0, "drain", 1)]), "outage of 1 QPUs and 0 nodes; there are 0 and 3"),
        ((3, "easy", [(5, 6, 1, "strike")]), 'outage of kind \'strike\'; "failure" or "drain" is wanted'),
    ],
)
def test_bad_input_is_told_in_one_line(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError) as caught:
        schedule(jobs_of((0, 1, 1, 1), (0, 1, 1, 2)), *arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)
