import csv
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rdkit import Chem

from labkit.campaign import Call, Optimization, optimize
from labkit.campaign import _optimize as module
from labkit.campaign._optimize import SEARCH
from labkit.errors import InputError
from labkit.molecules import canonical_smiles

# No surrogate and one update: quick; the loop is the same.
QUICK = replace(SEARCH, updates=1, breeding=replace(SEARCH.breeding, children=20, known=0, start=64))


def aromatic(smiles: list[str]) -> list[float]:
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    return [sum(a.GetIsAromatic() for a in m.GetAtoms()) / m.GetNumAtoms() for m in molecules]


def finished(scores: list[float | None], budget: int) -> Optimization:
    calls = tuple(Call("C" * (n + 1), score) for n, score in enumerate(scores))
    return Optimization(calls, budget, 1.0, 0.5)


def test_the_area_is_that_of_hand_worked_trapezoids() -> None:
    # 100 calls of 0.2, then 100 of 0.6: the ten best stand at 0, 0.2, 0.6.
    found = finished([0.2] * 100 + [0.6] * 100, 200)
    assert found.auc(10) == pytest.approx((10 + 40) / 200)
    assert found.auc(10, calls=100) == pytest.approx(0.1)
    # The last value is held for what is left of the budget.
    assert finished([0.2] * 100, 400).auc(10) == pytest.approx((10 + 3 * 20) / 400)
    # The best alone jumps at call 150, between two points of the curve.
    single = finished([0.0] * 150 + [1.0] + [0.0] * 49, 200)
    assert single.auc(1) == pytest.approx(50 / 200)
    assert single.auc(10) == pytest.approx(5 / 200)
    # Calls that failed count as calls.
    assert finished([None] * 100 + [0.5] * 100, 200).auc(10) == pytest.approx(25 / 200)
    assert finished([None] * 100, 100).auc(10) == 0.0
    assert math.isnan(finished([None] * 100, 100).top_mean())


@pytest.fixture(scope="module")
def searched(
    small_prior_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Optimization, list[list[str]]]]:
    """A search of 200 calls on disk, with what the objective was asked."""
    asked: list[list[str]] = []

    def objective(smiles: list[str]) -> list[float]:
        asked.append(list(smiles))
        return aromatic(smiles)

    out = tmp_path_factory.mktemp("search") / "found"
    yield out, search(objective, small_prior_file, out), asked


def search(objective: object, prior: Path, out: Path | None = None, budget: int = 200) -> Optimization:
    named = objective
    named.name = "aromatic"  # type: ignore[attr-defined]
    return optimize(named, budget, 3, settings=QUICK, prior=str(prior), out=out)  # type: ignore[arg-type]


def test_each_call_is_a_new_canonical_molecule_and_all_are_counted(
    searched: tuple[Path, Optimization, list[list[str]]],
) -> None:
    _, found, asked = searched
    smiles = [text for batch in asked for text in batch]
    assert [one.smiles for one in found.calls] == smiles
    assert len(smiles) == len(set(smiles)) == 200
    assert [canonical_smiles(text) for text in smiles] == smiles
    assert [one.score for one in found.calls] == aromatic(smiles)
    assert [len(batch) for batch in asked[:2]] == [1, 63]  # the first alone, to see that it works
    assert max(map(len, asked)) <= 64


def test_the_folder_holds_every_call(searched: tuple[Path, Optimization, list[list[str]]]) -> None:
    out, found, _ = searched
    with (out / "calls.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["smiles"], float(row["score"])) for row in rows] == [
        (c.smiles, c.score) for c in found.calls
    ]
    assert json.loads((out / "search.json").read_text())["seed"] == 3


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_an_interrupted_search_ends_as_if_it_had_not_been(
    searched: tuple[Path, Optimization, list[list[str]]],
    small_prior_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lost: int,
) -> None:
    # A checkpoint after every batch, or none at all: then calls.csv alone carries it.
    monkeypatch.setattr(module, "_CHECKPOINT_S", 0.0 if lost % 2 == 0 else 1e9)
    asked: list[str] = []

    def objective(smiles: list[str]) -> list[float]:
        if len(asked) > 200 - 64 * lost:
            raise KeyboardInterrupt
        asked.extend(smiles)
        return aromatic(smiles)

    monkeypatch.setattr(module, "call", interruptible)
    with pytest.raises(KeyboardInterrupt):
        search(objective, small_prior_file, tmp_path / "found")
    before = len(asked)
    assert 0 < before < 200
    # A crash may have cut the last line off.
    with (tmp_path / "found" / "calls.csv").open("a") as file:
        file.write("CCO,0.")

    def rest(smiles: list[str]) -> list[float]:
        asked.extend(smiles)
        return aromatic(smiles)

    found = search(rest, small_prior_file, tmp_path / "found")
    assert found.calls == searched[1].calls
    assert len(asked) == 200  # nothing is asked twice


