"""The energy dashboard: what a run used, what it would use elsewhere, and how sure that is."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from labkit.campaign import Run
from labkit.dashboards import Block
from labkit.dashboards import _energy_view as shown
from labkit.dashboards._energy_model import Amount, EnergyModel, SiteUse, in_unit, without_figures
from labkit.energy import GridCarbon
from labkit.errors import InputError
from labkit.store import Evaluation, Journal

QUICK = EnergyModel(country="DEU")


def _text(block: Block) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", block.html)).split())


def _site(model: EnergyModel, name: str) -> SiteUse:
    return next(site for site in model.sites if site.name == name)


@pytest.fixture
def small_run(tmp_path: Path) -> str:
    """Two dockings of 36 s and 72 s, one of them from the cache; one contact; 2 Wh ± 1 Wh metered."""
    (tmp_path / "manifest.json").write_text(json.dumps({"run": "small"}))
    journal = Journal.create(tmp_path / "journal.sqlite")
    for i, (fidelity, seconds, cached) in enumerate(
        [("docking", 36.0, False), ("docking", 72.0, True), ("interaction", 18.0, False)]
    ):
        result: dict[str, Any] = (
            {"contacts": [{}, {}]} if fidelity == "interaction" else {"contacts": [{}, {}, {}]}
        )
        row = Evaluation(0, f"{'C' * (i + 1)}", fidelity, "key", "done", result, seconds, cached)
        journal.append_evaluation(row)
    for stage, seconds, wh in (("docking", 18.0, 1.5), ("interaction", 36.0, 0.4), ("learn", 6.0, 0.1)):
        journal.append_meter(stage, seconds, wh, wh / 2, "load model")
    journal.close()
    return str(tmp_path)


def test_stages_add_up_to_what_the_manifest_says_of_the_whole_run() -> None:
    manifest = Run.open("quick").manifest
    total = QUICK.wh()
    assert total.value == pytest.approx(manifest["energy_wh"], rel=0.01)
    assert total.high - total.value == pytest.approx(manifest["energy_uncertainty_wh"], rel=0.01)
    assert sum(stage.seconds for stage in QUICK.stages) == pytest.approx(manifest["seconds"], rel=0.01)
    # Two workers dock: hardly any waits for the other.
    assert 1.5 < next(stage.busy or 0 for stage in QUICK.stages if stage.name == "docking") <= 2


def test_what_came_from_the_cache_is_not_counted(small_run: str) -> None:
    model = EnergyModel(small_run)
    assert [(stage.name, stage.busy) for stage in model.stages] == [
        ("docking", 2.0),
        ("interaction", 0.5),
        ("learn", None),
    ]
    assert model.each["docking"] == (1, pytest.approx((1.5, 0.75, 2.25)))
    # A docking has contacts, too; only those simulated are quantum energies.
    assert model.each["quantum energy (contact)"] == (2, pytest.approx((0.2, 0.1, 0.3)))
    assert "quantum energy (triplet)" not in model.each


def test_a_country_s_grid_turns_energy_into_carbon() -> None:
    # Germany's 381 g/kWh, Our World in Data 2023
    wh = QUICK.wh()
    assert in_unit(wh, QUICK.grid, "gCO2e") == pytest.approx(wh.times(0.381), rel=1e-3)


def test_where_the_country_is_unknown_its_spread_is_part_of_the_uncertainty() -> None:
    world = GridCarbon("world", 500.0, 2023, uncertainty_g_per_kwh=400.0)
    found = in_unit(Amount(1000.0, 700.0, 1300.0), world, "gCO2e")
    error = math.hypot(0.3 * 500, 1.0 * 400)  # independent errors of a product's factors
    assert found == pytest.approx((500.0, 500 - error, 500 + error))
    assert in_unit(Amount(1000.0, 0.0, 2000.0), world, "gCO2e").low == 0


def test_moved_energy_takes_overhead_and_grid_only(small_run: str) -> None:
    sites = EnergyModel(small_run, "FIN", copies=10).sites
    here, *there = sites
    assert (here.seconds, here.pue, here.own) == (600.0, 1.0, None)
    assert here.moved == pytest.approx((20.0, 10.0, 30.0))
    for site in there:
        assert 1.0 < site.pue < 1.2
        assert site.moved == pytest.approx(here.moved.times(site.pue))
    order = [in_unit(site.moved, site.grid, "gCO2e") for site in there]
    for bound in range(3):  # whatever the meter's error
        assert [amount[bound] for amount in order] == sorted(amount[bound] for amount in order)


def test_own_nodes_draw_between_rest_and_full_load(small_run: str) -> None:
    # LUMI's nodes: 620 W at rest (assumed), 2384 W under Linpack; 36 s + 18 s + 6 s of work, one node.
    lumi = _site(EnergyModel(small_run), "LUMI")
    assert lumi.own is not None
    assert lumi.own.low == pytest.approx(620 / 60 * lumi.pue)
    assert lumi.own.high == pytest.approx(2384 / 60 * lumi.pue)
    assert lumi.own.low < lumi.own.value < lumi.own.high


def test_a_node_is_taken_whole(small_run: str) -> None:
    one, full, more = (
        _site(EnergyModel(small_run, copies=n), "Alps").own or pytest.fail() for n in (1, 64, 65)
    )
    assert one == full and more == pytest.approx(full.times(2))


def test_the_price_of_a_zone_is_what_its_best_machine_takes_more() -> None:
    model = replace(QUICK, zone="FIN")
    lumi, alps = (_site(model, name) for name in ("LUMI", "Alps"))
    more = [
        in_unit(a, lumi.grid, "gCO2e").value - in_unit(b, alps.grid, "gCO2e").value
        for a, b in ((lumi.moved, alps.moved), (lumi.own, alps.own))
        if a is not None and b is not None
    ]
    price = model.price("gCO2e")
    assert [price["moved"].value, price["own"].value] == pytest.approx(more)
    # The meter's error of 75 % is one of the difference, too.
    assert price["moved"].high == pytest.approx(1.75 * price["moved"].value, rel=1e-3)
    assert replace(QUICK, zone="anywhere").price("Wh")["own"] == (0, 0, 0)
    assert lumi.allowed and not alps.allowed


def test_a_zone_without_a_machine_says_so() -> None:
    model = replace(QUICK, zone="AUT")
    with pytest.raises(InputError, match="no machine"):
        model.price("Wh")
    assert "Zone AUT: no machine" in _text(shown.use_in_words(model))
    assert "AUT 0 no machine" in _text(shown.zone_prices(QUICK, ["FIN", "AUT"]))
    assert "Vienna" in without_figures() and "Kajaani" not in without_figures()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"unit": "kcal"}, "unit 'kcal'; choose one of Wh, gCO2e"),
        ({"zone": "USA"}, "zone 'USA'; choose one of anywhere, EU"),
        ({"country": "Finland"}, "'Finland' isn't known"),
    ],
)
def test_values_that_make_no_sense_are_refused(values: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        EnergyModel(**values)  # type: ignore[arg-type]


def test_copies_below_one_and_runs_without_a_meter_are_refused(small_run: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="copies=0"):
        _ = EnergyModel(small_run, copies=0).sites
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "manifest.json").write_text("{}")
    Journal.create(empty / "journal.sqlite").close()
    with pytest.raises(InputError, match="no metered stage"):
        _ = EnergyModel(str(empty)).stages


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (Amount(0.6146, 0.1537, 1.0756), "0.61 ± 0.46"),
        (Amount(2528.0, 1042.0, 4014.0), "2,528 ± 1,486"),
        (Amount(2.0, 1.5, 4.0), "2.0 (1.5 to 4.0)"),
        (Amount(0.0, 0.0, 0.0), "0"),
        (None, "–"),
    ],
)
def test_numbers_are_shown_as_far_as_they_are_known(amount: Amount | None, told: str) -> None:
    assert shown.said(amount) == told


@pytest.mark.parametrize("draw", [shown.use_by_stage, shown.use_by_site])
def test_pictures_are_well_formed_and_say_their_numbers(draw: Callable[[EnergyModel], shown.Picture]) -> None:
    model = replace(QUICK, unit="Wh")
    picture = draw(model)
    assert ElementTree.fromstring(picture.svg).tag.endswith("svg")
    assert "energy (Wh)" in picture.alt and "emission (gCO2e)" in draw(QUICK).alt
    if draw is shown.use_by_stage:
        assert "interaction 0.42 ± 0.31, 2 min 57 s" in picture.alt
    else:
        assert "this computer, DEU: 39 ± 30 moved" in picture.alt
        assert re.search(r"Alps, CHE: \d+ ± \d+ moved, data may not go there, \d+ ± \d+ own", picture.alt)


def test_the_static_page_tells_what_is_compared_with_what() -> None:
    text = _text(shown.energy_dashboard("static", country="DEU", zone="FIN"))
    assert "The run used 0.61 ± 0.46 Wh, 68% of it for interaction, and emitted 0.23 ± 0.18 gCO2e" in text
    assert "assumed 8 W a core" in text and "Grid: DEU, mean of 2023, Our World in Data" in text
    assert "like with like" in text and "Keeping the data in FIN adds" in text
    assert re.search(r"per docking 0\.0057 ± 0\.0043 .* mean of 29", text)


def test_controls_of_the_widget_change_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_COUNTRY", raising=False)
    page = shown.energy_dashboard("widget", country="DEU", unit="Wh")
    controls, fault, charts, words, _ = page.children
    run, country, copies, zone, unit = controls.children
    used, there = (child.children[1] for child in charts.children)
    assert dict(run.options)["quick"] == run.value
    assert sum(used.data[0].x) == pytest.approx(QUICK.wh().value)
    copies.value = 128
    assert there.data[0].x[0] == pytest.approx(128 * QUICK.wh().value)
    zone.value = "FIN"
    names = list(there.layout.yaxis.ticktext)
    assert there.data[1].marker.symbol[names.index("LUMI, FIN") - 1] == "square"
    assert there.data[1].marker.symbol[names.index("Alps, CHE") - 1] == "square-open"
    unit.value = "gCO2e"
    assert used.layout.xaxis.title.text == "emission (gCO2e)"
    assert sum(used.data[0].x) == pytest.approx(0.381 * QUICK.wh().value, rel=1e-3)
    country.value = "FIN"
    assert sum(used.data[0].x) == pytest.approx(0.0792 * QUICK.wh().value, rel=1e-3)
    before = words.value
    country.value = "nowhere"
    assert "nowhere" in fault.value and words.value == before
    country.value = ""
    assert fault.value == "" and "Grid: world" in words.value
