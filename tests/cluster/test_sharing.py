from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.cluster._hybrid import HybridLoop, QuantumService, loop_time
from labkit.cluster._links import Link
from labkit.cluster._sharing import MODES, Sharing, share
from labkit.errors import InputError

QPU = QuantumService("q", "superconducting", t_shot_s=1.0)
NEAR = Link("near", 0.0)


def loop(
    name: str = "a", nodes: int = 8, iterations: int = 10, c: float = 5.0, q: int = 5, **more
) -> HybridLoop:  # type: ignore[no-untyped-def]
    return HybridLoop(name, nodes, iterations, c, q, **more)


def shared(loops: list[HybridLoop], nodes: int = 64, **more) -> dict[str, Sharing]:  # type: ignore[no-untyped-def]
    return {mode: share(loops, nodes, QPU, NEAR, mode, **more) for mode in MODES}


def test_one_loop_takes_its_parts_in_every_mode() -> None:
    qpu = replace(QPU, calibration_every_s=40.0, calibration_s=7.0)
    one, link = loop(final_s=30.0, kept_nodes=2), Link("wan", 0.5)
    alone = loop_time(one, qpu, link)
    for mode in MODES:
        found = share([one], 8, qpu, link, mode)
        assert found.makespan_s == pytest.approx(alone.total_s)
        quantum_s = alone.total_s - one.work_s
        kept = {"malleable": 2, "split": 0}.get(mode, 8)
        assert found.held_node_s == pytest.approx(8 * one.work_s + kept * quantum_s)
        assert found.waited_s == 0
        assert found.idle_node_s == pytest.approx(kept * quantum_s)


def test_exclusive_loops_follow_each_other() -> None:
    found = shared([loop("a"), loop("b"), loop("c")])["exclusive"]
    assert [one.start_s for one in found.loops] == [0, 100, 200]
    assert found.makespan_s == 300 and found.held_node_s == 3 * 8 * 100


def test_two_balanced_loops_multiplex_perfectly() -> None:
    found = shared([loop("a"), loop("b")])["multiplexed"]
    # Both compute, then one waits for a single batch of the other; from then on they alternate.
    assert found.makespan_s == 10 * (5 + 5) + 5
    assert [one.waited_qpu_s for one in found.loops] == [0, 5]
    assert found.qpu_busy_s == 2 * 10 * 5


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_full_quantum_computer_sets_the_pace(count: int) -> None:
    loops = [loop(str(i), c=2.0, q=20) for i in range(count)]
    found = shared(loops)["multiplexed"]
    assert found.makespan_s == 2 + count * 10 * 20


def test_one_loop_with_restarts_and_queues() -> None:
    found = shared([loop(final_s=30.0)], restart_s=1.0, node_queue_s=100.0)
    assert found["multiplexed"].makespan_s == 100 + 100 + 30
    assert found["malleable"].makespan_s == 100 + 100 + 30 + 10
    assert found["malleable"].held_node_s == 8 * (80 + 10) + 1 * 50
    assert found["split"].makespan_s == 11 * 100 + 100 + 30 + 10
    assert found["split"].held_node_s == 8 * (80 + 10)


def test_the_queue_outside_is_waited_in_once_when_exclusive() -> None:
    qpu = replace(QPU, queue_s=60.0)
    ends = {mode: share([loop()], 8, qpu, NEAR, mode).makespan_s for mode in MODES}
    assert ends == {"exclusive": 160, "multiplexed": 700, "malleable": 700, "split": 700}


def test_sampling_once_asks_for_no_nodes_before_its_shots_when_split() -> None:
    once = loop(iterations=1, c=0.0, q=50, final_s=30.0)
    found = shared([once])
    assert found["split"].held_node_s == 8 * 30 and found["split"].makespan_s == 80
    assert found["exclusive"].held_node_s == 8 * 80


