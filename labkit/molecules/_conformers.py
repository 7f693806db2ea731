"""Three-dimensional structures of molecules."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from labkit.errors import EvaluationError
from labkit.molecules._parse import parse


def conformer(molecule: Chem.Mol | str, *, seed: int = 0) -> Chem.Mol:
    """A copy of the molecule with all hydrogens and one relaxed conformer (Å).

    ETKDGv3 (Wang et al. 2020, 10.1021/acs.jcim.0c00025), then MMFF94s, or UFF where MMFF lacks parameters.
    The same seed gives the same conformer.

    Raises:
        InputError: if a SMILES can't be read.
        EvaluationError: if no conformer can be embedded.
    """
    mol = Chem.AddHs(parse(molecule) if isinstance(molecule, str) else molecule)
    options = rdDistGeom.ETKDGv3()
    # RDKit takes a non-negative 32-bit seed; -1 would mean "random".
    options.randomSeed = seed % (2**31 - 1)
    with rdBase.BlockLogs():
        if rdDistGeom.EmbedMolecule(mol, options) < 0:
            options.useRandomCoords = True
            if rdDistGeom.EmbedMolecule(mol, options) < 0:
                raise EvaluationError(f"{Chem.MolToSmiles(Chem.RemoveHs(mol))}: no conformer can be embedded")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
            rdForceFieldHelpers.MMFFOptimizeMolecule(mol, mmffVariant="MMFF94s", maxIters=500)
        elif rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
            rdForceFieldHelpers.UFFOptimizeMolecule(mol, maxIters=500)
    return mol
