"""How many of a machine's nodes, or parts of its quantum computers, are busy over time."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Whole = NDArray[np.int64]


def occupancy(start_s: _Floats, end_s: _Floats, amount: _Whole) -> tuple[_Floats, _Whole]:
    """Return when what is busy changes (s, ascending), and how much is busy from then on.

    Args:
        start_s: of each use, s.
        end_s: of each use, s.
        amount: that each takes in between.
    """
    by_start, by_end = np.argsort(start_s, kind="stable"), np.argsort(end_s, kind="stable")
    times_s, busy = np.empty(2 * len(amount)), np.empty(2 * len(amount), np.int64)
    written = _sweep(start_s[by_start], amount[by_start], end_s[by_end], amount[by_end], times_s, busy)
    return times_s[:written], busy[:written]


@njit(cache=True, nogil=True)
def _sweep(
    starts: _Floats, started: _Whole, ends: _Floats, ended: _Whole, times_s: _Floats, busy: _Whole
) -> int:
    """Write times and what is busy, from starts and ends in order; return how many there are."""
    now_busy, i, k, written = 0, 0, 0, 0
    while k < len(ends):
        now = ends[k] if i == len(starts) else min(starts[i], ends[k])
        while k < len(ends) and ends[k] == now:
            now_busy -= ended[k]
            k += 1
        while i < len(starts) and starts[i] == now:
            now_busy += started[i]
            i += 1
        if written == 0 or now_busy != busy[written - 1]:
            times_s[written], busy[written] = now, now_busy
            written += 1
    return written