@pytest.mark.parametrize(("c", "q"), [(5.0, 5), (1.0, 9), (9.0, 1)])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_order_of_node_seconds_held(c: float, q: int, count: int) -> None:
    """Without restarts: split < malleable < exclusive ≤ multiplexed, as long as m W < (n − m) Q."""
    found = shared([loop(str(i), c=c, q=q, kept_nodes=1, nodes=16) for i in range(count)])
    held = [found[mode].held_node_s for mode in ("split", "malleable", "exclusive", "multiplexed")]
    assert held[0] < held[1] < held[2] <= held[3]
    waited = sum(one.waited_qpu_s for one in found["malleable"].loops)
    assert waited < 15 * count * 10 * q
    assert found["multiplexed"].makespan_s <= found["exclusive"].makespan_s
    assert found["split"].saved(found["exclusive"]) == pytest.approx(q / (c + q))


def test_restarts_turn_the_order() -> None:
    found = shared([loop(kept_nodes=2)], restart_s=6.0)
    assert found["malleable"].held_node_s > found["split"].held_node_s > found["exclusive"].held_node_s
    # n C + n R + m Q against n (C + Q): worse once R > (n − m) Q / n, here 3.75 s of restart each time
    short = shared([loop(kept_nodes=2)], restart_s=3.7)
    assert short["malleable"].held_node_s < short["exclusive"].held_node_s


def test_malleable_loops_never_wait_for_each_other_for_ever() -> None:
    # Each shrinks to 3 of 6; 10 nodes let a second begin beside the first's 3, and either grow back to 6.
    loops = [loop(str(i), nodes=6, kept_nodes=3, c=3.0, q=2) for i in range(4)]
    found = shared(loops, nodes=10)["malleable"]
    assert all(one.end_s < float("inf") for one in found.loops)
    assert max(nodes for _, nodes in found.held) <= 10


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_conserved(seed: int) -> None:
    random = Random(seed)
    nodes = random.randint(4, 20)
    loops = []
    for i in range(random.randint(1, 6)):
        wide = random.randint(1, nodes)
        loops.append(
            HybridLoop(
                str(i),
                wide,
                random.randint(1, 6),
                random.choice((0.0, random.uniform(0, 9))),
                random.randint(1, 9),
                random.choice((0.0, random.uniform(0, 9))),
                random.randint(1, wide),
                random.choice((0.0, random.uniform(0, 30))),
            )
        )
    every = random.uniform(5, 50)
    qpu = QuantumService("q", "", random.uniform(0.1, 2), random.choice((0.0, 1.0)), every, every / 10)
    link = Link("l", random.choice((0.0, 0.3)))
    restart = random.choice((0.0, 0.4))
    for mode in MODES:
        found = share(
            loops, nodes, qpu, link, mode, restart_s=restart, node_queue_s=random.choice((0.0, 2.0))
        )
        assert max(n for _, n in found.held) <= nodes and found.held[-1][1] == 0
        steps = zip(found.held, found.held[1:], strict=False)
        area = sum(n * (later - since) for (since, n), (later, _) in steps)
        assert area == pytest.approx(found.held_node_s)
        assert all(b[0] >= a[1] for a, b in zip(found.shots, found.shots[1:], strict=False))
        assert len(found.shots) == sum(one.iterations for one in loops)
        assert found.idle_node_s >= -1e-9
        for one, out in zip(loops, found.loops, strict=True):
            shots = [(a, b) for a, b, name in found.shots if name == one.name]
            assert out.end_s >= one.submit_s + one.work_s + sum(b - a for a, b in shots) - 1e-9
            assert out.start_s >= one.submit_s
            if mode == "exclusive":
                assert out.held_node_s == pytest.approx(one.nodes * (out.end_s - out.start_s))
            if mode == "split" and not restart:
                assert out.held_node_s == pytest.approx(one.nodes * one.work_s)
            if mode == "malleable" and one.classical_s and one.final_s:
                again = one.iterations * restart if one.kept_nodes < one.nodes else 0.0
                off = out.end_s - out.start_s - one.work_s - again
                wanted = one.nodes * (one.work_s + again) + one.kept_nodes * off
                assert out.held_node_s == pytest.approx(wanted)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="a: nodes=8; at most the 4 that are shared"):
        share([loop()], 4, QPU, NEAR, "split")
    with pytest.raises(InputError, match="mode 'fair' isn't known; choose one of exclusive"):
        share([loop()], 8, QPU, NEAR, "fair")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="restart_s=-1"):
        share([loop()], 8, QPU, NEAR, "split", restart_s=-1)
