import shutil
from pathlib import Path

import pytest

from labkit import doctor
from labkit.cli import main
from labkit.store import data_path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))


def _check(name: str) -> dict[str, object]:
    return next(check for check in doctor.checkup()["checks"] if str(check["check"]).startswith(name))


def test_this_installation_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    checks = {check["check"]: check for check in doctor.checkup()["checks"]}
    # Memory and disk are the machine's, not the installation's.
    bad = [name for name, check in checks.items() if not check["ok"] and name not in ("memory", "disk")]
    assert bad == []
    assert {"Python", "vina (docking)", "pyscf (quantum layer)", "data", "cache folder"} <= checks.keys()


def test_a_missing_package_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(doctor._PACKAGES, "no_such_package", "nothing")
    check = _check("no_such_package")
    assert (check["ok"], check["found"]) == (False, "missing")
    assert "pip install -r binder/requirements.txt" in str(check["remedy"])
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  no_such_package (nothing): missing" in out and "what to do:" in out


def test_a_damaged_and_a_missing_data_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "data"
    (copy / "basis").mkdir(parents=True)
    shutil.copy(data_path("basis", "vdzp.nwchem"), copy / "basis")
    lines = data_path("SHA256SUMS").read_text().splitlines()
    mine = [line for line in lines if line.endswith(("basis/vdzp.nwchem", "dimers/S66_01.xyz"))]
    (copy / "SHA256SUMS").write_text("\n".join(mine) + "\n")
    monkeypatch.setattr(doctor, "data_path", copy.joinpath)
    assert _check("data")["found"] == "damaged or missing: dimers/S66_01.xyz"
    with (copy / "basis" / "vdzp.nwchem").open("a") as file:
        file.write("\n")
    check = _check("data")
    assert check["found"] == "damaged or missing: basis/vdzp.nwchem, dimers/S66_01.xyz"
    assert "git checkout" in str(check["remedy"])


def test_a_cache_folder_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file" / "cache"))
    check = _check("cache folder")
    assert not check["ok"] and "LABKIT_CACHE" in str(check["remedy"])
