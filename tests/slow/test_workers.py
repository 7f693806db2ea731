"""One worker or two, each with its own cache: the same decisions, the same energies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Campaign, Run

CAMPAIGN = """
name = "workers"
rounds = 2
proposals = 10
[triage]
heavy_atoms = [10, 26]
[docking]
exhaustiveness = 1
[interaction]
candidates = 2
max_heavy_atoms = 9
shots = 20_000
[objective.docking_energy]
direction = "minimise"
range = [-11.0, -4.0]
[objective.interaction_energy]
direction = "minimise"
range = [-12.0, 2.0]
[objective.qed]
direction = "maximise"
range = [0.3, 0.9]
"""


def energies(value: Any, path: str = "") -> dict[str, float]:
    """Every number of an answer but its times, by its path."""
    if isinstance(value, dict):
        pairs = [(f"{path}.{key}", item) for key, item in value.items() if key != "seconds"]
    elif isinstance(value, list):
        pairs = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return {path: float(value)} if number else {}
    return {key: number for name, item in pairs for key, number in energies(item, name).items()}


def outcome(run: Run) -> tuple[list[Any], dict[str, dict[str, float]]]:
    with run.journal() as journal:
        decisions = [(p.round, p.position, p.smiles) for p in journal.proposals()]
        rows = sorted((e.fidelity, e.smiles, e.status) for e in journal.evaluations())
        simulated = {e.smiles: energies(e.result) for e in journal.evaluations("interaction")}
    return [decisions, rows, [row["smiles"] for row in run.best()]], simulated


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    outcomes = []
    for workers in (1, 2):
        monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / f"cache-{workers}"))
        run = Campaign.load(tmp_path / "campaign.toml").run(workers=workers, out=tmp_path / str(workers))
        outcomes.append(outcome(run))
    (decisions, one), (same_decisions, two) = outcomes
    assert decisions == same_decisions
    assert one
    for smiles, numbers in one.items():
        assert numbers.keys() == two[smiles].keys()
        # 10⁻⁶ Ha are 6 · 10⁻⁴ kcal/mol and 10⁻³ mHa: the bound is kept in whatever unit a number has.
        assert max(abs(numbers[key] - two[smiles][key]) for key in numbers) < 1e-6, smiles
