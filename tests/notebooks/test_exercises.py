"""Exercises are made from solutions that are right, and wrong answers to them are told wrong."""

import ast
import json
from pathlib import Path

import nbformat
import pytest

from labkit.cli import main
from labkit.exercises import student_copy
from labkit.runner import list_notebooks, notebooks_folder, run_notebook

SOLUTIONS = sorted((notebooks_folder() / "solutions").glob("*.ipynb"))
QUICK = ("00_start", "09_energy_and_sovereignty")

# Where many answers are right, some that aren't; of all other answers the test makes its own.
WRONG = {
    "01.1": ['"CCO"', '"C1CC"', "inhibitors['imatinib']", '"CC(C)NC(=O)c1ccc(CN2CCOCC2)cc1Cl"'],
    "02.3": ['"CC(=O)Oc1ccccc1C(=O)O"', '"Cc1ccccc1"', '"C" * 30 + "("'],
    "03.2": ['{"logp": Desirability(direction="maximise", range=(0, 8))}', "{}", "None"],
    "06.3": ["0.003", "-1"],
}
BY_KIND = {
    "number": ["answer + 1", "answer - 1", "str(answer)", "None"],
    "text": ["answer[:-1]", "''", "0"],
    "list": ["answer[::-1]", "answer[1:]", "set(answer)"],
    "set": ["answer | {'another'}", "set(list(answer)[1:])", "sorted(answer)"],
}


def _marked(*quick: str) -> list[object]:
    return [
        pytest.param(path, id=path.stem, marks=() if path.stem in quick else pytest.mark.slow)
        for path in SOLUTIONS
    ]


def test_every_chapter_has_exercises() -> None:
    chapters = [name for name in list_notebooks() if not name.startswith("99")]
    assert [path.stem for path in SOLUTIONS] == chapters


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_exercises_are_in_step_with_their_solutions(solution: Path) -> None:
    made = student_copy(nbformat.read(solution, as_version=4))
    kept = nbformat.read(notebooks_folder() / "exercises" / solution.name, as_version=4)
    assert made == kept, "`labkit exercises` writes them anew"


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_exercises_ask_without_answering(solution: Path) -> None:
    cells = nbformat.read(solution, as_version=4).cells
    answers = [cell.source for cell in cells if "solution" in cell.metadata.get("tags", [])]
    exercise = student_copy(nbformat.read(solution, as_version=4))
    shown = [line for cell in exercise.cells for line in cell.source.splitlines()]
    assert 2 <= len(answers) == shown.count("answer = ...  # in place of the three dots") <= 3
    for answer in answers:
        (told,) = [line for line in answer.splitlines() if line.startswith("answer = ")]
        assert told not in shown


def test_all_exercises_are_written_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exercises", "--json", "--out", str(tmp_path)]) == 0
    written = json.loads(capsys.readouterr().out)["exercises"]
    assert [Path(path).name for path in written] == [path.name for path in SOLUTIONS]
    for path in map(Path, written):
        assert path.read_bytes() == (notebooks_folder() / "exercises" / path.name).read_bytes()


@pytest.mark.parametrize("solution", _marked(*QUICK))
def test_solutions_are_right_and_wrong_answers_are_not(solution: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(solution, as_version=4)
    asked = []
    for place, cell in reversed(list(enumerate(notebook.cells))):
        if cell.cell_type == "code" and cell.source.startswith("check("):
            exercise, wrong = _wrong_answers(cell.source)
            notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(wrong))
            asked.append(exercise)
    assert sorted(asked) == [f"{solution.stem[:2]}.{i + 1}" for i in range(len(asked))] and len(asked) >= 2
    nbformat.write(notebook, tmp_path / "solved.ipynb")

    outputs = _outputs(tmp_path / "solved.ipynb", tmp_path / "out")
    for exercise in asked:
        assert outputs[f'check("{exercise}"'] == "✔ right", exercise
        told = ast.literal_eval(outputs[f"# {exercise}"])
        assert len(told) >= 2 and not any(told), f"{exercise}: a wrong answer is told right, {told}"


@pytest.mark.parametrize("solution", _marked("00_start"))
def test_exercises_run_before_they_are_answered(solution: Path, tmp_path: Path) -> None:
    outputs = _outputs(notebooks_folder() / "exercises" / solution.name, tmp_path)
    verdicts = [text for start, text in outputs.items() if start.startswith("check(")]
    assert len(verdicts) >= 2
    assert set(verdicts) == {"✘ not yet: put your answer in place of the three dots"}


def _wrong_answers(source: str) -> tuple[str, str]:
    """The exercise that a cell checks, and a cell that lists what is told of wrong answers to it."""
    (statement,) = ast.parse(source).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    call = statement.value
    exercise, right = call.args[0], call.args[2]
    assert isinstance(exercise, ast.Constant) and isinstance(call.args[1], ast.Name)
    if isinstance(right, ast.Constant):
        wrong = list(BY_KIND[str(right.value).partition(":")[0]])
        for within in (keyword.value for keyword in call.keywords if keyword.arg == "within"):
            wrong[:2] = [f"answer {sign} 2.1 * {ast.unparse(within)}" for sign in "+-"]
    else:
        wrong = WRONG[str(exercise.value)]
    call.args[1] = ast.Name("wrong")
    listed = f"[{ast.unparse(call)}.right for wrong in ({', '.join(wrong)},)]"
    return str(exercise.value), f"# {exercise.value}, answered wrong\n{listed}"


def _outputs(notebook: Path, out: Path) -> dict[str, str]:
    """What each cell that ends in a value shows, by the beginning of its code."""
    result = run_notebook(notebook, {}, out)
    assert (result.status, result.error, result.warnings) == ("done", None, ())
    found = {}
    for cell in nbformat.read(result.notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "execute_result":
                found[cell.source.partition(",")[0]] = output.data["text/plain"]
    return found
