from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from labkit.campaign import RankCorrelation, Run, load_specification
from labkit.campaign._specification import Breeding
from labkit.dashboards import _report_words as words
from labkit.dashboards import read_report
from labkit.dashboards._quantum_words import delta, quantum
from labkit.dashboards._report_model import ContactEnergy, ReportModel, Round, mean_of
from labkit.store import Steering


def test_a_bypassed_fidelity_is_told_where_a_stage_chooses_by_value_and_only_there() -> None:
    noise = RankCorrelation(0.02, -0.2, 0.25, 60)
    found = {
        ("docking", "screening"): noise,
        ("docking", "interaction"): RankCorrelation(0.6, 0.4, 0.7, 60),
        ("screening", "interaction"): noise,
    }
    screened = ["screening={}", "interaction.candidates=2"]
    pairs, *rest = words.ranks(found, load_specification("quick", screened))
    assert "docking → interaction 0.60 [0.40, 0.70], n = 60" in pairs and rest == []
    by_value = load_specification("quick", [*screened, "interaction.choice='value'"])
    _, bypassed = words.ranks(found, by_value)
    assert bypassed.startswith("Screening is bypassed, since it doesn't predict interaction: ")
    assert bypassed.endswith("nobody is asked about it any more.")
    assert words.ranks({}, by_value) == []


def _with_rounds(model: ReportModel, first: list[float], last: list[float]) -> ReportModel:
    rounds = [
        Round(
            i + 1,
            tuple(values),
            (1.0,) * len(values),
            tuple("C" * len(values)),
            mean_of(values),
            len(values),
            len(values),
        )
        for i, values in enumerate((first, last))
    ]
    return replace(model, rounds=tuple(rounds))


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ([0.1, 0.2, 0.0, 0.1] * 4, [0.7, 0.8, 0.6, 0.7] * 4, "the proposals got better"),
        ([0.7, 0.8, 0.6, 0.7] * 4, [0.1, 0.2, 0.0, 0.1] * 4, "the proposals got worse"),
        ([0.1, 0.8, 0.0, 0.9], [0.2, 0.7, 0.1, 0.9], "too short to tell learning from luck"),
    ],
)
def test_the_gain_is_only_claimed_where_its_interval_excludes_zero(
    finished_run: Run, first: list[float], last: list[float], says: str
) -> None:
    assert says in words.gain(_with_rounds(read_report(finished_run), first, last))


def test_without_learning_nothing_is_claimed(finished_run: Run) -> None:
    model = _with_rounds(read_report(finished_run), [0.1] * 8, [0.9] * 8)
    generator = model.specification.generator.model_copy(update={"learning": False})
    model = replace(model, specification=model.specification.model_copy(update={"generator": generator}))
    assert "any difference is chance" in words.gain(model)
    assert "got better" not in words.gain(model)


def test_children_are_told_from_what_the_model_wrote_and_are_no_chance(finished_run: Run) -> None:
    model = _with_rounds(read_report(finished_run), [0.1] * 8, [0.9, 0.9, 0.5, 0.5])
    assert "Children" not in words.gain(model)
    first, last = model.rounds
    model = replace(model, rounds=(first, replace(last, bred=frozenset({0, 1}))))
    said = words.gain(model)
    assert "Children of earlier proposals scored 0.90 [0.90, 0.90], n = 2" in said
    assert "what the model wrote beside them scored 0.50 [0.50, 0.50], n = 2" in said
    section = model.specification.generator.model_copy(
        update={"learning": False, "breeding": Breeding(children=8)}
    )
    model = replace(model, specification=model.specification.model_copy(update={"generator": section}))
    assert "switched off" in words.gain(model) and "chance" not in words.gain(model)
    model = replace(model, rounds=(first, replace(last, bred=frozenset(range(4)))))
    assert "n = 4" in words.gain(model) and "wrote beside" not in words.gain(model)


def test_what_a_steered_run_gained_isn_t_put_down_to_learning_alone(finished_run: Run) -> None:
    model = _with_rounds(read_report(finished_run), [0.1, 0.2, 0.0, 0.1] * 4, [0.7, 0.8, 0.6, 0.7] * 4)
    pin, late = Steering(1.0, "pin", "CCO", 1), Steering(2.0, "veto", "CCO", 2)
    assert "by 1 veto or pin, so the change isn't" in words.gain(replace(model, steering=(pin, late)))
    for without in ((), (late,), (Steering(3.0, "veto", "CCO"),), (Steering(4.0, "pause", None, 0),)):
        assert "steered" not in words.gain(replace(model, steering=without))


