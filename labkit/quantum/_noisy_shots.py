"""The shots themselves of a noisy machine, for all who want to look at them or to mend them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labkit.errors import InputError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._noise import Noise, check_memory
from labkit.quantum._process import in_own_process


@dataclass(frozen=True)
class Shots:
    """What was measured of an LUCJ circuit, bit strings '[b_N … b_0 a_N … a_0]'.

    Attributes:
        ideal: the probability of each bit string without noise, from the circuit's state vector.
        noiseless: how often each was measured without noise.
        noisy: the same for each noise that was asked for, in that order.
        circuit: its size: `qubits`, `repetitions`, `two_qubit_gates`, `depth`.
    """

    ideal: Mapping[str, float]
    noiseless: Mapping[str, int]
    noisy: tuple[Mapping[str, int], ...]
    circuit: Mapping[str, int]


def noisy_shots(
    hamiltonian: ActiveHamiltonian,
    noises: Sequence[Noise],
    *,
    shots: int = 20_000,
    repetitions: int = 2,
    trajectories: int | None = None,
    seed: int = 0,
) -> Shots:
    """Return shots of an LUCJ circuit without noise and with each of several, in a process of its own.

    Args:
        hamiltonian: a closed shell.
        noises: of machines.
        shots: times the circuit is measured, for each of them.
        repetitions: of the circuit, truncated to what a square lattice couples.
        trajectories: noisy circuits that are simulated for each noise, a few milliseconds each at 8 qubits;
            where not given, as many as `noisy_sample` takes.
        seed: of errors and outcomes.

    Raises:
        InputError: if a value is out of range or the state vector doesn't fit into the memory that is free.
        EvaluationError: if CCSD, which the circuit's angles come from, doesn't converge.
    """
    if hamiltonian.nelec[0] != hamiltonian.nelec[1]:
        raise InputError(
            f"nelec={hamiltonian.nelec}; as many electrons of spin up as of spin down are wanted"
        )
    if shots < 1:
        raise InputError(f"shots={shots}; at least 1 is wanted")
    check_memory(2 * hamiltonian.norb)
    request = {
        "hamiltonian": hamiltonian.as_dict(),
        "noises": [asdict(noise) for noise in noises],
        "settings": {
            "shots": shots,
            "repetitions": repetitions,
            "trajectories": trajectories,
            "seed": seed,
        },
    }
    found = in_own_process(__name__, request, label="noisy shots")
    return Shots(**{**found, "noisy": tuple(found["noisy"])})


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `noisy_shots`, both as plain values."""
    from labkit.quantum._circuit import sample
    from labkit.quantum._lucj_circuit import lucj_circuit
    from labkit.quantum._noise_study import ideal_distribution
    from labkit.quantum._reference import coupled_cluster
    from labkit.quantum._trajectories import noisy_sample

    settings = request["settings"]
    hamiltonian = ActiveHamiltonian.from_dict(request["hamiltonian"])
    shots, seed = settings["shots"], settings["seed"]
    circuit = lucj_circuit(coupled_cluster(hamiltonian), repetitions=settings["repetitions"])
    return asdict(
        Shots(
            ideal=ideal_distribution(circuit),
            noiseless=sample(circuit, shots, seed),
            noisy=tuple(
                noisy_sample(
                    circuit.circuit,
                    Noise(**noise),
                    shots,
                    seed=seed,
                    trajectories=settings["trajectories"],
                )
                for noise in request["noises"]
            ),
            circuit=circuit.describe(),
        )
    )
