"""What a report tells, as plain values from a run's journal. No drawing, no wording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labkit.campaign import Run, Specification, score
from labkit.molecules import Properties, load_abl1_inhibitors, nearest
from labkit.store import Evaluation, Journal

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean, or a difference of means, with its 95 % bootstrap interval and the number of values."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Round:
    """One finished round.

    Attributes:
        number: counted from 1; round 1 is drawn before anything is learned.
        scores: score of each proposal from what is known of every docked molecule, 0 where triage or docking
            refused it; shape (proposals,).
        smiles: the proposals, in the same order.
        mean: of the scores.
    """

    number: int
    scores: tuple[float, ...]
    smiles: tuple[str, ...]
    mean: Interval


@dataclass(frozen=True)
class Candidate:
    """A docked molecule.

    Attributes:
        number: its place in the run's ranking, counted from 1; how texts and figures name it.
        smiles: standard form.
        proposed: as the model wrote it.
        round: counted from 1.
        score: 0–1.
        score_without: 0–1, the interaction energy left out.
        complete: whether every component of the objective is known.
        components: those that count, in their own units.
        properties: from the triage.
        docking_energy: kcal/mol.
        ligand_efficiency: kcal/mol per heavy atom.
        pose: file inside the run's folder.
        relative: name of the known inhibitor that is most similar, empty where there is none.
        similarity: Tanimoto similarity to it, 0–1.
    """

    number: int
    smiles: str
    proposed: str
    round: int
    score: float
    score_without: float
    complete: bool
    components: Mapping[str, float]
    properties: Properties
    docking_energy: float
    ligand_efficiency: float
    pose: str
    relative: str = ""
    similarity: float = 0.0


@dataclass(frozen=True)
class ContactEnergy:
    """The simulated contact of a candidate with one part of a residue.

    Attributes:
        number: of the candidate.
        residue: as "A:MET318".
        part: "backbone" or "side chain".
        kind: "hydrogen bond" or "close contact".
        distance: between the nearest atoms, Å.
        kcal_mol: interaction energy, kcal/mol.
        error_kcal_mol: mean absolute error of the method against CCSD(T)/CBS, kcal/mol.
        method: in words.
        quantum: as in ``quantum.InteractionEnergy``; empty at level `fast`.
        seconds: wall time by step.
    """

    number: int
    residue: str
    part: str
    kind: str
    distance: float
    kcal_mol: float
    error_kcal_mol: float
    method: str
    quantum: Mapping[str, Any]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Step:
    """How many molecules got through a step of the run."""

    name: str
    count: int


@dataclass(frozen=True)
class Failure:
    """An evaluation that could not be done, with its reason."""

    fidelity: str
    smiles: str
    reason: str


@dataclass(frozen=True)
class Stage:
    """What a stage used over the whole run."""

    name: str
    seconds: float
    energy_wh: float
    uncertainty_wh: float
    method: str


@dataclass(frozen=True)
class ReportModel:
    """A run, read once.

    Attributes:
        run: its folder.
        status: done, running, interrupted or failed.
        manifest: seed, commit, versions, sums.
        specification: the campaign.
        rounds: finished rounds.
        candidates: docked molecules, best first.
        contacts: simulated contacts, in the order of their candidates.
        steps: the funnel from drawn strings to simulated molecules.
        rejections: what the triage rejected, reason to count, most frequent first.
        failures: of docking and interaction.
        stages: wall time and energy.
        computed: evaluations computed in this run, by fidelity.
        cached: evaluations taken from the cache, by fidelity.
    """

    run: Run
    status: str
    manifest: Mapping[str, Any]
    specification: Specification
    rounds: tuple[Round, ...]
    candidates: tuple[Candidate, ...]
    contacts: tuple[ContactEnergy, ...]
    steps: tuple[Step, ...]
    rejections: Mapping[str, int]
    failures: tuple[Failure, ...]
    stages: tuple[Stage, ...]
    computed: Mapping[str, int]
    cached: Mapping[str, int]

    @property
    def gain(self) -> Interval | None:
        """Mean score of the last round less that of the first; None before there are two."""
        if len(self.rounds) < 2:
            return None
        return difference_of_means(self.rounds[-1].scores, self.rounds[0].scores)

    @property
    def simulated(self) -> tuple[Candidate, ...]:
        """Candidates that have an interaction energy, best first."""
        numbers = {contact.number for contact in self.contacts}
        return tuple(candidate for candidate in self.candidates if candidate.number in numbers)


def read_report(run: Run) -> ReportModel:
    """What there is to tell about a run, finished or not.

    Raises:
        InputError: if its journal or manifest is damaged.
    """
    with run.journal() as journal:
        evaluations = journal.evaluations()
        steps = _steps(journal, evaluations, run.specification)
        rounds = _rounds(journal, run.specification)
        stages = _stages(journal.meter())
    candidates = _candidates(run, evaluations)
    return ReportModel(
        run=run,
        status=run.status,
        manifest=run.manifest,
        specification=run.specification,
        rounds=rounds,
        candidates=candidates,
        contacts=_contacts(evaluations, candidates),
        steps=steps,
        rejections=_rejections(evaluations),
        failures=tuple(
            Failure(e.fidelity, e.smiles, e.result["reason"]) for e in evaluations if e.status == "failed"
        ),
        stages=stages,
        computed=Counter(e.fidelity for e in evaluations if not e.cached),
        cached=Counter(e.fidelity for e in evaluations if e.cached),
    )


def mean_of(values: Sequence[float]) -> Interval:
    """Mean of the values with its interval."""
    return _bootstrap(np.asarray(values, float))


def difference_of_means(later: Sequence[float], earlier: Sequence[float]) -> Interval:
    """Difference of two independent means with its interval; ``count`` is that of the smaller sample."""
    return _bootstrap(np.asarray(later, float), np.asarray(earlier, float))


def _bootstrap(*samples: np.ndarray) -> Interval:
    """Percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552) with a fixed seed."""
    rng = np.random.default_rng(0)
    means = [rng.choice(s, (_RESAMPLES, len(s))).mean(axis=1) for s in samples]
    value = samples[0].mean() - (samples[1].mean() if len(samples) > 1 else 0.0)
    low, high = np.quantile(means[0] - (means[1] if len(means) > 1 else 0.0), (0.025, 0.975))
    return Interval(float(value), float(low), float(high), min(map(len, samples)))


def _score_without(specification: Specification, components: Mapping[str, float]) -> float:
    rest = {name: value for name, value in components.items() if name != "interaction_energy"}
    return score(specification.objective, rest)


def _rounds(journal: Journal, specification: Specification) -> tuple[Round, ...]:
    finished = sorted({number for number, name, _ in journal.metrics() if name == "score_mean"})
    scores = {s: _score_without(specification, parts) for s, _, _, parts in journal.scores()}
    rounds = []
    for number in finished:
        smiles = tuple(p.smiles for p in journal.proposals(number))
        values = tuple(scores.get(text, 0.0) for text in smiles)
        rounds.append(Round(number + 1, values, smiles, mean_of(values)))
    return tuple(rounds)


def _candidates(run: Run, evaluations: Sequence[Evaluation]) -> tuple[Candidate, ...]:
    properties = {e.smiles: e.result["properties"] for e in evaluations if e.fidelity == "triage"}
    docked = {e.smiles: e.result["components"] for e in evaluations if e.fidelity == "docking" and _done(e)}
    best = run.best(count=len(evaluations))
    known = load_abl1_inhibitors() if run.specification.target == "abl1" else []
    relatives = nearest([b["smiles"] for b in best], [k.smiles for k in known]) if best and known else []
    return tuple(
        Candidate(
            number=i + 1,
            smiles=row["smiles"],
            proposed=row["proposed"],
            round=row["round"] + 1,
            score=row["score"],
            score_without=_score_without(run.specification, row["components"]),
            complete=row["complete"],
            components=row["components"],
            properties=Properties(**properties[row["proposed"]]),
            docking_energy=docked[row["proposed"]]["docking_energy"],
            ligand_efficiency=docked[row["proposed"]]["ligand_efficiency"],
            pose=row["pose"],
            relative=known[relatives[i][0]].name if relatives else "",
            similarity=relatives[i][1] if relatives else 0.0,
        )
        for i, row in enumerate(best)
    )


def _contacts(
    evaluations: Sequence[Evaluation], candidates: Sequence[Candidate]
) -> tuple[ContactEnergy, ...]:
    results = {e.smiles: e.result for e in evaluations if e.fidelity == "interaction" and _done(e)}
    return tuple(
        ContactEnergy(
            number=candidate.number,
            residue=entry["contact"]["residue"],
            part=entry["contact"]["part"],
            kind=entry["contact"]["kind"],
            distance=entry["contact"]["distance"],
            kcal_mol=entry["energy"]["kcal_mol"],
            error_kcal_mol=entry["energy"]["error_estimate_kcal_mol"],
            method=entry["energy"]["method"],
            quantum=entry["energy"]["quantum"],
            seconds=entry["energy"]["seconds"],
        )
        for candidate in candidates
        for entry in results.get(candidate.proposed, {"contacts": []})["contacts"]
    )


def _steps(
    journal: Journal, evaluations: Sequence[Evaluation], specification: Specification
) -> tuple[Step, ...]:
    counts = Counter(e.fidelity for e in evaluations if _done(e))
    # The model's own counters go on from round to round; the last one holds the sum.
    drawn = {name: int(value) for _, name, value in journal.metrics() if name in ("drawn", "valid")}
    steps = [
        Step("strings drawn from the language model", drawn.get("drawn", 0)),
        Step("valid molecules", drawn.get("valid", 0)),
        Step("new ones, proposed", len(journal.proposals())),
        Step("accepted by the triage", counts["triage"]),
        Step("docked", counts["docking"]),
    ]
    if specification.interaction is not None:
        steps.append(Step("simulated quantum-mechanically", counts["interaction"]))
    # An interrupted first round has no counters yet: what isn't known isn't shown as nothing.
    return tuple(steps if drawn else steps[2:])


def _rejections(evaluations: Iterable[Evaluation]) -> dict[str, int]:
    reasons = Counter(_kind_of(e.result["reason"]) for e in evaluations if e.status == "rejected")
    return dict(reasons.most_common())


def _kind_of(reason: str) -> str:
    """The rule behind a reason, without the molecule's own number: "… heavy atoms; 12 to 24 are allowed"."""
    if reason.startswith("structural alert"):
        return f"structural alert {reason[reason.rindex('(') :]}" if "(" in reason else "structural alert"
    head, semicolon, rule = reason.partition(";")
    return re.sub(r"[-+]?\d[\d.]*", "…", head) + semicolon + rule


def _stages(meter: Iterable[Mapping[str, Any]]) -> tuple[Stage, ...]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in meter:
        rows.setdefault(row["stage"], []).append(row)
    return tuple(
        Stage(
            name,
            sum(row["seconds"] for row in used),
            sum(row["energy_wh"] for row in used),
            # The same model errs the same way each time: the uncertainties add up linearly.
            sum(row["uncertainty_wh"] for row in used),
            "; ".join(dict.fromkeys(row["method"] for row in used)),
        )
        for name, used in rows.items()
    )


def _done(evaluation: Evaluation) -> bool:
    return evaluation.status == "done"
