"""A federation's figures and sentences say what its numbers say."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache
from html import unescape
from typing import Any

import numpy as np
import pytest

from labkit import cluster
from labkit import dashboards as shown
from labkit.cluster import Jobs, Outcome, Projection, electricity
from labkit.dashboards import Block, Picture

NAMES = ["LUMI", "Karolina", "Alps"]


def _text(block: Block) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", block.html))


@cache
def _outcome(policy: str = "earliest", scenario: str = "federation") -> Outcome:
    """Four jobs of an hour on three machines; a tenth of such jobs are Finnish, two fifths the EU's."""
    read = cluster.read_scenario(scenario)
    three = tuple(machine for machine in read.machines if machine.name in NAMES)
    hour = np.full(40, 3600.0)
    at = np.arange(40.0) * 60
    ones = np.arange(40, dtype=np.int64)
    wide = np.full(40, 60, np.int64)
    jobs = Jobs(at, hour, wide, hour, np.zeros(40, np.int64), np.zeros(40, np.int64), ones)
    return cluster.simulate(replace(read, machines=three), jobs, policy)


def _day() -> dict[str, Any]:
    scenario = cluster.read_scenario()
    machine = scenario.catalogue.machines["JUPITER"]
    power = cluster.power_series(
        cluster.power_of(machine), [0.0], [3000.0], 1.0, 3600.0, start_s=0.0, end_s=86400.0
    )
    climate = cluster.climate_of(scenario, machine)
    return {"J": cluster.run_facility(power, cluster.plant_of(machine), climate, datetime(2026, 7, 6))}


PROJECTIONS = [
    Projection("North", "N", "FIN", True, 60.0, 2.0, 0.2, 1.0),
    Projection("South", "S", "ITA", False, 60.0, 1.0, 0.3, 1.0),
    Projection("Alps", "A", "CHE", False, 60.0, 3.0, 0.1, 1.0),
]

