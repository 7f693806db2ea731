"""The quantum dashboard in a real JupyterLab: every control moves the picture, and Cancel ends the work."""

import re
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from .conftest import Lab, OpenNotebook, changed, enter, pictures

OPEN = """
import os
os.environ["LABKIT_CACHE"] = {cache!r}
from labkit.dashboards import dashboard
dashboard("quantum")
"""


@pytest.fixture
def quantum(open_notebook: OpenNotebook, page: Page, tmp_path: Path) -> Page:
    page = open_notebook(OPEN.format(cache=str(tmp_path)))
    expect(page.get_by_role("img", name=re.compile("Energy less exact"))).to_be_attached(timeout=60_000)
    expect(page.locator(".js-plotly-plot .ytick").get_by_text("Hartree–Fock")).to_be_visible(timeout=60_000)
    return page


def _workers(lab: Lab) -> int:
    """Quantum processes of this JupyterLab's kernels."""
    count = 0
    for process in psutil.Process(lab.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            count += "labkit.quantum._exploration" in process.cmdline()
    return count


def test_switches_and_known_solvers_change_the_picture(quantum: Page) -> None:
    shown = pictures(quantum)
    quantum.get_by_label("Mitigation", exact=True).select_option("read-out inverted")
    shown = changed(quantum, shown)
    quantum.get_by_label("Random bits, singles and doubles").click()
    shown = changed(quantum, shown)
    quantum.get_by_label("Solver", exact=True).select_option("LUCJ, optimised")
    changed(quantum, shown)
    expect(quantum.get_by_text("LUCJ, optimised: +2.106 mHa against exact")).to_be_visible()
    for tab, told in (("Circuit", "168 two-qubit gates"), ("Quantum computers", "Jade doesn't run it")):
        quantum.get_by_role("tab", name=tab).click()
        expect(quantum.get_by_text(re.compile(told)).last).to_be_visible()


def test_other_shots_are_computed_with_progress(quantum: Page) -> None:
    shown = pictures(quantum)
    for label in ("Shots", "Active orbitals"):
        quantum.get_by_role("slider", name=label).press("ArrowLeft")
    status = quantum.get_by_role("status")
    expect(status).to_contain_text(re.compile("loading|Hartree|measurement"), timeout=60_000)
    expect(quantum.get_by_text("in 4 orbitals, 8 qubits")).to_be_visible(timeout=240_000)
    expect(status).to_have_text("done")
    shown = changed(quantum, shown)
    for label in ("Read-out error", "Two-qubit error", "Subspace, at most"):
        quantum.get_by_role("slider", name=label).press("ArrowRight")
        shown = changed(quantum, shown, 240)
    expect(quantum.get_by_text("two-qubit error 0.01, read-out error 0.02")).to_be_visible()
    for label, value in (("which", "S66_03: H2O + CH5N"), ("System", "a contact of a pose")):
        enter(quantum, label, value)
        shown = changed(quantum, shown, 400)
    expect(quantum.get_by_text(re.compile("ILE360 backbone.* in 4 orbitals"))).to_be_visible()


def test_cancel_ends_the_process(quantum: Page, lab: Lab) -> None:
    shown = pictures(quantum)
    quantum.get_by_role("slider", name="Two-qubit error").press("ArrowRight")
    expect(quantum.get_by_role("status")).to_contain_text("loading", timeout=60_000)
    assert _workers(lab) == 1
    quantum.get_by_role("button", name="Cancel").click()
    expect(quantum.get_by_role("status")).to_have_text("cancelled")
    quantum.wait_for_timeout(1000)
    assert _workers(lab) == 0 and pictures(quantum) == shown


def test_what_makes_no_sense_is_told_in_one_line(quantum: Page) -> None:
    quantum.get_by_role("slider", name="Active orbitals").press("End")
    expect(quantum.get_by_role("status")).to_contain_text("a circuit of 24 qubits takes", timeout=60_000)
    own = quantum.get_by_label("or your own")
    own.fill("nowhere.xyz")
    own.press("Enter")
    expect(quantum.get_by_role("alert")).to_contain_text("'nowhere.xyz' can't be read")
