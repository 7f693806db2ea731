"""The AI-factory dashboard in a real JupyterLab: every control changes what is shown."""

import re

import psutil
from playwright.sync_api import expect

from .conftest import SCREENSHOTS, Lab, OpenNotebook, changed, enter, pictures

CELL = """
from labkit.dashboards import dashboard
dashboard("factory", jobs=10_000)
"""


def test_every_control_changes_the_picture(open_notebook: OpenNotebook) -> None:
    page = open_notebook(CELL)
    expect(page.get_by_role("cell", name="B: federation, carbon").first).to_be_visible(timeout=120_000)
    expect(page.get_by_role("img", name=re.compile("Sites by power.*Juelich 15.8 MW"))).to_have_count(2)
    now = changed(page, [])
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "factory-map.png")
    for name, alt in (
        ("Jobs and queue", "runs with the most node-hours"),
        ("Power", "mean power: nodes at rest"),
        ("Cooling, PUE and carbon", "PUE 1.0.* emits"),
    ):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("img", name=re.compile(alt))).to_have_count(2)
        now = changed(page, now)
        page.wait_for_timeout(3000)  # until all of it is drawn, on a busy machine
        now = pictures(page)
        page.screenshot(path=SCREENSHOTS / f"factory-{name.split(',')[0].lower().replace(' ', '-')}.png")
    page.get_by_label("jobs and power of").select_option("LUMI")
    now = changed(page, now)
    scenario = "lost-site"
    for side, policy in (("A", "energy"), ("B", "earliest")):
        of_side = "AB".index(side)
        for name in ("water warmer by (K)", "weather warmer by (K)"):
            page.get_by_role("slider", name=name).nth(of_side).focus()
            page.keyboard.press("ArrowRight")
            now = changed(page, now)
        settled = re.compile(f"{side}: federation, .*, water \\+1 K, weather \\+1 K")
        expect(page.get_by_role("cell", name=settled)).to_be_visible()
        page.get_by_label("zones").nth(of_side).uncheck()
        now = changed(page, now)
        page.get_by_label("policy").nth(of_side).select_option(policy)
        now = changed(page, now)
        page.get_by_label(f"{side}: scenario").select_option(scenario)
        # Another site is lost: what is told of all changes, what is drawn of LUMI needn't.
        told = re.compile(f"{side}: {scenario}, {policy}.*zones off")
        expect(page.get_by_role("cell", name=told)).to_be_visible(timeout=60_000)
        now = pictures(page)
        page.get_by_label("machines").nth(of_side).select_option(["LUMI", "Alps"])
        now = changed(page, now)
        settled = re.compile(f"{side}: {scenario}, {policy}, 2 machines, zones off")
        expect(page.get_by_role("cell", name=settled)).to_be_visible()
    page.get_by_role("button", name="Quantum computer", exact=True).click()
    expect(page.get_by_role("img", name=re.compile("wan 1.45 s"))).to_be_attached()
    page.get_by_label("quantum computer", exact=True).select_option("PIAST-Q")
    expect(page.get_by_role("img", name=re.compile("wan 301.05 s"))).to_be_attached()
    for name in ("shots an iteration", "classical work an iteration (s)", "queue before each iteration (s)"):
        before = pictures(page)
        page.get_by_role("slider", name=name).focus()
        page.keyboard.press("ArrowRight")
        changed(page, before)


def test_cancel_ends_a_simulation_and_the_page_goes_on(open_notebook: OpenNotebook, lab: Lab) -> None:
    # A million jobs take seconds, the schedule of one machine less than one.
    page = open_notebook(CELL.replace("10_000", "1_000_000"))
    expect(page.get_by_role("cell", name="B: federation, carbon").first).to_be_visible(timeout=240_000)
    expect(page.get_by_role("cell", name="A: federation, earliest").first).to_be_visible(timeout=240_000)
    status = page.get_by_role("status")
    expect(status).to_have_text(["done", "done"])
    shown = pictures(page)
    page.get_by_label("zones").first.uncheck()
    expect(status.first).to_contain_text("simulating")
    page.get_by_role("button", name="Cancel").first.click()
    expect(status.first).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel").first).to_be_disabled()
    page.wait_for_timeout(3000)  # a machine's schedule of so many jobs takes a second
    used = _processor_s(lab)
    page.wait_for_timeout(3000)
    assert _processor_s(lab) - used < 0.5
    assert pictures(page) == shown
    enter(page, "policy", "energy")
    expect(page.get_by_role("cell", name="A: federation, energy, zones off")).to_be_visible(timeout=240_000)
    changed(page, shown)


def _processor_s(lab: Lab) -> float:
    """Processor time that this JupyterLab's kernels have used."""
    used = 0.0
    for process in psutil.Process(lab.pid).children(recursive=True):
        if "ipykernel_launcher" in process.cmdline():
            used += sum(process.cpu_times()[:2])
    return used
