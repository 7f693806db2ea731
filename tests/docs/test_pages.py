"""The commands of every page in docs/ are carried out, in order, and print what the page says.

A fenced block's info string says what becomes of it: `bash` and `python` are run in a folder that looks like
a checkout, `… file=NAME` is written there, `text` after a block is what that prints (`…` stands for
anything), `bash not-run` is for what a test must not do, such as installing packages.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mistune
import pytest

from labkit.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICK = ["gpu", "install", "instructors"]  # the others sample, dock, search and simulate


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the words behind that, what it holds."""

    language: str
    words: tuple[str, ...]
    code: str

    @property
    def file(self) -> str | None:
        """Where it is to be written."""
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)


def _blocks(page: Path) -> list[Block]:
    def walk(tokens: list[dict[str, Any]]) -> list[Block]:
        found = []
        for token in tokens:
            if token["type"] == "block_code":
                language, *words = token.get("attrs", {}).get("info", "").split() or [""]
                found.append(Block(language, tuple(words), token["raw"]))
            found += walk(token.get("children", []))
        return found

    parsed = mistune.create_markdown(renderer="ast")(page.read_text(encoding="utf-8"))
    assert isinstance(parsed, list)
    return walk(parsed)


def _runs(block: Block) -> bool:
    return block.language in ("bash", "python") and "not-run" not in block.words and block.file is None


RUN = [page for page in PAGES if page.name != "README.md" and any(_runs(block) for block in _blocks(page))]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with labkit's code, which a page may change, and its data, which it may not."""
    folder = tmp_path / "labkit"
    shutil.copytree(ROOT / "labkit", folder / "labkit")
    for name in ("data", "notebooks", "tests", "binder"):
        (folder / name).symlink_to(ROOT / name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(folder))  # its own code, not the one that is installed
    for name in ("LABKIT_CACHE", "LABKIT_DATA"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("LABKIT_COUNTRY", raising=False)
    return folder


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[pytest.mark.slow] * (p.stem not in QUICK), id=p.stem) for p in RUN]
)
def test_a_page_does_what_it_says(page: Path, checkout: Path) -> None:
    printed = None
    for block in _blocks(page):
        if block.file is not None:
            (checkout / block.file).write_text(block.code, encoding="utf-8")
        elif _runs(block):
            shell = ["bash", "-euo", "pipefail"] if block.language == "bash" else [sys.executable, "-"]
            done = subprocess.run(
                shell, input=block.code, cwd=checkout, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{block.code}\n{done.stdout}{done.stderr}"
            printed = done.stdout
        elif block.language == "text" and printed is not None:
            assert re.fullmatch(_pattern(block.code), printed.strip()), f"{block.code}\nis not\n{printed}"
            printed = None


def _pattern(expected: str) -> str:
    return "(?s:.*?)".join(re.escape(part) for part in expected.strip().split("…"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_on_a_page_exist(page: Path) -> None:
    """Also those that no test carries out: their options are those that `labkit` knows."""
    for block in _blocks(page):
        if block.language not in ("bash", "console"):
            continue
        for line in block.code.replace("\\\n", " ").splitlines():
            for match in re.finditer(r"(?:^|[;&|(] *|srun |bin/)labkit +([^|;&>]*?)(?=$|\\d?[|;&>])", line):
                try:
                    _parser().parse_args(shlex.split(match[1], comments=True))
                except SystemExit as end:
                    assert end.code == 0, f"{page.name}: {line.strip()}"


def test_changes_that_a_page_proposes_fit_the_code() -> None:
    diffs = [block for block in _blocks(ROOT / "docs" / "add-an-oracle.md") if block.language == "diff"]
    assert len(diffs) == 5
    for diff in diffs:
        check = ["git", "apply", "--check", "-"]
        done = subprocess.run(check, input=diff.code, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the code beside these lines has changed:\n{diff.code}{done.stderr}"


def test_the_modules_of_the_route_are_there() -> None:
    named = re.findall(r"\b\w+/_\w+", (ROOT / "docs" / "architecture.md").read_text())
    assert len(named) > 10
    for name in named:
        assert (ROOT / "labkit" / f"{name}.py").is_file(), name


def test_instructors_are_told_the_chapters_own_times() -> None:
    rows = re.findall(
        r"\]\(\.\./(notebooks/\d\d_\w+\.ipynb)\) \|(.*)", (ROOT / "docs/instructors.md").read_text()
    )
    assert len(rows) == 11
    for name, told in rows[:10]:
        cells = json.loads((ROOT / name).read_text())["cells"]
        text = " ".join("".join("".join(cell["source"]) for cell in cells).split())
        (measured,) = re.findall(r"about (\d+ s) of processor time and ([\d,.]+ [MG]B) \(measured\)", text)
        _, seconds, memory, *_ = (part.strip() for part in told.split("|"))
        assert (seconds, memory) == measured, name


def test_the_test_tells_right_from_wrong() -> None:
    assert re.fullmatch(_pattern("a (1)\n… seconds\nz"), "a (1)\nb\nc 2 seconds\nz")
    assert not re.fullmatch(_pattern("a (1)\n… seconds\nz"), "a (1)\nb\nc 2 minutes\nz")
    assert [b.language for b in _blocks(ROOT / "README.md")].count("bash") >= 3
