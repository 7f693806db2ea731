"""Candidates bred from what was told: generations of children that a surrogate judges, not the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

import numpy as np
from rdkit import Chem, rdBase

from labkit.generative._operators import Parent, cross, mutate
from labkit.generative._surrogate import Features, Surrogate

_MUTATED_AFTER_CROSSING = 0.1
_REMEMBERED = 1024  # parents that stay cut open; they are drawn again and again
_PATIENCE = 3  # matings for each child that is wanted


@dataclass(frozen=True)
class Breeding:
    """How candidates are bred and ranked.

    Attributes:
        children: bred per generation; 0 leaves the policy to itself.
        generations: of children, one after another, before any of them is asked about.
        mutation: share of children that are one parent with one change; the others cross two parents.
        fresh: share of pairs whose second parent has just been drawn from the policy.
        parents: so many of the best may be parents.
        rank_weight: the parent of rank r among n is drawn with weight 1 / (rank_weight · n + r).
        known: so many scores the surrogate is fitted to: two thirds the best, the rest drawn from all; with 0
            there is none, and as many children as were drawn come between those, in one generation.
        kappa: candidates are ranked by predicted mean + kappa · standard deviation (the upper confidence
            bound).
        start: so many scores are needed before anything is bred.
        max_heavy_atoms: no child is larger.
    """

    children: int = 0
    generations: int = 4
    mutation: float = 0.3
    fresh: float = 0.15
    parents: int = 1024
    rank_weight: float = 0.01
    known: int = 1000
    kappa: float = 0.5
    start: int = 128
    max_heavy_atoms: int = 50


class Known(dict[str, Features]):
    """Features by SMILES, computed when they are first asked for."""

    def __missing__(self, smiles: str) -> Features:
        self[smiles] = Features.of(Chem.MolFromSmiles(smiles))
        return self[smiles]


def ranked_candidates(
    drawn: Iterable[str],
    told: Mapping[str, float],
    features: Known,
    settings: Breeding,
    rng: np.random.Generator,
    new: Callable[[str], bool],
) -> Iterator[str]:
    """Canonical SMILES of molecules drawn and of children of what was told, the most promising first.

    The parents of a generation are the best of what was told, by score, and of the earlier candidates, by
    their upper confidence bound (after Tripp, Hernández-Lobato 2023, arXiv:2310.09267).

    Args:
        drawn: canonical SMILES from the policy: candidates, too, and parents.
        told: scores by canonical SMILES.
        features: of what was told; kept from call to call.
        settings: how.
        rng: source of chance.
        new: whether a canonical SMILES may be a candidate.
    """
    found = set()
    for text in _ranked(list(drawn), told, features, settings, rng, new):
        # Read as others will read it: what was bred can't always be.
        molecule = Chem.MolFromSmiles(text)
        smiles = None if molecule is None else Chem.MolToSmiles(molecule)
        if smiles is not None and smiles not in found and new(smiles):
            found.add(smiles)
            yield smiles


def _ranked(
    drawn: list[str],
    told: Mapping[str, float],
    features: Known,
    settings: Breeding,
    rng: np.random.Generator,
    new: Callable[[str], bool],
) -> list[str]:
    best = sorted(told, key=lambda text: (-told[text], text))
    if settings.known == 0:
        children = [*_children(best[: settings.parents], drawn, settings, rng, new)][: len(drawn)]
        return [text for pair in zip_longest(drawn, children) for text in pair if text is not None]
    surrogate = _fitted(best, told, features, settings.known, rng)
    promise: dict[str, float] = {}

    def judge(candidates: dict[str, Chem.Mol]) -> None:
        if candidates:
            mean, deviation = surrogate.predict([Features.of(each) for each in candidates.values()])
            promise.update(zip(candidates, (mean + settings.kappa * deviation).tolist(), strict=True))

    judge({text: Chem.MolFromSmiles(text) for text in drawn})
    known = {text: told[text] for text in best[: settings.parents]}
    for _ in range(settings.generations):
        values = known | promise
        parents = sorted(values, key=lambda text: (-values[text], text))[: settings.parents]
        judge(_children(parents, drawn, settings, rng, lambda text: text not in promise and new(text)))
    return sorted(promise, key=lambda text: (-promise[text], text))


def _fitted(
    best: list[str],
    told: Mapping[str, float],
    features: Known,
    known: int,
    rng: np.random.Generator,
) -> Surrogate:
    top, rest = best[: known * 2 // 3], best[known * 2 // 3 :]
    others = rng.choice(len(rest), min(known - len(top), len(rest)), replace=False) if rest else ()
    chosen = top + [rest[i] for i in others]
    return Surrogate.fit([features[text] for text in chosen], [told[text] for text in chosen])


def _children(
    parents: list[str],
    drawn: list[str],
    settings: Breeding,
    rng: np.random.Generator,
    wanted: Callable[[str], bool],
) -> dict[str, Chem.Mol]:
    """Children of parents, who come the best first, and of some that were drawn.

    They are fewer than asked for if few matings succeed.
    """
    weight = 1 / (settings.rank_weight * len(parents) + np.arange(len(parents)))
    weight /= weight.sum()
    pairs = rng.choice(len(parents), (_PATIENCE * settings.children, 2), p=weight)
    children: dict[str, Chem.Mol] = {}
    for first, second in pairs.tolist():
        if len(children) == settings.children:
            break
        fresh = bool(drawn) and rng.random() < settings.fresh
        other = drawn[rng.integers(len(drawn))] if fresh else parents[second]
        # Most of what the operators try is no molecule, which RDKit would tell each time.
        with rdBase.BlockLogs():
            mother, father = _parent(parents[first]), _parent(other)
            child = _child(mother, father, settings, rng) if mother and father else None
        if child is not None:
            text = Chem.MolToSmiles(child)
            if wanted(text):
                children[text] = child
    return children


@lru_cache(_REMEMBERED)
def _parent(smiles: str) -> Parent | None:
    molecule = Chem.MolFromSmiles(smiles)
    return None if molecule is None else Parent(molecule)


def _child(mother: Parent, father: Parent, settings: Breeding, rng: np.random.Generator) -> Chem.Mol | None:
    child: Chem.Mol | None
    if rng.random() < settings.mutation:
        child = mutate(mother, rng)
    else:
        child = cross(mother, father, rng)
        if child is not None and rng.random() < _MUTATED_AFTER_CROSSING:
            child = mutate(Parent(child), rng) or child
    return None if child is None or child.GetNumHeavyAtoms() > settings.max_heavy_atoms else child


def canonical(molecule: Chem.Mol) -> str | None:
    """The SMILES that reading and writing again leaves alone, None where it can't be read."""
    again = Chem.MolFromSmiles(Chem.MolToSmiles(molecule, canonical=False))
    return None if again is None else Chem.MolToSmiles(again)
