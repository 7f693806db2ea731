"""The public function: whole results, in a process of their own, and one line where the input is bad."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from labkit.errors import EvaluationError, InputError, TooLittleMemoryError
from labkit.molecules import Dimer, dimer_to_xyz, read_dimer
from labkit.quantum import (
    InteractionEnergy,
    InteractionSettings,
    compute_interaction_energy,
    interaction_energy,
)
from labkit.store import data_path

WATER_DIMER = data_path("dimers", "S66_01.xyz")


# No `if __name__ == "__main__"`: a plain script must do.
SCRIPT = f"""
import json, sys, jax
from labkit.quantum import interaction_energy
result = interaction_energy({str(WATER_DIMER)!r}, seed=7)
heavy = sorted({{"ffsim", "pyscf", "qiskit_aer", "qiskit_addon_sqd"}} & set(sys.modules))
print(json.dumps({{"result": result.as_dict(), "heavy": heavy, "x64": jax.config.jax_enable_x64}}))
"""


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    """What a script of a user's own prints that asks for the water dimer at the standard level."""
    process = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    return dict(json.loads(process.stdout))


@pytest.fixture(scope="module")
def water(printed: dict[str, Any]) -> InteractionEnergy:
    return InteractionEnergy.from_dict(printed["result"])


def test_the_caller_s_process_stays_as_it_is(printed: dict[str, Any]) -> None:
    assert printed["heavy"] == []
    assert printed["x64"] is False


def test_the_standard_level_is_right_about_the_water_dimer(water: InteractionEnergy) -> None:
    assert water.kcal_mol == pytest.approx(-4.92, abs=0.5)  # CCSD(T)/CBS, doi:10.1021/ct2002946
    assert water.charge_class == "neutral"
    assert 0 < water.error_estimate_kcal_mol < 0.5
    assert water.seed == 7


def test_the_headline_is_the_functional_and_holds_nothing_of_the_quantum_step(
    water: InteractionEnergy,
) -> None:
    components = water.components
    assert water.kcal_mol == components["half_counterpoise"]
    middle = (components["full_counterpoise"] + components["no_counterpoise"]) / 2
    assert components["half_counterpoise"] == pytest.approx(middle, abs=1e-12)
    assert components["dispersion"] < 0
    # Its rivals in the same basis: MP2 sees the correlation that Hartree-Fock lacks.
    assert components["mp2"] < components["hartree_fock"] < 0
    assert components["casci"] == water.quantum["interaction_kcal_mol"]["exact"]


def test_the_quantum_step_carries_its_error_and_its_controls(water: InteractionEnergy) -> None:
    quantum = water.quantum
    assert 0 <= quantum["error_mha"] < 1.0
    fragments = [quantum[name] for name in ("dimer", "monomer_a", "monomer_b")]
    assert quantum["error_mha"] == max(abs(fragment["error_mha"]) for fragment in fragments)
    energies = quantum["interaction_kcal_mol"]
    assert quantum["delta_kcal_mol"] == pytest.approx(energies["quantum"] - energies["ccsd"], abs=1e-12)
    assert quantum["delta_exact_kcal_mol"] == pytest.approx(0.0, abs=0.05)  # a closed-shell contact
    # Triples bring coupled cluster nearer to exact.
    assert abs(quantum["delta_triples_exact_kcal_mol"]) < abs(quantum["delta_exact_kcal_mol"])
    controls = quantum["controls"]
    assert controls["cap_share"] <= 0.1
    assert controls["capped_error_mha"] < controls["singles_doubles_error_mha"]
    assert controls["capped_error_mha"] < controls["random_bits_error_mha"]
    assert controls["fraction_in_sector"] == 1.0
    assert quantum["circuit"]["qubits"] == 16
    assert water.active_space["smallest_singular_value"] >= 0.9


def test_a_result_survives_json(water: InteractionEnergy) -> None:
    again = InteractionEnergy.from_dict(json.loads(json.dumps(water.as_dict())))
    assert again == water


def test_the_fast_level_takes_less_than_a_second_and_agrees_in_sign() -> None:
    results = [interaction_energy(WATER_DIMER, "fast") for _ in range(5)]
    assert min(result.seconds["total"] for result in results) < 1.0  # the best of five: machines are busy
    result = results[0]
    # 0.9 kcal/mol is GFN2-xTB's usual error.
    assert result.kcal_mol == pytest.approx(-4.92, abs=0.9)
    assert result.quantum == {}


def test_the_fast_level_knows_the_monomers_charges() -> None:
    dimer = read_dimer(data_path("dimers", "IHB100_12.003_100.xyz"))
    result = compute_interaction_energy(dimer, InteractionSettings(level="fast"))
    assert result.charge_class == "ionic"
    assert result.kcal_mol == pytest.approx(-11.258, abs=3.0)


def test_charges_that_don_t_converge_are_damped_more_and_that_is_told() -> None:
    result = interaction_energy(data_path("dimers", "IHB100_11.003_100.xyz"), "fast")
    assert "dimer: GFN2-xTB converged only with heavier damping" in result.notes
    assert result.kcal_mol == pytest.approx(-14.687, abs=3.0)


