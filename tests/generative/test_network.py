import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from labkit.generative._network import SmilesGRU, gru_scan, log_likelihood
from labkit.generative._vocabulary import END, PAD, START

TIME, BATCH, HIDDEN = 7, 3, 5


@pytest.fixture
def layer() -> tuple[jax.Array, jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    shapes = ((TIME, BATCH, 3 * HIDDEN), (HIDDEN, 3 * HIDDEN), (3 * HIDDEN,))
    inputs, weight, bias = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes)
    return inputs, weight, bias


def _sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


def test_states_follow_the_published_equations(layer: tuple[jax.Array, ...]) -> None:
    # Cho et al. 2014, eqs. 5-8, the reset gate after the recurrent product (cuDNN), one unit after the other.
    inputs, weight, bias = (np.asarray(array, np.float64) for array in layer)
    expected = np.zeros((TIME, BATCH, HIDDEN))
    for b in range(BATCH):
        h = np.zeros(HIDDEN)
        for t in range(TIME):
            new = np.empty(HIDDEN)
            for j in range(HIDDEN):
                x, recurrent = (
                    inputs[t, b, j::HIDDEN],
                    [
                        sum(h[k] * weight[k, gate * HIDDEN + j] for k in range(HIDDEN))
                        + bias[gate * HIDDEN + j]
                        for gate in range(3)
                    ],
                )
                r, z = _sigmoid(x[0] + recurrent[0]), _sigmoid(x[1] + recurrent[1])
                new[j] = z * h[j] + (1 - z) * np.tanh(x[2] + r * recurrent[2])
            h = expected[t, b] = new
    np.testing.assert_allclose(gru_scan(*layer), expected, rtol=2e-5, atol=2e-6)


def test_gradients_are_those_of_a_plain_loop(layer: tuple[jax.Array, ...]) -> None:
    def plain(inputs: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
        h, states = jnp.zeros((BATCH, HIDDEN)), []
        for x in inputs:
            xr, xz, xn = jnp.split(x, 3, axis=-1)
            hr, hz, hn = jnp.split(h @ weight + bias, 3, axis=-1)
            z = jax.nn.sigmoid(xz + hz)
            h = (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h
            states.append(h)
        return jnp.stack(states)

    # A weight for each state, so that no gradient can hide behind another.
    mask = jax.random.normal(jax.random.key(1), (TIME, BATCH, HIDDEN))
    found = jax.jit(jax.grad(lambda *xs: (gru_scan(*xs) * mask).sum(), argnums=(0, 1, 2)))(*layer)
    expected = jax.jit(jax.grad(lambda *xs: (plain(*xs) * mask).sum(), argnums=(0, 1, 2)))(*layer)
    for ours, theirs in zip(found, expected, strict=True):
        assert float(jnp.abs(theirs).max()) > 0.1
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def network() -> SmilesGRU:
    """Two layers, three tokens beside the special ones; sharper than at random, so that tokens differ."""
    network = SmilesGRU(6, embedding=4, hidden=8, depth=2, key=jax.random.key(3))
    return eqx.tree_at(lambda net: net.output_weight, network, network.output_weight * 4)


def test_the_likelihood_is_the_sum_over_steps(network: SmilesGRU) -> None:
    rows = [[START, 3, 4, 5, END], [START, END, PAD, PAD, PAD], [START, 5, 5, 5, 3], [PAD] * 5]
    step, expected = jax.jit(SmilesGRU.step), []
    for row in rows:
        states, total = network.initial_states(1), 0.0
        for before, after in itertools.pairwise(row):
            logits, states = step(network, jnp.array([before]), states)
            if after != PAD:
                logits64 = np.asarray(logits[0], np.float64)
                total += logits64[after] - np.log(np.exp(logits64).sum())
        expected.append(total)
    np.testing.assert_allclose(log_likelihood(network, jnp.array(rows)), expected, rtol=1e-5, atol=1e-6)
    assert expected[3] == 0.0 and max(expected[:3]) < -0.5
