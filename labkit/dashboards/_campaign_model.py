"""What the campaign dashboard tells: a run, read on while it goes. No drawing."""

from __future__ import annotations

import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labkit.campaign import COMPONENTS, RUNS, Run, course, list_runs
from labkit.dashboards._chemical_space import Numbers, Plane, fit_plane
from labkit.dashboards._read_report import read_ranked
from labkit.dashboards._report_model import ReportModel
from labkit.dashboards._run_process import RunProcess, resume_run
from labkit.docking import Pose, poses_from_sdf
from labkit.errors import InputError
from labkit.store import Answer, Evaluation, News, data_path, evaluations_of, first_proposals, follow

LABELS = {
    "score": "score (0–1)",
    "docking_energy": "Vina energy (kcal/mol)",
    "ligand_efficiency": "ligand efficiency (kcal/mol per atom)",
    "screening_energy": "GFN2-xTB interaction (kcal/mol)",
    "interaction_energy": "interaction energy (kcal/mol)",
    "triplet_energy": "vertical triplet energy (eV)",
    "qed": "QED (0–1)",
    "sa": "SA (1 easy – 10 hard)",
    "logp": "log P",
    "mw": "molecular weight (g/mol)",
    "tpsa": "polar surface (Å²)",
}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEADERS = 12  # molecules that are drawn
_SAMPLE = 500  # molecules of round 1 that fix the map
_POINTS = 400  # drawn of a cloud: more cover each other, and plotly slows down
_ROUNDS = 24  # whose distributions stand side by side


@dataclass(frozen=True, eq=False)
class Calls:
    """Scores in the order in which the first fidelity was called.

    Attributes:
        count: calls so far, failed ones included; these have a score of 0.
        numbers: of the calls that are told, from 1; every ``stride``-th.
        scores: theirs, 0–1, of what triage and the first fidelity know: like is compared with like.
        smiles: theirs.
        steps: calls at which the best so far rose, and the last one.
        best: the best so far at these.
        stride: a power of 2, so that the calls that are told stay while others come.
    """

    count: int
    numbers: Numbers
    scores: Numbers
    smiles: tuple[str, ...]
    steps: Numbers
    best: Numbers
    stride: int


@dataclass(frozen=True)
class Spread:
    """A quantity in a round, counted from 1: number of values, ``QUANTILES``, mean, standard deviation."""

    round: int
    count: int
    quantiles: tuple[float, ...]
    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class Space:
    """Molecules on a plane: places (n, 2), SMILES, rounds from 1, scores as in ``Calls``, nan for none."""

    plane: Plane
    places: Numbers
    smiles: tuple[str, ...]
    rounds: Numbers
    scores: Numbers


