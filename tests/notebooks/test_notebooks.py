"""Every notebook runs headless, and stands in the repository the way it should."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run
from labkit.molecules import canonical_smiles, read_dimer, read_smiles_file
from labkit.runner import NotebookResult, list_notebooks, notebook_path, report, run_notebook

from .conftest import assert_clean

REPORTS = ["99_report", "99_report_triplet"]
CHAPTERS = [name for name in list_notebooks() if name not in REPORTS]

# The others train, dock, solve and sample for half a minute and more: they run in test_whole_course.py.
QUICK = ["00_start", "01_molecules", "08_ai_factory", "09_energy_and_sovereignty"]


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return cells


def _text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("name", [*CHAPTERS, *REPORTS])
def test_notebooks_are_kept_without_output_and_with_literal_parameters(name: str) -> None:
    cells = _cells(notebook_path(name))
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    (parameters,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    for statement in ast.parse(_text(parameters)).body:
        assert isinstance(statement, ast.Assign)
        ast.literal_eval(statement.value)


@pytest.mark.parametrize("name", QUICK)
def test_quick_chapters_run(name: str, finished_run: Run, tmp_path: Path) -> None:
    parameters = {"run": str(finished_run.folder)} if name == "00_start" else {}
    _assert_runs(name, parameters, tmp_path)


def test_poses_are_replayed_where_vina_is_missing_and_dimers_written_for_the_next_chapter(
    tmp_path: Path,
) -> None:
    parameters = {"live": False, "contacts": 2, "out": str(tmp_path / "dimers")}
    _assert_runs("04_docking_and_contacts", parameters, tmp_path)
    written = sorted((tmp_path / "dimers").glob("*.xyz"))
    assert [path.stem for path in written] == ["ILE360_backbone", "MET318_backbone"]
    assert read_dimer(written[0]).charge == 1


@pytest.mark.slow
def test_the_small_model_of_chapter_02_is_steered_in_chapter_03(tmp_path: Path) -> None:
    _assert_runs("02_language_model", {"out": str(tmp_path / "model")}, tmp_path)
    parameters = {"prior": str(tmp_path / "model" / "small.safetensors"), "out": str(tmp_path / "best")}
    _assert_runs("03_steering_generation", parameters | {"rounds": 2, "careless_rounds": 2}, tmp_path)
    best = read_smiles_file(tmp_path / "best" / "steered.smi")
    assert len(set(best)) == 10 and best == [canonical_smiles(smiles) for smiles in best]


def _assert_runs(name: str, parameters: dict[str, Any], tmp_path: Path) -> None:
    result: NotebookResult = run_notebook(name, parameters, tmp_path)
    assert (result.status, result.error) == ("done", None)
    assert_clean(result.notebook, result.html.read_text())


@pytest.mark.parametrize(
    "kind",
    [
        "broken_run",
        "plain_run",
        "triplet_run",
        pytest.param("interrupted_triplet_run", marks=pytest.mark.slow),
        pytest.param("finished_run", marks=pytest.mark.slow),
        pytest.param("interrupted_run", marks=pytest.mark.slow),
    ],
)
def test_the_report_of_any_run_can_be_written(kind: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(kind)
    page = report(run)
    assert page == run.folder / "report.html"
    text = page.read_text()
    assert_clean(run.folder / "report.ipynb", text)
    assert "ReportView" not in text  # the page shows no code
    docks = run.specification.docking is not None
    own = "What the quantum step changed" if docks else "Triplet energies, round by round"
    for title in ("In short", "The best molecules", own, "Time and energy"):
        assert title in text
    assert run.manifest["run"] in text
