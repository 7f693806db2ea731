"""An interaction energy, composed: the headline, and beside it, never added, the quantum step."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from labkit.molecules import Dimer
from labkit.quantum._active_space import MatchedSpaces, matched_spaces
from labkit.quantum._functional import Supermolecule, supermolecule
from labkit.quantum._meanfield import hartree_fock
from labkit.quantum._result import InteractionEnergy, InteractionSettings, charge_class_of
from labkit.quantum._timing import timed
from labkit.quantum._units import HARTREE_IN_KCAL_MOL
from labkit.quantum._validation import error_estimate

_PACKAGES = ("pyscf", "dftd4", "ffsim", "qiskit", "qiskit-aer", "qiskit-addon-sqd", "numpy")

# Share of the counterpoise correction that is applied. ωB97X-3c was made without any and overbinds
# hydrogen bonds, the full one underbinds dispersion: between neutral molecules half of it errs least
# (the average of both bounds: Burns, Marshall, Sherrill 2014, doi:10.1021/ct400149j). Around a charge
# what is left of the superposition error is far larger, and all of it is taken away.
_COUNTERPOISE = {"neutral": 0.5, "ionic": 1.0}


def standard_interaction(dimer: Dimer, settings: InteractionSettings) -> InteractionEnergy:
    """Return the interaction energy by ωB97X-3c, with the quantum step in matched active spaces beside it.

    Raises:
        EvaluationError: if a mean field or a reference doesn't converge, or no matched space exists.
    """
    seconds: dict[str, float] = {}
    charge_class = charge_class_of(dimer)
    # The vDZP basis has no diffuse functions; without them an anion's interaction errs by up to 2 kcal/mol.
    diffuse = min(dimer.charge_a, dimer.charge_b) < 0
    with timed(seconds, "functional"):
        pair = supermolecule(dimer, diffuse=diffuse)
    with timed(seconds, "active_space"):
        spaces, hartree_fock_energy, notes = _spaces(pair, settings)
    notes = pair.notes + notes
    full = pair.with_counterpoise + pair.dispersion
    none = pair.without_counterpoise + pair.dispersion
    dispersion = pair.dispersion
    del pair  # its integrals and the packages of the quantum step are 200 MB each: not both at once
    with timed(seconds, "import_quantum"):
        from labkit.quantum._quantum_step import quantum_step
    quantum = quantum_step(spaces, settings, seconds)

    share = _COUNTERPOISE[charge_class]
    error, source = error_estimate(settings.level, charge_class)
    return InteractionEnergy(
        kcal_mol=(share * full + (1 - share) * none) * HARTREE_IN_KCAL_MOL,
        level=settings.level,
        method=(
            f"ωB97X-3c{' with diffuse s and p functions' if diffuse else ''}, "
            f"{'half' if share == 0.5 else 'full'} counterpoise correction"
        ),
        charge_class=charge_class,
        components={
            "full_counterpoise": full * HARTREE_IN_KCAL_MOL,
            "no_counterpoise": none * HARTREE_IN_KCAL_MOL,
            "half_counterpoise": (full + none) / 2 * HARTREE_IN_KCAL_MOL,
            "dispersion": dispersion * HARTREE_IN_KCAL_MOL,
            "hartree_fock": hartree_fock_energy * HARTREE_IN_KCAL_MOL,
        },
        error_estimate_kcal_mol=error,
        error_estimate_source=source,
        active_space=_describe(spaces),
        quantum=quantum,
        notes=notes,
        seconds=seconds,
        seed=settings.seed,
        versions={package: version(package) for package in _PACKAGES},
    )


def _spaces(
    pair: Supermolecule, settings: InteractionSettings
) -> tuple[MatchedSpaces, float, tuple[str, ...]]:
    """Return matched spaces from Hartree-Fock, its counterpoise-corrected interaction energy (Ha), notes."""
    solutions = [
        hartree_fock(molecular, pair.fitting, density, f"Hartree-Fock of {label}")
        for molecular, density, label in (
            (pair.dimer, pair.density, "the dimer"),
            (pair.monomer_a, pair.density_a, "monomer A with ghost atoms"),
            (pair.monomer_b, pair.density_b, "monomer B with ghost atoms"),
        )
    ]
    dimer, monomer_a, monomer_b = (solution.mean_field for solution in solutions)
    spaces = matched_spaces(
        dimer,
        monomer_a,
        monomer_b,
        occupied=settings.active_occupied,
        virtual=settings.active_virtual,
    )
    notes = tuple(solution.note for solution in solutions if solution.note)
    return spaces, float(dimer.e_tot - monomer_a.e_tot - monomer_b.e_tot), notes


def _describe(spaces: MatchedSpaces) -> dict[str, Any]:
    return {
        "chosen_by": (
            "MP2 natural orbitals of each monomer in the dimer's basis (Hartree-Fock/vDZP), farthest from "
            "filled and from empty; their union projected onto the dimer's occupied and virtual spaces"
        ),
        "dimer": {"electrons": sum(spaces.dimer.nelec), "orbitals": spaces.dimer.norb},
        "monomer_a": {"electrons": sum(spaces.monomer_a.nelec), "orbitals": spaces.monomer_a.norb},
        "monomer_b": {"electrons": sum(spaces.monomer_b.nelec), "orbitals": spaces.monomer_b.norb},
        "smallest_singular_value": spaces.singular_value,
        "occupations_a": list(spaces.occupations_a),
        "occupations_b": list(spaces.occupations_b),
    }
