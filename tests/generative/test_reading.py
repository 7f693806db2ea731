from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from labkit.errors import InputError
from labkit.generative import Prior, Vocabulary, judge_strings, next_tokens, read
from labkit.generative._network import SmilesGRU

VOCABULARY = Vocabulary.from_smiles(["C1CC1Cl", "c1ccoc1", "C(=O)[NH3+]"])
NETWORK = SmilesGRU(len(VOCABULARY), embedding=5, hidden=7, depth=2, key=jax.random.key(3))
PRIOR = Prior(NETWORK, VOCABULARY, {})


def _step_by_step(text: str) -> list[float]:
    """Ln P of each token as the sampler sees it: one step of the network after the other."""
    row, states, found = VOCABULARY.encode([text])[0], PRIOR.network.initial_states(1), []
    for token, following in pairwise(row):
        logits, states = PRIOR.network.step(jnp.array([token]), states)
        found.append(float(jax.nn.log_softmax(logits[0])[following]))
    return found


def test_strings_are_read_as_they_would_be_written() -> None:
    texts = ["C1CC1Cl", "c1", "C(=O)[NH3+]"]
    for text, reading in zip(texts, read(PRIOR, texts), strict=True):
        expected = _step_by_step(text)
        np.testing.assert_allclose(reading.log_probabilities, expected, rtol=1e-4)
        assert reading.log_likelihood == pytest.approx(sum(expected), rel=1e-4)
        assert "".join(reading.tokens) == text + "<end>"
    assert read(PRIOR, []) == []


def test_what_follows_is_a_distribution_and_agrees_with_the_reading() -> None:
    chances = next_tokens(PRIOR, "C1C")
    assert sum(chances.values()) == pytest.approx(1, abs=1e-5)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)
    assert np.log(chances["Cl"]) == pytest.approx(_step_by_step("C1CCl")[3], rel=1e-4)
    assert np.log(next_tokens(PRIOR, "")["c"]) == pytest.approx(_step_by_step("c")[0], rel=1e-4)


def test_a_token_that_the_data_lacked_can_t_be_read() -> None:
    with pytest.raises(InputError, match="SMILES 2 of 2, 'CB': the model can't write 'B'"):
        read(PRIOR, ["C", "CB"])


def test_strings_are_judged_as_moses_defines_it() -> None:
    # Ethanol twice, written in two ways and known; two new ones; one ring is open.
    judged = judge_strings(["CCO", "OCC", "CCN", "c1ccccc1", "C1CC"], known={"CCO"})
    assert (judged["samples"], judged["valid"], judged["unique_1k"]) == (5, 0.8, 0.75)
    assert judged["novelty"] == pytest.approx(2 / 3)
    assert judge_strings(["C1CC"], known=set()) == {"samples": 1, "valid": 0.0}
    with pytest.raises(InputError, match="no strings to judge"):
        judge_strings([])
