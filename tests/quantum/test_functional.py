"""The headline against CCSD(T)/CBS, and the limits that any interaction energy keeps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from pyscf import df, dft

from labkit.molecules import Dimer, read_dimer
from labkit.quantum._functional import Supermolecule, dispersion_interaction, supermolecule
from labkit.quantum._meanfield import AUXILIARY_BASIS
from labkit.quantum._units import HARTREE_IN_KCAL_MOL
from labkit.store import data_path


@pytest.fixture(scope="module")
def water(water_dimer: Dimer) -> Supermolecule:
    return supermolecule(water_dimer, diffuse=False)


def test_the_water_dimer_comes_within_half_a_kcal_of_coupled_cluster(water: Supermolecule) -> None:
    half = (water.with_counterpoise + water.without_counterpoise) / 2 + water.dispersion
    assert half * HARTREE_IN_KCAL_MOL == pytest.approx(-4.92, abs=0.5)  # S66, doi:10.1021/ct2002946


def test_the_counterpoise_correction_weakens_the_attraction(water: Supermolecule) -> None:
    assert water.without_counterpoise < water.with_counterpoise < 0


def test_one_evaluation_on_the_fine_grid_is_as_good_as_convergence_on_it(water: Supermolecule) -> None:
    energies = []
    fitting = df.DF(water.dimer.mol, AUXILIARY_BASIS)
    for molecular, density in (
        (water.dimer, water.density),
        (water.monomer_a, water.density_a),
        (water.monomer_b, water.density_b),
    ):
        mean_field = dft.RKS(molecular.mol, xc="wb97x-v").density_fit(with_df=fitting)
        mean_field.nlc = False
        mean_field.grids = dft.Grids(water.dimer.mol)
        mean_field.conv_tol = 1e-9
        energies.append(mean_field.kernel(density))
    converged = energies[0] - energies[1] - energies[2]
    assert water.with_counterpoise * HARTREE_IN_KCAL_MOL == pytest.approx(
        converged * HARTREE_IN_KCAL_MOL, abs=0.002
    )


def test_monomers_far_apart_don_t_interact(distant_water_dimer: Dimer) -> None:
    far = supermolecule(distant_water_dimer, diffuse=False)
    # Two dipoles of 1.85 D at 43 Å: 2 μ² / r³ = 0.001 kcal/mol at the most.
    assert far.with_counterpoise * HARTREE_IN_KCAL_MOL == pytest.approx(0.0, abs=0.003)
    assert far.dispersion == pytest.approx(0.0, abs=1e-7)


def test_the_names_of_the_monomers_don_t_matter(water_dimer: Dimer, water: Supermolecule) -> None:
    swapped = supermolecule(
        replace(water_dimer, selection_a=water_dimer.selection_b, selection_b=water_dimer.selection_a),
        diffuse=False,
    )
    assert swapped.with_counterpoise == pytest.approx(water.with_counterpoise, abs=2e-6)
    assert swapped.without_counterpoise == pytest.approx(water.without_counterpoise, abs=2e-6)


def test_dispersion_attracts_and_fades_along_a_dissociation_curve() -> None:
    scalings = ("080", "085", "090", "095", "100", "105", "110", "125", "150", "200")
    curve = [
        dispersion_interaction(read_dimer(data_path("dimers", f"D442_3.13.03_{scaling}.xyz")))
        for scaling in scalings
    ]
    assert all(near < far < 0 for near, far in itertools.pairwise(curve))
    # From 1.5 to 2 times the equilibrium distance, r⁻⁶ leaves a factor of 5.6.
    assert curve[-2] / curve[-1] == pytest.approx((2 / 1.5) ** 6, rel=0.3)
