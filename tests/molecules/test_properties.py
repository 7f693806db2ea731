import pytest
from rdkit import Chem

from labkit.errors import InputError
from labkit.molecules import properties


def test_aspirin_has_its_published_properties() -> None:
    found = properties("CC(=O)Oc1ccccc1C(=O)O")
    assert found.mw == pytest.approx(180.16, abs=0.01)  # PubChem CID 2244
    assert found.tpsa == pytest.approx(63.6, abs=0.01)  # Ertl et al. 2000, table 3
    assert (found.hbd, found.heavy_atoms, found.formal_charge, found.rings) == (1, 13, 0, 1)
    assert found.qed == pytest.approx(0.55, abs=0.01)


def test_logp_of_simple_hydrocarbons_is_a_sum_of_atoms() -> None:
    # Wildman & Crippen 1999, table 1: C1 (CH4, CH3R) 0.1441, each hydrogen on carbon 0.1230.
    assert properties("CC").logp == pytest.approx(2 * 0.1441 + 6 * 0.1230, abs=1e-4)


def test_synthetic_accessibility_ranks_as_chemists_do() -> None:
    aspirin, morphine, strychnine, vinblastine = (
        properties(smiles).sa
        for smiles in (
            "CC(=O)Oc1ccccc1C(=O)O",
            "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
            "O=C1C[C@@H]2OCC=C3CN4CC[C@]56[C@@H]4C[C@H]3[C@@H]2[C@@H]5N1c1ccccc16",
            "CCC1(O)C[C@H]2CN(C1)CCc1c([nH]c3ccccc13)[C@@](C(=O)OC)(c1cc3c(cc1OC)N(C)[C@H]1[C@@](O)"
            "(C(=O)OC)[C@H](OC(C)=O)[C@]4(CC)C=CCN5CC[C@]31[C@@H]54)C2",
        )
    )
    assert 1 <= aspirin < 2.5 < morphine < vinblastine <= 10
    assert aspirin < strychnine


def test_a_molecule_and_its_smiles_give_the_same() -> None:
    assert properties("CCO") == properties(Chem.MolFromSmiles("CCO"))


def test_malformed_smiles_are_refused() -> None:
    with pytest.raises(InputError, match="ring 1"):
        properties("C1CC")
