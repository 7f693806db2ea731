from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.cluster._links import Link
from labkit.cluster._moves import cost_of, run
from labkit.cluster._placement import Placement, _prepare, place_tasks, price_of_sovereignty
from labkit.cluster._places import Place, estimate
from labkit.cluster._zones import DataSet, Task, lineage, violations
from labkit.errors import InputError

LINK = Link("test", round_trip_s=0.5, gigabit_per_s=8.0, kwh_per_gb=0.01)  # 1 GB/s


def place(name: str, *zone: str, **more: object) -> Place:
    known: dict[str, object] = {"node_power_w": 1000.0, "pue": 1.2, "g_per_kwh": 100.0} | more
    return Place(name, name, frozenset(zone), **({"nodes": 10} | known))  # type: ignore[arg-type]


NORTH = place("North", "EU", "FIN", g_per_kwh=50.0, pue=1.0)
SOUTH = place("South", "EU", "ITA", g_per_kwh=300.0, speed=2.0)
PATIENTS = DataSet("patients", 100.0, "South", frozenset({"ITA"}))
TRAIN = Task("train", 3600.0, nodes=10, reads=("patients",), writes={"model": 2.0})
USE = Task("use", 1800.0, nodes=5, reads=("model",))


def step(placement: Placement, name: str):  # type: ignore[no-untyped-def]
    return next(step for step in placement.steps if step.task == name)


def test_an_estimate_worked_by_hand() -> None:
    # 10 nodes × 1 kW × 0.5 h × 1.2 = 6 kWh, × 300 g/kWh
    assert estimate(TRAIN, SOUTH) == pytest.approx((1800.0, 6.0, 1800.0))


def test_moving_data_costs_time_and_energy() -> None:
    free = place_tasks([PATIENTS], [TRAIN, USE], [NORTH, SOUTH], link=LINK, policy="carbon", zones=False)
    train = step(free, "train")
    # 100 GB at 1 GB/s after a round trip; 10 kWh of work and 1 kWh on the way, at 50 g/kWh
    assert (train.place, train.start_s, train.moved_gb) == ("North", pytest.approx(100.5), 100.0)
    assert (train.kwh, train.co2_g) == (pytest.approx(11.0), pytest.approx(550.0))
    assert step(free, "use").start_s == pytest.approx(100.5 + 3600)
    assert free.makespan_s == pytest.approx(100.5 + 3600 + 1800)


def test_the_price_of_sovereignty_worked_by_hand() -> None:
    price = price_of_sovereignty([PATIENTS], [TRAIN, USE], [NORTH, SOUTH], link=LINK, policy="carbon")
    # In Italy: 6 kWh and then 5 nodes × 1 kW × 0.25 h × 1.2 = 1.5 kWh, 300 g/kWh, 2,700 s.
    assert {s.place for s in price.zoned.steps} == {"South"}
    assert price.zoned.co2_g == pytest.approx(7.5 * 300)
    assert {s.place for s in price.free.steps} == {"North"}
    assert price.co2_g == pytest.approx(7.5 * 300 - (11.0 + 2.5) * 50)
    assert price.seconds == pytest.approx(2700 - (100.5 + 5400))  # the zone's machine is the faster one
    assert price.kwh == pytest.approx(7.5 - 13.5)


def test_data_travels_to_a_site_once() -> None:
    readers = [Task(f"t{i}", 100.0, reads=("d",)) for i in range(3)]
    data = [DataSet("d", 10.0, "South")]
    far = place_tasks(data, readers, [replace(SOUTH, node_power_w=None), NORTH], link=LINK)
    assert far.moved_gb == 10.0
    assert far.makespan_s == pytest.approx(0.5 + 10 + 100)
    assert {s.start_s for s in far.steps} == {10.5}


def test_a_chain_with_much_data_moves_as_a_whole() -> None:
    # Each task alone stays with its 1,000 GB (10 kWh to move, 6 kWh saved); all five together leave.
    dirty = place("dirty", "EU", pue=1.6)
    clean = place("clean", "EU", pue=1.0)
    names = [f"a{i}" for i in range(6)]
    chain = [
        Task(f"t{i}", 3600.0, nodes=10, reads=(names[i],), writes={names[i + 1]: 1000.0}) for i in range(5)
    ]
    placed = place_tasks([DataSet("a0", 1000.0, "dirty")], chain, [dirty, clean], link=LINK, policy="energy")
    assert {s.place for s in placed.steps} == {"clean"}
    assert placed.kwh == pytest.approx(5 * 10 + 10)


