"""How many molecules a second are trained on and drawn? labkit against the usual PyTorch loop.

    python benchmarks/throughput.py [--repeats N] [--threads N…] [--torch PYTHON] [--summary]

Both sides have the same network (shape and weights of the shipped prior, which is checked), strings of
ZINC250k and sizes. The usual loop trains on random batches, padded to their longest string, and draws until
the last string of a batch has ended. labkit has batches of like length, and drops strings that have ended.
Each side does both, so that work not done and arithmetic are told apart:

    gain = (PyTorch as usual / PyTorch with less work) x (PyTorch with less work / labkit)

Four batches stand for an epoch, the middle one of each quarter by padded length; molecules are the tokens
computed on, padding included, divided by an epoch's mean number of them a molecule. labkit's step clips the
gradient, and its drawing gives each string's likelihood, too; the usual loop does neither.
Compilation isn't counted: it is done once for each of labkit's lengths, of which there are eight.

PyTorch lives in an environment of its own, which is made in benchmarks/cache where `--torch` names none.
Both sides wait for their turn in processes of their own, kept to as many processors as they have threads.
Times of one thread are processor time, of two wall time: the machine must be quiet for that.

Writes benchmarks/results/throughput.csv, a row for each leg of the race; numbers of threads that it has
already are skipped.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections import defaultdict
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

from _legs import keep_to, racer, run_legs
from _table import append, machine, rows, versions

HERE = Path(__file__).parent
TABLE = HERE / "results" / "throughput.csv"
TORCH = HERE / "cache" / "torch"
COLUMNS = (
    *("threads", "repeat", "side", "leg", "molecules", "tokens_a_molecule", "seconds", "cpu_s"),
    *("machine", "versions"),
)
TRAIN, SAMPLE = ("train random", "train buckets"), ("sample all", "sample retired")
PARTS = 4
SAMPLED = 256
SEED = 0


def write_race(file: Path) -> dict[str, tuple[float, float]]:
    """Write weights and batches; return molecules, and padded tokens of one, of each leg of training."""
    import jax
    import numpy as np

    from labkit.generative import PriorTraining, load_prior
    from labkit.generative._network import log_likelihood
    from labkit.generative._prior import MAX_TOKENS
    from labkit.generative._training import bucket_lengths, epoch_batches, split_data
    from labkit.generative._trees import flatten
    from labkit.generative._vocabulary import tokenize
    from labkit.molecules import load_zinc250k

    prior, settings = load_prior(), PriorTraining()
    _, training, _ = split_data(load_zinc250k(), settings, prior)
    lengths = np.array([len(tokenize(text)) + 2 for text in training])
    rng = np.random.default_rng(SEED)
    shuffled = rng.permutation(len(training))
    random = [shuffled[i : i + settings.batch] for i in range(0, len(training), settings.batch)]
    padded = bucket_lengths(lengths)
    epochs = {
        "random": [(chosen, int(lengths[chosen].max())) for chosen in random],
        "buckets": [
            (chosen, int(padded[chosen[0]])) for chosen in epoch_batches(padded, settings.batch, rng)
        ],
    }
    arrays, legs = {}, {}
    for kind, epoch in epochs.items():
        whole = sorted((one for one in epoch if len(one[0]) == settings.batch), key=lambda one: one[1])
        for number, part in enumerate(np.array_split(np.arange(len(whole)), PARTS)):
            chosen, length = whole[part[len(part) // 2]]
            arrays[f"{kind}{number}"] = prior.vocabulary.encode([training[i] for i in chosen], length)
        computed = sum(array.size for name, array in arrays.items() if name.startswith(kind))
        a_molecule = sum(len(one[0]) * one[1] for one in epoch) / len(training)
        legs[f"train {kind}"] = (round(computed / a_molecule, 1), round(a_molecule, 2))
        print(f"{kind}: {a_molecule:.2f} tokens a molecule in an epoch, {computed} are computed on")
    print(f"{lengths.mean():.2f} of them aren't padding")
    loss = -jax.jit(log_likelihood)(prior.network, arrays["buckets0"]).mean()
    np.savez(
        file,
        loss=loss,
        sampled=SAMPLED,
        max_tokens=MAX_TOKENS,
        learning_rate=settings.learning_rate,
        **arrays,
        **flatten(prior.network, "weights"),
    )
    return legs


def race_labkit(file: Path, threads: int) -> None:
    keep_to(threads)
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from labkit.generative import _sampling, load_prior
    from labkit.generative._training import update

    with np.load(file) as content:
        race = dict(content)
    network = load_prior().network
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(float(race["learning_rate"])))
    state = (network, optimiser.init(network))
    least = _sampling._LEAST_ROWS

    def train(batches: list[jax.Array]) -> None:
        nonlocal state
        for tokens in batches:
            state, loss = update(state, tokens, jnp.float32(len(tokens)), optimiser)
            float(loss)

    def sample(least_rows: int) -> None:
        nonlocal key
        _sampling._LEAST_ROWS = least_rows
        key, drawn = jax.random.split(key)
        _sampling.sample_tokens(network, key=drawn, batch=SAMPLED, length=int(race["max_tokens"]))

    key = jax.random.key(SEED)
    legs = {"sample all": partial(sample, SAMPLED), "sample retired": partial(sample, least)}
    for kind in ("random", "buckets"):
        batches = [jnp.asarray(race[name]) for name in sorted(race) if name.startswith(kind)]
        legs[f"train {kind}"] = partial(train, batches)
    run_legs(legs)


def python_with_torch() -> Path:
    """Make the environment, if it isn't there."""
    python = TORCH / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(TORCH, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "numpy"], check=True)
    return python


