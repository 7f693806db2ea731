"""Runs side by side: what each has found by the time it had made so many calls and used so much."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
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
        name: of the run, unlike that of all others it is compared with.
        summary: of the run, as ``labkit run --json`` prints it.
        score: mean of the ten best molecules' scores after each call, 0–1, shape (calls,); while there are
            fewer than ten, those that are missing count 0. Of each molecule the score counts that it has in
            the end, from its last evaluation on.
        costs: what had been used by then, by the names in ``COSTS``, each of shape (calls,): evaluations
            above the triage, s of work (pauses and interruptions left out), Wh, gCO2-equivalent.
    """

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
        InputError: if there are fewer than two, one is named twice, one has no score yet, or their scores
            mean different things.
    """
    if len(references) < 2:
        raise InputError(f"compare {' '.join(map(str, references))}: at least two runs are needed")
    runs = [Run.open(reference) for reference in references]
    folders = [run.folder.resolve() for run in runs]
    for i, folder in enumerate(folders):
        if folder in folders[:i]:
            raise InputError(f"run '{references[i]}' is named twice")
    first = runs[0].specification
    for run in runs[1:]:
        for part in ("objective", "target"):
            if getattr(run.specification, part) != getattr(first, part):
                told = f"run '{run.folder}' has another {part} than '{runs[0].folder}'"
                raise InputError(f"{told}: their scores don't compare")
    short = len({run.folder.name for run in runs}) == len(runs)
    return [_progress(run, run.folder.name if short else str(run.folder)) for run in runs]


def _progress(run: Run, name: str) -> Progress:
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
    return Progress(name, summary, np.array(rising), dict(zip(COSTS, costs, strict=True)))


def _used_by(times: np.ndarray, meter: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    """What all stages had used at some moments; evenly over each stage."""
    moments, sums = [0.0], [0.0]
    for row in meter:
        moments += [max(moments[-1], row["time"] - row["seconds"]), max(moments[-1], row["time"])]
        sums += [sums[-1], sums[-1] + row[name]]
    return np.interp(times, moments, sums)
