"""An active space that is looked at from all sides holds what each side gives by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from pyscf import fci, gto, scf

from labkit.errors import InputError
from labkit.molecules import Dimer
from labkit.quantum import Noise, Sampling, Space, explore
from labkit.quantum._chromophore import read_chromophore
from labkit.quantum._explore import open_chromophore, open_dimer, solved, studies
from labkit.store import data_path

NOISE = Noise(1e-3, 1e-2, 0.01, 0.01)


@pytest.fixture(scope="module")
def water(water_dimer: Dimer) -> Space:
    return open_dimer(water_dimer, 6)


def test_one_determinant_of_a_dimer_s_space_is_hartree_fock(water: Space, water_mean_fields: Any) -> None:
    assert water.energies["rhf"] == pytest.approx(water_mean_fields.dimer.e_tot, abs=1e-8)
    h = water.hamiltonian
    assert (h.norb, h.nelec) == (6, (4, 4))  # two filled orbitals of each monomer
    full_ci, _ = fci.direct_spin1.kernel(h.h1e, h.eri, h.norb, h.nelec)
    assert water.energies["exact"] == pytest.approx(full_ci + h.core, abs=1e-8)


@pytest.mark.parametrize(("orbitals", "electrons"), [(4, 4), (2, 2)])
def test_one_determinant_of_a_pi_space_is_hartree_fock(orbitals: int, electrons: int) -> None:
    file = data_path("triplets", "butadiene.xyz")
    space = open_chromophore(read_chromophore(file), orbitals)
    mol = gto.M(atom=str(file), basis="def2-svp", verbose=0)
    expected = scf.RHF(mol).density_fit(auxbasis="def2-universal-jkfit").run(conv_tol=1e-11).e_tot
    assert space.energies["rhf"] == pytest.approx(expected, abs=1e-7)
    assert sum(space.hamiltonian.nelec) == electrons and space.hamiltonian.norb == orbitals


def test_gates_of_a_column_leave_each_other_s_wires_alone(water: Space) -> None:
    gates = sorted(water.gates, key=lambda gate: gate[0])
    assert sum(len(qubits) == 2 for _, _, qubits in gates) == water.circuit["two_qubit_gates"]
    for _, column in groupby(gates, key=lambda gate: gate[0]):
        spans = [range(min(qubits), max(qubits) + 1) for _, _, qubits in column]
        wires = [wire for span in spans for wire in span]
        assert len(wires) == len(set(wires))


def test_machines_that_are_too_small_say_so(water: Space) -> None:
    machines = {machine.qpu: machine for machine in water.machines}
    assert machines["Euro-Q-Exa"].runs and machines["Euro-Q-Exa"].qubits == 12
    assert "not gate-model" in machines["Jade"].why_not


def test_a_solver_stays_above_exact(water: Space) -> None:
    found = solved(water, "uccsd")
    assert 0 <= found["energy"] - water.energies["exact"] < 1e-4


def test_measurements_scatter_and_noise_leaks_electrons(water: Space) -> None:
    one, two = studies(water, Sampling(NOISE, shots=2_000, cap=0.1, repeats=2))
    clean, noisy, selected = (one.samples[name] for name in ("noiseless", "noisy", "post_selected"))
    assert one.samples["noisy"].shares != two.samples["noisy"].shares
    assert one.ideal == two.ideal and len(one.ideal) == 12
    ideal = np.array(list(one.ideal.values()))
    assert clean.shares == pytest.approx(ideal, abs=5 * np.sqrt(ideal.max() / 2_000))
    assert clean.fraction_in_sector == selected.fraction_in_sector == 1 > noisy.fraction_in_sector > 0.1
    assert all(sample.strings <= one.cap_strings == 4 for sample in one.samples.values())


def test_without_a_cap_random_bits_are_exact(water: Space) -> None:
    (study,) = studies(water, Sampling(Noise(), shots=2_000, cap=1.0, repeats=1))
    assert study.random_bits_error_mha == pytest.approx(0, abs=1e-4)
    assert study.cap_strings == 15


def test_a_space_is_read_back_as_it_was_written(water: Space) -> None:
    again = Space.from_dict(json.loads(json.dumps(water.as_dict())))
    assert np.array_equal(again.hamiltonian.eri, water.hamiltonian.eri)
    assert replace(again, hamiltonian=water.hamiltonian) == water


def test_bad_wishes_are_refused(water_dimer: Dimer) -> None:
    with pytest.raises(InputError, match=r"orbitals=12: a circuit of 24 qubits takes 0\.27 GB"):
        explore(water_dimer, orbitals=12)
    with pytest.raises(InputError, match="orbitals=5; an even number"):
        open_dimer(water_dimer, 5)
    for settings, told in (({"shots": 0}, "shots=0"), ({"shots": 1, "cap": 0.0}, r"cap=0\.0")):
        with pytest.raises(InputError, match=told):
            Sampling(NOISE, **settings)
