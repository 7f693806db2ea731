from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from labkit.cluster import _facility
from labkit.cluster._cooling import cooling_plant
from labkit.cluster._facility import Facility, heat_imbalance, key_indicators, run_facility
from labkit.cluster._plant import HeatReuse
from labkit.cluster._power import MachinePower, NodePower, PowerSeries, machine_power, power_series
from labkit.cluster._weather import Weather, site_climate
from labkit.errors import EvaluationError, InputError

START = datetime(2027, 1, 1)
YEAR_S = 365 * 86400.0
HOURS = np.arange(0, YEAR_S, 6 * 3600)  # every hour of the day comes by, and each season


def _power(utilisation: float = 0.6) -> PowerSeries:
    frontier = machine_power("frontier")
    busy = np.random.default_rng(0).integers(0, frontier.nodes, HOURS.size)
    return power_series(frontier, HOURS, busy, utilisation, 6 * 3600, end_s=YEAR_S)


@pytest.mark.parametrize("plant", ["warm-water-tower", "warm-water-dry", "leonardo", "chilled-air"])
@pytest.mark.parametrize("reuse", [None, True, False])
def test_what_comes_in_as_electricity_leaves_as_heat(plant: str, reuse: bool | None) -> None:
    user = None if reuse is None else HeatReuse(4e6, 75, heat_pump_inside=reuse)
    facility = run_facility(_power(), cooling_plant(plant), site_climate("Bologna"), START, user)
    power, cooling = facility.power, facility.cooling
    electricity = (
        power.it_w + power.losses_w + cooling.pumps_w + cooling.fans_w + cooling.chiller_w
        + (cooling.heat_pump_w if reuse else 0) + facility.distribution_w
    )  # fmt: skip
    heat = cooling.rejected_w + cooling.reused_w + facility.distribution_w
    assert heat == pytest.approx(electricity, rel=1e-6)
    assert facility.total_w == pytest.approx(electricity, rel=1e-12)
    assert heat_imbalance(facility) < 1e-6


def test_heat_that_gets_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def leaking(*arguments: object) -> object:
        cooling = cool(*arguments)
        return replace(cooling, rejected_w=cooling.rejected_w * (1 - 2e-6))

    cool = _facility.cool
    monkeypatch.setattr(_facility, "cool", leaking)
    with pytest.raises(EvaluationError, match="heat out differs from electricity in by 2e-06"):
        run_facility(_power(), cooling_plant("warm-water-tower"), site_climate("Bologna"), START)


@pytest.mark.parametrize("plant", ["warm-water-tower", "marenostrum5", "chilled-air"])
def test_pue_rises_with_the_wet_bulb(plant: str) -> None:
    power = _power()
    pues = []
    for wet in range(-10, 36, 3):
        weather = Weather(np.full(HOURS.size, wet + 4.0), np.full(HOURS.size, float(wet)))
        facility = run_facility(power, cooling_plant(plant), weather, START)
        pues.append(key_indicators(facility, START, 28e3).pue)
    assert np.all(np.diff(pues) > 0)


def test_a_cold_site_needs_less_than_a_warm_one() -> None:
    power = _power(1.0)
    kajaani, athens = (
        key_indicators(
            run_facility(power, cooling_plant("warm-water-dry"), site_climate(place), START), START, 1
        ).pue
        for place in ("Kajaani", "Athens")
    )
    assert 1 < kajaani < athens < 1.2


def _by_hand() -> Facility:
    machine = MachinePower("one", 1, NodePower(1e6, 1e6))
    power = power_series(machine, [3600], [1], step_s=1800, start_s=3600, end_s=3 * 3600)
    weather = Weather(np.full(4, 15.0), np.full(4, 10.0))
    facility = run_facility(power, cooling_plant("warm-water-tower"), weather, START)
    two = np.ones(4)
    cooling = replace(
        facility.cooling, pumps_w=2e4 * two, fans_w=1e4 * two, chiller_w=0 * two, heat_pump_w=5e4 * two,
        reused_w=2.2e5 * two, water_kg_s=0.5 * two,
    )  # fmt: skip
    return replace(facility, cooling=cooling, distribution_w=2e4 * two, heat_pump_inside=True)


def test_indicators_are_those_worked_by_hand() -> None:
    kpis = key_indicators(_by_hand(), START, installed_it_kw=1000, renewable_kwh=1650)
    assert (kpis.start, kpis.end) == (datetime(2027, 1, 1, 1), datetime(2027, 1, 1, 3))
    assert kpis.it_kwh == pytest.approx(2000)
    assert kpis.total_kwh == pytest.approx(2200)  # 1,100 kW with the heat pump, for two hours
    assert kpis.pue == pytest.approx(1.1)
    assert kpis.pue_without_heat_pump == pytest.approx(1.05)
    assert kpis.erf == pytest.approx(0.2)
    assert kpis.ref == pytest.approx(0.75)
    assert kpis.water_m3 == pytest.approx(3.6)
    assert kpis.wue_l_kwh == pytest.approx(1.8)
    assert kpis.reported


def test_a_heat_pump_outside_is_nobodys_electricity_here() -> None:
    kpis = key_indicators(replace(_by_hand(), heat_pump_inside=False), START, 400)
    assert kpis.pue == kpis.pue_without_heat_pump == pytest.approx(1.05)
    assert kpis.heat_pump_kwh == 0
    assert not kpis.reported  # under 500 kW


def test_the_renewable_factor_is_unknown_or_at_most_one() -> None:
    assert key_indicators(_by_hand(), START, 1000).ref is None
    assert key_indicators(_by_hand(), START, 1000, renewable_kwh=9e9).ref == 1
    with pytest.raises(InputError, match="renewable_kwh=-1"):
        key_indicators(_by_hand(), START, 1000, renewable_kwh=-1)


def test_a_machine_without_power_has_no_pue() -> None:
    power = power_series(MachinePower("off", 1, NodePower(0, 1)), [0, 10], [0, 0], step_s=10)
    weather = Weather(np.full(1, 15.0), np.full(1, 10.0))
    facility = run_facility(power, cooling_plant("warm-water-tower"), weather, START)
    with pytest.raises(InputError, match="draws no power in the whole period"):
        key_indicators(facility, START, 1)
