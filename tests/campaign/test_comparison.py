"""Runs whose every call, score and watt-hour is known."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labkit.campaign import COSTS, Run, Specification, compare, load_specification
from labkit.cli import main
from labkit.errors import InputError
from labkit.store import Evaluation, Proposal

WriteRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def finland(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_COUNTRY", "FIN")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteRun:
    """Writes a run of one stage of docking: a call a second, 2 Wh a second, half of it ± ."""

    def write(scores: list[float], *, again: bool = False, gap: float = 0.0, **changes: Any) -> Run:
        specification = load_specification("quick").model_copy(update={"interaction": None, **changes})
        specification = Specification.model_validate(
            specification.model_dump() | {"objective": {"qed": specification.objective["qed"]}} | changes
        )
        run = Run.create(specification, tmp_path / "runs", engine="local", workers=1)
        if not scores:
            return run
        clock = iter(())
        with monkeypatch.context() as patch:  # the clock of all, not only the journal's
            patch.setattr("time.time", lambda: next(clock))
            smiles = ["C" * (n + 1) for n in range(len(scores))]
            with run.journal(read_only=False) as journal:
                journal.append_proposals([Proposal(0, n, text) for n, text in enumerate(smiles)])
                clock = iter(np.zeros(len(scores)))
                for text in smiles:
                    standard = smiles[0] if again else text
                    result = {"smiles": standard, "properties": {}}
                    journal.append_evaluation(Evaluation(0, text, "triage", "", "done", result, 0.0, False))
                half = len(scores) // 2
                times = np.arange(1.0, len(scores) + 1) + 1000 + gap * (np.arange(len(scores)) >= half)
                clock = iter([*times, times[half - 1], times[-1]])
                for text in smiles:
                    result = {"smiles": text, "components": {"docking_energy": -5.0}}
                    journal.append_evaluation(Evaluation(0, text, "docking", "", "done", result, 1.0, False))
                journal.append_scores(
                    0, {text: (score, {"qed": 0.5}) for text, score in zip(smiles, scores, strict=True)}
                )
                for count in (half, len(scores) - half):
                    journal.append_meter("docking", count, 2.0 * count, 1.0 * count, "assumed")
        energy = 2.0 * len(scores)
        run.write_manifest(
            status="done", seconds=float(len(scores)), energy_wh=energy, energy_uncertainty_wh=energy / 2
        )
        return run

    return write


def test_the_ten_best_are_followed_call_by_call(write: WriteRun) -> None:
    scores = np.random.default_rng(5).random(30).round(3).tolist()
    other = write([0.0] * 9 + [0.2])
    one, _ = compare([write(scores).folder, other.folder])
    for calls in range(1, 31):
        best = sorted(scores[:calls], reverse=True)[:10]
        assert one.score[calls - 1] == pytest.approx(sum(best) / 10)
    assert set(one.costs) == set(COSTS)
    assert one.costs["calls"].tolist() == list(range(1, 31))
    assert one.costs["seconds"] == pytest.approx(np.arange(1.0, 31.0))
    assert one.costs["energy_wh"] == pytest.approx(2 * np.arange(1.0, 31.0))
    assert one.costs["co2e_g"][-1] == pytest.approx(one.summary["co2e_g"])
    reached = int(np.flatnonzero(one.score >= 0.5)[0])
    assert one.until(0.5) == pytest.approx({name: values[reached] for name, values in one.costs.items()})
    assert one.until(1.01) is None


def test_a_pause_costs_nothing(write: WriteRun) -> None:
    one, other = compare([write([0.5] * 8, gap=5000.0).folder, write([0.5] * 8).folder])
    for name in COSTS:
        assert one.costs[name] == pytest.approx(other.costs[name]), name


def test_a_molecule_written_in_two_ways_counts_once_and_a_vetoed_one_not_at_all(write: WriteRun) -> None:
    twice, vetoed = write([0.5, 0.5], again=True), write([0.5, 0.7])
    vetoed.steer("veto", "CC")
    assert [one.score[-1] for one in compare([twice.folder, vetoed.folder])] == pytest.approx([0.05, 0.05])


def test_what_does_not_compare_is_told(write: WriteRun, tmp_path: Path) -> None:
    one, empty = write([0.5, 0.6]), write([])
    for references, told in (
        ([], "^no run is chosen; at least one is needed$"),
        ([one.folder, str(one.folder)], "is named twice"),
        ([one.folder, "absent"], "no run 'absent'"),
        ([one.folder, empty.folder], f"run '{empty.folder}' has no score yet"),
        ([one.folder, write([0.5], target="other").folder], "another target than.*scores don't compare"),
    ):
        with pytest.raises(InputError, match=told):
            compare(references)
    shutil.copytree(one.folder, tmp_path / "elsewhere" / one.folder.name)
    names = [run.name for run in compare([one.folder, tmp_path / "elsewhere" / one.folder.name])]
    assert names == [str(one.folder), str(tmp_path / "elsewhere" / one.folder.name)]


@pytest.fixture
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("handlers")
def test_the_command_gives_table_and_figure(
    write: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [str(write(scores).folder) for scores in ([0.1] * 10 + [0.9] * 10, [0.5] * 20)]
    assert main(["compare", *runs, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    first, second = answer["runs"]
    assert first["top10_mean"] == pytest.approx(0.9) and second["top10_mean"] == pytest.approx(0.5)
    assert answer["common_score"] == pytest.approx(0.5)
    assert first["until_common_score"]["calls"] == 15 and second["until_common_score"]["calls"] == 10
    assert first["calls"] == 20 and first["best_score"] == 0.9 and first["energy_wh"] == 40.0
    figure = (tmp_path / "comparison.svg").read_text()
    assert figure.startswith("<?xml") and answer["figure"] == "comparison.svg"
    assert main(["compare", *runs]) == 0
    assert "until the mean of the ten best was 0.500" in capsys.readouterr().out
    assert main(["compare", runs[0]]) == 2
    assert capsys.readouterr().err == f"labkit: compare {runs[0]}: at least two runs are needed\n"
    for name, told in (("figure.png", "ends in .svg"), ("absent/figure.svg", "can't be written")):
        assert main(["compare", *runs, "--figure", name]) == 2
        assert told in capsys.readouterr().err
