"""Power and cooling of whole machines: against published figures, and how fast; a row for each figure.

    python benchmarks/facility.py

Writes benchmarks/results/facility.csv. Rows that it has already are skipped; timings say on what.

- `power`: idle and peak from the component parameters, beside what ExaDigiT RAPS tells.
- `pue`: a year of a machine that 2,000 random jobs a week keep busy, with the site's climate, beside the
  catalogue's PUE and that figure's basis. No parameter was fitted to it; data/cluster/cooling/README.md says
  what is assumed. Published figures may count storage, offices and UPS, which aren't in the model.
- `wet bulb`: PUE of the Frontier-sized machine at full use, warm water and towers, all day at one wet bulb.
- `heat`: how far heat out differs from electricity in, at most in a year, heat reused and not.
- `speed`: simulated over real time for 30 days of a Frontier-sized machine, 9,472 nodes and 1,500 random jobs
  a day, in steps of 15 s: power, cooling and indicators (`facility`), and with EASY back-filling of the jobs
  before it (`scheduler and facility`). The best of five; compilation is apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
from _table import append, machine, rows, versions

from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._cooling import cooling_plant
from labkit.cluster._facility import Kpis, heat_imbalance, key_indicators, run_facility
from labkit.cluster._plant import HeatReuse
from labkit.cluster._power import MachinePower, NodePower, machine_power, power_of_nodes, power_series
from labkit.cluster._schedule import schedule
from labkit.cluster._weather import Weather, site_climate
from labkit.cluster._workload import Jobs

TABLE = Path(__file__).parent / "results" / "facility.csv"
COLUMNS = ("what", "case", "value", "unit", "reference", "basis", "note", "machine", "versions")

START = datetime(2026, 1, 1)
DAY_S = 86400.0
UTILISATION = 0.8  # of busy nodes; assumed
RAPS = "ExaDigiT RAPS"
POWERS = {
    ("frontier", "idle"): 7.31,
    ("frontier", "peak"): 28.23,
    ("frontier", "idle losses"): 0.57,
    ("frontier", "peak losses"): 1.81,
    ("marconi100", "peak"): 1.889,
}
REUSES = {
    "no reuse": None,
    "heat pump inside": HeatReuse(4e6, 75, heat_pump_inside=True),
    "heat pump outside": HeatReuse(4e6, 75, heat_pump_inside=False),
}
SITES = {"LUMI": "lumi", "Leonardo": "leonardo", "MareNostrum 5 ACC": "marenostrum5"}


def random_jobs(nodes: int, days: float, per_day: float, load: float, seed: int = 0) -> Jobs:
    """Return jobs of 1 to a tenth of the nodes that keep so much of the machine busy."""
    rng = np.random.default_rng(seed)
    count = int(days * per_day)
    sizes = np.exp(rng.uniform(0, np.log(nodes / 10), count)).astype(np.int64)
    run_s = rng.lognormal(0, 1, count)
    run_s *= load * nodes * days * DAY_S / (run_s @ sizes)
    submit_s = np.sort(rng.uniform(0, days * DAY_S, count))
    zeros = np.zeros(count, dtype=np.int64)
    return Jobs(submit_s, run_s, sizes, run_s, zeros, zeros, np.arange(count))


def indicators(
    power: MachinePower,
    plant: str,
    place: str,
    times_s: np.ndarray,
    busy: np.ndarray,
    step_s: float,
    days: float,
) -> tuple[Kpis, float]:
    """Return a data centre's indicators and its imbalance of heat."""
    series = power_series(power, times_s, busy, UTILISATION, step_s, start_s=0.0, end_s=days * DAY_S)
    facility = run_facility(series, cooling_plant(plant), site_climate(place), START)
    return key_indicators(facility, START, power.design_w / 1e3), heat_imbalance(facility)


def power_row(name: str, figure: str) -> dict[str, object]:
    power = machine_power(name)
    load = 0 if figure.startswith("idle") else power.nodes
    losses = float(power.input_w(load) - power.it_w(load))
    watts = losses if figure.endswith("losses") else float(power.input_w(load)) + power.cdu.total_w
    reference = POWERS[name, figure]
    note = f"{watts / 1e6 / reference - 1:+.2%}"
    return {"value": f"{watts / 1e6:.4f}", "unit": "MW", "reference": reference, "basis": RAPS, "note": note}


