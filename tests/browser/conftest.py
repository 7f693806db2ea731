"""A real JupyterLab and a real browser: Playwright drives Debian's Chromium.

Pictures of every test are kept in tests/browser/screenshots, to be looked at.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from labkit.campaign import Run

SCREENSHOTS = Path(__file__).parent / "screenshots"
TOKEN = "browser-tests"
expect.set_options(timeout=120_000)
OpenNotebook = Callable[..., Page]
T = TypeVar("T")

DOCKING = """
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

_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card, for plotly's pictures in 3D
    "--enable-precise-memory-info",
]


def pytest_configure() -> None:
    # So that fixtures end what they started also where the tests are told to end, as by `timeout`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("slow")


@dataclass
class Lab:
    """A running JupyterLab.

    Attributes:
        url: without the token.
        folder: where its notebooks lie.
        pid: of the server.
    """

    url: str
    folder: Path
    pid: int

    def write(self, name: str, cells: list[str]) -> Path:
        """A notebook of these cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        return path


def pictures(page: Page) -> list[str]:
    """What the charts on show hold now: plotly's data and drawing (3D is on a canvas); and images."""
    found: list[str] = page.evaluate(
        """() => [
          ...[...document.querySelectorAll(".js-plotly-plot")].filter(plot => plot.checkVisibility()).map(
            plot => JSON.stringify([plot.data, plot.layout.title?.text])
                    + [...plot.querySelectorAll("svg.main-svg")].map(svg => svg.outerHTML).join("")),
          ...[...document.querySelectorAll(".jp-OutputArea img, .jp-OutputArea .widget-html svg")]
            .map(image => image.outerHTML),
        ]"""
    )
    return found


def until(page: Page, condition: Callable[[], T], seconds: float = 300) -> T:
    """What a condition gives as soon as it is something true; the page goes on meanwhile."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to pass"
        page.wait_for_timeout(100)
    return found


def changed(page: Page, before: list[str], seconds: float = 60) -> list[str]:
    """What charts and drawings show as soon as it is something else than before."""
    return until(page, lambda: now if (now := pictures(page)) != before else [], seconds)


def enter(page: Page, label: str, value: str, nth: int = 0) -> None:
    """Sets the control of that label."""
    control = page.get_by_label(label, exact=True).nth(nth)
    if control.evaluate("control => control.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
        control.press("Tab")


@dataclass
class Watched:
    """What a page did that it shouldn't have: errors on its console, requests to other hosts."""

    hosts: set[str]
    faults: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("console", lambda message: message.type == "error" and self.faults.append(message.text))
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda socket: self._request(socket.url))

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self.hosts:
            self.faults.append(f"a request to {url}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Until the server answers."""
    end = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"no answer from {url}; the server's exit code is {server.poll()}")


