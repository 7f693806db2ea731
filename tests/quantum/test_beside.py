"""A headline stands where the quantum step beside it fails, and says so."""

from __future__ import annotations

from typing import Any

from labkit.quantum._beside import quantum_beside
from labkit.quantum._mp2 import mp2
from labkit.quantum._result import InteractionSettings


def test_a_quantum_step_that_fails_is_noted(water_mean_fields: Any) -> None:
    fields = water_mean_fields
    # The same monomer twice: the dimer has its orbitals only once.
    twice = [fields.dimer, fields.monomer_a, fields.monomer_a]
    correlation = mp2(fields.monomer_a)
    beside = quantum_beside(twice, (correlation, correlation), "vDZP", InteractionSettings(), {})
    assert beside.quantum == beside.active_space == {}
    (note,) = beside.notes
    assert note.startswith("no quantum step beside the headline: the monomers' active orbitals keep only")
