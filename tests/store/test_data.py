from pathlib import Path

import pytest

from labkit.errors import LabkitError
from labkit.store import _data, data_path


def test_shipped_data_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_path("campaigns", "quick.toml").is_file()
    assert data_path() == data_path("campaigns").parent
    assert data_path("SHA256SUMS").is_absolute()


def test_an_installed_package_may_carry_its_data_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "labkit"
    (package / "data").mkdir(parents=True)
    (package / "data" / "SHA256SUMS").touch()
    monkeypatch.setattr(_data, "__file__", str(package / "store" / "_data.py"))
    assert data_path("x") == package / "data" / "x"


def test_an_installation_without_data_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_data, "__file__", str(tmp_path / "labkit" / "store" / "_data.py"))
    with pytest.raises(LabkitError, match="reinstall"):
        data_path("x")
