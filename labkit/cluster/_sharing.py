"""Several hybrid loops on one quantum computer and some nodes: four ways to share, simulated event by event.

- *exclusive*: a loop gets its nodes and the quantum computer together, and holds both to its end;
- *multiplexed*: loops hold their nodes to their end, and take turns at the quantum computer;
- *malleable*: as multiplexed, but while a loop waits for shots it keeps only its fewest nodes;
- *split*: each classical step is a job of its own in the nodes' queue, and nothing is held in between.

What a loop of n nodes holds, in node-seconds, follows from its classical work C, its shots with queue, link
and calibrations Q, and what the mode adds: W, waiting for the quantum computer while others use it (and, for
malleable, for nodes to come back); R, restarting on new nodes, all its iterations together. It keeps m:

    exclusive    n (C + Q)
    multiplexed  n (C + Q + W)
    malleable    n (C + R) + m (Q + W)
    split        n (C + R)

So of classical time split saves most, n Q, as far as restarts don't eat it; malleable saves (n − m) Q − m W,
less for restarts, and so the fraction (1 − m/n) Q/(C + Q) at most; exclusive saves nothing; multiplexed
holds *more*, n W, and pays off elsewhere: the quantum computer needn't wait for one loop's classical work, so
J alike loops end sooner, after about max(C + Q, J Q) instead of J (C + Q).

How much that is depends on the balance. With C = Q two loops fill each other's gaps: W is one batch of shots
in all, and half of what they hold is idle. With C ≫ Q there is little to save, but many loops fit on one
quantum computer: multiplexing is enough. With Q ≫ C nearly all that is held is idle, but the quantum computer
is full: multiplexing gains nothing, and W grows with every loop.

The order can turn: malleable holds more than exclusive once n R + m W > (n − m) Q, and split more than
malleable once its restarts cost more than malleable's and m (Q + W). And both may take longer: behind other
users split waits in the nodes' queue in every iteration, and where nodes are short others begin on what a
malleable loop gave back, and it waits to grow again.

Published savings on real hardware, up to 45.7 % malleable and 64 % split (Cipollini et al. 2026,
arXiv:2604.14955), are for its loads; nothing here is fitted to them.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

from labkit.cluster._hybrid import HybridLoop, QuantumService
from labkit.cluster._links import Link
from labkit.errors import InputError

Mode = Literal["exclusive", "multiplexed", "malleable", "split"]
MODES: tuple[Mode, ...] = ("exclusive", "multiplexed", "malleable", "split")


@dataclass(frozen=True)
class LoopOutcome:
    """What became of a loop.

    Attributes:
        name: of the loop.
        start_s: when its first work or shots began, s.
        end_s: when all was done, s.
        held_node_s: nodes times how long they were held.
        working_node_s: of that, with classical work on them.
        waited_nodes_s: for nodes, all told, s.
        waited_qpu_s: for the quantum computer, its queue included, s.
    """

    name: str
    start_s: float
    end_s: float
    held_node_s: float
    working_node_s: float
    waited_nodes_s: float
    waited_qpu_s: float


@dataclass(frozen=True)
class Sharing:
    """What a way to share comes to.

    Attributes:
        mode: the way.
        loops: what became of each.
        held: nodes that are held from a time on, as (s, nodes), in order of time.
        shots: batches on the quantum computer as (start s, end s, loop), in order of time.
    """

    mode: Mode
    loops: tuple[LoopOutcome, ...]
    held: tuple[tuple[float, int], ...]
    shots: tuple[tuple[float, float, str], ...]

    @property
    def makespan_s(self) -> float:
        """When the last loop is done, s."""
        return max((loop.end_s for loop in self.loops), default=0.0)

    @property
    def held_node_s(self) -> float:
        """Node-seconds held, by all loops."""
        return math.fsum(loop.held_node_s for loop in self.loops)

    @property
    def idle_node_s(self) -> float:
        """Node-seconds held without classical work on them."""
        return self.held_node_s - math.fsum(loop.working_node_s for loop in self.loops)

    @property
    def waited_s(self) -> float:
        """Seconds that loops waited for nodes and for the quantum computer, all together."""
        return math.fsum(loop.waited_nodes_s + loop.waited_qpu_s for loop in self.loops)

    @property
    def qpu_busy_s(self) -> float:
        """Seconds from the beginning to the end of batches; calibrations that interrupt them are in it."""
        return math.fsum(end - start for start, end, _ in self.shots)

    def saved(self, other: Sharing) -> float:
        """Return which fraction of another way's held node-seconds this one does without."""
        return 1 - self.held_node_s / other.held_node_s if other.held_node_s else 0.0


