"""Orbitals of a π space, against PySCF's own optimiser, which takes the long way round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyscf import gto, mcscf, scf

from labkit.errors import EvaluationError
from labkit.quantum import _casscf
from labkit.quantum._casscf import Matrix, atomic_orbitals, optimize_state, starting_orbitals
from labkit.quantum._chromophore import read_chromophore
from labkit.quantum._fitted_integrals import FittedIntegrals
from labkit.quantum._meanfield import System, density_fitting, hartree_fock
from labkit.store import data_path


@pytest.fixture(scope="module")
def butadiene() -> tuple[Any, Matrix, Matrix]:
    """Return the mean field in a small basis, overlaps with the p orbitals, orbitals to start from."""
    chromophore = read_chromophore(data_path("triplets", "butadiene.xyz"))
    atoms = list(zip(chromophore.symbols, chromophore.coordinates.tolist(), strict=True))
    mol = gto.M(atom=atoms, basis="6-31g", verbose=0)
    solution = hartree_fock(System(mol, scf.hf.get_hcore(mol)), density_fitting(mol), None, "test")
    overlaps = atomic_orbitals(mol, chromophore.system.orbitals)
    orbitals, smallest = starting_orbitals(solution.mean_field, overlaps, 4)
    assert smallest > 0.9
    return solution.mean_field, overlaps, orbitals


def test_the_starting_space_is_pi_and_keeps_the_determinant(butadiene: tuple[Any, Matrix, Matrix]) -> None:
    field, _, orbitals = butadiene
    # Butadiene lies in a plane: its reflection leaves π orbitals antisymmetric.
    normal = np.linalg.svd(field.mol.atom_coords())[2][2]
    dipoles = np.einsum("x,xpq->pq", normal, field.mol.intor("int1e_r"))
    active = orbitals[:, 13:17]
    np.testing.assert_allclose(active.T @ dipoles @ active, 0, atol=1e-6)
    np.testing.assert_allclose(orbitals.T @ field.get_ovlp() @ orbitals, np.eye(orbitals.shape[1]), atol=1e-8)
    density = 2 * orbitals[:, :15] @ orbitals[:, :15].T
    np.testing.assert_allclose(field.energy_tot(density), field.e_tot, atol=1e-8)


@pytest.mark.parametrize("nelec", [(2, 2), (3, 1)])
def test_energies_are_pyscf_s_and_the_hamiltonian_holds_them(
    butadiene: tuple[Any, Matrix, Matrix], nelec: tuple[int, int]
) -> None:
    field, overlaps, orbitals = butadiene
    state = optimize_state(field, orbitals, 4, nelec, overlaps, "test")
    plain = mcscf.CASSCF(field, 4, nelec)
    plain.conv_tol = 1e-8
    plain.kernel(orbitals)
    assert state.energy == pytest.approx(plain.e_tot, abs=1e-6)
    assert state.kept > 0.8
    exact = mcscf.CASCI(field, 4, nelec).kernel(state.orbitals)[0]
    assert exact == pytest.approx(state.energy, abs=1e-8)


@pytest.fixture(scope="module")
def optimizer(butadiene: tuple[Any, Matrix, Matrix]) -> Any:
    """Return PySCF's optimiser, untouched."""
    return mcscf.CASSCF(butadiene[0], 4, (2, 2))


def test_the_integrals_are_pyscf_s_own(butadiene: tuple[Any, Matrix, Matrix], optimizer: Any) -> None:
    _, _, orbitals = butadiene
    mine = FittedIntegrals(optimizer.with_df, optimizer.ncore, 4).ao2mo(orbitals)
    theirs = optimizer.ao2mo(orbitals)
    for name in ("ppaa", "papa", "j_pc", "k_pc", "vhf_c"):
        np.testing.assert_allclose(getattr(mine, name), np.asarray(getattr(theirs, name)), atol=1e-10)


def test_the_mean_field_of_densities_is_pyscf_s_own(
    butadiene: tuple[Any, Matrix, Matrix], optimizer: Any
) -> None:
    _, _, orbitals = butadiene
    core = 2 * orbitals[:, :13] @ orbitals[:, :13].T
    active = orbitals[:, 13:17] @ np.diag([1.9, 1.6, 0.4, 0.1]) @ orbitals[:, 13:17].T
    mine = FittedIntegrals(optimizer.with_df, optimizer.ncore, 4)
    for densities in ((core, active), core):
        np.testing.assert_allclose(
            np.array(mine.get_jk(optimizer.mol, densities)),
            np.array(optimizer.get_jk(optimizer.mol, densities)),
            atol=1e-9,
        )


def test_the_response_is_pyscf_s_own_in_single_precision(
    butadiene: tuple[Any, Matrix, Matrix], optimizer: Any
) -> None:
    _, _, orbitals = butadiene
    random = np.random.default_rng(0)
    rotation = random.normal(size=(orbitals.shape[1],) * 2)
    rotation -= rotation.T
    density = np.diag(random.uniform(0, 2, size=4))
    fitted = FittedIntegrals(optimizer.with_df, optimizer.ncore, 4)
    for mine, theirs in zip(
        fitted.update_jk_in_ah(orbitals, rotation, density, fitted.ao2mo(orbitals)),
        optimizer.update_jk_in_ah(orbitals, rotation, density, optimizer.ao2mo(orbitals)),
        strict=True,
    ):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * np.abs(theirs).max())


def test_orbitals_that_do_not_converge_are_never_used(
    butadiene: tuple[Any, Matrix, Matrix], monkeypatch: pytest.MonkeyPatch
) -> None:
    field, overlaps, orbitals = butadiene
    monkeypatch.setattr(_casscf, "_GRADIENT_TOLERANCE", 0.0)
    monkeypatch.setattr(_casscf, "_CYCLES", (1, 2))
    with pytest.raises(EvaluationError, match=r"CASSCF didn't converge in 4 orbitals"):
        optimize_state(field, orbitals, 4, (2, 2), overlaps, "S0")
