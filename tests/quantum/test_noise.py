"""Noisy shots follow the channels they stand for: by closed forms, and by Aer's own noise model."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from pyscf import ao2mo, gto, mcscf, scf
from qiskit import QuantumCircuit
from qiskit.circuit.library import XXPlusYYGate
from qiskit.quantum_info import average_gate_fidelity
from qiskit_aer import AerSimulator
from qiskit_aer.noise import depolarizing_error

from labkit.errors import InputError
from labkit.quantum import Noise, NoiseStudy, noise_study
from labkit.quantum._circuit import fraction_in_sector
from labkit.quantum._distributions import total_variation
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj_circuit import lucj_circuit, random_amplitudes
from labkit.quantum._noise_study import same_distribution
from labkit.quantum._trajectories import aer_noise_model, noisy_sample

NOISE = Noise(5e-4, 5e-3, 0.01, 0.03)
SHOTS = 6_000


@pytest.fixture(scope="module")
def circuit() -> QuantumCircuit:
    return lucj_circuit(random_amplitudes(4, 2), repetitions=1).circuit


@pytest.fixture(scope="module")
def by_aer(circuit: QuantumCircuit) -> dict[str, int]:
    measured = circuit.copy()
    measured.measure_all()
    simulator = AerSimulator(method="statevector", noise_model=aer_noise_model(circuit, NOISE))
    return dict(simulator.run(measured, shots=SHOTS, seed_simulator=7).result().get_counts())


def test_at_eight_qubits_samples_are_those_of_aer_s_noise_model(
    circuit: QuantumCircuit, by_aer: dict[str, int]
) -> None:
    assert circuit.num_qubits == 8
    ours = noisy_sample(circuit, NOISE, SHOTS, seed=1)
    assert sum(ours.values()) == SHOTS
    assert same_distribution(ours, by_aer) > 0.01
    # The test would notice noise that is twice as strong.
    stronger = replace(NOISE, one_qubit=2 * NOISE.one_qubit, two_qubit=2 * NOISE.two_qubit)
    assert same_distribution(noisy_sample(circuit, stronger, SHOTS, seed=1), by_aer) < 1e-4


def test_depolarising_gates_shrink_the_bloch_vector() -> None:
    flips = QuantumCircuit(1)
    for _ in range(3):
        flips.x(0)
    shots, rate = 20_000, 0.2
    counts = noisy_sample(flips, Noise(one_qubit=rate), shots, seed=0)
    wanted = (1 + (1 - rate) ** 3) / 2
    assert counts["1"] / shots == pytest.approx(wanted, abs=5 * (wanted * (1 - wanted) / shots) ** 0.5)


def test_a_gate_of_pure_noise_leaves_nothing_but_chance() -> None:
    flip = QuantumCircuit(2)
    flip.cx(0, 1)
    shots = 8_000
    counts = noisy_sample(flip, Noise(two_qubit=1.0), shots, seed=0)
    assert len(counts) == 4
    assert all(abs(count - shots / 4) < 5 * (shots * 3 / 16) ** 0.5 for count in counts.values())


def test_bits_are_misread_by_their_own_rates() -> None:
    one = QuantumCircuit(2)
    one.x(0)
    shots = 20_000
    counts = noisy_sample(one, Noise(read_1_for_0=0.1, read_0_for_1=0.3), shots, seed=0)
    for bits, wanted in {"01": 0.63, "00": 0.27, "11": 0.07, "10": 0.03}.items():
        assert counts[bits] / shots == pytest.approx(wanted, abs=5 * (wanted * (1 - wanted) / shots) ** 0.5)


def test_rotations_about_z_are_free_and_rare_errors_are_drawn_too() -> None:
    phases = QuantumCircuit(1)
    phases.p(0.3, 0)
    phases.rz(0.2, 0)
    assert noisy_sample(phases, Noise(one_qubit=1.0), 100, seed=0) == {"0": 100}
    rare = QuantumCircuit(1)
    rare.x(0)
    assert noisy_sample(rare, Noise(one_qubit=1e-300), 100, seed=0) == {"1": 100}


def test_noise_leaks_electrons_and_samples_repeat_with_the_seed(circuit: QuantumCircuit) -> None:
    assert fraction_in_sector(noisy_sample(circuit, Noise(), 1_000, seed=0), 4, (2, 2)) == 1.0
    noisy = noisy_sample(circuit, NOISE, 1_000, seed=0, trajectories=20)
    assert noisy == noisy_sample(circuit, NOISE, 1_000, seed=0, trajectories=20)
    assert noisy != noisy_sample(circuit, NOISE, 1_000, seed=1, trajectories=20)
    assert 0.5 < fraction_in_sector(noisy, 4, (2, 2)) < 0.95


@pytest.mark.parametrize(("one_qubit", "two_qubit"), [(0.9995, 0.987), (1.0, 0.9)])
def test_noise_from_fidelities_has_these_fidelities(one_qubit: float, two_qubit: float) -> None:
    noise = Noise.from_fidelities(one_qubit, two_qubit, 0.98)
    # Qiskit's own average over all input states.
    for rate, qubits, wanted in ((noise.one_qubit, 1, one_qubit), (noise.two_qubit, 2, two_qubit)):
        channel = depolarizing_error(rate, qubits)
        assert average_gate_fidelity(channel.to_quantumchannel()) == pytest.approx(wanted, abs=1e-12)
    np.testing.assert_allclose(noise.readout, [[0.98, 0.02], [0.02, 0.98]])


def test_impossible_noise_is_named() -> None:
    with pytest.raises(InputError, match=r"two_qubit=1.5; a probability from 0 to 1 is wanted"):
        Noise(two_qubit=1.5)
    with pytest.raises(InputError, match=r"read_0_for_1=-0.1"):
        Noise(read_0_for_1=-0.1)
    with pytest.raises(InputError, match=r"one_qubit=nan"):
        Noise(one_qubit=float("nan"))
    with pytest.raises(InputError, match=r"two_qubit=0.1; a fidelity from 0.25 to 1"):
        Noise.from_fidelities(0.99, 0.1)


def test_circuits_that_can_t_be_run_are_refused(circuit: QuantumCircuit) -> None:
    with pytest.raises(InputError, match="shots=0"):
        noisy_sample(circuit, NOISE, 0, seed=0)
    with pytest.raises(InputError, match="trajectories=0"):
        noisy_sample(circuit, NOISE, 10, seed=0, trajectories=0)
    measured = QuantumCircuit(1)
    measured.measure_all()
    with pytest.raises(InputError, match="'measure'; one without measurement"):
        noisy_sample(measured, NOISE, 10, seed=0)
    three = QuantumCircuit(3)
    three.ccx(0, 1, 2)
    with pytest.raises(InputError, match="'ccx' acts on 3 qubits"):
        noisy_sample(three, NOISE, 10, seed=0)
    foreign = QuantumCircuit(2)
    foreign.append(XXPlusYYGate(0.1), [0, 1])
    with pytest.raises(InputError, match="'xx_plus_yy' isn't one that Aer runs"):
        noisy_sample(foreign, NOISE, 10, seed=0)
    with pytest.raises(InputError, match=r"48 qubits take 6,291,456\.0 GiB .* at most .. qubits fit"):
        noisy_sample(QuantumCircuit(48), NOISE, 10, seed=0)


def test_a_distance_is_rounded_once_so_that_the_order_of_strings_which_changes_doesnt_count() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(256), size=2)
    one, other = ({format(i, "08b"): float(w) for i, w in enumerate(row)} for row in weights)
    sums = sum(one.values()), sum(other.values())
    exact = sum(abs(Fraction(one[bits] / sums[0] - other[bits] / sums[1])) for bits in one)
    assert total_variation(one, other) == float(exact) / 2


def test_a_sample_is_compared_with_another() -> None:
    assert total_variation({"0": 1, "1": 1}, {"0": 30, "1": 10}) == pytest.approx(0.25)
    assert total_variation({"0": 1}, {"1": 5}) == 1.0
    random = np.random.default_rng(0)
    p_values = [
        same_distribution(*(dict(enumerate(random.multinomial(500, [0.5, 0.3, 0.2]))) for _ in range(2)))
        for _ in range(200)
    ]
    assert 0.4 < np.mean(p_values) < 0.6  # uniform where the hypothesis is true


@pytest.fixture(scope="module")
def hydrogens() -> ActiveHamiltonian:
    mol = gto.M(atom="; ".join(f"H 0 0 {i}" for i in range(4)), basis="sto-6g", verbose=0)
    space = mcscf.CASCI(scf.RHF(mol).run(), 4, 4)
    h1e, core = space.get_h1eff()
    return ActiveHamiltonian(h1e, ao2mo.restore(1, space.get_h2eff(), 4), float(core), (2, 2))


def test_a_study_shows_what_mitigation_does_beside_its_controls(hydrogens: ActiveHamiltonian) -> None:
    study = noise_study(hydrogens, NOISE, shots=2_000, trajectories=40, seed=1)
    assert study.exact_ha == pytest.approx(full_ci(hydrogens), abs=1e-8)
    noisy, selected = study.samples["noisy"], study.samples["post_selected"]
    assert study.samples["noiseless"].distance < selected.distance < noisy.distance
    assert selected.occupation_error < noisy.occupation_error
    assert study.samples["readout_inverted"].distance < noisy.distance
    errors = [judged.sqd_error_mha for judged in study.samples.values()]
    assert min(*errors, study.random_bits_error_mha, study.singles_doubles_error_mha) > -1e-6  # variational
    assert study.cap_strings**2 <= 0.1 * 36
    assert NoiseStudy.from_dict(study.as_dict()) == study


def full_ci(hamiltonian: ActiveHamiltonian) -> float:
    """Return PySCF's full-CI energy."""
    from pyscf import fci

    energy, _ = fci.direct_spin1.kernel(hamiltonian.h1e, hamiltonian.eri, hamiltonian.norb, hamiltonian.nelec)
    return float(energy) + hamiltonian.core


def test_bad_studies_are_refused_before_they_start(
    hydrogens: ActiveHamiltonian, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(InputError, match=r"nelec=\(3, 1\)"):
        noise_study(replace(hydrogens, nelec=(3, 1)), NOISE)
    with pytest.raises(InputError, match=r"cap=0\.5"):
        noise_study(hydrogens, NOISE, cap=0.5)
    with pytest.raises(InputError, match="13 orbitals; at most 12"):
        noise_study(replace(hydrogens, h1e=np.eye(13)), NOISE)


def test_noise_and_machines_are_described_without_heavy_imports() -> None:
    code = (
        "import sys; from labkit.quantum import Noise, resources, read_qpus; read_qpus(); "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"qiskit", "qiskit_aer", "ffsim", "pyscf"} & set(done.stdout.split())
