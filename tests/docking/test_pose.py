from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from labkit.docking import (
    load_target,
    pocket_atoms,
    read_poses,
    rmsd,
    shipped_pose,
    shipped_poses,
    write_poses,
)
from labkit.errors import InputError
from labkit.molecules import conformer


def test_rmsd_ignores_symmetry_charge_and_atom_order() -> None:
    benzoate = conformer("[O-]C(=O)c1ccccc1")
    flipped = Chem.RenumberAtoms(benzoate, [2, 1, 0, *range(3, benzoate.GetNumAtoms())])
    assert rmsd(benzoate, flipped) == pytest.approx(0.0, abs=1e-6)
    neutral = Chem.AddHs(Chem.RemoveHs(benzoate), addCoords=True)
    assert rmsd(neutral, benzoate) == pytest.approx(0.0, abs=1e-6)


def test_rmsd_is_measured_in_place() -> None:
    start = conformer("CCOc1ccccc1")
    moved = Chem.Mol(start)
    shift = np.eye(4)
    shift[:3, 3] = [3.0, 4.0, 0.0]
    rdMolTransforms.TransformConformer(moved.GetConformer(), shift)
    assert rmsd(moved, start) == pytest.approx(5.0)


def test_rmsd_of_unlike_molecules_is_refused() -> None:
    with pytest.raises(InputError, match="unlike molecules"):
        rmsd(conformer("CCO"), conformer("CCN"))


def test_poses_survive_a_file(tmp_path: Path) -> None:
    poses = shipped_poses("abl1")
    path = write_poses(poses, tmp_path / "new" / "poses.sdf")
    assert read_poses(path) == poses
    assert [file.name for file in path.parent.iterdir()] == ["poses.sdf"]


def test_shipped_imatinib_lies_on_the_crystal_structure() -> None:
    imatinib = next(p for p in shipped_poses() if p.proposed.startswith("Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)"))
    assert rmsd(imatinib, load_target("abl1").reference_ligand()) < 2.0


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "no such file"),
        ("", "holds no pose"),
        ("nonsense\n$$$$\n", "record 1 is no readable molecule"),
        (Chem.MolToMolBlock(Chem.MolFromSmiles("C")) + "$$$$\n", "'target' is missing"),
    ],
)
def test_files_without_poses_are_refused(content: str | None, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "poses.sdf"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=fault):
        read_poses(path)


def test_an_unwritable_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        write_poses(shipped_poses(), tmp_path / "file" / "poses.sdf")


def test_the_pocket_holds_whole_residues_around_the_pose() -> None:
    pose = shipped_poses()[0]
    pocket = pocket_atoms(pose, cutoff=4.0)
    assert {contact.residue for contact in pose.contacts} == set(pocket.residues)
    lengths = [np.linalg.norm(pocket.coordinates[i] - pocket.coordinates[j]) for i, j in pocket.bonds]
    assert 0.9 < min(lengths) < max(lengths) < 1.9  # from O–H to C–S
    with pytest.raises(InputError, match="cutoff = 0"):
        pocket_atoms(pose, cutoff=0)


def test_the_best_shipped_pose_of_a_molecule_is_found_whichever_way_it_is_written() -> None:
    assert shipped_pose("CN1CCN(CC1)Cc1ccc(cc1)C(=O)Nc1ccc(C)c(c1)Nc1nccc(n1)-c1cccnc1") == shipped_poses()[0]
    assert shipped_pose("c1ccccc1-c1ccc(O)cc1").energy > -10  # a decoy
    with pytest.raises(InputError, match="no pose of 'CCO' is shipped; there are those of"):
        shipped_pose("CCO")