def test_more_passing_and_better_passing_are_told_apart(finished_run: Run) -> None:
    said = words.gain(_with_rounds(read_report(finished_run), [0.0, 0.0, 0.0, 0.5], [0.5, 0.5, 0.5, 0.0]))
    assert "25 % got a score above 0 in round 1 and 75 % in round 2" in said
    assert "the mean over those went from 0.50 to 0.50" in said


def test_one_round_is_compared_with_nothing(interrupted_run: Run) -> None:
    assert "nothing to compare yet" in words.gain(read_report(interrupted_run))


def _with_quantum(contacts: Sequence[ContactEnergy], **values: Any) -> list[ContactEnergy]:
    return [replace(contact, quantum={**contact.quantum, **values}) for contact in contacts]


def test_rivals_that_do_as_well_are_counted(finished_run: Run) -> None:
    said = " ".join(quantum(read_report(finished_run).by_circuit))
    assert "within 1 mHa" in said
    assert "the largest error of 3 contacts, dimer and monomers, is 0.4 mHa" in said
    assert "uniformly random bits do as well or better in 1 of 3 contacts" in said
    assert "do worse in all 3 contacts" in said
    assert "proves little" not in said


def test_a_subspace_that_spans_everything_is_said_to_prove_little(finished_run: Run) -> None:
    contacts = read_report(finished_run).by_circuit
    whole = {"dimension": 100, "full_dimension": 100}
    assert "proves little" in " ".join(quantum(_with_quantum(contacts, dimer=whole)))
    assert "beyond 1 mHa" in " ".join(quantum(_with_quantum(contacts, error_mha=3.0)))


def test_a_delta_of_about_nothing_is_called_so_and_a_large_one_is_not(finished_run: Run) -> None:
    contacts = read_report(finished_run).by_circuit
    said = delta(contacts)
    assert "adds a check, not a better number" in said
    assert "most of which is the quantum solver's own error" in said
    large = _with_quantum(contacts, delta_kcal_mol=4.0, delta_exact_kcal_mol=-4.0)
    assert "not small" in delta(large)


def test_ranks_are_those_of_the_scores_with_and_without_the_interaction_energy(finished_run: Run) -> None:
    model = read_report(finished_run)
    moved = words.shifts(model)
    assert sorted(s.after for s in moved) == sorted(s.before for s in moved) == [1, 2, 3]
    with_energy = [s.candidate.score for s in moved]
    assert with_energy == sorted(with_energy, reverse=True)
    before = [s.candidate.score_without for s in sorted(moved, key=lambda s: s.before)]
    assert before == sorted(before, reverse=True)


def test_a_ranking_that_did_not_change_is_said_to_have_decided_nothing(finished_run: Run) -> None:
    model = read_report(finished_run)
    same = tuple(replace(c, score=c.score_without) for c in model.candidates)
    said = " ".join(words.ranking(replace(model, candidates=same)))
    assert "decided nothing" in said
    swapped = [replace(c, score=1 - c.score_without) for c in model.candidates]
    said = " ".join(words.ranking(replace(model, candidates=tuple(swapped))))
    assert "The best one changed" in said and "rose from place 3 to 1" in said


def test_repulsion_is_said(finished_run: Run) -> None:
    assert "In 1 of them the two repel" in words.strongest(read_report(finished_run).contacts)


def test_how_a_run_was_steered_is_told_with_its_budget(finished_run: Run) -> None:
    model = read_report(finished_run)
    assert "steered" not in words.outcome(model)
    commands = (
        Steering(1.0, "pause", None, 0, "docking"),
        Steering(2.0, "budget", 7, 1, "start"),
        Steering(3.0, "veto", "CCO"),
    )
    said = words.outcome(replace(model, steering=commands, status="paused"))
    assert "is paused" in said and "2 of 7 rounds" in said
    assert said.endswith("It was steered: pause (round 1), budget 7 (round 2), veto CCO (waits).")
    assert words.steering(commands * 5).endswith(" and 3 more.")


@pytest.mark.parametrize(
    ("seconds", "text"), [(5.25, "5.2 s"), (75.0, "1 min 15 s"), (3600 * 2.5, "2 h 30 min")]
)
def test_durations_read_well(seconds: float, text: str) -> None:
    from labkit.dashboards._format import duration

    assert duration(seconds) == text
