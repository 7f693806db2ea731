"""Tasks to places: a few starts, the best of which is bettered task by task.

Tasks are placed one by one, the longest remaining path first (upward rank of Topcuoglu, Hariri & Wu 2002,
doi:10.1109/71.993206). A heuristic: no promise of the optimum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from labkit.cluster._places import Estimate, Place
from labkit.cluster._zones import Lineage, Task

Policy = Literal["earliest", "energy", "carbon"]
POLICIES: tuple[Policy, ...] = ("earliest", "energy", "carbon")


class Problem(NamedTuple):
    """Tasks in the order of placing, and all that placing them takes."""

    order: tuple[Task, ...]
    places: tuple[Place, ...]
    options: tuple[Mapping[int, Estimate], ...]  # of each task, by place
    copies: Mapping[str, tuple[str, ...]]  # the sites where each data set lies
    sizes: Mapping[str, float]  # of data sets and artefacts, 10⁹ bytes
    gigabyte_s: float  # a transfer's time for each 10⁹ bytes
    round_trip_s: float
    kwh_per_gb: float
    policy: Policy


class Move(NamedTuple):
    """A task at a place."""

    place: int
    start_s: float
    end_s: float
    moved_gb: float
    kwh: float
    co2_g: float
    arrivals: tuple[tuple[str, float], ...]  # what comes to the site for it, and when


def by_rank(line: Lineage) -> tuple[Task, ...]:
    """Return tasks by the longest path that starts with them, longest first; each after what it waits for."""
    ahead: dict[str, float] = {task.name: 0.0 for task in line.order}
    for task in reversed(line.order):
        rank = ahead[task.name] = ahead[task.name] + task.seconds
        for name in task.reads:
            if name in line.makers:
                ahead[line.makers[name]] = max(ahead[line.makers[name]], rank)
    return tuple(sorted(line.order, key=lambda task: -ahead[task.name]))


def run(problem: Problem, choices: Sequence[int] | None = None) -> list[Move]:
    """Return the tasks' moves, to the given places, or each to where it adds least."""
    free = [[(place.opens_s, place.nodes or 0)] for place in problem.places]
    at = {name: dict.fromkeys(sites, 0.0) for name, sites in problem.copies.items()}
    moves = []
    for index, task in enumerate(problem.order):
        tried = problem.options[index] if choices is None else (choices[index],)
        best = min(
            (_try(problem, index, place, free[place], at) for place in tried),
            key=lambda move: _added(problem.policy, move),
        )
        site = problem.places[best.place].site
        _occupy(free[best.place], task.nodes, best.start_s, best.end_s)
        for name, arrival in best.arrivals:
            at[name][site] = arrival
        for name in task.writes:
            at[name] = {site: best.end_s}
        moves.append(best)
    return moves


def _try(
    problem: Problem,
    index: int,
    choice: int,
    free: Sequence[tuple[float, int]],
    at: Mapping[str, Mapping[str, float]],
) -> Move:
    """Return what a task at a place comes to as things stand."""
    task, place = problem.order[index], problem.places[choice]
    seconds, kwh, co2_g = problem.options[index][choice]
    ready, moved, arrivals = 0.0, 0.0, []
    for name in dict.fromkeys(task.reads):
        arrival = at[name].get(place.site)
        if arrival is None:
            made = next(iter(at[name].values()))
            arrival = made + problem.round_trip_s + problem.sizes[name] * problem.gigabyte_s
            moved += problem.sizes[name]
            arrivals.append((name, arrival))
        ready = max(ready, arrival)
    start = max(ready + place.wait_s, _when_free(free, task.nodes))
    if moved:
        move_kwh = moved * problem.kwh_per_gb
        assert place.g_per_kwh is not None  # else the place were no option
        kwh, co2_g = kwh + move_kwh, co2_g + move_kwh * place.g_per_kwh
    return Move(choice, start, start + seconds, moved, kwh, co2_g, tuple(arrivals))


def _when_free(free: Sequence[tuple[float, int]], nodes: int) -> float:
    """Return from when so many nodes are free; `free` holds since when how many are, sorted."""
    for since, count in free:
        nodes -= count
        if nodes <= 0:
            return since
    raise AssertionError("a task wider than its place passed the size rule")


def _occupy(free: list[tuple[float, int]], nodes: int, start: float, end: float) -> None:
    """Take nodes from the start to the end, those that came free last first."""
    left = nodes
    for i in range(len(free) - 1, -1, -1):
        since, count = free[i]
        if since > start or not left:
            continue
        taken = min(count, left)
        left -= taken
        free[i] = (since, count - taken)
    free[:] = sorted([*(chunk for chunk in free if chunk[1]), (end, nodes)])


def _added(policy: Policy, move: Move) -> tuple[float, float]:
    if policy == "earliest":
        return move.end_s, move.co2_g
    return (move.kwh if policy == "energy" else move.co2_g), move.end_s


def cost_of(policy: Policy, moves: Sequence[Move]) -> tuple[float, float]:
    """Return what the policy minimises, and what decides between equals."""
    end = max((move.end_s for move in moves), default=0.0)
    if policy == "earliest":
        return end, math.fsum(move.co2_g for move in moves)
    return math.fsum(move.kwh if policy == "energy" else move.co2_g for move in moves), end


def solve(problem: Problem, sweeps: int, also: Iterable[list[Move]] = ()) -> list[Move]:
    """Return the best start, with tasks moved singly as long as that lowers the whole.

    Starts are each task where it adds least, all tasks at one place (a chain with much data between its tasks
    is cheap to move as a whole, and dear to move singly), and those given.
    """
    common = set.intersection(*map(set, problem.options)) if problem.options else set()
    together = (run(problem, [place] * len(problem.order)) for place in sorted(common))
    starts = [run(problem), *together, *also]
    moves = min(starts, key=lambda start: cost_of(problem.policy, start))
    cost = cost_of(problem.policy, moves)
    for _ in range(sweeps):
        before = cost
        for index, options in enumerate(problem.options):
            for place in options:
                choices = [move.place for move in moves]
                if place == choices[index]:
                    continue
                choices[index] = place
                other = run(problem, choices)
                if (other_cost := cost_of(problem.policy, other)) < cost:
                    moves, cost = other, other_cost
        if cost == before:
            break
    return moves
