"""Reading SMILES, and saying in one plain line what is wrong with one that can't be read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rdkit import Chem, rdBase

from labkit.errors import InputError

MAX_SMILES_LENGTH = 2000
"""Characters. Longer strings are refused before any parser sees them."""

_ORGANIC_SUBSET = "Br Cl B C N O P S F I b c n o p s *".split()
_TOKEN = re.compile(
    r"(?P<atom>\[[^\[\]]+\]|Br|Cl|[BCNOPSFIbcnops*])"
    r"|(?P<ring>%\(\d+\)|%\d\d|\d)"
    r"|(?P<open>\()|(?P<close>\))|(?P<bond>[-=#$:/\\~]|->|<-)|(?P<dot>\.)"
)


def parse(smiles: str, *, index: int | None = None, total: int | None = None) -> Chem.Mol:
    """Molecule of a SMILES string, sanitised.

    Args:
        smiles: one SMILES, without a name after it.
        index: position in the batch it came from, counted from 1; named in the error.
        total: size of that batch; named in the error.

    Raises:
        InputError: if it can't be read; the text names the SMILES, its place and the fault.
    """
    fault = _fault_of_text(smiles)
    if fault is None:
        molecule = _read(smiles, sanitize=True)
        if molecule is not None and molecule.GetNumAtoms() > 0:
            return molecule
        fault = _fault_of_smiles(smiles)
    where = "SMILES" if index is None else f"SMILES {index}" + (f" of {total}" if total else "")
    shown = smiles if isinstance(smiles, str) else repr(smiles)
    if len(shown) > 80:
        shown = f"{shown[:60]}…"
    raise InputError(f"{where}, {shown!r}: {fault}")


def parse_all(smiles: Sequence[str]) -> list[Chem.Mol]:
    """Molecules of a batch of SMILES.

    Raises:
        InputError: at the first one that can't be read; names its position in the batch.
    """
    return [parse(text, index=i, total=len(smiles)) for i, text in enumerate(smiles, start=1)]


def canonical_smiles(smiles: str) -> str:
    """RDKit's canonical isomeric SMILES of a molecule.

    Raises:
        InputError: if it can't be read.
    """
    return str(Chem.MolToSmiles(parse(smiles)))


def _read(smiles: str, *, sanitize: bool) -> Chem.Mol | None:
    options = Chem.SmilesParserParams()
    options.sanitize = sanitize
    options.parseName = False
    options.allowCXSMILES = False
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(smiles, options)


def _fault_of_text(smiles: object) -> str | None:
    """What forbids handing this to the parser at all."""
    if not isinstance(smiles, str):
        return f"a text is needed, not {type(smiles).__name__}"
    if not smiles.strip():
        return "it is empty; write a molecule such as 'c1ccccc1'"
    if re.search(r"\s", smiles):
        return "it holds white space; give one SMILES, without a name"
    if len(smiles) > MAX_SMILES_LENGTH:
        return f"it has {len(smiles)} characters; at most {MAX_SMILES_LENGTH} are read"
    return None


def _fault_of_smiles(smiles: str) -> str:
    """Why RDKit refused a SMILES: syntax first, then chemistry."""
    syntax = _fault_of_syntax(smiles)
    if syntax is not None:
        return syntax
    unsanitised = _read(smiles, sanitize=False)
    if unsanitised is None:
        return "it is no valid SMILES"
    with rdBase.BlockLogs():
        problems = Chem.DetectChemistryProblems(unsanitised)
    for problem in problems:
        if problem.GetType() == "AtomValenceException":
            atom = unsanitised.GetAtomWithIdx(problem.GetAtomIdx())
            return f"atom {atom.GetIdx() + 1} ({atom.GetSymbol()}) has more bonds than its valence allows"
        if problem.GetType() == "KekulizeException":
            atoms = ", ".join(str(i + 1) for i in problem.GetAtomIndices())
            return f"no alternating double bonds can be placed on the aromatic atoms {atoms}"
    return "it is no valid molecule"


def _fault_of_syntax(smiles: str) -> str | None:
    """The first grammatical fault of a SMILES, or None where none is seen."""
    open_rings: dict[str, int] = {}
    branches: list[int] = []
    position = 0
    while position < len(smiles):
        match = _TOKEN.match(smiles, position)
        at = f"at character {position + 1}"
        if match is None:
            if smiles[position] == "[":
                return f"the bracket opened {at} is never closed"
            return f"{smiles[position]!r} {at} is no atom, bond or ring number"
        token = match.group()
        if match["ring"]:
            ring = token.strip("%()")
            if ring in open_rings:
                del open_rings[ring]
            else:
                open_rings[ring] = position
        elif match["open"]:
            branches.append(position)
        elif match["close"]:
            if not branches:
                return f"the parenthesis {at} closes nothing"
            branches.pop()
        elif match["atom"] and token not in _ORGANIC_SUBSET and _read(token, sanitize=False) is None:
            return f"{token!r} {at} is no atom"
        position = match.end()
    if open_rings:
        return f"ring {next(iter(open_rings))} is never closed"
    if branches:
        return f"the parenthesis at character {branches[-1] + 1} is never closed"
    if re.search(r"[-=#$:/\\~]([-=#$:/\\~)]|$)", re.sub(r"\[[^\]]*\]", "X", smiles)):
        return "a bond leads to no atom"
    return None
