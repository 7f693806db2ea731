"""A π active space, and its orbitals optimised for one state (CASSCF with density fitting)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import ao2mo, fci, gto, lib, mcscf

from labkit.errors import EvaluationError
from labkit.quantum._fitted_integrals import FittedIntegrals
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._pi_space import PiOrbital

Matrix = NDArray[np.float64]

# The energy is stationary: orbitals this well converged leave it within 1e-6 Ha.
_ENERGY_TOLERANCE = 1e-7
_GRADIENT_TOLERANCE = 1e-3

# Macro-iterations, at first and with smaller steps, and the working memory, MB.
_CYCLES = (50, 100)
_MEMORY = 1000


@dataclass(frozen=True)
class OptimizedState:
    """The lowest state of a spin sector, in orbitals that are optimised for it.

    Attributes:
        orbitals: core, natural active orbitals by falling occupation, virtual; shape (nao, nmo).
        hamiltonian: the active space in the natural orbitals.
        energy: CASSCF energy, Ha.
        kept: smallest singular value of the final active orbitals on the space of the atomic ones that they
            were made of; near 0 where one of them drifted elsewhere.
        note: empty, or how convergence was reached.
    """

    orbitals: Matrix
    hamiltonian: ActiveHamiltonian
    energy: float
    kept: float
    note: str


def atomic_orbitals(mol: gto.Mole, chosen: tuple[PiOrbital, ...]) -> Matrix:
    """Return overlaps of the molecule's basis with orthonormalised atomic valence p orbitals, shape (nao, n).

    The atomic ones are of PySCF's minimal basis `minao`, turned along the directions given, as in AVAS
    (Sayfutyarova, Sun, Chan, Knizia 2017, doi:10.1021/acs.jctc.7b00128).
    """
    atoms = [(mol.atom_pure_symbol(i), mol.atom_coord(i)) for i in range(mol.natm)]
    minimal = gto.M(atom=atoms, unit="Bohr", basis="minao", spin=None, verbose=0)
    labels = minimal.ao_labels(fmt=None)
    combination = np.zeros((minimal.nao, len(chosen)))
    for column, orbital in enumerate(chosen):
        functions = [i for i, (atom, _, kind, _) in enumerate(labels) if atom == orbital.atom and "p" in kind]
        for i in functions[-3:]:  # the outermost shell
            combination[i, column] = orbital.direction["xyz".index(labels[i][3])]
    values, vectors = np.linalg.eigh(combination.T @ minimal.intor("int1e_ovlp") @ combination)
    orthonormal = combination @ (vectors / np.sqrt(values)) @ vectors.T
    return gto.intor_cross("int1e_ovlp", mol, minimal) @ orthonormal


def starting_orbitals(mean_field: Any, overlaps: Matrix, electrons: int) -> tuple[Matrix, float]:
    """Return core, active, virtual orbitals of which the active ones overlap most with atomic ones.

    Occupied and virtual orbitals are rotated apart, so that the Hartree-Fock determinant stays what it is.

    Args:
        mean_field: PySCF's closed-shell solution.
        overlaps: of `atomic_orbitals`.
        electrons: active electrons.

    Returns:
        The orbitals, shape (nao, nmo), and the smallest singular value of those taken into the space.
    """
    filled = mean_field.mo_occ > 0
    pairs, norb = electrons // 2, overlaps.shape[1]
    occupied, virtual = mean_field.mo_coeff[:, filled], mean_field.mo_coeff[:, ~filled]
    left_o, values_o, _ = np.linalg.svd(occupied.T @ overlaps)
    left_v, values_v, _ = np.linalg.svd(virtual.T @ overlaps)
    orbitals = np.hstack(
        [
            occupied @ left_o[:, pairs:],
            occupied @ left_o[:, :pairs],
            virtual @ left_v[:, : norb - pairs],
            virtual @ left_v[:, norb - pairs :],
        ]
    )
    return orbitals, float(min(values_o[pairs - 1], values_v[norb - pairs - 1]))


def optimize_state(
    mean_field: Any,
    orbitals: Matrix,
    norb: int,
    nelec: tuple[int, int],
    overlaps: Matrix,
    label: str,
) -> OptimizedState:
    """Return the lowest state of a sector by CASSCF, in its natural orbitals.

    Args:
        mean_field: PySCF's density-fitted solution, for integrals and the number of electrons.
        orbitals: where to start, shape (nao, nmo), the active ones behind the core.
        norb: number of active orbitals.
        nelec: active electrons of spin up and of spin down.
        overlaps: of `atomic_orbitals`.
        label: the state, for messages.

    Raises:
        EvaluationError: if the orbitals don't converge, or the state is of another spin than its sector's.
    """
    singlet = nelec[0] == nelec[1]
    optimizer = mcscf.CASSCF(mean_field, norb, nelec)
    optimizer.fcisolver = (fci.direct_spin0 if singlet else fci.direct_spin1).FCI(mean_field.mol)
    optimizer.conv_tol, optimizer.conv_tol_grad = _ENERGY_TOLERANCE, _GRADIENT_TOLERANCE
    optimizer.max_memory = lib.current_memory()[0] + _MEMORY
    FittedIntegrals(optimizer.with_df, optimizer.ncore, norb).serve(optimizer)
    optimizer.max_cycle_macro = _CYCLES[0]
    note = ""
    optimizer.kernel(orbitals)
    if not optimizer.converged:
        note = f"{label}: CASSCF converged only with smaller steps"
        optimizer.max_stepsize, optimizer.max_cycle_macro = 0.005, _CYCLES[1]
        optimizer.kernel(optimizer.mo_coeff, optimizer.ci)
    if not optimizer.converged:
        raise EvaluationError(
            f"{label}: CASSCF didn't converge in {norb} orbitals, also not with smaller steps; check the "
            "geometry"
        )
    spin_square = float(fci.spin_op.spin_square(optimizer.ci, norb, nelec)[0])
    if abs(spin_square - (0.0 if singlet else 2.0)) > 0.01:
        raise EvaluationError(
            f"{label}: the lowest state of the sector has ⟨S²⟩ = {spin_square:.2f}, no "
            f"{'singlet' if singlet else 'triplet'}"
        )
    natural, _, _ = optimizer.cas_natorb()
    active = natural[:, optimizer.ncore : optimizer.ncore + norb]
    h1e, core = optimizer.get_h1eff(natural)
    eri = ao2mo.restore(1, np.asarray(optimizer.get_h2eff(active)), norb)
    return OptimizedState(
        orbitals=natural,
        hamiltonian=ActiveHamiltonian(h1e=np.asarray(h1e), eri=eri, core=float(core), nelec=nelec),
        energy=float(optimizer.e_tot),
        kept=float(np.linalg.svd(active.T @ overlaps, compute_uv=False).min()),
        note=note,
    )
