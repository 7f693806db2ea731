"""A campaign in miniature, docking and quantum step included, and what two runs of it must share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.campaign import Run

CAMPAIGN = """
name = "small"
rounds = 3
proposals = 8
[triage]
heavy_atoms = [10, 26]
[docking]
exhaustiveness = 1
[interaction]
candidates = 1
max_heavy_atoms = 8
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

# The last bits of a sum depend on how threads split it: 10⁻⁶ Ha are 6 · 10⁻⁴ kcal/mol and 10⁻³ mHa, so the
# bound is kept in whatever unit a number has.
TOLERANCE = 1e-6


@pytest.fixture
def campaign_file(tmp_path: Path) -> Path:
    file = tmp_path / "campaign.toml"
    file.write_text(CAMPAIGN)
    return file


def _values(value: Any, path: str = "") -> dict[str, Any]:
    """Everything in an answer but its times, by its path."""
    if isinstance(value, dict):
        pairs = [(f"{path}.{key}", item) for key, item in value.items() if key != "seconds"]
    elif isinstance(value, list):
        pairs = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    else:
        return {path: value}
    return {key: leaf for name, item in pairs for key, leaf in _values(item, name).items()}


def _outcome(run: Run) -> dict[str, Any]:
    with run.journal() as journal:
        proposals = {f"{p.round}/{p.position}": p.smiles for p in journal.proposals()}
        evaluations = {
            f"{e.smiles} {e.fidelity}": {"round": e.round, "status": e.status, "result": e.result}
            for e in journal.evaluations()
        }
    return _values({"proposals": proposals, "evaluations": evaluations, "best": run.best()})


@pytest.fixture
def assert_same() -> Callable[[Run, Run], None]:
    """Two runs made the same decisions and got the same numbers, up to rounding."""

    def check(one: Run, other: Run) -> None:
        expected, found = _outcome(one), _outcome(other)
        assert expected.keys() == found.keys()
        for path, value in expected.items():
            if isinstance(value, float):
                assert abs(found[path] - value) < TOLERANCE, path
            else:
                assert found[path] == value, path

    return check
