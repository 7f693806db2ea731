"""Jobs as arrays, and where they come from without a trace: a statistical model, or a run of labkit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError

_DAY_S = 86400.0


@dataclass(frozen=True)
class Jobs:
    """Rigid jobs, one position of every array a job; in any order.

    Attributes:
        submit_s: when each was submitted, s, float64.
        run_s: how long each runs, s, float64.
        nodes: how many nodes each occupies while it runs, int64.
        requested_s: the run time that its user asked for, s, float64; `run_s` where that is unknown.
        priority: higher ones are served first, int64.
        user: whose it is, int64.
        id: what its origin calls it, int64.
        qpu_s: of `run_s` with shots on a quantum computer beside the nodes, s, float64; 0 where not given.

    Raises:
        InputError: if the arrays differ in length or hold what no job can have.
    """

    submit_s: NDArray[np.float64]
    run_s: NDArray[np.float64]
    nodes: NDArray[np.int64]
    requested_s: NDArray[np.float64]
    priority: NDArray[np.int64]
    user: NDArray[np.int64]
    id: NDArray[np.int64]
    qpu_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not len(self.qpu_s):
            object.__setattr__(self, "qpu_s", np.zeros(len(self.submit_s)))
        for part in fields(self):
            kind = np.float64 if part.name.endswith("_s") else np.int64
            values = np.asarray(getattr(self, part.name))
            if values.shape != (len(self.submit_s),):
                raise InputError(f"{part.name} has shape {values.shape}; one value for each job is wanted")
            if kind is np.int64 and values.size and values.dtype.kind not in "iu":
                raise InputError(f"{part.name} holds {values.dtype}; whole numbers are wanted")
            object.__setattr__(self, part.name, np.ascontiguousarray(values, kind))
        self._refuse("submit_s", ~((self.submit_s >= 0) & np.isfinite(self.submit_s)), "0 s or later")
        self._refuse("run_s", ~((self.run_s > 0) & np.isfinite(self.run_s)), "more than 0 s")
        self._refuse(
            "requested_s", ~((self.requested_s > 0) & np.isfinite(self.requested_s)), "more than 0 s"
        )
        self._refuse("nodes", self.nodes < 1, "at least one")
        self._refuse("qpu_s", ~((self.qpu_s >= 0) & (self.qpu_s <= self.run_s)), "0 s to its run_s")

    def chosen(self, which: NDArray[np.int64]) -> Jobs:
        """Return the jobs of some indices."""
        return Jobs(**{part.name: getattr(self, part.name)[which] for part in fields(self)})

    def __len__(self) -> int:
        return len(self.submit_s)

    def _refuse(self, name: str, wrong: NDArray[np.bool_], wanted: str) -> None:
        if wrong.any():
            index = int(np.argmax(wrong))
            value = getattr(self, name)[index]
            raise InputError(f"job {self.id[index]} (index {index}): {name}={value}; {wanted} is wanted")


@dataclass(frozen=True)
class LublinFeitelson:
    """Parameters of the model of rigid jobs of U. Lublin and D. G. Feitelson.

    The defaults are those of its authors' program (m_lublin99.c) for batch and interactive jobs together.
    J. Parallel Distrib. Comput. 63, 1105 (2003), doi:10.1016/S0743-7315(03)00108-4.

    Attributes:
        serial: fraction of jobs of one node.
        power_of_two: fraction of jobs (of all) whose size is made a power of two.
        smallest_log2, middle_below_largest, lower: log2 of the size of parallel jobs is uniform from the
            first to the middle with probability `lower`, else uniform from the middle to log2 of the machine.
        short_shape, short_scale, long_shape, long_scale: gamma distributions of ln(run time/s).
        short_slope, short_offset: probability of the first of the two, offset + slope · nodes, cut to 0…1.
        longest_ln: larger ln(run time/s) are drawn again.
        gap_shape, gap_scale: gamma distribution of ln(time between submissions/s) at the rush hour's rate.
        widest_ln: larger ln(time between submissions/s) are drawn again.
        day_shape, day_scale: gamma distribution of the half hours of a day in which jobs are submitted.
        day_start: half hour at which that distribution's day begins.
    """

    serial: float = 0.244
    power_of_two: float = 0.576
    smallest_log2: float = 0.8
    middle_below_largest: float = 2.5
    lower: float = 0.86
    short_shape: float = 4.2
    short_scale: float = 0.94
    long_shape: float = 312.0
    long_scale: float = 0.03
    short_slope: float = -0.0054
    short_offset: float = 0.78
    longest_ln: float = 12.0
    gap_shape: float = 10.2303 * 1.0225
    gap_scale: float = 0.4871
    widest_ln: float = 13.0
    day_shape: float = 8.1737
    day_scale: float = 3.9631
    day_start: int = 11


def lublin_feitelson(
    count: int,
    nodes: int = 256,
    load: float = 0.9,
    *,
    seed: int,
    overestimate: float = 0.0,
    model: LublinFeitelson | None = None,
) -> Jobs:
    """Return jobs as parallel machines met them in the nineties: sizes, run times and days are correlated.

    The time between submissions is stretched, the day is not, until Σ run time · nodes is `load` of what the
    machine offers from time 0, a midnight, to the last submission. Times are whole seconds.

    Args:
        count: how many jobs, at least 2.
        nodes: of the machine, at least 16; the largest job has as many.
        load: wanted, more than 0.
        seed: of the random numbers.
        overestimate: requested times are uniform from the run time to (1 + overestimate) times as much, after
            the f-model of A. W. Mu'alem and D. G. Feitelson (2001, doi:10.1109/71.932708); 0: they are exact.
        model: other parameters.

    Raises:
        InputError: if an argument is out of its range.
    """
    for name, value, least in (("count", count, 2), ("nodes", nodes, 16), ("overestimate", overestimate, 0)):
        if not (value >= least and np.isfinite(value)):
            raise InputError(f"{name}={value}; at least {least} is wanted")
    if not (load > 0 and np.isfinite(load)):
        raise InputError(f"load={load}; more than 0 is wanted")
    model = model or LublinFeitelson()
    rng = np.random.default_rng(seed)
    sizes = _sizes(model, count, nodes, rng)
    first = rng.random(count) <= np.clip(model.short_offset + model.short_slope * sizes, 0, 1)
    shape = np.where(first, model.short_shape, model.long_shape)
    scale = np.where(first, model.short_scale, model.long_scale)
    run_s = np.floor(np.exp(_gamma_up_to(model.longest_ln, shape, scale, rng)))
    last_s = float(run_s @ sizes) / (nodes * load)
    gaps = _gamma_up_to(
        model.widest_ln, np.full(count, model.gap_shape), np.full(count, model.gap_scale), rng
    )
    submit_s = np.floor(_through_the_day(np.cumsum(np.exp(gaps)), last_s, model))
    requested_s = np.floor(run_s * (1 + overestimate * rng.random(count)))
    none = np.zeros(count, np.int64)
    return Jobs(submit_s, run_s, sizes, requested_s, none, none, np.arange(count, dtype=np.int64))


def _sizes(model: LublinFeitelson, count: int, nodes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    largest = np.log2(nodes)
    middle = largest - model.middle_below_largest
    kind, half, within = rng.random((3, count))
    log2 = np.where(
        half <= model.lower,
        model.smallest_log2 + (middle - model.smallest_log2) * within,
        middle + (largest - middle) * within,
    )
    log2 = np.where(kind <= model.serial + model.power_of_two, np.floor(log2 + 0.5), log2)
    sizes = np.minimum(np.floor(2**log2 + 0.5), nodes)
    return np.where(kind <= model.serial, 1, sizes).astype(np.int64)


def _gamma_up_to(
    most: float, shape: NDArray[np.float64], scale: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    drawn = rng.gamma(shape, scale)
    while (over := np.flatnonzero(drawn > most)).size:
        drawn[over] = rng.gamma(shape[over], scale[over])
    return drawn


def _through_the_day(
    rush_s: NDArray[np.float64], last_s: float, model: LublinFeitelson
) -> NDArray[np.float64]:
    """Return times, s, the last of them `last_s`, that a steady stream's times become in the daily cycle."""
    from scipy.special import gammainc

    half_hours = np.arange(model.day_start, model.day_start + 48)
    edges = np.append(half_hours, half_hours[-1] + 1) - 0.5
    weights = np.empty(48)
    weights[(half_hours - 1) % 48] = np.diff(gammainc(model.day_shape, edges / model.day_scale))
    # The share of a day's jobs that have come by each half hour, in seconds of a steady stream.
    done_s = np.append(0.0, np.cumsum(weights)) * (_DAY_S / weights.sum())
    clock_s = np.linspace(0, _DAY_S, 49)
    days, rest_s = divmod(last_s, _DAY_S)
    steady_s = rush_s * ((days * _DAY_S + np.interp(rest_s, clock_s, done_s)) / rush_s[-1])
    days_before = np.floor(steady_s / _DAY_S)
    return days_before * _DAY_S + np.interp(steady_s - days_before * _DAY_S, done_s, clock_s)


