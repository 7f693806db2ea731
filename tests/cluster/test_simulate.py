"""The twin as a whole: what goes in comes out, zones hold, and what befalls machines shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labkit.cluster import (
    Jobs,
    list_scenarios,
    node_jobs,
    price_of_zone,
    project,
    read_scenario,
    simulate,
)
from labkit.errors import InputError

SMALL = """
name = "small"
start = "2026-01-12T00:00:00"
machines = ["MeluXina", "Karolina", "Vega"]

[[work]]
jobs = 400
load = 0.7
kind = "gpu"
widest = 32
"""
CZECH = SMALL + '\n[[label]]\nshare = 0.2\nzone = ["CZE"]\n'


def scenario(folder: Path, text: str, name: str = "own.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_job_runs_once_within_its_zone_and_energy_adds_up(tmp_path: Path) -> None:
    outcome = simulate(scenario(tmp_path, CZECH))
    kpis = outcome.kpis()
    assert sorted(np.concatenate([part.jobs for part in outcome.machines]).tolist()) == list(range(400))
    czech = np.flatnonzero(outcome.workload.label == 0)
    assert 40 < len(czech) < 120
    karolina = outcome.machines[1]
    assert karolina.machine.name == "Karolina" and set(czech) <= set(karolina.jobs)
    assert kpis["zone_violations"] == 0
    for part in outcome.machines:
        machine, busy_s = part.machine, float(part.schedule.jobs.run_s @ part.schedule.jobs.nodes)
        assert machine.nodes and machine.node_power_idle_w and machine.node_power_peak_w
        # Nodes rest or work at 0.8 of what lies between: IT energy by hand.
        rise = 0.8 * (machine.node_power_peak_w - machine.node_power_idle_w)
        joules = machine.nodes * machine.node_power_idle_w * kpis["period_s"] + rise * busy_s
        assert part.kpis.it_kwh == pytest.approx(joules / 3.6e6, rel=1e-9)
        assert part.kpis.total_kwh > part.kpis.it_kwh
    assert kpis["energy_mwh"] == pytest.approx(sum(row["energy_mwh"] for row in kpis["machines"]))
    assert kpis["energy_mwh"] == pytest.approx(
        kpis["pue"] * sum(p.kpis.it_kwh for p in outcome.machines) / 1e3
    )


def test_jobs_outside_their_zone_are_counted_from_where_they_ran(tmp_path: Path) -> None:
    outcome = simulate(scenario(tmp_path, CZECH)).free
    assert outcome is not None
    home = {"MeluXina": "LUX", "Karolina": "CZE", "Vega": "SVN"}
    strangers = [
        job
        for part in outcome.machines
        for job in part.jobs
        if home[part.machine.name] != "CZE" and outcome.workload.label[job] == 0
    ]
    assert outcome.zone_violations == len(strangers) > 20


HYBRID = SMALL.replace("widest = 32", "widest = 32\nhybrid = 0.3\nqpu_part = 0.5")


@pytest.mark.parametrize("sharing", ["exclusive", "multiplexed", "malleable"])
def test_hybrid_jobs_run_beside_the_quantum_computer_and_nowhere_else(tmp_path: Path, sharing: str) -> None:
    text = HYBRID.replace(
        "start", f'qpu_sharing = "{sharing}"\ncalibration_every_h = 24.0\ncalibration_h = 2.0\nstart'
    )
    outcome = simulate(scenario(tmp_path, text))
    kpis, rows = outcome.kpis(), {part.machine.name: part for part in outcome.machines}
    assert 80 < kpis["qpu_jobs"] < 160
    # VLQ stands beside Karolina; no other machine of the three has one.
    for name in ("MeluXina", "Vega"):
        assert rows[name].row()["qpu_jobs"] == rows[name].row()["qpus"] == 0
        assert rows[name].row()["qpu_utilisation"] is None
    done = rows["Karolina"].schedule
    hybrid = done.jobs.qpu_s > 0
    np.testing.assert_allclose(done.jobs.qpu_s[hybrid], done.jobs.run_s[hybrid] / 2)
    seconds = kpis["period_s"]
    assert kpis["qpu_utilisation"] == pytest.approx(done.jobs.qpu_s.sum() / seconds)
    times, parts = done.qpu_usage()
    busy = (np.diff(times) * parts[:-1]).sum() / 1e6 / seconds
    assert kpis["qpu_held"] == pytest.approx(busy)
    assert kpis["qpu_held"] == pytest.approx(kpis["qpu_utilisation"] * (2 if sharing == "exclusive" else 1))
    assert kpis["qpu_wait_mean_s"] == pytest.approx(done.wait_s[hybrid].mean())
    assert (done.start_s[hybrid] % 86400 < 22 * 3600).all()


def test_zones_off_is_where_jobs_would_have_gone_without(tmp_path: Path) -> None:
    zoned = simulate(scenario(tmp_path, CZECH))
    free = simulate(scenario(tmp_path, SMALL))
    assert zoned.free is not None and free.free is None
    for one, other in zip(zoned.free.machines, free.machines, strict=True):
        assert one.jobs.tolist() == other.jobs.tolist()
    price = zoned.kpis()["price_of_zones"]
    assert price["wait_mean_s"] == pytest.approx(
        zoned.kpis()["wait_mean_s"] - free.kpis()["wait_mean_s"], abs=1e-9
    )


def test_the_same_seed_gives_the_same_and_another_one_another(tmp_path: Path) -> None:
    path = scenario(tmp_path, CZECH)
    one, same, other = (simulate(path, seed=seed).kpis() for seed in (3, 3, 4))
    for kpis in (one, same, other):
        del kpis["seconds"]
    assert one == same != other


def test_policies_do_what_they_are_named_for(tmp_path: Path) -> None:
    path = scenario(tmp_path, SMALL)
    earliest, energy, carbon = (simulate(path, policy=p).kpis() for p in ("earliest", "energy", "carbon"))
    assert earliest["wait_mean_s"] <= min(energy["wait_mean_s"], carbon["wait_mean_s"])
    # Luxembourg's grid is the cleanest of the three, Czechia's the dirtiest.
    jobs = {row["machine"]: row["jobs"] for row in carbon["machines"]}
    assert jobs["MeluXina"] == max(jobs.values()) and jobs["Karolina"] == min(jobs.values())


def test_a_heat_wave_costs_power_and_a_closed_machine_does_no_work(tmp_path: Path) -> None:
    july = SMALL.replace("2026-01-12", "2026-07-13")
    mild, hot = (
        simulate(scenario(tmp_path, text)).kpis()
        for text in (july, july.replace("start", "warmer_k = 9.0\nstart"))
    )
    assert hot["pue"] > mild["pue"] + 1e-3 and hot["wait_mean_s"] == mild["wait_mean_s"]
    shut = SMALL + '\n[[closure]]\nmachine = "MeluXina"\nfrom_day = 0.0\ndays = 1000.0\n'
    rows = {row["machine"]: row for row in simulate(scenario(tmp_path, shut)).kpis()["machines"]}
    assert rows["MeluXina"]["jobs"] == 0 and rows["MeluXina"]["energy_mwh"] > 0  # it rests, it isn't off


def test_warmer_water_spares_chillers_and_changes_no_job(tmp_path: Path) -> None:
    july = SMALL.replace("2026-01-12", "2026-07-13")
    cold, usual, warm = (
        simulate(scenario(tmp_path, july.replace("start", f"supply_k = {kelvin}\nstart")))
        for kelvin in (-10.0, 0.0, 5.0)
    )
    chiller, total = (
        [sum(float(get(part.facility).sum()) for part in outcome.machines) for outcome in (cold, usual, warm)]
        for get in (lambda facility: facility.cooling.chiller_w, lambda facility: facility.total_w)
    )
    assert chiller[0] > chiller[1] >= chiller[2] and total[0] > total[1] > total[2]
    for before, after in zip(usual.machines, warm.machines, strict=True):
        assert after.facility.cooling.return_c == pytest.approx(before.facility.cooling.return_c + 5.0)
        assert (after.schedule.start_s == before.schedule.start_s).all()
    with pytest.raises(InputError, match=r"supply_c=-8;"):
        simulate(scenario(tmp_path, july.replace("start", "supply_k = -40.0\nstart")))


def test_a_user_s_own_weather_and_grid_count(tmp_path: Path) -> None:
    hours = [f"2026-01-{12 + hour // 24:02d}T{hour % 24:02d}:00" for hour in range(12 * 24)]
    weather = "time,dry_bulb_c,relative_humidity\n" + "".join(f"{hour},33,60\n" for hour in hours)
    (tmp_path / "hot.csv").write_text(weather)
    (tmp_path / "grid.csv").write_text("time,g_per_kwh\n" + "".join(f"{hour},1000\n" for hour in hours))
    own = SMALL.replace("[[work]]", '[weather]\nBissen = "hot.csv"\n[carbon]\nLUX = "grid.csv"\n[[work]]')
    plain, changed = (
        {row["machine"]: row for row in simulate(scenario(tmp_path, text)).kpis()["machines"]}
        for text in (SMALL, own)
    )
    assert changed["MeluXina"]["pue"] > plain["MeluXina"]["pue"] + 0.01
    assert changed["MeluXina"]["co2_t"] == pytest.approx(changed["MeluXina"]["energy_mwh"])  # 1 kg a kWh
    assert changed["Vega"] == plain["Vega"]


def test_a_failure_kills_and_the_jobs_run_again(tmp_path: Path) -> None:
    text = SMALL.replace('["MeluXina", "Karolina", "Vega"]', '["MeluXina"]')
    closure = '\n[[closure]]\nmachine = "MeluXina"\nfrom_day = 0.02\ndays = 0.1\nkind = "failure"\n'
    outcome = simulate(scenario(tmp_path, text + closure))
    schedule = outcome.machines[0].schedule
    assert len(schedule.killed) > 0
    start, end = 0.02 * 86400, 0.12 * 86400
    assert not ((schedule.start_s >= start) & (schedule.start_s < end)).any()
    assert outcome.kpis()["jobs"] == 400


def test_what_is_written_is_what_was_found(tmp_path: Path) -> None:
    outcome = simulate(scenario(tmp_path, SMALL))
    outcome.write(tmp_path / "out")
    jobs = pd.read_parquet(tmp_path / "out" / "jobs.parquet")
    assert len(jobs) == 400 and (jobs.start_s >= jobs.submit_s).all()
    power = pd.read_parquet(tmp_path / "out" / "power.parquet")
    kwh = (power.total_w * (power.to_s - power.from_s)).sum() / 3.6e6
    kpis = json.loads((tmp_path / "out" / "kpis.json").read_text())
    assert kpis["energy_mwh"] == pytest.approx(kwh / 1e3)


def test_given_jobs_and_a_trace_run_on_the_federation(tmp_path: Path) -> None:
    line = "{} {} -1 {} {} -1 -1 {} {} -1 1 1 1 -1 1 -1 -1 -1\n"
    trace = tmp_path / "own.swf"
    hybrid = tmp_path / "hybrid.swf"
    hybrid.write_text(
        "".join(line.format(i, i, 50, 4, 4, 60).strip() + f" {10 * (i == 3)}\n" for i in range(6))
    )
    trace.write_text("; made by hand\n" + "".join(line.format(i, 100 + i, 50, 4, 4, 60) for i in range(20)))
    path = scenario(tmp_path, SMALL)
    assert simulate(path, trace).kpis()["jobs"] == 20
    assert simulate(path, hybrid).kpis()["qpu_jobs"] == 1
    none = np.zeros(3, np.int64)
    jobs = Jobs(np.arange(3.0), np.full(3, 50.0), np.full(3, 4), np.full(3, 50.0), none, none, np.arange(3))
    kpis = simulate(path, jobs).kpis()
    assert kpis["jobs"] == 3 and kpis["wait_mean_s"] == 0 and kpis["makespan_s"] == 52


def test_a_run_is_projected_onto_each_machine() -> None:
    federation = read_scenario()
    evaluations = [("docking", float(i), 30.0) for i in range(10)]
    found = {part.machine: part for part in project(evaluations, federation, zone=frozenset({"FIN"}))}
    assert [name for name, part in found.items() if part.allowed] == ["LUMI"]
    lumi = federation.catalogue.machines["LUMI"]
    assert lumi.node_power_idle_w and lumi.node_power_peak_w
    assert found["LUMI"].seconds == 39.0
    # 64 runs share a node: 300 node-seconds at half of what lies between rest and full use.
    watts = (lumi.node_power_idle_w + lumi.node_power_peak_w) / 2
    assert found["LUMI"].energy_kwh == pytest.approx(300 * watts * found["LUMI"].pue / 3.6e6)
    assert all(value >= 0 for value in price_of_zone(list(found.values())).values())
    assert len(node_jobs(evaluations, 65)) == 20


@pytest.mark.parametrize(
    "name",
    ["european-processor", "federation", "gigafactory", "heat-wave", "hybrid", "late-site", "lost-site"],
)
def test_shipped_scenarios_can_be_read(name: str) -> None:
    assert name in list_scenarios()
    assert read_scenario(name).rules.name == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name", "nmae"), r"'nmae' isn't known"),
        (("load = 0.7", "hybrid = 2.0"), r"hybrid=2; 0 to 1 is wanted"),
        (("load = 0.7", "qpu_part = 0.0"), r"qpu_part=0; more than 0 and at most 1 is wanted"),
        (("start", 'qpu_sharing = "split"\nstart'), r"qpu_sharing='split'; choose one of exclusive, mult"),
        (("start", "calibration_h = 2.0\nstart"), r"calibration_h=2; less than calibration_every_h=0 is"),
        (
            ('"Karolina", "Vega"]\n\n[[work]]', '"Vega"]\n\n[[work]]\nhybrid = 0.1'),
            r"of kind 'gpu' beside a quantum computer; no machine",
        ),
        (("load = 0.7", 'load = "much"'), r"load='much'; a finite number is wanted"),
        (('kind = "gpu"', 'kind = "qpu"'), r"kind='qpu'; 'cpu' or 'gpu' is wanted"),
        (('kind = "gpu"', 'kind = "cpu"'), r"\[\[work\]\] is for kind 'cpu'; no machine"),
        (("[[work]]", '[weather]\nOslo = "hot.csv"\n[[work]]'), r"hot\.csv: can't be read"),
        (("[[work]]", "[carbon]\nLUX = 3\n[[work]]"), r"a table \[carbon\] of names and CSV files is wanted"),
        (('"Karolina", "Vega"]', '"MeluXina"]'), r"each is wanted once"),
        (('"Vega"]', '"Vega"]\nlabel = 3'), r"label=3; tables headed \[\[label\]\] are wanted"),
        (('"Vega"]', '"Vega", 7]'), r"no machine 7; known are"),
        (('"Vega"', '"Vegas"'), r"no machine 'Vegas'; known are"),
        (("2026-01-12", "12.1.2026"), r"start='12\.1\.2026"),
        (("widest = 32", "widest = 4096"), r"job \d+ wants \d+ nodes; the widest machine, MeluXina, has 200"),
        (("[[work]]", 'policy = "luck"\n[[work]]'), r"policy='luck'; choose one of earliest, energy, carbon"),
        (
            ("[[work]]", '[[closure]]\nmachine = "LUMI"\nfrom_day = 0.0\ndays = 1.0\n[[work]]'),
            r"'LUMI' isn't among",
        ),
        (("[[work]]", '[[label]]\nshare = 1.5\nzone = ["EU"]\n[[work]]'), r"share=1\.5; 0 to 1 is wanted"),
        (("[[work]]", '[[label]]\nshare = 0.5\nzone = ["FRA"]\n[[work]]'), r"in zone FRA; no machine"),
        (('"MeluXina"', '"Alice Recoque (planned)"'), r"Alice Recoque \(planned\) has no figure for nodes"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in SMALL
    with pytest.raises(InputError, match=message):
        simulate(scenario(tmp_path, SMALL.replace(*change, 1)))


def test_a_zone_without_a_machine_has_no_price() -> None:
    with pytest.raises(InputError, match="no machine of the scenario lies in the data's zone"):
        price_of_zone(project([("docking", 0.0, 1.0)], read_scenario(), zone=frozenset({"USA"})))
    with pytest.raises(InputError, match=r"no scenario 'mars'; give a \.toml file or one of"):
        read_scenario("mars")
