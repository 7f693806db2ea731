import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from plotly.graph_objects import FigureWidget

from labkit.campaign import RankCorrelation, Run, load_specification
from labkit.campaign._correlation import as_metrics
from labkit.dashboards import _campaign_figures as figures
from labkit.dashboards import _campaign_model, _campaign_view
from labkit.dashboards._campaign_model import CampaignModel, newest_run
from labkit.dashboards._campaign_view import campaign_dashboard, campaign_static
from labkit.dashboards._campaign_words import in_words
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._chemical_space import fit_plane
from labkit.dashboards._dashboard import close
from labkit.dashboards._run_process import RunProcess, start_run
from labkit.errors import InputError
from labkit.store import Evaluation, Journal, Proposal, data_path

MakeRun = Callable[..., Run]
DOCKED = {
    "CCOc1ccccc1": (-6.0, 0.30),
    "Cc1ccc(O)cc1": (-7.5, 0.35),
    "O=C(O)c1ccccc1": (-9.0, 0.40),
    "CCN(CC)CCO": (-5.0, 0.20),
}


def _model(run: Run) -> CampaignModel:
    model = CampaignModel(run)
    assert model.refresh()
    return model


def _rows(run: Run) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "pose"} for row in run.best(1000)]


@pytest.fixture
def shipped() -> Run:
    return Run(data_path("runs", "quick"))


@pytest.fixture
def growing(tmp_path: Path) -> Run:
    specification = load_specification("quick", ["rounds=2", "proposals=4"])
    return Run.create(specification, tmp_path, engine="local", workers=1)


def _triage(journal: Journal, round: int, smiles: str, status: str = "done", **properties: float) -> None:
    result = {"smiles": smiles, "properties": properties, "reason": "too plain"}
    journal.append_evaluation(Evaluation(round, smiles, "triage", "", status, result, 0.0, cached=False))


def _dock(journal: Journal, round: int, smiles: str, energy: float, efficiency: float) -> None:
    parts = {"docking_energy": energy, "ligand_efficiency": efficiency}
    result = {"smiles": smiles, "components": parts, "pose": "…", "contacts": []}
    journal.append_evaluation(Evaluation(round, smiles, "docking", "", "done", result, 1.0, cached=False))


