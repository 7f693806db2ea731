"""What a run used, and what the same work takes at every site: values with their ranges, as plain values.

Energy stands on two bases that must not be mixed. What the meter saw here (RAPL, NVML or a load model) can be
moved to a site as it is: only overhead and grid change, and the meter's error is the same everywhere. What a
site's own nodes draw follows from the catalogue's power of a whole node, between rest and full load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import hypot
from typing import TYPE_CHECKING, Any, NamedTuple

from labkit.campaign import Run
from labkit.energy import GridCarbon, carbon_intensity
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.cluster import Projection, Scenario
    from labkit.store import Evaluation

UNITS = ("Wh", "gCO2e")
ANYWHERE = "anywhere"


class Amount(NamedTuple):
    """A value with the least and the most that it may be."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Amount:
        """Return the amount multiplied."""
        return Amount(*(factor * part for part in self))


class StageUse(NamedTuple):
    """A stage's wall time (s), cores that evaluations kept busy (None: unknown), energy (Wh), its method."""

    name: str
    seconds: float
    busy: float | None
    wh: Amount
    method: str


class SiteUse(NamedTuple):
    """What a run's copies take at a place: time (s), PUE, energy (Wh) on the two bases.

    `moved` is what was metered here, with the centre's overhead; `own` is what the machine's own nodes draw,
    from rest to full load, and None for this computer.
    """

    name: str
    grid: GridCarbon
    allowed: bool
    seconds: float
    pue: float
    moved: Amount
    own: Amount | None


