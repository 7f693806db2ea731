"""What the chapters say: all parts are there, and no number is quoted that nothing stands behind.

A quoted number is one in a chapter's words, outside formulas, code, references and the tasks at its end. The
ends of scales (0, 1, −1, 2), years and chapters' numbers don't count, nor does what belongs to a name, as in
4-phenylphenol or Regulation 2024/1364. Of the answers of quizzes and exercises those count that the question
doesn't hold. Each has to stand in `COMPUTED`, where data, code or arithmetic give it, or in `GIVEN`, with
where it was taken from; some numbers in words do, too. Time and memory are compared where a chapter is run.
"""

import json
import math
import random
import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from rdkit import Chem

from labkit.campaign._correlation import LEAST
from labkit.cluster import read_catalogue, read_links, read_scenario
from labkit.docking import _contacts, load_target
from labkit.molecules import load_abl1_inhibitors, load_zinc250k, nearest
from labkit.quantum import read_qpus
from labkit.runner import list_notebooks, notebooks_folder

CHAPTERS = [name for name in list_notebooks() if not name.startswith("99")]
EXERCISES = [f"exercises/{name}" for name in CHAPTERS]

PARTS = (
    "**After this chapter you can**",
    "**You need**",
    "**It takes**",
    "## Theory",
    "## Practical",
    "## Discussion and limits",
    "**Your turn.**",
    "## Quiz",
    "## References",
)
TAKES = re.compile(r"about (\d+) s of processor time and ([\d,]+) MB \(measured\), and no network\.")

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORDS = {0.1: "a tenth", 0.25: "a quarter", 0.4: "two fifths", 0.5: "half", 7: "a seventh", 17: "seventeen"}


def _label(zone: str) -> str:
    """The share of the federation's jobs whose data are bound to a zone."""
    labels = read_scenario("federation").labels
    return _WORDS[next(label.share for label in labels if label.zone == {zone})]


def _way() -> float:
    """Seconds across Europe and back."""
    return read_links()["wan"].round_trip_s


def _node_kw() -> tuple[float, float]:
    """A node of LUMI's at rest and at most."""
    lumi = read_catalogue().machines["LUMI"]
    assert lumi.node_power_idle_w is not None and lumi.node_power_peak_w is not None
    return lumi.node_power_idle_w / 1000, lumi.node_power_peak_w / 1000


def _shot(modality: str) -> float:
    """Seconds of a shot, as data/qpus has them."""
    return next(qpu.t_shot_s for qpu in read_qpus().values() if qpu.modality.startswith(modality)) or math.nan


def _with_methylpiperazine() -> str:
    pattern = Chem.MolFromSmarts("[CH3]N1CCN(*)CC1")
    carry = [Chem.MolFromSmiles(one.smiles).HasSubstructMatch(pattern) for one in load_abl1_inhibitors()]
    return _WORDS[sum(carry) / len(carry)].capitalize()


def _similar_by_chance() -> float:
    """Exceeded by one in forty of the chapter's sample, to the nearest 0.05."""
    sample = random.Random(0).sample(load_zinc250k(), 400)
    found = [similarity for _, similarity in nearest(sample, [one.smiles for one in load_abl1_inhibitors()])]
    return round(float(np.percentile(found, 97.5)) * 20) / 20


def _correlated_by_chance(molecules: int) -> float:
    """Size of a rank correlation that one in twenty shuffles exceeds."""
    draw = np.random.default_rng(0)
    shuffles = [np.corrcoef(np.arange(molecules), draw.permutation(molecules))[0, 1] for _ in range(4000)]
    return float(np.quantile(np.abs(shuffles), 0.95))


def _right_by_chance(orbitals: int, electrons: int) -> tuple[int, float]:
    """Strings with so many electrons of each spin, and their share of all."""
    right = math.comb(orbitals, electrons) ** 2
    return right, right / 4**orbitals


def _in_code(pattern: str, name: str) -> float:
    """The first number in a notebook's code that the pattern finds, but for 0."""
    return next(float(value) for value in re.findall(pattern, _code(name)) if float(value))


