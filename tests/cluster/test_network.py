import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._entries import Machine
from labkit.cluster._network import Network, fair_shares, network_of, shared_bandwidths
from labkit.errors import InputError


def small(topology: str, nodes: int = 24, global_gb_s: float = 60.0) -> Network:
    """Groups of 3 switches of 2 nodes, 25 GB/s a node."""
    return Network(topology, nodes, 25.0, 2, 3, global_gb_s)


def cables(topology: str, groups: int) -> list[tuple[object, object]]:
    """The same network drawn cable by cable; global links leave from the switches that are farthest apart."""
    drawn: list[tuple[object, object]] = []
    for group in range(groups):
        leaves = [("leaf", group, leaf) for leaf in range(3)]
        drawn += [(leaf, group * 6 + leaf[2] * 2 + node) for leaf in leaves for node in range(2)]
        if topology == "dragonfly":
            drawn += itertools.combinations(leaves, 2)
        else:
            drawn += [(leaf, ("spine", group)) for leaf in leaves]
    for first, second in itertools.combinations(range(groups), 2):
        if topology == "dragonfly":
            drawn.append((("leaf", first, second % 3), ("leaf", second, first % 3)))
        elif topology == "dragonfly+":
            drawn.append((("spine", first), ("spine", second)))
        else:
            drawn += [(("spine", first), "core"), (("spine", second), "core")]
    return drawn


def matrix(drawn: list[tuple[object, object]], first: list[object]) -> csr_array:
    """Cables as a symmetric matrix whose first rows are `first`."""
    names = {end: None for end in first} | {end: None for cable in drawn for end in cable}
    place = {end: number for number, end in enumerate(names)}
    dense = np.zeros((len(place), len(place)), dtype=np.int32)
    for one, other in drawn:
        dense[place[one], place[other]] = dense[place[other], place[one]] = 1
    return csr_array(dense)


@pytest.mark.parametrize("topology", ["fat-tree", "dragonfly+", "dragonfly"])
def test_hops_are_the_shortest_paths_of_the_drawn_network(topology: str) -> None:
    network = small(topology)
    numbers = np.arange(24)
    lengths = shortest_path(matrix(cables(topology, network.groups), list(range(24))), unweighted=True)
    passed = np.maximum(lengths[:24, :24] - 1, 0)
    hops = network.hops(numbers[:, None], numbers[None])
    if topology == "dragonfly":  # where a node's own switch has the global link, the route is shorter
        assert np.all(passed <= hops) and passed.max() == hops.max() == 4
        near = numbers[:, None] // 6 == numbers[None] // 6
        assert np.array_equal(passed[near], hops[near])
    else:
        assert np.array_equal(passed, hops)
    different = ~np.eye(24, dtype=bool)
    assert network.mean_hops() == pytest.approx(hops[different].mean())
    assert network.mean_hops(4) == pytest.approx(hops[:4, :4][different[:4, :4]].mean())


def test_large_messages_wait_for_the_receiver() -> None:
    network = small("fat-tree")
    times = network.point_to_point_s([0, 16384, 16385, 25e9], 5)
    latency = 0.5e-6 + 5 * 90e-9
    assert times == pytest.approx(
        [latency, latency + 16384 / 25e9, 3 * latency + 16385 / 25e9, 1 + 3 * latency]
    )
    # Karolina's documentation: 0.6 µs end to end.
    assert float(network.point_to_point_s(0, 1)) == pytest.approx(0.6e-6, rel=0.05)
    assert float(network.point_to_point_s(1e9, 1, gb_s=5.0)) == pytest.approx(0.2, rel=1e-3)