@pytest.mark.parametrize("kind", ["shipped", "finished_run", "plain_run", "broken_run", "interrupted_run"])
def test_the_best_are_those_of_the_run(kind: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(kind)
    found = list(_model(run).best(1000).values())
    if kind == "interrupted_run":
        assert not run.best() and len(found) == 4  # the run books scores when a round ends
    else:
        assert found == _rows(run)


def test_a_run_is_read_while_it_grows(growing: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(*arguments: Any) -> Any:
        news = follow(*arguments)
        read.append(len(news.answers))
        return news

    follow = _campaign_model.follow
    monkeypatch.setattr(_campaign_model, "follow", counted)
    model = CampaignModel(growing)
    with growing.journal(read_only=False) as journal:
        for round, pair in enumerate((list(DOCKED)[:2], list(DOCKED)[2:])):
            journal.append_proposals([Proposal(round, i, smiles) for i, smiles in enumerate(pair)])
            for smiles in pair:
                _triage(journal, round, smiles, qed=0.8, sa=2.0, mw=150.0)
            for smiles in pair:
                _dock(journal, round, smiles, *DOCKED[smiles])
                assert model.refresh()
                assert model.calls().smiles[-1] == smiles
            assert not model.refresh()
            journal.append_metrics(round, {"score_mean": 0.5})
    assert model.refresh() and model.news.finished == 2
    assert sum(read) == 8 and read[-1] == 0  # nothing is read twice
    called = model.calls()
    assert called.count == 4 and called.numbers.tolist() == [1, 2, 3, 4]
    assert called.scores.argmax() == 2
    assert called.steps.tolist() == [1, 2, 3, 4]
    assert called.best.tolist() == pytest.approx(np.maximum.accumulate(called.scores).tolist())
    assert next(row["proposed"] for row in model.best().values()) == "O=C(O)c1ccccc1"
    fresh = CampaignModel(growing)
    fresh.refresh()
    assert fresh.best() == model.best()


def test_a_score_that_the_run_has_booked_is_shown(growing: Run) -> None:
    with growing.journal(read_only=False) as journal:
        _triage(journal, 0, "CCO", qed=0.8, sa=2.0)
        _dock(journal, 0, "CCO", -8.0, 0.4)
        model = _model(growing)
        assert 0 < model.best()[1]["score"] < 1
        journal.append_scores(0, {"CCO": (0.125, {})})
    model.refresh()
    assert model.best()[1]["score"] == 0.125


def test_vetoed_molecules_are_no_more_among_the_best(growing: Run) -> None:
    with growing.journal(read_only=False) as journal:
        for smiles, values in DOCKED.items():
            _triage(journal, 0, smiles, qed=0.8, sa=2.0)
            _dock(journal, 0, smiles, *values)
    model = _model(growing)
    first = model.best()[1]["smiles"]
    growing.steer("veto", first)
    assert model.refresh()
    assert first not in [row["smiles"] for row in model.best().values()]
    assert model.best() == {i: model.best()[i] for i in (1, 2, 3)}


def test_distributions_are_those_of_the_journal(shipped: Run) -> None:
    model = _model(shipped)
    spreads = model.distribution("qed")
    with shipped.journal() as journal:
        found = journal.evaluations("triage")
    for spread in spreads:
        known = [e.result["properties"] for e in found if e.round == spread.round - 1]
        values = [properties["qed"] for properties in known if properties is not None]
        assert spread.count == len(values) > 10  # those with structural alerts, too: the prior drew them
        assert spread.quantiles[2] == pytest.approx(np.median(values))
        assert spread.mean == pytest.approx(np.mean(values))
    assert [spread.count for spread in model.distribution("score")] == [10, 9, 10]
    with pytest.raises(InputError, match="quantity 'colour'"):
        model.distribution("colour")


def test_scores_leave_out_what_only_few_have(finished_run: Run) -> None:
    model = _model(finished_run)
    best = model.best()
    simulated = [row for row in best.values() if row["complete"]]
    first = dict(zip(model.calls().smiles, model.calls().scores, strict=True))
    assert len(simulated) == 3
    assert all(abs(first[row["proposed"]] - row["score"]) > 1e-3 for row in simulated)


def test_nothing_moves_on_the_map_while_molecules_come(growing: Run) -> None:
    model = CampaignModel(growing)
    assert model.space() is None
    first, later = list(DOCKED)[:3], list(DOCKED)[3:]
    with growing.journal(read_only=False) as journal:
        journal.append_proposals([Proposal(0, i, smiles) for i, smiles in enumerate(first)])
        _triage(journal, 0, first[0], qed=0.5)
        model.refresh()
        before = model.space()
        for round, smiles in enumerate(first[1:] + later):
            _triage(journal, round, smiles, qed=0.5)
    model.refresh()
    after = model.space()
    assert before is not None and after is not None
    assert before.plane.fitted == 3
    np.testing.assert_array_equal(before.places[0], after.places[after.smiles.index(first[0])])
    assert len(after.smiles) == 4


def test_a_plane_holds_the_share_of_the_spread_that_it_says(shipped: Run) -> None:
    with shipped.journal() as journal:
        sample = [proposal.smiles for proposal in journal.proposals()]
    plane = fit_plane(sample)
    assert plane is not None
    places = np.array([plane.place(smiles) for smiles in sample])
    covariance = np.cov(places.T)
    assert abs(covariance[0, 1]) < 1e-9
    bits = np.array([plane.axes.T @ place for place in places])
    assert bits.var(axis=0).sum() == pytest.approx(places.var(axis=0).sum())  # axes are orthonormal
    assert covariance[0, 0] > covariance[1, 1]
    assert plane.shares[0] / plane.shares[1] == pytest.approx(covariance[0, 0] / covariance[1, 1])
    assert fit_plane(["CCO", "CCO", "CCO"]) is None and fit_plane(sample[:2]) is None


def test_long_runs_are_thinned_and_read_in_pieces(growing: Run) -> None:
    count, specification = 5000, growing.specification
    assert specification.proposals == 4
    energies = np.random.default_rng(0).uniform(-11, -5, count)
    rows = []
    for i, energy in enumerate(energies):
        smiles = "C" * (i % 70 + 1) + "O" * (i // 70 + 1)
        triaged = {"smiles": smiles, "properties": {"qed": 0.5, "sa": 2.0}}
        docked = {"smiles": smiles, "components": {"docking_energy": energy, "ligand_efficiency": 0.3}}
        for name, result in (("triage", triaged), ("docking", docked)):
            rows.append((i // 100, smiles, name, "", "done", json.dumps(result), 0.0, 0, 0.0))
    with sqlite3.connect(growing.folder / "journal.sqlite") as connection:
        connection.executemany(
            "insert into evaluations values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    connection.close()
    model = CampaignModel(growing)
    model.refresh(seconds=0)
    assert 0 < model.calls().count < count
    while model.refresh(seconds=0):
        pass
    called = model.calls()
    assert called.count == count and called.stride == 16 and len(called.scores) <= 400
    assert called.best[-1] == pytest.approx(called.scores.max(), abs=0.05)
    assert next(iter(model.best().values()))["components"]["docking_energy"] == energies.min()
    assert len(model.distribution()) == 24
    assert [s.round for s in model.distribution()][::23] == [1, 50]


def test_what_became_of_a_molecule_without_score_is_told(growing: Run) -> None:
    with growing.journal(read_only=False) as journal:
        _triage(journal, 0, "CCO", "rejected")
    model = _model(growing)
    assert model.selected("CCO") == {} and model.reasons("CCO") == ["triage: too plain"]
    assert "too plain" in _campaign_view._unscored(model, "CCO").html
    assert "ring 1" in _campaign_view._unscored(model, "C1CC").html


def test_words_tell_how_the_fidelities_rank(finished_run: Run, tmp_path: Path) -> None:
    run = Run(Path(shutil.copytree(finished_run.folder, tmp_path / "copy")))
    with run.journal(read_only=False) as journal:
        rank = RankCorrelation(0.5, -0.2, 0.9, 12)
        journal.append_metrics(1, as_metrics({("docking", "interaction"): rank}))
    text = " ".join(in_words(_model(run)))
    assert "docking → interaction 0.50 [−0.20, 0.90], n = 12" in text


def test_words_carry_uncertainties_and_name_the_prior(finished_run: Run) -> None:
    text = " ".join(in_words(_model(finished_run)))
    assert "2 of 2 rounds finished" in text and "4 of docking, 3 of interaction" in text
    assert "0.20 ± 0.10 Wh" in text
    assert re.search(r"0\.\d\d ± 0\.\d\d \(n = 2\) in round 1, the prior's own", text)
    assert in_words(CampaignModel()) == ["No run is chosen."]


@pytest.mark.parametrize("kind", ["finished_run", "broken_run", "interrupted_run"])
def test_the_static_view_shows_every_run(kind: str, request: pytest.FixtureRequest) -> None:
    html = campaign_static(CampaignModel(request.getfixturevalue(kind))).html
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", html))
    tags = re.findall(r"<img[^>]*>", html)
    assert len(tags) > 10 and all(re.search(r'alt="[^"]{20,}"', tag) for tag in tags)
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "standard error of nearly 3 kcal/mol" in html


def test_a_campaign_without_pocket_shows_what_it_has(make_triplet_run: MakeRun) -> None:
    run = make_triplet_run()
    html = campaign_static(CampaignModel(run)).html
    assert "vertical triplet energy (eV) by round" in html and "± 0.10 eV" in html
    assert "Vina" not in html and "singlet oxygen" in html


@pytest.fixture
def widget(finished_run: Run) -> Iterator[ipywidgets.Widget]:
    shown = campaign_dashboard(run=finished_run.folder)
    yield shown
    close(shown)


def _inside(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _inside(child)


def _named(widget: ipywidgets.Widget, label: str) -> Any:
    return next(w for w in _inside(widget) if getattr(w, "description", None) == label)


def _texts(widget: ipywidgets.Widget) -> str:
    return " ".join(w.value for w in _inside(widget) if isinstance(w, ipywidgets.HTML))


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_widget_shows_the_run_and_what_is_chosen(widget: ipywidgets.Widget, finished_run: Run) -> None:
    _wait(lambda: len(_named(widget, "molecule").options) == 4)
    charts = [w for w in _inside(widget) if isinstance(w, FigureWidget)]
    _wait(lambda: all(chart.data for chart in charts))
    assert sum(len(trace.x) for trace in charts[0].data if trace.name == "a call") == 4
    molecule, quantity = _named(widget, "molecule"), _named(widget, "distribution of")
    best = finished_run.best()
    assert molecule.value == best[0]["proposed"]
    molecule.value = best[2]["proposed"]
    assert best[2]["smiles"] in _texts(widget)
    assert ("interaction energy" in _texts(widget)) and "no. 3" in _texts(widget)
    quantity.value = "docking_energy"
    assert charts[1].layout.yaxis.title.text == "Vina energy (kcal/mol)"
    _named(widget, "flat drawing").value = True
    assert "Hydrogen bonds" in _texts(widget)


def test_a_control_that_cannot_act_says_why(widget: ipywidgets.Widget, tmp_path: Path) -> None:
    _wait(lambda: all(_named(widget, label).disabled for label in ("Pause", "Resume", "Stop")))
    _named(widget, "or a SMILES").value = "C1CC"
    _named(widget, "Veto").click()
    assert "ring 1" in _texts(widget)
    _named(widget, "or a run's folder").value = str(tmp_path / "nowhere")
    assert "no run" in _texts(widget)
    _named(widget, "or a campaign's file").value = "missing.toml"
    assert "no campaign &#x27;missing.toml&#x27;" in _texts(widget)


def test_the_controls_of_a_start_hold_the_campaign_s_own_numbers(widget: ipywidgets.Widget) -> None:
    _named(widget, "campaign").value = "abl1"
    assert (_named(widget, "rounds").value, _named(widget, "proposals a round").value) == (12, 64)
    (box,) = (w for w in _inside(widget) if _named(widget, "Start") in getattr(w, "children", ()))
    folded = next(w for w in _inside(widget) if box in getattr(w, "children", ()))
    assert folded.layout.display == "none"
    _named(widget, "Start a run").click()
    assert folded.layout.display is None


def test_a_veto_and_a_budget_from_the_page_reach_the_run(shipped: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(shipped.folder, tmp_path / "quick"))
    shown = campaign_dashboard(run=run.folder)
    try:
        _wait(lambda: len(_named(shown, "molecule").options) == 12)
        best = run.best()
        _named(shown, "Veto").click()
        assert [(s.command, s.value) for s in run.steering()] == [("veto", best[0]["smiles"])]
        assert "waiting" in _texts(shown)
        assert _named(shown, "molecule").value == best[1]["proposed"]
        _named(shown, "rounds in all").value = 5
        assert [(s.command, s.value) for s in run.steering()][1:] == [("budget", 5)]
        assert "of 5 rounds finished" in _texts(shown)
    finally:
        close(shown)


def test_a_started_process_is_watched_until_its_run_is_there(tmp_path: Path) -> None:
    model = CampaignModel()
    (tmp_path / "quick-s3-old").mkdir()
    (tmp_path / "quick-s3-old" / "manifest.json").write_text("{}")
    process = RunProcess(["--version"], tmp_path, "quick-s3-*")
    model.begin(process)
    assert (model.run, model.status) == (None, "starting")
    specification = load_specification("quick", ["seed=3"])
    run = Run.create(specification, tmp_path, engine="local", workers=1)
    _wait(lambda: model.refresh() and model.run == run)
    _wait(lambda: process.fault() == "")


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    model = CampaignModel()
    model.begin(RunProcess(["runs", "--nonsense"], tmp_path, "*"))
    _wait(lambda: model.refresh() and model.status == "none")
    (text,) = in_words(model)
    assert "unrecognized arguments: --nonsense" in text


def test_a_wrong_campaign_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="proposals = 1"):
        start_run("quick", seed=0, rounds=1, proposals=1, workers=1, out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_page_opens_with_the_last_run(tmp_path: Path) -> None:
    specification = load_specification("quick")
    older, newer = (Run.create(specification, tmp_path, engine="local", workers=1) for _ in range(2))
    older.write_manifest(started="2026-01-01T00:00:00+00:00")
    assert newest_run([tmp_path / "none", tmp_path]) == newer
    with older.locked():
        assert newest_run([tmp_path]) == older
    assert newest_run([tmp_path / "none"]) is None


def test_charts_of_an_empty_run_say_so(growing: Run) -> None:
    model = CampaignModel(growing)
    model.refresh()
    for chart in (figures.calls(model), figures.distribution(model, "score"), figures.space(model)):
        assert re.search("none yet|needs three", chart.alt)
        drawn(chart)
