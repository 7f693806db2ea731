"""Starting and resuming campaigns."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labkit.campaign._engines import default_workers, open_engine
from labkit.campaign._loop import Loop
from labkit.campaign._oracles import ladder
from labkit.campaign._run import RUNS, Run
from labkit.campaign._specification import Specification, load_specification
from labkit.campaign._steering import CONTROLS, rounds_begun, to_repeat
from labkit.errors import InputError
from labkit.generative import load_prior
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
            engine: where evaluations run.
            workers: processes; one a core by default.
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
        load_prior(specification.generator.prior)
        workers = default_workers() if workers is None else workers
        with open_engine(engine, workers):
            pass  # wrong names and numbers are told before a folder is made; no process starts yet
        commands = [] if steering is None else _commands(Run.open(steering), specification)
        run = Run.create(specification, Path(out), commands, engine=engine, workers=workers)
        _drive(run, engine, workers)
        return run


def _commands(run: Run, specification: Specification) -> list[Steering]:
    if run.manifest["identity"] != specification.identity:
        log.warning("'%s' had another campaign or seed: it is steered alike, its results differ", run.folder)
    with run.journal() as journal:
        return to_repeat(journal, run.folder.name)


def resume(reference: str | Path, *, workers: int | None = None) -> Run:
    """Carries an interrupted run on to the same end; a finished one only if its budget was raised.

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
    _drive(run, manifest["engine"], manifest["workers"] if workers is None else workers)
    return run


def _drive(run: Run, engine: str, workers: int) -> None:
    start = time.time()
    with run.locked(), run.journal(read_only=False) as journal:
        # What was to halt an earlier session has nothing to halt any more.
        journal.take_steering(CONTROLS, rounds_begun(journal), "after the end of a session", before=start)
        loop = Loop(run.specification, run.folder, journal, lambda: open_engine(engine, workers), workers)
        loop.restore()  # a wrong checkpoint is told before anything is changed
        run.write_manifest(status="running")
        with _booked(run, loop, journal):
            loop.run()


@contextmanager
def _booked(run: Run, loop: Loop, journal: Journal) -> Iterator[None]:
    """Writes into the manifest how the run ended, and what it has used over all its sessions."""
    before, status, start = run.manifest, "failed", time.monotonic()
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
