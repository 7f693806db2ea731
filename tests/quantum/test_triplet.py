"""Triplet energies against best estimates and an independent route, and what is refused."""

from __future__ import annotations

import csv
from collections import namedtuple
from pathlib import Path
from statistics import fmean

import numpy as np
import psutil
import pytest
from pyscf import gto, mcpdft, scf

import labkit
from labkit.errors import InputError, TooLittleMemoryError
from labkit.quantum import TripletEnergy, TripletSettings, _triplet_compute, triplet_energy
from labkit.quantum._chromophore import read_chromophore
from labkit.quantum._triplet import answer
from labkit.quantum._triplet_compute import BASIS, compute_triplet
from labkit.quantum._triplet_validation import error_estimate
from labkit.quantum._units import HARTREE_IN_EV
from labkit.store import data_path

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "triplet.csv"


def computed(source: str | Path, **settings: object) -> TripletEnergy:
    """Return the triplet energy, computed in this process."""
    return compute_triplet(read_chromophore(source), TripletSettings(**settings))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ethylene() -> TripletEnergy:
    return computed(data_path("triplets", "ethylene.xyz"))


def test_ethylene_is_near_the_best_estimate(ethylene: TripletEnergy) -> None:
    assert ethylene.ev == pytest.approx(4.545, abs=0.15)  # QUEST, doi:10.1002/wcms.1517
    assert ethylene.state == "ππ*"
    assert (ethylene.active_space["electrons"], ethylene.active_space["orbitals"]) == (2, 2)


def test_a_triplet_below_the_singlet_is_told(
    ethylene: TripletEnergy, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("below S0" in note for note in ethylene.notes)
    below = {label: -1.0 for label in ethylene.components}
    monkeypatch.setattr(_triplet_compute, "_components", lambda *_: below)
    found = computed(data_path("triplets", "ethylene.xyz"), solver="exact")
    assert found.ev == -1.0 and any("T1 lies below S0" in note for note in found.notes)


def test_both_states_are_pure_and_the_quantum_solver_is_exact_for_two_electrons(
    ethylene: TripletEnergy,
) -> None:
    quantum = ethylene.quantum
    assert quantum["error_mha"] < 1e-3
    assert quantum["S0"]["spin_square"] == pytest.approx(0, abs=1e-6)
    assert quantum["T1"]["spin_square"] == pytest.approx(2, abs=1e-6)
    assert quantum["T1"]["natural_occupations"] == pytest.approx([1, 1])
    # The singlet of two electrons in two orbitals: what is missing in one fills the other.
    assert sum(quantum["S0"]["natural_occupations"]) == pytest.approx(2)
    assert quantum["controls"]["determinant_error_mha"]["S0"] > 10


def test_the_functional_s_energies_are_those_of_exact_integrals(ethylene: TripletEnergy) -> None:
    lines = data_path("triplets", "ethylene.xyz").read_text(encoding="utf-8").splitlines()
    mol = gto.M(atom="\n".join(lines[2:]), basis=BASIS, verbose=0)
    field = scf.RHF(mol).run()
    energies = []
    for nelec in ((1, 1), (2, 0)):
        functional = mcpdft.CASSCF(field, "tPBE0", 2, nelec, grids_level=4)
        functional.kernel()
        energies.append(functional.e_tot)
    assert ethylene.components["exact"] == pytest.approx(
        (energies[1] - energies[0]) * HARTREE_IN_EV, abs=3e-3
    )


def test_an_antiaromatic_ground_state_wants_the_functional() -> None:
    result = computed(data_path("triplets", "cyclobutadiene.xyz"))
    assert result.ev == pytest.approx(1.433, abs=0.15)
    assert result.components["casscf"] > 1.433 + 0.2
    assert result.quantum["error_mha"] < 1


def test_lone_pairs_make_formaldehyde_s_lowest_triplet() -> None:
    # 3A2 (n→π*) 3.58 eV, 3A1 (ππ*) 6.06 eV: Loos et al. 2018, doi:10.1021/acs.jctc.8b00406.
    without = computed("C=O", solver="exact")
    assert without.state == "ππ*"
    assert any("O2" in note and "n→π*" in note for note in without.notes)
    result = computed("C=O", solver="exact", lone_pairs=True)
    assert result.state == "n→π*"
    assert result.ev == pytest.approx(3.58, abs=0.35)
    assert without.ev == pytest.approx(6.06, abs=0.5)


@pytest.mark.slow
def test_a_larger_space_is_cut_to_its_most_correlated_orbitals() -> None:
    result = computed(data_path("triplets", "butadiene.xyz"), solver="exact", max_orbitals=2)
    assert (result.active_space["electrons"], result.active_space["orbitals"]) == (2, 2)
    assert any("2 of 4 orbitals" in note for note in result.notes)
    assert result.ev == pytest.approx(3.362, abs=0.4)


def test_the_worker_gives_the_same_as_this_process_and_no_label_is_read(
    tmp_path: Path, ethylene: TripletEnergy
) -> None:
    lines = data_path("triplets", "ethylene.xyz").read_text(encoding="utf-8").splitlines()
    copy = tmp_path / "unknown.xyz"
    copy.write_text("\n".join([lines[0], "charge=0", *lines[2:]]), encoding="utf-8")
    result = labkit.triplet_energy(copy)
    # The worker has one thread, this process has as many as there are: sums differ in their last bits, and
    # orbitals are converged to 1e-7 Ha.
    assert result.ev == pytest.approx(ethylene.ev, abs=1e-4)
    assert result.seconds["total"] >= result.seconds["functional"]
    assert TripletEnergy.from_dict(result.as_dict()) == result


def test_what_does_not_fit_into_memory_is_refused_with_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", ["available"])
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(1e8))
    chromophore = read_chromophore(data_path("triplets", "naphthalene.xyz"))
    request = {"chromophore": chromophore.as_dict(), "settings": {"solver": "exact"}}
    with pytest.raises(TooLittleMemoryError, match=r"0\.1 GB are free"):
        answer(request)


@pytest.mark.parametrize(
    "settings", [{"solver": "ucj"}, {"layers": 0}, {"max_orbitals": 13}, {"max_orbitals": 1}]
)
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match=str(next(iter(settings.values())))):
        TripletSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("molecule", ["CCO", "C=[CH]", "c1ccccc", "nowhere.xyz"])
def test_bad_molecules_are_refused_before_a_worker_starts(
    molecule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.quantum._triplet.in_own_process", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(InputError) as caught:
        triplet_energy(molecule)
    assert "\n" not in str(caught.value)


def test_threads_are_checked() -> None:
    with pytest.raises(InputError, match="threads=0"):
        triplet_energy("C=C", threads=0)


def rows() -> list[dict[str, str]]:
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if int(row["orbitals"]) <= 10]


def test_the_error_estimate_is_the_benchmark_s() -> None:
    estimate, source = error_estimate()
    errors = [abs(float(row["ev"]) - float(row["reference"])) for row in rows()]
    assert estimate == pytest.approx(fmean(errors), abs=0.005)
    assert f"over {len(errors)} molecules" in source


def test_the_method_meets_its_goal() -> None:
    assert np.mean([abs(float(row["error"])) for row in rows()]) <= 0.20
    assert all(float(row[key]) < 1.0 for row in rows() for key in ("error_mha_s0", "error_mha_t1"))
