"""The event loop of the scheduler, compiled by numba; `_schedule` prepares its input and checks its output.

Jobs are numbered in the order in which the queue serves them, which is known from the start, so that the
queue is an array with a mark at each job that waits. A segment tree over it finds the next job that fits in
logarithmic time, however long the queue. Outages are items too, numbered after the jobs: they occupy nodes
until they end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

FCFS, EASY, CONSERVATIVE = range(3)

# numba compiles a function anew for each literal that it meets, but not for numbers that say what they are.
_ZERO, _ONE = np.int64(0), np.int64(1)
_NOBODY = np.int64(np.iinfo(np.int64).max)
_Floats = NDArray[np.float64]
_Whole = NDArray[np.int64]


class State(NamedTuple):
    """What the loop reads and writes. `job` is a position in the order of service, `item` a job or an outage.

    Attributes:
        submit_s: of each job, s.
        run_s, planned_s: how long each item runs, and how long the scheduler thinks at most, s.
        nodes: of each item.
        arrivals: jobs by submission.
        outage_start_s: by outage, ascending.
        failure: by outage, whether jobs are killed for it.
        start_s, end_s, planned_end_s: of each item's last start; what comes back.
        least_nodes, least_planned_s: segment trees of the jobs that wait; leaf `job` at half + job.
        ends, ends_place: binary heap of running items by end, and where each item is in it (-1: not).
        plan, plan_place: the same by planned end.
        walk, walk_place: scratch heap.
        held, held_place: heap of waiting jobs by reserved start (conservative).
        reserved_s: start of each job's reservation, s (conservative).
        profile_s, profile_nodes: nodes that are free from a time on, by the plan; the latest time first, so
            that what has passed falls off the end (conservative).
    """

    submit_s: _Floats
    run_s: _Floats
    planned_s: _Floats
    nodes: _Whole
    arrivals: _Whole
    outage_start_s: _Floats
    failure: NDArray[np.bool_]
    start_s: _Floats
    end_s: _Floats
    planned_end_s: _Floats
    least_nodes: _Whole
    least_planned_s: _Floats
    ends: _Whole
    ends_place: _Whole
    plan: _Whole
    plan_place: _Whole
    walk: _Whole
    walk_place: _Whole
    held: _Whole
    held_place: _Whole
    reserved_s: _Floats
    profile_s: _Floats
    profile_nodes: _Whole


def new_state(
    *,
    submit_s: _Floats,
    run_s: _Floats,
    planned_s: _Floats,
    nodes: _Whole,
    outage_start_s: _Floats,
    outage_end_s: _Floats,
    outage_nodes: _Whole,
    failure: NDArray[np.bool_],
    machine_nodes: int,
    policy: int,
) -> State:
    """Return the state before the first event: jobs in the order of service, outages by their start."""
    jobs, items = len(submit_s), len(submit_s) + len(outage_start_s)
    outage_s = outage_end_s - outage_start_s
    # No more than one job runs on a node.
    running = min(jobs, machine_nodes) + len(outage_start_s)
    leaves = 1 << max(jobs - 1, 1).bit_length()
    holding = jobs if policy == CONSERVATIVE else 0
    sorted_already = bool((submit_s[1:] >= submit_s[:-1]).all())

    def places(size: int) -> _Whole:
        return np.full(size, -1, np.int64)

    return State(
        submit_s=submit_s,
        run_s=np.append(run_s, outage_s),
        planned_s=np.append(planned_s, outage_s),
        nodes=np.append(nodes, outage_nodes),
        arrivals=np.arange(jobs) if sorted_already else np.argsort(submit_s, kind="stable"),
        outage_start_s=outage_start_s,
        failure=failure,
        start_s=np.full(items, np.nan),
        end_s=np.full(items, np.nan),
        planned_end_s=np.full(items, np.nan),
        least_nodes=np.full(2 * leaves, _NOBODY),
        least_planned_s=np.full(2 * leaves, np.inf),
        ends=places(running),
        ends_place=places(items),
        plan=places(running if policy == EASY else 0),
        plan_place=places(items if policy == EASY else 0),
        walk=places(running if policy == EASY else 0),
        walk_place=places(items if policy == EASY else 0),
        held=places(holding),
        held_place=places(holding),
        reserved_s=np.full(holding, np.nan),
        # Each item that runs or has a reservation begins and ends at most two stretches.
        profile_s=np.empty(2 * items + 4 if policy == CONSERVATIVE else 0),
        profile_nodes=np.empty(2 * items + 4 if policy == CONSERVATIVE else 0, np.int64),
    )


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
def _mark(state: State, job: int, nodes: int, planned_s: float) -> None:
    """Enter a waiting job into the trees, or erase it (nodes=_NOBODY, planned_s=inf)."""
    least_nodes, least_planned_s = state.least_nodes, state.least_planned_s
    i = (len(least_nodes) >> 1) + job
    while i >= 1:
        least_nodes[i] = nodes
        least_planned_s[i] = planned_s
        i >>= 1
        nodes = min(least_nodes[2 * i], least_nodes[2 * i + 1])
        planned_s = min(least_planned_s[2 * i], least_planned_s[2 * i + 1])
        if nodes == least_nodes[i] and planned_s == least_planned_s[i]:
            break


@_compiled
def _next_waiting(state: State, first: int, free: int, window_s: float, extra: int) -> int:
    """Return the first waiting job from `first` on that fits, -1 if there is none.

    It wants at most `free` nodes; and it ends within `window_s` by its plan, or wants at most `extra` nodes.
    """
    least_nodes, least_planned_s = state.least_nodes, state.least_planned_s
    half = len(least_nodes) >> 1
    if first >= half:
        return -1
    i = half + first if first > 0 else 1
    while i > 0:
        nodes = least_nodes[i]
        if nodes <= free and (least_planned_s[i] <= window_s or nodes <= extra):
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
    return _next_waiting(state, first, _NOBODY - 1, np.inf, _ZERO)


@_compiled
def _start(state: State, item: int, now: float, running: int, policy: int) -> None:
    state.start_s[item] = now
    state.end_s[item] = now + state.run_s[item]
    state.planned_end_s[item] = now + state.planned_s[item]
    _push(state.ends, state.ends_place, running, state.end_s, item)
    if policy == EASY:
        _push(state.plan, state.plan_place, running, state.planned_end_s, item)


@_compiled
def _stop(state: State, item: int, running: int, policy: int) -> None:
    _remove(state.ends, state.ends_place, running, state.end_s, item)
    if policy == EASY:
        _remove(state.plan, state.plan_place, running, state.planned_end_s, item)


@_compiled
def _reservation(state: State, free: int, running: int, wanted: int) -> tuple[float, int]:
    """Return when so many nodes are free by the plan, and how many more are free then (EASY)."""
    plan, walk, place, key = state.plan, state.walk, state.walk_place, state.planned_end_s
    when = -np.inf
    size = _ZERO
    if running > 0:
        _push(walk, place, size, key, plan[0])
        size = _ONE
    # The heap in ascending order, only as far as needed: whose parent has been visited may be next.
    while size > 0:
        item = walk[0]
        if free >= wanted and key[item] > when:
            break
        _remove(walk, place, size, key, item)
        size -= 1
        free += state.nodes[item]
        when = key[item]
        i = state.plan_place[item]
        for below in (2 * i + 1, 2 * i + 2):
            if below < running:
                _push(walk, place, size, key, plan[below])
                size += 1
    return when, free - wanted


@_compiled
def _edge(state: State, size: int, when_s: float) -> tuple[int, int]:
    """Make a time one of the profile's; return the profile's new length and the time's index."""
    when, level = state.profile_s, state.profile_nodes
    low, high = 0, size - 1
    while low < high:
        middle = (low + high) >> 1
        if when[middle] <= when_s:
            high = middle
        else:
            low = middle + 1
    if when[low] != when_s:
        for i in range(size, low, -1):
            when[i] = when[i - 1]
            level[i] = level[i - 1]
        when[low] = when_s
        size += 1
    return size, low


