"""Triplet energies by round, and their solvers against exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, errors, level, marks
from labkit.dashboards._format import number
from labkit.dashboards._report_figures import errors_against_exact
from labkit.dashboards._report_model import Triplet
from labkit.dashboards._triplet_words import SINGLET_OXYGEN_EV, errors_mha, inside

KINDS = ("ππ*", "n→π*")
_NAMED = 3  # molecules whose number stands beside their mark


def spread(triplets: Sequence[Triplet]) -> list[float]:
    """Where each triplet stands along the axis of rounds, so that none covers another of its round."""
    rounds = [t.round for t in triplets]
    order = [rounds[:i].count(r) / max(rounds.count(r) - 1, 1) for i, r in enumerate(rounds)]
    return [r - 0.3 + 0.6 * place for r, place in zip(rounds, order, strict=True)]


def triplets_by_round(triplets: Sequence[Triplet], window: tuple[float, float] | None) -> Chart:
    """Triplet energies by round with the method's error, the window, and what singlet oxygen takes."""
    spots = list(zip(spread(triplets), triplets, strict=True))
    rounds = sorted({t.round for t in triplets})
    ticks = {r: f"{r}" for r in rounds}
    left, right = rounds[0] - 0.6, rounds[-1] + 0.6
    traces: list[dict[str, Any]] = []
    if window is not None:
        low, high = window
        area = {"x": [left, right, right, left], "y": [low, low, high, high], "fill": "toself"}
        look = {"fillcolor": "#FBF6C0", "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append({"mode": "lines", "name": "window", **area, **look})
        found = inside(triplets, window)
        ticks = {r: f"{r}\n{count} of {of}" for r, (count, of) in found.items()}
    for i, state in enumerate(KINDS):
        if shown := [(x, t) for x, t in spots if t.energy.state == state]:
            told: dict[str, Any] = {
                "error_y": errors([t.energy.error_estimate_ev for _, t in shown]),
                "hovertext": [f"no. {t.number}, {t.smiles}" for _, t in shown],
                "hovertemplate": "%{hovertext}<br>%{y:.2f} eV<extra></extra>",
            }
            x, y = [x for x, _ in shown], [t.energy.ev for _, t in shown]
            traces.append(marks(state, x, y, *palette.series(i), 7, **told))
    best = [(x, t) for x, t in spots if t.number <= _NAMED]
    texts = {
        "text": [f"no. {t.number}" for _, t in best],
        "textposition": "middle left",
    }  # of a round's first
    named = {"mode": "text", "name": "number", "showlegend": False, "hoverinfo": "skip"}
    traces.append(named | texts | {"x": [x for x, _ in best], "y": [t.energy.ev for _, t in best]})
    traces.append(level(SINGLET_OXYGEN_EV, f"singlet oxygen, {SINGLET_OXYGEN_EV} eV", (left, right)))
    alt = "Vertical triplet energies (eV) by round: " + "; ".join(
        f"round {r}: "
        + ", ".join(
            f"no. {t.number} {number(t.energy.ev)} {t.energy.state}" for t in triplets if t.round == r
        )
        for r in rounds
    )
    highest = max(t.energy.ev + t.energy.error_estimate_ev for t in triplets)
    lowest = min(0.0, *(t.energy.ev - t.energy.error_estimate_ev for t in triplets))
    return Chart(
        "",
        "round" + (" (below: how many lie in the window)" if window is not None else ""),
        "vertical triplet energy (eV)",
        tuple(traces),
        alt,
        "Each mark is a molecule, numbered by rank; bars are the method's mean absolute error. Round 1 is "
        "drawn before anything is learned.",
        x={"range": (left, right), "tickvals": list(ticks), "ticktext": list(ticks.values())},
        y={"range": (1.05 * lowest, 1.05 * max(highest, *(window or (0.0,))))},
        height=4.2,
    )


def solver_errors(triplets: Sequence[Triplet]) -> Chart:
    """The circuit and a single determinant against exact, in each state."""
    sizes = [t.energy.quantum["S0"]["qubits"] for t in triplets]
    qubits = f"{min(sizes)}–{max(sizes)} qubits" if min(sizes) < max(sizes) else f"{sizes[0]} qubits"
    caption = (
        "One mark a molecule, bars are medians; errors below 10⁻⁶ mHa are drawn there. Exact is the full "
        "configuration interaction in the same orbitals."
    )
    notes = (qubits, qubits, "no correlation", "no correlation")
    names = [f"no. {t.number}, {t.smiles}" for t in triplets]
    return errors_against_exact(errors_mha(triplets), notes, "molecules", names, caption)
