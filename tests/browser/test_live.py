"""The pieces of the dashboards, in a real JupyterLab."""

from playwright.sync_api import Page, expect

from .conftest import OpenNotebook

CONTROLS = """
from labkit.dashboards._live import control, row
more = {kind: {"options": ["1", "2"]} for kind in ("choice", "step slider")}
kinds = ["slider", "real slider", "log slider", "range", "step slider",
         "choice", "check", "count", "number", "text", "button"]
row(*(control(kind, f"{kind} (unit)", **more.get(kind, {})) for kind in kinds))
"""

WORK = """
import time
from labkit.dashboards._live import Background, control, column
def work(report, cancelled):
    for i in range(20):
        if cancelled.wait(0.3):
            return
        report(i / 20, f"step {i}")
background = Background(work, lambda result: None, "energies")
start = control("button", "Start")
start.on_click(lambda _: background.start())
column(start, background.view)
"""


def test_every_control_has_a_name_and_the_keyboard_goes_through_them_in_order(
    open_notebook: OpenNotebook,
) -> None:
    page = open_notebook(CONTROLS)
    first = page.get_by_role("slider", name="slider (unit)", exact=True)
    expect(first).to_be_visible()
    first.focus()
    names = [_focused(page)]
    while "button" not in names[-1] and len(names) < 30:
        page.keyboard.press("Tab")
        names.append(_focused(page))
    order = "slider,real slider,log slider,range,step slider,choice,check,count,number,text,button".split(",")
    assert list(dict.fromkeys(names)) == [f"{kind} (unit)" for kind in order]
    cut_off = page.evaluate(
        """() => [...document.querySelectorAll(".widget-label")]
             .filter(label => label.scrollWidth > label.clientWidth).map(label => label.textContent)"""
    )
    assert cut_off == []


def _focused(page: Page) -> str:
    """Accessible name of what has the focus: its label's, or its own."""
    return str(
        page.evaluate(
            """() => {
              const at = document.activeElement;
              const text = at.getAttribute("aria-label") || (at.labels?.[0] ?? at).textContent;
              return text.replaceAll(/[\\u200b\\s]+/g, " ").trim();
            }"""
        )
    )


def test_long_work_shows_progress_and_can_be_cancelled(open_notebook: OpenNotebook) -> None:
    page = open_notebook(WORK)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("status").get_by_text("step")).to_be_visible()
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status").get_by_text("cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
