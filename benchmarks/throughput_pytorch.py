"""The usual PyTorch loop that benchmarks/throughput.py races against; it needs torch and NumPy alone.

python benchmarks/throughput_pytorch.py RACE.npz THREADS
"""

from __future__ import annotations

import sys
from functools import partial

from _legs import keep_to, run_legs

threads = int(sys.argv[2])
keep_to(threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

PAD, START, END = 0, 1, 2


class Model(nn.Module):
    def __init__(self, vocabulary: int, embedding: int, hidden: int, depth: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.gru = nn.GRU(embedding, hidden, depth, batch_first=True)
        self.output = nn.Linear(hidden, vocabulary)

    def forward(
        self, tokens: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        states, last = self.gru(self.embedding(tokens), state)
        return self.output(states), last


def load(weights: dict[str, np.ndarray]) -> Model:
    """Return the model with labkit's weights; both have the gates in the same order."""
    depth = sum(name.endswith("recurrent_weight") for name in weights)
    (vocabulary, embedding), hidden = weights[".embedding"].shape, len(weights[".output_weight"])
    model = Model(vocabulary, embedding, hidden, depth)
    theirs = {"embedding.weight": weights[".embedding"]}
    theirs |= {"output.weight": weights[".output_weight"].T, "output.bias": weights[".output_bias"]}
    for i in range(depth):
        for name, ours in (("ih", "input"), ("hh", "recurrent")):
            theirs[f"gru.weight_{name}_l{i}"] = weights[f".layers[{i}].{ours}_weight"].T
            theirs[f"gru.bias_{name}_l{i}"] = weights[f".layers[{i}].{ours}_bias"]
    model.load_state_dict({name: torch.tensor(array) for name, array in theirs.items()})
    return model


def loss(model: Model, tokens: torch.Tensor) -> torch.Tensor:
    logits, _ = model(tokens[:, :-1])
    total = nn.functional.cross_entropy(
        logits.transpose(1, 2), tokens[:, 1:], ignore_index=PAD, reduction="sum"
    )
    return total / len(tokens)


def train(model: Model, optimiser: torch.optim.Optimizer, batches: list[torch.Tensor]) -> None:
    for tokens in batches:
        optimiser.zero_grad()
        value = loss(model, tokens)
        value.backward()
        optimiser.step()
        value.item()


@torch.no_grad()
def sample(model: Model, batch: int, length: int, retire: bool) -> torch.Tensor:
    """Return tokens, drawn until the last string has ended; with ``retire`` ended ones are left out.

    Without it, what follows a string's end token is drawn, too; whoever reads it stops at the end token.
    """
    drawn = torch.full((batch, length), PAD)
    rows, last, state = torch.arange(batch), torch.full((batch, 1), START), None
    ended = torch.zeros(batch, dtype=torch.bool)
    for step in range(length):
        logits, state = model(last, state)
        last = torch.multinomial(torch.softmax(logits[:, 0], dim=-1), 1)
        drawn[rows, step] = last[:, 0]
        ended[rows] |= last[:, 0] == END
        if ended.all():
            break
        if retire:
            running = ~ended[rows]
            rows, last, state = rows[running], last[running], state[:, running]
    return drawn


def main() -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with np.load(sys.argv[1]) as file:
        race = dict(file)
    weights = {name.removeprefix("weights"): array for name, array in race.items() if name[:7] == "weights"}
    model, learner = load(weights), load(weights)
    optimiser = torch.optim.Adam(learner.parameters(), lr=float(race["learning_rate"]))
    batch, length = (int(race[name]) for name in ("sampled", "max_tokens"))
    legs = {"sample all": partial(sample, model, batch, length, False)}
    legs["sample retired"] = partial(sample, model, batch, length, True)
    for kind in ("random", "buckets"):
        names = sorted(name for name in race if name.startswith(kind))
        batches = [torch.tensor(race[name], dtype=torch.int64) for name in names]
        legs[f"train {kind}"] = partial(train, learner, optimiser, batches)
    with torch.no_grad():
        found, expected = float(loss(model, batches[0])), float(race["loss"])
    if abs(found - expected) > 1e-4 * expected:
        sys.exit(f"not the same network: loss {found} instead of {expected}")
    run_legs(legs)


if __name__ == "__main__":
    main()
