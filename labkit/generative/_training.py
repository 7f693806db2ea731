"""Training of the prior: maximum likelihood on SMILES strings, resumable at any step."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

from labkit.errors import InputError
from labkit.generative._network import SmilesGRU, log_likelihood
from labkit.generative._prior import Prior
from labkit.generative._trees import flatten, unflatten
from labkit.generative._vocabulary import Vocabulary, tokenize
from labkit.store import load_arrays, save_arrays

_BUCKETS = 8  # batches are padded to one of so many lengths: little padding, few compilations


@dataclass(frozen=True)
class PriorTraining:
    """How a prior is trained.

    Attributes:
        epochs: passes over the training strings in each cycle of the learning rate.
        batch: strings a step.
        learning_rate: Adam's peak rate in the first cycle, halved from cycle to cycle. In each it rises over
            ``warmup`` steps, then falls to 0 as half a cosine (warm restarts: Loshchilov, Hutter 2017,
            arXiv:1608.03983).
        warmup: steps.
        held_out: fraction of the strings kept for the validation loss.
        min_token_count: strings with a token rarer than this in the data are left out.
        embedding: width of the token embedding.
        hidden: width of a GRU layer.
        depth: number of GRU layers.
        seed: of the split, the initial weights and the order of batches.
    """

    epochs: tuple[int, ...] = (4, 3)
    batch: int = 128
    learning_rate: float = 1e-3
    warmup: int = 200
    held_out: float = 0.05
    min_token_count: int = 10
    embedding: int = 128
    hidden: int = 512
    depth: int = 2
    seed: int = 0


@dataclass(frozen=True)
class TrainedPrior:
    """What training leaves: the network, its vocabulary, the split and the loss curve (nats a string)."""

    network: SmilesGRU
    vocabulary: Vocabulary
    training_smiles: list[str]
    loss_curve: list[dict[str, float]]
    seconds: float


@dataclass(frozen=True)
class _Progress:
    """Where training stands. Replaced whole, so that an interruption never meets half a step."""

    state: Any  # network and optimiser state
    step: int
    losses: tuple[float, ...]  # since the last point of the curve
    curve: tuple[dict[str, float], ...]


def split_data(
    smiles: Sequence[str], settings: PriorTraining, start: Prior | None = None
) -> tuple[Vocabulary, list[str], list[str]]:
    """Vocabulary, training strings and held-out strings."""
    vocabulary = start.vocabulary if start else Vocabulary.from_smiles(smiles, settings.min_token_count)
    usable = [text for text in smiles if vocabulary.can_write(text)]
    order = np.random.default_rng(settings.seed).permutation(len(usable))
    n_held = max(1, round(settings.held_out * len(usable)))
    return vocabulary, [usable[i] for i in order[n_held:]], [usable[i] for i in order[:n_held]]


def bucket_lengths(lengths: np.ndarray) -> np.ndarray:
    """Padded length of each string: the upper end of its bucket; buckets hold equally many strings."""
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _BUCKETS + 1)[1:], method="higher"))
    return edges[np.searchsorted(edges, lengths)]


def epoch_batches(padded: np.ndarray, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers of an epoch's batches, strings of one padded length together, all in random order."""
    batches = []
    for length in np.unique(padded):
        rows = rng.permutation(np.flatnonzero(padded == length))
        batches += [rows[i : i + batch] for i in range(0, len(rows), batch)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _encode(vocabulary: Vocabulary, smiles: list[str], batch: int, length: int) -> jax.Array:
    """Tokens (batch, length); rows beyond the given strings are padding, so that shapes stay few."""
    encoded = vocabulary.encode(smiles, length)
    return jnp.asarray(np.pad(encoded, ((0, batch - len(encoded)), (0, 0))))


def _learning_rate(settings: PriorTraining, steps_an_epoch: int) -> optax.Schedule:
    """Return the rate at each step: cycles of warm-up and decay, each with half the peak of the last."""
    steps = [epochs * steps_an_epoch for epochs in settings.epochs]
    cycles = []
    for i, length in enumerate(steps):
        warmup = min(settings.warmup, length // 10 + 1)
        peak = settings.learning_rate / 2**i
        cycles.append(optax.warmup_cosine_decay_schedule(0.0, peak, warmup, max(length, warmup + 1)))
    return optax.join_schedules(cycles, np.cumsum(steps)[:-1].tolist())


@partial(jax.jit, static_argnames="optimiser")
def update(
    state: Any, tokens: jax.Array, count: jax.Array, optimiser: optax.GradientTransformation
) -> tuple[Any, jax.Array]:
    """Network and optimiser state after one step of maximum likelihood, and the loss before it.

    Args:
        state: network and optimiser state.
        tokens: encoded strings (batch, time).
        count: of the strings, without rows that are padding only.
        optimiser: what makes a step of a gradient.
    """
    network, optimiser_state = state
    loss, gradient = jax.value_and_grad(lambda net: -log_likelihood(net, tokens).sum() / count)(network)
    updates, optimiser_state = optimiser.update(gradient, optimiser_state)
    return (optax.apply_updates(network, updates), optimiser_state), loss


def train_prior(
    smiles: Sequence[str],
    checkpoint: Path,
    settings: PriorTraining | None = None,
    *,
    start: Prior | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 60.0,
    report: Callable[[str], None] = lambda line: None,
    watch: Callable[[Sequence[dict[str, float]]], None] = lambda curve: None,
) -> TrainedPrior:
    """Trains a language model on SMILES strings.

    The state is saved to ``checkpoint`` every so many seconds and when interrupted; with ``resume`` training
    goes on from there and ends with the same weights as if it had never stopped.

    Args:
        smiles: the strings.
        checkpoint: safetensors file of the training's state.
        settings: how to train.
        start: a prior to begin from instead of random weights, with its vocabulary and shape (transfer
            learning: Segler, Kogej, Tyrchan, Waller 2018, doi:10.1021/acscentsci.7b00512).
        resume: go on from ``checkpoint``, which must be of the same data and settings.
        checkpoint_seconds: time between two saves.
        report: takes a line of text now and then.
        watch: takes the loss curve whenever it has a new point.

    Raises:
        InputError: if there are too few strings, a cycle without an epoch, or no checkpoint of this training.
        KeyboardInterrupt: passed on after the state was saved.
    """
    settings = settings or PriorTraining()
    if not settings.epochs or min(settings.epochs) < 1:
        raise InputError(f"each cycle of the learning rate needs at least 1 epoch, got {settings.epochs}")
    if not 0 < settings.learning_rate < 1:
        raise InputError(f"learning rate {settings.learning_rate:g}: above 0 and below 1 is possible")
    if len(smiles) < 2:
        raise InputError(f"a prior needs at least 2 SMILES to train on, got {len(smiles)}")
    vocabulary, training, held_out = split_data(smiles, settings, start)
    if not training:
        raise InputError(
            f"nothing is left of {len(smiles)} SMILES to train on: each token must occur"
            f" {settings.min_token_count} times in them (min_token_count), and some are held out"
        )
    lengths = np.array([len(tokenize(text)) + 2 for text in training])
    padded = bucket_lengths(lengths)
    of_data = {"settings": asdict(settings), "data": hashlib.sha256("\n".join(smiles).encode()).hexdigest()}
    if start is not None:
        of_data["start"] = start.card
    identity = json.dumps(of_data, sort_keys=True)

    epochs = sum(settings.epochs)
    rng_of_epoch = [np.random.default_rng([settings.seed, epoch]) for epoch in range(epochs)]
    schedule = [batch for rng in rng_of_epoch for batch in epoch_batches(padded, settings.batch, rng)]
    steps_an_epoch = len(schedule) // epochs
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(_learning_rate(settings, steps_an_epoch))
    )
    if start is not None:
        network = start.network
    else:
        network = SmilesGRU(
            len(vocabulary),
            embedding=settings.embedding,
            hidden=settings.hidden,
            depth=settings.depth,
            key=jax.random.key(settings.seed),
        )
    progress = _Progress((network, optimiser.init(network)), 0, (), ())
    spent = 0.0

    if resume:
        arrays, metadata = load_arrays(checkpoint)
        if metadata.get("identity") != identity:
            raise InputError(
                f"'{checkpoint}' is the checkpoint of another training (data or settings differ)"
            )
        progress = _Progress(
            unflatten(progress.state, arrays),
            int(metadata["step"]),
            tuple(json.loads(metadata["losses"])),
            tuple(json.loads(metadata["curve"])),
        )
        spent = float(metadata["seconds"])

    started = time.monotonic()

    def save() -> None:
        seconds = spent + time.monotonic() - started
        metadata = {
            "identity": identity,
            "step": str(progress.step),
            "losses": json.dumps(progress.losses),
            "curve": json.dumps(progress.curve),
            "seconds": str(seconds),
        }
        save_arrays(checkpoint, flatten(progress.state), metadata)

    saved = time.monotonic()
    try:
        with tqdm(
            total=len(schedule), initial=progress.step, desc="training", unit="step", disable=None
        ) as bar:
            for step, rows in enumerate(schedule[progress.step :], progress.step + 1):
                tokens = _encode(
                    vocabulary, [training[i] for i in rows], settings.batch, int(padded[rows[0]])
                )
                state, loss = update(progress.state, tokens, jnp.float32(len(rows)), optimiser)
                losses, curve = (*progress.losses, float(loss)), progress.curve
                end_of_epoch = step % steps_an_epoch == 0
                if step % 100 == 0 or end_of_epoch:
                    point = {"step": step, "training": float(np.mean(losses))}
                    if end_of_epoch:
                        point["held_out"] = held_out_loss(state[0], vocabulary, held_out, settings.batch)
                        report(f"epoch {step // steps_an_epoch}: held-out loss {point['held_out']:.3f} nats")
                    losses, curve = (), (*curve, point)
                    watch(curve)
                progress = _Progress(state, step, losses, curve)
                bar.update()
                if time.monotonic() - saved > checkpoint_seconds:
                    save()
                    saved = time.monotonic()
    finally:
        save()
    seconds = spent + time.monotonic() - started
    return TrainedPrior(progress.state[0], vocabulary, training, list(progress.curve), seconds)


def held_out_loss(network: SmilesGRU, vocabulary: Vocabulary, smiles: Sequence[str], batch: int) -> float:
    """Mean negative log-likelihood of strings, in nats a string."""
    score = jax.jit(log_likelihood)
    total = 0.0
    for rows, length in _sorted_batches(smiles, batch):
        total -= float(score(network, _encode(vocabulary, rows, batch, length)).sum())
    return total / math.fsum(1 for _ in smiles)


def _sorted_batches(smiles: Sequence[str], batch: int) -> Iterator[tuple[list[str], int]]:
    ordered = sorted(smiles, key=lambda text: len(tokenize(text)))
    for i in range(0, len(ordered), batch):
        rows = ordered[i : i + batch]
        # Lengths in steps of 8 keep the number of compilations small.
        yield rows, -(-(len(tokenize(rows[-1])) + 2) // 8) * 8
