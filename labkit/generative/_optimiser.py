"""Goal-directed generation: a language model, and children of what scored well, ranked by a surrogate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rdkit import Chem

from labkit.errors import InputError
from labkit.generative._breeding import Breeder, Breeding, lineage
from labkit.generative._constraints import Constraint, check_writable
from labkit.generative._diversity import ScaffoldMemory
from labkit.generative._network import SmilesGRU, log_likelihood
from labkit.generative._prior import Prior, sample, valid_smiles
from labkit.generative._surrogate import environments
from labkit.generative._trees import flatten, unflatten

_DRY_BATCHES = 20  # so many batches in a row without enough new molecules: the policy has run dry
_LIKELIHOOD_ROWS = 64
_WRITTEN, _WRITTEN_AT_ONCE = 4096, 512  # molecules by which is judged what a model writes
_MEMORY = {"seed", "asks", "tells", "drawn", "valid", "asked", "told", "prior_log_p"}


@dataclass(frozen=True)
class OptimiserSettings:
    """How the policy learns, and how candidates are bred beside it.

    Attributes:
        learning: False leaves the policy what the prior is (the control of every claim about learning).
        beta: the policy aims at prior(x) · exp(beta · score(x)); nats per unit of score.
        updates: gradient steps after each round of scores.
        batch: molecules a step.
        learning_rate: Adam's.
        rank_weight: replay draws molecule of rank r among n told with weight 1 / (rank_weight · n + r).
        breeding: of children; by default there are none.
        bucket: so many molecules of one Murcko scaffold keep a score of at least ``good``, later ones count
            as 0, so that the search moves on; 0: all keep theirs.
        good: see there.
    """

    learning: bool = True
    beta: float = 20.0
    updates: int = 8
    batch: int = 64
    learning_rate: float = 2e-4
    rank_weight: float = 0.1
    breeding: Breeding = field(default_factory=Breeding)
    bucket: int = 0
    good: float = 0.4


@dataclass(frozen=True)
class Proposed:
    """A molecule that the optimiser asks about, and ln P under the policy that wrote it; None of a child."""

    smiles: str
    log_likelihood: float | None


@cache
def _adam(learning_rate: float) -> optax.GradientTransformation:
    # Cached, since each new transformation would make the update compile again.
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate))


@partial(jax.jit, static_argnames="optimiser")
def _update(
    state: tuple[SmilesGRU, optax.OptState],
    tokens: jax.Array,
    target: jax.Array,
    optimiser: optax.GradientTransformation,
) -> tuple[SmilesGRU, optax.OptState]:
    network, optimiser_state = state

    def loss(net: SmilesGRU) -> jax.Array:
        # The log-variance loss (Richter et al. 2020, arXiv:2010.10436): zero where the policy equals the
        # target up to its unknown normalisation, on whatever molecules it is evaluated.
        return jnp.var(log_likelihood(net, tokens) - target)

    updates, optimiser_state = optimiser.update(jax.grad(loss)(network), optimiser_state)
    return optax.apply_updates(network, updates), optimiser_state


def _written_environments(prior: Prior) -> frozenset[int]:
    """Kinds of environment in some thousands of molecules that a model writes."""
    found: set[int] = set()
    for key in jax.random.split(jax.random.key(0), _WRITTEN // _WRITTEN_AT_ONCE):
        for item in sample(prior.network, prior.vocabulary, key=key, count=_WRITTEN_AT_ONCE):
            smiles = valid_smiles(item.text)
            if smiles is not None:
                found |= environments(Chem.MolFromSmiles(smiles))
    return frozenset(found)


class Optimiser:
    """Asks for molecules to be scored and learns from the scores it is told."""

    def __init__(
        self,
        prior: Prior,
        settings: OptimiserSettings | None = None,
        *,
        seed: int = 0,
        constraint: Constraint | None = None,
    ):
        if constraint is not None:
            check_writable(constraint, prior.vocabulary)
        self.prior = prior
        self.constraint = constraint
        self.settings = settings or OptimiserSettings()
        self.seed = seed
        self._optimiser = _adam(self.settings.learning_rate)
        self._state = (prior.network, self._optimiser.init(prior.network))
        self._asked: set[str] = set()
        self._told: dict[str, float] = {}
        self._prior_log_p: dict[str, float] = {}
        self._scaffolds = ScaffoldMemory(self.settings.bucket, self.settings.good)
        self._asks = 0
        self._tells = 0
        self.drawn = 0
        self.valid = 0

    def ask(self, count: int) -> list[Proposed]:
        """Up to ``count`` valid molecules that were never asked before; fewer if few are found."""
        key = jax.random.fold_in(jax.random.key(self.seed), self._asks)
        rng = np.random.default_rng([self.seed, self._asks, 1])
        self._asks += 1
        breeding = self.settings.breeding
        own = lineage(self._told, breeding.patience)
        if breeding.children > 0 and len(own) >= breeding.start:
            drawn = {proposed.smiles: proposed for proposed in self._draw(-(-count // 2), key)}
            ranked = self._breeder.candidates(list(drawn), own, rng, self._may_be_asked)
            proposals = [drawn.get(text, Proposed(text, None)) for text in islice(ranked, count)]
        else:
            proposals = self._draw(count, key)
        self._asked.update(proposed.smiles for proposed in proposals)
        return proposals

    @cached_property
    def _breeder(self) -> Breeder:
        breeding = self.settings.breeding
        usual = frozenset[int]() if breeding.strange is None else _written_environments(self.prior)
        return Breeder(breeding, usual)

    def _may_be_asked(self, smiles: str) -> bool:
        return smiles not in self._asked and (self.constraint is None or self.constraint.keeps(smiles))

    def _draw(self, count: int, key: jax.Array) -> list[Proposed]:
        """Up to ``count`` molecules that the policy writes, or that are built of them, never asked before."""
        written: dict[str, float] = {}
        stream = self._write(count, key, written)
        rng = np.random.default_rng([self.seed, self._asks, 2])
        built = stream if self.constraint is None else self.constraint.build(stream, rng)
        proposals: dict[str, Proposed] = {}
        for smiles in built:
            if smiles is not None and smiles not in self._asked and smiles not in proposals:
                proposals[smiles] = Proposed(smiles, written.get(smiles))
            if len(proposals) >= count:
                break
        return list(proposals.values())[:count]

    def _write(self, count: int, key: jax.Array, written: dict[str, float]) -> Iterator[str]:
        """Valid molecules of some batches, each one's ln P put into ``written`` when it is first drawn."""
        batch = max(64, -(-count // 64) * 64)
        for attempt in range(_DRY_BATCHES):
            drawn = sample(
                self._state[0], self.prior.vocabulary, key=jax.random.fold_in(key, attempt), count=batch
            )
            for item in drawn:
                self.drawn += 1
                smiles = valid_smiles(item.text)
                self.valid += smiles is not None
                if smiles is not None:
                    written.setdefault(smiles, item.log_likelihood)
                    yield smiles

    def tell(self, smiles: Sequence[str], scores: Sequence[float]) -> None:
        """Takes scores in 0–1 of molecules and, where learning is on, updates the policy.

        Raises:
            InputError: if the numbers of molecules and scores differ, or a score isn't a finite number.
        """
        if len(smiles) != len(scores):
            raise InputError(f"{len(scores)} scores for {len(smiles)} molecules")
        for text, score in zip(smiles, scores, strict=True):
            if not np.isfinite(score):
                raise InputError(f"score {score} of '{text}': a finite number is needed")
        self._tells += 1
        self._asked.update(smiles)
        for text, score in zip(smiles, scores, strict=True):
            self._told[text] = self._scaffolds.worth(text, float(score))
        # What the vocabulary can't write (canonical forms can differ from what was drawn) teaches nothing.
        new = [s for s in smiles if s not in self._prior_log_p and self.prior.vocabulary.can_write(s)]
        if not self.settings.learning or len(self._prior_log_p) + len(new) < 2:
            return
        self._prior_log_p.update(zip(new, self._log_p(self.prior.network, new), strict=True))
        rng = np.random.default_rng([self.seed, self._tells])
        ranked = sorted(self._prior_log_p, key=lambda text: (-self._told[text], text))
        weight = 1 / (self.settings.rank_weight * len(ranked) + np.arange(len(ranked)))
        size = min(self.settings.batch, len(ranked))
        for _ in range(self.settings.updates):
            rows = rng.choice(len(ranked), size, replace=False, p=weight / weight.sum())
            chosen = [ranked[i] for i in rows]
            target = [self._prior_log_p[s] + self.settings.beta * self._told[s] for s in chosen]
            self._state = _update(
                self._state, self._encode(chosen), jnp.asarray(target, jnp.float32), self._optimiser
            )

    def _encode(self, smiles: list[str]) -> jax.Array:
        encoded = self.prior.vocabulary.encode(smiles)
        # Lengths in steps of 32 keep the number of compilations small.
        padding = -encoded.shape[1] % 32
        return jnp.asarray(np.pad(encoded, ((0, 0), (0, padding))))

    def _log_p(self, network: SmilesGRU, smiles: list[str]) -> list[float]:
        values: list[float] = []
        for start in range(0, len(smiles), _LIKELIHOOD_ROWS):
            some = smiles[start : start + _LIKELIHOOD_ROWS]
            # Always so many rows, the last ones of padding: another number would compile anew.
            rows = jnp.pad(self._encode(some), ((0, _LIKELIHOOD_ROWS - len(some)), (0, 0)))
            values += np.asarray(jax.jit(log_likelihood)(network, rows)).tolist()[: len(some)]
        return values

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Everything that the next ask and tell depend on, as arrays and text."""
        memory = {
            "seed": self.seed,
            "asks": self._asks,
            "tells": self._tells,
            "drawn": self.drawn,
            "valid": self.valid,
            "asked": sorted(self._asked),
            "told": self._told,
            "prior_log_p": self._prior_log_p,
        }
        return flatten(self._state), {"optimiser": json.dumps(memory)}

    def restore(self, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
        """Takes up a state that ``state`` gave.

        Raises:
            InputError: if it is of another network or another seed, or damaged; nothing is taken up then.
        """
        try:
            memory: dict[str, Any] = json.loads(metadata["optimiser"])
            missing = _MEMORY - set(memory)
        except (KeyError, ValueError, TypeError):
            raise InputError("the stored state holds no optimiser") from None
        if missing:
            raise InputError(f"the stored state lacks {', '.join(sorted(missing))}")
        if memory["seed"] != self.seed:
            raise InputError(f"the stored state is of seed {memory['seed']}, not {self.seed}")
        self._state = unflatten(self._state, arrays)
        self._asks, self._tells = memory["asks"], memory["tells"]
        self.drawn, self.valid = memory["drawn"], memory["valid"]
        self._asked = set(memory["asked"])
        self._told, self._prior_log_p = memory["told"], memory["prior_log_p"]
        self._scaffolds.recall(self._told)
