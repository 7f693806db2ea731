"""An interaction energy, composed: the headline, and beside it, never added, the quantum step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.molecules import Dimer
from labkit.quantum._beside import quantum_beside, versions
from labkit.quantum._functional import Supermolecule, supermolecule
from labkit.quantum._meanfield import hartree_fock
from labkit.quantum._mp2 import mp2
from labkit.quantum._result import InteractionEnergy, InteractionSettings, charge_class_of
from labkit.quantum._timing import timed
from labkit.quantum._units import HARTREE_IN_KCAL_MOL
from labkit.quantum._validation import error_estimate

# Share of the counterpoise correction that is applied. ωB97X-3c was made without any and overbinds
# hydrogen bonds, the full one underbinds dispersion: between neutral molecules half of it errs least
# (the average of both bounds: Burns, Marshall, Sherrill 2014, doi:10.1021/ct400149j). Around a charge
# what is left of the superposition error is far larger, and all of it is taken away.
_COUNTERPOISE = {"neutral": "half", "ionic": "full"}


def standard_interaction(dimer: Dimer, settings: InteractionSettings) -> InteractionEnergy:
    """Return the interaction energy by ωB97X-3c, with the quantum step in matched active spaces beside it.

    Raises:
        EvaluationError: if a mean field doesn't converge.
    """
    seconds: dict[str, float] = {}
    charge_class = charge_class_of(dimer)
    # The vDZP basis has no diffuse functions; without them an anion's interaction errs by up to 2 kcal/mol.
    diffuse = min(dimer.charge_a, dimer.charge_b) < 0
    with timed(seconds, "functional"):
        pair = supermolecule(dimer, diffuse=diffuse)
    with timed(seconds, "hartree_fock"):
        fields, notes = _hartree_fock(pair)
    notes = pair.notes + notes
    with timed(seconds, "mp2"):
        correlation = [mp2(mean_field) for mean_field in fields]
    mean_field_part = _interaction([mean_field.e_tot for mean_field in fields])
    energies = {
        "full_counterpoise": pair.with_counterpoise + pair.dispersion,
        "half_counterpoise": (pair.with_counterpoise + pair.without_counterpoise) / 2 + pair.dispersion,
        "no_counterpoise": pair.without_counterpoise + pair.dispersion,
        "dispersion": pair.dispersion,
        "hartree_fock": mean_field_part,
        "mp2": mean_field_part + _interaction([entry.energy for entry in correlation]),
    }
    components = {name: energy * HARTREE_IN_KCAL_MOL for name, energy in energies.items()}
    del pair  # its integrals and the packages of the quantum step are 200 MB each: not both at once
    beside = quantum_beside(fields, (correlation[1], correlation[2]), "vDZP", settings, seconds)
    if beside.quantum:
        components["casci"] = beside.quantum["interaction_kcal_mol"]["exact"]
    headline = _COUNTERPOISE[charge_class]
    error, source = error_estimate(settings.level, charge_class)
    return InteractionEnergy(
        kcal_mol=components[f"{headline}_counterpoise"],
        level=settings.level,
        method=(
            f"ωB97X-3c{' with diffuse s and p functions' if diffuse else ''}, "
            f"{headline} counterpoise correction"
        ),
        charge_class=charge_class,
        components=components,
        error_estimate_kcal_mol=error,
        error_estimate_source=source,
        active_space=beside.active_space,
        quantum=beside.quantum,
        notes=notes + beside.notes,
        seconds=seconds,
        seed=settings.seed,
        versions=versions(),
    )


def _interaction(energies: Sequence[float]) -> float:
    return float(energies[0] - energies[1] - energies[2])


def _hartree_fock(pair: Supermolecule) -> tuple[list[Any], tuple[str, ...]]:
    """Return Hartree-Fock of dimer and monomers from the functional's densities, and notes."""
    solutions = [
        hartree_fock(molecular, pair.fitting, density, f"Hartree-Fock of {label}")
        for molecular, density, label in (
            (pair.dimer, pair.density, "the dimer"),
            (pair.monomer_a, pair.density_a, "monomer A with ghost atoms"),
            (pair.monomer_b, pair.density_b, "monomer B with ghost atoms"),
        )
    ]
    return [solution.mean_field for solution in solutions], tuple(s.note for s in solutions if s.note)
