from pathlib import Path

import pytest

from labkit.campaign._loop import Loop
from labkit.energy import Meter
from labkit.store import Journal


def test_every_stage_is_booked_and_the_rows_add_up_to_the_meter(tmp_path: Path) -> None:
    loop = Loop.__new__(Loop)  # what a stage needs of it
    loop.meter, loop.journal = Meter(), Journal.create(tmp_path / "journal.sqlite")
    with loop.meter:
        for name in ("docking", "learn", "docking"):
            with loop._stage(name):
                sum(range(1_000_000))
        with pytest.raises(KeyboardInterrupt), loop._stage("docking"):
            sum(range(1_000_000))
            raise KeyboardInterrupt
    rows = loop.journal.meter()
    assert [row["stage"] for row in rows] == ["docking", "learn", "docking", "docking"]
    for name, use in loop.meter.stages.items():
        own = [row for row in rows if row["stage"] == name]
        assert sum(row["seconds"] for row in own) == pytest.approx(use.seconds)
        assert sum(row["energy_wh"] for row in own) == pytest.approx(use.energy_wh) and use.energy_wh > 0
        assert all(row["uncertainty_wh"] >= 0 and row["method"] == loop.meter.method for row in own)
    loop.journal.close()
