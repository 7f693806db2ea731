"""Docking: targets, Vina, poses, contacts, and the fragments that the quantum layer looks at."""

from labkit.docking._contacts import Contact as Contact
from labkit.docking._dock import Docking as Docking
from labkit.docking._dock import dock as dock
from labkit.docking._fragments import MAX_HEAVY_ATOMS as MAX_HEAVY_ATOMS
from labkit.docking._fragments import QUICK_HEAVY_ATOMS as QUICK_HEAVY_ATOMS
from labkit.docking._fragments import contact_dimer as contact_dimer
from labkit.docking._fragments import contact_dimers as contact_dimers
from labkit.docking._pocket import Pocket as Pocket
from labkit.docking._pocket import pocket_atoms as pocket_atoms
from labkit.docking._pose import Pose as Pose
from labkit.docking._pose import pose_to_sdf as pose_to_sdf
from labkit.docking._pose import poses_from_sdf as poses_from_sdf
from labkit.docking._pose import read_poses as read_poses
from labkit.docking._pose import rmsd as rmsd
from labkit.docking._pose import shipped_pose as shipped_pose
from labkit.docking._pose import shipped_poses as shipped_poses
from labkit.docking._pose import write_poses as write_poses
from labkit.docking._prepare import add_target as add_target
from labkit.docking._target import Target as Target
from labkit.docking._target import list_targets as list_targets
from labkit.docking._target import load_target as load_target
