"""Loops between nodes and a quantum computer, and how long they take when they have it to themselves.

T_iteration = queue + link's round trip + shots × time of a shot + classical work.

A variational algorithm pays that in every iteration; sampling once, as sample-based quantum diagonalisation
does, pays queue and link once, and then works on nodes only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from labkit.cluster._links import Link
from labkit.errors import InputError


@dataclass(frozen=True)
class QuantumService:
    """A quantum computer as its users meet it.

    Attributes:
        name: of the machine.
        modality: what its qubits are; the time of a shot follows from it over four orders of magnitude.
        t_shot_s: time of a shot, s.
        queue_s: wait behind other users for each batch of shots, s.
        calibration_every_s: from one calibration's beginning to the next, s; None: it never calibrates. The
            first begins `calibration_s` before one such period is over.
        calibration_s: length of a calibration, s; shots pause meanwhile.

    Raises:
        InputError: if a value is unknown or out of range.
    """

    name: str
    modality: str
    t_shot_s: float
    queue_s: float = 0.0
    calibration_every_s: float | None = None
    calibration_s: float = 0.0

    def __post_init__(self) -> None:
        if self.t_shot_s is None:
            raise InputError(f"{self.name}: the time of a shot isn't known; give t_shot_s in seconds")
        _check(self.name, {"t_shot_s": self.t_shot_s}, above_zero=True)
        _check(self.name, {"queue_s": self.queue_s, "calibration_s": self.calibration_s})
        if self.calibration_every_s is None:
            if self.calibration_s:
                raise InputError(
                    f"{self.name}: calibration_s={self.calibration_s} without calibration_every_s; give both"
                )
        elif not self.calibration_s < self.calibration_every_s < math.inf:
            raise InputError(
                f"{self.name}: calibration_every_s={self.calibration_every_s}; "
                f"more than calibration_s={self.calibration_s} is wanted"
            )

    def end_of_shots(self, start_s: float, shots: int) -> float:
        """Return when shots end that begin at a time, or after the calibration that is going on then, s."""
        left = shots * self.t_shot_s
        if self.calibration_every_s is None:
            return start_s + left
        period = self.calibration_every_s
        open_s = period - self.calibration_s
        number, phase = divmod(start_s, period)
        if phase < open_s and left <= open_s - phase:
            return start_s + left
        left -= max(open_s - phase, 0.0)
        whole = math.ceil(left / open_s) - 1 if left > 0 else 0
        return (number + 1 + whole) * period + left - whole * open_s


@dataclass(frozen=True)
class HybridLoop:
    """Work that goes back and forth between nodes and a quantum computer.

    Attributes:
        name: of the loop.
        nodes: that its classical work takes.
        iterations: of classical work and then shots; 1 is sampling once.
        classical_s: classical work before each batch of shots, s.
        shots: of each batch.
        final_s: classical work after the last batch, s: the diagonalisation where one samples once.
        kept_nodes: fewest that a malleable job shrinks to; it must keep its memory somewhere.
        submit_s: when it is handed in, s.

    Raises:
        InputError: if a value is out of range.
    """

    name: str
    nodes: int
    iterations: int
    classical_s: float
    shots: int
    final_s: float = 0.0
    kept_nodes: int = 1
    submit_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("nodes", "iterations", "shots"):
            if getattr(self, name) < 1:
                raise InputError(f"{self.name}: {name}={getattr(self, name)}; at least 1 is wanted")
        if not 1 <= self.kept_nodes <= self.nodes:
            raise InputError(f"{self.name}: kept_nodes={self.kept_nodes}; 1 to {self.nodes} is wanted")
        _check(self.name, {name: getattr(self, name) for name in ("classical_s", "final_s", "submit_s")})

    @property
    def work_s(self) -> float:
        """Classical work, s."""
        return self.iterations * self.classical_s + self.final_s


@dataclass(frozen=True)
class LoopTime:
    """How long a loop takes on a quantum computer that nobody else of the centre uses, s.

    Attributes:
        iterations: of the loop.
        classical_s: work on nodes.
        queue_s: behind other users.
        link_s: on the way.
        shots_s: of measuring.
        calibration_s: that shots waited for.
    """

    iterations: int
    classical_s: float
    queue_s: float
    link_s: float
    shots_s: float
    calibration_s: float

    @property
    def total_s(self) -> float:
        """All of it, s."""
        return self.classical_s + self.queue_s + self.link_s + self.shots_s + self.calibration_s

    @property
    def iteration_s(self) -> float:
        """T_iteration: the mean, s."""
        return self.total_s / self.iterations

    @property
    def link_adds(self) -> float:
        """What the link adds to all the rest, as a fraction."""
        return self.link_s / (self.total_s - self.link_s)


def loop_time(loop: HybridLoop, qpu: QuantumService, link: Link, *, session: bool = False) -> LoopTime:
    """Return how long a loop takes alone.

    Args:
        loop: that begins at its `submit_s`.
        qpu: its quantum computer.
        link: between that and the nodes.
        session: whether one waits in the queue once and then has the machine to the end.
    """
    now, queued, paused = loop.submit_s, 0.0, 0.0
    for iteration in range(loop.iterations):
        queue_s = 0.0 if session and iteration else qpu.queue_s
        start = now + loop.classical_s + queue_s + link.round_trip_s / 2
        end = qpu.end_of_shots(start, loop.shots)
        now = end + link.round_trip_s / 2
        queued += queue_s
        paused += end - start - loop.shots * qpu.t_shot_s
    return LoopTime(
        loop.iterations,
        loop.work_s,
        queued,
        loop.iterations * link.round_trip_s,
        loop.iterations * loop.shots * qpu.t_shot_s,
        paused if qpu.calibration_every_s is not None else 0.0,
    )


def _check(owner: str, values: Mapping[str, float], *, above_zero: bool = False) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf or (above_zero and not value):
            least = "more than 0" if above_zero else "at least 0"
            raise InputError(f"{owner}: {name}={value}; {least} is wanted")
