"""Shots of a noisy machine: Pauli errors drawn at random, a state vector for each set, read-out flips.

A depolarising channel is a mixture of Pauli errors, so a noisy circuit is a mixture of circuits with Pauli
gates in them: Wallman, Emerson 2016, doi:10.1103/PhysRevA.94.052325. The circuit without any error has a
known weight and is simulated once; the trajectories are spent on those that have one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.circuit.library import IGate, XGate, YGate, ZGate
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

from labkit.errors import InputError
from labkit.quantum._noise import VIRTUAL_GATES, Noise, check_memory

_PAULIS = (IGate(), XGate(), YGate(), ZGate())

# Trajectories that a 16-qubit circuit gets unless told otherwise; smaller ones get more, for as much work.
_TRAJECTORIES = 64
_TRAJECTORIES_QUBITS = 16

# Errors: which instruction each follows, and the Pauli on each of its qubits (0 is the identity).
_Errors = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True)
class _Places:
    """Where Pauli errors may strike, in the order of time, all of shape (places,).

    Attributes:
        instructions: indices of the instructions that they follow.
        sizes: qubits of each, 1 or 2.
        rates: probability of an error at each.
    """

    instructions: NDArray[np.int64]
    sizes: NDArray[np.int64]
    rates: NDArray[np.float64]


def noisy_sample(
    circuit: QuantumCircuit, noise: Noise, shots: int, *, seed: int, trajectories: int | None = None
) -> dict[str, int]:
    """Return how often each bit string was measured on a noisy machine, qubit 0 on the right.

    Shots without an error are independent of each other. Those with errors are shared out among the
    trajectories, and shots of one trajectory have their errors in common: where there are fewer trajectories
    than such shots, frequencies scatter more than those of as many independent shots, about the same mean.

    Args:
        circuit: compiled to gates on one and two qubits, without measurement.
        noise: strikes after every gate but virtual ones (rotations about z).
        shots: times the circuit is measured.
        seed: seed of errors and outcomes.
        trajectories: circuits with errors that are simulated; where not given, 64 at 16 qubits and twice as
            many with every qubit less, which at 8 qubits is one for each shot.

    Raises:
        InputError: if a gate is none that Aer runs or acts on more than two qubits, the circuit measures,
            or the state vector doesn't fit into the memory that is free.
    """
    if shots < 1:
        raise InputError(f"shots={shots}; at least 1 is wanted")
    if trajectories is None:
        trajectories = int(max(1, 2.0 ** (_TRAJECTORIES_QUBITS - circuit.num_qubits)) * _TRAJECTORIES)
    if trajectories < 1:
        raise InputError(f"trajectories={trajectories}; at least 1 is wanted")
    check_memory(circuit.num_qubits)
    random = np.random.default_rng(seed)
    places = _noisy_places(circuit, noise)

    clean = int(random.binomial(shots, np.prod(1 - places.rates)))
    drawn: Counter[_Errors] = Counter({(): clean} if clean else {})
    for share in _shares(shots - clean, trajectories):
        drawn[_draw_errors(places, random)] += share

    # One thread: how amplitudes are summed must not depend on the machine, or neither would the samples.
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    outcomes: Counter[str] = Counter()
    for errors, count in drawn.items():
        struck = _with_errors(circuit, errors)
        struck.measure_all()
        run_seed = int(random.integers(2**31))
        outcomes.update(simulator.run(struck, shots=count, seed_simulator=run_seed).result().get_counts())
    return _read_out(outcomes, noise, random)


def aer_noise_model(circuit: QuantumCircuit, noise: Noise) -> NoiseModel:
    """Return Aer's own model of the noise for the gates of a circuit: exact, and a state vector a shot."""
    model = NoiseModel()
    sizes = {item.operation.name: len(item.qubits) for item in circuit.data}
    for name in sorted(sizes.keys() - VIRTUAL_GATES):
        rate = noise.one_qubit if sizes[name] == 1 else noise.two_qubit
        model.add_all_qubit_quantum_error(depolarizing_error(rate, sizes[name]), name)
    model.add_all_qubit_readout_error(ReadoutError(noise.readout.T.tolist()))
    return model


def _noisy_places(circuit: QuantumCircuit, noise: Noise) -> _Places:
    runnable = set(AerSimulator(method="statevector").operation_names)
    found = []
    for index, item in enumerate(circuit.data):
        name, size = item.operation.name, len(item.qubits)
        if item.clbits or name == "reset":
            raise InputError(f"the circuit has a {name!r}; one without measurement and reset is wanted")
        if name in VIRTUAL_GATES:
            continue
        if size > 2:
            raise InputError(f"gate {name!r} acts on {size} qubits; compile to gates on one and two first")
        if name not in runnable:
            raise InputError(f"gate {name!r} isn't one that Aer runs; compile to cx, u, cp and p first")
        rate = noise.one_qubit * 3 / 4 if size == 1 else noise.two_qubit * 15 / 16
        if rate > 0:
            found.append((index, size, rate))
    instructions, sizes, rates = np.array(found, dtype=float).reshape(-1, 3).T
    return _Places(instructions.astype(np.int64), sizes.astype(np.int64), rates)


def _shares(total: int, parts: int) -> list[int]:
    """Return a number shared out as evenly as whole numbers allow, without empty shares."""
    parts = min(parts, total)
    return [total // parts + (part < total % parts) for part in range(parts)] if total else []


def _draw_errors(places: _Places, random: np.random.Generator) -> _Errors:
    """Return Pauli errors drawn on condition that there is at least one.

    Where the first one strikes is drawn from its own distribution, those after it are independent: exact
    also where errors are so rare that drawing until one turns up would take for ever.
    """
    rates = places.rates
    first_at = rates * np.concatenate([[1.0], np.cumprod(1 - rates[:-1])])
    first = int(random.choice(len(rates), p=first_at / first_at.sum()))
    later = first + 1 + np.flatnonzero(random.random(len(rates) - first - 1) < rates[first + 1 :])
    errors = []
    for place in (first, *later):
        pair = divmod(int(random.integers(1, 4 ** places.sizes[place])), 4)
        errors.append((int(places.instructions[place]), pair[2 - places.sizes[place] :]))
    return tuple(errors)


def _with_errors(circuit: QuantumCircuit, errors: _Errors) -> QuantumCircuit:
    """Return the circuit with Pauli gates after the instructions that errors follow."""
    paulis = dict(errors)
    instructions = []
    for index, item in enumerate(circuit.data):
        instructions.append(item)
        if index in paulis:
            struck = zip(paulis[index], item.qubits, strict=True)
            instructions += [CircuitInstruction(_PAULIS[p], (qubit,)) for p, qubit in struck if p]
    return QuantumCircuit.from_instructions(instructions, qubits=circuit.qubits)


def _read_out(outcomes: Counter[str], noise: Noise, random: np.random.Generator) -> dict[str, int]:
    """Return the outcomes as read: every bit of every shot flips by itself."""
    strings = sorted(outcomes)  # Aer's order of equals must not decide which shot is flipped
    distinct = np.array([[bit == "1" for bit in string] for string in strings])
    bits = np.repeat(distinct, [outcomes[string] for string in strings], axis=0)
    rates = np.where(bits, noise.read_0_for_1, noise.read_1_for_0)
    values, counts = np.unique(bits ^ (random.random(bits.shape) < rates), axis=0, return_counts=True)
    return {
        "".join("1" if bit else "0" for bit in value): int(count)
        for value, count in zip(values, counts, strict=True)
    }
