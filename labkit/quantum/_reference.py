"""Classical energies in an active space: exact and coupled cluster, to judge the quantum solver by."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import ao2mo, cc, gto, scf

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._sector import exact_state, orbital_energies

_LEVEL_SHIFT = 0.3  # Ha


@dataclass(frozen=True)
class CoupledCluster:
    """CCSD in an active space.

    Attributes:
        energy: total energy with the core, Ha.
        t1: single amplitudes, shape (nocc, nvirt).
        t2: double amplitudes, shape (nocc, nocc, nvirt, nvirt).
    """

    energy: float
    t1: NDArray[np.float64]
    t2: NDArray[np.float64]


@dataclass(frozen=True)
class OpenCoupledCluster:
    """CCSD of an open shell in an active space: amplitudes of each spin.

    Attributes:
        energy: total energy with the core, Ha.
        t1: single amplitudes of spin up and of spin down, each of shape (nocc, nvirt).
        t2: double amplitudes of two electrons up, of one up and one down, of two down.
    """

    energy: float
    t1: tuple[NDArray[np.float64], NDArray[np.float64]]
    t2: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def exact_energy(hamiltonian: ActiveHamiltonian) -> float:
    """Return the full-CI ground-state energy with the core, Ha.

    Raises:
        EvaluationError: if the iterative eigensolver doesn't converge.
    """
    return exact_state(hamiltonian)[0] + hamiltonian.core


def coupled_cluster(hamiltonian: ActiveHamiltonian) -> CoupledCluster:
    """Return CCSD on top of the closed-shell determinant of the first orbitals.

    Raises:
        EvaluationError: if the amplitudes don't converge.
    """
    solver = _ccsd(hamiltonian)
    return CoupledCluster(
        float(solver.e_tot) + hamiltonian.core, np.asarray(solver.t1), np.asarray(solver.t2)
    )


def open_coupled_cluster(hamiltonian: ActiveHamiltonian) -> OpenCoupledCluster:
    """Return CCSD on top of the determinant that fills the first orbitals of each spin.

    Raises:
        EvaluationError: if the amplitudes don't converge.
    """
    norb = hamiltonian.norb
    mol = gto.M(verbose=0)
    mol.nelectron, mol.spin = sum(hamiltonian.nelec), hamiltonian.nelec[0] - hamiltonian.nelec[1]
    mean_field = scf.UHF(mol)
    mean_field.mo_coeff = np.array([np.eye(norb)] * 2)
    mean_field.mo_occ = np.array([np.arange(norb) < count for count in hamiltonian.nelec], dtype=float)
    mean_field.mo_energy = np.array(orbital_energies(hamiltonian))
    solver = _converged(cc.UCCSD(_with_integrals(mean_field, hamiltonian)))
    return OpenCoupledCluster(float(solver.e_tot) + hamiltonian.core, tuple(solver.t1), tuple(solver.t2))


def coupled_cluster_with_triples(hamiltonian: ActiveHamiltonian) -> float:
    """Return the CCSD(T) energy with the core, Ha.

    The triples (Raghavachari, Trucks, Pople, Head-Gordon 1989, doi:10.1016/S0009-2614(89)87395-6) are defined
    in orbitals that diagonalise the Fock matrix within the occupied and within the virtual space; active
    orbitals are rotated to those first.

    Raises:
        EvaluationError: if the amplitudes don't converge.
    """
    filled = hamiltonian.nelec[0]
    fock = fock_matrix(hamiltonian)
    rotation = np.zeros_like(fock)
    for block in (slice(0, filled), slice(filled, None)):
        rotation[block, block] = np.linalg.eigh(fock[block, block])[1]
    canonical = replace(
        hamiltonian,
        h1e=rotation.T @ hamiltonian.h1e @ rotation,
        eri=ao2mo.kernel(hamiltonian.eri, rotation, compact=False).reshape((hamiltonian.norb,) * 4),
    )
    solver = _ccsd(canonical)
    return float(solver.e_tot + solver.ccsd_t()) + hamiltonian.core


def fock_matrix(hamiltonian: ActiveHamiltonian) -> NDArray[np.float64]:
    """Return the Fock matrix of the closed-shell determinant, Ha, shape (norb, norb)."""
    filled = slice(0, hamiltonian.nelec[0])
    coulomb = np.einsum("pqii->pq", hamiltonian.eri[:, :, filled, filled])
    exchange = np.einsum("piiq->pq", hamiltonian.eri[:, filled, filled, :])
    return hamiltonian.h1e + 2 * coulomb - exchange


def _ccsd(hamiltonian: ActiveHamiltonian) -> cc.ccsd.CCSD:
    """Return PySCF's converged CCSD of a closed shell."""
    norb, filled = hamiltonian.norb, hamiltonian.nelec[0]
    mol = gto.M(verbose=0)
    mol.nelectron = 2 * filled
    mean_field = scf.RHF(mol)
    mean_field.mo_coeff = np.eye(norb)
    mean_field.mo_occ = np.repeat([2.0, 0.0], [filled, norb - filled])
    mean_field.mo_energy = fock_matrix(hamiltonian).diagonal().copy()
    return _converged(cc.CCSD(_with_integrals(mean_field, hamiltonian)))


def _converged(solver: Any) -> Any:
    """Return PySCF's coupled-cluster solver after its work.

    Where plain steps run in circles, a shift of the energy gaps shortens them; the solution stays what it is.

    Raises:
        EvaluationError: if the amplitudes don't converge.
    """
    solver.conv_tol = 1e-10
    solver.conv_tol_normt = 1e-8
    solver.max_cycle = 200
    for shift in (0.0, _LEVEL_SHIFT):
        solver.level_shift = shift
        # Diverging amplitudes overflow and break DIIS, whose handler in PySCF 2.14 names a module that NumPy
        # no longer has.
        with suppress(np.linalg.LinAlgError, AttributeError), np.errstate(over="ignore", invalid="ignore"):
            solver.kernel()
            if solver.converged:
                return solver
    raise EvaluationError(
        "CCSD in the active space didn't converge: its first determinant may describe it badly"
    )


def _with_integrals(mean_field: Any, hamiltonian: ActiveHamiltonian) -> Any:
    """Return PySCF's view of a determinant: a molecule without atoms that has these integrals."""
    mean_field.mol.incore_anyway = True
    mean_field.get_hcore = lambda *_: hamiltonian.h1e
    mean_field.get_ovlp = lambda *_: np.eye(hamiltonian.norb)
    mean_field._eri = ao2mo.restore(8, hamiltonian.eri, hamiltonian.norb)
    mean_field.e_tot = mean_field.energy_tot(mean_field.make_rdm1())
    mean_field.converged = True
    return mean_field