PICTURES: list[Callable[[], Picture]] = [
    lambda: shown.machine_over_time(_outcome().machines[0]),
    lambda: shown.pue_over_a_day(_day()),
    lambda: shown.policies_picture({"earliest": _outcome(), "carbon": _outcome("carbon")}),
    lambda: shown.scenarios_picture({"now": _outcome(), "hot": _outcome(scenario="heat-wave")}),
    lambda: shown.projection_picture(PROJECTIONS),
    lambda: shown.speed_picture(shown.measured("scheduling"), shown.measured("simulate")),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_are_well_formed_described_and_the_same_each_time(
    draw: Callable[[], Picture], well_drawn: Callable[..., Picture]
) -> None:
    well_drawn(draw)


def test_each_figure_of_the_catalogue_wears_its_basis() -> None:
    catalogue = cluster.read_catalogue()
    text = _text(shown.machines_table(catalogue, ["JUPITER"]))
    assert "680 a" in text and "2,633 s" in text and "unknown" in text  # no PUE is published
    assert "Of 4 figures: 2 cited, 1 secondary (s), 0 recalled (r), 1 assumed (a)." in text
    text = _text(shown.qpus_table(catalogue))
    assert "300 a" in text and "unknown" in text


def test_work_and_rest_add_up_to_what_the_federation_draws() -> None:
    outcome = _outcome()
    found = outcome.kpis()
    drawn = electricity(outcome, found["period_s"])
    assert drawn.work_mwh + drawn.rest_mwh == pytest.approx(found["energy_mwh"], rel=1e-9)
    assert drawn.work_co2_t + drawn.rest_co2_t == pytest.approx(found["co2_t"], rel=1e-9)
    longer = electricity(outcome, 2 * found["period_s"])
    assert longer.work_mwh == drawn.work_mwh
    # Twice the time with no more work: all nodes are at rest for a whole period.
    idle_mw = (
        sum((p.machine.node_power_idle_w or 0) * p.schedule.machine_nodes for p in outcome.machines) / 1e6
    )
    added = longer.rest_mwh - drawn.rest_mwh
    assert added == pytest.approx(idle_mw * found["period_s"] / 3600, rel=0.1)  # and the centres' overhead
    assert added > idle_mw * found["period_s"] / 3600


def test_what_a_policy_brings_is_told_with_its_sign() -> None:
    outcomes = {"earliest": _outcome(), "carbon": _outcome("carbon")}
    text = _text(shown.policies_in_words(outcomes))
    assert "“carbon” against “earliest”" in text
    seconds = max(part.kpis.seconds for o in outcomes.values() for part in o.machines)
    first, second = (electricity(o, seconds) for o in outcomes.values())
    less = second.work_co2_t < first.work_co2_t
    tonnes = second.work_co2_t + second.rest_co2_t - first.work_co2_t - first.rest_co2_t
    assert less and (f"{tonnes:+.0f}".replace("-", "−") + " t CO2") in text


def test_the_table_of_machines_holds_every_job_once() -> None:
    outcome = _outcome()
    rows = re.findall(r"<tr>.*?</tr>", shown.outcome_table(outcome).html)[1:]
    assert sum(int(re.findall(r"<td[^>]*>([^<]*)", row)[1]) for row in rows) == 40
    assert "No job ran outside its data's zone." in _text(shown.outcome_in_words(outcome))
    broken = replace(outcome, zone_violations=3)
    assert "3 jobs ran outside" in _text(shown.outcome_in_words(broken))


def test_who_waits_for_zones_is_told_by_label() -> None:
    outcome = _outcome(scenario="lost-site")
    rows = re.findall(r"<tr>.*?</tr>", shown.waits_by_label(outcome).html)[1:]
    counts = [int(re.findall(r"<td[^>]*>([^<]*)", row)[1]) for row in rows]
    assert sum(counts) == 40
    assert "anywhere" in rows[-1]
    assert "earliest" in _text(shown.zones_table({"earliest": outcome}))
    free = replace(outcome, free=None)
    assert "earliest" not in _text(shown.zones_table({"earliest": free}))


def test_a_warmer_week_costs_energy_and_no_time() -> None:
    text = _text(shown.scenarios_table({"now": _outcome(), "hot": _outcome(scenario="heat-wave")}))
    now, hot = (float(found) for found in re.findall(r"\b(1\.\d{3})\b", text))
    assert hot > now


def test_the_pue_of_a_day_is_lowest_where_it_is_coldest() -> None:
    (low, cold), (high, warm) = re.findall(r"([\d.]+) at (\d+) °C", shown.pue_over_a_day(_day()).alt)
    assert 1 < float(low) < float(high) and float(cold) < float(warm)


def test_a_zone_s_price_is_named_with_the_machines_that_make_it() -> None:
    price = cluster.price_of_zone(PROJECTIONS)
    text = _text(shown.projection_in_words(PROJECTIONS, price))
    assert "Least energy within the zone: North, 2 kWh; anywhere: South, 1 kWh." in text
    assert "The zone costs 1 kWh (+100 %)." in text
    assert "Least CO2 within the zone: North, 200 g; anywhere: Alps, 100 g." in text
    assert "by a factor of 3" in text
    table = _text(shown.projection_table(PROJECTIONS))
    assert table.index("Alps") < table.index("North") < table.index("South")


def test_loops_are_listed_with_what_the_farthest_link_adds() -> None:
    loop = cluster.HybridLoop("shots", 1, iterations=1, classical_s=0.0, shots=1_000)
    fast = cluster.QuantumService("fast", "superconducting", 300e-6)
    links = [cluster.Link("local", 0.0), cluster.Link("wan", 0.05)]
    times = {"bare": {"fast": {link.name: cluster.loop_time(loop, fast, link) for link in links}}}
    text = _text(shown.loops_table(times))
    assert "0.30 s" in text and "0.35 s" in text and "+17 %" in text  # 0.05 of 0.3 s


def test_ways_to_share_are_ranked_by_what_they_hold() -> None:
    one = cluster.HybridLoop("a", 16, iterations=6, classical_s=50.0, shots=50)
    qpu = cluster.QuantumService("q", "any", t_shot_s=1.0)
    pair = [one, replace(one, name="b")]
    found: dict[str, Any] = {
        m: cluster.share(pair, 32, qpu, cluster.Link("l", 0.0), m) for m in cluster.MODES
    }
    text = _text(shown.sharing_in_words(found))
    assert "holds 50 % is idle" in text
    assert "split (−50 %), malleable (" in text and "exclusive (0 %), multiplexed (+" in text


def test_speed_and_checks_come_from_the_benchmarks() -> None:
    facility = shown.measured("facility")
    text = _text(shown.speed_in_words(shown.measured("scheduling"), facility))
    assert "million jobs a second" in text and "ExaDigiT RAPS 210-340 ×" in text
    text = _text(shown.checks_table(facility))
    assert "frontier peak" in text and "28.228 MW" in text and "PUE of LUMI" in text
