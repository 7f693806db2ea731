import pytest

from labkit.errors import EvaluationError, InputError
from labkit.molecules import conformer, prepare_states


@pytest.mark.parametrize(
    ("smiles", "state"),
    [
        ("CC(=O)O", "CC(=O)[O-]"),  # pKa 4.8
        ("CN", "C[NH3+]"),  # 10.6
        ("c1ccncc1", "c1ccncc1"),  # 5.2
        ("Nc1ccccc1", "Nc1ccccc1"),  # 4.6
        ("Oc1ccccc1", "Oc1ccccc1"),  # 10.0
        ("CC(=O)Nc1ccc(O)cc1", "CC(=O)Nc1ccc(O)cc1"),  # paracetamol, 9.4
        ("O=[N+]([O-])c1ccc(O)cc1", "O=[N+]([O-])c1ccc([O-])cc1"),  # 7.15
        ("O=c1cc[nH]c(=O)[nH]1", "O=c1cc[nH]c(=O)[nH]1"),  # uracil, 9.5
        ("O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1", "O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1"),  # phenytoin, 8.3
        ("c1nnn[nH]1", "c1nnn[n-]1"),  # tetrazole, 4.9
        ("CC(=O)NS(=O)(=O)c1ccccc1", "CC(=O)[N-]S(=O)(=O)c1ccccc1"),  # acyl sulfonamides, about 4
        ("CC(=O)NN", "CC(=O)NN"),  # acetylhydrazine: base 3.2, acid about 12
        ("CN(C)c1ccncc1", "CN(C)c1cc[nH+]cc1"),  # DMAP, 9.7
        ("CN(C)CC#N", "CN(C)CC#N"),  # 4.2
        ("NC(=N)c1ccccc1", "NC(=[NH2+])c1ccccc1"),  # 11.6
        ("C1CNCCN1", "C1C[NH2+]CCN1"),  # 9.7 and 5.3: one proton only
        ("NCCN", "NCC[NH3+]"),  # 9.9 and 6.9
        ("NCCCCN", "[NH3+]CCCC[NH3+]"),  # 10.8 and 9.4: both
        # imatinib: 8.1 at the N-methyl nitrogen, others below 4 (Szakács et al. 2005, 10.1021/jm049546c)
        (
            "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
            "Cc1ccc(NC(=O)c2ccc(CN3CC[NH+](C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
        ),
    ],
)
def test_the_dominant_state_at_ph_7_4_follows_measured_pka(smiles: str, state: str) -> None:
    assert [found.smiles for found in prepare_states(smiles)] == [state]


def test_the_ph_matters() -> None:
    assert prepare_states("CC(=O)O", ph=2.0)[0].smiles == "CC(=O)O"
    assert prepare_states("C1CNCCN1", ph=3.0)[0].charge == 2


def test_open_stereocentres_are_listed_both_ways_and_bounded() -> None:
    both = prepare_states("CC(O)c1ccccc1")
    assert {state.smiles for state in both} == {"C[C@@H](O)c1ccccc1", "C[C@H](O)c1ccccc1"}
    assert [(s.stereoisomer, s.stereoisomers) for s in both] == [(1, 2), (2, 2)]
    assert len(prepare_states("CC(O)C(F)C(Cl)C(Br)c1ccccc1", max_states=3)) == 3


def test_a_specified_centre_is_left_alone() -> None:
    assert [state.smiles for state in prepare_states("C[C@@H](O)c1ccccc1")] == ["C[C@@H](O)c1ccccc1"]


def test_impossible_bridgeheads_are_left_out() -> None:
    # Camphor has two stereocentres but only one pair of enantiomers can close the bridge.
    assert len(prepare_states("CC1(C)C2CCC1(C)C(=O)C2", max_states=8)) == 2


@pytest.mark.parametrize(
    ("options", "fault"), [({"ph": 15.0}, "pH 15"), ({"max_states": 0}, "max_states = 0")]
)
def test_senseless_settings_are_refused(options: dict[str, float], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        prepare_states("CCO", **options)  # type: ignore[arg-type]


def test_a_conformer_has_the_bond_lengths_of_its_molecule() -> None:
    mol = conformer("CC=O", seed=1)
    positions = mol.GetConformer().GetPositions()
    lengths = [((positions[i] - positions[j]) ** 2).sum() ** 0.5 for i, j in ((0, 1), (1, 2))]
    # microwave structure of acetaldehyde: 1.501 and 1.216 Å (Kilb, Lin & Wilson 1957, 10.1063/1.1743600)
    assert lengths == pytest.approx([1.501, 1.216], abs=0.03)


def test_a_conformer_follows_its_seed() -> None:
    first, again, other = (conformer("CCCCCCO", seed=s).GetConformer().GetPositions() for s in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_what_cannot_exist_in_space_is_told() -> None:
    camphor = "CC1(C)[C@@H]2CC[C@@]1(C)C(=O)C2"
    assert conformer(camphor).GetNumConformers() == 1
    with pytest.raises(EvaluationError, match="no conformer can be embedded"):
        conformer(camphor.replace("[C@@H]2", "[C@H]2"))
