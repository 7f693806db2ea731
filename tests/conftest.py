"""Small runs for the tests of what reads runs, written through the journal's own interface.

Their poses and their triplet are real, so that what reads them meets what labkit writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run, Specification, load_specification, pose_file, score
from labkit.docking import Pose, pose_to_sdf, shipped_poses
from labkit.molecules import properties
from labkit.quantum import InteractionEnergy
from labkit.store import Evaluation, Journal, Proposal

MakeRun = Callable[..., Run]

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
IMATINIB_AGAIN = "CN1CCN(CC1)Cc1ccc(cc1)C(=O)Nc1ccc(C)c(c1)Nc1nccc(n1)-c1cccnc1"

# Errors in mHa: the quantum solver is within 1 mHa, beats random bits twice out of three times.
CONTROLS = (
    {"capped_error_mha": 0.2, "random_bits_error_mha": 5.0, "singles_doubles_error_mha": 2.0},
    {"capped_error_mha": 0.3, "random_bits_error_mha": 0.1, "singles_doubles_error_mha": 3.0},
    {"capped_error_mha": 0.4, "random_bits_error_mha": 4.0, "singles_doubles_error_mha": 4.0},
)


@pytest.fixture(scope="session")
def equal_strings() -> list[str]:
    """ZINC strings of 18 tokens: of one length, so that training compiles once."""
    from labkit.generative._vocabulary import tokenize
    from labkit.molecules import load_zinc250k

    return [text for text in load_zinc250k() if len(tokenize(text)) == 18]


@pytest.fixture(scope="session")
def small_prior_file(tmp_path_factory: pytest.TempPathFactory, equal_strings: list[str]) -> Path:
    """A prior so small, trained for so long, that it knows its 64 strings by heart."""
    from labkit.generative import PriorTraining, build_prior

    settings = PriorTraining(
        epochs=(150,),
        batch=32,
        learning_rate=1e-2,
        warmup=20,
        min_token_count=1,
        embedding=32,
        hidden=128,
        depth=1,
    )
    file = tmp_path_factory.mktemp("prior") / "small.safetensors"
    build_prior(equal_strings[:64], file, settings, data="64 strings of ZINC250k")
    return file


@pytest.fixture(scope="session")
def inhibitor_poses() -> list[Pose]:
    """The best shipped pose of each inhibitor; as a fourth, imatinib's second, written another way."""
    best: dict[str, Pose] = {}
    for pose in shipped_poses("abl1"):
        best.setdefault(pose.proposed, pose)
    second = [pose for pose in shipped_poses("abl1") if pose.proposed == IMATINIB][1]
    return [*best.values(), replace(second, proposed=IMATINIB_AGAIN)]


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory, inhibitor_poses: list[Pose]) -> MakeRun:
    """Writes a run of two rounds: four docked inhibitors, two rejected molecules.

    ``energies``: interaction energies (kcal/mol) by index of the pose; ``failures``: whether one docking and
    one simulation failed; ``rounds``: how many of the two are finished.
    """
    poses = inhibitor_poses

    def make(*, energies: Mapping[int, float] | None = None, failures: bool = False, rounds: int = 2) -> Run:
        specification = _specification(interaction=energies is not None)
        run = Run.create(specification, tmp_path_factory.mktemp("runs"), engine="local", workers=1)
        with run.journal(read_only=False) as journal:
            for number, members in enumerate(((0, 1), (2, 3))):
                _write_round(
                    journal,
                    specification,
                    number,
                    {i: poses[i] for i in members},
                    energies or {},
                    failures=failures and number == 1,
                    finished=number < rounds,
                )
        if rounds == 2:
            run.write_manifest(
                status="done",
                seconds=100.0,
                energy_wh=0.2,
                energy_uncertainty_wh=0.1,
                energy_method="assumed 8 W a core",
            )
        return run

    return make


def _specification(*, interaction: bool) -> Specification:
    specification = load_specification("quick", ["rounds=2", "proposals=3"])
    if interaction:
        return specification
    objective = {k: v for k, v in specification.objective.items() if k != "interaction_energy"}
    return specification.model_copy(update={"interaction": None, "objective": objective})


