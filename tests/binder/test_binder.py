"""What Binder makes of `binder/`, without a container: the same steps in a fresh environment, and a server.

`steps.txt` holds what repo2docker's Dockerfile does with `binder/`. A slow test asks repo2docker itself,
another carries the steps out; both need a package index.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = Path(__file__).with_name("steps.txt").read_text()
MEMORY_GB = 2.0  # most that mybinder.org gives; 1 GB is sure
# What repo2docker reads, and only in binder/ where there is such a folder.
CONFIGURATION = (
    "environment.yml Pipfile requirements.txt setup.py apt.txt runtime.txt Dockerfile start postBuild"
)
# What it installs before our requirements: the packages its environment.yml names.
BASE = (
    "ipywidgets jupyter-offlinenotebook jupyter-resource-usage jupyter_server jupyterhub jupyterlab notebook"
)
TOKEN = "binder-tests"


def test_binder_holds_what_the_steps_need() -> None:
    folder = ROOT / "binder"
    assert {path.name for path in folder.iterdir()} == set(re.findall(r"binder/(\w[\w.]*)", STEPS)) | {
        "runtime.txt"
    }
    (version,) = re.findall(r"python=(\S+)", STEPS)
    assert (folder / "runtime.txt").read_text().strip() == f"python-{version}"
    for name in ("postBuild", "start"):
        assert os.access(folder / name, os.X_OK), name
        assert (folder / name).read_text().startswith("#!/usr/bin/env bash\n"), name
    assert "\nset -e\n" in (folder / "postBuild").read_text()
    assert (folder / "start").read_text().endswith('\nexec "$@"\n')
    assert not [name for name in CONFIGURATION.split() if (ROOT / name).exists()], "Binder doesn't see it"


def _run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return str(done.stdout + done.stderr)


@pytest.fixture(scope="module")
def python312(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of Binder's version."""
    known = [shutil.which("python3.12"), *Path.home().glob(".pyenv/versions/3.12*/bin/python3.12")]
    for path in filter(None, known):
        # A shim is there for every version that pyenv knows, and runs only one that is chosen.
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return Path(path)
    pytest.skip("no Python 3.12, which is Binder's, on this machine")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, which is what Binder gets."""
    folder = tmp_path_factory.mktemp("home")
    archive = folder.with_suffix(".tar")
    _run("git", "archive", "-o", archive, "HEAD", cwd=ROOT)
    _run("tar", "-xf", archive, "-C", folder)
    return folder


@pytest.fixture(scope="module")
def repo2docker(python312: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with repo2docker."""
    folder = tmp_path_factory.mktemp("repo2docker")
    _run(python312, "-m", "venv", folder)
    _run(folder / "bin" / "pip", "install", "jupyter-repo2docker==2026.4.0")
    return folder


@pytest.mark.slow
def test_repo2docker_would_take_these_steps(repo2docker: Path, home: Path) -> None:
    told = _run(repo2docker / "bin" / "jupyter-repo2docker", "--no-build", "--debug", home)
    lines = [line for line in told.splitlines() if re.match(r"(RUN|ENV) .*binder/|CMD|Building conda", line)]
    assert sorted(lines) == sorted(STEPS.splitlines())


@pytest.fixture(scope="module")
def environment(
    python312: Path, repo2docker: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Variables of a fresh environment in which repo2docker's packages and our steps were installed."""
    folder = tmp_path_factory.mktemp("environment")
    _run(python312, "-m", "venv", folder)
    (lock,) = repo2docker.glob("lib/*/site-packages/repo2docker/buildpacks/conda/*py-3.12-linux-64.lock")
    locked = dict(re.findall(r"/([a-z][\w-]*?)(?:-base)?-(\d[\d.]*)-", lock.read_text()))
    _run(folder / "bin" / "pip", "install", *(f"{name}=={locked[name]}" for name in BASE.split()))
    variables = {"KERNEL_PYTHON_PREFIX": str(folder), "REPO_DIR": str(home), "HOME": str(home)}
    variables["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "LABKIT"))}
    for step in re.findall(r"^RUN (.*)$", STEPS, re.MULTILINE):
        _run("bash", "-c", step, cwd=home, env=given | variables)
    return given | variables


def _page(url: str, server: subprocess.Popen[bytes], seconds: float = 300) -> str:
    """A page, as soon as the server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}?token={TOKEN}", timeout=seconds) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):  # it answers, and isn't well
                raise
        assert server.poll() is None and time.monotonic() < end, f"no answer from {url}"
        time.sleep(0.5)


@contextmanager
def _memory() -> Iterator[list[float]]:
    """Sums of the proportional set sizes of all that this process has started, GB, twice a second."""
    sums: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            total = 0
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    total += child.memory_full_info().pss
            sums.append(total / 1e9)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield sums
    finally:
        over.set()
        watch.join()


@pytest.mark.slow
def test_binder_serves_the_lab_and_the_report_within_its_memory(
    environment: dict[str, str], home: Path
) -> None:
    # The classic interface of repo2docker's own is older than our lab, and nothing here opens it.
    faults = subprocess.run(["pip", "check"], env=environment, capture_output=True, text=True, check=False)
    assert [
        line for line in faults.stdout.splitlines() if re.match(r"(?!notebook |No broken)\S+ \d", line)
    ] == []
    start = home / "binder" / "start"
    port, url = "18765", "http://127.0.0.1:18765"
    command = [start, "jupyter", "lab", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command += ["--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    try:
        assert "<title>JupyterLab" in _page(f"{url}/lab/tree/notebooks/00_start.ipynb", server)
        with _memory() as sums_gb:
            report = _page(f"{url}/voila/render/notebooks/99_report.ipynb", server)
            assert "The best molecules" in report and "The quantum solver against the exact answer" in report
            assert "Traceback" not in report and "There was an error" not in report
            # As from a terminal beside the page, which keeps its kernel.
            command = ["labkit", "notebooks", "00_start", "01_molecules", "--out", "out", "--json"]
            _run(*command, cwd=home, env=environment)
        print(f"{max(sums_gb):.2f} GB at the peak")
        assert 0.2 < max(sums_gb) < MEMORY_GB
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
