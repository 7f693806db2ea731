"""Properties of a molecule that medicinal chemists look at first."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rdkit import Chem, RDConfig
from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

from labkit.errors import MissingDependencyError
from labkit.molecules._parse import parse


@dataclass(frozen=True)
class Properties:
    """Properties of one molecule.

    Attributes:
        qed: quantitative estimate of drug-likeness, 0–1 (Bickerton et al. 2012, 10.1038/nchem.1243).
        sa: synthetic accessibility, 1 easy – 10 hard (Ertl & Schuffenhauer 2009, 10.1186/1758-2946-1-8).
        logp: octanol–water log P (Wildman & Crippen 1999, 10.1021/ci990307l).
        mw: molecular weight, g/mol.
        tpsa: topological polar surface area, Å² (Ertl et al. 2000, 10.1021/jm000942e).
        hbd: hydrogen-bond donors.
        hba: hydrogen-bond acceptors.
        rotatable_bonds: rotatable bonds (RDKit's strict definition).
        heavy_atoms: atoms other than hydrogen.
        formal_charge: net charge, e.
        rings: rings in the smallest set.
    """

    qed: float
    sa: float
    logp: float
    mw: float
    tpsa: float
    hbd: int
    hba: int
    rotatable_bonds: int
    heavy_atoms: int
    formal_charge: int
    rings: int


def properties(molecule: Chem.Mol | str) -> Properties:
    """Properties of a molecule or SMILES.

    Raises:
        InputError: if the SMILES can't be read.
        MissingDependencyError: if this RDKit comes without the SA score's data.
    """
    mol = parse(molecule) if isinstance(molecule, str) else molecule
    return Properties(
        qed=float(QED.qed(mol)),
        sa=float(_sa_score()(mol)),
        logp=float(Crippen.MolLogP(mol)),
        mw=float(Descriptors.MolWt(mol)),
        tpsa=float(rdMolDescriptors.CalcTPSA(mol)),
        hbd=int(rdMolDescriptors.CalcNumHBD(mol)),
        hba=int(rdMolDescriptors.CalcNumHBA(mol)),
        rotatable_bonds=int(rdMolDescriptors.CalcNumRotatableBonds(mol)),
        heavy_atoms=int(mol.GetNumHeavyAtoms()),
        formal_charge=int(Chem.GetFormalCharge(mol)),
        rings=int(rdMolDescriptors.CalcNumRings(mol)),
    )


@cache
def _sa_score() -> Callable[[Chem.Mol], float]:
    """The SA score of RDKit's Contrib folder, which is shipped in its wheels but isn't a package."""
    source = Path(RDConfig.RDContribDir) / "SA_Score" / "sascorer.py"
    spec = importlib.util.spec_from_file_location("rdkit_contrib_sascorer", source)
    if not source.is_file() or spec is None or spec.loader is None:
        raise MissingDependencyError(
            f"RDKit's SA score is missing at {source}; install RDKit from PyPI: pip install 'rdkit>=2025.3'"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    score: Callable[[Chem.Mol], float] = module.calculateScore
    return score