@_compiled
def _add_to_profile(state: State, size: int, start_s: float, end_s: float, nodes: int) -> int:
    """Add nodes to what is free from start to end; return the profile's new length."""
    when, level = state.profile_s, state.profile_nodes
    size, end = _edge(state, size, end_s)
    size, start = _edge(state, size, start_s)
    for i in range(end + 1, start + 1):
        level[i] += nodes
    # Times at which nothing changes any more go, or the profile would grow for ever.
    for edge in (start, end):
        if edge + 1 < size and level[edge] == level[edge + 1]:
            size -= 1
            for i in range(edge, size):
                when[i] = when[i + 1]
                level[i] = level[i + 1]
    return size


@_compiled
def _earliest(state: State, size: int, now: float, job: int, own_s: float) -> float:
    """Return the earliest start by the profile.

    `own_s` is the start of the job's reservation, infinity if it has none: from there on the job fits, since
    the nodes that the profile lacks are its own.
    """
    when, level = state.profile_s, state.profile_nodes
    wanted, planned_s = state.nodes[job], state.planned_s[job]
    start_s = now
    for i in range(size - 1, -1, -1):
        until_s = when[i - 1] if i > 0 else np.inf
        if level[i] < wanted:
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
    return _add_to_profile(state, size, start_s, start_s + state.planned_s[job], -state.nodes[job])


@_compiled
def _release(state: State, size: int, job: int, holding: int) -> int:
    _remove(state.held, state.held_place, holding, state.reserved_s, job)
    start_s = state.reserved_s[job]
    return _add_to_profile(state, size, start_s, start_s + state.planned_s[job], state.nodes[job])


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
def _latest_started(state: State, running: int) -> int:
    """Return the running job that started last, of equal ones the last served; -1 if none runs."""
    latest = -1
    for job in state.ends[:running]:
        if job < len(state.submit_s) and (
            latest < 0
            or state.start_s[job] > state.start_s[latest]
            or (state.start_s[job] == state.start_s[latest] and job > latest)
        ):
            latest = job
    return latest


