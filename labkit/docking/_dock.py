"""Docking with AutoDock Vina in the calling process, on one thread.

Vina 1.2: Eberhardt et al. 2021, 10.1021/acs.jcim.1c00203. Parallel work is done by worker processes, each
with its own maps: a result depends on molecule, settings and seed, not on how many workers there are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from labkit.docking._pose import Pose, make_pose
from labkit.docking._target import Target, load_target
from labkit.errors import EvaluationError, InputError, MissingDependencyError
from labkit.molecules import ORGANIC_ELEMENTS, State, conformer, prepare_states, standardise

if TYPE_CHECKING:
    from vina import Vina

MAX_HEAVY_ATOMS = 70
MAX_ROTATABLE_BONDS = 32
"""Vina's own limit on torsions."""


@dataclass(frozen=True)
class Docking:
    """Outcome of docking one molecule.

    Attributes:
        proposed: the SMILES that was asked for.
        smiles: its standard form.
        notes: what standardising changed, one line each.
        target: name of the target.
        states: the states that were docked.
        poses: the best poses over all states, the best first; never empty.
        exhaustiveness: Vina's number of independent searches.
        ph: pH of the states.
        seed: seed of conformers and search.
        seconds: wall time.
    """

    proposed: str
    smiles: str
    notes: tuple[str, ...]
    target: str
    states: tuple[State, ...]
    poses: tuple[Pose, ...]
    exhaustiveness: int
    ph: float
    seed: int
    seconds: float

    @property
    def best(self) -> Pose:
        """The pose of lowest energy."""
        return self.poses[0]

    @property
    def energy(self) -> float:
        """Vina score of the best pose, kcal/mol."""
        return self.best.energy

    @property
    def ligand_efficiency(self) -> float:
        """Minus the best energy per heavy atom, kcal/mol."""
        return self.best.ligand_efficiency


def dock(
    smiles: str,
    target: str | Target = "abl1",
    *,
    exhaustiveness: int = 4,
    n_poses: int = 3,
    seed: int = 0,
    ph: float = 7.4,
    max_states: int = 2,
) -> Docking:
    """Dock one molecule into a target.

    The molecule is standardised, put into its dominant protonation state at the pH, and docked once for
    each stereoisomer it leaves open (at most `max_states`). A plain function of plain values: it can be
    handed to a worker process. The same arguments give the same poses.

    Args:
        smiles: one SMILES.
        target: name of a target (`list_targets`), or the target.
        exhaustiveness: Vina's number of independent searches; time is proportional to it.
        n_poses: most poses to keep, over all states.
        seed: seed of conformers and search.
        ph: pH, 0–14.
        max_states: most stereoisomers to dock.

    Raises:
        InputError: if the SMILES, the target or a setting makes no sense, or the molecule can't be docked.
        EvaluationError: if no conformer or no pose is found.
        MissingDependencyError: if Vina or Meeko is not installed.
    """
    started = time.perf_counter()
    chosen = load_target(target)
    for name, value in (("exhaustiveness", exhaustiveness), ("n_poses", n_poses)):
        if not isinstance(value, int) or not 1 <= value <= 100:
            raise InputError(f"{name} = {value!r}: a whole number from 1 to 100 is needed")
    if not isinstance(seed, int):
        raise InputError(f"seed = {seed!r}: a whole number is needed")
    standard = standardise(smiles, max_heavy_atoms=MAX_HEAVY_ATOMS)
    _check_dockable(standard.smiles)
    states = prepare_states(standard.smiles, ph=ph, max_states=max_states)
    vina = _vina(chosen, seed)
    found = [
        (energy, state, molecule)
        for state in states
        for energy, molecule in _search(
            vina, state, exhaustiveness=exhaustiveness, n_poses=n_poses, seed=seed
        )
    ]
    # Ties keep the order of the states: sorting by energy alone is stable.
    found.sort(key=lambda item: item[0])
    poses = tuple(
        make_pose(molecule, chosen, proposed=smiles, state=state, rank=rank, energy=energy, seed=seed)
        for rank, (energy, state, molecule) in enumerate(found[:n_poses], start=1)
    )
    return Docking(
        proposed=smiles,
        smiles=standard.smiles,
        notes=standard.notes,
        target=chosen.name,
        states=states,
        poses=poses,
        exhaustiveness=exhaustiveness,
        ph=ph,
        seed=seed,
        seconds=time.perf_counter() - started,
    )


