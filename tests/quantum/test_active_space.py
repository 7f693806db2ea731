"""Matched active spaces: nothing is lost, and what doesn't interact doesn't seem to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labkit.errors import EvaluationError
from labkit.quantum._active_space import ActiveHamiltonian, MatchedSpaces, far_apart, matched_spaces
from labkit.quantum._mp2 import mp2
from labkit.quantum._orbital_choice import CHOICES, contact_atoms, valence_virtuals
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


def spaces(fields: Any, choice: str) -> MatchedSpaces:
    """Return matched spaces of two occupied and two virtual orbitals of each monomer."""
    return matched_spaces(
        fields.dimer,
        fields.monomer_a,
        fields.monomer_b,
        correlation=(mp2(fields.monomer_a), mp2(fields.monomer_b)),
        occupied=2,
        virtual=2,
        choice=choice,
    )


@pytest.mark.parametrize("choice", CHOICES)
def test_the_active_interaction_vanishes_at_forty_angstrom(distant_mean_fields: Any, choice: str) -> None:
    fields = distant_mean_fields
    far = spaces(fields, choice)
    hartree_fock = fields.dimer.e_tot - fields.monomer_a.e_tot - fields.monomer_b.e_tot
    # What is left are the dipoles, most of which Hartree-Fock has as well.
    assert interaction(far) == pytest.approx(hartree_fock * HARTREE_IN_KCAL_MOL, abs=3e-4)
    assert interaction(far) == pytest.approx(0.0, abs=1.1e-3)
    assert far.singular_value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_gives_spaces_that_match(water_mean_fields: Any, choice: str) -> None:
    fields = water_mean_fields
    matched = spaces(fields, choice)
    assert matched.dimer.norb == matched.monomer_a.norb + matched.monomer_b.norb
    assert matched.dimer.nelec == (4, 4)
    assert 0.9 <= matched.singular_value <= 1
    hartree_fock = fields.dimer.e_tot - fields.monomer_a.e_tot - fields.monomer_b.e_tot
    # Like with like: unequal spaces would be off by several kcal/mol.
    assert interaction(matched) == pytest.approx(hartree_fock * HARTREE_IN_KCAL_MOL, abs=1.0)


def test_frontier_orbitals_are_the_canonical_ones_that_chemistry_means(water_mean_fields: Any) -> None:
    field, other = water_mean_fields.monomer_b, water_mean_fields.monomer_a
    preference = CHOICES["frontier"](field, other, mp2(field))
    energies, vectors = np.linalg.eigh(preference.occupied)
    assert energies[-1] == pytest.approx(field.mo_energy[3])  # of four valence orbitals the highest
    assert abs(vectors[3, -1]) == pytest.approx(1.0)
    # Water has two σ*, in the space that oxygen's 2s and 2p and both 1s leave over.
    assert valence_virtuals(field, np.eye(len(preference.virtual))).shape[1] == 2


def test_the_orbitals_of_avas_lie_on_the_atoms_in_contact(water_mean_fields: Any) -> None:
    donor, acceptor = water_mean_fields.monomer_a, water_mean_fields.monomer_b
    # The donor's hydrogen with its oxygen; the acceptor's oxygen alone.
    assert [donor.mol.atom_symbol(i) for i in contact_atoms(donor.mol, acceptor.mol)] == ["O", "H"]
    assert [acceptor.mol.atom_symbol(i) for i in contact_atoms(acceptor.mol, donor.mol)] == ["O"]
    preference = CHOICES["avas"](donor, acceptor, mp2(donor))
    shares = np.linalg.eigvalsh(preference.occupied)
    assert -1e-9 < shares.min() and shares.max() < 1 + 1e-9
    # Oxygen's 2p and one 1s hold three pairs: two lone ones and the bond.
    assert np.count_nonzero(shares > 0.5) == 3


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
    fields = replace(water_mean_fields, monomer_b=water_mean_fields.monomer_a)
    with pytest.raises(EvaluationError, match=r"at least 0\.9 is wanted"):
        spaces(fields, "mp2")
