"""Plain sentences that a report computes from its data; each says what the numbers do and don't show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labkit.campaign import RankCorrelation, Specification, bypass_in_words, bypassed
from labkit.dashboards._energy_model import Amount
from labkit.dashboards._energy_view import said
from labkit.dashboards._format import duration, number, place, signed
from labkit.dashboards._report_model import (
    Candidate,
    ContactEnergy,
    Interval,
    ReportModel,
    Round,
    mean_of,
)
from labkit.store import Steering

# Tanimoto similarity to the nearest of the known ABL1 inhibitors: median and 99th percentile of 5,000
# molecules drawn from ZINC250k (measured; chapter 01 repeats it with fewer).
_CHANCE = (0.16, 0.27)
_STEPS = {
    "sqd": "SQD",
    "ccsd": "CCSD",
    "uccsd": "UCCSD",
    "exact": "exact reference",
    "import": "loading packages",
}
_COMMANDS = 12  # that a sentence lists
_ANALOGUE = 0.4  # a rule of thumb


def outcome(model: ReportModel) -> str:
    """How the run ended and what it did, in two sentences."""
    specification, manifest = model.specification, model.manifest
    ended = {
        "done": "ran to its end",
        "running": "is still running; this is what it has found so far",
        "paused": "is paused; this is what it has found so far",
        "interrupted": "was interrupted; this is what it had found by then",
        "failed": "ended with an error; this is what it had found by then",
    }[model.status]
    against = f" against {specification.target}" if specification.docking is not None else ""
    text = (
        f"Campaign '{specification.name}'{against} (seed {manifest['seed']}) {ended}: "
        f"{len(model.rounds)} of {model.budget} rounds, "
        f"{model.count('proposed')} molecules proposed"
    )
    above = [step for step in model.steps if step.key in ("docked", "simulated", "triplet")]
    text += "".join(f", {step.count} {step.name}" for step in above)
    text += f", in {duration(manifest['seconds'])}" if manifest["seconds"] else ""
    if manifest.get("energy_method"):
        wh, error = manifest["energy_wh"], manifest["energy_uncertainty_wh"]
        used = (
            said(Amount(value, max(value - off, 0.0), value + off))
            for value, off in ((wh, error), model.run.grid.emitted(wh, error))
        )
        text += f", with {next(used)} Wh or {next(used)} gCO2e"
    return text + "." + steering(model.steering)


def steering(commands: Sequence[Steering]) -> str:
    """How the run was steered, as a sentence that follows another; nothing where it wasn't."""
    told = [
        " ".join(str(part) for part in (s.command, s.value) if part is not None)
        + (" (waits)" if s.round is None else f" (round {s.round + 1})")
        for s in commands
    ]
    more = f" and {len(told) - _COMMANDS} more" if len(told) > _COMMANDS else ""
    return f" It was steered: {', '.join(told[:_COMMANDS])}{more}." if told else ""


def metered(model: ReportModel) -> str:
    """Where the carbon of the energy comes from, and what the uncertainties mean."""
    grid = model.run.grid
    carbon = (
        f"{number(grid.g_per_kwh, 0)} g/kWh, the mean of {grid.country} in {grid.year}, whatever the hour"
    )
    if grid.uncertainty_g_per_kwh:
        carbon = (
            f"{number(grid.g_per_kwh, 0)} ± {number(grid.uncertainty_g_per_kwh, 0)} g/kWh, the world's mean "
            f"in {grid.year} with the spread of its grids, since LABKIT_COUNTRY names no country"
        )
    return (
        f"Carbon is energy times {carbon} ({grid.source}). The truth should lie within the uncertainties "
        "four times in five; they are the method's own, so all stages are off the same way."
    )


