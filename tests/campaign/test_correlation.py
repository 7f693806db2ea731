"""How alike fidelities rank, and which of them are bypassed."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from labkit.campaign._correlation import as_metrics, correlations, predictive, rank_correlation, recorded
from labkit.errors import InputError
from labkit.store import Journal

LADDER = ("docking", "screening", "interaction")


@pytest.mark.parametrize("ties", [False, True])
def test_a_rank_correlation_is_scipy_s_and_lies_in_its_interval(ties: bool) -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 25))
    y = (x + y).round(0 if ties else 6)
    found = rank_correlation(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.low < found.value < found.high and found.count == 25


def test_an_interval_narrows_with_the_molecules_and_covers_no_correlation() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 400))
    few, many = rank_correlation(x[:6], y[:6]), rank_correlation(x, y)
    assert few.high - few.low > 1 > 0.25 > many.high - many.low
    assert many.low < 0 < many.high
    assert rank_correlation([1, 2, 3, 4], [1, 8, 27, 64]).value == pytest.approx(1)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0, 1.0]])
def test_where_there_is_no_order_none_is_made_up(values: list[float]) -> None:
    with pytest.raises(InputError, match="no order to compare"):
        rank_correlation(values, range(len(values)))


def _told(count: int, *, screening_is_noise: bool) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(5)
    docking = rng.normal(size=count)
    interaction = docking + 0.7 * rng.normal(size=count)
    screening = rng.normal(size=count) + (0 if screening_is_noise else 2 * interaction)
    names = ("docking_energy", "screening_energy", "interaction_energy")
    values = zip(docking, screening, interaction, strict=True)
    return {str(i): dict(zip(names, row, strict=True)) for i, row in enumerate(values)}


def test_noise_is_bypassed_and_what_is_below_it_is_judged_by_what_is_above() -> None:
    found = correlations(_told(100, screening_is_noise=True), LADDER)
    assert found["docking", "interaction"].low > 0.5 and found["screening", "interaction"].is_useless
    assert found["docking", "screening"].is_useless
    assert predictive(found, LADDER) == ("docking", "interaction")


def test_a_fidelity_that_predicts_is_kept_also_where_it_ranks_the_other_way_round() -> None:
    told = _told(100, screening_is_noise=False)
    assert predictive(correlations(told, LADDER), LADDER) == LADDER
    for parts in told.values():
        parts["screening_energy"] *= -1
    found = correlations(told, LADDER)
    assert found["screening", "interaction"].high < -0.5
    assert predictive(found, LADDER) == LADDER


def test_few_molecules_condemn_nobody() -> None:
    found = correlations(_told(12, screening_is_noise=True), LADDER)
    assert predictive(found, LADDER) == LADDER == predictive({}, LADDER)


def test_a_journal_gives_back_what_was_recorded(tmp_path: Path) -> None:
    found = correlations(_told(30, screening_is_noise=True), LADDER)
    assert len(found) == 3
    journal = Journal.create(tmp_path / "journal.sqlite")
    journal.append_metrics(4, {"score_mean": 0.5} | as_metrics(found))
    assert recorded(journal.metrics()) == {4: found}
    journal.close()
