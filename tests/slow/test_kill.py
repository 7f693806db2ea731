"""`kill -9` at ten random moments, each followed by `resume`: nothing lost, nothing done twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run

CAMPAIGN = """
name = "killed"
rounds = 3
proposals = 8
[triage]
heavy_atoms = [10, 26]
[docking]
exhaustiveness = 1
[interaction]
candidates = 1
max_heavy_atoms = 8
active_occupied = 1
active_virtual = 1
shots = 5000
[objective.docking_energy]
direction = "minimise"
range = [-11.0, -4.0]
[objective.interaction_energy]
direction = "minimise"
range = [-12.0, 2.0]
[objective.qed]
direction = "maximise"
range = [0.3, 0.9]
"""


def start(arguments: list[str], cache: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "labkit", *arguments, "--json"]
    environment = os.environ | {"LABKIT_CACHE": str(cache)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    out, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)  # the coordinator alone: its workers must end by themselves
    process.communicate()


def finished(folder: Path) -> dict[tuple[str, str], float]:
    """When each evaluation was committed."""
    with Run(folder).journal() as journal:
        return {(e.smiles, e.fidelity): e.finished for e in journal.evaluations()}


def committed(folder: Path) -> dict[tuple[str, str], tuple[int, str, Any]]:
    """What is to be the same: every evaluation but for the time that it took."""
    with Run(folder).journal() as journal:
        rows = journal.evaluations()
    return {(e.smiles, e.fidelity): (e.round, e.status, without_times(e.result)) for e in rows}


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "seconds"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path: Path) -> None:
    campaign = tmp_path / "campaign.toml"
    campaign.write_text(CAMPAIGN)
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    expected = finish(start(["run", str(campaign), "--out", str(calm)], tmp_path / "calm-cache"))

    assert expected["evaluations"]["interaction"] > 0

    # Ten moments spread over the run: some seconds after so many evaluations were committed.
    rng = random.Random(20)
    moments = sorted(rng.uniform(0, sum(expected["evaluations"].values())) for _ in range(10))
    process = start(["run", str(campaign), "--out", str(killed)], tmp_path / "killed-cache")
    seen: dict[tuple[str, str], float] = {}
    for moment in moments:
        while not (folders := [file.parent for file in killed.glob("*/manifest.json")]) or (
            len(finished(folders[0])) < moment
        ):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(rng.uniform(0, 5))
        assert process.poll() is None, "the run ended before it was killed ten times"
        kill(process)
        now = finished(folders[0])
        # What was committed before is still there, with its time: nothing lost, nothing done again.
        assert {key: now[key] for key in seen} == seen
        seen = now
        process = start(["resume", str(folders[0])], tmp_path / "killed-cache")
    answer = finish(process)

    assert committed(Path(answer["run"])) == committed(Path(expected["run"]))
    assert answer["best"] == expected["best"]
    assert answer["evaluations"] == expected["evaluations"]
