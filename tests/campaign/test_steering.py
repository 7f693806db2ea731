"""Steering with oracles that are made up and instant, in this process; test_run.py does it with real ones."""

import fcntl
import json
import math
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Campaign, Run, _steering, course, resume
from labkit.cli import main
from labkit.errors import InputError
from labkit.generative import Optimiser
from labkit.molecules import canonical_smiles
from labkit.store import Evaluation, Journal, Proposal, Steering

Outcome = Callable[[Run], dict[str, Any]]
Command = tuple[str, str | int | None]

PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"  # 11 heavy atoms: the campaign's triage accepts it

pytestmark = pytest.mark.usefixtures("asked")


@pytest.fixture
def ladder(campaign_file: Path) -> Campaign:
    """Three rounds in which one molecule of four climbs from docking to interaction."""
    overrides = [
        *("rounds=3", "proposals=4", "interaction={candidates=1}"),
        "objective.interaction_energy={direction='minimise', range=[-40, 0]}",
    ]
    return Campaign.load(campaign_file, overrides)


@contextmanager
def _given(out: Path, moments: dict[tuple[str, int], list[Command]]) -> Iterator[None]:
    """Gives a run commands when the n-th answer of a fidelity, counted from 0, has been committed."""
    append, counts = Journal.append_evaluation, dict.fromkeys((name for name, _ in moments), -1)

    def steering(self: Journal, e: Evaluation) -> None:
        append(self, e)
        if e.fidelity in counts:
            counts[e.fidelity] += 1
            for command in moments.get((e.fidelity, counts[e.fidelity]), []):
                Run.open(out).steer(*command)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append_evaluation", steering)
        yield


def _fidelities(run: Run, smiles: str) -> dict[str, int]:
    """To which fidelities a molecule has climbed, and in which rounds."""
    with run.journal() as journal:
        return {e.fidelity: e.round for e in journal.evaluations() if e.smiles == smiles}


def _in_round(run: Run, number: int) -> list[str]:
    """Molecules that were docked in a round, the best first."""
    with run.journal() as journal:
        return [smiles for smiles, round, *_ in journal.scores() if round == number]


def test_a_later_command_about_a_molecule_lifts_an_earlier_one(campaign: Campaign) -> None:
    commands = [
        Steering(1.0, "veto", "CCO", 1, "start"),
        Steering(2.0, "budget", 7, 2, "start"),
        Steering(3.0, "pin", "CCO", 2, "start"),
        Steering(4.0, "pin", "CCN", 2, "start"),
        Steering(5.0, "veto", "CCN", 2, "start"),
        Steering(6.0, "veto", "CCC"),
    ]
    courses = [course(campaign.specification, commands, number) for number in (0, 1, 2, 3, math.inf)]
    assert [c.rounds for c in courses] == [3, 3, 7, 7, 7]
    assert [set(c.vetoed) for c in courses] == [set(), {"CCO"}, {"CCN"}, {"CCN"}, {"CCN", "CCC"}]
    assert [c.pinned for c in courses] == [(), (), ("CCO",), (), ()]


def test_a_steered_run_is_repeated_with_the_same_steering(
    ladder: Campaign, tmp_path: Path, outcome: Outcome
) -> None:
    free = ladder.run(out=tmp_path / "free")
    first, second = (_in_round(free, number) for number in range(2))
    docked = len(first)
    out = tmp_path / "steered"
    moments: dict[tuple[str, int], list[Command]] = {
        ("docking", 1): [("veto", first[0]), ("pin", first[-1])],
        ("interaction", 0): [("budget", "4")],
        ("docking", docked + 1): [("pin", PARACETAMOL), ("veto", second[0])],
    }
    with _given(out, moments):
        run = ladder.run(out=out)
    assert [(s.command, s.round, s.place) for s in run.steering()] == [
        *(("veto", 1, "start"), ("pin", 1, "start"), ("budget", 1, "start")),
        *(("pin", 2, "start"), ("veto", 2, "start")),
    ]
    assert outcome(run)["evaluations"] != outcome(free)["evaluations"] and run.course.rounds == 4

    repeated = ladder.run(out=tmp_path / "repeated", steering=run.folder, workers=3)
    assert outcome(repeated) == outcome(run)
    assert [(s.command, s.value, s.round) for s in repeated.steering()] == [
        (s.command, s.value, s.round) for s in run.steering()
    ]
    assert {s.place for s in repeated.steering()} == {f"as in {run.folder.name}"}
    # What still waits belongs to it, too; it would have acted in the next round.
    run.steer("veto", run.best()[0]["smiles"])
    again = ladder.run(out=tmp_path / "again", steering=run.folder)
    assert outcome(again) == outcome(run) and again.steering()[-1].round == 4


