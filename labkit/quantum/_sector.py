"""States of fixed particle numbers: how a Hamiltonian acts on them, and what can be read off them.

A state is an array of shape (strings of spin up, strings of spin down) in PySCF's order, real or complex.
The Hamiltonian is real, so that the real and the imaginary part of a state never mix in an expectation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf.fci import cistring, direct_spin1, spin_op

from labkit.errors import EvaluationError
from labkit.quantum._hamiltonian import ActiveHamiltonian

State = NDArray[Any]


def action(hamiltonian: ActiveHamiltonian) -> Callable[[State], State]:
    """Return the function that applies a Hamiltonian without its core energy to a state."""
    norb, nelec = hamiltonian.norb, hamiltonian.nelec
    integrals = direct_spin1.absorb_h1e(hamiltonian.h1e, hamiltonian.eri, norb, nelec, 0.5)
    links = tuple(cistring.gen_linkstr_index_trilidx(range(norb), count) for count in nelec)

    def apply_real(state: State) -> State:
        applied = direct_spin1.contract_2e(integrals, np.ascontiguousarray(state), norb, nelec, links)
        return np.asarray(applied).reshape(state.shape)

    def apply(state: State) -> State:
        if np.iscomplexobj(state):
            return apply_real(state.real) + 1j * apply_real(state.imag)
        return apply_real(state)

    return apply


def reference_state(hamiltonian: ActiveHamiltonian) -> NDArray[np.float64]:
    """Return the determinant that fills the first orbitals of each spin."""
    state = np.zeros(hamiltonian.strings)
    state[0, 0] = 1.0
    return state


def exact_state(hamiltonian: ActiveHamiltonian) -> tuple[float, State]:
    """Return the full-CI ground state of the sector: its energy without the core, Ha, and the state.

    Raises:
        EvaluationError: if the iterative eigensolver doesn't converge.
    """
    solver = direct_spin1.FCI()
    energy, state = solver.kernel(
        hamiltonian.h1e, hamiltonian.eri, hamiltonian.norb, hamiltonian.nelec, tol=1e-11, max_cycle=200
    )
    if not np.all(solver.converged):
        raise EvaluationError("the exact (full CI) reference in the active space didn't converge")
    return float(energy), np.asarray(state).reshape(hamiltonian.strings)


def orbital_energies(hamiltonian: ActiveHamiltonian) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Fock matrices' diagonals of both spins, Ha, for the determinant of `reference_state`."""
    filled = [slice(0, count) for count in hamiltonian.nelec]
    coulomb = sum(np.einsum("ppii->p", hamiltonian.eri[:, :, part, part]) for part in filled)
    up, down = (
        hamiltonian.h1e.diagonal() + coulomb - np.einsum("piip->p", hamiltonian.eri[:, part, part, :])
        for part in filled
    )
    return up, down


def density_matrices(
    state: State, norb: int, nelec: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the spin-summed one- and two-electron density matrices, in PySCF's order.

    Energies are Σ h1e·dm1 + ½ Σ eri·dm2. Of a complex state's matrices the real parts are returned, which
    are all that real integrals see.
    """
    one, two = np.zeros((norb,) * 2), np.zeros((norb,) * 4)
    for part in _parts(state):
        of_part = direct_spin1.make_rdm12(part, norb, nelec)
        one += of_part[0]
        two += of_part[1]
    return one, two


def transition_density(bra: State, ket: State, norb: int, nelec: tuple[int, int]) -> NDArray[np.complex128]:
    """Return M with M_pq = ⟨bra| a†_q a_p |ket⟩ summed over spin, shape (norb, norb)."""
    links = tuple(cistring.gen_linkstr_index(range(norb), count) for count in nelec)
    (bra_real, bra_imag), (ket_real, ket_imag) = _parts(bra), _parts(ket)

    def real(left: State, right: State) -> NDArray[np.float64]:
        return np.asarray(direct_spin1.trans_rdm1(left, right, norb, nelec, links))

    return (
        real(bra_real, ket_real)
        + real(bra_imag, ket_imag)
        + 1j * (real(bra_real, ket_imag) - real(bra_imag, ket_real))
    )


def natural_occupations(state: State, norb: int, nelec: tuple[int, int]) -> tuple[float, ...]:
    """Return the spin-summed natural occupations, the fullest orbital first."""
    one = sum(direct_spin1.make_rdm1(part, norb, nelec) for part in _parts(state))
    return tuple(float(occupation) for occupation in np.linalg.eigvalsh(one)[::-1])


def spin_square(state: State, norb: int, nelec: tuple[int, int]) -> float:
    """Return the expectation of S²: 0 for a singlet, 2 for a triplet."""
    return float(sum(spin_op.spin_square0(part, norb, nelec)[0] for part in _parts(state)))


def _parts(state: State) -> list[NDArray[np.float64]]:
    """Return the real and, where there is one, the imaginary part, as contiguous arrays."""
    if np.iscomplexobj(state):
        return [np.ascontiguousarray(state.real), np.ascontiguousarray(state.imag)]
    return [np.ascontiguousarray(state)]
