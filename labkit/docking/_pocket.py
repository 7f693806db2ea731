"""The pocket around a pose, as what a three-dimensional picture needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labkit.docking._pose import Pose
from labkit.docking._receptor import load_receptor
from labkit.docking._target import Target, load_target
from labkit.errors import InputError


@dataclass(frozen=True, eq=False)
class Pocket:
    """Atoms of the residues around a pose, without hydrogens that don't bind to N, O or S.

    Attributes:
        symbols: element symbols.
        coordinates: positions, shape (natom, 3), Å.
        residues: label of each atom's residue, as "A:MET318".
        bonds: pairs of atoms, indices into the above, the first smaller.
    """

    symbols: tuple[str, ...]
    coordinates: NDArray[np.float64]
    residues: tuple[str, ...]
    bonds: tuple[tuple[int, int], ...]


def pocket_atoms(pose: Pose, target: str | Target | None = None, *, cutoff: float = 5.0) -> Pocket:
    """Whole residues that come within `cutoff` Å of a heavy atom of the pose.

    Raises:
        InputError: if the target is unknown or the cutoff isn't positive.
    """
    if not cutoff > 0:
        raise InputError(f"cutoff = {cutoff}: a positive distance in Å is needed")
    receptor = load_receptor(load_target(pose.target if target is None else target))
    ligand = pose.molecule()
    heavy = [atom.GetIdx() for atom in ligand.GetAtoms() if atom.GetAtomicNum() > 1]
    hits = receptor.heavy_tree.query_ball_point(ligand.GetConformer().GetPositions()[heavy], cutoff)
    near = {receptor.residue_of[receptor.heavy[i]] for row in hits for i in row}
    shown = [
        i
        for i, symbol in enumerate(receptor.symbols)
        if receptor.residue_of[i] in near
        and (symbol != "H" or any(receptor.symbols[j] != "C" for j in receptor.neighbours[i]))
    ]
    index = {atom: k for k, atom in enumerate(shown)}
    return Pocket(
        symbols=tuple(receptor.symbols[i] for i in shown),
        coordinates=receptor.coordinates[shown],
        residues=tuple(receptor.residues[receptor.residue_of[i]].label for i in shown),
        bonds=tuple(
            (index[i], index[j]) for i in shown for j in receptor.neighbours[i] if i < j and j in index
        ),
    )
