"""Where data may go: the labels of data sets, which pass on to all that is made of them.

A label names jurisdictions; data may lie only at sites in one of them. What several data sets went into
must respect all their labels, so its sites are the intersection of theirs. The intersection is taken over
*sites*, not names: {"EU"} and {"FIN"} share no name but every Finnish site, and what is made of both may lie
there. Jurisdictions are those where data is stored and worked on; the networks in between don't count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from labkit.errors import InputError


@dataclass(frozen=True)
class DataSet:
    """Data that is there before any task begins.

    Attributes:
        name: of the data set.
        gigabytes: its size, 10⁹ bytes.
        site: where it lies; None: a copy lies wherever it may (public data, mirrored).
        zone: jurisdictions of which a site must be in at least one to hold it; None: it may lie anywhere.

    Raises:
        InputError: if the size is negative or the zone empty.
    """

    name: str
    gigabytes: float
    site: str | None = None
    zone: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gigabytes < math.inf:
            raise InputError(f"data set {self.name!r}: gigabytes={self.gigabytes}; at least 0 is wanted")
        if isinstance(self.zone, str):
            raise InputError(f"data set {self.name!r}: zone={self.zone!r}; a set of jurisdictions is wanted")
        if self.zone is not None and not self.zone:
            raise InputError(
                f"data set {self.name!r}: its zone is empty; name a jurisdiction or leave it out"
            )


@dataclass(frozen=True)
class Task:
    """Work that reads data and writes artefacts.

    Attributes:
        name: of the task.
        seconds: that it takes on a place of speed 1, s.
        nodes: that it needs at once.
        reads: data sets and artefacts of other tasks.
        writes: size of each artefact that it makes, 10⁹ bytes.
        needs: kinds of hardware that a place must have, such as "gpu" or "H100"; empty: any will do.

    Raises:
        InputError: if a number is out of range.
    """

    name: str
    seconds: float
    nodes: int = 1
    reads: tuple[str, ...] = ()
    writes: Mapping[str, float] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise InputError(f"task {self.name!r}: seconds={self.seconds}; more than 0 is wanted")
        if self.nodes < 1:
            raise InputError(f"task {self.name!r}: nodes={self.nodes}; at least 1 is wanted")
        for artefact, gigabytes in self.writes.items():
            if not 0 <= gigabytes < math.inf:
                raise InputError(
                    f"task {self.name!r} writes {artefact!r} of {gigabytes} GB; at least 0 is wanted"
                )


@dataclass(frozen=True)
class Lineage:
    """What is made of what.

    Attributes:
        data: the data sets, by name.
        order: the tasks, each after all whose artefacts it reads.
        makers: the task that writes an artefact, by artefact.
        origins: names of the data sets that a task works on, directly or through artefacts, by task; they
            are the origins of what it writes, too.
    """

    data: Mapping[str, DataSet]
    order: tuple[Task, ...]
    makers: Mapping[str, str]
    origins: Mapping[str, frozenset[str]]

    def label(self, task: str) -> frozenset[frozenset[str]]:
        """Return a task's and its artefacts' label: a site must be in one jurisdiction of each member."""
        zones = (self.data[name].zone for name in self.origins[task])
        return frozenset(zone for zone in zones if zone is not None)


def lineage(data: Iterable[DataSet], tasks: Iterable[Task]) -> Lineage:
    """Return what is made of what, transitively.

    Raises:
        InputError: if a name is given twice, a task reads what isn't there, or tasks wait for each other.
    """
    sets: dict[str, DataSet] = {}
    for item in data:
        if item.name in sets:
            raise InputError(f"data set {item.name!r} is given twice; names must differ")
        sets[item.name] = item
    by_name: dict[str, Task] = {}
    makers: dict[str, str] = {}
    for task in tasks:
        if task.name in by_name:
            raise InputError(f"task {task.name!r} is given twice; names must differ")
        by_name[task.name] = task
        for artefact in task.writes:
            if artefact in sets or artefact in makers:
                other = (
                    f"task {makers[artefact]!r} writes it too" if artefact in makers else "it is a data set"
                )
                raise InputError(f"task {task.name!r} writes {artefact!r}, but {other}; names must differ")
            makers[artefact] = task.name
    waits: dict[str, list[str]] = {}
    for task in by_name.values():
        for name in task.reads:
            if name not in sets and name not in makers:
                known = ", ".join([*sets, *makers]) or "none"
                raise InputError(
                    f"task {task.name!r} reads {name!r}, which is no data set, nor does a task write it; "
                    f"known: {known}"
                )
        waits[task.name] = [makers[name] for name in task.reads if name in makers]
    try:
        order = tuple(by_name[name] for name in TopologicalSorter(waits).static_order())
    except CycleError as error:
        ring = " → ".join(repr(name) for name in error.args[1])
        raise InputError(
            f"tasks wait for each other's data in a cycle: {ring}; a cycle has no beginning"
        ) from None
    origins: dict[str, frozenset[str]] = {}
    for task in order:
        parts = (origins[makers[name]] if name in makers else frozenset({name}) for name in task.reads)
        origins[task.name] = frozenset().union(*parts)
    return Lineage(sets, order, makers, origins)


def zone_mask(labels: Iterable[frozenset[str] | None], zones: Sequence[frozenset[str]]) -> int:
    """Return the sites that satisfy all labels, bit i for the site of `zones[i]`."""
    mask = (1 << len(zones)) - 1
    for label in labels:
        if label is not None:
            mask &= sum(1 << i for i, zone in enumerate(zones) if label & zone)
    return mask


def data_sites(lineage: Lineage, zones: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return by data set where it may be, bit i for the i-th of the sites.

    Args:
        lineage: what is made of what.
        zones: the jurisdictions that each site is in, by site.

    Raises:
        InputError: if a data set lies where it may not, or no site may hold it.
    """
    sites = list(zones)
    masks: dict[str, int] = {}
    for item in lineage.data.values():
        mask = masks[item.name] = zone_mask([item.zone], list(zones.values()))
        if not mask:
            there = _words(frozenset().union(*zones.values()))
            raise InputError(
                f"no site may hold data set {item.name!r}: its zone is {_words(item.zone)}, the sites are "
                f"in {there}"
            )
        if item.site is None:
            continue
        if item.site not in zones:
            raise InputError(
                f"data set {item.name!r} lies at {item.site!r}, which isn't a site here; choose one of "
                f"{', '.join(sites)}"
            )
        if not mask >> sites.index(item.site) & 1:
            raise InputError(
                f"data set {item.name!r} lies at {item.site!r} ({_words(zones[item.site])}), but its zone is "
                f"{_words(item.zone)}"
            )
    return masks


