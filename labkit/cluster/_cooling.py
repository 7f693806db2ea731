"""Cooling: what pumps, fans and chillers draw, where the heat goes, and how much water goes with it.

Water takes up the heat in one or more loops. Each gives it to a cooler outside: a tower (whose sink is the
wet bulb), a dry cooler (the dry bulb), or an adiabatic one (a dry cooler that wets its air when it must). A
cooler's conductance is what its approach at design load says; fans turn as slowly as the supply set-point
allows, and only where full speed doesn't reach it does a chiller do the rest, with the fans at full speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from labkit.cluster._plant import HeatReuse, Loop, Plant
from labkit.cluster._series import Array
from labkit.cluster._tables import read_toml, record, shipped_file
from labkit.cluster._weather import PRESSURE_HPA, Weather, saturation_hpa, vapour_hpa
from labkit.errors import InputError

_EVAPORATION_J_KG = 2.45e6  # at 20 °C
_PINCH_K = 3.0  # between the two sides of an evaporator or a condenser; assumed
_CONDENSER_RISE_K = 5.0  # of the water that takes a chiller's heat away; assumed
_LEAST_LIFT_K = 10.0  # below which compressors don't go; assumed
_KELVIN = 273.15


@dataclass(frozen=True)
class Cooling:
    """What cooling takes and where the heat goes, (n,) each, mean of every interval.

    Attributes:
        pumps_w: of the loops and the coolant distribution units, W.
        fans_w: of coolers and indoors, W.
        chiller_w: W.
        heat_pump_w: W, on whichever side of the boundary it stands.
        rejected_w: heat to the air outside, W.
        reused_w: heat that crosses the boundary to its user, W.
        return_c: of the first loop's water before waste heat is taken, °C.
        water_kg_s: taken in to make up for what evaporates and is drained, kg/s.
    """

    pumps_w: Array
    fans_w: Array
    chiller_w: Array
    heat_pump_w: Array
    rejected_w: Array
    reused_w: Array
    return_c: Array
    water_kg_s: Array

    def drawn_w(self, with_heat_pump: bool) -> Array:
        """Return the electricity that all of it draws, with or without the heat pump, (n,) W."""
        return self.pumps_w + self.fans_w + self.chiller_w + with_heat_pump * self.heat_pump_w


def cool(
    heat_w: Array,
    cdus_w: Array,
    design_w: float,
    plant: Plant,
    weather: Weather,
    reuse: HeatReuse | None = None,
) -> Cooling:
    """Return what cooling a machine takes.

    Args:
        heat_w: (n,) of the machine, components and conversion losses, W.
        cdus_w: (n,) power of the coolant distribution units, W.
        design_w: heat that the plant is built for, W.
        plant: the cooling.
        weather: (n,) at the same times.
        reuse: who takes waste heat, where someone does.

    Raises:
        InputError: if there is more heat than the plant is built for, or arrays differ in length.
    """
    if not len(heat_w) == len(cdus_w) == len(weather.dry_c) == len(weather.wet_c):
        raise InputError(
            f"{len(heat_w)} values of heat, {len(weather.dry_c)} of weather; as many of each are wanted"
        )
    if reuse is not None and np.size(reuse.demand_w) not in (1, len(heat_w)):
        raise InputError(
            f"{np.size(reuse.demand_w)} values of demand for {len(heat_w)} of heat; 1 or as many are wanted"
        )
    if not design_w > 0:
        raise InputError(f"cooling that is built for {design_w:g} W; more than 0 is wanted")
    most = float(heat_w.max(initial=0.0))
    if most > design_w * (1 + 1e-9):
        raise InputError(
            f"heat of {most:g} W for cooling that is built for {design_w:g} W; at most that is wanted"
        )
    parts = [
        _cool_loop(
            loop,
            loop.heat_share * heat_w,
            cdus_w if i == 0 else np.zeros_like(cdus_w),
            loop.heat_share * design_w,
            weather,
            reuse if i == 0 else None,
            plant.concentration,
        )
        for i, loop in enumerate(plant.loops)
    ]
    names = [name for name in Cooling.__dataclass_fields__ if name != "return_c"]
    sums = {name: np.sum([getattr(part, name) for part in parts], axis=0) for name in names}
    return Cooling(return_c=parts[0].return_c, **sums)


def _cool_loop(
    loop: Loop,
    heat_w: Array,
    cdus_w: Array,
    design_w: float,
    weather: Weather,
    reuse: HeatReuse | None,
    concentration: float,
) -> Cooling:
    flow = np.clip(heat_w / design_w, loop.least_flow, 1.0)
    pumps, indoor_fans = (share * design_w * flow**3 for share in (loop.pump_share, loop.indoor_fan_share))
    to_water = heat_w + pumps + indoor_fans + cdus_w
    # W/K that the water carries, and that the cooler passes at full speed for each kelvin of leaving water
    # above its sink.
    design_w_k = design_w / loop.rise_k
    water_w_k = design_w_k * flow
    design_to_water = design_w * (1 + loop.pump_share + loop.indoor_fan_share) + float(
        cdus_w.max(initial=0.0)
    )
    cooler_w_k = design_to_water / loop.approach_k

    warm_c = loop.supply_c + to_water / water_w_k
    taken, heat_pump = _taken(reuse, warm_c, to_water, loop.supply_c)
    return_c = warm_c - taken / water_w_k
    to_cooler = to_water - taken

    sink_c = _sink(loop, weather, loop.supply_c - to_cooler / cooler_w_k)
    # Where full speed brings the water below the set-point, fans turn only as fast as that takes.
    at_full_speed_c = (cooler_w_k * sink_c + water_w_k * return_c) / (cooler_w_k + water_w_k)
    needs_chiller = at_full_speed_c > loop.supply_c
    leaving_c = np.where(needs_chiller, np.minimum(at_full_speed_c, return_c), loop.supply_c)
    headroom_w = np.maximum(cooler_w_k * (loop.supply_c - sink_c), 1.0)
    speed = np.where(needs_chiller, 1.0 * (to_cooler > 0), np.minimum(to_cooler / headroom_w, 1.0))

    chilled = water_w_k * (leaving_c - loop.supply_c)
    lift_k = _lift_k(loop.supply_c, sink_c + loop.approach_k + _CONDENSER_RISE_K)
    chiller = chilled * lift_k / (loop.carnot_share * (loop.supply_c - _PINCH_K + _KELVIN))
    condenser = chilled + chiller
    fans = loop.fan_share * (design_w * speed**3 + condenser)  # a chiller's heat takes a cooler of its own
    outside = water_w_k * (return_c - leaving_c) + condenser

    if loop.cooler == "tower":
        exit_c = np.maximum((return_c + leaving_c) / 2, sink_c + loop.approach_k)
        evaporated = outside * _evaporated_kg_j(weather, exit_c)
    else:  # at design the air carries as much for each kelvin as the water
        evaporated = design_w_k * speed * (weather.dry_c - sink_c) / _EVAPORATION_J_KG
    return Cooling(
        pumps_w=pumps + cdus_w,
        fans_w=fans + indoor_fans,
        chiller_w=chiller,
        heat_pump_w=heat_pump,
        rejected_w=outside + fans,
        reused_w=taken + heat_pump if reuse is not None and reuse.heat_pump_inside else taken,
        return_c=warm_c,
        water_kg_s=evaporated * concentration / (concentration - 1),
    )


def _taken(
    reuse: HeatReuse | None, warm_c: Array, available_w: Array, supply_c: float
) -> tuple[Array, Array]:
    """Return the heat that a user takes from the water and the heat pump's power, W."""
    if reuse is None:
        return np.zeros_like(warm_c), np.zeros_like(warm_c)
    # Its evaporator brings the water down to the set-point, so that is what it must lift from.
    lift_k = _lift_k(supply_c, reuse.delivery_c)
    performance = reuse.carnot_share * (reuse.delivery_c + _PINCH_K + _KELVIN) / lift_k
    if performance <= 1:
        raise InputError(
            f"carnot_share={reuse.carnot_share:g} of a heat pump that lifts {float(lift_k):g} K; more than "
            f"{reuse.carnot_share / float(performance):.2g} is wanted"
        )
    from_water = np.where(warm_c >= reuse.delivery_c + _PINCH_K, 1.0, 1 - 1 / performance)
    taken = np.minimum(reuse.demand_w * from_water, available_w)
    return taken, taken / from_water - taken