def pue_row(name: str, components: bool) -> dict[str, object]:
    entry = read_catalogue().machines[name]
    if entry.nodes is None or entry.node_power_idle_w is None or entry.node_power_peak_w is None:
        raise SystemExit(f"{name}: no power in the catalogue")
    if components:
        power = machine_power("lumi-g").scaled(entry.nodes)
    else:
        power = power_of_nodes(name, entry.nodes, NodePower(entry.node_power_idle_w, entry.node_power_peak_w))
    times_s, busy = schedule(random_jobs(power.nodes, 365, 2000 / 7, 0.8), power.nodes).usage()
    kpis, imbalance = indicators(power, SITES[name], entry.site, times_s, busy, 900, 365)
    return {
        "value": f"{kpis.pue:.4f}",
        "reference": entry.pue,
        "basis": entry.basis.get("pue", ""),
        "note": f"WUE {kpis.wue_l_kwh:.2f} l/kWh; heat out = electricity in to {imbalance:.0e}",
    }


def wet_bulb_row(wet_c: float) -> dict[str, object]:
    power = machine_power("frontier")
    series = power_series(power, [0], [power.nodes], 1.0, DAY_S, end_s=DAY_S)
    weather = Weather(np.array([wet_c + 4]), np.array([wet_c]))
    facility = run_facility(series, cooling_plant("warm-water-tower"), weather, START)
    kpis = key_indicators(facility, START, power.design_w / 1e3)
    chiller = facility.energy_kwh(facility.cooling.chiller_w) / kpis.it_kwh
    return {"value": f"{kpis.pue:.5f}", "note": f"chiller {chiller:.2%} of IT"}


def heat_row(plant: str, reuse: HeatReuse | None) -> dict[str, object]:
    power = machine_power("frontier")
    hours = np.arange(0, 365 * DAY_S, 3600)
    busy = np.random.default_rng(0).integers(0, power.nodes, hours.size)
    series = power_series(power, hours, busy, UTILISATION, 3600, end_s=365 * DAY_S)
    facility = run_facility(series, cooling_plant(plant), site_climate("Bologna"), START, reuse)
    kpis = key_indicators(facility, START, power.design_w / 1e3)
    note = f"PUE {kpis.pue:.4f}, {kpis.pue_without_heat_pump:.4f} without the heat pump; ERF {kpis.erf:.3f}"
    return {
        "value": f"{heat_imbalance(facility):.1e}",
        "reference": 1e-6,
        "basis": "wanted at most",
        "note": note,
    }


def speed_row(case: str) -> dict[str, object]:
    days, power = 30.0, machine_power("frontier")
    jobs = random_jobs(power.nodes, days, 1500, 0.85)
    usage = schedule(jobs, power.nodes).usage()

    def facility() -> None:
        indicators(power, "warm-water-tower", "Bologna", *usage, 15, days)

    def everything() -> None:
        times_s, busy = schedule(jobs, power.nodes).usage()
        indicators(power, "warm-water-tower", "Bologna", times_s, busy, 15, days)

    seconds = best_of_five(facility if case == "facility" else everything)
    note = (
        f"{len(jobs)} jobs, {days:g} days in {seconds:.3f} s, 1e5 x is wanted; RAPS: steps of 1 s, no cooling"
    )
    return {
        "value": f"{days * DAY_S / seconds:.3g}",
        "unit": "x",
        "reference": "210-340",
        "basis": RAPS,
        "note": note,
    }


def best_of_five(task: Callable[[], None]) -> float:
    """Return the least time that a task takes, s, after a first run that compiles."""
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        task()
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def main() -> None:
    done = {(row["what"], row["case"]) for row in rows(TABLE)}
    cases: list[tuple[str, str, Callable[[], dict[str, object]]]] = [
        *(("power", f"{name} {figure}", lambda n=name, f=figure: power_row(n, f)) for name, figure in POWERS),
        *(("pue", name, lambda n=name: pue_row(n, components=False)) for name in SITES),
        ("pue", "LUMI from components", lambda: pue_row("LUMI", components=True)),
        *(("wet bulb", f"{wet} °C", lambda w=wet: wet_bulb_row(w)) for wet in (-5, 5, 15, 20, 25, 28, 31)),
        *(
            ("heat", f"{plant}, {where}", lambda p=plant, r=reuse: heat_row(p, r))
            for plant in ("warm-water-tower", "warm-water-dry", "leonardo", "chilled-air")
            for where, reuse in REUSES.items()
        ),
        *(("speed", case, lambda c=case: speed_row(c)) for case in ("facility", "scheduler and facility")),
    ]
    for what, case, compute in cases:
        if (what, case) in done:
            continue
        entry = {"machine": machine(), "versions": versions("numpy", "numba")}
        append(TABLE, COLUMNS, {"what": what, "case": case, **compute(), **entry})


if __name__ == "__main__":
    main()