@dataclass(frozen=True)
class EnergyModel:
    """A run's use, read from its journal when it is first asked for.

    Attributes:
        run: its folder or name.
        country: where this computer stands, ISO 3166-1; empty for what the run knows, as in `Run.grid`.
        copies: of the run: at a site side by side, here one after the other.
        zone: jurisdiction in which the data must stay, or "anywhere".
        unit: one of `UNITS`, to be drawn.

    Raises:
        InputError: if a value makes no sense.
    """

    run: str = "quick"
    country: str = ""
    copies: int = 64
    zone: str = "EU"
    unit: str = "gCO2e"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise InputError(f"unit {self.unit!r}; choose one of {', '.join(UNITS)}")
        if self.zone not in zones():
            raise InputError(f"zone {self.zone!r}; choose one of {', '.join(zones())}")
        _ = self.grid

    @cached_property
    def grid(self) -> GridCarbon:
        """That this computer is on."""
        return carbon_intensity(self.country) if self.country else Run.open(self.run).grid

    @cached_property
    def _read(self) -> tuple[list[Evaluation], list[dict[str, Any]], int]:
        with Run.open(self.run).journal() as journal:
            computed = [e for e in journal.evaluations() if not e.cached]
            return computed, journal.meter(), len(journal.proposals())

    @property
    def metered(self) -> bool:
        """Whether the run has finished a stage yet; else there is nothing to tell."""
        return bool(self._read[1])

    @property
    def _journal(self) -> tuple[list[Evaluation], list[dict[str, Any]], int]:
        """What was computed and not taken from the cache, what was metered, how many molecules proposed."""
        if not self.metered:
            raise InputError(f"run '{self.run}' has no metered stage; one that finished a stage is wanted")
        return self._read

    @cached_property
    def stages(self) -> tuple[StageUse, ...]:
        """What each stage used, all rounds together."""
        computed, metered, _ = self._journal
        found = []
        for name in dict.fromkeys(row["stage"] for row in metered):
            rows = [row for row in metered if row["stage"] == name]
            seconds = sum(row["seconds"] for row in rows)
            working = sum(e.seconds for e in computed if e.fidelity == name)
            busy = working / seconds if working and seconds else None
            method = "; ".join(dict.fromkeys(row["method"] for row in rows))
            found.append(StageUse(name, seconds, busy, self.wh(name), method))
        return tuple(found)

    def wh(self, *stages: str) -> Amount:
        """Energy of some stages or all, Wh. One meter errs one way each time, so its errors add up."""
        rows = [row for row in self._journal[1] if not stages or row["stage"] in stages]
        energy, error = (sum(row[key] for row in rows) for key in ("energy_wh", "uncertainty_wh"))
        return Amount(energy, max(energy - error, 0.0), energy + error)

    @property
    def each(self) -> dict[str, tuple[int, Amount]]:
        """How many the run made of what, and the energy of one (Wh): of all stages, or of its own."""
        computed, _, proposed = self._journal
        count = {name: sum(e.fidelity == name for e in computed) for name in ("docking", "triplet")}
        contacts = sum(len(e.result.get("contacts", ())) for e in computed if e.fidelity == "interaction")
        made = {
            "molecule": (proposed, self.wh()),
            "docking": (count["docking"], self.wh("docking")),
            "quantum energy (contact)": (contacts, self.wh("interaction")),
            "quantum energy (triplet)": (count["triplet"], self.wh("triplet")),
        }
        return {what: (n, wh.times(1 / n)) for what, (n, wh) in made.items() if n}

    @cached_property
    def sites(self) -> tuple[SiteUse, ...]:
        """This computer first, then every machine whose power is known, by overhead times grid."""
        from labkit.cluster import node_jobs, power_of

        used, seconds = self.wh().times(self.copies), self.copies * sum(s.seconds for s in self.stages)
        jobs = node_jobs(self._work(), self.copies)
        node_h = float(jobs.run_s @ jobs.nodes) / 3600
        found = []
        for p, machine in zip(self._projections, _everywhere().machines, strict=True):
            node, grid = power_of(machine).node, carbon_intensity(p.country)
            own = Amount(1e3 * p.energy_kwh, *(node_h * w * p.pue for w in (node.idle_w, node.peak_w)))
            found.append(SiteUse(p.machine, grid, p.allowed, p.seconds, p.pue, used.times(p.pue), own))
        found.sort(key=lambda site: site.pue * site.grid.g_per_kwh)
        return (SiteUse("this computer", self.grid, True, seconds, 1.0, used, None), *found)

    def price(self, unit: str) -> dict[str, Amount]:
        """Return what the zone adds to the least that any machine offers: "moved", "own" and "seconds".

        What isn't known (the meter's error; how far the work uses a node) is taken to be alike everywhere.

        Raises:
            InputError: if no machine lies in the zone.
        """
        from labkit.cluster import price_of_zone

        found = {"seconds": Amount(*[price_of_zone(self._projections)["seconds"]] * 3)}
        for basis in ("moved", "own"):
            amounts = [
                (site.allowed, in_unit(getattr(site, basis), site.grid, unit)) for site in self.sites[1:]
            ]
            inside = [min(a[i] for allowed, a in amounts if allowed) for i in range(3)]
            added = [least - min(a[i] for _, a in amounts) for i, least in enumerate(inside)]
            found[basis] = Amount(added[0], min(added), max(added))
        return found

    @cached_property
    def _projections(self) -> list[Projection]:
        from labkit.cluster import project

        zone = None if self.zone == ANYWHERE else frozenset({self.zone})
        return project(self._work(), _everywhere(), copies=self.copies, zone=zone)

    def _work(self) -> list[tuple[str, float, float]]:
        """Stage, start and seconds of each evaluation, and of each metered stage without such."""
        computed, metered, _ = self._journal
        rows = [(e.fidelity, e.finished - e.seconds, e.seconds) for e in computed if e.seconds]
        timed = {name for name, _, _ in rows}
        others = [row for row in metered if row["stage"] not in timed and row["seconds"]]
        return rows + [(row["stage"], row["time"] - row["seconds"], row["seconds"]) for row in others]


def in_unit(wh: Amount, grid: GridCarbon, unit: str) -> Amount:
    """Return an energy as it is, or in gCO2e what it emits on a grid."""
    if unit == "Wh":
        return wh
    value, low, high = wh.times(grid.g_per_kwh / 1e3)
    # The errors of meter and grid are independent of each other.
    spread = wh.value * grid.uncertainty_g_per_kwh / 1e3
    return Amount(value, max(value - hypot(value - low, spread), 0.0), value + hypot(high - value, spread))


def zones() -> tuple[str, ...]:
    """Jurisdictions of the catalogue's sites, the wide ones first."""
    found = frozenset[str]().union(*(site.zone for site in _everywhere().catalogue.sites.values()))
    return (ANYWHERE, "EU", "EEA", *sorted(found - {"EU", "EEA"}))


def without_figures() -> Sequence[str]:
    """Sites of the catalogue where no machine runs whose power is known."""
    known = {machine.site for machine in _everywhere().machines}
    return sorted(set(_everywhere().catalogue.sites) - known)


@cache
def _everywhere() -> Scenario:
    """The shipped federation, with every machine of the catalogue that runs and whose power is known."""
    from labkit.cluster import read_scenario

    shipped = read_scenario()
    machines = shipped.catalogue.machines.values()
    known = tuple(m for m in machines if m.nodes and m.node_power_peak_w and not m.planned)
    return replace(shipped, machines=known)
