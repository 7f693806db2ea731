"""MP2 against PySCF's own, with and without frozen orbitals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pyscf.mp.dfmp2 import DFMP2

from labkit.quantum._meanfield import density_fitting
from labkit.quantum._mp2 import mp2


@pytest.mark.parametrize("frozen", [0, 1])
def test_energy_and_density_are_pyscf_s_own(water_mean_fields: Any, frozen: int) -> None:
    field = water_mean_fields.monomer_a
    reference = DFMP2(field, frozen=frozen)
    reference.max_memory = 4000
    reference.kernel(with_t2=True)
    density = reference.make_rdm1()
    found = mp2(field, frozen=frozen)
    nocc = len(found.occupied)
    assert found.energy == pytest.approx(reference.e_corr, abs=1e-9)
    np.testing.assert_allclose(found.occupied, density[:nocc, :nocc], atol=1e-9)
    np.testing.assert_allclose(found.virtual, density[nocc:, nocc:], atol=1e-9)
    assert np.trace(found.occupied) + np.trace(found.virtual) == pytest.approx(2 * nocc)


def test_the_fitting_is_the_one_given(water_mean_fields: Any) -> None:
    field = water_mean_fields.monomer_a
    fitting = density_fitting(field.mol, auxiliary="def2-universal-jkfit")
    assert mp2(field, fitting=fitting).energy == pytest.approx(mp2(field).energy, abs=1e-9)