def test_fair_shares_of_a_worked_case() -> None:
    # Bertsekas and Gallager's kind of example: flows 0, 1, 2 share link 0 (1 each), 3 has link 1 with 2.
    use = [[1, 1, 1, 0], [0, 0, 1, 1]]
    assert fair_shares(use, [1, 2], [9, 9, 9, 9]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 5 / 3])
    assert fair_shares(use, [1, 2], [0.1, 9, 9, 0.5]) == pytest.approx([0.1, 0.45, 0.45, 0.5])
    assert fair_shares(use, [0, 2], [9, 9, 9, 9]) == pytest.approx([0, 0, 0, 2])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_rate_can_rise_but_at_the_cost_of_a_smaller_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    use = rng.uniform(0, 2, (4, 6)) * rng.integers(0, 2, (4, 6))
    capacity, wanted = rng.uniform(0.1, 3, 4), rng.uniform(0, 2, 6)
    rates = fair_shares(use, capacity, wanted)
    load = use @ rates
    assert np.all(load <= capacity * (1 + 1e-9)) and np.all(rates <= wanted * (1 + 1e-9))
    for flow in np.flatnonzero(rates < wanted * (1 - 1e-9)):
        full = (load > capacity * (1 - 1e-9)) & (use[:, flow] > 0)
        # On a full link of its own, no flow is faster than it.
        assert any(np.all(rates[use[link] > 0] <= rates[flow] * (1 + 1e-9)) for link in np.flatnonzero(full))


def test_jobs_within_a_group_keep_their_bandwidth_and_spread_ones_share() -> None:
    network = small("dragonfly", global_gb_s=30.0)
    alone = shared_bandwidths(network, [[0, 1, 2, 3], [6, 7]])
    assert alone == pytest.approx([25.0, 25.0])
    # Two jobs with 3 nodes in each of groups 0 and 1: 3/5 of each node's messages leave, 6 share 30 GB/s.
    spread = shared_bandwidths(network, [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11], [12, 13]])
    assert spread == pytest.approx([30 / (6 * 3 / 5), 30 / (6 * 3 / 5), 25.0])


def test_machines_of_the_catalogue_have_networks() -> None:
    machines = read_catalogue().machines
    lumi = network_of(machines["LUMI"])
    assert (lumi.link_gb_s, lumi.nodes_per_group, lumi.groups) == (100.0, 128, 24)
    assert network_of(machines["JUPITER"]).groups == 25  # as JSC's configuration page says
    with pytest.raises(InputError, match=r"Alice Recoque \(planned\)': its network wants nodes"):
        network_of(machines["Alice Recoque (planned)"])
    with pytest.raises(InputError, match="machine 'Ours': topology 'torus' isn't known"):
        network_of(Machine("Ours", "Oslo", "cpu", nodes=4, link_gbit_s_per_node=100.0, topology="torus"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (("ring", 4, 25.0, 2, 2, 10.0), "topology 'ring' isn't known; choose one of fat-tree"),
        (("dragonfly", 0, 25.0, 2, 2, 10.0), "nodes=0; a number of more than 0"),
        (("dragonfly", 4, float("nan"), 2, 2, 10.0), "link_gb_s=nan"),
        (("dragonfly", 4, 25.0, 2, 2, 10.0, -1.0), "hop_s=-1.0; a number of at least 0"),
    ],
)
def test_impossible_networks_are_told(values: tuple[object, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Network(*values)  # type: ignore[arg-type]


def test_impossible_questions_are_told() -> None:
    network = small("dragonfly")
    with pytest.raises(InputError, match="node 24 isn't there; the network has 0 to 23"):
        network.hops(0, 24)
    with pytest.raises(InputError, match="mean hops among 25 nodes; 2 to 24"):
        network.mean_hops(25)
    with pytest.raises(InputError, match="message of -1 bytes"):
        network.point_to_point_s(-1, 1)
    with pytest.raises(InputError, match="node 3 has two jobs"):
        shared_bandwidths(network, [[1, 3], [3, 4]])
    with pytest.raises(InputError, match="node 30 isn't there"):
        shared_bandwidths(network, [[1, 30]])
    with pytest.raises(InputError, match=r"use of shape \(1, 2\); \(1, 3\)"):
        fair_shares([[1, 1]], [1], [1, 1, 1])
    with pytest.raises(InputError, match="at least 0"):
        fair_shares([[1, -1]], [1], [1, 1])
