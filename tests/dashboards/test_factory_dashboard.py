"""The AI-factory dashboard's numbers agree with the simulation, and its pictures with its numbers."""

import base64
import re
import time
from concurrent.futures import CancelledError
from functools import cache
from html import unescape
from xml.etree import ElementTree

import ipywidgets
import numpy as np
import pytest
from matplotlib.path import Path as Outline

from labkit.cluster import Outcome, read_catalogue
from labkit.dashboards import _factory_model as factory
from labkit.dashboards._dashboard import dashboard
from labkit.dashboards._europe_map import on_map, outlines
from labkit.dashboards._factory_charts import CHARTS, charts, loops
from labkit.dashboards._factory_model import EVERYWHERE, FactoryModel, Settings, loop_times
from labkit.dashboards._factory_view import factory_widget
from labkit.dashboards._page import Block
from labkit.errors import InputError

COUNTRIES = dict(
    pair.split("=")
    for pair in (
        "AUT=Austria BGR=Bulgaria CHE=Switzerland CZE=Czechia DEU=Germany ESP=Spain FIN=Finland FRA=France "
        "GRC=Greece ITA=Italy LTU=Lithuania LUX=Luxembourg NLD=Netherlands POL=Poland PRT=Portugal "
        "ROU=Romania SVN=Slovenia SWE=Sweden"
    ).split()
)

MODEL = FactoryModel(jobs=4_000)


@cache
def _lost() -> Outcome:
    """A federation that loses LUMI, whose jobs are killed and wait."""
    return MODEL.outcome(Settings("lost-site"))


def test_the_projection_is_epsg_s() -> None:
    # IOGP guidance note 7-2, Lambert azimuthal equal area, its example for EPSG:3035.
    assert np.round(on_map(50.0, 5.0), 5) == pytest.approx([3962.79945, 2999.71885], abs=1e-5)


def test_a_square_degree_keeps_its_area_wherever_it_lies() -> None:
    def area(latitude: float, longitude: float) -> float:
        edge = np.linspace(0, 1, 50)
        north = latitude + np.concatenate([0 * edge, edge, 1 + 0 * edge, 1 - edge])
        x, y = on_map(north, longitude + np.concatenate([edge, 1 + 0 * edge, 1 - edge, 0 * edge]))
        return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)

    a, e2 = 6378.137, 2 / 298.257222101 - 1 / 298.257222101**2  # GRS80
    for latitude, longitude in ((38, -9), (52, 10), (68, 27)):
        # Along the meridian and along the parallel, by the radii of curvature there.
        phi = np.radians(latitude + (np.arange(1000) + 0.5) / 1000)
        w = 1 - e2 * np.sin(phi) ** 2
        strips = a * (1 - e2) / w**1.5 * a * np.cos(phi) / np.sqrt(w) * np.radians(1) ** 2 / 1000
        assert area(latitude, longitude) == pytest.approx(strips.sum(), rel=1e-4)


def test_every_site_lies_in_its_country() -> None:
    for site in read_catalogue().sites.values():
        place = on_map(site.latitude, site.longitude)
        rings = outlines()[COUNTRIES[site.country]]
        assert any(Outline(ring).contains_point(place) for ring in rings), site.name


def test_parts_of_the_power_add_up_to_the_energy_that_the_simulation_tells() -> None:
    outcome = MODEL.outcome(Settings())
    for machine, kwh in [
        (EVERYWHERE, 1e3 * outcome.kpis()["energy_mwh"]),
        *((part.machine.name, part.kpis.total_kwh) for part in outcome.machines),
    ]:
        found = factory.power(outcome, machine)
        assert sum(found.parts_mw.values()) @ np.diff(found.hours) * 1e3 == pytest.approx(kwh)
        assert all((values >= 0).all() for values in found.parts_mw.values())
    lumi = factory.power(outcome, "LUMI")
    assert np.ptp(lumi.grid_g_per_kwh) == pytest.approx(0) and lumi.grid_g_per_kwh[0] == pytest.approx(
        79, rel=0.05
    )


def test_a_queue_counts_who_waits_at_a_moment() -> None:
    outcome = _lost()
    (lumi,) = factory.parts_of(outcome, "LUMI")
    hours, waiting = factory.queue(outcome, "LUMI")
    for hour, count in list(zip(hours, waiting, strict=True))[::37]:
        now, done = 3600 * hour, lumi.schedule
        begun = (done.start_s <= now).astype(int)
        for job, start_s, end_s in zip(done.killed, done.killed_start_s, done.killed_end_s, strict=True):
            begun[job] += start_s <= now < end_s
        assert count == ((done.jobs.submit_s <= now) & (begun == 0)).sum()
    assert len(lumi.schedule.killed) and waiting.max() > 0 and waiting[-1] == 0


