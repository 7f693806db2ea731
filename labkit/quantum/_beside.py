"""What stands beside a headline, never in it: the quantum step in matched active spaces."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from labkit.errors import EvaluationError
from labkit.quantum._active_space import MatchedSpaces, matched_spaces
from labkit.quantum._mp2 import Mp2
from labkit.quantum._result import InteractionSettings
from labkit.quantum._timing import timed

_PACKAGES = ("pyscf", "dftd4", "ffsim", "qiskit", "qiskit-aer", "qiskit-addon-sqd", "numpy")

_CHOSEN_BY = {
    "mp2": "MP2 natural orbitals farthest from filled and from empty",
    "frontier": "highest occupied and lowest virtual orbitals",
    "avas": "orbitals with the largest share of the valence functions of the atoms in contact (AVAS)",
}


@dataclass(frozen=True)
class Beside:
    """The quantum step and where it took place.

    Attributes:
        active_space: sizes, how the orbitals were chosen; empty where no matched space exists.
        quantum: the quantum step's answer; empty where there is none.
        notes: why there is none.
    """

    active_space: dict[str, Any] = field(default_factory=dict)
    quantum: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def quantum_beside(
    fields: list[Any],
    correlation: tuple[Mp2, Mp2],
    basis: str,
    settings: InteractionSettings,
    seconds: dict[str, float],
) -> Beside:
    """Return what stands beside a headline. A quantum step that fails is noted; the headline needs none.

    Args:
        fields: PySCF's Hartree-Fock solutions of dimer, monomer A and monomer B, all in the dimer's basis;
            the list is emptied when the integrals are no longer needed.
        correlation: MP2 of the monomers.
        basis: the basis in words.
        settings: settings of active space and sampling.
        seconds: stages are added to it.
    """
    occupied, virtual = settings.orbitals_each
    try:
        with timed(seconds, "active_space"):
            spaces = matched_spaces(
                *fields,
                correlation=correlation,
                occupied=occupied,
                virtual=virtual,
                choice=settings.active_space,
            )
        fields.clear()
        with timed(seconds, "import_quantum"):
            from labkit.quantum._quantum_step import quantum_step
        quantum = quantum_step(spaces, settings, seconds)
    except EvaluationError as error:
        return Beside(notes=(f"no quantum step beside the headline: {error}",))
    return Beside(_describe(spaces, basis), quantum)


def versions() -> dict[str, str]:
    """Return the versions of the packages that take part."""
    return {package: version(package) for package in _PACKAGES}


def _describe(spaces: MatchedSpaces, basis: str) -> dict[str, Any]:
    valence = ", virtual ones from its valence space" if spaces.valence else ""
    return {
        "chosen_by": (
            f"{_CHOSEN_BY[spaces.choice]}, of each monomer in the dimer's basis{valence} "
            f"(Hartree-Fock/{basis}); their union projected onto the dimer's occupied and virtual spaces"
        ),
        "choice": spaces.choice,
        "dimer": {"electrons": sum(spaces.dimer.nelec), "orbitals": spaces.dimer.norb},
        "monomer_a": {"electrons": sum(spaces.monomer_a.nelec), "orbitals": spaces.monomer_a.norb},
        "monomer_b": {"electrons": sum(spaces.monomer_b.nelec), "orbitals": spaces.monomer_b.norb},
        "smallest_singular_value": spaces.singular_value,
        "occupations_a": list(spaces.occupations_a),
        "occupations_b": list(spaces.occupations_b),
    }
