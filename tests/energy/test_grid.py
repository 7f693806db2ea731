from math import hypot

import pytest

from labkit.energy import GridCarbon, carbon_intensity, local_grid
from labkit.errors import InputError


# Our World in Data, 2023
@pytest.mark.parametrize(("country", "grams"), [("SWE", 41), ("FRA", 56), ("DEU", 381), ("POL", 662)])
def test_carbon_of_a_country(country: str, grams: float) -> None:
    grid = carbon_intensity(country)
    assert grid.g_per_kwh == pytest.approx(grams, abs=0.5)
    assert grid.year == 2023
    assert "Our World in Data" in grid.source


def test_a_country_told_wrongly_is_hinted_at() -> None:
    with pytest.raises(
        InputError, match=r"'FI' isn't known; three letters of ISO 3166-1 are wanted, as .*FIN"
    ):
        carbon_intensity("FI")


def test_an_unknown_country_is_the_world_with_its_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_COUNTRY", raising=False)
    grid = local_grid()
    # Ember's Global Electricity Review 2024: 480 g/kWh in 2023; countries range from some 20 to over 700.
    assert grid.country == "world" and grid.g_per_kwh == pytest.approx(480, abs=10)
    assert 100 < grid.uncertainty_g_per_kwh < 300


def test_the_country_comes_from_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_COUNTRY", "FRA")
    assert local_grid() == carbon_intensity("FRA")
    monkeypatch.setenv("LABKIT_COUNTRY", "France")
    with pytest.raises(InputError, match="LABKIT_COUNTRY: carbon of the grid of 'France'"):
        local_grid()


def test_uncertainties_of_energy_and_grid_are_independent() -> None:
    grid = GridCarbon("XXX", 200, 2026, uncertainty_g_per_kwh=100)
    grams, error = grid.emitted(50, 10)  # 0.05 kWh at 200 g/kWh
    assert grams == pytest.approx(10)
    assert error == pytest.approx(hypot(0.01 * 200, 0.05 * 100))
