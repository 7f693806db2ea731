import heapq

import numpy as np
import pytest

from labkit.cluster._collectives import OPERATIONS, Channel, Ranks, collective_s, remote_channel
from labkit.cluster._network import Network
from labkit.errors import InputError

SLOW = Channel(2e-6, 10.0)
FAST = Channel(1e-6, 200.0)
SIZE = 64e6


def ring_played_through(count: int, size: float, channel: Channel) -> float:
    """Time of a ring all-reduce played step by step: each rank sends when it has sent and received before."""
    ready = [0.0] * count
    for _ in range(2 * (count - 1)):
        sent = [start + channel.latency_s + size / count / (channel.bandwidth_gb_s * 1e9) for start in ready]
        ready = [max(sent[rank], sent[rank - 1]) for rank in range(count)]
    return max(ready)


def broadcast_played_through(count: int, size: float, channel: Channel) -> float:
    """Time until all have a message that each holder passes on as soon as it can, whole."""
    cost = channel.latency_s + size / (channel.bandwidth_gb_s * 1e9)
    holders = [0.0]
    have = 1
    while have < count:
        start = heapq.heappop(holders)
        for _ in range(2):  # the sender and the receiver can both go on after it
            heapq.heappush(holders, start + cost)
        have += 1
    return max(holders)


@pytest.mark.parametrize("count", [2, 3, 7, 16])
def test_a_ring_takes_as_long_as_one_played_through(count: int) -> None:
    inside = collective_s("all-reduce", SIZE, Ranks(count, 1, FAST, SLOW), "ring")
    assert float(inside) == pytest.approx(ring_played_through(count, SIZE, FAST))
    between = collective_s("all-reduce", SIZE, Ranks(1, count, FAST, SLOW), "ring")
    assert float(between) == pytest.approx(ring_played_through(count, SIZE, SLOW))


@pytest.mark.parametrize("count", [2, 3, 7, 16])
def test_a_binomial_broadcast_takes_as_long_as_one_played_through(count: int) -> None:
    time = collective_s("broadcast", SIZE, Ranks(1, count, FAST, SLOW), "binomial")
    assert float(time) == pytest.approx(broadcast_played_through(count, SIZE, SLOW))


def test_a_tree_is_the_textbooks() -> None:
    time = collective_s("all-reduce", SIZE, Ranks(9, 1, FAST, SLOW), "tree")
    assert float(time) == pytest.approx(2 * 4 * 1e-6 + 2 * SIZE / 200e9)


@pytest.mark.parametrize(("per_node", "nodes"), [(8, 1), (4, 2), (8, 64), (1, 5)])
def test_no_algorithm_moves_less_than_it_must(per_node: int, nodes: int) -> None:
    """Each rank must send and receive 2(p−1)/p · S in an all-reduce, half of it in either part of it."""
    ranks = Ranks(per_node, nodes, FAST, SLOW)
    least = (nodes - 1) / nodes * SIZE / 10e9 if nodes > 1 else (per_node - 1) / per_node * SIZE / 200e9
    for operation, parts in (("all-reduce", 2), ("all-gather", 1), ("reduce-scatter", 1)):
        for algorithm in OPERATIONS[operation]:
            assert float(collective_s(operation, SIZE, ranks, algorithm)) >= parts * least


def test_both_halves_make_an_all_reduce() -> None:
    ranks = Ranks(8, 4, FAST, SLOW)
    for algorithm in ("ring", "hierarchical"):
        half = collective_s("reduce-scatter", SIZE, ranks, algorithm) + collective_s(
            "all-gather", SIZE, ranks, algorithm
        )
        assert float(half) == pytest.approx(float(collective_s("all-reduce", SIZE, ranks, algorithm)))


def test_small_messages_go_by_tree_and_large_ones_round_rings() -> None:
    ranks = Ranks(1, 64, FAST, SLOW)
    small, large = collective_s("all-reduce", [100.0, 1e9], ranks)
    assert small == collective_s("all-reduce", 100.0, ranks, "tree")
    assert large == collective_s("all-reduce", 1e9, ranks, "ring")
    # Inside and between in turn has far fewer steps than one ring through all 512.
    many = Ranks(8, 64, FAST, SLOW)
    assert collective_s("all-reduce", 1e6, many, "hierarchical") < collective_s(
        "all-reduce", 1e6, many, "ring"
    )


def test_all_to_all_is_limited_by_what_leaves_a_node() -> None:
    # 8 accelerators of 2 nodes: half of each one's 64 MB leaves it, 4 share 10 GB/s; the rest is faster.
    time = collective_s("all-to-all", SIZE, Ranks(4, 2, FAST, SLOW))
    assert float(time) == pytest.approx(4 * 2e-6 + 4 * SIZE / 2 / 10e9)


def test_one_rank_has_nothing_to_do() -> None:
    for operation in OPERATIONS:
        assert collective_s(operation, SIZE, Ranks(1, 1, FAST, SLOW)) == 0.0


def test_ways_between_nodes_come_from_the_network() -> None:
    network = Network("dragonfly+", 480, 100.0, 20, 12, 12_000.0)
    near = remote_channel(network, 2)
    assert (near.latency_s, near.bandwidth_gb_s) == (pytest.approx(0.59e-6), 100.0)
    assert remote_channel(network, 480).latency_s == pytest.approx(0.5e-6 + network.mean_hops() * 90e-9)
    assert remote_channel(network, 2, gb_s=7.0).bandwidth_gb_s == 7.0


def test_impossible_questions_are_told() -> None:
    ranks = Ranks(2, 2, FAST, SLOW)
    with pytest.raises(InputError, match="collective 'allreduce' isn't known; choose one of all-reduce"):
        collective_s("allreduce", 1, ranks)
    with pytest.raises(InputError, match="all-to-all by 'ring' isn't known; choose one of pairwise"):
        collective_s("all-to-all", 1, ranks, "ring")
    with pytest.raises(InputError, match="broadcast of -1 bytes"):
        collective_s("broadcast", -1, ranks)
    with pytest.raises(InputError, match="2 nodes of 0; at least 1"):
        Ranks(0, 2, FAST, SLOW)
    with pytest.raises(InputError, match="more than 0 are wanted"):
        Channel(1e-6, 0.0)
    assert np.shape(collective_s("broadcast", [[1, 2], [3, 4]], ranks)) == (2, 2)
