"""A data centre over time, and its key performance indicators over a stated period.

Indicators are those of Delegated Regulation (EU) 2024/1364 (annexes II and III) and of EN 50600-4-2
(PUE), -4-3 (REF), -4-6 (ERF), -4-9 (WUE). The formulas are recalled from these texts, not checked in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from labkit.cluster._cooling import Cooling, cool
from labkit.cluster._plant import HeatReuse, Plant
from labkit.cluster._power import PowerSeries
from labkit.cluster._series import Array
from labkit.cluster._weather import Climate, Weather, WeatherSeries
from labkit.errors import EvaluationError, InputError

REPORTED_FROM_KW = 500.0  # installed IT power, Regulation (EU) 2024/1364, article 1
_BALANCE = 1e-6


@dataclass(frozen=True)
class Facility:
    """A data centre's means over the intervals of its machine's power.

    Attributes:
        power: of the machine.
        cooling: what it takes, and where the heat goes.
        distribution_w: (n,) lost in transformers, cables and UPS, W; this heat goes to the air outside.
        heat_pump_inside: whether the electricity of the heat pump, if there is one, is the data centre's.
        weather: (n,) outside.
    """

    power: PowerSeries
    cooling: Cooling
    distribution_w: Array
    heat_pump_inside: bool
    weather: Weather

    @property
    def total_w(self) -> Array:
        """Electricity that the data centre draws, (n,) W; a heat pump outside its boundary isn't in it."""
        return self.power.input_w + self.cooling.drawn_w(self.heat_pump_inside) + self.distribution_w

    @property
    def heat_out_w(self) -> Array:
        """Heat that leaves the data centre, to the air and to its user, (n,) W."""
        return self.cooling.rejected_w + self.distribution_w + self.cooling.reused_w

    def energy_kwh(self, power_w: Array) -> float:
        """Return the energy of a power over all intervals, kWh."""
        return float(power_w @ np.diff(self.power.edges_s)) / 3.6e6


def run_facility(
    power: PowerSeries,
    plant: Plant,
    weather: Climate | WeatherSeries | Weather,
    start: datetime,
    reuse: HeatReuse | None = None,
) -> Facility:
    """Return what a data centre draws and gives off while its machine draws what it draws.

    Args:
        power: of the machine.
        plant: its cooling and power supply, built for the machine's greatest power.
        weather: of the site, taken at the middle of each interval; or (n,) values as they are.
        start: when `power`'s time 0 is; local time for a climate, UTC for a series.
        reuse: who takes waste heat, where someone does.

    Raises:
        InputError: if the weather doesn't cover the period.
        EvaluationError: if heat and electricity don't balance.
    """
    middles = (power.edges_s[:-1] + power.edges_s[1:]) / 2
    outside = weather if isinstance(weather, Weather) else weather.at(start, middles)
    cooling = cool(power.input_w, power.cdus_w, power.design_w, plant, outside, reuse)
    inside = reuse is not None and reuse.heat_pump_inside
    loss = plant.distribution_loss / (1 - plant.distribution_loss)
    distribution = loss * (power.input_w + cooling.drawn_w(inside))
    facility = Facility(power, cooling, distribution, inside, outside)
    imbalance = heat_imbalance(facility)
    if imbalance > _BALANCE:
        raise EvaluationError(
            f"heat out differs from electricity in by {imbalance:.1g} of it; at most {_BALANCE:g}"
        )
    return facility


def heat_imbalance(facility: Facility) -> float:
    """Return how far heat out differs from electricity in, at most, relative to it."""
    total = facility.total_w
    return float(np.max(np.abs(facility.heat_out_w - total) / np.maximum(total, 1.0), initial=0.0))


@dataclass(frozen=True)
class Kpis:
    """Key performance indicators over a period; None where something that they need isn't known.

    Energy of IT is what enters its cabinets, conversion losses in them included (EN 50600-4-2 category 2).

    Attributes:
        start: of the period.
        seconds: of the period; the regulation's indicators are those of a calendar year.
        it_kwh: E_IT.
        total_kwh: E_DC, all electricity that crosses the boundary.
        heat_pump_kwh: electricity within E_DC that only lifts waste heat.
        reused_kwh: E_REUSE, heat that crosses the boundary to an outside user.
        water_m3: W_IN.
        pue: power usage effectiveness E_DC / E_IT.
        pue_without_heat_pump: likewise, without electricity that only lifts waste heat.
        wue_l_kwh: water usage effectiveness W_IN / E_IT, l/kWh (m³/MWh).
        erf: energy reuse factor E_REUSE / E_DC.
        ref: renewable energy factor E_RES / E_DC, at most 1.
        reported: whether installed IT power reaches what the regulation asks to report.
    """

    start: datetime
    seconds: float
    it_kwh: float
    total_kwh: float
    heat_pump_kwh: float
    reused_kwh: float
    water_m3: float
    pue: float
    pue_without_heat_pump: float
    wue_l_kwh: float
    erf: float
    ref: float | None
    reported: bool

    @property
    def end(self) -> datetime:
        """When the period ends."""
        return self.start + timedelta(seconds=self.seconds)


def key_indicators(
    facility: Facility, start: datetime, installed_it_kw: float, renewable_kwh: float | None = None
) -> Kpis:
    """Return the indicators of a data centre over the period that it was simulated.

    Args:
        facility: over that period.
        start: when its time 0 is.
        installed_it_kw: power of its IT at most, kW.
        renewable_kwh: E_RES: electricity with guarantees of origin, from purchase agreements and from its own
            plants; None where not known.

    Raises:
        InputError: if the renewable energy is negative.
    """
    if renewable_kwh is not None and not 0 <= renewable_kwh < np.inf:
        raise InputError(f"renewable_kwh={renewable_kwh:g}; at least 0 is wanted")
    cooling, durations_s = facility.cooling, np.diff(facility.power.edges_s)
    it, total = facility.energy_kwh(facility.power.input_w), facility.energy_kwh(facility.total_w)
    if not it:
        raise InputError("the machine draws no power in the whole period; PUE needs some")
    reused = facility.energy_kwh(cooling.reused_w)
    heat_pump = facility.energy_kwh(cooling.heat_pump_w) if facility.heat_pump_inside else 0.0
    water_kg = float(cooling.water_kg_s @ durations_s)
    return Kpis(
        start=start + timedelta(seconds=float(facility.power.edges_s[0])),
        seconds=float(durations_s.sum()),
        it_kwh=it,
        total_kwh=total,
        heat_pump_kwh=heat_pump,
        reused_kwh=reused,
        water_m3=water_kg / 1000,
        pue=total / it,
        pue_without_heat_pump=(total - heat_pump) / it,
        wue_l_kwh=water_kg / it,
        erf=reused / total,
        ref=None if renewable_kwh is None else min(renewable_kwh / total, 1.0),
        reported=installed_it_kw >= REPORTED_FROM_KW,
    )
