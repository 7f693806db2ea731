"""Which molecules are worth a dear answer: against formulas, and against choosing otherwise."""

from collections.abc import Callable, Mapping
from itertools import islice

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors
from scipy.stats import norm

from labkit.campaign import _value
from labkit.campaign._value import Link, most_valuable, tenth_best
from labkit.generative import Features
from labkit.generative._surrogate import matern, matrix, resemblance
from labkit.molecules import load_zinc250k

SMILES = list(islice(load_zinc250k(), 200))
MOLECULES = {text: Chem.MolFromSmiles(text) for text in SMILES}
CHEAP = {text: Crippen.MolLogP(molecule) for text, molecule in MOLECULES.items()}
DEAR = {
    text: 0.3 * CHEAP[text] + 0.6 * rdMolDescriptors.CalcNumHBA(molecule)
    for text, molecule in MOLECULES.items()
}
BOTH = {text: {"low": CHEAP[text], "high": DEAR[text]} for text in SMILES}


def _score(parts: Mapping[str, float]) -> float:
    return parts["high"]


def test_links_are_the_posterior_of_one_process_over_molecules_and_fidelities() -> None:
    known, asked = SMILES[:30], SMILES[30:36]
    link = Link.fit({text: BOTH[text] for text in known}, "high", "low")
    assert link is not None
    mean, covariance = link.rest.posterior([_value._features(text) for text in asked])
    low = np.array([CHEAP[text] for text in known + asked])
    predicted = link.offset + link.slope * low[30:] + mean

    # The textbook's posterior, by an inverse, with Kennedy and O'Hagan's covariance over both fidelities.
    features = [Features.of(MOLECULES[text]) for text in known + asked]
    rest = link.rest
    rows = matrix([one.bits for one in features])
    places = np.clip((np.array([one.descriptors for one in features]) - rest.centre) / rest.spread, -5, 5)
    far = np.linalg.norm(places[:, None] - places[None], axis=2) / rest.length
    alike = rest.share * resemblance(rest.form, rows, rows) + (1 - rest.share) * matern(far)
    scale = rest.deviation**2 * rest.process.amplitude
    noise = scale * (rest.process.factor[0, 0] ** 2 - 1)
    below = 3.0 * alike + 1e-9 * np.eye(36)  # whatever it is: the lower answers are all known
    above = link.slope**2 * below + scale * alike
    told = np.r_[np.arange(36), 36 + np.arange(30)]
    whole = np.block([[below, link.slope * below], [link.slope * below, above]])
    observed = whole[np.ix_(told, told)] + np.diag(np.r_[np.zeros(36), np.full(30, noise)])
    cross = whole[np.ix_(np.arange(66, 72), told)]
    high = np.array([DEAR[text] for text in known])
    values = np.r_[low, high - link.offset - rest.mean]
    weights = np.linalg.solve(observed, cross.T).T
    np.testing.assert_allclose(predicted, link.offset + rest.mean + weights @ values, atol=1e-4)
    np.testing.assert_allclose(covariance, whole[66:, 66:] - weights @ cross.T, atol=1e-4)


def test_the_expected_improvement_is_that_of_the_formula() -> None:
    known = {text: {"high": DEAR[text]} for text in SMILES[:40]}
    link = Link.fit(known, "high", None)
    assert link is not None and (link.slope, link.offset) == (0, 0)
    candidates: dict[str, dict[str, float]] = {text: {} for text in SMILES[40:60]}
    mean, covariance = link.rest.posterior([_value._features(text) for text in candidates])
    scores = _value._scores(candidates, None, ["high"], [(link, mean, covariance)], _score)
    spread, reached = np.sqrt(np.diag(covariance)), float(np.median(mean))
    far = (mean - reached) / spread
    expected = (mean - reached) * norm.cdf(far) + spread * norm.pdf(far)
    np.testing.assert_allclose(
        np.maximum(scores - reached, 0).mean(axis=1), expected, atol=0.02 * spread.max()
    )
    (chosen,) = most_valuable(candidates, known, None, ["high"], _score, reached, 1)
    assert expected[list(candidates).index(chosen)] > 0.97 * expected.max()


