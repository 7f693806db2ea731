"""What chapter 07 says about runs, ladders, learning and the quantum step is what the data say."""

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from scipy import stats

from labkit import dashboards as shown
from labkit.campaign import Run
from labkit.dashboards._loop_view import paired_gain
from labkit.dashboards._report_model import Interval
from labkit.errors import InputError

ROOT = Path(__file__).parents[2]
SHIPPED = Run.open("quick")


def _text(block: shown.Block) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", block.html))


def _row(block: shown.Block, name: str) -> list[str]:
    (line,) = [row for row in re.findall(r"<tr>.*?</tr>", unescape(block.html)) if f">{name}<" in row]
    return re.findall(r"<td[^>]*>([^<]*)", line)[1:]


def test_the_shipped_run_s_ladder_is_told_with_its_n() -> None:
    found = shown.ladder_correlations(SHIPPED)
    complete = [row["components"] for row in SHIPPED.best(100) if row["complete"]]
    pairs = [(parts["docking_energy"], parts["interaction_energy"]) for parts in complete]
    own = found["Vina's energy → interaction energy"]
    assert own.count == len(pairs) == 6
    assert own.value == pytest.approx(stats.spearmanr(pairs).statistic)
    assert found["triage's score → Vina's energy"].count == 29
    assert found["fast → standard, the same contacts"].count == 6
    dimers = found["standard → CCSD(T)/CBS, benchmark's dimers"]
    assert dimers.count == 55 and dimers.low > 0.9


def test_a_run_without_dear_steps_has_a_shorter_ladder(plain_run: Run) -> None:
    found = shown.ladder_correlations(plain_run)
    assert not any("interaction" in name or "contacts" in name for name in found)


@pytest.mark.parametrize(
    ("rho", "told", "few"),
    [
        (Interval(0.6, -0.5, 1.0, 6), "not even the sign is known", True),
        (Interval(0.9, 0.8, 0.95, 55), "much the same order", False),
        (Interval(0.4, 0.1, 0.7, 30), "agree in part", False),
        (Interval(-0.4, -0.7, -0.1, 30), "they disagree", False),
    ],
)
def test_a_ladder_s_verdict_follows_from_interval_and_n(rho: Interval, told: str, few: bool) -> None:
    text = _text(shown.ladder_in_words({"cheap → dear": rho}))
    assert told in text and f"n = {rho.count}" in text
    assert ("too few to tell" in text) == few


def test_the_gain_by_learning_is_the_readme_s() -> None:
    rows = shown.measured("learning")
    gain = paired_gain(rows, "last_round")
    halves = [[float(r["last_round"]) for r in rows if r["learning"] == name] for name in ("true", "false")]
    reference = stats.ttest_rel(*halves).confidence_interval()
    assert (gain.low, gain.high) == pytest.approx((reference.low, reference.high))
    published = f"+{gain.value:.3f} (95 % interval +{gain.low:.3f} to +{gain.high:.3f})"
    assert published in (ROOT / "README.md").read_text()


def test_forty_quantum_calls_move_the_mean_and_not_the_best() -> None:
    light = shown.measured("photosensitiser")
    found = shown.learning_table([("best", light, "best_score"), ("late", light, "last_rounds_score")])
    assert _row(found, "best")[-2:] == ["3", "nothing either way"]
    assert _row(found, "late")[-2:] == ["3", "higher"]


def test_pictures_are_well_formed_and_described() -> None:
    rows = shown.measured("learning")
    ladder = {"a → b": Interval(0.5, -0.1, 0.9, 6), "b → c": Interval(0.9, 0.8, 1.0, 55)}
    for picture in (shown.learning_picture(rows, "last_round", "score"), shown.ladder_picture(ladder)):
        assert ElementTree.fromstring(picture.svg).tag.endswith("svg")
        assert "nan" not in picture.alt
    assert "seed 0: 0.10 learning, 0.04 off" in shown.learning_picture(rows, "last_round", "score").alt
    assert "a → b 0.50 [−0.10, 0.90], n = 6" in shown.ladder_picture(ladder).alt


def test_the_quantum_step_adds_nothing_to_contacts_and_is_the_method_of_triplets() -> None:
    found = shown.quantum_added(SHIPPED)
    for name in ("circuit less CCSD (δ)", "exact less CCSD"):
        assert _row(found, f"contacts of the run (kcal/mol): {name}")[-1] == "0"
        assert _row(found, f"benchmark's dimers (kcal/mol): {name}")[-1] == "0"
    assert int(_row(found, "benchmark's triplets (eV): circuit less one determinant")[-1]) > 5
    assert _row(found, "benchmark's triplets (eV): circuit less exact")[-1] == "0"
    # As in the README: 33 molecules, 0.15 eV.
    count, _, _, error, _ = _row(found, "benchmark's triplets (eV): circuit less exact")
    assert (count, error) == ("33", "0.15")


def test_a_run_without_quantum_step_shows_none(plain_run: Run) -> None:
    assert "contacts of the run" not in _text(shown.quantum_added(plain_run))


def test_equal_runs_are_told_from_others(finished_run: Run, plain_run: Run) -> None:
    assert "no" not in _text(shown.same_runs(finished_run, finished_run)).split()
    differing = shown.same_runs(finished_run, plain_run)
    assert _row(differing, "proposals")[-1] == "yes"
    assert _row(differing, "evaluations") == ["13", "10", "no"]


def test_a_run_that_can_t_begin_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run"):
        shown.killed_run("quick", ["rounds=0"], tmp_path)
