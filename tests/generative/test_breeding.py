import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen

from labkit.generative import Breeding, Optimiser, OptimiserSettings, Prior
from labkit.generative._breeding import Known, ranked_candidates
from labkit.molecules import canonical_smiles, load_zinc250k

STRINGS = [canonical_smiles(text) for text in load_zinc250k()[:120]]
SETTINGS = Breeding(children=30, generations=2, start=16)


def log_p(smiles: str) -> float:
    return float(Crippen.MolLogP(Chem.MolFromSmiles(smiles)))


def candidates(settings: Breeding, seed: int = 0) -> list[str]:
    told = {text: log_p(text) for text in STRINGS[:80]}
    rng = np.random.default_rng(seed)
    return list(ranked_candidates(STRINGS[80:], told, Known(), settings, rng, lambda text: text not in told))


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
    found = candidates(Breeding(children=30, max_heavy_atoms=20))
    children = set(found) - set(STRINGS)
    assert children
    assert all(Chem.MolFromSmiles(text).GetNumHeavyAtoms() <= 20 for text in children)


def test_without_a_surrogate_children_and_drawn_take_turns() -> None:
    found = candidates(Breeding(children=60, known=0))
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