def gain(model: ReportModel) -> str:
    """Whether the proposals got better than the language model's own."""
    change = model.gain
    if change is None:
        return (
            "Fewer than two rounds are finished, so there is nothing to compare yet: round 1 is the language "
            "model's own distribution, before it has learned anything."
        )
    first, last = model.rounds[0], model.rounds[-1]
    by_hand = sum(
        s.command in ("veto", "pin") and s.round is not None and s.round < last.number for s in model.steering
    )
    text = (
        f"Round 1 is drawn before anything is learned: it is the language model's own distribution, with a "
        f"mean score of {number(first.mean.value)} (n = {first.mean.count}). Round {last.number} has "
        f"{number(last.mean.value)} (n = {last.mean.count}), a change of {signed(change.value)} with a 95 % "
        f"interval from {signed(change.low)} to {signed(change.high)}. " + _share_or_quality(first, last)
    )
    text += _bred_or_written(model.rounds)
    if not model.specification.generator.learning:
        text += "The model's learning was switched off in this run"
        if not model.specification.generator.breeding:
            return text + ": any difference is chance."
        text += ". "
    if by_hand:
        what = "vetoes and pins" if by_hand > 1 else "veto or pin"
        text += f"It was steered by {by_hand} {what}, so the change isn't learning's alone. "
    if change.low > 0:
        return text + "The interval excludes 0: the proposals got better."
    if change.high < 0:
        return text + "The interval excludes 0 on the wrong side: the proposals got worse."
    text += "The interval includes 0: this run alone is too short to tell learning from luck"
    docks = model.specification.docking is not None
    return text + (" (the README shows the same over many runs)." if docks else ".")


def _bred_or_written(rounds: Sequence[Round]) -> str:
    """What children of earlier proposals scored, beside what the model wrote in the same rounds."""
    judged = [
        (i in found.bred, score, weight)
        for found in rounds
        if found.bred
        for i, (score, weight) in enumerate(zip(found.scores, found.weights, strict=True))
    ]
    told = []
    for bred, who in ((True, "Children of earlier proposals"), (False, "what the model wrote beside them")):
        own = [(score, weight) for kind, score, weight in judged if kind == bred]
        if own:
            scores, weights = zip(*own, strict=True)
            told.append(f"{who} scored {interval(mean_of(scores, weights))}")
    return "; ".join(told) + ". " if told else ""


def _share_or_quality(first: Round, last: Round) -> str:
    """Whether more molecules pass, or those that pass are better."""
    worthy = [sum(w for s, w in zip(r.scores, r.weights, strict=True) if s > 0) for r in (first, last)]
    shares = [100 * w / sum(found.weights) for w, found in zip(worthy, (first, last), strict=True)]
    means = [
        sum(s * w for s, w in zip(found.scores, found.weights, strict=True)) / w if w else 0.0
        for w, found in zip(worthy, (first, last), strict=True)
    ]
    return (
        f"{shares[0]:.0f} % got a score above 0 in round 1 and {shares[1]:.0f} % in round {last.number}; the "
        f"mean over those went from {number(means[0])} to {number(means[1])}. "
    )


def similarity(candidate: Candidate) -> str:
    """How near a candidate is to what is known."""
    if not candidate.relative:
        return "no known inhibitors to compare with"
    return f"{number(candidate.similarity)} to {candidate.relative}"


def novelty(candidates: Sequence[Candidate]) -> str:
    """What the similarities of the best mean."""
    if not candidates or not candidates[0].relative:
        return ""
    nearest = max(candidates, key=lambda c: c.similarity)
    judgement = "" if nearest.similarity < _ANALOGUE else ": it is near enough to count as an analogue"
    return (
        f"None of these molecules was made or measured. The one most like a known ABL1 inhibitor is no. "
        f"{nearest.number}, with a Tanimoto similarity of {number(nearest.similarity)} to "
        f"{nearest.relative} (Morgan bits, radius 2){judgement}. For comparison: of "
        f"molecules drawn from ZINC250k, half reach {_CHANCE[0]} and one in a hundred {_CHANCE[1]}."
    )


def strongest(contacts: Sequence[ContactEnergy]) -> str:
    """The strongest contact, and how far its energy can be trusted."""
    best = min(contacts, key=lambda c: c.kcal_mol)
    repelled = sum(contact.kcal_mol > contact.error_kcal_mol for contact in contacts)
    repulsion = (
        f" In {repelled} of them the two repel each other: docking puts atoms closer than they like to be, "
        f"and the pose is taken as it is."
        if repelled
        else ""
    )
    return (
        f"The strongest of the {len(contacts)} simulated contacts is the {best.kind} of molecule no. "
        f"{best.number} with the {best.part} of {place(best.residue)}: {number(best.kcal_mol)} kcal/mol, "
        f"with a mean error of the method of ±{number(best.error_kcal_mol)}. An interaction energy tells how "
        f"two fragments attract each other where they stand, in the gas phase; it is no binding free energy "
        f"and no affinity.{repulsion}"
    )


