"""A journal of 100,000 evaluations: what an append and each question cost as it grows.

    python benchmarks/journal.py [EVALUATIONS]

Fills a journal with the rows of the shipped run, again and again under new names, and writes
results/journal.csv anew. Processor time, which a busy machine does not inflate, is of one thread; the wall
time of an append holds the wait for the disk (each is on disk before the next begins): its median is told.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from _table import append, machine, versions

from labkit.campaign import Run, list_runs
from labkit.store import Proposal, evaluations_of, follow

TABLE = Path(__file__).parent / "results" / "journal.csv"
COLUMNS = ("what", "evaluations", "processor_ms", "wall_ms", "megabytes", "machine", "versions")
TOLD_AT = (1_000, 10_000, 100_000)
QUICK = "quick"


def fill(run: Run, count: int, report: Callable[[int, list[float], list[float]], None]) -> None:
    """Appends rows until there are so many evaluations; reports the times of each thousand appends."""
    shipped = Run.open(QUICK)
    with shipped.journal() as source:
        proposals, evaluations = source.proposals(), source.evaluations()
        scores, meter = source.scores(), source.meter()
    rounds = 1 + max(p.round for p in proposals)
    done, processor, wall = 0, list[float](), list[float]()
    with run.journal(read_only=False) as journal:
        for copy in range(count):
            for number in range(rounds):
                new = copy * rounds + number
                journal.append_proposals(
                    [
                        Proposal(new, p.position, f"{p.smiles}.{copy}", p.log_likelihood)
                        for p in proposals
                        if p.round == number
                    ]
                )
                for e in evaluations:
                    if e.round != number:
                        continue
                    result = e.result
                    if result.get("smiles"):
                        result = result | {"smiles": f"{result['smiles']}.{copy}"}
                    own = replace(e, round=new, smiles=f"{e.smiles}.{copy}", result=result)
                    before = time.process_time(), time.perf_counter()
                    journal.append_evaluation(own)
                    processor.append(time.process_time() - before[0])
                    wall.append(time.perf_counter() - before[1])
                    done += 1
                    if done % 1000 == 0:
                        report(done, processor[-1000:], wall[-1000:])
                    if done == count:
                        return
                journal.append_scores(
                    new, {f"{s}.{copy}": (score, parts) for s, r, score, parts in scores if r == number}
                )
                journal.append_metrics(new, {"score_mean": 0.5, "drawn": 100.0 * new, "valid": 90.0 * new})
                for row in meter[:4]:
                    journal.append_meter(
                        *(row[name] for name in ("stage", "seconds", "energy_wh", "uncertainty_wh", "method"))
                    )


def ask(run: Run) -> dict[str, Callable[[], Any]]:
    """What labkit asks a journal, by name."""
    path = run.folder / "journal.sqlite"

    def of(name: str) -> Callable[[], Any]:
        def asked() -> Any:
            with run.journal() as journal:
                return getattr(journal, name)()

        return asked

    with run.journal() as journal:
        some = [p.smiles for p in journal.proposals(0)]
    return {
        "labkit runs": lambda: list_runs([run.folder.parent]),
        "open, with the check for damage": lambda: of("events")(),
        "counts by fidelity": of("counts"),
        "scores": of("scores"),
        "committed (labkit compare)": of("committed"),
        "meter": of("meter"),
        "ten best": run.best,
        "a round's molecules": lambda: evaluations_of(path, some),
        "news of a live view": lambda: follow(path),
        "every evaluation, whole": of("evaluations"),
    }


def main(count: int) -> None:
    """Fills and asks."""
    where = {"machine": machine(), "versions": versions("labkit") + f" python={sys.version.split()[0]}"}
    TABLE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        run = Run.create(Run.open(QUICK).specification, Path(folder), engine="local", workers=1)
        file = run.folder / "journal.sqlite"

        def tell(what: str, evaluations: int, processor: float, wall: float) -> None:
            row = {
                "what": what,
                "evaluations": evaluations,
                "processor_ms": f"{1000 * processor:.3g}",
                "wall_ms": f"{1000 * wall:.3g}",
                "megabytes": f"{file.stat().st_size / 1e6:.0f}",
            }
            append(TABLE, COLUMNS, row | where)
            print(row, flush=True)

        def report(done: int, processor: list[float], wall: list[float]) -> None:
            if done in TOLD_AT or done == count:
                tell("append", done, sum(processor) / len(processor), median(wall))

        fill(run, count, report)
        for what, question in ask(run).items():
            question()  # the file is in memory then, as when it was just written
            before = time.process_time(), time.perf_counter()
            question()
            tell(what, count, time.process_time() - before[0], time.perf_counter() - before[1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
