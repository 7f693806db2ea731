"""The loop with an oracle that is made up and instant, in this process: every way to stop it can be tried."""

import errno
import json
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from labkit.campaign import (
    Campaign,
    Run,
    _campaign,
    _correlation,
    _loop,
    _oracles,
    _questions,
    _value,
    pose_file,
    rank_correlation,
    recorded,
    resume,
    score,
)
from labkit.campaign._guard import LostError
from labkit.campaign._oracles import Task
from labkit.cli import main
from labkit.errors import EvaluationError, InputError, ResourceError, TooLittleMemoryError
from labkit.store import Cache, Evaluation, Journal

pytestmark = pytest.mark.usefixtures("asked")


def test_a_run_leaves_all_that_happened(campaign: Campaign, tmp_path: Path, asked: list[str]) -> None:
    run = campaign.run(3, out=tmp_path / "runs")
    assert run.status == "done" and run.folder.parent == tmp_path / "runs"
    assert {path.name for path in run.folder.iterdir()} >= {
        "campaign.toml",
        "journal.sqlite",
        "manifest.json",
    }
    with run.journal() as journal:
        proposals, docked = journal.proposals(), journal.evaluations("docking")
        triaged = {e.smiles: e for e in journal.evaluations("triage")}
        stages = {row["stage"] for row in journal.meter()}
    assert [(p.round, p.position) for p in proposals] == [(r, i) for r in range(3) for i in range(6)]
    assert len({p.smiles for p in proposals}) == 18 == len(triaged)
    accepted = {smiles for smiles, e in triaged.items() if e.status == "done"}
    assert {e.smiles for e in docked} == accepted and len(accepted) >= 6
    assert all(e.result["reason"] for e in triaged.values() if e.status == "rejected")
    assert stages == {"generate", "triage", "docking", "learn"}
    poses = {run.folder / pose_file(e.result) for e in docked if e.status == "done"}
    assert set((run.folder / "poses").iterdir()) == poses
    assert len(asked) == len(set(asked))
    assert sorted(path.name for path in run.folder.glob("checkpoint-*")) == [
        "checkpoint-0001.safetensors",
        "checkpoint-0002.safetensors",
    ]
    manifest = run.manifest
    assert manifest["seed"] == 3 and manifest["status"] == "done" and "jax" in manifest["versions"]
    assert manifest["identity"] == run.specification.identity


def test_the_summary_has_what_the_command_line_promises(campaign: Campaign, tmp_path: Path) -> None:
    run = campaign.run(out=tmp_path)
    summary = run.summary()
    assert {"run", "status", "seconds", "energy_wh", "evaluations", "best"} <= summary.keys()
    assert summary["status"] == "done" and summary["seconds"] > 0
    assert 0 <= summary["energy_uncertainty_wh"] and summary["energy_method"]
    assert summary["evaluations"]["triage"] == 18
    best = summary["best"]
    assert [row["score"] for row in best] == sorted((row["score"] for row in best), reverse=True)
    assert len({row["smiles"] for row in best}) == len(best)
    for row in best:
        assert {"smiles", "score", "components"} <= row.keys()
        assert set(row["components"]) == {"docking_energy", "qed"} and row["complete"]
        assert (run.folder / row["pose"]).read_text() == f"{row['smiles']}\n$$$$\n"
    json.dumps(summary)


