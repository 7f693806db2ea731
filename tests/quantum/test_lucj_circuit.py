"""Truncated, local circuits prepare the state that ffsim computes, in fewer gates the fewer pairs couple."""

from __future__ import annotations

import ffsim
import numpy as np
import pytest

from labkit.errors import InputError
from labkit.quantum._circuit import state_vector
from labkit.quantum._lucj_circuit import LOCALITIES, lucj_circuit, random_amplitudes


@pytest.mark.parametrize(
    ("norb", "filled", "repetitions", "locality"),
    [(4, 2, 1, "square"), (5, 2, 3, "heavy-hex"), (4, 1, 2, "all"), (8, 5, 2, "square")],
)
def test_aer_s_state_vector_is_ffsim_s(norb: int, filled: int, repetitions: int, locality: str) -> None:
    amplitudes = random_amplitudes(norb, filled)
    lucj = lucj_circuit(amplitudes, repetitions=repetitions, locality=locality)
    nelec = (filled, filled)
    by_ffsim = ffsim.apply_unitary(
        ffsim.hartree_fock_state(norb, nelec), lucj.operator, norb=norb, nelec=nelec
    )
    by_aer = state_vector(lucj)
    assert np.linalg.norm(by_aer) == pytest.approx(1.0, abs=1e-8)  # nothing leaves the sector
    overlap = np.vdot(by_aer, by_ffsim)
    # A circuit fixes its state up to a phase common to all amplitudes.
    np.testing.assert_allclose(by_aer * overlap / abs(overlap), by_ffsim, rtol=0, atol=1e-8)


def test_fewer_pairs_make_a_smaller_circuit() -> None:
    amplitudes = random_amplitudes(8, 4)
    gates = [
        lucj_circuit(amplitudes, locality=locality).describe()["two_qubit_gates"]
        for locality in ("heavy-hex", "square", "all")
    ]
    assert gates[0] < gates[1] < gates[2]


def test_circuit_size_doesn_t_depend_on_the_amplitudes() -> None:
    placeholder = random_amplitudes(6, 3)
    scaled = type(placeholder)(energy=0.0, t1=0.01 * placeholder.t1, t2=0.02 * placeholder.t2[::-1, ::-1])
    assert lucj_circuit(placeholder).describe() == lucj_circuit(scaled).describe()


def test_bad_sizes_are_named() -> None:
    with pytest.raises(InputError, match="repetitions=0; at least 1"):
        lucj_circuit(random_amplitudes(4, 2), repetitions=0)
    with pytest.raises(InputError, match=f"'ring' doesn't exist; choose one of {', '.join(LOCALITIES)}"):
        lucj_circuit(random_amplitudes(4, 2), locality="ring")
    with pytest.raises(InputError, match="4 filled orbitals of 4"):
        random_amplitudes(4, 4)
