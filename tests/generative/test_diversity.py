import dataclasses

import pytest

from labkit.generative import Optimiser, OptimiserSettings, Prior
from labkit.generative._diversity import ScaffoldMemory, murcko_scaffold


@pytest.mark.parametrize(
    ("smiles", "scaffold"),
    [
        ("Cc1ccccc1", "c1ccccc1"),
        ("O=C(Nc1ccccc1)c1ccncc1", "O=C(Nc1ccccc1)c1ccncc1"),
        ("CCCC(=O)NCCc1ccccc1", "c1ccccc1"),
        ("CCO", ""),
    ],
)
def test_the_scaffold_is_rings_and_what_links_them(smiles: str, scaffold: str) -> None:
    assert murcko_scaffold(smiles) == scaffold


def test_what_fills_a_bucket_is_worth_nothing_any_more() -> None:
    memory = ScaffoldMemory(bucket=2, good=0.5)
    told = [
        ("Cc1ccccc1", 0.9),
        ("Clc1ccccc1", 0.4),
        ("Fc1ccccc1", 0.8),
        ("Brc1ccccc1", 0.7),
        ("c1ccncc1", 0.6),
    ]
    # The second isn't good and fills nothing; the last is of another scaffold.
    assert [memory.worth(*one) for one in told] == [0.9, 0.4, 0.8, 0.0, 0.6]
    again = ScaffoldMemory(bucket=2, good=0.5)
    again.recall(dict(told[:3]))
    assert again.worth("Brc1ccccc1", 0.7) == 0.0
    assert again.worth("c1ccncc1", 0.6) == 0.6


def test_without_a_bucket_every_score_stands() -> None:
    memory = ScaffoldMemory(bucket=0, good=0.0)
    assert [memory.worth("c1ccccc1", 0.9) for _ in range(3)] == [0.9] * 3


def test_the_optimiser_learns_the_worth_also_when_restored(small_prior: Prior) -> None:
    settings = OptimiserSettings(learning=False, bucket=1, good=0.5)
    optimiser = Optimiser(small_prior, settings)
    optimiser.tell(["Cc1ccccc1", "Clc1ccccc1"], [0.9, 0.8])
    assert optimiser._told == {"Cc1ccccc1": 0.9, "Clc1ccccc1": 0.0}
    restored = Optimiser(small_prior, settings)
    restored.restore(*optimiser.state())
    restored.tell(["Fc1ccccc1"], [1.0])
    assert restored._told["Fc1ccccc1"] == 0.0
    free = Optimiser(small_prior, dataclasses.replace(settings, bucket=0))
    free.tell(["Cc1ccccc1", "Clc1ccccc1"], [0.9, 0.8])
    assert free._told == {"Cc1ccccc1": 0.9, "Clc1ccccc1": 0.8}
