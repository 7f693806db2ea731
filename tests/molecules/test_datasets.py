from pathlib import Path

import pytest
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from labkit.errors import InputError
from labkit.molecules import _datasets, load_abl1_inhibitors, load_zinc250k, parse


def test_zinc250k_is_whole() -> None:
    smiles = load_zinc250k()
    assert len(smiles) == 249_456
    assert len(set(smiles)) == len(smiles)
    assert all(parse(text).GetNumAtoms() > 3 for text in smiles[::2500])


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(b"other")
    with pytest.raises(InputError, match="restore the shipped file"):
        _datasets._verified(tmp_path / "x.gz", "0" * 64)


def test_every_inhibitor_has_its_published_formula() -> None:
    inhibitors = load_abl1_inhibitors()
    assert {"imatinib", "nilotinib", "dasatinib", "bosutinib", "ponatinib"} <= {i.name for i in inhibitors}
    for inhibitor in inhibitors:
        assert CalcMolFormula(parse(inhibitor.smiles)) == inhibitor.formula, inhibitor.name
        assert inhibitor.source
