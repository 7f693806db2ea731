"""Electric power of a machine: its nodes' components, and what is lost on the way to them.

The chain is that of ExaDigiT RAPS: node → SIVOC (a node's own converter) → rectifier, each taking
(power + constant) / efficiency; switches hang behind the rectifiers; coolant distribution units beside them.
Each stage is linear: a machine's power follows from how many nodes' worth of load it carries, not from where.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from labkit.cluster._series import Array, as_array, interval_edges, step_means
from labkit.cluster._tables import read_toml, record, shipped_file
from labkit.errors import InputError

_CDU_SHARE = 0.00756  # Frontier in RAPS: 25 × 8.473 kW of 28.016 MW at the cabinets' input


@dataclass(frozen=True)
class NodePower:
    """Power of one node's components: at rest and when all of them are fully used, W.

    Raises:
        InputError: if one is negative, or rest takes more than full use.
    """

    idle_w: float
    peak_w: float

    def __post_init__(self) -> None:
        if not 0 <= self.idle_w <= self.peak_w < np.inf:
            raise InputError(f"idle {self.idle_w:g} W, peak {self.peak_w:g} W; 0 <= idle <= peak is wanted")


@dataclass(frozen=True)
class Part:
    """A kind of component: how many a node has, and what one draws at rest and fully used, W.

    Raises:
        InputError: if a value is out of range.
    """

    name: str
    count: int
    idle_w: float
    peak_w: float

    def __post_init__(self) -> None:
        if self.count < 0:
            raise InputError(f"count={self.count}; at least 0 is wanted")
        NodePower(self.idle_w, self.peak_w)


@dataclass(frozen=True)
class Converters:
    """A stage of converters that share the load, each taking (power + constant) / efficiency.

    Attributes:
        count: of converters.
        constant_w: that each draws even without load, W.
        efficiency: of what passes, above 0 and at most 1.

    Raises:
        InputError: if a value is out of range.
    """

    count: int = 0
    constant_w: float = 0.0
    efficiency: float = 1.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.constant_w < np.inf:
            raise InputError(f"count={self.count}, constant_w={self.constant_w:g}; at least 0 is wanted")
        if not 0 < self.efficiency <= 1:
            raise InputError(f"efficiency={self.efficiency:g}; more than 0 and at most 1 is wanted")

    def input_w(self, output_w: Array) -> Array:
        """Return what the stage draws, W."""
        return (output_w + self.count * self.constant_w) / self.efficiency


@dataclass(frozen=True)
class Units:
    """Things that draw the same power at all times: how many, and each one's power, W.

    Raises:
        InputError: if a value is negative.
    """

    count: int = 0
    unit_w: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.unit_w < np.inf:
            raise InputError(f"count={self.count}, unit_w={self.unit_w:g}; at least 0 is wanted")

    @property
    def total_w(self) -> float:
        """Power of all, W."""
        return self.count * self.unit_w


@dataclass(frozen=True)
class MachinePower:
    """What a machine's power follows from. The defaults are a machine of which only the nodes are known.

    Attributes:
        name: of the machine.
        nodes: of the machine.
        node: power of one node's components.
        sivoc: converters at the nodes.
        rectifier: converters that nodes and switches share.
        switch: switches, behind the rectifiers.
        cdu: coolant distribution units; their pumps belong to the cooling.

    Raises:
        InputError: if there are no nodes.
    """

    name: str
    nodes: int
    node: NodePower
    sivoc: Converters = Converters()
    rectifier: Converters = Converters()
    switch: Units = Units()
    cdu: Units = Units()

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise InputError(f"{self.name}: nodes={self.nodes}; at least 1 is wanted")

    def it_w(self, load: ArrayLike) -> Array:
        """Return the power of components and switches, W.

        Args:
            load: nodes' worth of full use, from 0 to `nodes`: twenty nodes half used are ten.
        """
        return self._nodes_w(load) + self.switch.total_w

    def input_w(self, load: ArrayLike) -> Array:
        """Return the power at the cabinets' input, W: components, switches and conversion losses."""
        return self.rectifier.input_w(self.sivoc.input_w(self._nodes_w(load)) + self.switch.total_w)

    def _nodes_w(self, load: ArrayLike) -> Array:
        rise = self.node.peak_w - self.node.idle_w
        return self.nodes * self.node.idle_w + np.asarray(load, dtype=np.float64) * rise

    @property
    def design_w(self) -> float:
        """Power at the cabinets' input when every node is fully used, W: what cooling is built for."""
        return float(self.input_w(self.nodes))

    def scaled(self, nodes: int) -> MachinePower:
        """Return a machine of the same build with another number of nodes."""
        stages = {
            name: replace(getattr(self, name), count=ceil(getattr(self, name).count * nodes / self.nodes))
            for name in ("sivoc", "rectifier", "switch", "cdu")
        }
        return replace(self, nodes=nodes, **stages)


