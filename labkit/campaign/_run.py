"""A run on disk: its folder, what it was started with, how far it got, what it found."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import platform
import subprocess
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import tomli_w

from labkit.campaign._objective import has_all
from labkit.campaign._specification import Specification, validate
from labkit.campaign._steering import CONTROLS, Course, checked, course, standard_forms
from labkit.energy import GridCarbon, carbon_intensity, local_grid, read_machine
from labkit.errors import InputError
from labkit.store import Journal, Steering, data_path, evaluations_of, write_atomically

log = logging.getLogger("labkit")

RUNS = Path("runs")
_PACKAGES = ("jax", "rdkit", "vina", "meeko", "tblite", "pyscf", "ffsim", "qiskit", "qiskit-aer", "numpy")


@dataclass(frozen=True)
class Run:
    """A run's folder. Everything is read from disk, so a run that still goes on can be watched."""

    folder: Path

    @classmethod
    def create(
        cls,
        specification: Specification,
        out: Path,
        commands: Iterable[Steering] = (),
        **started_with: Any,
    ) -> Run:
        """A new run folder in ``out``, with journal, resolved campaign and manifest.

        ``commands`` with the rounds in which they are to take effect steer it from the beginning.

        Raises:
            InputError: if ``out`` can't be written, or the setting LABKIT_COUNTRY names no country.
        """
        grid = local_grid()  # a wrong setting is told before a folder is made
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        base = f"{specification.name}-s{specification.seed}-{stamp}"
        try:
            out.mkdir(parents=True, exist_ok=True)
            for attempt in range(1000):
                folder = out / (base if attempt == 0 else f"{base}-{attempt + 1}")
                try:
                    folder.mkdir()
                    break
                except FileExistsError:
                    continue
            (folder / "poses").mkdir()
            content = specification.model_dump(mode="json", exclude_none=True)
            write_atomically(folder / "campaign.toml", tomli_w.dumps(content))
            journal = Journal.create(folder / "journal.sqlite")
            for command in commands:
                journal.append_steering(command)
            journal.close()
        except OSError as error:
            raise InputError(f"output folder '{out}' can't be written: {error.strerror}") from None
        run = cls(folder)
        run.write_manifest(
            run=folder.name,
            campaign=specification.name,
            identity=specification.identity,
            seed=specification.seed,
            status="running",
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=0.0,
            energy_wh=0.0,
            country=None if grid.country == "world" else grid.country,
            **started_with,
            **_provenance(),
        )
        return run

    @classmethod
    def open(cls, reference: str | Path) -> Run:
        """The run in a folder, or of that name in ``runs/``, or the only one in a folder of runs.

        Raises:
            InputError: if there is none.
        """
        for folder in (Path(reference), RUNS / reference, data_path("runs") / reference):
            if (folder / "manifest.json").is_file():
                return cls(folder)
            inside = sorted(folder.glob("*/manifest.json")) if folder.is_dir() else []
            if len(inside) == 1:
                return cls(inside[0].parent)
            if inside:
                names = ", ".join(file.parent.name for file in inside[:5])
                raise InputError(f"'{reference}' holds {len(inside)} runs; name one of them: {names}")
        raise InputError(f"no run '{reference}'; `labkit runs` lists those there are")

    @property
    def manifest(self) -> dict[str, Any]:
        """Seed, versions, status and sums of the run.

        Raises:
            InputError: if the manifest is damaged.
        """
        try:
            return json.loads((self.folder / "manifest.json").read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"'{self.folder}/manifest.json' is damaged: {error}") from None

    def write_manifest(self, **changes: Any) -> None:
        """Changes entries of the manifest."""
        file = self.folder / "manifest.json"
        entries = (self.manifest if file.exists() else {}) | changes
        write_atomically(file, json.dumps(entries, indent=2) + "\n")

    @cached_property
    def specification(self) -> Specification:
        """The campaign as it was resolved when the run began.

        Raises:
            InputError: if the file is damaged.
        """
        file = self.folder / "campaign.toml"
        try:
            return validate(tomllib.loads(file.read_text()), str(file))
        except (OSError, ValueError) as error:
            raise InputError(f"campaign '{file}' can't be read: {error}") from None

    @property
    def grid(self) -> GridCarbon:
        """Of the country that was set when the run began; where none was, of the one that is set now."""
        country = self.manifest.get("country")
        return carbon_intensity(country) if country else local_grid()

    @property
    def status(self) -> str:
        """One of done, running, paused, interrupted, failed."""
        status = self.manifest["status"]
        return "interrupted" if status in ("running", "paused") and not self._is_locked() else status

    def steer(self, command: str, value: str | int | None = None) -> None:
        """Gives the run a command; when it takes effect, the journal tells.

        "pause", "resume" and "stop" reach a run that is being driven, between two evaluations; a stopped
        one can be resumed. "budget" (rounds in all), "veto" and "pin" (SMILES) take effect when the next
        round begins, if need be on ``labkit.resume``: a vetoed molecule climbs no further and counts as
        worthless; a pinned one climbs every fidelity of that round. The later command about a molecule holds.

        Raises:
            InputError: if there is no such command, its value is wrong, or the run can't follow it.
        """
        if data_path("runs").resolve() in self.folder.resolve().parents:
            raise InputError(f"run '{self.folder}' ships with labkit and stays as it is; steer your own")
        driven = self._is_locked()  # asked first: a driver that starts now lets newer commands stand
        with self.journal(read_only=False) as journal:
            steering = checked(command, value, self.specification, journal)
            if command in CONTROLS and not driven:
                remedy = f"; `labkit resume {self.folder}` carries it on" if self.status != "done" else ""
                raise InputError(
                    f"{command}: run '{self.folder}' is {self.status}, nobody drives it at present{remedy}"
                )
            journal.append_steering(steering)

    def steering(self) -> list[Steering]:
        """Every command to the run, in the order in which they were given."""
        with self.journal() as journal:
            return journal.steering()

    @property
    def course(self) -> Course:
        """The budget and the vetoed molecules after all commands, those that wait included."""
        return course(self.specification, self.steering())

    @contextmanager
    def journal(self, *, read_only: bool = True) -> Iterator[Journal]:
        """The run's journal, closed on leaving."""
        journal = Journal.open(self.folder / "journal.sqlite", read_only=read_only)
        try:
            yield journal
        finally:
            journal.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the run: only one process may drive it. Ends with the process, however that ends.

        Raises:
            InputError: if another process drives it.
        """
        with (self.folder / "lock").open("w") as file:
            for attempt in range(10):  # who asks for the status holds the lock for a moment, too
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if attempt == 9:
                        paused = self.manifest["status"] == "paused"
                        remedy = f"; `labkit steer {self.folder} resume` ends its pause" if paused else ""
                        told = f"run '{self.folder}' is being driven by another process{remedy}"
                        raise InputError(told) from None
                time.sleep(0.05)
            yield

    def _is_locked(self) -> bool:
        try:
            with (self.folder / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def best(self, count: int = 10) -> list[dict[str, Any]]:
        """The best molecules: those that climbed the whole ladder first, then by score; worthless ones last.

        Vetoed ones are left out, also those whose veto still waits.

        Each has the standardised SMILES that was computed, score, components, round, whether its components
        are complete, and the name of its pose file where it was docked.
        """
        objective = self.specification.objective
        first = self.specification.fidelities[0]
        with self.journal() as journal:
            forms = standard_forms(journal)
            scores = journal.scores()
            vetoed = course(self.specification, journal.steering()).vetoed
        rows: list[dict[str, Any]] = [
            {
                "smiles": forms[smiles],
                "score": value,
                "components": parts,
                "complete": has_all(objective, parts),
                "round": round,
                "proposed": smiles,
            }
            for smiles, round, value, parts in scores
            if forms[smiles] not in vetoed
        ]
        rows.sort(key=lambda row: (row["score"] == 0, not row["complete"], -row["score"], row["smiles"]))
        unique = {row["smiles"]: row for row in reversed(rows)}
        best = [row for row in rows if unique[row["smiles"]] is row][:count]
        found = evaluations_of(self.folder / "journal.sqlite", [row["proposed"] for row in best])
        results = {e.smiles: e.result for e in found if e.fidelity == first}
        return [row | {"pose": pose_file(results[row["proposed"]])} for row in best]

    def summary(self) -> dict[str, Any]:
        """What ``labkit run --json`` prints."""
        manifest = self.manifest
        with self.journal() as journal:
            evaluations = journal.counts()
        error = manifest.get("energy_uncertainty_wh")
        co2e_g, co2e_error = self.grid.emitted(manifest["energy_wh"], error or 0.0)
        return {
            "run": str(self.folder),
            "status": self.status,
            "seconds": manifest["seconds"],
            "energy_wh": manifest["energy_wh"],
            "energy_uncertainty_wh": manifest.get("energy_uncertainty_wh"),
            "energy_method": manifest.get("energy_method"),
            "co2e_g": co2e_g,
            "co2e_uncertainty_g": None if error is None else co2e_error,
            "grid": self.grid.country,
            "evaluations": evaluations,
            "best": self.best(),
        }


def pose_file(result: Mapping[str, Any]) -> str | None:
    """Path of a docking's pose inside the run folder, named by its content; None where nothing was docked."""
    if "pose" not in result:
        return None
    return f"poses/{hashlib.sha256(result['pose'].encode()).hexdigest()[:16]}.sdf"


def list_runs(folders: list[Path] | None = None) -> list[dict[str, Any]]:
    """Name, campaign, status, seed, seconds and folder of the runs in ``runs/`` and of those shipped."""
    rows = []
    for root in folders or [RUNS, data_path("runs")]:
        for file in sorted(root.glob("*/manifest.json")):
            run = Run(file.parent)
            try:
                manifest = run.manifest
            except InputError as error:
                log.warning("%s", error)  # one damaged run doesn't hide the others
                continue
            rows.append(
                {
                    "run": file.parent.name,
                    "campaign": manifest["campaign"],
                    "status": run.status,
                    "seed": manifest["seed"],
                    "started": manifest["started"],
                    "seconds": manifest["seconds"],
                    "folder": str(file.parent),
                }
            )
    return rows


def _provenance() -> dict[str, Any]:
    """Versions, commit, machine: what a reader needs to repeat the run."""
    versions = {}
    for package in ("labkit", *_PACKAGES):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    checkout = Path(__file__).resolve().parents[2]
    try:
        commit = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None  # installed from a wheel, or no git here
    return {
        "commit": commit,
        "versions": versions | {"python": platform.python_version()},
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "surroundings": read_machine().surroundings,
        },
    }
