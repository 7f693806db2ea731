"""The states of a molecule that are docked: protonation at a pH, and stereocentres left open."""

from __future__ import annotations

from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, StereoEnumerationOptions

from labkit.errors import EvaluationError, InputError
from labkit.molecules._parse import parse
from labkit.molecules._protonation import protonated


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
    molecule = protonated(parse(smiles), ph)
    isomers = _stereoisomers(molecule, max_states)
    if not isomers:
        raise EvaluationError(f"{smiles}: none of its stereoisomers can be built in three dimensions")
    charge = int(Chem.GetFormalCharge(molecule))
    return tuple(State(isomer, ph, charge, i, len(isomers)) for i, isomer in enumerate(isomers, start=1))


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
