"""The campaign dashboard: start a run, watch it, steer it. Shows what the model holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import ipywidgets

from labkit.campaign import Run
from labkit.dashboards import _campaign_figures as figures
from labkit.dashboards._campaign_controls import Choice, Controls
from labkit.dashboards._campaign_model import CampaignModel, newest_run
from labkit.dashboards._campaign_words import in_words
from labkit.dashboards._chart import Chart
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._chart_widget import chart, show, update
from labkit.dashboards._contact_view import contact_table
from labkit.dashboards._format import number
from labkit.dashboards._live import Ticker, column, control, row
from labkit.dashboards._molecules_view import cards
from labkit.dashboards._page import Block, Picture, bullets, paragraphs, together
from labkit.dashboards._pose_scene import describe
from labkit.dashboards._pose_view import pose_picture, pose_plot
from labkit.dashboards._report_figures import contact_energies
from labkit.dashboards._report_model import ReportModel
from labkit.dashboards._report_view import ReportView
from labkit.dashboards._triplet_view import TripletReportView
from labkit.docking import Pose
from labkit.errors import InputError


def campaign_dashboard(
    ui: Literal["widget", "static"] = "widget", run: str | Path | None = None
) -> ipywidgets.Widget | Block:
    """The campaign dashboard of a run; without one, of a run that goes on, else of the last.

    Raises:
        InputError: if there is no such run.
    """
    model = CampaignModel(newest_run() if run is None else Run.open(run))
    return campaign_widget(model) if ui == "widget" else campaign_static(model)


def campaign_static(model: CampaignModel) -> Block:
    """What the dashboard shows now, as pictures and in words."""
    while model.refresh():
        pass  # a long journal is read in pieces
    pieces: list[Block | Picture] = [bullets(in_words(model))]
    if model.run is None:
        return together(*pieces)
    charts = [figures.calls(model), figures.space(model)]
    charts[1:1] = [figures.distribution(model, name) for name in _objective(model)]
    pieces += [drawn(shown) for shown in charts]
    best = model.best()
    pieces.append(_best(model.report(best)))
    for place, found in list(best.items())[:1]:
        report = model.report({place: found})
        pose = model.pose(found["proposed"])
        pieces += [pose_picture(pose)] if pose is not None else []
        pieces += _contacts(report, pose)
    return together(*pieces)


def _objective(model: CampaignModel) -> list[str]:
    """The score and what it is made of, as far as anything of it is known."""
    known = model.quantities()
    return [name for name in ("score", *model.chosen().specification.objective) if name in known]


def _best(report: ReportModel) -> Block:
    """Cards of the report's molecules, and what their numbers don't say."""
    return together(_cards(report), _view(report).limits())


def _cards(report: ReportModel) -> Block:
    return _view(report).best(len(report.candidates))


def _view(report: ReportModel) -> ReportView | TripletReportView:
    return ReportView(report) if report.specification.docking is not None else TripletReportView(report)


def _contacts(report: ReportModel, pose: Pose | None) -> list[Block | Picture]:
    """What a molecule touches: energies where they were computed, else distances."""
    if report.contacts:
        return [drawn(contact_energies(report.contacts))]
    return [contact_table(pose.contacts)] if pose is not None else []


def campaign_widget(model: CampaignModel) -> ipywidgets.Widget:
    """The dashboard to look at and to act on."""
    return _View(model).widget


class _View:
    """Widgets that show a model. Its clock and the controls' callbacks both draw, one at a time."""

    def __init__(self, model: CampaignModel) -> None:
        self.model = model
        self._lock = threading.RLock()
        self._looks = 0
        self._follows_best = True
        self._leaders: Any = None
        self._shown: Any = None
        self._details, self._touched, self._grid = (ipywidgets.HTML() for _ in range(3))
        self._charts = [
            _Live(figures.calls, self._click),
            _Live(lambda model: figures.distribution(model, self._quantity.value)),
            _Live(figures.space, self._click),
        ]
        calls, distribution, space = (live.view for live in self._charts)
        self._quantity = Choice("distribution of", self._draw_distribution, ("score (0–1)", "score"))
        self._controls = Controls(model, self._reset, lambda: self.refresh(whole=True))
        clock = ipywidgets.VBox()
        self.widget = column(
            self._controls.view,
            clock,
            _at_the_top(calls, column(self._quantity.widget, distribution)),
            _at_the_top(column(space, self._details), self._selection()),
            ipywidgets.HTML("<h3>The best molecules</h3>"),
            self._grid,
        )
        clock.children = [Ticker(self.refresh).view]

    def _selection(self) -> ipywidgets.Widget:
        self._molecule = Choice("molecule", self._chosen)
        self._smiles = control("text", "or a SMILES", continuous_update=False)
        self._flat = control("check", "flat drawing")
        self._pose = chart("No pose is shown.", height=420)
        self._pocket = column(self._pose)
        for widget in (self._smiles, self._flat):
            widget.observe(lambda _: self._draw_selection(), "value")
        veto, pin = control("button", "Veto"), control("button", "Pin")
        veto.on_click(lambda _: self._controls.steer("veto", self._selected()))
        pin.on_click(lambda _: self._controls.steer("pin", self._selected()))
        return column(
            row(self._molecule.widget, self._smiles, veto, pin, self._flat), self._pocket, self._touched
        )

    def _chosen(self) -> None:
        self._follows_best, self._smiles.value = False, ""
        self._draw_selection()

    def _selected(self) -> str:
        """The molecule that is typed, else the one that is chosen."""
        return self._smiles.value.strip() or self._molecule.value

    def _click(self, smiles: str) -> None:
        self._smiles.value = smiles

    def _reset(self) -> None:
        self._follows_best, self._leaders, self._smiles.value = True, None, ""

    def refresh(self, whole: bool = False) -> None:
        """Reads what is new, and draws it."""
        if self._looks % 10 == 0:
            self._controls.list_runs()
        self._looks += 1
        if self.model.refresh() or whole or self._looks == 1:
            self.draw()

    def draw(self) -> None:
        """Shows what the model holds."""
        with self._lock:
            model = self.model
            self._controls.draw()
            if model.run is None:
                for live in self._charts:
                    live.clear()
                return
            known = model.quantities()
            chosen = self._quantity.value if self._quantity.value in known else "score"
            self._quantity.offer([(label, name) for name, label in known.items()], chosen)
            for live in self._charts:
                live.draw(model)
            best = model.best()
            if best != self._leaders:
                self._leaders = best
                self._grid.value = _best(model.report(best)).html
            self._draw_selection()

    def _draw_distribution(self) -> None:
        with self._lock:
            self._charts[1].draw(self.model)

    def _draw_selection(self) -> None:
        if self.model.run is None:
            return
        with self._lock:
            options = [
                (f"no. {place}, {number(row['score'])}, {row['smiles']}", row["proposed"])
                for place, row in self.model.best().items()
            ] or [("none", "")]
            chosen = options[0][1] if self._follows_best else self._molecule.value
            if chosen not in [value for _, value in options]:
                options.append((chosen, chosen))
            self._molecule.offer(options, chosen)
            self._draw_molecule(self._selected())

    def _draw_molecule(self, smiles: str) -> None:
        ranked = self.model.selected(smiles)
        if (wanted := (self.model.run, smiles, ranked, self._flat.value)) == self._shown:
            return
        self._shown = wanted
        report = self.model.report(ranked)
        pose = self.model.pose(smiles)
        solid = pose is not None and not self._flat.value
        self._pocket.layout.display = None if solid else "none"
        pieces: list[Block | Picture] = []
        if pose is not None and solid:
            plot = pose_plot(pose)
            scene = plot.layout.scene.to_plotly_json()
            self._pose.update_layout(
                title_text="In its pocket", scene=scene, xaxis_visible=False, yaxis_visible=False
            )
            update(self._pose, [trace.to_plotly_json() for trace in plot.data], describe(pose))
        elif pose is not None:
            pieces.append(pose_picture(pose))
        self._touched.value = together(*pieces, *_contacts(report, pose)).html
        self._details.value = (_cards(report) if ranked else _unscored(self.model, smiles)).html