def test_bars_are_the_largest_runs_and_none_lies_on_another() -> None:
    outcome = _lost()
    runs = sum(len(part.schedule.start_s) + len(part.schedule.killed) for part in outcome.machines)
    found = factory.gantt(outcome, most=300)
    assert len(found.row) == 300 and found.left_out == runs - 300
    assert (found.kind == factory.KILLED).any()
    every = factory.gantt(outcome, most=runs)
    assert every.left_out == 0
    worked = np.sort(every.hours * every.nodes)[::-1]
    assert np.sort(found.hours * found.nodes)[::-1] == pytest.approx(worked[:300])
    for index, part in enumerate(outcome.machines):
        mine = np.flatnonzero(np.abs(found.row - index) < 0.5)
        for i in mine:
            beside = np.abs(found.row[mine] - found.row[i]) < found.height[mine] - 1e-9
            starts, ends = found.start_h[mine][beside], (found.start_h + found.hours)[mine][beside]
            assert ((ends <= found.start_h[i] + 1e-9) | (starts >= found.start_h[i])).all(), part.machine.name


def test_marks_say_whose_data_may_go_to_a_site_and_how_figures_were_come_by() -> None:
    found = {mark.site: mark for mark in factory.marks(MODEL.outcome(Settings()))}
    assert (found["Kajaani"].takes, found["Lugano"].takes) == ("FIN, EU", "only unbound")
    assert found["Juelich"].kind == found["Bologna"].kind != found["Kajaani"].kind
    assert "6,000 nodes (cited)" in found["Juelich"].text and "position recalled" in found["Juelich"].text
    assert found["Athens"].power_mw == 0 and "takes no part" in found["Athens"].text
    assert found["Juelich"].power_mw == pytest.approx(15.8, rel=1e-3)


def test_zones_off_is_what_the_simulation_prices_zones_against() -> None:
    zoned, free = (MODEL.outcome(Settings(policy="carbon", zones=zones)).kpis() for zones in (True, False))
    price = zoned["price_of_zones"]
    for name, value in price.items():
        assert zoned[name] - free[name] == pytest.approx(value, abs=1e-9 * abs(zoned[name]))
    assert "price_of_zones" not in free and any(price.values())


def test_settings_reach_the_simulation_which_runs_once() -> None:
    settings = Settings("heat-wave", machines=("LUMI", "Karolina"), supply_k=-10.0, warmer_k=1.0)
    first = MODEL.outcome(settings)
    assert MODEL.outcome(settings) is first is MODEL.kept(settings)
    assert [part.machine.name for part in first.machines] == ["LUMI", "Karolina"]
    assert (first.scenario.rules.warmer_k, first.scenario.rules.supply_k) == (9.0, -10.0)
    mild = MODEL.outcome(Settings("heat-wave", machines=("LUMI", "Karolina")))
    assert factory.power(first).parts_mw["chiller"].sum() > factory.power(mild).parts_mw["chiller"].sum()
    small = FactoryModel(jobs=100)
    every = [Settings(warmer_k=float(kelvin)) for kelvin in range(13)]
    for one in every:
        small.outcome(one)
    assert small.kept(every[0]) is None and small.kept(every[1]) is not None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(machines=("LUMI", "Fugaku")), "machine 'Fugaku' takes no part in the scenario; JUPITER"),
        (Settings("nowhere"), "no scenario 'nowhere'"),
        (Settings(policy="cheapest"), "policy='cheapest'; choose one of"),
        (Settings(machines=("LUMI", "Alps")), "in zone CZE; no machine of the scenario is that"),
    ],
)
def test_settings_that_make_no_sense_are_told_in_one_line(settings: Settings, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        MODEL.outcome(settings)
    assert "\n" not in str(caught.value)


def test_a_link_adds_its_round_trip_and_nothing_else() -> None:
    found = loop_times("VLQ", 1_000, 2.0, 0.5)
    assert found["local"].iteration_s == pytest.approx(1_000 * 0.0004 + 2.0 + 0.5 + 1e-4)
    assert found["wan"].iteration_s - found["metro"].iteration_s == pytest.approx(0.05 - 0.001)
    drawing = loops(found)
    lengths = np.sum([trace["x"] for trace in drawing.traces], axis=0)
    assert lengths == pytest.approx([time.iteration_s for time in found.values()])
    assert "wan 2.95 s, of which the link adds 1.7 %" in drawing.alt
    with pytest.raises(InputError, match="quantum computer 'Osprey' isn't known; choose one of PIAST-Q"):
        loop_times("Osprey", 1, 0.0, 0.0)


@pytest.mark.parametrize("name", CHARTS)
def test_both_sides_are_drawn_on_the_same_axes(name: str) -> None:
    sides = {"A: calm": MODEL.outcome(Settings()), "B: lost": _lost()}
    left, right = charts(name, sides, "LUMI")
    assert left.x["range"] == right.x["range"] and left.y["range"] == right.y["range"]
    assert left.right.get("range") == right.right.get("range")
    assert left.title.startswith("A: ") and right.alt.startswith("B: lost: ")
    assert all(len(trace["x"]) <= 700 for trace in left.traces if trace["name"] != "land")
    _, away = charts(name, sides | {"B: lost": MODEL.outcome(Settings("european-processor"))}, "LUMI")
    assert not away.traces and away.alt == "B: lost: LUMI takes no part."


def test_rows_of_jobs_are_named_by_the_machines_of_their_side() -> None:
    few = MODEL.outcome(Settings("heat-wave", machines=("LUMI", "Karolina")))
    every, two = charts("jobs", {"A: all": MODEL.outcome(Settings()), "B: two": few}, EVERYWHERE)
    assert two.y["ticktext"] == ["LUMI", "Karolina"] and len(every.y["ticktext"]) > 2


def test_the_static_dashboard_is_pictures_and_words() -> None:
    shown = dashboard(
        "factory", ui="static", scenarios=("federation", "lost-site"), jobs=4_000, machine="LUMI"
    )
    assert isinstance(shown, Block)
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', shown.html)
    assert len(pictures) == len(CHARTS) + 1
    for svg, alt in pictures[:-1]:
        ElementTree.fromstring(base64.b64decode(svg))
        assert unescape(alt).startswith("A: federation, ") and " B: lost-site, carbon: " in alt
    killed = int((factory.gantt(_lost(), "LUMI").kind == factory.KILLED).sum())
    assert killed and "B: lost-site, carbon" in shown.html and "price of sovereignty" in shown.html
    with pytest.raises(
        InputError, match="machine 'Discoverer' takes no part; choose of whole federation, JUPITER"
    ):
        dashboard("factory", ui="static", machine="Discoverer")


def _find(widget: ipywidgets.Widget, label: str) -> ipywidgets.Widget:
    """The widget of that description, or button of that name."""
    found = [widget] if getattr(widget, "description", None) == label else []
    for child in getattr(widget, "children", ()):
        found += [one for one in [_find(child, label)] if one is not None]
    return found[0] if found else None


def _wait(until: object) -> None:
    end = time.monotonic() + 100
    while not until():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)