def share(
    loops: Sequence[HybridLoop],
    nodes: int,
    qpu: QuantumService,
    link: Link,
    mode: Mode,
    *,
    restart_s: float = 0.0,
    node_queue_s: float = 0.0,
) -> Sharing:
    """Return what becomes of loops that share nodes and a quantum computer.

    Nodes and quantum computer are given in order of asking. Malleable loops that want their nodes back come
    before loops that want to begin, and take what fits, so that no two wait for each other for ever: the one
    that began last began beside all the others' fewest nodes, so it finds its own when they all have shrunk.

    Args:
        loops: in the order of asking where they are handed in at once.
        nodes: that the loops share.
        qpu: that they share; its queue is that of users outside, waited in for every batch, when exclusive
            once before the beginning.
        link: between the two.
        mode: the way to share.
        restart_s: that a loop spends on nodes that it gets back before it works on, s (malleable and split).
        node_queue_s: behind users outside for every job that asks for nodes, s: once, when split each time.

    Raises:
        InputError: if a loop is wider than the nodes, or a value is out of range.
    """
    if mode not in MODES:
        raise InputError(f"mode {mode!r} isn't known; choose one of {', '.join(MODES)}")
    for name, value in (("restart_s", restart_s), ("node_queue_s", node_queue_s)):
        if not 0 <= value < math.inf:
            raise InputError(f"{name}={value}; at least 0 is wanted")
    for loop in loops:
        if loop.nodes > nodes:
            raise InputError(
                f"{loop.name}: nodes={loop.nodes}; at most the {nodes} that are shared is wanted"
            )
    return _Simulation(nodes, qpu, link, mode, restart_s, node_queue_s).run(loops)


@dataclass(eq=False)  # two loops alike are still two
class _Loop:
    """A loop on its way."""

    loop: HybridLoop
    kept: int  # nodes while shots are out
    batches: int = 0  # that are back
    holds: int = 0
    since_s: float = 0.0  # it holds as many
    held_node_s: float = 0.0
    start_s: float | None = None
    end_s: float = math.nan
    asked_s: float = 0.0  # for what it waits for
    waited_nodes_s: float = 0.0
    waited_qpu_s: float = 0.0

    @property
    def ahead_s(self) -> float:
        """Classical work until the next batch, or the end."""
        return self.loop.final_s if self.all_back else self.loop.classical_s

    @property
    def all_back(self) -> bool:
        return self.batches == self.loop.iterations


