"""The report's figures: charts for browser and paper alike, pictures for what nobody points at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, beside, errors, level, line, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number, place
from labkit.dashboards._page import Picture, picture
from labkit.dashboards._quantum_words import GOAL_MHA
from labkit.dashboards._report_model import ContactEnergy, Round, Step
from labkit.dashboards._report_words import Shift, interval

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
    counts, names = [step.count for step in steps], [step.name for step in steps]
    left = bars("left", counts, names, palette.SKY, text=counts, showlegend=False)
    alt = "Bars, molecules left after each step: " + ", ".join(f"{s.name} {s.count}" for s in steps) + "."
    return drawn(Chart("", "molecules", "", [left], alt, y=UPSIDE_DOWN, height=0.5 + 0.42 * len(steps)))


def scores_by_round(rounds: Sequence[Round], zero_scores: str) -> Chart:
    """Score of every proposal by round, means with their intervals, the prior's as a line."""
    spread, means = np.random.default_rng(0), [found.mean for found in rounds]
    groups = (
        ("round 1, the prior", rounds[:1], palette.GREY, "circle"),
        ("later rounds", rounds[1:], palette.SKY, "triangle-up"),
    )
    dots = [
        marks(
            name,
            np.concatenate([r.number + spread.uniform(-0.22, 0.22, len(r.scores)) for r in own]),
            np.concatenate([r.scores for r in own]),
            colour,
            symbol,
            7,
            opacity=0.8,
            hovertext=[text for r in own for text in r.smiles],
            hovertemplate="%{hovertext}<br>score %{y:.3f}<extra></extra>",
        )
        for name, own, colour, symbol in groups
        if own
    ]
    numbers, values = [found.number for found in rounds], [mean.value for mean in means]
    spans = errors([mean.high - mean.value for mean in means], [mean.value - mean.low for mean in means])
    mean = marks("mean, 95 % interval", numbers, values, palette.BLUE, "diamond", 10, error_y=spans)
    ends = (0.4, rounds[-1].number + 0.6)
    return Chart(
        "",
        "round",
        "score (0–1)",
        (*dots, mean, level(means[0].value, "the prior's mean", ends)),
        "Score of each proposal by round. Means with 95 % intervals: "
        + "; ".join(f"round {r.number}: {interval(r.mean)}" for r in rounds),
        f"Each dot is a proposal; diamonds are means with 95 % bootstrap intervals. {zero_scores}",
        x={"range": ends, "tickvals": numbers, "ticktext": [f"{n}" for n in numbers]},
        y={"range": (-0.03, 1.0)},
    )


def contact_energies(contacts: Sequence[ContactEnergy]) -> Chart:
    """Interaction energies by residue, with the method's error."""
    rows = contact_rows(contacts)
    names = {"ticktext": [name for name, _ in rows], "tickvals": [*range(len(rows))]}
    means = [float(np.mean([c.kcal_mol for c in members])) for _, members in rows]
    traces = [bars("mean", means, names["tickvals"], "#DDDDDD", width=0.62)]
    spots = [
        (y + offset, contact)
        for y, (_, members) in enumerate(rows)
        for offset, contact in zip(beside(len(members), 0.2), members, strict=True)
    ]
    for i, kind in enumerate(KINDS):
        shown = [(y, contact) for y, contact in spots if contact.kind == kind]
        x, y = [c.kcal_mol for _, c in shown], [y for y, _ in shown]
        told: dict[str, Any] = {
            "error_x": errors([c.error_kcal_mol for _, c in shown]),
            "hovertext": [f"no. {c.number}, {c.distance:.2f} Å" for _, c in shown],
            "hovertemplate": "%{hovertext}<br>%{x:.2f} kcal/mol<extra></extra>",
        }
        traces.append(marks(kind, x, y, *palette.series(i), **told))
    if len(contacts) <= 24:
        right = [c.kcal_mol + c.error_kcal_mol for _, c in spots]
        texts = {"text": [f"no. {c.number}" for _, c in spots], "textposition": "middle right"}
        numbers = {"mode": "text", "name": "number", "showlegend": False, "x": right, "hoverinfo": "skip"}
        traces.append(numbers | texts | {"y": [y for y, _ in spots]})
    alt = "Interaction energies by residue, kcal/mol: " + "; ".join(
        f"{label}: "
        + ", ".join(f"no. {c.number} {number(c.kcal_mol)} ± {number(c.error_kcal_mol)}" for c in m)
        for label, m in rows
    )
    return Chart(
        "",
        "← attraction      interaction energy (kcal/mol)      repulsion →",
        "",
        tuple(traces),
        alt,
        "Grey bars are means over the molecules; error bars are the mean absolute error of "
        f"{contacts[0].method} on validation dimers with known CCSD(T)/CBS energies.",
        y=names | UPSIDE_DOWN,
        height=1.6 + 0.5 * len(rows),
    )


