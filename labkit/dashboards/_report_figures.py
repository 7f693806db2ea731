"""The report's figures, drawn with matplotlib: they need no browser and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labkit.dashboards import palette
from labkit.dashboards._format import number, place
from labkit.dashboards._page import Picture, picture
from labkit.dashboards._quantum_words import GOAL_MHA
from labkit.dashboards._report_model import ContactEnergy, Round, Step
from labkit.dashboards._report_words import Shift, interval

_WIDTH = 9.0
_RANKS = 12  # molecules whose change of rank is drawn
# Errors below this are rounding; a logarithmic axis needs some end.
FLOOR_MHA = 1e-6

SOLVERS = {
    "error_mha": "SQD on circuit samples,\nas used",
    "capped_error_mha": "SQD on circuit samples,\ncapped",
    "random_bits_error_mha": "SQD on uniform bits,\ncapped",
    "singles_doubles_error_mha": "singles and doubles,\ncapped",
    "ccsd_error_mha": "CCSD",
}
KINDS = ("hydrogen bond", "close contact")


def funnel(steps: Sequence[Step]) -> Picture:
    """Molecules left after each step."""
    with palette.style():
        figure = Figure(figsize=(_WIDTH, 0.5 + 0.42 * len(steps)))
        axes = figure.subplots()
        counts = [step.count for step in steps]
        bars = axes.barh([step.name for step in steps], counts, color=palette.SKY, edgecolor=palette.BLUE)
        axes.bar_label(bars, padding=4)
        axes.invert_yaxis()
        axes.set_xlabel("molecules")
        axes.set_xlim(0, max(*counts, 1) * 1.08)
        axes.grid(visible=False, axis="y")
    alt = "Bars, molecules left after each step: " + ", ".join(f"{s.name} {s.count}" for s in steps) + "."
    return picture(figure, alt)


def scores_by_round(rounds: Sequence[Round], zero_scores: str) -> Picture:
    """Score of every proposal by round, means with their intervals, the prior's as a line."""
    with palette.style():
        figure = Figure(figsize=(_WIDTH, 3.8))
        axes = figure.subplots()
        spread = np.random.default_rng(0)
        for found in rounds:
            x = found.number + spread.uniform(-0.22, 0.22, len(found.scores))
            first = found.number == 1
            axes.scatter(
                x,
                found.scores,
                s=20,
                marker="o" if first else "^",
                color=palette.GREY if first else palette.SKY,
                linewidths=0,
                alpha=0.8,
            )
            mean = found.mean
            axes.errorbar(
                found.number,
                mean.value,
                yerr=[[mean.value - mean.low], [mean.high - mean.value]],
                fmt="D",
                color=palette.BLACK if first else palette.BLUE,
                capsize=5,
                markersize=7,
            )
        prior = rounds[0].mean.value
        axes.axhline(prior, color=palette.BLACK, linestyle="--", linewidth=1)
        axes.set_xlim(0.4, rounds[-1].number + 0.6)
        axes.annotate(
            "the prior's mean",
            (rounds[-1].number + 0.58, prior),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
        )
        axes.set_xticks(
            [r.number for r in rounds],
            ["1\n(the prior itself)" if r.number == 1 else str(r.number) for r in rounds],
        )
        axes.set_xlabel("round")
        axes.set_ylabel("score (0–1)")
        axes.set_ylim(-0.03, 1.0)
        axes.grid(visible=False, axis="x")
    alt = "Score of each proposal by round. Means with 95 % intervals: " + "; ".join(
        f"round {r.number}: {interval(r.mean)}" for r in rounds
    )
    caption = f"Each dot is a proposal; diamonds are means with 95 % bootstrap intervals. {zero_scores}"
    return picture(figure, alt, caption)


def contact_energies(contacts: Sequence[ContactEnergy]) -> Picture:
    """Interaction energies by residue, with the method's error."""
    rows = contact_rows(contacts)
    with palette.style():
        figure = Figure(figsize=(_WIDTH, 1.1 + 0.5 * len(rows)))
        axes = figure.subplots()
        for y, (_, members) in enumerate(rows):
            axes.barh(y, np.mean([c.kcal_mol for c in members]), color="#DDDDDD", height=0.62, zorder=1)
            offsets = np.linspace(-0.2, 0.2, len(members)) if len(members) > 1 else [0.0]
            for offset, contact in zip(offsets, members, strict=True):
                kind = KINDS.index(contact.kind)
                axes.errorbar(
                    contact.kcal_mol,
                    y + offset,
                    xerr=contact.error_kcal_mol,
                    fmt=palette.MARKERS[kind],
                    color=palette.SERIES[kind],
                    capsize=3,
                    markersize=6,
                    zorder=3,
                )
                if len(contacts) <= 24:
                    axes.annotate(
                        f"no. {contact.number}",
                        (contact.kcal_mol + contact.error_kcal_mol, y + offset),
                        xytext=(4, 0),
                        textcoords="offset points",
                        va="center",
                        fontsize=8.5,
                    )
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.invert_yaxis()
        axes.axvline(0, color=palette.BLACK, linewidth=0.8)
        axes.margins(x=0.08)
        axes.set_xlabel("← attraction      interaction energy (kcal/mol)      repulsion →")
        axes.grid(visible=False, axis="y")
        for kind, name in enumerate(KINDS):
            axes.plot([], [], palette.MARKERS[kind], color=palette.SERIES[kind], label=name)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    alt = "Interaction energies by residue, kcal/mol: " + "; ".join(
        f"{label}: "
        + ", ".join(f"no. {c.number} {number(c.kcal_mol)} ± {number(c.error_kcal_mol)}" for c in m)
        for label, m in rows
    )
    caption = (
        f"Grey bars are means over the molecules; error bars are the mean absolute error of "
        f"{contacts[0].method} on validation dimers with known CCSD(T)/CBS energies."
    )
    return picture(figure, alt, caption)


