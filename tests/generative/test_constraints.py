import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from labkit.campaign import optimize
from labkit.campaign._optimize import SEARCH
from labkit.errors import InputError
from labkit.generative import Breeding, Optimiser, OptimiserSettings, Prior, decorate, generate, link, near
from labkit.generative import _prior as prior_module
from labkit.generative._constraints import Constraint, Near, check_writable
from labkit.molecules import canonical_smiles, load_zinc250k

STRINGS = [canonical_smiles(text) for text in load_zinc250k()[:150]]
ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
ODD = Chem.MolFromSmarts("[$([#7,#8]-[F,Cl,Br,I]),$([#8]-[#8]),$([#8X2]-[N+]=O)]")  # not in drugs

SCAFFOLDS = (
    "c1ccc([*:1])cc1",
    "c1nc([*:2])c2ccn([*:1])c2n1",
    "C[C@H]1CCN([*:1])C[C@H]1N(C)[*:2]",  # stereocentres
    "C[C@](F)(N[*:1])[*:2]",  # a stereocentre that bears a point
    "C[N+](C)(C)C/C=C/C([*:1])[*:2]",  # a charge, a double bond, two points at one atom
    "[O-]C(=O)/C(F)=C(Cl)/[*:3]",
)
FRAGMENTS = (
    "c1ccc([*:1])cc1.C[C@H]1CCCCN1[*:2]",
    "CC(=O)N[*:1].c1ccc([*:2])cc1",
    "CC([*:1])C(=O)[O-].CC([*:2])C(=O)[O-]",  # twice the same
)


def stripped(smiles: str, frame: str) -> set[tuple[str, frozenset[int]]]:
    """What is left of a molecule when all that a scaffold doesn't hold is deleted, and which atoms that is.

    The scaffold's atoms are found by a query that fixes the neighbours, the hydrogens and the charge of each.
    """
    model = Chem.MolFromSmiles(frame)
    query = Chem.RWMol(model)
    for atom in model.GetAtoms():
        text = f"[#{atom.GetAtomicNum()};{'a' if atom.GetIsAromatic() else 'A'}"
        text += f";D{atom.GetDegree()};H{atom.GetTotalNumHs()};{atom.GetFormalCharge():+d}]"
        query.ReplaceAtom(atom.GetIdx(), Chem.AtomFromSmarts(text if atom.GetAtomicNum() else "[!#1]"))
    molecule = Chem.MolFromSmiles(smiles)
    found = set()
    for match in molecule.GetSubstructMatches(query, uniquify=False):
        rest = Chem.RWMol(molecule)
        for atom in model.GetAtoms():
            if atom.GetAtomicNum():
                continue
            point, bound = match[atom.GetIdx()], match[atom.GetNeighbors()[0].GetIdx()]
            for neighbour in molecule.GetAtomWithIdx(point).GetNeighbors():
                if neighbour.GetIdx() != bound:
                    rest.RemoveBond(point, neighbour.GetIdx())
            end = rest.GetAtomWithIdx(point)
            end.SetAtomicNum(0)
            end.SetFormalCharge(0)
            end.SetNumExplicitHs(0)
            end.SetNoImplicit(True)
            end.SetIsAromatic(False)
            end.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
            end.SetAtomMapNum(atom.GetAtomMapNum())
        for index in sorted(set(range(molecule.GetNumAtoms())) - set(match), reverse=True):
            rest.RemoveAtom(index)
        core = frozenset(match[atom.GetIdx()] for atom in model.GetAtoms() if atom.GetAtomicNum())
        found.add((Chem.CanonSmiles(Chem.MolToSmiles(rest)), core))
    return found


def stands(smiles: str, frame: str) -> bool:
    """Whether all parts of a frame are in a molecule, on different atoms."""
    parts = [
        [core for text, core in stripped(smiles, p) if text == canonical_smiles(p)] for p in frame.split(".")
    ]
    return any(len(frozenset().union(*cores)) == sum(map(len, cores)) for cores in product(*parts))


def built(constraint: Constraint, seed: int = 0, of: int = 150) -> list[str]:
    made = constraint.build(STRINGS[:of], np.random.default_rng(seed))
    return [text for text in made if text is not None]


@pytest.mark.parametrize("frame", SCAFFOLDS + FRAGMENTS)
def test_the_frame_stands_in_every_molecule_as_it_is(frame: str) -> None:
    constraint = link(frame) if "." in frame else decorate(frame)
    found = set(built(constraint))
    assert len(found) >= 5
    assert {canonical_smiles(text) for text in found} == found
    assert max(Chem.MolFromSmiles(text).GetNumHeavyAtoms() for text in found) <= 50
    for text in found:
        assert stands(text, frame), text


