"""Molecules in a basis, with ghost atoms where wanted, and mean fields that converge or say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import df, gto, lib, scf
from pyscf.gto.basis import parse_nwchem, parse_nwchem_ecp

from labkit.errors import EvaluationError
from labkit.molecules import Dimer
from labkit.store import data_path

# One auxiliary basis for Coulomb and exchange (Weigend 2008, doi:10.1002/jcc.20702).
AUXILIARY_BASIS = "def2-universal-jkfit"

# "Minimal augmentation" divides the smallest exponent by three (Papajak et al. 2011, doi:10.1021/ct200106a).
_DIFFUSE_RATIO = 3.0

Matrix = NDArray[np.float64]


# Working memory beyond what stands already, MB: PySCF's buffers fill whatever they are allowed.
_BUFFERS = 80


@dataclass(frozen=True)
class System:
    """A molecule with the integrals that every mean field on it starts from.

    Attributes:
        mol: PySCF's molecule.
        core_hamiltonian: kinetic, nuclear and core-potential integrals, Ha, shape (nao, nao). PySCF would
            compute them at each turn, and those of core potentials take half a second.
    """

    mol: gto.Mole
    core_hamiltonian: Matrix


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


def system(
    dimer: Dimer,
    atoms: Sequence[int],
    charge: int,
    *,
    ghosts: Sequence[int] = (),
    diffuse: bool = False,
    basis: Mapping[str, str] | None = None,
) -> System:
    """Return atoms of a dimer as a closed-shell molecule in the vDZP basis, or in another one.

    Args:
        dimer: where symbols and positions come from.
        atoms: the atoms to take, ghosts among them, in the order in which their functions shall stand.
        charge: total charge.
        ghosts: those of the atoms that bring only their basis functions.
        diffuse: add one diffuse s and one p function to each atom heavier than hydrogen, as anions need.
        basis: an all-electron basis by element, as PySCF names it, instead of vDZP with its core potentials.
    """
    elements = sorted(set(dimer.symbols))
    heavy = [element for element in elements if element != "H"]
    mol = gto.M(
        atom=[
            (f"ghost-{dimer.symbols[i]}" if i in ghosts else dimer.symbols[i], tuple(dimer.coordinates[i]))
            for i in atoms
        ],
        basis=dict(basis) if basis else {element: _basis(element, diffuse) for element in elements},
        ecp={} if basis else {element: _core_potential(element) for element in heavy},
        charge=charge,
        verbose=0,
    )
    return System(mol, scf.hf.get_hcore(mol))


def density_fitting(
    mol: gto.Mole, omega: float = 0.0, auxiliary: str | Mapping[str, str] = AUXILIARY_BASIS
) -> df.DF:
    """Return density-fitting integrals, which ghosted molecules of the same functions share.

    Args:
        mol: the molecule.
        omega: if not 0, those of the long-range operator erf(ωr)/r are made too, with ω in 1/Bohr.
        auxiliary: name of the auxiliary basis, or one for each element.
    """
    fitting = df.DF(mol, auxiliary)
    _build(fitting)
    if omega:
        with fitting.range_coulomb(omega) as long_range:
            _build(long_range)
    fitting.max_memory = lib.current_memory()[0] + _BUFFERS
    return fitting


def prepare(mean_field: Any, molecular: System, fitting: df.DF) -> Any:
    """Return the mean field with density fitting, ready integrals and buffers of bounded size."""
    fitted = mean_field.density_fit(with_df=fitting)
    fitted.get_hcore = lambda *_: molecular.core_hamiltonian
    fitted.max_memory = lib.current_memory()[0] + _BUFFERS
    return fitted


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
        # The shift is still in the virtual energies.
        mean_field.mo_energy, mean_field.mo_coeff = mean_field.canonicalize(
            mean_field.mo_coeff, mean_field.mo_occ
        )
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


def hartree_fock(molecular: System, fitting: df.DF, guess: Matrix | None, label: str) -> Converged:
    """Return the density-fitted restricted Hartree-Fock solution.

    Raises:
        EvaluationError: if it doesn't converge.
    """
    mean_field = prepare(scf.RHF(molecular.mol), molecular, fitting)
    mean_field.conv_tol = 1e-9
    mean_field.conv_tol_grad = 1e-5
    mean_field.conv_check = False  # converged this tightly, the extra cycle changes nothing
    return converge(mean_field, guess, label)


def _build(fitting: df.DF) -> None:
    mol = fitting.mol
    auxiliary = df.addons.make_auxmol(mol, fitting.auxbasis)
    tensor = auxiliary.nao * mol.nao * (mol.nao + 1) / 2 * 8 / 1e6
    fitting.max_memory = lib.current_memory()[0] + 1.2 * tensor + _BUFFERS
    fitting.build()


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
