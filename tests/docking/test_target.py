from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from labkit.docking import _prepare, add_target, list_targets, load_target
from labkit.docking._receptor import load_receptor
from labkit.errors import InputError
from labkit.store import data_path

RECEPTOR = data_path("targets", "abl1", "receptor.pdb")
LIGAND = data_path("targets", "abl1", "ligand.sdf")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    return tmp_path / "targets"


def test_the_shipped_target_holds_imatinib_in_its_box() -> None:
    target = load_target("abl1")
    ligand = target.reference_ligand()
    assert ligand.GetNumHeavyAtoms() == 37
    inside = (
        np.abs(ligand.GetConformer().GetPositions() - target.box_center) <= np.array(target.box_size) / 2 + 1
    )
    assert inside.all()


def test_the_receptor_has_the_valences_of_a_protein() -> None:
    receptor = load_receptor(load_target("abl1"))
    most = {"H": 1, "C": 4, "N": 4, "O": 2, "S": 2}
    for symbol, bonded in zip(receptor.symbols, receptor.neighbours, strict=True):
        assert 1 <= len(bonded) <= most[symbol]
    peptide = [r for r in receptor.residues if receptor.bonded_residue_atom(r.atoms["C"], "N") is not None]
    assert len(peptide) == len(receptor.residues) - 1  # one unbroken chain


@pytest.mark.parametrize("name", ["abl2", "", "../abl1", "/etc", "ABL1 ", "a" * 500])
def test_an_unknown_target_names_those_there_are(name: str, folder: Path) -> None:
    with pytest.raises(InputError, match="not known; there are abl1"):
        load_target(name)


def test_the_nearest_name_comes_first(folder: Path) -> None:
    for name in ("egfr", "jak2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "target.toml").write_text("")
    with pytest.raises(InputError, match=r"there are egfr, (abl1, jak2|jak2, abl1)"):
        load_target("egfrr")


def test_a_users_target_is_prepared_from_the_interrupted_file(folder: Path) -> None:
    receptor, ligand = folder.parent / "r.pdb", folder.parent / "l.sdf"
    water = "HETATM 9001  O   HOH A 901      15.000  60.000  17.000  1.00  0.00           O  \n"
    receptor.write_text(RECEPTOR.read_text() + water)
    ligand.write_text(LIGAND.read_text())
    target = add_target("mine", receptor, ligand, key_residues=["A:MET318"])
    assert list_targets() == ["abl1", "mine"]
    assert load_target("mine") == target
    assert target.dropped == ("1 HOH",)
    shipped = load_target("abl1")
    assert np.linalg.norm(np.subtract(target.box_center, shipped.box_center)) < 2.0
    # Meeko's receptor and the one of Vina's authors agree on every heavy atom.
    ours, theirs = (_heavy_atoms(t.receptor_pdbqt) for t in (target, shipped))
    assert ours == theirs
    with pytest.raises(InputError, match="'mine': is taken"):
        add_target("mine", receptor, ligand)


def _heavy_atoms(pdbqt: Path) -> set[str]:
    lines = [line for line in pdbqt.read_text().splitlines() if line.startswith("ATOM")]
    return {line[30:54] for line in lines if not line[77:].startswith("H")}


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "Ünicode", "abl1", "x" * 41])
def test_unsafe_or_taken_names_are_refused(name: str, folder: Path) -> None:
    with pytest.raises(InputError, match="target name"):
        add_target(name, RECEPTOR, LIGAND)
    assert not folder.exists()


def _moved_ligand(shift: float) -> str:
    molecule = Chem.MolFromMolFile(str(LIGAND), removeHs=False)
    conformer = molecule.GetConformer()
    for i, position in enumerate(conformer.GetPositions()):
        conformer.SetAtomPosition(i, np.add(position, [shift, 0, 0]).tolist())
    return str(Chem.MolToMolBlock(molecule))


@pytest.mark.parametrize(
    ("receptor", "ligand", "fault"),
    [
        ("bare", "", "0 hydrogens for 2229 heavy atoms; all are needed"),
        ("", "far", "lies outside the receptor"),
        ("", "clash", "overlaps the receptor"),
        ("missing", "", "no such file; a PDB file"),
        ("", "missing", "no such file; an SDF file"),
        ("binary", "", "it is not text"),
        ("", "binary", "it is not text"),
        ("empty", "", "holds no"),
        ("", "empty", "holds no readable molecule"),
        ("water", "", "holds no amino acids"),
        ("", "flat", "has no three-dimensional coordinates"),
    ],
)
def test_bad_files_are_named_and_leave_nothing(receptor: str, ligand: str, fault: str, folder: Path) -> None:
    contents: dict[str, str | bytes] = {
        "bare": "".join(line for line in RECEPTOR.read_text().splitlines(True) if line[76:78].strip() != "H"),
        "far": _moved_ligand(80.0),
        "clash": _moved_ligand(4.0),
        "binary": bytes(range(128, 256)),
        "empty": "",
        "water": "HETATM 9001  O   HOH A 901      15.000  60.000  17.000  1.00  0.00           O  \n",
        "flat": Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")),
    }
    paths = []
    for kind, shipped in ((receptor, RECEPTOR), (ligand, LIGAND)):
        path = folder.parent / f"{kind}.file" if kind else shipped
        content = contents.get(kind)
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    with pytest.raises(InputError, match=fault) as error:
        add_target("mine", *paths)
    assert str(paths[0] if receptor else paths[1]) in str(error.value)
    assert "\n" not in str(error.value)
    assert not folder.exists() or not list(folder.iterdir())


def test_a_full_disk_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_prepare, "_receptor_pdbqt", lambda *_: "ATOM\n")
    monkeypatch.setattr(_prepare.os, "rename", full)
    with pytest.raises(InputError, match="No space left on device"):
        add_target("mine", RECEPTOR, LIGAND)
    assert list(folder.iterdir()) == []


def test_an_unwritable_data_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "file"))
    monkeypatch.setattr(_prepare, "_receptor_pdbqt", lambda *_: "ATOM\n")
    with pytest.raises(InputError, match="set LABKIT_DATA to another folder"):
        add_target("mine", RECEPTOR, LIGAND)


def test_a_broken_target_says_what_is_missing(folder: Path) -> None:
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / "target.toml").write_text("title = 'x'")
    with pytest.raises(InputError, match=r"receptor\.pdb is missing; add the target again"):
        load_target("mine")
    for name in ("receptor.pdb", "receptor.pdbqt", "ligand.sdf"):
        (folder / "mine" / name).write_text("")
    with pytest.raises(InputError, match="'box' is missing"):
        load_target("mine")
