"""From a finished training to a prior with its card: what it was made from and how well it writes."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from labkit.errors import InputError
from labkit.generative._network import SmilesGRU
from labkit.generative._prior import Prior, half_precision, load_prior, sample, save_prior, valid_smiles
from labkit.generative._training import PriorTraining, TrainedPrior, train_prior
from labkit.generative._vocabulary import Vocabulary
from labkit.molecules import canonical_smiles, internal_diversity
from labkit.store import write_atomically

_BATCH = 500


def build_prior(
    smiles: Sequence[str],
    path: Path,
    settings: PriorTraining | None = None,
    *,
    data: str,
    start: str | None = None,
    resume: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> Prior:
    """Trains a prior, judges it as it will be read back (16-bit weights), and writes it with its card.

    The card stands in the file's metadata and, for people, in a JSON file beside it.

    Args:
        smiles: training strings.
        path: safetensors file to write; the training's state is kept beside it.
        settings: how to train.
        data: the data's name and origin, for the card.
        start: name or file of a prior to begin from.
        resume: go on from the state beside ``path``.
        report: takes a line of text now and then.

    Raises:
        InputError: as ``train_prior``.
    """
    settings = settings or PriorTraining()
    path.parent.mkdir(parents=True, exist_ok=True)
    state = path.with_suffix(".training.safetensors")
    begun = None if start is None else load_prior(start)
    trained = train_prior(smiles, state, settings, start=begun, resume=resume, report=report)
    report("judging 16-bit weights on 10,000 samples")
    network = half_precision(trained.network)
    card = {"start": start} | _card(trained, network, smiles, settings, data)
    prior = Prior(network, trained.vocabulary, card)
    save_prior(prior, path)
    write_atomically(path.with_suffix(".json"), json.dumps(card, indent=2) + "\n")
    return prior


def _card(
    trained: TrainedPrior, network: SmilesGRU, smiles: Sequence[str], settings: PriorTraining, data: str
) -> dict[str, Any]:
    return {
        "data": data,
        "strings": len(smiles),
        "split": {
            "training": len(trained.training_smiles),
            "held_out_fraction": settings.held_out,
            "left_out_for_rare_tokens": len(smiles)
            - round(len(trained.training_smiles) / (1 - settings.held_out)),
        },
        "settings": asdict(settings),
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(network)),
        "seconds": round(trained.seconds),
        "hardware": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "versions": {name: metadata.version(name) for name in ("jax", "equinox", "optax", "rdkit")},
        "loss_curve_nats_a_string": trained.loss_curve,
        "valid_before_rounding": judge(trained.network, trained.vocabulary, 5_000)["valid"],
        **judge(network, trained.vocabulary, 10_000, known=trained.training_smiles),
    }


def judge(
    network: SmilesGRU,
    vocabulary: Vocabulary,
    count: int,
    *,
    known: Sequence[str] | None = None,
    seed: int = 1,
) -> dict[str, float]:
    """Quality of what a language model writes, as MOSES defines it.

    Polykovskiy et al. 2020, doi:10.3389/fphar.2020.565644.

    Args:
        network: the model.
        vocabulary: its vocabulary.
        count: strings to draw.
        known: training strings; with them novelty, uniqueness and diversity are judged, too.
        seed: of the draw.

    Returns:
        ``samples``, ``valid`` (fraction of strings that are molecules); with ``known``, and where any is
        valid, also ``unique_1k`` and ``unique_10k`` (fraction of different molecules among the first valid
        ones), ``novelty`` (fraction of the different ones not trained on), ``internal_diversity`` (IntDiv,
        p = 1, of the first 2,000).
    """
    key = jax.random.key(seed)
    texts: list[str] = []
    for batch in tqdm(range(-(-count // _BATCH)), desc="sampling", disable=None):
        drawn = sample(network, vocabulary, key=jax.random.fold_in(key, batch), count=_BATCH)
        texts += [item.text for item in drawn]
    trained_on = None if known is None else {canonical_smiles(text) for text in known}
    return judge_strings(texts[:count], trained_on)


def judge_strings(texts: Sequence[str], known: Collection[str] | None = None) -> dict[str, float]:
    """As ``judge``, of strings that were drawn already; ``known`` holds canonical SMILES.

    Raises:
        InputError: if there is no string.
    """
    if not texts:
        raise InputError("no strings to judge: at least one is needed")
    valid = [smiles for smiles in map(valid_smiles, texts) if smiles is not None]
    quality: dict[str, float] = {"samples": len(texts), "valid": len(valid) / len(texts)}
    if known is not None and valid:
        different = set(valid)
        quality |= {
            "unique_1k": len(set(valid[:1000])) / len(valid[:1000]),
            "unique_10k": len(set(valid[:10_000])) / len(valid[:10_000]),
            "novelty": len(different.difference(known)) / len(different),
            "internal_diversity": internal_diversity(valid[:2000]),
        }
    return quality


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
