import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.energy import Meter, _meter

BUSY = "import time\nwhile time.process_time() < 0.6: pass"


@pytest.fixture
def no_rapl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_meter, "_RAPL", tmp_path)
    _meter._watts_per_core.cache_clear()
    monkeypatch.setattr(_meter, "_watts_per_core", _meter._watts_per_core.__wrapped__)


def _domain(folder: Path, number: str, name: str, micro_joule: int, limit: int = 10**12) -> Path:
    domain = folder / f"intel-rapl:{number}"
    domain.mkdir()
    for file, value in (("name", name), ("energy_uj", micro_joule), ("max_energy_range_uj", limit)):
        (domain / file).write_text(f"{value}\n")
    return domain


def test_rapl_counters_are_summed_and_their_wrap_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_meter, "_RAPL", tmp_path)
    limit = 262_143_328_850  # of a real machine, µJ
    first = _domain(tmp_path, "0", "package-0", limit - 1_000_000_000, limit)
    second = _domain(tmp_path, "1", "package-1", 5_000_000, limit)
    parts = [_domain(tmp_path, "0:0", "core", 0), _domain(tmp_path, "2", "psys", 0)]
    with Meter() as meter, meter.stage("docking"):
        (first / "energy_uj").write_text("2600000000")  # wrapped: 3.6 kJ on
        (second / "energy_uj").write_text("7205000000")  # 7.2 kJ on
        for part in parts:  # counted in the packages already, or counting them again
            (part / "energy_uj").write_text("999999999999")
    assert meter.energy_wh == pytest.approx(1 + 2)  # 3600 J are 1 Wh
    assert meter.stages["docking"].energy_wh == pytest.approx(3)
    assert meter.method.startswith("RAPL")
    assert meter.total.uncertainty_wh == pytest.approx(0.3)


def test_a_counter_may_wrap_again_between_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_meter, "_RAPL", tmp_path)
    package = _domain(tmp_path, "0", "package-0", 90, 100)
    with Meter() as meter:
        for count in (10, 80, 20):  # 20 + 70 + 40 µJ
            with meter.stage("s"):
                (package / "energy_uj").write_text(str(count))
    assert meter.stages["s"].energy_wh == pytest.approx(130 / 3.6e9)


@pytest.mark.usefixtures("no_rapl")
def test_a_busy_child_process_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_meter, "_rated_power", lambda: {})
    with Meter() as meter:
        before = _meter.cpu_seconds()
        child = subprocess.Popen([sys.executable, "-c", BUSY + "\nimport sys; sys.stdin.read()"], stdin=-1)
        while _meter.cpu_seconds() - before < 0.5:  # counted while it lives
            time.sleep(0.05)
        child.communicate(b"")
    # At least what it burnt by its own clock, and no more than a little start-up on top.
    assert 0.5 < _meter.cpu_seconds() - before < 3
    assert 0.5 * 8 / 3600 < meter.energy_wh < 3 * 8 / 3600


@pytest.mark.usefixtures("no_rapl")
@pytest.mark.parametrize(
    ("cpu", "virtual", "said"),
    [
        ("Imaginary 9000", False, "assumed 8 W a core (Imaginary 9000, rated power unknown)"),
        ("", False, "assumed 8 W a core (unknown CPU, rated power unknown)"),
        ("AMD EPYC 9654", True, "assumed 8 W a core (AMD EPYC 9654, virtual machine)"),
    ],
)
def test_an_assumed_power_says_so(
    monkeypatch: pytest.MonkeyPatch, cpu: str, virtual: bool, said: str
) -> None:
    monkeypatch.setattr(_meter, "_cpu", lambda: (cpu, virtual))
    with Meter() as meter:
        sum(range(8_000_000))
    assert meter.method == f"{said} × CPU time"
    assert meter.total.uncertainty_wh == pytest.approx(0.75 * meter.energy_wh) and meter.energy_wh > 0


@pytest.mark.usefixtures("no_rapl")
def test_a_known_cpu_is_metered_with_its_rated_power(monkeypatch: pytest.MonkeyPatch) -> None:
    # AMD's data sheet: EPYC 9654, 96 cores, 360 W.
    monkeypatch.setattr(_meter, "_cpu", lambda: ("AMD EPYC 9654", False))
    monkeypatch.setattr(_meter.psutil, "cpu_count", lambda logical=True: 96)
    meter = Meter()
    assert meter.method == "rated power of AMD EPYC 9654 (360 W / 96 cores) × CPU time"
    assert _meter._watts_per_core()[0] == pytest.approx(3.75)


@pytest.mark.usefixtures("no_rapl")
def test_stages_add_up() -> None:
    with Meter() as meter:
        for _ in range(2):
            with meter.stage("one"):
                sum(range(1_000_000))
        with pytest.raises(KeyError), meter.stage("failing"):
            sum(range(1_000_000))
            raise KeyError
    assert set(meter.stages) == {"one", "failing"}
    assert all(use.energy_wh >= 0 and use.seconds > 0 for use in meter.stages.values())
    assert sum(use.energy_wh for use in meter.stages.values()) <= meter.energy_wh
    assert sum(use.seconds for use in meter.stages.values()) <= meter.total.seconds
    total = meter.total
    sum(range(1_000_000))
    assert meter.total == total  # left is left


def test_a_meter_that_was_not_entered_says_how() -> None:
    with pytest.raises(RuntimeError, match="with Meter"):
        _ = Meter().energy_wh
