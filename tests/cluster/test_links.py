from __future__ import annotations

from pathlib import Path

import pytest

from labkit.cluster._entries import BASES
from labkit.cluster._links import read_links
from labkit.errors import InputError


def test_every_shipped_figure_says_what_it_rests_on() -> None:
    links = read_links()
    assert {"local", "metro", "wan"} <= set(links)
    for link in links.values():
        given = {n for n in ("round_trip_s", "gigabit_per_s", "kwh_per_gb") if getattr(link, n) is not None}
        assert set(link.basis) == given and set(link.basis.values()) <= set(BASES) and link.source
    assert links["nvqlink"].basis["round_trip_s"] == "cited"
    # Aslan et al. 2018: 0.06 kWh/GB in 2015, halved every two years; five times until 2025.
    assert links["wan"].kwh_per_gb == pytest.approx(0.06 / 2**5, rel=0.02)
    assert links["wan"].basis["kwh_per_gb"] == "assumed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[x]\nround_trip_s = -1", "'x': round_trip_s=-1"),
        ("[x]\nround_trip_s = nan", "round_trip_s=nan"),
        ("[x]\nround_trip_s = '1 ms'", "round_trip_s='1 ms'"),
        ("[x]\ngigabit_per_s = 1", "round_trip_s is missing"),
        ("[x]\nround_trip_s = 1\ngigabit_per_s = 0", "gigabit_per_s=0"),
        ("[x]\nround_trip_s = 1\nlatency = 1", "'latency' isn't known"),
        ("[x]\nround_trip_s = 1\nbasis = {round_trip_s = 'guess'}", "'guess'; choose one of cited"),
        ("[x]\nround_trip_s = 1\nbasis = 'cited'", "basis='cited'"),
        ("x = 1", "a table is wanted"),
        ("[x]\nround_trip_s = = 1", "line 2"),
    ],
)
def test_links_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "links.toml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_links(path)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: can't be read"):
        read_links(tmp_path / "none.toml")
