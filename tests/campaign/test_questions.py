"""Questions handed out to an engine that is made up: how many at once, with what limits, how often."""

from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from typing import Any

import pytest

from labkit.campaign import _engines, load_specification
from labkit.campaign._engines import Engine
from labkit.campaign._guard import LostError
from labkit.campaign._oracles import Task, ladder
from labkit.campaign._questions import answers
from labkit.campaign._specification import Resources
from labkit.errors import InputError, ResourceError

TASKS = {name: Task("docking", name, {"smiles": name}, {}) for name in "abcdef"}


class _Recording(Executor):
    """Answers with what it was asked, but for the tasks that raise; the last one handed in answers first."""

    def __init__(self, faults: dict[str, list[Exception]]):
        self.faults, self.asked, self.limits = faults, list[str](), dict[str, Any]()

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **limits: Any) -> Future[Any]:
        _, task = arguments
        self.asked.append(task.key)
        self.limits = limits
        future: Future[Any] = Future()
        faults = self.faults.get(task.key)
        if faults:
            future.set_exception(faults.pop(0))
        else:
            future.set_result({"status": "done", "result": {"of": task.key}, "seconds": 1.0})
        return future


def _ask(
    faults: dict[str, list[Exception]], resources: Resources | None = None, workers: int = 1
) -> tuple[_Recording, dict[str, Any], list[tuple[str, str]], list[str]]:
    executor, told, rested = _Recording(faults), list[tuple[str, str]](), list[str]()
    engine = Engine(executor, workers, lambda *_, **__: rested.append("rest"))
    found = dict(
        answers(
            engine,
            TASKS,
            resources or Resources(),
            lambda: False,
            lambda name, loss: told.append((name, loss)),
        )
    )
    return executor, found, told, rested


def test_every_question_is_asked_once_in_order_and_the_engine_rests_at_the_end() -> None:
    executor, found, told, rested = _ask({})
    assert executor.asked == list(TASKS) and told == [] and rested == ["rest"]
    assert {name: outcome["result"]["of"] for name, outcome in found.items()} == {
        name: name for name in TASKS
    }


def test_limits_are_those_of_the_stage() -> None:
    resources = Resources(cores=2, memory_gb=3.0, limit_s=60.0, retries=5)
    executor, *_ = _ask({}, resources)
    owner = executor.limits.pop("owner")
    assert owner and executor.limits == {"cores": 2, "memory_gb": 3.0, "limit_s": 60.0}


@pytest.mark.parametrize("retries", [0, 2])
def test_a_loss_is_tried_again_at_once_and_then_fails_with_its_reason(retries: int) -> None:
    faults = {
        "b": [LostError("no answer\nwithin 60 s") for _ in range(retries + 1)],
        "d": [LostError("x")] * retries,
    }
    executor, found, told, _ = _ask(faults, Resources(retries=retries))
    assert executor.asked == ["a", *["b"] * (retries + 1), "c", *["d"] * (retries + 1), "e", "f"]
    reason = f"attempt {retries + 1} of {retries + 1} was lost: no answer within 60 s"
    assert found["b"] == {"status": "failed", "result": {"reason": reason}, "seconds": 0.0}
    assert {found[name]["status"] for name in "acdef"} == {"done"}
    assert told[retries] == ("b", reason) and len(told) == 2 * retries + 1


def test_short_memory_is_told_when_the_others_have_been_answered() -> None:
    found: dict[str, Any] = {}
    executor = _Recording({"b": [ResourceError("0.5 GB are free")]})
    engine = Engine(executor, 2, lambda *_, **__: None)
    with pytest.raises(ResourceError, match=r"0\.5 GB are free"):
        for name, outcome in answers(engine, TASKS, Resources(), lambda: False, lambda *_: None):
            found[name] = outcome
    assert set(found) == set("acdef")


def test_an_engine_that_is_gone_fails_no_molecule() -> None:
    executor = _Recording({"c": [CancelledError()]})
    found: dict[str, Any] = {}
    with pytest.raises(ResourceError, match="the engine is gone"):
        for name, outcome in answers(
            Engine(executor, 1, lambda *_, **__: None), TASKS, Resources(), lambda: False, lambda *_: None
        ):
            found[name] = outcome
    assert {name: outcome["status"] for name, outcome in found.items()} == {"a": "done", "b": "done"}


def test_no_more_is_handed_out_once_the_run_is_to_halt() -> None:
    executor = _Recording({})
    engine = Engine(executor, 1, lambda *_, **__: None)
    found = dict(answers(engine, TASKS, Resources(), lambda: len(executor.asked) >= 2, lambda *_: None))
    assert list(found) == executor.asked == ["a", "b"]


def test_another_error_ends_everything_and_the_engine_rests() -> None:
    rested: list[str] = []
    engine = Engine(_Recording({"a": [RuntimeError("a fault")]}), 2, lambda *_, **__: rested.append("rest"))
    with pytest.raises(RuntimeError, match="a fault"):
        list(answers(engine, TASKS, Resources(), lambda: False, lambda *_: None))
    assert rested == ["rest"]


def test_a_campaign_says_what_its_stages_may_take_and_its_identity_does_not() -> None:
    plain = load_specification("quick")
    given = load_specification("quick", ["resources.docking.limit_s=60", "resources.docking.retries=0"])
    assert [stage.resources for stage in ladder(given)] == [Resources(limit_s=60.0, retries=0), Resources()]
    assert given.identity == plain.identity
    assert [stage.oracle for stage in ladder(given)] == [stage.oracle for stage in ladder(plain)]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("resources.triplet.cores=2", r"resources\.triplet is of no use: there is no section \[triplet\]"),
        ("resources.docking.cores=0", r"resources\.docking\.cores = 0: .*greater than or equal to 1"),
        ("resources.docking.memory_gb=0", r"resources\.docking\.memory_gb = 0: .*greater than 0"),
        ("resources.docking.limit=5", r"resources\.docking\.limit is no key; did you mean limit_s\?"),
    ],
)
def test_wrong_resources_are_told(override: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        load_specification("quick", [override])


def test_an_engine_is_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[Any, ...]] = []
    engines = [Engine(_Recording({}), 1, lambda *call, **__: calls.append(call)) for _ in range(2)]
    for engine in engines:
        engine.rest()
    assert {call[0] for call in calls} == {_engines.end_children} and len({call[1] for call in calls}) == 2
