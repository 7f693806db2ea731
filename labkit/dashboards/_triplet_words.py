"""Plain sentences computed from a run's triplet energies; each says what they do and don't show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, median

from labkit.campaign import Specification
from labkit.dashboards._format import duration, number
from labkit.dashboards._quantum_words import GOAL_MHA, mha
from labkit.dashboards._report_model import Candidate, ReportModel, Triplet

# What lifts O2 from its ground state to ¹Δg: 94.3 kJ/mol (Schweitzer & Schmidt 2003, doi:10.1021/cr010371d).
SINGLET_OXYGEN_EV = 0.98
STATES = ("S0", "T1")


def energy(triplet: Triplet) -> str:
    """A triplet energy with its method's mean error."""
    return f"{number(triplet.energy.ev)} ± {number(triplet.energy.error_estimate_ev)} eV"


def window(specification: Specification) -> tuple[float, float] | None:
    """The campaign's window of triplet energies, eV; None if it wants something else of them."""
    wanted = specification.objective.get("triplet_energy")
    return wanted.range if wanted is not None and wanted.direction == "window" else None


def _count(energies: Iterable[float], low: float, high: float) -> int:
    return sum(low <= ev <= high for ev in energies)


def inside(triplets: Sequence[Triplet], wanted: tuple[float, float]) -> dict[int, tuple[int, int]]:
    """By round, how many triplets lie in the window, and of how many."""
    rounds: dict[int, list[float]] = {}
    for triplet in triplets:
        rounds.setdefault(triplet.round, []).append(triplet.energy.ev)
    return {r: (_count(found, *wanted), len(found)) for r, found in sorted(rounds.items())}


def placement(model: ReportModel) -> str:
    """How many triplets lie where they are wanted, and how many can't make singlet oxygen."""
    energies, wanted, text = [t.energy.ev for t in model.triplets], window(model.specification), ""
    if wanted is not None:
        error = max(t.energy.error_estimate_ev for t in model.triplets)
        text = (
            f"{_count(energies, *wanted)} of {len(energies)} triplet energies lie in the window from "
            f"{number(wanted[0])} to {number(wanted[1])} eV, "
            f"{_count(energies, wanted[0] + error, wanted[1] - error)} of them by more than the method's "
            f"mean error of {number(error)} eV. "
        )
    low = sum(ev < SINGLET_OXYGEN_EV for ev in energies)
    return text + (
        f"{low or 'None'} of {len(energies)} {'lie' if low > 1 else 'lies'} below the {SINGLET_OXYGEN_EV} eV "
        "that singlet oxygen takes."
    )


def trend(model: ReportModel) -> str:
    """Whether the last round meets the window more often than the first."""
    from scipy.stats import fisher_exact

    wanted = window(model.specification)
    if wanted is None:
        return "This campaign names no window for the triplet energy."
    rounds = inside(model.triplets, wanted)
    if len(rounds) < 2:
        return ""
    (first, (few, of)), *_, (last, (many, among)) = rounds.items()
    chance = fisher_exact([[few, of - few], [many, among - many]]).pvalue
    return (
        f"{few} of {of} lie in the window in round {first}, {many} of {among} in round {last}. If nothing "
        f"had changed between them, shares at least as different would come {100 * chance:.0f} % of the time "
        "(Fisher's exact test)."
    )


def sampling(model: ReportModel) -> str:
    """Which molecules the comparison of rounds counts."""
    section = model.specification.triplet
    if not model.rounds or section is None:
        return ""
    ends = dict.fromkeys((model.rounds[0], model.rounds[-1]))
    passed = "; ".join(f"{r.passed} of {sum(r.weights):.0f} in round {r.number}" for r in ends)
    choice = (
        "They were taken in the order in which they were drawn, so the choice favours none."
        if section.choice == "random"
        else "The most promising were taken, so the means flatter every round."
    )
    total, computed = sum(r.passed for r in model.rounds), sum(r.computed for r in model.rounds)
    return (
        f"Proposals that passed the triage: {passed}. Of the {total} of all rounds, the triplets of "
        f"{computed} were asked for. {choice}"
    )


def novelty(model: ReportModel, shown: Sequence[Candidate]) -> str:
    """Which of the molecules shown are known dyes."""
    known = ", ".join(f"no. {candidate.number} is {candidate.dye}" for candidate in shown if candidate.dye)
    text = f"Of labkit's short list of known dyes: {known or 'none'}. The others need not be new."
    if model.specification.generator.prior == "chromophores":
        text += " The language model was trained on that list, among other molecules."
    return text + " Nothing here was measured."


