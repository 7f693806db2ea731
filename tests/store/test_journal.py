import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.store import Evaluation, Journal, Proposal, Steering

PROPOSALS = [Proposal(0, 0, "CCO", -1.5), Proposal(0, 1, "CCN", None), Proposal(1, 0, "CCC", -2.25)]
EVALUATIONS = [
    Evaluation(0, "CCO", "triage", "", "done", {"qed": 0.5}, seconds=0.0, cached=False),
    Evaluation(0, "CCN", "triage", "", "rejected", {"reason": "too small"}, seconds=0.0, cached=False),
    Evaluation(0, "CCO", "docking", "k1", "done", {"energy": -7.1, "note": "π"}, seconds=2.5, cached=False),
    Evaluation(1, "CCC", "docking", "k2", "failed", {"reason": "no pose"}, seconds=1.25, cached=True),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def _fill(journal: Journal) -> None:
    journal.append_proposals(PROPOSALS[:2])
    journal.append_proposals(PROPOSALS[2:])
    for evaluation in EVALUATIONS:
        journal.append_evaluation(evaluation)
    journal.append_scores(0, {"CCO": (0.5, {"qed": 0.4}), "CCN": (0.75, {})})
    journal.append_scores(1, {"CCC": (0.5, {"qed": 0.6})})
    journal.append_metrics(0, {"score_mean": 0.6, "accepted": 2})
    journal.append_metrics(0, {"score_mean": 0.7})
    journal.append_meter("docking", 10.0, 0.5, 0.25, "RAPL")
    journal.append_meter("learn", 1.0, 0.125, 0.0625, "RAPL")
    journal.append_event("first")
    journal.append_event("second")


def _assert_filled(journal: Journal) -> None:
    assert journal.proposals() == PROPOSALS
    assert journal.proposals(1) == PROPOSALS[2:]
    read = journal.evaluations()
    assert [(e.smiles, e.fidelity, e.result, e.seconds, e.cached) for e in read] == [
        (e.smiles, e.fidelity, e.result, e.seconds, e.cached) for e in EVALUATIONS
    ]
    assert [(e.round, e.key, e.status) for e in read] == [(e.round, e.key, e.status) for e in EVALUATIONS]
    finished = [e.finished for e in read]
    assert finished == sorted(finished) and finished[0] > 1.7e9
    assert [e.smiles for e in journal.evaluations("docking")] == ["CCO", "CCC"]
    assert journal.counts() == {"triage": 2, "docking": 2}
    # Best first; equal scores in the order of their SMILES.
    assert journal.scores() == [
        ("CCN", 0, 0.75, {}),
        ("CCC", 1, 0.5, {"qed": 0.6}),
        ("CCO", 0, 0.5, {"qed": 0.4}),
    ]
    assert journal.metrics() == [(0, "accepted", 2.0), (0, "score_mean", 0.7)]
    assert [(row["stage"], row["energy_wh"]) for row in journal.meter()] == [
        ("docking", 0.5),
        ("learn", 0.125),
    ]
    assert [text for _, text in journal.events()] == ["first", "second"]


def test_what_was_appended_comes_back_in_order(path: Path) -> None:
    journal = Journal.create(path)
    _fill(journal)
    _assert_filled(journal)
    journal.close()
    reopened = Journal.open(path)
    _assert_filled(reopened)
    reopened.close()


def test_a_reader_sees_every_row_while_the_writer_is_at_work(path: Path) -> None:
    writer = Journal.create(path)
    _fill(writer)
    reader = Journal.open(path, read_only=True)
    _assert_filled(reader)
    writer.append_event("third")
    assert [text for _, text in reader.events()] == ["first", "second", "third"]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.append_event("a reader can't write")
    reader.close()
    writer.close()


def test_reading_a_closed_journal_leaves_no_file_beside_it(path: Path) -> None:
    journal = Journal.create(path)
    _fill(journal)
    journal.close()
    content = path.read_bytes()
    reader = Journal.open(path, read_only=True)
    _assert_filled(reader)
    reader.close()
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == content


def test_an_append_that_fails_leaves_nothing_of_itself(path: Path) -> None:
    journal = Journal.create(path)
    journal.append_proposals(PROPOSALS[:1])
    with pytest.raises(sqlite3.IntegrityError):
        journal.append_proposals([Proposal(1, 0, "CCC"), Proposal(1, 1, "CCO")])  # CCO is there already
    assert journal.proposals() == PROPOSALS[:1]
    journal.append_evaluation(EVALUATIONS[0])
    with pytest.raises(sqlite3.IntegrityError):
        journal.append_evaluation(EVALUATIONS[0])
    assert len(journal.evaluations()) == 1
    journal.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    journal = Journal.create(path)
    for number in range(200):
        journal.append_event(f"event {number}, long enough to fill pages" + "." * 100)
    journal.close()
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.0, 0.001, 0.02, 0.25, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_truncated_journal_is_told_in_one_line(
    path: Path, whole: bytes, part: float, read_only: bool
) -> None:
    truncated = whole[: int(part * len(whole))]
    path.write_bytes(truncated)
    with pytest.raises(InputError, match=r"journal\.sqlite'") as caught:
        Journal.open(path, read_only=read_only)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == truncated  # what is left of it stays for whoever can mend it


@pytest.mark.parametrize(
    "garbage", [b"not a database, but as long as the header of one would be" * 10, b"\0"]
)
def test_a_file_of_something_else_is_told(path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    with pytest.raises(InputError, match=r"journal\.sqlite' (is damaged|has format)"):
        Journal.open(path)


def test_a_damaged_page_is_told(path: Path, whole: bytes) -> None:
    damaged = bytearray(whole)
    damaged[4096 * 10 : 4096 * 11] = b"\xff" * 4096
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="damaged"):
        Journal.open(path)


def test_a_journal_of_another_version_is_told(path: Path) -> None:
    Journal.create(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="has format 99, this labkit reads format 1"):
        Journal.open(path)


def test_a_missing_journal_is_told_and_none_is_made(path: Path) -> None:
    with pytest.raises(InputError, match=r"no journal '.*journal\.sqlite'"):
        Journal.open(path)
    assert not path.exists()


def test_an_existing_journal_is_never_overwritten(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    with pytest.raises(InputError, match="exists already"):
        Journal.create(path)
    assert path.read_bytes() == whole


COMMANDS = [Steering(1.0, "pause"), Steering(2.0, "budget", 5), Steering(3.0, "veto", "CCO", 4, "as in x")]


def test_a_command_waits_until_it_is_taken_and_is_taken_once(path: Path) -> None:
    journal = Journal.create(path)
    for command in COMMANDS:
        journal.append_steering(command)
    assert journal.steering() == COMMANDS
    assert journal.take_steering(("pause", "stop"), 0, "docking", before=1.0) == []
    assert journal.take_steering(("pause", "veto"), 2, "docking") == ["pause"]
    assert journal.take_steering(("pause", "veto"), 3, "start") == []
    journal.close()
    reopened = Journal.open(path)
    assert reopened.steering() == [Steering(1.0, "pause", None, 2, "docking"), *COMMANDS[1:]]
    reopened.close()


def test_a_second_process_steers_while_the_first_one_writes(path: Path) -> None:
    driver = Journal.create(path)
    with subprocess.Popen([sys.executable, "-c", _STEERER, str(path)], stdout=subprocess.PIPE) as process:
        number, taken = 0, 0
        while process.poll() is None or number < 50:
            driver.append_evaluation(Evaluation(0, f"C{number}", "docking", "k", "done", {}, 0.0, False))
            taken += len(driver.take_steering(("budget",), number, "start"))
            number += 1
    taken += len(driver.take_steering(("budget",), number, "start"))
    assert process.returncode == 0 and taken == 50 and driver.counts() == {"docking": number}
    assert [s.value for s in driver.steering()] == list(range(50))
    driver.close()


_STEERER = """
import sys
from pathlib import Path
from labkit.store import Journal, Steering
for number in range(50):
    journal = Journal.open(Path(sys.argv[1]))
    journal.append_steering(Steering(float(number), "budget", number))
    journal.close()
"""


@pytest.mark.parametrize("read_only", [False, True])
def test_a_journal_from_before_steering_reads_as_not_steered(path: Path, read_only: bool) -> None:
    journal = Journal.create(path)
    _fill(journal)
    journal._connection.execute("drop table steering")
    journal.close()
    content = path.read_bytes()
    journal = Journal.open(path, read_only=read_only)
    _assert_filled(journal)
    assert journal.steering() == []
    if read_only:
        journal.close()
        assert path.read_bytes() == content and list(path.parent.iterdir()) == [path]
    else:
        journal.append_steering(COMMANDS[0])
        assert journal.steering() == COMMANDS[:1]
        journal.close()


_WRITER = """
import sys
from pathlib import Path
from labkit.store import Evaluation, Journal
path, start = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal.open(path)
for number in range(start, start + 100_000):
    journal.append_evaluation(
        Evaluation(0, f"C{number}", "docking", "k", "done", {"n": number, "pad": "." * 500}, 0.0, False)
    )
    print(number, flush=True)
"""


def test_kill_9_loses_no_row_that_was_reported_as_written(path: Path) -> None:
    Journal.create(path).close()
    reported: list[int] = []
    for attempt in range(5):
        start = attempt * 100_000
        command = [sys.executable, "-c", _WRITER, str(path), str(start)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(7 * attempt + 3):
                reported.append(int(process.stdout.readline()))
            os.kill(process.pid, signal.SIGKILL)
            reported += [int(line) for line in process.stdout if line.endswith("\n")]
        journal = Journal.open(path)
        kept = [e.result["n"] for e in journal.evaluations()]
        journal.close()
        assert set(reported) <= set(kept)
        # At most the one row in flight is there without having been reported.
        assert len(kept) <= len(reported) + attempt + 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_components_are_those_of_molecules_that_climbed_in_an_order_of_their_own(path: Path) -> None:
    journal = Journal.create(path)
    standard = {"OCC": "CCO", "NCC": "CCN", "C": "C"}
    for smiles, form in standard.items():
        row = Evaluation(0, smiles, "triage", "", "done", {"smiles": form}, seconds=0.0, cached=False)
        journal.append_evaluation(row)
    answers = [("OCC", "high", 1, 3.0), ("C", "low", 0, 9.0), ("NCC", "high", 0, 4.0), ("NCC", "low", 0, 2.0)]
    answers += [("OCC", "low", 0, 1.0)]
    for smiles, name, number, value in answers:
        result = {"components": {name: value}}
        row = Evaluation(number, smiles, name, smiles, "done", result, seconds=0.0, cached=False)
        journal.append_evaluation(row)
    whole = {"CCN": {"low": 2.0, "high": 4.0}, "CCO": {"low": 1.0, "high": 3.0}}
    assert journal.components(["high"], 2) == whole and list(journal.components(["high"], 2)) == [
        "CCN",
        "CCO",
    ]
    # What a later round tells isn't known before it, nor who climbed in it.
    assert journal.components(["high"], 1) == {"CCN": whole["CCN"]}
    journal.close()
