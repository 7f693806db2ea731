import random

import pytest

from labkit.errors import InputError
from labkit.molecules import load_zinc250k, standardise

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"


def test_a_salt_becomes_its_drug_and_says_so() -> None:
    mesylate = standardise(f"{IMATINIB}.CS(=O)(=O)O")
    assert mesylate.smiles == standardise(IMATINIB).smiles
    assert mesylate.notes == ("salt or solvent stripped: CS(=O)(=O)O",)


def test_sodium_acetate_becomes_acetic_acid() -> None:
    found = standardise("CC(=O)[O-].[Na+]")
    assert found.smiles == "CC(=O)O"
    assert found.notes == ("salt or solvent stripped: [Na+]", "charges neutralised")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Oc1ccccn1", "O=c1cccc[nH]1"),  # 2-hydroxypyridine, 2-pyridone
        ("CC(=O)CC(C)=O", "CC(O)=CC(C)=O"),  # acetylacetone, keto and enol
        ("c1ccc2[nH]cnc2c1", "c1ccc2nc[nH]c2c1"),  # benzimidazole
        ("Cc1c[nH]cn1", "Cc1cnc[nH]1"),  # 4- and 5-methylimidazole
        ("C[N+](=O)[O-]", "CN(=O)=O"),  # two ways to draw a nitro group
    ],
)
def test_ways_to_draw_one_compound_share_one_form(first: str, second: str) -> None:
    assert standardise(first).smiles == standardise(second).smiles


def test_stereo_survives() -> None:
    assert standardise("C[C@H](N)C(=O)O").smiles != standardise("C[C@@H](N)C(=O)O").smiles


def test_isotopes_are_dropped() -> None:
    found = standardise("[2H]C([2H])([2H])c1ccccc1")
    assert (found.smiles, found.notes) == ("Cc1ccccc1", ("isotope labels dropped",))


def test_the_standard_form_is_its_own_standard_form() -> None:
    for smiles in random.Random(0).sample(load_zinc250k(), 150):
        once = standardise(smiles).smiles
        assert standardise(once).smiles == once


@pytest.mark.parametrize(
    ("smiles", "fault"), [("[Na+].[Cl-]", "no fragment holds carbon"), ("C" * 200, "200 heavy")]
)
def test_what_has_no_standard_form_is_refused(smiles: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        standardise(smiles)


def test_a_standard_form_that_cannot_be_read_again_is_refused() -> None:
    with pytest.raises(InputError, match="can't read what its own clean-up wrote"):
        standardise("[O-]c1nn2cnc3ccccc3c2[nH+]1")