def allowed_sites(lineage: Lineage, zones: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return by task where all that it works on may be, bit i for the i-th of the sites.

    Args:
        lineage: what is made of what.
        zones: the jurisdictions that each site is in, by site.

    Raises:
        InputError: as `data_sites`, or if no site may hold all that a task works on.
    """
    masks = data_sites(lineage, zones)
    allowed: dict[str, int] = {}
    for task in lineage.order:
        mask = (1 << len(zones)) - 1
        for name in lineage.origins[task.name]:
            mask &= masks[name]
        if not mask:
            labelled = sorted(name for name in lineage.origins[task.name] if lineage.data[name].zone)
            made = ", ".join(f"{name!r} ({_words(lineage.data[name].zone)})" for name in labelled)
            raise InputError(f"task {task.name!r} works on {made}: no site lies in the zones of all of them")
        allowed[task.name] = mask
    return allowed


def violations(lineage: Lineage, zones: Mapping[str, frozenset[str]]) -> list[str]:
    """Return in words each data set that a task works on outside its zone; walks back from every task.

    It shares nothing with `allowed_sites` but the labels, and so checks it.

    Args:
        lineage: what is made of what.
        zones: the jurisdictions of the site where each task runs, by task.
    """
    tasks = {task.name: task for task in lineage.order}
    found = []
    for name, zone in zones.items():
        seen: set[str] = set()
        ahead = list(tasks[name].reads)
        while ahead:
            item = ahead.pop()
            if item in seen:
                continue
            seen.add(item)
            if item in lineage.makers:
                ahead += tasks[lineage.makers[item]].reads
            elif (label := lineage.data[item].zone) is not None and label.isdisjoint(zone):
                found.append(
                    f"task {name!r} in {_words(zone)} works on {item!r}, whose zone is {_words(label)}"
                )
    return sorted(found)


def _words(zone: frozenset[str] | None) -> str:
    return " or ".join(sorted(zone or ())) or "nowhere"
