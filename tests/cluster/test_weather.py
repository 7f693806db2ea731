from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._weather import (
    climate_from_latitude,
    climate_from_means,
    read_weather,
    site_climate,
    wet_bulb_c,
)
from labkit.errors import InputError

DAY_S = 86400.0


# ASHRAE's psychrometric chart at sea level; AHRI 210/240's rating conditions are the second and third.
@pytest.mark.parametrize(
    ("dry", "humidity", "wet"), [(20, 50, 13.8), (26.7, 51.1, 19.4), (35, 40, 24.0), (15, 100, 15)]
)
def test_wet_bulb_is_that_of_the_chart(dry: float, humidity: float, wet: float) -> None:
    assert wet_bulb_c(dry, humidity) == pytest.approx(wet, abs=0.2)


def test_a_climate_gives_back_the_months_that_it_was_made_of() -> None:
    climate = climate_from_means(january_c=1, july_c=21, daily_k=5, january_rh=80, july_rh=64)
    year = climate.at(datetime(2027, 1, 1), np.arange(0, 365.25 * DAY_S, 3600))
    july = climate.at(datetime(2027, 7, 20), np.arange(0, DAY_S, 3600))
    assert year.dry_c.mean() == pytest.approx(11, abs=0.01)
    assert july.dry_c.mean() == pytest.approx(21, abs=0.05)
    assert july.dry_c.max() - july.dry_c.min() == pytest.approx(10, abs=0.1)
    assert july.dry_c.argmax() == 15  # o'clock
    assert july.wet_c.mean() == pytest.approx(float(wet_bulb_c(21, 64)), abs=0.05)


def test_a_start_within_the_day_moves_the_hours() -> None:
    climate = site_climate("Bologna")
    noon = climate.at(datetime(2027, 7, 1, 12), [0.0])
    assert noon.dry_c == pytest.approx(climate.at(datetime(2027, 7, 1), [DAY_S / 2]).dry_c)


@pytest.mark.parametrize("place", ["Kajaani", "Barcelona", "Athens", "Guimaraes"])
def test_the_wet_bulb_never_exceeds_the_dry(place: str) -> None:
    weather = site_climate(place).at(datetime(2027, 1, 1), np.arange(0, 366 * DAY_S, 3600))
    assert np.all(weather.wet_c <= weather.dry_c)


def test_the_north_is_colder_and_says_what_it_rests_on() -> None:
    south, north = climate_from_latitude(38), climate_from_latitude(65)
    assert south.dry_mean_c > north.dry_mean_c + 8
    assert south.wet_mean_c > north.wet_mean_c + 8
    assert north.basis.startswith("assumed: a line by latitude")


def test_a_users_series_is_interpolated_between_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("time,dry_bulb_c,wet_bulb_c\n2026-07-01T00:00Z,20,14\n2026-07-01T02:00Z,30,18\n")
    series = read_weather(path)
    weather = series.at(datetime(2026, 7, 1, 0, 30, tzinfo=UTC), [0.0, 1800.0])
    assert weather.dry_c.tolist() == [22.5, 25]
    assert weather.wet_c.tolist() == [15, 16]
    with pytest.raises(
        InputError, match=r"w\.csv: days 0 to 0\.125 after 2026-07-01 00:00 .* covers 0\.0833"
    ):
        series.at(datetime(2026, 7, 1), [0.0, 3 * 3600.0])


def test_a_series_may_give_the_humidity_instead(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("time,dry_bulb_c,relative_humidity\n2026-07-01,20,50\n")
    assert read_weather(path).weather.wet_c == pytest.approx([13.8], abs=0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,dry_bulb_c\n2026-07-01,20\n", "no column wet_bulb_c nor relative_humidity"),
        ("time,dry_bulb_c,wet_bulb_c\n2026-07-01,20,21\n", "row 1: wet_bulb_c=21 is above dry_bulb_c=20"),
        ("time,dry_bulb_c,relative_humidity\n2026-07-01,20,0\n", "row 1: relative_humidity=0; percent"),
    ],
)
def test_weather_that_cannot_be_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_weather(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"july_rh": 130}, "july_rh=130"),
        ({"january_c": 280}, "january_c=280"),
        ({"daily_k": -1}, "daily_k=-1"),
    ],
)
def test_means_that_cannot_be_are_told(change: dict[str, float], said: str) -> None:
    means = {"january_c": 1.0, "july_c": 20.0, "daily_k": 5.0, "january_rh": 80.0, "july_rh": 60.0} | change
    with pytest.raises(InputError, match=said):
        climate_from_means(**means)


def test_a_place_that_isnt_shipped_has_the_climate_of_its_latitude() -> None:
    assert site_climate("Oslo", 59.9) == climate_from_latitude(59.9)
    assert site_climate("Kajaani", 59.9) == site_climate("Kajaani")


def test_an_unknown_place_is_told() -> None:
    with pytest.raises(InputError, match="climate of 'Paris' isn't known; choose one of Athens, Barcelona"):
        site_climate("Paris")
    with pytest.raises(InputError, match="latitude=-33; 35 to 70"):
        climate_from_latitude(-33)
