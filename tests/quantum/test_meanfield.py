"""Ghost atoms bring functions and nothing else; a mean field converges or says that it didn't."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyscf import scf

from labkit.errors import EvaluationError
from labkit.molecules import Dimer
from labkit.molecules._dimer import DIMER_ELEMENTS
from labkit.quantum._meanfield import AUXILIARY_BASIS, converge, density_fitting, hartree_fock, system
from labkit.quantum._mp2 import mp2


def test_the_basis_has_every_element_that_a_dimer_may_have() -> None:
    for element in DIMER_ELEMENTS:
        # A closed shell of any one element: its charge is that of its parity.
        dimer = Dimer(
            ("H", "H", element, element), np.diag([1.0, 2.0, 3.0, 0.0])[:, :3] * 3, 0, 0, 0, (0, 1), (2, 3)
        )
        mol = system(dimer, (2, 3), 0).mol
        assert mol.nao > 0
        # vDZP replaces the core electrons of everything but hydrogen, and only those.
        assert (mol.nelectron < 2 * DIMER_NUMBERS[element]) == (element != "H")


DIMER_NUMBERS = {
    "H": 1, "B": 5, "C": 6, "N": 7, "O": 8, "F": 9, "Si": 14, "P": 15, "S": 16, "Cl": 17, "Br": 35, "I": 53,
}  # fmt: skip


def test_distant_ghosts_change_nothing_and_near_ones_only_lower_the_energy(
    water_dimer: Dimer, water_mean_fields: Any, distant_mean_fields: Any
) -> None:
    alone = system(water_dimer, water_dimer.selection_a, 0)
    energy = hartree_fock(alone, density_fitting(alone.mol), None, "water").mean_field.e_tot
    assert distant_mean_fields.monomer_a.e_tot == pytest.approx(energy, abs=1e-7)
    assert water_mean_fields.monomer_a.e_tot < energy
    assert water_mean_fields.monomer_a.mol.nelectron == alone.mol.nelectron
    assert water_mean_fields.monomer_a.mol.nao == water_mean_fields.dimer.mol.nao


def test_diffuse_functions_are_one_s_and_one_p_for_each_heavy_atom(water_dimer: Dimer) -> None:
    plain = system(water_dimer, water_dimer.selection_a, 0)
    diffuse = system(water_dimer, water_dimer.selection_a, 0, diffuse=True)
    assert diffuse.mol.nao - plain.mol.nao == 4


def test_an_scf_that_diis_fails_is_retried_and_told(water_dimer: Dimer, water_mean_fields: Any) -> None:
    mean_field = scf.RHF(system(water_dimer, range(6), 0).mol).density_fit(auxbasis=AUXILIARY_BASIS)
    mean_field.conv_tol = 1e-9
    mean_field.max_cycle = 1
    solution = converge(mean_field, None, "water dimer")
    assert "level shift" in solution.note
    assert solution.mean_field.e_tot == pytest.approx(water_mean_fields.dimer.e_tot, abs=1e-7)


def test_after_a_level_shift_the_orbital_energies_are_those_without_it(
    water_dimer: Dimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = system(water_dimer, water_dimer.selection_a, 0)
    fitting = density_fitting(alone.mol)
    plain = hartree_fock(alone, fitting, None, "water").mean_field
    monkeypatch.setattr(scf.hf.SCF, "max_cycle", 1)
    shifted = hartree_fock(alone, fitting, None, "water")
    assert "level shift" in shifted.note
    np.testing.assert_allclose(shifted.mean_field.mo_energy, plain.mo_energy, atol=1e-5)
    assert mp2(shifted.mean_field).energy == pytest.approx(mp2(plain).energy, abs=1e-6)


class NeverConverging:
    """A mean field that no method converges."""

    converged = False
    mo_coeff = mo_occ = None

    def kernel(self, *_: object) -> None: ...

    def make_rdm1(self) -> None: ...

    def newton(self) -> NeverConverging:
        return self


def test_an_scf_that_nothing_converges_is_an_error_and_no_energy() -> None:
    with pytest.raises(EvaluationError, match="monomer A: the SCF converged neither"):
        converge(NeverConverging(), None, "monomer A")
