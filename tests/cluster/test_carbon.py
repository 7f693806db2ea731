from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._carbon import carbon_t, read_carbon
from labkit.energy import GridCarbon
from labkit.errors import InputError

START = datetime(2026, 7, 1, tzinfo=UTC)


def test_a_gigawatt_hour_at_100_grams_is_a_hundred_tonnes() -> None:
    edges = np.array([0.0, 1800.0, 3600.0])
    assert carbon_t(edges, np.array([0.5e9, 1.5e9]), GridCarbon("XXX", 100, 2026), START) == pytest.approx(
        100
    )


def _hourly(folder: Path) -> Path:
    path = folder / "c.csv"
    path.write_text("time,g_per_kwh\n2026-07-01T00:00Z,100\n2026-07-01T01:00Z,400\n2026-07-01T02:00Z,10\n")
    return path


def test_each_hour_counts_with_its_own_value(tmp_path: Path) -> None:
    series = read_carbon(_hourly(tmp_path))
    # 1 MW for half an hour at 100, then an interval that straddles: half at 400, half at 10 g/kWh
    edges = np.array([1800.0, 3600.0, 3600.0 + 2 * 3600.0])
    assert carbon_t(edges, np.array([1e6, 2e6]), series, START) == pytest.approx(0.05 + 0.8 + 0.02)


def test_the_last_value_holds_an_hour_and_no_longer(tmp_path: Path) -> None:
    series = read_carbon(_hourly(tmp_path))
    carbon_t(np.array([0.0, 3 * 3600.0]), np.array([1.0]), series, START)
    with pytest.raises(InputError, match=r"hours 0 to 3\.5 of them are wanted"):
        carbon_t(np.array([0.0, 3.5 * 3600.0]), np.array([1.0]), series, START)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-07-01,-1\n2026-07-02,1\n", "row 1: g_per_kwh=-1"),
        ("2026-07-01,5\n", "has one row; at least two"),
    ],
)
def test_a_bad_series_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("time,g_per_kwh\n" + text)
    with pytest.raises(InputError, match=said):
        read_carbon(path)