def _write_round(
    journal: Journal,
    specification: Specification,
    number: int,
    poses: Mapping[int, Pose],
    energies: Mapping[int, float],
    *,
    failures: bool,
    finished: bool,
) -> None:
    rejected = "C" * (40 + number)
    smiles = [pose.proposed for pose in poses.values()]
    journal.append_proposals([Proposal(number, i, s) for i, s in enumerate([*smiles, rejected])])

    def append(text: str, fidelity: str, status: str, result: dict[str, Any]) -> None:
        journal.append_evaluation(
            Evaluation(number, text, fidelity, "", status, result, seconds=1.0, cached=False)
        )

    append(rejected, "triage", "rejected", {"reason": f"{40 + number} heavy atoms; 12 to 24 are allowed"})
    parts: dict[str, dict[str, float]] = {}
    for i, pose in poses.items():
        text, found = pose.proposed, asdict(properties(pose.proposed))
        append(text, "triage", "done", {"smiles": text, "properties": found})
        if failures and i == 3:
            append(text, "docking", "failed", {"reason": "no pose found in the box"})
            continue
        own = {"docking_energy": pose.energy, "ligand_efficiency": pose.ligand_efficiency}
        append(
            text,
            "docking",
            "done",
            {
                "smiles": text,
                "state": pose.state.smiles,
                "components": own,
                "contacts": [asdict(contact) for contact in pose.contacts],
                "pose": pose_to_sdf(pose),
            },
        )
        parts[text] = {name: value for name, value in found.items() if name in ("qed", "sa")} | own
        if failures:
            append(text, "interaction", "failed", {"reason": "SCF did not converge"})
        elif i in energies:
            append(text, "interaction", "done", _interaction(pose, energies[i], CONTROLS[i % 3]))
            parts[text]["interaction_energy"] = energies[i]
    _write_poses(journal.path.parent, poses.values())
    if finished:
        scores = {text: (score(specification.objective, own), own) for text, own in parts.items()}
        journal.append_scores(number, scores)
        mean = sum(value for value, _ in scores.values()) / 3
        journal.append_metrics(
            number, {"score_mean": mean, "drawn": 5 * (number + 1), "valid": 4 * (number + 1)}
        )
        for stage in ("docking", "interaction"):
            journal.append_meter(stage, 10.0, 0.05, 0.025, "assumed 8 W a core")


def _write_poses(folder: Path, poses: Iterable[Pose]) -> None:
    for pose in poses:
        text = pose_to_sdf(pose)
        (folder / pose_file({"pose": text})).write_text(text)


def _interaction(pose: Pose, kcal_mol: float, controls: Mapping[str, float]) -> dict[str, Any]:
    error = controls["capped_error_mha"]
    energy = InteractionEnergy(
        kcal_mol=kcal_mol,
        level="standard",
        method="ωB97X-3c",
        charge_class="neutral",
        components={},
        error_estimate_kcal_mol=0.2,
        error_estimate_source="",
        quantum={
            "shots": 1000,
            "error_mha": error,
            "delta_kcal_mol": 0.1,
            "delta_exact_kcal_mol": -0.01,
            "dimer": {"dimension": 225, "full_dimension": 4900},
            "controls": {**controls, "cap_share": 0.0988, "ccsd_error_mha": 0.05},
            "circuit": {"qubits": 16, "two_qubit_gates": 7488},
        },
        seconds={"functional": 30.0, "sampling": 10.0, "total": 40.0},
    )
    contact = asdict(pose.contacts[0])
    return {
        "components": {"interaction_energy": kcal_mol},
        "contacts": [{"contact": contact, "dimer": "", "energy": energy.as_dict()}],
        "refused": [],
    }


@pytest.fixture(scope="session")
def finished_run(make_run: MakeRun) -> Run:
    """Both rounds finished, three molecules simulated; the middle one repels."""
    return make_run(energies={0: -6.0, 1: 1.5, 2: -3.0})


@pytest.fixture(scope="session")
def plain_run(make_run: MakeRun) -> Run:
    """Both rounds finished, no section [interaction]."""
    return make_run()


@pytest.fixture(scope="session")
def broken_run(make_run: MakeRun) -> Run:
    """Both rounds finished; a docking and a simulation failed, so nothing of round 2 was simulated."""
    return make_run(energies={0: -6.0}, failures=True)


@pytest.fixture(scope="session")
def interrupted_run(make_run: MakeRun) -> Run:
    """Interrupted before its first round was finished."""
    return make_run(energies={}, rounds=0)


