"""Matched active spaces: the dimer's space is the sum of its monomers', so that energies subtract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscf import ao2mo, mcscf
from pyscf.ao2mo import _ao2mo

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._meanfield import Matrix

# Below this a monomer's orbital no longer lives in the dimer's occupied (or virtual) space.
SMALLEST_SINGULAR_VALUE = 0.9


@dataclass(frozen=True)
class MatchedSpaces:
    """Active Hamiltonians of a dimer and its monomers that span the same orbitals.

    Attributes:
        dimer: the dimer's.
        monomer_a: monomer A's, in the dimer's basis.
        monomer_b: monomer B's, in the dimer's basis.
        singular_value: smallest singular value of the monomers' orbitals projected onto the dimer's
            occupied and virtual spaces; 1 where nothing is lost.
        occupations_a: natural occupations of A's chosen orbitals, occupied then virtual.
        occupations_b: the same of B's.
    """

    dimer: ActiveHamiltonian
    monomer_a: ActiveHamiltonian
    monomer_b: ActiveHamiltonian
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
    dimer: Any, monomer_a: Any, monomer_b: Any, *, occupied: int, virtual: int
) -> MatchedSpaces:
    """Return matched active spaces from three Hartree-Fock solutions in the dimer's basis.

    Each monomer gives its most correlated MP2 natural orbitals, taken within its occupied and its virtual
    space apart, so that the Hartree-Fock determinant stays what it is. Their union is projected onto the
    dimer's occupied and virtual spaces and made orthonormal by singular value decomposition.

    Args:
        dimer: PySCF's density-fitted RHF solution of the dimer.
        monomer_a: the same of monomer A with ghost atoms, in the same basis functions.
        monomer_b: the same of monomer B.
        occupied: occupied orbitals of each monomer, fewer where it has fewer.
        virtual: virtual orbitals of each monomer.

    Raises:
        EvaluationError: if the projection loses an orbital.
    """
    overlap = dimer.get_ovlp()
    chosen_a = _most_correlated(monomer_a, monomer_b, overlap, occupied, virtual)
    chosen_b = _most_correlated(monomer_b, monomer_a, overlap, occupied, virtual)
    filled = dimer.mo_occ > 0
    active_occupied, core, smallest_occupied = _project(
        dimer.mo_coeff[:, filled], np.hstack([chosen_a.occupied, chosen_b.occupied]), overlap
    )
    active_virtual, _, smallest_virtual = _project(
        dimer.mo_coeff[:, ~filled], np.hstack([chosen_a.virtual, chosen_b.virtual]), overlap
    )
    smallest = min(smallest_occupied, smallest_virtual)
    if smallest < SMALLEST_SINGULAR_VALUE:
        raise EvaluationError(
            f"the monomers' active orbitals keep only {smallest:.2f} of themselves in the dimer (at least "
            f"{SMALLEST_SINGULAR_VALUE} is wanted): they are too entangled for matched active spaces"
        )
    return MatchedSpaces(
        dimer=_hamiltonian(dimer, core, active_occupied, active_virtual),
        monomer_a=_hamiltonian(monomer_a, chosen_a.core, chosen_a.occupied, chosen_a.virtual),
        monomer_b=_hamiltonian(monomer_b, chosen_b.core, chosen_b.occupied, chosen_b.virtual),
        singular_value=smallest,
        occupations_a=chosen_a.occupations,
        occupations_b=chosen_b.occupations,
    )


def mp2_density(mean_field: Any) -> tuple[Matrix, Matrix]:
    """Return the occupied and the virtual block of the unrelaxed MP2 density matrix, by density fitting.

    Memory grows with nocc·nvirt², that of one electron's amplitudes, where PySCF keeps those of all pairs.

    Args:
        mean_field: PySCF's density-fitted RHF solution.
    """
    orbitals, energies = mean_field.mo_coeff, mean_field.mo_energy
    nmo = orbitals.shape[1]
    nocc = int(np.count_nonzero(mean_field.mo_occ))
    nvirt = nmo - nocc
    pairs = np.vstack(
        [
            _ao2mo.nr_e2(block, np.asfortranarray(orbitals), (0, nocc, nocc, nmo), aosym="s2")
            for block in mean_field.with_df.loop()
        ]
    )
    gaps = energies[:nocc, None] - energies[None, nocc:]
    density_o, density_v = 2 * np.eye(nocc), np.zeros((nvirt, nvirt))
    for k in range(nocc):
        integrals = (pairs.T @ pairs[:, k * nvirt : (k + 1) * nvirt]).reshape(nocc, nvirt, nvirt)
        amplitudes = integrals / (gaps[:, :, None] + gaps[k])
        mixed = 2 * amplitudes - amplitudes.transpose(0, 2, 1)
        density_o -= 2 * np.tensordot(amplitudes, mixed, axes=([1, 2], [1, 2]))
        density_v += 2 * np.tensordot(amplitudes, mixed, axes=([0, 2], [0, 2]))
    return density_o, density_v


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


def _most_correlated(mean_field: Any, other: Any, overlap: Matrix, occupied: int, virtual: int) -> _Chosen:
    """Return the MP2 natural orbitals farthest from being filled and from being empty.

    Natural orbitals within the occupied and virtual blocks: Sosa, Geertsen, Trucks, Bartlett, Franz 1989,
    doi:10.1016/0009-2614(89)87399-3. With the other monomer's functions at hand, a monomer's virtual orbitals
    reach into what the other one fills; in the dimer that is taken. So they are chosen from what is left of
    the virtual space without the other's occupied orbitals (else the projection keeps 0.89 of a σ* orbital
    in the water-methylamine dimer; so 0.94).
    """
    density_o, density_v = mp2_density(mean_field)
    nocc = len(density_o)
    fillings_o, vectors_o = np.linalg.eigh(density_o)
    empty = mean_field.mo_coeff[:, nocc:]
    taken = other.mo_coeff[:, other.mo_occ > 0]
    free = np.linalg.svd(empty.T @ overlap @ taken)[0][:, taken.shape[1] :]
    fillings_v, vectors_v = np.linalg.eigh(free.T @ density_v @ free)
    orbitals_o = _fix_signs(mean_field.mo_coeff[:, :nocc] @ vectors_o)
    orbitals_v = _fix_signs(empty @ free @ vectors_v[:, ::-1])
    return _Chosen(
        core=orbitals_o[:, occupied:],
        occupied=orbitals_o[:, :occupied],
        virtual=orbitals_v[:, :virtual],
        occupations=tuple(float(x) for x in (*fillings_o[:occupied], *fillings_v[::-1][:virtual])),
    )


def _project(space: Matrix, orbitals: Matrix, overlap: Matrix) -> tuple[Matrix, Matrix, float]:
    """Return orbitals projected onto a space, the rest of that space, and the smallest singular value.

    Of all orthonormal sets in the space, U Vᵀ is the one nearest to the orbitals given (Löwdin).
    """
    left, values, right = np.linalg.svd(space.T @ overlap @ orbitals, full_matrices=True)
    count = orbitals.shape[1]
    return space @ (left[:, :count] @ right), space @ left[:, count:], float(values.min())


def _hamiltonian(mean_field: Any, core: Matrix, occupied: Matrix, virtual: Matrix) -> ActiveHamiltonian:
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
