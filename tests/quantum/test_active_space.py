"""Matched active spaces: nothing is lost, and what doesn't interact doesn't seem to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyscf.mp.dfmp2 import DFMP2

from labkit.errors import EvaluationError
from labkit.quantum._active_space import (
    ActiveHamiltonian,
    MatchedSpaces,
    far_apart,
    matched_spaces,
    mp2_density,
)
from labkit.quantum._reference import exact_energy, fock_matrix
from labkit.quantum._units import HARTREE_IN_KCAL_MOL


def determinant_energy(hamiltonian: ActiveHamiltonian) -> float:
    """Return the Hartree-Fock energy that the active integrals and the core give, Ha."""
    filled = slice(0, hamiltonian.nelec[0])
    mean = (hamiltonian.h1e + fock_matrix(hamiltonian))[filled, filled]
    return float(np.trace(mean)) + hamiltonian.core


def interaction(spaces: MatchedSpaces) -> float:
    """Return the exact interaction energy within the active spaces, kcal/mol."""
    dimer, a, b = (exact_energy(h) for h in (spaces.dimer, spaces.monomer_a, spaces.monomer_b))
    return (dimer - a - b) * HARTREE_IN_KCAL_MOL


def test_the_active_interaction_vanishes_at_forty_angstrom(distant_mean_fields: Any) -> None:
    fields = distant_mean_fields
    spaces = matched_spaces(fields.dimer, fields.monomer_a, fields.monomer_b, occupied=2, virtual=2)
    hartree_fock = fields.dimer.e_tot - fields.monomer_a.e_tot - fields.monomer_b.e_tot
    # What is left are the dipoles, most of which Hartree-Fock has as well.
    assert interaction(spaces) == pytest.approx(hartree_fock * HARTREE_IN_KCAL_MOL, abs=3e-4)
    assert interaction(spaces) == pytest.approx(0.0, abs=1e-3)
    assert spaces.singular_value == pytest.approx(1.0, abs=1e-6)


def test_the_determinant_of_each_space_is_the_hartree_fock_one(
    water_spaces: MatchedSpaces, water_mean_fields: Any
) -> None:
    fields = water_mean_fields
    for hamiltonian, field in (
        (water_spaces.dimer, fields.dimer),
        (water_spaces.monomer_a, fields.monomer_a),
        (water_spaces.monomer_b, fields.monomer_b),
    ):
        assert determinant_energy(hamiltonian) == pytest.approx(field.e_tot, abs=1e-8)
        fock = fock_matrix(hamiltonian)
        mixed = fock[: hamiltonian.nelec[0], hamiltonian.nelec[0] :]
        np.testing.assert_allclose(mixed, 0, atol=1e-5)  # Brillouin's theorem


def test_the_dimer_s_space_is_the_sum_of_the_monomers(water_spaces: MatchedSpaces) -> None:
    assert water_spaces.dimer.norb == water_spaces.monomer_a.norb + water_spaces.monomer_b.norb == 8
    assert water_spaces.dimer.nelec == (4, 4)
    assert water_spaces.monomer_a.nelec == water_spaces.monomer_b.nelec == (2, 2)
    assert 0.9 <= water_spaces.singular_value <= 1
    filled, empty = water_spaces.occupations_a[:2], water_spaces.occupations_a[2:]
    assert all(1.9 < n < 2 for n in filled)
    assert all(0 < n < 0.1 for n in empty)


def test_hamiltonians_far_apart_add_their_exact_energies(water_spaces: MatchedSpaces) -> None:
    a, b = water_spaces.monomer_a, water_spaces.monomer_b
    together = exact_energy(far_apart(a, b))
    assert together == pytest.approx(exact_energy(a) + exact_energy(b), abs=1e-9)
    assert determinant_energy(far_apart(a, b)) == pytest.approx(
        determinant_energy(a) + determinant_energy(b), abs=1e-9
    )


def test_orbitals_that_the_dimer_has_only_once_are_refused(water_mean_fields: Any) -> None:
    fields = water_mean_fields
    with pytest.raises(EvaluationError, match=r"at least 0\.9 is wanted"):
        matched_spaces(fields.dimer, fields.monomer_a, fields.monomer_a, occupied=2, virtual=2)


def test_the_mp2_density_is_pyscf_s_own(water_mean_fields: Any) -> None:
    field = water_mean_fields.monomer_a
    reference = DFMP2(field)
    reference.max_memory = 4000
    reference.kernel(with_t2=True)
    density = reference.make_rdm1()
    occupied, virtual = mp2_density(field)
    nocc = len(occupied)
    np.testing.assert_allclose(occupied, density[:nocc, :nocc], atol=1e-9)
    np.testing.assert_allclose(virtual, density[nocc:, nocc:], atol=1e-9)
    assert np.trace(occupied) + np.trace(virtual) == pytest.approx(2 * nocc)
