import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from labkit.errors import InputError
from labkit.generative import Optimiser, OptimiserSettings, Prior
from labkit.generative._optimiser import _adam, _update
from labkit.generative._prior import sample, valid_smiles
from labkit.molecules import canonical_smiles, parse


def aromatic_fraction(smiles: str) -> float:
    """The cheap objective: fraction of the heavy atoms that are aromatic."""
    molecule = parse(smiles)
    return sum(atom.GetIsAromatic() for atom in molecule.GetAtoms()) / molecule.GetNumAtoms()


def _round(optimiser: Optimiser, count: int = 12) -> list[str]:
    smiles = [proposed.smiles for proposed in optimiser.ask(count)]
    optimiser.tell(smiles, [aromatic_fraction(text) for text in smiles])
    return smiles


def _network(optimiser: Optimiser) -> list[np.ndarray]:
    arrays, _ = optimiser.state()
    return [array for name, array in sorted(arrays.items()) if name.startswith("[0]")]


def test_asking_is_deterministic_and_the_seed_matters(small_prior: Prior) -> None:
    first, again, other = (Optimiser(small_prior, seed=seed).ask(10) for seed in (0, 0, 1))
    assert first == again
    assert [p.smiles for p in first] != [p.smiles for p in other]


def test_every_proposal_is_valid_canonical_and_new(small_prior: Prior) -> None:
    optimiser = Optimiser(small_prior, OptimiserSettings(updates=2))
    seen = [text for _ in range(3) for text in _round(optimiser)]
    assert len(seen) == 36
    assert [canonical_smiles(text) for text in seen] == seen
    assert len(set(seen)) == len(seen)
    assert optimiser.drawn >= optimiser.valid >= 36


def test_what_was_told_is_never_asked(small_prior: Prior) -> None:
    expected = [proposed.smiles for proposed in Optimiser(small_prior).ask(10)]
    optimiser = Optimiser(small_prior)
    optimiser.tell(expected[:5], [0.5] * 5)
    assert not set(expected[:5]) & {proposed.smiles for proposed in optimiser.ask(10)}


def test_a_policy_that_has_run_dry_proposes_less(small_prior: Prior) -> None:
    # One that writes nothing but 'C': probability one for that token, then for the end.
    token = small_prior.vocabulary.index["C"]
    network = jax.tree.map(jnp.zeros_like, small_prior.network)
    bias = jnp.full(len(small_prior.vocabulary), -1e9).at[token].set(0.0).at[2].set(0.0)
    dry = dataclasses.replace(small_prior, network=eqx.tree_at(lambda n: n.output_bias, network, bias))
    found = [proposed.smiles for proposed in Optimiser(dry).ask(200)]
    assert 0 < len(found) < 200
    assert set("".join(found)) == {"C"}


def test_the_proposals_likelihood_is_that_of_a_writing(small_prior: Prior) -> None:
    proposed = Optimiser(small_prior).ask(10)
    assert all(math.isfinite(p.log_likelihood) and p.log_likelihood < 0 for p in proposed)


def test_without_learning_the_policy_stays_the_prior(small_prior: Prior) -> None:
    optimiser = Optimiser(small_prior, OptimiserSettings(learning=False))
    before = _network(optimiser)
    for _ in range(2):
        _round(optimiser)
    for old, new in zip(before, _network(optimiser), strict=True):
        np.testing.assert_array_equal(old, new)


def _fresh_mean(optimiser: Optimiser, key: int) -> float:
    """Mean objective of 256 fresh samples of the policy."""
    drawn = sample(optimiser._state[0], optimiser.prior.vocabulary, key=jax.random.key(key), count=256)
    valid = [smiles for item in drawn if (smiles := valid_smiles(item.text)) is not None]
    assert len(valid) > 64
    return float(np.mean([aromatic_fraction(text) for text in valid]))


