"""Strings drawn from a language model; those that have ended are not computed on."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from labkit.generative._network import SmilesGRU
from labkit.generative._vocabulary import END, PAD, START

_STEPS = 8  # tokens written before it is looked who has ended
_PARTS = 8  # sizes to which a batch shrinks: each is compiled once, so that
_LEAST_ROWS = 64  # small batches don't shrink at all


@partial(jax.jit, static_argnames="batch")
def _write(
    network: SmilesGRU,
    key: jax.Array,
    start: jax.Array,
    rows: jax.Array,
    last: jax.Array,
    states: tuple[jax.Array, ...],
    batch: int,
) -> tuple[jax.Array, jax.Array, tuple[jax.Array, ...]]:
    """Write the next tokens of some rows of a batch: (steps, rows), ln P of each likewise, the new states."""

    def write(
        carry: tuple[jax.Array, tuple[jax.Array, ...]], step: jax.Array
    ) -> tuple[tuple[jax.Array, tuple[jax.Array, ...]], tuple[jax.Array, jax.Array]]:
        last, states = carry
        logits, states = network.step(last, states)
        # Chance is that of the whole batch, so that a row doesn't depend on which others are still written.
        # Padding and a second start can't be drawn.
        noise = jax.random.gumbel(jax.random.fold_in(key, step), (batch, logits.shape[1]), logits.dtype)
        drawn = jnp.argmax((logits + noise[rows]).at[:, :END].set(-jnp.inf), axis=-1)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), drawn[:, None], axis=1)[:, 0]
        ended = (last == END) | (last == PAD)
        drawn = jnp.where(ended, PAD, drawn).astype(jnp.int32)
        return (drawn, states), (drawn, jnp.where(ended, 0.0, chosen))

    (_, states), (tokens, log_p) = jax.lax.scan(write, (last, states), start + jnp.arange(_STEPS))
    return tokens, log_p, states


def sample_tokens(
    network: SmilesGRU, *, key: jax.Array, batch: int, length: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Strings drawn from the network, as token numbers.

    Args:
        network: the model.
        key: random key; the same key and batch give the same strings.
        batch: how many.
        length: most tokens a string may have, start and end counted; longer ones stay without end token.

    Returns:
        Tokens, int32 (batch, length), and the natural log of the probability of each string, (batch,), as
        ``log_likelihood`` gives it.
    """
    tokens = np.full((batch, length), PAD, np.int32)
    tokens[:, 0] = START
    log_p = np.zeros(batch)
    part = max(_LEAST_ROWS, -(-batch // _PARTS))
    rows, states = np.arange(batch), network.initial_states(batch)
    for start in range(0, length - 1, _STEPS):
        last = jnp.asarray(tokens[rows, start])
        written, gained, states = _write(
            network, key, jnp.int32(start), jnp.asarray(rows), last, states, batch
        )
        steps = min(_STEPS, length - 1 - start)
        tokens[rows, start + 1 : start + 1 + steps] = np.asarray(written)[:steps].T
        log_p[rows] += np.asarray(gained)[:steps].sum(axis=0)
        open_rows = np.flatnonzero(~np.isin(tokens[rows, start + steps], (END, PAD)))
        if not open_rows.size:
            break
        size = min(-(-open_rows.size // part) * part, len(rows))
        if size < len(rows):
            # Those that go on, and as many ended ones as fill the size, which stay as they are.
            kept = np.append(
                open_rows, np.setdiff1d(np.arange(len(rows)), open_rows)[: size - open_rows.size]
            )
            rows, states = rows[kept], tuple(state[kept] for state in states)
    return tokens, log_p
