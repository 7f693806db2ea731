"""Units: CODATA 2018 (Tiesinga et al. 2021, doi:10.1103/RevModPhys.93.025010)."""

from __future__ import annotations

HARTREE_IN_KCAL_MOL = 627.5094740631
BOHR_IN_ANGSTROM = 0.529177210903
