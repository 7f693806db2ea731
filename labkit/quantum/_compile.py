"""Circuits compiled to what a real machine can do, its gates and its pairs of neighbours, and counted."""

from __future__ import annotations

from collections import deque
from math import ceil

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Qubit
from qiskit.circuit.library import SwapGate
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager

from labkit.quantum._noise import VIRTUAL_GATES
from labkit.quantum._qpu import Qpu
from labkit.quantum._resources import Resources

# Any gate on one qubit is a pulse between two rotations about z, which need no pulse.
_ONE_QUBIT_GATES = ("rx", "rz")


def compile_for(circuit: QuantumCircuit, qpu: Qpu, *, seed: int = 0) -> QuantumCircuit:
    """Return a circuit in the gates and connections of a machine.

    On a star the result has one qubit more than the circuit, the last: the resonator in the middle, with
    `move` gates (swaps with it, while it is empty).

    Args:
        circuit: without measurement, on no more qubits than the machine has.
        qpu: a machine of gates whose number of qubits is known.
        seed: of the search for a layout.
    """
    passes = generate_preset_pass_manager(
        optimization_level=2,
        basis_gates=[*_ONE_QUBIT_GATES, qpu.two_qubit_gate],
        coupling_map=coupling_map(qpu),
        seed_transpiler=seed,
    )
    compiled = passes.run(circuit)
    return _through_resonator(compiled) if qpu.connectivity == "star" else compiled


def circuit_resources(circuit: QuantumCircuit, qpu: Qpu, *, shots: int, seed: int) -> Resources:
    """Return what a circuit takes on a machine on which it fits; arguments are those of `resources`."""
    qubits = circuit.num_qubits
    compiled = compile_for(circuit, qpu, seed=seed)
    sizes = [len(item.qubits) for item in compiled.data if item.operation.name not in VIRTUAL_GATES]
    single, double = sizes.count(1), sizes.count(2)
    gates = None if qpu.f_1q is None or qpu.f_2q is None else qpu.f_1q**single * qpu.f_2q**double
    whole = gates if gates is None or qpu.f_readout is None else gates * qpu.f_readout**qubits
    return Resources(
        qpu=qpu.name,
        runs=True,
        qubits=qubits,
        one_qubit_gates=single,
        two_qubit_gates=double,
        depth=compiled.depth(lambda item: item.operation.name not in VIRTUAL_GATES),
        gate_fidelity=gates,
        expected_fidelity=whole,
        shots=shots,
        seconds=None if qpu.t_shot_s is None else shots * qpu.t_shot_s,
        jobs=1 if qpu.shots_per_job is None else ceil(shots / qpu.shots_per_job),
        assumed=qpu.assumed,
    )


def coupling_map(qpu: Qpu) -> CouplingMap | None:
    """Return the pairs of neighbours of a machine that is routed by swaps; None where none is needed.

    Lattices are cut to the number of qubits from one corner on.
    """
    count = qpu.qubits
    if count is None or qpu.connectivity in ("all-to-all", "star"):
        return None
    if qpu.connectivity == "line":
        return CouplingMap.from_line(count)
    if qpu.connectivity == "square lattice":
        rows = round(count**0.5)
        return _first_connected(CouplingMap.from_grid(rows, -(-count // rows)), count)
    distance = next(d for d in range(3, 100, 2) if (5 * d * d - 2 * d - 1) // 2 >= count)
    return _first_connected(CouplingMap.from_heavy_hex(distance), count)


def _first_connected(lattice: CouplingMap, count: int) -> CouplingMap:
    """Return a connected part of a lattice, nearest neighbours of qubit 0 first."""
    lattice.make_symmetric()
    distances = lattice.distance_matrix[0]
    nearest = sorted(range(lattice.size()), key=lambda qubit: (distances[qubit], qubit))
    return lattice.reduce(nearest[:count])


def _through_resonator(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit of rx, rz and one two-qubit gate, the latter between a qubit and the resonator only.

    Star with a resonator in the middle: Renger et al. 2025, arXiv:2503.10903. A qubit's state moves into the
    resonator, meets any number of other qubits there, and must be back before its next pulse. Whatever can
    be done without another move is done first; of two qubits that must meet, the one with more meetings
    ahead before its next pulse moves.
    """
    queues: dict[Qubit, deque[CircuitInstruction]] = {qubit: deque() for qubit in circuit.qubits}
    for item in circuit.data:
        for qubit in item.qubits:
            queues[qubit].append(item)
    result = QuantumCircuit(circuit.num_qubits + 1, global_phase=circuit.global_phase)
    wires = dict(zip(circuit.qubits, result.qubits[:-1], strict=True))
    resonator = result.qubits[-1]
    held: Qubit | None = None

    def move(qubit: Qubit) -> None:
        result.append(SwapGate(label="move"), [wires[qubit], resonator])

    def ready(item: CircuitInstruction) -> bool:
        return all(queues[qubit][0] is item for qubit in item.qubits)

    def possible(item: CircuitInstruction) -> bool:
        if len(item.qubits) == 2:
            return held in item.qubits
        return item.operation.name == "rz" or held not in item.qubits

    def meetings(qubit: Qubit) -> int:
        names = [item.operation.name for item in queues[qubit] if item.operation.name != "rz"]
        return names.index("rx") if "rx" in names else len(names)

    while any(queues.values()):
        front = [queue[0] for queue in queues.values() if queue and ready(queue[0])]
        item = next((item for item in front if possible(item)), None)
        if item is not None:
            places = [resonator if qubit == held else wires[qubit] for qubit in item.qubits]
            result.append(item.operation, places)
            for qubit in item.qubits:
                queues[qubit].popleft()
        elif held is not None:
            move(held)
            held = None
        else:
            held = max(front[0].qubits, key=meetings)
            move(held)
    if held is not None:
        move(held)
    return result
