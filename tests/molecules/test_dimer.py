"""Dimers are read, checked at the border, and written back unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labkit.errors import InputError
from labkit.molecules._dimer import Dimer, dimer_to_xyz, read_dimer

WATER_DIMER = """6
charge=0 charge_a=0 charge_b=0 selection_a=1-3 selection_b=4-6 benchmark_Eint=-4.92
O -1.69297273640132 -0.05591445488946 0.0
H -1.93440588345013 0.86159120661330 0.0
H -0.73297273640132 -0.10591445488946 0.0
O 1.2 0.0 0.0
H 1.5 -0.5 0.76
H 1.5 -0.5 -0.76
"""

SHIPPED = sorted((Path(__file__).parents[2] / "data" / "dimers").glob("*.xyz"))


def write(folder: Path, text: str) -> Path:
    path = folder / "dimer.xyz"
    path.write_text(text)
    return path


def test_reads_symbols_charges_and_zero_based_selections(tmp_path: Path) -> None:
    dimer = read_dimer(write(tmp_path, WATER_DIMER))
    assert dimer.symbols == ("O", "H", "H", "O", "H", "H")
    assert (dimer.charge, dimer.charge_a, dimer.charge_b) == (0, 0, 0)
    assert dimer.selection_a == (0, 1, 2)
    assert dimer.selection_b == (3, 4, 5)
    assert dimer.name == "dimer"
    assert dimer.coordinates[3].tolist() == [1.2, 0.0, 0.0]
    with pytest.raises(ValueError, match="read-only"):
        dimer.coordinates[0, 0] = 1.0


def test_selections_of_single_atoms_and_ranges_survive_a_round_trip(tmp_path: Path) -> None:
    lines = WATER_DIMER.splitlines()
    lines[1] = lines[1].replace("selection_a=1-3 selection_b=4-6", "selection_a=1-2,5 selection_b=3,4,6")
    mixed = "\n".join([*lines[:4], lines[5], lines[6], lines[4], lines[7]])
    dimer = read_dimer(write(tmp_path, mixed))
    assert dimer.selection_a == (0, 1, 4)
    again = read_dimer(write(tmp_path, dimer_to_xyz(dimer)))
    assert (again.selection_a, again.selection_b) == (dimer.selection_a, dimer.selection_b)
    np.testing.assert_allclose(again.coordinates, dimer.coordinates, rtol=0, atol=1e-10)


def test_the_reference_energy_of_a_header_leaves_no_trace(tmp_path: Path) -> None:
    with_reference = read_dimer(write(tmp_path, WATER_DIMER))
    assert "4.92" not in repr(with_reference)
    assert "benchmark" not in dimer_to_xyz(with_reference)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_dimer_is_readable(path: Path) -> None:
    dimer = read_dimer(path)
    assert len(dimer.selection_a) + len(dimer.selection_b) == len(dimer.symbols)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("charge=0 charge_a=0", "charge=0", "lacks charge_a"),
        ("charge=0 charge_a=0 charge_b=0 selection_a=1-3 selection_b=4-6", "water", "lacks charge, charge_a"),
        ("charge_a=0", "charge_a=zero", "charge_a=zero"),
        ("charge=0", "charge=1", "add up to 0"),
        ("charge=0 charge_a=0", "charge=1 charge_a=1", "monomer A with charge 1 has 9 electrons"),
        ("selection_a=1-3", "selection_a=1-2", "atom 3 is in neither"),
        ("selection_a=1-3", "selection_a=1-4", "atom 4 is selected more than once"),
        # One hydrogen of each water swapped: OH- and H3O+ by the electrons, two cut bonds by the distances.
        (
            "charge_a=0 charge_b=0 selection_a=1-3 selection_b=4-6",
            "charge_a=-1 charge_b=1 selection_a=1-2 selection_b=3-6",
            r"cut a bond: atoms 1 \(O, of A\) and 3 \(H, of B\) are 0\.96 Å apart.*1\.12 Å",
        ),
        ("charge=0 charge_a=0 charge_b=0", "charge=8 charge_a=4 charge_b=4", "charge_a=4: .* 1 heavy atom,"),
        ("charge=0 charge_a=0 charge_b=0", "charge=8 charge_a=0 charge_b=8", "charge_b=8: .* 1 heavy atom,"),
        ("charge=0 charge_a=0 charge_b=0", "charge=-60 charge_a=-30 charge_b=-30", "charge_a=-30: "),
        ("selection_b=4-6", "selection_b=4-7", "outside the atoms 1-6"),
        ("selection_b=4-6", "selection_b=four", "'four' is no range"),
        ("O 1.2 0.0 0.0", "Zn 1.2 0.0 0.0", "atom 4 is 'Zn', which is not supported"),
        ("O 1.2 0.0 0.0", "O -0.7 0.0 0.0", r"atoms 3 \(H\) and 4 \(O\) overlap: they are 0.11 Å"),
        ("O 1.2 0.0 0.0", "O nan 0.0 0.0", "atom 4"),
        ("O 1.2 0.0 0.0", "O 1.2 0.0", "line 6"),
        ("O 1.2 0.0 0.0\n", "", "5 atom lines"),
        ("6\n", "six\n", "line 1 is 'six'"),
        ("6\n", "1000000000\n", "2 to 1000"),
    ],
)
def test_a_bad_file_is_told_in_one_line_with_the_value(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in WATER_DIMER
    with pytest.raises(InputError, match=message) as caught:
        read_dimer(write(tmp_path, WATER_DIMER.replace(old, new, 1)))
    assert "dimer.xyz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_ethane_that_the_selections_cut_in_two_is_refused() -> None:
    # A methyl cation and a methyl anion by their electrons, 1.54 Å apart.
    half = np.array([[0.0, 0.0, 0.0], [1.03, 0.0, -0.36], [-0.51, 0.89, -0.36], [-0.51, -0.89, -0.36]])
    ethane = np.vstack([half, [0.0, 0.0, 1.54] - half])
    symbols, selections = ("C", "H", "H", "H") * 2, ((0, 1, 2, 3), (4, 5, 6, 7))
    with pytest.raises(InputError, match=r"cut a bond: atoms 1 \(C, of A\) and 5 \(C, of B\) are 1\.54 Å"):
        Dimer(symbols, ethane, 0, 1, -1, *selections)
    ethane[4:, 2] += 0.4
    Dimer(symbols, ethane, 0, 1, -1, *selections)


def test_missing_binary_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_dimer(tmp_path / "absent.xyz")
    with pytest.raises(InputError, match="no such file"):
        read_dimer(tmp_path)
    (tmp_path / "binary.xyz").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not a text file"):
        read_dimer(tmp_path / "binary.xyz")
    with (tmp_path / "huge.xyz").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(InputError, match="1000000000 bytes is too large"):
        read_dimer(tmp_path / "huge.xyz")


def test_a_dimer_made_in_python_is_checked_like_one_from_a_file() -> None:
    with pytest.raises(InputError, match="monomer B"):
        Dimer(("H", "H", "H"), np.eye(3) * 3, 0, 0, 0, (0, 1), (2,))
    with pytest.raises(InputError, match="shape"):
        Dimer(("H", "H", "H", "H"), np.zeros((4, 2)), 0, 0, 0, (0, 1), (2, 3))
    with pytest.raises(InputError, match="selection_b is empty"):
        Dimer(("H", "H"), np.eye(2, 3) * 3, 0, 0, 0, (0, 1), ())
