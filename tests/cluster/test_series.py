from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._series import interval_edges, read_series, step_means
from labkit.errors import InputError


def test_means_of_a_step_function_are_those_worked_by_hand() -> None:
    # 0 before 10 s, 4 from 10 to 25 s, 1 to 25 + 5 s, then 0; in steps of 20 s
    means = step_means(
        np.array([10.0, 25.0, 30.0]), np.array([4.0, 1.0, 0.0]), np.array([0.0, 20.0, 40.0, 50.0])
    )
    assert means == pytest.approx([40 / 20, (20 + 5) / 20, 0])


def test_two_steps_at_one_time_count_as_the_last() -> None:
    means = step_means(np.array([0.0, 5.0, 5.0]), np.array([1.0, 9.0, 3.0]), np.array([0.0, 10.0]))
    assert means == pytest.approx([(5 + 15) / 10])


def test_steps_fill_the_period_with_a_shorter_last_one() -> None:
    assert interval_edges(0, 50, 20).tolist() == [0, 20, 40, 50]
    assert interval_edges(5, 45, 20).tolist() == [5, 25, 45]


@pytest.mark.parametrize(("period", "said"), [((0, 0, 1), "is empty"), ((0, 1, 0), "step_s=0")])
def test_an_empty_period_or_step_is_told(period: tuple[float, float, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        interval_edges(*period)


def test_a_series_may_have_time_zones(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("time,x\n2026-07-01T02:00+02:00,1\n2026-07-01T01:00,2.5\n")
    series = read_series(path, ("x",))
    assert series.start == datetime(2026, 7, 1, tzinfo=UTC)
    assert series.times_s.tolist() == [0, 3600]
    assert series.columns["x"].tolist() == [1, 2.5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,y\n2026-07-01,1\n", "column 'x' is missing; it has time, y"),
        ("", "column 'time' is missing; it has none"),
        ("time,x\n", "has no rows"),
        ("time,x\n2026-07-01,1\nyesterday,2\n", "line 3: time 'yesterday' isn't ISO 8601"),
        ("time,x\n2026-07-01,1\n2026-07-02,warm\n", "line 3: x='warm'; a finite number"),
        ("time,x\n2026-07-01,1\n2026-07-02\n", "line 3: x=None; a finite number"),
        ("time,x\n2026-07-01,nan\n", "line 2: x='nan'; a finite number"),
        ("time,x\n2026-07-02,1\n2026-07-01,2\n", "2026-07-01T00:00:00.00:00 isn't after the row before"),
    ],
)
def test_a_bad_line_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_series(path, ("x",))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: can't be read"):
        read_series(tmp_path / "none.csv", ("x",))
