import itertools
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from labkit.energy import Meter, _meter
from labkit.energy._machine import Machine
from labkit.energy._processor import Rapl, Rated, processor
from labkit.store import write_atomically
from tests.energy.test_processor import domain

BUSY = "import time\nwhile time.process_time() < 0.6: pass"
UNKNOWN = Machine("Imaginary 9000", sockets=1, threads=4, virtual="", container="")


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_meter, "processor", lambda machine: Rated(UNKNOWN))


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes, and all of it is ours."""
    monkeypatch.setattr(_meter, "_clocks", lambda: _meter._Clocks(0.0, 0.0, 0.0, frozenset()))


@pytest.mark.usefixtures("still")
def test_rapl_is_metered_in_watt_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = domain(tmp_path, "0", "package-0", 0)
    second = domain(tmp_path, "1", "package-1", 5_000_000_000)
    monkeypatch.setattr(_meter, "processor", lambda machine: processor(machine, tmp_path))
    with Meter() as meter, meter.stage("docking"):
        (first / "energy_uj").write_text("3600000000")  # 3.6 kJ on
        (second / "energy_uj").write_text("12200000000")  # 7.2 kJ on
    assert meter.energy_wh == pytest.approx(1 + 2)  # 3600 J are 1 Wh
    assert meter.stages["docking"].energy_wh == pytest.approx(3)
    assert meter.method == "RAPL (2 packages) × our share of the machine's CPU time"
    assert meter.total.uncertainty_wh == pytest.approx(0.3)


@pytest.mark.usefixtures("rated")
def test_a_busy_loop_takes_more_than_rest() -> None:
    with Meter() as meter:
        with meter.stage("rest"):
            time.sleep(0.5)
        with meter.stage("busy"):
            start = time.process_time()
            while time.process_time() - start < 0.5:
                pass
    rest, busy = meter.stages["rest"], meter.stages["busy"]
    # By hand: 4 threads × 8 W, of which 0.752 at full load: 6 W a busy thread, besides a part of the rest.
    assert 0.9 * 0.5 * 8 * 0.752 < busy.energy_wh * 3600 < 0.5 * 8 * 0.752 + 0.112 * 32 * busy.seconds + 0.5
    assert busy.energy_wh > 5 * max(rest.energy_wh - 0.112 * 32 * rest.seconds / 3600, 0)
    assert 0 <= rest.energy_wh < busy.energy_wh
    assert busy.uncertainty_wh > 0.75 * busy.energy_wh  # an assumed rating


@pytest.mark.usefixtures("rated")
def test_a_child_process_is_counted_while_it_lives_and_after() -> None:
    before, _ = _meter._tree()
    child = subprocess.Popen([sys.executable, "-c", BUSY + "\nimport sys; sys.stdin.read()"], stdin=-1)
    while _meter._tree()[0] - before < 0.5:
        time.sleep(0.05)
    assert child.pid in _meter._tree()[1]
    child.communicate(b"")
    # At least what it burnt by its own clock, and no more than a little start-up on top.
    assert 0.5 < _meter._tree()[0] - before < 3


def test_a_child_that_ends_while_it_is_counted_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    child = SimpleNamespace(
        pid=7, cpu_times=lambda: SimpleNamespace(user=5, system=0, children_user=0, children_system=0)
    )
    own = iter(os.times_result((1.0, 0.0, ended, 0.0, 0.0)) for ended in (0.0, 5.0, 5.0))
    living = iter([[child], []])
    monkeypatch.setattr(_meter.os, "times", lambda: next(own))
    monkeypatch.setattr(_meter.psutil.Process, "children", lambda self, recursive: next(living))
    assert _meter._tree()[0] == 1 + 5


def test_another_s_load_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = domain(tmp_path, "0", "package-0", 0)
    monkeypatch.setattr(_meter, "processor", lambda machine: processor(machine, tmp_path))
    readings = iter(
        _meter._Clocks(time=t, tree_s=tree, busy_s=busy, pids=frozenset({1}))
        for t, tree, busy in [(0, 5, 100), (0, 5, 100), (10, 15, 140), (20, 15, 150), (20, 15, 150)]
    )
    monkeypatch.setattr(_meter, "_clocks", lambda: next(readings))
    monkeypatch.setattr(_meter.threading.Thread, "start", lambda thread: None)
    meter = Meter()
    with meter:
        (package / "energy_uj").write_text("1000000000")
        meter._sample()  # 1 kJ; a quarter of the CPU time was ours
        (package / "energy_uj").write_text("3000000000")
        meter._sample()  # 2 kJ, none of the time ours
    assert meter.energy_wh * 3600 == pytest.approx(250)
    # 10 % of RAPL, and half of the three quarters that others had.
    assert meter.total.uncertainty_wh * 3600 == pytest.approx(math.hypot(0.1, 0.375) * 250)


@pytest.mark.usefixtures("rated")
def test_stages_add_up_to_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    # Ten seconds pass from reading to reading, half of the machine's 10 busy seconds are ours.
    readings = (
        _meter._Clocks(10.0 * n, tree_s=5.0 * n, busy_s=10.0 * n, pids=frozenset()) for n in itertools.count()
    )
    monkeypatch.setattr(_meter, "_clocks", lambda: next(readings))
    monkeypatch.setattr(_meter.threading.Thread, "start", lambda thread: None)
    with Meter() as meter:
        for name in ("one", "two", "one"):
            with meter.stage(name):
                meter._sample()
        with pytest.raises(KeyError), meter.stage("failing"):
            raise KeyError
    total = meter.total
    assert meter.total == total  # left is left
    booked = meter.stages["one"] + meter.stages["two"] + meter.stages["failing"]
    assert {name: use.seconds for name, use in meter.stages.items()} == {"one": 40, "two": 20, "failing": 10}
    # 32 W: half of the power at rest, and our own rise; for 12 intervals, 7 of them in stages.
    joule = 32 * (0.112 * 10 / 2 + 0.752 * 5 / 4)
    assert total.energy_wh == pytest.approx(12 * joule / 3600)
    assert booked.energy_wh == pytest.approx(7 * joule / 3600)
    outside = total - booked
    assert (outside.seconds, outside.energy_wh) == pytest.approx((50, 5 * joule / 3600))
    assert booked.uncertainty_wh == pytest.approx(7 / 12 * total.uncertainty_wh)


@pytest.mark.usefixtures("rated")
def test_metering_costs_less_than_a_hundredth_of_a_core() -> None:
    with Meter():
        time.sleep(0.2)
        (thread,) = (t for t in threading.enumerate() if t.name == "meter")
        cost = {t.id: t.user_time + t.system_time for t in psutil.Process().threads()}[thread.native_id]
        start = time.thread_time()
        for _ in range(20):
            _meter._clocks()
        sample_s = (time.thread_time() - start) / 20
        # A sample at most once a second, and at most every 200th of what it costs.
        assert sample_s / max(_meter._PERIOD_S[0], _meter._REST * sample_s) < 0.01
        time.sleep(2)
        cost = {t.id: t.user_time + t.system_time for t in psutil.Process().threads()}[
            thread.native_id
        ] - cost
        assert cost <= 0.02  # of 2 s; Linux counts in steps of 0.01 s


@pytest.mark.usefixtures("still")
def test_a_counter_that_wraps_twice_within_a_stage_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = domain(tmp_path, "0", "package-0", 0, limit=3_600_000_000)
    monkeypatch.setattr(_meter, "processor", lambda machine: Rapl([package]))
    monkeypatch.setattr(_meter, "_PERIOD_S", (0.005, 0.01))
    with Meter() as meter, meter.stage("long"):
        for count in (2000, 400, 2800, 1200):  # 2, 2, 2.4 and 2 kJ on
            before = meter.total.energy_wh
            write_atomically(package / "energy_uj", f"{count}000000")
            while meter._sum.energy_wh == before:
                time.sleep(0.005)
    assert meter.stages["long"].energy_wh * 3600 == pytest.approx(8400)


@pytest.mark.usefixtures("still")
def test_a_gauge_that_falls_silent_ends_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    package = domain(tmp_path, "0", "package-0", 0)
    monkeypatch.setattr(_meter, "processor", lambda machine: Rapl([package]))
    with Meter() as meter:
        with meter.stage("before"):
            (package / "energy_uj").write_text("3600000000")
        (package / "energy_uj").unlink()
        with meter.stage("after"):
            pass
    assert meter.energy_wh == pytest.approx(1)
    assert "fell silent" in meter.method and "RAPL" in caplog.text
    assert meter.stages["after"].energy_wh == 0 and "fell silent" in meter.stages["after"].method


def test_a_meter_that_was_not_entered_says_how() -> None:
    with pytest.raises(RuntimeError, match="with Meter"):
        _ = Meter().energy_wh
