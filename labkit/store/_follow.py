"""What is new in a run's journal since the last look, for views that stay open while the run goes on.

Opening a ``Journal`` checks all of its pages, and its answers hold poses; a view that looks twice a second
does neither.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.errors import InputError
from labkit.store._journal import Evaluation, Steering

_AT_ONCE = 500  # molecules asked for in one query; SQLite takes 999 values in its oldest versions


@dataclass(frozen=True)
class Answer:
    """What an evaluation says in short.

    Attributes:
        round: of the loop, from 0.
        smiles: the molecule as it was proposed.
        fidelity: name of the oracle.
        status: "done", "rejected" or "failed".
        standard: its standardised SMILES, where the oracle tells it.
        values: what was computed, name to number: the components, or the triage's properties.
    """

    round: int
    smiles: str
    fidelity: str
    status: str
    standard: str | None
    values: Mapping[str, float]


@dataclass(frozen=True)
class News:
    """What came since the last look.

    Attributes:
        answers: in the order in which they were committed.
        scores: molecule to score, as the loop has booked it.
        proposed: molecules proposed so far.
        finished: rounds finished so far.
        steering: all commands so far, which change when they take effect.
        energy_wh: booked since the last look, Wh.
        uncertainty_wh: of it, Wh.
        metrics: round, name and value of each metric of the last round that is finished.
        more: whether the limit was reached, so that more is waiting.
        position: to be handed in at the next look.
    """

    answers: tuple[Answer, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    proposed: int = 0
    finished: int = 0
    steering: tuple[Steering, ...] = ()
    energy_wh: float = 0.0
    uncertainty_wh: float = 0.0
    metrics: tuple[tuple[int, str, float], ...] = ()
    more: bool = False
    position: tuple[int, int, int] = (0, 0, 0)


def follow(path: Path, position: tuple[int, int, int] = (0, 0, 0), limit: int = 2000) -> News:
    """What a journal holds beyond a position, at most ``limit`` rows of a table.

    Args:
        path: of the journal.
        position: the last row known of evaluations, scores and meter.
        limit: scores wait until all evaluations are told, whose molecules they name.

    Raises:
        InputError: if the journal is missing or damaged.
    """
    last_answer, last_score, last_meter = position
    with _reading(path) as connection:
        ask = connection.execute
        found = ask(
            "select id, round, smiles, fidelity, status,"
            " json_extract(result, '$.smiles', '$.components', '$.properties')"
            " from evaluations where id > ? order by id limit ?",
            (last_answer, limit),
        ).fetchall()
        more = len(found) == limit
        booked = ask(
            "select rowid, smiles, score from scores where rowid > ? order by rowid limit ?",
            (last_score, 0 if more else limit),
        ).fetchall()
        wh, uncertainty, meter = ask(
            "select total(energy_wh), total(uncertainty_wh), max(rowid) from meter where rowid > ?",
            (last_meter,),
        ).fetchone()
        (proposed,) = ask("select max(rowid) from proposals").fetchone()
        (finished,) = ask("select max(round) from metrics").fetchone()
        metrics = ask("select round, name, value from metrics where round = ?", (finished,)).fetchall()
        # Journals that were begun before runs could be steered have no such table.
        steerable = ask("select 1 from sqlite_master where name = 'steering'").fetchone()
        steering = (
            ask("select time, command, value, round, place from steering order by id") if steerable else ()
        )
        commands = tuple(Steering(*row) for row in steering)
    answers = []
    for _, round, smiles, fidelity, status, text in found:
        standard, components, properties = json.loads(text)
        answers.append(Answer(round, smiles, fidelity, status, standard, components or properties or {}))
    return News(
        tuple(answers),
        {smiles: score for _, smiles, score in booked},
        proposed or 0,
        0 if finished is None else finished + 1,
        commands,
        wh,
        uncertainty,
        tuple(metrics),
        more or len(booked) == limit,
        (
            found[-1][0] if found else last_answer,
            booked[-1][0] if booked else last_score,
            last_meter if meter is None else meter,
        ),
    )


def evaluations_of(path: Path, smiles: Sequence[str]) -> list[Evaluation]:
    """Every evaluation of a few molecules, whole, in the order in which they were committed.

    Raises:
        InputError: if the journal is missing or damaged.
    """
    rows: list[tuple[Any, ...]] = []
    with _reading(path) as connection:
        for start in range(0, len(smiles), _AT_ONCE):
            asked = smiles[start : start + _AT_ONCE]
            rows += connection.execute(
                "select id, round, smiles, fidelity, key, status, result, seconds, cached, finished"
                f" from evaluations where smiles in ({', '.join('?' * len(asked))})",
                asked,
            )
    return [
        Evaluation(round, text, fidelity, key, status, json.loads(result), seconds, bool(cached), finished)
        for _, round, text, fidelity, key, status, result, seconds, cached, finished in sorted(rows)
    ]


def first_proposals(path: Path, count: int) -> list[str]:
    """The first molecules of round 0, which is drawn before anything is learned.

    Raises:
        InputError: if the journal is missing or damaged.
    """
    with _reading(path) as connection:
        query = "select smiles from proposals where round = 0 order by position limit ?"
        return [smiles for (smiles,) in connection.execute(query, (count,))]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise InputError(f"no journal '{path}'")
    # As in Journal.open: while nobody writes, a run can be read on a read-only medium, too.
    quiet = not path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro&immutable=1" if quiet else "mode=ro"
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=30)
        try:
            connection.execute("begin")  # all questions see the same moment
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise InputError(f"journal '{path}' can't be read: {error}") from None
