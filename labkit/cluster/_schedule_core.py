"""The event loop of the scheduler, compiled by numba; `_schedule` prepares its input and checks its output.

Jobs are numbered in the order in which the queue serves them, which is known from the start, so that the
queue is an array with a mark at each job that waits. A segment tree over it finds the next job that fits in
logarithmic time, however long the queue. Outages are items too, numbered after the jobs: they occupy nodes
until they end.

All of the loop stands in this file: numba takes no notice when a function changes that is compiled elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labkit.cluster._schedule_state import CONSERVATIVE, FCFS, State

# numba compiles a function anew for each literal that it meets, but not for numbers that say what they are.
_ZERO, _ONE = np.int64(0), np.int64(1)
_MOST = np.finfo(np.float64).max  # that a job may want; the tree has infinity where none waits
_Floats = NDArray[np.float64]
_Whole = NDArray[np.int64]


def _compiled(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_compiled
def _push(heap: _Whole, place: _Whole, size: int, key: _Floats, item: int) -> None:
    i = size
    while i > 0:
        above = (i - 1) >> 1
        other = heap[above]
        if key[other] <= key[item]:
            break
        heap[i] = other
        place[other] = i
        i = above
    heap[i] = item
    place[item] = i


@_compiled
def _remove(heap: _Whole, place: _Whole, size: int, key: _Floats, item: int) -> None:
    """Take an item out of a heap of `size`, wherever it is."""
    i = place[item]
    place[item] = -1
    last = heap[size - 1]
    if last == item:
        return
    _push(heap, place, i, key, last)
    i = place[last]
    while True:
        below = 2 * i + 1
        if below >= size - 1:
            break
        if below + 1 < size - 1 and key[heap[below + 1]] < key[heap[below]]:
            below += 1
        other = heap[below]
        if key[last] <= key[other]:
            break
        heap[i] = other
        place[other] = i
        i = below
    heap[i] = last
    place[last] = i


@_compiled
def _mark(state: State, job: int, waits: bool) -> None:
    """Enter a job into the tree of those that wait, or erase it."""
    least = state.least
    i = (len(least) >> 1) + job
    least[i] = np.inf
    if waits:
        least[i, 0], least[i, 1], least[i, 2] = state.nodes[job], state.planned_s[job], state.qpu[job]
    changed = True
    while i > 1 and changed:
        i >>= 1
        changed = False
        for k in range(3):
            value = min(least[2 * i, k], least[2 * i + 1, k])
            changed = changed or value != least[i, k]
            least[i, k] = value


@_compiled
def _next_waiting(
    state: State, first: int, free: float, free_qpu: float, window_s: float, extra: float, extra_qpu: float
) -> int:
    """Return the first waiting job from `first` on that fits, -1 if there is none.

    It wants at most what is free; and it ends within `window_s` by its plan, or wants at most what is extra.
    """
    # Owed quantum computers don't hold up a job that wants none; every job wants a node.
    least, free_qpu, extra_qpu = state.least, max(free_qpu, 0.0), max(extra_qpu, 0.0)
    half = len(least) >> 1
    if first >= half:
        return -1
    i = half + first if first > 0 else 1
    while i > 0:
        nodes, planned_s, qpu = least[i, 0], least[i, 1], least[i, 2]
        if (
            nodes <= free
            and qpu <= free_qpu
            and (planned_s <= window_s or (nodes <= extra and qpu <= extra_qpu))
        ):
            if i >= half:
                return i - half
            i *= 2
        else:
            # On to the next branch on the right: up until one is a left child, and over.
            while i & 1:
                i >>= 1
            if i > 0:
                i += 1
    return -1


@_compiled
def _waiting_from(state: State, first: int) -> int:
    """Return the first waiting job from `first` on, -1 if there is none."""
    return _next_waiting(state, first, _MOST, _MOST, _MOST, _MOST, _MOST)


@_compiled
def _start(
    state: State, item: int, now: float, running: int, free: int, free_qpu: int, planned: bool
) -> tuple[int, int, int]:
    """Start an item; return how many run then, and what is free."""
    state.start_s[item] = now
    state.end_s[item] = now + state.run_s[item]
    state.planned_end_s[item] = now + state.planned_s[item]
    _push(state.ends, state.ends_place, running, state.end_s, item)
    if planned:
        _push(state.plan, state.plan_place, running, state.planned_end_s, item)
    return running + 1, free - state.nodes[item], free_qpu - state.qpu[item]


@_compiled
def _stop(
    state: State, item: int, running: int, free: int, free_qpu: int, planned: bool
) -> tuple[int, int, int]:
    """Stop an item; return how many run then, and what is free."""
    _remove(state.ends, state.ends_place, running, state.end_s, item)
    if planned:
        _remove(state.plan, state.plan_place, running, state.planned_end_s, item)
    return running - 1, free + state.nodes[item], free_qpu + state.qpu[item]


@_compiled
def _reservation(state: State, job: int, running: int, free: int, free_qpu: int) -> tuple[float, int, int]:
    """Return when a job fits by the plan, and what is free beside it then: nodes, parts (EASY)."""
    plan, walk, place, key = state.plan, state.walk, state.walk_place, state.planned_end_s
    wanted, wanted_qpu = state.nodes[job], state.qpu[job]
    when = -np.inf
    size = _ZERO
    if running > 0:
        _push(walk, place, size, key, plan[0])
        size = _ONE
    # The heap in ascending order, only as far as needed: whose parent has been visited may be next.
    while size > 0:
        item = walk[0]
        if free >= wanted and max(free_qpu, 0) >= wanted_qpu and key[item] > when:
            break
        _remove(walk, place, size, key, item)
        size -= 1
        free += state.nodes[item]
        free_qpu += state.qpu[item]
        when = key[item]
        i = state.plan_place[item]
        for below in (2 * i + 1, 2 * i + 2):
            if below < running:
                _push(walk, place, size, key, plan[below])
                size += 1
    return when, free - wanted, free_qpu - wanted_qpu


@_compiled
def _write_profile(state: State, now: float, running: int, machine_nodes: int, machine_qpu: int) -> int:
    """Write the profile of what runs; return its length."""
    profile = state.profile
    ends_s = state.planned_end_s[state.ends[:running]]
    ascending, size = np.argsort(ends_s), 0
    for i in range(running, -1, -1):
        when_s = now if i == 0 else ends_s[ascending[i - 1]]
        if size == 0 or when_s < profile[0, size - 1]:
            profile[0, size], profile[1, size], profile[2, size] = when_s, machine_nodes, machine_qpu
            size += 1
        if i > 0:
            item = state.ends[ascending[i - 1]]
            machine_nodes -= state.nodes[item]
            machine_qpu -= state.qpu[item]
    return size


@_compiled
def _edge(state: State, size: int, when_s: float) -> tuple[int, int]:
    """Make a time one of the profile's; return the profile's new length and the time's index."""
    profile = state.profile
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) >> 1
        if profile[0, middle] <= when_s:
            high = middle
        else:
            low = middle + 1
    if profile[0, low] != when_s:
        for row in profile:
            for i in range(size, low, -1):
                row[i] = row[i - 1]
        profile[0, low] = when_s
        size += 1
    return size, low


