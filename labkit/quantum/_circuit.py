"""The quantum circuit: a unitary cluster Jastrow state from CCSD amplitudes, compiled and sampled on Aer.

Ansatz: Matsuzawa, Kurashige 2020, doi:10.1021/acs.jctc.9b00963; amplitudes from CCSD by double factorisation:
Motta et al. 2023, doi:10.1039/D3SC02516K.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import ffsim
import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import QuantumRegister
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from labkit.quantum._reference import CoupledCluster, OpenCoupledCluster

UcjOperator: TypeAlias = ffsim.UCJOpSpinBalanced | ffsim.UCJOpSpinUnbalanced

# Gates that Aer runs; ffsim's own xx_plus_yy is not among them.
_BASIS_GATES = ("cx", "u", "cp", "p")


@dataclass(frozen=True)
class UcjCircuit:
    """A unitary cluster Jastrow state and the circuit that prepares it.

    Attributes:
        circuit: compiled, without measurement; qubit p is orbital p spin up, qubit norb + p spin down.
        operator: ffsim's form of the same state, acting on the Hartree-Fock determinant.
        norb: number of orbitals.
        nelec: electrons of spin up and of spin down.
    """

    circuit: QuantumCircuit
    operator: UcjOperator
    norb: int
    nelec: tuple[int, int]

    def describe(self) -> dict[str, int]:
        """Return the size of the circuit that runs."""
        return {
            "qubits": self.circuit.num_qubits,
            "repetitions": self.operator.n_reps,
            "two_qubit_gates": self.circuit.num_nonlocal_gates(),
            "depth": self.circuit.depth(),
        }


def ucj_circuit(amplitudes: CoupledCluster) -> UcjCircuit:
    """Return the state that all terms of the CCSD amplitudes give, without further optimisation."""
    filled, nvirt = amplitudes.t1.shape
    return compile_ucj(ucj_operator(amplitudes), filled + nvirt, (filled, filled))


def open_ucj_circuit(amplitudes: OpenCoupledCluster) -> UcjCircuit:
    """Return the same of an open shell, whose spins have rotations and Jastrow matrices of their own."""
    up, down = amplitudes.t1
    norb, nelec = sum(up.shape), (len(up), len(down))
    operator = ffsim.UCJOpSpinUnbalanced.from_t_amplitudes(amplitudes.t2, t1=amplitudes.t1)
    return compile_ucj(operator, norb, nelec)


def ucj_operator(amplitudes: CoupledCluster) -> ffsim.UCJOpSpinBalanced:
    """Return the unitary cluster Jastrow operator of all terms of the CCSD amplitudes."""
    return ffsim.UCJOpSpinBalanced.from_t_amplitudes(amplitudes.t2, t1=amplitudes.t1)


def compile_ucj(operator: UcjOperator, norb: int, nelec: tuple[int, int]) -> UcjCircuit:
    """Return a unitary cluster Jastrow state with the circuit that prepares it, in gates that Aer runs."""
    qubits = QuantumRegister(2 * norb, name="q")
    circuit = QuantumCircuit(qubits)
    circuit.append(ffsim.qiskit.PrepareHartreeFockJW(norb, nelec), qubits)
    if isinstance(operator, ffsim.UCJOpSpinBalanced):
        circuit.append(ffsim.qiskit.UCJOpSpinBalancedJW(operator), qubits)
    else:
        circuit.append(ffsim.qiskit.UCJOpSpinUnbalancedJW(operator), qubits)
    passes = generate_preset_pass_manager(optimization_level=1, basis_gates=list(_BASIS_GATES))
    passes.pre_init = ffsim.qiskit.PRE_INIT
    return UcjCircuit(passes.run(circuit), operator, norb, nelec)


def sample(ucj: UcjCircuit, shots: int, seed: int) -> dict[str, int]:
    """Return how often each bit string was measured on Aer, as '[b_N … b_0 a_N … a_0]'."""
    measured = ucj.circuit.copy()
    measured.measure_all()
    # One thread: how amplitudes are summed must not depend on the machine, or neither would the samples.
    simulator = AerSimulator(method="statevector", max_parallel_threads=1, seed_simulator=seed)
    counts = simulator.run(measured, shots=shots).result().get_counts()
    return {str(bits): int(count) for bits, count in counts.items()}


def state_vector(ucj: UcjCircuit) -> NDArray[np.complex128]:
    """Return Aer's state vector in the sector of right particle numbers, in ffsim's order of determinants."""
    circuit = ucj.circuit.copy()
    circuit.save_statevector()
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    amplitudes = np.asarray(simulator.run(circuit).result().get_statevector())
    return ffsim.qiskit.qiskit_vec_to_ffsim_vec(amplitudes, ucj.norb, ucj.nelec)


def sector_state(operator: UcjOperator, norb: int, nelec: tuple[int, int]) -> NDArray[np.complex128]:
    """Return the state that an operator makes of the Hartree-Fock determinant, without any circuit.

    Shape (strings of spin up, strings of spin down), in PySCF's order; what `state_vector` returns, folded.
    """
    state = ffsim.apply_unitary(ffsim.hartree_fock_state(norb, nelec), operator, norb=norb, nelec=nelec)
    return np.asarray(state).reshape(comb(norb, nelec[0]), comb(norb, nelec[1]))


def sample_sector(
    state: NDArray[np.complex128], norb: int, nelec: tuple[int, int], shots: int, seed: int
) -> dict[str, int]:
    """Return what `sample` does, drawn from a sector's state by ffsim: for circuits too wide for Aer."""
    drawn = ffsim.sample_state_vector(
        state.ravel(),
        norb=norb,
        nelec=nelec,
        shots=shots,
        seed=seed,
        bitstring_type=ffsim.BitstringType.STRING,
    )
    return dict(Counter(drawn))


def fraction_in_sector(counts: Mapping[str, float], norb: int, nelec: tuple[int, int]) -> float:
    """Return the share of shots with the right number of electrons of both spins."""
    right = sum(
        count for bits, count in counts.items() if (bits[norb:].count("1"), bits[:norb].count("1")) == nelec
    )
    return right / sum(counts.values())