# Computed, not chosen for it, rejected: of each round.
AZULENE = "c1ccc2cccc-2cc1"
TRIPLET_ROUNDS = (
    ({"C=CC=CC=C": 2.4, "O=C1C=CC(=O)C=C1": 0.9}, "c1ccccc1", "CCCCC"),
    ({AZULENE: 1.1, "C=C1C=CC=C1": 1.3}, "C=CC=C", "CCCCCC"),
)
_BUTADIENE = Path(__file__).with_name("triplet_of_butadiene.json")


@pytest.fixture(scope="session")
def make_triplet_run(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """Writes a run without docking, of two rounds of four proposals each.

    ``failures``: whether a triplet of the second round can't be computed; ``rounds``: how many of the two are
    finished; ``solver``: of the active spaces.
    """

    def make(*, failures: bool = False, rounds: int = 2, solver: str = "uccsd") -> Run:
        overrides = ["rounds=2", "proposals=4", "triplet.candidates=2", f"triplet.solver={solver}"]
        specification = load_specification("photosensitiser", overrides)
        run = Run.create(specification, tmp_path_factory.mktemp("runs"), engine="local", workers=1)
        with run.journal(read_only=False) as journal:
            for number, (computed, *others) in enumerate(TRIPLET_ROUNDS):
                failed = list(computed)[-1] if failures and number == 1 else None
                _write_triplet_round(
                    journal, specification, number, computed, others, failed, number < rounds
                )
        if rounds == 2:
            run.write_manifest(
                status="done", seconds=90.0, energy_wh=0.2, energy_uncertainty_wh=0.1, energy_method="assumed"
            )
        return run

    return make


def _write_triplet_round(
    journal: Journal,
    specification: Specification,
    number: int,
    computed: Mapping[str, float],
    others: Iterable[str],
    failed: str | None,
    finished: bool,
) -> None:
    unchosen, rejected = others
    journal.append_proposals([Proposal(number, i, s) for i, s in enumerate([rejected, unchosen, *computed])])

    def append(text: str, fidelity: str, status: str, result: dict[str, Any]) -> None:
        journal.append_evaluation(
            Evaluation(number, text, fidelity, "", status, result, seconds=1.0, cached=False)
        )

    append(rejected, "triage", "rejected", {"reason": "0 conjugated atoms; 4 to 16 are allowed"})
    for text in (unchosen, *computed):
        append(text, "triage", "done", {"smiles": text, "properties": asdict(properties(text))})
    scores = {}
    for text, ev in computed.items():
        if text == failed:
            append(text, "triplet", "failed", {"reason": "the orbitals of T1 don't converge"})
            continue
        energy = _triplet(ev, specification)
        append(
            text, "triplet", "done", {"smiles": text, "components": {"triplet_energy": ev}, "energy": energy}
        )
        found = properties(text)
        parts = {"sa": found.sa, "mw": found.mw, "triplet_energy": ev}
        scores[text] = (score(specification.objective, parts), parts)
    if finished:
        journal.append_scores(number, scores)
        mean = sum(value for value, _ in scores.values()) / 3
        journal.append_metrics(
            number, {"score_mean": mean, "drawn": 6 * (number + 1), "valid": 5 * (number + 1)}
        )
        journal.append_meter("triplet", 10.0, 0.05, 0.025, "assumed 8 W a core")


def _triplet(ev: float, specification: Specification) -> dict[str, Any]:
    """Butadiene's triplet as labkit computes it, moved to another energy; n→π* where it lies above 2 eV."""
    energy: dict[str, Any] = json.loads(_BUTADIENE.read_text())
    shift = ev - energy["ev"]
    energy["components"] = {name: value + shift for name, value in energy["components"].items()}
    energy |= {"ev": ev, "state": "n→π*" if ev > 2 else "ππ*"}
    if ev < 1:
        energy["notes"] = ["lone pairs in the plane (O1, O6) are outside the space: n→π* may lie lower"]
    if specification.triplet is not None:
        energy["quantum"]["method"] = specification.triplet.solver
    return energy


@pytest.fixture(scope="session")
def triplet_run(make_triplet_run: MakeRun) -> Run:
    """Both rounds finished, two triplets in each, those of the second in the window."""
    return make_triplet_run()


@pytest.fixture(scope="session")
def broken_triplet_run(make_triplet_run: MakeRun) -> Run:
    """Both rounds finished, one triplet failed; solved exactly, without a circuit."""
    return make_triplet_run(failures=True, solver="exact")


@pytest.fixture(scope="session")
def interrupted_triplet_run(make_triplet_run: MakeRun) -> Run:
    """Interrupted before its first round was finished."""
    return make_triplet_run(rounds=0)
