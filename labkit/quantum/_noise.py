"""What a noisy machine does to a circuit's shots, in numbers, and the way in to a study of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from labkit.errors import InputError, TooLittleMemoryError
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._process import in_own_process

# Rotations about z are changes of a phase reference, without a pulse and without error: McKay et al. 2017,
# doi:10.1103/PhysRevA.96.022330.
VIRTUAL_GATES = frozenset({"p", "rz", "z", "s", "sdg", "t", "tdg", "id", "barrier"})

# 16 for the amplitude, 8 for its probability while shots are drawn.
_BYTES_PER_AMPLITUDE = 24

# The exact reference (full CI) is affordable up to here.
_MAX_ORBITALS = 12


@dataclass(frozen=True)
class Noise:
    """Depolarising errors after gates, and independent errors of reading out.

    Attributes:
        one_qubit: depolarising probability after a gate on one qubit, as Aer's `depolarizing_error` counts
            it: the state is replaced by the fully mixed one, which is a Pauli error in 3 cases of 4.
        two_qubit: the same after a gate on two qubits, a Pauli error in 15 cases of 16.
        read_1_for_0: probability that a qubit in state 0 is read as 1.
        read_0_for_1: probability that a qubit in state 1 is read as 0.

    Raises:
        InputError: if a value is no probability.
    """

    one_qubit: float = 0.0
    two_qubit: float = 0.0
    read_1_for_0: float = 0.0
    read_0_for_1: float = 0.0

    def __post_init__(self) -> None:
        for name in ("one_qubit", "two_qubit", "read_1_for_0", "read_0_for_1"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)}; a probability from 0 to 1 is wanted")

    @classmethod
    def from_fidelities(cls, one_qubit: float, two_qubit: float, readout: float = 1.0) -> Noise:
        """Return the depolarising noise that has these average gate fidelities.

        With d levels a channel of depolarising probability p has the average fidelity 1 - p (d - 1)/d:
        Nielsen 2002, doi:10.1016/S0375-9601(02)01272-0.

        Args:
            one_qubit: average fidelity of gates on one qubit, at least 1/2.
            two_qubit: average fidelity of gates on two qubits, at least 1/4.
            readout: probability that a qubit is read correctly, the same for both of its states.

        Raises:
            InputError: if no depolarising channel has such a fidelity.
        """
        for name, value, least in (
            ("one_qubit", one_qubit, 0.5),
            ("two_qubit", two_qubit, 0.25),
            ("readout", readout, 0.0),
        ):
            if not least <= value <= 1:
                raise InputError(f"{name}={value}; a fidelity from {least} to 1 is wanted")
        return cls(2 * (1 - one_qubit), 4 / 3 * (1 - two_qubit), 1 - readout, 1 - readout)

    @property
    def readout(self) -> NDArray[np.float64]:
        """Probability of reading the row where the qubit is in the state of the column, shape (2, 2)."""
        return np.array(
            [[1 - self.read_1_for_0, self.read_0_for_1], [self.read_1_for_0, 1 - self.read_0_for_1]]
        )


@dataclass(frozen=True)
class Samples:
    """A distribution over bit strings, judged.

    Attributes:
        distance: total variation distance from the circuit's own distribution, 0 to 1.
        occupation_error: mean absolute error of the spin orbitals' occupations.
        distinct_bit_strings: with any weight.
        sqd_error_mha: error of SQD in a capped subspace against the exact energy, mHa.
        strings: of each spin that this subspace holds, at most the cap.
        fraction_in_sector: share with the right electrons.
        shares: of the circuit's most probable bit strings, in the order of `NoiseStudy.ideal`.
    """

    distance: float
    occupation_error: float
    distinct_bit_strings: int
    sqd_error_mha: float
    strings: int = 0
    fraction_in_sector: float = 0.0
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class NoiseStudy:
    """Noisy samples of one LUCJ circuit, with and without mitigation, beside their controls.

    Attributes:
        samples: by variant: `noiseless`, `noisy`, `post_selected` (the right electrons of both spins),
            `readout_inverted`, `inverted_then_selected`. SQD recovers strings of wrong electron number by
            itself, so that selecting them beforehand is a rival of it.
        random_bits_error_mha: SQD's error at the same cap from uniformly random bits.
        singles_doubles_error_mha: error at the same cap without any sample, from Hartree-Fock's excitations.
        fraction_in_sector: share of noisy shots with the right electrons.
        cap_strings: strings of each spin that the subspaces are capped to.
        exact_ha: exact energy, Ha.
        shots: that were taken.
        seconds: wall time of the noisy shots.
        cpu_seconds: their processor time, which a busy machine doesn't inflate.
        circuit: its size, as it ran.
        ideal: its most probable bit strings '[b_N … b_0 a_N … a_0]' without noise, the most probable first.
    """

    samples: Mapping[str, Samples]
    random_bits_error_mha: float
    singles_doubles_error_mha: float
    fraction_in_sector: float
    cap_strings: int
    exact_ha: float
    shots: int
    seconds: float
    cpu_seconds: float
    circuit: Mapping[str, int]
    ideal: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the study as plain values that `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NoiseStudy:
        """Return the study that `as_dict` wrote down."""
        samples = {
            name: Samples(**{**judged, "shares": tuple(judged.get("shares", ()))})
            for name, judged in values["samples"].items()
        }
        return cls(**{**values, "samples": samples})


def noise_study(
    hamiltonian: ActiveHamiltonian,
    noise: Noise,
    *,
    shots: int = 20_000,
    repetitions: int = 2,
    cap: float = 0.1,
    trajectories: int | None = None,
    seed: int = 0,
) -> NoiseStudy:
    """Return what noise does to the samples of an LUCJ circuit, computed in a process of its own.

    Args:
        hamiltonian: a closed shell.
        noise: of the machine.
        shots: times the circuit is measured.
        repetitions: of the circuit, truncated to what a square lattice couples.
        cap: share of the full space that SQD and its controls may use, at most 0.1.
        trajectories: noisy circuits that are simulated; where not given, as many as `noisy_sample` takes.
        seed: of errors, outcomes and SQD.

    Raises:
        InputError: if a value is out of range or the state vector doesn't fit into the memory that is free.
        EvaluationError: if CCSD or the exact reference doesn't converge, or no shot has the right electrons.
    """
    if hamiltonian.nelec[0] != hamiltonian.nelec[1]:
        raise InputError(
            f"nelec={hamiltonian.nelec}; as many electrons of spin up as of spin down are wanted"
        )
    if hamiltonian.norb > _MAX_ORBITALS:
        raise InputError(f"{hamiltonian.norb} orbitals; at most {_MAX_ORBITALS} have an exact reference")
    if not 0 < cap <= 0.1:
        raise InputError(f"cap={cap}; above 0 and at most 0.1 is wanted: a larger share proves nothing")
    check_memory(2 * hamiltonian.norb)
    settings = {
        "shots": shots,
        "repetitions": repetitions,
        "cap": cap,
        "trajectories": trajectories,
        "seed": seed,
    }
    request = {
        "hamiltonian": hamiltonian.as_dict(),
        "noise": asdict(noise),
        "settings": settings,
    }
    return NoiseStudy.from_dict(in_own_process(__name__, request, label="noise study"))


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `noise_study`, both as plain values."""
    from labkit.quantum._noise_study import study_noise

    hamiltonian = ActiveHamiltonian.from_dict(request["hamiltonian"])
    return study_noise(hamiltonian, Noise(**request["noise"]), **request["settings"]).as_dict()


def check_memory(qubits: int) -> None:
    """Refuse a state vector that doesn't fit into the memory that is free.

    Raises:
        TooLittleMemoryError: with the estimate.
    """
    free = psutil.virtual_memory().available
    needed = _BYTES_PER_AMPLITUDE << qubits
    if needed > free:
        fitting = int(np.log2(free / _BYTES_PER_AMPLITUDE))
        raise TooLittleMemoryError(
            f"{qubits} qubits take {needed / 2**30:,.1f} GiB for the state vector and {free / 2**30:.1f} GiB "
            f"are free; at most {fitting} qubits fit"
        )
