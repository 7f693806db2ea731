"""Candidates bred from what was told: generations of children that a surrogate judges, not the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice, zip_longest

import numpy as np
from rdkit import Chem, rdBase

from labkit.generative._operators import Parent, cross, mutate
from labkit.generative._surrogate import Features, Surrogate, environments

_MUTATED_AFTER_CROSSING = 0.1
_REMEMBERED = 1024  # parents that stay cut open; they are drawn again and again
_TOP, _GAIN = 10, 1.01  # whose mean has to rise by how much, for breeding to go on as it does
_PATIENCE = 3  # matings for each child that is wanted


@dataclass(frozen=True)
class Breeding:
    """How candidates are bred and ranked.

    Attributes:
        children: bred per generation; 0 leaves the policy to itself.
        generations: of children, one after another, before any of them is asked about.
        mutation: share of children that are one parent with changes; the others cross two parents.
        moves: so many changes at most has a mutation.
        fresh: share of pairs whose second parent has just been drawn from the policy.
        parents: so many of the best may be parents.
        rank_weight: the parent of rank r among n is drawn with weight 1 / (rank_weight · n + r).
        known: so many scores the surrogate is fitted to; with 0 there is none, and as many children as were
            drawn come between those, in one generation.
        kappa: candidates are ranked by predicted mean + k · standard deviation (the upper confidence bound);
            each time k is drawn anew from the exponential distribution of this mean, so that some batches
            take what is sure and others what is least known (after Berk et al. 2020,
            doi:10.24963/ijcai.2020/316).
        start: so many scores are needed before anything is bred.
        max_heavy_atoms: no child is larger.
        strange: so many kinds of environment (an atom with its neighbours) may a child have that the language
            model doesn't write, so that the search stays with molecules that could be made; None: any.
        patience: so many calls without gain, and breeding begins anew; 0: never. See ``lineage``.
    """

    children: int = 0
    generations: int = 4
    mutation: float = 0.3
    moves: int = 8
    fresh: float = 0.15
    parents: int = 1024
    rank_weight: float = 0.01
    known: int = 1000
    kappa: float = 1.0
    start: int = 128
    max_heavy_atoms: int = 50
    strange: int | None = None
    patience: int = 500


@dataclass(frozen=True)
class Breeder:
    """Breeds candidates for an objective from molecules whose scores were told.

    Attributes:
        settings: how.
        usual: environments that the language model writes; see ``Breeding.strange``.
        features: of what was told; kept from call to call.
    """

    settings: Breeding
    usual: frozenset[int]
    features: dict[str, Features] = field(default_factory=dict)

    def candidates(
        self,
        drawn: Sequence[str],
        told: Mapping[str, float],
        rng: np.random.Generator,
        new: Callable[[str], bool],
    ) -> Iterator[str]:
        """Canonical SMILES of molecules drawn and of children of what was told, the most promising first.

        The parents of a generation are the best of what was told, by score, and of the earlier candidates, by
        their upper confidence bound (after Tripp, Hernández-Lobato 2023, arXiv:2310.09267).

        Args:
            drawn: canonical SMILES from the policy: candidates, too, and parents.
            told: scores by canonical SMILES, in the order in which they were told.
            rng: source of chance.
            new: whether a canonical SMILES may be a candidate.
        """
        found = set()
        for text in self._ranked(drawn, told, rng, new):
            smiles = canonical(text)
            if smiles is not None and smiles not in found and new(smiles):
                found.add(smiles)
                yield smiles

    def _ranked(
        self,
        drawn: Sequence[str],
        told: Mapping[str, float],
        rng: np.random.Generator,
        new: Callable[[str], bool],
    ) -> list[str]:
        settings = self.settings
        molecules = {text: Chem.MolFromSmiles(text) for text in drawn}
        usual = self.usual.union(*map(environments, molecules.values()))
        if settings.known == 0:
            children = list(self._children(_best(told), drawn, usual, rng, new))[: len(drawn)]
            return [text for pair in zip_longest(drawn, children) for text in pair if text is not None]
        surrogate, kappa = self._fitted(told, rng), rng.exponential(settings.kappa)
        promise: dict[str, float] = {}

        def judge(candidates: dict[str, Chem.Mol]) -> None:
            if candidates:
                mean, deviation = surrogate.predict([Features.of(each) for each in candidates.values()])
                promise.update(zip(candidates, (mean + kappa * deviation).tolist(), strict=True))

        judge(molecules)
        for _ in range(settings.generations):
            parents = _best(dict(told) | promise)
            judge(self._children(parents, drawn, usual, rng, lambda text: text not in promise and new(text)))
        return _best(promise)

    def _fitted(self, told: Mapping[str, float], rng: np.random.Generator) -> Surrogate:
        """The surrogate given the best half of what it can know, the latest quarter, and some of the rest."""
        known = self.settings.known
        best = _best(told)
        chosen = dict.fromkeys(best[: known // 2] + list(told)[-(known // 4) :])
        rest = [text for text in best if text not in chosen]
        others = rng.choice(len(rest), min(known - len(chosen), len(rest)), replace=False) if rest else ()
        texts = [*chosen, *(rest[i] for i in others)]
        for text in texts:
            if text not in self.features:
                self.features[text] = Features.of(Chem.MolFromSmiles(text))
        return Surrogate.fit([self.features[text] for text in texts], [told[text] for text in texts])

    def _children(
        self,
        parents: Sequence[str],
        drawn: Sequence[str],
        usual: frozenset[int],
        rng: np.random.Generator,
        wanted: Callable[[str], bool],
    ) -> dict[str, Chem.Mol]:
        """Children of parents, who come the best first, and of some that were drawn.

        They are fewer than asked for if few matings succeed.
        """
        settings = self.settings
        parents = parents[: settings.parents]
        children: dict[str, Chem.Mol] = {}
        if not parents:
            return children
        weight = 1 / (settings.rank_weight * len(parents) + np.arange(len(parents)))
        pairs = rng.choice(len(parents), (_PATIENCE * settings.children, 2), p=weight / weight.sum())
        for first, second in pairs.tolist():
            if len(children) == settings.children:
                break
            fresh = bool(drawn) and rng.random() < settings.fresh
            other = drawn[int(rng.integers(len(drawn)))] if fresh else parents[second]
            # Most of what the operators try is no molecule, which RDKit would tell each time.
            with rdBase.BlockLogs():
                mother, father = _parent(parents[first]), _parent(other)
                child = _child(mother, father, settings, rng) if mother and father else None
            if child is not None and self._is_usual(child, usual):
                text = Chem.MolToSmiles(child)
                if wanted(text):
                    children[text] = child
        return children

    def _is_usual(self, molecule: Chem.Mol, usual: frozenset[int]) -> bool:
        strange = self.settings.strange
        return strange is None or len(environments(molecule) - usual) <= strange


def lineage(told: Mapping[str, float], patience: int) -> dict[str, float]:
    """What breeding may know: the calls from some call on.

    When the mean of the ten best has gained less than a hundredth in so many calls, breeding begins anew,
    from what the policy draws, as if nothing else was known: a surrogate that knew more would lead back to
    where it came to a halt. When the new lineage comes to a halt in turn, all is known again; and so on.

    Args:
        told: scores by SMILES, in the order of calls.
        patience: so many calls; with 0 all is known always.
    """
    since, last, reached = 0, 0, 0.0
    everything: list[float] = []
    own = everything
    for index, score in enumerate(told.values() if patience else ()):
        for best in (everything,) if own is everything else (everything, own):
            heappush(best, score)
            if len(best) > _TOP:
                heappop(best)
        mean = sum(own) / _TOP
        if mean > reached * _GAIN:
            last, reached = index, mean
        elif index - last >= patience:
            last = index
            if own is everything:
                since, own, reached = index + 1, [], 0.0
            else:
                since, own, reached = 0, everything, sum(everything) / _TOP
    return dict(islice(told.items(), since, None))


def _best(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda text: (-scores[text], text))


@lru_cache(_REMEMBERED)
def _parent(smiles: str) -> Parent | None:
    molecule = Chem.MolFromSmiles(smiles)
    return None if molecule is None else Parent(molecule)


def _child(mother: Parent, father: Parent, settings: Breeding, rng: np.random.Generator) -> Chem.Mol | None:
    child: Chem.Mol | None
    if rng.random() < settings.mutation:
        child = mutate(mother, rng, settings.moves)
    else:
        child = cross(mother, father, rng)
        if child is not None and rng.random() < _MUTATED_AFTER_CROSSING:
            child = mutate(Parent(child), rng, settings.moves) or child
    return None if child is None or child.GetNumHeavyAtoms() > settings.max_heavy_atoms else child


def canonical(smiles: str) -> str | None:
    """A built molecule's SMILES as others will write it who read this one; None where it can't be read."""
    molecule = Chem.MolFromSmiles(smiles)
    return None if molecule is None else Chem.MolToSmiles(molecule)
