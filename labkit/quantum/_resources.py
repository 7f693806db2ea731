"""What a circuit takes on a real machine, and what is likely to come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labkit.errors import InputError
from labkit.quantum._process import in_own_process
from labkit.quantum._qpu import Qpu, find_qpu

if TYPE_CHECKING:
    from qiskit import QuantumCircuit


@dataclass(frozen=True)
class LucjSize:
    """What the size of a truncated LUCJ circuit follows from.

    Attributes:
        electrons: in the active space, half of them of either spin.
        orbitals: in the active space; each takes two qubits.
        repetitions: of the circuit.
        locality: which orbitals its Jastrow factors couple: `square`, `heavy-hex` or `all`.

    Raises:
        InputError: if the electrons can't be paired in the orbitals, or leave none empty.
    """

    electrons: int
    orbitals: int
    repetitions: int = 2
    locality: str = "square"

    def __post_init__(self) -> None:
        if self.electrons % 2 or not 0 < self.electrons < 2 * self.orbitals:
            raise InputError(
                f"electrons={self.electrons} in orbitals={self.orbitals}; an even number that fills at least "
                f"one orbital and leaves at least one empty is wanted"
            )


@dataclass(frozen=True)
class Resources:
    """What a circuit takes on a quantum computer; None where it can't run or a value isn't known.

    Attributes:
        qpu: name of the machine.
        runs: whether the circuit runs there.
        why_not: the reason if it doesn't, else empty.
        qubits: that the circuit uses.
        one_qubit_gates: pulses on one qubit, after compiling to the machine's gates and connections;
            rotations about z take none.
        two_qubit_gates: likewise, with those that bring qubits together.
        depth: longest chain of these gates.
        gate_fidelity: product of the fidelities of all gates. Qubits that wait lose nothing in it, so it is
            an upper bound.
        expected_fidelity: the same times that of reading all qubits, where known.
        shots: that `seconds` is the time of.
        seconds: time of the shots on the machine, without queues.
        jobs: that they are cut into where a job's shots are limited.
        assumed: what of this rests on values that aren't the machine's own published ones.
    """

    qpu: str
    runs: bool
    why_not: str = ""
    qubits: int | None = None
    one_qubit_gates: int | None = None
    two_qubit_gates: int | None = None
    depth: int | None = None
    gate_fidelity: float | None = None
    expected_fidelity: float | None = None
    shots: int = 10_000
    seconds: float | None = None
    jobs: int | None = None
    assumed: tuple[str, ...] = ()


def resources(
    circuit: QuantumCircuit | LucjSize, qpu: Qpu | str, *, shots: int = 10_000, seed: int = 0
) -> Resources:
    """Return what a circuit takes on a machine, or why it doesn't run there.

    Args:
        circuit: without measurement, all its qubits are read at the end; or the size of an LUCJ circuit,
            which is then built in a process of its own.
        qpu: the machine, or the name of a shipped one.
        shots: times the circuit is measured.
        seed: of the search for a layout.

    Raises:
        InputError: if the machine isn't known or a value is out of range.
    """
    qpu = find_qpu(qpu) if isinstance(qpu, str) else qpu
    if shots < 1:
        raise InputError(f"shots={shots}; at least 1 is wanted")
    qubits = 2 * circuit.orbitals if isinstance(circuit, LucjSize) else circuit.num_qubits
    reason = _why_not(qubits, qpu)
    if reason:
        return Resources(qpu.name, False, reason, qubits, shots=shots)
    if isinstance(circuit, LucjSize):
        request = {"size": asdict(circuit), "qpu": asdict(qpu), "shots": shots, "seed": seed}
        found = in_own_process(__name__, request, label=f"resources on {qpu.name}")
        return Resources(**{**found, "assumed": tuple(found["assumed"])})
    from labkit.quantum._compile import circuit_resources

    return circuit_resources(circuit, qpu, shots=shots, seed=seed)


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `resources`, both as plain values."""
    from labkit.quantum._compile import circuit_resources
    from labkit.quantum._lucj_circuit import lucj_circuit, random_amplitudes

    size, qpu = LucjSize(**request["size"]), Qpu(**request["qpu"])
    lucj = lucj_circuit(
        random_amplitudes(size.orbitals, size.electrons // 2),
        repetitions=size.repetitions,
        locality=size.locality,
    )
    return asdict(circuit_resources(lucj.circuit, qpu, shots=request["shots"], seed=request["seed"]))


def _why_not(qubits: int, qpu: Qpu) -> str:
    """Return why a circuit of so many qubits can't run on a machine; empty if it can."""
    if not qpu.gate_model:
        return f"not gate-model: {qpu.modality}"
    if qpu.qubits is None:
        return "its number of qubits isn't published"
    if qubits > qpu.qubits:
        return f"the circuit takes {qubits} qubits, {qpu.qubits} are usable"
    return ""
