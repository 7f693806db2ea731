"""A trained language model on disk: weights in 16 bit, vocabulary and card beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from labkit.errors import InputError
from labkit.generative._constraints import Constraint, check_writable
from labkit.generative._network import SmilesGRU
from labkit.generative._sampling import sample_tokens
from labkit.generative._trees import flatten, unflatten
from labkit.generative._vocabulary import Vocabulary
from labkit.molecules import canonical_smiles
from labkit.store import data_path, load_arrays, save_arrays

DEFAULT_PRIOR = "zinc250k"
MAX_TOKENS = 100  # longest string that is sampled, start and end counted; ZINC250k's longest has 74
_BATCH = 256
_DRY = 2_000  # molecules in a row that give nothing new under a constraint: there is no more


@dataclass(frozen=True)
class Prior:
    """A chemical language model with its vocabulary and its card (how it was made, what it can do)."""

    network: SmilesGRU
    vocabulary: Vocabulary
    card: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One string that a language model wrote, and the natural log of its probability."""

    text: str
    log_likelihood: float


def save_prior(prior: Prior, path: Path) -> None:
    """Writes weights as float16, with vocabulary, shape and card in the file's metadata."""
    network = prior.network
    shape = {
        "embedding": network.embedding.shape[1],
        "hidden": network.layers[0].recurrent_weight.shape[0],
        "depth": len(network.layers),
    }
    metadata = {
        "vocabulary": json.dumps(prior.vocabulary.tokens),
        "shape": json.dumps(shape),
        "card": json.dumps(prior.card),
    }
    halves = {name: array.astype(np.float16) for name, array in flatten(network).items()}
    save_arrays(path, halves, metadata)


@lru_cache(maxsize=4)
def load_prior(name: str = DEFAULT_PRIOR) -> Prior:
    """The shipped prior of that name, or the one in a safetensors file; computes in float32.

    Raises:
        InputError: if there is none, or the file holds something else.
    """
    path = Path(name) if name.endswith(".safetensors") else data_path("priors", f"{name}.safetensors")
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in data_path("priors").glob("*.safetensors")))
        raise InputError(f"no prior '{name}'; name a .safetensors file or one of: {shipped}")
    arrays, metadata = load_arrays(path)
    try:
        vocabulary = Vocabulary(tuple(json.loads(metadata["vocabulary"])))
        template = SmilesGRU(len(vocabulary), **json.loads(metadata["shape"]), key=jax.random.key(0))
        singles = {key: value.astype(np.float32) for key, value in arrays.items()}
        return Prior(unflatten(template, singles), vocabulary, json.loads(metadata["card"]))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"'{path}' is no prior of labkit: {error}") from None


def sample(network: SmilesGRU, vocabulary: Vocabulary, *, key: jax.Array, count: int) -> list[Sample]:
    """Strings drawn from a language model, valid or not.

    Args:
        network: the model.
        vocabulary: its vocabulary.
        key: random key; the same key and count give the same strings.
        count: how many.
    """
    tokens, log_p = sample_tokens(network, key=key, batch=count, length=MAX_TOKENS)
    return [Sample(*each) for each in zip(vocabulary.decode(tokens), log_p.tolist(), strict=True)]


def valid_smiles(text: str) -> str | None:
    """Canonical SMILES of a string that is a molecule, else None."""
    try:
        return canonical_smiles(text) if text else None
    except InputError:
        return None


def stream_smiles(prior: Prior, seed: int, counted: dict[str, int] | None = None) -> Iterator[str]:
    """Valid canonical SMILES from a prior, without end; ``counted`` gets how many strings were drawn."""
    key = jax.random.key(seed)
    for batch in range(1_000_000):
        drawn = sample(prior.network, prior.vocabulary, key=jax.random.fold_in(key, batch), count=_BATCH)
        for item in drawn:
            if counted is not None:
                counted["drawn"] = counted.get("drawn", 0) + 1
            smiles = valid_smiles(item.text)
            if smiles is not None:
                yield smiles


class Generated(NamedTuple):
    """Molecules, and how the language model and what is built of its strings did; nan where there is none.

    Attributes:
        smiles: valid and canonical, in the order drawn.
        valid_fraction: share of the strings drawn that are molecules.
        unique_fraction: share of the molecules made that were not made before.
    """

    smiles: list[str]
    valid_fraction: float
    unique_fraction: float


def generate(
    count: int = 1000, seed: int = 0, *, prior: str = DEFAULT_PRIOR, constraint: Constraint | None = None
) -> list[str]:
    """Molecules drawn from the prior.

    Args:
        count: how many.
        seed: the same seed gives the same molecules.
        prior: a shipped prior's name or a safetensors file.
        constraint: what each molecule keeps, from ``decorate``, ``link`` or ``near``.

    Returns:
        Valid canonical SMILES, in the order drawn; one may occur twice, but not under a constraint.

    Raises:
        InputError: if the count is negative or can't be reached, the seed out of range, there is no such
            prior, or it can't write what the constraint asks for.
    """
    return generate_counted(count, seed, prior=prior, constraint=constraint).smiles


def generate_counted(
    count: int, seed: int = 0, *, prior: str = DEFAULT_PRIOR, constraint: Constraint | None = None
) -> Generated:
    """As ``generate``, with fractions."""
    if count < 0:
        raise InputError(f"count {count}: a number of molecules is 0 or more")
    if not 0 <= seed < 2**31:
        raise InputError(f"seed {seed}: 0 to {2**31 - 1} is possible")
    loaded = load_prior(prior)
    counted = {"drawn": 0}
    stream = stream_smiles(loaded, seed, counted)
    if constraint is None:
        smiles = [next(stream) for _ in range(count)]
        return Generated(smiles, _share(count, counted["drawn"]), _share(len(set(smiles)), count))
    check_writable(constraint, loaded.vocabulary)
    built = constraint.build(stream, np.random.default_rng(seed))
    found: dict[str, None] = {}
    valid = made = dry = 0
    while len(found) < count:
        text = next(built)
        valid, made, dry = valid + 1, made + (text is not None), dry + 1
        if text is not None and text not in found:
            found[text], dry = None, 0
        if dry == _DRY:
            raise InputError(
                f"count {count}: only {len(found)} different molecules are found under {constraint}; "
                f"ask for no more"
            )
    return Generated(list(found), _share(valid, counted["drawn"]), _share(len(found), made))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def half_precision(network: SmilesGRU) -> SmilesGRU:
    """The network as it comes back from a 16-bit file."""
    return jax.tree.map(lambda x: x.astype(jnp.float16).astype(jnp.float32), network)
