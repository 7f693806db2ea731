"""One active space looked at from all sides: energies by solver, noisy shots time and again, machines."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.errors import InputError
from labkit.molecules import Dimer
from labkit.quantum._chromophore import Chromophore
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._noise import Noise, NoiseStudy
from labkit.quantum._process import Report, in_own_process, progress
from labkit.quantum._resources import Resources

# With twelve, Aer takes 41 s for each of some 256 noisy circuits, measured on one core: three hours.
_MOST_ORBITALS = 10


@dataclass(frozen=True)
class Space:
    """The closed-shell active space of a dimer or a π system, with all that no solver and no shot changes.

    Attributes:
        hamiltonian: of the space.
        chosen_by: how the orbitals were chosen.
        energies: `rhf` (one determinant), `ccsd` and `exact`, Ha.
        circuit: size of the truncated LUCJ circuit, the one that `noise_study` samples.
        gates: of that circuit: column in a drawing, name, qubits.
        machines: what it takes on each of the shipped quantum computers.
        notes: an SCF that needed help.
    """

    hamiltonian: ActiveHamiltonian
    chosen_by: str
    energies: Mapping[str, float]
    circuit: Mapping[str, int]
    gates: tuple[tuple[int, str, tuple[int, ...]], ...] = field(repr=False)
    machines: tuple[Resources, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the space as plain values that `json.dumps` takes."""
        return {**asdict(self), "hamiltonian": self.hamiltonian.as_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Space:
        """Return the space that `as_dict` wrote down."""
        machines = [{**machine, "assumed": tuple(machine["assumed"])} for machine in values["machines"]]
        return cls(
            **{
                **values,
                "hamiltonian": ActiveHamiltonian.from_dict(values["hamiltonian"]),
                "gates": tuple((column, name, tuple(qubits)) for column, name, qubits in values["gates"]),
                "machines": tuple(Resources(**machine) for machine in machines),
                "notes": tuple(values["notes"]),
            }
        )


@dataclass(frozen=True)
class Sampling:
    """How often, on which machine and how large.

    Attributes:
        noise: of the machine.
        shots: of one measurement.
        cap: share of the full space that SQD and its controls may use; above 0.1 any sample gets near exact.
        repeats: measurements, each with a seed of its own.
        seed: the first one's.

    Raises:
        InputError: if a value is out of range.
    """

    noise: Noise
    shots: int
    cap: float = 0.1
    repeats: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("shots", "repeats"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)}; at least 1 is wanted")
        if not 0 < self.cap <= 1:
            raise InputError(f"cap={self.cap}; above 0 and at most 1 is wanted")


@dataclass(frozen=True)
class Exploration:
    """What `explore` was asked for.

    Attributes:
        space: the active space.
        solved: the solver's `energy` (Ha), whether it `converged`, and its `cost`; empty without a solver.
        studies: one for each repeated measurement; empty without sampling.
    """

    space: Space
    solved: Mapping[str, Any]
    studies: tuple[NoiseStudy, ...]


def explore(
    system: Dimer | Chromophore | Space,
    *,
    orbitals: int = 6,
    solver: str | None = None,
    sampling: Sampling | None = None,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Exploration:
    """Return an active space and, where asked for, a solver's energy and shots, from a process of its own.

    Args:
        system: a dimer (its matched space), a chromophore (its π space in Hartree-Fock's orbitals, ground
            state), or a space that was opened before.
        orbitals: active ones, at most; of a dimer half of them from each monomer, so an even number.
        solver: `uccsd`, `lucj` or `ucj` of `labkit.quantum`'s solvers.
        sampling: of the truncated LUCJ circuit.
        report: called with the share done and with what is being done.
        cancelled: ends the process when it is set.

    Raises:
        InputError: if a setting is out of range, or the system or the space too large; with the estimate.
        EvaluationError: if the computation fails, or was cancelled.
    """
    if orbitals > _MOST_ORBITALS:
        raise InputError(
            f"orbitals={orbitals}: a circuit of {2 * orbitals} qubits takes {16e-9 * 4**orbitals:.2g} GB for "
            f"its state and three hours with noise; at most {_MOST_ORBITALS} are allowed"
        )
    if isinstance(system, Dimer):
        value = {**asdict(system), "coordinates": system.coordinates.tolist()}
    else:
        value = system.as_dict()
    request = {
        type(system).__name__.lower(): value,
        "orbitals": orbitals,
        "solver": solver,
        "sampling": asdict(sampling) if sampling else None,
    }
    found = in_own_process(__name__, request, label="active space", report=report, cancelled=cancelled)
    return Exploration(
        space=system if isinstance(system, Space) else Space.from_dict(found["space"]),
        solved=found["solved"],
        studies=tuple(NoiseStudy.from_dict(study) for study in found["studies"]),
    )


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the worker makes of a request of `explore`, both as plain values."""
    progress(0.02, "loading")
    from labkit.quantum import _explore

    orbitals, solver, asked = request["orbitals"], request["solver"], request["sampling"]
    if "space" in request:
        space = Space.from_dict(request["space"])
    elif "dimer" in request:
        space = _explore.open_dimer(Dimer(**request["dimer"]), orbitals)
    else:
        space = _explore.open_chromophore(Chromophore.from_dict(request["chromophore"]), orbitals)
    solved = _explore.solved(space, solver) if solver else {}
    sampling = Sampling(**{**asked, "noise": Noise(**asked["noise"])}) if asked else None
    studies = [study.as_dict() for study in _explore.studies(space, sampling)] if sampling else []
    return {"space": space.as_dict(), "solved": solved, "studies": studies}