@pytest.mark.parametrize(
    ("frame", "smiles", "kept"),
    [
        ("c1ccc([*:1])cc1", "Cc1ccccc1", True),
        ("c1ccc([*:1])cc1", "Cc1ccccc1C", False),  # substituted elsewhere
        ("c1ccc([*:1])cc1", "c1ccccc1", False),  # not substituted
        ("c1ccc([*:1])cc1", "c1ccc2ccccc2c1", False),
        ("c1ccc([*:1])c([*:2])c1", "Cc1ccccc1C", True),
        ("c1ccc([*:1])c([*:2])c1", "c1ccc2c(c1)CCC2", False),  # one piece at both points
        ("C[C@H](F)[*:1]", "C[C@H](F)CC", True),
        ("C[C@H](F)[*:1]", "C[C@@H](F)CC", False),
        ("C[C@H](F)[*:1]", "CC(F)CC", False),
        ("CC(F)[*:1]", "C[C@H](F)CC", False),
        ("C/C=C/[*:1]", "C/C=C/CO", True),
        ("C/C=C/[*:1]", "C/C=C\\CO", False),
        ("C[NH2+][*:1]", "C[NH2+]CC", True),
        ("C[NH2+][*:1]", "CNCC", False),
        ("CN[*:1]", "C[NH2+]CC", False),
        ("CC[*:1]", "C=CCl", False),
        ("CC[*:1]", "CC=O", False),  # bound by another bond
        ("N#C[*:1].CO[*:2]", "N#CCOC", True),  # a linker of one atom
        ("N#C[*:1].CO[*:2]", "N#COC", False),  # none
        ("N#C[*:1].CO[*:2]", "N#CC(C)OC", True),
        ("N#C[*:1].CO[*:2]", "N#CCC(C)O", False),
        ("C[*:1].C[*:2]", "CCC", True),
        ("C[*:1].C[*:2]", "CC", False),
    ],
)
def test_what_keeps_a_frame(frame: str, smiles: str, kept: bool) -> None:
    constraint = link(frame) if "." in frame else decorate(frame)
    assert constraint.keeps(canonical_smiles(smiles)) is kept
    if kept:  # goes through as it is
        assert list(constraint.build([smiles], np.random.default_rng(0))) == [smiles]


def test_pieces_join_what_they_came_from() -> None:
    found = (
        built(decorate("C1CCN([*:1])CC1"))
        + built(decorate("CC(=O)O[*:1]"))
        + built(link("CO[*:1].c1ccc([*:2])cc1"))
    )
    assert any("[N+](=O)[O-]" in text for text in STRINGS)
    assert not any(Chem.MolFromSmiles(text).HasSubstructMatch(ODD) for text in [*found, *STRINGS])
    assert any("F" in text for text in STRINGS) and any("Cl" in text for text in STRINGS)


@pytest.mark.parametrize("least", [0.4, 0.7])
def test_neighbours_are_near_and_have_bonds_that_are_known(least: float) -> None:
    found = built(near(ASPIRIN, least))
    assert len(found) > 0.15 * len(STRINGS) and len(set(found)) >= 10
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    ours = generator.GetSparseCountFingerprint(Chem.MolFromSmiles(ASPIRIN)).GetNonzeroElements()
    for text in set(found):
        molecule = Chem.MolFromSmiles(text)
        theirs = generator.GetSparseCountFingerprint(molecule).GetNonzeroElements()
        counts = [(ours.get(bit, 0), theirs.get(bit, 0)) for bit in ours.keys() | theirs.keys()]
        assert 1 > sum(map(min, counts)) / sum(map(max, counts)) >= least
        assert not molecule.HasSubstructMatch(ODD) and len(Chem.GetMolFrags(molecule)) == 1
        assert canonical_smiles(text) == text


@pytest.mark.parametrize("constraint", [decorate(SCAFFOLDS[2]), link(FRAGMENTS[0]), near(ASPIRIN)])
def test_chance_comes_from_the_generator_alone(constraint: Constraint) -> None:
    assert built(constraint, 1, 30) == built(constraint, 1, 30) != built(constraint, 2, 30)


