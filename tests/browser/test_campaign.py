"""The campaign dashboard in a real JupyterLab: controls move the picture, a stopped run is found again."""

import re

from playwright.sync_api import Page, expect

from labkit.campaign import Run
from labkit.store import data_path

from .conftest import Lab, OpenNotebook, pictures


def _changes(page: Page, before: list[str], seconds: float = 20) -> list[str]:
    for _ in range(int(seconds * 10)):
        if (now := pictures(page)) != before and now:
            return now
        page.wait_for_timeout(100)
    raise AssertionError("the picture stays as it was")


def _open(open_notebook: OpenNotebook, page: Page, options: str = "") -> Page:
    return open_notebook(f"from labkit.dashboards import dashboard\ndashboard('campaign'{options})")


def test_controls_change_what_a_finished_run_shows(open_notebook: OpenNotebook, page: Page) -> None:
    page = _open(open_notebook, page, f", run={str(data_path('runs', 'quick'))!r}")
    expect(page.get_by_text("3 of 3 rounds finished")).to_be_visible(timeout=60_000)
    expect(page.locator(".js-plotly-plot canvas").first).to_be_attached(timeout=60_000)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    shown = pictures(page)
    page.get_by_label("distribution of").select_option("QED (0–1)")
    shown = _changes(page, shown)
    page.get_by_label("molecule", exact=True).select_option(index=2)
    shown = _changes(page, shown)
    page.get_by_label("flat drawing").check()
    _changes(page, shown)
    page.get_by_label("or a SMILES").fill("C1CC")
    page.get_by_label("or a SMILES").press("Tab")
    expect(page.get_by_text(re.compile("ring 1")).first).to_be_visible()
    page.get_by_role("button", name="Veto").click()
    expect(page.get_by_role("alert").get_by_text("ships with labkit")).to_be_visible()


def test_a_run_is_started_stopped_and_found_again(open_notebook: OpenNotebook, page: Page, lab: Lab) -> None:
    page = _open(open_notebook, page)
    page.get_by_role("button", name="Start a run").click()
    page.get_by_label("proposals a round").fill("4")
    page.get_by_label("proposals a round").press("Tab")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("is running: 0 of 3 rounds")).to_be_visible(timeout=240_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"is interrupted: \d of 3 rounds"))).to_be_visible(timeout=240_000)
    expect(page.get_by_text(re.compile("stop: took effect"))).to_be_visible()
    (run,) = (lab.folder / "runs").glob("quick-s0-*")
    page.reload()
    page = _open(open_notebook, page)
    expect(page.get_by_text(f"Run {run.name}")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Resume").click()
    try:
        # Two minutes on an idle machine; a busy one needs several times as long.
        expect(page.get_by_text("is done: 3 of 3 rounds")).to_be_visible(timeout=1_500_000)
    finally:
        if Run(run).status == "running":
            Run(run).steer("stop")
