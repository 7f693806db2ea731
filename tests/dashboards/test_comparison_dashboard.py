"""The comparison dashboard shows what the runs' journals say, live and as a page."""

import re
import shutil
import sqlite3
from html import unescape
from pathlib import Path

import ipywidgets
import numpy as np
import pytest

from labkit.campaign import COSTS, compare
from labkit.cli import main
from labkit.dashboards import Block
from labkit.dashboards._comparison_view import comparison_charts
from labkit.dashboards._dashboard import dashboard
from labkit.errors import InputError
from labkit.store import data_path


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped run, and beside it the same with twice the energy, and one for another target."""
    monkeypatch.chdir(tmp_path)
    for name in ("doubled", "other"):
        shutil.copytree(data_path("runs", "quick"), f"runs/{name}")
    journal = sqlite3.connect("runs/doubled/journal.sqlite")
    journal.execute("update meter set energy_wh = 2 * energy_wh, uncertainty_wh = 2 * uncertainty_wh")
    journal.commit()
    journal.close()
    file = Path("runs/other/campaign.toml")
    file.write_text(re.sub('^target = ".*"', 'target = "mine"', file.read_text(), flags=re.M))


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_a_line_of_few_points_is_the_whole_course() -> None:
    compared = compare(["quick", "doubled"])
    for cost, chart in zip(COSTS, comparison_charts(compared), strict=True):
        for one, trace in zip(compared, chart.traces, strict=True):
            assert len(trace["x"]) < len(one.score) and trace["x"][-1] == one.costs[cost][-1]
            # A step goes on at its height until the next point.
            height = trace["y"][np.searchsorted(trace["x"], one.costs[cost], side="right") - 1]
            assert height == pytest.approx(one.score)
    energy = np.array([one.costs["energy_wh"][-1] for one in compared])
    assert energy[1] == pytest.approx(2 * energy[0])


def test_a_page_names_the_runs_with_uncertainties() -> None:
    page = dashboard("comparison", ui="static", runs=["quick", "runs/doubled"])
    assert isinstance(page, Block)
    assert (
        len(re.findall(r'<img [^>]*alt="Mean score of the 10 best so far against Evaluations', page.html))
        == 1
    )
    assert re.search(r"quick 0\.\d+ 35 [\d.]+ 0\.\d+ ± 0\.\d+ 0\.\d+ ± 0\.\d+ quick until", _text(page.html))
    assert not re.search(r"\bnan\b", _text(page.html))


def test_what_does_not_compare_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for chosen, told in ((["quick", "other"], "has another target than"), (["absent"], "no run 'absent'")):
        with pytest.raises(InputError, match=told) as caught:
            dashboard("comparison", ui="static", runs=chosen)
        assert "\n" not in str(caught.value)
    assert main(["dashboard", "energy", "--run", "quick", "--run", "doubled"]) == 2
    assert capsys.readouterr().err.startswith("labkit: dashboard 'energy' has no option 'runs'; it has: run")


def test_the_choice_of_runs_changes_what_is_shown() -> None:
    view = dashboard("comparison", runs="quick")
    assert isinstance(view, ipywidgets.Widget)
    (choice, again), fault, numbers = view.children[0].children, view.children[1], view.children[-1]
    folders = {Path(folder).name: folder for _, folder in choice.options}
    assert set(folders) == {"quick", "doubled", "other"} and choice.value == (folders["quick"],)
    assert "doubled" not in numbers.value
    choice.value = [folders["quick"], folders["doubled"]]
    assert "doubled until" in numbers.value and fault.value == ""
    choice.value = [folders["quick"], folders["other"]]
    assert "has another target than" in fault.value and "doubled until" in numbers.value
    choice.value = []
    assert "no run is chosen; at least one is needed" in fault.value
    shutil.move("runs/other", "runs/moved")
    choice.value = [folders["doubled"]]
    again.click()
    assert [Path(folder).name for _, folder in choice.options] == ["quick", "doubled", "moved"]
    assert choice.value == (folders["doubled"],) and "doubled until" in numbers.value


def test_finished_runs_of_the_last_campaign_are_chosen_where_none_is_named() -> None:
    shutil.rmtree("runs/other")
    view = dashboard("comparison")
    assert isinstance(view, ipywidgets.Widget)
    chosen = [Path(folder).name for folder in view.children[0].children[0].value]
    assert chosen == ["doubled", "quick"]