def _at_the_top(*widgets: ipywidgets.Widget) -> ipywidgets.Widget:
    shown = row(*widgets)
    shown.layout.align_items = "flex-start"
    return shown


class _Live:
    """A chart of the model with its caption, drawn again and again in the same place."""

    def __init__(
        self, build: Callable[[CampaignModel], Chart], click: Callable[[str], None] | None = None
    ) -> None:
        self._build, self._click = build, click
        below = {"orientation": "h", "y": -0.25}
        self._figure = chart("Nothing is shown yet.", legend=below, margin={"b": 90})
        self._caption = ipywidgets.HTML()
        self.view = column(self._figure, self._caption)

    def draw(self, model: CampaignModel) -> None:
        shown = self._build(model)
        show(self._figure, shown)
        self._caption.value = paragraphs(shown.caption).html
        for trace in self._figure.data if self._click is not None else ():
            trace.on_click(self._clicked)

    def clear(self) -> None:
        update(self._figure, [], "Nothing is shown yet.")

    def _clicked(self, trace: Any, points: Any, state: Any) -> None:
        if points.point_inds and self._click is not None:
            self._click(str(trace.customdata[points.point_inds[0]]))


def _unscored(model: CampaignModel, smiles: str) -> Block:
    """A molecule without a score, and why it has none."""
    if not smiles:
        return paragraphs("No molecule has a score yet.")
    try:
        drawing = cards([smiles], [{"score": "none"}])
    except InputError as error:
        return paragraphs(str(error))
    return together(drawing, bullets(model.reasons(smiles)))
