"""All-reduce as measured: a few regimes of message size where there are measurements, elsewhere a law."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.errors import InputError
from labkit.store import data_path

Array = NDArray[np.float64]

# A configuration: accelerators in each node, and nodes.
Configuration = tuple[int, int]

_COLUMNS = ("accelerators_per_node", "nodes", "bytes", "mean_ms")
_FEWEST = 5  # samples of a regime
_LEAP = 0.2  # in the logarithm of time
# How much of what the law misses at a configuration is expected one doubling of accelerators away.
_CORRELATION = 0.25
# Weight of the law's expected parameters against one configuration's measurements, whose weight is 1.
_PRIOR_WEIGHT = 0.2


@dataclass(frozen=True)
class Samples:
    """Measured times of one configuration, by rising size: bytes and seconds, equally long."""

    size_bytes: Array
    time_s: Array


@dataclass(frozen=True)
class Regime:
    """From `start_bytes` on, a message of S bytes takes `latency_s` + S / `bandwidth_gb_s`."""

    start_bytes: float
    latency_s: float
    bandwidth_gb_s: float


@dataclass(frozen=True)
class Law:
    """What configurations of a kind (one node; several) have in common.

    T = latency + step·log2 p + 2(p−1)/p · S/B, with p accelerators in all. Inside a node B is the bandwidth
    of the law. Between nodes that is what one accelerator of a node has, and g of them together have it
    g/(1 + (g−1)·shared) times: `shared` is 0 if each has its own way out, 1 if all have but one.

    Attributes:
        latency_s: of starting, s.
        step_s: for each doubling of accelerators, s.
        bandwidth_gb_s: GB/s.
        shared: 0 to 1.
    """

    latency_s: float
    step_s: float
    bandwidth_gb_s: float
    shared: float

    def seconds(self, size_bytes: Array, configuration: Configuration) -> Array:
        """Return the time of messages, s."""
        per_node, nodes = configuration
        count = per_node * nodes
        ways = per_node / (1 + (per_node - 1) * self.shared) if nodes > 1 else 1.0
        moved = 2 * (count - 1) / count * size_bytes
        return self.latency_s + self.step_s * np.log2(count) + moved / (self.bandwidth_gb_s * 1e9 * ways)


@dataclass(frozen=True)
class AllReduce:
    """Times of all-reduce fitted to measurements.

    Attributes:
        regimes: of each measured configuration, by rising size.
        inside: law of one node; None where none was measured.
        between: law of several nodes; likewise.
    """

    regimes: dict[Configuration, tuple[Regime, ...]]
    inside: Law | None
    between: Law | None

    def seconds(self, size_bytes: ArrayLike, accelerators_per_node: int, nodes: int = 1) -> Array:
        """Return the time of all-reduces, s, in the shape of `size_bytes` (a scalar gives shape ()).

        A measured configuration follows its regimes; beyond the largest size measured, the last. Another one
        follows the law of its kind, corrected by a part of what the law misses at the measured ones of that
        kind. The part falls by 4 with each doubling that lies between them (simple kriging; Cressie,
        Statistics for Spatial Data, 1993, ch. 3).

        Raises:
            InputError: if a size or number is out of range, or no configuration of the kind was measured.
        """
        size = np.asarray(size_bytes, dtype=np.float64)
        if accelerators_per_node < 1 or nodes < 1:
            raise InputError(
                f"all-reduce over {nodes} nodes of {accelerators_per_node}; at least 1 of each is wanted"
            )
        if not np.all(np.isfinite(size) & (size > 0)):
            raise InputError(f"all-reduce of {size_bytes!r} bytes; finite sizes of more than 0 are wanted")
        asked = (accelerators_per_node, nodes)
        if asked == (1, 1):
            return np.zeros_like(size)
        if asked in self.regimes:
            return _along(self.regimes[asked], size)
        law = self.inside if nodes == 1 else self.between
        if law is None:
            kind = "one node" if nodes == 1 else "several nodes"
            raise InputError(
                f"all-reduce over {nodes} nodes of {accelerators_per_node}: none over {kind} was fitted"
            )
        near = [known for known in self.regimes if (known[1] == 1) == (nodes == 1)]
        where, here = np.log2(near), np.log2(asked)
        apart = np.abs(where[:, None] - where[None]).sum(axis=-1)
        weights = np.linalg.solve(_CORRELATION**apart, _CORRELATION ** np.abs(where - here).sum(axis=-1))
        missed = [np.log(_along(self.regimes[known], size) / law.seconds(size, known)) for known in near]
        corrections = sum(weight * part for weight, part in zip(weights, missed, strict=True))
        return law.seconds(size, asked) * np.exp(corrections)


def read_all_reduce(path: Path | None = None) -> dict[Configuration, Samples]:
    """Return measured times by configuration.

    Args:
        path: a CSV with the columns accelerators_per_node, nodes, bytes, mean_ms; the shipped one (A100, DGX)
            where not given.

    Raises:
        InputError: if the file can't be read or a line makes no sense; names the line.
    """
    path = data_path("cluster", "network", "a100_dgx_all_reduce.csv") if path is None else path
    found: dict[Configuration, dict[float, list[float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = set(_COLUMNS) - set(reader.fieldnames or ())
            if missing:
                raise InputError(f"{path}:1: column {min(missing)} is missing")
            for row in reader:
                try:
                    configuration = int(row["accelerators_per_node"]), int(row["nodes"])
                    size, time_s = float(row["bytes"]), float(row["mean_ms"]) / 1000
                except (TypeError, ValueError):
                    raise InputError(f"{path}:{reader.line_num}: four numbers are wanted") from None
                if min(configuration) < 1 or not (0 < size < np.inf and 0 < time_s < np.inf):
                    raise InputError(f"{path}:{reader.line_num}: numbers of more than 0 are wanted")
                found.setdefault(configuration, {}).setdefault(size, []).append(time_s)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: can't be read ({error})") from None
    return {
        configuration: Samples(
            np.array(sorted(times)), np.array([np.mean(times[size]) for size in sorted(times)])
        )
        for configuration, times in found.items()
    }


def fit_all_reduce(samples: Mapping[Configuration, Samples], regimes: int = 6) -> AllReduce:
    """Return all-reduce times fitted to measurements.

    NCCL changes its algorithm and protocol with the size of a message and with the configuration, so that
    times jump. Each configuration gets its own sizes of change and lines between them, those with the least
    sum of squared relative errors. Configurations of a kind share a law, fitted to the logarithm of their
    times.

    Args:
        samples: by configuration, at least `_FEWEST` each.
        regimes: at most so many for a configuration.

    Raises:
        InputError: if there are too few samples or regimes.
    """
    if regimes < 1:
        raise InputError(f"regimes={regimes}; at least 1 is wanted")
    for configuration, times in samples.items():
        if len(times.size_bytes) < _FEWEST:
            raise InputError(
                f"all-reduce over {configuration[1]} nodes of {configuration[0]}: "
                f"{len(times.size_bytes)} sizes; at least {_FEWEST} are wanted"
            )
    inside = {key: times for key, times in samples.items() if key[1] == 1}
    between = {key: times for key, times in samples.items() if key[1] > 1}
    return AllReduce(
        regimes={key: _regimes(times, regimes) for key, times in samples.items()},
        inside=_law(inside) if inside else None,
        between=_law(between) if between else None,
    )


@cache
def measured_all_reduce() -> AllReduce:
    """Return the fit to the shipped measurements (2 to 16 A100 of DGX nodes)."""
    return fit_all_reduce(read_all_reduce())


def _along(regimes: tuple[Regime, ...], size: Array) -> Array:
    """Return times by regimes, s."""
    starts = np.array([regime.start_bytes for regime in regimes])
    index = np.maximum(np.searchsorted(starts, size, side="right") - 1, 0)
    latency = np.array([regime.latency_s for regime in regimes])[index]
    return latency + size / (np.array([regime.bandwidth_gb_s for regime in regimes])[index] * 1e9)


def _regimes(times: Samples, most: int) -> tuple[Regime, ...]:
    """Return the best division of one configuration's samples into at most so many straight lines.

    Dynamic programming over where regimes begin (Bellman, Commun. ACM 4, 284, 1961), each line by least
    squares of relative errors, with no negative latency or slope.
    """
    alone = _alone(times)
    size, time = times.size_bytes[~alone], times.time_s[~alone]
    count = len(size)
    most = min(most, count // _FEWEST)
    unit = size[-1]
    weight = time**-2.0
    terms = np.stack(
        [weight, weight * size / unit, weight * (size / unit) ** 2, 1 / time, size / unit / time]
    )
    sums = np.concatenate([np.zeros((5, 1)), np.cumsum(terms, axis=1)], axis=1)

    def line(begin: NDArray[np.int64], end: int) -> tuple[Array, Array, Array]:
        """Return intercept, slope and squared error of lines through samples begin ≤ i < end."""
        w, x, xx, y, xy = sums[:, end, None] - sums[:, begin]
        spread = w * xx - x * x
        slope = np.where(spread > 1e-12 * w * xx, (w * xy - x * y) / np.where(spread > 0, spread, 1.0), 0.0)
        slope = np.maximum(slope, 0.0)
        intercept = (y - slope * x) / w
        slope, intercept = np.where(intercept < 0, xy / xx, slope), np.maximum(intercept, 0.0)
        fitted = intercept**2 * w + 2 * intercept * slope * x + slope**2 * xx
        return intercept, slope, (end - begin) - 2 * (intercept * y + slope * xy) + fitted

    cost = np.full((count + 1, count + 1), np.inf)
    for end in range(_FEWEST, count + 1):
        begins = np.arange(end - _FEWEST + 1)
        cost[begins, end] = line(begins, end)[2]
    best = np.full(count + 1, np.inf)
    best[0] = 0.0
    begins_of: list[NDArray[np.int64]] = []
    for _ in range(most):
        total = best[:, None] + cost
        begins_of.append(total.argmin(axis=0))
        best = total.min(axis=0)
    found: list[Regime] = []
    end = count
    for begins in reversed(begins_of):
        begin = int(begins[end])
        intercept, slope, _ = (float(value[0]) for value in line(np.array([begin]), end))
        start = float(size[begin - 1] + size[begin]) / 2 if begin else 0.0
        found.append(Regime(start, intercept, float(unit) / slope / 1e9 if slope else float("inf")))
        end = begin
    return tuple(reversed(found))


def _alone(times: Samples) -> NDArray[np.bool_]:
    """Return which samples leap away from both neighbours: no regime, and they would bend one.

    A leap falls by a fifth where the size rises, or rises by a fifth more than the size. The largest size
    counts as alone if it leaps; what else belongs to it nobody has seen.
    """
    change = np.diff(np.log(times.time_s))
    down, up = change < -_LEAP, change > np.diff(np.log(times.size_bytes)) + _LEAP
    alone = np.zeros(len(times.time_s), dtype=bool)
    alone[1:-1] = (down[:-1] & up[1:]) | (up[:-1] & down[1:])
    alone[-1] = down[-1] or up[-1]
    return alone if np.count_nonzero(~alone) >= _FEWEST else np.zeros_like(alone)


def _law(samples: Mapping[Configuration, Samples]) -> Law:
    """Return the law of a kind of configurations, each with the same weight, by robust least squares.

    Expected parameters (assumed) keep those in bounds of which a few configurations say little: 40 µs to
    start, 5 µs a doubling, 150 GB/s inside, half of an A100's NVLinks, 10 GB/s between nodes, half of it
    shared.
    """
    from scipy.optimize import least_squares

    between = next(iter(samples))[1] > 1
    expected = np.array([np.log(40e-6), np.log(5e-6), np.log(10.0 if between else 150.0), 0.0])

    def law(parameters: Array) -> Law:
        latency, step, bandwidth = (float(value) for value in np.exp(parameters[:3]))
        return Law(latency, step, bandwidth, float(1 / (1 + np.exp(-parameters[3]))))

    def errors(parameters: Array) -> Array:
        guess = law(parameters)
        parts = [
            np.log(guess.seconds(times.size_bytes, key) / times.time_s) / np.sqrt(len(times.time_s))
            for key, times in samples.items()
        ]
        return np.concatenate([*parts, _PRIOR_WEIGHT * (parameters - expected)])

    return law(least_squares(errors, expected, loss="soft_l1", f_scale=0.3).x)
