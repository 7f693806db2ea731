import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest

from labkit.energy._gpu import Gpu, gpus
from labkit.energy._machine import Machine
from labkit.energy._processor import Interval

HOST = Machine("", sockets=1, threads=4, virtual="", container="")
CONTAINER = Machine("", sockets=1, threads=4, virtual="", container="docker")


@dataclass
class Nvml:
    """A driver as NVML shows it: 300 W, by counter or by power, and who used it."""

    counter: bool = True
    energy_mj: int = 1_000_000
    power_mw: int = 300_000
    samples: list[SimpleNamespace] | None = field(default_factory=list)
    NVMLError = pynvml.NVMLError
    NVML_SUCCESS = pynvml.NVML_SUCCESS
    NVML_ERROR_NOT_FOUND = pynvml.NVML_ERROR_NOT_FOUND

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "NVIDIA H100"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        if not self.counter:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return self.energy_mj

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        return self.power_mw

    def nvmlDeviceGetProcessUtilization(self, handle: str, since: int) -> list[SimpleNamespace]:
        if self.samples is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        fresh = [s for s in self.samples if s.timeStamp > since]
        if not fresh:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return fresh


def _sample(time_us: int, pid: int, percent: int) -> SimpleNamespace:
    return SimpleNamespace(timeStamp=time_us, pid=pid, smUtil=percent)


OURS = Interval(seconds=10, tree_s=10, share=1.0, pids=frozenset({7, 8}))


def test_the_energy_counter_by_our_share_of_its_time() -> None:
    driver = Nvml(samples=[_sample(1, 7, 90)])
    gauge = Gpu(driver, "gpu", HOST)
    assert gauge.method == "NVML, energy counter of NVIDIA H100 (× our share of its time)"
    driver.energy_mj += 3_000_000
    driver.samples = [_sample(1, 7, 90), _sample(2, 7, 20), _sample(2, 8, 10), _sample(2, 99, 60)]
    assert gauge.used(OURS) == pytest.approx((1000, 100))  # 3 kJ, 30 of 90; what was before doesn't count
    driver.energy_mj += 700_000
    assert gauge.used(OURS)[0] == 0  # nobody used it


def test_without_a_counter_power_is_integrated() -> None:
    driver = Nvml(counter=False, samples=[])
    gauge = Gpu(driver, "gpu", CONTAINER)
    driver.power_mw = 500_000
    assert gauge.used(OURS) == pytest.approx((4000, 800))  # 10 s at 400 W on average
    assert gauge.method == "NVML, power at samples of NVIDIA H100 (whole device, whoever used it)"


def test_the_whole_device_where_processes_are_not_told() -> None:
    driver = Nvml(samples=None)
    gauge = Gpu(driver, "gpu", HOST)
    driver.energy_mj += 3_000_000
    assert gauge.used(OURS)[0] == pytest.approx(3000)
    assert "whole device" in gauge.method


def test_nvml_is_loaded_only_where_there_is_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpus(HOST, tmp_path) == ()
    (tmp_path / "nvidiactl").touch()
    with pytest.raises(ImportError):
        gpus(HOST, tmp_path)


def test_a_driver_that_does_not_answer_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "nvidiactl").touch()
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a driver that answers")
    assert gpus(HOST, tmp_path) == ()
    assert "GPUs aren't metered" in caplog.text