@_compiled
def _add_to_profile(state: State, size: int, start_s: float, end_s: float, nodes: int, qpu: int) -> int:
    """Add to what is free from start to end; return the profile's new length."""
    profile = state.profile
    size, end = _edge(state, size, end_s)
    size, start = _edge(state, size, start_s)
    profile[1, end + 1 : start + 1] += nodes
    if qpu != 0:
        profile[2, end + 1 : start + 1] += qpu
    # Times at which nothing changes any more go, or the profile would grow for ever.
    for edge in (start, end):
        after = edge + 1
        if after < size and profile[1, edge] == profile[1, after] and profile[2, edge] == profile[2, after]:
            size -= 1
            for row in profile:
                for i in range(edge, size):
                    row[i] = row[i + 1]
    return size


@_compiled
def _earliest(state: State, size: int, now: float, job: int, own_s: float) -> float:
    """Return the earliest start by the profile.

    `own_s` is the start of the job's reservation, infinity if it has none: from there on the job fits, since
    what the profile lacks is its own.
    """
    profile, planned_s, start_s = state.profile, state.planned_s[job], now
    wanted, wanted_qpu = state.nodes[job], state.qpu[job]
    for i in range(size - 1, -1, -1):
        until_s = profile[0, i - 1] if i > 0 else np.inf
        if profile[1, i] < wanted or (wanted_qpu > 0 and profile[2, i] < wanted_qpu):
            start_s = until_s
            if start_s >= own_s:
                break
        elif until_s >= min(start_s + planned_s, own_s):
            return start_s
    return own_s


