"""Real quantum computers: what is known of each, and what of that is assumed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from labkit.errors import InputError
from labkit.store import data_path

CONNECTIVITIES: tuple[str, ...] = ("all-to-all", "star", "line", "square lattice", "heavy-hex")
TWO_QUBIT_GATES: tuple[str, ...] = ("cx", "cz", "ecr", "iswap", "rxx", "rzz")

_NOT_GATE_MODEL = ("analog", "anneal")


@dataclass(frozen=True)
class Qpu:
    """A quantum computer; None where a value is unknown or doesn't apply.

    Attributes:
        name: of the machine.
        modality: what the qubits are; "analog" or "anneal" in it means that it runs no gates.
        connectivity: which pairs of qubits share a gate, one of `CONNECTIVITIES` where there are gates.
        qubits: how many are usable.
        f_1q: average fidelity of gates on one qubit.
        f_2q: average fidelity of gates on two qubits.
        f_readout: probability of reading a qubit correctly.
        t_shot_s: time of one shot, s.
        two_qubit_gate: the native one in Qiskit's name, one of `TWO_QUBIT_GATES`.
        shots_per_job: most shots that a job may have; None where no limit is known.
        assumed: values that aren't the machine's own published ones, as "attribute=what it is instead".
        basis: how the values were come by.

    Raises:
        InputError: if a value is out of range.
    """

    name: str
    modality: str
    connectivity: str
    qubits: int | None
    f_1q: float | None = None
    f_2q: float | None = None
    f_readout: float | None = None
    t_shot_s: float | None = None
    two_qubit_gate: str = "cz"
    shots_per_job: int | None = None
    assumed: tuple[str, ...] = ()
    basis: str = ""

    def __post_init__(self) -> None:
        for name in ("f_1q", "f_2q", "f_readout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{self.name}: {name}={value}; a probability from 0 to 1 is wanted")
        for name in ("qubits", "shots_per_job", "t_shot_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InputError(f"{self.name}: {name}={value}; more than 0 is wanted")
        if not self.gate_model:
            return
        if self.connectivity not in CONNECTIVITIES:
            raise InputError(
                f"{self.name}: connectivity {self.connectivity!r} isn't known; choose one of "
                f"{', '.join(CONNECTIVITIES)}"
            )
        if self.two_qubit_gate not in TWO_QUBIT_GATES:
            raise InputError(
                f"{self.name}: two_qubit_gate {self.two_qubit_gate!r} isn't known; choose one of "
                f"{', '.join(TWO_QUBIT_GATES)}"
            )

    @property
    def gate_model(self) -> bool:
        """Whether the machine runs circuits of gates, today."""
        return not any(word in self.modality.lower() for word in _NOT_GATE_MODEL)


def read_qpus(path: Path | None = None) -> dict[str, Qpu]:
    """Return quantum computers by name.

    Args:
        path: a CSV with the columns of `data/qpus/README.md`; the shipped one where not given.

    Raises:
        InputError: if the file can't be read, or a row makes no sense.
    """
    path = data_path("qpus", "qpus.csv") if path is None else path
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8; a CSV of QPUs is wanted") from None
    except OSError as error:
        raise InputError(f"{path}: can't be read ({error.strerror})") from None
    return {qpu.name: qpu for qpu in (_parse(row, path) for row in rows)}


def find_qpu(name: str) -> Qpu:
    """Return a shipped quantum computer.

    Raises:
        InputError: if there is none of that name; says which there are.
    """
    known = read_qpus()
    if name not in known:
        raise InputError(f"QPU {name!r} isn't known; choose one of {', '.join(known)}")
    return known[name]


def _parse(row: dict[str, str], path: Path) -> Qpu:
    def number(column: str) -> float | None:
        return float(row[column]) if row.get(column) else None

    def whole(column: str) -> int | None:
        return int(row[column]) if row.get(column) else None

    try:
        return Qpu(
            name=row["name"],
            modality=row["modality"],
            connectivity=row["connectivity"],
            qubits=whole("qubits_usable") or whole("qubits"),
            f_1q=number("f_1q"),
            f_2q=number("f_2q"),
            f_readout=number("f_readout"),
            t_shot_s=number("t_shot_s"),
            two_qubit_gate=row.get("two_qubit_gate") or "cz",
            shots_per_job=whole("shots_per_job"),
            assumed=tuple(part for part in row.get("assumed", "").split(";") if part),
            basis=row.get("basis", ""),
        )
    except KeyError as error:
        raise InputError(f"{path}: column {error} is missing") from None
    except ValueError as error:
        raise InputError(f"{path}: {row['name']}: {error}") from None
