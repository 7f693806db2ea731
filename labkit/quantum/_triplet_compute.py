"""A triplet energy, composed: two sectors' ground states, their orbitals, their on-top pair densities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from pyscf import gto, mcpdft, scf
from pyscf.fci import direct_spin1

from labkit.quantum._casscf import Matrix, OptimizedState, atomic_orbitals, optimize_state, starting_orbitals
from labkit.quantum._chromophore import Chromophore
from labkit.quantum._meanfield import System, density_fitting, hartree_fock
from labkit.quantum._mp2 import mp2
from labkit.quantum._pi_space import PiOrbital
from labkit.quantum._sector import reference_state
from labkit.quantum._solvers import Solution, SolverSettings, solve
from labkit.quantum._timing import timed
from labkit.quantum._triplet_result import TripletEnergy, TripletSettings
from labkit.quantum._triplet_validation import error_estimate
from labkit.quantum._units import HARTREE_IN_EV

BASIS = "def2-svp"

# The functional, and the share of the wave function's own energy in it: tPBE0 (Pandharkar, Hermes, Truhlar,
# Gagliardi 2020, doi:10.1021/acs.jpclett.0c02956).
_FUNCTIONAL = "tPBE"
_SHARE = 0.25
_GRID_LEVEL = 2

# A triplet with several unpaired pairs (diacetylene, benzene) is no single determinant with corrections: one
# layer of the ansatz misses it by 10 mHa, three come within 1 mHa.
_GOOD_ENOUGH_MHA = 1.0
_MAX_LAYERS = 4

# With one layer the angles stand where perturbation theory put them, near enough; further layers start on a
# plateau that the solver's own threshold (1e-4 Ha) takes for the bottom.
_GRADIENT_NORM = 1e-5

# Below this share of itself in the atomic orbitals that it was made of, an active orbital has gone elsewhere.
_LEAST_KEPT = 0.5

_PACKAGES = ("pyscf", "rdkit", "numpy")


@dataclass(frozen=True)
class _Solved:
    """One state, solved exactly and by the solver asked for."""

    optimized: OptimizedState
    exact: Solution
    solution: Solution


def compute_triplet(chromophore: Chromophore, settings: TripletSettings) -> TripletEnergy:
    """Return the vertical triplet energy by hybrid pair-density functional theory (tPBE0).

    S0 and T1 are each the ground state of their own sector, (n, n) and (n + 1, n - 1), in one full-π space
    whose orbitals are optimised for each. The active space holds the strong correlation; what all other
    electrons add comes from the on-top functional of the state's density and pair density, which replaces
    the wave function's exchange and correlation: nothing is counted twice (Li Manni et al. 2014,
    doi:10.1021/ct500483t; for excitations King et al. 2022, doi:10.1021/acs.jctc.2c00630).

    Raises:
        EvaluationError: if SCF or orbitals don't converge.
    """
    seconds: dict[str, float] = {}
    system = chromophore.system
    chosen = system.orbitals + (system.lone_pairs if settings.lone_pairs else ())
    electrons = sum(orbital.electrons for orbital in chosen)
    with timed(seconds, "mean_field"):
        mol = molecule_of(chromophore)
        field = hartree_fock(System(mol, scf.hf.get_hcore(mol)), density_fitting(mol), None, "Hartree-Fock")
    with timed(seconds, "active_space"):
        overlaps = atomic_orbitals(mol, chosen)
        orbitals, smallest = starting_orbitals(field.mean_field, overlaps, electrons)
        norb, notes = len(chosen), [field.note]
        if norb > settings.max_orbitals:
            notes.append(f"{settings.max_orbitals} of {norb} orbitals selected by MP2 natural occupations")
            orbitals, electrons = most_correlated(
                field.mean_field, orbitals, norb, electrons, settings.max_orbitals
            )
            norb = settings.max_orbitals
    pairs = electrons // 2
    states: dict[str, _Solved] = {}
    starts = [orbitals]
    for name, nelec in (("S0", (pairs, pairs)), ("T1", (pairs + 1, pairs - 1))):
        with timed(seconds, f"orbitals_{name}"):
            optimized = _lowest(
                [optimize_state(field.mean_field, start, norb, nelec, overlaps, name) for start in starts]
            )
        # Triplets of several kinds lie close together (nitrobenzene's are of its ring and of its nitro group)
        # and the start decides in which one the optimisation ends: T1 is the lower of two.
        starts.append(optimized.orbitals)
        states[name] = _solve(optimized, settings, seconds)
        notes.append(optimized.note)
        if optimized.kept < _LEAST_KEPT:
            notes.append(f"{name}: an active orbital has only {optimized.kept:.2f} of itself in the π system")
    with timed(seconds, "functional"):
        components = _components(field.mean_field, states)
    if components["solver"] < 0:
        notes.append("T1 lies below S0: here the ground state is a triplet, and the energy no excitation")
    weight = _lone_pair_weight(mol, chosen, states["T1"])
    if system.lone_pairs and not settings.lone_pairs:
        atoms = ", ".join(f"{chromophore.symbols[o.atom]}{o.atom + 1}" for o in system.lone_pairs)
        notes.append(f"lone pairs in the plane ({atoms}) are outside the space: n→π* may lie lower")
    if system.left_out:
        notes.append(
            f"smaller π systems apart ({', '.join(map(str, system.left_out))} orbitals) are outside the space"
        )
    error, source = error_estimate()
    return TripletEnergy(
        ev=components["solver"],
        state="n→π*" if weight > 0.5 else "ππ*",
        method=f"tPBE0 on CASSCF({electrons},{norb})/{BASIS}, active space solved by {settings.solver}",
        components=components,
        error_estimate_ev=error,
        error_estimate_source=source,
        active_space={
            "electrons": electrons,
            "orbitals": norb,
            "chosen_by": "atomic p orbitals along the normals of the local planes, projected onto occupied "
            "and virtual orbitals" + ("; most correlated of them" if norb < len(chosen) else ""),
            "atoms": [orbital.atom + 1 for orbital in chosen],
            "lone_pairs": settings.lone_pairs and bool(system.lone_pairs),
            "smallest_singular_value": smallest,
            "kept": {name: solved.optimized.kept for name, solved in states.items()},
            "lone_pair_weight": weight,
        },
        quantum=_quantum(states, components, settings),
        geometry=chromophore.geometry,
        notes=tuple(note for note in notes if note),
        seconds=seconds,
        versions={package: version(package) for package in _PACKAGES},
    )


def molecule_of(chromophore: Chromophore) -> gto.Mole:
    atoms = list(zip(chromophore.symbols, chromophore.coordinates.tolist(), strict=True))
    # Of the supported elements only iodine has a core potential in this basis.
    core_potentials = {"I": BASIS} if "I" in chromophore.symbols else {}
    return gto.M(atom=atoms, basis=BASIS, ecp=core_potentials, charge=chromophore.charge, verbose=0)


def most_correlated(
    mean_field: Any, orbitals: Matrix, norb: int, electrons: int, wanted: int
) -> tuple[Matrix, int]:
    """Return orbitals and electrons of the most correlated part of a space, by MP2 natural occupations."""
    correlated = mp2(mean_field)
    overlap = mean_field.get_ovlp()
    filled = mean_field.mo_occ > 0
    pairs = electrons // 2
    ncore = int(np.count_nonzero(filled)) - pairs
    blocks = (
        (correlated.occupied, mean_field.mo_coeff[:, filled], orbitals[:, ncore : ncore + pairs]),
        (correlated.virtual, mean_field.mo_coeff[:, ~filled], orbitals[:, ncore + pairs : ncore + norb]),
    )
    natural, openness = [], []
    for density, space, active in blocks:
        inside = space.T @ overlap @ active
        occupations, vectors = np.linalg.eigh(inside.T @ density @ inside)
        natural.append(active @ vectors)
        openness.append(np.minimum(occupations, 2 - occupations))
    # The last of the occupied and the first of the virtual ones always stay: a triplet needs both.
    ranked = np.concatenate(openness)
    ranked[[int(openness[0].argmax()), pairs + int(openness[1].argmax())]] = np.inf
    stays = np.zeros(norb, dtype=bool)
    stays[np.argsort(-ranked)[:wanted]] = True
    occupied, virtual = stays[:pairs], stays[pairs:]
    together = np.hstack(
        [
            orbitals[:, :ncore],
            natural[0][:, ~occupied],
            natural[0][:, occupied],
            natural[1][:, virtual],
            natural[1][:, ~virtual],
            orbitals[:, ncore + norb :],
        ]
    )
    return together, 2 * int(occupied.sum())


def _lowest(found: list[OptimizedState]) -> OptimizedState:
    return min(found, key=lambda state: state.energy)


def _solve(optimized: OptimizedState, settings: TripletSettings, seconds: dict[str, float]) -> _Solved:
    hamiltonian = optimized.hamiltonian
    with timed(seconds, "exact"):
        exact = solve(hamiltonian)
    if settings.solver == "exact":
        return _Solved(optimized, exact, exact)
    with timed(seconds, settings.solver):
        solution, layers = exact, 0
        for layers in [settings.layers] if settings.layers else range(1, _MAX_LAYERS + 1):
            how = SolverSettings(layers=layers)
            how = replace(how, gradient_norm=_GRADIENT_NORM) if layers > 1 else how
            solution = solve(hamiltonian, settings.solver, how)
            if _error_mha(solution, exact) <= _GOOD_ENOUGH_MHA:
                break
    return _Solved(optimized, exact, replace(solution, cost={**solution.cost, "layers": layers}))


def _components(mean_field: Any, states: dict[str, _Solved]) -> dict[str, float]:
    """Return T1 - S0 in eV by the solver's, the exact and the uncorrelated state, and without functional."""
    norb = states["S0"].optimized.hamiltonian.norb
    energies: dict[str, dict[str, float]] = {}
    grids = None
    for name, solved in states.items():
        hamiltonian, orbitals = solved.optimized.hamiltonian, solved.optimized.orbitals
        functional = mcpdft.CASCI(mean_field, _FUNCTIONAL, norb, hamiltonian.nelec, grids_level=_GRID_LEVEL)
        functional.verbose = 0
        functional.fcisolver = direct_spin1.FCI()
        if grids is not None:
            functional.grids = grids
        determinant = _determinant(solved)
        energies[name] = {"casscf": solved.optimized.energy}
        for label, state, energy in (
            ("solver", solved.solution.state, solved.solution.energy),
            ("exact", solved.exact.state, solved.exact.energy),
            ("determinant", determinant, _energy_of(determinant, solved.optimized)),
        ):
            translated, _ = functional.energy_tot(mo_coeff=orbitals, ci=state)
            energies[name][label] = (1 - _SHARE) * float(translated) + _SHARE * energy
            if label == "exact":
                energies[name]["tpbe"] = float(translated)
        grids = functional.grids
    return {
        label: (energies["T1"][label] - energies["S0"][label]) * HARTREE_IN_EV for label in energies["S0"]
    }


