"""The loop: ask → triage → dock → simulate the most promising → tell, every step in the journal first."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Any

from tqdm import tqdm

from labkit.campaign._correlation import as_metrics, recorded
from labkit.campaign._engines import Engine
from labkit.campaign._objective import has_all
from labkit.campaign._oracles import Stage, Task, ladder
from labkit.campaign._questions import answers
from labkit.campaign._run import Run, pose_file
from labkit.campaign._specification import Constraint as ConstraintSection
from labkit.campaign._specification import Specification
from labkit.campaign._steering import Course, Helm, first_spellings, standard_forms
from labkit.campaign._value import Experience, bypass_in_words, bypassed, promoted, rank_correlations
from labkit.energy import Meter, Use
from labkit.errors import InputError, LabkitError, ResourceError
from labkit.generative import (
    Breeding,
    Constraint,
    Optimiser,
    OptimiserSettings,
    Proposed,
    decorate,
    link,
    load_prior,
    near,
)
from labkit.molecules import Triaged, TriageRules, triage
from labkit.store import (
    Cache,
    Evaluation,
    Journal,
    Proposal,
    evaluations_of,
    load_arrays,
    save_arrays,
    write_atomically,
)

log = logging.getLogger("labkit")


def new_optimiser(specification: Specification) -> Optimiser:
    """The optimiser as a campaign begins with it.

    Raises:
        InputError: if there is no such prior, or what each molecule is to keep makes no sense to it.
    """
    section = specification.generator
    learning = section.model_dump(exclude={"prior", "breeding", "constraint"})
    breeding = Breeding(**section.breeding.model_dump()) if section.breeding else Breeding()
    settings = OptimiserSettings(**learning, breeding=breeding)
    return Optimiser(
        load_prior(section.prior), settings, seed=specification.seed, constraint=_kept(section.constraint)
    )


def _kept(section: ConstraintSection | None) -> Constraint | None:
    if section is None:
        return None
    if section.near is not None:
        return near(section.near, section.similarity)
    return link(section.link) if section.link is not None else decorate(str(section.decorate))


class Loop:
    """Drives one run from where its journal and checkpoint stand to its end."""

    def __init__(
        self,
        specification: Specification,
        folder: Path,
        journal: Journal,
        engine: Engine,
    ):
        self.specification = specification
        self.folder = folder
        self.journal = journal
        self.engine = engine
        self.cache = Cache()
        self.ladder = ladder(specification)
        self.rules = TriageRules(**specification.triage)
        self.optimiser = new_optimiser(specification)
        self.meter = Meter()
        self.helm = Helm(specification, journal, lambda status: Run(folder).write_manifest(status=status))
        self._first = 0

    def run(self) -> None:
        """Runs all rounds that are still to be run.

        Raises:
            KeyboardInterrupt: if it was told to stop.
            ResourceError: if memory ran short; what was done is kept.
            LabkitError: if the generator has run dry.
        """
        with self.meter:
            for number in count(self._first):
                self.helm.obey(number, "start")
                now = self.helm.course(number)
                if number >= now.rounds:
                    break
                self._round(number, now)

    def _round(self, number: int, now: Course) -> None:
        log.info("round %d of %d", number + 1, now.rounds)
        with self._stage("generate"):
            proposals = self._ask(number)
            smiles = [proposal.smiles for proposal in proposals]
        with self._stage("triage"):
            triaged = self._triage(number, smiles)
            # An earlier round that is run again, after a crash, doesn't look at later ones.
            forms = standard_forms(self.journal, number) if now.pinned or now.vetoed else {}
            spelling = first_spellings(forms)
            pinned = [spelling.get(standard, standard) for standard in now.pinned]
            triaged |= self._triage(number, [text for text in pinned if text not in triaged])
        for text in pinned:
            if not triaged[text].accepted:
                log.warning("'%s' was pinned, but the triage refuses it: %s", text, triaged[text].reason)
        components: dict[str, dict[str, float]] = {
            text: {} if outcome.properties is None else asdict(outcome.properties)
            for text, outcome in triaged.items()
            if outcome.accepted and outcome.smiles not in now.vetoed
        }
        scores = promising = self._scores(components, components)
        answers: dict[str, dict[str, Any]] = {text: {} for text in components}
        unknown: set[str] = set()  # accepted, but not chosen for the first stage
        for rank, stage in enumerate(self.ladder):
            who = {text: str(triaged[text].smiles) for text in promising}
            chosen = self._chosen(number, stage, promising, pinned, who, components)
            tasks = {
                text: stage.oracle.task(**stage.inputs(str(triaged[text].smiles), answers[text]))
                for text in chosen
            }
            for text, result in self._answers(number, stage, tasks).items():
                answers[text][stage.oracle.name] = result
                components[text].update(result["components"])
                self._write_pose(result)
            if rank == 0:
                unknown = components.keys() - tasks.keys()
            # What the first stage has measured keeps its score, however far it climbs.
            scores = self._scores(components, [text for text in components if answers[text]])
            promising = {text: value for text, value in scores.items() if value > 0 or text in pinned}
            for text in tasks.keys() & promising.keys():
                if stage.oracle.name not in answers[text]:
                    del promising[text]  # what failed climbs no further
        with self._stage("learn"):
            # What failed the triage or the first stage counts as worthless: the model is to learn that, too.
            told = {text: scores.get(text, 0.0) for text in smiles if text not in unknown}
            self._record_scores(number, list(told.values()), scores, components)
            average, best = mean(told.values()), max(told.values())
            told |= {text: 0.0 for text, standard in forms.items() if standard in now.vetoed}
            told |= {text: scores.get(text, 0.0) for text in pinned if text in components}
            self.optimiser.tell(list(told), list(told.values()))
            self._save(number)
        log.info("round %d: mean score %.3f, best %.3f", number + 1, average, best)

    def _scores(
        self, components: Mapping[str, Mapping[str, float]], texts: Iterable[str]
    ) -> dict[str, float]:
        return {text: self.specification.score(components[text]) for text in texts}

    def _chosen(
        self,
        number: int,
        stage: Stage,
        scores: Mapping[str, float],
        pinned: Sequence[str],
        standard: Mapping[str, str],
        components: Mapping[str, Mapping[str, float]],
    ) -> list[str]:
        # A pinned molecule takes nobody's place.
        order = [text for text in scores if text not in pinned]
        if stage.candidates is not None and stage.choice == "best":
            order.sort(key=lambda text: (-scores[text], text))
        if stage.choice == "value":
            text_of = {standard[text]: text for text in reversed(order)}
            candidates = {standard[text]: components[text] for text in order}
            experience = Experience.before(number, self.specification, self.journal)
            best = promoted(self.specification, experience, stage.oracle.name, candidates)
            order = [text_of[smiles] for smiles in best]
        return [*order[: stage.candidates], *(text for text in pinned if text in scores)]

    def _ask(self, number: int) -> Sequence[Proposed | Proposal]:
        asked = self.optimiser.ask(self.specification.proposals)
        if not asked:
            raise LabkitError("the generator has run dry: it proposes nothing that was not asked before")
        journaled = self.journal.proposals(number)
        if not journaled:
            self.journal.append_proposals(
                [Proposal(number, i, p.smiles, p.log_likelihood) for i, p in enumerate(asked)]
            )
        elif [p.smiles for p in journaled] != [p.smiles for p in asked]:
            # The same seed on another processor or another version of JAX can draw differently; what the
            # journal holds is the truth of this run.
            self.journal.append_event(f"round {number}: kept the journal's proposals")
            log.warning(
                "round %d was proposed on another machine or version; its proposals are kept", number + 1
            )
            return journaled
        return asked

    def _triage(self, number: int, smiles: Sequence[str]) -> dict[str, Triaged]:
        triaged = dict(zip(smiles, triage(smiles, self.rules), strict=True))
        known = self._journaled(smiles, "triage")
        for text, outcome in triaged.items():
            if text in known:
                continue
            properties = None if outcome.properties is None else asdict(outcome.properties)
            result = {"smiles": outcome.smiles, "properties": properties, "notes": list(outcome.notes)}
            if outcome.reason is not None:
                result["reason"] = outcome.reason
            status = "done" if outcome.accepted else "rejected"
            self.journal.append_evaluation(
                Evaluation(number, text, "triage", "", status, result, seconds=0.0, cached=False)
            )
        return triaged

    def _journaled(self, smiles: Iterable[str], fidelity: str) -> dict[str, Evaluation]:
        """What the journal holds of a few molecules, however long it has become."""
        found = evaluations_of(self.journal.path, list(smiles))
        return {e.smiles: e for e in found if e.fidelity == fidelity}

    def _answers(self, number: int, stage: Stage, tasks: Mapping[str, Task]) -> dict[str, dict[str, Any]]:
        """Answers of a stage by molecule, in the order of ``tasks``, without those that failed."""
        name = stage.oracle.name
        while True:
            with self._stage(name):
                outcomes = self._evaluate(number, stage, tasks)
            if outcomes.keys() == tasks.keys():
                return {t: outcomes[t]["result"] for t in tasks if outcomes[t]["status"] == "done"}
            self.helm.obey(number, name)  # outside the stage: a pause uses nothing

    def _evaluate(self, number: int, stage: Stage, tasks: Mapping[str, Task]) -> dict[str, dict[str, Any]]:
        """Outcomes of a stage by molecule: of all tasks, or of some if the run is to pause or to stop.

        What the journal holds is taken from there, what the cache holds is not computed again, equal tasks
        are computed once; every answer is in the journal before the next one is looked at.
        """
        name = stage.oracle.name
        outcomes: dict[str, dict[str, Any]] = {
            e.smiles: {"status": e.status, "result": e.result} for e in self._journaled(tasks, name).values()
        }
        waiting: dict[str, list[str]] = {}
        for text, task in tasks.items():
            if text not in outcomes:
                waiting.setdefault(task.key, []).append(text)

        def commit(key: str, outcome: dict[str, Any], cached: bool) -> None:
            for copy, text in enumerate(waiting[key]):
                row = Evaluation(number, text, name, key, **outcome, cached=cached or copy > 0)
                self.journal.append_evaluation(row)
                outcomes[text] = outcome
                bar.update()

        def tell(key: str, loss: str) -> None:
            text = f"{name} of {waiting[key][0]}: {loss}"
            self.journal.append_event(text)
            log.warning("%s", text)

        with tqdm(total=len(tasks), initial=len(outcomes), desc=name, disable=None) as bar:
            questions: dict[str, Task] = {}
            for key, texts in waiting.items():
                kept = self.cache.get(key)
                if kept is not None:
                    commit(key, kept, cached=True)
                else:
                    questions[key] = tasks[texts[0]]
            # Closed also on the way out of an interruption: nothing goes on computing.
            with closing(answers(self.engine, questions, stage.resources, self.helm.halts, tell)) as answered:
                try:
                    for key, outcome in answered:
                        if use := outcome.pop("use", None):
                            self.journal.append_meter(name, 0.0, *use)
                        if outcome["status"] == "done":
                            self.cache.put(key, outcome)
                        commit(key, outcome, cached=False)
                except ResourceError as error:
                    raise type(error)(f"{error}; {self._advice}") from None
        return outcomes

    @property
    def _advice(self) -> str:
        return (
            "what was done is saved: with more memory free, or fewer workers, resume the run with "
            f"`labkit resume {self.folder}`"
        )

    def _write_pose(self, result: Mapping[str, Any]) -> None:
        """Writes the pose of a docking as an SDF file, named by its content."""
        file = pose_file(result)
        if file is not None and not (self.folder / file).exists():
            write_atomically(self.folder / file, result["pose"])

    def _record_scores(
        self,
        number: int,
        told: Sequence[float],
        scores: Mapping[str, float],
        components: Mapping[str, Mapping[str, float]],
    ) -> None:
        objective = self.specification.objective
        parts = {
            text: {k: components[text][k] for k in objective if k in components[text]} for text in scores
        }
        self.journal.append_scores(number, {text: (scores[text], parts[text]) for text in scores})
        self.journal.append_metrics(
            number,
            {
                "score_mean": mean(told),
                "score_best": max(told),
                "accepted": len(components),
                "scored": len(scores),
                "complete": sum(has_all(objective, parts[text]) for text in scores),
                "drawn": self.optimiser.drawn,
                "valid": self.optimiser.valid,
            },
        )
        self._record_correlations(number)

    def _record_correlations(self, number: int) -> None:
        """How alike the fidelities have ranked molecules so far; tells which is bypassed from now on."""
        specification, journal = self.specification, self.journal
        before = recorded(journal.metrics()).get(number - 1, {})
        found = rank_correlations(specification, journal, number + 1)
        journal.append_metrics(number, as_metrics(found))
        if specification.chooses_by_value:
            known = {text for _, text in journal.events()} if bypassed(specification, found) else set()
            for name in set(bypassed(specification, found)) - set(bypassed(specification, before)):
                text = f"round {number + 1}: {bypass_in_words(specification, found, name)}"
                if text not in known:
                    log.info("%s", text)
                    journal.append_event(text)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Meters a stage and books its use in the journal, also of one that is interrupted."""
        before = self.meter.stages.get(name, Use(0.0, 0.0, 0.0, ""))
        try:
            with self.meter.stage(name):
                yield
        finally:
            used = self.meter.stages[name] - before
            self.journal.append_meter(name, used.seconds, used.energy_wh, used.uncertainty_wh, used.method)

    def _checkpoint(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:04d}.safetensors"

    def _save(self, number: int) -> None:
        arrays, metadata = self.optimiser.state()
        metadata |= {"campaign": self.specification.identity, "round": str(number)}
        save_arrays(self._checkpoint(number), arrays, metadata)
        # One older state stays, in case the newest is lost.
        self._checkpoint(number - 2).unlink(missing_ok=True)

    def restore(self) -> None:
        """Takes up the newest checkpoint, if there is one: the round after it is the next to be run.

        Raises:
            InputError: if the checkpoint is damaged or belongs to another campaign.
        """
        files = sorted(self.folder.glob("checkpoint-*.safetensors"))
        if not files:
            return
        arrays, metadata = load_arrays(files[-1])
        if metadata.get("campaign") != self.specification.identity:
            raise InputError(
                f"'{files[-1]}' is a checkpoint of another campaign than '{self.specification.name}'"
            )
        self.optimiser.restore(arrays, metadata)
        self._first = int(metadata["round"]) + 1