@_compiled
def _reserve(state: State, size: int, job: int, start_s: float, holding: int) -> int:
    state.reserved_s[job] = start_s
    _push(state.held, state.held_place, holding, state.reserved_s, job)
    return _add_to_profile(
        state, size, start_s, start_s + state.planned_s[job], -state.nodes[job], -state.qpu[job]
    )


@_compiled
def _release(state: State, size: int, job: int, holding: int) -> int:
    _remove(state.held, state.held_place, holding, state.reserved_s, job)
    start_s = state.reserved_s[job]
    return _add_to_profile(
        state, size, start_s, start_s + state.planned_s[job], state.nodes[job], state.qpu[job]
    )


@_compiled
def _compress(state: State, size: int, now: float, holding: int) -> int:
    """Let every reservation move up as far as it can, in the order of service."""
    job = _waiting_from(state, _ZERO)
    while job >= 0:
        # A job of this moment has no reservation yet.
        if state.held_place[job] >= 0:
            reserved_s = state.reserved_s[job]
            start_s = _earliest(state, size, now, job, reserved_s)
            if start_s < reserved_s:
                size = _release(state, size, job, holding)
                size = _reserve(state, size, job, start_s, holding - 1)
        job = _waiting_from(state, job + 1)
    return size


@_compiled
def _place_from(state: State, size: int, now: float, first: int, holding: int) -> tuple[int, int]:
    """Plan the waiting jobs from `first` on anew, in order; return the profile's length, the reservations."""
    job = _waiting_from(state, first)
    while job >= 0:
        if state.held_place[job] >= 0:
            size = _release(state, size, job, holding)
            holding -= 1
        job = _waiting_from(state, job + 1)
    job = _waiting_from(state, first)
    while job >= 0:
        size = _reserve(state, size, job, _earliest(state, size, now, job, np.inf), holding)
        holding += 1
        job = _waiting_from(state, job + 1)
    return size, holding


@_compiled
def _latest_started(state: State, running: int, with_qpu: bool) -> int:
    """Return the running job that started last, of equal ones the last served; -1 if none runs."""
    latest = -1
    for job in state.ends[:running]:
        if job >= len(state.submit_s) or (with_qpu and state.qpu[job] == 0):
            continue
        if (
            latest < 0
            or state.start_s[job] > state.start_s[latest]
            or (state.start_s[job] == state.start_s[latest] and job > latest)
        ):
            latest = job
    return latest


