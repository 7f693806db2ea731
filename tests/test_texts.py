"""What people read, pages and chapters: links lead somewhere, DOIs are DOIs, words are spelt right, in en-GB.

Code is left out here: a page's is run in tests/docs, a chapter's in tests/notebooks.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import codespell_lib
import mistune
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "data/**/*.md", "benchmarks/*.md", "notebooks/**/*.ipynb")
    for path in ROOT.glob(pattern)
    if "runs" not in path.parts and ".ipynb_checkpoints" not in path.parts
)
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]

# A prefix, a slash, and a suffix that doesn't end in the punctuation of a sentence (doi.org's handbook, 2.2).
DOI = re.compile(r"10\.\d{4,9}/[-._;()<>/:A-Za-z0-9]*[A-Za-z0-9)>/]")

# Right in British English, too: a meter measures, a computer runs a program, a quantum computer is analog.
BOTH = {"analog", "check", "checks", "disk", "disks", "license", "meter", "meters", "program", "programs"}


def _inside(tokens: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tokens in order, each before those inside it."""
    for token in tokens:
        yield token
        yield from _inside(token.get("children", []))


@cache
def _tokens(path: Path) -> tuple[dict[str, Any], ...]:
    """Every piece of a page; of a notebook, of its cells of text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    parsed = mistune.create_markdown(renderer="ast", plugins=["table", "math"])(text)
    assert isinstance(parsed, list)
    return tuple(_inside(parsed))


def _prose(path: Path) -> str:
    """The words of a page, without code, formulas and addresses."""
    kept = (
        "text",
        "block_html",
        "inline_html",
        "softbreak",
        "paragraph",
        "block_text",
        "heading",
        "table_cell",
    )
    pieces = [token.get("raw", "\n") for token in _tokens(path) if token["type"] in kept]
    return re.sub(r"<[^>]*>|`[^`]*`|https?://\S+", " ", "".join(pieces))


def _addresses(path: Path) -> list[str]:
    found = [token["attrs"]["url"] for token in _tokens(path) if token["type"] in ("link", "image")]
    html = "".join(token["raw"] for token in _tokens(path) if token["type"] in ("block_html", "inline_html"))
    return found + re.findall(r'(?:href|src)="([^"]+)"', html)


def _anchors(path: Path) -> set[str]:
    """Names of a page's headings, as GitHub makes them and as JupyterLab does."""
    headings = [token["children"] for token in _tokens(path) if token["type"] == "heading"]
    titles = ["".join(token.get("raw", "") for token in _inside(words)).strip() for words in headings]
    github = {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}
    return github | {title.replace(" ", "-") for title in titles}


def test_there_is_something_to_read() -> None:
    assert {"README.md", "docs/decisions.md", "notebooks/00_start.ipynb"} <= set(NAMES)
    for name in NAMES:
        assert len(_prose(ROOT / name).split()) > 20, name


@pytest.mark.parametrize("name", NAMES)
def test_links_inside_the_repository_resolve(name: str) -> None:
    for address in _addresses(ROOT / name):
        if re.match(r"[a-z]+:", address):
            continue
        file, _, anchor = unquote(address).partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name}: '{address}' leads nowhere"
        assert path.resolve().is_relative_to(ROOT), f"{name}: '{address}' leads out of the repository"
        if anchor:
            assert anchor in _anchors(path.resolve()), f"{name}: '{address}': no such heading"


@pytest.mark.parametrize("name", NAMES)
def test_dois_are_well_formed_and_pictures_described(name: str) -> None:
    for address in _addresses(ROOT / name):
        if "doi.org" in address:
            doi = unquote(address.removeprefix("https://doi.org/"))
            assert DOI.fullmatch(doi), f"{name}: '{address}'; https://doi.org/10.… is wanted"
    for text in re.findall(r"(?i)\bdoi[: ]\s*(\S+)", _prose(ROOT / name)):
        assert DOI.match(text), f"{name}: 'doi:{text}'"
    for token in _tokens(ROOT / name):
        if token["type"] == "image":
            assert token["children"], f"{name}: picture '{token['attrs']['url']}' has no alternative text"


def test_dois_in_the_code_are_well_formed() -> None:
    for path in [*(ROOT / "labkit").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for text in re.findall(r"(?i)doi(?:\.org/|: ?)(\S+)", path.read_text(encoding="utf-8")):
            assert DOI.match(text), f"{path.relative_to(ROOT)}: 'doi:{text}'"


def test_words_are_spelt_right(tmp_path: Path) -> None:
    """By a list of known misspellings (codespell), in the pages' words and in all of the code."""
    for path, name in zip(PAGES, NAMES, strict=True):
        (tmp_path / name.replace("/", "-")).with_suffix(".txt").write_text(_prose(path))
    command = [Path(sys.executable).parent / "codespell", "--quiet-level=3", "--skip=*/cache/*,*/searches/*"]
    command += [tmp_path, "labkit", "benchmarks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_words_are_spelt_as_in_britain() -> None:
    file = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
    british = {}
    for line in file.read_text().splitlines():
        ours, _, theirs = line.partition("->")
        british |= {word.strip(): ours for word in theirs.split(",") if word.strip()}
    for word in BOTH:
        british.pop(word, None)
    assert british["color"] == "colour"
    for path, name in zip(PAGES, NAMES, strict=True):
        own = re.sub(r'"[^"]{,200}"', "", _prose(path).lower())  # titles are quoted as they are
        for word in set(re.findall(r"[a-z]+", own)):
            assert word not in british, f"{name}: '{word}'; '{british[word]}' in en-GB"
