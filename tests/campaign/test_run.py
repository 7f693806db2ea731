"""Real runs: real workers, real dockings, a real ``kill -9``."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from labkit.campaign import Campaign, Run, list_runs, resume
from labkit.errors import InputError
from labkit.molecules import parse
from labkit.store import Journal


def _decisions(run: Run) -> dict[str, Any]:
    with run.journal() as journal:
        return {
            "proposals": [(p.round, p.position, p.smiles) for p in journal.proposals()],
            "evaluations": sorted((e.round, e.fidelity, e.smiles, e.status) for e in journal.evaluations()),
            "energies": {e.smiles: e.result.get("components") for e in journal.evaluations("docking")},
            "best": run.best(),
        }


@pytest.fixture(scope="module")
def undisturbed(campaign_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The tiny campaign with two workers."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_CACHE", str(folder / "cache"))
        yield Campaign.load(campaign_file).run(workers=2, out=folder / "runs")


def test_a_real_run_ends_with_docked_molecules(undisturbed: Run) -> None:
    assert undisturbed.status == "done"
    with undisturbed.journal() as journal:
        docked = journal.evaluations("docking")
        accepted = [e for e in journal.evaluations("triage") if e.status == "done"]
        energy = sum(row["energy_wh"] for row in journal.meter())
    assert len(docked) == len(accepted) >= 2
    for e in docked:
        assert e.status == "done", e.result
        # Small molecules bind to a kinase pocket with some kcal/mol; more than 1.5 per heavy atom isn't seen.
        size = parse(e.result["smiles"]).GetNumHeavyAtoms()
        assert 10 <= size <= 16
        assert -1.5 * size < e.result["components"]["docking_energy"] < -1
        assert e.seconds > 0 and e.result["contacts"]
    summary = undisturbed.summary()
    assert summary["evaluations"] == {"triage": 8, "docking": len(docked)}
    assert 0 < summary["energy_wh"] == pytest.approx(energy)
    assert [row["score"] for row in summary["best"]] == sorted(
        (row["score"] for row in summary["best"]), reverse=True
    )
    for row in summary["best"]:
        assert (undisturbed.folder / row["pose"]).read_text().endswith("$$$$\n")


def test_dask_makes_the_same_decisions(
    undisturbed: Run, campaign_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    run = Campaign.load(campaign_file).run(engine="dask", workers=1, out=tmp_path / "runs")
    assert run.manifest["engine"] == "dask" and run.summary()["energy_wh"] > 0
    assert _decisions(run) == _decisions(undisturbed)


def test_kill_9_and_resume_end_as_the_undisturbed_run(
    undisturbed: Run, campaign_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    command = [
        *(sys.executable, "-c", "import sys; from labkit.cli import main; sys.exit(main())"),
        *("run", str(campaign_file), "--workers", "1", "--out", str(out)),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            committed = _wait_for_docking(out, process)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    run = Run.open(out)
    assert run.status == "interrupted"
    with run.journal() as journal:
        before = journal.evaluations()
    assert {e.smiles for e in before if e.fidelity == "docking"} >= set(committed)
    # The journal is enough; a result that is not in it may come from nowhere.
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    run = resume(run.folder)
    assert run.status == "done"
    with run.journal() as journal:
        after = journal.evaluations()
    # What was committed stands as it was, to the second: nothing was done again.
    assert after[: len(before)] == before
    # One worker instead of two, stopped and resumed: the same decisions, the same energies.
    assert _decisions(run) == _decisions(undisturbed)


def test_a_run_is_paused_steered_on_and_stopped_by_another_process(
    undisturbed: Run, campaign_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "steered"
    command = [sys.executable, "-m", "labkit", "run", str(campaign_file), "--workers", "1", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            _wait_for_docking(out, process)
            run = Run.open(out)
            run.steer("pause")
            _wait_for_status(run, "paused", process)
            driver = psutil.Process(process.pid)
            assert not [
                c
                for c in driver.children(recursive=True)
                if "labkit.campaign._child" in " ".join(c.cmdline())
            ]
            used, before = driver.cpu_times(), run.summary()["evaluations"]
            time.sleep(2)
            now = driver.cpu_times()
            assert now.user + now.system - used.user - used.system < 0.1
            assert run.summary()["evaluations"] == before and run.status == "paused"
            run.steer("resume")
            _wait_for_status(run, "running", process)
            run.steer("stop")
            assert process.wait(timeout=300) == 130
        finally:
            process.kill()
    assert run.status == "interrupted"
    assert [(s.command, s.place) for s in run.steering()][:2] == [("pause", "docking"), ("resume", "docking")]
    assert all(s.round is not None for s in run.steering())
    run = resume(run.folder)
    assert run.status == "done" and _decisions(run) == _decisions(undisturbed)


def _wait_for_status(run: Run, status: str, process: subprocess.Popen[bytes]) -> None:
    while run.status != status:
        assert process.poll() is None
        time.sleep(0.05)


def _wait_for_docking(out: Path, process: subprocess.Popen[bytes]) -> list[str]:
    while process.poll() is None:
        for file in out.glob("*/journal.sqlite"):
            try:
                journal = Journal.open(file, read_only=True)
            except InputError:  # it is being made
                continue
            committed = [e.smiles for e in journal.evaluations("docking")]
            journal.close()
            if committed:
                return committed
        time.sleep(0.05)
    raise AssertionError(f"the run ended early, with {process.returncode}")


def test_a_run_is_listed_whatever_lies_beside_it(
    undisturbed: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "manifest.json").write_text("{")
    (row,) = list_runs([tmp_path, undisturbed.folder.parent])
    assert "damaged/manifest.json' is damaged" in caplog.text
    assert row["run"] == undisturbed.folder.name and row["status"] == "done" and row["campaign"] == "tiny"
