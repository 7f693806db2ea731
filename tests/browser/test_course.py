"""Chapters of the course in a real JupyterLab: restarted, run whole, their widgets there to be seen."""

import re

import nbformat
import pytest
from playwright.sync_api import Page, expect

from labkit.runner import notebook_path

from .conftest import TOKEN, Lab, pictures


@pytest.mark.parametrize(
    ("name", "control"),
    [
        ("00_start", None),
        ("08_ai_factory", "policy"),
        ("09_energy_and_sovereignty", "data zone"),
    ],
)
def test_a_chapter_is_restarted_and_run_whole(name: str, control: str | None, lab: Lab, page: Page) -> None:
    chapter = nbformat.read(notebook_path(name), as_version=4)
    (parameters,) = [cell for cell in chapter.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = parameters.source.replace('ui = "static"', 'ui = "widget"')
    nbformat.write(chapter, lab.folder / f"{name}.ipynb")

    page.goto(f"{lab.url}/doc/tree/{name}.ipynb?token={TOKEN}")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    page.wait_for_timeout(2000)  # the widgets' manager asks the kernel what there is to show
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name=re.compile("Restart Kernel and Run All Cells")).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    last = page.locator(".jp-CodeCell .jp-InputPrompt").last
    expect(last).to_have_text(re.compile(r"\[\d+\]"), timeout=600_000)

    for kind in ("stderr", "error"):
        told = page.locator(f"[data-mime-type='application/vnd.jupyter.{kind}']").all_inner_texts()
        assert told == [], f"{kind}: {told}"
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert prompts == [f"[{number}]:" for number in range(1, len(prompts) + 1)]
    expect(page.locator(".jp-OutputArea .js-plotly-plot .main-svg").first).to_be_visible()
    assert pictures(page)
    if control is not None:
        widget = page.get_by_label(control, exact=True).first
        widget.scroll_into_view_if_needed()
        expect(widget).to_be_visible()
