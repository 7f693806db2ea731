import shutil
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import spearmanr

from labkit.campaign import Run, score
from labkit.dashboards import read_report
from labkit.dashboards._read_report import _kind_of
from labkit.dashboards._report_model import difference_of_means, mean_of
from labkit.docking import Pose
from labkit.molecules import properties


def test_a_round_holds_the_score_of_each_proposal_and_zero_for_what_was_refused(
    finished_run: Run, inhibitor_poses: list[Pose]
) -> None:
    first = read_report(finished_run).rounds[0]
    expected = []
    for pose in inhibitor_poses[:2]:
        found = properties(pose.proposed)
        parts = {"docking_energy": pose.energy, "ligand_efficiency": pose.ligand_efficiency}
        parts |= {"qed": found.qed, "sa": found.sa}
        expected.append(score(finished_run.specification.objective, parts))
    assert first.number == 1
    assert first.scores == pytest.approx((*expected, 0.0), abs=1e-12)
    assert first.smiles[2] == "C" * 40


def test_the_gain_is_the_last_rounds_mean_less_the_first(finished_run: Run) -> None:
    model = read_report(finished_run)
    assert model.gain is not None
    assert model.gain.value == pytest.approx(
        np.mean(model.rounds[1].scores) - np.mean(model.rounds[0].scores)
    )
    assert model.gain.low <= model.gain.value <= model.gain.high


def test_candidates_stand_in_the_order_of_the_runs_best_and_know_their_relatives(finished_run: Run) -> None:
    candidates = read_report(finished_run).candidates
    assert [c.smiles for c in candidates] == [row["smiles"] for row in finished_run.best()]
    assert [c.number for c in candidates] == [1, 2, 3, 4]
    # The docked molecules are known inhibitors themselves.
    assert all(c.similarity == pytest.approx(1) for c in candidates)
    assert {c.relative for c in candidates} == {"imatinib", "dasatinib", "danusertib"}


def test_contacts_carry_the_number_of_their_molecule(finished_run: Run, inhibitor_poses: list[Pose]) -> None:
    model = read_report(finished_run)
    energies = {c.number: c.kcal_mol for c in model.contacts}
    by_smiles = {c.proposed: c.number for c in model.candidates}
    assert energies == {
        by_smiles[inhibitor_poses[i].proposed]: e for i, e in {0: -6.0, 1: 1.5, 2: -3.0}.items()
    }
    assert {c.number for c in model.simulated} == set(energies)
    assert all(
        c.residue == inhibitor_poses[0].contacts[0].residue for c in model.contacts if c.kcal_mol == -6.0
    )


def test_ranks_are_those_of_what_reached_both_fidelities(
    finished_run: Run, plain_run: Run, inhibitor_poses: list[Pose]
) -> None:
    rank = read_report(finished_run).ranks["docking", "interaction"]
    docked = [inhibitor_poses[i].energy for i in range(3)]
    assert rank.value == pytest.approx(spearmanr(docked, [-6.0, 1.5, -3.0]).statistic) and rank.count == 3
    assert read_report(plain_run).ranks == {}


def test_the_funnel_counts_what_the_journal_holds(finished_run: Run, plain_run: Run) -> None:
    steps = [step.count for step in read_report(finished_run).steps]
    assert steps == [10, 8, 6, 4, 4, 3]
    assert [step.count for step in read_report(plain_run).steps] == [10, 8, 6, 4, 4]


def test_what_is_pinned_by_hand_was_not_proposed_and_is_counted_apart(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with run.journal(read_only=False) as journal:
        for fidelity in ("triage", "docking"):
            done = next(e for e in journal.evaluations(fidelity) if e.status == "done")
            journal.append_evaluation(replace(done, smiles="CCOc1ccc(NC(C)=O)cc1", round=1))
    steps = {step.key: step.count for step in read_report(run).steps}
    assert steps == {"drawn": 10, "valid": 8, "proposed": 6, "accepted": 4, "docked": 4, "pinned": 1}


@pytest.mark.parametrize(
    ("level", "circuit"), [("fast", "no quantum circuit"), ("standard", "and a quantum circuit")]
)
def test_the_funnel_tells_whether_a_circuit_took_part(finished_run: Run, level: str, circuit: str) -> None:
    run = Run(shutil.copytree(finished_run.folder, finished_run.folder.with_name(f"level-{level}")))
    file = run.folder / "campaign.toml"
    file.write_text(file.read_text().replace('level = "standard"', f'level = "{level}"'))
    (simulated,) = (step.name for step in read_report(run).steps if step.key == "simulated")
    assert circuit in simulated


def test_reasons_of_one_rule_are_counted_together(finished_run: Run) -> None:
    assert read_report(finished_run).rejections == {"… heavy atoms; 12 to 24 are allowed": 2}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("log P -3.21; -2 to 6 are allowed", "log P …; -2 to 6 are allowed"),
        ("structural alert aldehyde (BRENK)", "structural alert (BRENK)"),
        ("QED 0.123; at least 0.2 is needed", "QED …; at least 0.2 is needed"),
    ],
)
def test_a_kind_of_reason_keeps_the_rule_and_drops_the_molecules_number(reason: str, kind: str) -> None:
    assert _kind_of(reason) == kind


def test_failures_are_listed_with_their_reasons(broken_run: Run) -> None:
    failures = {(f.fidelity, f.reason) for f in read_report(broken_run).failures}
    assert failures == {
        ("docking", "no pose found in the box"),
        ("interaction", "SCF did not converge"),
    }


def test_an_interrupted_run_tells_what_there_is(interrupted_run: Run) -> None:
    model = read_report(interrupted_run)
    assert model.status == "interrupted"
    assert model.rounds == () and model.candidates == () and model.gain is None
    assert [step.count for step in model.steps] == [6, 4, 4, 0]


def test_the_interval_of_a_mean_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400)
    found = mean_of(values)
    half = NormalDist().inv_cdf(0.975) * values.std(ddof=1) / np.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=0.05 * half
    )


def test_the_interval_of_a_difference_covers_no_difference_when_there_is_none() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(60):
        found = difference_of_means(rng.normal(size=40), rng.normal(size=40))
        covered += found.low <= 0 <= found.high
    assert covered >= 50  # 57 are expected; 49 or fewer come once in ten thousand times
