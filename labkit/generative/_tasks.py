"""Scoring functions of goal-directed generation: ten tasks of the PMO benchmark, from parts that make others.

A task is a function of a molecule, in 0 to 1. Definitions are those of Therapeutics Data Commons 1.x (Huang
et al. 2021, arXiv:2102.09548), which took them from GuacaMol (Brown, Fiscato, Segler, Vaucher 2019,
doi:10.1021/acs.jcim.8b00839) and counts hydrogens in isomers; the benchmark is PMO (Gao, Fu, Sun, Coley 2022,
arXiv:2206.12411). Fingerprints are unfolded and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from math import exp, prod

from rdkit import Chem, DataStructs
from rdkit.Chem import QED, Crippen, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Pharm2D import Generate, Gobbi_Pharm2D

from labkit.errors import InputError

Part = Callable[[Chem.Mol], float]
Shape = Callable[[float], float]


def _morgan(radius: int, *, features: bool = False) -> rdFingerprintGenerator.FingerprintGenerator64:
    invariants = rdFingerprintGenerator.GetMorganFeatureAtomInvGen() if features else None
    return rdFingerprintGenerator.GetMorganGenerator(radius=radius, atomInvariantsGenerator=invariants)


_FINGERPRINTS = {"ECFP4": _morgan(2), "ECFP6": _morgan(3), "FCFP4": _morgan(2, features=True)}


def similarity(smiles: str, fingerprint: str = "ECFP4") -> Part:
    """Tanimoto similarity to a molecule by counted fingerprints: ECFP4, ECFP6 or FCFP4."""
    generator = _FINGERPRINTS[fingerprint]
    target = generator.GetSparseCountFingerprint(Chem.MolFromSmiles(smiles))
    return lambda mol: DataStructs.TanimotoSimilarity(target, generator.GetSparseCountFingerprint(mol))


def pharmacophore_similarity(smiles: str) -> Part:
    """Tanimoto similarity to a molecule by Gobbi's two-dimensional pharmacophores.

    Source: Gobbi, Poppinger 1998, doi:10.1002/(SICI)1097-0290(199824)61:1<47::AID-BIT9>3.0.CO;2-Z.
    """
    target = Generate.Gen2DFingerprint(Chem.MolFromSmiles(smiles), Gobbi_Pharm2D.factory)
    return lambda mol: DataStructs.TanimotoSimilarity(
        target, Generate.Gen2DFingerprint(mol, Gobbi_Pharm2D.factory)
    )


def isomer(formula: str) -> Part:
    """Nearness of the molecular formula: geometric mean over its elements and the number of all atoms."""
    wanted = {symbol: int(count or 1) for symbol, count in re.findall(r"([A-Z][a-z]?)(\d*)", formula)}
    total = gaussian(sum(wanted.values()), 2.0)
    shapes = {symbol: gaussian(count, 1.0) for symbol, count in wanted.items()}

    def nearness(mol: Chem.Mol) -> float:
        atoms = Counter(atom.GetSymbol() for atom in Chem.AddHs(mol).GetAtoms())
        return _geometric([shape(atoms[symbol]) for symbol, shape in shapes.items()] + [total(atoms.total())])

    return nearness


def has(smarts: str) -> Part:
    """1 where the molecule holds the pattern, else 0."""
    pattern = Chem.MolFromSmarts(smarts)
    return lambda mol: float(mol.HasSubstructMatch(pattern))


def lacks(smarts: str) -> Part:
    """0 where the molecule holds the pattern, else 1."""
    pattern = has(smarts)
    return lambda mol: 1.0 - pattern(mol)


def gaussian(mu: float, sigma: float) -> Shape:
    """1 at mu, falling to both sides."""
    return lambda x: exp(-0.5 * ((x - mu) / sigma) ** 2)


def at_least(mu: float, sigma: float) -> Shape:
    """1 from mu upwards, falling below as a Gaussian."""
    bell = gaussian(mu, sigma)
    return lambda x: bell(min(x, mu))


def at_most(mu: float, sigma: float) -> Shape:
    """1 up to mu, falling above as a Gaussian."""
    bell = gaussian(mu, sigma)
    return lambda x: bell(max(x, mu))


def clipped(upper: float) -> Shape:
    """Rising linearly from 0 to 1 at ``upper``."""
    return lambda x: min(max(x / upper, 0.0), 1.0)


def shaped(part: Part, shape: Shape) -> Part:
    """A part seen through a shape."""
    return lambda mol: shape(part(mol))


def geometric_mean(*parts: Part) -> Part:
    """Geometric mean: 0 where one part is."""
    return lambda mol: _geometric([part(mol) for part in parts])


def mean(*parts: Part) -> Part:
    """Arithmetic mean."""
    return lambda mol: sum(part(mol) for part in parts) / len(parts)


def _geometric(values: Sequence[float]) -> float:
    return prod(values) ** (1 / len(values))


_OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
_SITAGLIPTIN = "Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F"
_HOPPED = "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C"


def _sitagliptin() -> Part:
    molecule = Chem.MolFromSmiles(_SITAGLIPTIN)
    return geometric_mean(
        shaped(similarity(_SITAGLIPTIN), gaussian(0.0, 0.1)),
        shaped(Crippen.MolLogP, gaussian(Crippen.MolLogP(molecule), 0.2)),
        shaped(rdMolDescriptors.CalcTPSA, gaussian(rdMolDescriptors.CalcTPSA(molecule), 5.0)),
        isomer("C16H15F6N5O"),
    )


_PMO: dict[str, Callable[[], Part]] = {
    "albuterol_similarity": lambda: shaped(
        similarity("CC(C)(C)NCC(O)c1ccc(O)c(CO)c1", "FCFP4"), clipped(0.75)
    ),
    "amlodipine_mpo": lambda: geometric_mean(
        similarity(r"Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\C(=O)OC"),
        shaped(rdMolDescriptors.CalcNumRings, gaussian(3.0, 0.5)),
    ),
    "celecoxib_rediscovery": lambda: similarity("CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F"),
    "isomers_c7h8n2o2": lambda: isomer("C7H8N2O2"),
    "median1": lambda: geometric_mean(similarity("CC1(C)C2CCC1(C)C(=O)C2"), similarity("CC(C)C1CCC(C)CC1O")),
    "osimertinib_mpo": lambda: geometric_mean(
        shaped(similarity(_OSIMERTINIB, "FCFP4"), clipped(0.8)),
        shaped(similarity(_OSIMERTINIB, "ECFP6"), at_most(0.85, 0.1)),
        shaped(rdMolDescriptors.CalcTPSA, at_least(100.0, 10.0)),
        shaped(Crippen.MolLogP, at_most(1.0, 1.0)),
    ),
    "qed": lambda: QED.qed,
    "scaffold_hop": lambda: mean(
        shaped(pharmacophore_similarity(_HOPPED), clipped(0.75)),
        has("[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1"),
        lacks("[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"),
    ),
    "sitagliptin_mpo": _sitagliptin,
    "zaleplon_mpo": lambda: geometric_mean(
        similarity("O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1"), isomer("C19H17N3O2")
    ),
}

TASKS: tuple[str, ...] = tuple(f"pmo:{name}" for name in _PMO)


@dataclass(frozen=True)
class Task:
    """The objective of a task: canonical SMILES to scores in 0 to 1."""

    name: str

    def __call__(self, smiles: Sequence[str]) -> list[float]:
        part = _part(self.name)
        return [float(part(Chem.MolFromSmiles(text))) for text in smiles]


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        InputError: if there is none; names the known ones, the nearest first.
    """
    if name not in TASKS:
        known = get_close_matches(name, TASKS, len(TASKS), 0.0)
        raise InputError(f"no task '{name}'; known are {', '.join(known)}")
    return Task(name)


@cache
def _part(name: str) -> Part:
    return _PMO[name.removeprefix("pmo:")]()
