"""Hybrid loops: what the link costs by modality, and what four ways to share a quantum computer hold.

    python benchmarks/qpu_sharing.py

Writes benchmarks/results/qpu_iteration.csv and benchmarks/results/qpu_sharing.csv anew. Times are simulated,
so the machine doesn't matter. In the second, `derived_percent` is what the mode saves of exclusive's
node-seconds by the formulas in labkit.cluster._sharing without waiting and restarts, and `published_percent`
the most that Cipollini et al. 2026 (arXiv:2604.14955) saw on hardware, for other loads.
"""

from __future__ import annotations

from pathlib import Path

from _table import append, machine, versions

from labkit.cluster._hybrid import HybridLoop, QuantumService, loop_time
from labkit.cluster._links import read_links
from labkit.cluster._sharing import MODES, share
from labkit.quantum import read_qpus

RESULTS = Path(__file__).parent / "results"
WHERE = ("machine", "versions")

# 100 iterations and one: the classical seconds are assumed, of the order of the lab's own (four nodes).
VARIATIONAL = HybridLoop("variational", 4, iterations=100, classical_s=1.0, shots=1_000)
SAMPLE_ONCE = HybridLoop("sample once", 4, iterations=1, classical_s=60.0, shots=100_000, final_s=600.0)
BARE = HybridLoop("1,000 shots, no classical work", 1, iterations=1, classical_s=0.0, shots=1_000)

ITERATION = (
    "qpu",
    "modality",
    "t_shot_s",
    "workload",
    "iterations",
    "shots",
    "link",
    "round_trip_s",
    "iteration_s",
    "total_s",
    "link_adds_percent",
    *WHERE,
)

NODES = 64
WIDE, KEPT, ITERATIONS, CYCLE_S = 16, 1, 20, 100.0
SHARES = {"balanced": 0.5, "classical-heavy": 0.2, "quantum-heavy": 0.8}  # of a cycle on the quantum computer
PUBLISHED = {"malleable": 45.7, "split": 64.0}
SHARING = (
    "load",
    "loops",
    "restart_s",
    "mode",
    "held_node_s",
    "idle_node_s",
    "waited_nodes_s",
    "waited_qpu_s",
    "makespan_s",
    "qpu_busy_percent",
    "saved_percent",
    "derived_percent",
    "published_percent",
    *WHERE,
)


def services() -> list[QuantumService]:
    """Return the recipe's machine, and the shipped ones whose time of a shot is known."""
    recipe = QuantumService("300 µs a shot", "superconducting", 300e-6)
    known = [qpu for qpu in read_qpus().values() if qpu.t_shot_s is not None]
    return [recipe, *(QuantumService(qpu.name, qpu.modality, qpu.t_shot_s or 0.0) for qpu in known)]


def iteration_rows() -> list[dict[str, object]]:
    """Return rows of the first table."""
    table: list[dict[str, object]] = []
    for qpu in services():
        for loop in (BARE, VARIATIONAL, SAMPLE_ONCE):
            for link in read_links().values():
                found = loop_time(loop, qpu, link)
                table.append(
                    {
                        "qpu": qpu.name,
                        "modality": qpu.modality,
                        "t_shot_s": qpu.t_shot_s,
                        "workload": loop.name,
                        "iterations": loop.iterations,
                        "shots": loop.shots,
                        "link": link.name,
                        "round_trip_s": link.round_trip_s,
                        "iteration_s": f"{found.iteration_s:.6g}",
                        "total_s": f"{found.total_s:.6g}",
                        "link_adds_percent": f"{100 * found.link_adds:.3g}",
                    }
                )
    return table


def loads(name: str, count: int) -> list[HybridLoop]:
    """Return loops of a load; `mixed` takes the three kinds in turn."""
    kinds = [SHARES[name]] if name in SHARES else list(SHARES.values())
    return [
        HybridLoop(
            f"loop {i}",
            WIDE,
            ITERATIONS,
            classical_s=CYCLE_S * (1 - kinds[i % len(kinds)]),
            shots=round(CYCLE_S * kinds[i % len(kinds)]),
            kept_nodes=KEPT,
        )
        for i in range(count)
    ]


def sharing_rows() -> list[dict[str, object]]:
    """Return rows of the second table: shots of 1 s, so that a batch of n takes n seconds."""
    qpu, link = QuantumService("1 s a shot", "any", 1.0), read_links()["local"]
    table: list[dict[str, object]] = []
    for load in (*SHARES, "mixed"):
        for count in (1, 2, 3, 4, 8):
            loops = loads(load, count)
            shots_s = sum(loop.iterations * loop.shots for loop in loops)
            part = shots_s / (shots_s + sum(loop.work_s for loop in loops))
            derived = {"exclusive": 0.0, "malleable": (1 - KEPT / WIDE) * part, "split": part}
            for restart_s in (0.0, 10.0):
                exclusive = share(loops, NODES, qpu, link, "exclusive")
                for mode in MODES:
                    found = share(loops, NODES, qpu, link, mode, restart_s=restart_s)
                    table.append(
                        {
                            "load": load,
                            "loops": count,
                            "restart_s": restart_s,
                            "mode": mode,
                            "held_node_s": f"{found.held_node_s:.0f}",
                            "idle_node_s": round(found.idle_node_s),
                            "waited_nodes_s": f"{sum(one.waited_nodes_s for one in found.loops):.0f}",
                            "waited_qpu_s": f"{sum(one.waited_qpu_s for one in found.loops):.0f}",
                            "makespan_s": f"{found.makespan_s:.0f}",
                            "qpu_busy_percent": f"{100 * found.qpu_busy_s / found.makespan_s:.1f}",
                            "saved_percent": f"{100 * found.saved(exclusive):.1f}",
                            "derived_percent": f"{100 * derived[mode]:.1f}" if mode in derived else "",
                            "published_percent": PUBLISHED.get(mode, ""),
                        }
                    )
    return table


def main() -> None:
    where = {"machine": machine(), "versions": versions("labkit")}
    for name, columns, table in (
        ("qpu_iteration.csv", ITERATION, iteration_rows()),
        ("qpu_sharing.csv", SHARING, sharing_rows()),
    ):
        (RESULTS / name).unlink(missing_ok=True)
        for entry in table:
            append(RESULTS / name, columns, {**entry, **where})
    for entry in iteration_rows():
        if entry["workload"] == BARE.name and entry["link"] in ("local", "wan"):
            print(f"{entry['qpu']}, {entry['link']}: the link adds {entry['link_adds_percent']} %")
    for entry in sharing_rows():
        if entry["loops"] == 4:
            print(
                f"{entry['load']}, restart {entry['restart_s']} s, {entry['mode']}: "
                f"{entry['saved_percent']} % saved, all done after {entry['makespan_s']} s"
            )


if __name__ == "__main__":
    main()
