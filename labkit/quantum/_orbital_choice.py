"""Which orbitals of a monomer take part: three ways to say how much a direction is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscf import gto

from labkit.quantum._meanfield import Matrix
from labkit.quantum._mp2 import Mp2
from labkit.quantum._units import BOHR_IN_ANGSTROM

# An orbital belongs to the contact's atoms if this much of it lies on them (Sayfutyarova et al. use 0.2 for
# occupied and virtual orbitals together; a contact's σ* lies partly on atoms beyond it).
_LEAST_AVAS_SHARE = 0.1

# Atoms that lie this much farther from the other monomer than the nearest one belong to the contact, Å.
_CONTACT_DEPTH = 0.5


@dataclass(frozen=True)
class Preference:
    """How much each direction in a monomer's occupied and virtual space is wanted.

    The eigenvectors of the largest eigenvalues are taken.

    Attributes:
        occupied: symmetric matrix in the canonical occupied orbitals, shape (nocc, nocc).
        virtual: the same in the virtual ones, shape (nvirt, nvirt).
        valence: whether virtual orbitals are taken from the valence virtual space alone.
        least: eigenvalues below are not taken, however few there are.
    """

    occupied: Matrix
    virtual: Matrix
    valence: bool = False
    least: float = -np.inf


def natural(mean_field: Any, other: Any, correlation: Mp2) -> Preference:
    """Return the preference for MP2 natural orbitals far from filled and from empty.

    Natural orbitals within the occupied and virtual blocks: Sosa, Geertsen, Trucks, Bartlett, Franz 1989,
    doi:10.1016/0009-2614(89)87399-3.
    """
    return Preference(-correlation.occupied, correlation.virtual)


def frontier(mean_field: Any, other: Any, correlation: Mp2) -> Preference:
    """Return the preference for the highest occupied and the lowest virtual orbitals.

    The lowest virtual orbitals of all are waves in the ghost functions, which no dimer has; so they are taken
    from the valence virtual space.
    """
    nocc = len(correlation.occupied)
    energies = mean_field.mo_energy
    return Preference(np.diag(energies[:nocc]), -np.diag(energies[nocc:]), valence=True)


def avas(mean_field: Any, other: Any, correlation: Mp2) -> Preference:
    """Return the preference for the valence orbitals of the atoms in contact.

    Atomic valence active space: Sayfutyarova, Sun, Chan, Knizia 2017, doi:10.1021/acs.jctc.7b00128; valence p
    functions, and s of hydrogen, of the atoms nearest to the other monomer and of what a hydrogen among them
    is bound to.
    """
    nocc = len(correlation.occupied)
    atoms = contact_atoms(mean_field.mol, other.mol)
    valence = _valence_functions(mean_field, atoms, "p")
    shares = valence @ valence.T
    return Preference(shares[:nocc, :nocc], shares[nocc:, nocc:], least=_LEAST_AVAS_SHARE)


def valence_virtuals(mean_field: Any, free: Matrix) -> Matrix:
    """Return the part of a monomer's virtual space that its atoms' valence functions span.

    Valence virtual orbitals: Schmidt, Hull, Windus 2015, doi:10.1021/acs.jpca.5b06893. There are as many as
    the monomer's atoms have valence functions beyond its filled orbitals.

    Args:
        mean_field: PySCF's Hartree-Fock solution.
        free: the virtual directions at hand, in the canonical virtual orbitals, shape (nvirt, any).
    """
    mol = mean_field.mol
    nocc = int(np.count_nonzero(mean_field.mo_occ))
    valence = _valence_functions(mean_field, real_atoms(mol), "sp")
    left, _, _ = np.linalg.svd(free.T @ valence[nocc:])
    electrons = sum(_valence_electrons(mol.atom_pure_symbol(i)) for i in real_atoms(mol)) - mol.charge
    return np.asarray(free @ left[:, : max(0, valence.shape[1] - electrons // 2)])


def contact_atoms(mol: gto.Mole, other: gto.Mole) -> list[int]:
    """Return the atoms of a monomer that touch the other one, where each has the other's atoms as ghosts.

    They are those at most 0.5 Å farther from the other monomer than the nearest, and the neighbour of each
    hydrogen among them.
    """
    real, real_other = real_atoms(mol), real_atoms(other)
    positions = mol.atom_coords() * BOHR_IN_ANGSTROM
    reach = np.linalg.norm(positions[real][:, None] - positions[real_other][None], axis=-1).min(axis=1)
    atoms = {i for i, distance in zip(real, reach, strict=True) if distance <= reach.min() + _CONTACT_DEPTH}
    heavy = [i for i in real if mol.atom_pure_symbol(i) != "H"]
    for atom in sorted(atoms):
        if heavy and mol.atom_pure_symbol(atom) == "H":
            distances = np.linalg.norm(positions[heavy] - positions[atom], axis=-1)
            atoms.add(heavy[int(distances.argmin())])
    return sorted(atoms)


def real_atoms(mol: gto.Mole) -> list[int]:
    """Return the atoms that are no ghosts."""
    return [i for i in range(mol.natm) if not mol.atom_symbol(i).upper().startswith("GHOST")]


CHOICES: dict[str, Callable[[Any, Any, Mp2], Preference]] = {
    "mp2": natural,
    "frontier": frontier,
    "avas": avas,
}


def _valence_functions(mean_field: Any, atoms: list[int], shells: str) -> Matrix:
    """Return the atoms' outermost shells of a minimal basis, orthonormal, in the canonical orbitals.

    Args:
        mean_field: where orbitals come from.
        atoms: the atoms.
        shells: which shells of heavy atoms, "p" or "sp"; hydrogen always brings its s.

    Returns:
        shape (nmo, nfunctions).
    """
    mol = mean_field.mol
    site = gto.M(
        atom=[(mol.atom_pure_symbol(i), mol.atom_coord(i)) for i in atoms],
        basis="minao",
        unit="Bohr",
        spin=None,
        verbose=0,
    )
    labels = site.ao_labels(fmt=None)
    outermost: dict[tuple[int, str], str] = {}
    for atom, symbol, shell, _ in labels:
        if symbol == "H" or shell[-1] in shells:
            outermost[atom, shell[-1]] = max(outermost.get((atom, shell[-1]), ""), shell)
    chosen = [i for i, (atom, _, shell, _) in enumerate(labels) if shell == outermost.get((atom, shell[-1]))]
    cross = gto.intor_cross("int1e_ovlp", mol, site)[:, chosen]
    values, vectors = np.linalg.eigh(site.intor_symmetric("int1e_ovlp")[np.ix_(chosen, chosen)])
    return np.asarray(mean_field.mo_coeff.T @ cross @ vectors / np.sqrt(values))


def _valence_electrons(symbol: str) -> int:
    """Return the electrons of an atom's outermost shell: beyond noble gas and filled d shell."""
    number = int(gto.charge(symbol))
    return number - max(core for core in (0, 2, 10, 28, 46) if core < number)