def test_controls_change_what_the_live_dashboard_shows() -> None:
    view = factory_widget(MODEL, {"A": Settings(), "B": Settings(policy="carbon")})
    table, body = view.children[2:]
    _wait(lambda: "A: federation, earliest" in table.value and "B: federation, carbon" in table.value)
    page, of = view.children[1].children

    def said() -> str:
        (on_show,) = (one for one in body.children if one.layout.display != "none")
        return str(on_show.children[-1].value)

    assert "price of sovereignty" in said()
    page.value = "Power"
    assert "price of sovereignty" not in said() and "nodes at rest" in said()
    of.value = "LUMI"
    assert "LUMI, mean power" in said() and "LUMI" in of.options
    _find(view, "water warmer by (K)").value = -5
    _wait(lambda: "A: federation, earliest, water -5 K" in table.value)
    _find(view, "water warmer by (K)").value = 0
    assert "A: federation, earliest<" in table.value  # known already: at once, in this thread
    _find(view, "zones").value = False
    _wait(lambda: "A: federation, earliest, zones off" in table.value)
    _find(view, "A: scenario").value = "european-processor"
    _wait(lambda: "A: european-processor" in table.value)
    _wait(lambda: "LUMI takes no part" in said())
    assert "Discoverer" in of.options and of.value == "LUMI"
    page.value = "Quantum computer"
    assert "wan 1.45 s" in said()
    _find(view, "quantum computer").value = "PIAST-Q"
    assert "wan 301.05 s" in said()
    _find(view, "A: scenario").value = "federation"
    _wait(lambda: "A: federation, earliest, zones off" in table.value)
    _find(view, "machines").value = ("LUMI", "Alps")
    _find(view, "zones").value = True
    _wait(lambda: any("zone CZE; no machine" in str(line) for line in _texts(view)))
    view.close()


def test_a_simulation_that_nobody_wants_any_more_ends_at_the_next_machine() -> None:
    told, settings = list[float](), Settings(supply_k=7.0)

    def progress(done: float) -> None:
        told.append(done)
        if done > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        MODEL.outcome(settings, progress)
    assert MODEL.kept(settings) is None
    told.clear()
    MODEL.outcome(settings, told.append)
    machines = len(MODEL.outcome(settings).machines)  # scheduled twice: with zones and without
    assert told == pytest.approx(np.arange(2 * machines) / (2 * machines))


def _texts(widget: ipywidgets.Widget) -> list[str]:
    own = [widget.value] if isinstance(widget, ipywidgets.HTML) else []
    return own + [text for child in getattr(widget, "children", ()) for text in _texts(child)]
