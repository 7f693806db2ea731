import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from labkit.errors import InputError
from labkit.molecules import canonical_smiles, parse, parse_all

FAULTS = {
    "C1CC": "ring 1 is never closed",
    "c1ccccc": "ring 1 is never closed",
    "C%12CC": "ring 12 is never closed",
    "C(C": "the parenthesis at character 2 is never closed",
    "CC)": "the parenthesis at character 3 closes nothing",
    "Cz": "'z' at character 2 is no atom, bond or ring number",
    "C[Xx]": "'[Xx]' at character 2 is no atom",
    "[Na": "the bracket opened at character 1 is never closed",
    "C==C": "a bond leads to no atom",
    "CC=": "a bond leads to no atom",
    "CN(C)(C)(C)C": "atom 2 (N) has more bonds than its valence allows",
    "c1cc(=O)ccc1c": "no alternating double bonds can be placed on the aromatic atoms 1, 2, 5, 6, 7",
    "C..C": "it is no valid SMILES",
    "C C": "it holds white space; give one SMILES, without a name",
    "": "it is empty; write a molecule such as 'c1ccccc1'",
}


@pytest.mark.parametrize("smiles", FAULTS)
def test_the_error_names_the_smiles_and_its_fault(smiles: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError) as error:
        parse(smiles)
    assert str(error.value) == f"SMILES, {smiles!r}: {FAULTS[smiles]}"
    assert capfd.readouterr() == ("", "")  # RDKit's own log stays silent


def test_a_fault_in_a_batch_is_named_by_its_place() -> None:
    batch = ["CCO"] * 16 + ["C1CC"] + ["CCN"] * 47
    with pytest.raises(InputError) as error:
        parse_all(batch)
    assert str(error.value) == "SMILES 17 of 64, 'C1CC': ring 1 is never closed"


def test_absurd_lengths_are_refused_before_parsing() -> None:
    with pytest.raises(InputError, match=r"100000 characters; at most 2000"):
        parse("C" * 100_000)


def test_canonical_smiles_does_not_depend_on_the_writing() -> None:
    caffeine = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"
    molecule = parse(caffeine)
    writings = {Chem.MolToSmiles(molecule, doRandom=True) for _ in range(20)}
    assert len(writings) > 5
    assert {canonical_smiles(text) for text in writings} == {canonical_smiles(caffeine)}


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="CNOcnoFBrl[]()=#123%+-@H/\\.*z ", max_size=25))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        molecule = parse(text)
    except InputError as error:
        assert "\n" not in str(error)
        assert repr(text) in str(error)
    else:
        assert molecule.GetNumAtoms() > 0
