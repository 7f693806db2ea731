"""From a run's journal to what its report tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labkit.campaign import Run, Specification, score
from labkit.dashboards._report_model import (
    Candidate,
    ContactEnergy,
    Failure,
    ReportModel,
    Round,
    Stage,
    Step,
    mean_of,
)
from labkit.molecules import Properties, load_abl1_inhibitors, nearest
from labkit.store import Evaluation, Journal


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
    properties = {
        e.smiles: e.result["properties"] for e in evaluations if e.fidelity == "triage" and _done(e)
    }
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
        Step("drawn", "strings drawn from the language model", drawn.get("drawn", 0)),
        Step("valid", "valid molecules", drawn.get("valid", 0)),
        Step("proposed", "new ones, proposed", len(journal.proposals())),
        Step("accepted", "accepted by the triage", counts["triage"]),
        Step("docked", "docked", counts["docking"]),
    ]
    if specification.interaction is not None:
        steps.append(Step("simulated", "simulated quantum-mechanically", counts["interaction"]))
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