def test_the_same_answer_is_not_paid_for_twice() -> None:
    known = {text: {"high": DEAR[text]} for text in SMILES[:60]}
    link = Link.fit(known, "high", None)
    assert link is not None
    mean, _ = link.rest.posterior([_value._features(text) for text in SMILES[60:100]])
    reached = float(mean.max())  # only who isn't known yet can improve on that

    def chosen(texts: list[str]) -> list[str]:
        return most_valuable({text: {} for text in texts}, known, None, ["high"], _score, reached, 2)

    best, second = chosen(SMILES[60:100])
    again = Chem.MolToSmiles(MOLECULES[best], canonical=False, rootedAtAtom=3)
    assert again != best and chosen([*SMILES[60:100], again]) == [best, second]


def test_too_few_answers_leave_the_order_in_which_they_were_drawn() -> None:
    known = {text: {"high": DEAR[text]} for text in SMILES[:7]}
    candidates: dict[str, dict[str, float]] = {text: {} for text in SMILES[10:20]}
    assert most_valuable(candidates, known, None, ["high"], _score, 0.0, 4) == SMILES[10:14]
    assert most_valuable({}, known, None, ["high"], _score, 0.0, 4) == []


def _found(choose: Callable[[dict[str, dict[str, float]], dict[str, dict[str, float]]], list[str]]) -> float:
    """Mean of the ten best dear values that 40 dear answers find among 200 molecules."""
    known: dict[str, dict[str, float]] = {text: BOTH[text] for text in SMILES[:10]}
    while len(known) < 40:
        open_ = {text: {"low": CHEAP[text]} for text in SMILES if text not in known}
        known |= {text: BOTH[text] for text in choose(open_, known)}
    return float(np.mean(sorted((parts["high"] for parts in known.values()), reverse=True)[:10]))


def test_it_finds_more_than_the_cheap_fidelity_alone_and_than_chance() -> None:
    def by_value(candidates: dict[str, dict[str, float]], known: dict[str, dict[str, float]]) -> list[str]:
        reached = tenth_best([parts["high"] for parts in known.values()])
        return most_valuable(candidates, known, "low", ["high"], _score, reached, 10)

    def by_cheap(candidates: dict[str, dict[str, float]], _: dict[str, dict[str, float]]) -> list[str]:
        return sorted(candidates, key=lambda text: -CHEAP[text])[:10]

    rng = np.random.default_rng(0)
    chance = [_found(lambda open_, _: rng.choice(list(open_), 10, replace=False).tolist()) for _ in range(10)]
    best = float(np.mean(sorted([DEAR[text] for text in SMILES], reverse=True)[:10]))
    value, cheap = _found(by_value), _found(by_cheap)
    assert max(chance) < value and cheap < value
    assert best - value < 0.5 * (best - cheap)


@pytest.mark.parametrize(("cost", "screened"), [(0.01, 12), (1.0, 0)])
def test_a_lower_fidelity_is_asked_only_where_that_pays(cost: float, screened: int) -> None:
    # Between them lies noise: the middle answer says something of the dear one, but not all.
    noise = np.random.default_rng(2).normal(size=len(SMILES))
    known = {
        text: {"low": CHEAP[text], "middle": DEAR[text] + noise[i], "high": DEAR[text]}
        for i, text in enumerate(SMILES[:60])
    }
    candidates = {text: {"low": CHEAP[text]} for text in SMILES[60:90]}
    chosen = most_valuable(candidates, known, "low", ["middle", "high"], _score, 2.0, 12, cost=cost, places=2)
    assert (len(chosen) <= 2) if screened == 0 else (len(chosen) == screened)