def _lift_k(cold_c: ArrayLike, hot_c: ArrayLike) -> Array:
    """Return how far a chiller or heat pump lifts heat, K, between what its two sides hold."""
    lift: Array = np.asarray(hot_c, dtype=np.float64) - np.asarray(cold_c) + 2 * _PINCH_K
    return np.maximum(lift, _LEAST_LIFT_K)


def _sink(loop: Loop, weather: Weather, wanted_c: Array) -> Array:
    """Return the temperature that a cooler gives its heat to, °C.

    Args:
        loop: whose cooler.
        weather: outside.
        wanted_c: as warm as it may be for the cooler alone to reach the set-point; pads go no further.
    """
    if loop.cooler == "tower":
        return weather.wet_c
    if loop.cooler == "dry":
        return weather.dry_c
    coldest = weather.dry_c - loop.pad_effectiveness * (weather.dry_c - weather.wet_c)
    return np.minimum(weather.dry_c, np.maximum(wanted_c, coldest))


def _evaporated_kg_j(weather: Weather, exit_c: Array) -> Array:
    """Return the water that a tower evaporates for each joule, kg/J.

    Merkel's assumption (1925): air leaves saturated. Its humidity and enthalpy before and after follow from
    psychrometry, and with them the evaporation; in cold air more of the heat goes without it.
    """

    def air(vapour_hpa: Array, temperature_c: Array) -> tuple[Array, Array]:
        humidity = 0.622 * vapour_hpa / (PRESSURE_HPA - vapour_hpa)
        return humidity, 1006 * temperature_c + humidity * (2.501e6 + 1860 * temperature_c)

    humidity_in, enthalpy_in = air(vapour_hpa(weather.dry_c, weather.wet_c), weather.dry_c)
    humidity_out, enthalpy_out = air(saturation_hpa(exit_c), exit_c)
    return np.maximum(humidity_out - humidity_in, 0.0) / (enthalpy_out - enthalpy_in)


def cooling_plant(name: str) -> Plant:
    """Return a shipped plant.

    Raises:
        InputError: if there is none of that name; says which there are.
    """
    return read_cooling_plant(shipped_file("cooling", name, "cooling"))


def read_cooling_plant(path: Path) -> Plant:
    """Return a plant from TOML as in `data/cluster/cooling/README.md`.

    Raises:
        InputError: if the file can't be read, lacks a value or has one that makes no sense.
    """
    table = read_toml(path)
    tables = table.pop("loops", None)
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{path}: loops={tables!r}; at least one table [[loops]] is wanted")
    loops = tuple(record(Loop, loop, f"{path}: loops[{i}]") for i, loop in enumerate(tables))
    return record(Plant, table, str(path), loops=loops)