def contact_rows(contacts: Sequence[ContactEnergy]) -> list[tuple[str, list[ContactEnergy]]]:
    """Contacts gathered by residue and part, the strongest mean first."""
    rows: dict[str, list[ContactEnergy]] = {}
    for contact in contacts:
        rows.setdefault(f"{place(contact.residue)} {contact.part}", []).append(contact)
    return sorted(rows.items(), key=lambda row: float(np.mean([c.kcal_mol for c in row[1]])))


def solver_errors(contacts: Sequence[ContactEnergy]) -> dict[str, list[float]]:
    """|Error| against exact (mHa) of each way to solve the contact's active space, by label."""
    found = [contact.quantum for contact in contacts if contact.quantum]
    return {
        label: [abs(q["error_mha"] if key == "error_mha" else q["controls"][key]) for q in found]
        for key, label in SOLVERS.items()
    }


def quantum_errors(contacts: Sequence[ContactEnergy]) -> Picture:
    """The quantum solver and its controls against exact, of contacts."""
    sizes = [contact.quantum["dimer"] for contact in contacts if contact.quantum]
    caps = [contact.quantum["controls"]["cap_share"] for contact in contacts if contact.quantum]
    shares = [100 * size["dimension"] / size["full_dimension"] for size in sizes]
    used = f"{min(shares):.0f}–{max(shares):.0f} % of the full space"
    capped = f"at most {100 * max(caps):.0f} % of it"
    notes = (used, capped, capped, capped, "no subspace")
    caption = (
        "One mark a contact, bars are medians; errors below 10⁻⁶ mHa are drawn there. 'As used' is "
        "the largest error of dimer and monomers, the others are the dimer's. Exact is the full "
        "configuration interaction in the same active space."
    )
    return errors_against_exact(solver_errors(contacts), notes, "contacts", caption)


def errors_against_exact(
    errors: Mapping[str, Sequence[float]], notes: Sequence[str], cases: str, caption: str
) -> Picture:
    """Solvers against exact, on a logarithmic axis.

    Args:
        errors: solver to |error| of each case, mHa.
        notes: for each solver what stands below its name.
        cases: what the cases are.
        caption: what to read off it.
    """
    with palette.style():
        figure = Figure(figsize=(_WIDTH, 4.2))
        axes = figure.subplots()
        for i, values in enumerate(errors.values()):
            shown = np.maximum(values, FLOOR_MHA)
            x = i + (np.linspace(-0.18, 0.18, len(shown)) if len(shown) > 1 else np.zeros(1))
            axes.plot(x, shown, palette.MARKERS[i], color=palette.SERIES[i], alpha=0.75, markersize=7)
            median = float(np.median(shown))
            axes.plot([i - 0.32, i + 0.32], [median, median], color=palette.BLACK, linewidth=2)
        axes.axhline(GOAL_MHA, color=palette.BLACK, linestyle="--", linewidth=1)
        axes.annotate(
            "1 mHa = 0.63 kcal/mol, labkit's goal",
            (len(errors) - 0.42, GOAL_MHA),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=9,
        )
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(FLOOR_MHA, min(min(values) for values in errors.values())) / 3)
        axes.set_xlim(-0.5, len(errors) - 0.4)
        axes.set_xticks(
            range(len(errors)),
            [f"{label}\n{note}" for label, note in zip(errors, notes, strict=True)],
            fontsize=8.5,
        )
        axes.set_ylabel("|error| against exact (mHa)")
        axes.grid(visible=False, axis="x")
    alt = f"Error against exact in millihartree, median over the {cases}: " + "; ".join(
        f"{label.replace(chr(10), ' ')}: {np.median(values):.2g}" for label, values in errors.items()
    )
    return picture(figure, alt, caption)


def rank_changes(moved: Sequence[Shift]) -> Picture:
    """Ranks of the best simulated molecules without and with their interaction energy."""
    shown = moved[:_RANKS]
    lowest = max(max(shift.before, shift.after) for shift in shown)
    with palette.style():
        figure = Figure(figsize=(5.5, 1.0 + 0.36 * min(lowest, 2 * _RANKS)))
        axes = figure.subplots()
        for shift in shown:
            changed = shift.before != shift.after
            rises = shift.after < shift.before
            axes.plot(
                [0, 1],
                [shift.before, shift.after],
                "-" if changed else ":",
                marker=("^" if rises else "v") if changed else "o",
                color=(palette.BLUE if rises else palette.VERMILION) if changed else palette.GREY,
                linewidth=2,
                markersize=7,
            )
            label = f"no. {shift.candidate.number}"
            without, score = number(shift.candidate.score_without), number(shift.candidate.score)
            axes.annotate(f"{label} ({without})  ", (0, shift.before), ha="right", va="center")
            axes.annotate(f"  {label} ({score})", (1, shift.after), ha="left", va="center")
        axes.set_xlim(-0.45, 1.45)
        axes.set_ylim(lowest + 0.5, 0.5)
        axes.set_xticks([0, 1], ["without", "with interaction energy"])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("place among the simulated")
        axes.grid(visible=False)
    alt = "Places without and with the interaction energy: " + "; ".join(
        f"no. {shift.candidate.number} from {shift.before} to {shift.after}" for shift in shown
    )
    caption = "In brackets the score. Blue rises, red falls, dotted grey stays."
    if len(shown) < len(moved):
        caption += f" Of {len(moved)} molecules the first {len(shown)} are shown."
    return picture(figure, alt, caption)
