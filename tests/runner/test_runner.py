import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import pytest

from labkit.campaign import Run
from labkit.errors import EvaluationError, InputError
from labkit.runner import list_notebooks, notebook_path, report, run_notebook, run_notebooks


def _write(
    folder: Path, *sources: str, metadata: Mapping[str, object] | None = None, name: str = "own"
) -> Path:
    """A notebook of code cells; text that begins with # is Markdown, the first cell holds parameters."""
    cells = [
        nbformat.v4.new_markdown_cell(source)
        if source.startswith("# ")
        else nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"] if i == 0 else []})
        for i, source in enumerate(sources)
    ]
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={**spec, **(metadata or {})}), path)
    return path


def _texts(cells: Sequence[Mapping[str, object]]) -> str:
    return json.dumps([cell.get("outputs", []) for cell in cells])


def test_a_notebook_runs_with_its_parameters_and_without_a_network_in_its_page(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "size = 1",
        "# Text with $E_\\mathrm{int}$ and `$HOME` and\n\n$$a = \\frac{b}{c}$$",
        "print('got', 2 * size)",
    )
    result = run_notebook(path, {"size": 21}, tmp_path / "out")
    assert (result.name, result.status, result.error) == ("own", "done", None)
    assert "got 42" in _texts(json.loads(result.notebook.read_text())["cells"])
    page = result.html.read_text()
    assert "got 42" in page
    assert "<script" not in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert len(re.findall(r'alt="(?:E_\\mathrm{int}|a = \\frac{b}{c})"', page)) == 2
    assert "$HOME" in page


def test_notebooks_run_side_by_side_and_share_a_page(tmp_path: Path) -> None:
    there = "from pathlib import Path; import os, time\n"
    meet = "here.touch()\nwhile not other.exists():\n    time.sleep(0.05)"  # for ever, one after the other
    paths = [
        _write(
            tmp_path,
            "size = 1",
            f"{there}here, other = Path({str(tmp_path / own)!r}), Path({str(tmp_path / other)!r})\n{meet}",
            "print('size', size)",
            "import warnings; warnings.warn('mind the gap')" if own == "b" else "raise ValueError('none')",
            name=own,
        )
        for own, other in (("a", "b"), ("b", "a"))
    ]
    own = _write(tmp_path, "width = 2", "print('width', width)", name="c")
    out = tmp_path / "out"
    a, b, c = run_notebooks([*paths, own], {"size": 7}, out, workers=2)
    assert [(one.name, one.status, one.error) for one in (a, b, c)] == [
        ("a", "failed", "ValueError: none"),
        ("b", "done", None),
        ("c", "done", None),
    ]
    assert a.warnings == c.warnings == () and "mind the gap" in b.warnings[0]
    for one, told in ((a, "size 7"), (b, "size 7"), (c, "width 2")):
        assert told in one.html.read_text()
    page = (out / "index.html").read_text()
    for told in ('<a href="a.html">a</a>', "ValueError: none", "mind the gap", "3 notebooks", "2 done"):
        assert told in page
    assert "<script" not in page and "http" not in page


def test_a_parameter_that_no_notebook_has_is_told_before_one_runs(tmp_path: Path) -> None:
    paths = [_write(tmp_path, f"{name} = 1", name=name) for name in ("size", "width")]
    with pytest.raises(InputError, match="asked for has a parameter 'sise'; they have: size, width"):
        run_notebooks(paths, {"sise": 2}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_processor_time_is_that_of_the_kernel_and_its_children(tmp_path: Path) -> None:
    burn = "import time\nend = time.process_time() + 2\nwhile time.process_time() < end: pass"
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)"
    result = run_notebook(_write(tmp_path, "x = 1", child), {}, tmp_path / "out")
    assert 2 < result.cpu_seconds < 8