def test_tasks_share_the_nodes_of_a_machine() -> None:
    tasks = [Task(f"t{i}", 100.0, nodes=4) for i in range(5)]
    placed = place_tasks([], tasks, [NORTH], link=LINK)
    assert sorted(s.start_s for s in placed.steps) == [0, 0, 100, 100, 200]
    late = place_tasks([], tasks, [replace(NORTH, opens_s=1000.0, wait_s=7.0)], link=LINK)
    assert late.makespan_s == pytest.approx(1300.0)


def test_policies_minimise_what_they_say() -> None:
    quick = place("quick", "EU", speed=4.0, node_power_w=8000.0)
    frugal = place("frugal", "EU", node_power_w=500.0, g_per_kwh=500.0)
    clean = place("clean", "EU", g_per_kwh=10.0)
    chosen = {
        policy: place_tasks([], [Task("t", 100.0)], [quick, frugal, clean], link=LINK, policy=policy)
        for policy in ("earliest", "energy", "carbon")
    }
    assert {k: v.steps[0].place for k, v in chosen.items()} == {
        "earliest": "quick",
        "energy": "frugal",
        "carbon": "clean",
    }


def test_what_rules_a_place_out_is_told_by_task_and_place() -> None:
    places = [
        SOUTH,
        replace(NORTH, kinds=frozenset({"cpu", "gpu"})),
        place("Unmetered", "ITA", node_power_w=None, kinds=frozenset({"gpu"})),
        place("Small", "ITA", nodes=4, kinds=frozenset({"gpu"})),
        place("Vague", "ITA", nodes=None, kinds=frozenset({"gpu"})),
        place("Fit", "ITA", kinds=frozenset({"gpu"})),
    ]
    placed = place_tasks([PATIENTS], [replace(TRAIN, needs=frozenset({"gpu"}))], places, link=LINK)
    assert placed.steps[0].place == "Fit"
    assert placed.stopped["train"] == {
        "North": "data zone",
        "South": "no such accelerator (gpu)",
        "Unmetered": "no figure for power",
        "Vague": "no figure for the number of nodes",
        "Small": "size (10 nodes wanted, 4 there)",
    }


@pytest.mark.parametrize(
    ("task", "places", "words"),
    [
        (
            replace(TRAIN, nodes=11),
            [NORTH, SOUTH],
            "'train' wants 11 nodes; the widest machine, South, has 10",
        ),
        (
            TRAIN,
            [NORTH, replace(SOUTH, node_power_w=None)],
            "data zone at North; no figure for power at South",
        ),
        (TRAIN, [replace(SOUTH, pue=None, g_per_kwh=None)], "no figure for PUE, grid carbon at South"),
        (replace(TRAIN, needs=frozenset({"qpu"})), [SOUTH], "no such accelerator (qpu) at South"),
        (TRAIN, [NORTH], "data set 'patients' : its zone is ITA"),
        (TRAIN, [NORTH, replace(SOUTH, zone=frozenset({"EU"}))], "no site may hold"),
        (TRAIN, [], "no machine"),
        (TRAIN, [SOUTH, SOUTH], "same name"),
        (TRAIN, [SOUTH, replace(NORTH, site="South")], "zone differs"),
    ],
)
def test_what_cannot_be_placed_says_which_rule_stopped_it(
    task: Task, places: list[Place], words: str
) -> None:
    with pytest.raises(InputError) as error:
        place_tasks([PATIENTS], [task], places, link=LINK)
    assert all(part in str(error.value) for part in words.split(" : ")), str(error.value)
    assert "\n" not in str(error.value)


def test_work_on_a_place_without_a_power_figure() -> None:
    with pytest.raises(InputError, match="work on South can't be estimated: no figure for power"):
        estimate(TRAIN, replace(SOUTH, node_power_w=None))


def test_other_bad_input() -> None:
    with pytest.raises(InputError, match="policy 'cheapest' isn't known; choose one of earliest"):
        place_tasks([], [USE], [SOUTH], link=LINK, policy="cheapest")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="link 'thin' lacks"):
        place_tasks([], [USE], [SOUTH], link=Link("thin", 0.1))
    for bad in ({"nodes": 0}, {"pue": 0.9}, {"speed": 0.0}, {"node_power_w": -1.0}, {"wait_s": float("nan")}):
        with pytest.raises(InputError, match=f"{next(iter(bad))}="):
            place("bad", "EU", **bad)


