"""Which orbitals and electrons a structure's π system has, against what chemistry textbooks count."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from rdkit import Chem

from labkit.errors import InputError
from labkit.molecules import conformer
from labkit.quantum._chromophore import read_chromophore
from labkit.quantum._pi_space import PiSystem, pi_system
from labkit.store import data_path


def system_of(smiles: str) -> PiSystem:
    return pi_system(conformer(smiles))


@pytest.mark.parametrize(
    ("smiles", "electrons", "orbitals"),
    [
        ("c1ccccc1", 6, 6),
        ("c1ccoc1", 6, 5),  # oxygen gives a lone pair
        ("c1cc[nH]c1", 6, 5),
        ("c1ccncc1", 6, 6),  # pyridine's nitrogen gives one electron
        ("c1ccsc1", 6, 5),
        ("Nc1ccccc1", 8, 7),
        ("Fc1ccccc1", 6, 6),  # halogens stay out
        ("C=CC=O", 4, 4),
        ("NC=O", 4, 3),
        ("O=[N+]([O-])c1ccccc1", 10, 9),
        ("NC=CC=[NH2+]", 6, 5),
        ("B1C=CC=C1", 4, 5),  # boron brings a vacant orbital
        ("C#C", 4, 4),
        ("C#CC#C", 8, 8),
        ("C=C=C", 4, 4),
        ("CS(=O)(=O)C=C", 2, 2),  # S=O is no π bond
        # An end atom's lone pair conjugates with the π bond at right angles to its own.
        ("C=C=O", 6, 5),
        ("CN=C=O", 6, 5),
        ("N#CC=C=O", 8, 7),
        ("O=C=O", 8, 6),  # both ends: two systems alike
        ("S=C=S", 8, 6),
        ("O=C=C=C=O", 12, 10),
        ("C=C=C=O", 8, 7),
        ("C=C=C=C", 6, 6),  # the middle π bond lies in the plane
        ("c1ccc(cc1)-c1ccccc1", 12, 12),
        ("F[B-]1(F)n2cccc2C=C2C=CC=[N+]21", 12, 11),  # BODIPY
    ],
)
def test_electrons_and_orbitals_are_those_of_the_chemistry(
    smiles: str, electrons: int, orbitals: int
) -> None:
    system = system_of(smiles)
    assert (system.electrons, len(system.orbitals)) == (electrons, orbitals)


@pytest.mark.parametrize(
    ("forms", "electrons", "orbitals"),
    [
        (("C=[N+]=[N-]", "[CH2-][N+]#N"), 6, 5),
        (("CN=[N+]=[N-]", "C[N-][N+]#N"), 6, 5),
        (("[N-]=[N+]=O", "N#[N+][O-]"), 8, 6),
        (("C[C-]=[N+]=O", "CC#[N+][O-]"), 8, 6),
    ],
)
def test_a_molecule_s_system_is_that_of_each_of_its_formulas(
    forms: tuple[str, str], electrons: int, orbitals: int
) -> None:
    positions = conformer(forms[0]).GetConformer().GetPositions()
    for smiles in forms:
        molecule = conformer(smiles)
        for seed in range(5):  # however it stands in space
            turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
            molecule.GetConformer().SetPositions(positions @ turned.T)
            system = pi_system(molecule)
            assert (system.electrons, len(system.orbitals)) == (electrons, orbitals)
            assert system.left_out == ()


def test_a_lone_pair_stands_in_the_system_or_beside_it_and_not_twice() -> None:
    assert system_of("O=C=O").lone_pairs == ()
    isocyanate = system_of("CN=C=O")
    assert [pair.atom for pair in isocyanate.lone_pairs] == [1]  # that of bent nitrogen, in its plane


def test_a_nitrile_joins_with_one_of_its_two_systems() -> None:
    system = system_of("N#Cc1ccccc1")
    assert (system.electrons, len(system.orbitals)) == (8, 8)
    assert system.left_out == (2,)


def test_the_larger_of_two_systems_is_chosen_and_the_other_is_told() -> None:
    system = system_of("C=CCCc1ccccc1")
    assert len(system.orbitals) == 6
    assert system.left_out == (2,)


def test_orbitals_stand_on_the_plane_and_turn_with_the_molecule() -> None:
    molecule = conformer("c1ccc2occc2c1")
    positions = molecule.GetConformer().GetPositions()
    turned = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    before = np.array([orbital.direction for orbital in pi_system(molecule).orbitals])
    molecule.GetConformer().SetPositions(positions @ turned.T)
    after = np.array([orbital.direction for orbital in pi_system(molecule).orbitals])
    overlaps = np.abs(np.einsum("ai,ai->a", before @ turned.T, after))
    np.testing.assert_allclose(overlaps, 1, atol=1e-8)
    # The normal of the best plane through all atoms, from their inertia.
    normal = np.linalg.svd(positions - positions.mean(axis=0))[2][2]
    np.testing.assert_allclose(np.abs(before @ normal), 1, atol=1e-3)


def test_a_carbonyl_s_lone_pair_lies_in_the_plane_across_the_bond() -> None:
    molecule = conformer("C=O")
    system = pi_system(molecule)
    (lone_pair,) = system.lone_pairs
    bond = np.diff(molecule.GetConformer().GetPositions()[:2], axis=0)[0]
    assert molecule.GetAtomWithIdx(lone_pair.atom).GetSymbol() == "O"
    assert abs(np.dot(lone_pair.direction, bond)) < 1e-6
    assert abs(np.dot(lone_pair.direction, system.orbitals[0].direction)) < 1e-6


def test_every_shipped_structure_has_a_closed_shell_system() -> None:
    with data_path("triplets", "reference.csv").open(newline="", encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    systems = {name: read_chromophore(data_path("triplets", name)).system for name in names}
    assert len(systems) == 42
    assert all(system.electrons % 2 == 0 for system in systems.values())
    assert len(systems["bodipy.xyz"].orbitals) == 11
    assert sum(len(system.orbitals) <= 10 for system in systems.values()) == 33


@pytest.mark.parametrize("smiles", ["O=O", "S=S", "O=S"])
def test_a_molecule_whose_ground_state_is_a_triplet_is_refused(smiles: str) -> None:
    with pytest.raises(InputError, match="its ground state is a triplet"):
        system_of(smiles)


@pytest.mark.parametrize("smiles", ["CCO", "N", "C[Si](C)(C)C"])
def test_a_molecule_without_a_pi_system_is_refused(smiles: str) -> None:
    with pytest.raises(InputError, match="no π system"):
        pi_system(conformer(Chem.MolFromSmiles(smiles)))
