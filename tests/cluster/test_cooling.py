from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._cooling import cool, cooling_plant, read_cooling_plant
from labkit.cluster._plant import HeatReuse, Loop, Plant
from labkit.cluster._weather import Weather, wet_bulb_c
from labkit.errors import InputError

MW = 1e6
# Without pumps a loop's numbers are round: 1 MW makes 10 K.
LOOP = Loop(1.0, 32.0, 10.0, "tower", 4.0, pump_share=0.0, fan_share=0.01)


def _plant(loop: Loop = LOOP) -> Plant:
    return Plant("by hand", (loop,), distribution_loss=0.0, concentration=4.0, basis="assumed")


def _cool(plant: Plant, heat_w: float, dry_c: float, wet_c: float, reuse: HeatReuse | None = None):  # type: ignore[no-untyped-def]
    weather = Weather(np.array([dry_c]), np.array([wet_c]))
    return cool(np.array([heat_w]), np.zeros(1), MW, plant, weather, reuse)


def test_the_chiller_runs_only_where_the_tower_cannot_reach_the_set_point() -> None:
    wet = np.linspace(-5, 35, 401)
    weather = Weather(wet + 3, wet)
    full = np.full_like(wet, MW)
    cooling = cool(full, 0 * full, MW, _plant(), weather)
    assert np.array_equal(cooling.chiller_w > 1e-3, wet + 4 > 32 + 1e-9)  # approach 4 K, set-point 32 °C


@pytest.mark.parametrize("cooler", ["tower", "dry", "adiabatic"])
def test_cooling_takes_more_the_warmer_it_is_outside(cooler: str) -> None:
    wet = np.linspace(-20, 45, 1301)
    loop = replace(LOOP, cooler=cooler, pump_share=0.01)
    for heat in (0.2 * MW, MW):
        heats = np.full_like(wet, heat)
        cooling = cool(heats, 0 * heats, MW, _plant(loop), Weather(wet + 5, wet))
        assert np.all(np.diff(cooling.drawn_w(True)) >= -1e-6)
        assert cooling.drawn_w(True)[-1] > 1.05 * cooling.drawn_w(True)[0]


def test_an_adiabatic_cooler_wets_its_air_only_when_it_must_and_then_lies_between() -> None:
    dry, wet = 29.0, 18.0
    chiller = {
        cooler: _cool(_plant(replace(LOOP, cooler=cooler)), MW, dry, wet).chiller_w[0]
        for cooler in ("tower", "dry", "adiabatic")
    }
    assert chiller["tower"] == chiller["adiabatic"] == 0 < chiller["dry"]
    adiabatic = _plant(replace(LOOP, cooler="adiabatic"))
    assert _cool(adiabatic, MW, 27.0, 18.0).water_kg_s[0] == 0  # 27 + 4 K is enough
    # 1 K of 100 kW/K of air at full speed, evaporated at 2.45 MJ/kg, a third more for drains
    assert _cool(adiabatic, MW, dry, wet).water_kg_s[0] == pytest.approx(1e5 / 2.45e6 * 4 / 3, rel=1e-6)
    assert _cool(_plant(replace(LOOP, cooler="dry")), MW, dry, wet).water_kg_s[0] == 0


def test_pumps_and_fans_go_with_the_cube() -> None:
    plant = _plant(replace(LOOP, pump_share=0.02))
    full, half = _cool(plant, MW, 20, 10), _cool(plant, MW / 2, 20, 10)
    assert full.pumps_w[0] == pytest.approx(20e3)
    assert half.pumps_w[0] == pytest.approx(20e3 / 8)
    assert _cool(plant, 0.1 * MW, 20, 10).pumps_w[0] == pytest.approx(20e3 * 0.3**3)  # least flow
    # 22 K where the design needs 4 K: fans at 4 / 22 of full speed
    assert full.fans_w[0] == pytest.approx(10e3 * (4 / 22) ** 3)


def test_a_chiller_lifts_what_the_tower_leaves() -> None:
    cooling = _cool(_plant(), MW, 40, 34)
    # 250 kW/K of tower on 34 °C, 100 kW/K of water from 42 °C: leaves at (8500 + 4200) / 350 °C
    leaving = 12700 / 350
    chilled = 1e5 * (leaving - 32)
    lift = (34 + 4 + 5) - 32 + 2 * 3
    assert cooling.chiller_w[0] == pytest.approx(chilled * lift / (0.5 * (32 - 3 + 273.15)))
    assert cooling.rejected_w[0] == pytest.approx(MW + cooling.chiller_w[0] + cooling.fans_w[0])


def test_a_tower_evaporates_what_the_rule_of_thumb_says() -> None:
    # Make-up for evaporation is 0.00085 × flow × range in °F, at design weather (SPX and ASHRAE handbooks).
    flow_kg_s = MW / (4186 * 10)
    evaporated = _cool(_plant(replace(LOOP, supply_c=29.5)), MW, 35, 25.6).water_kg_s[0] * 3 / 4
    assert evaporated == pytest.approx(0.00085 * flow_kg_s * 18, rel=0.1)
    in_winter = _cool(_plant(), MW, 0.0, float(wet_bulb_c(0.0, 80))).water_kg_s[0] * 3 / 4
    assert 0.4 * evaporated < in_winter < 0.85 * evaporated


