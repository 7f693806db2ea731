"""The campaign dashboard in a real JupyterLab: controls move the picture, a stopped run is found again."""

import re

from playwright.sync_api import Page, expect

from labkit.campaign import Run
from labkit.store import data_path

from .conftest import Lab, OpenNotebook, changed, docked, enter, pictures

PHENACETIN = "CCOc1ccc(NC(C)=O)cc1"


def _open(open_notebook: OpenNotebook, page: Page, options: str = "") -> Page:
    return open_notebook(f"from labkit.dashboards import dashboard\ndashboard('campaign'{options})")


def test_controls_change_what_a_finished_run_shows(open_notebook: OpenNotebook, page: Page) -> None:
    page = _open(open_notebook, page, f", run={str(data_path('runs', 'quick'))!r}")
    expect(page.get_by_text("3 of 3 rounds finished")).to_be_visible(timeout=60_000)
    expect(page.locator(".js-plotly-plot canvas").first).to_be_attached(timeout=60_000)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    shown = pictures(page)
    enter(page, "distribution of", "QED (0–1)")
    shown = changed(page, shown)
    page.get_by_label("molecule", exact=True).select_option(index=2)
    shown = changed(page, shown)
    page.get_by_label("flat drawing").check()
    changed(page, shown)
    enter(page, "or a SMILES", "C1CC")
    expect(page.get_by_text(re.compile("ring 1")).first).to_be_visible()
    page.get_by_role("button", name="Veto").click()
    expect(page.get_by_role("alert").get_by_text("ships with labkit")).to_be_visible()
    page.get_by_role("button", name="Start a run").click()
    enter(page, "campaign", "photosensitiser")
    expect(page.get_by_label("proposals a round")).to_have_value("512")  # as in its file
    enter(page, "or a campaign's file", "nowhere.toml")
    expect(page.get_by_role("alert").get_by_text("nowhere.toml")).to_be_visible()


def test_a_run_is_steered_by_mouse_and_keyboard(docking_run: tuple[Page, Run]) -> None:
    page, run = docking_run
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is paused"))).to_be_visible()
    assert run.status == "paused"
    page.wait_for_timeout(2000)
    count, begun = docked(run), _rounds_begun(run)

    enter(page, "rounds in all", str(begun + 1))
    expect(page.get_by_text(f"budget {begun + 1}: waiting")).to_be_visible()
    expect(page.get_by_text(f"of {begun + 1} rounds finished")).to_be_visible()

    best = page.get_by_label("molecule", exact=True).locator("option:checked").inner_text()
    vetoed = best.split()[-1]  # behind its place and its score
    shown = pictures(page)
    page.get_by_role("button", name="Veto").click()
    expect(page.get_by_text(f"veto {vetoed}: waiting")).to_be_visible()
    changed(page, shown)  # it's no longer the best one, nor among the drawings
    expect(page.get_by_text("Best so far").filter(has_text=vetoed)).to_have_count(0)

    shown = pictures(page)
    enter(page, "or a SMILES", PHENACETIN)
    changed(page, shown)
    page.get_by_role("button", name="Pin").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("pin .*: waiting"))).to_be_visible()
    enter(page, "or a SMILES", "")
    assert docked(run) == count  # it was paused all the time
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(f"is done: {begun + 1} of {begun + 1} rounds")).to_be_visible(timeout=500_000)

    for command in ("budget", "veto", "pin"):
        expect(
            page.get_by_text(re.compile(f"{command} .*: took effect in round {begun + 1}"))
        ).to_be_visible()
    given = [(s.command, s.round) for s in run.steering() if s.command not in ("pause", "resume")]
    assert given == [("budget", begun), ("veto", begun), ("pin", begun)]
    with run.journal() as journal:
        pinned = run.steering()[3].value
        assert begun in {e.round for e in journal.evaluations("docking") if e.result["smiles"] == pinned}
    assert vetoed not in {row["smiles"] for row in run.best()}
    shown = pictures(page)
    enter(page, "or a SMILES", PHENACETIN)  # its pose, in its pocket
    shown = changed(page, shown)

    enter(page, "or a run's folder", str(data_path("runs", "quick")))
    expect(page.get_by_text("3 of 3 rounds finished")).to_be_visible()
    shown = changed(page, shown)
    chosen = page.get_by_label("run", exact=True).locator("option:checked")
    expect(chosen).to_have_text(re.compile("quick"))
    enter(page, "run", f"{run.folder.name} (done)")
    expect(page.get_by_text(f"is done: {begun + 1} of {begun + 1} rounds")).to_be_visible()
    changed(page, shown)


def _rounds_begun(run: Run) -> int:
    with run.journal() as journal:
        return 1 + max(proposal.round for proposal in journal.proposals())


def test_a_run_is_started_stopped_and_found_again(open_notebook: OpenNotebook, page: Page, lab: Lab) -> None:
    page = _open(open_notebook, page)
    page.get_by_role("button", name="Start a run").click()
    enter(page, "proposals a round", "4")
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
