"""Tasks that share data, placed on the machines of a federation; and what keeping the data in its zone costs.

Which places a task may go to is settled before anything is scored: data zones first, then hardware, size and
figures. How the rest are chosen among stands in `_moves`.

Moving data takes a round trip and bytes over the link's rate, and the link's energy for each byte, booked on
the receiver's grid. An artefact or data set travels to a site once, from where it was made, and stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from labkit.cluster._links import Link
from labkit.cluster._moves import POLICIES, Move, Policy, Problem, by_rank, run, solve
from labkit.cluster._places import Place, estimate, stopping_rule, unplaceable
from labkit.cluster._zones import DataSet, Task, allowed_sites, data_sites, lineage
from labkit.errors import InputError

_BITS_PER_BYTE = 8


@dataclass(frozen=True)
class Step:
    """Where and when a task runs.

    Attributes:
        task: its name.
        place: the machine.
        site: where that stands.
        start_s: when the nodes are taken, s.
        end_s: when the artefacts are there, s.
        moved_gb: of data brought here for it, 10⁹ bytes.
        kwh: of its nodes, with the centre's overhead, and of moving its data.
        co2_g: of these.
    """

    task: str
    place: str
    site: str
    start_s: float
    end_s: float
    moved_gb: float
    kwh: float
    co2_g: float


@dataclass(frozen=True)
class Placement:
    """A workload placed.

    Attributes:
        policy: what was to be least.
        zones: whether data zones were respected.
        steps: of the tasks, in the order of placing.
        stopped: by task, the places ruled out, and by which rule.
    """

    policy: Policy
    zones: bool
    steps: tuple[Step, ...]
    stopped: Mapping[str, Mapping[str, str]]

    @property
    def makespan_s(self) -> float:
        """When the last task ends, s."""
        return max((step.end_s for step in self.steps), default=0.0)

    @property
    def kwh(self) -> float:
        """Energy of all work and all moving of data."""
        return math.fsum(step.kwh for step in self.steps)

    @property
    def co2_g(self) -> float:
        """CO2 of that energy, g."""
        return math.fsum(step.co2_g for step in self.steps)

    @property
    def moved_gb(self) -> float:
        """Data moved between sites, 10⁹ bytes."""
        return math.fsum(step.moved_gb for step in self.steps)


@dataclass(frozen=True)
class Sovereignty:
    """What zones cost: the same workload placed with and without them, by the same policy.

    Of what the policy minimises, the price is never negative: who may place freely may also place within the
    zones. The other two can come out either way.

    Attributes:
        zoned: placed within the zones.
        free: placed as if every data set could go anywhere.
    """

    zoned: Placement
    free: Placement

    @property
    def seconds(self) -> float:
        """Time that the zones add, s."""
        return self.zoned.makespan_s - self.free.makespan_s

    @property
    def kwh(self) -> float:
        """Energy that the zones add."""
        return self.zoned.kwh - self.free.kwh

    @property
    def co2_g(self) -> float:
        """CO2 that the zones add, g."""
        return self.zoned.co2_g - self.free.co2_g


def place_tasks(
    data: Iterable[DataSet],
    tasks: Iterable[Task],
    places: Sequence[Place],
    *,
    link: Link,
    policy: Policy = "earliest",
    zones: bool = True,
    sweeps: int = 3,
) -> Placement:
    """Return tasks placed on machines.

    Tasks on one machine share its nodes, first placed first served; gaps before a task that waits for its
    data aren't filled. Transfers don't slow each other down.

    Args:
        data: that is there before.
        tasks: to be placed.
        places: the machines of the federation.
        link: between any two sites; its rate and its energy per byte must be known.
        policy: what is to be least: the time when all is done, energy, or CO2.
        zones: whether data zones are respected.
        sweeps: most times that all tasks are tried elsewhere, one by one; each costs places × tasks² steps.

    Raises:
        InputError: if a task can't be placed (says which rule stops it where), the data make no sense, or a
            value is out of range.
    """
    stopped, problem = _prepare(data, tasks, places, link, policy, zones)
    return _as_placement(problem, solve(problem, sweeps), zones, stopped)


def price_of_sovereignty(
    data: Iterable[DataSet],
    tasks: Iterable[Task],
    places: Sequence[Place],
    *,
    link: Link,
    policy: Policy = "earliest",
    sweeps: int = 3,
) -> Sovereignty:
    """Return what respecting data zones costs, in time, energy and CO2; arguments as of `place_tasks`.

    Raises:
        InputError: as `place_tasks`.
    """
    data, tasks = list(data), list(tasks)
    stopped, problem = _prepare(data, tasks, places, link, policy, True)
    stopped_free, problem_free = _prepare(data, tasks, places, link, policy, False)
    zoned = solve(problem, sweeps)
    # A heuristic that is given more choice can do worse, unless it may start from here.
    kept = run(problem_free, [move.place for move in zoned])
    free = solve(problem_free, sweeps, also=[kept])
    return Sovereignty(
        _as_placement(problem, zoned, True, stopped), _as_placement(problem_free, free, False, stopped_free)
    )


def _prepare(
    data: Iterable[DataSet],
    tasks: Iterable[Task],
    places: Sequence[Place],
    link: Link,
    policy: Policy,
    zones: bool,
) -> tuple[dict[str, dict[str, str]], Problem]:
    if policy not in POLICIES:
        raise InputError(f"policy {policy!r} isn't known; choose one of {', '.join(POLICIES)}")
    if link.gigabit_per_s is None or link.kwh_per_gb is None:
        raise InputError(f"link {link.name!r} lacks gigabit_per_s or kwh_per_gb; moving data takes both")
    sites: dict[str, frozenset[str]] = {}
    for place in places:
        if sites.setdefault(place.site, place.zone) != place.zone:
            raise InputError(f"{place.name}: its zone differs from that of another machine at {place.site!r}")
    if len({place.name for place in places}) < len(places):
        raise InputError("two machines of the federation have the same name; names must differ")
    if not places:
        raise InputError("the federation has no machine; at least 1 is wanted")
    line = lineage(data, tasks)
    held = data_sites(line, sites)
    masks = allowed_sites(line, sites) if zones else dict.fromkeys(line.origins, -1)
    bit = {site: 1 << i for i, site in enumerate(sites)}
    copies = {
        item.name: tuple(
            site for site in sites if item.site == site or (item.site is None and held[item.name] & bit[site])
        )
        for item in line.data.values()
    }
    sizes = {item.name: item.gigabytes for item in line.data.values()}
    sizes |= {name: gigabytes for task in line.order for name, gigabytes in task.writes.items()}
    stopped: dict[str, dict[str, str]] = {}
    order = by_rank(line)
    options = []
    for task in order:
        rules = [stopping_rule(task, p, zone_allows=bool(masks[task.name] & bit[p.site])) for p in places]
        stopped[task.name] = {p.name: rule for p, rule in zip(places, rules, strict=True) if rule is not None}
        if all(rules):
            raise InputError(unplaceable(task, places, stopped[task.name]))
        options.append({i: estimate(task, places[i]) for i, rule in enumerate(rules) if rule is None})
    return stopped, Problem(
        order,
        tuple(places),
        tuple(options),
        copies,
        sizes,
        gigabyte_s=_BITS_PER_BYTE / link.gigabit_per_s,
        round_trip_s=link.round_trip_s,
        kwh_per_gb=link.kwh_per_gb,
        policy=policy,
    )


def _as_placement(
    problem: Problem, moves: Sequence[Move], zones: bool, stopped: Mapping[str, Mapping[str, str]]
) -> Placement:
    steps = []
    for task, move in zip(problem.order, moves, strict=True):
        at = problem.places[move.place]
        when = (move.start_s, move.end_s)
        steps.append(Step(task.name, at.name, at.site, *when, move.moved_gb, move.kwh, move.co2_g))
    return Placement(problem.policy, zones, tuple(steps), stopped)
