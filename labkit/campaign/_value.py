"""By value: which molecules climb to a dear fidelity, by what all earlier answers let one expect of them.

One Gaussian process over molecules and fidelities: each fidelity is a multiple of the one below it plus a
process of its own (Kennedy, O'Hagan 2000, doi:10.1093/biomet/87.1.1). Whoever has climbed to a fidelity has
been below, so that the whole process falls into one link a fidelity, without approximation (Le Gratiet,
Garnier 2014, doi:10.1615/Int.J.UncertaintyQuantification.2014006914).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from scipy.stats import qmc

from labkit.campaign._correlation import LEAST, RankCorrelation, Values, correlations, predictive, recorded
from labkit.campaign._objective import has_all, value_of
from labkit.campaign._specification import Specification
from labkit.generative import Features, Surrogate
from labkit.store import Journal

ENOUGH = 8  # answers that a link needs; before, molecules are taken in the order in which they were drawn
TOP = 10  # the improvement of so many best is expected
_KNOWN = 1000  # the latest answers to which a link is fitted
_NODES = 64
_TINY = 1e-12
Floats = NDArray[np.float64]
Score = Callable[[Mapping[str, float]], float]


@dataclass(frozen=True)
class Link:
    """A fidelity by the one below: above = offset + slope · below + a Gaussian process over molecules.

    Attributes:
        slope: 0 where there is none below.
        offset: likewise.
        rest: the process.
    """

    slope: float
    offset: float
    rest: Surrogate

    @classmethod
    def fit(cls, known: Values, above: str, below: str | None) -> Link | None:
        """The link given answers, its line by least squares; None if there are too few of them.

        Args:
            known: components by standard SMILES.
            above: component of the upper fidelity.
            below: that of the lower one; None of the lowest.
        """
        both = [s for s, parts in known.items() if above in parts and (below is None or below in parts)]
        both = both[-_KNOWN:]
        if len(both) < ENOUGH:
            return None
        high = np.array([known[s][above] for s in both])
        slope = offset = 0.0
        if below is not None:
            low = np.array([known[s][below] for s in both])
            if np.ptp(low) > 0:
                slope, offset = np.polyfit(low, high, 1).tolist()
            high = high - offset - slope * low
        return cls(slope, offset, Surrogate.fit([_features(s) for s in both], high.tolist()))


Step = tuple[Link, Floats, Floats]  # a link, mean and covariance of its process over the candidates


@lru_cache(_KNOWN)
def _features(smiles: str) -> Features:
    return Features.of(Chem.MolFromSmiles(smiles))


def tenth_best(scores: Sequence[float]) -> float:
    """The score of the tenth best; 0 while there are fewer."""
    return sorted(scores, reverse=True)[TOP - 1] if len(scores) >= TOP else 0.0


def most_valuable(
    candidates: Values,
    known: Values,
    below: str | None,
    ahead: Sequence[str],
    score: Score,
    reached: float,
    count: int,
    *,
    cost: float = 1.0,
    places: int = 0,
) -> list[str]:
    """Molecules whose next answer is worth most, the most valuable first.

    An answer is worth the improvement that is expected of the highest fidelity (Jones, Schonlau, Welch 1998,
    doi:10.1023/A:1008306431147). A choice is taken as answered, as expected, before the next one is made (the
    kriging believer; Ginsbourger, Le Riche, Carraro 2010, doi:10.1007/978-3-642-10701-6_6): nothing is paid
    for twice, and a batch is diverse. An answer of a lower fidelity is worth less by its correlation with the
    highest, and more by what it costs less (Huang, Allen, Notz, Miller 2006, doi:10.1007/s00158-005-0587-0):
    it is left out where the last one that the next fidelity has a place for is worth more for its cost.

    Args:
        candidates: components known so far by standard SMILES, in the order in which they were drawn.
        known: components of earlier molecules by standard SMILES, in a fixed order.
        below: component by which the next answer is predicted, which all candidates have; None if by none.
        ahead: component of the next answer, and so on to that of the highest fidelity.
        score: of a molecule's components.
        reached: score above which there is an improvement.
        count: at most so many.
        cost: of an answer, as a share of the next fidelity's.
        places: so many the next fidelity takes; 0 for the highest.
    """
    texts = list(candidates)
    links = [Link.fit(known, upper, lower) for lower, upper in pairwise((below, *ahead)) if upper]
    fitted = [link for link in links if link is not None]
    if not texts or len(fitted) < len(links):
        return texts[:count]
    features = [_features(text) for text in texts]
    steps = [(link, *link.rest.posterior(features)) for link in fitted]

    def worth() -> tuple[Floats, Floats]:
        """Expected improvement and expected score of each candidate."""
        scores = _scores(candidates, below, ahead, steps, score)
        return np.maximum(scores - reached, 0.0).mean(axis=1), scores.mean(axis=1)

    allowed, chosen = set(range(len(texts))), list[int]()
    if places:
        gain, _ = worth()
        floor = cost * np.sort(gain)[-places:][0]
        allowed = {j for j in allowed if gain[j] * _correlation(steps)[j] >= floor}
    while allowed and len(chosen) < count:
        gain, mean = worth()
        best = max(allowed, key=lambda j: (gain[j], mean[j], -j))
        allowed.remove(best)
        chosen.append(best)
        steps = [(link, rest, _believed(covariance, best)) for link, rest, covariance in steps]
    return [texts[j] for j in chosen]


def _scores(
    candidates: Values, below: str | None, ahead: Sequence[str], steps: Sequence[Step], score: Score
) -> Floats:
    """Equally likely scores of the candidates by the highest fidelity, shape (candidates, nodes)."""
    nodes = qmc.MultivariateNormalQMC(np.zeros(len(steps)), seed=0).random(_NODES).T
    value: Floats = np.array([parts[below] if below else 0.0 for parts in candidates.values()])[:, None]
    answers = []
    for node, (link, rest, covariance) in zip(nodes, steps, strict=True):
        spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        value = link.offset + link.slope * value + rest[:, None] + spread[:, None] * node
        answers.append(value)
    rows = []
    for parts, own in zip(candidates.values(), np.stack(answers, axis=-1).tolist(), strict=True):
        rows.append([score({**parts, **dict(zip(ahead, at, strict=True))}) for at in own])
    return np.array(rows)


def _correlation(steps: Sequence[Step]) -> Floats:
    """Of each candidate's next answer with that of the highest fidelity."""
    first = whole = np.zeros(len(steps[0][1]))
    for i, (link, _, covariance) in enumerate(steps):
        own = np.diag(covariance)
        first = own if i == 0 else first * link.slope**2
        whole = own + (whole * link.slope**2)
    return np.sqrt(first / np.maximum(whole, _TINY))


