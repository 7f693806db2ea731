import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.errors import InputError
from labkit.molecules import TriageRules, triage

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"


def test_a_drug_passes_with_its_properties() -> None:
    (found,) = triage([IMATINIB])
    assert found.accepted
    assert found.properties is not None
    assert found.properties.mw == pytest.approx(493.6, abs=0.1)  # PubChem CID 5291
    assert found.properties.heavy_atoms == 37
    assert found.properties.rings == 5


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC", "SMILES, 'C1CC': ring 1 is never closed"),
        ("C[Fe]C", "holds Fe; allowed are H, C, N, O, F, P, S, Cl, Br, I"),
        ("C" * 200, "200 heavy atoms; 10 to 40 are allowed"),
        ("[Na+].[Cl-]", "SMILES '[Cl-].[Na+]': no fragment holds carbon"),
        ("CC[CH2].c1ccccc1CCC[CH]CC", "holds an unpaired electron; closed-shell molecules are needed"),
        ("C1CCCCCCCCCCC1", "a ring of 12 atoms; at most 8 are allowed"),
        ("C[N+](C)(C)CCCC[N+](C)(C)Cc1ccccc1", "net charge +2; at most 1 is allowed"),
        ("CC(F)C(Cl)C(Br)C(O)C(F)c1ccccc1", "5 unspecified stereocentres; at most 3 are allowed"),
        # catechol is PAINS' catechol_A(92) (Baell & Holloway 2010), nitro is Brenk's nitro_group
        ("Oc1ccc(CCNC(=O)c2ccccc2)cc1O", "structural alert catechol_A(92) (PAINS)"),
        ("O=[N+]([O-])c1ccc(C(=O)NC2CCCC2)cc1", "structural alert nitro_group (BRENK)"),
    ],
)
def test_a_rejected_molecule_says_why(smiles: str, reason: str) -> None:
    (found,) = triage([smiles])
    assert not found.accepted
    assert found.reason == reason


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"logp": (5.0, 6.0)}, "log P 4.59; 5 to 6 are allowed"),
        ({"mw": (150.0, 450.0)}, "molecular weight 493.6 g/mol; 150 to 450 are allowed"),
        ({"min_qed": 0.5}, "QED 0.389; at least 0.5 is needed"),
        ({"max_sa": 2.0}, "synthetic accessibility 2.33; at most 2 is allowed"),
        ({"max_rotatable_bonds": 6}, "7 rotatable bonds; at most 6 are allowed"),
    ],
)
def test_imatinib_fails_each_bound_set_just_beyond_it(rule: dict[str, float], reason: str) -> None:
    (found,) = triage([IMATINIB], TriageRules(**rule))  # type: ignore[arg-type]
    assert found.reason == reason


def test_a_bad_string_in_a_batch_spoils_nothing_else() -> None:
    found = triage([IMATINIB] * 16 + ["C1CC"] + [IMATINIB])
    assert [item.accepted for item in found] == [True] * 16 + [False, True]
    assert found[16].smiles is None


def test_a_salt_is_judged_without_its_counter_ion() -> None:
    (found,) = triage([f"{IMATINIB}.CS(=O)(=O)O"])
    assert found.accepted
    assert found.smiles == IMATINIB
    assert found.notes == ("salt or solvent stripped: CS(=O)(=O)O",)


def test_rules_can_be_loosened() -> None:
    nitro = "O=[N+]([O-])c1ccc(C(=O)NC2CCCC2)cc1"
    assert triage([nitro], TriageRules(alerts=("PAINS",)))[0].accepted


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"heavy_atoms": (40, 10)}, r"heavy_atoms = \(40, 10\)"),
        ({"elements": ("C", "Zz")}, "'Zz' is no chemical element"),
        ({"alerts": ("NIH",)}, "'NIH' is unknown; choose from PAINS, BRENK"),
    ],
)
def test_senseless_rules_are_refused(rule: dict[str, tuple[object, ...]], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        TriageRules(**rule)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="CNOcnoFBrl[]()=#123%+-@H/\\.*", max_size=20), max_size=5))
def test_nothing_that_a_model_writes_stops_a_batch(batch: list[str]) -> None:
    found = triage(batch)
    assert [item.proposed for item in found] == batch
    assert all("\n" not in (item.reason or "") for item in found)
