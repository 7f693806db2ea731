"""The level for a few heavy atoms: CCSD(T) at the basis-set limit, the quantum solver's δ listed beside it.

E = HF/haQZ + MP2 correlation extrapolated from haTZ and haQZ + [CCSD(T) − MP2]/aDZ, all of it with
counterpoise correction and frozen cores. aDZ is aug-cc-pVDZ; haXZ is cc-pVXZ with diffuse functions on all
atoms but hydrogen. S66's references were composed so, with aTZ and aQZ (Řezáč, Riley, Hobza 2011,
doi:10.1021/ct2002946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscf import cc, gto, lib, scf
from pyscf.data.elements import chemcore

from labkit.errors import EvaluationError
from labkit.molecules import Dimer
from labkit.quantum._beside import quantum_beside, versions
from labkit.quantum._cost import accurate_cost
from labkit.quantum._meanfield import Matrix, System, converge, density_fitting, hartree_fock, system
from labkit.quantum._mp2 import mp2
from labkit.quantum._result import InteractionEnergy, InteractionSettings, charge_class_of
from labkit.quantum._timing import timed
from labkit.quantum._units import HARTREE_IN_KCAL_MOL
from labkit.quantum._validation import error_estimate

# Virtual natural orbitals that MP2 fills less than this take no part in coupled cluster, nor in the MP2 that
# is subtracted from it (Taube, Bartlett 2008, doi:10.1063/1.2902285): a quarter of the time, and a change of
# 0.004 kcal/mol for the water dimer and 0.003 for water and methylamine.
_LEAST_OCCUPATION = 3e-5

_LABELS = ("the dimer", "monomer A with ghost atoms", "monomer B with ghost atoms")


@dataclass(frozen=True)
class _Correlated:
    """One molecule in the double-zeta basis (Ha).

    Attributes:
        mean_field: PySCF's Hartree-Fock solution.
        mp2: correlation energy in the space of the natural orbitals that count.
        ccsd_t: the same by CCSD(T).
        note: empty, or how the SCF was helped.
    """

    mean_field: Any
    mp2: float
    ccsd_t: float
    note: str


@dataclass(frozen=True)
class _Parts:
    """An interaction energy in one basis: by Hartree-Fock, and what MP2 adds, kcal/mol."""

    hartree_fock: float
    correlation: float


def accurate_interaction(dimer: Dimer, settings: InteractionSettings) -> InteractionEnergy:
    """Return the interaction energy by CCSD(T)/CBS, with the quantum step in matched active spaces beside it.

    Raises:
        EvaluationError: if an SCF or CCSD doesn't converge.
    """
    seconds: dict[str, float] = {}
    charge_class = charge_class_of(dimer)
    with timed(seconds, "coupled_cluster"):
        small = _coupled_cluster(dimer)
    fields = [molecule.mean_field for molecule in small]
    with timed(seconds, "basis_limit"):
        triple, triple_notes = _hartree_fock_mp2(dimer, "t", fields)
        quadruple, quadruple_notes = _hartree_fock_mp2(dimer, "q", fields)
    # Correlation energies converge as X⁻³ (Helgaker, Klopper, Koch, Noga 1997, doi:10.1063/1.473863).
    limit = (64 * quadruple.correlation - 27 * triple.correlation) / 37
    components = {
        "hartree_fock": quadruple.hartree_fock,
        "mp2": quadruple.hartree_fock + quadruple.correlation,
        "mp2_cbs": quadruple.hartree_fock + limit,
        "ccsd_t_correction": _interaction([molecule.ccsd_t - molecule.mp2 for molecule in small]),
    }
    headline = components["mp2_cbs"] + components["ccsd_t_correction"]
    with timed(seconds, "mp2"):
        fitting = density_fitting(fields[0].mol, auxiliary=_basis(dimer, "d", "-ri"))
        correlation = [mp2(field, fitting=fitting, frozen=chemcore(field.mol)) for field in fields]
    notes = (*(molecule.note for molecule in small if molecule.note), *triple_notes, *quadruple_notes)
    del small, fitting
    beside = quantum_beside(fields, (correlation[1], correlation[2]), "aDZ", settings, seconds)
    if beside.quantum:
        delta = beside.quantum["delta_triples_kcal_mol"]
        components |= {
            "casci": beside.quantum["interaction_kcal_mol"]["exact"],
            "delta_quantum": delta,
            "with_delta_quantum": headline + delta,
        }
    error, source = error_estimate(settings.level, charge_class)
    return InteractionEnergy(
        kcal_mol=headline,
        level=settings.level,
        method=(
            "CCSD(T)/CBS: HF/haQZ + MP2/CBS(haTZ→haQZ) + [CCSD(T) − MP2]/aDZ, full counterpoise correction"
        ),
        charge_class=charge_class,
        components=components,
        error_estimate_kcal_mol=error,
        error_estimate_source=source,
        active_space=beside.active_space,
        quantum=beside.quantum,
        notes=notes + beside.notes,
        seconds=seconds,
        seed=settings.seed,
        versions=versions(),
    )


def _basis(dimer: Dimer, zeta: str, purpose: str = "") -> dict[str, str]:
    """Return the name of each element's basis: heavy-augmented; at double zeta hydrogen is augmented, too."""
    plain = () if zeta == "d" else ("H",)
    return {
        symbol: f"{'' if symbol in plain else 'aug-'}cc-pv{zeta}z{purpose}"
        for symbol in sorted(set(dimer.symbols))
    }


