"""Exact and coupled-cluster energies against PySCF's own on whole molecules, and where the two are equal."""

from __future__ import annotations

import numpy as np
import pytest
from pyscf import ao2mo, cc, fci, gto, scf

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._reference import coupled_cluster, exact_energy, open_coupled_cluster


def hamiltonian_of(atoms: str) -> tuple[ActiveHamiltonian, scf.hf.RHF]:
    """Return the full space of a small molecule in STO-6G."""
    mean_field = scf.RHF(gto.M(atom=atoms, basis="sto-6g", verbose=0))
    mean_field.conv_tol = 1e-11
    mean_field.kernel()
    orbitals = mean_field.mo_coeff
    norb = orbitals.shape[1]
    hamiltonian = ActiveHamiltonian(
        h1e=orbitals.T @ mean_field.get_hcore() @ orbitals,
        eri=ao2mo.restore(1, ao2mo.kernel(mean_field.mol, orbitals), norb).reshape((norb,) * 4),
        core=float(mean_field.mol.energy_nuc()),
        nelec=mean_field.mol.nelec,
    )
    return hamiltonian, mean_field


def test_energies_of_a_hydrogen_chain_are_pyscf_s_own() -> None:
    hamiltonian, mean_field = hamiltonian_of("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3")
    assert exact_energy(hamiltonian) == pytest.approx(fci.FCI(mean_field).kernel()[0], abs=1e-9)
    assert coupled_cluster(hamiltonian).energy == pytest.approx(cc.CCSD(mean_field).run().e_tot, abs=1e-6)


def test_coupled_cluster_is_exact_for_two_electrons() -> None:
    hamiltonian, _ = hamiltonian_of("H 0 0 0; H 0 0 0.74")
    assert coupled_cluster(hamiltonian).energy == pytest.approx(exact_energy(hamiltonian), abs=1e-8)


def test_coupled_cluster_doesn_t_need_canonical_orbitals() -> None:
    hamiltonian, _ = hamiltonian_of("H 0 0 0; H 0 0 1; H 0 0 2; H 0 0 3")
    rotation = np.eye(4)
    rotation[:2, :2] = [[0.8, 0.6], [-0.6, 0.8]]
    rotation[2:, 2:] = [[0.6, 0.8], [-0.8, 0.6]]
    rotated = ActiveHamiltonian(
        h1e=rotation.T @ hamiltonian.h1e @ rotation,
        eri=np.einsum(
            "pqrs,pi,qj,rk,sl->ijkl", hamiltonian.eri, rotation, rotation, rotation, rotation, optimize=True
        ),
        core=hamiltonian.core,
        nelec=(2, 2),
    )
    assert coupled_cluster(rotated).energy == pytest.approx(coupled_cluster(hamiltonian).energy, abs=1e-7)


def test_coupled_cluster_of_an_open_shell_is_pyscf_s_own() -> None:
    mean_field = scf.ROHF(gto.M(atom="O 0 0 0; O 0 0 1.2", basis="sto-3g", spin=2, verbose=0)).run(
        conv_tol=1e-11
    )
    orbitals = mean_field.mo_coeff
    norb = orbitals.shape[1]
    hamiltonian = ActiveHamiltonian(
        h1e=orbitals.T @ mean_field.get_hcore() @ orbitals,
        eri=ao2mo.restore(1, ao2mo.kernel(mean_field.mol, orbitals), norb).reshape((norb,) * 4),
        core=float(mean_field.mol.energy_nuc()),
        nelec=mean_field.mol.nelec,
    )
    expected = cc.UCCSD(mean_field).run(conv_tol=1e-9)
    assert open_coupled_cluster(hamiltonian).energy == pytest.approx(expected.e_tot, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 5])
def test_amplitudes_that_diverge_are_told_in_one_line(seed: int) -> None:
    # Random integrals, no molecule's: DIIS breaks with one seed, amplitudes overflow with the other.
    factors = np.random.default_rng(seed).normal(size=(10, 5, 5))
    factors = 0.15 * (factors + factors.transpose(0, 2, 1))
    eri = np.einsum("Lpq,Lrs->pqrs", factors, factors)
    hamiltonian = ActiveHamiltonian(np.diag(np.linspace(-1, 1, 5)), eri, 0.0, (2, 2))
    with pytest.raises(EvaluationError, match="CCSD in the active space didn't converge"):
        coupled_cluster(hamiltonian)
