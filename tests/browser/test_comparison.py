"""The comparison dashboard in a real JupyterLab: a choice of runs changes its charts, a wrong one is told."""

import re

from playwright.sync_api import expect

from .conftest import OpenNotebook, changed

# Beside the shipped run the same with half the scores, and one whose scores mean something else.
DASHBOARD = """
import pathlib, shutil, sqlite3
from labkit.dashboards import dashboard
from labkit.store import data_path
for name in ("halved", "elsewhere"):
    shutil.copytree(data_path("runs", "quick"), f"compared/{name}")
journal = sqlite3.connect("compared/halved/journal.sqlite")
journal.execute("update scores set score = score / 2")
journal.commit()
journal.close()
file = pathlib.Path("compared/elsewhere/campaign.toml")
file.write_text(file.read_text().replace('target = "abl1"', 'target = "mine"'))
dashboard("comparison", runs=["quick", "compared/halved", "compared/elsewhere"])
"""


def test_the_choice_of_runs_changes_the_charts(open_notebook: OpenNotebook) -> None:
    page = open_notebook(DASHBOARD)
    choice = page.get_by_label(re.compile("^runs"))
    expect(page.get_by_role("alert")).to_contain_text("has another target than")
    choice.select_option(["halved", "quick, done"])
    expect(page.get_by_role("alert")).to_have_count(0)
    both = page.get_by_role("img", name=re.compile(r"Mean score .*quick 0\.\d+ at .*halved 0\.\d+ at "))
    expect(both).to_have_count(4)
    expect(page.get_by_role("cell", name=re.compile("^halved until"))).to_be_visible()
    now = changed(page, [])
    page.wait_for_timeout(3000)  # until all of it is drawn, on a busy machine
    now = changed(page, [])
    choice.select_option(["halved"])
    expect(page.get_by_role("img", name=re.compile(r"Evaluations: halved 0\.\d+ at 35\.$"))).to_be_attached()
    assert len(now) == len(changed(page, now)) == 4
    page.get_by_role("button", name="Read again").click()
    choice.select_option(["quick, done", "halved"])
    expect(both).to_have_count(4)
