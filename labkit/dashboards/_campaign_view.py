"""The campaign dashboard: start a run, watch it, steer it. Shows what the model holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from html import escape
from os import sched_getaffinity
from pathlib import Path
from typing import Any, Literal

import ipywidgets

from labkit.campaign import RUNS, Run, list_runs, load_specification
from labkit.dashboards import _campaign_figures as figures
from labkit.dashboards._campaign_model import CampaignModel, newest_run
from labkit.dashboards._contact_view import contact_table
from labkit.dashboards._format import number
from labkit.dashboards._live import Ticker, chart, column, control, one_line, row, update
from labkit.dashboards._molecules_view import cards
from labkit.dashboards._page import Block, Picture, bullets, paragraphs, together
from labkit.dashboards._pose_scene import describe
from labkit.dashboards._pose_view import pose_picture, pose_plot
from labkit.dashboards._report_figures import contact_energies
from labkit.dashboards._report_model import ReportModel
from labkit.dashboards._report_view import ReportView
from labkit.dashboards._run_process import start_run
from labkit.dashboards._triplet_view import TripletReportView
from labkit.docking import Pose
from labkit.errors import InputError
from labkit.store import data_path


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
    pieces: list[Block | Picture] = [bullets(model.in_words())]
    if model.run is None:
        return together(*pieces)
    charts = [figures.calls(model), figures.space(model)]
    charts[1:1] = [figures.distribution(model, name) for name in _objective(model)]
    pieces += [figures.drawn(shown) for shown in charts]
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
        return [contact_energies(report.contacts)]
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
        self._listing = False  # while options are replaced, their change is nobody's choice
        self._follows_best = True
        self._leaders: Any = None
        self._shown: Any = None
        self._budgeted: Run | None = None  # whose rounds stand in the control
        self._said, self._note, self._details, self._touched, self._grid = (
            ipywidgets.HTML() for _ in range(5)
        )
        self._charts = [
            _Live(figures.calls, self._click),
            _Live(lambda model: figures.distribution(model, self._quantity.value)),
            _Live(figures.space, self._click),
        ]
        calls, distribution, space = (live.view for live in self._charts)
        self._quantity = control("choice", "distribution of", options=[("score (0–1)", "score")])
        self._quantity.observe(self._draw_distribution, "value")
        clock = ipywidgets.VBox()
        self.widget = column(
            self._starting(),
            self._choosing(),
            self._said,
            self._steering(),
            self._note,
            clock,
            _at_the_top(calls, column(self._quantity, distribution)),
            _at_the_top(column(space, self._details), self._selection()),
            ipywidgets.HTML("<h3>The best molecules</h3>"),
            self._grid,
        )
        clock.children = [Ticker(self.refresh).view]

    def _starting(self) -> ipywidgets.Widget:
        shipped = sorted(file.stem for file in data_path("campaigns").glob("*.toml"))
        campaign = control("choice", "campaign", options=shipped, value="quick")
        file = control("text", "or a campaign's file", placeholder="my.toml", continuous_update=False)
        seed = control("count", "seed", min=0, max=2**31 - 1)
        rounds = control("count", "rounds", min=1, max=10_000)
        proposals = control("count", "proposals a round", min=2, max=100_000)
        workers = control("count", "workers", min=1, max=1024, value=len(sched_getaffinity(0)))
        out = control("text", "into folder", value=str(RUNS))
        button = control("button", "Start", icon="play", button_style="primary")

        def source() -> str:
            return str(file.value.strip() or campaign.value)

        def take_over(_: object = None) -> None:
            """The campaign's own numbers into the controls."""
            found = load_specification(source())
            seed.value, rounds.value, proposals.value = found.seed, found.rounds, found.proposals

        def start() -> None:
            numbers = {"seed": seed.value, "rounds": rounds.value, "proposals": proposals.value}
            self.model.begin(start_run(source(), **numbers, workers=workers.value, out=out.value))
            self._reset()
            turn(False)

        def turn(open: bool) -> None:
            controls.layout.display = None if open else "none"

        take_over()
        campaign.observe(lambda _: self._act(take_over), "value")
        file.observe(lambda _: self._act(take_over), "value")
        button.on_click(lambda _: self._act(start))
        controls = column(row(campaign, file, out), row(seed, rounds, proposals, workers, button))
        controls.layout.display = "none" if self.model.run else None
        unfold = control("button", "Start a run", icon="caret-down")
        unfold.on_click(lambda _: turn(controls.layout.display == "none"))
        return column(row(unfold), controls)

    def _choosing(self) -> ipywidgets.Widget:
        self._runs = control("choice", "run", options=[("none", "")])
        folder = control("text", "or a run's folder", continuous_update=False)

        def watch(reference: str) -> None:
            if reference:
                self.model.watch(Run.open(reference))
                self._reset()

        def chosen(change: Any) -> None:
            if not self._listing:
                self._act(lambda: watch(change["new"]))

        self._runs.observe(chosen, "value")
        folder.observe(lambda change: self._act(lambda: watch(change["new"].strip())), "value")
        return row(self._runs, folder)

    def _steering(self) -> ipywidgets.Widget:
        def button(label: str, icon: str, act: Callable[[], None]) -> Any:
            found = control("button", label, icon=icon)
            found.on_click(lambda _: self._act(act))
            return found

        budget = control("count", "rounds in all", min=1, max=10_000, value=1)
        self._budget = budget
        self._buttons = {
            "pause": button("Pause", "pause", lambda: self._steer("pause")),
            "resume": button("Resume", "play", self.model.carry_on),
            "stop": button("Stop", "stop", lambda: self._steer("stop")),
        }
        change = button("Set budget", "check", lambda: self._steer("budget", budget.value))
        self._commands = ipywidgets.HTML()
        return column(row(*self._buttons.values(), budget, change), self._commands)

    def _selection(self) -> ipywidgets.Widget:
        self._molecule = control("choice", "molecule", options=[("none", "")], layout={"max_width": "100%"})
        self._smiles = control("text", "or a SMILES", continuous_update=False)
        self._flat = control("check", "flat drawing")
        self._pose = chart("In its pocket", "", "", "No pose is shown.", height=420)
        self._pocket = column(self._pose)

        def choose(change: Any) -> None:
            if not self._listing:
                self._follows_best = False
                self._smiles.value = ""
                self._draw_selection()

        def decide(command: str) -> Any:
            found = control("button", command.capitalize())
            smiles = lambda: self._smiles.value.strip() or self._molecule.value  # noqa: E731
            found.on_click(lambda _: self._act(lambda: self._steer(command, smiles())))
            return found

        self._molecule.observe(choose, "value")
        self._smiles.observe(lambda _: self._draw_selection(), "value")
        self._flat.observe(lambda _: self._draw_selection(), "value")
        return column(
            row(self._molecule, self._smiles, decide("veto"), decide("pin"), self._flat),
            self._pocket,
            self._touched,
        )

    def _click(self, smiles: str) -> None:
        self._smiles.value = smiles

    def _steer(self, command: str, value: str | int | None = None) -> None:
        self.model.chosen().steer(command, value)

    def _act(self, act: Callable[[], None]) -> None:
        """Does what a control asks for; what is wrong with it becomes a line."""
        try:
            act()
            text = ""
        except Exception as error:
            text = one_line(error)
        self._note.value = text and f'<p role="alert"><strong>{escape(text)}</strong></p>'
        self.refresh(whole=True)

    def _reset(self) -> None:
        self._follows_best, self._leaders, self._smiles.value = True, None, ""

    def refresh(self, whole: bool = False) -> None:
        """Reads what is new, and draws it."""
        if self._looks % 10 == 0:
            self._list_runs()
        self._looks += 1
        if self.model.refresh() or whole or self._looks == 1:
            self.draw()

    def _list_runs(self) -> None:
        found = [(f"{row['run']} ({row['status']})", row["folder"]) for row in list_runs()]
        run = self.model.run
        current = "" if run is None else str(run.folder)
        if current not in [folder for _, folder in found]:
            found.append((f"{run.folder} ({self.model.status})" if run else "none", current))
        self._choose(self._runs, found, current)

    def _choose(self, choice: Any, options: list[tuple[str, str]], value: str) -> None:
        """Sets a choice without anybody having chosen."""
        with self._lock:
            self._listing = True
            if list(choice.options) != options:
                choice.options = options
            if choice.value != value:
                choice.value = value
            self._listing = False

    def draw(self) -> None:
        """Shows what the model holds."""
        with self._lock:
            model = self.model
            self._said.value = bullets(model.in_words()).html
            for name, states in _ENABLED.items():
                self._buttons[name].disabled = model.status not in states
            self._commands.value = _commands(model)
            if model.run is None:
                for live in self._charts:
                    live.clear()
                return
            if model.run != self._budgeted:
                self._budgeted, self._budget.value = model.run, model.rounds
            known = model.quantities()
            chosen = self._quantity.value if self._quantity.value in known else "score"
            self._choose(self._quantity, [(label, name) for name, label in known.items()], chosen)
            for live in self._charts:
                live.draw(model)
            best = model.best()
            if best != self._leaders:
                self._leaders = best
                self._grid.value = _best(model.report(best)).html
            self._draw_selection()

    def _draw_distribution(self, _: object) -> None:
        if not self._listing:
            with self._lock:
                self._charts[1].draw(self.model)

    def _draw_selection(self) -> None:
        """Shows the molecule that is typed, else the one that is chosen, else the best."""
        if self.model.run is None:
            return
        with self._lock:
            self._draw_molecule(self._selected())

    def _selected(self) -> str:
        typed = self._smiles.value.strip()
        options = [
            (f"no. {place}, {number(row['score'])}, {row['smiles']}", row["proposed"])
            for place, row in self.model.best().items()
        ] or [("none", "")]
        chosen = options[0][1] if self._follows_best else self._molecule.value
        if chosen not in [value for _, value in options]:
            options.append((chosen, chosen))
        self._choose(self._molecule, options, chosen)
        return typed or chosen

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
            self._pose.update_layout(scene=scene, xaxis_visible=False, yaxis_visible=False)
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
        self, build: Callable[[CampaignModel], figures.Chart], click: Callable[[str], None] | None = None
    ) -> None:
        self._build, self._click = build, click
        self._figure = chart("", "", "", "Nothing is shown yet.")
        self._figure.update_layout(legend={"orientation": "h", "y": -0.25}, margin={"b": 90})
        self._caption = ipywidgets.HTML()
        self.view = column(self._figure, self._caption)

    def draw(self, model: CampaignModel) -> None:
        shown = self._build(model)
        labels = {"title": shown.title, "xaxis.title": shown.x_label, "yaxis.title": shown.y_label}
        for part, text in labels.items():
            if self._figure.layout[f"{part}.text"] != text:
                self._figure.layout[f"{part}.text"] = text
        update(self._figure, shown.traces, shown.alt)
        self._caption.value = paragraphs(shown.caption).html
        for trace in self._figure.data if self._click is not None else ():
            trace.on_click(self._clicked)

    def clear(self) -> None:
        update(self._figure, [], "Nothing is shown yet.")

    def _clicked(self, trace: Any, points: Any, state: Any) -> None:
        if points.point_inds and self._click is not None:
            self._click(str(trace.customdata[points.point_inds[0]]))


_ENABLED = {
    "pause": ("running",),
    "resume": ("paused", "interrupted", "failed"),
    "stop": ("running", "paused"),
}


def _commands(model: CampaignModel) -> str:
    """The latest commands to the run, and what became of them."""
    texts = []
    for command in model.news.steering[-4:]:
        value = "" if command.value is None else f" {command.value}"
        became = "waiting" if command.round is None else f"took effect in round {command.round + 1}"
        texts.append(f"{datetime.fromtimestamp(command.time):%H:%M:%S} {command.command}{value}: {became}")
    return bullets(texts).html if texts else ""


def _unscored(model: CampaignModel, smiles: str) -> Block:
    """A molecule without a score, and why it has none."""
    if not smiles:
        return paragraphs("No molecule has a score yet.")
    try:
        drawing = cards([smiles], [{"score": "none"}])
    except InputError as error:
        return paragraphs(str(error))
    return together(drawing, bullets(model.reasons(smiles)))
