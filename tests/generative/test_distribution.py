"""The metrics against MOSES' own code, RDKit's pairwise similarities, and sets small enough to count."""

import numpy as np
import pytest
from rdkit import DataStructs

from labkit.errors import InputError
from labkit.generative import _distribution, distribution
from labkit.molecules import fingerprint, load_zinc250k


def test_metrics_are_those_of_moses() -> None:
    """400 strings of ZINC250k against 300; values of the functions of molsets 0.3.1 for the same."""
    zinc = load_zinc250k()
    found = distribution(zinc[:80_000:200], zinc[100:60_000:200], training=zinc[:1000])
    assert (found.strings, found.molecules, found.references) == (400, 400, 300)
    assert (found.valid, found.unique_1k, found.unique_10k) == (1.0, 1.0, 1.0)
    assert found.novelty == 1 - 5 / 400  # strings 0, 200, …, 800 are in both
    assert found.snn == pytest.approx(0.2952090813, abs=1e-7)
    assert found.frag == pytest.approx(0.9796658398, abs=1e-9)
    assert found.scaf == pytest.approx(0.0278743326, abs=1e-9)
    assert found.int_div == pytest.approx(0.8715657654, abs=1e-7)
    assert found.int_div2 == pytest.approx(0.8585321734, abs=1e-7)
    assert found.filters == 0.6


def test_similarities_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    zinc = load_zinc250k()
    smiles, reference = zinc[:300:10], zinc[5:250:10]
    prints, known = ([fingerprint(text, size=1024) for text in part] for part in (smiles, reference))
    pairs = np.array([DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints])
    nearest = [max(DataStructs.BulkTanimotoSimilarity(one, known)) for one in prints]
    monkeypatch.setattr(_distribution, "_BLOCK", 7)
    found = distribution(smiles, reference)
    assert found.int_div == pytest.approx(1 - pairs.mean(), abs=1e-6)
    assert found.int_div2 == pytest.approx(1 - np.sqrt((pairs**2).mean(1)).mean(), abs=1e-6)
    assert found.snn == pytest.approx(np.mean(nearest), abs=1e-6)


def test_a_set_is_like_itself() -> None:
    smiles = load_zinc250k()[:40]
    found = distribution(smiles, smiles[::-1], training=smiles)
    assert (found.snn, found.novelty) == (1.0, 0.0)
    assert (found.frag, found.scaf) == (pytest.approx(1.0), pytest.approx(1.0))


def test_strings_are_counted_as_molecules() -> None:
    strings = ["CCO", "C1CC", "OCC", "", "CCN"]
    found = distribution(strings, ["CCC"], training=["C(C)O"])
    assert (found.strings, found.molecules, found.references) == (5, 3, 1)
    assert (found.valid, found.unique_1k, found.novelty) == (0.6, 2 / 3, 0.5)
    assert distribution(strings, ["CCC"]).novelty is None


def test_unique_looks_at_the_first_molecules_only() -> None:
    found = distribution(["C" * n for n in range(1, 11)] * 100 + ["C1CC"] + ["CCO"] * 10, ["C"])
    assert (found.unique_1k, found.unique_10k) == (10 / 1000, 11 / 1010)


def test_fragments_and_scaffolds_are_compared_by_their_counts() -> None:
    benzene, cyclohexane, toluidine = "c1ccccc1", "C1CCCCC1", "Cc1ccccc1N"
    found = distribution([benzene] * 3 + [cyclohexane] * 4, [benzene, toluidine])
    assert found.frag == pytest.approx(3 / 5 / np.sqrt(2))  # (3, 4, 0) and (1, 0, 1)
    assert found.scaf is None  # one ring doesn't count
    methylnaphthalene, quinolinol = "Cc1ccc2ccccc2c1", "Oc1ccc2ncccc2c1"
    found = distribution([methylnaphthalene] * 3 + [quinolinol] * 4 + [benzene], ["CCc1ccc2ccccc2c1"])
    assert found.scaf == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("smiles", "passes"),
    [
        ("CC(=O)Nc1ccc(O)cc1", True),  # paracetamol
        ("CC(=O)[O-]", False),
        ("C[Si](C)(C)C", False),
        ("C1CCCCCC1", True),
        ("C1CCCCCCC1", False),
        ("O=Cc1ccccc1", False),  # an aldehyde: MCF 7
        ("C1CO1", False),  # MCF 5
        ("CCCl", False),  # MCF 4 names its hydrogens
        ("Oc1ccccc1O", False),  # PAINS catechol_A
    ],
)
def test_filters_refuse_what_moses_refuses(smiles: str, passes: bool) -> None:
    assert distribution([smiles], ["C"]).filters == passes


@pytest.mark.parametrize(
    ("smiles", "reference", "training", "message"),
    [
        ([], ["C"], None, r"smiles = \[\]: at least one"),
        (["C"], [], None, r"reference = \[\]: at least one"),
        (["C"], ["C"], [], r"training = \[\]: at least one"),
        ("CCO", ["C"], None, "smiles = 'CCO': a list"),
        (["C1CC", ""], ["C"], None, "none of the 2 strings is a molecule"),
        (["C"], ["C", "C1CC"], None, "reference: SMILES 2 of 2, 'C1CC': ring 1 is never closed"),
        (["C"], ["C"], ["C(C"], r"training: SMILES 1 of 1, 'C\(C'"),
    ],
)
def test_bad_input_is_told_in_one_line(
    smiles: list[str], reference: list[str], training: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        distribution(smiles, reference, training=training)
    assert "\n" not in str(refused.value)
