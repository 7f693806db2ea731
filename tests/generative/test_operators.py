from collections import Counter

import numpy as np
import pytest
from rdkit import Chem, rdBase

from labkit.generative._operators import Parent, cross, mutate
from labkit.molecules import load_zinc250k

MOLECULES = [Chem.MolFromSmiles(text) for text in load_zinc250k()[:40]]
PARENTS = [Parent(molecule) for molecule in MOLECULES]


def _sound(child: Chem.Mol) -> bool:
    """Whether a molecule is one piece that survives being written and read, without strained rings."""
    again = Chem.MolFromSmiles(Chem.MolToSmiles(child))
    return (
        again is not None
        and len(Chem.GetMolFrags(again)) == 1
        and max((len(ring) for ring in again.GetRingInfo().AtomRings()), default=3) <= 7
        and not any(atom.GetNumRadicalElectrons() for atom in again.GetAtoms())
    )


def _formula(molecule: Chem.Mol) -> Counter[str]:
    return Counter(atom.GetSymbol() for atom in molecule.GetAtoms())


def test_children_are_sound_and_new() -> None:
    rng = np.random.default_rng(0)
    with rdBase.BlockLogs():
        mutants = [mutate(parent, rng) for parent in PARENTS for _ in range(3)]
        crossed = [cross(a, b, rng) for a, b in zip(PARENTS, PARENTS[::-1], strict=True) for _ in range(3)]
    for children in (mutants, crossed):
        found = [child for child in children if child is not None]
        assert len(found) > 0.8 * len(children)
        assert all(_sound(child) for child in found)
    written = {Chem.MolToSmiles(molecule) for molecule in MOLECULES}
    fresh = [Chem.MolToSmiles(child) not in written for child in [*mutants, *crossed] if child is not None]
    assert np.mean(fresh) > 0.9


def test_most_mutants_differ_by_one_move_and_some_by_several() -> None:
    rng = np.random.default_rng(1)
    differences = []
    with rdBase.BlockLogs():
        for parent, molecule in zip(PARENTS, MOLECULES, strict=True):
            for child in (mutate(parent, rng) for _ in range(5)):
                if child is not None:
                    gained, lost = _formula(child) - _formula(molecule), _formula(molecule) - _formula(child)
                    differences.append(max(gained.total(), lost.total()))
    assert 0.6 < np.mean(np.array(differences) <= 1) < 0.95
    assert max(differences) <= 8  # no move changes more than one atom


def test_a_crossed_child_has_atoms_of_both_parents_only() -> None:
    rng = np.random.default_rng(2)
    sulfur = Parent(Chem.MolFromSmiles("CCSCC1CCSC1"))
    bromine = Parent(Chem.MolFromSmiles("BrCCC(Br)C1CC(Br)C1"))
    found = set()
    with rdBase.BlockLogs():
        for _ in range(60):
            child = cross(sulfur, bromine, rng)
            if child is not None:
                assert set(_formula(child)) <= {"C", "S", "Br"}
                assert _formula(child)["S"] <= 2 and _formula(child)["Br"] <= 3
                found.add(frozenset(_formula(child)))
    assert frozenset({"C", "S", "Br"}) in found


def test_chance_comes_from_the_generator_alone() -> None:
    def children(seed: int) -> list[str]:
        rng = np.random.default_rng(seed)
        with rdBase.BlockLogs():
            some = [mutate(parent, rng) for parent in PARENTS[:10]]
            some += [cross(PARENTS[0], parent, rng) for parent in PARENTS[1:10]]
        return [Chem.MolToSmiles(child) for child in some if child is not None]

    assert children(3) == children(3)
    assert children(3) != children(4)


@pytest.mark.parametrize("smiles", ["C", "C#C", "[NH4+]"])
def test_what_cannot_be_cut_gives_no_child_and_no_fault(smiles: str) -> None:
    molecule, rng = Parent(Chem.MolFromSmiles(smiles)), np.random.default_rng(0)
    with rdBase.BlockLogs():
        assert cross(molecule, Parent(Chem.MolFromSmiles("CCO")), rng) is None
        mutants = [mutate(molecule, rng) for _ in range(20)]
    assert all(mutant is None or _sound(mutant) for mutant in mutants)
