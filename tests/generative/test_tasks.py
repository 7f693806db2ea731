"""The tasks against values that PyTDC 1.1.15's own functions gave for the same molecules."""

import pytest

from labkit.errors import InputError
from labkit.generative import TASKS, task
from labkit.generative import _tasks as parts
from labkit.molecules import parse

# Drugs that the tasks don't aim at, but for albuterol; a terpene, an isomer's neighbour.
MOLECULES = {
    "albuterol": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",
    "salmeterol": "OCc1cc(ccc1O)C(O)CNCCCCCCOCCCCc1ccccc1",
    "nifedipine": "COC(=O)C1=C(C)NC(C)=C(C(=O)OC)C1c1ccccc1[N+](=O)[O-]",
    "valdecoxib": "Cc1onc(-c2ccccc2)c1-c1ccc(S(N)(=O)=O)cc1",
    "gefitinib": "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1",
    "borneol": "CC1(C)C2CCC1(C)C(O)C2",
    "zolpidem": "Cc1ccc(-c2nc3ccc(C)cn3c2CC(=O)N(C)C)cc1",
    "anisohydrazide": "COc1ccc(cc1)C(=O)NN",
    "sitagliptin": "N[C@@H](CC(=O)N1CCn2c(C1)nnc2C(F)(F)F)Cc1cc(F)c(F)cc1F",
}
PYTDC = {
    "albuterol_similarity": (1, 0.55914, 0.325926, 0.200717, 0.19209, 0.258065, 0.318182, 0.291667, 0.217949),
    "amlodipine_mpo": (
        0.00632529,
        0.140977,
        0.252041,
        0.42186,
        0.147024,
        0.072851,
        0.406558,
        0.0072779,
        0.317363,
    ),
    "celecoxib_rediscovery": (
        0.104762,
        0.120567,
        0.131148,
        0.430108,
        0.133803,
        0.010101,
        0.298077,
        0.142857,
        0.166667,
    ),
    "isomers_c7h8n2o2": (
        1.23196e-13,
        1.48656e-76,
        2.31952e-16,
        5.46446e-09,
        6.63968e-36,
        9.18981e-07,
        3.41879e-21,
        0.484325,
        4.63486e-13,
    ),
    "median1": (
        0.0643489,
        0.0123513,
        0.0538382,
        0.0194625,
        0.0390583,
        0.328885,
        0.0435194,
        0.0288715,
        0.0444994,
    ),
    "osimertinib_mpo": (
        0.246951,
        0.14357,
        0.598038,
        0.373073,
        0.0621552,
        0.000165965,
        0.00307367,
        0.138834,
        0.30819,
    ),
    "qed": (0.638951, 0.31032, 0.505505, 0.804935, 0.517855, 0.5668, 0.744697, 0.377024, 0.621638),
    "scaffold_hop": (0.364871, 0.373363, 0.351391, 0.368864, 0.180895, 0.334629, 0.372364, 0.350352, 0.41146),
    "sitagliptin_mpo": (
        0.0177704,
        1.04484e-13,
        0.00142407,
        0.00988004,
        1.34233e-09,
        3.48512e-09,
        5.30309e-07,
        2.46885e-07,
        3.72665e-06,
    ),
    "zaleplon_mpo": (
        0.0180876,
        1.73353e-14,
        0.121741,
        0.119797,
        0.00165365,
        0.000244983,
        0.18726,
        8.30406e-07,
        0.133438,
    ),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_scores_as_pytdc_does(name: str) -> None:
    assert task(name)(list(MOLECULES.values())) == pytest.approx(
        PYTDC[name.removeprefix("pmo:")], rel=1e-5, abs=1e-30
    )


@pytest.mark.parametrize(
    ("name", "smiles"),
    [
        ("albuterol_similarity", "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1"),
        ("celecoxib_rediscovery", "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"),
        ("isomers_c7h8n2o2", "NNC(=O)c1ccccc1O"),
    ],
)
def test_what_a_task_looks_for_has_the_highest_score(name: str, smiles: str) -> None:
    assert task(f"pmo:{name}")([smiles]) == pytest.approx([1.0])


def test_shapes_have_the_values_of_their_formulas() -> None:
    assert parts.gaussian(2.0, 0.5)(3.0) == pytest.approx(0.1353352832)  # exp(-2)
    assert parts.at_least(2.0, 0.5)(7.0) == parts.at_most(2.0, 0.5)(1.0) == 1.0
    assert parts.at_least(2.0, 0.5)(1.0) == parts.at_most(2.0, 0.5)(3.0) == parts.gaussian(2.0, 0.5)(3.0)
    assert [parts.clipped(0.8)(x) for x in (-1.0, 0.2, 0.8, 5.0)] == [0.0, 0.25, 1.0, 1.0]


def test_a_task_of_ones_own_is_put_together_from_parts() -> None:
    own = parts.geometric_mean(parts.has("c1ccccc1"), parts.isomer("C7H8"), parts.lacks("[OH]"))
    assert own(parse("Cc1ccccc1")) == 1.0
    assert own(parse("C1=CC=CC=CC1")) == own(parse("Oc1ccccc1")) == 0.0
    assert parts.mean(parts.has("O"), parts.has("N"))(parse("CCO")) == 0.5


def test_an_unknown_task_is_refused_with_the_nearest_first() -> None:
    with pytest.raises(InputError, match="no task 'pmo:zaleplon'; known are pmo:zaleplon_mpo, "):
        task("pmo:zaleplon")
    with pytest.raises(InputError) as refused:
        task("")
    assert all(name in str(refused.value) for name in TASKS)
