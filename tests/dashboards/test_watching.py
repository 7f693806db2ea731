"""Learning that is watched: the chart below the cell follows, and a page shows none."""

from collections.abc import Callable
from typing import Any

import pytest

from labkit.dashboards import _watching, watch_loss, watch_scores
from labkit.errors import InputError

FIRST = {"step": 100, "training": 60.0}
SECOND = {"step": 200, "training": 40.5, "held_out": 45.25}


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    shown: list[Any] = []
    monkeypatch.setattr(_watching, "display", shown.append)
    return shown


def test_the_loss_grows_in_one_chart(displayed: list[Any]) -> None:
    watch = watch_loss("widget")
    assert not displayed  # nothing is there before there is something to see
    watch([FIRST])
    watch([FIRST, SECOND])
    ((text, figure),) = (box.children for column in displayed for box in column.children)
    training, held_out = figure.data
    assert (list(training.x), list(training.y)) == ([100, 200], [60.0, 40.5])
    assert (list(held_out.x), list(held_out.y)) == ([200], [45.25])
    assert "from 60.0 to 40.5 nats a string, 45.2 held out, in 200 steps" in text.value


def test_scores_grow_round_by_round(displayed: list[Any]) -> None:
    watch = watch_scores("widget")
    watch({"steered": [[0.0, 0.2]]})
    watch({"steered": [[0.0, 0.2], [0.5, 0.7]]})
    ((text, figure),) = (box.children for column in displayed for box in column.children)
    every, means = figure.data
    assert list(every.y) == [0.0, 0.2, 0.5, 0.7] and list(means.y) == pytest.approx([0.1, 0.6])
    assert "after 4 calls" in text.value


@pytest.mark.parametrize("watch", [watch_loss, watch_scores])
def test_a_page_shows_none_and_another_way_is_refused(
    watch: Callable[[str], Callable[[Any], None]], displayed: list[Any]
) -> None:
    watch("static")([FIRST])
    assert not displayed
    with pytest.raises(InputError, match="ui 'live' is unknown; there are: widget, static"):
        watch("live")