def test_reference_values_in_the_header_are_ignored(tmp_path: Path) -> None:
    changed = tmp_path / "changed.xyz"
    changed.write_text(WATER_DIMER.read_text().replace("benchmark_Eint=-4.92", "benchmark_Eint=99"))
    assert interaction_energy(changed, "fast").kcal_mol == interaction_energy(WATER_DIMER, "fast").kcal_mol


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("charge=0 charge_a=0 charge_b=0", "", "lacks charge, charge_a, charge_b"),
        ("charge=0 charge_a=0", "charge=1 charge_a=1", "9 electrons; a closed shell needs an even number"),
        ("selection_a=1-3", "selection_a=1-2", "atom 3 is in neither selection"),
        ("\nO ", "\nFe ", "'Fe', which is not supported"),
    ],
)
def test_a_bad_dimer_is_refused_before_anything_is_computed(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "bad.xyz"
    text = WATER_DIMER.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        interaction_energy(path)
    assert "\n" not in str(caught.value)


def test_overlapping_atoms_are_refused_with_their_distance(tmp_path: Path, water_dimer: Dimer) -> None:
    lines = dimer_to_xyz(water_dimer).splitlines()
    lines[5] = lines[2]
    path = tmp_path / "overlap.xyz"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"atoms 1 \(O\) and 4 \(O\) overlap: they are 0.00 Å apart"):
        interaction_energy(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": "exact"}, "'exact' doesn't exist; choose one of fast, standard, accurate"),
        (
            {"active_space": "casscf"},
            "active_space='casscf' doesn't exist; choose one of mp2, frontier, avas",
        ),
        ({"active_occupied": 0}, "active_occupied=0"),
        (
            {"active_occupied": 4, "active_virtual": 4},
            r"16 orbitals for the dimer \(1.3 GB for an exact state, 69 GB for the circuit's\); at most 12",
        ),
        ({"shots": 0}, "shots=0"),
        ({"cap": 0.5}, "cap=0.5"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        InteractionSettings(**settings)  # type: ignore[arg-type]


def test_a_dimer_too_large_for_the_level_is_refused_at_once() -> None:
    coordinates = np.column_stack([np.arange(32) * 2.0, np.zeros((32, 2))])
    large = Dimer(("C",) * 32, coordinates, 0, 0, 0, tuple(range(16)), tuple(range(16, 32)), name="chain")
    with pytest.raises(InputError, match=r"chain has 32 heavy atoms; .* at most 30 \(about 10 GB\)"):
        interaction_energy(large)
    with pytest.raises(
        InputError, match=r"level accurate would take about \d+ hours and \d+ GB, and at most 2"
    ):
        interaction_energy(large, "accurate")


def test_an_element_without_the_accurate_level_s_basis_is_refused() -> None:
    iodide = Dimer(("I", "O", "H", "H"), np.eye(4)[:, :3] * 3, -1, -1, 0, (0,), (1, 2, 3), name="iodide")
    with pytest.raises(InputError, match="iodide holds I; level accurate has no basis for it"):
        interaction_energy(iodide, "accurate")


def test_a_dimer_that_memory_can_t_hold_is_refused_with_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=0.5e9))
    with pytest.raises(
        TooLittleMemoryError, match=r"needs about 0\.7 GB at level standard, and 0\.5 GB are free"
    ):
        interaction_energy(WATER_DIMER)


def test_an_active_space_larger_than_a_monomer_is_refused() -> None:
    hydrogen = Dimer(("H",) * 4, np.diag([1.0, 2, 3, 4])[:, :3] * 2, 0, 0, 0, (0, 1), (2, 3))
    with pytest.raises(InputError, match="active_occupied=2, but monomer A fills only 1 valence orbital; at"):
        interaction_energy(hydrogen, settings=InteractionSettings(active_occupied=2))


def test_bad_levels_and_threads_are_named() -> None:
    with pytest.raises(InputError, match="choose one of fast, standard, accurate"):
        interaction_energy(WATER_DIMER, "exact")
    with pytest.raises(InputError, match="threads=0"):
        interaction_energy(WATER_DIMER, threads=0)


def test_a_worker_that_dies_is_an_error_and_no_energy(
    monkeypatch: pytest.MonkeyPatch, water_dimer: Dimer
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EvaluationError, match="the quantum worker died"):
        interaction_energy(replace(water_dimer, name="water"))


@pytest.mark.slow
def test_anions_are_right_because_of_diffuse_functions_and_all_of_the_counterpoise_correction() -> None:
    result = interaction_energy(data_path("dimers", "IHB100_12.003_100.xyz"))
    assert result.charge_class == "ionic"
    assert result.kcal_mol == result.components["full_counterpoise"]
    # CCSD(T)/CBS of the NCI Atlas; without diffuse functions and with half of the correction it is 1.5 off.
    assert result.kcal_mol == pytest.approx(-11.258, abs=0.5)