@_compiled
def run(state: State, machine_nodes: int, machine_qpu: int, policy: int) -> Any:
    """Run all jobs; starts and ends are in the state.

    At each time come first what ends, then outages, then submissions, then one decision about all that waits.

    Returns:
        Jobs that an outage killed (they wait again), and the start and end (s) of what was lost.
    """
    submit_s, arrivals = state.submit_s, state.arrivals
    jobs = len(submit_s)
    killed_jobs, killed_start_s, killed_end_s = [np.int64(0)], [0.0], [0.0]
    free, free_qpu, running, holding = machine_nodes, machine_qpu, _ZERO, _ZERO
    arrived, outage = 0, 0
    head, shadow_s, extra, extra_qpu, stale = -_ONE, -np.inf, _ZERO, _ZERO, True
    # Where nobody waits, more is free the later it is: neither heap (EASY) nor profile (conservative; its
    # length) of planned ends is needed. They are given up when as many jobs have started without being asked
    # about as there are entries, so that writing them costs no job more than its share.
    planned, size, unasked = False, _ZERO, _ZERO
    while True:
        now = np.inf
        if arrived < jobs:
            now = submit_s[arrivals[arrived]]
        if outage < len(state.outage_start_s):
            now = min(now, state.outage_start_s[outage])
        if running > 0:
            now = min(now, state.end_s[state.ends[0]])
        if holding > 0:
            now = min(now, state.reserved_s[state.held[0]])
        if now == np.inf:
            break
        # What the plan foresaw changes no reservation; what ends early, and outages, do.
        freed, changed, replan = False, False, False
        while size > 1 and state.profile[0, size - 2] <= now:
            size -= 1

        while running > 0 and state.end_s[state.ends[0]] <= now:
            item = state.ends[0]
            running, free, free_qpu = _stop(state, item, running, free, free_qpu, planned)
            freed = True
            end_s = state.planned_end_s[item]
            if end_s > now:
                changed = True
                if size > 0:
                    size = _add_to_profile(state, size, now, end_s, state.nodes[item], state.qpu[item])

        while outage < len(state.outage_start_s) and state.outage_start_s[outage] <= now:
            item = jobs + outage
            # What is still busy is owed: free goes below zero until jobs end.
            most, most_qpu = min(free, 0) + state.nodes[item], min(free_qpu, 0) + state.qpu[item]
            while state.failure[outage] and (free < most or free_qpu < most_qpu):
                job = _latest_started(state, running, free >= most)
                if job < 0:
                    break
                running, free, free_qpu = _stop(state, job, running, free, free_qpu, planned)
                killed_jobs.append(job)
                killed_start_s.append(state.start_s[job])
                killed_end_s.append(now)
                _mark(state, job, True)
            running, free, free_qpu = _start(state, item, now, running, free, free_qpu, planned)
            outage += 1
            freed, changed, replan = True, True, True

        newest = jobs
        while arrived < jobs and submit_s[arrivals[arrived]] <= now:
            job = arrivals[arrived]
            arrived += 1
            if state.least[1, 0] < np.inf or state.nodes[job] > free or state.qpu[job] > max(free_qpu, 0):
                newest = min(newest, job)
                _mark(state, job, True)
                continue
            # Nobody waits: past the queue, which is what makes long traces fast.
            running, free, free_qpu = _start(state, job, now, running, free, free_qpu, planned)
            unasked += 1
            planned = planned and unasked <= running
            if size > 0:
                end_s = state.planned_end_s[job]
                size = _add_to_profile(state, size, now, end_s, -state.nodes[job], -state.qpu[job])
                if unasked > size:
                    size = _ZERO

        if policy == CONSERVATIVE:
            if state.least[1, 0] == np.inf:
                if replan:
                    size = _ZERO
                continue
            unasked = _ZERO
            if replan or size == 0:
                size = _write_profile(state, now, running, machine_nodes, machine_qpu)
            if replan:
                for i in range(holding):
                    state.held_place[state.held[i]] = -1
                size, holding = _place_from(state, size, now, _ZERO, _ZERO)
            else:
                if changed:
                    size = _compress(state, size, now, holding)
                if newest < jobs:
                    # Whom a new job outranks plans again behind it; others keep what they were promised.
                    size, holding = _place_from(state, size, now, newest, holding)
            while holding > 0 and state.reserved_s[state.held[0]] <= now:
                job = state.held[0]
                _remove(state.held, state.held_place, holding, state.reserved_s, job)
                holding -= 1
                _mark(state, job, False)
                running, free, free_qpu = _start(state, job, now, running, free, free_qpu, planned)
            continue

        before = head
        head = _waiting_from(state, _ZERO)
        while head >= 0 and state.nodes[head] <= free and state.qpu[head] <= max(free_qpu, 0):
            _mark(state, head, False)
            running, free, free_qpu = _start(state, head, now, running, free, free_qpu, planned)
            changed = True
            head = _waiting_from(state, head + 1)
        stale = stale or changed or head != before
        if policy == FCFS or head < 0 or free <= 0:
            continue
        # Where only new jobs have come, those that waited have been refused already.
        job = head + 1 if stale or freed else newest
        unasked = _ZERO
        if not planned:
            for i in range(running):
                _push(state.plan, state.plan_place, i, state.planned_end_s, state.ends[i])
            planned = True
        if stale:
            shadow_s, extra, extra_qpu = _reservation(state, head, running, free, free_qpu)
            stale = False
        job = _next_waiting(state, job, free, free_qpu, shadow_s - now, extra, extra_qpu)
        while job >= 0:
            _mark(state, job, False)
            running, free, free_qpu = _start(state, job, now, running, free, free_qpu, planned)
            if state.planned_s[job] > shadow_s - now:
                extra -= state.nodes[job]
                extra_qpu -= state.qpu[job]
            job = _next_waiting(state, job + 1, free, free_qpu, shadow_s - now, extra, extra_qpu)
    return np.array(killed_jobs[1:]), np.array(killed_start_s[1:]), np.array(killed_end_s[1:])