def test_a_heat_pump_delivers_heat_and_its_own_power_with_it() -> None:
    # lift (80 + 3) − (32 − 3) K, so 0.5 × 356.15 / 54 for each unit of electricity
    performance = 0.5 * (80 + 3 + 273.15) / 54
    outside = _cool(_plant(), MW, 10, 5, HeatReuse(0.3 * MW, 80, heat_pump_inside=False))
    inside = _cool(_plant(), MW, 10, 5, HeatReuse(0.3 * MW, 80, heat_pump_inside=True))
    assert outside.heat_pump_w[0] == pytest.approx(0.3 * MW / performance)
    assert inside.heat_pump_w[0] == pytest.approx(0.3 * MW / performance)
    assert inside.reused_w[0] == pytest.approx(0.3 * MW)
    assert outside.reused_w[0] == pytest.approx(0.3 * MW * (1 - 1 / performance))
    assert outside.rejected_w[0] == pytest.approx(MW - outside.reused_w[0] + outside.fans_w[0])


def test_water_that_is_warm_enough_needs_no_heat_pump() -> None:
    direct = _cool(_plant(), MW, 10, 5, HeatReuse(0.3 * MW, 35, heat_pump_inside=True))
    assert direct.return_c[0] == pytest.approx(42)
    assert direct.heat_pump_w[0] == 0
    assert direct.reused_w[0] == pytest.approx(0.3 * MW)


def test_no_more_heat_is_reused_than_there_is() -> None:
    all_of_it = _cool(_plant(), 0.5 * MW, 30, 25, HeatReuse(5 * MW, 35, heat_pump_inside=False))
    assert all_of_it.reused_w[0] == pytest.approx(0.5 * MW)
    assert all_of_it.rejected_w[0] == pytest.approx(0)
    assert all_of_it.fans_w[0] == 0


@pytest.mark.parametrize(
    "name", ["warm-water-tower", "warm-water-dry", "chilled-air", "lumi", "leonardo", "marenostrum5"]
)
def test_shipped_plants_say_what_they_rest_on(name: str) -> None:
    assert "assumed" in cooling_plant(name).basis


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cooler": "lake"}, "cooler 'lake' isn't known; choose one of tower, dry, adiabatic"),
        ({"heat_share": 0}, "heat_share=0; more than 0"),
        ({"pump_share": 1.5}, "pump_share=1.5; 0 to 1"),
        ({"approach_k": -4}, "approach_k=-4; more than 0"),
        ({"supply_c": 90}, "supply_c=90; more than 0 and less than 80"),
    ],
)
def test_a_bad_loop_is_told(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(LOOP, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loops": (replace(LOOP, heat_share=0.9),)}, "heat_share of the loops is 0.9 in all"),
        ({"distribution_loss": 1}, "distribution_loss=1; at least 0 and less than 1"),
        ({"concentration": 1}, "concentration=1; more than 1"),
    ],
)
def test_a_bad_plant_is_told(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(_plant(), **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((-1.0, 80, True), "demand_w of heat is -1"),
        ((1.0, 200, True), "delivery_c=200"),
        ((1.0, 80, True, 2), "carnot_share=2"),
    ],
)
def test_a_bad_user_of_heat_is_told(arguments: tuple[float, float, bool], said: str) -> None:
    with pytest.raises(InputError, match=said):
        HeatReuse(*arguments)


def test_a_heat_pump_that_delivers_less_than_it_draws_is_told() -> None:
    with pytest.raises(InputError, match=r"carnot_share=0.1 of a heat pump that lifts 54 K; more than 0.15"):
        _cool(_plant(), MW, 10, 5, HeatReuse(MW, 80, True, carnot_share=0.1))


def test_more_heat_than_the_plant_is_built_for_is_told() -> None:
    with pytest.raises(InputError, match=r"heat of 2e\+06 W for cooling that is built for 1e\+06 W"):
        _cool(_plant(), 2 * MW, 10, 5)
    with pytest.raises(InputError, match="built for 0 W; more than 0"):
        cool(np.zeros(1), np.zeros(1), 0.0, _plant(), Weather(np.ones(1), np.ones(1)))


def test_arrays_of_unlike_length_are_told() -> None:
    with pytest.raises(InputError, match="2 values of demand for 1 of heat"):
        _cool(_plant(), MW, 10, 5, HeatReuse(np.ones(2), 80, True))
    with pytest.raises(InputError, match="1 values of heat, 2 of weather"):
        cool(np.ones(1), np.ones(1), MW, _plant(), Weather(np.ones(2), np.ones(2)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "p"', r"loops=None; at least one table \[\[loops\]\]"),
        ('name = "p"\n[[loops]]\nheat_share = 1', r"loops\[0\]: supply_c is missing"),
        ('name = "p"\n[[loops]]\nheat = 1', r"loops\[0\]: 'heat' isn't known"),
    ],
)
def test_a_bad_file_is_told(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_cooling_plant(path)


def test_an_unknown_plant_names_those_there_are() -> None:
    with pytest.raises(InputError, match="cooling of 'ice' isn't known; choose one of chilled-air, leonardo"):
        cooling_plant("ice")
