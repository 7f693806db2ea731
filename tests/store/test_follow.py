from pathlib import Path

import pytest

from labkit.errors import InputError
from labkit.store import (
    Evaluation,
    Journal,
    News,
    Proposal,
    data_path,
    evaluations_of,
    first_proposals,
    follow,
)


def _evaluation(text: str, fidelity: str, status: str = "done", **result: object) -> Evaluation:
    return Evaluation(0, text, fidelity, "", status, result, seconds=1.0, cached=False)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal.create(tmp_path / "journal.sqlite")
    journal.append_proposals([Proposal(0, 0, "OCC"), Proposal(0, 1, "CN"), Proposal(1, 0, "CC")])
    journal.append_evaluation(_evaluation("OCC", "triage", smiles="CCO", properties={"qed": 0.5}))
    journal.append_evaluation(_evaluation("CN", "triage", "rejected", reason="too small"))
    return journal


def _read(path: Path, limit: int) -> list[News]:
    news = [follow(path, limit=limit)]
    while news[-1].more:
        news.append(follow(path, news[-1].position, limit))
    return news


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_looks_add_up_to_the_journal_however_long_they_are(limit: int) -> None:
    path = data_path("runs", "quick", "journal.sqlite")
    news = _read(path, limit)
    journal = Journal.open(path, read_only=True)
    whole = journal.evaluations()
    answers = [answer for found in news for answer in found.answers]
    assert [(a.round, a.smiles, a.fidelity, a.status) for a in answers] == [
        (e.round, e.smiles, e.fidelity, e.status) for e in whole
    ]
    assert [dict(a.values) for a in answers] == [
        e.result.get("components") or e.result.get("properties") or {} for e in whole
    ]
    assert [a.standard for a in answers] == [e.result.get("smiles") for e in whole]
    scores = {smiles: score for found in news for smiles, score in found.scores.items()}
    assert scores == {smiles: score for smiles, _, score, _ in journal.scores()}
    assert sum(found.energy_wh for found in news) == pytest.approx(
        sum(row["energy_wh"] for row in journal.meter())
    )
    assert (news[-1].proposed, news[-1].finished) == (48, 3)


def test_a_second_look_tells_only_what_came_since(journal: Journal) -> None:
    first = follow(journal.path)
    assert [a.smiles for a in first.answers] == ["OCC", "CN"]
    assert (first.proposed, first.finished, first.more) == (3, 0, False)
    assert follow(journal.path, first.position).answers == ()
    journal.append_evaluation(_evaluation("OCC", "docking", components={"docking_energy": -7.0}, pose="…"))
    journal.append_scores(0, {"OCC": (0.4, {})})
    journal.append_metrics(0, {"score_mean": 0.2})
    journal.append_meter("docking", 1.0, 0.5, 0.2, "RAPL")
    second = follow(journal.path, first.position)
    assert [dict(a.values) for a in second.answers] == [{"docking_energy": -7.0}]
    assert (dict(second.scores), second.finished) == ({"OCC": 0.4}, 1)
    assert (second.energy_wh, second.uncertainty_wh) == (0.5, 0.2)
    assert (first.metrics, second.metrics) == ((), ((0, "score_mean", 0.2),))
    journal.append_scores(0, {"OCC": (0.3, {})})  # a repeated round replaces its scores, the newest row, too
    assert dict(follow(journal.path, second.position).scores) == {"OCC": 0.3}


def test_scores_wait_for_the_molecules_that_they_name(journal: Journal) -> None:
    journal.append_scores(0, {"OCC": (0.4, {})})
    assert not follow(journal.path, limit=1).scores


def test_a_molecule_is_told_whole(journal: Journal) -> None:
    journal.append_evaluation(_evaluation("OCC", "docking", pose="…"))
    assert evaluations_of(journal.path, ["OCC", "unknown"]) == [
        e for e in journal.evaluations() if e.smiles == "OCC"
    ]
    assert evaluations_of(journal.path, []) == []


def test_the_first_proposals_are_those_of_round_0(journal: Journal) -> None:
    assert first_proposals(journal.path, 10) == ["OCC", "CN"]
    assert first_proposals(journal.path, 1) == ["OCC"]


def test_a_missing_or_damaged_journal_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no journal"):
        follow(tmp_path / "journal.sqlite")
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 9)
    with pytest.raises(InputError, match="can't be read"):
        follow(tmp_path / "journal.sqlite")


def test_looking_leaves_no_file_beside_a_run_that_nobody_writes(tmp_path: Path, journal: Journal) -> None:
    journal.close()
    follow(journal.path)
    assert [file.name for file in tmp_path.iterdir()] == ["journal.sqlite"]
