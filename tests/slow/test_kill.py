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

import pytest

from labkit.campaign import Run

CAMPAIGN = """
name = "killed"
rounds = 3
proposals = 8
[triage]
heavy_atoms = [10, 18]
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


def committed(run: Run) -> dict[tuple[str, str], tuple[int, str, dict]]:
    """What is to be the same: every evaluation but for the time that it took."""
    with run.journal() as journal:
        return {
            (e.smiles, e.fidelity): (e.round, e.status, without_times(e.result))
            for e in journal.evaluations()
        }


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key != "seconds"}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path: Path):
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    begin = time.monotonic()
    undisturbed = start(
        ["run", str(tmp_path / "campaign.toml"), "--out", str(tmp_path / "calm")], tmp_path / "c1"
    )
    expected = json.loads(undisturbed.communicate()[0])
    assert undisturbed.returncode == 0
    duration = time.monotonic() - begin

    rng = random.Random(20)
    begin_killed = ["run", str(tmp_path / "campaign.toml"), "--out", str(tmp_path / "killed")]
    process = start(begin_killed, tmp_path / "c2")
    seen: dict[tuple[str, str], float] = {}
    for _ in range(10):
        time.sleep(rng.uniform(0.03, 0.12) * duration)
        assert process.poll() is None, "the run ended before it was killed ten times"
        os.kill(process.pid, signal.SIGKILL)  # the coordinator alone: its workers must end by themselves
        process.wait()
        folders = list((tmp_path / "killed").glob("*/manifest.json"))
        if not folders:  # it had not begun yet
            process = start(begin_killed, tmp_path / "c2")
            continue
        folder = folders[0].parent
        with Run(folder).journal() as journal:
            now = {(e.smiles, e.fidelity): e.finished for e in journal.evaluations()}
        # What was committed before is still there, with the time at which it was committed: not done again.
        assert {key: now[key] for key in seen} == seen
        seen = now
        process = start(["resume", str(folder)], tmp_path / "c2")
    answer = json.loads(process.communicate()[0])
    assert process.returncode == 0

    assert committed(Run(Path(answer["run"]))) == committed(Run(Path(expected["run"])))
    assert answer["best"] == expected["best"]
    assert answer["evaluations"] == expected["evaluations"]
