"""The energy dashboard: what a run used by stage, and the same work at every site of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from math import floor, log10
from typing import TYPE_CHECKING, Any

from labkit.campaign import list_runs
from labkit.dashboards import _energy_model as energy
from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, errors, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._energy_model import UNITS, Amount, EnergyModel, in_unit
from labkit.dashboards._format import duration, number
from labkit.dashboards._page import Block, Picture, paragraphs, table, together
from labkit.energy import GridCarbon
from labkit.errors import InputError, LabkitError

if TYPE_CHECKING:
    import ipywidgets

_BASES = {"moved": "this computer's metered energy, moved there", "own": "the machine's own nodes"}
_COLUMNS = ("moved", "own nodes")


def said(amount: Amount | None) -> str:
    """A value with its uncertainty, or with its range where that isn't even."""
    if amount is None:
        return "–"
    value, low, high = amount
    off = max(value - low, high - value)
    if off <= 0:
        return f"{value:.3g}"
    digits = max(0, 1 - floor(log10(off)))
    if abs(2 * value - low - high) < 1e-3 * off:
        return f"{value:,.{digits}f} ± {off:,.{digits}f}"
    return f"{value:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def use_table(model: EnergyModel) -> Block:
    """Wall time, cores at work, energy, CO2 and method by stage, and the use for one molecule or energy."""
    methods = {stage.method for stage in model.stages}
    common = methods.pop() if len(methods) == 1 else ""
    rows = [
        (
            stage.name,
            duration(stage.seconds),
            "–" if stage.busy is None else number(stage.busy, 1),
            *_in_both(stage.wh, model.grid),
            "" if common else stage.method,
        )
        for stage in model.stages
    ]
    seconds = duration(sum(stage.seconds for stage in model.stages))
    rows.append(("all stages", seconds, "", *_in_both(model.wh(), model.grid), common))
    for what, (count, wh) in model.each.items():
        rows.append((f"per {what}", "", "", *_in_both(wh, model.grid), f"mean of {count}"))
    head = ("stage", "wall time", "cores busy", *UNITS, "how it was obtained")
    return table(head, rows, numeric=head[:5])


def use_by_stage(model: EnergyModel) -> Picture:
    """Wall time and use by stage, the use with its uncertainty."""
    use, seconds = _stages(model), [stage.seconds for stage in model.stages]
    times = (bars("", seconds, [stage.name for stage in model.stages], palette.SKY, showlegend=False),)
    return drawn(
        replace(use, title="Its time", x_label="wall time (s)", traces=times, x={}), replace(use, alt="")
    )


def _stages(model: EnergyModel) -> Chart:
    names, amounts = [stage.name for stage in model.stages], _by_stage(model)
    times = [duration(stage.seconds) for stage in model.stages]
    said_of = zip(names, amounts, times, strict=True)
    return Chart(
        "What the run used",
        _axis(model),
        "",
        (bars("", [], names, palette.BLUE, showlegend=False) | _along(amounts),),
        f"{_axis(model)} and wall time by stage: "
        + "; ".join(f"{name} {said(amount)}, {time}" for name, amount, time in said_of),
        x={"rangemode": "tozero"},
        y=UPSIDE_DOWN,
        height=1.3 + 0.36 * len(names),
    )


def use_by_site(model: EnergyModel) -> Picture:
    """What the run's copies use at every site on either basis, the least CO2 on top."""
    return drawn(_sites(model))


def _sites(model: EnergyModel) -> Chart:
    names, traces = [f"{site.name}, {site.grid.country}" for site in model.sites], []
    by_name: list[list[str]] = [[] for _ in names]
    for i, (basis, words) in enumerate(_BASES.items()):
        found = [
            (y, site.allowed, in_unit(wh, site.grid, model.unit))
            for y, site in enumerate(model.sites)
            if (wh := getattr(site, basis)) is not None
        ]
        color, symbol = palette.series(i)
        symbols: Any = [symbol if allowed else f"{symbol}-open" for _, allowed, _ in found]
        # One basis stands above the other.
        heights = [y + 0.16 * (2 * i - 1) for y, _, _ in found]
        traces.append(marks(words, [], heights, color, symbols, 10) | _along([a for _, _, a in found]))
        for y, allowed, amount in found:
            by_name[y].append(f"{said(amount)} {basis}" + ("" if allowed else ", data may not go there"))
    places = "; ".join(f"{name}: {', '.join(parts)}" for name, parts in zip(names, by_name, strict=True))
    return Chart(
        "Its copies at every site (hollow: not allowed)",
        _axis(model),
        "",
        traces,
        f"{_axis(model)} of {model.copies} copies of the run: {places}",
        x={"rangemode": "tozero"},
        y=UPSIDE_DOWN | {"tickvals": [*range(len(names))], "ticktext": names},
        height=1.6 + 0.34 * len(names),
    )


def use_by_site_table(model: EnergyModel) -> Block:
    """Time, PUE, grid, energy and CO2 of the run's copies at every site."""
    rows = []
    for site in model.sites:
        moved, own = (_in_both(wh, site.grid) for wh in (site.moved, site.own))
        place = (f"{site.name}, {site.grid.country}", "yes" if site.allowed else "no", duration(site.seconds))
        rows.append((*place, number(site.pue, 3), number(site.grid.g_per_kwh, 0), *moved, *own))
    head = ("place", "allowed", "time", "PUE", "g/kWh")
    amounts = tuple(f"{unit}, {basis}" for basis in _COLUMNS for unit in UNITS)
    return table((*head, *amounts), rows, numeric=(*head, *amounts))  # names may not be broken, either


