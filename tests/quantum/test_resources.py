"""Compiled circuits do what the originals do, within a machine's connections, and are counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector, random_unitary

from labkit.errors import InputError
from labkit.quantum import LucjSize, Qpu, find_qpu, read_qpus, resources
from labkit.quantum._compile import compile_for, coupling_map
from labkit.quantum._lucj_circuit import lucj_circuit, random_amplitudes

ION = Qpu("ion", "trapped ion", "all-to-all", 4, 0.999, 0.99, 0.98, 0.3, "cz", 200)


def entangling(qubits: int) -> QuantumCircuit:
    """Return a circuit with general gates between all pairs."""
    circuit = QuantumCircuit(qubits)
    for seed, pair in enumerate(combinations(range(qubits), 2)):
        circuit.unitary(random_unitary(4, seed=seed), pair)
    return circuit


def machine(connectivity: str, gate: str = "cz", qubits: int = 7) -> Qpu:
    return Qpu("test", "superconducting", connectivity, qubits, 0.999, 0.99, two_qubit_gate=gate)


@pytest.mark.parametrize("gate", ["cz", "rxx", "cx"])
def test_gates_are_counted_and_become_times_and_odds(gate: str) -> None:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    found = resources(bell, replace(ION, two_qubit_gate=gate))
    assert found.runs and found.qubits == 2 and found.two_qubit_gates == 1
    assert found.one_qubit_gates is not None and 1 <= found.one_qubit_gates <= 4
    assert found.gate_fidelity == pytest.approx(0.999**found.one_qubit_gates * 0.99)
    assert found.expected_fidelity == pytest.approx(found.gate_fidelity * 0.98**2)
    assert found.seconds == pytest.approx(3_000) and found.jobs == 50
    assert resources(bell, ION, shots=150).jobs == 1


@pytest.mark.parametrize("connectivity", ["all-to-all", "line", "square lattice", "heavy-hex"])
@pytest.mark.parametrize("gate", ["cz", "rxx"])
def test_compiled_circuits_do_the_same_between_neighbours(connectivity: str, gate: str) -> None:
    circuit = entangling(4)
    qpu = machine(connectivity, gate)
    compiled = compile_for(circuit, qpu)
    assert set(compiled.count_ops()) <= {"rx", "rz", gate}
    edges = coupling_map(qpu)
    if edges is not None:
        assert edges.size() == 7 and edges.is_connected()
        for item in compiled.data:
            if len(item.qubits) == 2:
                assert edges.distance(*(compiled.find_bit(qubit).index for qubit in item.qubits)) == 1
    places = compiled.layout.final_index_layout() if compiled.layout else range(4)
    np.testing.assert_allclose(
        Statevector(compiled).probabilities(list(places)), Statevector(circuit).probabilities(), atol=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_on_a_star_all_qubits_meet_in_the_resonator(seed: int) -> None:
    circuit = random_circuit(5, 6, max_operands=2, seed=seed)
    compiled = compile_for(circuit, machine("star"))
    resonator = compiled.qubits[-1]
    for item in compiled.data:
        if len(item.qubits) == 2:
            assert resonator in item.qubits
        elif item.operation.name == "rx":
            assert resonator not in item.qubits  # it takes no pulses
    # In the end it is empty and every qubit is where it was.
    wanted = Statevector(QuantumCircuit(1)).tensor(Statevector(circuit))
    assert abs(np.vdot(Statevector(compiled).data, wanted.data)) == pytest.approx(1.0, abs=1e-9)


def test_a_qubit_stays_in_the_resonator_for_all_that_it_meets() -> None:
    star = QuantumCircuit(5)
    for qubit in range(1, 5):
        star.cz(0, qubit)
    assert compile_for(star, machine("star")).count_ops() == {"swap": 2, "cz": 4}


def test_the_lattice_s_ansatz_needs_no_swap_on_the_lattice() -> None:
    circuit = lucj_circuit(random_amplitudes(6, 3)).circuit
    everywhere, lattice, line = (
        resources(circuit, machine(connectivity, qubits=30)).two_qubit_gates
        for connectivity in ("all-to-all", "square lattice", "line")
    )
    assert everywhere == lattice < line


def test_the_shipped_machines_answer_or_say_why_not() -> None:
    qpus = read_qpus()
    assert len(qpus) == 8
    small, large = QuantumCircuit(2), QuantumCircuit(24)
    small.cx(0, 1)
    answers = {name: resources(small, name) for name in qpus}
    assert {name for name, answer in answers.items() if answer.runs} == {
        "PIAST-Q",
        "VLQ",
        "Euro-Q-Exa",
        "Lucy",
    }
    assert answers["Jade"].why_not == "not gate-model: neutral atom (analog)"
    assert answers["EuroQCS-Spain"].why_not.startswith("not gate-model")
    assert answers["Lucy"].seconds is None  # no shot time is published
    assert answers["PIAST-Q"].jobs == 50
    for answer in answers.values():
        if answer.runs:
            assert "f_readout=assumed" in answer.assumed
    too_large = resources(large, "VLQ")
    assert not too_large.runs
    assert too_large.why_not == "the circuit takes 24 qubits, 23 are usable"  # of 24 built
    annealer = Qpu("annealer", "quantum annealer", "Pegasus", 5000)
    assert resources(small, annealer).why_not == "not gate-model: quantum annealer"
    unknown = Qpu("secret", "superconducting", "line", None)
    assert resources(small, unknown).why_not == "its number of qubits isn't published"


def test_sizes_are_computed_like_the_circuits_that_they_stand_for() -> None:
    circuit = lucj_circuit(random_amplitudes(4, 2)).circuit
    assert resources(LucjSize(4, 4), "Euro-Q-Exa") == resources(circuit, "Euro-Q-Exa")
    assert not resources(LucjSize(12, 12), "PIAST-Q").runs


def test_bad_input_is_named(tmp_path: Path) -> None:
    names = "PIAST-Q, VLQ, Euro-Q-Exa, Jade, Ruby, Lucy, EuroQCS-Italy, EuroQCS-Spain"
    with pytest.raises(InputError, match=f"QPU 'Osprey' isn't known; choose one of {names}"):
        find_qpu("Osprey")
    with pytest.raises(InputError, match="shots=0"):
        resources(QuantumCircuit(1), ION, shots=0)
    with pytest.raises(InputError, match=r"ion: f_2q=1.2; a probability"):
        replace(ION, f_2q=1.2)
    with pytest.raises(InputError, match=r"ion: t_shot_s=0; more than 0"):
        replace(ION, t_shot_s=0)
    with pytest.raises(InputError, match="connectivity 'ring' isn't known; choose one of all-to-all"):
        replace(ION, connectivity="ring")
    with pytest.raises(InputError, match="two_qubit_gate 'ccx' isn't known"):
        replace(ION, two_qubit_gate="ccx")
    with pytest.raises(InputError, match="electrons=3 in orbitals=4"):
        LucjSize(3, 4)
    with pytest.raises(InputError, match=r"none.csv: can't be read"):
        read_qpus(tmp_path / "none.csv")
    table = tmp_path / "qpus.csv"
    table.write_text("name,modality,connectivity,qubits\nX,ion,line,many\n")
    with pytest.raises(InputError, match=r"qpus.csv: X: invalid literal .* 'many'"):
        read_qpus(table)
    table.write_text("name,modality,qubits\nX,ion,3\n")
    with pytest.raises(InputError, match=r"column 'connectivity' is missing"):
        read_qpus(table)
    table.write_bytes("name,modality\nL\u00fcbeck,ion\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"qpus.csv: not a text file in UTF-8"):
        read_qpus(table)
