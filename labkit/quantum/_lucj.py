"""The local unitary cluster Jastrow ansatz (LUCJ), optimised with adjoint gradients in a sector.

A layer is U exp(iJ) U†. U = exp(K) rotates the orbitals of both spins alike, J = ½ Σ J_ij n_i n_j counts
pairs of electrons in orbitals that a lattice of qubits makes neighbours; a last rotation follows all layers.
Form: Motta et al. 2023, doi:10.1039/D3SC02516K. One sweep forward that keeps the states between the factors,
one application of the Hamiltonian and one sweep backward give the energy and all its derivatives (adjoint
differentiation: Jones, Gacon 2020, arXiv:2009.02823).
"""

from __future__ import annotations

import ffsim
import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from pyscf.fci import cistring

from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj_circuit import interaction_pairs
from labkit.quantum._optimize import Optimum, Vector, minimize
from labkit.quantum._reference import CoupledCluster
from labkit.quantum._rotation import Exponential, Matrix, antihermitian, free_elements, free_slopes
from labkit.quantum._sector import State, action, reference_state, transition_density

Pairs = list[tuple[int, int]]


def optimize_lucj(
    hamiltonian: ActiveHamiltonian,
    amplitudes: CoupledCluster,
    *,
    layers: int,
    gradient_norm: float,
    max_iterations: int,
) -> tuple[ffsim.UCJOpSpinBalanced, Optimum]:
    """Return the LUCJ operator whose state has the lowest energy, and how it was found.

    The search starts from the largest terms of the CCSD amplitudes; the lattice is a square one.

    Args:
        hamiltonian: the active space, a closed shell.
        amplitudes: CCSD in it.
        layers: terms U exp(iJ) U†.
        gradient_norm: norm of the gradient at which the search ends, Ha.
        max_iterations: steps after which it ends unconverged.
    """
    pairs = interaction_pairs(hamiltonian.norb, "square")
    start = ffsim.UCJOpSpinBalanced.from_t_amplitudes(
        amplitudes.t2, t1=amplitudes.t1, n_reps=layers, interaction_pairs=pairs
    )
    ansatz = Lucj(hamiltonian, layers, pairs)
    first = ansatz.parameters(start)
    optimum = minimize(
        ansatz.energy_and_gradient,
        first,
        curvature=np.ones_like(first),
        gradient_norm=gradient_norm,
        max_iterations=max_iterations,
    )
    return ansatz.operator(optimum.parameters), optimum


