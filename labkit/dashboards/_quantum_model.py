"""What the quantum dashboard shows: systems to choose from, and what is known of the one chosen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from labkit.campaign import Run
from labkit.dashboards._contact_view import sum_formula
from labkit.dashboards._format import place
from labkit.docking import QUICK_HEAVY_ATOMS, Contact, Pose, contact_dimer, read_poses, shipped_poses
from labkit.errors import InputError
from labkit.molecules import Dimer, read_dimer
from labkit.quantum import Chromophore, Noise, NoiseStudy, Sampling, Space, explore, read_chromophore
from labkit.store import Cache, content_key, data_path

System = Path | tuple[Pose, Contact]

SOLVERS = {
    "sqd": "SQD, from the shots",
    "exact": "exact (full CI)",
    "uccsd": "UCCSD, optimised",
    "lucj": "LUCJ, optimised",
    "ucj": "UCJ, all CCSD terms",
}
KINDS = {"dimer": "a dimer", "contact": "a contact of a pose", "dye": "a dye"}

# Goes up when the same choice gives other numbers than before: results are kept across sessions.
_VERSION = "1"

# Poses that contacts are offered of, the best ones, and contacts of each, the strongest ones.
_POSES, _CONTACTS = 5, 6


@dataclass(frozen=True)
class Choice:
    """What the controls say.

    Attributes:
        kind: one of `KINDS`.
        system: one of `QuantumModel.systems(kind)`, or an xyz file's path, or of a dye a SMILES.
        orbitals: active ones, at most.
        solver: one of `SOLVERS`.
        shots: of one measurement.
        two_qubit: depolarising probability after a gate on two qubits; on one qubit it is a tenth.
        readout: probability that a bit is read wrongly.
        cap: share of the full space that subspaces may hold.
    """

    kind: str = "dimer"
    system: str = "S66_01: H2O + H2O"
    orbitals: int = 6
    solver: str = "sqd"
    shots: int = 1_000
    two_qubit: float = 0.003
    readout: float = 0.01
    cap: float = 0.1

    @property
    def sampling(self) -> Sampling:
        """The same for `explore`."""
        noise = Noise(self.two_qubit / 10, self.two_qubit, self.readout, self.readout)
        return Sampling(noise, self.shots, self.cap)


@dataclass(frozen=True)
class Row:
    """One way to an energy.

    Attributes:
        name: of the method.
        group: `classical`, `circuit` (a state, without shots), `samples` or `control`.
        error_mha: energy less the exact one, mHa; the mean of all measurements where there are several.
        deviation_mha: standard deviation of one measurement; None where nothing is drawn by chance.
        determinants: of the subspace, fewest and most; None where there is none.
        in_sector: share of the shots with the right electrons, and its deviation.
        chosen: whether solver or mitigation point at it.
    """

    name: str
    group: str
    error_mha: float
    deviation_mha: float | None = None
    determinants: tuple[int, int] | None = None
    in_sector: tuple[float, float] | None = None
    chosen: bool = False


@dataclass(frozen=True)
class Finding:
    """All that is known of a choice.

    Attributes:
        choice: what was asked for.
        space: the active space.
        solved: by solver, what was computed so far.
        studies: one for each measurement.
    """

    choice: Choice
    space: Space
    solved: Mapping[str, Mapping[str, Any]]
    studies: tuple[NoiseStudy, ...]

    @property
    def determinants(self) -> int:
        """Dimension of the full space."""
        return prod(self.space.hamiltonian.strings)

    def rows(self, mitigation: str) -> list[Row]:
        """Every way to the energy: classical, by circuits, by shots mended so, and by the shots' controls.

        Args:
            mitigation: a variant of `NoiseStudy.samples`.
        """
        exact, solver = self.space.energies["exact"], self.choice.solver
        names = {"rhf": "Hartree–Fock", "ccsd": "CCSD"}
        rows = [
            Row(name, "classical", (self.space.energies[method] - exact) * 1e3)
            for method, name in names.items()
        ]
        rows += [
            Row(SOLVERS[name], "circuit", (self.solved[name]["energy"] - exact) * 1e3, chosen=name == solver)
            for name in SOLVERS
            if name in self.solved
        ]
        chosen = dict.fromkeys(("noiseless", "noisy", mitigation))
        for variant in chosen:
            samples = [study.samples[variant] for study in self.studies]
            sizes = [sample.strings**2 for sample in samples]
            error, deviation = estimate([sample.sqd_error_mha for sample in samples])
            rows.append(
                Row(
                    variant,
                    "samples",
                    error,
                    deviation,
                    (min(sizes), max(sizes)),
                    estimate([sample.fraction_in_sector for sample in samples]),
                    solver == "sqd" and variant == mitigation,
                )
            )
        most = (self.studies[0].cap_strings ** 2,) * 2
        by_chance = estimate([study.random_bits_error_mha for study in self.studies])
        excitations = self.studies[0].singles_doubles_error_mha
        return [
            *rows,
            Row("uniformly random bits", "control", *by_chance, most),
            Row("singles and doubles", "control", excitations, None, most),
        ]

    def shares(self, mitigation: str) -> dict[str, tuple[float, float]]:
        """Share of the shots of each of the most probable bit strings, with its deviation."""
        columns = zip(*(study.samples[mitigation].shares for study in self.studies), strict=True)
        return dict(zip(self.studies[0].ideal, map(estimate, map(list, columns)), strict=True))


def estimate(values: Sequence[float]) -> tuple[float, float]:
    """Mean of repeated measurements, and the standard deviation of one of them."""
    return fmean(values), stdev(values)


class QuantumModel:
    """Systems, and findings about them: computed beside, kept by content, found again at once."""

    def __init__(self, run: str | Path | None = None, cache: Cache | None = None) -> None:
        """Prepare for a run's poses, or for the shipped ones where no run is given.

        Args:
            run: a run's folder or name.
            cache: where results are kept; the user's cache folder where not given.

        Raises:
            InputError: if there is no such run.
        """
        self._run = None if run is None else Run.open(run)
        self._caches = (cache or Cache(), Cache(data_path("explorations")))
        self._systems: dict[str, Mapping[str, System]] = {}

    def systems(self, kind: str) -> Mapping[str, System]:
        """What there is to choose from, by its label."""
        if kind not in self._systems:
            self._systems[kind] = self._offered(kind)
        return self._systems[kind]

    def _offered(self, kind: str) -> dict[str, System]:
        if kind == "dye":
            return {path.stem: path for path in sorted(data_path("triplets").glob("*.xyz"))}
        if kind == "dimer":
            files = sorted(
                data_path("dimers").glob("*.xyz"), key=lambda path: (path.stem[0] != "S", path.stem)
            )
            return {_label(read_dimer(path)): path for path in files}
        name = "shipped" if self._run is None else self._run.folder.name
        if self._run is None:
            poses = list({pose.proposed: pose for pose in reversed(shipped_poses())}.values())[::-1]
        else:
            files = [row["pose"] for row in self._run.best(_POSES) if row["pose"]]
            poses = [read_poses(self._run.folder / file)[0] for file in files]
        if not poses:
            raise InputError(f"run '{name}' has no poses; name one that docked")
        return {
            f"{place(contact.residue)} {contact.part}, {contact.distance:.1f} Å: {pose.proposed[:24]}": (
                pose,
                contact,
            )
            for pose in poses[:_POSES]
            for contact in pose.contacts[:_CONTACTS]
        }

    def find(self, choice: Choice) -> Finding | None:
        """What is known of a choice; None if anything of it is still to be computed.

        Raises:
            InputError: if the choice makes no sense.
        """
        space_key, solver_key, studies_key = self._keys(choice)
        space, studies = self._get(space_key), self._get(studies_key)
        missing = choice.solver not in ("sqd", "exact") and self._get(solver_key(choice.solver)) is None
        if space is None or studies is None or missing:
            return None
        solved = {name: found for name in SOLVERS if (found := self._get(solver_key(name))) is not None}
        return Finding(
            choice,
            Space.from_dict(space),
            solved,
            tuple(NoiseStudy.from_dict(study) for study in studies["studies"]),
        )

    def compute(
        self, choice: Choice, report: Callable[[float, str], None], cancelled: threading.Event
    ) -> Finding:
        """Computes what of a choice isn't known yet, in a process of its own, and keeps it.

        Raises:
            LabkitError: if the choice makes no sense, the system is too large, or the computation fails.
        """
        space_key, solver_key, studies_key = self._keys(choice)
        space = self._get(space_key)
        solve = choice.solver not in ("sqd", "exact") and self._get(solver_key(choice.solver)) is None
        found = explore(
            self._system(choice) if space is None else Space.from_dict(space),
            orbitals=choice.orbitals,
            solver=choice.solver if solve else None,
            sampling=choice.sampling if self._get(studies_key) is None else None,
            report=report,
            cancelled=cancelled,
        )
        keep = self._caches[0].put
        keep(space_key, found.space.as_dict())
        if found.solved:
            keep(solver_key(choice.solver), dict(found.solved))
        if found.studies:
            keep(studies_key, {"studies": [study.as_dict() for study in found.studies]})
        complete = self.find(choice)
        assert complete is not None
        return complete

    def _get(self, key: str) -> dict[str, Any] | None:
        return next((found for kept in self._caches if (found := kept.get(key)) is not None), None)

    def _keys(self, choice: Choice) -> tuple[str, Callable[[str], str], str]:
        """Keys of the space, of each solver's result in it, and of the measurements."""
        space = content_key("explored space", _VERSION, self._content(choice), choice.orbitals)
        return (
            space,
            lambda solver: content_key("explored solver", _VERSION, space, solver),
            content_key("explored shots", _VERSION, space, asdict(choice.sampling)),
        )

    def _content(self, choice: Choice) -> Any:
        """What a choice's system is, without its name."""
        system = self.systems(choice.kind).get(choice.system, choice.system)
        if isinstance(system, tuple):
            return [choice.kind, system[0].mol_block, asdict(system[1])]
        if isinstance(system, str) and not system.lower().endswith(".xyz"):
            return [choice.kind, system]
        try:
            return [choice.kind, Path(system).read_text(encoding="utf-8")]
        except (OSError, ValueError):
            raise InputError(
                f"'{system}' can't be read; an xyz file or a name of the list is wanted"
            ) from None

    def _system(self, choice: Choice) -> Dimer | Chromophore:
        system = self.systems(choice.kind).get(choice.system, choice.system)
        if isinstance(system, tuple):
            pose, contact = system
            return contact_dimer(contact, pose, max_heavy_atoms=QUICK_HEAVY_ATOMS)
        if choice.kind == "dye":
            return read_chromophore(system)
        if choice.kind == "contact":
            raise InputError(f"contact {choice.system!r} isn't one of the poses'; choose one of the list")
        return read_dimer(system)


def _label(dimer: Dimer) -> str:
    members = (dimer.selection_a, dimer.selection_b)
    return f"{dimer.name}: " + " + ".join(sum_formula([dimer.symbols[i] for i in own]) for own in members)