def run_jobs(evaluations: Iterable[tuple[str, float, float]], copies: int = 1) -> Jobs:
    """Return the evaluations of a finished labkit run as jobs of one node, the run repeated beside itself.

    Args:
        evaluations: of each its stage, when it began (s, on any clock) and how long it took (s). The stage is
            for the caller: a job's `id` is the index of its evaluation.
        copies: how many such runs there are at once, each a user of its own.

    Raises:
        InputError: if there are no evaluations, `copies` is less than 1, or a time makes no sense.
    """
    rows = list(evaluations)
    if not rows:
        raise InputError("the run has no evaluation; a run with at least one is wanted")
    if copies < 1:
        raise InputError(f"copies={copies}; at least 1 is wanted")
    start_s = np.array([start for _, start, _ in rows], np.float64)
    seconds = np.array([seconds for _, _, seconds in rows], np.float64)
    count = len(rows) * copies
    run_s = np.tile(seconds, copies)
    return Jobs(
        submit_s=np.tile(start_s - start_s.min(), copies),
        run_s=run_s,
        nodes=np.ones(count, np.int64),
        requested_s=run_s,
        priority=np.zeros(count, np.int64),
        user=np.repeat(np.arange(copies), len(rows)),
        id=np.tile(np.arange(len(rows)), copies),
    )
