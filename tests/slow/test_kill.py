"""`kill -9` at ten random moments, each followed by `resume`: nothing lost, nothing done twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run


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


@pytest.mark.slow
def test_ten_kills_change_nothing(
    campaign_file: Path, assert_same: Callable[[Run, Run], None], tmp_path: Path
) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    expected = finish(start(["run", str(campaign_file), "--out", str(calm)], tmp_path / "calm-cache"))

    assert expected["evaluations"]["interaction"] > 0

    # Ten moments spread over the run: some seconds after so many evaluations were committed.
    rng = random.Random(20)
    moments = sorted(rng.uniform(0, sum(expected["evaluations"].values())) for _ in range(10))
    process = start(["run", str(campaign_file), "--out", str(killed)], tmp_path / "killed-cache")
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

    assert_same(Run(Path(expected["run"])), Run(Path(answer["run"])))
    assert answer["evaluations"] == expected["evaluations"]
