"""Runs as processes of their own: closing the page or the kernel loses nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from labkit.campaign import Run, load_specification


class RunProcess:
    """A process that drives a run and goes on when this one ends."""

    def __init__(self, arguments: Sequence[str], out: Path | None = None, names: str = "") -> None:
        """Starts ``labkit`` with these arguments.

        Args:
            arguments: of the command line.
            out: where the process is to make a new run's folder.
            names: pattern of the folder's name.
        """
        self._out, self._names = out, names
        self._known = self._folders()
        self._fault: str | None = None
        # A file that nobody sees: a pipe would fill up, or break with this process.
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "labkit", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    def _folders(self) -> set[Path]:
        files = [] if self._out is None else self._out.glob(f"{self._names}/manifest.json")
        return {file.parent for file in files}

    def new_run(self) -> Run | None:
        """The run that the process has made; None as long as it has made none."""
        found = sorted(self._folders() - self._known)
        return Run(found[0]) if found else None

    def fault(self) -> str | None:
        """Why the process failed; None while it goes on, empty when it ended well."""
        code = self._process.poll()
        if code is None or self._errors.closed:
            return self._fault
        with self._errors:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self._fault = (lines or [f"the run's process ended with {code}"])[-1] if code else ""
        return self._fault


def start_run(
    campaign: str, *, seed: int, rounds: int, proposals: int, workers: int, out: str | Path
) -> RunProcess:
    """Starts a shipped campaign, or one of a file.

    Args:
        campaign: its name or file.
        seed: in place of the campaign's own.
        rounds: the same.
        proposals: the same, of each round.
        workers: processes that evaluate.
        out: folder for the run's folder.

    Raises:
        InputError: naming what is wrong in the campaign, before anything is started.
    """
    overrides = [f"seed={seed}", f"rounds={rounds}", f"proposals={proposals}"]
    name = load_specification(campaign, overrides).name
    arguments = ["run", campaign, "--workers", str(workers), "--out", str(out)]
    for override in overrides:
        arguments += ["--set", override]
    return RunProcess(arguments, Path(out), f"{name}-s{seed}-*")


def resume_run(run: Run) -> RunProcess:
    """Takes up a run that was interrupted or failed."""
    return RunProcess(["resume", str(run.folder)])