def test_a_vetoed_molecule_climbs_no_further_and_is_told_as_worthless(
    ladder: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = ladder.run(out=tmp_path / "free")
    known = free.best()[0]["proposed"] if free.best()[0]["round"] == 0 else _in_round(free, 0)[0]
    told: list[dict[str, float]] = []
    tell = Optimiser.tell

    def listen(self: Optimiser, smiles: list[str], scores: list[float]) -> None:
        told.append(dict(zip(smiles, scores, strict=True)))
        tell(self, smiles, scores)

    monkeypatch.setattr(Optimiser, "tell", listen)
    # As long as only one is vetoed and nothing told, the second round proposes what the free run's does.
    out, coming = tmp_path / "steered", _in_round(free, 1)[0]
    with _given(out, {("docking", 0): [("veto", known), ("veto", coming)]}):
        run = ladder.run(out=out)
    assert known in _in_round(run, 0)  # it was in flight: the round in which it was vetoed goes on
    assert told[0][known] > 0 and [scores[known] for scores in told[1:]] == [0, 0]
    assert _fidelities(run, coming) == {"triage": 1} and told[1][coming] == 0 == told[2][coming]
    assert not {known, coming} & {row["proposed"] for row in run.best(100)}
    assert {known, coming} < {row["proposed"] for row in free.best(100)}
    # A veto takes a molecule off the list at once; a pin puts it back.
    assert len(run.course.vetoed) == 2
    run.steer("pin", known)
    assert known in {row["proposed"] for row in run.best(100)}
    run.steer("veto", known)
    assert known not in {row["proposed"] for row in run.best(100)}


def test_a_pinned_molecule_climbs_the_whole_ladder_whatever_its_rank(
    ladder: Campaign, tmp_path: Path, asked: list[str]
) -> None:
    free = ladder.run(out=tmp_path / "free")
    last = next(s for s in reversed(_in_round(free, 0)) if "interaction" not in _fidelities(free, s))
    shutil.rmtree(tmp_path / "cache")
    asked.clear()
    out = tmp_path / "steered"
    with _given(out, {("docking", 0): [("pin", "O=C(C)Nc1ccc(cc1)O"), ("pin", last)]}):
        run = ladder.run(out=out)
    assert run.steering()[0].value == PARACETAMOL  # however it was written
    assert _fidelities(run, PARACETAMOL) == {"triage": 1, "docking": 1, "interaction": 1}
    assert _fidelities(run, last) == {"triage": 0, "docking": 0, "interaction": 1}
    assert len(asked) == len(set(asked))  # what the journal had was not computed again
    with run.journal() as journal:
        assert {p.smiles for p in journal.proposals()}.isdisjoint({PARACETAMOL})
        simulated = [e.smiles for e in journal.evaluations("interaction") if e.round == 1]
    # It takes nobody's place: the best of the others climbs, too.
    assert len(simulated) == 3 and {PARACETAMOL, last} < set(simulated)
    row = next(row for row in run.best() if row["proposed"] == PARACETAMOL)
    assert row["complete"] and row["round"] == 1


def test_a_budget_ends_a_run_earlier_or_lets_a_finished_one_go_on(
    campaign: Campaign, campaign_file: Path, tmp_path: Path, outcome: Outcome
) -> None:
    whole = outcome(campaign.run(out=tmp_path / "whole"))
    out = tmp_path / "short"
    with _given(out, {("docking", 0): [("budget", 2)]}):
        run = campaign.run(out=out)
    assert run.status == "done" and {p.round for p in outcome(run)["proposals"]} == {0, 1}
    (given,) = run.steering()
    assert (given.value, given.round, given.place) == (2, 1, "start")
    with pytest.raises(InputError, match="budget 1: 2 rounds have begun already; at least 2 is possible"):
        run.steer("budget", 1)
    assert outcome(resume(run.folder)) == outcome(run)
    run.steer("budget", 3)
    assert run.status == "done" and run.course.rounds == 3
    assert outcome(resume(run.folder)) == whole and run.status == "done"


class _Killed(BaseException):
    """The end at a chosen moment, as by ``kill -9``: nobody books how the run ended."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("taken", range(3))
def test_a_command_is_neither_lost_nor_applied_twice_by_a_kill(
    ladder: Campaign,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome,
    taken: int,
    after: bool,
) -> None:
    """Killed before or after each of the moments at which budget, veto and pin take effect."""
    moments: dict[tuple[str, int], list[Command]] = {
        ("docking", 1): [("budget", 2), ("pin", PARACETAMOL), ("veto", "Cc1ccccc1NC(C)=O")]
    }
    calm = tmp_path / "calm"
    with _given(calm, moments):
        expected = ladder.run(out=calm)
    take, calls = Journal.take_steering, iter(range(10**6))

    def killing(self: Journal, commands: Any, number: int, *args: Any, **options: Any) -> list[str]:
        dies = number == 1 and next(calls) == taken
        if dies and not after:
            raise _Killed
        waiting = take(self, commands, number, *args, **options)
        if dies:
            raise _Killed
        return waiting

    out = tmp_path / "killed"
    with monkeypatch.context() as patch, pytest.raises(_Killed), _given(out, moments):
        patch.setattr(Journal, "take_steering", killing)
        ladder.run(out=out)
    run = resume(Run.open(out).folder)
    assert outcome(run) == outcome(expected)
    assert [(s.command, s.value, s.round, s.place) for s in run.steering()] == [
        (s.command, s.value, s.round, s.place) for s in expected.steering()
    ]


def test_a_command_to_a_round_that_has_begun_waits_for_the_next_also_when_it_is_run_again(
    ladder: Campaign, tmp_path: Path, outcome: Outcome
) -> None:
    out = tmp_path / "stopped"
    with _given(out, {("docking", 0): [("stop", None)]}), pytest.raises(KeyboardInterrupt):
        ladder.run(out=out)
    run = Run.open(out)
    run.steer("pin", PARACETAMOL)
    resume(run.folder)
    assert [(s.command, s.round, s.place) for s in run.steering()] == [
        ("stop", 0, "docking"),
        ("pin", 1, "start"),
    ]
    assert outcome(ladder.run(out=tmp_path / "repeated", steering=out)) == outcome(run)


def test_a_stopped_run_ends_between_two_evaluations_and_is_resumed_to_the_same_end(
    campaign: Campaign, tmp_path: Path, asked: list[str], outcome: Outcome
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    shutil.rmtree(tmp_path / "cache")
    asked.clear()
    out = tmp_path / "stopped"
    with _given(out, {("docking", 4): [("pause", None), ("stop", None)]}), pytest.raises(KeyboardInterrupt):
        campaign.run(out=out, workers=1)
    run = Run.open(out)
    with run.journal() as journal:
        assert run.status == "interrupted" and len(journal.evaluations("docking")) == 5 == len(asked)
    assert outcome(resume(run.folder)) == undisturbed


def test_while_paused_the_run_says_so_and_can_be_steered_on_or_interrupted(
    campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    shutil.rmtree(tmp_path / "cache")
    out, seen = tmp_path / "paused", []

    def sleep(seconds: float) -> None:
        run = Run.open(out)
        seen.append(run.status)
        if len(seen) == 4:  # the second pause
            raise KeyboardInterrupt
        if len(seen) == 3:
            run.steer("resume")

    monkeypatch.setattr(_steering.time, "sleep", sleep)
    pauses: dict[tuple[str, int], list[Command]] = {
        ("docking", 1): [("pause", None)],
        ("docking", 3): [("pause", None)],
    }
    with _given(out, pauses), pytest.raises(KeyboardInterrupt):
        campaign.run(out=out, workers=1)
    run = Run.open(out)
    assert seen == ["paused"] * 4 and run.status == "interrupted"
    assert outcome(resume(run.folder)) == undisturbed and run.status == "done"
    assert [s.command for s in run.steering()] == ["pause", "resume", "pause"]
    assert all(s.place == "docking" for s in run.steering())


def test_a_stop_that_comes_too_late_does_not_stop_the_next_session(
    campaign: Campaign, tmp_path: Path, outcome: Outcome
) -> None:
    undisturbed = outcome(campaign.run(out=tmp_path / "undisturbed"))
    out, append = tmp_path / "killed", Journal.append_evaluation

    def killing(self: Journal, e: Evaluation) -> None:
        if e.fidelity == "docking":
            Run.open(out).steer("stop")
            raise _Killed
        append(self, e)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(_Killed):
        patch.setattr(Journal, "append_evaluation", killing)
        campaign.run(out=out)
    run = Run.open(out)
    assert run.steering()[0].round is None
    assert outcome(resume(run.folder)) == undisturbed
    assert run.steering()[0].place == "after the end of a session"


@pytest.fixture
def begun(campaign: Campaign, tmp_path: Path) -> Run:
    """A run that nobody drives, of which two rounds have begun."""
    run = Run.create(campaign.specification, tmp_path, engine="local", workers=1)
    with run.journal(read_only=False) as journal:
        journal.append_proposals([Proposal(number, 0, "C" * (number + 1)) for number in range(2)])
    return run


@pytest.mark.parametrize(
    ("command", "value", "told"),
    [
        ("fly", None, "no command 'fly' to a run; there are: pause, resume, stop, budget, veto, pin"),
        ("stop", "now", "stop 'now': this command takes no value"),
        ("stop", None, r"stop: run '.*' is interrupted, nobody drives it at present; `labkit resume .*`"),
        ("pause", None, "pause: run '.*' is interrupted"),
        ("resume", None, "resume: run '.*' is interrupted"),
        ("budget", None, "budget 'None': a number of rounds in all is needed, 1 to 10000"),
        ("budget", "many", "budget 'many': a number of rounds"),
        ("budget", "2.5", r"budget '2\.5': a number of rounds"),
        ("budget", 0, "budget '0': a number of rounds"),
        ("budget", 10_001, "budget '10001': a number of rounds"),
        ("budget", "1", "budget 1: 2 rounds have begun already; at least 2 is possible"),
        ("veto", None, "veto needs a molecule: give its SMILES"),
        ("veto", "C1CC", "'C1CC': ring 1 is never closed"),
        ("pin", "c1ccccc1C(", r"'c1ccccc1C\('"),
        ("pin", "CCO", "pin 'CCO': this campaign's triage refuses it: 3 heavy atoms; 10 to 16 are allowed"),
    ],
)
def test_a_wrong_command_is_refused_at_once(
    begun: Run, command: str, value: str | int | None, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        begun.steer(command, value)
    assert "\n" not in str(caught.value) and begun.steering() == []


def test_a_shipped_run_stays_as_it_is() -> None:
    with pytest.raises(InputError, match="ships with labkit and stays as it is"):
        Run.open("quick").steer("budget", 5)
    assert Run.open("quick").steering() == []


def test_the_command_line_steers(
    begun: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["steer", str(begun.folder), "budget", "5", "--json"]) == 0
    assert main(["steer", str(begun.folder), "veto", "OCCCc1ccccc1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[1])
    assert (answer["run"], answer["status"], answer["rounds"]) == (str(begun.folder), "interrupted", 5)
    assert answer["vetoed"] == [canonical_smiles("OCCCc1ccccc1")]
    assert [(row["command"], row["round"]) for row in answer["steering"]] == [
        ("budget", None),
        ("veto", None),
    ]
    assert main(["steer", str(begun.folder), "pin", "C1CC"]) == 2
    assert main(["steer", str(begun.folder), "pin", PARACETAMOL]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "ring 1 is never closed" in err
    assert "5 rounds in all" in out and PARACETAMOL in out and out.count("waits") == 3


def test_another_campaign_is_steered_alike_and_says_that_it_differs(
    begun: Run, campaign: Campaign, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun.steer("budget", 3)
    other = campaign.run(7, out=tmp_path / "other", steering=begun.folder)
    assert "had another campaign or seed" in caplog.text
    assert [(s.value, s.round) for s in other.steering()] == [(3, 2)]
    with pytest.raises(InputError, match="no run 'absent'"):
        campaign.run(out=tmp_path / "none", steering="absent")
    assert not (tmp_path / "none").exists()


def test_who_asks_for_the_status_does_not_keep_a_driver_out(begun: Run) -> None:
    (begun.folder / "lock").touch()
    with (begun.folder / "lock").open() as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        assert begun.status == "interrupted"  # readers don't take each other for a driver
        timer = threading.Timer(0.1, fcntl.flock, (reader, fcntl.LOCK_UN))
        timer.start()
        with begun.locked():
            assert begun.status == "running"
        timer.join()
