import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from labkit.errors import InputError
from labkit.generative import Prior, Vocabulary, generate, generate_counted, judge, load_prior, save_prior
from labkit.generative._network import SmilesGRU, log_likelihood
from labkit.generative._prior import half_precision
from labkit.molecules import canonical_smiles
from labkit.store import data_path, load_arrays

SHIPPED = data_path("priors", "zinc250k.safetensors")


@pytest.fixture
def random_prior() -> Prior:
    vocabulary = Vocabulary(("<pad>", "<start>", "<end>", "C", "O"))
    return Prior(
        SmilesGRU(5, embedding=3, hidden=4, depth=2, key=jax.random.key(0)), vocabulary, {"data": "none"}
    )


def test_a_prior_comes_back_as_its_16_bit_weights_say(random_prior: Prior, tmp_path: Path) -> None:
    file = tmp_path / "p.safetensors"
    save_prior(random_prior, file)
    read = load_prior(str(file))
    assert (read.vocabulary, read.card) == (random_prior.vocabulary, random_prior.card)
    rounded = jax.tree.leaves(half_precision(random_prior.network))
    for leaf, expected in zip(jax.tree.leaves(read.network), rounded, strict=True):
        assert leaf.dtype == jnp.float32
        np.testing.assert_array_equal(leaf, expected)
    tokens = jnp.asarray(random_prior.vocabulary.encode(["CO", "CCO"]))
    before, after = (log_likelihood(network, tokens) for network in (random_prior.network, read.network))
    np.testing.assert_allclose(after, before, atol=0.01)


def test_a_trained_prior_carries_its_card(small_prior_file: Path) -> None:
    card = load_prior(str(small_prior_file)).card
    assert card["data"] == "64 strings of ZINC250k" and card["strings"] == 64
    assert card["split"] == {
        "training": 61,
        "held_out_fraction": 0.05,
        "left_out_for_rare_tokens": 0,
    }
    assert card["settings"]["epochs"] == [150] and card["settings"]["seed"] == 0
    assert card["seconds"] > 0 and card["hardware"]["cores"] >= 1 and "jax" in card["versions"]
    assert card["loss_curve_nats_a_string"][-1]["step"] == 300
    assert card["samples"] == 10_000
    # It knows 61 strings by heart: valid, and neither new nor different.
    assert card["valid"] > 0.7 and card["valid_before_rounding"] == pytest.approx(card["valid"], abs=0.03)
    assert card["unique_10k"] < 0.2 and 0 < card["novelty"] < 1 and 0.5 < card["internal_diversity"] < 1


def test_weights_are_stored_in_16_bit(small_prior_file: Path) -> None:
    arrays, metadata = load_arrays(small_prior_file)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}
    assert json.loads(metadata["shape"]) == {"embedding": 32, "hidden": 128, "depth": 1}


def test_what_writes_nothing_valid_is_judged_too(random_prior: Prior) -> None:
    blocked = random_prior.network.output_bias.at[2].set(1e9)  # ends at once, always
    network = jax.tree.map(lambda leaf: leaf, random_prior.network)
    network = _with_bias(network, blocked)
    assert judge(network, random_prior.vocabulary, 100, known=["CCO"]) == {"samples": 100, "valid": 0.0}


def _with_bias(network: SmilesGRU, bias: jax.Array) -> SmilesGRU:
    import equinox as eqx

    return eqx.tree_at(lambda net: net.output_bias, network, bias)


def test_generating_gives_valid_canonical_molecules(small_prior_file: Path) -> None:
    smiles, valid, unique = generate_counted(300, seed=3, prior=str(small_prior_file))
    assert len(smiles) == 300 and 0.7 < valid <= 1
    assert unique == len(set(smiles)) / 300 < 1
    assert [canonical_smiles(text) for text in smiles] == smiles
    assert generate(40, seed=3, prior=str(small_prior_file)) == smiles[:40]
    assert generate(40, seed=4, prior=str(small_prior_file)) != smiles[:40]
    assert generate(0, prior=str(small_prior_file)) == []


@pytest.mark.parametrize(
    ("count", "seed", "match"), [(-1, 0, "count -1"), (1, -1, "seed -1"), (1, 2**31, "seed")]
)
def test_a_senseless_count_or_seed_is_told(small_prior_file: Path, count: int, seed: int, match: str) -> None:
    with pytest.raises(InputError, match=match):
        generate(count, seed, prior=str(small_prior_file))


def test_an_unknown_prior_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no prior 'chembl'; .* one of: chromophores, zinc250k"):
        load_prior("chembl")
    with pytest.raises(InputError, match=r"no prior '.*absent\.safetensors'"):
        load_prior(str(tmp_path / "absent.safetensors"))


def test_a_file_of_something_else_is_no_prior(
    random_prior: Prior, small_prior_file: Path, tmp_path: Path
) -> None:
    from labkit.store import save_arrays

    other = tmp_path / "other.safetensors"
    save_arrays(other, {"x": np.ones(3)}, {})
    with pytest.raises(InputError, match="is no prior of labkit"):
        load_prior(str(other))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(small_prior_file.read_bytes()[:-100])
    with pytest.raises(InputError, match="no whole safetensors file"):
        load_prior(str(cut))
    arrays, metadata = load_arrays(small_prior_file)
    wrong = tmp_path / "wrong.safetensors"
    shape = json.loads(metadata["shape"]) | {"hidden": 64}
    save_arrays(wrong, arrays, metadata | {"shape": json.dumps(shape)})
    with pytest.raises(InputError, match="the stored state doesn't fit"):
        load_prior(str(wrong))


# The shipped prior.


def test_the_shipped_prior_is_small_and_16_bit() -> None:
    assert SHIPPED.stat().st_size <= 8_000_000
    arrays, _ = load_arrays(SHIPPED)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float16)}


def test_the_shipped_priors_card_is_complete_and_good() -> None:
    card = load_prior().card
    assert {
        "data",
        "split",
        "settings",
        "seconds",
        "hardware",
        "versions",
        "loss_curve_nats_a_string",
    } <= card.keys()
    assert card["samples"] == 10_000 and card["strings"] == 249_456
    assert card["valid"] >= 0.94
    assert card["unique_1k"] > 0.99 and card["unique_10k"] > 0.98
    assert card["novelty"] > 0.8 and card["internal_diversity"] > 0.8
    assert card["loss_curve_nats_a_string"][-1]["held_out"] < card["loss_curve_nats_a_string"][0]["training"]


def test_the_shipped_prior_writes_molecules() -> None:
    prior = load_prior()
    assert judge(prior.network, prior.vocabulary, 500, seed=2)["valid"] >= 0.90


def test_samples_do_not_depend_on_the_precision_that_other_packages_set() -> None:
    plain = generate(20, seed=3)
    with jax.enable_x64(True):
        assert generate(20, seed=3) == plain