class _Simulation:
    """Events in order of time; after all of one time, nodes and quantum computer are given to who waits."""

    def __init__(
        self, nodes: int, qpu: QuantumService, link: Link, mode: Mode, restart_s: float, node_queue_s: float
    ) -> None:
        self.nodes, self.qpu, self.mode = nodes, qpu, mode
        self.one_way_s, self.restart_s, self.node_queue_s = link.round_trip_s / 2, restart_s, node_queue_s
        self.now, self.free = 0.0, nodes
        self.user: _Loop | None = None  # who has the quantum computer
        self.events: list[tuple[float, int, Callable[[_Loop], None], _Loop]] = []
        self.number = count()  # keeps events of one time in the order of their making
        self.want_back: list[_Loop] = []
        self.want_nodes: deque[_Loop] = deque()
        self.want_qpu: deque[_Loop] = deque()
        self.held: list[tuple[float, int]] = [(0.0, 0)]
        self.shots: list[tuple[float, float, str]] = []

    def run(self, loops: Sequence[HybridLoop]) -> Sharing:
        running = [_Loop(loop, self.kept(loop)) for loop in loops]
        for one in running:
            self.at(one.loop.submit_s, self.go_on, one)
        while self.events:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                _, _, happens, one = heapq.heappop(self.events)
                happens(one)
            self.give()
            if self.held[-1][1] != self.nodes - self.free:
                self.held.append((self.now, self.nodes - self.free))
        return Sharing(self.mode, tuple(map(_outcome, running)), tuple(self.held), tuple(self.shots))

    def kept(self, loop: HybridLoop) -> int:
        return {"malleable": loop.kept_nodes, "split": 0}.get(self.mode, loop.nodes)

    def at(self, time_s: float, happens: Callable[[_Loop], None], one: _Loop) -> None:
        heapq.heappush(self.events, (time_s, next(self.number), happens, one))

    def hold(self, one: _Loop, nodes: int) -> None:
        one.held_node_s += one.holds * (self.now - one.since_s)
        self.free += one.holds - nodes
        one.holds, one.since_s = nodes, self.now

    def go_on(self, one: _Loop) -> None:
        """Classical work comes next: on nodes that are held, or on nodes that have to be asked for."""
        one.asked_s = self.now
        if one.holds == one.loop.nodes or (one.ahead_s == 0 and one.holds == one.kept):
            self.at(self.now + one.ahead_s, self.worked, one)
        elif one.holds:
            self.want_back.append(one)
        else:
            others_s = self.qpu.queue_s if self.mode == "exclusive" else 0.0
            self.at(self.now + self.node_queue_s + others_s, self.want_nodes.append, one)

    def give(self) -> None:
        for one in list(self.want_back):
            if one.loop.nodes - one.holds <= self.free:
                self.want_back.remove(one)
                self.take_nodes(one)
        while self.want_nodes and self.want_nodes[0].loop.nodes <= self.free:
            if self.mode == "exclusive":
                if self.user is not None:
                    break
                self.user = self.want_nodes[0]
            self.take_nodes(self.want_nodes.popleft())
        if self.want_qpu and self.user in (None, self.want_qpu[0]):
            self.take_qpu(self.want_qpu.popleft())

    def take_nodes(self, one: _Loop) -> None:
        one.waited_nodes_s += self.now - one.asked_s
        self.hold(one, one.loop.nodes)
        again_s = 0.0 if one.start_s is None else self.restart_s
        one.start_s = self.now if one.start_s is None else one.start_s
        self.at(self.now + again_s + one.ahead_s, self.worked, one)

    def worked(self, one: _Loop) -> None:
        if one.all_back:
            self.hold(one, 0)
            one.end_s = self.now
            self.user = None if self.user is one else self.user
            return
        self.hold(one, one.kept)
        queue_s = 0.0 if self.mode == "exclusive" else self.qpu.queue_s
        one.asked_s = self.now + self.one_way_s
        self.at(one.asked_s + queue_s, self.want_qpu.append, one)

    def take_qpu(self, one: _Loop) -> None:
        one.waited_qpu_s += self.now - one.asked_s
        one.start_s = self.now if one.start_s is None else one.start_s
        self.user = one
        end_s = self.qpu.end_of_shots(self.now, one.loop.shots)
        self.shots.append((self.now, end_s, one.loop.name))
        self.at(end_s, self.measured, one)

    def measured(self, one: _Loop) -> None:
        if self.mode != "exclusive":
            self.user = None
        one.batches += 1
        self.at(self.now + self.one_way_s, self.go_on, one)


def _outcome(one: _Loop) -> LoopOutcome:
    assert one.start_s is not None
    return LoopOutcome(
        one.loop.name,
        one.start_s,
        one.end_s,
        one.held_node_s,
        one.loop.nodes * one.loop.work_s,
        one.waited_nodes_s,
        one.waited_qpu_s,
    )
