"""Runs side by side: what each has found by the time it had made so many calls and used so much."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labkit.campaign._run import Run
from labkit.campaign._steering import course, standard_forms
from labkit.errors import InputError

TOP = 10
COSTS = ("calls", "seconds", "energy_wh", "co2e_g")


@dataclass(frozen=True)
class Progress:
    """How a run's score rose.

    Attributes:
        run: whose.
        name: of the run, unlike that of all others it is compared with.
        summary: of the run, as ``labkit run --json`` prints it.
        score: mean of the ten best molecules' scores after each call, 0–1, shape (calls,); while there are
            fewer than ten, those that are missing count 0. Of each molecule the score counts that it has in
            the end, from its last evaluation on.
        costs: what had been used by then, by the names in ``COSTS``, each of shape (calls,): evaluations
            above the triage, s of work (pauses and interruptions left out), Wh, gCO2-equivalent.
    """

    run: Run
    name: str
    summary: dict[str, Any]
    score: np.ndarray
    costs: dict[str, np.ndarray]

    def until(self, score: float) -> dict[str, float] | None:
        """What was used until a score was reached; None if it never was."""
        reached = np.flatnonzero(self.score >= score - 1e-12)
        return {name: float(used[reached[0]]) for name, used in self.costs.items()} if len(reached) else None


def compare(references: Sequence[str | Path]) -> list[Progress]:
    """How the scores of several runs rose.

    Raises:
        InputError: if there is none, one is named twice, one has no score yet, or their scores mean
            different things.
    """
    runs = [Run.open(reference) for reference in references]
    folders = [run.folder.resolve() for run in runs]
    for i, folder in enumerate(folders):
        if folder in folders[:i]:
            raise InputError(f"run '{references[i]}' is named twice")
    return side_by_side([progress_of(run) for run in runs])


def side_by_side(found: Sequence[Progress]) -> list[Progress]:
    """The same, called by the names of their folders where these differ.

    Raises:
        InputError: if there is none, or their scores mean different things.
    """
    if not found:
        raise InputError("no run is chosen; at least one is needed")
    first = found[0].run
    for run in (one.run for one in found[1:]):
        for part in ("objective", "target"):
            if getattr(run.specification, part) != getattr(first.specification, part):
                told = f"run '{run.folder}' has another {part} than '{first.folder}'"
                raise InputError(f"{told}: their scores don't compare")
    short = len({one.run.folder.name for one in found}) == len(found)
    return [replace(one, name=one.run.folder.name) for one in found] if short else [*found]


def progress_of(run: Run) -> Progress:
    """How the score of a run rose, called by its folder.

    Raises:
        InputError: if it has no score yet.
    """
    with run.journal() as journal:
        committed = [row for row in journal.committed() if row[1] != "triage"]
        forms = standard_forms(journal)
        found = {smiles: score for smiles, _, score, _ in journal.scores()}
        vetoed = course(run.specification, journal.steering()).vetoed
        meter = journal.meter()
    summary = run.summary()
    if not summary["best"]:
        raise InputError(f"run '{run.folder}' has no score yet: compare it when its first round is finished")
    last = {smiles: i for i, (smiles, _, _) in enumerate(committed)}
    best: list[float] = [0.0] * TOP
    known, rising = set(vetoed), []
    for i, (smiles, _, _) in enumerate(committed):
        # One molecule can have been written in two ways.
        if last[smiles] == i and smiles in found and forms[smiles] not in known:
            known.add(forms[smiles])
            heapq.heappushpop(best, found[smiles])
        rising.append(sum(best) / TOP)
    times = np.array([finished for _, _, finished in committed])
    energy = _used_by(times, meter, "energy_wh")
    costs = (
        np.arange(1, len(committed) + 1),
        _used_by(times, meter, "seconds"),
        energy,
        energy * run.grid.g_per_kwh / 1e3,
    )
    return Progress(run, str(run.folder), summary, np.array(rising), dict(zip(COSTS, costs, strict=True)))


def _used_by(times: np.ndarray, meter: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    """What all stages had used at some moments; evenly over each stage."""
    moments, sums = [0.0], [0.0]
    for row in meter:
        moments += [max(moments[-1], row["time"] - row["seconds"]), max(moments[-1], row["time"])]
        sums += [sums[-1], sums[-1] + row[name]]
    return np.interp(times, moments, sums)
