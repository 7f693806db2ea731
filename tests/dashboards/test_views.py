import re
from collections.abc import Callable

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import pytest

from labkit.campaign import Run
from labkit.dashboards import (
    Picture,
    ReportView,
    cards,
    charged_fraction,
    formula,
    histograms,
    pose_picture,
    pose_plot,
    read_report,
    route,
    similarity_matrix,
)
from labkit.dashboards._pose_scene import half_bonds, scene
from labkit.docking import shipped_poses
from labkit.errors import InputError

PARTS = (
    "summary funnel ranks ranks_in_words scores gain objective best pose contacts contacts_in_words quantum "
    "quantum_in_words ranking use limits provenance"
).split()


def _html(view: ReportView) -> str:
    return "".join(getattr(view, part)()._repr_html_() for part in PARTS)


@pytest.mark.parametrize("kind", ["finished_run", "plain_run", "broken_run", "interrupted_run"])
def test_every_part_can_be_shown_of_every_run(kind: str, request: pytest.FixtureRequest) -> None:
    html = _html(ReportView(read_report(request.getfixturevalue(kind))))
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", html))
    for tag in re.findall(r"<img[^>]*>", html):
        assert re.search(r'alt="[^"]{20,}"', tag), tag
    assert not re.search(r'(src|href)="(?!data:)', html)


def test_what_is_not_there_is_said(plain_run: Run, interrupted_run: Run, broken_run: Run) -> None:
    plain = ReportView(read_report(plain_run))
    assert "no section [interaction]" in plain.quantum()._repr_html_()
    assert "nothing in the ranking changed" in plain.ranking()._repr_html_()
    early = ReportView(read_report(interrupted_run))
    assert "No round is finished" in early.scores()._repr_html_()
    assert "no list of the best" in early.best()._repr_html_()
    assert "6 molecules proposed, 4 docked" in early.summary()._repr_html_()
    assert "SCF did not converge" in ReportView(read_report(broken_run)).funnel()._repr_html_()


def test_cards_show_numbers_with_units_and_the_nearest_inhibitor(finished_run: Run) -> None:
    view = ReportView(read_report(finished_run))
    html = view.best()._repr_html_()
    best = view.model.candidates[0]
    assert f"{view.model.dockings[best.number].energy:.2f} kcal/mol".replace("-", "−") in html
    assert f"1.00 to {best.relative}" in html
    assert "± 0.20 kcal/mol" in html and "not simulated" in html


