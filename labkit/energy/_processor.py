"""Energy of the processors that goes to our processes: by RAPL, or modelled from their rated power."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Protocol

from labkit.energy._machine import Machine, rated_power

POWERCAP = Path("/sys/class/powercap")

# Power as a share of rated power, a straight line over load: idle, rise to full load, and half the width of
# the interval that holds another machine's four times in five. benchmarks/load_model.py fits them to three
# machines; a power law misses a machine that was left out by as much.
IDLE, RISE, HALF_WIDTH = 0.112, 0.752, 0.480

# Rated power over logical processors spans 2 W (EPYC 9654: 360 W, 192 threads) to some 14 W (desktop parts
# without hyper-threading); assumed for a CPU that is unknown or shows only a slice of itself.
_ASSUMED_W = 8.0
_ASSUMED_ERROR = 0.75
_RAPL_ERROR = 0.1  # assumed
# Assumed: a second of one process takes up to half more or less than a second of what else runs, by clock,
# width of its instructions, and whether it shares its core.
_UNEVEN = 0.5
_MIRROR_UJ = 1_000_000  # two counters of one register differ by no more than an update or two


@dataclass(frozen=True)
class Interval:
    """What passed between two samples.

    Attributes:
        seconds: wall time.
        tree_s: CPU time of our processes.
        share: of the CPU time of all processes of the machine that is ours, 0 to 1. What serves all, as the
            power at rest, is divided alike, so that the parts of all processes add up to the whole.
        pids: of our processes.
    """

    seconds: float
    tree_s: float
    share: float
    pids: frozenset[int]

    @property
    def unevenness(self) -> float:
        """Relative uncertainty of a division by CPU time; none where all time is ours."""
        return _UNEVEN * (1 - self.share)


class Gauge(Protocol):
    """One source of energy figures."""

    @property
    def method(self) -> str:
        """How energy is obtained and what is counted."""
        ...

    def used(self, interval: Interval) -> tuple[float, float]:
        """Return the energy that our processes used since the last call, and its uncertainty, J."""
        ...


def processor(machine: Machine, powercap: Path = POWERCAP) -> Gauge:
    """Return the best gauge that this machine offers for its processors."""
    counters, locked = _counters(powercap)
    if counters:
        return Rapl(counters)
    return Rated(machine, "; RAPL may be read by root only" if locked else "")


class Rapl:
    """The processors' own energy counters."""

    def __init__(self, counters: Sequence[Path]):
        kinds = ["memory" if _text(c / "name") == "dram" else "packages" for c in counters]
        parts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        self.method = f"RAPL ({parts}) × our share of the machine's CPU time"
        self._counters = {c: (_micro_joule(c), int(_text(c / "max_energy_range_uj"))) for c in counters}

    def used(self, interval: Interval) -> tuple[float, float]:
        """Return what the counters advanced by, our share of it; a counter that wrapped is carried on."""
        micro_joule = 0
        for counter, (old, limit) in self._counters.items():
            new = _micro_joule(counter)
            micro_joule += new - old if new >= old else new - old + limit
            self._counters[counter] = new, limit
        joule = interval.share * micro_joule / 1e6
        return joule, hypot(_RAPL_ERROR, interval.unevenness) * joule


class Rated:
    """The load model on the processors' power rating, or on an assumed one."""

    def __init__(self, machine: Machine, note: str = ""):
        watts = None if machine.virtual else rated_power(machine.cpu)
        self._watts = machine.sockets * watts if watts else machine.threads * _ASSUMED_W
        self._error = 0.0 if watts else _ASSUMED_ERROR
        self._threads = machine.threads
        number = f"{machine.sockets} × " if machine.sockets > 1 else ""
        if watts:
            self.method = f"load model of {machine.cpu}, rated {number}{watts:g} W{note}"
        else:
            why = machine.surroundings if machine.virtual else "rated power unknown"
            self.method = (
                f"load model, assumed {_ASSUMED_W:g} W × {machine.threads} threads "
                f"({machine.cpu or 'unknown CPU'}, {why}){note}"
            )

    def used(self, interval: Interval) -> tuple[float, float]:
        """Return our share of what the model says of the machine."""
        at_rest = interval.share * interval.seconds
        joule = self._watts * (IDLE * at_rest + RISE * interval.tree_s / self._threads)
        relative = hypot(self._error, interval.unevenness)  # independent of each other and of the model
        return joule, hypot(self._watts * HALF_WIDTH * at_rest, relative * joule)


def _counters(powercap: Path) -> tuple[list[Path], bool]:
    """Domains to add up, and whether there are some that may not be read.

    Packages hold their cores and graphics, which are not added; memory ("dram") stands beside its package.
    "psys" is the whole board where its maker wired it so, packages included: left out. Dies of one package
    have counters of their own on some processors, and mirror that of the package on others.
    """
    packages: list[Path] = []
    locked = False
    for domain in sorted(powercap.glob("intel-rapl:*")):
        name = _text(domain / "name")
        if not name.startswith("package"):
            continue
        if not os.access(domain / "energy_uj", os.R_OK):
            locked = True
            continue
        socket = name.partition("-die-")[0]
        dies = [p for p in packages if _text(p / "name").partition("-die-")[0] == socket]
        if not any(_mirrored(die, domain) for die in dies):
            packages.append(domain)
    parts = [part for p in packages for part in sorted(powercap.glob(f"{p.name}:*"))]
    return packages + [part for part in parts if _text(part / "name") == "dram"], locked


def _mirrored(one: Path, other: Path) -> bool:
    """Whether two counters show one register: what is read between two readings of it lies between them."""
    before, between, after = _micro_joule(one), _micro_joule(other), _micro_joule(one)
    return before - _MIRROR_UJ <= between <= after + _MIRROR_UJ


def _micro_joule(domain: Path) -> int:
    return int(_text(domain / "energy_uj"))


def _text(file: Path) -> str:
    return file.read_text().strip()