def test_the_same_seed_decides_the_same_and_another_does_not(
    campaign: Campaign, tmp_path: Path, outcome: Callable[[Run], dict[str, Any]]
) -> None:
    outcomes = [outcome(campaign.run(seed, out=tmp_path)) for seed in (0, 0, 1)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["proposals"] != outcomes[2]["proposals"]


def test_a_cached_answer_counts_as_a_call_and_is_not_computed(
    campaign: Campaign, tmp_path: Path, asked: list[str], outcome: Callable[[Run], dict[str, Any]]
) -> None:
    first = campaign.run(out=tmp_path)
    computed = len(asked)
    second = campaign.run(out=tmp_path)
    assert outcome(first) == outcome(second)
    assert first.summary()["evaluations"] == second.summary()["evaluations"]
    with second.journal() as journal:
        docked = journal.evaluations("docking")
    assert {e.cached for e in docked if e.status == "done"} == {True}
    # Only a failure, which another machine may not meet, is tried again.
    assert len(asked) - computed == sum(e.status == "failed" for e in docked)


def test_a_failed_docking_is_recorded_with_its_reason_and_scored_zero(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    evaluate = _questions.evaluate

    def fail_third(task: Task) -> dict[str, Any]:
        answer = evaluate(task)
        if len(asked) == 3:
            return {"status": "failed", "result": {"reason": "outside the box"}, "seconds": 0.1}
        return answer

    monkeypatch.setattr(_questions, "evaluate", fail_third)
    run = campaign.run(out=tmp_path)
    assert run.status == "done"
    with run.journal() as journal:
        (row,) = (e for e in journal.evaluations("docking") if e.result == {"reason": "outside the box"})
        scored = {smiles for smiles, *_ in journal.scores()}
        mean = next(value for number, name, value in journal.metrics() if (number, name) == (0, "score_mean"))
        scores = [score for _, number, score, _ in journal.scores() if number == 0]
    assert row.status == "failed" and row.smiles not in scored
    assert mean == pytest.approx(sum(scores) / 6)  # what failed counts as 0, so that the model learns it


class _Stopped(KeyboardInterrupt):
    """Ctrl-C at a chosen moment."""


def _stop_at(patch: pytest.MonkeyPatch, name: str, count: int, *, after: bool) -> None:
    """Interrupts the run at the ``count``-th call of one of the journal's appends, before or after it."""
    append, calls = getattr(Journal, name), iter(range(10**6))

    def stopping(self: Journal, *args: Any) -> None:
        stop = next(calls) == count
        if stop and not after:
            raise _Stopped
        append(self, *args)
        if stop:
            raise _Stopped

    patch.setattr(Journal, name, stopping)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("append_proposals", 0),
        ("append_proposals", 1),
        ("append_evaluation", 0),
        ("append_evaluation", 3),
        ("append_evaluation", 7),
        ("append_evaluation", 14),
        ("append_evaluation", 20),
        ("append_scores", 0),
        ("append_scores", 2),
        ("append_metrics", 1),
        ("append_meter", 7),
        ("append_meter", 11),
    ],
)
def test_a_run_stopped_anywhere_and_resumed_ends_as_the_undisturbed_one(
    campaign: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    name: str,
    count: int,
    after: bool,
    outcome: Callable[[Run], dict[str, Any]],
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    computed = len(asked)
    shutil.rmtree(tmp_path / "cache")
    asked.clear()
    with monkeypatch.context() as patch, pytest.raises(_Stopped):
        _stop_at(patch, name, count, after=after)
        campaign.run(out=tmp_path / "stopped")
    run = Run.open(tmp_path / "stopped")
    assert run.status == "interrupted"
    with run.journal() as journal:
        committed = {e.key for e in journal.evaluations("docking")}
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)  # the journal alone is enough
    before = len(asked)
    resumed = resume(run.folder)
    assert resumed.status == "done"
    assert outcome(resumed) == undisturbed
    # Nothing committed was computed again: at most what a round had in flight.
    assert len(asked) - before == computed - len(committed)


def test_a_finished_run_is_left_as_it_is(campaign: Campaign, tmp_path: Path) -> None:
    run = campaign.run(out=tmp_path)
    before = _files(run.folder)
    assert resume(run.folder).folder == run.folder
    assert _files(run.folder) == before