COMPUTED: dict[str, tuple[Callable[[], str], ...]] = {
    "00_start": (lambda: f"{(0.4 * 0.4 * 0.4) ** (1 / 3):.1f} against {0.9 * 0.9 * 0.0:.0f}",),
    "01_molecules": (
        lambda: f"{_WORDS[round(len(load_zinc250k()) / 1e6, 2)]} of a million molecules",
        lambda: f"{_with_methylpiperazine()} of the known inhibitors carry an N-methylpiperazine",
        lambda: f"up to about {_similar_by_chance()} is what chance gives",
        lambda: f"1 / (1 + 10⁻¹) = {1 / (1 + 10 ** (7.4 - 8.4)):.2f}",
    ),
    "02_language_model": (
        lambda: f"10 · ln ½ = −{-10 * math.log(0.5):.2f} nats",
        lambda: f"0.9; 450 / 900 = {450 / 900}; (450 − 90) / 450 = {(450 - 90) / 450}",
        lambda: f"e{str(-20 + 30).translate(_SUPERSCRIPT)} times as probable",
    ),
    "04_docking_and_contacts": (
        lambda: f"at pH {load_target('abl1').ph} imatinib's",
        lambda: f"at most {_contacts.HYDROGEN_BOND_DISTANCE} Å between the heavy atoms",
        lambda: f"at least {_contacts.HYDROGEN_BOND_ANGLE:.0f}° at the hydrogen",
        lambda: f"within {_contacts.CLOSE_DISTANCE:.0f} Å",
        lambda: f"8 / 20 = {8 / 20:.2f} against 10 / 40 = {10 / 40:.2f} kcal/mol",
    ),
    "05_quantum_energies": (lambda: f"2 × 2 = {math.comb(2, 1) ** 2}",),
    "06_noise_and_controls": (
        lambda: f"a probability of {4**2 - 1}/{4**2}",
        lambda: f"about {_WORDS[round(1 / _right_by_chance(4, 2)[1])]} of the time with four electrons",
        lambda: f"({_right_by_chance(4, 2)[0]} strings of {4**4})",
        lambda: f"{100 * 4800 / 4900:.0f} % of a space",
        lambda: f"0.995{'1000'.translate(_SUPERSCRIPT)} ≈ {100 * 0.995**1000:.1f} %",
    ),
    "07_hybrid_loop": (lambda: f"rank correlation with the next lies within ±{LEAST}",),
    "08_ai_factory": (
        lambda: f"{_label('FIN').capitalize()} of them work on Finnish patients' data",
        lambda: f"{_label('EU')} on data that must stay in the EU",
        lambda: f"Frontier's ratio of rest to most, {_node_kw()[0] / _node_kw()[1]:.2f}",
        lambda: f"in Jülich with {read_scenario('heat-wave').rules.warmer_k:.0f} K more",
        lambda: f"A week that is {read_scenario('heat-wave').rules.warmer_k:.0f} K warmer",
        lambda: f"{1e6 * _superconducting():.0f} µs on superconducting qubits",
        lambda: f"{_shot('trapped ion')} s on trapped ions, {_shot('neutral atom'):.0f} s on neutral atoms",
        lambda: f"Light across Europe and back takes {1e3 * _way():.0f} ms",
        lambda: f"is worth {60 / _way():,.0f} round trips",
        lambda: f"{100 * read_scenario('federation').work[0].load:.0f} % load, {_label('FIN')} of the jobs",
        lambda: f"100 round trips of {1e3 * _way():.0f} ms are {100 * _way():.0f} s",
        lambda: f"100 × 1,000 × {_shot('trapped ion')} s = {100 * 1000 * _shot('trapped ion'):,.0f} s",
        lambda: f"the same {100 * _way():.0f} s come to {100 * 1000 * _superconducting():.0f} s of shots",
        lambda: f"{100 * _in_code(r'classical_s=([0-9.]+)', '08_ai_factory'):.0f} s of classical work",
        lambda: f"With shots of {1e6 * _superconducting():.0f} µs",
    ),
    "exercises/01_molecules": (lambda: f"a little below blood's {load_target('abl1').ph}",),
    "exercises/06_noise_and_controls": (
        lambda: f"{_in_code('trajectories=([0-9]+)', 'exercises/06_noise_and_controls'):.0f} trajectories",
        lambda: f"Half of 400 has a standard error of {100 * (0.5 * 0.5 / 400) ** 0.5:.1f} %",
    ),
    "exercises/07_hybrid_loop": (lambda: f"beyond ±{_correlated_by_chance(6):.1f} in one of twenty",),
    "exercises/08_ai_factory": (
        lambda: f"the peak's {_node_kw()[1]:.1f} kWh",
        lambda: f"some {_WORDS[math.ceil(0.99 * _way() / 0.01 / _shot('trapped ion'))]} shots",
    ),
}

