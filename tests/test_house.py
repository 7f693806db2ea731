"""The rules of the house that a tool can check."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
HEAVY = {"jax", "numpy", "rdkit", "pyscf", "qiskit", "ffsim", "scipy", "pandas", "pydantic", "matplotlib"}


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def _tracked() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git checkout")
    # A file may be deleted and not committed yet.
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_ruff_finds_nothing() -> None:
    _run(BIN / "ruff", "check", ".")


def test_all_code_is_formatted() -> None:
    _run(BIN / "ruff", "format", "--check", ".")


def test_types_are_right() -> None:
    _run(BIN / "mypy")


def test_imports_point_downwards() -> None:
    _run(BIN / "lint-imports")


def test_every_data_file_is_as_published() -> None:
    data = ROOT / "data"
    lines = (data / "SHA256SUMS").read_text().splitlines()
    published = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert len(published) == len(lines)
    # The list itself can't be in it; runs/ is what labkit wrote, each with its own manifest.
    tracked = {path.relative_to(data).as_posix() for path in _tracked() if path.is_relative_to(data)}
    assert {name for name in tracked if not name.startswith("runs/")} - {"SHA256SUMS"} == published.keys()
    for name, digest in published.items():
        assert hashlib.sha256((data / name).read_bytes()).hexdigest() == digest, name


def test_every_data_folder_says_where_it_comes_from() -> None:
    folders = {path.parent for path in (ROOT / "data").glob("*/*")} - {ROOT / "data" / "campaigns"}
    for folder in folders - {ROOT / "data" / "runs"}:
        text = (folder / "README.md").read_text().lower()
        assert "licen" in text, folder


@pytest.mark.parametrize("module", ["labkit", "labkit.cli", "labkit.errors"])
def test_importing_costs_nothing(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("file", ["binder/requirements.txt", "tests/requirements.txt"])
def test_requirements_are_locked_with_hashes_and_name_no_index(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "://" not in text and "index-url" not in text and "find-links" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text).strip())
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    # Split, so that this file isn't one of them.
    foreign = [("/wo" + "rk/").encode(), ("/ro" + "ot/").encode(), ("../sha" + "red").encode()]
    for path in _tracked():
        content = path.read_bytes()
        for text in foreign:
            assert text not in content, f"{path.relative_to(ROOT)} holds {text.decode()}"


def test_nothing_large_is_committed() -> None:
    for path in _tracked():
        assert path.stat().st_size <= 8_000_000, path


def test_notebooks_are_committed_without_output() -> None:
    notebooks = [path for path in _tracked() if path.suffix == ".ipynb" and "runs" not in path.parts]
    for path in notebooks:
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == [] and cell["execution_count"] is None, path.name


def test_nothing_is_unpickled_from_disk() -> None:
    for path in (ROOT / "labkit").rglob("*.py"):
        code = path.read_text()
        assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|shelve|cloudpickle)\b", code, re.M), path
        assert "allow_pickle=True" not in code, path


def test_tests_and_benchmarks_need_no_package_that_users_must_install() -> None:
    import tomllib

    core = " ".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    for tool in ("pytest", "hypothesis", "ruff", "mypy", "import-linter", "torch", "mlflow"):
        assert tool not in core
