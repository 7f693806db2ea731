"""The headline: interaction energy by ωB97X-3c with a counterpoise treatment.

ωB97X-3c is the functional ωB97X-V without its non-local part, in the basis vDZP with its effective core
potentials, with D4 dispersion (Müller, Hansen, Grimme 2023, doi:10.1063/5.0133026).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from dftd4.interface import DampingParam, DispersionModel
from pyscf import df, dft, gto

from labkit.molecules import Dimer
from labkit.quantum._meanfield import Converged, Matrix, System, converge, density_fitting, prepare, system
from labkit.quantum._units import BOHR_IN_ANGSTROM

_FUNCTIONAL = "wb97x-v"

# The SCF converges on the coarse grid; one evaluation of its density on the fine grid gives the energy.
# Against full convergence on a grid one level finer this changes interaction energies by less than
# 0.002 kcal/mol (the error is of second order in the density's), at a third of the time.
_COARSE_GRID = 0
_FINE_GRID = 2


@dataclass(frozen=True)
class Supermolecule:
    """The five mean fields behind a counterpoise-corrected interaction energy, all energies in Ha.

    Attributes:
        dimer: the dimer.
        monomer_a: monomer A with B's atoms as ghosts, its functions in the dimer's order.
        monomer_b: monomer B with A's atoms as ghosts.
        fitting: the density-fitting integrals that the three share, for they share all functions.
        density: converged density of the dimer.
        density_a: converged density of A in the dimer's basis.
        density_b: converged density of B in the dimer's basis.
        with_counterpoise: interaction energy with the monomers in the dimer's basis, without dispersion.
        without_counterpoise: the same with each monomer in its own basis.
        dispersion: D4 part.
        notes: SCFs that needed help.
    """

    dimer: System
    monomer_a: System
    monomer_b: System
    fitting: df.DF
    density: Matrix
    density_a: Matrix
    density_b: Matrix
    with_counterpoise: float
    without_counterpoise: float
    dispersion: float
    notes: tuple[str, ...]


def supermolecule(dimer: Dimer, *, diffuse: bool) -> Supermolecule:
    """Return the ωB97X-3c energies of a dimer and of its monomers with and without ghost functions.

    Args:
        dimer: the dimer.
        diffuse: add diffuse functions to the basis, as anions need.

    Raises:
        EvaluationError: if an SCF doesn't converge.
    """
    everything = range(len(dimer.symbols))
    alone_a, energy_a = _alone(dimer, dimer.selection_a, dimer.charge_a, diffuse, "monomer A")
    alone_b, energy_b = _alone(dimer, dimer.selection_b, dimer.charge_b, diffuse, "monomer B")
    together = system(dimer, everything, dimer.charge, diffuse=diffuse)
    ghosted_a = system(dimer, everything, dimer.charge_a, ghosts=dimer.selection_b, diffuse=diffuse)
    ghosted_b = system(dimer, everything, dimer.charge_b, ghosts=dimer.selection_a, diffuse=diffuse)
    guess_a = _embed(alone_a.density, together.mol, dimer.selection_a)
    guess_b = _embed(alone_b.density, together.mol, dimer.selection_b)

    fitting = density_fitting(together.mol, _omega())
    grids = _grid(together.mol, _COARSE_GRID), _grid(together.mol, _FINE_GRID)
    solution, energy = _solve(together, fitting, grids, guess_a + guess_b, "dimer")
    solution_a, energy_ghosted_a = _solve(ghosted_a, fitting, grids, guess_a, "monomer A with ghost atoms")
    solution_b, energy_ghosted_b = _solve(ghosted_b, fitting, grids, guess_b, "monomer B with ghost atoms")
    # The long-range integrals served the functional only; Hartree-Fock, which comes next, needs the memory.
    fitting._rsh_df.clear()
    solutions = (alone_a, alone_b, solution, solution_a, solution_b)
    return Supermolecule(
        dimer=together,
        monomer_a=ghosted_a,
        monomer_b=ghosted_b,
        fitting=fitting,
        density=solution.density,
        density_a=solution_a.density,
        density_b=solution_b.density,
        with_counterpoise=energy - energy_ghosted_a - energy_ghosted_b,
        without_counterpoise=energy - energy_a - energy_b,
        dispersion=dispersion_interaction(dimer),
        notes=tuple(solution.note for solution in solutions if solution.note),
    )


def dispersion_interaction(dimer: Dimer) -> float:
    """Return the D4 part of the interaction energy, Ha (Caldeweyher et al. 2019, doi:10.1063/1.5090222)."""
    everything = tuple(range(len(dimer.symbols)))
    return (
        _dispersion(dimer, everything, dimer.charge)
        - _dispersion(dimer, dimer.selection_a, dimer.charge_a)
        - _dispersion(dimer, dimer.selection_b, dimer.charge_b)
    )


def _dispersion(dimer: Dimer, atoms: tuple[int, ...], charge: int) -> float:
    numbers = np.array([gto.charge(dimer.symbols[i]) for i in atoms])
    model = DispersionModel(numbers, dimer.coordinates[list(atoms)] / BOHR_IN_ANGSTROM, charge=float(charge))
    return float(model.get_dispersion(DampingParam(method="wb97x-3c"), grad=False)["energy"])


def _alone(
    dimer: Dimer, selection: tuple[int, ...], charge: int, diffuse: bool, label: str
) -> tuple[Converged, float]:
    monomer = system(dimer, selection, charge, diffuse=diffuse)
    grids = _grid(monomer.mol, _COARSE_GRID), _grid(monomer.mol, _FINE_GRID)
    return _solve(monomer, density_fitting(monomer.mol, _omega()), grids, None, label)


def _solve(
    molecular: System, fitting: df.DF, grids: tuple[dft.Grids, dft.Grids], guess: Matrix | None, label: str
) -> tuple[Converged, float]:
    """Return the mean field, converged on the first grid, and the energy of its density on the second, Ha."""
    mean_field = prepare(dft.RKS(molecular.mol, xc=_FUNCTIONAL), molecular, fitting)
    mean_field.nlc = False
    mean_field.grids, fine = grids
    mean_field.conv_tol = 1e-6
    mean_field.conv_tol_grad = 1e-3
    mean_field.conv_check = False  # no extra cycle: the evaluation on the fine grid is one
    solution = converge(mean_field, guess, label)
    mean_field.grids = fine
    density = solution.density
    return solution, float(mean_field.energy_tot(density, vhf=mean_field.get_veff(dm=density)))


def _omega() -> float:
    """Return the functional's range-separation parameter ω, 1/Bohr."""
    return float(dft.libxc.rsh_coeff(_FUNCTIONAL)[0])


def _grid(mol: gto.Mole, level: int) -> dft.Grids:
    grid = dft.Grids(mol)
    grid.level = level
    return grid.build()


def _embed(density: Matrix, mol: gto.Mole, atoms: tuple[int, ...]) -> Matrix:
    """Return a monomer's density in the dimer's basis, shape (nao, nao), zero on the other monomer."""
    slices = mol.aoslice_by_atom()
    functions = np.concatenate([np.arange(slices[i, 2], slices[i, 3]) for i in atoms])
    embedded = np.zeros((mol.nao, mol.nao))
    embedded[np.ix_(functions, functions)] = density
    return embedded
