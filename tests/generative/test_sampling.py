import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from labkit.generative._network import SmilesGRU, log_likelihood
from labkit.generative._sampling import sample_tokens
from labkit.generative._vocabulary import END, PAD, START


@pytest.fixture(scope="module")
def network() -> SmilesGRU:
    """Two layers, three tokens beside the special ones; sharper than at random, so that tokens differ."""
    network = SmilesGRU(6, embedding=4, hidden=8, depth=2, key=jax.random.key(3))
    return eqx.tree_at(lambda net: net.output_weight, network, network.output_weight * 4)


def test_samples_have_the_probabilities_that_the_network_gives(network: SmilesGRU) -> None:
    # Padding and a second start are never written: take them out of the exact distribution, too.
    network = eqx.tree_at(lambda net: net.output_bias, network, network.output_bias.at[:END].set(-1e9))
    length = 4
    strings = [
        (START, *body, END, *([PAD] * (length - 2 - n)))
        for n in range(length - 1)
        for body in itertools.product((3, 4, 5), repeat=n)
    ]
    strings += [(START, *body) for body in itertools.product((3, 4, 5), repeat=length - 1)]
    exact = np.exp(np.asarray(log_likelihood(network, jnp.array(strings)), np.float64))
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    n = 20_000
    drawn, _ = sample_tokens(network, key=jax.random.key(0), batch=n, length=length)
    counts = {tuple(row): 0 for row in strings}
    for row in drawn.tolist():
        counts[tuple(row)] += 1  # a KeyError here is a string that can't be: no padding after an end, say
    assert stats.chisquare(list(counts.values()), exact / exact.sum() * n).pvalue > 1e-3


def test_the_same_key_gives_the_same_strings_and_another_key_others(network: SmilesGRU) -> None:
    first, again, other = (
        sample_tokens(network, key=jax.random.key(key), batch=20, length=12)[0] for key in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_string_is_as_likely_as_the_network_says(network: SmilesGRU) -> None:
    # 300 strings shrink to fewer rows as they end; chance and states must stay with their rows.
    tokens, log_p = sample_tokens(network, key=jax.random.key(2), batch=300, length=40)
    lengths = (tokens != PAD).sum(axis=1)
    assert lengths.min() < 10 < 30 < lengths.max()
    # What can't be drawn has a share in the network's own probabilities: both count it.
    expected = np.asarray(log_likelihood(network, jnp.asarray(tokens)))
    np.testing.assert_allclose(log_p, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("length", [2, 9, 12])
def test_no_string_is_longer_than_allowed_nor_goes_on_after_its_end(network: SmilesGRU, length: int) -> None:
    tokens, _ = sample_tokens(network, key=jax.random.key(1), batch=50, length=length)
    assert tokens.shape == (50, length)
    assert (tokens[:, 0] == START).all()
    for row in tokens.tolist():
        body = row[1:]
        if END in body:
            assert set(body[body.index(END) + 1 :]) <= {PAD}
        else:
            assert PAD not in body


def test_a_row_does_not_depend_on_which_others_are_still_written(
    network: SmilesGRU, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrinking = sample_tokens(network, key=jax.random.key(5), batch=300, length=40)
    monkeypatch.setattr("labkit.generative._sampling._LEAST_ROWS", 300)
    whole = sample_tokens(network, key=jax.random.key(5), batch=300, length=40)
    np.testing.assert_array_equal(shrinking[0], whole[0])
    np.testing.assert_allclose(shrinking[1], whole[1], rtol=1e-5, atol=1e-5)