def _determinant(solved: _Solved) -> Matrix:
    return reference_state(solved.optimized.hamiltonian)


def _energy_of(state: Matrix, optimized: OptimizedState) -> float:
    """Return the expectation of the active space's Hamiltonian, with the core, Ha."""
    hamiltonian = optimized.hamiltonian
    one, two = direct_spin1.make_rdm12(state, hamiltonian.norb, hamiltonian.nelec)
    active = np.vdot(hamiltonian.h1e, one) + 0.5 * np.vdot(hamiltonian.eri, two)
    return float(active) + hamiltonian.core


def _lone_pair_weight(mol: gto.Mole, chosen: tuple[PiOrbital, ...], solved: _Solved) -> float:
    """Return which part of an unpaired electron the lone pairs in the plane hold, cut to 0 to 1."""
    in_plane = np.array([orbital.in_plane for orbital in chosen])
    if not in_plane.any():
        return 0.0
    hamiltonian = solved.optimized.hamiltonian
    up, down = direct_spin1.make_rdm1s(solved.exact.state, hamiltonian.norb, hamiltonian.nelec)
    ncore = (mol.nelectron - sum(hamiltonian.nelec)) // 2
    active = solved.optimized.orbitals[:, ncore : ncore + hamiltonian.norb]
    inside = atomic_orbitals(mol, chosen).T @ active
    populations = np.einsum("ap,pq,aq->a", inside, up - down, inside)
    # n→π* leaves one of the two unpaired electrons in the lone pairs.
    return float(np.clip(populations[in_plane].sum() / populations.sum() * 2, 0, 1))


