"""Times of collective communication from latency and bandwidth, on nodes with several accelerators each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.cluster._network import Network
from labkit.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """A way for messages: latency (s) and bandwidth per direction (GB/s).

    Raises:
        InputError: if a value is out of range.
    """

    latency_s: float
    bandwidth_gb_s: float

    def __post_init__(self) -> None:
        if not (0 <= self.latency_s < math.inf and 0 < self.bandwidth_gb_s):
            raise InputError(
                f"channel: {self.latency_s} s, {self.bandwidth_gb_s} GB/s; at least 0, more than 0 are wanted"
            )

    def seconds(self, messages: float, size_bytes: Array) -> Array:
        """Return the time of so many messages one after the other, `size_bytes` in all."""
        return messages * self.latency_s + size_bytes / (self.bandwidth_gb_s * 1e9)


@dataclass(frozen=True)
class Ranks:
    """Who takes part: `per_node` accelerators on each of `nodes` nodes.

    Attributes:
        per_node: accelerators.
        nodes: how many.
        local: between accelerators of a node, each with this bandwidth.
        remote: between nodes, all accelerators of a node together with this bandwidth.

    Raises:
        InputError: if there is no accelerator or node.
    """

    per_node: int
    nodes: int
    local: Channel
    remote: Channel

    def __post_init__(self) -> None:
        if self.per_node < 1 or self.nodes < 1:
            raise InputError(
                f"collective of {self.nodes} nodes of {self.per_node}; at least 1 of each is wanted"
            )

    @property
    def count(self) -> int:
        """How many take part."""
        return self.per_node * self.nodes

    @property
    def _slowest(self) -> Channel:
        """What limits a ring through all, which enters each node once for all of its accelerators."""
        if self.nodes == 1:
            return self.local
        latency = max(self.local.latency_s, self.remote.latency_s)
        if self.per_node == 1:
            return Channel(latency, self.remote.bandwidth_gb_s)
        return Channel(latency, min(self.local.bandwidth_gb_s, self.remote.bandwidth_gb_s))


def remote_channel(network: Network, nodes: int, gb_s: float | None = None) -> Channel:
    """Return the way between the first so many nodes of a network.

    Args:
        network: whose nodes they are.
        nodes: how many.
        gb_s: bandwidth that a node gets, where jobs share links; else its own.

    Raises:
        InputError: if the network has fewer nodes.
    """
    hops = network.mean_hops(nodes) if nodes > 1 else 1.0
    latency = float(network.point_to_point_s(0.0, hops))
    return Channel(latency, network.link_gb_s if gb_s is None else gb_s)


def collective_s(operation: str, size_bytes: ArrayLike, ranks: Ranks, algorithm: str | None = None) -> Array:
    """Return the time of a collective operation, s, in the shape of `size_bytes`.

    With p ranks, g a node, n nodes, S bytes, latencies α and bandwidths B (Thakur, Rabenseifner and Gropp,
    Int. J. High Perform. Comput. Appl. 19, 49, 2005, doi:10.1177/1094342005051521): a ring takes (p−1)α +
    (p−1)/p · S/B to gather or scatter and twice that for both; a binary tree 2⌈log₂p⌉α + 2S/B, pieces
    following each other; `hierarchical` works inside nodes and between them in turn.

    Args:
        operation: one of `OPERATIONS`.
        size_bytes: of one rank's buffer: what is reduced or broadcast; what is gathered or scattered in all;
        what one
            rank sends to all others together.
        ranks: who takes part.
        algorithm: one of the operation's in `OPERATIONS`; the fastest for each size where not given.

    Raises:
        InputError: if the operation or algorithm isn't known or a size is negative.
    """
    if operation not in OPERATIONS:
        raise InputError(f"collective {operation!r} isn't known; choose one of {', '.join(OPERATIONS)}")
    known = OPERATIONS[operation]
    if algorithm is not None and algorithm not in known:
        raise InputError(f"{operation} by {algorithm!r} isn't known; choose one of {', '.join(known)}")
    size = np.asarray(size_bytes, dtype=np.float64)
    if not np.all(size >= 0):
        raise InputError(f"{operation} of {size_bytes!r} bytes; at least 0 is wanted")
    if ranks.count == 1:
        return np.zeros_like(size)
    if algorithm is not None:
        return known[algorithm](size, ranks)
    return np.minimum.reduce([time(size, ranks) for time in known.values()])


def _ring_half(size: Array, ranks: Ranks) -> Array:
    steps = ranks.count - 1
    return ranks._slowest.seconds(steps, size * steps / ranks.count)


def _hierarchical_half(size: Array, ranks: Ranks) -> Array:
    """All pieces through the node's remote channel, then among its accelerators (or the other way round)."""
    inside, between = ranks.per_node - 1, ranks.nodes - 1
    local = ranks.local.seconds(inside, size * inside / ranks.per_node)
    return local + ranks.remote.seconds(between, size * between / ranks.nodes)


def _tree(size: Array, ranks: Ranks) -> Array:
    """Up and down a binary tree of nodes, with one of accelerators in each; pieces follow each other."""
    return 2 * (_depth(ranks) + size / (ranks._slowest.bandwidth_gb_s * 1e9))


def _depth(ranks: Ranks) -> float:
    """Return the latency from one rank to all along a binary tree, s."""
    inside, between = math.ceil(math.log2(ranks.per_node)), math.ceil(math.log2(ranks.nodes))
    return inside * ranks.local.latency_s + between * ranks.remote.latency_s


def _binomial(size: Array, ranks: Ranks) -> Array:
    """Whole messages, each round doubling those who have it: first the nodes, then accelerators inside."""
    inside, between = math.ceil(math.log2(ranks.per_node)), math.ceil(math.log2(ranks.nodes))
    return ranks.local.seconds(inside, size * inside) + ranks.remote.seconds(between, size * between)


def _pairwise(size: Array, ranks: Ranks) -> Array:
    """Everyone to everyone; messages inside nodes and between them go at the same time."""
    inside, outside = ranks.per_node - 1, ranks.count - ranks.per_node
    local = ranks.local.seconds(inside, size * inside / ranks.count)
    return np.maximum(local, ranks.remote.seconds(outside, size * ranks.per_node * outside / ranks.count))


OPERATIONS: dict[str, dict[str, Callable[[Array, Ranks], Array]]] = {
    "all-reduce": {
        "ring": lambda size, ranks: 2 * _ring_half(size, ranks),
        "tree": _tree,
        # Reduce-scatter inside, all-reduce of each accelerator's share between nodes, all-gather inside.
        "hierarchical": lambda size, ranks: 2 * _hierarchical_half(size, ranks),
    },
    "reduce-scatter": {"ring": _ring_half, "hierarchical": _hierarchical_half},
    "all-gather": {"ring": _ring_half, "hierarchical": _hierarchical_half},
    "all-to-all": {"pairwise": _pairwise},
    "broadcast": {
        "binomial": _binomial,
        # Scattered along a binomial tree, then gathered around a ring.
        "scatter-gather": lambda size, ranks: (
            _depth(ranks) + 2 * _ring_half(size, ranks) - _ring_half(0 * size, ranks)
        ),
    },
}