def test_calls_stay_where_a_machine_would_now_ask_others(
    searched: tuple[Path, Optimization, list[list[str]]], small_prior_file: Path, tmp_path: Path
) -> None:
    shutil.copytree(searched[0], tmp_path / "found")
    (tmp_path / "found" / "state.safetensors").unlink()
    lines = (tmp_path / "found" / "calls.csv").read_text().splitlines()
    # Calls that this machine doesn't make, as another's arithmetic would; the last batch was cut short.
    lines[70:73] = ["CCO,0.1,", "CCN,0.2,", "CCF,,nothing"]
    (tmp_path / "found" / "calls.csv").write_text("\n".join(lines[:150]) + "\n")
    asked: list[str] = []

    def objective(smiles: list[str]) -> list[float]:
        asked.extend(smiles)
        return aromatic(smiles)

    found = search(objective, small_prior_file, tmp_path / "found")
    assert [one.smiles for one in found.calls[:149]] == [line.split(",")[0] for line in lines[1:150]]
    assert [one.smiles for one in found.calls[149:]] == asked and len(asked) == 51
    with (tmp_path / "found" / "calls.csv").open() as file:
        assert [row["smiles"] for row in csv.DictReader(file)] == [one.smiles for one in found.calls]


def interruptible(objective: object, smiles: list[str], limit_s: float) -> list[Call]:
    """As `call`, but in this thread, so that Ctrl-C comes out of it."""
    scores = objective(smiles)  # type: ignore[operator]
    return [Call(text, score) for text, score in zip(smiles, scores, strict=True)]


def test_a_finished_search_asks_nothing_and_a_larger_budget_goes_on(
    searched: tuple[Path, Optimization, list[list[str]]], small_prior_file: Path
) -> None:
    out, found, _ = searched
    more: list[str] = []

    def objective(smiles: list[str]) -> list[float]:
        more.extend(smiles)
        return aromatic(smiles)

    assert search(objective, small_prior_file, out).calls == found.calls
    assert not more
    longer = search(objective, small_prior_file, out, budget=264)
    assert longer.calls[:200] == found.calls and len(longer.calls) == 264
    assert [one.smiles for one in longer.calls[200:]] == more


def test_calls_that_fail_are_counted_and_the_search_goes_on(small_prior_file: Path) -> None:
    def moody(smiles: list[str]) -> list[float]:
        if any("O" in text for text in smiles):
            raise RuntimeError("oxygen")
        return aromatic(smiles)

    found = optimize(moody, 128, settings=QUICK, prior=str(small_prior_file))
    failed = [one for one in found.calls if one.score is None]
    assert len(found.calls) == 128
    assert failed and all(one.failure == "RuntimeError: oxygen" for one in failed)
    assert {one.smiles for one in failed} == {one.smiles for one in found.calls if "O" in one.smiles}
    assert found.summary()["failed"] == len(failed)


def test_an_objective_that_always_fails_ends_the_search_with_its_reason(
    small_prior_file: Path, tmp_path: Path
) -> None:
    def broken(smiles: list[str]) -> list[float]:
        raise ZeroDivisionError("by design")

    with pytest.raises(InputError, match=r"fails on each of the first 8 .*: ZeroDivisionError: by design$"):
        optimize(broken, 128, settings=QUICK, prior=str(small_prior_file), out=tmp_path / "new")
    assert (tmp_path / "new" / "calls.csv").read_text() == "smiles,score,failure\n"


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"budget": 63}, "budget 63: at least 64 calls"),
        ({"seed": -1}, "seed -1: 0 to"),
        ({"limit_s": 0.0}, "limit 0.0 s: a time above 0"),
        ({"limit_s": math.nan}, "limit nan s"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, float], match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match):
        optimize(aromatic, **arguments, out=tmp_path / "new")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_folder_of_another_search_is_refused_and_left_alone(
    searched: tuple[Path, Optimization, list[list[str]]], small_prior_file: Path, tmp_path: Path
) -> None:
    out = searched[0]
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(InputError, match="holds a search with seed 3, not 4"):
        optimize(aromatic, 128, 4, settings=QUICK, prior=str(small_prior_file), out=out)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        optimize(aromatic, 128, settings=QUICK, prior=str(small_prior_file), out=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
