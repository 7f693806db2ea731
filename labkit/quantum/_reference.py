"""Classical energies in an active space: exact and coupled cluster, to judge the quantum solver by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyscf import ao2mo, cc, fci, gto, scf

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian


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


def exact_energy(hamiltonian: ActiveHamiltonian) -> float:
    """Return the full-CI ground-state energy with the core, Ha.

    Raises:
        EvaluationError: if the iterative eigensolver doesn't converge.
    """
    solver = fci.direct_spin1.FCI()
    energy, _ = solver.kernel(
        hamiltonian.h1e, hamiltonian.eri, hamiltonian.norb, hamiltonian.nelec, tol=1e-11, max_cycle=200
    )
    if not np.all(solver.converged):
        raise EvaluationError("the exact (full CI) reference in the active space didn't converge")
    return float(energy) + hamiltonian.core


def coupled_cluster(hamiltonian: ActiveHamiltonian) -> CoupledCluster:
    """Return CCSD on top of the closed-shell determinant of the first orbitals.

    Raises:
        EvaluationError: if the amplitudes don't converge.
    """
    solver = _ccsd(hamiltonian)
    return CoupledCluster(
        float(solver.e_tot) + hamiltonian.core, np.asarray(solver.t1), np.asarray(solver.t2)
    )


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
    """Return PySCF's converged CCSD."""
    solver = cc.CCSD(_determinant(hamiltonian))
    solver.conv_tol = 1e-10
    solver.conv_tol_normt = 1e-8
    solver.max_cycle = 200
    solver.kernel()
    if not solver.converged:
        raise EvaluationError(
            "CCSD in the active space didn't converge: the monomers may be no closed shells"
        )
    return solver


def _determinant(hamiltonian: ActiveHamiltonian) -> scf.hf.RHF:
    """Return PySCF's view of the determinant: a molecule without atoms that has these integrals."""
    norb, filled = hamiltonian.norb, hamiltonian.nelec[0]
    mol = gto.M(verbose=0)
    mol.nelectron = 2 * filled
    mol.incore_anyway = True
    mean_field = scf.RHF(mol)
    mean_field.get_hcore = lambda *_: hamiltonian.h1e
    mean_field.get_ovlp = lambda *_: np.eye(norb)
    mean_field._eri = ao2mo.restore(8, hamiltonian.eri, norb)
    mean_field.mo_coeff = np.eye(norb)
    mean_field.mo_occ = np.repeat([2.0, 0.0], [filled, norb - filled])
    mean_field.mo_energy = fock_matrix(hamiltonian).diagonal().copy()
    mean_field.e_tot = mean_field.energy_tot(mean_field.make_rdm1())
    mean_field.converged = True
    return mean_field
