from __future__ import annotations

import pytest

from labkit.cluster._zones import DataSet, Task, allowed_sites, lineage, violations, zone_mask
from labkit.errors import InputError

ZONES = {
    "Kajaani": frozenset({"EU", "FIN"}),
    "Bologna": frozenset({"EU", "ITA"}),
    "Lugano": frozenset({"CHE"}),
}


def fs(*names: str) -> frozenset[str]:
    return frozenset(names)


def task(name: str, *reads: str, writes: str = "") -> Task:
    return Task(name, 1.0, reads=reads, writes={writes: 1.0} if writes else {})


def test_a_label_within_another_leaves_the_narrower() -> None:
    # {"EU"} and {"FIN"} share no name, but Kajaani is in both.
    assert zone_mask([fs("EU"), fs("FIN")], list(ZONES.values())) == 0b001
    assert zone_mask([fs("EU"), None], list(ZONES.values())) == 0b011
    assert zone_mask([fs("FIN", "CHE")], list(ZONES.values())) == 0b101
    assert zone_mask([fs("ITA"), fs("FIN")], list(ZONES.values())) == 0


def test_artefacts_inherit_from_all_that_made_them_however_far_back() -> None:
    data = [
        DataSet("patients", 1.0, zone=fs("FIN")),
        DataSet("library", 1.0),
        DataSet("trials", 1.0, zone=fs("EU")),
    ]
    tasks = [
        task("report", "model", "trials"),
        task("train", "features", writes="model"),
        task("clean", "patients", "library", writes="features"),
        task("count", "library"),
    ]
    line = lineage(data, tasks)
    assert [t.name for t in line.order].index("clean") < [t.name for t in line.order].index("train")
    assert line.origins["report"] == {"patients", "library", "trials"}
    assert line.label("train") == {fs("FIN")}
    assert line.label("report") == {fs("FIN"), fs("EU")}
    assert line.label("count") == frozenset()
    assert allowed_sites(line, ZONES) == {"clean": 1, "train": 1, "report": 1, "count": 0b111}


def test_violations_are_found_through_artefacts() -> None:
    line = lineage(
        [DataSet("patients", 1.0, zone=fs("FIN", "CHE"))],
        [task("clean", "patients", writes="features"), task("train", "features")],
    )
    assert violations(line, {"clean": ZONES["Kajaani"], "train": ZONES["Lugano"]}) == []
    assert violations(line, {"clean": ZONES["Kajaani"], "train": ZONES["Bologna"]}) == [
        "task 'train' in EU or ITA works on 'patients', whose zone is CHE or FIN"
    ]


@pytest.mark.parametrize(
    ("data", "tasks", "words"),
    [
        (
            [],
            [task("a", "z", writes="x"), task("b", "x", writes="y"), task("c", "y", writes="z")],
            "cycle: 'a' → 'b' → 'c' → 'a'",
        ),
        ([], [task("a", "x", writes="x")], "cycle: 'a' → 'a'"),
        (
            [DataSet("library", 1.0)],
            [task("a", "libary")],
            "'libary', which is no data set, nor does a task write it; known: library",
        ),
        ([], [task("a"), task("a")], "task 'a' is given twice"),
        ([DataSet("d", 1.0), DataSet("d", 1.0)], [], "data set 'd' is given twice"),
        ([], [task("a", writes="x"), task("b", writes="x")], "task 'a' writes it too"),
        ([DataSet("x", 1.0)], [task("a", writes="x")], "it is a data set"),
    ],
)
def test_graphs_that_make_no_sense(data: list[DataSet], tasks: list[Task], words: str) -> None:
    with pytest.raises(InputError) as error:
        lineage(data, tasks)
    assert words.split(": '")[0] in str(error.value)
    if "cycle" in words:
        ring = str(error.value).split("cycle: ")[1].split(";")[0].split(" → ")
        assert ring[0] == ring[-1] and set(ring) == set(words.split("cycle: ")[1].split(" → "))
    else:
        assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([DataSet("d", 1.0, zone=fs("DEU"))], "no site may hold data set 'd': its zone is DEU"),
        ([DataSet("d", 1.0, "Bologna", fs("FIN"))], "lies at 'Bologna' (EU or ITA), but its zone is FIN"),
        (
            [DataSet("d", 1.0, "Bolonga")],
            "'Bolonga', which isn't a site here; choose one of Kajaani, Bologna",
        ),
        (
            [DataSet("d", 1.0, zone=fs("FIN")), DataSet("e", 1.0, zone=fs("ITA", "CHE"))],
            "task 'merge' works on 'd' (FIN), 'e' (CHE or ITA): no site lies in the zones of all",
        ),
    ],
)
def test_data_that_may_lie_nowhere(data: list[DataSet], words: str) -> None:
    line = lineage(data, [task("merge", *(item.name for item in data))])
    with pytest.raises(InputError) as error:
        allowed_sites(line, ZONES)
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DataSet("d", -1.0),
        lambda: DataSet("d", float("nan")),
        lambda: DataSet("d", 1.0, zone=frozenset()),
        lambda: DataSet("d", 1.0, zone="EU"),  # type: ignore[arg-type]
        lambda: Task("t", 0.0),
        lambda: Task("t", 1.0, nodes=0),
        lambda: Task("t", 1.0, writes={"x": -1.0}),
    ],
)
def test_values_out_of_range(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=r"'[dt]'"):
        make()
