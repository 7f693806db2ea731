"""Start, choose, steer: what acts on the run that the campaign dashboard shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from os import sched_getaffinity
from typing import Any

import ipywidgets

from labkit.campaign import RUNS, Run, list_runs, load_specification
from labkit.dashboards._campaign_model import CampaignModel
from labkit.dashboards._campaign_words import in_words
from labkit.dashboards._live import column, control, one_line, row
from labkit.dashboards._page import bullets
from labkit.dashboards._run_process import start_run
from labkit.store import data_path

_ENABLED = {
    "pause": ("running",),
    "resume": ("paused", "interrupted", "failed"),
    "stop": ("running", "paused"),
}


class Choice:
    """A choice whose options come and go; only a choice by hand counts as one."""

    def __init__(self, label: str, chosen: Callable[[], None], none: tuple[str, str] = ("none", "")) -> None:
        self._lock, self._setting, self._chosen = threading.RLock(), False, chosen
        self.widget = control("choice", label, options=[none], layout={"max_width": "100%"})
        self.widget.observe(self._changed, "value")

    @property
    def value(self) -> str:
        """What is chosen."""
        return str(self.widget.value)

    def offer(self, options: list[tuple[str, str]], value: str) -> None:
        """Sets the options (label, value) and which of them is chosen."""
        with self._lock:
            self._setting = True
            if list(self.widget.options) != options:
                self.widget.options = options
            if self.widget.value != value:
                self.widget.value = value
            self._setting = False

    def _changed(self, _: object) -> None:
        with self._lock:
            by_hand = not self._setting
        if by_hand:
            self._chosen()


class Controls:
    """The controls of a run.

    Attributes:
        view: all of them, and a line that says what was wrong with the last wish.
    """

    def __init__(self, model: CampaignModel, reset: Callable[[], None], redraw: Callable[[], None]) -> None:
        """Controls of a model's run.

        Args:
            model: whose run is started, chosen and steered.
            reset: called when another run is to be shown.
            redraw: called after each wish.
        """
        self._model, self._reset, self._redraw = model, reset, redraw
        self._budgeted: Run | None = None  # whose rounds stand in the control
        self._said, self._note = ipywidgets.HTML(), ipywidgets.HTML()
        self.view = column(self._starting(), self._choosing(), self._said, self._steering(), self._note)

    def act(self, wish: Callable[[], None]) -> None:
        """Does what a control asks for; what is wrong with it becomes a line."""
        try:
            wish()
            text = ""
        except Exception as error:
            text = one_line(error)
        self._note.value = text and f'<p role="alert"><strong>{escape(text)}</strong></p>'
        self._redraw()

    def steer(self, command: str, value: str | int | None = None) -> None:
        """Gives the run a command."""
        self.act(lambda: self._model.chosen().steer(command, value))

    def draw(self) -> None:
        """Shows how far the run is, and what can be asked of it."""
        model = self._model
        self._said.value = bullets(in_words(model)).html
        for name, states in _ENABLED.items():
            self._buttons[name].disabled = model.status not in states
        self._commands.value = _commands(model)
        if model.run is not None and model.run != self._budgeted:
            self._budgeted, self._budget.value = model.run, model.rounds

    def list_runs(self) -> None:
        """Offers the runs there are."""
        found = [(f"{row['run']} ({row['status']})", row["folder"]) for row in list_runs()]
        run = self._model.run
        current = "" if run is None else str(run.folder)
        if current not in [folder for _, folder in found]:
            found.append((f"{run.folder} ({self._model.status})" if run else "none", current))
        self._runs.offer(found, current)

    def _starting(self) -> ipywidgets.Widget:
        shipped = sorted(file.stem for file in data_path("campaigns").glob("*.toml"))
        campaign = control("choice", "campaign", options=shipped, value="quick")
        file = control("text", "or a campaign's file", placeholder="my.toml", continuous_update=False)
        seed = control("count", "seed", min=0, max=2**31 - 1)
        rounds = control("count", "rounds", min=1, max=10_000)
        proposals = control("count", "proposals a round", min=2, max=100_000)
        workers = control("count", "workers", min=1, max=1024, value=len(sched_getaffinity(0)))
        out = control("text", "into folder", value=str(RUNS))
        button = control("button", "Start", button_style="primary")

        def source() -> str:
            return str(file.value.strip() or campaign.value)

        def take_over(_: object = None) -> None:
            """The campaign's own numbers into the controls."""
            found = load_specification(source())
            seed.value, rounds.value, proposals.value = found.seed, found.rounds, found.proposals

        def start() -> None:
            numbers = {"seed": seed.value, "rounds": rounds.value, "proposals": proposals.value}
            self._model.begin(start_run(source(), **numbers, workers=workers.value, out=out.value))
            self._reset()
            turn(False)

        def turn(open: bool) -> None:
            controls.layout.display = None if open else "none"

        take_over()
        campaign.observe(lambda _: self.act(take_over), "value")
        file.observe(lambda _: self.act(take_over), "value")
        button.on_click(lambda _: self.act(start))
        controls = column(row(campaign, file, out), row(seed, rounds, proposals, workers, button))
        controls.layout.display = "none" if self._model.run else None
        unfold = control("button", "Start a run", icon="caret-down")
        unfold.on_click(lambda _: turn(controls.layout.display == "none"))
        return column(row(unfold), controls)

    def _choosing(self) -> ipywidgets.Widget:
        self._runs = Choice("run", lambda: self.act(lambda: watch(self._runs.value)))
        folder = control("text", "or a run's folder", continuous_update=False)

        def watch(reference: str) -> None:
            if reference:
                self._model.watch(Run.open(reference))
                self._reset()
                self.list_runs()

        folder.observe(lambda change: self.act(lambda: watch(change["new"].strip())), "value")
        return row(self._runs.widget, folder)

    def _steering(self) -> ipywidgets.Widget:
        def button(label: str, icon: str, press: Callable[[], None]) -> Any:
            found = control("button", label, icon=icon)
            found.on_click(lambda _: press())
            return found

        self._budget = control("count", "rounds in all", min=1, max=10_000, value=1)
        self._buttons = {
            "pause": button("Pause", "pause", lambda: self.steer("pause")),
            "resume": button("Resume", "play", lambda: self.act(self._model.carry_on)),
            "stop": button("Stop", "stop", lambda: self.steer("stop")),
        }
        # No button to be pressed after: JupyterLab may deliver the press before what was typed.
        self._budget.observe(self._rebudget, "value")
        self._commands = ipywidgets.HTML()
        return column(row(*self._buttons.values(), self._budget), self._commands)

    def _rebudget(self, change: Mapping[str, int]) -> None:
        if self._model.run is not None and change["new"] != self._model.rounds:
            self.steer("budget", change["new"])


def _commands(model: CampaignModel) -> str:
    """The latest commands to the run, and what became of them."""
    texts = []
    for command in model.news.steering[-4:]:
        value = "" if command.value is None else f" {command.value}"
        became = "waiting" if command.round is None else f"took effect in round {command.round + 1}"
        texts.append(f"{datetime.fromtimestamp(command.time):%H:%M:%S} {command.command}{value}: {became}")
    return bullets(texts).html if texts else ""
