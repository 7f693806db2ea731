import csv
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from labkit.campaign import Run, export
from labkit.cli import main
from labkit.errors import InputError


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def test_the_table_holds_what_the_run_has_found(finished_run: Run, tmp_path: Path) -> None:
    assert export(finished_run, table=tmp_path / "hits.csv") == [tmp_path / "hits.csv"]
    rows, best = _table(tmp_path / "hits.csv"), finished_run.best(1000)
    assert [row["smiles"] for row in rows] == [row["smiles"] for row in best if row["score"] > 0]
    assert [int(row["rank"]) for row in rows] == list(range(1, len(rows) + 1))
    for row, expected in zip(rows, best, strict=False):
        assert float(row["score"]) == expected["score"] and row["complete"] == str(expected["complete"])
        assert float(row["docking_energy (kcal/mol)"]) == expected["components"]["docking_energy"]
        assert int(row["round"]) == expected["round"] + 1
        molecule = Chem.MolFromSmiles(row["smiles"])
        assert float(row["mw (g/mol)"]) == pytest.approx(Chem.Descriptors.MolWt(molecule), abs=0.01)
        assert row["contacts"] and row["run"] == finished_run.folder.name


def test_poses_keep_their_places_and_carry_the_numbers(finished_run: Run, tmp_path: Path) -> None:
    export(finished_run, sdf=tmp_path / "hits.sdf", table=tmp_path / "hits.csv", count=2)
    molecules = list(Chem.SDMolSupplier(str(tmp_path / "hits.sdf"), removeHs=False))
    rows = _table(tmp_path / "hits.csv")
    assert len(molecules) == len(rows) == 2
    for molecule, row, best in zip(molecules, rows, finished_run.best(2), strict=True):
        (pose,) = Chem.SDMolSupplier(str(finished_run.folder / best["pose"]), removeHs=False)
        places = [one.GetConformer().GetPositions() for one in (molecule, pose)]
        assert np.array_equal(*places) and molecule.GetConformer().Is3D()
        assert {name: molecule.GetProp(f"hit_{name}") for name in row} == row
        assert molecule.GetProp("vina_kcal_mol") == pose.GetProp("vina_kcal_mol")


def test_what_was_not_docked_is_drawn_flat(triplet_run: Run, tmp_path: Path) -> None:
    export(triplet_run, sdf=tmp_path / "hits.sdf")
    molecules = list(Chem.SDMolSupplier(str(tmp_path / "hits.sdf")))
    hits = [row for row in triplet_run.best(100) if row["score"] > 0]
    assert [Chem.MolToSmiles(molecule) for molecule in molecules] == [row["smiles"] for row in hits]
    for molecule, row in zip(molecules, hits, strict=True):
        assert not molecule.GetConformer().Is3D() and np.ptp(molecule.GetConformer().GetPositions()[:, 0]) > 1
        assert float(molecule.GetProp("hit_triplet_energy (eV)")) == row["components"]["triplet_energy"]


def test_bad_input_is_told(finished_run: Run, interrupted_triplet_run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for run, options, told in (
        (finished_run, {"table": tmp_path / "a.csv", "count": 0}, "count 0: at least 1"),
        (finished_run, {"sdf": tmp_path / "file" / "a.sdf"}, r"a\.sdf' can't be written"),
        (interrupted_triplet_run, {"table": tmp_path / "a.csv"}, "has no hit"),
    ):
        with pytest.raises(InputError, match=told):
            export(run, **options)
    assert not (tmp_path / "a.csv").exists()


def test_the_command_writes_both_where_nothing_is_named(
    finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main(["export", str(finished_run.folder)]) == 0
    name = finished_run.folder.name
    assert capsys.readouterr().out.split() == [f"{name}.sdf", f"{name}.csv"]
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.sdf", f"{name}.csv"}
