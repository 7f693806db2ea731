from __future__ import annotations

from labkit.cluster._hybrid import HybridLoop, QuantumService, loop_time
from labkit.cluster._links import Link
from labkit.cluster._placement import price_of_sovereignty
from labkit.cluster._places import Place, estimate
from labkit.cluster._sharing import MODES, share
from labkit.cluster._zones import DataSet, Task
from labkit.dashboards._cluster_figures import (
    iteration_by_link,
    sharing_bars,
    sharing_timeline,
    sites_table,
    sovereignty_table,
)

LOOP = HybridLoop("a", nodes=8, iterations=6, classical_s=50.0, shots=50)
ONE_S = QuantumService("q", "any", t_shot_s=1.0)


def test_iterations_say_what_the_link_adds() -> None:
    links = [Link("local", 1e-4), Link("wan", 0.05)]
    bare = HybridLoop("b", 1, 1, 0.0, 1000)
    qpus = [QuantumService("fast", "superconducting", 3e-4), QuantumService("slow", "trapped ion", 0.3)]
    times = {qpu.name: {link.name: loop_time(bare, qpu, link) for link in links} for qpu in qpus}
    shown = iteration_by_link(times)
    assert "fast: 0.35 s over wan, of which the link adds 17 %" in shown.alt
    assert "slow: 300 s over wan, of which the link adds 0.017 %" in shown.alt
    assert shown.svg.startswith("<?xml")


def test_ways_to_share_in_words() -> None:
    loops = [LOOP, HybridLoop("b", nodes=8, iterations=6, classical_s=50.0, shots=50)]
    found = {mode: share(loops, 16, ONE_S, Link("l", 0.0), mode) for mode in MODES}
    # 2 loops × 8 nodes × 600 s, half of it at work
    assert "exclusive: 2.7 node-hours held, 1.3 idle, all done after 20 min 0 s" in sharing_bars(found).alt
    assert (
        "multiplexed: at most 16 nodes, quantum computer busy 92 % of 10 min 50 s"
        in sharing_timeline(found).alt
    )


def test_tables_of_sites_and_of_what_zones_cost() -> None:
    fine, italy = frozenset({"FIN"}), frozenset({"ITA"})
    north = Place("North", "North", fine, 4, node_power_w=1000.0, pue=1.0, g_per_kwh=50.0)
    south = Place("South", "South", italy, 4, node_power_w=1000.0, pue=1.0, g_per_kwh=300.0)
    task = Task("t", 7200.0, reads=("d",))
    html = sites_table({"North": "data zone", "South": estimate(task, south)}).html
    assert "data zone" in html and "2 h 0 min" in html and ">0.6<" in html
    price = price_of_sovereignty(
        [DataSet("d", 0.0, "South", italy)],
        [task],
        [north, south],
        link=Link("l", 0.0, 8.0, 0.0),
        policy="carbon",
    )
    html = sovereignty_table({"carbon": price}).html
    assert ">South<" in html and ">North<" in html and "+0.500" in html
