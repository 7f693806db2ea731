"""What PySCF's CASSCF asks of the electrons' repulsion, from fitted integrals of occupied orbitals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import df, lib
from pyscf.ao2mo import _ao2mo

Matrix = NDArray[np.float64]
Single = NDArray[np.float32]

# Below this occupation an orbital of a density adds nothing that double precision would show.
_EMPTY = 1e-13


@dataclass(frozen=True)
class OrbitalIntegrals:
    """Integrals in one set of orbitals; p, q are any of them, i is a core and u, v are active orbitals.

    Attributes:
        ppaa: (pq|uv), shape (nmo, nmo, ncas, ncas).
        papa: (pu|qv), shape (nmo, ncas, nmo, ncas).
        j_pc: (pp|ii), shape (nmo, ncore).
        k_pc: (pi|pi), shape (nmo, ncore).
        vhf_c: the core's mean field, shape (nmo, nmo).
        fitted: (P|iq) of core and active orbitals i, shape (ncore + ncas, naux, nmo).
    """

    ppaa: Matrix
    papa: Matrix
    j_pc: Matrix
    k_pc: Matrix
    vhf_c: Matrix
    fitted: Single


class FittedIntegrals:
    """Takes the place of three of CASSCF's methods, with the same results in a quarter of the time.

    PySCF transforms all pairs of orbitals and contracts densities of full rank, where pairs with an occupied
    orbital and densities of the rank of the occupied ones suffice. Second derivatives are in single
    precision: they only steer the steps; energies and gradients, which tell convergence, are in double.
    """

    def __init__(self, fitting: df.DF, ncore: int, ncas: int) -> None:
        """Unpack the integrals that all sets of orbitals share.

        Args:
            fitting: with integrals built.
            ncore: doubly occupied orbitals.
            ncas: active orbitals.
        """
        self._fitting, self._ncore, self._nocc = fitting, ncore, ncore + ncas
        self._unpacked = np.vstack([lib.unpack_tril(block).astype(np.float32) for block in fitting.loop()])

    def serve(self, optimizer: Any) -> None:
        """Replace the methods of PySCF's optimiser."""
        optimizer._keys = optimizer._keys | {"ao2mo", "get_jk", "update_jk_in_ah"}
        optimizer.ao2mo, optimizer.get_jk = self.ao2mo, self.get_jk
        optimizer.update_jk_in_ah = self.update_jk_in_ah

    def ao2mo(self, orbitals: Matrix) -> OrbitalIntegrals:
        """Return the integrals in orbitals of shape (nao, nmo)."""
        ncore, nmo = self._ncore, orbitals.shape[1]
        fitted = self._transformed(orbitals)
        active = fitted[ncore:]
        naux, ncas = active.shape[1], len(active)
        beside = active.swapaxes(0, 1).reshape(naux, -1)
        papa = (beside.T @ beside).reshape(ncas, nmo, ncas, nmo).transpose(1, 0, 3, 2)
        # Charges on the auxiliary functions: of pairs of active orbitals, and of each core orbital.
        rows, columns = np.tril_indices(ncas)
        pairs = active[rows, :, ncore + columns]
        core = fitted[np.arange(ncore), :, np.arange(ncore)]
        potentials = lib.unpack_tril(self._contracted(np.vstack([pairs, core])))
        of_pairs, of_core = potentials[: len(pairs)], potentials[len(pairs) :]
        ppaa = np.empty((nmo, nmo, ncas, ncas))
        ppaa[:, :, rows, columns] = (orbitals.T @ of_pairs @ orbitals).transpose(1, 2, 0)
        ppaa[:, :, columns, rows] = ppaa[:, :, rows, columns]
        inner = fitted[:ncore].reshape(-1, nmo)
        return OrbitalIntegrals(
            ppaa=ppaa,
            papa=np.ascontiguousarray(papa),
            j_pc=((of_core @ orbitals) * orbitals).sum(axis=1).T,
            k_pc=np.einsum("iPq,iPq->qi", fitted[:ncore], fitted[:ncore]),
            vhf_c=2 * orbitals.T @ of_core.sum(axis=0) @ orbitals - inner.T @ inner,
            fitted=fitted.astype(np.float32),
        )

    def get_jk(self, mol: Any, densities: Any, hermi: int = 1, **options: Any) -> tuple[Matrix, Matrix]:
        """Return Coulomb and exchange matrices of positive densities, as PySCF's method of this name."""
        given = np.asarray(densities)
        stacked = given.reshape(-1, *given.shape[-2:])
        occupations, orbitals = np.linalg.eigh(stacked)
        occupations = np.where(occupations > _EMPTY, occupations, 0.0)
        tagged = lib.tag_array(stacked, mo_coeff=orbitals, mo_occ=occupations)
        coulomb, exchange = self._fitting.get_jk(tagged, hermi, **options)
        return coulomb.reshape(given.shape), exchange.reshape(given.shape)

    def update_jk_in_ah(
        self, orbitals: Matrix, rotation: Matrix, density: Matrix, eris: OrbitalIntegrals
    ) -> tuple[Matrix, Matrix]:
        """Return the mean field's change by a rotation, shapes (ncas, nmo) and (ncore, nmo - ncore)."""
        ncore, nocc = self._ncore, self._nocc
        # Densities D = Σ_i |i⟩⟨y_i| + |y_i⟩⟨i|: of the core alone, for active rows; of all, for core rows.
        core = np.hstack([np.zeros((ncore, ncore)), rotation[:ncore, ncore:]])
        everything = np.vstack([2 * core, density @ rotation[ncore:nocc]])
        turns = [turn.astype(np.float32) for turn in (core, everything)]
        rows = [eris.fitted[ncore:], eris.fitted[:ncore]]
        basis = orbitals.astype(np.float32)
        # Exchange: (P|ri)(P|y_i q) in the basis functions, then (P|r y_i)(P|iq).
        half = np.vstack(
            [row[:, :, : len(turn)] @ (turn @ basis.T) for row, turn in zip(rows, turns, strict=True)]
        )
        nao = len(basis)
        exchange = half.reshape(nocc, -1) @ self._unpacked.reshape(-1, nao) @ basis
        active_rows, core_rows = (
            2 * self._coulomb(row, eris.fitted[: len(turn)], turn)
            - (row @ turn.T).swapaxes(1, 2).reshape(len(row), -1)
            @ eris.fitted[: len(turn)].reshape(-1, basis.shape[1])
            - part
            for row, turn, part in zip(rows, turns, np.split(exchange, [nocc - ncore]), strict=True)
        )
        return density @ active_rows, core_rows[:, ncore:].astype(np.float64)

    @staticmethod
    def _coulomb(rows: Single, fitted: Single, turns: Single) -> Single:
        charges = 2 * (fitted @ turns[:, :, None]).sum(axis=0)[:, 0]
        return charges @ rows

    def _transformed(self, orbitals: Matrix) -> Matrix:
        """Return fitted integrals (P|iq) of core and active orbitals i, shape (nocc, naux, nmo)."""
        nocc, nmo = self._nocc, orbitals.shape[1]
        both = np.asfortranarray(np.hstack([orbitals[:, :nocc], orbitals]))
        transformed = np.empty((nocc, len(self._unpacked), nmo))
        start = 0
        for block in self._fitting.loop():
            part = _ao2mo.nr_e2(block, both, (0, nocc, nocc, nocc + nmo), aosym="s2")
            transformed[:, start : start + len(block)] = part.reshape(-1, nocc, nmo).swapaxes(0, 1)
            start += len(block)
        return transformed

    def _contracted(self, charges: Matrix) -> Matrix:
        """Return packed potentials of charges on the auxiliary functions, shape (charges, pairs)."""
        total, start = 0.0, 0
        for block in self._fitting.loop():
            total = total + charges[:, start : start + len(block)] @ block
            start += len(block)
        return np.asarray(total)
