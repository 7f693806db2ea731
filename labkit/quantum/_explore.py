"""What `explore` computes, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pyscf import scf
from qiskit import QuantumCircuit

from labkit.errors import InputError
from labkit.molecules import Dimer
from labkit.quantum._active_space import hamiltonian_of, matched_spaces
from labkit.quantum._casscf import atomic_orbitals, starting_orbitals
from labkit.quantum._chromophore import Chromophore
from labkit.quantum._cost import check_cost
from labkit.quantum._exploration import Sampling, Space
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._lucj_circuit import lucj_circuit
from labkit.quantum._meanfield import System, density_fitting, hartree_fock, system
from labkit.quantum._mp2 import mp2
from labkit.quantum._noise import NoiseStudy
from labkit.quantum._noise_study import study_noise
from labkit.quantum._process import progress
from labkit.quantum._qpu import read_qpus
from labkit.quantum._reference import coupled_cluster, exact_energy
from labkit.quantum._resources import resources
from labkit.quantum._result import InteractionSettings
from labkit.quantum._sector import action, reference_state
from labkit.quantum._solvers import SolverSettings, solve
from labkit.quantum._triplet import check_chromophore
from labkit.quantum._triplet_compute import molecule_of, most_correlated
from labkit.quantum._triplet_result import TripletSettings

# Repetitions within the circuit, as `noise_study` takes them.
_LAYERS = 2

# Noisy circuits that are simulated for each measurement: on one core 1 s at 12 qubits, 5 s at 16, 84 s at 20.
_TRAJECTORIES = 64


def open_dimer(dimer: Dimer, orbitals: int) -> Space:
    """Return a dimer's matched space, half of its orbitals from each monomer.

    Raises:
        InputError: if the dimer is too large, or the number of orbitals is odd or too small.
        EvaluationError: if a mean field or CCSD doesn't converge, or no matched space exists.
    """
    each, odd = divmod(orbitals, 2)
    if odd or each < 2:
        raise InputError(f"orbitals={orbitals}; an even number from 4 on is wanted, half for each monomer")
    settings = InteractionSettings(active_occupied=each - each // 2, active_virtual=each // 2)
    check_cost(dimer, settings)
    progress(0.1, "Hartree-Fock of dimer and monomers")
    diffuse, everything = min(dimer.charge_a, dimer.charge_b) < 0, range(len(dimer.symbols))
    members = (
        ("the dimer", dimer.charge, ()),
        ("monomer A", dimer.charge_a, dimer.selection_b),
        ("monomer B", dimer.charge_b, dimer.selection_a),
    )
    molecules = [
        system(dimer, everything, charge, ghosts=ghosts, diffuse=diffuse) for _, charge, ghosts in members
    ]
    fitting = density_fitting(molecules[0].mol)
    converged = [
        hartree_fock(molecular, fitting, None, f"Hartree-Fock of {label}")
        for molecular, (label, _, _) in zip(molecules, members, strict=True)
    ]
    together, a, b = (one.mean_field for one in converged)
    occupied, virtual = settings.orbitals_each
    spaces = matched_spaces(together, a, b, correlation=(mp2(a), mp2(b)), occupied=occupied, virtual=virtual)
    chosen_by = f"{occupied} occupied and {virtual} virtual MP2 natural orbitals of each monomer, at most"
    return _opened(spaces.dimer, chosen_by, tuple(one.note for one in converged if one.note))


def open_chromophore(chromophore: Chromophore, orbitals: int) -> Space:
    """Return the π space of a molecule's ground state: Hartree-Fock's orbitals, the most correlated ones.

    Raises:
        InputError: if the molecule is too large, or the number of orbitals too small.
        EvaluationError: if Hartree-Fock or CCSD doesn't converge.
    """
    check_chromophore(chromophore, TripletSettings(solver="exact", max_orbitals=orbitals))
    progress(0.1, "Hartree-Fock")
    chosen = chromophore.system.orbitals
    electrons, norb = sum(orbital.electrons for orbital in chosen), len(chosen)
    mol = molecule_of(chromophore)
    field = hartree_fock(System(mol, scf.hf.get_hcore(mol)), density_fitting(mol), None, "Hartree-Fock")
    found, _ = starting_orbitals(field.mean_field, atomic_orbitals(mol, chosen), electrons)
    chosen_by = f"all {norb} π orbitals"
    if norb > orbitals:
        chosen_by = f"the {orbitals} most correlated of {norb} π orbitals, by MP2"
        found, electrons = most_correlated(field.mean_field, found, norb, electrons, orbitals)
        norb = orbitals
    filled, pairs = mol.nelectron // 2, electrons // 2
    core, occupied, virtual, _ = np.split(found, [filled - pairs, filled, filled - pairs + norb], axis=1)
    hamiltonian = hamiltonian_of(field.mean_field, core, occupied, virtual)
    return _opened(hamiltonian, chosen_by, (field.note,) if field.note else ())


def _opened(hamiltonian: ActiveHamiltonian, chosen_by: str, notes: tuple[str, ...]) -> Space:
    progress(0.2, "exact, CCSD and the circuit on each machine")
    reference = reference_state(hamiltonian)
    determinant = float(np.vdot(reference, action(hamiltonian)(reference)))
    amplitudes = coupled_cluster(hamiltonian)
    circuit = lucj_circuit(amplitudes, repetitions=_LAYERS)
    return Space(
        hamiltonian=hamiltonian,
        chosen_by=chosen_by,
        energies={
            "rhf": determinant + hamiltonian.core,
            "ccsd": amplitudes.energy,
            "exact": exact_energy(hamiltonian),
        },
        circuit=circuit.describe(),
        gates=tuple(_columns(circuit.circuit)),
        machines=tuple(resources(circuit.circuit, qpu) for qpu in read_qpus().values()),
        notes=notes,
    )


def _columns(circuit: QuantumCircuit) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Yield the gates, each with the first column in which it crosses no other one."""
    free = np.zeros(circuit.num_qubits, dtype=int)
    for item in circuit.data:
        qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        wires = slice(min(qubits), max(qubits) + 1)
        column = int(free[wires].max())
        free[wires] = column + 1
        yield column, item.operation.name, qubits


def solved(space: Space, solver: str) -> dict[str, Any]:
    """Return a solver's energy in the space, as `Exploration.solved`.

    Raises:
        InputError: if the solver doesn't exist, or the space is too large for it.
    """
    progress(0.3, f"solver {solver}")
    solution = solve(space.hamiltonian, solver, SolverSettings())
    return {"energy": solution.energy, "converged": solution.converged, "cost": dict(solution.cost)}


def studies(space: Space, sampling: Sampling) -> Iterator[NoiseStudy]:
    """Yield what each of the repeated measurements of the space's circuit gives.

    Raises:
        EvaluationError: if a measurement has no shot with the right electrons.
    """
    for repeat in range(sampling.repeats):
        done = 0.4 + 0.6 * repeat / sampling.repeats
        progress(done, f"measurement {repeat + 1} of {sampling.repeats}: {sampling.shots:,} shots, then SQD")
        yield study_noise(
            space.hamiltonian,
            sampling.noise,
            shots=sampling.shots,
            repetitions=_LAYERS,
            cap=sampling.cap,
            trajectories=_TRAJECTORIES,
            seed=sampling.seed + repeat,
        )
