"""The energy dashboard in a real JupyterLab: each control changes what is drawn; a wrong value is told."""

import re

from playwright.sync_api import expect

from .conftest import OpenNotebook, enter

# A second run to choose: the shipped one, as if it had used twice the energy.
DASHBOARD = """
import shutil, sqlite3
from labkit.dashboards import dashboard
from labkit.store import data_path
shutil.copytree(data_path("runs") / "quick", "runs/doubled")
journal = sqlite3.connect("runs/doubled/journal.sqlite")
journal.execute("update meter set energy_wh = 2 * energy_wh, uncertainty_wh = 2 * uncertainty_wh")
journal.commit()
journal.close()
dashboard("energy", run="quick", country="DEU")
"""
SITES = "() => JSON.stringify(document.querySelectorAll('.js-plotly-plot')[1].data)"
COUNTRY = "country of this computer (as DEU)"

# A control, what is set, and what the alternative text of the sites' chart says then.
CHANGES = [
    ("unit", "Wh", "this computer, DEU: 39 ± 30 moved"),
    ("run", "doubled", "this computer, DEU: 79 ± 59 moved"),
    ("run", "quick", "this computer, DEU: 39 ± 30 moved"),
    ("copies of the run", "128", "this computer, DEU: 79 ± 59 moved"),
    ("data zone", "FIN", "MeluXina, LUX: 82 ± 62 moved, data may not go there"),
    ("unit", "gCO2e", "this computer, DEU: 30 ± 22 moved"),
    (COUNTRY, "FRA", "this computer, FRA: 4.4 ± 3.3 moved"),
]


def test_each_control_of_the_energy_dashboard_changes_the_picture(open_notebook: OpenNotebook) -> None:
    page = open_notebook(DASHBOARD)
    page.locator(".js-plotly-plot").nth(1).wait_for()
    for label, value, told in CHANGES:
        before = page.evaluate(SITES)
        enter(page, label, value)
        expect(page.get_by_role("img", name=re.compile(re.escape(told)))).to_be_attached(timeout=30_000)
        page.wait_for_function(f"before => ({SITES})() !== before", arg=before)
    enter(page, COUNTRY, "nowhere")
    expect(page.get_by_role("alert")).to_contain_text("three letters of ISO 3166-1 are wanted")
