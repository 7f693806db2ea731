"""What a language model makes of strings that are put before it: the probability of each of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from labkit.generative._network import SmilesGRU
from labkit.generative._prior import Prior
from labkit.generative._vocabulary import PAD, tokenize


@dataclass(frozen=True)
class Reading:
    """A string as a language model reads it.

    Attributes:
        text: the string.
        tokens: its tokens, ``<end>`` last.
        log_probabilities: ln P of each token, given those before it.
    """

    text: str
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]

    @property
    def log_likelihood(self) -> float:
        """Ln P of the string: by the chain rule the sum over its tokens."""
        return sum(self.log_probabilities)


def read(prior: Prior, texts: Sequence[str]) -> list[Reading]:
    """Strings as a model reads them; they needn't be molecules.

    Raises:
        InputError: if a string holds a token that the model doesn't know.
    """
    if not texts:
        return []
    tokens = _encode(prior, texts)
    log_p = np.asarray(_log_probabilities(prior.network, tokens))
    following = np.asarray(tokens)[:, 1:]
    found = []
    for row, (text, numbers) in enumerate(zip(texts, following, strict=True)):
        written = numbers[numbers != PAD]
        values = log_p[np.arange(len(written)), row, written]
        names = tuple(prior.vocabulary.tokens[number] for number in written)
        found.append(Reading(text, names, tuple(map(float, values))))
    return found


def next_tokens(prior: Prior, beginning: str) -> dict[str, float]:
    """The probability of each token after the beginning of a string, most probable first.

    Raises:
        InputError: if the beginning holds a token that the model doesn't know.
    """
    log_p = _log_probabilities(prior.network, _encode(prior, [beginning]))
    chances = np.exp(np.asarray(log_p)[len(tokenize(beginning)), 0])
    return {prior.vocabulary.tokens[i]: float(chances[i]) for i in np.argsort(-chances, kind="stable")}


def _encode(prior: Prior, texts: Sequence[str]) -> jax.Array:
    encoded = prior.vocabulary.encode(texts)
    # Lengths in steps of 32 keep the number of compilations small.
    return jnp.asarray(np.pad(encoded, ((0, 0), (0, -encoded.shape[1] % 32))))


@jax.jit
def _log_probabilities(network: SmilesGRU, tokens: jax.Array) -> jax.Array:
    """Ln P of every token of the vocabulary after each column: (time, batch, vocabulary)."""
    return jax.nn.log_softmax(network.logits(tokens))
