"""Interaction energies by GFN2-xTB: below a second, for a first look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, symbols_to_numbers

from labkit.errors import EvaluationError
from labkit.molecules import Dimer
from labkit.quantum._result import InteractionEnergy, InteractionSettings, charge_class_of
from labkit.quantum._units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL
from labkit.quantum._validation import error_estimate

# tblite's own damping of the charges' mixing, and a heavier one that slows down and hardly ever fails.
_DAMPINGS = (0.4, 0.1)


def fast_interaction(dimer: Dimer, settings: InteractionSettings) -> InteractionEnergy:
    """Return the GFN2-xTB interaction energy (Bannwarth, Ehlert, Grimme 2019, doi:10.1021/acs.jctc.8b01176).

    Raises:
        EvaluationError: if the self-consistent charges don't converge.
    """
    start = time.perf_counter()
    charge_class = charge_class_of(dimer)
    everything = range(len(dimer.symbols))
    together, a, b = (
        _energy(dimer, atoms, charge, label)
        for atoms, charge, label in (
            (everything, dimer.charge, "dimer"),
            (dimer.selection_a, dimer.charge_a, "monomer A"),
            (dimer.selection_b, dimer.charge_b, "monomer B"),
        )
    )
    kcal_mol = (together[0] - a[0] - b[0]) * HARTREE_IN_KCAL_MOL
    error, source = error_estimate(settings.level, charge_class)
    return InteractionEnergy(
        kcal_mol=kcal_mol,
        level=settings.level,
        method="GFN2-xTB",
        charge_class=charge_class,
        components={"gfn2_xtb": kcal_mol},
        error_estimate_kcal_mol=error,
        error_estimate_source=source,
        notes=tuple(note for _, note in (together, a, b) if note),
        seconds={"gfn2_xtb": time.perf_counter() - start},
        seed=settings.seed,
        versions={"tblite": version("tblite")},
    )


def _energy(dimer: Dimer, atoms: Sequence[int], charge: int, label: str) -> tuple[float, str]:
    """Return the total energy of some of a dimer's atoms, Ha, and empty or how convergence was reached."""
    numbers = np.asarray(symbols_to_numbers([dimer.symbols[i] for i in atoms]))
    positions = dimer.coordinates[list(atoms)] / BOHR_IN_ANGSTROM
    failure = ""
    for damping in _DAMPINGS:
        try:
            calculator = Calculator("GFN2-xTB", numbers, positions, charge=float(charge))
            calculator.set("verbosity", 0)
            calculator.set("mixer-damping", damping)
            energy = float(calculator.singlepoint().get("energy"))
        except TBLiteRuntimeError as error:
            failure = failure or str(error).splitlines()[0]
        else:
            return energy, failure and f"{label}: GFN2-xTB converged only with heavier damping"
    raise EvaluationError(f"{label}: GFN2-xTB failed ({failure})")