def _check_dockable(smiles: str) -> None:
    molecule = Chem.MolFromSmiles(smiles)
    foreign = sorted({atom.GetSymbol() for atom in molecule.GetAtoms()} - set(ORGANIC_ELEMENTS))
    if foreign:
        raise InputError(
            f"SMILES {smiles!r}: holds {', '.join(foreign)}; docking handles {', '.join(ORGANIC_ELEMENTS)}"
        )
    torsions = rdMolDescriptors.CalcNumRotatableBonds(molecule)
    if torsions > MAX_ROTATABLE_BONDS:
        raise InputError(
            f"SMILES {smiles!r}: {torsions} rotatable bonds; Vina handles at most {MAX_ROTATABLE_BONDS}"
        )


def _search(
    vina: Vina, state: State, *, exhaustiveness: int, n_poses: int, seed: int
) -> list[tuple[float, Chem.Mol]]:
    """Energies (kcal/mol) and posed molecules of one state, the best first."""
    import meeko

    ligand = conformer(state.smiles, seed=seed)
    setups = meeko.MoleculePreparation().prepare(ligand)
    pdbqt, fine, fault = meeko.PDBQTWriterLegacy.write_string(setups[0])
    if not fine:
        raise EvaluationError(f"{state.smiles}: Meeko can't prepare it ({' '.join(fault.split())})")
    try:
        vina.set_ligand_from_string(pdbqt)
        vina.dock(exhaustiveness=exhaustiveness, n_poses=n_poses)
        energies = vina.energies(n_poses=n_poses, energy_range=10.0)
        poses = vina.poses(n_poses=n_poses, energy_range=10.0)
    except (RuntimeError, ValueError, IndexError) as error:
        raise EvaluationError(
            f"{state.smiles}: Vina found no pose ({' '.join(str(error).split())})"
        ) from None
    with rdBase.BlockLogs():
        molecules = meeko.RDKitMolCreate.from_pdbqt_mol(meeko.PDBQTMolecule(poses, skip_typing=True))
    if len(energies) == 0 or not molecules or molecules[0] is None:
        raise EvaluationError(f"{state.smiles}: Vina found no pose inside the box")
    posed = molecules[0]
    return [
        (float(row[0]), Chem.Mol(posed, confId=conformer_of.GetId()))
        for row, conformer_of in zip(energies, posed.GetConformers(), strict=True)
    ]


@lru_cache(maxsize=2)
def _vina(target: Target, seed: int) -> Vina:
    """Vina with the target's maps, made once per process and seed (3 s): a campaign keeps one seed."""
    try:
        import meeko  # noqa: F401 - fails here, before the maps are computed
        from vina import Vina
    except ImportError:
        raise MissingDependencyError(
            "docking needs Vina and Meeko, whose wheels exist for Linux x86-64 and Python 3.11-3.12: "
            "pip install 'vina>=1.2.7' 'meeko>=0.7'; elsewhere look at labkit.docking.shipped_poses()"
        ) from None
    # Vina takes 0 for "draw a seed at random".
    engine = Vina(sf_name="vina", cpu=1, seed=seed % (2**31 - 2) + 1, verbosity=0)
    try:
        engine.set_receptor(str(target.receptor_pdbqt))
        engine.compute_vina_maps(center=list(target.box_center), box_size=list(target.box_size))
    except (RuntimeError, TypeError, ValueError) as error:
        first = " ".join(str(error).split())
        raise InputError(
            f"target {target.name!r}: Vina can't read its receptor ({first}); add it again"
        ) from None
    return engine
