"""One worker or two, each with its own cache: the same decisions, the same energies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.campaign import Campaign, Run


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(
    campaign_file: Path,
    assert_same: Callable[[Run, Run], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = []
    for workers in (1, 2):
        monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / f"cache-{workers}"))
        runs.append(Campaign.load(campaign_file).run(workers=workers, out=tmp_path / str(workers)))
    with runs[0].journal() as journal:
        assert journal.evaluations("interaction")
    assert_same(*runs)
