"""A page that is reloaded while a campaign goes on: the run is intact, and the same view shows it."""

import re

from playwright.sync_api import Page, expect

from labkit.campaign import Run

from .conftest import Lab, changed, docked, pictures, until


def test_a_page_that_is_reloaded_in_mid_run_finds_the_run_intact(
    docking_run: tuple[Page, Run], lab: Lab
) -> None:
    page, run = docking_run
    page.get_by_role("button", name=re.compile("Save and create checkpoint")).click()
    # So that the notebook knows which widgets its cell shows.
    until(page, lambda: any("widget-view" in file.read_text() for file in lab.folder.glob("*.ipynb")))
    page.reload()
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert run.status == "running"
    expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is running"))).to_be_visible()
    before, count = pictures(page), docked(run)
    until(page, lambda: docked(run) >= count + 3)
    changed(page, before)
    run.steer("stop")
    expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is interrupted"))).to_be_visible(
        timeout=240_000
    )
