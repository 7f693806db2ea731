import csv
import re
from pathlib import Path

import pytest

from labkit.cluster._catalogue import BASES, EEA, EU, read_catalogue
from labkit.errors import InputError
from labkit.store import data_path

OSLO = '[[site]]\nname = "Oslo"\ncountry = "NOR"\nlatitude = 59.91\nlongitude = 10.75\n'
OURS = '[[machine]]\nname = "Ours"\nsite = "Oslo"\nkind = "cpu"\nnodes = 12\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_figure_says_how_it_was_come_by() -> None:
    catalogue = read_catalogue()
    for path in data_path("cluster", "catalogue").glob("*.toml"):
        if path.stem == "factories":  # names and waves, no figures
            continue
        for table in re.split(r"(?m)^\[\[\w+]]$", path.read_text(encoding="utf-8"))[1:]:
            figures = set(re.findall(r"(?m)^(\w+) = (?:[-\d.]+|true|false)$", table)) - {"planned"}
            assert figures <= set(re.findall(r"(\w+) = \"(?:" + "|".join(BASES) + ')"', table)), table
    assert catalogue.machines["LUMI"].basis["power_mw"] == "recalled"
    assert catalogue.machines["JUPITER"].pue is None


def test_memberships_follow_from_the_country() -> None:
    sites = read_catalogue().sites
    assert len(EU) == 27 and len(EEA) == 30
    assert sites["Lugano"].zone == {"CHE"}
    assert sites["Kajaani"].zone == {"FIN", "EU", "EEA"}
    assert not EU & {"CHE", "GBR", "TUR", "NOR"}


def test_power_of_all_nodes_under_load_is_the_machines() -> None:
    for machine in read_catalogue().machines.values():
        if machine.nodes and machine.power_mw:
            assert machine.node_power_peak_w is not None
            assert machine.nodes * machine.node_power_peak_w / 1e6 == pytest.approx(
                machine.power_mw, rel=1e-3
            )


def test_quantum_computers_are_those_of_the_quantum_room_at_known_sites() -> None:
    catalogue = read_catalogue()
    with data_path("qpus", "qpus.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert set(catalogue.qpus) == {row["name"] for row in rows}
    for row in rows:
        assert catalogue.sites[row["site"]].country[:2] == row["country"] or row["country"] == "PL"
    assert catalogue.qpus["PIAST-Q"].t_shot_s == 0.3
    assert catalogue.qpus["PIAST-Q"].basis == {"t_shot_s": "assumed"}
    assert catalogue.qpus["Lucy"].t_shot_s is None


def test_a_user_adds_a_site_in_a_few_lines(tmp_path: Path) -> None:
    text = OURS + OSLO + 'zone = ["hospital network"]\n'
    catalogue = read_catalogue(written(tmp_path, text))
    assert catalogue.sites["Oslo"].zone == {"NOR", "EEA", "hospital network"}
    assert [machine.name for machine in catalogue.machines.values() if machine.site == "Oslo"] == ["Ours"]
    assert catalogue.machines["Ours"].basis == {"nodes": "assumed"}
    assert catalogue.machines["Ours"].node_power_peak_w is None
    assert "Kajaani" in catalogue.sites


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OSLO + "latitud = 3\n", r"own.toml:1: site 'Oslo': key 'latitud' .* 'latitude'\?"),
        (OSLO.replace("59.91", "91.0"), r":1: .*latitude = 91.0; -90 to 90 is wanted"),
        (OSLO.replace("59.91", '"north"'), r":1: .*latitude = 'north'; a number is wanted"),
        (OSLO.replace("59.91", "nan"), r":1: .*latitude = nan; -90 to 90"),
        (OSLO.replace("NOR", "NO"), r":1: .*country = 'NO'; three capital letters"),
        (OSLO + 'zone = ["EU"]\n', r":1: .*zone has 'EU', which doesn't hold in NOR"),
        (OSLO + 'zone = "EU"\n', r":1: .*zone = 'EU'; a list of labels"),
        (OSLO + 'basis = { latitude = "guessed" }\n', r":1: .*latitude = 'guessed'; .*cited, secondary"),
        (OSLO + 'basis = { altitude = "cited" }\n', r":1: .*altitude = 'cited'; a given figure"),
        (OSLO + OSLO, r":6: site 'Oslo': a second entry"),
        (OSLO.replace("longitude = 10.75\n", ""), r":1: .*longitude is missing"),
        (OSLO + OURS.replace("12", "-12"), r":6: machine 'Ours': nodes = -12; at least 0"),
        (OSLO + OURS.replace("12", "0"), r":6: machine 'Ours': nodes = 0; more is wanted"),
        (OSLO + OURS.replace("12", "12.5"), r":6: .*nodes = 12.5; a whole number"),
        (OSLO + OURS.replace("12", "true"), r":6: .*nodes = True; a whole number"),
        (OSLO + OURS.replace("cpu", "tpu"), r":6: .*kind = 'tpu'; 'cpu' or 'gpu'"),
        (OSLO + OURS + "accelerators_per_node = 4\n", r":6: .*kind = 'cpu' with accelerators_per_node = 4"),
        (OSLO + OURS + "pue = 0.9\n", r":6: .*pue = 0.9; at least 1 is wanted"),
        (
            OSLO + OURS + "node_power_idle_w = 9.0\nnode_power_peak_w = 8\n",
            r":6: .*at most node_power_peak_w = 8",
        ),
        (OSLO + OURS.replace("Oslo", "Olso"), r":6: site 'Olso' isn't known; did you mean 'Oslo'\?"),
        ('[[sites]]\nname = "Oslo"\n', r"\[\[sites]] isn't known; did you mean 'site'\?"),
        ('[site]\nname = "Oslo"\n', r"write each as a table headed \[\[site]]"),
        ("[[site]]\nname = Oslo\n", r"is no TOML: .*line 2"),
    ],
)
def test_bad_entries_are_told_in_one_line_with_its_number(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_catalogue(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: can't be read"):
        read_catalogue(tmp_path / "none.toml")
