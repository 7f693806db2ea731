"""A run's hits for other programs: SDF with poses and numbers, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.campaign._objective import COMPONENTS
from labkit.campaign._run import Run
from labkit.errors import InputError
from labkit.store import evaluations_of, write_atomically

_UNITS = {name: unit for name, (unit, _) in COMPONENTS.items() if "–" not in unit and unit != "1"}


def export(
    run: Run,
    *,
    sdf: str | Path | None = None,
    table: str | Path | None = None,
    count: int | None = None,
) -> list[Path]:
    """Writes the hits of a run, the best first: every molecule with a score above 0, vetoed ones left out.

    Args:
        run: of which.
        sdf: file of the poses, with numbers as properties; a molecule that wasn't docked is drawn flat.
        table: CSV file, a molecule a row, units in its head.
        count: at most so many hits.

    Raises:
        InputError: if there is no hit yet, the number isn't positive, or a file can't be written.
    """
    if count is not None and count < 1:
        raise InputError(f"count {count}: at least 1 is needed")
    hits = _hits(run)[:count]
    if not hits:
        raise InputError(f"run '{run.folder}' has no hit: no molecule has a score above 0")
    written = []
    for file, text in ((sdf, _to_sdf), (table, _to_csv)):
        if file is None:
            continue
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(Path(file), text(hits))
        except OSError as error:
            raise InputError(f"'{file}' can't be written: {error.strerror}; choose another place") from None
        written.append(Path(file))
    return written


def _hits(run: Run) -> list[dict[str, Any]]:
    """Of each hit what its row says, and under "pose" its SDF record, None where it wasn't docked."""
    rows = [row for row in run.best(2**31) if row["score"] > 0]
    answers: dict[str, dict[str, dict[str, Any]]] = {}
    for e in evaluations_of(run.folder / "journal.sqlite", [row["proposed"] for row in rows]):
        if e.status == "done":
            answers.setdefault(e.smiles, {})[e.fidelity] = e.result
    hits = []
    for rank, row in enumerate(rows, 1):
        known = answers[row["proposed"]]
        numbers: dict[str, float] = dict(known["triage"]["properties"])
        for result in known.values():
            numbers |= result.get("components", {})
        docking: Mapping[str, Any] = known.get("docking", {})
        hit = {
            "rank": rank,
            "smiles": row["smiles"],
            "score": row["score"],
            "complete": row["complete"],
            "round": row["round"] + 1,
            **{f"{name} ({_UNITS[name]})" if name in _UNITS else name: v for name, v in numbers.items()},
            "contacts": " ".join(dict.fromkeys(one["residue"] for one in docking.get("contacts", ()))),
            "run": run.folder.name,
        }
        hits.append(hit | {"pose": docking.get("pose")})
    return hits


def _to_csv(hits: list[dict[str, Any]]) -> str:
    columns = dict.fromkeys(name for hit in hits for name in hit if name != "pose")
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(hits)
    return table.getvalue()


def _to_sdf(hits: list[dict[str, Any]]) -> str:
    records = []
    for hit in hits:
        record = (hit["pose"] or _flat(hit["smiles"])).removesuffix("$$$$\n")
        # A pose has a rank and properties of its own: those of the hit are told apart from them.
        fields = {f"hit_{name}": value for name, value in hit.items() if name != "pose"}
        lines = "".join(f">  <{name}>\n{value}\n\n" for name, value in fields.items())
        records.append(f"{record}{lines}$$$$\n")
    return "".join(records)


def _flat(smiles: str) -> str:
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    molecule = Chem.MolFromSmiles(smiles)
    rdDepictor.Compute2DCoords(molecule)
    return Chem.MolToMolBlock(molecule)
