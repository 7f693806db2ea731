"""A campaign small enough for tests: a language model that knows a few dozen molecules by heart."""

from pathlib import Path

import pytest
import tomli_w

from labkit.generative import Prior, PriorTraining, save_prior
from labkit.generative._training import train_prior
from labkit.generative._vocabulary import tokenize
from labkit.molecules import load_zinc250k


@pytest.fixture(scope="session")
def campaign_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds of four molecules of 10 to 16 heavy atoms: docking and properties only."""
    folder = tmp_path_factory.mktemp("campaign")
    short = [text for text in load_zinc250k() if len(tokenize(text)) == 18]
    settings = PriorTraining(
        epochs=(150,),
        batch=32,
        learning_rate=1e-2,
        warmup=20,
        min_token_count=1,
        embedding=32,
        hidden=128,
        depth=1,
    )
    trained = train_prior(short[:64], folder / "state.safetensors", settings)
    save_prior(Prior(trained.network, trained.vocabulary, {}), folder / "small.safetensors")
    content = {
        "name": "tiny",
        "rounds": 2,
        "proposals": 4,
        "generator": {"prior": str(folder / "small.safetensors"), "updates": 2},
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
