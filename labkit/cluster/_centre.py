"""A machine of the catalogue as the twin's models see it: its power, plant, weather and quantum computers."""

from __future__ import annotations

from dataclasses import replace

from labkit.cluster._cooling import cooling_plant
from labkit.cluster._entries import Machine
from labkit.cluster._plant import Plant
from labkit.cluster._power import MachinePower, NodePower, power_of_nodes
from labkit.cluster._scenario import Scenario
from labkit.cluster._tables import shipped
from labkit.cluster._weather import Climate, WeatherSeries, site_climate
from labkit.errors import InputError

_DEFAULT_PLANT = "warm-water-dry"


def power_of(machine: Machine) -> MachinePower:
    """Return a machine's power from that of its nodes; conversion is in the catalogue's figures."""
    if machine.nodes is None or machine.node_power_idle_w is None or machine.node_power_peak_w is None:
        raise InputError(f"{machine.name} has no figure for its nodes' power: no work can be placed there")
    node = NodePower(machine.node_power_idle_w, machine.node_power_peak_w)
    return power_of_nodes(machine.name, machine.nodes, node)


def climate_of(scenario: Scenario, machine: Machine) -> Climate:
    """Return the climate of a machine's site under the scenario."""
    site = scenario.catalogue.sites[machine.site]
    climate = site_climate(site.name, site.latitude)
    warmer = scenario.rules.warmer_k
    return replace(climate, dry_mean_c=climate.dry_mean_c + warmer, wet_mean_c=climate.wet_mean_c + warmer)


def weather_of(scenario: Scenario, machine: Machine) -> Climate | WeatherSeries:
    """Return the user's weather of a machine's site, where there is one, else its climate."""
    return scenario.weather.get(machine.site) or climate_of(scenario, machine)


def plant_of(machine: Machine, supply_k: float = 0.0) -> Plant:
    """Return the plant of the machine's own name where there is one, else warm water and dry coolers.

    Args:
        machine: whose plant.
        supply_k: by how much the water of its first loop, the nodes' own, is warmer than its set-point, K.

    Raises:
        InputError: if that is colder or hotter than a plant can be.
    """
    slug = "".join(filter(str.isalnum, machine.name.lower()))
    named = (name for name in shipped("cooling") if slug.startswith(name))
    plant = cooling_plant(next(named, _DEFAULT_PLANT))
    first, *rest = plant.loops
    return replace(plant, loops=(replace(first, supply_c=first.supply_c + supply_k), *rest))


def qpus_of(scenario: Scenario, machine: Machine) -> int:
    """Return how many quantum computers stand beside a machine, or beside the one that it is a part of."""
    besides = (qpu.beside for qpu in scenario.catalogue.qpus.values() if qpu.beside)
    return sum(machine.name == name or machine.name.startswith(f"{name} ") for name in besides)
