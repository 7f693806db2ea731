"""The water dimer, near and far, and its mean fields: small enough to be computed in the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from pyscf import ao2mo, gto, mcscf, scf

from labkit.molecules import Dimer, read_dimer
from labkit.quantum._active_space import MatchedSpaces, matched_spaces
from labkit.quantum._hamiltonian import ActiveHamiltonian
from labkit.quantum._meanfield import density_fitting, hartree_fock, system
from labkit.quantum._mp2 import mp2
from labkit.store import data_path


@dataclass(frozen=True)
class MeanFields:
    """PySCF's RHF solutions in the dimer's basis."""

    dimer: Any
    monomer_a: Any
    monomer_b: Any


def pulled_apart(dimer: Dimer, distance: float) -> Dimer:
    """Return the dimer with monomer B moved away along the line between the centres, by so many Å."""
    coordinates = dimer.coordinates.copy()
    a, b = list(dimer.selection_a), list(dimer.selection_b)
    line = coordinates[b].mean(axis=0) - coordinates[a].mean(axis=0)
    coordinates[b] += distance * line / np.linalg.norm(line)
    return replace(dimer, coordinates=coordinates)


def mean_fields(dimer: Dimer) -> MeanFields:
    """Return Hartree-Fock of dimer and monomers in the dimer's basis."""
    everything = range(len(dimer.symbols))
    systems = (
        system(dimer, everything, dimer.charge),
        system(dimer, everything, dimer.charge_a, ghosts=dimer.selection_b),
        system(dimer, everything, dimer.charge_b, ghosts=dimer.selection_a),
    )
    fitting = density_fitting(systems[0].mol)
    return MeanFields(*(hartree_fock(molecular, fitting, None, "test").mean_field for molecular in systems))


@pytest.fixture(scope="session")
def water_dimer() -> Dimer:
    return read_dimer(data_path("dimers", "S66_01.xyz"))


@pytest.fixture(scope="session")
def water_mean_fields(water_dimer: Dimer) -> MeanFields:
    return mean_fields(water_dimer)


@pytest.fixture(scope="session")
def water_spaces(water_mean_fields: MeanFields) -> MatchedSpaces:
    fields = water_mean_fields
    return matched_spaces(
        fields.dimer,
        fields.monomer_a,
        fields.monomer_b,
        correlation=(mp2(fields.monomer_a), mp2(fields.monomer_b)),
        occupied=2,
        virtual=2,
    )


@pytest.fixture(scope="session")
def distant_water_dimer(water_dimer: Dimer) -> Dimer:
    return pulled_apart(water_dimer, 40.0)


@pytest.fixture(scope="session")
def distant_mean_fields(distant_water_dimer: Dimer) -> MeanFields:
    return mean_fields(distant_water_dimer)


@pytest.fixture(scope="session")
def full_space() -> Callable[..., ActiveHamiltonian]:
    """Return a function that builds a molecule's Hamiltonian in the orbitals of restricted Hartree-Fock."""

    @cache
    def build(atoms: str, basis: str = "sto-3g", frozen: int = 0) -> ActiveHamiltonian:
        mol = gto.M(atom=atoms, basis=basis, verbose=0)
        mean_field = scf.RHF(mol).run(conv_tol=1e-12)
        electrons = mol.nelectron - 2 * frozen
        space = mcscf.CASCI(mean_field, mol.nao - frozen, electrons)
        h1e, core = space.get_h1eff()
        eri = ao2mo.restore(1, space.get_h2eff(), space.ncas).reshape((space.ncas,) * 4)
        return ActiveHamiltonian(h1e, eri, float(core), (electrons // 2,) * 2)

    return build
