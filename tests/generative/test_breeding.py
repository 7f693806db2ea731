from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen

from labkit.generative import Breeding, Optimiser, OptimiserSettings, Prior
from labkit.generative._breeding import Breeder, lineage
from labkit.generative._surrogate import environments
from labkit.molecules import canonical_smiles, load_zinc250k

STRINGS = [canonical_smiles(text) for text in load_zinc250k()[:120]]
SETTINGS = Breeding(children=30, generations=2, start=16)


def log_p(smiles: str) -> float:
    return float(Crippen.MolLogP(Chem.MolFromSmiles(smiles)))


def candidates(settings: Breeding, seed: int = 0) -> list[str]:
    told = {text: log_p(text) for text in STRINGS[:80]}
    rng = np.random.default_rng(seed)
    breeder = Breeder(settings, frozenset())
    return list(breeder.candidates(STRINGS[80:], told, rng, lambda text: text not in told))


def test_the_first_candidates_score_higher_than_what_they_come_from() -> None:
    found = candidates(SETTINGS)
    best = sorted(map(log_p, STRINGS), reverse=True)[:10]
    assert np.mean([log_p(text) for text in found[:10]]) > np.mean(best)
    assert np.mean([log_p(text) for text in found[:10]]) > np.mean([log_p(text) for text in found[-30:]]) + 1


def test_candidates_are_canonical_new_and_each_there_once() -> None:
    found = candidates(SETTINGS)
    assert len(found) > 40 + 30
    assert set(STRINGS[80:]) < set(found)
    assert not set(found) & set(STRINGS[:80])
    assert len(set(found)) == len(found)
    assert [canonical_smiles(text) for text in found] == found


def test_no_child_is_larger_than_allowed() -> None:
    found = candidates(replace(SETTINGS, max_heavy_atoms=20))
    children = set(found) - set(STRINGS)
    assert children
    assert all(Chem.MolFromSmiles(text).GetNumHeavyAtoms() <= 20 for text in children)


def test_without_a_surrogate_children_and_drawn_take_turns() -> None:
    found = candidates(replace(SETTINGS, children=60, known=0))
    assert [text in STRINGS for text in found[:10]] == [True, False] * 5


def test_the_optimiser_asks_for_children_once_enough_is_known(small_prior: Prior) -> None:
    settings = OptimiserSettings(learning=False, breeding=SETTINGS)

    def asked(seed: int) -> list[list[tuple[str, float | None]]]:
        optimiser, rounds = Optimiser(small_prior, settings, seed=seed), []
        for _ in range(3):
            proposed = optimiser.ask(12)
            optimiser.tell([p.smiles for p in proposed], [log_p(p.smiles) for p in proposed])
            rounds.append([(p.smiles, p.log_likelihood) for p in proposed])
        return rounds

    first, second, third = asked(0)
    assert all(likelihood is not None for _, likelihood in first + second)
    assert any(likelihood is None for _, likelihood in third)
    assert np.mean([log_p(text) for text, _ in third]) > np.mean([log_p(text) for text, _ in first]) + 0.5
    assert len({text for text, _ in first + second + third}) == 36
    assert asked(0) == [first, second, third]


@pytest.mark.parametrize("children", [0, 30])
def test_a_restored_optimiser_breeds_the_same(small_prior: Prior, children: int) -> None:
    settings = OptimiserSettings(updates=1, breeding=Breeding(children=children, generations=2, start=16))

    def turn(optimiser: Optimiser) -> list[str]:
        smiles = [p.smiles for p in optimiser.ask(12)]
        optimiser.tell(smiles, [log_p(text) / 10 for text in smiles])
        return smiles

    undisturbed = Optimiser(small_prior, settings)
    turn(undisturbed), turn(undisturbed)
    arrays, metadata = undisturbed.state()
    restored = Optimiser(small_prior, settings)
    restored.restore(arrays, metadata)
    assert [turn(restored), turn(restored)] == [turn(undisturbed), turn(undisturbed)]


def test_no_child_is_stranger_than_allowed() -> None:
    usual = frozenset().union(*(environments(Chem.MolFromSmiles(text)) for text in STRINGS[80:]))

    def strange(text: str) -> int:
        return len(environments(Chem.MolFromSmiles(text)) - usual)

    found = [strange(text) for text in candidates(replace(SETTINGS, strange=1))]
    assert max(found) == 1
    assert max(strange(text) for text in candidates(SETTINGS)) > 2


def test_breeding_begins_anew_where_the_best_stand_still_and_again_with_all() -> None:
    def known(scores: list[float]) -> int:
        return len(lineage({str(i): score for i, score in enumerate(scores)}, 20))

    rising = [0.001 * i for i in range(100)]
    assert known(rising) == 100
    still = rising + [0.0] * 20
    assert known(still) == 0
    # The new lineage rises as well, below the best of all; when it stands, all are parents again.
    again = still + [0.0005 * i for i in range(60)]
    assert known(again) == 60
    assert known(again + [0.0] * 20) == 200


def test_a_new_lineage_is_drawn_and_then_bred_of_its_own_alone(small_prior: Prior) -> None:
    breeding = replace(SETTINGS, patience=32)
    optimiser = Optimiser(small_prior, OptimiserSettings(learning=False, breeding=breeding))
    bred = []
    for _ in range(9):
        asked = optimiser.ask(8)
        bred.append(any(each.log_likelihood is None for each in asked))
        optimiser.tell([each.smiles for each in asked], [0.0] * 8)
    # Bred once 16 scores are known; 32 calls without gain end the lineage, and the next begins with 16 drawn.
    assert bred == [False, False, True, True, True, False, False, True, True]
