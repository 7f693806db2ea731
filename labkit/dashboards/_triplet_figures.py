"""Triplet energies by round, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from labkit.dashboards import palette
from labkit.dashboards._format import number
from labkit.dashboards._page import Picture, picture
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


def triplets_by_round(triplets: Sequence[Triplet], window: tuple[float, float] | None) -> Picture:
    """Triplet energies by round with the method's error, the window, and what singlet oxygen takes."""
    places = spread(triplets)
    rounds = sorted({t.round for t in triplets})
    ticks = {r: f"{r}" for r in rounds}
    with palette.style():
        figure = Figure(figsize=(9.0, 4.2))
        axes = figure.subplots()
        if window is not None:
            axes.axhspan(*window, color=palette.YELLOW, alpha=0.3, linewidth=0, label="window")
            found = inside(triplets, window)
            ticks = {r: f"{r}\n{count} of {of}" for r, (count, of) in found.items()}
        for kind, state in enumerate(KINDS):
            shown = [(x, t) for x, t in zip(places, triplets, strict=True) if t.energy.state == state]
            if shown:
                axes.errorbar(
                    [x for x, _ in shown],
                    [t.energy.ev for _, t in shown],
                    yerr=[t.energy.error_estimate_ev for _, t in shown],
                    fmt=palette.MARKERS[kind],
                    color=palette.SERIES[kind],
                    elinewidth=0.8,
                    markersize=5.5,
                    label=state,
                )
        for x, triplet in zip(places, triplets, strict=True):
            if triplet.number <= _NAMED:
                axes.annotate(
                    f"no. {triplet.number}",
                    (x, triplet.energy.ev),
                    xytext=(-5, 0),  # the best of a round stand leftmost
                    textcoords="offset points",
                    ha="right",
                    va="center",
                    fontsize=8.5,
                )
        axes.axhline(
            SINGLET_OXYGEN_EV,
            color=palette.BLACK,
            linestyle="--",
            linewidth=1,
            label=f"singlet oxygen, {SINGLET_OXYGEN_EV} eV",
        )
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xlim(rounds[0] - 0.6, rounds[-1] + 0.6)
        axes.set_ylim(bottom=min(0.0, *axes.get_ylim()))
        axes.set_xlabel("round" + (" (below: how many lie in the window)" if window is not None else ""))
        axes.set_ylabel("vertical triplet energy (eV)")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    alt = "Vertical triplet energies (eV) by round: " + "; ".join(
        f"round {r}: "
        + ", ".join(
            f"no. {t.number} {number(t.energy.ev)} {t.energy.state}" for t in triplets if t.round == r
        )
        for r in rounds
    )
    caption = (
        "Each mark is a molecule, numbered by rank; bars are the method's mean absolute error. Round 1 is "
        "drawn before anything is learned."
    )
    return picture(figure, alt, caption)


def solver_errors(triplets: Sequence[Triplet]) -> Picture:
    """The circuit and a single determinant against exact, in each state."""
    sizes = [t.energy.quantum["S0"]["qubits"] for t in triplets]
    qubits = f"{min(sizes)}–{max(sizes)} qubits" if min(sizes) < max(sizes) else f"{sizes[0]} qubits"
    caption = (
        "One mark a molecule, bars are medians; errors below 10⁻⁶ mHa are drawn there. Exact is the full "
        "configuration interaction in the same orbitals."
    )
    notes = (qubits, qubits, "no correlation", "no correlation")
    return errors_against_exact(errors_mha(triplets), notes, "molecules", caption)