def run(torch: Path, threads: int, repeats: int, file: Path, legs: dict[str, tuple[float, float]]) -> None:
    asked = "import torch, numpy; print(f'torch={torch.__version__} numpy={numpy.__version__}')"
    of_torch = subprocess.run([torch, "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
    of_side = {"pytorch": of_torch, "labkit": versions("jax", "jaxlib", "numpy", "optax")}
    arguments = [str(file), str(threads)]
    ours = racer(Path(sys.executable), Path(__file__), ["--race", *arguments])
    theirs = racer(torch, HERE / "throughput_pytorch.py", arguments)
    with theirs as run_pytorch, ours as run_labkit:
        run_leg = {"pytorch": run_pytorch, "labkit": run_labkit}
        for repeat in range(-1, repeats):  # before the first, everything is compiled
            for leg, side in product((*TRAIN, *SAMPLE), run_leg):
                seconds, cpu = run_leg[side](leg)
                print(f"{threads} thread(s), {repeat}: {leg}, {side}: {seconds:.2f} s, processor {cpu:.2f} s")
                if repeat < 0:
                    continue
                entry = {"threads": threads, "repeat": repeat, "side": side, "leg": leg}
                entry |= zip(("molecules", "tokens_a_molecule"), legs.get(leg, (SAMPLED, "")), strict=True)
                entry |= {"seconds": round(seconds, 4), "cpu_s": round(cpu, 4)}
                append(TABLE, COLUMNS, entry | {"machine": machine(threads), "versions": of_side[side]})


def summary() -> None:
    """Print molecules a second, and gains with their smallest and largest value: ratios within a repeat."""
    speed: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for entry in rows(TABLE):
        taken = float(entry["cpu_s" if entry["threads"] == "1" else "seconds"])
        speed[entry["threads"], entry["side"], entry["leg"]].append(float(entry["molecules"]) / taken)
    for threads in sorted({key[0] for key in speed}):
        for usual, less in (TRAIN, SAMPLE):
            race = [("pytorch", usual), ("pytorch", less), ("labkit", usual), ("labkit", less)]
            for side, leg in race:
                middle = median(speed[threads, side, leg])
                print(f"{threads} thread(s), {side}, {leg}: {middle:.0f} molecules/s")
            first, other, ours, last = (speed[threads, *one] for one in race)
            for name, one, two in (
                ("labkit / PyTorch as usual", last, first),
                ("less work (PyTorch)", other, first),
                ("arithmetic (with less work)", last, other),
                ("arithmetic (as usual)", ours, first),
            ):
                gain = [a / b for a, b in zip(one, two, strict=True)]
                print(f"    {name}: {median(gain):.2f} ({min(gain):.2f} to {max(gain):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--torch", type=Path, metavar="PYTHON", help="of an environment that has PyTorch")
    parser.add_argument("--summary", action="store_true", help="run nothing, print the gains")
    parser.add_argument("--race", nargs=2, metavar=("FILE", "THREADS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.race:
        race_labkit(Path(options.race[0]), int(options.race[1]))
        return
    if not options.summary:
        torch = options.torch or python_with_torch()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "race.npz"
            legs = write_race(file)
            for threads in options.threads:
                if str(threads) not in {entry["threads"] for entry in rows(TABLE)}:
                    run(torch, threads, options.repeats, file, legs)
    summary()


if __name__ == "__main__":
    main()
