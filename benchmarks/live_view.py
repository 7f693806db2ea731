"""Memory of a live campaign view: does it grow while one looks?

    python benchmarks/live_view.py [MINUTES]

Needs the test tools and chromium. Starts a campaign that docks without end, shows it as `labkit dashboard
campaign --run RUN` does, and writes benchmarks/results/live_view.csv anew, a row a minute (20): the
page's JavaScript heap after a garbage collection, the proportional set size of all of the browser's processes
and that of the kernel. Says the change from minute 4, when everything has been drawn once, to the end.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from _table import append, machine, versions
from playwright.sync_api import sync_playwright

from labkit.campaign import Run

TABLE = Path(__file__).parent / "results" / "live_view.csv"
COLUMNS = ("minute", "molecules", "js_heap_mb", "browser_pss_mb", "kernel_pss_mb", "machine", "versions")
WARM_MINUTE = 4

CAMPAIGN = """
name = "endless"
description = "Small molecules are docked without end, for as long as somebody looks."
target = "abl1"
rounds = 10000
proposals = 16
generator.prior = "zinc250k"
triage.heavy_atoms = [12, 24]
docking.exhaustiveness = 1
objective.docking_energy = { direction = "minimise", range = [-11.0, -5.0], weight = 2.0 }
objective.qed = { direction = "maximise", range = [0.3, 0.9], weight = 1.0 }
"""


@contextmanager
def process(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """``labkit`` with these arguments, until the block is left."""
    command = [sys.executable, "-m", "labkit", *arguments]
    with (folder / f"{arguments[0]}.log").open("w") as log:
        started = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(300)


def pss_mb(parent: psutil.Process, name: str) -> float:
    """Proportional set size of those of a process's descendants whose command line holds a name, MB."""
    total = 0
    for child in parent.children(recursive=True):
        try:
            if name in " ".join(child.cmdline()):
                total += child.memory_full_info().pss
        except psutil.Error:
            continue  # ended meanwhile
    return total / 1e6


def newest_run(folder: Path) -> Run:
    """The run in a folder, as soon as it has docked something."""
    while True:
        for file in folder.glob("*/manifest.json"):
            run = Run(file.parent)
            with run.journal() as journal:
                if journal.counts().get("docking", 0) > 0:
                    return run
        time.sleep(1)


def main(minutes: int) -> None:
    """Looks at a run for so many minutes."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no chromium on the PATH; on Debian: apt-get install chromium")
    where = {"machine": machine(), "versions": versions("plotly", "anywidget", "ipywidgets", "voila")}
    TABLE.unlink(missing_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "endless.toml").write_text(CAMPAIGN)
        run_it = process("run", "endless.toml", "--workers", "1", "--out", "runs", folder=folder)
        with run_it, sync_playwright() as playwright:
            run = newest_run(folder / "runs")
            options = ("--run", str(run.folder), "--no-browser", "--json")
            with process("dashboard", "campaign", *options, folder=folder) as server:
                assert server.stdout is not None
                url = json.loads(server.stdout.readline())["url"]
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
                )
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(url, timeout=300_000)
                page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=300_000)
                session = page.context.new_cdp_session(page)
                begun = time.monotonic()
                for minute in range(minutes + 1):
                    page.wait_for_timeout(max(0.0, begun + 60 * minute - time.monotonic()) * 1000)
                    session.send("HeapProfiler.collectGarbage")
                    with run.journal() as journal:
                        docked = journal.counts()["docking"]
                    row = {
                        "minute": minute,
                        "molecules": docked,
                        "js_heap_mb": round(session.send("Runtime.getHeapUsage")["usedSize"] / 1e6, 1),
                        "browser_pss_mb": round(pss_mb(psutil.Process(), "chromium"), 1),
                        "kernel_pss_mb": round(pss_mb(psutil.Process(server.pid), "ipykernel"), 1),
                    }
                    append(TABLE, COLUMNS, row | where)
                    print(row, flush=True)
                    rows.append(row)
                browser.close()
    for column in COLUMNS[2:5]:
        warm, end = rows[min(WARM_MINUTE, len(rows) - 1)][column], rows[-1][column]
        print(f"{column}: {warm} MB at minute {WARM_MINUTE}, {end} MB at the end, {end / warm - 1:+.1%}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
