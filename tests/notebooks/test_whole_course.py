"""All notebooks as one command runs them: offline, in bounds of time and memory, and twice the same.

Each starts from what ships with labkit, with nothing known from an earlier run: none needs another one, and
their order doesn't matter.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labkit.runner import list_notebooks

from .conftest import assert_clean
from .test_course import CHAPTERS, TAKES, text_of

pytestmark = pytest.mark.slow

# In a network namespace of its own a process has no network, and even its loopback has to be switched on.
ALONE = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x49))
os.execv(sys.executable, [sys.executable, "-m", "labkit", *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def offline() -> list[str]:
    """The beginning of a labkit command that has no network."""
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", ALONE]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespace of one's own here: {done.stderr.strip()}")
    return command


@pytest.fixture(scope="module")
def course(offline: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _run(offline, tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def course_again(offline: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _run(offline, tmp_path_factory.mktemp("again"))


def _run(offline: list[str], folder: Path) -> dict[str, Any]:
    """What `labkit notebooks` answers, by notebook; nothing is known from an earlier run."""
    environment = os.environ | {"LABKIT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [*offline, "notebooks", "--workers", "2", "--json", "--out", str(folder / "out")]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=3600
    )
    answer = json.loads(done.stdout or "null")
    assert answer is not None, done.stderr
    assert Path(answer["report"]).is_file()
    return {one["name"]: one for one in answer["notebooks"]}


def test_all_notebooks_take_twenty_minutes_together_at_most(course: dict[str, Any]) -> None:
    assert list(course) == list_notebooks()
    # Of two cores' time, since the tests may share the machine.
    assert sum(one["cpu_seconds"] for one in course.values()) <= 2 * 20 * 60


@pytest.mark.parametrize("name", list_notebooks())
def test_each_runs_alone_offline_without_a_warning(name: str, course: dict[str, Any]) -> None:
    result = course[name]
    assert (result["status"], result["error"], result["warnings"]) == ("done", None, [])
    assert_clean(Path(result["notebook"]), Path(result["html"]).read_text())
    assert result["cpu_seconds"] <= 180 and result["peak_mb"] <= 2000


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_takes_what_it_says(name: str, course: dict[str, Any]) -> None:
    said = TAKES.search(" ".join(text_of(name).split()))
    assert said is not None
    seconds, megabytes = (float(number.replace(",", "")) for number in said.groups())
    assert 0.75 * megabytes <= course[name]["peak_mb"] <= 1.25 * megabytes
    # Processors differ, and one that is shared is slower.
    assert seconds / 3 <= course[name]["cpu_seconds"] <= 2 * seconds + 5


@pytest.mark.parametrize("name", list_notebooks())
def test_the_same_seed_shows_the_same(
    name: str, course: dict[str, Any], course_again: dict[str, Any]
) -> None:
    once, again = (_shown(Path(run[name]["notebook"])) for run in (course, course_again))
    assert len(once) >= 3
    assert once == again


def _shown(notebook: Path) -> list[tuple[str, list[Any]]]:
    """Cells and what they show, but for those tagged "clock", which show time or energy just measured."""
    return [
        (cell.source, [{**output, "execution_count": None} for output in cell.outputs])
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.cell_type == "code" and "clock" not in cell.metadata.get("tags", [])
    ]
