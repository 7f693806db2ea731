"""Scenarios: which machines, what work, under which rules, and what befalls them; read from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from labkit.cluster._beside import SHARINGS
from labkit.cluster._carbon import CarbonSeries, read_carbon
from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._entries import Catalogue, Machine
from labkit.cluster._moves import POLICIES
from labkit.cluster._schedule import Policy as Scheduler
from labkit.cluster._tables import read_toml, record, shipped
from labkit.cluster._weather import WeatherSeries, read_weather
from labkit.errors import InputError

DAY_S = 86400.0


@dataclass(frozen=True)
class Work:
    """Jobs that one kind of machine is to do.

    Attributes:
        jobs: how many, drawn from the model of Lublin and Feitelson.
        load: their work over what all machines of the kind offer until the last submission.
        kind: of the machines, "cpu" or "gpu".
        widest: nodes of the widest job.
        utilisation: how far the jobs use their nodes, 0 to 1, as the nodes' power has it.
        hybrid: share of the jobs that use a quantum computer beside their machine, 0 to 1.
        qpu_part: of a hybrid job's run time that its shots take, more than 0 and at most 1.

    Raises:
        InputError: if a value is out of range.
    """

    jobs: int = 20_000
    load: float = 0.6
    kind: str = "gpu"
    widest: int = 64
    utilisation: float = 0.8
    hybrid: float = 0.0
    qpu_part: float = 0.25

    def __post_init__(self) -> None:
        if self.kind not in ("cpu", "gpu"):
            raise InputError(f"kind={self.kind!r}; 'cpu' or 'gpu' is wanted")
        for name in ("utilisation", "hybrid"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name):g}; 0 to 1 is wanted")
        if not 0 < self.qpu_part <= 1:
            raise InputError(f"qpu_part={self.qpu_part:g}; more than 0 and at most 1 is wanted")


@dataclass(frozen=True)
class Label:
    """A share of the jobs that works on data of a zone.

    Attributes:
        share: of all jobs, 0 to 1.
        zone: jurisdictions in one of which the data must stay.

    Raises:
        InputError: if a value is out of range.
    """

    share: float
    zone: frozenset[str]

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(f"share={self.share:g}; 0 to 1 is wanted")
        if not self.zone:
            raise InputError("zone is empty; name a jurisdiction, or leave the label out")


@dataclass(frozen=True)
class Closure:
    """Nodes of a machine that don't work for a time.

    Attributes:
        machine: its name.
        from_day: since the scenario's start.
        days: how long.
        share: of the nodes, more than 0 and at most 1.
        kind: "failure" ends what runs there, "drain" lets it end.

    Raises:
        InputError: if a value is out of range.
    """

    machine: str
    from_day: float
    days: float
    share: float = 1.0
    kind: str = "drain"

    def __post_init__(self) -> None:
        if self.kind not in ("failure", "drain"):
            raise InputError(f"kind={self.kind!r}; 'failure' or 'drain' is wanted")
        if self.from_day < 0 or not self.days > 0:
            raise InputError(
                f"from_day={self.from_day:g}, days={self.days:g}; at least 0 and more than 0 are wanted"
            )
        if not 0 < self.share <= 1:
            raise InputError(f"share={self.share:g}; more than 0 and at most 1 is wanted")


@dataclass(frozen=True)
class Rules:
    """How a federation is run.

    Attributes:
        name: of the scenario.
        description: in a sentence.
        start: local time at which it begins, ISO 8601.
        scheduler: of each machine: "fcfs", "easy" or "conservative".
        policy: by which jobs find their machine: "earliest", "energy" or "carbon".
        patience_h: hours of queue beyond which "energy" and "carbon" pass a machine over.
        warmer_k: by how much the weather is warmer than the sites' climate, K.
        supply_k: by how much the water that cools the nodes is warmer than the plants' set-points, K; what
            the nodes draw doesn't follow it.
        reuse_share: of the heat that a machine gives off at most, that the heating network takes where a site
            has one, all through the year.
        processors_per_node: of a trace, whose jobs count processors.
        qpu_sharing: how hybrid jobs share a quantum computer: "exclusive", "multiplexed" or "malleable".
        calibration_every_h: hours from one calibration of quantum computers to the next; 0: there is none.
        calibration_h: hours that each takes.
        seed: of all that is drawn.

    Raises:
        InputError: if a value is out of range.
    """

    name: str
    description: str = ""
    start: str = "2026-07-06T00:00:00"
    scheduler: str = "easy"
    policy: str = "earliest"
    patience_h: float = 24.0
    warmer_k: float = 0.0
    supply_k: float = 0.0
    reuse_share: float = 0.0
    processors_per_node: int = 1
    qpu_sharing: str = "exclusive"
    calibration_every_h: float = 0.0
    calibration_h: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        choices = {"scheduler": get_args(Scheduler), "policy": POLICIES, "qpu_sharing": SHARINGS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise InputError(f"{name}={getattr(self, name)!r}; choose one of {', '.join(known)}")
        if not self.patience_h >= 0:
            raise InputError(f"patience_h={self.patience_h:g}; at least 0 is wanted")
        if not 0 <= self.reuse_share <= 1:
            raise InputError(f"reuse_share={self.reuse_share:g}; 0 to 1 is wanted")
        if self.processors_per_node < 1:
            raise InputError(f"processors_per_node={self.processors_per_node}; at least 1 is wanted")
        if not (0 <= self.calibration_h < self.calibration_every_h or self.calibration_h == 0):
            raise InputError(
                f"calibration_h={self.calibration_h:g}; less than calibration_every_h="
                f"{self.calibration_every_h:g} is wanted"
            )
        try:
            datetime.fromisoformat(self.start)
        except ValueError:
            raise InputError(f"start={self.start!r}; ISO 8601 is wanted, as 2026-07-06T00:00") from None


@dataclass(frozen=True)
class Scenario:
    """A federation and what is asked of it.

    Attributes:
        rules: how it is run.
        catalogue: of all places and machines, those of the scenario's own file among them.
        machines: those that take part.
        work: what is to be done.
        labels: shares of the jobs that are bound to zones; the rest may run anywhere.
        closures: nodes that are shut for a time.
        weather: a user's own, by site; the others have their climate.
        carbon: a user's own, by country; the others have their mean of a year.
    """

    rules: Rules
    catalogue: Catalogue
    machines: tuple[Machine, ...]
    work: tuple[Work, ...]
    labels: tuple[Label, ...] = ()
    closures: tuple[Closure, ...] = ()
    weather: Mapping[str, WeatherSeries] = field(default_factory=dict)
    carbon: Mapping[str, CarbonSeries] = field(default_factory=dict)


def list_scenarios() -> list[str]:
    """Return the names of the shipped scenarios."""
    return list(shipped("scenarios"))


def read_scenario(source: str | Path = "federation") -> Scenario:
    """Return a shipped scenario by name, or one from a TOML file as in `data/cluster/scenarios`.

    Its key `catalogue` names a file of sites and machines of its own, as `read_catalogue` takes them; tables
    `[weather]` (by site) and `[carbon]` (by country) name CSV files, as `read_weather` and `read_carbon` do.

    Raises:
        InputError: if there is none, or it makes no sense; names the file and the value.
    """
    path = Path(source)
    if path.suffix != ".toml":
        paths = shipped("scenarios")
        if str(source) not in paths:
            raise InputError(f"no scenario {str(source)!r}; give a .toml file or one of {', '.join(paths)}")
        path = paths[str(source)]
    table = read_toml(path)
    extra = table.pop("catalogue", None)
    if not (extra is None or isinstance(extra, str)):
        raise InputError(f"{path}: catalogue={extra!r}; the path of a TOML file, from here, is wanted")
    catalogue = read_catalogue(None if extra is None else path.parent / extra)
    names = table.pop("machines", None)
    if not isinstance(names, list) or not names:
        raise InputError(f"{path}: machines={names!r}; a list of at least one machine is wanted")
    work = tuple(record(Work, part, f"{path}: [[work]]") for part in _tables(table, "work", path) or [{}])
    labels = tuple(_label(part, f"{path}: [[label]]") for part in _tables(table, "label", path))
    closures = tuple(
        record(Closure, part, f"{path}: [[closure]]") for part in _tables(table, "closure", path)
    )
    weather = {site: read_weather(file) for site, file in _files(table, "weather", path)}
    carbon = {country: read_carbon(file) for country, file in _files(table, "carbon", path)}
    rules = record(Rules, table, str(path))
    if len(set(map(str, names))) < len(names):
        raise InputError(f"{path}: machines={names!r}; each is wanted once")
    for name in [*names, *(closure.machine for closure in closures)]:
        if name not in catalogue.machines:
            raise InputError(f"{path}: no machine {name!r}; known are {', '.join(catalogue.machines)}")
    for closure in closures:
        if closure.machine not in names:
            raise InputError(f"{path}: [[closure]] {closure.machine!r} isn't among the scenario's machines")
    if sum(label.share for label in labels) > 1 + 1e-9:
        raise InputError(
            f"{path}: the labels' shares add up to {sum(label.share for label in labels):g}; at most 1"
        )
    machines = tuple(catalogue.machines[name] for name in names)
    for machine in machines:
        _check_machine(machine, path)
    for part in work:
        if part.kind not in {machine.kind for machine in machines}:
            raise InputError(f"{path}: [[work]] is for kind {part.kind!r}; no machine of the scenario is")
    sites = [catalogue.sites[machine.site] for machine in machines]
    for key, given, known in (
        ("weather", weather, {site.name for site in sites}),
        ("carbon", carbon, {site.country for site in sites}),
    ):
        for name in given:
            if name not in known:
                raise InputError(f"{path}: {key} of {name!r}; the scenario's are {', '.join(sorted(known))}")
    if weather and rules.warmer_k:
        raise InputError(
            f"{path}: warmer_k={rules.warmer_k:g} changes climates, not your own weather; leave one out"
        )
    return Scenario(rules, catalogue, machines, work, labels, closures, weather, carbon)


def _tables(table: dict[str, Any], key: str, path: Path) -> list[Any]:
    found = table.pop(key, [])
    if not isinstance(found, list):
        raise InputError(f"{path}: {key}={found!r}; tables headed [[{key}]] are wanted")
    return found


def _files(table: dict[str, Any], key: str, path: Path) -> list[tuple[str, Path]]:
    """Return names with files, whose paths are taken from the scenario's folder."""
    found = table.pop(key, {})
    if not isinstance(found, dict) or not all(isinstance(file, str) for file in found.values()):
        raise InputError(f"{path}: {key}={found!r}; a table [{key}] of names and CSV files is wanted")
    return [(name, path.parent / file) for name, file in found.items()]


def _label(table: Any, where: str) -> Label:
    if not isinstance(table, dict) or not isinstance(table.get("zone"), list):
        raise InputError(f"{where}: {table!r}; share and a list of jurisdictions as zone are wanted")
    rest = {key: value for key, value in table.items() if key != "zone"}
    return record(Label, rest, where, zone=frozenset(map(str, table["zone"])))


def _check_machine(machine: Machine, path: Path) -> None:
    for name in ("nodes", "node_power_idle_w", "node_power_peak_w"):
        if getattr(machine, name) is None:
            raise InputError(f"{path}: {machine.name} has no figure for {name}: no work can be placed there")
