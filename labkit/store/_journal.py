"""The journal of a run: one SQLite file that holds everything that happened, written as it happens."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.errors import InputError

_VERSION = 1
_SCHEMA = """
create table proposals (
    round integer not null, position integer not null, smiles text not null unique, log_likelihood real,
    primary key (round, position)
);
create table evaluations (
    id integer primary key,
    round integer not null, smiles text not null, fidelity text not null,
    key text not null,                    -- content hash: oracle, version, inputs, settings
    status text not null check (status in ('done', 'rejected', 'failed')),
    result text not null,                 -- JSON; of one not done with its "reason"
    seconds real not null, cached integer not null, finished real not null,
    unique (smiles, fidelity)
);
create table scores (
    smiles text primary key, round integer not null, score real not null, components text not null
);
create table metrics (
    round integer not null, name text not null, value real not null, primary key (round, name)
);
create table meter (
    time real not null, stage text not null, seconds real not null, energy_wh real not null,
    uncertainty_wh real not null, method text not null
);
create table events (time real not null, text text not null);
"""
# Journals that were begun before runs could be steered lack it: it is added when one is opened to be written.
_STEERING = """
create table if not exists steering (
    id integer primary key, time real not null, command text not null,
    value,                                -- rounds, SMILES or nothing
    round integer, place text             -- where it took effect; nothing while it waits
);
"""
_EVALUATION = "round, smiles, fidelity, key, status, result, seconds, cached, finished"


@dataclass(frozen=True)
class Proposal:
    """A molecule that the generator proposed: its place in the run, and ln P when it was drawn."""

    round: int
    position: int
    smiles: str
    log_likelihood: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """One oracle's answer for one molecule.

    Attributes:
        round: of the loop.
        smiles: the molecule.
        fidelity: name of the oracle.
        key: content hash of oracle, version, inputs and settings.
        status: "done", "rejected" (by the triage) or "failed".
        result: the answer; unless done with its ``reason``.
        seconds: time it took when it was computed.
        cached: whether it came from the cache.
        finished: Unix time.
    """

    round: int
    smiles: str
    fidelity: str
    key: str
    status: str
    result: dict[str, Any]
    seconds: float
    cached: bool
    finished: float = 0.0


@dataclass(frozen=True)
class Steering:
    """A command to a run.

    Attributes:
        time: when it was given, Unix time.
        command: pause, resume, stop, budget, veto or pin.
        value: rounds of a budget, standard SMILES of a molecule, else None.
        round: in which it took effect, from 0; None while it waits.
        place: where in that round; None while it waits.
    """

    time: float
    command: str
    value: str | int | None = None
    round: int | None = None
    place: str | None = None


class Journal:
    """Appends to and reads the journal of a run. One process drives the run, any number read or steer it."""

    def __init__(self, path: Path, connection: sqlite3.Connection):
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path) -> Journal:
        """A new, empty journal.

        Raises:
            InputError: if there is one already.
        """
        if path.exists():
            raise InputError(f"'{path}' exists already")
        connection = sqlite3.connect(path)
        connection.execute("pragma journal_mode = wal")
        connection.executescript(f"begin; {_SCHEMA} {_STEERING} pragma user_version = {_VERSION}; commit;")
        connection.close()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Journal:
        """The journal at ``path``, checked for damage.

        Raises:
            InputError: if it is missing, damaged or of another version of labkit.
        """
        if not path.is_file():
            raise InputError(f"no journal '{path}'")
        mode = "mode=ro" if read_only else "mode=rw"
        if read_only and not path.with_name(f"{path.name}-wal").exists():
            # Nobody writes. Opened as immutable it can be read on a read-only medium, too, and no file
            # appears beside it: a shipped run stays as it was committed.
            mode += "&immutable=1"
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=30)
        except sqlite3.DatabaseError as error:
            raise InputError(f"journal '{path}' can't be opened: {error}") from None
        try:
            connection.execute("pragma synchronous = full")
            fault = _fault(path, connection)
            if fault is None and not read_only:
                connection.execute(_STEERING)
        except sqlite3.DatabaseError as error:
            fault = f"is damaged: {error}"
        if fault is not None:
            connection.close()
            raise InputError(f"journal '{path}' {fault}")
        return cls(path, connection)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def append_proposals(self, proposals: Sequence[Proposal]) -> None:
        """Records a round's proposals, all of them or none."""
        rows = [(p.round, p.position, p.smiles, p.log_likelihood) for p in proposals]
        with self._connection:
            self._connection.executemany("insert into proposals values (?, ?, ?, ?)", rows)

    def append_evaluation(self, e: Evaluation) -> None:
        """Records one answer; it is on disk when this returns."""
        values = (e.round, e.smiles, e.fidelity, e.key, e.status, json.dumps(e.result), e.seconds, e.cached)
        with self._connection:
            self._connection.execute(
                f"insert into evaluations ({_EVALUATION}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, time.time()),
            )

    def append_scores(self, round: int, scores: Mapping[str, tuple[float, Mapping[str, float]]]) -> None:
        """Records the scores of a round: SMILES to score and components."""
        rows = [(smiles, round, score, json.dumps(dict(parts))) for smiles, (score, parts) in scores.items()]
        with self._connection:
            self._connection.executemany("insert or replace into scores values (?, ?, ?, ?)", rows)

    def append_metrics(self, round: int, metrics: Mapping[str, float]) -> None:
        """Records named numbers of a round; a repeated round replaces its own."""
        rows = [(round, name, float(value)) for name, value in metrics.items()]
        with self._connection:
            self._connection.executemany("insert or replace into metrics values (?, ?, ?)", rows)

    def append_meter(
        self, stage: str, seconds: float, energy_wh: float, uncertainty_wh: float, method: str
    ) -> None:
        """Records what a stage used."""
        with self._connection:
            self._connection.execute(
                "insert into meter values (?, ?, ?, ?, ?, ?)",
                (time.time(), stage, seconds, energy_wh, uncertainty_wh, method),
            )

    def append_event(self, text: str) -> None:
        """Records a line of what happened."""
        with self._connection:
            self._connection.execute("insert into events values (?, ?)", (time.time(), text))

    def append_steering(self, s: Steering) -> None:
        """Records a command; it is on disk when this returns.

        Raises:
            InputError: if the journal can't be written.
        """
        try:
            with self._connection:
                self._connection.execute(
                    "insert into steering (time, command, value, round, place) values (?, ?, ?, ?, ?)",
                    (s.time, s.command, s.value, s.round, s.place),
                )
        except sqlite3.OperationalError as error:
            raise InputError(f"journal '{self.path}' can't be written: {error}") from None

    def take_steering(
        self, commands: Sequence[str], round: int, place: str, *, before: float = math.inf
    ) -> list[str]:
        """Those of the commands that wait and were given before a time; now they have taken effect there."""
        query = "select id, command from steering where round is null and time < ? order by id"
        waiting = [row for row in self._connection.execute(query, (before,)) if row[1] in commands]
        if waiting:
            with self._connection:
                self._connection.executemany(
                    "update steering set round = ?, place = ? where id = ?",
                    [(round, place, id) for id, _ in waiting],
                )
        return [command for _, command in waiting]

    def proposals(self, round: int | None = None) -> list[Proposal]:
        """All proposals, or one round's, in order."""
        where, values = ("where round = ?", (round,)) if round is not None else ("", ())
        query = (
            f"select round, position, smiles, log_likelihood from proposals {where} order by round, position"
        )
        return [Proposal(*row) for row in self._connection.execute(query, values)]

    def evaluations(self, fidelity: str | None = None) -> list[Evaluation]:
        """All evaluations, or one fidelity's, in the order in which they were committed."""
        where, values = ("where fidelity = ?", (fidelity,)) if fidelity is not None else ("", ())
        query = f"select {_EVALUATION} from evaluations {where} order by id"
        rows = self._connection.execute(query, values)
        return [
            Evaluation(round, smiles, name, key, status, json.loads(result), seconds, bool(cached), finished)
            for round, smiles, name, key, status, result, seconds, cached, finished in rows
        ]

    def standard_forms(self, until: float) -> dict[str, str]:
        """Standard SMILES of each molecule triaged up to a round, by how it was written, in order."""
        query = (
            "select smiles, json_extract(result, '$.smiles') from evaluations"
            " where fidelity = 'triage' and round <= ? order by id"
        )
        return {smiles: form for smiles, form in self._connection.execute(query, (until,)) if form}

    def components(self, fidelities: Sequence[str], before: float) -> dict[str, dict[str, float]]:
        """Components, by standard SMILES, of molecules that one of some fidelities answered before a round.

        Their order is that of rounds and of SMILES: answers come as they will.
        """
        query = (
            "select json_extract(triage.result, '$.smiles'), json_extract(e.result, '$.components')"
            " from evaluations e"
            " join evaluations triage on triage.smiles = e.smiles and triage.fidelity = 'triage'"
            " where e.status = 'done' and e.fidelity != 'triage' and e.round < :before and e.smiles in"
            " (select smiles from evaluations where round < :before and fidelity in"
            " (select value from json_each(:fidelities)))"
            " order by e.round, e.smiles, e.id"
        )
        values = {"before": before, "fidelities": json.dumps(list(fidelities))}
        found: dict[str, dict[str, float]] = {}
        for smiles, parts in self._connection.execute(query, values):
            found.setdefault(smiles, {}).update(json.loads(parts))
        return found

    def committed(self) -> list[tuple[str, str, float]]:
        """SMILES, fidelity and Unix time of every evaluation, in the order in which they were committed."""
        return list(
            self._connection.execute("select smiles, fidelity, finished from evaluations order by id")
        )

    def counts(self) -> dict[str, int]:
        """Number of evaluations of each fidelity."""
        query = "select fidelity, count(*) from evaluations group by fidelity order by min(id)"
        return dict(self._connection.execute(query))

    def scores(self) -> list[tuple[str, int, float, dict[str, float]]]:
        """SMILES, round, score and components of every scored molecule, best first."""
        query = "select smiles, round, score, components from scores order by score desc, smiles"
        return [(s, r, score, json.loads(parts)) for s, r, score, parts in self._connection.execute(query)]

    def metrics(self) -> list[tuple[int, str, float]]:
        """Round, name and value of every metric."""
        return list(self._connection.execute("select * from metrics order by round, name"))

    def meter(self) -> list[dict[str, Any]]:
        """What each metered stage used, in order of time."""
        cursor = self._connection.execute("select * from meter order by time")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def steering(self) -> list[Steering]:
        """Every command to the run, in the order in which they were given."""
        query = "select time, command, value, round, place from steering order by id"
        known = self._connection.execute("select 1 from sqlite_master where name = 'steering'").fetchone()
        return [Steering(*row) for row in self._connection.execute(query)] if known else []

    def events(self) -> list[tuple[float, str]]:
        """Unix time and text of every event."""
        return list(self._connection.execute("select time, text from events order by rowid"))


def _fault(path: Path, connection: sqlite3.Connection) -> str | None:
    """What is wrong with a journal, or None."""

    def pragma(text: str) -> Any:
        return connection.execute(f"pragma {text}").fetchone()[0]

    if path.stat().st_size % pragma("page_size"):
        # SQLite's check doesn't see it: it reads what is missing as zeros.
        return "is damaged: its last page is cut off"
    found = pragma("quick_check(1)")
    if found != "ok":
        return f"is damaged: {found}"
    version = pragma("user_version")
    if version != _VERSION:
        return f"has format {version}, this labkit reads format {_VERSION}"
    return None
