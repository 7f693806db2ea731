"""How far conjugation reaches, and the triage by it."""

import csv
from collections.abc import Iterator

import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from labkit.molecules import TriageRules, read_smiles_file, triage
from labkit.molecules._conjugation import conjugated_atoms
from labkit.store import data_path


@pytest.mark.parametrize(
    ("smiles", "atoms"),
    [
        ("CCO", 0),
        ("C=C", 0),  # one double bond conjugates with nothing
        ("C=CC=C", 4),
        ("c1ccccc1", 6),
        ("c1ccc2cccc-2cc1", 10),
        ("c1ccccc1CC=CC=C", 6),  # two systems, a saturated atom between them
        ("c1ccccc1C=O", 8),
    ],
)
def test_the_largest_system_is_counted(smiles: str, atoms: int) -> None:
    assert conjugated_atoms(Chem.MolFromSmiles(smiles)) == atoms


def test_triage_by_conjugation_says_why() -> None:
    rules = TriageRules(
        heavy_atoms=(4, 20), conjugated_atoms=(6, 12), min_conjugated_fraction=0.6, mw=(50, 300), alerts=()
    )
    azulene, butadiene, chained = triage(["c1ccc2cccc-2cc1", "C=CC=C", "CCCCCCc1ccccc1"], rules)
    assert azulene.accepted
    assert butadiene.reason == "4 conjugated atoms; 6 to 12 are allowed"
    assert chained.reason == "0.50 of the heavy atoms conjugated; at least 0.6 is needed"


def _chromophores() -> Iterator[dict[str, str]]:
    with data_path("molecules", "chromophores.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_shipped_chromophores_have_their_published_formulas_and_are_trained_on() -> None:
    trained_on = {
        Chem.CanonSmiles(text) for text in read_smiles_file(data_path("molecules", "chromophores.smi"))
    }
    rows = list(_chromophores())
    assert len(rows) == 50
    for row in rows:
        assert CalcMolFormula(Chem.MolFromSmiles(row["smiles"])) == row["formula"], row["name"]
        assert Chem.CanonSmiles(row["smiles"]) in trained_on


def test_the_training_set_of_small_chromophores_is_conjugated() -> None:
    for text in read_smiles_file(data_path("molecules", "chromophores.smi"))[::40]:
        molecule = Chem.MolFromSmiles(text)
        assert molecule.GetNumHeavyAtoms() <= 16
        assert conjugated_atoms(molecule) >= 4
