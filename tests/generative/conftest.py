from pathlib import Path

import pytest

from labkit.generative import Prior, load_prior


@pytest.fixture(scope="session")
def small_prior(small_prior_file: Path) -> Prior:
    return load_prior(str(small_prior_file))
