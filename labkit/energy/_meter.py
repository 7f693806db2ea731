"""A first energy meter: RAPL where the machine offers it, else rated power × CPU time."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from labkit.store import data_path

_RAPL = Path("/sys/class/powercap")
# Rated power over cores spans 3.8 W (EPYC 9654: 360 W, 96 cores) to some 14 W (desktop parts); assumed here
# for a CPU that is unknown or shows only a slice of itself to a virtual machine.
_ASSUMED_W_PER_CORE = 8.0
_ASSUMED_UNCERTAINTY = 0.75
_RATED_UNCERTAINTY = 0.5  # simple load models miss measured power by about half, left-out machines included
_RAPL_UNCERTAINTY = 0.1  # packages only: memory, disks, fans and the supply's loss are not in it


@dataclass(frozen=True)
class Use:
    """What a stage used: wall time (s), energy (Wh), its uncertainty (Wh) and how it was obtained."""

    seconds: float
    energy_wh: float
    uncertainty_wh: float
    method: str


@dataclass(frozen=True)
class _Reading:
    time: float
    energy_wh: float


class Meter:
    """Measures the energy of this process and its children while it is entered.

    Attributes:
        stages: what each named stage used; a stage entered twice adds up.
        method: how energy is obtained on this machine, one line.
    """

    def __init__(self) -> None:
        self.method, self._uncertainty, self._energy_wh = _source()
        self.stages: dict[str, Use] = {}
        self._start: _Reading | None = None
        self._total: Use | None = None

    def __enter__(self) -> Meter:
        self._start = self._read()
        return self

    def __exit__(self, *exception: object) -> None:
        self._total = self._used_since(self._entered())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Books what is used inside under a name."""
        start = self._read()
        try:
            yield
        finally:
            use, before = self._used_since(start), self.stages.get(name)
            if before is not None:
                use = Use(
                    before.seconds + use.seconds,
                    before.energy_wh + use.energy_wh,
                    before.uncertainty_wh + use.uncertainty_wh,  # systematic: adds up linearly
                    self.method,
                )
            self.stages[name] = use

    @property
    def total(self) -> Use:
        """What was used since the meter was entered, or between entering and leaving."""
        return self._total or self._used_since(self._entered())

    @property
    def energy_wh(self) -> float:
        """Energy since the meter was entered, Wh."""
        return self.total.energy_wh

    def _entered(self) -> _Reading:
        if self._start is None:
            raise RuntimeError("the meter was not entered: use `with Meter() as meter:`")
        return self._start

    def _read(self) -> _Reading:
        return _Reading(time.monotonic(), self._energy_wh())

    def _used_since(self, start: _Reading) -> Use:
        now = self._read()
        energy = now.energy_wh - start.energy_wh
        return Use(now.time - start.time, energy, energy * self._uncertainty, self.method)


def _source() -> tuple[str, float, Callable[[], float]]:
    """Method, relative uncertainty, and a counter of Wh."""
    packages = [p for p in sorted(_RAPL.glob("intel-rapl:*")) if _is_readable_package(p)]
    if packages:
        return "RAPL, CPU packages of the whole machine", _RAPL_UNCERTAINTY, _Rapl(packages)
    watts, uncertainty, origin = _watts_per_core()
    return f"{origin} × CPU time", uncertainty, lambda: cpu_seconds() * watts / 3600


def _is_readable_package(domain: Path) -> bool:
    # Other domains are part of a package (core, dram) or hold the packages themselves (psys).
    try:
        is_package = (domain / "name").read_text().startswith("package")
    except OSError:
        return False
    return is_package and os.access(domain / "energy_uj", os.R_OK)


class _Rapl:
    """Sum of the packages' energy counters, Wh, with their wrap undone."""

    def __init__(self, packages: list[Path]):
        self._packages = packages
        self._range = [int((p / "max_energy_range_uj").read_text()) for p in packages]
        self._last = [self._count(p) for p in packages]
        self._total_uj = 0

    @staticmethod
    def _count(package: Path) -> int:
        return int((package / "energy_uj").read_text())

    def __call__(self) -> float:
        now = [self._count(p) for p in self._packages]
        for old, new, limit in zip(self._last, now, self._range, strict=True):
            self._total_uj += new - old if new >= old else new - old + limit
        self._last = now
        return self._total_uj / 3.6e9


def cpu_seconds() -> float:
    """CPU time of this process, its live descendants and its ended children, s."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in psutil.Process().children(recursive=True):
        try:
            used = child.cpu_times()
        except psutil.Error:  # it ended in this moment; its time is in ours now
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


@cache
def _watts_per_core() -> tuple[float, float, str]:
    """Power of one busy core (W), relative uncertainty, and where that comes from."""
    name, virtual = _cpu()
    rated = _rated_power().get(name)
    cores = psutil.cpu_count(logical=False)
    if rated is not None and cores and not virtual:
        return rated / cores, _RATED_UNCERTAINTY, f"rated power of {name} ({rated:g} W / {cores} cores)"
    why = "virtual machine" if virtual else "rated power unknown"
    return (
        _ASSUMED_W_PER_CORE,
        _ASSUMED_UNCERTAINTY,
        f"assumed {_ASSUMED_W_PER_CORE:g} W a core ({name or 'unknown CPU'}, {why})",
    )


def _cpu() -> tuple[str, bool]:
    """The CPU's name and whether this is a virtual machine, as far as Linux tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "", False
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", "").replace("(R)", "").replace("(TM)", "").split(" @ ")[0]
    return name.replace(" CPU", "").removesuffix(" Processor"), "hypervisor" in fields.get(
        "flags", ""
    ).split()


def _rated_power() -> dict[str, float]:
    """Rated power (W) by CPU name; the few entries of the source that are no number are left out."""
    powers: dict[str, float] = {}
    with data_path("energy", "cpu_power.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                powers[row["Name"]] = float(row["TDP"])
            except ValueError:
                continue
    return powers