def test_learning_raises_the_score_of_fresh_samples(small_prior: Prior) -> None:
    optimiser = Optimiser(small_prior, OptimiserSettings(beta=50, updates=16, learning_rate=2e-3))
    before = _fresh_mean(optimiser, 7)
    for _ in range(3):
        _round(optimiser)
    assert _fresh_mean(optimiser, 7) > before + 0.1


def test_a_restored_optimiser_goes_on_as_if_it_had_never_stopped(small_prior: Prior) -> None:
    undisturbed = Optimiser(small_prior, OptimiserSettings(updates=2), seed=5)
    _round(undisturbed)
    arrays, metadata = undisturbed.state()
    expected = [_round(undisturbed), _round(undisturbed)]
    restored = Optimiser(small_prior, OptimiserSettings(updates=2), seed=5)
    restored.restore(arrays, metadata)
    assert [_round(restored), _round(restored)] == expected
    for one, other in zip(_network(restored), _network(undisturbed), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (restored.drawn, restored.valid) == (undisturbed.drawn, undisturbed.valid)


def test_a_state_that_does_not_fit_is_refused_and_nothing_of_it_taken(small_prior: Prior) -> None:
    arrays, metadata = Optimiser(small_prior, seed=1).state()
    optimiser = Optimiser(small_prior, seed=2)
    with pytest.raises(InputError, match="of seed 1, not 2"):
        optimiser.restore(arrays, metadata)
    optimiser = Optimiser(small_prior, seed=1)
    name = next(iter(arrays))
    for damaged, match in (
        ({key: value for key, value in arrays.items() if key != name}, "is missing"),
        (arrays | {name: arrays[name][:1]}, "is of shape"),
    ):
        with pytest.raises(InputError, match=match):
            optimiser.restore(damaged, metadata)
    for text, match in (("{", "no optimiser"), ("[1]", "lacks"), ('{"seed": 1}', "lacks asked, asks")):
        with pytest.raises(InputError, match=match):
            optimiser.restore(arrays, {"optimiser": text})
    with pytest.raises(InputError, match="no optimiser"):
        optimiser.restore(arrays, {})
    assert optimiser.ask(5) == Optimiser(small_prior, seed=1).ask(5)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(small_prior: Prior, score: float) -> None:
    with pytest.raises(InputError, match=f"score {score} of 'CCN'"):
        Optimiser(small_prior).tell(["CCO", "CCN"], [0.5, score])


def test_scores_without_molecules_are_refused(small_prior: Prior) -> None:
    with pytest.raises(InputError, match="1 scores for 2 molecules"):
        Optimiser(small_prior).tell(["CCO", "CCN"], [0.5])


def test_a_molecule_that_the_model_cannot_write_teaches_nothing(small_prior: Prior) -> None:
    optimiser = Optimiser(small_prior)
    before = _network(optimiser)
    optimiser.tell(["C[Si](C)(C)C", "CCO"], [1.0, 0.5])  # of two only one is left: nothing to compare
    for old, new in zip(before, _network(optimiser), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("constant", [0.0, -17.0])
def test_no_update_where_the_policy_is_the_target(small_prior: Prior, constant: float) -> None:
    # The log-variance loss vanishes for prior(x)·exp(beta·score(x)) up to a constant: equal scores leave the
    # policy where it is, since it is that target already; unequal ones move it.
    smiles = [proposed.smiles for proposed in Optimiser(small_prior).ask(8)]
    tokens = Optimiser(small_prior)._encode(smiles)
    log_p = jnp.asarray(Optimiser(small_prior)._log_p(small_prior.network, smiles))
    adam = _adam(1.0)
    start = (small_prior.network, adam.init(small_prior.network))

    def gradient_norm(target: jax.Array) -> float:
        _, state = _update(start, tokens, target, adam)
        # Adam's first moment after one step is a tenth of the clipped gradient.
        moments = [leaf for leaf in jax.tree.leaves(state[1][0].mu)]
        return 10 * float(jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in moments)))

    assert gradient_norm(log_p + constant) < 1e-3
    assert gradient_norm(log_p + constant + 50 * jnp.arange(8.0) / 8) > 0.5
