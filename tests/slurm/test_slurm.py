"""A run through a real SLURM: the same decisions as here, whatever happens to its jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("slurm")]

CAMPAIGN = """
name = "small"
rounds = 2
proposals = 5
triage = { heavy_atoms = [10, 20], alerts = [], min_qed = 0.0 }
docking.exhaustiveness = 1
resources.docking.memory_gb = 1.5
objective.docking_energy = { direction = "minimise", range = [-11.0, -4.0] }
objective.qed = { direction = "maximise", range = [0.3, 0.9] }
"""


@pytest.fixture(scope="module")
def campaign_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("slurm-campaign") / "small.toml"
    file.write_text(CAMPAIGN)
    return file


# Without the report: a notebook takes long and is no part of this.
_LABKIT = """
import sys
import labkit.runner
from labkit.cli import main
labkit.runner.report = lambda run: run.folder
sys.exit(main())
"""


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """labkit in a folder of its own, with its own cache."""
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"LABKIT_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", _LABKIT, *arguments, "--out", str(folder), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=folder)


def _finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=1200)
    assert process.returncode == 0
    return json.loads(out)


@pytest.fixture(scope="module")
def at_home(campaign_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same campaign by the local engine."""
    folder = tmp_path_factory.mktemp("home")
    return Run(Path(_finished(_start(folder, "run", str(campaign_file), "--workers", "1"))["run"]))


def _decisions(run: Run) -> dict[str, Any]:
    with run.journal() as journal:
        return {
            "proposals": [(p.round, p.position, p.smiles) for p in journal.proposals()],
            "evaluations": sorted((e.round, e.fidelity, e.smiles, e.status) for e in journal.evaluations()),
            "best": [(row["smiles"], pytest.approx(row["score"], abs=1e-6)) for row in run.best()],
        }


def _jobs(states: str = "RUNNING") -> list[str]:
    command = ["squeue", "-h", "-o", "%A", "--states", states]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _wait_for(what: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    while not (found := what()):
        assert process.poll() is None, "the run ended early"
        time.sleep(0.2)
    return found


def test_slurm_makes_the_same_decisions_though_its_jobs_are_lost(
    campaign_file: Path, at_home: Run, tmp_path: Path
) -> None:
    process = _start(tmp_path, "run", str(campaign_file), "--engine", "slurm", "--workers", "2")
    first = _wait_for(_jobs, process)
    _wait_for(lambda: list(tmp_path.glob("*/poses/*.sdf")), process)
    # A job that reaches its time limit, or whose node is lost, is replaced, and what it did is done again.
    subprocess.run(["scancel", *first], check=True)
    _wait_for(lambda: set(_jobs()) - set(first), process)
    answer = _finished(process)
    assert answer["evaluations"]["docking"] >= 2
    assert _decisions(Run(Path(answer["run"]))) == _decisions(at_home)
    # What the jobs have used is booked, though no meter here sees them.
    with Run(Path(answer["run"])).journal() as journal:
        booked = [row for row in journal.meter() if row["stage"] == "docking" and row["seconds"] == 0]
        docked = [e for e in journal.evaluations("docking") if e.status == "done"]
    assert len(booked) >= len(docked) and all(row["energy_wh"] > 0 for row in booked)
    for _ in range(100):  # the jobs end with the run
        if not _jobs("RUNNING,PENDING"):
            break
        time.sleep(0.2)
    assert not _jobs("RUNNING,PENDING")
