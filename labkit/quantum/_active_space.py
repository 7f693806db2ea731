"""Matched active spaces: the dimer's space is the sum of its monomers', so that energies subtract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscf import ao2mo, mcscf

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._meanfield import Matrix
from labkit.quantum._mp2 import Mp2
from labkit.quantum._orbital_choice import CHOICES, Preference, valence_virtuals

# Below this a monomer's orbital no longer lives in the dimer's occupied (or virtual) space.
SMALLEST_SINGULAR_VALUE = 0.9


@dataclass(frozen=True)
class MatchedSpaces:
    """Active Hamiltonians of a dimer and its monomers that span the same orbitals.

    Attributes:
        dimer: the dimer's.
        monomer_a: monomer A's, in the dimer's basis.
        monomer_b: monomer B's, in the dimer's basis.
        choice: how the orbitals were chosen.
        valence: whether the virtual ones were taken from the valence virtual space alone.
        singular_value: smallest singular value of the monomers' orbitals projected onto the dimer's
            occupied and virtual spaces; 1 where nothing is lost.
        occupations_a: MP2 occupations of A's chosen orbitals, occupied then virtual.
        occupations_b: the same of B's.
    """

    dimer: ActiveHamiltonian
    monomer_a: ActiveHamiltonian
    monomer_b: ActiveHamiltonian
    choice: str
    valence: bool
    singular_value: float
    occupations_a: tuple[float, ...]
    occupations_b: tuple[float, ...]


@dataclass(frozen=True)
class _Chosen:
    """A monomer's orbitals in the AO basis, each shape (nao, any)."""

    core: Matrix
    occupied: Matrix
    virtual: Matrix
    occupations: tuple[float, ...]


def matched_spaces(
    dimer: Any,
    monomer_a: Any,
    monomer_b: Any,
    *,
    correlation: tuple[Mp2, Mp2],
    occupied: int,
    virtual: int,
    choice: str = "mp2",
) -> MatchedSpaces:
    """Return matched active spaces from three Hartree-Fock solutions in the dimer's basis.

    Each monomer gives the orbitals that the choice prefers, taken within its occupied and its virtual space
    apart, so that the Hartree-Fock determinant stays what it is. Their union is projected onto the dimer's
    occupied and virtual spaces and made orthonormal by singular value decomposition. If an orbital is lost
    thereby, the virtual orbitals are chosen once more, from each monomer's valence virtual space.

    Args:
        dimer: PySCF's density-fitted RHF solution of the dimer.
        monomer_a: the same of monomer A with ghost atoms, in the same basis functions.
        monomer_b: the same of monomer B.
        correlation: MP2 of monomers A and B.
        occupied: occupied orbitals of each monomer, fewer where it has fewer.
        virtual: virtual orbitals of each monomer.
        choice: one of `CHOICES`: `mp2` (natural orbitals), `frontier` or `avas`.

    Raises:
        EvaluationError: if the projection loses an orbital both times, or a monomer has no orbital to give.
    """
    prefer = CHOICES[choice]
    preference_a = prefer(monomer_a, monomer_b, correlation[0])
    preference_b = prefer(monomer_b, monomer_a, correlation[1])
    overlap = dimer.get_ovlp()
    filled = dimer.mo_occ > 0
    for valence in sorted({preference_a.valence, True}):
        chosen_a, chosen_b = (
            _choose(mean_field, other, overlap, mp2, preference, valence, occupied, virtual)
            for mean_field, other, mp2, preference in (
                (monomer_a, monomer_b, correlation[0], preference_a),
                (monomer_b, monomer_a, correlation[1], preference_b),
            )
        )
        active_occupied, core, smallest_occupied = _project(
            dimer.mo_coeff[:, filled], np.hstack([chosen_a.occupied, chosen_b.occupied]), overlap
        )
        active_virtual, _, smallest_virtual = _project(
            dimer.mo_coeff[:, ~filled], np.hstack([chosen_a.virtual, chosen_b.virtual]), overlap
        )
        smallest = min(smallest_occupied, smallest_virtual)
        if smallest >= SMALLEST_SINGULAR_VALUE:
            return MatchedSpaces(
                dimer=hamiltonian_of(dimer, core, active_occupied, active_virtual),
                monomer_a=hamiltonian_of(monomer_a, chosen_a.core, chosen_a.occupied, chosen_a.virtual),
                monomer_b=hamiltonian_of(monomer_b, chosen_b.core, chosen_b.occupied, chosen_b.virtual),
                choice=choice,
                valence=valence,
                singular_value=smallest,
                occupations_a=chosen_a.occupations,
                occupations_b=chosen_b.occupations,
            )
    raise EvaluationError(
        f"the monomers' active orbitals keep only {smallest:.2f} of themselves in the dimer (at least "
        f"{SMALLEST_SINGULAR_VALUE} is wanted): they are too entangled for matched active spaces"
    )


