"""A campaign under fire ends as the undisturbed one: workers killed, one hangs, one takes too much memory,
its coordinator is killed five times; and a second run works beside it in the same workspace.

The oracle is made up (see faulty.py): processes, journal, cache and kills are real.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomli_w

from labkit.campaign import Run

KILL_EVERY_S = 20.0
COORDINATOR_KILLS = 5


@pytest.fixture
def campaign_file(tmp_path: Path, small_prior_file: Path) -> Path:
    content = {
        "name": "faults",
        "rounds": 6,
        "proposals": 24,
        "generator": {"prior": str(small_prior_file), "updates": 1},
        "triage": {"heavy_atoms": [5, 30], "alerts": [], "min_qed": 0.0},
        "docking": {"exhaustiveness": 1},
        "resources": {"docking": {"limit_s": 30.0, "memory_gb": 0.5}},
        "objective": {"docking_energy": {"direction": "minimise", "range": [-12.0, -2.0]}},
    }
    file = tmp_path / "faults.toml"
    file.write_text(tomli_w.dumps(content))
    return file


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the coordinator, with an own cache by name, with faults or without."""
    started = []

    def start(*arguments: str, cache: str, faults: bool = False) -> subprocess.Popen[str]:
        environment = os.environ | {"LABKIT_CACHE": str(tmp_path / cache)}
        if faults:
            (tmp_path / "faults").mkdir(exist_ok=True)
            environment["FAULTS"] = str(tmp_path / "faults")
        command = [sys.executable, str(Path(__file__).with_name("faulty.py")), *arguments, "--json"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _finished(process: subprocess.Popen[str]) -> Run:
    out, _ = process.communicate(timeout=3000)
    assert process.returncode == 0
    return Run(Path(json.loads(out)["run"]))


def _workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(process.pid).children()
        if "labkit.campaign._child" in child.cmdline()
    ]


def _committed(folder: Path) -> dict[tuple[str, str], float]:
    with Run(folder).journal() as journal:
        return {(e.smiles, e.fidelity): e.finished for e in journal.evaluations()}


def _losses(folder: Path) -> list[str]:
    with Run(folder).journal() as journal:
        return [text for _, text in journal.events()]


def _decided(run: Run) -> dict[str, Any]:
    with run.journal() as journal:
        return {
            "proposals": [(p.round, p.position, p.smiles) for p in journal.proposals()],
            "evaluations": sorted(
                (e.round, e.fidelity, e.smiles, e.key, e.status, json.dumps(e.result))
                for e in journal.evaluations()
            ),
            "scores": journal.scores(),
        }


def _assert_whole(folder: Path) -> None:
    connection = sqlite3.connect(f"file:{folder}/journal.sqlite?mode=ro", uri=True)
    assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.slow
def test_a_campaign_under_fire_ends_as_the_undisturbed_one(
    campaign_file: Path, start: Start, tmp_path: Path
) -> None:
    settings = ["run", str(campaign_file), "--workers", "2", "--out"]
    calm = _finished(start(*settings, str(tmp_path / "calm"), cache="calm"))
    count = len(_committed(calm.folder))

    rng = random.Random(8)
    moments = sorted(rng.sample(range(count // 10, count * 9 // 10), COORDINATOR_KILLS))
    out = tmp_path / "fire"
    process = start(*settings, str(out), cache="fire", faults=True)
    # In the same workspace, with the same cache, at the same time.
    beside = start(*settings, str(tmp_path / "fire"), "--seed", "1", cache="fire")
    folder: Path | None = None
    seen: dict[tuple[str, str], float] = {}
    killed, next_kill = 0, time.monotonic() + KILL_EVERY_S
    while process.poll() is None:
        time.sleep(0.2)
        if folder is None:
            folder = next((file.parent for file in out.glob("faults-s0-*/manifest.json")), None)
            continue
        if len(_losses(folder)) < 2:
            next_kill = time.monotonic() + KILL_EVERY_S
            continue  # the hanging one and the greedy one first: nobody else is to end them
        if time.monotonic() > next_kill and (workers := _workers(process)):
            rng.choice(workers).kill()
            killed, next_kill = killed + 1, time.monotonic() + KILL_EVERY_S
        if moments and len(_committed(folder)) > moments[0]:
            moments.pop(0)
            workers = _workers(process)
            process.send_signal(signal.SIGKILL)
            process.wait()
            _, alive = psutil.wait_procs(workers, timeout=60)
            assert alive == []
            _assert_whole(folder)
            now = _committed(folder)
            assert {key: now[key] for key in seen} == seen  # nothing lost, nothing done again
            seen = now
            process = start("resume", str(folder), cache="fire", faults=True)
    run, other = _finished(process), _finished(beside)

    assert moments == [] and killed >= 3
    assert {file.name for file in (tmp_path / "faults").iterdir()} == {"hang", "memory"}
    losses = _losses(run.folder)
    for reason in ("no answer within 30 s", "GB of memory; 0.5 GB are allowed", "signal 9"):
        assert any(reason in text for text in losses), reason
    now = _committed(run.folder)
    assert {key: now[key] for key in seen} == seen
    assert _decided(run) == _decided(calm)
    assert other.status == "done" and _decided(other) != _decided(run)
    for one in (run, other):
        _assert_whole(one.folder)
    print(f"\n{count} evaluations, {killed} workers and {COORDINATOR_KILLS} coordinators killed,", end=" ")
    print(f"{len(losses)} attempts lost, 0 evaluations lost, 0 done twice")
