import gc
import json
import logging
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from labkit.cli import main
from labkit.store import data_path

COMMANDS = [
    *(
        "run",
        "resume",
        "steer",
        "runs",
        "report",
        "compare",
        "prior",
        "generate",
        "optimize",
        "target",
        "dock",
    ),
    *("interaction", "triplet", "export", "simulate", "notebooks", "bench", "lab", "dashboard", "doctor"),
]
WATER_DIMER = str(data_path("dimers", "S66_01.xyz"))
LATER = ["bench"]


@pytest.fixture(autouse=True)
def restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """An empty folder to work in; what a command sets for its process is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    hook, level = sys.unraisablehook, logging.getLogger("labkit").level
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook
    logging.getLogger("labkit").setLevel(level)


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that must be refused says: one line on stderr, exit code 2, nothing on stdout."""
    try:
        code: object = main(arguments)
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1 and err.endswith("\n")
    return err


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    code = main([*arguments, "--json"])
    out, _ = capsys.readouterr()
    assert code == 0
    answer = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert out.count("\n") == 1 and isinstance(answer, dict)
    return answer


LABKIT = Path(sys.executable).with_name("labkit")


def test_the_version_is_that_of_the_package() -> None:
    done = subprocess.run([LABKIT, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"labkit {version('labkit')}\n", "")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert re.search(rf"\n    {name}\s", out), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert f"labkit {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", LATER)