def far_apart(a: ActiveHamiltonian, b: ActiveHamiltonian) -> ActiveHamiltonian:
    """Return two Hamiltonians as one without interaction: the dimer pulled infinitely far apart."""
    filled_a, filled_b = a.nelec[0], b.nelec[0]
    order = np.concatenate(
        [
            np.arange(filled_a),
            a.norb + np.arange(filled_b),
            np.arange(filled_a, a.norb),
            a.norb + np.arange(filled_b, b.norb),
        ]
    )
    norb = a.norb + b.norb
    h1e = np.zeros((norb,) * 2)
    eri = np.zeros((norb,) * 4)
    for part, span in ((a, slice(0, a.norb)), (b, slice(a.norb, norb))):
        h1e[span, span] = part.h1e
        eri[span, span, span, span] = part.eri
    return ActiveHamiltonian(
        h1e=h1e[np.ix_(order, order)],
        eri=eri[np.ix_(order, order, order, order)],
        core=a.core + b.core,
        nelec=(filled_a + filled_b,) * 2,
    )


def _choose(
    mean_field: Any,
    other: Any,
    overlap: Matrix,
    correlation: Mp2,
    preference: Preference,
    valence: bool,
    occupied: int,
    virtual: int,
) -> _Chosen:
    """Return the orbitals that a preference puts first.

    With the other monomer's functions at hand, a monomer's virtual orbitals reach into what the other one
    fills; in the dimer that is taken. So they are chosen from what is left of the virtual space without the
    other's occupied orbitals (else the projection keeps 0.89 of a σ* orbital in the water-methylamine dimer;
    so 0.94).
    """
    nocc = len(correlation.occupied)
    filled, empty = mean_field.mo_coeff[:, :nocc], mean_field.mo_coeff[:, nocc:]
    taken = other.mo_coeff[:, other.mo_occ > 0]
    free = np.linalg.svd(empty.T @ overlap @ taken)[0][:, taken.shape[1] :]
    if valence:
        free = valence_virtuals(mean_field, free)
    vectors_o, kept_o = _most_wanted(preference.occupied, occupied, preference.least)
    vectors_v, kept_v = _most_wanted(free.T @ preference.virtual @ free, virtual, preference.least)
    if not (kept_o and kept_v):
        raise EvaluationError(
            f"a monomer gives {kept_o} occupied and {kept_v} virtual orbitals to the active space; at least "
            "one of each is wanted: choose mp2 or frontier"
        )
    vectors_v = free @ vectors_v
    occupations = (
        *np.einsum("pi,pq,qi->i", vectors_o, correlation.occupied, vectors_o)[:kept_o],
        *np.einsum("pi,pq,qi->i", vectors_v, correlation.virtual, vectors_v)[:kept_v],
    )
    orbitals_o, orbitals_v = _fix_signs(filled @ vectors_o), _fix_signs(empty @ vectors_v)
    return _Chosen(
        core=orbitals_o[:, kept_o:],
        occupied=orbitals_o[:, :kept_o],
        virtual=orbitals_v[:, :kept_v],
        occupations=tuple(float(x) for x in occupations),
    )


def _most_wanted(preference: Matrix, count: int, least: float) -> tuple[Matrix, int]:
    """Return the eigenvectors, the most wanted first, and how many of them are taken."""
    values, vectors = np.linalg.eigh(preference)
    return vectors[:, ::-1], min(count, int(np.count_nonzero(values >= least)))


def _project(space: Matrix, orbitals: Matrix, overlap: Matrix) -> tuple[Matrix, Matrix, float]:
    """Return orbitals projected onto a space, the rest of that space, and the smallest singular value.

    Of all orthonormal sets in the space, U Vᵀ is the one nearest to the orbitals given (Löwdin).
    """
    left, values, right = np.linalg.svd(space.T @ overlap @ orbitals, full_matrices=True)
    count = orbitals.shape[1]
    return space @ (left[:, :count] @ right), space @ left[:, count:], float(values.min())


def hamiltonian_of(mean_field: Any, core: Matrix, occupied: Matrix, virtual: Matrix) -> ActiveHamiltonian:
    filled = occupied.shape[1]
    orbitals = np.hstack([core, occupied, virtual])
    norb = filled + virtual.shape[1]
    space = mcscf.CASCI(mean_field, norb, 2 * filled)
    h1e, energy = space.get_h1eff(orbitals)
    eri = space.get_h2eff(orbitals[:, core.shape[1] : core.shape[1] + norb])
    return ActiveHamiltonian(h1e=h1e, eri=_unpack(eri, norb), core=float(energy), nelec=(filled, filled))


def _unpack(eri: Matrix, norb: int) -> Matrix:
    return np.asarray(ao2mo.restore(1, eri, norb)).reshape((norb,) * 4)


def _fix_signs(orbitals: Matrix) -> Matrix:
    """Return orbitals whose largest coefficient is positive: a sign must not depend on the eigensolver."""
    largest = np.abs(orbitals).argmax(axis=0)
    return orbitals * np.sign(orbitals[largest, np.arange(orbitals.shape[1])])
