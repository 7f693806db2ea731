from collections import Counter
from pathlib import Path

import jax
import numpy as np
import pytest

from labkit.errors import InputError
from labkit.generative import Prior, PriorTraining, _training
from labkit.generative._training import TrainedPrior, bucket_lengths, epoch_batches, split_data, train_prior
from labkit.generative._vocabulary import tokenize

SETTINGS = PriorTraining(
    epochs=(4,), batch=32, learning_rate=1e-2, warmup=10, min_token_count=2, embedding=16, hidden=48, depth=1
)


@pytest.fixture(scope="module")
def strings(equal_strings: list[str]) -> list[str]:
    return equal_strings[:400]


WATCHED: list[list[dict[str, float]]] = []


@pytest.fixture(scope="module")
def undisturbed(strings: list[str], tmp_path_factory: pytest.TempPathFactory) -> TrainedPrior:
    file = tmp_path_factory.mktemp("t") / "state.safetensors"
    return train_prior(strings, file, SETTINGS, watch=lambda curve: WATCHED.append(list(curve)))


def test_a_training_shows_its_curve_as_it_grows(undisturbed: TrainedPrior) -> None:
    assert len(WATCHED) == len(undisturbed.loss_curve)
    assert all(seen == undisturbed.loss_curve[: i + 1] for i, seen in enumerate(WATCHED))


def test_what_is_learnt_is_more_than_how_often_a_token_occurs(undisturbed: TrainedPrior) -> None:
    tokens = [[*tokenize(text), "<end>"] for text in undisturbed.training_smiles]
    counts = Counter(token for string in tokens for token in string)
    total = sum(counts.values())
    entropy = -sum(n * np.log(n / total) for n in counts.values()) / len(tokens)  # nats a string
    first, *_, last = undisturbed.loss_curve
    assert last["training"] < entropy
    assert last["held_out"] < entropy
    assert last["held_out"] < first["held_out"]
    assert [point["step"] for point in undisturbed.loss_curve if "held_out" in point] == [12, 24, 36, 48]


def _assert_equal(one: TrainedPrior, other: TrainedPrior) -> None:
    leaves, others = jax.tree.leaves(one.network), jax.tree.leaves(other.network)
    for leaf, expected in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(leaf, expected)
    assert one.loss_curve == other.loss_curve
    assert one.vocabulary == other.vocabulary and one.training_smiles == other.training_smiles


def test_training_from_a_prior_begins_where_that_one_ended(
    strings: list[str], undisturbed: TrainedPrior, tmp_path: Path
) -> None:
    start = Prior(undisturbed.network, undisturbed.vocabulary, {})
    few = PriorTraining(epochs=(1,), batch=32, learning_rate=1e-3, min_token_count=1)
    further = train_prior(strings[:64], tmp_path / "state.safetensors", few, start=start)
    assert further.vocabulary == undisturbed.vocabulary
    first = further.loss_curve[0]["training"]
    assert (
        abs(first - undisturbed.loss_curve[-1]["training"])
        < 2
        < undisturbed.loss_curve[0]["training"] - first
    )


