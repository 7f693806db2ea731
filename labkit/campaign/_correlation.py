"""Does a fidelity rank molecules as the next one does?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from labkit.campaign._objective import value_of
from labkit.errors import InputError

LEAST = 0.3  # a fidelity whose whole interval lies within ± this tells the next one next to nothing
ENOUGH = 20  # pairs before that is said: with fewer a bootstrap interval is itself too narrow
_RESAMPLES = 2000
_LATEST = 1000  # pairs that count
_METRIC = "rank_correlation"
_PARTS = ("value", "low", "high", "count")
Values = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's coefficient (1904, doi:10.2307/1412159), its 95 % bootstrap interval, number of pairs."""

    value: float
    low: float
    high: float
    count: int

    @property
    def is_useless(self) -> bool:
        """Whether the lower fidelity doesn't predict the upper one, in either direction."""
        return self.count >= ENOUGH and max(-self.low, self.high) < LEAST


def rank_correlation(cheap: ArrayLike, dear: ArrayLike) -> RankCorrelation:
    """How alike two fidelities rank the same molecules.

    Raises:
        InputError: if there are fewer than three, or a fidelity tells none of them apart.
    """
    values = np.array([cheap, dear], float)
    count = values.shape[1]
    if count < 3 or not np.ptp(values, axis=1).all():
        raise InputError(f"{count} molecules, or one value for all of them: there is no order to compare")
    drawn = np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
    with np.errstate(invalid="ignore"):  # where one molecule fills a resample, nothing correlates
        low, high = np.nanquantile(_spearman(*values[:, drawn]), (0.025, 0.975))
    return RankCorrelation(float(_spearman(*values[:, None])[0]), float(low), float(high), count)


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row."""
    x, y = (stats.rankdata(one, axis=1) - (one.shape[1] + 1) / 2 for one in (x, y))
    product: NDArray[np.float64] = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return product


def correlations(values: Values, fidelities: Sequence[str]) -> dict[tuple[str, str], RankCorrelation]:
    """Rank correlations of fidelities, the lower one first, where there is an order to compare.

    Args:
        values: components by molecule.
        fidelities: cheapest first.
    """
    found = {}
    for lower, upper in combinations(fidelities, 2):
        x, y = value_of(lower), value_of(upper)
        pairs = [(known[x], known[y]) for known in values.values() if x in known and y in known]
        if len(pairs) > 2 and np.ptp(pairs, axis=0).all():
            found[lower, upper] = rank_correlation(*np.transpose(pairs[-_LATEST:]))
    return found


def predictive(
    found: Mapping[tuple[str, str], RankCorrelation], fidelities: Sequence[str]
) -> tuple[str, ...]:
    """The fidelities without those that don't predict the next one above them; those are bypassed."""
    kept = [fidelities[-1]]
    for lower in reversed(fidelities[:-1]):
        measured = found.get((lower, kept[0]))
        if measured is None or not measured.is_useless:
            kept.insert(0, lower)
    return tuple(kept)


def as_metrics(found: Mapping[tuple[str, str], RankCorrelation]) -> dict[str, float]:
    """Rank correlations as metrics of a journal."""
    return {
        f"{_METRIC}/{lower}/{upper}/{part}": number
        for (lower, upper), measured in found.items()
        for part, number in zip(_PARTS, astuple(measured), strict=True)
    }


def recorded(metrics: Iterable[tuple[int, str, float]]) -> dict[int, dict[tuple[str, str], RankCorrelation]]:
    """The rank correlations among a journal's metrics, by round: each of all molecules up to that round."""
    parts: dict[int, dict[tuple[str, str], dict[str, float]]] = {}
    for number, name, value in metrics:
        metric, *pair = name.split("/")
        if metric == _METRIC:
            lower, upper, part = pair
            parts.setdefault(number, {}).setdefault((lower, upper), {})[part] = value
    return {
        number: {
            pair: RankCorrelation(one["value"], one["low"], one["high"], int(one["count"]))
            for pair, one in found.items()
        }
        for number, found in parts.items()
    }
