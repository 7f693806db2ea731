"""The quantum dashboard says what its numbers say, finds what it knows at once, and refuses in one line."""

from __future__ import annotations

import queue
import re
import threading
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from statistics import stdev
from xml.etree import ElementTree

import pytest

from labkit.campaign import Run
from labkit.dashboards import _quantum_figures as figures
from labkit.dashboards import _quantum_model
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._noise_view import resources_table
from labkit.dashboards._page import Block
from labkit.dashboards._quantum_model import SOLVERS, Choice, Finding, QuantumModel
from labkit.dashboards._quantum_view import quantum_dashboard, quantum_static, quantum_widget
from labkit.errors import InputError
from labkit.quantum import Exploration, Sampling
from labkit.store import Cache

FIRST = Choice()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> QuantumModel:
    return QuantumModel(cache=Cache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def finding(model: QuantumModel) -> Finding:
    found = model.find(replace(FIRST, solver="lucj"))
    assert found is not None
    return found


def _text(block: Block) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", block.html))


def test_what_is_shipped_shows_within_300_ms(model: QuantumModel) -> None:
    model.find(FIRST)  # reads the list of dimers
    for solver in SOLVERS:
        start = time.perf_counter()
        found = model.find(replace(FIRST, solver=solver))
        assert found is not None and found.rows("noisy")
        assert time.perf_counter() - start < 0.3


def test_what_is_not_known_is_not_made_up(model: QuantumModel) -> None:
    for other in ({"shots": 100}, {"orbitals": 4}, {"two_qubit": 0.0}, {"cap": 1.0}):
        assert model.find(replace(FIRST, **other)) is None


def test_rows_are_the_studies_with_their_scatter(finding: Finding) -> None:
    rows = {row.name: row for row in finding.rows("readout_inverted")}
    errors = [study.samples["noisy"].sqd_error_mha for study in finding.studies]
    assert rows["noisy"].error_mha == pytest.approx(sum(errors) / len(errors))
    assert rows["noisy"].deviation_mha == pytest.approx(stdev(errors))
    # Variational energies lie above exact; coupled cluster made no such promise.
    assert all(row.error_mha >= -1e-6 for row in rows.values() if row.name != "CCSD")
    assert rows["Hartree–Fock"].error_mha > rows[SOLVERS["lucj"]].error_mha > rows[SOLVERS["uccsd"]].error_mha
    assert [name for name, row in rows.items() if row.chosen] == [SOLVERS["lucj"]]
    assert {row.name for row in finding.rows("noisy") if row.group == "samples"} == {"noiseless", "noisy"}
    assert rows["singles and doubles"].determinants == (16, 16) and finding.determinants == 225


def test_shares_of_the_shots_are_near_the_circuit_s(finding: Finding) -> None:
    ideal, clean = finding.studies[0].ideal, finding.shares("noiseless")
    assert list(ideal) == list(clean)
    for bits, (mean, deviation) in clean.items():
        assert mean == pytest.approx(ideal[bits], abs=4 * max(deviation, 1e-3))
    first = next(iter(ideal))
    assert finding.shares("noisy")[first][0] < finding.shares("post_selected")[first][0] < clean[first][0]


def test_pictures_are_well_formed_and_described(finding: Finding) -> None:
    rows = finding.rows("post_selected")
    for picture in (drawn(figures.energies(rows)), figures.circuit_picture(finding.space)):
        assert ElementTree.fromstring(picture.svg).tag.endswith("svg")
    assert "SQD, post-selected +9.7 ± 7.4" in figures.energies(rows).alt
    assert "12 qubits, 168 two-qubit gates (cp, cx), depth 76" in figures.circuit_picture(finding.space).alt


def test_words_tell_who_wins(finding: Finding) -> None:
    text = _text(figures.in_words(finding, "noisy"))
    assert "8 electrons in 6 orbitals, 12 qubits, 225 determinants; 4 × 1,000" in figures.heading(finding)
    assert "LUCJ, optimised: +2.106 mHa against exact, without shots" in text
    assert "Singles and doubles do worse (+26.4 mHa)" in text and "little is proved" not in text
    # Without noise the samples hold hardly more than one determinant, and then excitations are as good.
    assert "Singles and doubles can't be told apart" in _text(figures.in_words(finding, "noiseless"))
    large = replace(finding, choice=replace(finding.choice, cap=0.5))
    assert "may hold 50% of the space" in _text(figures.in_words(large, "noisy"))


def test_machines_scale_with_the_shots_and_say_why_not(finding: Finding) -> None:
    text = _text(resources_table(finding.space.machines, 500))
    assert re.search(r"PIAST-Q\s+12\s+152\s+77\s+0\.098\s+150\b", text)  # 0.3 s a shot
    assert "Jade doesn't run it: not gate-model" in text


def test_the_static_view_holds_it_all(model: QuantumModel) -> None:
    shown = quantum_static(model)
    assert len(re.findall(r"<img", shown.html)) == 3 and len(re.findall("<table", shown.html)) == 2
    assert all(re.findall(r'alt="[^"]{20,}"', shown.html)) and "nan" not in _text(shown).split()


def test_switches_change_the_charts_and_nothing_is_computed(
    model: QuantumModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was computed")

    monkeypatch.setattr(model, "compute", refuse)
    box = quantum_widget(model)
    widgets = {
        w.description: w for row in box.children[:4] for w in row.children if hasattr(w, "description")
    }
    energies = box.children[5].children[0].children[1]

    def names() -> list[str]:
        return [name for trace in energies.data for name in trace.y]

    assert "SQD, post-selected ◀" in names() and "uniformly random bits" in names()
    widgets["Mitigation"].value = "readout_inverted"
    assert "SQD, read-out inverted ◀" in names()
    widgets["Random bits, singles and doubles"].value = False
    assert "uniformly random bits" not in names()
    widgets["Solver"].value = "uccsd"
    assert "UCCSD, optimised ◀" in names() and "SQD, read-out inverted" in names()


def test_other_choices_are_computed_beside(model: QuantumModel, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: queue.Queue[Choice] = queue.Queue()

    def refuse(choice: Choice, *_: object) -> None:
        asked.put(choice)
        raise InputError("too large")

    monkeypatch.setattr(model, "compute", refuse)
    box = quantum_widget(model)
    widgets = {
        w.description: w for row in box.children[:4] for w in row.children if hasattr(w, "description")
    }
    widgets["Shots"].value = 10_000
    assert asked.get(timeout=10) == replace(FIRST, shots=10_000)
    widgets["System"].value = "dye"
    assert asked.get(timeout=10) == replace(FIRST, shots=10_000, kind="dye", system="adenine")
    assert "butadiene" in widgets["which"].options and asked.empty()
    status = box.children[3].children[-1].children[-1]
    for _ in range(100):
        if "too large" in status.value:
            return
        time.sleep(0.05)
    raise AssertionError(status.value)


def test_only_what_is_missing_is_computed(
    finding: Finding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None, int | None]] = []

    def explore(system: object, *, solver: str | None, sampling: Sampling | None, **_: object) -> Exploration:
        asked.append((type(system).__name__, solver, sampling and sampling.shots))
        solved = finding.solved[solver] if solver else {}
        return Exploration(finding.space, solved, finding.studies if sampling else ())

    monkeypatch.setattr(_quantum_model, "explore", explore)
    fresh = QuantumModel(cache=Cache(tmp_path))
    fresh._caches = fresh._caches[:1]  # without what is shipped
    for choice in (
        FIRST,
        replace(FIRST, solver="ucj"),
        replace(FIRST, shots=100),
        replace(FIRST, orbitals=4),
    ):
        assert fresh.find(choice) is None
        fresh.compute(choice, lambda *_: None, threading.Event())
        assert fresh.find(choice) is not None
    assert asked == [
        ("Dimer", None, 1000),
        ("Space", "ucj", None),
        ("Space", None, 100),
        ("Dimer", None, 1000),
    ]
    # Another session knows it, too.
    assert QuantumModel(cache=Cache(tmp_path)).find(replace(FIRST, shots=100)) is not None


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(system="nowhere.xyz"), "'nowhere.xyz' can't be read; an xyz file"),
        (Choice(kind="dye", system="C1CC"), "'C1CC'"),
        (Choice(kind="dye", system="CCO"), "π"),
        (Choice(kind="dye", system="C=C[CH2]"), "radical"),
        (Choice(kind="dye", system="butadiene", orbitals=12), "a circuit of 24 qubits"),
        (Choice(kind="contact", system="nothing"), "isn't one of the poses'"),
    ],
)
def test_bad_choices_are_refused_in_one_line(model: QuantumModel, choice: Choice, told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as error:
        assert model.find(choice) is None
        model.compute(choice, lambda *_: None, threading.Event())
    assert "\n" not in str(error.value)


def test_odd_electrons_are_refused(model: QuantumModel, tmp_path: Path) -> None:
    file = tmp_path / "radical.xyz"
    file.write_text(
        "4\ncharge=0 charge_a=0 charge_b=0 selection_a=1-2 selection_b=3-4\n"
        "O 0 0 0\nH 0 0 0.97\nH 3 0 0\nH 3 0 0.74\n"
    )
    with pytest.raises(InputError, match=r"radical\.xyz.*electrons"):
        model.compute(Choice(system=str(file)), lambda *_: None, threading.Event())


def test_contacts_are_those_of_the_run_s_best_poses(finished_run: Run, plain_run: Run) -> None:
    contacts = QuantumModel(finished_run.folder).systems("contact")
    assert any("MET318" in name for name in contacts)
    best = finished_run.best(1)[0]["proposed"]
    assert next(iter(contacts.values()))[0].proposed == best  # type: ignore[index]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(InputError, match="orbitals=5; one of 4, 6, 8, 10, 12"):
        quantum_dashboard("static", orbitals=5)
    with pytest.raises(InputError, match="kind 'salt' is unknown; there are: dimer, contact, dye"):
        quantum_dashboard("static", kind="salt")


@pytest.mark.slow
def test_what_is_shipped_is_what_comes_out(finding: Finding, tmp_path: Path) -> None:
    fresh = QuantumModel(cache=Cache(tmp_path))
    fresh._caches = fresh._caches[:1]
    again = fresh.compute(finding.choice, lambda *_: None, threading.Event())
    known = {row.name: row.error_mha for row in finding.rows("post_selected")}
    assert again.solved.keys() == {"lucj"}
    for row in again.rows("post_selected"):
        assert row.error_mha == pytest.approx(known[row.name], abs=1e-3)
