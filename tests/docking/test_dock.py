import dataclasses
import multiprocessing
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from labkit.docking import Docking, dock, load_target, rmsd
from labkit.docking._dock import _vina
from labkit.errors import InputError, MissingDependencyError

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
SMALL = "CC(=O)Nc1ccc(O)cc1"


@pytest.fixture(scope="module")
def small() -> Docking:
    return dock(SMALL, exhaustiveness=1, seed=5)


def test_a_docking_reports_ordered_poses_inside_the_box(small: Docking) -> None:
    energies = [pose.energy for pose in small.poses]
    assert energies == sorted(energies)
    assert [pose.rank for pose in small.poses] == list(range(1, len(energies) + 1))
    assert small.ligand_efficiency == pytest.approx(-small.energy / 11)
    target = load_target("abl1")
    for pose in small.poses:
        molecule = pose.molecule()
        assert molecule.GetNumAtoms() == 20  # C8H9NO2, every hydrogen there
        offsets = abs(molecule.GetConformer().GetPositions() - target.box_center)
        assert (offsets <= 11.0).all()


def test_the_same_seed_gives_the_same_poses_in_any_process(
    small: Docking, capfd: pytest.CaptureFixture[str]
) -> None:
    dock("c1ccccc1C(=O)N", exhaustiveness=1, seed=5)  # what was docked before must not matter
    again = dock(SMALL, exhaustiveness=1, seed=5)
    assert again.poses == small.poses
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        elsewhere = pool.submit(dock, SMALL, exhaustiveness=1, seed=5).result()
    assert elsewhere.poses == small.poses
    assert capfd.readouterr() == ("", "")  # stdout belongs to JSON


def test_poses_are_plain_values(small: Docking) -> None:
    assert pickle.loads(pickle.dumps(small)) == small
    assert dataclasses.asdict(small)["poses"][0]["state"]["ph"] == 7.4
    assert hash(small.best) == hash(pickle.loads(pickle.dumps(small.best)))


def test_open_stereocentres_are_docked_both_ways() -> None:
    both = dock("CC(O)c1ccncc1", exhaustiveness=1, n_poses=20)
    assert len(both.states) == 2
    assert {pose.state for pose in both.poses} == set(both.states)


def test_a_salt_is_docked_without_its_counter_ion() -> None:
    found = dock("CC(=O)Nc1ccc(O)cc1.Cl", exhaustiveness=1, seed=5)
    assert found.notes[0] == "salt or solvent stripped: Cl"


def test_imatinib_redocks_within_2_angstrom_of_the_crystal() -> None:
    found = dock(IMATINIB, exhaustiveness=1, seed=0)
    assert rmsd(found.best, load_target("abl1").reference_ligand()) < 2.0
    assert found.best.state.charge == 1
    assert {contact.residue for contact in found.best.contacts} >= {
        "A:MET318",
        "A:THR315",
        "A:GLU286",
        "A:ASP381",
    }


@pytest.mark.parametrize(
    ("smiles", "fault"),
    [
        ("C1CC", "'C1CC': ring 1 is never closed"),
        ("c1ccccc1[Fe]", "holds Fe; docking handles"),
        ("[Na+].[Cl-]", "no fragment holds carbon"),
        ("C" * 200, "200 heavy atoms; at most 70"),
        ("C" * 40, "37 rotatable bonds; Vina handles at most 32"),
    ],
)
def test_what_cannot_be_docked_is_refused_in_one_line(smiles: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault) as error:
        dock(smiles)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"exhaustiveness": 0}, "exhaustiveness = 0: a whole number from 1 to 100"),
        ({"n_poses": 1000}, "n_poses = 1000"),
        ({"ph": -1.0}, "pH -1"),
        ({"seed": 0.5}, "seed = 0.5"),
        ({"target": "abl9"}, "target 'abl9': not known; there are abl1"),
    ],
)
def test_senseless_settings_are_refused(options: dict[str, int], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        dock(SMALL, **options)  # type: ignore[arg-type]


def test_a_platform_without_vina_gets_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vina", None)
    _vina.cache_clear()
    with pytest.raises(MissingDependencyError, match=r"pip install 'vina>=1\.2\.7'.*shipped_poses") as error:
        dock(SMALL)
    assert "\n" not in str(error.value)
