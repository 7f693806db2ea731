"""A campaign small enough for tests: a language model that knows a few dozen molecules by heart."""

from pathlib import Path

import pytest
import tomli_w


@pytest.fixture(scope="session")
def campaign_file(tmp_path_factory: pytest.TempPathFactory, small_prior_file: Path) -> Path:
    """Two rounds of four molecules of 10 to 16 heavy atoms: docking and properties only."""
    folder = tmp_path_factory.mktemp("campaign")
    content = {
        "name": "tiny",
        "rounds": 2,
        "proposals": 4,
        "generator": {"prior": str(small_prior_file), "updates": 2},
        "triage": {"heavy_atoms": [10, 16], "alerts": [], "min_qed": 0.0},
        "docking": {"exhaustiveness": 1},
        "objective": {
            "docking_energy": {"direction": "minimise", "range": [-9.0, -2.0]},
            "qed": {"direction": "maximise", "range": [0.0, 1.0]},
        },
    }
    file = folder / "tiny.toml"
    file.write_text(tomli_w.dumps(content))
    return file


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test meets what another one, or the user, has computed."""
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
