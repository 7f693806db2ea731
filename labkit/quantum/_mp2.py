"""Second-order perturbation theory from density-fitting integrals: an energy, and natural orbitals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pyscf import df
from pyscf.ao2mo import _ao2mo

from labkit.quantum._meanfield import Matrix


@dataclass(frozen=True)
class Mp2:
    """MP2 (Møller, Plesset 1934, doi:10.1103/PhysRev.46.618) of a closed shell.

    Attributes:
        energy: correlation energy, Ha.
        occupied: occupied block of the unrelaxed density matrix, shape (nocc, nocc).
        virtual: its virtual block, shape (nvirt, nvirt).
    """

    energy: float
    occupied: Matrix
    virtual: Matrix


def mp2(mean_field: Any, *, fitting: df.DF | None = None, frozen: int = 0) -> Mp2:
    """Return MP2 on a Hartree-Fock solution.

    Memory grows with nocc·nvirt², that of one electron's amplitudes, where PySCF keeps those of all pairs.

    Args:
        mean_field: PySCF's density-fitted RHF solution.
        fitting: density-fitting integrals; the mean field's own where not given.
        frozen: lowest orbitals that stay filled.
    """
    orbitals, energies = mean_field.mo_coeff, mean_field.mo_energy
    nmo = orbitals.shape[1]
    nocc = int(np.count_nonzero(mean_field.mo_occ))
    nact, nvirt = nocc - frozen, nmo - nocc
    pairs = np.vstack(
        [
            _ao2mo.nr_e2(block, np.asfortranarray(orbitals), (frozen, nocc, nocc, nmo), aosym="s2")
            for block in (fitting or mean_field.with_df).loop()
        ]
    )
    gaps = energies[frozen:nocc, None] - energies[None, nocc:]
    energy, occupied, virtual = 0.0, 2 * np.eye(nocc), np.zeros((nvirt, nvirt))
    for k in range(nact):
        integrals = (pairs.T @ pairs[:, k * nvirt : (k + 1) * nvirt]).reshape(nact, nvirt, nvirt)
        amplitudes = integrals / (gaps[:, :, None] + gaps[k])
        mixed = 2 * amplitudes - amplitudes.transpose(0, 2, 1)
        energy += float(np.vdot(integrals, mixed))
        occupied[frozen:, frozen:] -= 2 * np.tensordot(amplitudes, mixed, axes=([1, 2], [1, 2]))
        virtual += 2 * np.tensordot(amplitudes, mixed, axes=([0, 2], [0, 2]))
    return Mp2(energy, occupied, virtual)