def use_in_words(model: EnergyModel) -> Block:
    """What was used and how that is known, what is compared with what, and what the zone costs."""
    most = max(model.stages, key=lambda stage: stage.wh.value)
    share = most.wh.value / model.wh().value if model.wh().value else 0.0
    used, emitted = _in_both(model.wh(), model.grid)
    methods, grid = "; ".join(dict.fromkeys(stage.method for stage in model.stages)), model.grid
    return paragraphs(
        f"The run used {used} Wh, {share:.0%} of it for {most.name}, and emitted {emitted} gCO2e. Energy was "
        f"obtained so: {methods}. Grid: {grid.country}, mean of {grid.year}, {grid.source}.",
        "Two bases, each like with like. Circles: what was metered here, times the centre's overhead and the "
        "grid. The meter's error is the same at all places, so it can't change their order. Squares: nodes "
        "of the site, all by one kind of model, from rest to full load. A circle and a square of one place "
        "don't differ by what the place saves: the meter sees processors, the model whole nodes.",
        _price(model),
        "Sites of the catalogue without a machine whose power is known: "
        f"{', '.join(energy.without_figures())}.",
    )


def zone_prices(model: EnergyModel, names: Sequence[str]) -> Block:
    """What each of some zones adds to the least energy and CO2 that any machine offers, on either basis."""
    rows = []
    for zone in names:
        found = replace(model, zone=zone)
        inside = [site.name for site in found.sites[1:] if site.allowed]
        try:
            prices = [said(found.price(unit)[basis]) for basis in _BASES for unit in UNITS]
        except InputError:
            prices = ["no machine", *["–"] * 3]
        rows.append((zone, str(len(inside)), *prices))
    head = ("zone", "machines", *(f"+ {unit}, {basis}" for basis in _COLUMNS for unit in UNITS))
    return table(head, rows, numeric=head)


def energy_static(model: EnergyModel) -> Block:
    """The dashboard without a kernel."""
    stages = use_by_stage(model), use_table(model)
    return together(use_in_words(model), *stages, use_by_site(model), use_by_site_table(model))


def energy_widget(model: EnergyModel) -> ipywidgets.Widget:
    """The dashboard in JupyterLab or Voilà."""
    import ipywidgets

    from labkit.dashboards._chart_widget import chart, show
    from labkit.dashboards._live import column, control, row

    runs = {one["run"]: one["folder"] for one in list_runs()}
    folder = runs.setdefault(model.run, model.run)
    country = "country of this computer (as DEU)"
    controls = {
        "run": control("choice", "run", options=list(runs.items()), value=folder),
        "country": control("text", country, value=model.country, continuous_update=False),
        "copies": control("count", "copies of the run", min=1, max=1_000_000, value=model.copies),
        "zone": control("choice", "data zone", options=energy.zones(), value=model.zone),
        "unit": control("choice", "unit", options=UNITS, value=model.unit),
    }
    used, there = (chart("", height=430) for _ in range(2))
    there.layout.legend = {"orientation": "h", "y": -0.16, "yanchor": "top"}
    fault, words, tables = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()

    def refresh(_: Any = None) -> None:
        try:
            shown = EnergyModel(**{name: one.value for name, one in controls.items()})
            show(used, _stages(shown))
            show(there, _sites(shown))
            fault.value, words.value = "", use_in_words(shown).html
            tables.value = together(use_table(shown), use_by_site_table(shown)).html
        except LabkitError as error:
            fault.value = f'<span role="alert">{escape(str(error))}</span>'

    for one in controls.values():
        one.observe(refresh, names="value")
    refresh()
    return column(row(*controls.values()), fault, row(used, there), words, tables)


def energy_dashboard(
    ui: str, run: str = "quick", country: str = "", copies: int = 64, zone: str = "EU", unit: str = "gCO2e"
) -> Any:
    """The dashboard as a widget or a static page; options as in `EnergyModel`."""
    model = EnergyModel(run, country, copies, zone, unit)
    return energy_widget(model) if ui == "widget" else energy_static(model)


def _along(amounts: Sequence[Amount]) -> dict[str, Any]:
    """Amounts along the horizontal axis, with their errors and what is said where the pointer rests."""
    return {
        "x": [amount.value for amount in amounts],
        "error_x": errors([a.high - a.value for a in amounts], [a.value - a.low for a in amounts]),
        "hovertext": [said(amount) for amount in amounts],
        "hoverinfo": "text",
    }


def _by_stage(model: EnergyModel) -> list[Amount]:
    return [in_unit(stage.wh, model.grid, model.unit) for stage in model.stages]


def _in_both(wh: Amount | None, grid: GridCarbon) -> list[str]:
    """An energy in Wh, and what it emits in gCO2e."""
    return [said(None if wh is None else in_unit(wh, grid, unit)) for unit in UNITS]


def _axis(model: EnergyModel) -> str:
    return f"{'energy' if model.unit == 'Wh' else 'emission'} ({model.unit})"


def _price(model: EnergyModel) -> str:
    if model.zone == energy.ANYWHERE:
        return "The data may go anywhere, so there is no price of a zone."
    try:
        moved, own, time = (model.price(model.unit)[key] for key in ("moved", "own", "seconds"))
    except InputError as error:
        return f"Zone {model.zone}: {error}."
    return (
        f"Keeping the data in {model.zone} adds {said(moved)} {model.unit} (circles) or {said(own)} "
        f"{model.unit} (squares) to the least that any machine offers, and {said(time)} s of time: a core "
        "counts as a core everywhere."
    )