def test_cycles_of_the_learning_rate_begin_and_end_at_zero() -> None:
    settings = PriorTraining(epochs=(4, 3), learning_rate=1e-3, warmup=5)
    rate = [float(_training._learning_rate(settings, 10)(step)) for step in range(70)]
    assert max(rate[:40]) == pytest.approx(1e-3) and max(rate[40:]) == pytest.approx(5e-4)
    assert rate[0] == rate[40] == 0 and rate[39] < 1e-5 and rate[69] < 1e-5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PriorTraining(epochs=(4, 0)), r"at least 1 epoch, got \(4, 0\)"),
        (PriorTraining(epochs=()), "at least 1 epoch"),
        (PriorTraining(learning_rate=0.0), "learning rate 0: above 0 and below 1"),
    ],
)
def test_a_schedule_that_trains_nothing_is_refused(
    settings: PriorTraining, message: str, strings: list[str], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train_prior(strings, tmp_path / "state.safetensors", settings)


def _stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Interrupts training, as Ctrl-C does, when its batches are encoded."""
    encode, count = _training._encode, iter(range(10**6))

    def encode_or_stop(*args: object) -> jax.Array:
        if args[2] == SETTINGS.batch and next(count) == steps:
            raise KeyboardInterrupt
        return encode(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(_training, "_encode", encode_or_stop)


@pytest.mark.parametrize("steps", [0, 7, 30])
def test_a_training_that_was_stopped_ends_with_the_same_weights(
    strings: list[str],
    undisturbed: TrainedPrior,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    state = tmp_path / "state.safetensors"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        _stop_after(patch, steps)
        train_prior(strings, state, SETTINGS)
    _assert_equal(train_prior(strings, state, SETTINGS, resume=True), undisturbed)


def test_a_training_that_is_done_is_not_done_again(
    strings: list[str], undisturbed: TrainedPrior, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.safetensors"
    with pytest.raises(ValueError, match="disk"):
        # Any failure saves the state, not only Ctrl-C; here at the end of the last epoch but one.
        train_prior(strings, state, SETTINGS, report=_fail_at_epoch_3)
    train_prior(strings, state, SETTINGS, resume=True)
    _stop_after(monkeypatch, 0)
    _assert_equal(train_prior(strings, state, SETTINGS, resume=True), undisturbed)


def _fail_at_epoch_3(line: str) -> None:
    if line.startswith("epoch 3"):
        raise ValueError("disk full")


def test_a_checkpoint_of_another_training_is_refused_and_kept(strings: list[str], tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    few = PriorTraining(epochs=(1,), batch=64, min_token_count=1, embedding=4, hidden=4, depth=1)
    train_prior(strings[:40], state, few)
    before = state.read_bytes()
    for other_strings, other_settings in (
        (strings[:39], few),
        (
            strings[:40],
            PriorTraining(epochs=(2,), batch=64, min_token_count=1, embedding=4, hidden=4, depth=1),
        ),
    ):
        with pytest.raises(InputError, match="checkpoint of another training"):
            train_prior(other_strings, state, other_settings, resume=True)
    state.with_name("other").write_bytes(before[:-20])
    with pytest.raises(InputError, match="no whole safetensors file"):
        train_prior(strings[:40], state.with_name("other"), few, resume=True)
    with pytest.raises(InputError, match=r"no file '.*absent'"):
        train_prior(strings[:40], tmp_path / "absent", few, resume=True)
    assert state.read_bytes() == before


@pytest.mark.parametrize("smiles", [[], ["CCO"]])
def test_too_few_strings_are_refused(smiles: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"at least 2 SMILES to train on, got {len(smiles)}"):
        train_prior(smiles, tmp_path / "state", SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_strings_of_rare_tokens_only_are_refused(strings: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is left of 3 SMILES to train on"):
        train_prior(strings[:3], tmp_path / "state", PriorTraining(min_token_count=100))


def test_the_split_keeps_what_is_held_out_apart(strings: list[str]) -> None:
    rare = "[Zn]" + strings[0]
    vocabulary, training, held_out = split_data([*strings, rare], SETTINGS)
    assert sorted(training + held_out) == sorted(text for text in strings if vocabulary.can_write(text))
    assert "[Zn]" not in vocabulary.tokens and rare not in training + held_out
    assert len(held_out) == round(SETTINGS.held_out * len(training + held_out))


def test_an_epoch_sees_every_string_once_in_few_lengths() -> None:
    lengths = np.random.default_rng(0).integers(10, 70, 1000)
    padded = bucket_lengths(lengths)
    assert (padded >= lengths).all() and len(np.unique(padded)) <= 8
    assert padded.sum() < 1.15 * lengths.sum()
    batches = epoch_batches(padded, 32, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(1000))
    for rows in batches:
        assert len(rows) <= 32 and len(np.unique(padded[rows])) == 1
