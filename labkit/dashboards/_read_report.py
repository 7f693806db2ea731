"""From a run's journal to what its report tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.campaign import COMPONENTS, Run, Specification, pose_file, rank_correlations
from labkit.dashboards._report_model import (
    Candidate,
    ContactEnergy,
    Docked,
    Failure,
    ReportModel,
    Round,
    Step,
    Triplet,
    mean_of,
)
from labkit.molecules import Properties, canonical_smiles, load_abl1_inhibitors, load_dyes, nearest
from labkit.quantum import TripletEnergy
from labkit.store import Evaluation, Journal

# Level of an interaction energy to what it comes from.
_LEVELS = {
    "fast": "GFN2-xTB, no quantum circuit",
    "standard": "ωB97X-3c and a quantum circuit",
    "accurate": "CCSD(T)/CBS and a quantum circuit",
}


def read_report(run: Run) -> ReportModel:
    """What there is to tell about a run, finished or not.

    Raises:
        InputError: if its journal or manifest is damaged.
    """
    with run.journal() as journal:
        evaluations = journal.evaluations()
        steps = _steps(journal, evaluations, run.specification)
        rounds = _rounds(journal, evaluations, run.specification)
        steering = tuple(journal.steering())
        ranks = rank_correlations(run.specification, journal)
    ranked = dict(enumerate(run.best(count=len(evaluations)), start=1))
    return replace(
        read_ranked(run, ranked, evaluations),
        rounds=rounds,
        steps=steps,
        rejections=_rejections(evaluations),
        failures=tuple(
            Failure(e.fidelity, e.smiles, e.result["reason"]) for e in evaluations if e.status == "failed"
        ),
        computed=Counter(e.fidelity for e in evaluations if not e.cached),
        cached=Counter(e.fidelity for e in evaluations if e.cached),
        steering=steering,
        ranks=ranks,
    )


def read_ranked(
    run: Run, ranked: Mapping[int, Mapping[str, Any]], evaluations: Sequence[Evaluation]
) -> ReportModel:
    """What there is to tell about some molecules of a run, and nothing about the run as a whole.

    Args:
        run: where they were found.
        ranked: place in the ranking to what ``Run.best`` tells about the molecule.
        evaluations: all of theirs; those of others don't matter.
    """
    candidates = _candidates(run, ranked, evaluations)
    triplets = _results(evaluations, "triplet")
    return ReportModel(
        run=run,
        status=run.status,
        manifest=run.manifest,
        specification=run.specification,
        rounds=(),
        candidates=candidates,
        dockings=_dockings(evaluations, candidates),
        contacts=_contacts(evaluations, candidates),
        triplets=tuple(
            Triplet(c.number, c.round, c.smiles, TripletEnergy.from_dict(triplets[c.proposed]["energy"]))
            for c in candidates
            if c.proposed in triplets
        ),
        steps=(),
        rejections={},
        failures=(),
        computed={},
        cached={},
    )


def _score_without(specification: Specification, components: Mapping[str, float]) -> float:
    """Score from what every molecule has that reached the first fidelity."""
    common = ("triage", specification.fidelities[0])
    rest = {name: value for name, value in components.items() if COMPONENTS[name][1] in common}
    return specification.score(rest)


def _rounds(
    journal: Journal, evaluations: Sequence[Evaluation], specification: Specification
) -> tuple[Round, ...]:
    passed = _results(evaluations, "triage").keys()
    computed = {e.smiles for e in evaluations if e.fidelity == specification.fidelities[0]}
    finished = sorted({number for number, name, _ in journal.metrics() if name == "score_mean"})
    scores = {s: _score_without(specification, parts) for s, _, _, parts in journal.scores()}
    rounds = []
    for number in finished:
        proposals = journal.proposals(number)
        proposed = [p.smiles for p in proposals]
        children = {p.smiles for p in proposals if p.log_likelihood is None}
        own, chosen = passed & set(proposed), passed & computed & set(proposed)
        smiles = tuple(text for text in proposed if text not in own - chosen)
        values = tuple(scores.get(text, 0.0) for text in smiles)
        weights = tuple(len(own) / len(chosen) if text in chosen else 1.0 for text in smiles)
        mean = mean_of(values, weights)
        bred = frozenset(i for i, text in enumerate(smiles) if text in children)
        rounds.append(Round(number + 1, values, weights, smiles, mean, len(own), len(chosen), bred))
    return tuple(rounds)


def _candidates(
    run: Run, ranked: Mapping[int, Mapping[str, Any]], evaluations: Sequence[Evaluation]
) -> tuple[Candidate, ...]:
    triaged = _results(evaluations, "triage")
    best = list(ranked.values())
    docked = run.specification.docking is not None
    known = load_abl1_inhibitors() if docked and run.specification.target == "abl1" else []
    dyes = {} if docked else {canonical_smiles(dye): name for name, dye in load_dyes().items()}
    relatives = nearest([b["smiles"] for b in best], [k.smiles for k in known]) if best and known else []
    return tuple(
        Candidate(
            number=number,
            smiles=row["smiles"],
            proposed=row["proposed"],
            round=row["round"] + 1,
            score=row["score"],
            score_without=_score_without(run.specification, row["components"]),
            complete=row["complete"],
            components=row["components"],
            properties=Properties(**triaged[row["proposed"]]["properties"]),
            relative=known[relatives[i][0]].name if relatives else "",
            similarity=relatives[i][1] if relatives else 0.0,
            dye=dyes.get(canonical_smiles(row["smiles"]), ""),
        )
        for i, (number, row) in enumerate(ranked.items())
    )


def _dockings(evaluations: Sequence[Evaluation], candidates: Sequence[Candidate]) -> dict[int, Docked]:
    results = _results(evaluations, "docking")
    return {
        candidate.number: Docked(
            result["components"]["docking_energy"],
            result["components"]["ligand_efficiency"],
            str(pose_file(result)),
        )
        for candidate in candidates
        if (result := results.get(candidate.proposed)) is not None
    }


def _contacts(
    evaluations: Sequence[Evaluation], candidates: Sequence[Candidate]
) -> tuple[ContactEnergy, ...]:
    results = _results(evaluations, "interaction")
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
    proposed = {proposal.smiles for proposal in journal.proposals()}
    counts = Counter(e.fidelity for e in evaluations if _done(e) and e.smiles in proposed)
    pinned = {e.smiles for e in evaluations} - proposed  # what is pinned by hand comes from elsewhere
    level = specification.interaction.level if specification.interaction is not None else ""
    above = {  # the step that a fidelity's answers make
        "docking": ("docked", "docked"),
        "screening": ("screened", "screened (GFN2-xTB)"),
        "interaction": ("simulated", f"simulated ({_LEVELS.get(level, level)})"),
        "triplet": ("triplet", "with a triplet energy"),
    }
    # The model's own counters go on from round to round; the last one holds the sum.
    drawn = {name: int(value) for _, name, value in journal.metrics() if name in ("drawn", "valid")}
    steps = [
        Step("drawn", "strings drawn from the language model", drawn.get("drawn", 0)),
        Step("valid", "valid molecules", drawn.get("valid", 0)),
        Step("proposed", "new ones, proposed", len(journal.proposals())),
        Step("accepted", "accepted by the triage", counts["triage"]),
        *(Step(*above[fidelity], counts[fidelity]) for fidelity in specification.fidelities),
        *([Step("pinned", "pinned by hand, not counted above", len(pinned))] if pinned else []),
    ]
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


def _results(evaluations: Iterable[Evaluation], fidelity: str) -> dict[str, dict[str, Any]]:
    """A fidelity's answers by molecule."""
    return {e.smiles: e.result for e in evaluations if e.fidelity == fidelity and _done(e)}


def _done(evaluation: Evaluation) -> bool:
    return evaluation.status == "done"
