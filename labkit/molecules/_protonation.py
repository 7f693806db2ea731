"""The dominant protonation state at a pH: Dimorphite-DL's table, and what it is known to get wrong.

Dimorphite-DL (Ropp et al. 2019, 10.1186/s13321-019-0336-9) takes the mean pKa of a class of groups and treats
sites one by one. Three kinds of error matter for drug-like molecules and are put right here:

- classes whose mean is drawn away by a few members: phenols (nitrophenols among them pull the mean to 7.1),
  cyclic imides such as uracil, acyl hydrazides, 4-aminopyridines, aminoacetonitriles;
- neighbours: both nitrogens of a piperazine come out charged. Of two ammonium groups at most three bonds
  apart only the more basic one is kept above pH 7.

The pKa values in the table below are those of the parent compounds (CRC Handbook of Chemistry and Physics).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rdkit import Chem, rdBase

from labkit.errors import EvaluationError

_AMMONIUM = Chem.MolFromSmarts("[NX4+;!H0;!$(N~[!#6])]")
_WITHDRAWING = Chem.MolFromSmarts("[c,n,o,s,$([#6]=,#[#6,#7,#8,#16]),$([N,O,F,S,Cl,Br,I])]")


@dataclass(frozen=True)
class _Correction:
    """A group's first atom takes this charge while the pH lies below (or above) its pKa."""

    pattern: Chem.Mol
    pka: float
    charge: int
    below: bool


def _correction(smarts: str, pka: float, charge: int, *, below: bool) -> _Correction:
    return _Correction(Chem.MolFromSmarts(smarts), pka, charge, below)


_CORRECTIONS = (
    # phenol 10.0; a nitro group ortho or para, or halogens on both ortho places, do bring it below 7.4
    _correction(
        "[O-;$([O-]c);!$([O-]c:c[N+](=O)[O-]);!$([O-]c1ccc([N+](=O)[O-])cc1);!$([O-]c(:c[F,Cl,Br,I]):c[F,Cl,Br,I])]",
        10.0,
        0,
        below=True,
    ),
    # uracil 9.5, acetylhydrazine about 12; sulfonyl and nitro neighbours keep the charge
    _correction("[N-,n-;$(*~[#6]=[O,S]);!$(*S(=O)=O);!$(*[N+])]", 9.5, 0, below=True),
    # 4-aminopyridine 9.1, chloroquine's quinoline 8.1
    _correction("[nX2;r6;+0]1ccc([NX3;H2,$([NH][CX4]),$(N([CX4])[CX4])])cc1", 8.1, 1, below=True),
    # aminoacetonitrile 5.3
    _correction("[NX4+;!H0;$(N[CX4]C#N)]", 5.3, 0, below=False),
)


def protonated(molecule: Chem.Mol, ph: float) -> Chem.Mol:
    """The molecule in its dominant protonation state at this pH.

    Raises:
        EvaluationError: if none is found.
    """
    state = _by_table(molecule, ph)
    for rule in _CORRECTIONS:
        if (ph < rule.pka) == rule.below:
            # One site at a time: what is set on the first may rule out the second (uracil).
            while match := state.GetSubstructMatch(rule.pattern):
                state = _with_charge(state, match[0], rule.charge)
    return _one_proton_per_diamine(state, ph)


def _by_table(molecule: Chem.Mol, ph: float) -> Chem.Mol:
    import dimorphite_dl  # takes half a second; only docking needs it

    given = Chem.MolToSmiles(molecule)
    logger = logging.getLogger("dimorphite_dl")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        # Precision 0 narrows each site's pKa range to its mean, so exactly the dominant state is left.
        states = dimorphite_dl.protonate_smiles(given, ph_min=ph, ph_max=ph, precision=0.0)
    except Exception as error:  # Dimorphite-DL raises bare exceptions of several kinds
        raise EvaluationError(f"{given}: no protonation state found ({error})") from None
    finally:
        logger.disabled = was_disabled
    with rdBase.BlockLogs():
        state = Chem.MolFromSmiles(states[0]) if states else None
    if state is None:
        raise EvaluationError(f"{given}: no protonation state found at pH {ph:g}")
    return state


def _one_proton_per_diamine(molecule: Chem.Mol, ph: float) -> Chem.Mol:
    if ph < 7.0:
        return molecule
    while (crowded := _crowded_ammonium(molecule)) is not None:
        molecule = _with_charge(molecule, crowded, 0)
    return molecule


def _crowded_ammonium(molecule: Chem.Mol) -> int | None:
    """The most acidic ammonium nitrogen that has another within three bonds, if there is one."""
    cations = [match[0] for match in molecule.GetSubstructMatches(_AMMONIUM)]
    distance = Chem.GetDistanceMatrix(molecule)
    crowded = [i for i in cations if any(i != j and distance[i, j] <= 3 for j in cations)]
    if not crowded:
        return None
    withdrawing = {match[0] for match in molecule.GetSubstructMatches(_WITHDRAWING)} - set(cations)
    ranks = list(Chem.CanonicalRankAtoms(molecule))

    def acidity(i: int) -> tuple[int, int, int]:
        # Groups that pull electrons two bonds away lower the pKa; so does a third carbon, in water.
        pull = sum(1 for j in withdrawing if distance[i, j] == 2)
        return pull, molecule.GetAtomWithIdx(i).GetDegree(), ranks[i]

    return max(crowded, key=acidity)


def _with_charge(molecule: Chem.Mol, index: int, charge: int) -> Chem.Mol:
    """A copy in which one atom has another charge, its hydrogens adjusted."""
    edited = Chem.RWMol(molecule)
    atom = edited.GetAtomWithIdx(index)
    if atom.GetNoImplicit() or atom.GetIsAromatic():
        atom.SetNumExplicitHs(max(0, atom.GetTotalNumHs() + charge - atom.GetFormalCharge()))
        atom.SetNoImplicit(True)
    atom.SetFormalCharge(charge)
    Chem.SanitizeMol(edited)
    return Chem.MolFromSmiles(Chem.MolToSmiles(edited))
