"""One molecule, one form: salts stripped, charges neutralised, isotopes dropped, tautomer chosen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from labkit.errors import InputError
from labkit.molecules._parse import parse

ORGANIC_ELEMENTS = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
"""Elements that every later step (force fields, Vina's atom types, the quantum basis) can describe."""


@dataclass(frozen=True)
class Standardised:
    """A molecule in standard form.

    Attributes:
        smiles: canonical SMILES of the standard form.
        notes: what was changed on the way, one plain line each.
    """

    smiles: str
    notes: tuple[str, ...]


def standardise(smiles: str, *, max_heavy_atoms: int = 150) -> Standardised:
    """Standard form of a molecule: its largest organic fragment, neutral, in its canonical tautomer.

    The form is for comparing and storing. For docking, charges are set again at a given pH
    (`prepare_states`).

    Args:
        smiles: one SMILES.
        max_heavy_atoms: larger molecules are refused before the (costly) tautomer step.

    Raises:
        InputError: if the SMILES can't be read, holds no organic fragment, or is too large.
    """
    molecule, notes = desalted(parse(smiles))
    size = molecule.GetNumHeavyAtoms()
    if size > max_heavy_atoms:
        raise InputError(f"SMILES {smiles[:60]!r}: {size} heavy atoms; at most {max_heavy_atoms} are handled")
    molecule, changed = canonical_tautomer(molecule)
    return Standardised(str(Chem.MolToSmiles(molecule)), (*notes, *changed))


def desalted(molecule: Chem.Mol) -> tuple[Chem.Mol, tuple[str, ...]]:
    """Largest organic fragment, neutralised and without isotope labels, and notes on what was changed.

    Raises:
        InputError: if no fragment holds carbon, or RDKit's clean-up fails.
    """
    notes: list[str] = []
    fragments = Chem.GetMolFrags(molecule, asMols=True, sanitizeFrags=False)
    if len(fragments) > 1:
        # RDKit's own chooser keeps the largest fragment even if it is inorganic.
        organic = [f for f in fragments if any(a.GetAtomicNum() == 6 for a in f.GetAtoms())]
        if not organic:
            raise InputError(f"SMILES {Chem.MolToSmiles(molecule)!r}: no fragment holds carbon")
        kept = max(organic, key=lambda f: (f.GetNumHeavyAtoms(), Chem.MolToSmiles(f)))
        dropped = sorted(Chem.MolToSmiles(f) for f in fragments if f is not kept)
        notes.append(f"salt or solvent stripped: {' '.join(dropped)}")
        Chem.SanitizeMol(kept)
        molecule = kept
    if any(atom.GetIsotope() for atom in molecule.GetAtoms()):
        notes.append("isotope labels dropped")
        molecule = Chem.Mol(molecule)
        for atom in molecule.GetAtoms():
            atom.SetIsotope(0)
        molecule = Chem.RemoveHs(molecule)
    charges = [atom.GetFormalCharge() for atom in molecule.GetAtoms()]
    with rdBase.BlockLogs():
        try:
            molecule = rdMolStandardize.Uncharger().uncharge(rdMolStandardize.Cleanup(molecule))
        except (ValueError, RuntimeError) as error:
            first = str(error).strip().splitlines()[0]
            raise InputError(
                f"SMILES {Chem.MolToSmiles(molecule)!r}: can't be cleaned up ({first})"
            ) from None
        written = Chem.MolToSmiles(molecule)
        if Chem.MolFromSmiles(written) is None:  # one in a thousand aromatic forms
            raise InputError(f"SMILES {written!r}: RDKit can't read what its own clean-up wrote")
    if sum(map(abs, charges)) > sum(abs(atom.GetFormalCharge()) for atom in molecule.GetAtoms()):
        notes.append("charges neutralised")
    return molecule, tuple(notes)


def canonical_tautomer(molecule: Chem.Mol) -> tuple[Chem.Mol, tuple[str, ...]]:
    """RDKit's canonical tautomer (at most 100 are looked at), stereo kept, and a note if it changed."""
    before = Chem.MolToSmiles(molecule)
    with rdBase.BlockLogs():
        try:
            chosen = _tautomers().Canonicalize(molecule)
            # A round trip makes the form independent of the order in which its atoms were written.
            chosen = Chem.MolFromSmiles(Chem.MolToSmiles(chosen))
        except (ValueError, RuntimeError):
            chosen = None
    if chosen is None:
        return molecule, ("tautomers can't be listed; kept as given",)
    return chosen, ("tautomer canonicalised",) if Chem.MolToSmiles(chosen) != before else ()


@cache
def _tautomers() -> rdMolStandardize.TautomerEnumerator:
    enumerator = rdMolStandardize.TautomerEnumerator()
    enumerator.SetMaxTautomers(100)
    enumerator.SetMaxTransforms(100)
    # Stereo is part of what was proposed; losing it here would dock another molecule.
    enumerator.SetRemoveSp3Stereo(False)
    enumerator.SetRemoveBondStereo(False)
    return enumerator
