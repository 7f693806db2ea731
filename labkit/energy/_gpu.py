"""Energy of NVIDIA's GPUs that goes to our processes, through NVML."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labkit.energy._machine import Machine
from labkit.energy._processor import Gauge, Interval

log = logging.getLogger("labkit")

# Both assumed.
_COUNTER_ERROR = 0.1
_SAMPLED_ERROR = 0.2


def gpus(machine: Machine, devices: Path = Path("/dev")) -> Sequence[Gauge]:
    """Return a gauge for each GPU; none, and NVML isn't loaded, where there is no driver."""
    if not any((devices / name).exists() for name in ("nvidiactl", "dxg")):
        return ()
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError as error:
        log.warning("GPUs aren't metered, NVML says: %s", error)
        return ()
    return [Gpu(pynvml, handle, machine) for handle in handles]


class Gpu:
    """One GPU: its energy counter, or its power at each sample, and who keeps it busy."""

    def __init__(self, nvml: Any, handle: Any, machine: Machine):
        self._nvml, self._handle = nvml, handle
        self._seen_us = 0
        self._counts = self._answers(nvml.nvmlDeviceGetTotalEnergyConsumption)
        self._last = self._read()
        # Inside a container our processes go by other numbers than the driver's.
        self._shares = not machine.container and self._answers(self._busy_by_pid)
        counted = "energy counter" if self._counts else "power at samples"
        scope = "× our share of its time" if self._shares else "whole device, whoever used it"
        self.method = f"NVML, {counted} of {nvml.nvmlDeviceGetName(handle)} ({scope})"

    def used(self, interval: Interval) -> tuple[float, float]:
        """Return what the device used, our share of it where that is told."""
        now = self._read()
        joule = (now - self._last) / 1e3 if self._counts else (now + self._last) / 2e3 * interval.seconds
        self._last = now
        if self._shares:
            busy = self._busy_by_pid(self._handle)
            ours = sum(percent for pid, percent in busy.items() if pid in interval.pids)
            joule *= ours / (sum(busy.values()) or 1)
        return joule, (_COUNTER_ERROR if self._counts else _SAMPLED_ERROR) * joule

    def _read(self) -> int:
        """Energy since the driver was loaded, mJ, or power now, mW."""
        read = "nvmlDeviceGetTotalEnergyConsumption" if self._counts else "nvmlDeviceGetPowerUsage"
        return int(getattr(self._nvml, read)(self._handle))

    def _busy_by_pid(self, handle: Any) -> dict[int, int]:
        """Share of the GPU's time by process since the last call, summed over NVML's samples, %."""
        try:
            samples = self._nvml.nvmlDeviceGetProcessUtilization(handle, self._seen_us)
        except self._nvml.NVMLError as error:
            if error.value in (self._nvml.NVML_SUCCESS, self._nvml.NVML_ERROR_NOT_FOUND):
                return {}  # nobody used it
            raise
        busy: dict[int, int] = {}
        for sample in samples:
            self._seen_us = max(self._seen_us, sample.timeStamp)
            busy[sample.pid] = busy.get(sample.pid, 0) + sample.smUtil
        return busy

    def _answers(self, question: Any) -> bool:
        try:
            question(self._handle)
        except self._nvml.NVMLError:
            return False
        return True