def end(server: subprocess.Popen[bytes], order: int = signal.SIGTERM) -> int:
    """Ends a server and all that its pages started, runs too, which would outlive it; its exit code."""
    started = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
    server.send_signal(order)
    try:
        return server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        for process in psutil.wait_procs(started, timeout=15)[1]:
            process.kill()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium, installed where that is possible."""
    found = shutil.which("chromium")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        command = "apt-get update && apt-get install -y --no-install-recommends chromium"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        found = shutil.which("chromium")
        if found is None:
            pytest.skip(f"apt-get can't install chromium: {(done.stderr.splitlines() or [''])[-1]}")
    if found is None:
        pytest.skip("no chromium on the PATH; `apt-get install chromium` as root installs it on Debian")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a free port of the loopback interface, with settings of its own."""
    folder = tmp_path_factory.mktemp("lab")
    port = free_port()
    own = {name: str(folder / ".jupyter" / name) for name in ("config", "data", "runtime", "settings")}
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": own["config"],
        "JUPYTER_DATA_DIR": own["data"],  # beside it, the extensions of the environment are found
        "JUPYTER_RUNTIME_DIR": own["runtime"],
        "JUPYTERLAB_SETTINGS_DIR": own["settings"],
        "JUPYTERLAB_WORKSPACES_DIR": own["settings"],
        "IPYTHONDIR": str(folder / ".ipython"),
        "LABKIT_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    settings = Path(own["settings"]) / "@jupyterlab"
    for extension, values in {
        # Nothing that asks the network, or the user.
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"autoStartDefaultKernel": True, "windowingMode": "none"},
        "docmanager-extension/plugin": {"autosave": False},
    }.items():
        file = settings / f"{extension}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    # The debugger complains on the console when a page is closed before its kernel has answered.
    disabled = Path(own["config"]) / "labconfig" / "page_config.json"
    disabled.parent.mkdir(parents=True)
    disabled.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/debugger-extension": True}}))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}"]
    command += [f"--notebook-dir={folder}", "--LabApp.news_url=", "--LabApp.extension_manager=readonly"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/api?token={TOKEN}", server)
        yield Lab(url, folder, server.pid)
    finally:
        end(server)


@pytest.fixture
def served(watched: Watched, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Serves a dashboard as `labkit dashboard` does; returns the address with its token."""
    servers = []

    def serve(name: str, *options: str) -> str:
        command = [sys.executable, "-m", "labkit", "dashboard", name, "--no-browser", "--json", *options]
        with (tmp_path / "log").open("w") as log:
            # Whoever runs the tests in the background has Ctrl-C ignored, which a child would inherit.
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log)
            signal.signal(signal.SIGINT, before)
        servers.append(server)
        assert server.stdout is not None
        url = str(json.loads(server.stdout.readline())["url"])
        watched.hosts.add(urlsplit(url).netloc)
        return url

    yield serve
    for server in servers:
        assert server.stdout is not None
        with server.stdout:
            assert end(server, signal.SIGINT) in (0, 130)


@pytest.fixture
def watched(lab: Lab) -> Watched:
    return Watched({urlsplit(lab.url).netloc})


@pytest.fixture
def page(browser: Browser, watched: Watched, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page whose console and requests are watched; an error or a foreign host fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(120_000)  # a busy machine is slow, and no test waits for what must not come
    watched.follow(opened)
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", request.node.name).strip("-")
    opened.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    context.close()
    assert watched.faults == []


@pytest.fixture
def open_notebook(lab: Lab, page: Page, request: pytest.FixtureRequest) -> OpenNotebook:
    """Writes a notebook, opens it, runs all its cells and waits until the last one is through."""

    def open_(*cells: str, seconds: float = 240) -> Page:
        path = lab.write(re.sub(r"\W+", "_", request.node.name), list(cells))
        page.goto(f"{lab.url}/doc/tree/{path.name}?token={TOKEN}")
        page.locator(".jp-NotebookPanel").wait_for(timeout=120_000)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=120_000)
        page.wait_for_timeout(2000)  # the widgets' manager asks the kernel what there is to show
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
        for _ in range(5):  # what is asked while the kernel's connection is being made can be lost
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            try:
                expect(prompts.first).to_have_text(re.compile(r"\[(\*|\d+)\]"), timeout=5000)
                break
            except AssertionError:
                continue
        expect(prompts.last).to_have_text(re.compile(r"\[\d+\]"), timeout=seconds * 1000)
        return page

    return open_


@pytest.fixture
def docking_run(open_notebook: OpenNotebook, lab: Lab) -> Iterator[tuple[Page, Run]]:
    """The campaign dashboard, and a run that docks and docks, started there; two molecules are docked."""
    (lab.folder / "small.toml").write_text(DOCKING)
    page = open_notebook("from labkit.dashboards import dashboard\ndashboard('campaign')")
    start = page.locator(".jupyter-button", has_text=re.compile("^Start$"))  # its name holds an icon's letter
    if not start.is_visible():
        page.get_by_text("Start a run").click()
    enter(page, "or a campaign's file", "small.toml")
    enter(page, "workers", "1")
    known = set(lab.folder.glob("runs/small-*/manifest.json"))
    start.click()
    (made,) = until(page, lambda: set(lab.folder.glob("runs/small-*/manifest.json")) - known)
    run = Run(made.parent)
    try:
        until(page, lambda: docked(run) >= 2)
        expect(page.get_by_text(re.compile(rf"{run.folder.name}.* is running"))).to_be_visible()
        yield page, run
    finally:
        if run.status in ("running", "paused"):
            run.steer("stop")


def docked(run: Run) -> int:
    """How many molecules a run has docked."""
    with run.journal() as journal:
        return int(journal.counts().get("docking", 0))