def _systems(dimer: Dimer, zeta: str) -> list[System]:
    everything, basis = range(len(dimer.symbols)), _basis(dimer, zeta)
    return [
        system(dimer, everything, dimer.charge, basis=basis),
        system(dimer, everything, dimer.charge_a, ghosts=dimer.selection_b, basis=basis),
        system(dimer, everything, dimer.charge_b, ghosts=dimer.selection_a, basis=basis),
    ]


def _coupled_cluster(dimer: Dimer) -> list[_Correlated]:
    """Return dimer and monomers by CCSD(T) in the dimer's double-zeta basis."""
    systems = _systems(dimer, "d")
    # Ghost atoms make the three share all functions, so these integrals too.
    integrals = systems[0].mol.intor("int2e", aosym="s8")
    memory = 1e3 * accurate_cost(dimer).memory_gb
    return [
        _correlate(molecular, integrals, memory, label)
        for molecular, label in zip(systems, _LABELS, strict=True)
    ]


def _correlate(molecular: System, integrals: NDArray[np.float64], memory: float, label: str) -> _Correlated:
    mean_field = scf.RHF(molecular.mol)
    mean_field._eri = integrals
    mean_field.get_hcore = lambda *_: molecular.core_hamiltonian
    mean_field.conv_tol = 1e-9
    mean_field.conv_tol_grad = 1e-5
    solution = converge(mean_field, None, f"Hartree-Fock of {label}")
    solver = cc.FNOCCSD(solution.mean_field, thresh=_LEAST_OCCUPATION, frozen=chemcore(molecular.mol))
    solver.max_memory = lib.current_memory()[0] + memory
    solver.conv_tol = 1e-7
    solver.max_cycle = 100
    solver.kernel()
    if not solver.converged:
        raise EvaluationError(f"{label}: CCSD didn't converge; it may be no closed shell")
    return _Correlated(
        solution.mean_field, float(solver.emp2), float(solver.e_corr + solver.ccsd_t()), solution.note
    )


def _hartree_fock_mp2(dimer: Dimer, zeta: str, fields: Sequence[Any]) -> tuple[_Parts, tuple[str, ...]]:
    """Return density-fitted interaction energies in a larger basis, begun from smaller fields, and notes."""
    systems = _systems(dimer, zeta)
    coulomb = density_fitting(systems[0].mol, auxiliary=_basis(dimer, zeta, "-jkfit"))
    solutions = [
        hartree_fock(molecular, coulomb, _projected(start, molecular.mol), f"Hartree-Fock of {label}")
        for molecular, start, label in zip(systems, fields, _LABELS, strict=True)
    ]
    total = [solution.mean_field.e_tot for solution in solutions]
    del coulomb
    fitting = density_fitting(systems[0].mol, auxiliary=_basis(dimer, zeta, "-ri"))
    correlation = [
        mp2(solution.mean_field, fitting=fitting, frozen=chemcore(molecular.mol)).energy
        for solution, molecular in zip(solutions, systems, strict=True)
    ]
    parts = _Parts(_interaction(total), _interaction(correlation))
    return parts, tuple(solution.note for solution in solutions if solution.note)


def _projected(mean_field: Any, mol: gto.Mole) -> Matrix:
    """Return a density in the basis of another molecule of the same atoms."""
    return np.asarray(scf.addons.project_dm_nr2nr(mean_field.mol, mean_field.make_rdm1(), mol))


def _interaction(energies: Sequence[float]) -> float:
    """Return the interaction energy from those of dimer and monomers: Ha in, kcal/mol out."""
    return float(energies[0] - energies[1] - energies[2]) * HARTREE_IN_KCAL_MOL