def power_of_nodes(name: str, nodes: int, node: NodePower) -> MachinePower:
    """Return what the power of a machine follows from of which only its nodes' is known.

    Switches and losses are taken to be in the nodes' power, as where that is a list's figure for the whole
    machine over its nodes. Coolant distribution units are assumed to draw Frontier's share of full power.
    """
    return MachinePower(name, nodes, node, cdu=Units(1, _CDU_SHARE * nodes * node.peak_w))


@dataclass(frozen=True)
class PowerSeries:
    """A machine's mean power over consecutive intervals.

    Attributes:
        edges_s: (n + 1,) edges of the intervals, s.
        it_w: (n,) of components and switches, W.
        losses_w: (n,) of conversion inside the cabinets, W.
        cdus_w: (n,) of coolant distribution units, W.
        design_w: the most that the cabinets can draw, W.
    """

    edges_s: Array
    it_w: Array
    losses_w: Array
    cdus_w: Array
    design_w: float

    @property
    def input_w(self) -> Array:
        """Power at the cabinets' input, components, switches and conversion losses, (n,) W."""
        return self.it_w + self.losses_w


def power_series(
    machine: MachinePower,
    times_s: ArrayLike,
    busy_nodes: ArrayLike,
    utilisation: ArrayLike = 1.0,
    step_s: float = 15.0,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
) -> PowerSeries:
    """Return a machine's mean power in each step; its energy is exact, whatever the step.

    Nodes that aren't busy rest at idle power: none is switched off.

    Args:
        machine: whose power.
        times_s: (n,) when the number of busy nodes changes, s, ascending.
        busy_nodes: (n,) from each of these times on; none is busy before, and the last holds to the end.
        utilisation: how far busy nodes are used, 0 to 1: one number, or (n,) one for each time.
        step_s: length of a step, s.
        start_s: of the period, s; the first time where not given.
        end_s: of the period, s; the last time where not given.

    Raises:
        InputError: if arrays differ in length or a value is out of range.
    """
    times, busy = as_array("times_s", times_s), as_array("busy_nodes", busy_nodes)
    used = np.asarray(utilisation, dtype=np.float64)
    used = np.broadcast_to(used, busy.shape) if used.ndim == 0 else as_array("utilisation", used)
    for name, values, most in (("busy_nodes", busy, machine.nodes), ("utilisation", used, 1)):
        if len(values) != len(times):
            raise InputError(f"{name} has {len(values)} values for {len(times)} times; as many are wanted")
        bad = np.flatnonzero(~((values >= 0) & (values <= most)))
        if bad.size:
            raise InputError(
                f"{name}[{bad[0]}]={values[bad[0]]:g}; from 0 to {most} is wanted on {machine.name}"
            )
    back = np.flatnonzero(np.diff(times) < 0)
    if back.size:
        raise InputError(f"times_s[{back[0] + 1}]={times[back[0] + 1]:g} is before the one ahead of it")
    edges = interval_edges(
        float(times[0]) if start_s is None else start_s, float(times[-1]) if end_s is None else end_s, step_s
    )
    # Differences of a long integral leave rounding of some 1e-6 nodes.
    load = np.clip(step_means(times, busy * used, edges), 0.0, machine.nodes)
    it = machine.it_w(load)
    cdus = np.full_like(it, machine.cdu.total_w)
    return PowerSeries(edges, it, machine.input_w(load) - it, cdus, machine.design_w)


def machine_power(name: str) -> MachinePower:
    """Return a shipped machine's parameters.

    Raises:
        InputError: if there is none of that name; says which there are.
    """
    return read_machine_power(shipped_file("machines", name, "component power"))


def read_machine_power(path: Path) -> MachinePower:
    """Return a machine's parameters from TOML as in `data/cluster/machines/README.md`.

    Raises:
        InputError: if the file can't be read, lacks a value or has one that makes no sense.
    """
    table = read_toml(path)
    tables = table.pop("parts", None)
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{path}: parts={tables!r}; at least one table [[parts]] is wanted")
    parts = [record(Part, part, f"{path}: parts[{i}]") for i, part in enumerate(tables)]
    stages = {
        name: record(kind, table.pop(name), f"{path}: {name}")
        for name, kind in (
            ("sivoc", Converters),
            ("rectifier", Converters),
            ("switch", Units),
            ("cdu", Units),
        )
        if name in table
    }
    node = NodePower(
        sum(part.count * part.idle_w for part in parts), sum(part.count * part.peak_w for part in parts)
    )
    return record(MachinePower, table, str(path), node=node, **stages)