def test_what_later_versions_build_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"'{name}' is not built yet" in _refused(capsys, name)
    assert f"'{name}' is not built yet" in _refused(capsys, name, "--budget", "100", "C1CC1", "--json")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "required: COMMAND"),
        (("fly",), "invalid choice: 'fly'"),
        (("generate", "--cuont", "3"), "--cuont"),
        (("generate", "--count", "many"), "invalid int value: 'many'"),
        (("generate", "--scaffold", "C[*:1]", "--near", "CC"), "not allowed with argument"),
        (("runs", "extra"), "extra"),
        (("dock",), "required: SMILES"),
        (("target", "add", "mine"), "--receptor"),
        (("prior",), "required: COMMAND"),
        (("optimize",), "one of the arguments --task --objective is required"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in _refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("generate", "--count", "-1"), "count -1"),
        (("generate", "--count", "1", "--seed", "-5"), "seed -5"),
        (("generate", "--count", "1", "--prior", "chembl"), "no prior 'chembl'"),
        (("generate", "--count", "1", "--scaffold", "c1ccccc1"), "'c1ccccc1': an attachment point is needed"),
        (("generate", "--count", "1", "--link", "C[*:1]"), "two parts are needed, not 1"),
        (("generate", "--count", "1", "--near", "CCO", "--similarity", "2"), "similarity 2.0: 0 to 1"),
        (("generate", "--count", "1", "--similarity", "0.5"), "name the molecule with --near"),
        (("optimize", "--task", "pmo:qde"), "no task 'pmo:qde'; known are pmo:qed, "),
        (("optimize", "--task", "pmo:qed", "--budget", "63"), "budget 63: at least 64"),
        (("optimize", "--objective", "absent.py:score"), "there is no file 'absent.py'"),
        (("optimize", "--objective", "absent.py"), "FILE.py:FUNCTION is wanted"),
        (("optimize", "--task", "pmo:qed", "--scaffold", "OB(O)c1ccc([*:1])cc1"), "can't write 'B'"),
        (("dock", "C1CC"), "'C1CC': ring 1 is never closed"),
        (("dock", *["CCO"] * 16, "C1CC", *["CCO"] * 47), "SMILES 17 of 64, 'C1CC'"),
        (("dock", "CC[Zn]CC"), "Zn"),
        (("dock", "C" * 200), "200"),
        (("dock", "CCO", "--target", "abl2"), "target 'abl2'"),
        (("dock", "CCO", "--exhaustiveness", "0"), "exhaustiveness = 0"),
        (("dock", "CCO", "--replay"), "no pose of 'CCO' ships with abl1"),
        (("interaction", "absent.xyz"), "absent.xyz"),
        (("interaction", WATER_DIMER, "--level", "exact"), "choose one of fast, standard, accurate"),
        (("interaction", WATER_DIMER, "--active-space", "casscf"), "choose one of mp2, frontier, avas"),
        (("interaction", WATER_DIMER, "--active-occupied", "5", "--active-virtual", "1"), "only 4 valence"),
        (("triplet", "CCO"), "CCO: no π system"),
        (("triplet", "absent.xyz"), "absent.xyz: no such file"),
        (("triplet", "C=C", "--solver", "ucj"), "choose one of uccsd, exact"),
        (("run", "quikc"), "no campaign 'quikc'"),
        (("run", "--set", "rounds=-2"), "rounds = -2"),
        (("run", "--set", "betta=1"), "betta is no key"),
        (("run", "--engine", "cloud"), "engine 'cloud'"),
        (("run", "--engine", "slurm"), "engine 'slurm': say with --workers"),
        (("run", "--workers", "0"), "workers 0"),
        (("run", "--seed", "-1"), "seed -1"),
        (("run", "--set", "target=abl2"), "target 'abl2'"),
        (("resume", "absent"), "no run 'absent'"),
        (("report", "absent"), "no run 'absent'"),
        (("notebooks", "absent"), "no notebook 'absent'"),
        (("prior", "train", "--data", "absent.smi"), "absent.smi"),
        (("prior", "train", "--out", "model.pkl"), "model.pkl"),
        (("target", "add", "mine", "--receptor", "absent.pdb", "--ligand", "absent.sdf"), "absent"),
    ],
)
def test_bad_input_is_told_in_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in _refused(capsys, *arguments)
    # A cache may be made; nothing that a user would take for a result.
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_an_unwritable_output_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("keep me")
    told = _refused(capsys, "run", "--out", "file/runs")
    assert "output folder 'file/runs' can't be written" in told
    assert (tmp_path / "file").read_text() == "keep me"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("no header at all", "charge"),
        ("charge=0 charge_a=0 charge_b=0 selection_a=1-3 selection_b=4-6", "overlap"),
        ("charge=1 charge_a=1 charge_b=0 selection_a=1-3 selection_b=4-6", "electron"),
    ],
)
def test_a_bad_dimer_file_is_told(
    header: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    water = ["O 0 0 0.117", "H 0 0.757 -0.469", "H 0 -0.757 -0.469"]
    shift = 0.1 if told == "overlap" else 3.0
    moved = [f"{(w := row.split())[0]} {float(w[1]) + shift} {w[2]} {w[3]}" for row in water]
    Path("d.xyz").write_text("\n".join(["6", header, *water, *moved]) + "\n")
    line = _refused(capsys, "interaction", "d.xyz")
    assert "d.xyz" in line and told in line.lower()


def test_a_truncated_journal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from labkit.campaign import Run, load_specification

    run = Run.create(load_specification("quick"), tmp_path / "runs", engine="local", workers=1)
    journal = run.folder / "journal.sqlite"
    journal.write_bytes(journal.read_bytes()[:5000])
    for command in ("resume", "report"):
        assert "journal.sqlite' is damaged" in _refused(capsys, command, str(run.folder))


def test_generating_answers_with_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    answer = _json(capsys, "generate", "--count", "3", "--seed", "1")
    assert {"smiles", "valid_fraction", "unique_fraction", "seconds"} <= answer.keys()
    assert isinstance(answer["smiles"], list) and len(answer["smiles"]) == 3
    scaffold = _json(capsys, "generate", "--count", "3", "--scaffold", "CS(=O)(=O)[*:1]")
    assert len(scaffold["smiles"]) == 3 and all("S(C)(=O)=O" in text for text in scaffold["smiles"])
    # Without --json the same molecules, one a line.
    assert main(["generate", "--count", "3", "--seed", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == answer["smiles"]


def test_no_molecules_are_valid_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    answer = _json(capsys, "generate", "--count", "0")
    assert (answer["smiles"], answer["valid_fraction"]) == ([], None)


def test_a_search_answers_with_its_figures_and_goes_on_where_it_was(
    small_prior_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.py").write_text("def shortness(smiles):\n    return [1 / len(text) for text in smiles]\n")
    arguments = ("optimize", "--objective", "mine.py:shortness", "--prior", str(small_prior_file))
    answer = _json(capsys, *arguments, "--budget", "64")
    assert {"auc_top1", "auc_top10", "auc_top100", "top10_mean", "best", "seconds"} <= answer.keys()
    assert (answer["calls"], answer["failed"], answer["out"]) == (64, 0, "searches/shortness-0")
    table = Path("searches/shortness-0/calls.csv").read_text().splitlines()
    assert len(table) == 65
    scores = [1 / len(line.split(",")[0]) for line in table[1:]]
    assert answer["top10_mean"] == pytest.approx(sum(sorted(scores)[-10:]) / 10)
    more = _json(capsys, *arguments, "--budget", "70")
    assert more["calls"] == 70
    assert Path("searches/shortness-0/calls.csv").read_text().splitlines()[:65] == table


def test_replayed_poses_are_written_where_they_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    from labkit.docking import shipped_poses

    smiles = shipped_poses("abl1")[0].proposed
    answer = _json(capsys, "dock", smiles, "--replay", "--out", "mine")
    assert answer["target"] == "abl1"
    (pose,) = answer["poses"]  # type: ignore[misc]
    assert {"energy", "contacts", "file"} <= pose.keys() and pose["energy"] < -5
    assert Path(pose["file"]).read_text().endswith("$$$$\n")


def test_runs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from labkit.campaign import Run, load_specification

    run = Run.create(load_specification("quick"), tmp_path / "runs", engine="local", workers=1)
    rows = _json(capsys, "runs")["runs"]
    assert isinstance(rows, list)
    mine = next(row for row in rows if row["run"] == run.folder.name)
    assert mine["status"] == "interrupted" and mine["campaign"] == "quick"  # nothing drives it
    assert main(["runs"]) == 0
    assert run.folder.name in capsys.readouterr().out


def test_an_interruption_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("labkit.campaign.list_runs", interrupt)
    assert main(["runs"]) == 130
    assert capsys.readouterr().err == "labkit: interrupted; what was done is saved\n"


def test_an_interruption_that_meets_the_garbage_collector_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    met = []

    def collected(phase: str, info: object) -> None:
        if not met:
            met.append(phase)
            signal.raise_signal(signal.SIGTERM)

    def collect(*args: object, **kwargs: object) -> None:
        gc.callbacks.append(collected)
        try:
            gc.collect()
            time.sleep(30)
        finally:
            gc.callbacks.remove(collected)

    monkeypatch.setattr("labkit.campaign.list_runs", collect)
    assert main(["runs"]) == 130
    assert met == ["start"]
    assert capsys.readouterr().err == "labkit: interrupted; what was done is saved\n"


def test_a_real_process_never_shows_a_traceback_for_bad_input() -> None:
    command = [LABKIT, "run", "--set", "proposals=-4", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("labkit: campaign 'quick': proposals = -4") and done.stderr.count("\n") == 1


def test_a_reader_that_stops_reading_is_no_traceback() -> None:
    with subprocess.Popen([LABKIT, "runs"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


SMALL_FEDERATION = """
name = "small"
machines = ["MeluXina", "Vega"]

[[work]]
jobs = 50
widest = 16
"""


def test_simulate_prints_its_promised_keys_and_writes_its_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL_FEDERATION)
    assert main(["simulate", str(path), "--json", "--out", str(tmp_path / "out")]) == 0
    answer = json.loads(capsys.readouterr().out)
    promised = "jobs makespan_s wait_mean_s utilisation energy_mwh pue erf co2_t zone_violations seconds"
    assert set(promised.split()) <= set(answer)
    assert answer["jobs"] == 50 and answer["zone_violations"] == 0
    assert (tmp_path / "out" / "jobs.parquet").is_file()


def test_simulate_projects_the_shipped_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL_FEDERATION)
    assert main(["simulate", str(path), "--run", "quick", "--copies", "2", "--zone", "SVN"]) == 0
    words = capsys.readouterr().out
    assert "outside the zone" in words and "the zone costs" in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mars",), "no scenario 'mars'"),
        (("--trace", "nowhere.swf"), "nowhere.swf"),
        (("--zone", "FIN"), "--zone FIN says where a run's data must stay; name one with --run"),
        (("--run", "quick", "--copies", "0"), "copies=0; at least 1 is wanted"),
        (("--run", "quick", "--zone", "USA"), "no machine of the scenario lies in the data's zone"),
        (("--policy", "luck"), "policy='luck'; choose one of earliest, energy, carbon"),
    ],
)
def test_what_simulate_refuses_is_named(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in _refused(capsys, "simulate", *arguments)
