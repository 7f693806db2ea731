from dataclasses import replace
from datetime import date

import pytest

from labkit.cluster._regulation import DataCentre, judge
from labkit.errors import InputError

OLD = DataCentre("DEU", date(2020, 1, 1), 5000, pue=1.4, erf=0.0, renewable_share=0.6)
NEW = replace(OLD, commissioned=date(2026, 7, 1), pue=1.15, erf=0.12)


def _answers(centre: DataCentre, on: date) -> dict[str, str]:
    return {verdict.paragraph: verdict.answer for verdict in judge(centre, on)}


@pytest.mark.parametrize(
    ("on", "first", "second"),
    [
        (date(2027, 6, 30), "does not apply", "does not apply"),
        (date(2027, 7, 1), "met", "does not apply"),
        (date(2030, 6, 30), "met", "does not apply"),
        (date(2030, 7, 1), "met", "not met"),
    ],
)
def test_an_old_centre_has_until_2027_and_2030(on: date, first: str, second: str) -> None:
    answers = _answers(OLD, on)
    assert (answers["§ 11 (1) no. 1"], answers["§ 11 (1) no. 2"]) == (first, second)
    assert answers["§ 11 (2) sentence 1 no. 1"] == answers["§ 11 (2) sentence 1 no. 2"] == "does not apply"


def test_a_new_centre_has_two_years() -> None:
    before, after = _answers(NEW, date(2028, 6, 30)), _answers(NEW, date(2028, 7, 1))
    for number in (1, 2):
        assert before[f"§ 11 (2) sentence 1 no. {number}"] == "does not apply"
        assert after[f"§ 11 (2) sentence 1 no. {number}"] == "met"
    assert after["§ 11 (1) no. 1"] == "does not apply"
    assert _answers(replace(NEW, pue=1.21), date(2028, 7, 1))["§ 11 (2) sentence 1 no. 1"] == "not met"


@pytest.mark.parametrize(
    ("commissioned", "erf", "answer"),
    [
        (date(2026, 7, 1), 0.10, "met"),
        (date(2027, 6, 30), 0.099, "not met"),
        (date(2027, 7, 1), 0.149, "not met"),
        (date(2028, 6, 30), 0.15, "met"),
        (date(2028, 7, 1), 0.199, "not met"),
        (date(2035, 1, 1), 0.20, "met"),
    ],
)
def test_the_share_to_reuse_grows_with_the_day_of_the_start(
    commissioned: date, erf: float, answer: str
) -> None:
    centre = replace(NEW, commissioned=commissioned, erf=erf)
    assert _answers(centre, date(2040, 1, 1))["§ 11 (2) sentence 1 no. 2"] == answer


def test_electricity_that_lifts_waste_heat_counts_for_old_centres_only() -> None:
    new = replace(NEW, pue=1.4, pue_without_heat_pump=1.1)
    assert _answers(new, date(2030, 7, 1))["§ 11 (2) sentence 1 no. 1"] == "met"
    old = replace(OLD, pue=1.4, pue_without_heat_pump=1.1)
    assert _answers(old, date(2030, 7, 1))["§ 11 (1) no. 2"] == "not met"


@pytest.mark.parametrize(
    ("on", "half", "whole"),
    [
        (date(2023, 12, 31), "does not apply", "does not apply"),
        (date(2024, 1, 1), "met", "does not apply"),
        (date(2027, 1, 1), "met", "not met"),
    ],
)
def test_renewable_electricity_is_due_in_two_steps(on: date, half: str, whole: str) -> None:
    answers = _answers(OLD, on)
    assert (answers["§ 11 (5) no. 1"], answers["§ 11 (5) no. 2"]) == (half, whole)


def test_a_certificate_is_asked_from_a_megawatt_or_of_public_bodies() -> None:
    centre = replace(OLD, connected_kw=800, management_system=True, certified=False)
    on = date(2026, 11, 22)
    assert _answers(centre, on)["§ 12 (1)"] == "met"
    assert _answers(centre, on)["§ 12 (3)"] == "does not apply"
    assert _answers(replace(centre, public=True), on)["§ 12 (3)"] == "not met"
    assert _answers(replace(centre, connected_kw=1000), on)["§ 12 (3)"] == "not met"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"country": "FRA"}, "it stands in FRA, not in Germany"),
        ({"connected_kw": 299}, "connected power of 299 kW is under 300 kW"),
        ({"commissioned": date(2050, 1, 1)}, "it doesn't operate before 2050-01-01"),
    ],
)
def test_the_act_reaches_no_further_than_it_says(change: dict[str, object], reason: str) -> None:
    for verdict in judge(replace(OLD, **change), date(2035, 1, 1)):  # type: ignore[arg-type]
        assert verdict.answer == "does not apply"
        assert verdict.reason.startswith(reason)


def test_what_isnt_known_is_neither_met_nor_missed() -> None:
    unknown = DataCentre("DEU", date(2020, 1, 1), 5000)
    verdicts = {verdict.paragraph: verdict for verdict in judge(unknown, date(2031, 1, 1))}
    assert verdicts["§ 11 (1) no. 2"].answer == "unknown"
    assert verdicts["§ 11 (1) no. 2"].reason == "it isn't known"
    assert verdicts["§ 12 (1)"].answer == "unknown"


def test_a_start_on_a_leap_day_is_due_on_the_first_of_march() -> None:
    leap = replace(NEW, commissioned=date(2028, 2, 29))
    verdict = judge(leap, date(2029, 1, 1))[2]
    assert verdict.reason == "due from 2030-03-01, judged on 2029-01-01"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pue": 0.9}, "pue=0.9; at least 1"),
        ({"erf": -0.1}, "erf=-0.1"),
        ({"connected_kw": 0}, "connected_kw=0"),
    ],
)
def test_figures_that_cannot_be_are_told(change: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(OLD, **change)  # type: ignore[arg-type]