def _believed(covariance: Floats, chosen: int) -> Floats:
    """The covariance once one of the candidates has been answered."""
    column = covariance[:, chosen] / np.sqrt(max(covariance[chosen, chosen], _TINY))
    return covariance - np.outer(column, column)


@dataclass(frozen=True)
class Experience:
    """What the rounds before this one have told.

    Attributes:
        known: components by standard SMILES, of molecules that climbed above the first fidelity, where there
            are several.
        correlations: of fidelities, the lower one first.
        reached: the tenth best score of those with all components.
    """

    known: Values
    correlations: Mapping[tuple[str, str], RankCorrelation]
    reached: float

    @classmethod
    def before(cls, number: int, specification: Specification, journal: Journal) -> Experience:
        """What a journal tells of the rounds before one."""
        objective = specification.objective
        scores = [
            value for _, r, value, parts in journal.scores() if r < number and has_all(objective, parts)
        ]
        found = recorded(journal.metrics()).get(number - 1, {})
        return cls(climbed(number, specification, journal), found, tenth_best(scores))


def climbed(number: float, specification: Specification, journal: Journal) -> Values:
    """Components by standard SMILES, see ``Experience``, answered before a round."""
    ladder = specification.fidelities
    return journal.components(ladder[1:] or ladder, number)


def rank_correlations(
    specification: Specification, journal: Journal, before: float = math.inf
) -> dict[tuple[str, str], RankCorrelation]:
    """How alike a run's fidelities, the lower one first, have ranked molecules before a round."""
    return correlations(climbed(before, specification, journal), specification.fidelities)


def bypassed(
    specification: Specification, correlations: Mapping[tuple[str, str], RankCorrelation]
) -> tuple[str, ...]:
    """The fidelities that tell next to nothing of the next one, up to the highest that is scored."""
    ladder = specification.fidelities[: specification.fidelities.index(specification.highest) + 1]
    kept = predictive(correlations, ladder)
    return tuple(name for name in ladder if name not in kept)


def promoted(
    specification: Specification, experience: Experience, fidelity: str, candidates: Values
) -> list[str]:
    """Which of a round's molecules climb to a fidelity that chooses by value.

    Nobody does if the fidelity is bypassed and nothing but a choice depends on its answers.
    """
    ladder = specification.fidelities
    place, useless = ladder.index(fidelity), bypassed(specification, experience.correlations)
    if fidelity in useless and value_of(fidelity) not in specification.objective:
        return []
    last = ladder.index(specification.highest)
    lower = [value_of(name) for name in ladder[:place] if name not in useless]
    upper = [name for name in ladder[place + 1 : last + 1] if name not in useless]
    below = lower[-1] if lower else None
    section = getattr(specification, fidelity)
    return most_valuable(
        {text: parts for text, parts in candidates.items() if below is None or below in parts},
        experience.known,
        below,
        [value_of(fidelity), *map(value_of, upper)],
        specification.score,
        experience.reached,
        section.candidates,
        cost=getattr(section, "cost", 1.0),
        places=getattr(specification, upper[0]).candidates if upper else 0,
    )


def bypass_in_words(
    specification: Specification, correlations: Mapping[tuple[str, str], RankCorrelation], name: str
) -> str:
    """That a fidelity is bypassed where molecules are chosen by value, and why."""
    ladder, useless = specification.fidelities, bypassed(specification, correlations)
    above = next(upper for upper in ladder[ladder.index(name) + 1 :] if upper not in useless)
    rho = correlations[name, above]
    asked = value_of(name) in specification.objective or name == ladder[0]
    return (
        f"{name} is bypassed, since it doesn't predict {above}: rank correlation {rho.value:.2f}, "
        f"{rho.low:.2f} to {rho.high:.2f} over {rho.count} molecules, all within ±{LEAST}; "
        + ("its answers no longer decide who climbs" if asked else "nobody is asked about it any more")
    )