def test_the_use_is_told_by_stage_for_a_molecule_and_for_a_quantum_energy(
    finished_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABKIT_COUNTRY", raising=False)
    view = ReportView(read_report(finished_run))
    html = re.sub(r"<[^>]+>", " ", view.use()._repr_html_())
    # Two rounds of 0.05 ± 0.025 Wh in either stage; 6 molecules, 4 dockings, 3 contacts. The world's grids:
    # 481 ± 183 g/kWh, so that 0.2 ± 0.1 Wh are 96 mg, and hypot(48, 37) mg uncertain.
    for told in (
        r"all stages\s+40\.0 s",
        r"0\.20 ± 0\.10\s+0\.096 ± 0\.060",
        r"molecule[^\d]+0\.033 ± 0\.017\s+0\.016 ± 0\.010\s+mean of 6",
        r"docking[^\d]+0\.025 ± 0\.01[23]\s+0\.0120 ± 0\.0075\s+mean of 4",
        r"quantum energy[^\d]+0\.033 ± 0\.017\s+0\.016 ± 0\.010\s+mean of 3",
        "481 ± 183 g/kWh, the world",
    ):
        assert re.search(told, html), told
    assert "0.20 ± 0.10 Wh or 0.096 ± 0.060 gCO2e" in view.summary()._repr_html_()


def test_the_grid_is_that_of_the_run_s_country(finished_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_COUNTRY", "FRA")
    html = ReportView(read_report(finished_run)).use()._repr_html_()
    assert "56 g/kWh, the mean of FRA in 2023" in html
    assert finished_run.summary()["co2e_g"] == pytest.approx(0.2e-3 * 56, abs=1e-4)


def test_an_unknown_kind_of_view_is_refused(finished_run: Run) -> None:
    with pytest.raises(InputError, match="ui 'magic': choose 'static' or 'widget'"):
        ReportView(read_report(finished_run), "magic")  # type: ignore[arg-type]


def _plotted(shown: ipywidgets.VBox) -> go.FigureWidget:
    """The chart of a part of a live report, which tells what it shows and what to read off it."""
    (told, chart), caption = shown.children[0].children, shown.children[1]
    assert 'role="img" aria-label="' in told.value and "<p>" in caption.value
    return chart


def test_widgets_hold_what_the_static_figures_hold(finished_run: Run) -> None:
    view = ReportView(read_report(finished_run), "widget")
    scores, contacts, quantum = (
        _plotted(shown) for shown in (view.scores(), view.contacts(), view.quantum())
    )
    assert sum(len(trace.y) for trace in scores.data if trace.marker.symbol in ("circle", "triangle-up")) == 6
    marks = contacts.select_traces({"type": "scatter", "mode": "markers"})
    assert {x for trace in marks for x in trace.x} == {-6.0, 1.5, -3.0}
    assert len([*quantum.select_traces({"mode": "markers"})]) == 5
    assert len(view.pose().data) > 5


PICTURES: list[Callable[[], Picture]] = [
    route,
    lambda: formula("CCO", numbered=True),
    lambda: charged_fraction({"acetic acid": (4.76, "acid"), "pyridine": (5.25, "base")}, 7.4),
    lambda: histograms({"set": {"weight": list(range(60))}, "few": {"weight": [3.0, 4.0]}}),
    lambda: similarity_matrix(["a", "b"], ["CCO", "CCN"]),
    lambda: pose_picture(shipped_poses("abl1")[0]),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_are_well_formed_described_and_the_same_each_time(
    draw: Callable[[], Picture], well_drawn: Callable[..., Picture]
) -> None:
    first = well_drawn(draw)
    assert first.alt in first._repr_html_().replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">")


def test_the_charged_share_is_half_at_the_pka() -> None:
    assert "amine 0.5" in charged_fraction({"amine": (7.4, "base")}, 7.4).alt
    assert "acid 0.99" in charged_fraction({"acid": (5.4, "acid")}, 7.4).alt


def test_dashes_of_a_pose_are_as_long_as_its_contacts() -> None:
    for pose in shipped_poses("abl1"):
        drawn = scene(pose)
        lengths = [float(np.linalg.norm(a - b)) for _, a, b in drawn.dashes]
        assert lengths == pytest.approx([contact.distance for contact, _, _ in drawn.dashes], abs=1e-3)
        assert len({contact.residue for contact, _, _ in drawn.dashes}) == len(drawn.dashes) <= 8


def test_a_scene_is_turned_not_mirrored() -> None:
    pose = shipped_poses("abl1")[0]
    molecule = pose.molecule()
    heavy = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetAtomicNum() > 1]
    before, drawn = molecule.GetConformer().GetPositions()[heavy], scene(pose)
    after = drawn.atoms[[s != "H" for s in drawn.symbols]]

    def volume(points: np.ndarray) -> float:
        return float(np.linalg.det(points[[0, 12, 25]] - points[-1]))

    assert volume(after) == pytest.approx(volume(before), rel=1e-6)
    spread = after.std(axis=0)
    assert spread[0] > spread[1] > spread[2]


def test_the_ligand_is_drawn_whole_but_for_hydrogens_on_carbon() -> None:
    pose = shipped_poses("abl1")[0]
    drawn = scene(pose)
    heavy = pose.molecule().GetNumHeavyAtoms()
    assert len([s for s in drawn.symbols if s != "H"]) == heavy
    halves = half_bonds(drawn.symbols, drawn.atoms, drawn.bonds, "#333333")
    assert sum(map(len, halves.values())) == 2 * len(drawn.bonds)
    for pieces in halves.values():
        for a, b in pieces:
            assert np.linalg.norm(a - b) < 1.0  # half of a bond, Å


def test_the_plot_to_turn_shows_ligand_pocket_and_contacts() -> None:
    figure = pose_plot(shipped_poses("abl1")[0])
    assert {"pocket", "ligand"} <= {trace.name for trace in figure.data}
    assert any("hydrogen bond" in str(trace.text) for trace in figure.data)


def test_text_is_escaped() -> None:
    html = cards(["CCO"], [{"<b>": "a & b"}], titles=["<script>"])._repr_html_()
    assert "<script>" not in html and "&lt;b&gt;" in html and "a &amp; b" in html