def _files(folder: Path) -> dict[str, bytes]:
    # The lock is empty and says nothing.
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.fixture
def stopped(campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that was interrupted in its second round."""
    with monkeypatch.context() as patch, pytest.raises(_Stopped):
        _stop_at(patch, "append_scores", 1, after=False)
        campaign.run(out=tmp_path / "stopped")
    return Run.open(tmp_path / "stopped")


def _assert_refused(run: Run, told: str) -> None:
    before = _files(run.folder)
    with pytest.raises(InputError, match=told) as caught:
        resume(run.folder)
    assert "\n" not in str(caught.value)
    assert _files(run.folder) == before


def test_a_checkpoint_of_another_campaign_is_refused(
    stopped: Run, campaign_file: Path, tmp_path: Path
) -> None:
    other = Campaign.load(campaign_file, ["rounds=1", "name=other"]).run(out=tmp_path / "other")
    name = "checkpoint-0000.safetensors"
    shutil.copy(other.folder / name, stopped.folder / name)
    _assert_refused(stopped, r"checkpoint-0000\.safetensors' is a checkpoint of another campaign than 'tiny'")


def test_a_damaged_checkpoint_is_refused(stopped: Run) -> None:
    file = stopped.folder / "checkpoint-0000.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    _assert_refused(stopped, "no whole safetensors file")


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_truncated_journal_is_refused(stopped: Run, part: float) -> None:
    file = stopped.folder / "journal.sqlite"
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    _assert_refused(stopped, r"journal\.sqlite' (is damaged|has format 0)")


def test_a_campaign_changed_since_the_run_began_is_refused(stopped: Run) -> None:
    file = stopped.folder / "campaign.toml"
    file.write_text(file.read_text().replace("rounds = 3", "rounds = 4"))
    _assert_refused(stopped, r"campaign\.toml' was changed since the run began")


def test_a_damaged_manifest_is_refused(stopped: Run) -> None:
    (stopped.folder / "manifest.json").write_text('{"status": "run')
    _assert_refused(stopped, r"manifest\.json' is damaged")


def test_no_workers_are_refused_on_resume_too(stopped: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from labkit.campaign._engines import open_engine

    monkeypatch.setattr(_campaign, "open_engine", open_engine)
    with pytest.raises(InputError, match="workers 0: at least 1 is needed"):
        resume(stopped.folder, workers=0)


def test_a_run_that_another_process_drives_is_refused(stopped: Run) -> None:
    with stopped.locked():
        assert stopped.status == "interrupted"  # it says so itself; a killed one would say running
        _assert_refused(stopped, "is being driven by another process")
    assert resume(stopped.folder).status == "done"


def test_the_journal_is_the_truth_where_the_generator_disagrees(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(_Stopped):
        _stop_at(patch, "append_evaluation", 0, after=False)
        campaign.run(out=tmp_path)
    run = Run.open(tmp_path)
    with run.journal() as journal:
        before = journal.proposals(0)
    with run.journal(read_only=False) as journal:  # as if another processor had drawn the others
        journal._connection.execute("update proposals set smiles = 'Cc1ccccc1O' where position = 0")
        journal._connection.commit()
    assert resume(run.folder).status == "done"
    with run.journal() as journal:
        assert [p.smiles for p in journal.proposals(0)] == ["Cc1ccccc1O", *(p.smiles for p in before[1:])]
        assert [text for _, text in journal.events()] == ["round 0: kept the journal's proposals"]
        told = {e.smiles for e in journal.evaluations("triage") if e.round == 0}
    assert told == {"Cc1ccccc1O", *(p.smiles for p in before[1:])}


@pytest.mark.parametrize("below", ["file", "file/runs"])
def test_an_output_folder_that_cannot_be_written_is_told(
    campaign: Campaign, tmp_path: Path, below: str, asked: list[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match=f"output folder '.*{below}' can't be written"):
        campaign.run(out=tmp_path / below)
    assert (tmp_path / "file").read_text() == "not a folder" and asked == []


def test_two_runs_in_the_same_second_get_their_own_folders(campaign: Campaign, tmp_path: Path) -> None:
    runs = {Run.create(campaign.specification, tmp_path, engine="local", workers=1).folder for _ in range(3)}
    assert len(runs) == 3


def test_runs_are_found_by_folder_and_name_and_a_missing_one_is_told(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [Run.create(campaign.specification, Path("runs"), engine="local", workers=1) for _ in range(2)]
    assert Run.open(runs[0].folder.name).folder == runs[0].folder
    assert Run.open(tmp_path / runs[1].folder).folder == tmp_path / runs[1].folder
    with pytest.raises(InputError, match=r"'runs' holds 2 runs; name one of them: tiny-s0-"):
        Run.open("runs")
    with pytest.raises(InputError, match="no run 'absent'; `labkit runs` lists"):
        Run.open("absent")


def test_equal_questions_are_computed_once(
    campaign: Campaign, tmp_path: Path, asked: list[str], own_cache: Path
) -> None:
    run = Run.create(campaign.specification, tmp_path, engine="local", workers=1)
    with run.journal(read_only=False) as journal:
        with _campaign.open_engine("local") as engine:
            loop = _loop.Loop(campaign.specification, run.folder, journal, engine)
            # Two ways to write one molecule.
            tasks = {text: loop.ladder[0].oracle.task(smiles="CCO") for text in ("OCC", "CCO")}
            found = loop._evaluate(0, loop.ladder[0], tasks)
        rows = journal.evaluations("docking")
    assert asked == ["CCO"]
    assert found["OCC"] == found["CCO"] and list(found) == list(tasks)
    assert [(e.smiles, e.cached) for e in rows] == [("OCC", False), ("CCO", True)]
    assert Cache().get(rows[0].key) is not None


def test_an_oracle_answers_what_cannot_be_computed_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(inputs: Any, settings: Any) -> dict[str, Any]:
        raise EvaluationError("the SCF didn't converge")

    monkeypatch.setitem(_oracles._EVALUATE, "docking", fail)
    answer = _oracles.evaluate(Task("docking", "k", {}, {}))
    assert answer["status"] == "failed" and answer["result"] == {"reason": "the SCF didn't converge"}


@pytest.mark.parametrize("error", [ResourceError("signal 9"), TooLittleMemoryError("0.5 GB are free")])
def test_what_the_machine_could_not_hold_stops_the_run_and_is_no_answer(
    campaign: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    error: ResourceError,
    outcome: Callable[[Run], dict[str, Any]],
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    shutil.rmtree(tmp_path / "cache")
    asked.clear()
    enough = _questions.evaluate

    def fail(inputs: Any, settings: Any) -> dict[str, Any]:
        raise error

    def evaluate(task: Task) -> dict[str, Any]:
        return enough(task) if len(asked) < 4 else _oracles.evaluate(task)

    with monkeypatch.context() as patch:
        patch.setitem(_oracles._EVALUATE, "docking", fail)
        patch.setattr(_questions, "evaluate", evaluate)
        with pytest.raises(ResourceError, match=f"^{error};.*`labkit resume {tmp_path}.*`$") as told:
            campaign.run(out=tmp_path / "short")
    assert told.value.exit_code == error.exit_code
    run = Run.open(tmp_path / "short")
    with run.journal() as journal:
        assert len(journal.evaluations("docking")) == 4
    assert run.status == "failed"
    assert outcome(resume(run.folder)) == undisturbed


def test_an_allocation_that_fails_is_no_answer_of_the_molecule(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(inputs: Any, settings: Any) -> dict[str, Any]:
        raise MemoryError("Unable to allocate 64.0 GiB")

    monkeypatch.setitem(_oracles._EVALUATE, "docking", fail)
    with pytest.raises(ResourceError, match=r"docking: memory ran out \(Unable to allocate 64.0 GiB\)"):
        _oracles.evaluate(Task("docking", "k", {}, {}))


def test_an_evaluation_row_is_never_overwritten(campaign: Campaign, tmp_path: Path) -> None:
    run = campaign.run(out=tmp_path)
    with run.journal(read_only=False) as journal:
        row = journal.evaluations("docking")[0]
        with pytest.raises(Exception, match="UNIQUE"):
            journal.append_evaluation(Evaluation(9, row.smiles, "docking", "", "done", {}, 0.0, False))


@pytest.mark.parametrize("where", ["journal", "file"])
def test_a_full_disk_stops_the_run_and_loses_nothing(
    campaign: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Callable[[Run], dict[str, Any]],
    where: str,
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    shutil.rmtree(tmp_path / "cache")
    append, calls = Journal.append_evaluation, iter(range(10**6))

    def fill(journal: Journal, evaluation: Evaluation) -> None:
        if next(calls) == 10:
            if where == "file":
                raise OSError(errno.ENOSPC, "No space left on device", "poses")
            pages = journal._connection.execute("pragma page_count").fetchone()[0]
            journal._connection.execute(f"pragma max_page_count = {pages}")
            evaluation.result["padding"] = "x" * 100_000
        append(journal, evaluation)

    with monkeypatch.context() as patch, pytest.raises(ResourceError, match="no room is left on the disk"):
        patch.setattr(Journal, "append_evaluation", fill)
        campaign.run(out=tmp_path / "full")
    run = Run.open(tmp_path / "full")
    with run.journal() as journal:
        assert len(journal.evaluations()) == 10
    with sqlite3.connect(run.folder / "journal.sqlite") as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()
    assert outcome(resume(run.folder)) == undisturbed


@pytest.mark.parametrize("losses", [2, 3])
def test_what_is_lost_with_its_worker_is_tried_again_as_often_as_the_stage_says(
    campaign: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    outcome: Callable[[Run], dict[str, Any]],
    losses: int,
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    shutil.rmtree(tmp_path / "cache")
    asked.clear()
    enough, lost = _questions.evaluate, list[str]()

    def evaluate(task: Task) -> dict[str, Any]:
        smiles = task.inputs["smiles"]
        if len(asked) == 4 and len(lost) < losses:
            lost.append(smiles)
            raise LostError("no answer within 7200 s")
        return enough(task)

    monkeypatch.setattr(_questions, "evaluate", evaluate)
    run = campaign.run(out=tmp_path / "lossy")
    assert run.status == "done" and len(lost) == losses and len(set(lost)) == 1
    with run.journal() as journal:
        told = [text for _, text in journal.events()]
        docked = {e.smiles: e for e in journal.evaluations("docking")}
        (proposed,) = (e.smiles for e in journal.evaluations("triage") if e.result["smiles"] == lost[0])
    reasons = [f"attempt {i + 1} of 3 was lost: no answer within 7200 s" for i in range(losses)]
    assert told == [f"docking of {proposed}: {reason}" for reason in reasons]
    if losses == 2:
        assert outcome(run) == undisturbed
    else:
        assert docked[proposed].status == "failed" and docked[proposed].result == {"reason": reasons[-1]}


def test_the_most_promising_of_each_round_are_simulated_and_rank_first(
    campaign_file: Path, tmp_path: Path
) -> None:
    overrides = [
        *("rounds=2", "proposals=8", "interaction={candidates=2}"),
        "objective.interaction_energy={direction='minimise', range=[-40, 0]}",
    ]
    run = Campaign.load(campaign_file, overrides).run(out=tmp_path)
    objective = {k: v for k, v in run.specification.objective.items() if k != "interaction_energy"}
    with run.journal() as journal:
        simulated = {(e.round, e.smiles) for e in journal.evaluations("interaction")}
        properties = {e.smiles: e.result["properties"] for e in journal.evaluations("triage")}
        docked = [e for e in journal.evaluations("docking") if e.status == "done"]
    expected = set()
    for number in range(2):
        before = {
            e.smiles: score(objective, {**properties[e.smiles], **e.result["components"]})
            for e in docked
            if e.round == number
        }
        ranked = sorted(before, key=lambda text: (-before[text], text))
        expected |= {(number, text) for text in ranked[:2]}
    assert simulated == expected and len(simulated) == 4
    best = run.best()
    assert [row["complete"] for row in best[:4]] == [True] * 4 and not any(
        row["complete"] for row in best[4:]
    )
    assert {row["proposed"] for row in best[:4]} == {smiles for _, smiles in simulated}


def test_the_command_answers_with_one_json_object_and_is_quiet(
    campaign_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The report has its own tests; a notebook takes long.
    monkeypatch.setattr("labkit.runner.report", lambda run: run.folder / "report.html")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert main(["run", str(campaign_file), "--seed", "5", "--out", str(tmp_path), "--json"]) == 0
    finally:
        signal.signal(signal.SIGTERM, handler)
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert {"run", "status", "seconds", "energy_wh", "evaluations", "best", "report"} <= answer.keys()
    assert answer["status"] == "done" and "-s5-" in answer["run"]
    assert "\r" not in err and "it/s" not in err  # no progress bar where no terminal is


def test_a_campaign_breeds_children_of_what_scored_well(
    campaign_file: Path, tmp_path: Path, outcome: Callable[[Run], dict[str, Any]]
) -> None:
    keys = ["rounds=3", "proposals=6", "generator.breeding={children=12, start=6, generations=1}"]
    campaign = Campaign.load(campaign_file, keys)
    found, again = (outcome(campaign.run(out=tmp_path)) for _ in range(2))
    children = [p.round for p in found["proposals"] if p.log_likelihood is None]
    assert children and 0 not in children  # round 1 has nothing to breed from
    assert found == again


def test_each_molecule_keeps_what_it_is_to_keep(campaign_file: Path, tmp_path: Path) -> None:
    def campaign(scaffold: str) -> Campaign:
        keys = ["rounds=2", "proposals=6", f"generator.constraint.decorate='{scaffold}'"]
        return Campaign.load(campaign_file, keys)

    with campaign("c1ccc([*:1])cc1").run(out=tmp_path / "runs").journal() as journal:
        proposed = [Chem.MolFromSmiles(p.smiles) for p in journal.proposals()]
    assert len(proposed) == 12
    assert all(molecule.HasSubstructMatch(Chem.MolFromSmarts("c1ccccc1")) for molecule in proposed)
    # What makes no sense is told before anything is written.
    for scaffold, told in (("c1ccccc1", "an attachment point"), ("[Pt][*:1]", r"can't write '\[Pt\]'")):
        with pytest.raises(InputError, match=told):
            campaign(scaffold).run(out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.fixture
def by_value(campaign_file: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Three rounds in which up to four molecules are screened and two simulated, chosen by value."""
    evaluate = _questions.evaluate

    def screen(task: Task) -> dict[str, Any]:
        if task.oracle != "screening":
            return evaluate(task)
        parts = {"screening_energy": -float(len(task.inputs["pose"]) % 7)}
        return {"status": "done", "result": {"components": parts}, "seconds": 0.2}

    monkeypatch.setattr(_questions, "evaluate", screen)
    changes = [
        *("rounds=3", "proposals=8", "screening={candidates=4, choice='value'}"),
        "interaction={candidates=2, choice='value'}",
        "objective.interaction_energy={direction='minimise', range=[-40, 0]}",
    ]
    return Campaign.load(campaign_file, changes)


def _climbed(run: Run) -> dict[str, list[int]]:
    """Rounds of the answers of each fidelity."""
    with run.journal() as journal:
        return {
            name: sorted(e.round for e in journal.evaluations(name)) for name in run.specification.fidelities
        }


def test_a_run_by_value_tells_how_its_fidelities_rank(by_value: Campaign, tmp_path: Path) -> None:
    run = by_value.run(out=tmp_path)
    assert _climbed(run)["screening"] == [0] * 4 + [1] * 4 + [2] * 4
    assert _climbed(run)["interaction"] == [0] * 2 + [1] * 2 + [2] * 2
    with run.journal() as journal:
        found = recorded(journal.metrics())
        told = journal.components(["screening"], 3)
    pairs = [(parts["docking_energy"], parts["screening_energy"]) for parts in told.values()]
    assert found[2]["docking", "screening"] == rank_correlation(*zip(*pairs, strict=True))
    assert found[2]["docking", "interaction"].count == 6


def test_a_fidelity_that_predicts_nothing_is_asked_no_more_and_the_run_says_so(
    by_value: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_correlation, "ENOUGH", 3)
    monkeypatch.setattr(_correlation, "LEAST", 1.1)  # whatever it tells is too little
    run = by_value.run(out=tmp_path)
    climbed = _climbed(run)
    first = climbed["interaction"].count(0) + climbed["interaction"].count(1)
    assert first == 4 and climbed["interaction"].count(2) == 2
    assert climbed["screening"].count(1) == 4 and climbed["screening"].count(2) == 0
    with run.journal() as journal:
        events = [text for _, text in journal.events()]
    assert (
        len([text for text in events if "screening is bypassed" in text and "nobody is asked" in text]) == 1
    )
    assert any("docking is bypassed" in text and "who climbs" in text for text in events)


@pytest.mark.parametrize("count", [9, 20, 33])
def test_a_run_by_value_that_was_stopped_ends_as_the_undisturbed_one(
    by_value: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    outcome: Callable[[Run], dict[str, Any]],
) -> None:
    monkeypatch.setattr(_value, "ENOUGH", 3)  # so that what is chosen depends on earlier answers
    undisturbed = by_value.run(out=tmp_path / "undisturbed")
    shutil.rmtree(tmp_path / "cache")
    with monkeypatch.context() as patch, pytest.raises(_Stopped):
        _stop_at(patch, "append_evaluation", count, after=True)
        by_value.run(out=tmp_path / "stopped")
    resumed = resume(Run.open(tmp_path / "stopped").folder)
    assert outcome(resumed) == outcome(undisturbed)
