"""The machines of a federation: what work costs there, and what keeps a task from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labkit.cluster._zones import Task
from labkit.errors import InputError

_J_PER_KWH = 3.6e6
_FIGURES = {"nodes": "the number of nodes", "node_power_w": "power", "pue": "PUE", "g_per_kwh": "grid carbon"}


@dataclass(frozen=True)
class Place:
    """A machine of a federation; None where a figure is unknown: no work goes there then.

    Attributes:
        name: of the machine.
        site: where it stands; data is at hand for all machines of a site.
        zone: jurisdictions that the site is in, such as {"EU", "FIN"}.
        nodes: that it has.
        kinds: of hardware that tasks may ask for, such as "cpu", "gpu", "H100".
        node_power_w: of one node at work, W.
        pue: power of the whole centre over that of its IT.
        g_per_kwh: of CO2, of the site's grid.
        speed: by which a task's seconds are divided.
        wait_s: that a task spends in the machine's queue, s.
        opens_s: from when on it works, s.

    Raises:
        InputError: if a value is out of range.
    """

    name: str
    site: str
    zone: frozenset[str]
    nodes: int | None
    kinds: frozenset[str] = frozenset({"cpu"})
    node_power_w: float | None = None
    pue: float | None = None
    g_per_kwh: float | None = None
    speed: float = 1.0
    wait_s: float = 0.0
    opens_s: float = 0.0

    def __post_init__(self) -> None:
        if self.nodes is not None and self.nodes < 1:
            raise InputError(f"{self.name}: nodes={self.nodes}; at least 1 is wanted")
        if not 0 < self.speed < math.inf:
            raise InputError(f"{self.name}: speed={self.speed}; more than 0 is wanted")
        least = {"node_power_w": 0, "pue": 1, "g_per_kwh": 0, "wait_s": 0, "opens_s": 0}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and not lowest <= value < math.inf:
                raise InputError(f"{self.name}: {name}={value}; at least {lowest} is wanted")


class Estimate(NamedTuple):
    """What a task takes at a place: time (s), energy with the centre's overhead (kWh), CO2 (g)."""

    seconds: float
    kwh: float
    co2_g: float


def estimate(task: Task, place: Place) -> Estimate:
    """Return what a task takes at a place, without waiting and without moving data.

    Raises:
        InputError: if the place lacks a figure that this takes.
    """
    if place.node_power_w is None or place.pue is None or place.g_per_kwh is None:
        raise InputError(f"work on {place.name} can't be estimated: {_missing(place)}")
    seconds = task.seconds / place.speed
    kwh = task.nodes * place.node_power_w * place.pue * seconds / _J_PER_KWH
    return Estimate(seconds, kwh, kwh * place.g_per_kwh)


def stopping_rule(task: Task, place: Place, *, zone_allows: bool) -> str | None:
    """Return the first rule that keeps a task from a place, or None; the zone is asked first."""
    if not zone_allows:
        return "data zone"
    if lacking := task.needs - place.kinds:
        return f"no such accelerator ({', '.join(sorted(lacking))})"
    if place.nodes is not None and task.nodes > place.nodes:
        return f"size ({task.nodes} nodes wanted, {place.nodes} there)"
    return _missing(place)


def unplaceable(task: Task, places: Sequence[Place], stopped: Mapping[str, str]) -> str:
    """Return in one line why a task can't be placed, from the rule that stops it at each place."""
    nodes, widest = max((place.nodes or 0, place.name) for place in places)
    if 0 < nodes < task.nodes:
        most = f"the widest machine, {widest}, has {nodes}"
        return f"task {task.name!r} wants {task.nodes} nodes; {most}"
    by_rule: dict[str, list[str]] = {}
    for name, rule in stopped.items():
        by_rule.setdefault(rule, []).append(name)
    words = "; ".join(f"{rule} at {', '.join(names)}" for rule, names in by_rule.items())
    return f"task {task.name!r} can't be placed: {words}"


def _missing(place: Place) -> str | None:
    lacking = [words for figure, words in _FIGURES.items() if getattr(place, figure) is None]
    return f"no figure for {', '.join(lacking)}" if lacking else None
