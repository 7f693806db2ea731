"""Questions to an engine: handed out one by one, asked again when they are lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from typing import Any

from labkit.campaign._engines import Engine
from labkit.campaign._oracles import Task, evaluate, evaluate_metered
from labkit.campaign._specification import Resources
from labkit.campaign._steering import LOOK
from labkit.errors import ResourceError


def answers(
    engine: Engine,
    tasks: Mapping[str, Task],
    resources: Resources,
    halts: Callable[[], bool],
    tell: Callable[[str, str], None],
) -> Generator[tuple[str, dict[str, Any]]]:
    """Outcomes of tasks by their name, as they come; no more are handed out once the run is to halt.

    An evaluation that is lost with its process is tried again as its stage says, then it has failed.

    Args:
        engine: where they are computed. Its processes are ended after the last one.
        tasks: by name, in the order in which they are handed out.
        resources: of the stage.
        halts: whether the run is to halt.
        tell: is told of each loss: the task's name, and what happened.

    Raises:
        ResourceError: if memory was short for one of them, when the others have been answered; if the engine
            is gone.
    """
    limits = resources.model_dump(exclude={"retries"})
    function = evaluate_metered if engine.elsewhere else evaluate
    waiting = list(tasks)
    running: dict[Future[dict[str, Any]], str] = {}
    losses: Counter[str] = Counter()
    short: ResourceError | None = None
    try:
        while running or (waiting and not halts()):
            # No more than can be computed at once is handed out: a halt has little to wait for.
            while waiting and len(running) < engine.workers and not halts():
                name = waiting.pop(0)
                running[engine.submit(function, tasks[name], **limits)] = name
            for future in wait(running, LOOK, FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    yield name, future.result()
                except ResourceError as error:
                    short = error  # what the others answer is kept
                except CancelledError:
                    raise ResourceError(f"the engine is gone, and with it {tasks[name].oracle}") from None
                except engine.lost as error:
                    losses[name] += 1
                    reason = " ".join(str(error).split()) or "its worker is gone"
                    told = f"attempt {losses[name]} of {resources.retries + 1} was lost: {reason}"
                    tell(name, told)
                    if losses[name] <= resources.retries:
                        waiting.insert(0, name)
                    else:
                        yield name, {"status": "failed", "result": {"reason": told}, "seconds": 0.0}
    finally:
        # A stage's processes end with it: Vina's maps and the quantum libraries never share the memory.
        engine.rest()
    if short is not None:
        raise short
