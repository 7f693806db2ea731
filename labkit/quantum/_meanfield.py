"""Molecules in the vDZP basis, with ghost atoms where wanted, and mean fields that converge or say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import gto, scf
from pyscf.gto.basis import parse_nwchem, parse_nwchem_ecp

from labkit.errors import EvaluationError
from labkit.molecules import Dimer
from labkit.store import data_path

# One auxiliary basis for Coulomb and exchange (Weigend 2008, doi:10.1002/jcc.20702).
AUXILIARY_BASIS = "def2-universal-jkfit"

# "Minimal augmentation" divides the smallest exponent by three (Papajak et al. 2011, doi:10.1021/ct200106a).
_DIFFUSE_RATIO = 3.0

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Converged:
    """A converged mean field.

    Attributes:
        mean_field: PySCF's object.
        note: empty, or how convergence was reached where plain DIIS failed.
    """

    mean_field: Any
    note: str

    @property
    def density(self) -> Matrix:
        """The one-particle density matrix in the AO basis, shape (nao, nao)."""
        return np.asarray(self.mean_field.make_rdm1())


def molecule(
    dimer: Dimer, atoms: Sequence[int], charge: int, *, ghosts: Sequence[int] = (), diffuse: bool = False
) -> gto.Mole:
    """Return atoms of a dimer as a closed-shell PySCF molecule in the vDZP basis.

    Args:
        dimer: where symbols and positions come from.
        atoms: the atoms to take, ghosts among them, in the order in which their functions shall stand.
        charge: total charge.
        ghosts: those of the atoms that bring only their basis functions.
        diffuse: add one diffuse s and one p function to each atom heavier than hydrogen, as anions need.
    """
    elements = sorted(set(dimer.symbols))
    return gto.M(
        atom=[
            (f"ghost-{dimer.symbols[i]}" if i in ghosts else dimer.symbols[i], tuple(dimer.coordinates[i]))
            for i in atoms
        ],
        basis={element: _basis(element, diffuse) for element in elements},
        ecp={element: _core_potential(element) for element in elements if element != "H"},
        charge=charge,
        verbose=0,
    )


def converge(mean_field: Any, guess: Matrix | None, label: str) -> Converged:
    """Return the mean field converged from a guess density: by DIIS, else level shift, else second order.

    Raises:
        EvaluationError: if none of the three converges.
    """
    mean_field.kernel(guess)
    if mean_field.converged:
        return Converged(mean_field, "")
    mean_field.level_shift = 0.3
    mean_field.max_cycle = 100
    mean_field.kernel(mean_field.make_rdm1())
    mean_field.level_shift = 0.0
    if mean_field.converged:
        return Converged(mean_field, f"{label}: SCF converged only with a level shift")
    second_order = mean_field.newton()
    second_order.kernel(mean_field.mo_coeff, mean_field.mo_occ)
    if second_order.converged:
        mean_field.mo_coeff, mean_field.mo_occ = second_order.mo_coeff, second_order.mo_occ
        mean_field.mo_energy, mean_field.e_tot = second_order.mo_energy, second_order.e_tot
        mean_field.converged = True
        return Converged(mean_field, f"{label}: SCF converged only by the second-order method")
    raise EvaluationError(
        f"{label}: the SCF converged neither by DIIS nor with a level shift nor by second order; "
        "check the geometry and the charge"
    )


def hartree_fock(mol: gto.Mole, fitting: Any, guess: Matrix, label: str) -> Converged:
    """Return the density-fitted restricted Hartree-Fock solution.

    Raises:
        EvaluationError: if it doesn't converge.
    """
    mean_field = scf.RHF(mol).density_fit(with_df=fitting)
    mean_field.conv_tol = 1e-9
    mean_field.conv_tol_grad = 1e-6
    return converge(mean_field, guess, label)


@cache
def _parameters() -> tuple[str, str]:
    basis, _, potentials = data_path("basis", "vdzp.nwchem").read_text().partition("\nECP\n")
    return basis, potentials


def _basis(element: str, diffuse: bool) -> list[Any]:
    shells = list(parse_nwchem.parse(_parameters()[0], element))
    if diffuse and element != "H":
        for momentum in (0, 1):
            smallest = min(row[0] for shell in shells if shell[0] == momentum for row in shell[1:])
            shells.append([momentum, [smallest / _DIFFUSE_RATIO, 1.0]])
    return shells


def _core_potential(element: str) -> list[Any]:
    return list(parse_nwchem_ecp.parse(_parameters()[1], element))
