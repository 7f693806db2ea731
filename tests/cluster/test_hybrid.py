from __future__ import annotations

from dataclasses import replace

import pytest

from labkit.cluster._hybrid import HybridLoop, QuantumService, loop_time
from labkit.cluster._links import Link
from labkit.errors import InputError

SUPERCONDUCTING = QuantumService("sc", "superconducting", t_shot_s=300e-6)
ION = QuantumService("ion", "trapped ion", t_shot_s=0.3)
ITERATION = HybridLoop("loop", nodes=1, iterations=1, classical_s=0.0, shots=1000)


@pytest.mark.parametrize(
    ("qpu", "round_trip_s", "percent"),
    [
        (SUPERCONDUCTING, 0.05, 16.7),  # 50 ms beside 1,000 shots of 300 µs
        (SUPERCONDUCTING, 1e-4, 0.0333),
        (ION, 0.05, 0.0167),  # a shot takes longer than the way across Europe
    ],
)
def test_what_the_link_adds_to_an_iteration(qpu: QuantumService, round_trip_s: float, percent: float) -> None:
    found = loop_time(ITERATION, qpu, Link("l", round_trip_s))
    assert 100 * found.link_adds == pytest.approx(percent, rel=0.01)


def test_sampling_once_hardly_feels_the_link() -> None:
    link = Link("wan", 0.05)
    once = HybridLoop("sqd", nodes=4, iterations=1, classical_s=60.0, shots=100_000, final_s=600.0)
    variational = replace(ITERATION, iterations=100, classical_s=0.1)
    assert loop_time(once, SUPERCONDUCTING, link).total_s == pytest.approx(60 + 0.05 + 30 + 600)
    assert loop_time(once, SUPERCONDUCTING, link).link_adds < 1e-4
    found = loop_time(variational, SUPERCONDUCTING, link)
    assert found.total_s == pytest.approx(100 * (0.05 + 0.3 + 0.1))
    assert found.iteration_s == pytest.approx(0.45) and found.link_adds == pytest.approx(0.125)


def test_a_session_queues_once() -> None:
    busy = replace(SUPERCONDUCTING, queue_s=900.0)
    loop = replace(ITERATION, iterations=10)
    every, once = (loop_time(loop, busy, Link("l", 0.0), session=session) for session in (False, True))
    assert (every.queue_s, once.queue_s) == (9000.0, 900.0)
    assert every.total_s - once.total_s == pytest.approx(8100)


@pytest.mark.parametrize(
    ("start", "shots", "end"),
    [
        (0, 5, 5),
        (5, 3, 8),  # just done when the calibration begins
        (5, 4, 11),
        (8, 1, 11),  # in it
        (9.5, 1, 11),
        (10, 16, 28),  # two full periods
        (10, 17, 31),
        (0, 80, 98),
        (3, 0.0, 3),
    ],
)
def test_shots_pause_while_the_machine_calibrates(start: float, shots: int, end: float) -> None:
    # Open from 0 to 8 of every 10 s; a shot takes 1 s.
    qpu = QuantumService("q", "superconducting", 1.0, calibration_every_s=10.0, calibration_s=2.0)
    assert qpu.end_of_shots(start, shots) == pytest.approx(end)


def test_the_parts_of_a_loop_add_up_across_calibrations() -> None:
    qpu = QuantumService("q", "superconducting", 1.0, 0.25, calibration_every_s=10.0, calibration_s=2.0)
    loop = HybridLoop("l", 1, iterations=7, classical_s=1.5, shots=4, final_s=2.0, submit_s=3.0)
    found = loop_time(loop, qpu, Link("l", 0.5))
    now = 3.0
    for _ in range(7):
        now = qpu.end_of_shots(now + 1.5 + 0.25 + 0.25, 4) + 0.25
    assert found.total_s == pytest.approx(now + 2.0 - 3.0)
    assert found.calibration_s > 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: QuantumService("Lucy", "photonic", None), "Lucy: the time of a shot isn't known"),  # type: ignore[arg-type]
        (lambda: replace(ION, t_shot_s=0.0), "ion: t_shot_s=0.0; more than 0"),
        (lambda: replace(ION, queue_s=-1.0), "queue_s=-1.0"),
        (lambda: replace(ION, calibration_s=5.0), "without calibration_every_s"),
        (lambda: replace(ION, calibration_s=5.0, calibration_every_s=5.0), "calibration_every_s=5.0"),
        (lambda: replace(ITERATION, iterations=0), "loop: iterations=0"),
        (lambda: replace(ITERATION, shots=0), "shots=0"),
        (lambda: replace(ITERATION, kept_nodes=2), "kept_nodes=2; 1 to 1"),
        (lambda: replace(ITERATION, classical_s=float("nan")), "classical_s=nan"),
    ],
)
def test_values_out_of_range(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as error:
        make()
    assert words in str(error.value) and "\n" not in str(error.value)