@_compiled
def run(state: State, machine_nodes: int, policy: int) -> Any:
    """Run all jobs; starts and ends are in the state.

    At each time come first what ends, then outages, then submissions, then one decision about all that waits.

    Returns:
        Jobs that an outage killed (they wait again), and the start and end (s) of what was lost.
    """
    submit_s, arrivals = state.submit_s, state.arrivals
    jobs = len(submit_s)
    killed_jobs, killed_start_s, killed_end_s = [np.int64(0)], [0.0], [0.0]
    free, running, holding, size = machine_nodes, _ZERO, _ZERO, _ZERO
    arrived, outage = 0, 0
    head, shadow_s, extra, stale = -_ONE, -np.inf, _ZERO, True
    if policy == CONSERVATIVE:
        state.profile_s[0], state.profile_nodes[0] = -np.inf, machine_nodes
        size = _ONE
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
        if policy == CONSERVATIVE:
            while size > 1 and state.profile_s[size - 2] <= now:
                size -= 1

        while running > 0 and state.end_s[state.ends[0]] <= now:
            item = state.ends[0]
            _stop(state, item, running, policy)
            running -= 1
            free += state.nodes[item]
            freed = True
            planned_end_s = state.planned_end_s[item]
            if planned_end_s > now:
                changed = True
                if policy == CONSERVATIVE:
                    size = _add_to_profile(state, size, now, planned_end_s, state.nodes[item])

        while outage < len(state.outage_start_s) and state.outage_start_s[outage] <= now:
            # Nodes that are still busy are owed: free goes below zero until jobs end.
            owed = min(free, 0)
            free -= state.nodes[jobs + outage]
            while state.failure[outage] and free < owed:
                job = _latest_started(state, running)
                if job < 0:
                    break
                _stop(state, job, running, policy)
                running -= 1
                free += state.nodes[job]
                killed_jobs.append(job)
                killed_start_s.append(state.start_s[job])
                killed_end_s.append(now)
                _mark(state, job, state.nodes[job], state.planned_s[job])
            _start(state, jobs + outage, now, running, policy)
            running += 1
            outage += 1
            freed, changed, replan = True, True, True

        newest = _NOBODY
        while arrived < jobs and submit_s[arrivals[arrived]] <= now:
            job = arrivals[arrived]
            arrived += 1
            if policy != CONSERVATIVE and state.least_nodes[1] == _NOBODY and state.nodes[job] <= free:
                # Nobody waits: past the queue, which is what makes long traces fast.
                _start(state, job, now, running, policy)
                running += 1
                free -= state.nodes[job]
            else:
                newest = min(newest, job)
                _mark(state, job, state.nodes[job], state.planned_s[job])

        if policy == CONSERVATIVE:
            if replan:
                state.profile_s[0], state.profile_nodes[0] = now, machine_nodes
                size = _ONE
                for i in range(running):
                    item = state.ends[i]
                    size = _add_to_profile(state, size, now, state.planned_end_s[item], -state.nodes[item])
                for i in range(holding):
                    state.held_place[state.held[i]] = -1
                size, holding = _place_from(state, size, now, _ZERO, _ZERO)
            else:
                if changed:
                    size = _compress(state, size, now, holding)
                if newest < _NOBODY:
                    # Whom a new job outranks plans again behind it; others keep what they were promised.
                    size, holding = _place_from(state, size, now, newest, holding)
            while holding > 0 and state.reserved_s[state.held[0]] <= now:
                job = state.held[0]
                _remove(state.held, state.held_place, holding, state.reserved_s, job)
                holding -= 1
                _mark(state, job, _NOBODY, np.inf)
                _start(state, job, now, running, policy)
                running += 1
                free -= state.nodes[job]
            continue

        before = head
        head = _waiting_from(state, _ZERO)
        while head >= 0 and state.nodes[head] <= free:
            _mark(state, head, _NOBODY, np.inf)
            _start(state, head, now, running, policy)
            running += 1
            free -= state.nodes[head]
            changed = True
            head = _waiting_from(state, head + 1)
        stale = stale or changed or head != before
        if policy == FCFS or head < 0 or free <= 0:
            continue
        # Where only new jobs have come, those that waited have been refused already.
        job = head + 1 if stale or freed else newest
        if stale:
            shadow_s, extra = _reservation(state, free, running, state.nodes[head])
            stale = False
        job = _next_waiting(state, job, free, shadow_s - now, extra)
        while job >= 0:
            _mark(state, job, _NOBODY, np.inf)
            _start(state, job, now, running, policy)
            running += 1
            free -= state.nodes[job]
            if state.planned_s[job] > shadow_s - now:
                extra -= state.nodes[job]
            job = _next_waiting(state, job + 1, free, shadow_s - now, extra)
    return np.array(killed_jobs[1:]), np.array(killed_start_s[1:]), np.array(killed_end_s[1:])


@_compiled
def occupancy(
    starts: _Floats, started: _Whole, ends: _Floats, ended: _Whole, times_s: _Floats, busy: _Whole
) -> int:
    """Write the times at which the number of busy nodes changes, and that number from then on.

    `starts` and `ends` (s) ascend, `started` and `ended` are the nodes at each; `times_s` and `busy` have
    room for as many values as there are starts and ends. Returns how many values were written.
    """
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
