"""An active space: the Hamiltonian of some electrons in some orbitals, which every solver takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ActiveHamiltonian:
    """Electrons in a few orbitals, in the field of all others.

    Attributes:
        h1e: one-electron integrals with the field of the frozen electrons, Ha, shape (norb, norb). The
            first orbitals are those that the reference determinant fills.
        eri: two-electron integrals (pq|rs), Ha, shape (norb, norb, norb, norb).
        core: energy of nuclei and frozen electrons, Ha.
        nelec: active electrons of spin up and of spin down.
    """

    h1e: NDArray[np.float64]
    eri: NDArray[np.float64]
    core: float
    nelec: tuple[int, int]

    @property
    def norb(self) -> int:
        """Number of active orbitals."""
        return len(self.h1e)

    @property
    def strings(self) -> tuple[int, int]:
        """Number of determinants of each spin; their product is the dimension of the full space."""
        return comb(self.norb, self.nelec[0]), comb(self.norb, self.nelec[1])

    def as_dict(self) -> dict[str, Any]:
        """Return the Hamiltonian as plain values that `json.dumps` takes."""
        return {
            "h1e": self.h1e.tolist(),
            "eri": self.eri.tolist(),
            "core": self.core,
            "nelec": self.nelec,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ActiveHamiltonian:
        """Return the Hamiltonian that `as_dict` wrote down."""
        return cls(np.array(values["h1e"]), np.array(values["eri"]), values["core"], tuple(values["nelec"]))