COUNTRIES = ("FIN", "ITA", "DEU", "CHE")


def workload(random: Random) -> tuple[list[DataSet], list[Task], list[Place]]:
    """A random federation, data and tasks; half of the data restricted."""
    places = []
    for i in range(random.randint(2, 5)):
        country = random.choice(COUNTRIES)
        zone = {country} if country == "CHE" else {country, "EU"}
        figures = {"g_per_kwh": random.uniform(10, 700), "pue": random.uniform(1, 1.6)}
        figures |= {"speed": random.uniform(0.5, 2), "node_power_w": random.uniform(300, 3000)}
        places.append(place(f"p{i}", *zone, nodes=random.randint(4, 12), **figures))
    data = []
    for i in range(random.randint(1, 4)):
        home = random.choice(places)
        zone = frozenset({random.choice(sorted(home.zone))}) if random.random() < 0.5 else None
        data.append(DataSet(f"d{i}", random.uniform(0, 500), home.site, zone))
    names = [item.name for item in data]
    tasks = []
    for i in range(random.randint(1, 6)):
        reads = tuple(random.sample(names, random.randint(0, min(3, len(names)))))
        tasks.append(Task(f"t{i}", random.uniform(1, 1000), random.randint(1, 4), reads, {f"a{i}": 1.0}))
        names.append(f"a{i}")
    return data, tasks, places


def _origins(tasks: list[Task]) -> list[set[str]]:
    """What each task works on, tasks in an order in which they can run."""
    known: dict[str, set[str]] = {}
    for task in tasks:
        found = {name for read in task.reads for name in known.get(read, {read})}
        known |= dict.fromkeys(task.writes, found)
    return [known[f"a{i}"] for i in range(len(tasks))]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(("earliest", "energy", "carbon")))
def test_no_placement_violates_a_zone_or_takes_a_node_twice(seed: int, policy) -> None:  # type: ignore[no-untyped-def]
    data, tasks, places = workload(Random(seed))
    try:
        price = price_of_sovereignty(data, tasks, places, link=LINK, policy=policy, sweeps=1)
    except InputError as error:
        assert "no site lies in the zones of all of them" in str(error)
        labels = [
            {item.zone for item in data if item.zone and item.name in origins} for origins in _origins(tasks)
        ]
        fitting = [[p for p in places if all(zone & p.zone for zone in found)] for found in labels]
        assert not all(fitting)
        return
    by_name = {p.name: p for p in places}
    assert not violations(lineage(data, tasks), {s.task: by_name[s.place].zone for s in price.zoned.steps})
    assert {"earliest": price.seconds, "energy": price.kwh, "carbon": price.co2_g}[policy] >= -1e-9
    ends = {s.task: s.end_s for s in price.zoned.steps}
    sizes = {task.name: task for task in tasks}
    for s in price.zoned.steps:
        for name in sizes[s.task].reads:
            assert name[0] == "d" or s.start_s >= ends[f"t{name[1:]}"]
        busy = sum(
            sizes[o.task].nodes
            for o in price.zoned.steps
            if o.place == s.place and o.start_s <= s.start_s < o.end_s
        )
        assert busy <= by_name[s.place].nodes


@pytest.mark.parametrize("policy", ["earliest", "energy", "carbon"])
def test_close_to_the_best_of_all_placements(policy) -> None:  # type: ignore[no-untyped-def]
    random = Random(7)
    excess, cases = [], 0
    while cases < 40:
        data, tasks, places = workload(random)
        tasks = tasks[:4]
        try:
            _, problem = _prepare(data, tasks, places, LINK, policy, True)
        except InputError:
            continue
        cases += 1
        best = min(cost_of(policy, run(problem, choice))[0] for choice in product(*problem.options))
        placed = place_tasks(data, tasks, places, link=LINK, policy=policy)
        found = {"earliest": placed.makespan_s, "energy": placed.kwh, "carbon": placed.co2_g}[policy]
        assert found >= best * (1 - 1e-12)
        excess.append(found / best - 1)
    assert sum(excess) / len(excess) < 0.01 and max(excess) < 0.2
