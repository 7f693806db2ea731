"""GFN2-xTB through tblite: energies, and relaxation with part of the atoms held.

Method: Bannwarth, Ehlert & Grimme 2019, 10.1021/acs.jctc.8b01176. tblite's threads follow
OMP_NUM_THREADS; workers set it to 1 before they start, which also makes results reproducible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from labkit.errors import EvaluationError, InputError, MissingDependencyError

BOHR = 0.529177210903
"""Å per bohr (CODATA 2018)."""

if TYPE_CHECKING:
    from tblite.interface import Calculator

Coordinates = npt.NDArray[np.float64]


def xtb_energy(
    symbols: Sequence[str], coordinates: npt.ArrayLike, charge: int = 0, *, solvent: str | None = None
) -> float:
    """GFN2-xTB energy of a closed-shell molecule, hartree.

    Args:
        symbols: element symbols, one per atom.
        coordinates: positions, shape (natom, 3), Å.
        charge: net charge, e.
        solvent: ALPB solvent such as "water" (Ehlert et al. 2021, 10.1021/acs.jctc.1c00471), or None.

    Raises:
        InputError: if the input is malformed or the number of electrons is odd.
        EvaluationError: if the calculation does not converge.
        MissingDependencyError: if tblite is not installed.
    """
    positions = _checked(symbols, coordinates, charge)
    energy, _ = _single_point(_calculator(symbols, positions, charge, solvent))
    return energy


def relax_hydrogens(
    symbols: Sequence[str],
    coordinates: npt.ArrayLike,
    charge: int = 0,
    *,
    solvent: str | None = None,
    max_force: float = 5e-3,
    max_steps: int = 200,
) -> Coordinates:
    """Positions, shape (natom, 3), Å, with every hydrogen relaxed and all other atoms where they were.

    Args:
        symbols: element symbols, one per atom.
        coordinates: start positions, shape (natom, 3), Å.
        charge: net charge, e.
        solvent: as in `xtb_energy`.
        max_force: largest component of the gradient at which to stop, hartree/bohr.
        max_steps: most steps of L-BFGS; the best positions so far are an error, not a result.

    Raises:
        InputError: if the input is malformed or the number of electrons is odd.
        EvaluationError: if the calculation does not converge.
        MissingDependencyError: if tblite is not installed.
    """
    movable = np.array([symbol == "H" for symbol in symbols])
    return _relaxed(symbols, coordinates, charge, movable, solvent, max_force, max_steps)


def relax(
    symbols: Sequence[str],
    coordinates: npt.ArrayLike,
    charge: int = 0,
    *,
    max_force: float = 5e-4,
    max_steps: int = 500,
) -> Coordinates:
    """Positions, shape (natom, 3), Å, all atoms relaxed; arguments and errors as in `relax_hydrogens`."""
    movable = np.ones(len(symbols), dtype=bool)
    return _relaxed(symbols, coordinates, charge, movable, None, max_force, max_steps)


def _relaxed(
    symbols: Sequence[str],
    coordinates: npt.ArrayLike,
    charge: int,
    movable: npt.NDArray[np.bool_],
    solvent: str | None,
    max_force: float,
    max_steps: int,
) -> Coordinates:
    start = _checked(symbols, coordinates, charge)
    if not movable.any():
        return start
    calculator = _calculator(symbols, start, charge, solvent)
    positions = start / BOHR

    def objective(free: Coordinates) -> tuple[float, Coordinates]:
        trial = positions.copy()
        trial[movable] = free.reshape(-1, 3)
        calculator.update(positions=trial)
        energy, gradient = _single_point(calculator)
        return energy, gradient[movable].ravel()

    found = minimize(
        objective,
        positions[movable].ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"gtol": max_force, "ftol": 0.0, "maxiter": max_steps},
    )
    if np.abs(found.jac).max() > max_force:
        raise EvaluationError(
            f"atoms not relaxed after {found.nit} steps: "
            f"force {np.abs(found.jac).max():.1e} hartree/bohr, wanted {max_force:.0e}"
        )
    positions[movable] = found.x.reshape(-1, 3)
    relaxed = start.copy()
    relaxed[movable] = positions[movable] * BOHR
    return relaxed


def _checked(symbols: Sequence[str], coordinates: npt.ArrayLike, charge: int) -> Coordinates:
    from rdkit import Chem

    positions = np.array(coordinates, dtype=np.float64)
    if positions.shape != (len(symbols), 3) or not np.isfinite(positions).all():
        raise InputError(
            f"coordinates of shape {positions.shape}: finite ones of shape ({len(symbols)}, 3) are needed"
        )
    table = Chem.GetPeriodicTable()
    try:
        electrons = sum(table.GetAtomicNumber(symbol) for symbol in symbols) - charge
    except RuntimeError:
        raise InputError(f"symbols {sorted(set(symbols))}: one of them is no chemical element") from None
    if electrons % 2:
        raise InputError(f"{electrons} electrons at charge {charge:+d}: an even number is needed")
    return positions


def _calculator(
    symbols: Sequence[str], positions: Coordinates, charge: int, solvent: str | None
) -> Calculator:
    try:
        from tblite.interface import Calculator, symbols_to_numbers
    except ImportError:
        raise MissingDependencyError(
            "GFN2-xTB needs tblite, which has no wheel for Windows; elsewhere: pip install 'tblite>=0.4'"
        ) from None
    calculator = Calculator("GFN2-xTB", symbols_to_numbers(list(symbols)), positions / BOHR, charge)
    calculator.set("verbosity", 0)
    if solvent is not None:
        calculator.add("alpb-solvation", solvent)
    return calculator


def _single_point(calculator: Calculator) -> tuple[float, Coordinates]:
    try:
        result = calculator.singlepoint()
    except (RuntimeError, ValueError) as error:
        first = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise EvaluationError(f"GFN2-xTB failed: {first}") from None
    return float(result.get("energy")), np.asarray(result.get("gradient"))
