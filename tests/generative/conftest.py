from pathlib import Path

import pytest

from labkit.generative import Prior, PriorTraining, build_prior, load_prior
from labkit.generative._vocabulary import tokenize
from labkit.molecules import load_zinc250k

# So small and trained for so long that it knows its strings by heart: nearly all that it writes is valid.
SETTINGS = PriorTraining(
    epochs=(150,),
    batch=32,
    learning_rate=1e-2,
    warmup=20,
    min_token_count=1,
    embedding=32,
    hidden=128,
    depth=1,
)


@pytest.fixture(scope="session")
def equal_strings() -> list[str]:
    """ZINC strings of 18 tokens: of one length, so that training compiles once."""
    return [text for text in load_zinc250k() if len(tokenize(text)) == 18]


@pytest.fixture(scope="session")
def small_prior_file(tmp_path_factory: pytest.TempPathFactory, equal_strings: list[str]) -> Path:
    file = tmp_path_factory.mktemp("prior") / "small.safetensors"
    build_prior(equal_strings[:64], file, SETTINGS, data="64 strings of ZINC250k")
    return file


@pytest.fixture(scope="session")
def small_prior(small_prior_file: Path) -> Prior:
    return load_prior(str(small_prior_file))