@pytest.mark.parametrize(
    ("make", "smiles", "told"),
    [
        (decorate, "c1ccccc1", "scaffold 'c1ccccc1': an attachment point is needed, as in"),
        (decorate, "C1CC[*:1]", "ring 1 is never closed"),
        (decorate, "C[*:1].C[*:2]", "one part is needed, not 2"),
        (decorate, "CC*", "each attachment point needs a number of its own"),
        (decorate, "C([*:1])C[*:1]", "each attachment point needs a number of its own"),
        (decorate, "CC=[*:1]", "an attachment point has one single bond, to a heavy atom"),
        (decorate, "C1C[*:1]1", "an attachment point has one single bond"),
        (decorate, "[*:1][*:2]", "an attachment point has one single bond"),
        (decorate, "[*:1]", "an attachment point has one single bond"),
        (link, "C[*:1]", "fragments 'C[*:1]': two parts are needed, not 1, as in"),
        (link, "C[*:1].C[*:2].C[*:3]", "two parts are needed, not 3"),
        (link, "C[*:1].C", "each part needs one attachment point"),
        (link, "C[*:1].C([*:2])[*:3]", "each part needs one attachment point"),
        (near, "C[*:1]", "near 'C[*:1]': one molecule without attachment points is needed"),
        (near, "C.C", "near 'C.C': one molecule"),
    ],
)
def test_bad_parts_are_told_in_one_line(make: object, smiles: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        make(smiles)  # type: ignore[operator]
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_only_the_numbers_of_points_mean_something() -> None:
    assert decorate("[CH3:5][CH2:1][3*:1]") == decorate("CC[*:1]")
    assert near("[CH3:5]CO").smiles == "CCO"


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan")])
def test_a_similarity_is_from_0_to_1(least: float) -> None:
    with pytest.raises(InputError, match=f"similarity {least}: 0 to 1 is possible"):
        near("CCO", least)


@pytest.mark.parametrize("constraint", [decorate("C[Si](C)(C)[*:1]"), near("C[Si](C)(C)C")])
def test_what_the_model_cannot_write_is_refused(constraint: Constraint, small_prior: Prior) -> None:
    with pytest.raises(InputError, match=r"the language model can't write '\[Si\]'"):
        check_writable(constraint, small_prior.vocabulary)
    with pytest.raises(InputError, match=r"can't write '\[Si\]'"):
        Optimiser(small_prior, constraint=constraint)


def test_a_count_that_cannot_be_reached_says_how_many_there_are(
    small_prior_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior_module, "_DRY", 300)
    small = str(small_prior_file)
    told = r"count 1000: only \d+ different molecules are found under Frame.*; ask for no more"
    with pytest.raises(InputError, match=told) as caught:
        generate(1000, prior=small, constraint=decorate("Cc1ccc([*:1])cc1"))
    reached = int(str(caught.value).split("only ")[1].split()[0])
    found = generate(reached, prior=small, constraint=decorate("Cc1ccc([*:1])cc1"))
    assert len(set(found)) == reached > 5
    assert found[:5] == generate(5, prior=small, constraint=decorate("Cc1ccc([*:1])cc1"))


@pytest.mark.parametrize(
    ("constraint", "learning"), [(decorate("CC[*:1]"), True), (near(ASPIRIN, 0.3), False)]
)
def test_a_search_keeps_the_constraint_and_goes_on_where_it_was(
    small_prior: Prior, constraint: Constraint, learning: bool
) -> None:
    breeding = Breeding(children=20, generations=2, start=16, mutation=0.6)
    settings = OptimiserSettings(learning=learning, updates=1, breeding=breeding)

    def rounds(optimiser: Optimiser) -> Iterator[list[tuple[str, float | None]]]:
        while True:
            proposed = optimiser.ask(12)
            optimiser.tell([p.smiles for p in proposed], [p.smiles.count("c") / 30 for p in proposed])
            yield [(p.smiles, p.log_likelihood) for p in proposed]

    undisturbed = Optimiser(small_prior, settings, seed=5, constraint=constraint)
    some = rounds(undisturbed)
    first, second = next(some), next(some)
    arrays, metadata = undisturbed.state()
    restored = Optimiser(small_prior, settings, seed=5, constraint=constraint)
    restored.restore(arrays, metadata)
    third = next(some)
    assert next(rounds(restored)) == third
    smiles = [text for text, _ in first + second + third]
    assert len(set(smiles)) == len(smiles) > 24
    assert all(constraint.keeps(text) for text in smiles)
    assert isinstance(constraint, Near) or all(stands(text, constraint.smiles) for text in smiles)


def test_a_search_on_disk_is_of_one_constraint(small_prior_file: Path, tmp_path: Path) -> None:
    quick = replace(SEARCH, updates=1, breeding=replace(SEARCH.breeding, children=0))

    def search(constraint: Constraint | None) -> list[str]:
        done = optimize(
            size,
            64,
            settings=quick,
            prior=str(small_prior_file),
            constraint=constraint,
            out=tmp_path / "found",
        )
        return [one.smiles for one in done.calls]

    wide = near(ASPIRIN, 0.2)
    found = search(wide)
    assert len(found) == 64 and all(map(wide.keeps, found))
    assert json.loads((tmp_path / "found" / "search.json").read_text())["constraint"] == str(wide)
    assert search(wide) == found
    for other in (None, near(ASPIRIN, 0.3)):
        with pytest.raises(InputError, match="holds a search with constraint Near"):
            search(other)


def size(smiles: list[str]) -> list[float]:
    return [min(1.0, Chem.MolFromSmiles(text).GetNumHeavyAtoms() / 40) for text in smiles]
