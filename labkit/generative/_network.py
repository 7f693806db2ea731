"""The recurrent network that reads and writes SMILES, token by token."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from labkit.generative._vocabulary import PAD


class Gates(NamedTuple):
    """What the backward pass of a GRU needs of each step, each (..., hidden)."""

    reset: jax.Array
    update: jax.Array
    candidate: jax.Array
    recurrent: jax.Array


def _gru_step(
    inputs: jax.Array, state: jax.Array, weight: jax.Array, bias: jax.Array
) -> tuple[jax.Array, Gates]:
    """One step of a gated recurrent unit (Cho et al. 2014, doi:10.3115/v1/D14-1179; cuDNN's variant)."""
    recurrent = state @ weight + bias
    input_r, input_z, input_n = jnp.split(inputs, 3, axis=-1)
    recurrent_r, recurrent_z, recurrent_n = jnp.split(recurrent, 3, axis=-1)
    reset = jax.nn.sigmoid(input_r + recurrent_r)
    update = jax.nn.sigmoid(input_z + recurrent_z)
    candidate = jnp.tanh(input_n + reset * recurrent_n)
    new_state = (1 - update) * candidate + update * state
    return new_state, Gates(reset, update, candidate, recurrent_n)


@jax.custom_vjp
def gru_scan(inputs: jax.Array, weight: jax.Array, bias: jax.Array) -> jax.Array:
    """States of a GRU layer over a sequence, starting from zero.

    Args:
        inputs: the projected inputs (time, batch, 3 · hidden).
        weight: recurrent weight (hidden, 3 · hidden).
        bias: recurrent bias (3 · hidden,).

    Returns:
        States (time, batch, hidden).
    """
    return _gru_forward(inputs, weight, bias)[0]


def _gru_forward(
    inputs: jax.Array, weight: jax.Array, bias: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, Gates, jax.Array]]:
    def step(state: jax.Array, x: jax.Array) -> tuple[jax.Array, tuple[jax.Array, Gates]]:
        new_state, gates = _gru_step(x, state, weight, bias)
        return new_state, (new_state, gates)

    initial = jnp.zeros((inputs.shape[1], weight.shape[0]), inputs.dtype)
    _, (states, gates) = jax.lax.scan(step, initial, inputs)
    return states, (states, gates, weight)


def _gru_backward(
    residuals: tuple[jax.Array, Gates, jax.Array], states_bar: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    # The weight's gradient is one large product after the scan instead of one small product a step.
    states, gates, weight = residuals
    previous = jnp.concatenate([jnp.zeros_like(states[:1]), states[:-1]])
    weight_transposed = weight.T

    def step(
        carry: jax.Array, xs: tuple[jax.Array, Gates, jax.Array]
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        bar, (r, z, n, recurrent_n), before = xs
        bar = bar + carry
        n_bar = bar * (1 - z) * (1 - n * n)
        z_bar = bar * (before - n) * z * (1 - z)
        r_bar = n_bar * recurrent_n * r * (1 - r)
        inputs_bar = jnp.concatenate([r_bar, z_bar, n_bar], axis=-1)
        recurrent_bar = jnp.concatenate([r_bar, z_bar, n_bar * r], axis=-1)
        return bar * z + recurrent_bar @ weight_transposed, (inputs_bar, recurrent_bar)

    _, (inputs_bar, recurrent_bar) = jax.lax.scan(
        step, jnp.zeros_like(states[0]), (states_bar, gates, previous), reverse=True
    )
    weight_bar = previous.reshape(-1, weight.shape[0]).T @ recurrent_bar.reshape(-1, weight.shape[1])
    return inputs_bar, weight_bar, recurrent_bar.sum((0, 1))


gru_scan.defvjp(_gru_forward, _gru_backward)


class GRULayer(eqx.Module):
    """Weights of one GRU layer: input (in, 3 · hidden), recurrent (hidden, 3 · hidden), two biases."""

    input_weight: jax.Array
    input_bias: jax.Array
    recurrent_weight: jax.Array
    recurrent_bias: jax.Array

    def __init__(self, size_in: int, hidden: int, *, key: jax.Array):
        bound = hidden**-0.5
        draw = partial(jax.random.uniform, dtype=jnp.float32, minval=-bound, maxval=bound)
        k1, k2, k3, k4 = jax.random.split(key, 4)
        self.input_weight = draw(k1, (size_in, 3 * hidden))
        self.input_bias = draw(k2, (3 * hidden,))
        self.recurrent_weight = draw(k3, (hidden, 3 * hidden))
        self.recurrent_bias = draw(k4, (3 * hidden,))


class SmilesGRU(eqx.Module):
    """A chemical language model: embedding, GRU layers, a linear read-out of the next token."""

    embedding: jax.Array
    layers: tuple[GRULayer, ...]
    output_weight: jax.Array
    output_bias: jax.Array

    def __init__(
        self, vocabulary_size: int, *, embedding: int = 128, hidden: int = 512, depth: int = 2, key: jax.Array
    ):
        k1, k2, *keys = jax.random.split(key, 2 + depth)
        self.embedding = jax.random.normal(k1, (vocabulary_size, embedding), jnp.float32)
        sizes = [embedding] + [hidden] * (depth - 1)
        self.layers = tuple(GRULayer(size, hidden, key=k) for size, k in zip(sizes, keys, strict=True))
        bound = hidden**-0.5
        self.output_weight = jax.random.uniform(
            k2, (hidden, vocabulary_size), jnp.float32, minval=-bound, maxval=bound
        )
        self.output_bias = jnp.zeros(vocabulary_size, jnp.float32)

    def logits(self, tokens: jax.Array) -> jax.Array:
        """Logits of the token after each of ``tokens`` (batch, time): (time, batch, vocabulary)."""
        x = self.embedding[tokens.T]
        for layer in self.layers:
            x = gru_scan(
                x @ layer.input_weight + layer.input_bias, layer.recurrent_weight, layer.recurrent_bias
            )
        return x @ self.output_weight + self.output_bias

    def step(
        self, tokens: jax.Array, states: tuple[jax.Array, ...]
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """Logits (batch, vocabulary) after one more token (batch,), and the new states."""
        x, new_states = self.embedding[tokens], []
        for layer, state in zip(self.layers, states, strict=True):
            x, _ = _gru_step(
                x @ layer.input_weight + layer.input_bias,
                state,
                layer.recurrent_weight,
                layer.recurrent_bias,
            )
            new_states.append(x)
        return x @ self.output_weight + self.output_bias, tuple(new_states)

    def initial_states(self, batch: int) -> tuple[jax.Array, ...]:
        """Zero states, one (batch, hidden) a layer."""
        # The weights' own precision: other packages switch JAX to 64 bits, and the samples must not change.
        weights = [layer.recurrent_weight for layer in self.layers]
        return tuple(jnp.zeros((batch, weight.shape[0]), weight.dtype) for weight in weights)


def log_likelihood(network: SmilesGRU, tokens: jax.Array) -> jax.Array:
    """Natural log of the probability that the network writes each row of ``tokens``.

    Args:
        network: the model.
        tokens: encoded strings (batch, time), from start to end token, padded.

    Returns:
        (batch,), 0 for rows that are padding only.
    """
    log_p = jax.nn.log_softmax(network.logits(tokens[:, :-1]))
    targets = tokens[:, 1:].T
    chosen = jnp.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    return jnp.where(targets == PAD, 0.0, chosen).sum(0)
