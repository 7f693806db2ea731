from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cluster._power import (
    Converters,
    MachinePower,
    NodePower,
    Units,
    machine_power,
    power_of_nodes,
    power_series,
    read_machine_power,
)
from labkit.errors import InputError

SMALL = MachinePower("small", 10, NodePower(100.0, 500.0))


# ExaDigiT RAPS' own figures, MW: power with CDUs, and losses where it tells them.
@pytest.mark.parametrize(
    ("name", "busy", "power_mw", "losses_mw"),
    [("frontier", 0, 7.31, 0.57), ("frontier", 1, 28.23, 1.81), ("marconi100", 1, 1.889, 0.0)],
)
def test_power_is_that_of_raps(name: str, busy: int, power_mw: float, losses_mw: float) -> None:
    machine = machine_power(name)
    load = busy * machine.nodes
    watts = machine.input_w(load) + machine.cdu.total_w
    assert watts / 1e6 == pytest.approx(power_mw, rel=0.001)
    assert (machine.input_w(load) - machine.it_w(load)) / 1e6 == pytest.approx(losses_mw, abs=0.005)


def test_each_stage_takes_its_constant_and_its_share() -> None:
    machine = MachinePower(
        "by hand",
        nodes=4,
        node=NodePower(100, 200),
        sivoc=Converters(4, 10, 0.8),
        rectifier=Converters(1, 5, 0.5),
        switch=Units(1, 45),
    )
    # two nodes' worth: 600 W of nodes → (600 + 40) / 0.8 = 800 → (800 + 45 + 5) / 0.5
    assert machine.it_w(2) == 645
    assert machine.input_w(2) == pytest.approx(1700)


@given(
    st.lists(st.tuples(st.floats(0, 500), st.integers(0, 10), st.floats(0, 1)), min_size=2, max_size=20),
    st.floats(0.7, 300),
)
def test_energy_is_exact_whatever_the_step(steps: list[tuple[float, int, float]], step_s: float) -> None:
    times, busy, used = (np.array(column, dtype=float) for column in zip(*sorted(steps), strict=True))
    times[-1] += 1  # a period that isn't empty
    series = power_series(SMALL, times, busy, used, step_s)
    energy = series.it_w @ np.diff(series.edges_s)
    by_interval = np.sum((1000 + 400 * busy * used)[:-1] * np.diff(times))
    assert energy == pytest.approx(by_interval, rel=1e-9)


def test_a_machine_of_known_nodes_has_frontiers_share_of_coolant_units() -> None:
    frontier = machine_power("frontier")
    machine = power_of_nodes("m", 100, NodePower(700, 3000))
    assert machine.design_w == 300e3
    assert machine.cdu.total_w / 300e3 == pytest.approx(frontier.cdu.total_w / frontier.design_w, rel=1e-3)


def test_nodes_rest_before_and_after_the_jobs() -> None:
    series = power_series(SMALL, [10, 20], [10, 0], step_s=10, start_s=0, end_s=30)
    assert series.it_w.tolist() == [1000, 5000, 1000]
    assert series.edges_s.tolist() == [0, 10, 20, 30]


def test_a_machine_of_the_same_build_draws_in_proportion() -> None:
    frontier = machine_power("frontier")
    half = frontier.scaled(frontier.nodes // 2)
    assert half.design_w == pytest.approx(frontier.design_w / 2, rel=1e-6)
    assert half.cdu.count == 13  # of 25: no half units


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0, 1], [1]), "busy_nodes has 1 values for 2 times"),
        (([0, 1], [1, 0], [0.5]), "utilisation has 1 values for 2 times"),
        (([0, 1], [11, 0]), r"busy_nodes\[0\]=11; from 0 to 10 is wanted on small"),
        (([0, 1], [1, -1]), r"busy_nodes\[1\]=-1"),
        (([0, 1], [1, 0], 1.5), r"utilisation\[0\]=1.5; from 0 to 1"),
        (([1, 0], [1, 0]), r"times_s\[1\]=0 is before the one ahead"),
        (([0, np.nan], [1, 0]), r"times_s\[1\]=nan; a finite number"),
        (([], []), "times_s has the shape"),
        (([0, 1], [1, 0], 1.0, -15), "step_s=-15"),
    ],
)
def test_a_bad_argument_is_named(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        power_series(SMALL, *arguments)  # type: ignore[arg-type]


PARTS = '[[parts]]\nname = "GPU"\ncount = 4\nidle_w = 50\npeak_w = 400\n'


def test_a_file_of_parts_alone_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(f'name = "mine"\nnodes = 3\n{PARTS}')
    assert read_machine_power(path) == MachinePower("mine", 3, NodePower(200, 1600))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "m"\nnodes = 3', r"parts=None; at least one table \[\[parts\]\]"),
        (f"nodes = 3\n{PARTS}", "name is missing"),
        (f'name = "m"\nnodes = 0\n{PARTS}', "nodes=0; at least 1"),
        (f'name = "m"\nnodes = 2.5\n{PARTS}', "nodes=2.5; a whole number"),
        (f'name = "m"\nnodes = 3\nwatts = 1\n{PARTS}', "'watts' isn't known"),
        (f'name = "m"\nnodes = 3\n{PARTS}peak = 1', r"parts\[0\]: 'peak' isn't known"),
        (f'name = "m"\nnodes = 3\n{PARTS.replace("400", "40")}', r"parts\[0\]: idle 50 W, peak 40 W"),
        (f'name = "m"\nnodes = 3\n{PARTS.replace("count = 4", "count = -4")}', "count=-4; at least 0"),
        (f'name = "m"\nnodes = 3\nsivoc = 1\n{PARTS}', "sivoc=1; a table"),
        (f'name = "m"\nnodes = 3\n{PARTS}[sivoc]\nefficiency = 0', "efficiency=0; more than 0"),
        (f'name = "m"\nnodes = 3\n{PARTS}[switch]\ncount = 1\nunit_w = -1', "unit_w=-1; at least 0"),
        ("nodes", "isn't TOML"),
    ],
)
def test_a_bad_file_is_told_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as told:
        read_machine_power(path)
    assert "\n" not in str(told.value)
    assert str(path) in str(told.value)


def test_an_unknown_machine_names_those_there_are() -> None:
    with pytest.raises(InputError, match="'frontire' isn't known; choose one of frontier, fugaku"):
        machine_power("frontire")


def test_a_node_that_rests_above_its_peak_is_refused() -> None:
    with pytest.raises(InputError, match="idle 5 W, peak 4 W"):
        replace(SMALL, node=NodePower(5, 4))