def _quantum(
    states: dict[str, _Solved], components: dict[str, float], settings: TripletSettings
) -> dict[str, Any]:
    return {
        "method": settings.solver,
        "error_mha": max(_error_mha(solved.solution, solved.exact) for solved in states.values()),
        "ev": {key: components[key] for key in ("solver", "exact")},
        **{
            name: {
                "energy": solved.solution.energy,
                "exact": solved.exact.energy,
                "error_mha": _error_mha(solved.solution, solved.exact),
                "spin_square": solved.solution.spin_square,
                "natural_occupations": list(solved.solution.occupations),
                "converged": solved.solution.converged,
                "qubits": 2 * solved.optimized.hamiltonian.norb,
                "nelec": list(solved.optimized.hamiltonian.nelec),
                "cost": dict(solved.solution.cost),
            }
            for name, solved in states.items()
        },
        # What comes out without correlation in the active space, and without a functional.
        "controls": {
            "determinant_ev": components["determinant"],
            "casscf_ev": components["casscf"],
            "determinant_error_mha": {
                name: (_energy_of(_determinant(solved), solved.optimized) - solved.exact.energy) * 1e3
                for name, solved in states.items()
            },
        },
    }


def _error_mha(solution: Solution, exact: Solution) -> float:
    return abs(solution.energy - exact.energy) * 1e3