class CampaignModel:
    """A run that may still go on, or none yet; several threads may use it at once.

    Attributes:
        run: the run; None before one is chosen or started.
        status: as ``Run.status``; "starting" or "none" where there is no run yet.
        news: how far the run is.
        fault: why a process that was started has failed; empty otherwise.
    """

    def __init__(self, run: Run | None = None) -> None:
        self._lock = threading.RLock()
        self._process: RunProcess | None = None
        self.watch(run)

    def watch(self, run: Run | None) -> None:
        """Turns to a run, which is read from its beginning."""
        with self._lock:
            self.run, self.fault = run, ""
            self.status = "none" if run is None else run.status
            self.news = News()
            self.energy_wh = self.uncertainty_wh = 0.0
            self.counts: Counter[tuple[str, str]] = Counter()  # evaluations by fidelity and status
            self._smiles: list[str] = []
            self._standard: list[str] = []
            self._index: dict[str, int] = {}
            self._called: list[int] = []
            self._columns = {name: array("d") for name in ("round", "score", "first", "rank", *COMPONENTS)}
            self._plane: Plane | None = None
            self._places: dict[int, Numbers] = {}

    def begin(self, process: RunProcess) -> None:
        """Waits for the run that a process is about to make."""
        with self._lock:
            self.watch(None)
            self._process, self.status = process, "starting"

    def carry_on(self) -> None:
        """Lets a paused run go on, and takes up one that was interrupted or failed.

        Raises:
            InputError: if there is no run, or it is being taken up already.
        """
        run = self.chosen()
        if self.status == "paused":
            run.steer("resume")
        elif self._process is not None:
            raise InputError(f"run '{run.folder}' is being taken up; that takes some seconds")
        else:
            self._process, self.fault = resume_run(run), ""

    def chosen(self) -> Run:
        """The run.

        Raises:
            InputError: if there is none.
        """
        if self.run is None:
            raise InputError("no run is chosen: start one, or choose one from the list")
        return self.run

    @property
    def rounds(self) -> int:
        """The run's budget after all commands, those that wait included."""
        return course(self.chosen().specification, self.news.steering).rounds

    def refresh(self, seconds: float = 0.15) -> bool:
        """Reads what is new, for at most some seconds; whether there was any. The rest is read next time.

        Raises:
            InputError: if the run's folder is missing or damaged.
        """
        with self._lock:
            before = (self.run, self.status, self.fault, self.news)
            self._look_after_process()
            if self.run is not None:
                self.status = self.run.status
                end = time.monotonic() + seconds
                while self._read(self.run) and time.monotonic() < end:
                    pass
            return (self.run, self.status, self.fault, self.news) != before

    def _look_after_process(self) -> None:
        if self._process is None:
            return
        fault = self._process.fault()
        new = self._process.new_run() if self.run is None else None
        if new is not None:
            self.watch(new)
        if fault is not None:
            self._process, self.fault = None, fault
            self.status = "none" if self.run is None else self.status

    def _read(self, run: Run) -> bool:
        """Reads a piece; whether more is waiting."""
        news = follow(run.folder / "journal.sqlite", self.news.position)
        for answer in news.answers:
            self._take(answer, run)
        for smiles, value in news.scores.items():
            if smiles in self._index:
                self._rate(self._index[smiles], value)
        self.energy_wh += news.energy_wh
        self.uncertainty_wh += news.uncertainty_wh  # the same method errs the same way each time
        # What a look has told goes into the counts below; kept is what the next look tells anew.
        self.news = replace(news, answers=(), scores={}, energy_wh=0.0, uncertainty_wh=0.0, more=False)
        return news.more

    def _take(self, answer: Answer, run: Run) -> None:
        columns = self._columns
        if answer.smiles not in self._index:
            self._index[answer.smiles] = len(self._smiles)
            self._smiles.append(answer.smiles)
            self._standard.append(answer.smiles)
            for name, column in columns.items():
                column.append(answer.round if name == "round" else np.nan)
        i = self._index[answer.smiles]
        self.counts[answer.fidelity, answer.status] += 1
        for name in COMPONENTS.keys() & answer.values.keys():
            columns[name][i] = answer.values[name]
        if answer.fidelity == "triage":
            return
        if answer.status == "done":
            # As the loop will book it at the round's end, from what is known of the molecule.
            self._rate(i, run.specification.score(self._components(i)))
        if answer.fidelity == run.specification.fidelities[0]:
            self._standard[i] = answer.standard or answer.smiles
            self._called.append(i)
            columns["first"][i] = columns["score"][i] if answer.status == "done" else 0.0

    def _components(self, i: int) -> dict[str, float]:
        found = {name: self._columns[name][i] for name in self.chosen().specification.objective}
        return {name: value for name, value in found.items() if value == value}

    def _complete(self, i: int) -> bool:
        return len(self._components(i)) == len(self.chosen().specification.objective)

    def _rate(self, i: int, value: float) -> None:
        """Books a score, and a rank that orders molecules as ``Run.best`` does."""
        self._columns["score"][i] = value
        self._columns["rank"][i] = value + 4.0 * (value > 0) + 2.0 * self._complete(i)

    def _column(self, name: str) -> Numbers:
        return np.array(self._columns[name], float)

    def calls(self) -> Calls:
        """Score by call, with the best so far."""
        with self._lock:
            called = np.array(self._called, int)
            scores = self._column("first")[called]
            stride = _stride(len(called))
            shown = np.arange(0, len(called), stride)
            smiles = tuple(self._smiles[i] for i in called[shown])
        best = np.maximum.accumulate(scores)
        steps = np.union1d(np.flatnonzero(np.diff(best, prepend=-1.0)), np.arange(len(best))[-1:])
        numbers, rises = (shown + 1).astype(float), (steps + 1).astype(float)
        return Calls(len(called), numbers, scores[shown], smiles, rises, best[steps], stride)

    def quantities(self) -> dict[str, str]:
        """Labels of what has a distribution in this run, by name; the score first."""
        with self._lock:
            return {
                name: label
                for name, label in LABELS.items()
                if name == "score" or np.isfinite(self._column(name)).any()
            }

    def distribution(self, quantity: str = "score") -> tuple[Spread, ...]:
        """A quantity by round, the first and the last round among those that are told.

        The first is drawn before anything is learned: it is the prior's own distribution. Properties are of
        all molecules that the triage didn't refuse for size or elements, scores (as in ``Calls``) of those
        computed.

        Raises:
            InputError: if there is no such quantity.
        """
        if quantity not in LABELS:
            raise InputError(f"quantity '{quantity}': choose one of {', '.join(LABELS)}")
        with self._lock:
            values, rounds = self._column("first" if quantity == "score" else quantity), self._column("round")
        known = np.isfinite(values)
        numbers = np.unique(rounds[known])
        if len(numbers) > _ROUNDS:
            numbers = numbers[np.linspace(0, len(numbers) - 1, _ROUNDS).round().astype(int)]
        return tuple(_spread(int(one), values[known & (rounds == one)]) for one in numbers)

    def space(self) -> Space | None:
        """The map of chemical space; None while the first round has fewer than three unlike molecules.

        What the prior drew fixes it, so that no molecule moves while others come.
        """
        with self._lock:
            if self._plane is None and self._smiles:
                sample = first_proposals(self.chosen().folder / "journal.sqlite", _SAMPLE)
                self._plane = fit_plane(sample)
            if self._plane is None:
                return None
            leaders = [self._index[row["proposed"]] for row in self.best().values()]
            shown = sorted({*range(0, len(self._smiles), _stride(len(self._smiles))), *leaders})
            for i in shown:
                if i not in self._places:
                    self._places[i] = self._plane.place(self._smiles[i])
            return Space(
                self._plane,
                np.array([self._places[i] for i in shown]),
                tuple(self._smiles[i] for i in shown),
                self._column("round")[shown] + 1,
                self._column("first")[shown],
            )

    def best(self, count: int = LEADERS) -> dict[int, dict[str, Any]]:
        """The best molecules so far by their place, told, ordered and vetoed as in ``Run.best``.

        A round's scores count as soon as they are known, not only when the round ends.
        """
        if self.run is None:
            return {}
        with self._lock:
            ranks = np.nan_to_num(self._column("rank"), nan=-1.0)
            vetoed = course(self.run.specification, self.news.steering).vetoed
            scored = int((ranks >= 0).sum())
            kept: dict[str, int] = {}
            # More than asked for, as some may be vetoed, or the same molecule written in two ways.
            for wanted in (min(4 * count, scored), scored):
                if len(kept) < count and wanted:
                    lowest = np.sort(ranks)[-wanted]
                    order = np.flatnonzero(ranks >= lowest).tolist()
                    kept = {}
                    for i in sorted(order, key=lambda i: (-ranks[i], self._standard[i])):
                        if self._standard[i] not in vetoed:
                            kept.setdefault(self._standard[i], i)
            return {place: self._row(i) for place, i in enumerate([*kept.values()][:count], start=1)}

    def selected(self, smiles: str) -> dict[int, dict[str, Any]]:
        """A molecule of this run by its place among the scored ones; empty where it has no score."""
        with self._lock:
            i = self._index.get(smiles)
            if i is None or not self._columns["rank"][i] >= 0:
                return {}
            leaders = {row["proposed"]: place for place, row in self.best().items()}
            better = int((self._column("rank") > self._columns["rank"][i]).sum())
            return {leaders.get(smiles, better + 1): self._row(i)}

    def _row(self, i: int) -> dict[str, Any]:
        return {
            "smiles": self._standard[i],
            "score": self._columns["score"][i],
            "components": self._components(i),
            "complete": self._complete(i),
            "round": int(self._columns["round"][i]),
            "proposed": self._smiles[i],
        }

    def report(self, ranked: Mapping[int, Mapping[str, Any]]) -> ReportModel:
        """All that the run's report would tell about these molecules, of ``best`` or ``selected``.

        Raises:
            InputError: if there is no run.
        """
        found = self._evaluations(*(row["proposed"] for row in ranked.values()))
        return read_ranked(self.chosen(), ranked, found)

    def pose(self, smiles: str) -> Pose | None:
        """The pose of a molecule; None if it was not docked. A run writes its file later."""
        for e in self._evaluations(smiles):
            if e.fidelity == "docking" and e.status == "done":
                return poses_from_sdf(e.result["pose"])[0]
        return None

    def reasons(self, smiles: str) -> list[str]:
        """Why a molecule was rejected, or what of it could not be computed."""
        found = self._evaluations(smiles)
        return [f"{e.fidelity}: {e.result['reason']}" for e in found if e.status != "done"]

    def _evaluations(self, *smiles: str) -> list[Evaluation]:
        return evaluations_of(self.chosen().folder / "journal.sqlite", smiles)


def newest_run(folders: Iterable[Path] = (RUNS, data_path("runs"))) -> Run | None:
    """The run to open a page with: one that goes on, else the last begun, in the first folder with any."""
    for folder in folders:
        runs = [Run(Path(row["folder"])) for row in list_runs([folder])]
        if runs:
            return max(runs, key=lambda run: (run.status in ("running", "paused"), run.manifest["started"]))
    return None


def _spread(round: int, values: Numbers) -> Spread:
    deviation = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    quantiles = tuple(np.quantile(values, QUANTILES).tolist())
    return Spread(round + 1, len(values), quantiles, float(values.mean()), deviation)


def _stride(count: int) -> int:
    """The smallest power of 2 that leaves few enough points."""
    stride = 1
    while count > _POINTS * stride:
        stride *= 2
    return stride
