"""CCSD(T) at the basis-set limit: right where references exist, nothing where nothing interacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pyscf import cc, gto, scf
from pyscf.data.elements import chemcore

from labkit.molecules import Dimer
from labkit.quantum import InteractionSettings, interaction_energy
from labkit.quantum._accurate import accurate_interaction
from labkit.quantum._cost import _ELEMENTS, accurate_cost
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._reference import coupled_cluster, coupled_cluster_with_triples, exact_energy
from labkit.store import data_path

WATER = "O 0 0 0; H 0.757 0.587 0; H -0.757 0.587 0"


def test_hydrogen_molecules_far_apart_don_t_interact() -> None:
    coordinates = np.array([[0, 0, 0], [0, 0, 0.74], [40, 0, 0], [40, 0.74, 0]])
    far = Dimer(("H",) * 4, coordinates, 0, 0, 0, (0, 1), (2, 3))
    result = accurate_interaction(far, InteractionSettings(level="accurate", shots=1000))
    assert result.kcal_mol == pytest.approx(0.0, abs=1e-4)
    assert result.components["with_delta_quantum"] == pytest.approx(
        result.kcal_mol + result.components["delta_quantum"], abs=1e-12
    )
    assert result.charge_class == "neutral"


def test_triples_in_an_active_space_are_pyscf_s_own(full_space: Callable[..., ActiveHamiltonian]) -> None:
    mean_field = scf.RHF(gto.M(atom=WATER, basis="6-31g", verbose=0)).run(conv_tol=1e-12)
    solver = cc.CCSD(mean_field, frozen=1).run(conv_tol=1e-10, conv_tol_normt=1e-8)
    reference = solver.e_tot + solver.ccsd_t()
    hamiltonian = full_space(WATER, "6-31g", 1)
    assert coupled_cluster_with_triples(hamiltonian) == pytest.approx(reference, abs=1e-8)
    exact = exact_energy(hamiltonian)
    assert abs(reference - exact) < abs(coupled_cluster(hamiltonian).energy - exact)


def test_triples_don_t_depend_on_which_orbitals_span_the_space(
    full_space: Callable[..., ActiveHamiltonian],
) -> None:
    hamiltonian = full_space(WATER, "sto-3g")
    filled = hamiltonian.nelec[0]
    rotation = np.zeros((hamiltonian.norb,) * 2)
    random = np.random.default_rng(0)
    for block in (slice(0, filled), slice(filled, None)):
        rotation[block, block] = np.linalg.qr(random.normal(size=rotation[block, block].shape))[0]
    eri = np.einsum("pqrs,pi,qj,rk,sl->ijkl", hamiltonian.eri, *(rotation,) * 4, optimize=True)
    rotated = replace(hamiltonian, h1e=rotation.T @ hamiltonian.h1e @ rotation, eri=eri)
    assert coupled_cluster_with_triples(rotated) == pytest.approx(
        coupled_cluster_with_triples(hamiltonian), abs=1e-8
    )


@pytest.mark.parametrize("element", [element for element in _ELEMENTS if element != "I"])
def test_cores_and_sizes_are_the_basis_sets_own(element: str) -> None:
    charge = gto.charge(element) % 2
    basis = {element: "aug-cc-pvdz"}
    mol = gto.M(atom=f"{element} 0 0 0; {element} 0 0 3", basis=basis, charge=0, verbose=0)
    assert chemcore(mol) == 2 * _ELEMENTS[element].core
    assert mol.nao == 2 * _ELEMENTS[element].double
    assert mol.nelectron == 2 * _ELEMENTS[element].number
    large = "cc-pvqz" if element == "H" else "aug-cc-pvqz"
    assert gto.M(atom=f"{element} 0 0 0", basis=large, spin=charge).nao == _ELEMENTS[element].quadruple


def test_the_estimate_grows_with_the_dimer(water_dimer: Dimer) -> None:
    lithe = accurate_cost(water_dimer)
    assert 0.1 < lithe.memory_gb < 2
    doubled = replace(
        water_dimer,
        symbols=water_dimer.symbols * 2,
        coordinates=np.vstack([water_dimer.coordinates, water_dimer.coordinates + 20]),
        selection_a=tuple(range(6)),
        selection_b=tuple(range(6, 12)),
    )
    assert accurate_cost(doubled).hours > 20 * lithe.hours


@pytest.mark.slow
def test_the_water_dimer_comes_within_a_tenth_of_a_kcal() -> None:
    result = interaction_energy(data_path("dimers", "S66_01.xyz"), "accurate")
    assert result.kcal_mol == pytest.approx(-4.92, abs=0.1)  # CCSD(T)/CBS, doi:10.1021/ct2002946
    assert result.components["ccsd_t_correction"] == pytest.approx(0.0, abs=0.1)
