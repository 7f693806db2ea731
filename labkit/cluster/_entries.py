"""What the federation is made of, one class for each kind of entry in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

BASES: tuple[str, ...] = ("cited", "secondary", "recalled", "assumed")


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """Where an entry's figures are from.

    Attributes:
        notes: which variant it is, or where sources disagree.
        source: where the figures are from.
        basis: of the figures, one of `BASES` by attribute; of the shipped quantum computers' figures, only
            those that aren't the machine's own published ones.
    """

    notes: str = ""
    source: str = ""
    basis: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """A place where machines stand.

    Attributes:
        name: of the town.
        country: ISO 3166-1 code of three letters.
        latitude: degrees north.
        longitude: degrees east.
        zone: jurisdictions and other labels that hold there: the country, "EU" and "EEA" where it is a member
            of them, and what labels of its own a user's file gives, such as "hospital network".
        district_heating: whether a network could take waste heat; None where not known.
        basis: of the figures, one of `BASES` by attribute.
    """

    name: str
    country: str
    latitude: float
    longitude: float
    zone: frozenset[str] = frozenset()
    district_heating: bool | None = None
    basis: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine(Sourced):
    """A supercomputer; None or "" where a value isn't known.

    Attributes:
        name: of the machine.
        site: where it stands.
        kind: "gpu" where nodes have accelerators, else "cpu".
        nodes: how many.
        accelerators_per_node: how many; 0 where there are CPUs only.
        accelerator: their type, as in the catalogue's accelerators.
        node_power_idle_w: power of an idle node with its share of all else that is IT, W.
        node_power_peak_w: likewise under full load, W.
        pue: power usage effectiveness over a year, published.
        link_gbit_s_per_node: bandwidth of a node into the network per direction, Gbit/s.
        topology: of the network.
        rmax_pflops: Linpack performance, Pflop/s of 64 bits.
        power_mw: power of the whole machine under Linpack, MW.
        cooling: in words.
        heat_reuse: in words.
        planned: whether it doesn't run yet.
    """

    name: str
    site: str
    kind: str
    nodes: int | None = None
    accelerators_per_node: int | None = None
    accelerator: str = ""
    node_power_idle_w: float | None = None
    node_power_peak_w: float | None = None
    pue: float | None = None
    link_gbit_s_per_node: float | None = None
    topology: str = ""
    rmax_pflops: float | None = None
    power_mw: float | None = None
    cooling: str = ""
    heat_reuse: str = ""
    planned: bool = False


@dataclass(frozen=True)
class Factory(Sourced):
    """An AI factory, its machine, and in which of EuroHPC's waves (1, 2, 3) it was named."""

    name: str
    site: str
    wave: int
    host_machine: str = ""


@dataclass(frozen=True)
class Accelerator(Sourced):
    """A GPU or the like.

    Attributes:
        name: of the type.
        peak_tflop_s: dense matrix products of 16 bits accumulated in 32, Tflop/s.
        matmul_tflop_s: what was measured of that on large products, Tflop/s.
        memory_gb: its own memory, GB.
        memory_gb_s: bandwidth of that memory, GB/s.
        link_gb_s: bandwidth to the other accelerators of its node per direction, GB/s.
        multiprocessors: units that each compute one tile of a matrix product at a time.
        power_w: at most, W.
        matmul_shape: rows and columns of the result and inner dimension of that product; () where the rate
            counts as that of endless ones.
    """

    name: str
    peak_tflop_s: float
    matmul_tflop_s: float
    memory_gb: float
    memory_gb_s: float
    link_gb_s: float
    multiprocessors: int
    power_w: float | None = None
    matmul_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class QuantumComputer(Sourced):
    """A quantum computer as the twin sees it; None where a value isn't known.

    Attributes:
        name: of the machine.
        site: where it stands.
        beside: the supercomputer that it stands beside.
        modality: what the qubits are.
        qubits: how many are usable.
        t_shot_s: time of one shot, s.
        shots_per_job: most shots of one job.
    """

    name: str
    site: str
    beside: str
    modality: str
    qubits: int | None = None
    t_shot_s: float | None = None
    shots_per_job: int | None = None


@dataclass(frozen=True)
class Catalogue:
    """All that is known, by name."""

    sites: dict[str, Site]
    machines: dict[str, Machine]
    factories: dict[str, Factory]
    accelerators: dict[str, Accelerator]
    qpus: dict[str, QuantumComputer]
