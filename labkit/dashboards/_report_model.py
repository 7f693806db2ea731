"""What a report tells, as plain values from a run's journal. No drawing, no wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labkit.campaign import RankCorrelation, Run, Specification, course
from labkit.molecules import Properties
from labkit.quantum import TripletEnergy
from labkit.store import Steering

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
        scores: score of each proposal that was judged, from what is known of every molecule that reached the
            first fidelity; 0 where triage or that fidelity refused it. Those that passed the triage and
            weren't chosen for the first fidelity have none.
        weights: how many proposals each score stands for: a computed one also for those that weren't chosen.
        smiles: the judged proposals, in the same order.
        mean: of the scores, weighted.
        passed: proposals that passed the triage.
        computed: those of them that the first fidelity answered, failures included.
        bred: positions of the judged proposals that are children of earlier ones; the model wrote the others.
    """

    number: int
    scores: tuple[float, ...]
    weights: tuple[float, ...]
    smiles: tuple[str, ...]
    mean: Interval
    passed: int
    computed: int
    bred: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Candidate:
    """A molecule that has a score.

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
        relative: name of the known inhibitor that is most similar, empty where there is none.
        similarity: Tanimoto similarity to it, 0–1.
        dye: its name, where it is one of the known dyes that labkit lists.
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
    relative: str = ""
    similarity: float = 0.0
    dye: str = ""


@dataclass(frozen=True)
class Docked:
    """The docking of a candidate.

    Attributes:
        energy: kcal/mol.
        ligand_efficiency: kcal/mol per heavy atom.
        pose: file inside the run's folder.
    """

    energy: float
    ligand_efficiency: float
    pose: str


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
class Triplet:
    """The triplet energy of a candidate: its number, its round (counted from 1), its SMILES, the energy."""

    number: int
    round: int
    smiles: str
    energy: TripletEnergy


@dataclass(frozen=True)
class Step:
    """How many molecules got through a step of the run: key, name for readers, count."""

    key: str
    name: str
    count: int


@dataclass(frozen=True)
class Failure:
    """An evaluation that could not be done, with its reason."""

    fidelity: str
    smiles: str
    reason: str


@dataclass(frozen=True)
class ReportModel:
    """A run, read once.

    Attributes:
        run: its folder.
        status: done, running, interrupted or failed.
        manifest: seed, commit, versions, sums.
        specification: the campaign.
        rounds: finished rounds.
        candidates: molecules with a score, best first.
        dockings: by the candidate's number.
        contacts: simulated contacts, in the order of their candidates.
        triplets: triplet energies, in the order of their candidates.
        steps: the funnel from drawn strings to simulated molecules.
        rejections: what the triage rejected, reason to count, most frequent first.
        failures: of the fidelities above triage.
        computed: evaluations computed in this run, by fidelity.
        cached: evaluations taken from the cache, by fidelity.
        steering: the commands that it was given.
        ranks: rank correlations of fidelities, the lower one first.
    """

    run: Run
    status: str
    manifest: Mapping[str, Any]
    specification: Specification
    rounds: tuple[Round, ...]
    candidates: tuple[Candidate, ...]
    dockings: Mapping[int, Docked]
    contacts: tuple[ContactEnergy, ...]
    triplets: tuple[Triplet, ...]
    steps: tuple[Step, ...]
    rejections: Mapping[str, int]
    failures: tuple[Failure, ...]
    computed: Mapping[str, int]
    cached: Mapping[str, int]
    steering: tuple[Steering, ...] = ()
    ranks: Mapping[tuple[str, str], RankCorrelation] = field(default_factory=dict)

    def count(self, key: str) -> int:
        """Molecules that got through the step of this key; 0 if the run has no such step."""
        return next((step.count for step in self.steps if step.key == key), 0)

    @property
    def budget(self) -> int:
        """Rounds in all, as steering has it."""
        return course(self.specification, self.steering).rounds

    @property
    def gain(self) -> Interval | None:
        """Mean score of the last round less that of the first; None before there are two."""
        if len(self.rounds) < 2:
            return None
        last, first = self.rounds[-1], self.rounds[0]
        return difference_of_means(last.scores, first.scores, (last.weights, first.weights))

    @property
    def by_circuit(self) -> tuple[ContactEnergy, ...]:
        """Contacts that have a quantum step."""
        return tuple(contact for contact in self.contacts if contact.quantum)

    @property
    def simulated(self) -> tuple[Candidate, ...]:
        """Candidates that have an interaction energy, best first."""
        numbers = {contact.number for contact in self.contacts}
        return tuple(candidate for candidate in self.candidates if candidate.number in numbers)


Weights = Sequence[float] | None


def mean_of(values: Sequence[float], weights: Weights = None) -> Interval:
    """Mean of the values with its interval."""
    return _bootstrap((values, weights))


def difference_of_means(
    later: Sequence[float], earlier: Sequence[float], weights: tuple[Weights, Weights] = (None, None)
) -> Interval:
    """Difference of two independent means with its interval; ``count`` is that of the smaller sample."""
    return _bootstrap((later, weights[0]), (earlier, weights[1]))


def _bootstrap(*samples: tuple[Sequence[float], Weights]) -> Interval:
    """Percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552) with a fixed seed."""
    rng = np.random.default_rng(0)
    means, resampled = [], []
    for sample, weight in samples:
        values = np.asarray(sample, float)
        weights = np.ones(len(values)) if weight is None else np.asarray(weight, float)
        drawn = rng.choice(len(values), (_RESAMPLES, len(values)))
        means.append(np.average(values, weights=weights))
        resampled.append(np.average(values[drawn], weights=weights[drawn], axis=1))
    value = means[0] - (means[1] if len(means) > 1 else 0.0)
    low, high = np.quantile(resampled[0] - (resampled[1] if len(means) > 1 else 0.0), (0.025, 0.975))
    return Interval(float(value), float(low), float(high), min(len(values) for values, _ in samples))