GIVEN = {
    "01_molecules": {
        "oral drugs mostly below 500 g/mol": "Lipinski 1997",
        "(negative) | below 5": "Lipinski 1997",
        "at most 5 and 10": "Lipinski 1997",
        "below 140 Å² to enter cells": "Veber 2002, doi:10.1021/jm020017n",
        "1 to 10 | below 4 is comfortable": "the scale of Ertl and Schuffenhauer 2009; a habit",
        "textbook ones, good to about 0.1": "an estimate of ours",
        "near 0.4 two molecules begin to look related": "a habit",
        "two molecules with Tanimoto 0.1": "an example",
    },
    "03_steering_generation": {
        "half a 95 % interval": "a definition",
        "the scores 0.5 and 0.6": "an example, computed below it",
    },
    "04_docking_and_contacts": {
        "Up to 2 Å a pose counts as found": "a habit of the field",
        "a standard error of 2.85 kcal/mol": "Trott and Olson 2010",
    },
    "05_quantum_energies": {"above 0.98 eV": "singlet oxygen; Herzberg 1947"},
    "08_ai_factory": {"up to 46 % (malleable) and 64 % (split)": "Cipollini and co-workers 2026"},
}


def _superconducting() -> float:
    """Seconds of a shot in chapter 08, of which data/qpus has a worst case."""
    return _in_code(r'"superconducting", "superconducting", ([0-9.e-]+)', "08_ai_factory")


@cache
def _cells(name: str) -> list[tuple[str, str]]:
    cells = json.loads((notebooks_folder() / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


def text_of(name: str) -> str:
    return "\n\n".join(source for kind, source in _cells(name) if kind == "markdown")


def _code(name: str) -> str:
    return "\n".join(source for kind, source in _cells(name) if kind == "code")


def _prose(text: str) -> str:
    """Words on one line, without formulas, code, links, and the marks of emphasis and of HTML."""
    left_out = r"`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|\[[^\]]*\]\([^)]*\)|</?\w+>|\(EU\) 20\d\d/\d+"
    bare = re.sub(left_out, " ", text, flags=re.DOTALL)
    return " ".join(bare.replace("*", "").split())


def _numbers(prose: str) -> list[str]:
    found = re.findall(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?(?![\w-]|\.\d)", prose)
    small = {"0", "1", "−1", "2"}
    bare = [number.rstrip(",") for number in found]
    return [one for one in bare if one not in small and not re.fullmatch(r"1[89]\d\d|20\d\d|0\d", one)]


def _quoted(name: str) -> str:
    """The words in which a number counts as quoted: see above."""
    before, _, quiz = text_of(name).partition("\n## Quiz\n")
    body = (
        ""
        if name in EXERCISES
        else before.replace(before[before.index("**You need**") :].split("\n\n")[0], "")
    )
    told = re.sub(r"(?s)\*\*(Your turn|Exercises)\.\*\*.*?(\n\n|$)", "", body)
    answers = []
    source = before if name in EXERCISES else quiz.partition("\n## References")[0]
    for asked, answer in re.findall(r"(?s)(.*?)<details><summary>(.*?)</details>", source):
        held = set(_numbers(_prose(asked + answer.partition("</summary>")[0])))
        new = [number for number in _numbers(_prose(answer)) if number not in held]
        answers += [_prose(answer)] if new else []
    return " ".join([_prose(told), *answers])


def _stands_behind(name: str) -> list[str]:
    return [phrase() for phrase in COMPUTED.get(name, ())] + list(GIVEN.get(name, {}))


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapters_have_all_parts_in_order(name: str) -> None:
    text = text_of(name)
    places = [text.index(part) for part in PARTS]
    aims, needs, _, theory, practical, *rest = places
    assert [aims, needs, *rest] == sorted([aims, needs, *rest]) and needs < min(theory, practical) < rest[0]
    assert 3 <= text[aims:needs].count("\n- ") <= 5
    assert TAKES.search(" ".join(text.split())), "how long it takes and how much memory, as it was measured"
    assert text.count("$$") >= 4, "at least two equations"
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>Answer") == 3
    assert len(re.findall(r"https://doi\.org/10\.", text[text.index("## References") :])) >= 3
    assert f"(exercises/{name}.ipynb)" in text
    assert "@" not in re.sub(r"`[^`]*`", "", text), "a place to fill in is left"


@pytest.mark.parametrize("name", [*CHAPTERS, *EXERCISES])
def test_what_stands_behind_a_number_says_what_the_chapter_says(name: str) -> None:
    for phrase in _stands_behind(name):
        assert phrase and phrase in _prose(text_of(name)), phrase


@pytest.mark.parametrize("name", [*CHAPTERS, *EXERCISES])
def test_no_number_is_quoted_that_nothing_stands_behind(name: str) -> None:
    words = _quoted(name)
    for phrase in _stands_behind(name):
        words = words.replace(phrase, "…")
    assert _numbers(words) == [], words


def test_a_number_in_words_is_seen() -> None:
    assert _numbers("about 17.5 % and 1,200 MB, −3 kcal/mol") == ["17.5", "1,200", "−3"]
    assert _numbers("4-phenylphenol in chapter 05 (Cho 2014), between 0 and 1, of H2 and T1") == []
