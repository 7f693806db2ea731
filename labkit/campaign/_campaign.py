"""Starting and resuming campaigns."""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.campaign._engines import Engine, open_engine
from labkit.campaign._loop import Loop, new_optimiser
from labkit.campaign._oracles import ladder
from labkit.campaign._run import RUNS, Run
from labkit.campaign._specification import Specification, load_specification
from labkit.campaign._steering import CONTROLS, rounds_begun, to_repeat
from labkit.errors import InputError, ResourceError
from labkit.store import Journal, Steering

log = logging.getLogger("labkit")


@dataclass(frozen=True)
class Campaign:
    """An experiment that is ready to run."""

    specification: Specification

    @classmethod
    def load(cls, source: str | Path, overrides: Sequence[str] = ()) -> Campaign:
        """The campaign of a TOML file, or a shipped one by name, with "key=value" overrides.

        Raises:
            InputError: naming what is wrong in the file.
        """
        return cls(load_specification(source, overrides))

    def run(
        self,
        seed: int | None = None,
        *,
        engine: str = "local",
        workers: int | None = None,
        out: str | Path = RUNS,
        steering: str | Path | None = None,
    ) -> Run:
        """Runs the campaign to its end.

        Args:
            seed: in place of the campaign's own.
            engine: where evaluations run: "local", "dask", "dask:ADDRESS" or "slurm".
            workers: evaluations at once; by default as many as the engine has cores for.
            out: folder in which the run's own folder is made.
            steering: another run, whose changes of budget, vetoes and pins this one gets in the same rounds.
                With the same campaign and seed it ends with the same evaluations.

        Raises:
            InputError: before anything is written, if something that the campaign names is wrong.
            KeyboardInterrupt: on Ctrl-C, or if the run is told to stop; it can be resumed.
        """
        specification = self.specification
        if seed is not None:
            if not 0 <= seed < 2**31:
                raise InputError(f"seed {seed}: 0 to {2**31 - 1} is possible")
            specification = specification.model_copy(update={"seed": seed})
        ladder(specification)
        new_optimiser(specification)
        commands = [] if steering is None else _commands(Run.open(steering), specification)
        # Opened first: wrong names and numbers are told before a folder is made.
        with open_engine(engine, workers, **_needs(specification)) as opened:
            run = Run.create(specification, Path(out), commands, engine=engine, workers=opened.workers)
            _drive(run, opened)
        return run


def _needs(specification: Specification) -> dict[str, Any]:
    """Cores and memory of the stage that takes most of them."""
    needs = [specification.resources_of(fidelity) for fidelity in specification.fidelities]
    return {"cores": max(one.cores for one in needs), "memory_gb": max(one.memory_gb for one in needs)}


def _commands(run: Run, specification: Specification) -> list[Steering]:
    if run.manifest["identity"] != specification.identity:
        log.warning("'%s' had another campaign or seed: it is steered alike, its results differ", run.folder)
    with run.journal() as journal:
        return to_repeat(journal, run.folder.name)


def resume(reference: str | Path, *, engine: str | None = None, workers: int | None = None) -> Run:
    """Carries an interrupted run on to the same end; a finished one only if its budget was raised.

    Engine and workers are the run's own unless others are given.

    Raises:
        InputError: if there is no such run, its journal or checkpoint is damaged, or another process
            drives it.
    """
    run = Run.open(reference)
    manifest = run.manifest
    if manifest["status"] == "done":
        with run.journal() as journal:
            begun = rounds_begun(journal)
        if begun >= run.course.rounds:
            return run
    if run.specification.identity != manifest["identity"]:
        raise InputError(
            f"'{run.folder}/campaign.toml' was changed since the run began; start a new run with it"
        )
    ladder(run.specification)
    if engine is None:
        engine, workers = manifest["engine"], manifest["workers"] if workers is None else workers
    with open_engine(engine, workers, **_needs(run.specification)) as opened:
        _drive(run, opened)
    return run


def _drive(run: Run, engine: Engine) -> None:
    start = time.time()
    with run.locked(), run.journal(read_only=False) as journal:
        # What was to halt an earlier session has nothing to halt any more.
        journal.take_steering(CONTROLS, rounds_begun(journal), "after the end of a session", before=start)
        loop = Loop(run.specification, run.folder, journal, engine)
        loop.restore()  # a wrong checkpoint is told before anything is changed
        run.write_manifest(status="running")
        with _booked(run, loop, journal):
            loop.run()


@contextmanager
def _booked(run: Run, loop: Loop, journal: Journal) -> Iterator[None]:
    """Writes into the manifest how the run ended, and what it has used over all its sessions.

    Raises:
        ResourceError: if the disk is full.
    """
    before, status, start = run.manifest, "failed", time.monotonic()
    try:
        try:
            yield
            status = "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            meter = journal.meter()
            run.write_manifest(
                status=status,
                seconds=before["seconds"] + time.monotonic() - start - loop.helm.paused,
                energy_wh=sum(row["energy_wh"] for row in meter),
                energy_uncertainty_wh=sum(row["uncertainty_wh"] for row in meter),
                energy_method=loop.meter.method,
            )
    except (sqlite3.OperationalError, OSError) as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if not full and getattr(error, "errno", None) not in (errno.ENOSPC, errno.EDQUOT):
            raise
        remedy = f"make room, then resume it with `labkit resume {run.folder}`"
        raise ResourceError(
            f"no room is left on the disk ({error}); the run so far is saved: {remedy}"
        ) from None
