"""The report of a run without docking: what it counts, says and draws."""

import re
from dataclasses import replace

import pytest
from scipy.stats import hypergeom

from labkit.campaign import Run, score
from labkit.dashboards import ReportView, TripletReportView, _triplet_words, read_report
from labkit.dashboards._report_model import ReportModel, mean_of
from labkit.molecules import properties

PARTS = (
    "summary funnel scores gain objective best triplets triplets_in_words quantum quantum_in_words use "
    "limits provenance"
).split()
AZULENE = "c1ccc2cccc-2cc1"


def _html(view: TripletReportView, *parts: str) -> str:
    return "".join(getattr(view, part)()._repr_html_() for part in parts or PARTS)


@pytest.mark.parametrize(
    "kind", ["triplet_run", "broken_triplet_run", "interrupted_triplet_run", "plain_run"]
)
def test_every_part_can_be_shown_of_every_run(kind: str, request: pytest.FixtureRequest) -> None:
    html = _html(TripletReportView(read_report(request.getfixturevalue(kind))))
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", html))
    for tag in re.findall(r"<img[^>]*>", html):
        assert re.search(r'alt="[^"]{20,}"', tag), tag
    assert not re.search(r'(src|href)="(?!data:)', html)


def test_what_was_not_chosen_has_no_score_and_is_stood_for_by_what_was(triplet_run: Run) -> None:
    first = read_report(triplet_run).rounds[0]
    parts = {"triplet_energy": 2.4, **{name: getattr(properties("C=CC=CC=C"), name) for name in ("sa", "mw")}}
    expected = score(triplet_run.specification.objective, parts)
    assert first.smiles == ("CCCCC", "C=CC=CC=C", "O=C1C=CC(=O)C=C1")
    assert first.scores[:2] == pytest.approx((0.0, expected))
    # Three of four passed, two of these were computed.
    assert first.weights == (1.0, 1.5, 1.5)
    assert first.mean.value == pytest.approx(0.75 * (first.scores[1] + first.scores[2]) / 2)
    assert first.mean.low <= first.mean.value <= first.mean.high


def test_weights_count_like_repeated_values() -> None:
    assert mean_of([0.0, 1.0], [1.0, 3.0]).value == pytest.approx(mean_of([0.0, 1.0, 1.0, 1.0]).value)
    assert mean_of([0.2, 0.7], [2.0, 2.0]) == mean_of([0.2, 0.7])


def test_candidates_and_triplets_go_together_and_known_dyes_are_named(triplet_run: Run) -> None:
    model = read_report(triplet_run)
    assert [c.smiles for c in model.candidates] == [row["smiles"] for row in triplet_run.best()]
    assert [(t.number, t.smiles) for t in model.triplets] == [(c.number, c.smiles) for c in model.candidates]
    assert {c.smiles: c.dye for c in model.candidates if c.dye} == {
        AZULENE: "azulene",
        "C=C1C=CC=C1": "fulvene",
        "O=C1C=CC(=O)C=C1": "1,4-benzoquinone",
    }
    assert [step.count for step in model.steps] == [12, 10, 8, 6, 4]
    assert model.dockings == {} and model.contacts == ()


def test_what_is_said_of_the_energies_is_counted(triplet_run: Run) -> None:
    view = TripletReportView(read_report(triplet_run))
    summary = _html(view, "summary")
    assert "8 molecules proposed, 4 with a triplet energy" in summary
    assert "docked" not in summary and "against abl1" not in summary
    assert "2 of 4 triplet energies lie in the window from 0.98 to 1.40 eV, 1 of them by more than" in summary
    assert "1 of 4 lies below the 0.98 eV" in summary
    assert "passed the triage: 3 of 4 in round 1; 3 of 4 in round 2" in _html(view, "gain")
    assert "the triplets of 4 were asked for" in _html(view, "gain")
    said = _html(view, "triplets_in_words")
    # Both of the window in the second round: two of six ways to deal them out are as uneven.
    chance = 2 * hypergeom(4, 2, 2).pmf(0)
    assert "0 of 2 lie in the window in round 1, 2 of 2 in round 2. If nothing" in said
    assert f"come {100 * chance:.0f} % of the time" in said
    best = _html(view, "best")
    assert "no. 1 is azulene" in best or "no. 2 is azulene" in best
    assert "1.10 ± 0.10 eV" in best and "n→π*" in best and "(O1, O6) are outside" in best


