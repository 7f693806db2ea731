"""What an interaction energy is asked with, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import comb
from typing import Any

from labkit.errors import InputError
from labkit.molecules import Dimer

LEVELS: tuple[str, ...] = ("fast", "standard", "accurate")

ACTIVE_SPACES: tuple[str, ...] = ("mp2", "frontier", "avas")

# The exact reference (FCI) is affordable up to 12 orbitals; a 24-qubit circuit takes Aer about 40 s.
_MAX_ORBITALS = 12


@dataclass(frozen=True)
class InteractionSettings:
    """How an interaction energy is computed.

    Attributes:
        level: `fast` (GFN2-xTB), `standard` (ωB97X-3c) or `accurate` (CCSD(T)/CBS); the latter two with the
            quantum step beside them.
        active_occupied: active occupied orbitals of each monomer; None for two, or one if it has no more.
        active_virtual: active virtual orbitals of each monomer; None for two. Where the choice finds fewer
            (two atoms of hydrogen have one σ*), there are fewer, as the result says.
        active_space: how they are chosen: `mp2` (the most correlated MP2 natural orbitals), `frontier`
            (highest occupied, lowest virtual) or `avas` (on the atoms in contact).
        shots: times the circuit is sampled. At 100,000 the energies of the shipped dimers lie up to 0.25 mHa
            above the exact ones, at 300,000 up to 0.07.
        cap: share of the full space to which the controls are capped, at most 0.1.
        seed: seed of the sampling.

    Raises:
        InputError: if a value is out of range.
    """

    level: str = "standard"
    active_occupied: int | None = None
    active_virtual: int | None = None
    active_space: str = "mp2"
    shots: int = 200_000
    cap: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise InputError(f"level {self.level!r} doesn't exist; choose one of {', '.join(LEVELS)}")
        for name in ("active_occupied", "active_virtual", "shots"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value}; at least 1 is wanted")
        if self.active_space not in ACTIVE_SPACES:
            raise InputError(
                f"active_space={self.active_space!r} doesn't exist; choose one of {', '.join(ACTIVE_SPACES)}"
            )
        occupied, virtual = self.orbitals_each
        orbitals = 2 * (occupied + virtual)
        if orbitals > _MAX_ORBITALS:
            vector = 8e-9 * comb(orbitals, 2 * occupied) ** 2
            raise InputError(
                f"active_occupied={occupied} and active_virtual={virtual} make {orbitals} orbitals for the "
                f"dimer ({vector:.2g} GB for an exact state, {16e-9 * 4**orbitals:.2g} GB for the circuit's);"
                f" at most {_MAX_ORBITALS} are allowed"
            )
        if not 0 < self.cap <= 0.1:
            raise InputError(
                f"cap={self.cap}; above 0 and at most 0.1 is wanted: a larger share proves nothing"
            )
        if not 0 <= self.seed < 2**31:
            raise InputError(f"seed={self.seed}; a whole number from 0 to {2**31 - 1} is wanted")

    @property
    def orbitals_each(self) -> tuple[int, int]:
        """Occupied and virtual orbitals that each monomer gives, at most."""
        return self.active_occupied or 2, self.active_virtual or 2


@dataclass(frozen=True)
class InteractionEnergy:
    """The interaction energy of a dimer, with all that is needed to judge it.

    An interaction energy is E(AB) - E(A) - E(B) with the monomers as they stand in the dimer; it is no
    binding free energy.

    Attributes:
        kcal_mol: the headline, kcal/mol, negative where the monomers attract each other.
        level: the level it was computed at.
        method: the headline's method in words.
        charge_class: `neutral` if both monomers are, else `ionic`; energies of the two don't compare.
        components: parts of the headline and rivals of it, kcal/mol.
        error_estimate_kcal_mol: mean absolute error of this level against CCSD(T)/CBS over labkit's own
            validation dimers of this charge class.
        error_estimate_source: how many dimers that is, and where they stand.
        active_space: sizes, how the orbitals were chosen, smallest singular value (empty at `fast`).
        quantum: energies (Ha) of the quantum solver, exact and CCSD, `error_mha`, `delta_kcal_mol`,
            circuit, controls (empty at `fast`). None of it is part of the headline.
        notes: what a reader should know, such as an SCF that needed help.
        seconds: wall time by stage.
        seed: seed of the sampling.
        versions: versions of the packages that took part.
    """

    kcal_mol: float
    level: str
    method: str
    charge_class: str
    components: Mapping[str, float]
    error_estimate_kcal_mol: float
    error_estimate_source: str
    active_space: Mapping[str, Any] = field(default_factory=dict)
    quantum: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the energy as plain values that `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InteractionEnergy:
        """Return the energy that `as_dict` wrote down."""
        return cls(**{**values, "notes": tuple(values["notes"])})


def charge_class_of(dimer: Dimer) -> str:
    """Return `neutral` if both monomers are, else `ionic`."""
    return "ionic" if dimer.charge_a or dimer.charge_b else "neutral"