def solved_by_circuit(triplets: Sequence[Triplet]) -> tuple[Triplet, ...]:
    """Those whose active space a circuit solved."""
    return tuple(t for t in triplets if t.energy.quantum["method"] != "exact")


def errors_mha(triplets: Sequence[Triplet]) -> dict[str, list[float]]:
    """|Error| against exact (mHa) of the circuit and of a single determinant in each state, by label."""
    found = [t.energy.quantum for t in triplets]
    method = found[0]["method"].upper()
    return {f"{method},\n{state}": [q[state]["error_mha"] for q in found] for state in STATES} | {
        f"one determinant,\n{state}": [abs(q["controls"]["determinant_error_mha"][state]) for q in found]
        for state in STATES
    }


def verdict(solved: Sequence[Triplet]) -> str:
    """How near the circuit comes to exact."""
    worst = [mha(max(t.energy.quantum[state]["error_mha"] for t in solved)) for state in STATES]
    near = sum(t.energy.quantum["error_mha"] <= GOAL_MHA for t in solved)
    return (
        f"The quantum solver's energies of both states are within {GOAL_MHA:g} mHa of the exact ones in "
        f"{near} of {len(solved)} molecules; the largest error is {worst[0]} in S0 and {worst[1]} in T1."
    )


def quantum(model: ReportModel) -> list[str]:
    """What the comparison with exact shows, and what it can't show."""
    solved = solved_by_circuit(model.triplets)
    found, wanted = [t.energy for t in solved], window(model.specification)
    states = [e.quantum[state] for e in found for state in STATES]
    unfinished = sum(not state["converged"] for state in states)
    parts = [e.components for e in found]
    missed = [median(values) for label, values in errors_mha(solved).items() if "determinant" in label]
    changes = [abs(p["determinant"] - p["exact"]) for p in parts]
    control = (
        "The control: one determinant in the same orbitals, which are not its own best ones, misses the "
        f"exact energy by {missed[0]:.2g} mHa in S0 and {missed[1]:.2g} mHa in T1 (medians); under the same "
        f"functional its triplet energies differ by {number(mean(changes))} eV on average and "
        f"{number(max(changes))} eV at most."
    )
    if wanted is not None:
        moved = sum(_count([p["determinant"]], *wanted) != _count([p["exact"]], *wanted) for p in parts)
        control += f" With it, {moved or 'none'} of {len(found)} would cross an edge of the window."
    exact = sum(e.seconds["exact"] for e in found)
    circuit = sum(e.seconds[e.quantum["method"]] for e in found)
    return [
        verdict(solved),
        f"In the triplet energies, that makes {max(abs(p['solver'] - p['exact']) for p in parts):.2g} eV at "
        f"most; the method itself errs by {number(found[0].error_estimate_ev)} eV on average."
        + (f" In {unfinished} states the optimiser stopped before it converged." if unfinished else ""),
        control,
        f"The circuits have up to {max(state['qubits'] for state in states)} qubits; their parameters are "
        f"optimised on a state vector, without shots and without noise. The exact solver took "
        f"{duration(exact)} for all of these spaces, the simulated circuits {duration(circuit)}: spaces that "
        "have an exact reference need no quantum computer, they show what one would have to reproduce.",
    ]


def limits(model: ReportModel) -> list[str]:
    """What a reader should not conclude."""
    texts = [
        "A triplet energy here is vertical: at the geometry of the ground state, of one molecule, in the gas "
        "phase. The relaxed triplet lies lower, often by some tenths of an eV, so a molecule just above "
        f"{SINGLET_OXYGEN_EV} eV may fail to make singlet oxygen after all.",
        "Not computed: at which wavelength the molecule absorbs, how strongly, whether it crosses over to "
        "the triplet, how long it stays there. Enough energy in the triplet is needed and doesn't suffice.",
        "Nothing here says that a molecule dissolves, lasts, enters a cell, harms in the light, is harmless "
        "in the dark, or can be bought.",
        "The score between 0 and 1 is this campaign's own choice of directions, ranges and weights; "
        "another choice gives another list.",
    ]
    if any(not t.energy.active_space["lone_pairs"] for t in model.triplets):
        texts.insert(
            1,
            "Lone pairs in the plane, as of C=O and of pyridine's N, are in none or not in all of the active "
            "spaces: a molecule that has them may have a lower triplet, n→π*, that was not looked for.",
        )
    if model.triplets:
        found = model.triplets[0].energy
        texts.insert(
            1,
            f"The error of ±{number(found.error_estimate_ev)} eV is the {found.error_estimate_source}. "
            "Single molecules can be further off, and molecules unlike those much further.",
        )
    return texts
