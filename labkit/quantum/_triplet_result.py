"""What a triplet energy is asked with, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.errors import InputError

# Both states have an exact reference up to here.
MAX_ORBITALS = 12

# The solvers that take the open-shell sector of the triplet.
TRIPLET_SOLVERS: tuple[str, ...] = ("uccsd", "exact")


@dataclass(frozen=True)
class TripletSettings:
    """How a triplet energy is computed.

    Attributes:
        solver: what solves the active space for the headline, `uccsd` or `exact`.
        layers: repetitions of the `uccsd` ansatz; None for as few as come within 1 mHa of exact, four at
            most.
        lone_pairs: let the lone pairs in the plane (carbonyl O, pyridine N) into the space, so that the
            triplet may also be n→π*.
        max_orbitals: size from which the most correlated orbitals are selected, at most 12.

    Raises:
        InputError: if a value is out of range.
    """

    solver: str = "uccsd"
    layers: int | None = None
    lone_pairs: bool = False
    max_orbitals: int = MAX_ORBITALS

    def __post_init__(self) -> None:
        if self.solver not in TRIPLET_SOLVERS:
            raise InputError(
                f"solver {self.solver!r} doesn't take triplets; choose one of {', '.join(TRIPLET_SOLVERS)}"
            )
        if self.layers is not None and self.layers < 1:
            raise InputError(f"layers={self.layers}; at least 1 is wanted")
        if not 2 <= self.max_orbitals <= MAX_ORBITALS:
            raise InputError(
                f"max_orbitals={self.max_orbitals}; 2 to {MAX_ORBITALS} are wanted: larger spaces have no "
                "exact reference, smaller ones no triplet"
            )


@dataclass(frozen=True)
class TripletEnergy:
    """The vertical energy of the lowest triplet state, with all that is needed to judge it.

    Attributes:
        ev: E(T1) - E(S0) at one geometry, eV; no adiabatic energy, which lies some tenths lower.
        state: `ππ*` or `n→π*`, by where the two unpaired electrons are.
        method: the method in words.
        components: the same difference by parts and rivals of the method, eV.
        error_estimate_ev: mean absolute error over labkit's own validation molecules.
        error_estimate_source: how many these are, and where they stand.
        active_space: electrons, orbitals, atoms, how they were chosen, singular values.
        quantum: for each state the solver's energy (Ha) beside the exact one, ⟨S²⟩, natural occupations,
            cost; `error_mha`, the larger of both; `controls`.
        geometry: where the structure comes from.
        notes: what a reader should know.
        seconds: wall time by stage.
        versions: versions of the packages that took part.
    """

    ev: float
    state: str
    method: str
    components: Mapping[str, float]
    error_estimate_ev: float
    error_estimate_source: str
    active_space: Mapping[str, Any]
    quantum: Mapping[str, Any]
    geometry: str
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the energy as plain values that `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TripletEnergy:
        """Return the energy that `as_dict` wrote down."""
        return cls(**{**values, "notes": tuple(values["notes"])})
