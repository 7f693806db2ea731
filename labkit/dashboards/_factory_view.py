"""The AI-factory dashboard: two federations side by side, and a quantum computer beside nodes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from labkit.cluster import list_scenarios
from labkit.cluster._moves import POLICIES
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._chart_widget import chart, show
from labkit.dashboards._factory_charts import CHARTS, charts, loops
from labkit.dashboards._factory_model import (
    EVERYWHERE,
    FactoryModel,
    Settings,
    loop_times,
    qpus,
    scenario_of,
)
from labkit.dashboards._federation_view import outcome_in_words, scenarios_table, zones_table
from labkit.dashboards._live import Background, Report, column, control, row
from labkit.dashboards._page import Block, paragraphs, together
from labkit.errors import InputError

if TYPE_CHECKING:
    from labkit.cluster import Outcome
    from labkit.dashboards._chart import Chart

Fill = Callable[[Mapping[str, "Outcome"], str], None]  # shows outcomes by label, of a machine

_PAGES = {
    "Map": ("map",),
    "Jobs and queue": ("jobs", "queue"),
    "Power": ("power",),
    "Cooling, PUE and carbon": ("overhead", "day"),
    "Quantum computer": (),
}
_LIMITS = (
    "Nodes' power at rest is assumed, and doesn't follow the water's temperature. Weather is the mean day of "
    "the mean year, and carbon a country's mean of a year where the scenario brings no series of its own."
)
_PRICE = "The price of sovereignty: what zones add, against the same with zones off."
_LOOP = ("VLQ", 1_000, 1.0, 0.0)  # quantum computer, shots, classical work (s), queue (s)


def factory_dashboard(
    ui: str,
    scenarios: tuple[str, str] = ("federation", "federation"),
    policies: tuple[str, str] = ("earliest", "carbon"),
    machine: str = EVERYWHERE,
    jobs: int = 40_000,
) -> ipywidgets.Widget | Block:
    """The dashboard of two federations.

    Args:
        ui: "widget" or "static".
        scenarios: that the two sides begin with, names or TOML files.
        policies: likewise.
        machine: whose jobs and power are shown; all of them where not given.
        jobs: of each simulation.

    Raises:
        InputError: if a setting makes no sense.
    """
    sides = {
        name: Settings(scenario, policy)
        for name, scenario, policy in zip("AB", scenarios, policies, strict=True)
    }
    machines = [EVERYWHERE, *(m.name for side in sides.values() for m in scenario_of(side.scenario).machines)]
    if machine not in machines:
        raise InputError(f"machine {machine!r} takes no part; choose of {', '.join(dict.fromkeys(machines))}")
    return (factory_widget if ui == "widget" else factory_static)(FactoryModel(jobs), sides, machine)


def factory_static(model: FactoryModel, sides: Mapping[str, Settings], machine: str = EVERYWHERE) -> Block:
    """Pictures, tables and words of federations, which need no browser and no kernel.

    Raises:
        InputError: if a simulation makes no sense.
    """
    outcomes = {f"{name}: {settings}": model.outcome(settings) for name, settings in sides.items()}
    words = [together(paragraphs(name), outcome_in_words(outcome)) for name, outcome in outcomes.items()]
    return together(
        *words,
        scenarios_table(outcomes),
        paragraphs(_PRICE),
        zones_table(outcomes),
        *(drawn(*charts(name, outcomes, machine), width=11.0) for name in CHARTS),
        paragraphs(f"A variational loop on {_LOOP[0]}, {_LOOP[1]:,} shots an iteration:"),
        drawn(loops(loop_times(*_LOOP))),
        paragraphs(_LIMITS),
    )


class _Side:
    """One federation: what it is set to, and its simulation.

    Attributes:
        name: of this side.
        view: controls.
        result: settings and what came of them; None until the first simulation is done.
    """

    def __init__(
        self, name: str, model: FactoryModel, settings: Settings, changed: Callable[[], None]
    ) -> None:
        self.name, self._model, self._changed = name, model, changed
        self.result: tuple[Settings, Outcome] | None = None
        names = dict.fromkeys((settings.scenario, *list_scenarios()))
        self._scenario = control("choice", f"{name}: scenario", options=[*names], value=settings.scenario)
        self._policy = control("choice", "policy", options=POLICIES, value=settings.policy)
        self._zones = control("check", "zones", value=settings.zones)
        narrow = {"layout": {"min_width": "330px"}}
        self._supply = control("slider", "water warmer by (K)", min=-10, max=10, value=0, **narrow)
        self._weather = control("slider", "weather warmer by (K)", min=-10, max=15, value=0, **narrow)
        self._machines = ipywidgets.SelectMultiple(
            description="machines", rows=4, style={"description_width": "initial"}, layout={"width": "200px"}
        )
        self._list_machines()
        self._work = Background(self._simulate, self._done, name)
        self._work.view.children[0].layout.width = "160px"  # leaves room for words beside it
        self._scenario.observe(self._other_scenario, "value")
        for widget in (self._policy, self._zones, self._supply, self._weather, self._machines):
            widget.observe(self.look, "value")
        sliders = column(self._supply, self._weather)
        sliders.layout.flex = "0 0 auto"
        choices = row(self._scenario, self._policy, self._zones)
        self.view = column(choices, row(sliders, self._machines), self._work.view)

    def look(self, _: Any = None) -> None:
        """Show what the controls say: at once where it is known, else when it is simulated."""
        settings = self._settings()
        found = self._model.kept(settings)
        if found is None:
            self._work.start()
        else:
            self._work.cancel()
            self._done((settings, found))

    def _settings(self) -> Settings:
        every = len(self._machines.value) in (0, len(self._machines.options))
        return Settings(
            self._scenario.value,
            self._policy.value,
            () if every else self._machines.value,
            self._zones.value,
            self._supply.value,
            self._weather.value,
        )

    def _simulate(self, report: Report, cancelled: threading.Event) -> tuple[Settings, Outcome]:
        def progress(done: float) -> None:
            if cancelled.is_set():
                raise CancelledError
            report(done, "simulating; the first time labkit compiles for seconds")

        settings = self._settings()
        return settings, self._model.outcome(settings, progress)

    def _done(self, result: tuple[Settings, Outcome]) -> None:
        self.result = result
        self._changed()

    def _other_scenario(self, _: Any) -> None:
        self._machines.unobserve(self.look, "value")
        self._list_machines()
        self._machines.observe(self.look, "value")
        self.look()

    def _list_machines(self) -> None:
        self._machines.options = [machine.name for machine in scenario_of(self._scenario.value).machines]
        self._machines.value = self._machines.options


def factory_widget(
    model: FactoryModel, sides: Mapping[str, Settings], machine: str = EVERYWHERE
) -> ipywidgets.Widget:
    """Federations to be set and compared; simulations run beside the cell."""
    lock = threading.RLock()  # simulations end in threads of their own
    of = control("choice", "jobs and power of", options=[machine])
    page = ipywidgets.ToggleButtons(options=list(_PAGES), style={"button_width": "auto"})
    table, body = ipywidgets.HTML(), ipywidgets.VBox()
    pages: dict[str, tuple[ipywidgets.Widget, Fill]] = {}
    drawn_from: dict[str, object] = {}  # by page

    def draw(change: Any = None) -> None:
        with lock:
            results = {side.name: side.result for side in parts if side.result}
            known = {f"{name}: {settings}": outcome for name, (settings, outcome) in results.items()}
            if not known:
                return
            names = dict.fromkeys(
                part.machine.name for outcome in known.values() for part in outcome.machines
            )
            if list(of.options) != [EVERYWHERE, *names]:
                was = of.value
                of.unobserve(draw, "value")
                of.options = [EVERYWHERE, *names]
                of.value = was if was in of.options else EVERYWHERE
                of.observe(draw, "value")
            table.value = _close(scenarios_table(known))
            if page.value not in pages:
                pages[page.value] = _page(_PAGES[page.value], len(sides))
            # Hidden, not taken off: what comes back is drawn already, and plotly stumbles over messages to a
            # chart that was taken off.
            for name, (view, _) in pages.items():
                view.layout.display = None if name == page.value else "none"
            now = of.value, [settings for settings, _ in results.values()]
            if drawn_from.get(page.value) != now:
                pages[page.value][1](known, of.value)
                drawn_from[page.value] = now
            # A chart that is put onto the page full is drawn once; every message draws it again.
            body.children = [view for view, _ in pages.values()]

    parts = [_Side(name, model, settings, draw) for name, settings in sides.items()]
    for widget in (of, page):
        widget.observe(draw, "value")
    for side in parts:
        side.look()
    return column(row(*(side.view for side in parts)), row(page, of), table, body)


def _close(block: Block) -> str:
    """Return a block whose lines stand closer than ipywidgets has them."""
    return f'<div style="line-height:1.2">{block.html}</div>'


def _page(names: Collection[str], sides: int) -> tuple[ipywidgets.Widget, Fill]:
    """A page of charts, those of a name side by side, and what puts outcomes and their machine into them."""
    if not names:
        return _quantum(), lambda known, machine: None
    rows = {name: [_chart(540) for _ in range(sides)] for name in names}
    words = ipywidgets.HTML()

    def fill(known: Mapping[str, Outcome], machine: str) -> None:
        said: list[str] = []
        for name, figures in rows.items():
            drawings = charts(name, known, machine)
            said += [drawing.alt for drawing in drawings]
            for figure, drawing in zip(figures, drawings, strict=False):  # a side may not be known yet
                _show(figure, drawing)
        price = together(paragraphs(_PRICE), zones_table(known)) if "map" in names else Block("")
        words.value = _close(together(price, paragraphs(*dict.fromkeys(said))))

    return column(*(row(*figures) for figures in rows.values()), words), fill


def _chart(width: int) -> Any:
    """An empty chart of that width, px: plotly takes 700 where it can't see yet how wide the page is."""
    below = {"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom"}
    look: dict[str, Any] = {"width": width, "legend": below, "margin": {"b": 100}, "barmode": "overlay"}
    look["yaxis2"] = {"overlaying": "y", "side": "right", "tickmode": "auto", "showgrid": False}
    return chart("Nothing is simulated yet.", **look)


def _show(figure: Any, drawing: Chart) -> None:
    figure.layout.height = round(70 * drawing.height) + 120
    show(figure, drawing)


def _quantum() -> ipywidgets.Widget:
    """Controls of a hybrid loop, and its time over each link."""
    qpu = control("choice", "quantum computer", options=list(qpus()), value=_LOOP[0])
    shots = control(
        "step slider", "shots an iteration", options=[100, 1_000, 10_000, 100_000], value=_LOOP[1]
    )
    classical = control("real slider", "classical work an iteration (s)", min=0.0, max=10.0, value=_LOOP[2])
    queue = control("slider", "queue before each iteration (s)", min=0, max=120, value=0)
    figure, words = _chart(1080), ipywidgets.HTML()

    def draw(_: Any = None) -> None:
        found = loops(loop_times(qpu.value, shots.value, classical.value, queue.value))
        said = f"{qpu.value} ({qpus()[qpu.value].modality}): {found.alt}"
        _show(figure, replace(found, alt=said))
        words.value = _close(paragraphs(said))

    for widget in (qpu, shots, classical, queue):
        widget.observe(draw, "value")
    draw()
    return column(row(qpu, shots), row(classical, queue), row(figure), words)
