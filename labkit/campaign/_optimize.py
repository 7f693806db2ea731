"""Goal-directed generation for any objective: so many calls, each counted, none of which ends the search."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from labkit.campaign._calls import Call, Objective, call
from labkit.errors import InputError
from labkit.generative import DEFAULT_PRIOR, Breeding, Constraint, Optimiser, OptimiserSettings, load_prior
from labkit.store import load_arrays, save_arrays, write_atomically

log = logging.getLogger("labkit")

# What pays, by benchmarks/search.py: the language model as it is, which gives parents, and children of what
# scored well. It learns nothing, for that cost two thirds of the time and gained nothing; the other numbers
# are those with which it learns best.
SEARCH = OptimiserSettings(
    learning=False,
    beta=50.0,
    learning_rate=5e-4,
    rank_weight=0.01,
    breeding=Breeding(children=160, generations=6, strange=2),
)
BATCH = 64
LIMIT_S = 60.0
_STEP = 100  # calls between two points of the curve whose area is taken
_TRIALS = 8  # that may fail, one by one, before anything has been scored
_CHECKPOINT_S = 60.0
_COLUMNS = ("smiles", "score", "failure")


@dataclass(frozen=True)
class Optimization:
    """What a search found.

    Attributes:
        calls: in the order made, failed ones included; each molecule stands there once.
        budget: calls that were allowed.
        seconds: wall time, without what an interruption lost.
        objective_seconds: of these, spent in the objective.
    """

    calls: tuple[Call, ...]
    budget: int
    seconds: float
    objective_seconds: float

    @property
    def best(self) -> tuple[Call, ...]:
        """Calls that gave a score, the best first, then as in the order of calls."""
        return tuple(sorted((c for c in self.calls if c.score is not None), key=lambda c: -(c.score or 0.0)))

    def top_mean(self, count: int = 10) -> float:
        """Mean score of the best so many; nan where nothing has a score."""
        return _top_mean([one.score for one in self.calls], count)

    def auc(self, count: int = 10, calls: int | None = None) -> float:
        """Area under the mean of the best so many against calls, divided by the calls.

        Trapezoids every 100 calls, from 0 at no calls; the last value is held where the search ended early
        (Gao, Fu, Sun, Coley 2022, arXiv:2206.12411).

        Args:
            count: of molecules whose mean is taken.
            calls: up to which; the budget by default.
        """
        until = self.budget if calls is None else calls
        scores = [one.score for one in self.calls[:until]]
        at = [*range(0, len(scores), _STEP), len(scores)]
        values = [0.0, *(np.nan_to_num(_top_mean(scores[:n], count)) for n in at[1:])]
        return float(np.trapezoid([*values, values[-1]], [*at, until])) / until

    def summary(self) -> dict[str, Any]:
        """The figures as plain values."""
        best = [{"smiles": one.smiles, "score": one.score} for one in self.best[:10]]
        return {
            "calls": len(self.calls),
            "failed": sum(one.score is None for one in self.calls),
            "auc_top1": self.auc(1),
            "auc_top10": self.auc(10),
            "auc_top100": self.auc(100),
            "top10_mean": self.top_mean(10),
            "best": best,
            "seconds": self.seconds,
            "objective_seconds": self.objective_seconds,
        }


def _top_mean(scores: Sequence[float | None], count: int) -> float:
    best = sorted((score for score in scores if score is not None), reverse=True)[:count]
    return sum(best) / len(best) if best else float("nan")


def optimize(
    objective: Objective,
    budget: int = 10_000,
    seed: int = 0,
    *,
    settings: OptimiserSettings = SEARCH,
    prior: str = DEFAULT_PRIOR,
    constraint: Constraint | None = None,
    limit_s: float = LIMIT_S,
    out: Path | None = None,
) -> Optimization:
    """Search for molecules that an objective scores high, in a number of calls.

    A call is a valid canonical SMILES that was not asked about before. One that raises, gives no finite
    number, or is over its time counts, too, and the search goes on.

    Args:
        objective: of a list of SMILES, one number for each, best between 0 and 1: that is the range in which
            the language model learns well.
        budget: calls, at least 64, which are asked at once.
        seed: the same seed and answers give the same calls.
        settings: of the search.
        prior: language model to start from: a shipped one's name or a safetensors file.
        constraint: what each molecule keeps, from ``decorate``, ``link`` or ``near``.
        limit_s: most time of the objective for a molecule, s.
        out: folder for `calls.csv`, in which every call stands before the next ones are made, and for what is
            needed to go on: the same search in the same folder continues where it was.

    Raises:
        InputError: if the budget or the seed makes no sense, the folder holds another search, or the
            objective fails on each of the first molecules.
    """
    if budget < BATCH:
        raise InputError(f"budget {budget}: at least {BATCH} calls, one batch, are needed")
    if not 0 <= seed < 2**31:
        raise InputError(f"seed {seed}: 0 to {2**31 - 1} is possible")
    if not limit_s > 0:
        raise InputError(f"limit {limit_s} s: a time above 0 is needed")
    optimiser = Optimiser(load_prior(prior), settings, seed=seed, constraint=constraint)
    # A task has a name of its own, a function that of its definition.
    name = getattr(objective, "name", getattr(objective, "__qualname__", type(objective).__name__))
    search = {"objective": name, "seed": seed, "prior": prior, "settings": asdict(settings)}
    record = _Record(out, search | {"constraint": constraint and str(constraint)})
    known = {one.smiles: one for one in record.calls}
    made: list[Call] = record.restore(optimiser)
    with tqdm(total=budget, initial=len(made), desc="calls", disable=None) as bar:
        while len(made) < budget:
            with record.timed("seconds"):
                asked = [each.smiles for each in optimiser.ask(min(BATCH, budget - len(made)))]
            # What was called after the last checkpoint stays, should this machine now ask something else.
            before = [one.smiles for one in record.calls[len(made) : len(made) + len(asked)]]
            asked = before + [text for text in asked if text not in before][: len(asked) - len(before)]
            if not asked:
                log.warning("nothing new is found after %d calls; the search ends", len(made))
                break
            with record.timed("seconds"), record.timed("objective_seconds"):
                new = _asked(objective, [text for text in asked if text not in known], limit_s, made)
            record.append(new)
            answered = known | {one.smiles: one for one in new}
            answers = [answered[text] for text in asked]
            made += answers
            bar.update(len(answers))
            bar.set_postfix_str(f"ten best {_top_mean([one.score for one in made], 10):.3f}", refresh=False)
            with record.timed("seconds"):
                # What failed counts as worthless: the search is to avoid its like.
                optimiser.tell(asked, [one.score or 0.0 for one in answers])
            record.keep(optimiser, len(made), now=len(made) == budget)
    return Optimization(tuple(made), budget, record.times["seconds"], record.times["objective_seconds"])


def _asked(objective: Objective, smiles: list[str], limit_s: float, made: Sequence[Call]) -> list[Call]:
    """Calls of an objective, one by one until it has given a first score."""
    answers: list[Call] = []
    if all(one.score is None for one in made):
        for text in smiles[:_TRIALS]:
            answers += call(objective, [text], limit_s)
            if answers[-1].score is not None:
                break
        else:
            if answers:
                first = answers[0]
                raise InputError(
                    f"the objective fails on each of the first {len(answers)} molecules; "
                    f"'{first.smiles}': {first.failure}"
                )
    rest = smiles[len(answers) :]
    return answers + (call(objective, rest, limit_s) if rest else [])


class _Record:
    """A search on disk: what it is, its calls, and a checkpoint; nothing where there is no folder."""

    def __init__(self, folder: Path | None, search: dict[str, Any]):
        self.folder = folder
        self.calls: list[Call] = []
        self.times = {"seconds": 0.0, "objective_seconds": 0.0}
        self._kept = time.monotonic()
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_up(folder, json.loads(json.dumps(search)))
        except OSError as error:
            raise InputError(f"output folder '{folder}' can't be written: {error.strerror}") from None

    def _take_up(self, folder: Path, search: dict[str, Any]) -> None:
        manifest, table = folder / "search.json", folder / "calls.csv"
        if not manifest.exists():
            if any(folder.iterdir()):
                raise InputError(f"output folder '{folder}' holds something else; name a new one")
            write_atomically(table, ",".join(_COLUMNS) + "\n")
            write_atomically(manifest, json.dumps(search, indent=2))
            return
        try:
            before = json.loads(manifest.read_text())
        except ValueError:
            raise InputError(f"'{manifest}' is damaged; name a new output folder") from None
        for key, value in search.items():
            if before.get(key) != value:
                raise InputError(f"'{folder}' holds a search with {key} {before.get(key)}, not {value}")
        whole, _, torn = table.read_text().rpartition("\n")
        if torn:  # a line that a crash cut off; its call is made again
            write_atomically(table, whole + "\n")
        for row in csv.DictReader(io.StringIO(whole)):
            value = float(row["score"]) if row["score"] else None
            self.calls.append(Call(row["smiles"], value, row["failure"]))

    def restore(self, optimiser: Optimiser) -> list[Call]:
        """Take up the checkpoint, if there is one; return the calls that it knows."""
        file = self.folder / "state.safetensors" if self.folder else None
        if file is None or not file.exists():
            return []
        arrays, metadata = load_arrays(file)
        optimiser.restore(arrays, metadata)
        self.times = json.loads(metadata["times"])
        return self.calls[: int(metadata["calls"])]

    def append(self, calls: Sequence[Call]) -> None:
        """Write calls; they are on disk when this returns."""
        if self.folder is None or not calls:
            return
        with (self.folder / "calls.csv").open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(
                (one.smiles, "" if one.score is None else repr(one.score), one.failure) for one in calls
            )
            file.flush()
            os.fsync(file.fileno())

    def keep(self, optimiser: Optimiser, calls: int, *, now: bool) -> None:
        """Write a checkpoint, now or if the last one is old."""
        if self.folder is None or not (now or time.monotonic() - self._kept > _CHECKPOINT_S):
            return
        arrays, metadata = optimiser.state()
        metadata |= {"calls": str(calls), "times": json.dumps(self.times)}
        save_arrays(self.folder / "state.safetensors", arrays, metadata)
        self._kept = time.monotonic()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's wall time, s."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.times[name] += time.perf_counter() - start
