"""What a site's cooling is built of, and who takes its waste heat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labkit.cluster._series import Array
from labkit.errors import InputError

COOLERS: tuple[str, ...] = ("tower", "dry", "adiabatic")


@dataclass(frozen=True)
class Loop:
    """A water loop with its cooler. Shares of power are shares of the loop's design heat.

    Attributes:
        heat_share: of the machine's heat, that goes into this loop.
        supply_c: set-point of the water to the machine, °C.
        rise_k: of the water at design load, K.
        cooler: one of `COOLERS`.
        approach_k: how far above its sink the cooler brings the water at design load and full speed, K.
        pump_share: power of the pumps at design flow; it goes with the cube of the flow.
        fan_share: power of the cooler's fans at full speed; it goes with the cube of the speed.
        indoor_fan_share: power of fans that bring heat from the air into the water, by the cube too.
        least_flow: of the design flow, below which pumps and indoor fans don't go.
        pad_effectiveness: share of the wet-bulb depression by which an adiabatic cooler's pads cool its air.
        carnot_share: of Carnot's coefficient of performance, that the chiller reaches.

    Raises:
        InputError: if a value is out of range.
    """

    heat_share: float
    supply_c: float
    rise_k: float
    cooler: str
    approach_k: float
    pump_share: float
    fan_share: float
    indoor_fan_share: float = 0.0
    least_flow: float = 0.3
    pad_effectiveness: float = 0.8
    carnot_share: float = 0.5

    def __post_init__(self) -> None:
        if self.cooler not in COOLERS:
            raise InputError(f"cooler {self.cooler!r} isn't known; choose one of {', '.join(COOLERS)}")
        for name in ("heat_share", "least_flow", "pad_effectiveness", "carnot_share"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name):g}; more than 0 and at most 1 is wanted")
        for name in ("pump_share", "fan_share", "indoor_fan_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name):g}; 0 to 1 is wanted")
        for name in ("rise_k", "approach_k"):
            if not 0 < getattr(self, name) <= 50:
                raise InputError(f"{name}={getattr(self, name):g}; more than 0 and at most 50 K is wanted")
        if not 0 < self.supply_c < 80:
            raise InputError(f"supply_c={self.supply_c:g}; more than 0 and less than 80 °C is wanted")


@dataclass(frozen=True)
class Plant:
    """A site's cooling and power supply.

    Attributes:
        name: of the plant.
        loops: that share the heat; waste heat is taken from the first, which the CDUs drive.
        distribution_loss: share of all electricity that is lost in transformers, cables and UPS.
        concentration: how often minerals are concentrated before water is drained from a tower.
        basis: how the values were come by.

    Raises:
        InputError: if a value is out of range or the loops don't take all of the heat.
    """

    name: str
    loops: tuple[Loop, ...]
    distribution_loss: float
    concentration: float
    basis: str

    def __post_init__(self) -> None:
        total = sum(loop.heat_share for loop in self.loops)
        if abs(total - 1) > 1e-9:
            raise InputError(f"heat_share of the loops is {total:g} in all; 1 is wanted")
        if not 0 <= self.distribution_loss < 1:
            raise InputError(
                f"distribution_loss={self.distribution_loss:g}; at least 0 and less than 1 is wanted"
            )
        if not 1 < self.concentration < np.inf:
            raise InputError(f"concentration={self.concentration:g}; more than 1 is wanted")


@dataclass(frozen=True)
class HeatReuse:
    """A user of waste heat outside the data centre, such as a town's heating network.

    Attributes:
        demand_w: heat that it takes where there is enough, W; one number, or one for each time.
        delivery_c: at what temperature, °C; a heat pump lifts the return water where it isn't that warm.
        heat_pump_inside: on which side of the data centre's boundary the heat pump stands. Inside, its
            electricity counts as the data centre's and all that it delivers as reused; outside, neither its
            electricity nor what that adds to the heat does.
        carnot_share: of Carnot's coefficient of performance, that the heat pump reaches; assumed.

    Raises:
        InputError: if a value is out of range.
    """

    demand_w: float | Array
    delivery_c: float
    heat_pump_inside: bool
    carnot_share: float = 0.5

    def __post_init__(self) -> None:
        demand = np.asarray(self.demand_w)
        if not np.all((demand >= 0) & np.isfinite(demand)):
            raise InputError(f"demand_w of heat is {demand.min():g} W at least; 0 or more is wanted")
        if not 0 < self.delivery_c <= 120:
            raise InputError(f"delivery_c={self.delivery_c:g}; more than 0 and at most 120 °C is wanted")
        if not 0 < self.carnot_share <= 1:
            raise InputError(f"carnot_share={self.carnot_share:g}; more than 0 and at most 1 is wanted")
