"""A page that is reloaded while a campaign goes on: the run is intact, and the same view shows it."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from labkit.campaign import Run

from .conftest import Lab, OpenNotebook, pictures

SMALL = """
name = "small"
description = "Molecules are docked, and no more, for many rounds."
target = "abl1"
rounds = 50
proposals = 6
generator.prior = "zinc250k"
triage.heavy_atoms = [12, 24]
docking.exhaustiveness = 1
objective.docking_energy = { direction = "minimise", range = [-11.0, -5.0], weight = 2.0 }
objective.qed = { direction = "maximise", range = [0.3, 0.9], weight = 1.0 }
"""


def test_a_page_that_is_reloaded_in_mid_run_finds_the_run_intact(
    open_notebook: OpenNotebook, lab: Lab
) -> None:
    (lab.folder / "small.toml").write_text(SMALL)
    page = open_notebook("from labkit.dashboards import dashboard\ndashboard('campaign')")
    start = page.locator(".jupyter-button", has_text=re.compile("^Start$"))  # its name holds an icon's letter
    if not start.is_visible():
        page.get_by_text("Start a run").click()
    _fill(page, "or a campaign's file", "small.toml")
    _fill(page, "into folder", "reloaded")
    _fill(page, "workers", "1")
    start.click()
    run = _new_run(page, lab.folder / "reloaded")
    try:
        _until_docked(page, run, 2)
        expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is running"))).to_be_visible()
        _save(page, lab)  # so that the notebook knows which widgets its cell shows
        page.reload()
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        assert run.status == "running"
        expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is running"))).to_be_visible()
        before = pictures(page)
        _until_docked(page, run, _docked(run) + 3)
        _until_changed(page, before)
    finally:
        run.steer("stop")
    expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is interrupted"))).to_be_visible(
        timeout=240_000
    )


def _save(page: Page, lab: Lab) -> None:
    page.get_by_role("button", name=re.compile("Save and create checkpoint")).click()
    for _ in range(300):
        if any("widget-view" in file.read_text() for file in lab.folder.glob("*.ipynb")):
            return
        page.wait_for_timeout(200)
    raise AssertionError("the notebook isn't saved")


def _fill(page: Page, label: str, value: str) -> None:
    control = page.get_by_label(label, exact=True)
    control.fill(value)
    control.press("Tab")


def _new_run(page: Page, out: Path) -> Run:
    for _ in range(1200):
        if found := list(out.glob("*/manifest.json")):
            return Run(found[0].parent)
        page.wait_for_timeout(200)
    raise AssertionError("no run was started")


def _docked(run: Run) -> int:
    with run.journal() as journal:
        return int(journal.counts().get("docking", 0))


def _until_docked(page: Page, run: Run, count: int) -> None:
    for _ in range(1500):
        if _docked(run) >= count:
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"fewer than {count} molecules were docked")


def _until_changed(page: Page, before: list[str]) -> None:
    for _ in range(600):
        if pictures(page) != before:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the picture stays as it was")