def contact_rows(contacts: Sequence[ContactEnergy]) -> list[tuple[str, list[ContactEnergy]]]:
    """Contacts gathered by residue and part, the strongest mean first."""
    rows: dict[str, list[ContactEnergy]] = {}
    for contact in contacts:
        rows.setdefault(f"{place(contact.residue)} {contact.part}", []).append(contact)
    return sorted(rows.items(), key=lambda row: float(np.mean([c.kcal_mol for c in row[1]])))


def solver_errors(contacts: Sequence[ContactEnergy]) -> dict[str, list[float]]:
    """|Error| against exact (mHa) of each way to solve the contact's active space, by label."""
    found = [{**c.quantum["controls"], "error_mha": c.quantum["error_mha"]} for c in contacts]
    return {label: [abs(q[key]) for q in found] for key, label in SOLVERS.items()}


def quantum_errors(contacts: Sequence[ContactEnergy]) -> Chart:
    """The quantum solver and its controls against exact, of contacts with a quantum step."""
    sizes = [contact.quantum["dimer"] for contact in contacts]
    caps = [contact.quantum["controls"]["cap_share"] for contact in contacts]
    shares = [100 * size["dimension"] / size["full_dimension"] for size in sizes]
    used = f"{min(shares):.0f}–{max(shares):.0f} % of the full space"
    capped = f"at most {100 * max(caps):.0f} % of it"
    notes = (used, capped, capped, capped, "no subspace")
    caption = (
        "One mark a contact, bars are medians; errors below 10⁻⁶ mHa are drawn there. 'As used' is "
        "the largest error of dimer and monomers, the others are the dimer's. Exact is the full "
        "configuration interaction in the same active space."
    )
    names = [f"no. {c.number}, {place(c.residue)} {c.part}" for c in contacts]
    return errors_against_exact(solver_errors(contacts), notes, "contacts", names, caption)


def errors_against_exact(
    by_solver: Mapping[str, Sequence[float]],
    notes: Sequence[str],
    cases: str,
    names: Sequence[str],
    caption: str,
) -> Chart:
    """Solvers against exact, on a logarithmic axis.

    Args:
        by_solver: |error| of each case, mHa.
        notes: for each solver what stands below its name.
        cases: what the cases are.
        names: of each case.
        caption: what to read off it.
    """
    traces: list[dict[str, Any]] = []
    for i, (label, values) in enumerate(by_solver.items()):
        shown = np.maximum(values, FLOOR_MHA)
        x = [i + offset for offset in beside(len(shown), 0.18)]
        hover: dict[str, Any] = {
            "hovertext": names,
            "hovertemplate": "%{hovertext}<br>%{y:.2g} mHa<extra></extra>",
        }
        name = label.replace("\n", " ")
        traces.append(marks(name, x, shown, *palette.series(i), 9, opacity=0.75, showlegend=False, **hover))
        middle = [float(np.median(shown))] * 2
        median = line("median", (i - 0.32, i + 0.32), middle, palette.BLACK, width=2, showlegend=i == 0)
        traces.append(median)
    ends = (-0.5, len(by_solver) - 0.5)
    lowest = max(FLOOR_MHA, min(min(values) for values in by_solver.values())) / 3
    highest = 3 * max(GOAL_MHA, *(max(values) for values in by_solver.values()))
    return Chart(
        "",
        "",
        "|error| against exact (mHa)",
        (*traces, level(GOAL_MHA, "1 mHa = 0.63 kcal/mol, labkit's goal", ends)),
        f"Error against exact in millihartree, median over the {cases}: "
        + "; ".join(f"{label.replace(chr(10), ' ')}: {np.median(v):.2g}" for label, v in by_solver.items()),
        caption,
        x={
            "range": ends,
            "tickvals": [*range(len(by_solver))],
            "ticktext": [f"{label}\n{note}" for label, note in zip(by_solver, notes, strict=True)],
        },
        y={"type": "log", "range": (np.log10(lowest), np.log10(highest))},
        height=4.2,
    )


def rank_changes(moved: Sequence[Shift]) -> Picture:
    """Ranks of the best simulated molecules without and with their interaction energy."""
    shown = moved[:_RANKS]
    lowest = max(max(shift.before, shift.after) for shift in shown)
    with palette.canvas(5.5, 1.0 + 0.36 * min(lowest, 2 * _RANKS)) as (figure, axes):
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