def test_a_failed_notebook_is_kept_with_its_error(tmp_path: Path) -> None:
    path = _write(
        tmp_path, "x = 1", "print('before')", "raise ValueError('no such molecule')", "print('after')"
    )
    result = run_notebook(path, {}, tmp_path / "out")
    assert (result.status, result.error) == ("failed", "ValueError: no such molecule")
    kept = result.notebook.read_text()
    assert "before" in kept and "no such molecule" in kept
    assert "no such molecule" in result.html.read_text()


def test_a_kernel_that_dies_fails_the_notebook(tmp_path: Path) -> None:
    path = _write(tmp_path, "x = 1", "import os; os._exit(3)")
    result = run_notebook(path, {}, tmp_path / "out")
    assert result.status == "failed"
    assert result.error is not None and "kernel" in result.error.lower()


def test_peak_memory_is_that_of_the_kernel_and_its_children(tmp_path: Path) -> None:
    use = "import time; block = bytearray(b'x') * 150_000_000; time.sleep(1.5)"
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {use!r}], check=True)"
    result = run_notebook(_write(tmp_path, "x = 1", child), {}, tmp_path / "out")
    assert 165 < result.peak_mb < 400  # the block, its interpreter and the kernel, shared pages in part


def test_a_kernel_is_found_in_an_empty_environment(tmp_path: Path) -> None:
    path = _write(tmp_path, "x = 1", "import sys; print(sys.executable)")
    code = f"from labkit.runner import run_notebook; print(run_notebook({str(path)!r}, {{}}, 'out').status)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "done"
    assert done.stderr == ""  # not a terminal: no progress bar, and nothing to warn of
    assert sys.executable in (tmp_path / "out" / "own.ipynb").read_text()


def test_code_is_hidden_where_the_notebook_asks_for_it(tmp_path: Path) -> None:
    path = _write(tmp_path, "x = 1", "print(6 * 7)", metadata={"labkit": {"show_code": False}})
    page = run_notebook(path, {}, tmp_path / "out").html.read_text()
    assert "42" in page and "print(" not in re.sub(r"<[^>]*>", "", page)


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no notebook '07_nothing'; .* 00_start, .*99_report"):
        run_notebook("07_nothing", {}, tmp_path)
    path = _write(tmp_path, "size = 1")
    with pytest.raises(InputError, match="own has no parameter 'sise'; it has: size"):
        run_notebook(path, {"sise": 2}, tmp_path / "out")
    with pytest.raises(InputError, match="holds the notebook itself"):
        run_notebook(path, {}, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"output folder '.*file/out' can't be written"):
        run_notebook(path, {}, tmp_path / "file" / "out")
    (tmp_path / "none.ipynb").write_text("{}")
    with pytest.raises(InputError, match="is no notebook"):
        run_notebook(tmp_path / "none.ipynb", {}, tmp_path / "out")


def test_notebooks_are_known_with_and_without_their_numbers() -> None:
    assert {"00_start", "01_molecules", "99_report"} <= set(list_notebooks())
    # It has nothing to tell until it is given a run.
    assert "99_report_triplet" not in list_notebooks()
    assert notebook_path("report_triplet").name == "99_report_triplet.ipynb"
    assert notebook_path("molecules") == notebook_path("01_molecules") == notebook_path("01_molecules.ipynb")


def test_a_report_that_fails_keeps_the_earlier_one(make_run: object, tmp_path: Path) -> None:
    run: Run = make_run()  # type: ignore[operator]
    (run.folder / "report.html").write_text("earlier")
    for pose in (run.folder / "poses").iterdir():
        pose.unlink()
    with pytest.raises(EvaluationError, match=r"the report of .* failed: .*; see .*report-failed.ipynb"):
        report(run)
    assert (run.folder / "report.html").read_text() == "earlier"
    assert "poses" in (run.folder / "report-failed.html").read_text()


def test_the_environment_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ)
    run_notebook(_write(tmp_path, "x = 1"), {}, tmp_path / "out")
    assert dict(os.environ) == before