def test_the_circuits_errors_stand_beside_exact_in_each_state(triplet_run: Run) -> None:
    view = TripletReportView(read_report(triplet_run))
    said = _html(view, "quantum_in_words")
    assert "within 1 mHa of the exact ones in 4 of 4 molecules" in said
    assert "misses the exact energy by 56 mHa in S0 and 46 mHa in T1" in said
    assert "differ by 0.15 eV on average" in said
    # 0.9 eV stays below the window; 1.1 less 0.15 falls out of it, 1.3 less 0.15 doesn't.
    assert "With it, 1 of 4 would cross an edge" in said
    assert "UCCSD, S0: 0.21; UCCSD, T1: " in view.quantum()._repr_html_()


def _with_error(model: ReportModel, error: float) -> ReportModel:
    first, *others = model.triplets
    quantum = {
        **first.energy.quantum,
        "error_mha": error,
        "S0": {**first.energy.quantum["S0"], "error_mha": error},
    }
    return replace(model, triplets=(replace(first, energy=replace(first.energy, quantum=quantum)), *others))


def test_an_error_beyond_the_goal_is_not_called_within_it(triplet_run: Run) -> None:
    said = _triplet_words.verdict(_with_error(read_report(triplet_run), 2.5).triplets)
    assert "in 3 of 4 molecules" in said and "2.5 mHa in S0" in said


def test_what_is_not_there_is_said(broken_triplet_run: Run, interrupted_triplet_run: Run) -> None:
    exact = TripletReportView(read_report(broken_triplet_run))
    assert "solved exactly (solver" in _html(exact, "quantum") and _html(exact, "quantum_in_words") == ""
    assert "orbitals of T1 don't converge" in _html(exact, "funnel").replace("&#x27;", "'")
    # What failed was told to the model as worthless, so it counts.
    assert len(exact.model.rounds[1].scores) == 3 and exact.model.rounds[1].scores[2] == 0
    early = TripletReportView(read_report(interrupted_triplet_run))
    assert "No round is finished" in _html(early, "scores")
    assert "no list of the best" in _html(early, "best")
    assert "8 molecules proposed, 4 with a triplet energy" in _html(early, "summary")


def test_the_choice_of_the_most_promising_is_said_to_flatter(triplet_run: Run) -> None:
    model = read_report(triplet_run)
    assert "favours none" in _triplet_words.sampling(model)
    triplet = model.specification.triplet.model_copy(update={"choice": "best"})  # type: ignore[union-attr]
    model = replace(model, specification=model.specification.model_copy(update={"triplet": triplet}))
    assert "flatter every round" in _triplet_words.sampling(model)


def test_a_run_without_a_window_is_told_without_one(triplet_run: Run) -> None:
    model = read_report(triplet_run)
    wanted = {k: v for k, v in model.specification.objective.items() if k != "triplet_energy"}
    view = TripletReportView(
        replace(model, specification=model.specification.model_copy(update={"objective": wanted}))
    )
    html = _html(view)
    assert "names no window" in html and "in the window from" not in html and "With it," not in html


def test_widgets_hold_what_the_static_figures_hold(triplet_run: Run) -> None:
    view = TripletReportView(read_report(triplet_run), "widget")
    triplets, quantum, scores = (
        part.children[0].children[1] for part in (view.triplets(), view.quantum(), view.scores())
    )
    marks = triplets.select_traces({"mode": "markers"})
    assert {y for trace in marks for y in trace.y} == {2.4, 0.9, 1.1, 1.3}
    assert len([*quantum.select_traces({"mode": "markers"})]) == 4
    assert sum(len(t.y) for t in scores.data if t.marker.symbol in ("circle", "triangle-up")) == 6


def test_the_other_kind_of_report_says_that_nothing_was_docked(triplet_run: Run) -> None:
    view = ReportView(read_report(triplet_run))
    assert "no list of the best" in view.best()._repr_html_()
    assert "no best pose" in view.pose()._repr_html_()
    assert "docks with" not in view.summary()._repr_html_()
