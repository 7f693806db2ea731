"""A campaign small enough for tests: a language model that knows a few dozen molecules by heart."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from labkit.campaign import Campaign, Run, _campaign, _engines, _questions
from labkit.campaign._engines import Engine
from labkit.campaign._oracles import Task
from labkit.errors import LabkitError


@pytest.fixture(scope="session")
def campaign_file(tmp_path_factory: pytest.TempPathFactory, small_prior_file: Path) -> Path:
    """Two rounds of four molecules of 10 to 16 heavy atoms: docking and properties only."""
    folder = tmp_path_factory.mktemp("campaign")
    content = {
        "name": "tiny",
        "rounds": 2,
        "proposals": 4,
        "generator": {"prior": str(small_prior_file), "updates": 2},
        "triage": {"heavy_atoms": [10, 16], "alerts": [], "min_qed": 0.0},
        "docking": {"exhaustiveness": 1},
        "objective": {
            "docking_energy": {"direction": "minimise", "range": [-9.0, -2.0]},
            "qed": {"direction": "maximise", "range": [0.0, 1.0]},
        },
    }
    file = folder / "tiny.toml"
    file.write_text(tomli_w.dumps(content))
    return file


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test meets what another one, or the user, has computed."""
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class _InProcess(Executor):
    """Computes at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except LabkitError as error:
            future.set_exception(error)
        return future


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Puts made-up, instant oracles in place, in this process; lists the molecules that were docked."""
    docked: list[str] = []

    def evaluate(task: Task) -> dict[str, Any]:
        if task.oracle == "interaction":
            parts = {"interaction_energy": -float(len(task.inputs["pose"]))}
            return {"status": "done", "result": {"components": parts}, "seconds": 1.0}
        smiles = task.inputs["smiles"]
        docked.append(smiles)
        energy = -2.0 - sum(map(ord, smiles)) % 60 / 10
        if energy > -2.5:
            return {"status": "failed", "result": {"reason": "Vina found no pose"}, "seconds": 0.1}
        result = {"smiles": smiles, "components": {"docking_energy": energy}, "pose": f"{smiles}\n$$$$\n"}
        return {"status": "done", "result": result, "seconds": 0.1}

    @contextmanager
    def open_engine(name: str, workers: int | None = None, **needs: float) -> Iterator[Engine]:
        yield Engine(_InProcess(), workers or 1, everywhere=lambda *arguments, **options: None)

    def guarded(function: Callable[..., Any], *arguments: Any, **limits: Any) -> Any:
        return function(*arguments)

    monkeypatch.setattr(_engines, "guarded", guarded)
    monkeypatch.setattr(_questions, "evaluate", evaluate)
    monkeypatch.setattr(_campaign, "open_engine", open_engine)
    return docked


@pytest.fixture
def campaign(campaign_file: Path) -> Campaign:
    return Campaign.load(campaign_file, ["rounds=3", "proposals=6"])


@pytest.fixture
def outcome() -> Callable[[Run], dict[str, Any]]:
    """Reads all that a run has decided and found; not when."""

    def read(run: Run) -> dict[str, Any]:
        with run.journal() as journal:
            return {
                "proposals": journal.proposals(),
                "evaluations": sorted(
                    (e.round, e.fidelity, e.smiles, e.key, e.status, json.dumps(e.result, sort_keys=True))
                    for e in journal.evaluations()
                ),
                "scores": journal.scores(),
                "metrics": journal.metrics(),
                "best": run.best(),
            }

    return read