class Lucj:
    """The ansatz for one Hamiltonian: energy and gradient, and the way from and to ffsim's operator.

    The parameters are, for the rotation of each layer and the last one, a matrix of shape (norb, norb) that
    holds the free elements of its generator K, then the Jastrow matrices' elements of each layer.
    """

    def __init__(self, hamiltonian: ActiveHamiltonian, layers: int, pairs: tuple[Pairs, Pairs]) -> None:
        """Prepare what all evaluations share.

        Args:
            hamiltonian: the active space.
            layers: terms U exp(iJ) U†.
            pairs: orbitals p ≤ q whose electrons of like and of unlike spin interact.
        """
        self._hamiltonian = hamiltonian
        self._apply = action(hamiltonian)
        self._layers = layers
        self._pairs = [np.array(chosen, dtype=np.intp).reshape(-1, 2).T for chosen in pairs]
        orbitals = range(hamiltonian.norb)
        self._occupied = [
            (np.asarray(cistring.make_strings(orbitals, count))[:, None] >> np.array(orbitals) & 1).astype(
                float
            )
            for count in hamiltonian.nelec
        ]

    def operator(self, parameters: Vector) -> ffsim.UCJOpSpinBalanced:
        """Return ffsim's form of the ansatz."""
        generators, jastrow = self._split(parameters)
        rotations = np.array([Exponential.of(generator).value for generator in generators])
        return ffsim.UCJOpSpinBalanced(jastrow, rotations[:-1], rotations[-1])

    def parameters(self, operator: ffsim.UCJOpSpinBalanced) -> Vector:
        """Return the parameters of an operator that has a last rotation."""
        rotations = [*operator.orbital_rotations, operator.final_orbital_rotation]
        generators = [free_elements(scipy.linalg.logm(rotation)).ravel() for rotation in rotations]
        jastrow = [
            matrix[p, q]
            for layer in operator.diag_coulomb_mats
            for matrix, (p, q) in zip(layer, self._pairs, strict=True)
        ]
        return np.concatenate([*generators, *jastrow])

    def energy_and_gradient(self, parameters: Vector) -> tuple[float, Vector]:
        """Return the energy without the core, Ha, and its derivatives."""
        generators, jastrow = self._split(parameters)
        exponentials = [Exponential.of(generator) for generator in generators]
        rotations = [exponential.value for exponential in exponentials]
        # Where layers meet, two rotations act as one.
        left = [rotation.conj().T for rotation in rotations[:-1]] + rotations[-1:]
        merged = [left[0], *(after @ before for after, before in zip(left[1:], rotations[:-1], strict=True))]
        phases = [self._phases(*matrices) for matrices in jastrow]

        state = reference_state(self._hamiltonian).astype(complex)
        rotated = []
        for k, rotation in enumerate(merged):
            rotated.append(self._rotate(state, rotation))
            state = rotated[k] * phases[k] if k < self._layers else rotated[k]
        adjoint = self._apply(state)
        energy = float(np.vdot(state, adjoint).real)

        # If rotation k turns into (1 + X) times itself, the energy changes by 2 Re tr(X response[k]).
        response = np.zeros_like(generators)
        jastrow_slopes = np.zeros_like(jastrow)
        for k in reversed(range(len(merged))):
            density = transition_density(adjoint, rotated[k], self._hamiltonian.norb, self._hamiltonian.nelec)
            if k == self._layers:
                response[k] += density
                before = rotations[k].conj().T @ density @ rotations[k]
            else:
                before = rotations[k] @ density @ rotations[k].conj().T
                response[k] -= before
            if k > 0:
                response[k - 1] += before
                adjoint = self._rotate(adjoint, merged[k].conj().T)
                jastrow_slopes[k - 1] = self._jastrow_slopes(adjoint, rotated[k - 1] * phases[k - 1])
                adjoint = adjoint * phases[k - 1].conj()
        slopes = [free_slopes(each.pull_back(of)) for each, of in zip(exponentials, response, strict=True)]
        return energy, self._join(slopes, jastrow_slopes)

    def _split(self, parameters: Vector) -> tuple[Matrix, NDArray[np.float64]]:
        """Return generators, shape (layers + 1, norb, norb), and Jastrow matrices (layers, 2, norb, norb)."""
        layers, norb = self._layers, self._hamiltonian.norb
        elements, rest = np.split(parameters, [(layers + 1) * norb**2])
        generators = np.array([antihermitian(each) for each in elements.reshape(-1, norb, norb)])
        jastrow = np.zeros((layers, 2, norb, norb))
        for layer, values in zip(jastrow, rest.reshape(layers, -1), strict=True):
            parts = np.split(values, [self._pairs[0].shape[1]])
            for matrix, (p, q), part in zip(layer, self._pairs, parts, strict=True):
                matrix[p, q] = matrix[q, p] = part
        return generators, jastrow

    def _rotate(self, state: State, rotation: Matrix) -> State:
        norb, nelec = self._hamiltonian.norb, self._hamiltonian.nelec
        rotated = ffsim.apply_orbital_rotation(state.ravel(), rotation, norb=norb, nelec=nelec)
        return np.asarray(rotated).reshape(state.shape)

    def _phases(self, like: NDArray[np.float64], unlike: NDArray[np.float64]) -> Matrix:
        """Return exp(iJ) of each determinant."""
        up, down = self._occupied
        of_up, of_down = (np.einsum("sp,pq,sq->s", each, like, each) / 2 for each in self._occupied)
        return np.exp(1j * (of_up[:, None] + of_down + up @ unlike @ down.T))

    def _jastrow_slopes(self, adjoint: State, state: State) -> NDArray[np.float64]:
        """Return the energy's derivatives by all elements of a layer's two Jastrow matrices."""
        up, down = self._occupied
        weight = -2 * (adjoint.conj() * state).imag
        like = (up.T * weight.sum(axis=1)) @ up + (down.T * weight.sum(axis=0)) @ down
        return np.array([like / 2, up.T @ weight @ down])

    def _join(self, generators: list[NDArray[np.float64]], jastrow: NDArray[np.float64]) -> Vector:
        """Return slopes in the order of the parameters; J_pq and J_qp are one of them."""
        both = jastrow + jastrow.swapaxes(-1, -2) * (1 - np.eye(jastrow.shape[-1]))
        elements = [matrix[p, q] for layer in both for matrix, (p, q) in zip(layer, self._pairs, strict=True)]
        return np.concatenate([np.ravel(generators), *elements])
