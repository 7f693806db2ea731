"""Figures and sentences of chapters 04 to 06 say what their numbers say."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from labkit import dashboards as shown
from labkit.dashboards import Picture
from labkit.docking import load_target, shipped_pose, shipped_poses
from labkit.errors import InputError
from labkit.molecules import read_dimer
from labkit.quantum import InteractionEnergy, NoiseStudy, SolverComparison, TripletEnergy
from labkit.store import data_path

IMATINIB = shipped_poses("abl1")[0]
KNOWN = {"imatinib": IMATINIB}
DECOYS = {"4-phenylphenol": shipped_pose("Oc1ccc(-c2ccccc2)cc1")}
WATER = read_dimer(data_path("dimers", "S66_01.xyz"))
LENGTHS = [1.0, 1.8, 2.2]


def _compared(rhf: float, ccsd: float | None, uccsd: float) -> SolverComparison:
    """Errors in mHa."""
    errors = {"rhf": rhf, "uccsd": uccsd, "exact": 0.0} | ({} if ccsd is None else {"ccsd": ccsd})
    return SolverComparison(
        structure="",
        energies={method: -100 + error * 1e-3 for method, error in errors.items()},
        failures={"ccsd": "CCSD didn't converge: no wonder"} if ccsd is None else {},
        spin_square={"exact": 0.0, "uccsd": 0.004},
        occupations={"exact": (1.9, 0.1)},
        cost={"exact": {"seconds": 0.1}, "uccsd": {"seconds": 0.2, "parameters": 7}},
    )


BOND = [_compared(100, 1.0, 0.2), _compared(400, -12.5, 0.3), _compared(700, None, 0.9)]
ENERGY = InteractionEnergy(
    kcal_mol=-5.1,
    level="standard",
    method="ωB97X-3c, half counterpoise",
    charge_class="neutral",
    components={"hartree_fock": -3.7, "mp2": -4.5, "casci": -3.6, "dispersion": -0.4},
    error_estimate_kcal_mol=0.2,
    error_estimate_source="mean absolute error over 10 neutral dimers, benchmarks/…",
    active_space={"dimer": {"electrons": 8, "orbitals": 8}},
    quantum={
        "error_mha": 0.1134,
        "delta_kcal_mol": 0.06,
        "delta_exact_kcal_mol": -0.004,
        "controls": {
            "cap_strings": 22,
            "cap_share": 0.0988,
            "capped_error_mha": 0.2,
            "random_bits_error_mha": 5.0,
            "singles_doubles_error_mha": 2.0,
        },
    },
)
TRIPLET = TripletEnergy.from_dict(
    json.loads((Path(__file__).parents[1] / "triplet_of_butadiene.json").read_text())
)
IDEAL = {"0101": 0.9, "1010": 0.1}
NOISY = {"0101": 700, "1010": 100, "0111": 200}


def _study(noisy: float) -> NoiseStudy:
    variants = ("noiseless", "noisy", "post_selected", "readout_inverted", "inverted_then_selected")
    judged = {"distance": 0.2, "occupation_error": 0.1, "distinct_bit_strings": 9}
    return NoiseStudy.from_dict(
        {
            "samples": {
                name: {**judged, "sqd_error_mha": 18.0 if name == "noiseless" else noisy} for name in variants
            },
            "random_bits_error_mha": 47.0,
            "singles_doubles_error_mha": 30.0,
            "fraction_in_sector": 0.62,
            "cap_strings": 17,
            "exact_ha": -108.0,
            "shots": 10_000,
            "seconds": 1.0,
            "cpu_seconds": 1.0,
            "circuit": {"qubits": 16},
        }
    )


CONTROLS = [
    {
        "system": "benzamide",
        "shots": "200000",
        "share": "0.064",
        "hartree_fock_mha": "95.3",
        "ccsd_mha": "1.09",
        "sqd_mha": "0.5",
        "singles_doubles_mha": excitations,
        "random_mha": "2.86",
    }
    for excitations in ("1.0", "0.4")
]

PICTURES: list[Callable[[], Picture]] = [
    lambda: shown.overlay_picture(IMATINIB, load_target("abl1").reference_ligand()),
    lambda: shown.energy_by_size(KNOWN, DECOYS),
    lambda: shown.dimer_picture(WATER),
    lambda: shown.interaction_bars({"water": ENERGY, "salt": replace(ENERGY, charge_class="ionic")}),
    lambda: shown.dissociation(LENGTHS, BOND),
    lambda: shown.occupations(LENGTHS, BOND),
    lambda: shown.interaction_parts(ENERGY),
    lambda: shown.distributions(IDEAL, {"noisy": NOISY}),
    lambda: shown.electrons_field(NOISY, (1, 1)),
    lambda: shown.rising_noise(IDEAL, {0.01: {"noisy": NOISY}, 0.1: {"noisy": NOISY}}, (1, 1)),
    lambda: shown.study_picture(_study(19.0)),
    lambda: shown.controls_picture(CONTROLS),
    lambda: shown.qpu_picture(shown.measured("resources")),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_are_well_formed_described_and_the_same_each_time(
    draw: Callable[[], Picture], well_drawn: Callable[..., Picture]
) -> None:
    well_drawn(draw)


def _text(block: shown.Block) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", block.html))


def test_the_overlay_says_how_far_pose_and_crystal_are_apart() -> None:
    picture = shown.overlay_picture(IMATINIB, load_target("abl1").reference_ligand())
    assert "0.38 Å" in picture.alt  # as data/targets/README.md says, 0.4


def test_vina_s_wrong_order_is_named() -> None:
    dasatinib = next(pose for pose in shipped_poses("abl1") if "Cl" in pose.proposed)
    text = _text(shown.energy_by_size_in_words({**KNOWN, "dasatinib": dasatinib}, DECOYS))
    assert "Of 2 pairs" in text and "puts 1 in the right order" in text
    assert "4-phenylphenol (−9.0, 13 heavy atoms) before dasatinib (−8.8, 33)" in text
    assert text.index("4-phenylphenol 0.70") < text.index("imatinib 0.35")
    assert "It puts" not in _text(shown.energy_by_size_in_words(KNOWN, DECOYS))


def test_a_dimer_is_described_by_its_nearest_atoms() -> None:
    assert shown.dimer_picture(WATER).alt.startswith("H2O of the protein (charge 0) and H2O")
    assert "2.0 Å" in shown.dimer_picture(WATER).alt  # S66's hydrogen bond, H…O


def test_contacts_are_listed_strongest_first() -> None:
    text = _text(shown.contact_table(IMATINIB.contacts[:2]))
    assert text.index("ILE360") < text.index("MET318") and "hydrogen bond" in text


def test_the_fate_of_each_method_is_told() -> None:
    text = _text(shown.dissociation_in_words(LENGTHS, BOND))
    assert "RHF is within 1 kcal/mol of exact at 0 of 3 lengths, and off by 700 mHa at 2.2 Å." in text
    assert "from 1.8 Å it lies below the exact energy" in text
    assert "at 2.2 Å there is none: CCSD didn't converge" in text
    assert "UCCSD stays within 0.900 mHa of exact." in text
    table = _text(shown.solver_table(BOND[2]))
    assert "none" in table and "0.004" in table


def test_a_small_delta_is_called_a_check_and_a_large_one_is_not() -> None:
    assert "the quantum step is a check" in _text(shown.interaction_in_words(ENERGY))
    large = replace(ENERGY, quantum={**ENERGY.quantum, "delta_exact_kcal_mol": -0.5})
    assert "CCSD misses something here" in _text(shown.interaction_in_words(large))
    fast = replace(ENERGY, quantum={}, active_space={})
    assert "Beside it" not in _text(shown.interaction_in_words(fast))


def test_a_triplet_shows_both_sectors() -> None:
    table = _text(shown.triplet_table(TRIPLET))
    assert "2 + 2" in table and "3 + 1" in table and "2.00" in table
    assert f"{TRIPLET.ev:.2f} ±" in _text(shown.triplet_in_words(TRIPLET))


def test_what_leaks_and_what_mends_is_counted() -> None:
    assert "80.0% of the shots have the right 1 + 1 electrons; 20.0% leaked" in (
        shown.electrons_field(NOISY, (1, 1)).alt
    )
    kept = {bits: count for bits, count in NOISY.items() if bits != "0111"}
    variants = {"noisy": NOISY, "post-selected": kept, "worse": {"1111": 1.0}}
    text = _text(shown.mending_in_words(IDEAL, {"0101": 90, "1010": 10}, variants))
    assert "0.200 noisy" in text and "without any noise are at 0.000" in text
    assert "Post-selected: 0.025; takes away 88% of it" in text
    assert "Worse: 1.000; doesn't help" in text


@pytest.mark.parametrize(
    ("noisy", "told"),
    [
        (20.0, "noise makes it worse"),
        (15.0, "noise makes it better"),
        (18.0, "noise changes nothing"),
    ],
)
def test_what_noise_does_to_an_energy_is_told_either_way(noisy: float, told: str) -> None:
    text = _text(shown.study_in_words(_study(noisy)))
    assert told in text and "Random bits do worse" in text


def test_a_control_that_wins_is_the_finding() -> None:
    text = _text(shown.study_in_words(_study(35.0)))
    assert "Singles and doubles, which need no quantum computer, do better" in text
    assert "best in 1 of 2 cases" in _text(shown.controls_in_words(CONTROLS))


def test_machines_that_run_nothing_say_why() -> None:
    table = _text(shown.qpu_table(shown.measured("resources"), 4, 4, 2))
    assert "Jade doesn't run it: not gate-model: neutral atom (analog)." in table
    assert "PIAST-Q, not its own figures: f_1q by proxy" in table


def test_measurements_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match=r"no benchmark result 'nothing'; there are .*resources"):
        shown.measured("nothing")


def test_a_slider_leafs_through_pictures() -> None:
    pages = {name: Picture("<svg/>", f"picture {name}") for name in ("one", "two")}
    slider, page = shown.leaf_through(pages, "noise").children
    assert "picture one" in page.value
    slider.value = "two"
    assert "picture two" in page.value
