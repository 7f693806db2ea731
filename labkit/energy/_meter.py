"""The energy meter: what this process and its children use, in all and by named stage."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from labkit.energy._gpu import gpus
from labkit.energy._machine import read_machine
from labkit.energy._processor import Gauge, Interval, processor

log = logging.getLogger("labkit")

# Samples are taken this many times less often than they cost: at most 0.5 % of a core. Often enough for a
# GPU's power, and before a counter wraps twice (65 kJ: after two minutes of 500 W).
_REST = 200
_PERIOD_S = (1.0, 60.0)
_SHARE_S = 0.1  # CPU times move in steps of 10 ms: a share of them isn't taken over less than this


@dataclass(frozen=True)
class Use:
    """What a stage used: wall time (s), energy (Wh), its uncertainty (Wh) and how it was obtained.

    The truth is meant to lie within the uncertainty at least four times in five.
    """

    seconds: float
    energy_wh: float
    uncertainty_wh: float
    method: str

    def __add__(self, other: Use) -> Use:
        # One method errs the same way each time: uncertainties add up linearly.
        return self._combined(other, 1)

    def __sub__(self, other: Use) -> Use:
        return self._combined(other, -1)

    def _combined(self, other: Use, sign: int) -> Use:
        return Use(
            self.seconds + sign * other.seconds,
            self.energy_wh + sign * other.energy_wh,
            self.uncertainty_wh + sign * other.uncertainty_wh,
            self.method or other.method,
        )


class Meter:
    """Measures the energy of this process and its children while it is entered.

    Processes on other machines aren't counted, nor are disks, fans and the loss of the power supply.

    Attributes:
        stages: what each named stage used; a stage entered twice adds up.
    """

    def __init__(self) -> None:
        machine = read_machine()
        self._gauges: list[Gauge] = [processor(machine), *gpus(machine)]
        self._lost = ""
        self.stages: dict[str, Use] = {}
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._start: Use | None = None
        self._total: Use | None = None
        self._last = self._marked = _clocks()
        self._share = 1.0
        self._sum = Use(0.0, 0.0, 0.0, "")

    @property
    def method(self) -> str:
        """How energy is obtained on this machine, one line."""
        return " + ".join(gauge.method for gauge in self._gauges) + self._lost

    def __enter__(self) -> Meter:
        self._start, self._total = self._sample(), None
        self._left.clear()
        threading.Thread(target=self._watch, name="meter", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._total = self.total
        self._left.set()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Books what is used inside under a name."""
        start = self._sample()
        try:
            yield
        finally:
            use = self._sample() - start
            self.stages[name] = use + self.stages[name] if name in self.stages else use

    @property
    def total(self) -> Use:
        """What was used since the meter was entered, or between entering and leaving."""
        if self._start is None:
            raise RuntimeError("the meter was not entered: use `with Meter() as meter:`")
        return self._total or self._sample() - self._start

    @property
    def energy_wh(self) -> float:
        """Energy since the meter was entered, Wh."""
        return self.total.energy_wh

    def _watch(self) -> None:
        period = 0.0
        while not self._left.wait(min(max(period, _PERIOD_S[0]), _PERIOD_S[1])):
            before = time.thread_time()
            self._sample()
            period = _REST * (time.thread_time() - before)

    def _sample(self) -> Use:
        """Everything since the meter was made."""
        with self._lock:
            last, self._last = self._last, _clocks()
            past = self._last.since(self._marked)
            if past.time >= _SHARE_S:
                # They are read one after the other, so ours may seem to be more than all.
                self._share = past.tree_s / max(past.tree_s, past.busy_s, 1e-9)
                self._marked = self._last
            now = self._last.since(last)
            interval = Interval(now.time, now.tree_s, self._share, now.pids)
            joule = error = 0.0
            for gauge in tuple(self._gauges):
                try:
                    used = gauge.used(interval)
                except Exception as fault:  # a meter that fails must not end what it measures
                    log.warning("energy is metered no more by %s: %s", gauge.method, fault)
                    self._gauges.remove(gauge)
                    self._lost += f" ({gauge.method} fell silent)"
                    continue
                joule, error = joule + used[0], error + used[1]
            self._sum += Use(interval.seconds, joule / 3600, error / 3600, "")
            return Use(self._sum.seconds, self._sum.energy_wh, self._sum.uncertainty_wh, self.method)


@dataclass(frozen=True)
class _Clocks:
    """Time, CPU time of our processes and of all processes of the machine, s; our processes' numbers."""

    time: float
    tree_s: float
    busy_s: float
    pids: frozenset[int]

    def since(self, then: _Clocks) -> _Clocks:
        # A process whose parent died first takes its time with it: never count backwards.
        tree_s, busy_s = max(self.tree_s - then.tree_s, 0.0), max(self.busy_s - then.busy_s, 0.0)
        return _Clocks(self.time - then.time, tree_s, busy_s, self.pids)


def _clocks() -> _Clocks:
    tree_s, pids = _tree()
    times = psutil.cpu_times()
    busy_s = sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq"))
    return _Clocks(time.monotonic(), tree_s, busy_s, pids)


def _tree() -> tuple[float, frozenset[int]]:
    """CPU time of this process, its live descendants and its ended children, s; and their numbers."""
    own = os.times()
    while True:
        children = psutil.Process().children(recursive=True)
        total = 0.0
        for child in children:
            try:
                used = child.cpu_times()
            except psutil.Error:  # it ended in this moment
                continue
            total += used.user + used.system + used.children_user + used.children_system
        before, own = own, os.times()
        ended = own.children_user + own.children_system
        if ended == before.children_user + before.children_system:
            # No child passed from the living to the ended meanwhile: none is missed or counted twice.
            return total + own.user + own.system + ended, frozenset((os.getpid(), *(c.pid for c in children)))
