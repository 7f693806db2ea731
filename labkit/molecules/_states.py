"""The states of a molecule that are docked: protonation at a pH, and stereocentres left open."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

from labkit.errors import EvaluationError, InputError
from labkit.molecules._parse import parse

_AMMONIUM = Chem.MolFromSmarts("[NX4+;!H0;!$(N~[!#6])]")
_WITHDRAWING = Chem.MolFromSmarts("[c,n,o,s,$([#6]=,#[#6,#7,#8,#16]),$([N,O,F,S,Cl,Br,I])]")


@dataclass(frozen=True)
class State:
    """One protonation state and stereoisomer of a molecule.

    Attributes:
        smiles: canonical SMILES, charges and stereo written out.
        ph: the pH that the charges belong to.
        charge: net charge, e.
        stereoisomer: which of the listed isomers this is, counted from 1.
        stereoisomers: how many isomers were listed; 1 if every centre was specified.
    """

    smiles: str
    ph: float
    charge: int
    stereoisomer: int
    stereoisomers: int


def prepare_states(smiles: str, *, ph: float = 7.4, max_states: int = 4) -> tuple[State, ...]:
    """States of a molecule to be docked: the dominant protonation state, each open stereocentre both ways.

    Charges follow Dimorphite-DL's table of mean pKa values (Ropp et al. 2019, 10.1186/s13321-019-0336-9).
    It treats sites one by one, so it charges both nitrogens of a piperazine; of two ammonium groups at
    most three bonds apart only the more basic one is kept above pH 7 (second pKa of ethylenediamine 6.9,
    of piperazine 5.3; CRC Handbook of Chemistry and Physics).

    Args:
        smiles: one SMILES, normally in the standard form of `standardise`.
        ph: pH, 0–14.
        max_states: most stereoisomers to list; impossible ones (strained bridges) are left out.

    Raises:
        InputError: if the SMILES can't be read, or the pH or the count make no sense.
        EvaluationError: if no stereoisomer can be built in three dimensions.
    """
    if not 0 <= ph <= 14:
        raise InputError(f"pH {ph}: a value from 0 to 14 is needed")
    if max_states < 1:
        raise InputError(f"max_states = {max_states}: at least 1 is needed")
    molecule = _one_proton_per_diamine(_protonate(parse(smiles), ph), ph)
    isomers = _stereoisomers(molecule, max_states)
    if not isomers:
        raise EvaluationError(f"{smiles}: none of its stereoisomers can be built in three dimensions")
    charge = int(Chem.GetFormalCharge(molecule))
    return tuple(State(isomer, ph, charge, i, len(isomers)) for i, isomer in enumerate(isomers, start=1))


def _protonate(molecule: Chem.Mol, ph: float) -> Chem.Mol:
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
        edited = Chem.RWMol(molecule)
        atom = edited.GetAtomWithIdx(crowded)
        atom.SetFormalCharge(0)
        if atom.GetNoImplicit():
            atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))
        Chem.SanitizeMol(edited)
        molecule = Chem.MolFromSmiles(Chem.MolToSmiles(edited))
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


def _stereoisomers(molecule: Chem.Mol, limit: int) -> list[str]:
    options = StereoEnumerationOptions(
        onlyUnassigned=True, unique=True, maxIsomers=limit, rand=0, tryEmbedding=False
    )
    with rdBase.BlockLogs():
        if not _has_open_stereo(molecule):
            return [str(Chem.MolToSmiles(molecule))]
        options.tryEmbedding = True  # costs an embedding each, so only where there is a choice
        return sorted(
            {str(Chem.MolToSmiles(isomer)) for isomer in EnumerateStereoisomers(molecule, options=options)}
        )


def _has_open_stereo(molecule: Chem.Mol) -> bool:
    return any(
        info.specified == Chem.StereoSpecified.Unspecified for info in Chem.FindPotentialStereo(molecule)
    )
