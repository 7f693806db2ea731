"""Interconnects: how far apart nodes are, how much fits through, and what jobs that share links get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.cluster._entries import Machine
from labkit.errors import InputError

Array = NDArray[np.float64]

# Switches passed between switches of a group, and between groups, at most.
_SWITCHES_PASSED = {"fat-tree": (3, 5), "dragonfly": (2, 4), "dragonfly+": (3, 4)}
TOPOLOGIES: tuple[str, ...] = tuple(_SWITCHES_PASSED)


@dataclass(frozen=True)
class Network:
    """An interconnect of groups of switches.

    A group is a pod of a fat-tree (leaf switches below spines, pods joined by core switches); in a dragonfly
    (Kim and others, ISCA 2008, doi:10.1109/ISCA.2008.19) switches each joined to all others of the group; in
    a dragonfly+ (Shpiner and others, HiPINEB 2017, doi:10.1109/HiPINEB.2017.11) leaf switches below spines.
    In both dragonflies each group has links straight to each other group.

    Attributes:
        topology: one of `TOPOLOGIES`.
        nodes: how many.
        link_gb_s: bandwidth of a node into the network per direction, all its links together, GB/s.
        nodes_per_switch: nodes on one switch (leaf).
        switches_per_group: switches (leaves) with nodes in one group.
        global_gb_s: bandwidth that leaves one group per direction, all its links together, GB/s.
        hop_s: time through one switch and its cable, s.
        overhead_s: time that sender and receiver spend on a message, together, s.
        eager_bytes: up to this size a message is sent at once; above, the receiver is asked first, which
        costs
            a round trip.
        basis: "assumed" or the like, of the shape; the link's is the machine's.

    Raises:
        InputError: if a value is out of range.
    """

    topology: str
    nodes: int
    link_gb_s: float
    nodes_per_switch: int
    switches_per_group: int
    global_gb_s: float
    # <90 ns a hop and 0.6 µs end to end on HDR InfiniBand (docs.it4i.cz, Karolina's network); 16 KiB is
    # assumed.
    hop_s: float = 90e-9
    overhead_s: float = 0.5e-6
    eager_bytes: float = 16384.0
    basis: str = "assumed"

    def __post_init__(self) -> None:
        if self.topology not in TOPOLOGIES:
            raise InputError(f"topology {self.topology!r} isn't known; choose one of {', '.join(TOPOLOGIES)}")
        for name in ("nodes", "link_gb_s", "nodes_per_switch", "switches_per_group", "global_gb_s"):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"network: {name}={getattr(self, name)}; a number of more than 0 is wanted")
        for name in ("hop_s", "overhead_s", "eager_bytes"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"network: {name}={getattr(self, name)}; a number of at least 0 is wanted")

    @property
    def nodes_per_group(self) -> int:
        """How many nodes a full group has."""
        return self.nodes_per_switch * self.switches_per_group

    @property
    def groups(self) -> int:
        """How many groups the nodes fill, the last perhaps in part."""
        return -(-self.nodes // self.nodes_per_group)

    def hops(self, first: ArrayLike, second: ArrayLike) -> NDArray[np.int64]:
        """Return how many switches the shortest route between nodes passes, at most.

        Between groups of a dragonfly that is 4: the first switch, those at either end of the global link, the
        last; fewer where a node's own switch has the link.

        Args:
            first: numbers of nodes, from 0, filled switch by switch.
            second: likewise, of a shape that broadcasts with it.

        Raises:
            InputError: if there is no node of that number.
        """
        a, b = np.asarray(first), np.asarray(second)
        for number in (a, b):
            if np.any((number < 0) | (number >= self.nodes)):
                raise InputError(f"node {number.max()} isn't there; the network has 0 to {self.nodes - 1}")
        near, far = _SWITCHES_PASSED[self.topology]
        same_switch = a // self.nodes_per_switch == b // self.nodes_per_switch
        same_group = a // self.nodes_per_group == b // self.nodes_per_group
        passed = np.where(same_switch, 1, np.where(same_group, near, far))
        return np.where(a == b, 0, passed)

    def mean_hops(self, nodes: int | None = None) -> float:
        """Return the mean of `hops` between two different nodes of the first so many (default: of all)."""
        count = self.nodes if nodes is None else nodes
        if not 2 <= count <= self.nodes:
            raise InputError(f"mean hops among {count} nodes; 2 to {self.nodes} are wanted")
        numbers = np.arange(count)
        in_switch = _pairs(numbers // self.nodes_per_switch)
        in_group = _pairs(numbers // self.nodes_per_group)
        every = count * (count - 1) / 2
        near, far = _SWITCHES_PASSED[self.topology]
        return float((in_switch + near * (in_group - in_switch) + far * (every - in_group)) / every)

    def point_to_point_s(self, size_bytes: ArrayLike, hops: ArrayLike, gb_s: float | None = None) -> Array:
        """Return the time of messages, s: eager up to `eager_bytes`, above with a round trip before.

        Args:
            size_bytes: of each message.
            hops: switches passed, as of `hops`.
            gb_s: bandwidth that the message gets, where it shares links; else the node's own.

        Raises:
            InputError: if a size is negative or the bandwidth isn't above 0.
        """
        size, passed = np.asarray(size_bytes, dtype=np.float64), np.asarray(hops, dtype=np.float64)
        bandwidth = self.link_gb_s if gb_s is None else gb_s
        if np.any(~(size >= 0)) or not bandwidth > 0:
            raise InputError(
                f"message of {size_bytes!r} bytes at {bandwidth} GB/s; at least 0, more than 0 are wanted"
            )
        latency = self.overhead_s + passed * self.hop_s
        return np.where(size > self.eager_bytes, 3.0, 1.0) * latency + size / (bandwidth * 1e9)


def network_of(machine: Machine) -> Network:
    """Return a machine's interconnect: links and topology are its own, the groups are assumed.

    A group of a dragonfly has 128 nodes on 16-node switches (LUMI-G: 20 groups of 128), of a dragonfly+ 240
    on 20-node leaves (JUPITER: 25 groups of 240), a pod of a fat-tree 400 on 20-node leaves. Half of what the
    nodes of a group inject can leave it in a dragonfly, all of it in a fat-tree.

    Raises:
        InputError: if the machine's nodes, links or topology aren't known.
    """
    if machine.nodes is None or machine.link_gbit_s_per_node is None:
        raise InputError(f"machine {machine.name!r}: its network wants nodes and link_gbit_s_per_node")
    per_switch, switches, taper = _SHAPES.get(machine.topology, (1, 1, 1.0))
    link = machine.link_gbit_s_per_node / 8
    through = per_switch * switches * link * taper
    try:
        return Network(machine.topology, machine.nodes, link, per_switch, switches, through)
    except InputError as error:
        raise InputError(f"machine {machine.name!r}: {error}") from None


_SHAPES = {"fat-tree": (20, 20, 1.0), "dragonfly": (16, 8, 0.5), "dragonfly+": (20, 12, 0.5)}


def fair_shares(use: ArrayLike, capacity: ArrayLike, wanted: ArrayLike) -> Array:
    """Return max-min fair rates of flows through shared links.

    No rate can rise but at the cost of a smaller one. All rise together; a flow stops when it has what it
    wants or a link that it uses is full (progressive filling; Bertsekas and Gallager, Data Networks, 2nd ed.
    1992, section 6.5.2).

    Args:
        use: load on each link for each unit of each flow's rate, shape (links, flows), at least 0.
        capacity: of each link, shape (links,), at least 0.
        wanted: most that each flow takes, shape (flows,), at least 0.

    Raises:
        InputError: if shapes don't match or a value is negative.
    """
    load, limit, most = (np.asarray(part, dtype=np.float64) for part in (use, capacity, wanted))
    if load.shape != (*limit.shape, *most.shape) or load.ndim != 2:
        raise InputError(f"use of shape {load.shape}; {(*limit.shape, *most.shape)} (links, flows) is wanted")
    if any(np.any(~(part >= 0)) for part in (load, limit, most)):
        raise InputError("use, capacity and wanted rates: numbers of at least 0 are wanted")
    rates = np.zeros_like(most)
    rising = most > 0
    while rising.any():
        taken = load[:, rising].sum(axis=1)
        left = np.maximum(limit - load @ rates, 0.0)
        steps = np.divide(left, taken, out=np.full_like(left, np.inf), where=taken > 0)
        step = min(float((most - rates)[rising].min()), float(steps.min(initial=np.inf)))
        rates[rising] += step
        full = steps <= step * (1 + 1e-12)
        rising &= (rates < most * (1 - 1e-12)) & ~(load[full] > 0).any(axis=0)
    return rates


def shared_bandwidths(network: Network, placements: Sequence[Sequence[int]]) -> Array:
    """Return what each node of each job gets when all communicate at once, GB/s, shape (jobs,).

    Each node of a job sends to all others of it alike, so that of p nodes with q in a group, each of the q
    sends (p−q)/(p−1) of its messages out of the group. Jobs share what leaves and enters each group.

    Args:
        network: whose nodes they are.
        placements: numbers of the nodes of each job.

    Raises:
        InputError: if a node isn't there or has two jobs.
    """
    numbers = [number for placement in placements for number in placement]
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise InputError(f"node {twice} has two jobs; jobs share links, not nodes")
    if numbers and not 0 <= min(numbers) <= max(numbers) < network.nodes:
        raise InputError(f"node {max(numbers)} isn't there; the network has 0 to {network.nodes - 1}")
    use = np.zeros((network.groups, len(placements)))
    for job, placement in enumerate(placements):
        group = np.asarray(placement, dtype=np.int64) // network.nodes_per_group
        inside = np.bincount(group, minlength=network.groups)
        use[:, job] = inside * (len(placement) - inside) / max(len(placement) - 1, 1)
    capacity = np.full(network.groups, network.global_gb_s)
    return fair_shares(use, capacity, np.full(len(placements), network.link_gb_s))


def _pairs(belongs: NDArray[np.int64]) -> float:
    """Return how many pairs of entries belong together."""
    sizes = np.bincount(belongs).astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())