@dataclass(frozen=True)
class Shift:
    """A simulated candidate's rank among the simulated ones, without and with its interaction energy."""

    candidate: Candidate
    before: int
    after: int


def shifts(model: ReportModel) -> tuple[Shift, ...]:
    """Ranks without and with the interaction energy, in the order of the ranks with it."""
    after = sorted(model.simulated, key=lambda c: (-c.score, c.smiles))
    before = sorted(model.simulated, key=lambda c: (-c.score_without, c.smiles))
    return tuple(Shift(c, before.index(c) + 1, i) for i, c in enumerate(after, start=1))


def ranking(model: ReportModel) -> list[str]:
    """What the interaction energies changed in the ranking."""
    if "interaction_energy" not in model.specification.objective:
        return ["The interaction energy is no part of this campaign's score, so it changed nothing."]
    moved = shifts(model)
    if len(moved) < 2:
        return ["Fewer than two molecules were simulated, so there is no ranking to change."]
    changed = [shift for shift in moved if shift.before != shift.after]
    texts = [
        f"{len(moved)} molecules were simulated, the most promising of each round. Among them the "
        f"interaction energy changed the place of {len(changed) or 'none'}. Molecules that were not "
        f"simulated had no chance to rise."
    ]
    if not changed:
        texts.append("The ranking is the same with and without it: this step cost time and decided nothing.")
        return texts
    top = moved[0]
    first = next(shift for shift in moved if shift.before == 1)
    if top.before == 1:
        texts.append(f"The best one, no. {top.candidate.number}, stayed the best.")
    else:
        texts.append(
            f"The best one changed: no. {top.candidate.number} rose from place {top.before} to 1, and "
            f"no. {first.candidate.number}, best before, is now at {first.after}."
        )
    if model.by_circuit:
        texts.append(
            "What moved them is the headline energy, a density functional's. The quantum solver's δ is shown "
            "beside it and never added, so it moved none."
        )
    return texts


def limits(model: ReportModel) -> list[str]:
    """What a reader should not conclude."""
    texts = [
        "Vina's energy is a fitted score with a standard error of nearly 3 kcal/mol against measured "
        "affinities (Trott & Olson 2010, doi:10.1002/jcc.21334); it ranks, it doesn't measure. The protein "
        "is held rigid.",
        "The score between 0 and 1 is this campaign's own choice of directions, ranges and weights; "
        "another choice gives another list.",
        "Nothing here says that a molecule is safe, stable, soluble or can be bought.",
    ]
    if model.contacts:
        texts.append(
            "Contacts are cut out of the protein, capped and computed in the gas phase; charged ones are "
            "left out, since without solvent their energies would swamp all others."
        )
    return texts


def step_times(what: str, answers: Sequence[Mapping[str, float]]) -> str:
    """Where the time of an answer goes, of the seconds by step of all of them."""
    steps: dict[str, float] = {}
    for answer in answers:
        for name, seconds in answer.items():
            if name != "total":
                steps[name] = steps.get(name, 0.0) + seconds
    total = sum(steps.values())
    if not total:
        return ""
    shares = sorted(steps.items(), key=lambda item: -item[1])
    listed = ", ".join(
        f"{_STEPS.get(n, n.replace('_', ' '))} {100 * s / total:.0f} %"
        for n, s in shares
        if s > 0.005 * total
    )
    return f"{what} took {duration(total / len(answers))} on average: {listed}."


def ranks(found: Mapping[tuple[str, str], RankCorrelation], specification: Specification) -> list[str]:
    """How alike fidelities rank molecules, and which of them are bypassed, a sentence each."""
    if not found:
        return []
    pairs = "; ".join(f"{lower} → {upper} {interval(rho)}" for (lower, upper), rho in found.items())
    useless = bypassed(specification, found) if specification.chooses_by_value else ()
    words = [bypass_in_words(specification, found, name) for name in useless]
    return [
        f"Rank correlation of fidelities (Spearman's ρ of the molecules that reached both): {pairs}.",
        *(f"{text[0].upper()}{text[1:]}." for text in words),
    ]


def interval(found: Interval | RankCorrelation) -> str:
    """A mean with its interval."""
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}], n = {found.count}"
