"""The loop, judged: whether runs agree, what cheap steps, learning and the quantum step tell."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from labkit.campaign import COMPONENTS, RankCorrelation, Run, pose_file, rank_correlation
from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, errors, line, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number, signed
from labkit.dashboards._measured import measured
from labkit.dashboards._page import Block, Picture, paragraphs, table
from labkit.dashboards._read_report import read_report
from labkit.dashboards._report_model import Interval
from labkit.dashboards._report_words import interval
from labkit.errors import InputError
from labkit.molecules import read_dimer
from labkit.quantum import interaction_energy
from labkit.store import Evaluation

_FEW = 10  # below, a bootstrap interval is itself too narrow
Rows = Sequence[Mapping[str, str]]


def killed_run(campaign: str, overrides: Sequence[str], out: str | Path) -> tuple[Run, Block]:
    """A run in a process of its own, paused, let go on, and killed (``kill -9``) after its first docking.

    Args:
        campaign: a shipped one's name or a file.
        overrides: of its values, as "key=value".
        out: empty folder for the run's own.

    Raises:
        InputError: if the process ends before it has made a run.
    """
    arguments = ["run", campaign, "--workers", "1", "--out", str(out)]
    arguments += [part for override in overrides for part in ("--set", override)]
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    rows = []

    def wait(reached: Callable[[], bool]) -> None:
        while process.poll() is None and not reached():
            time.sleep(0.1)

    def obeys(command: str) -> bool:
        try:
            run.steer(command)
        except InputError:
            return False  # nobody drives it yet
        return True

    def note(what: str) -> None:
        rows.append((what, run.status, str(len(_evaluations(run, "docking")))))

    try:
        wait(lambda: any(Path(out).glob("*/manifest.json")))
        run = Run.open(out)
        wait(lambda: obeys("pause"))
        wait(lambda: run.status == "paused")
        note("pause")
        wait(lambda: obeys("resume"))
        wait(lambda: bool(_evaluations(run, "docking")))
        note("resume; then wait for a docking")
    finally:
        process.kill()
        process.wait()
    note("kill -9")
    return run, table(("done to it", "status", "dockings in the journal"), rows)


def _evaluations(run: Run, fidelity: str | None = None) -> list[Evaluation]:
    with run.journal() as journal:
        return journal.evaluations(fidelity)


def same_runs(first: Run, second: Run) -> Block:
    """Whether two runs decided and found the same; when, and for how long, doesn't count."""
    pairs = zip(_decided(first).items(), _decided(second).values(), strict=True)
    rows = [(k, str(len(a)), str(len(b)), "yes" if a == b else "no") for (k, a), b in pairs]
    cached = [sum(e.cached for e in _evaluations(run)) for run in (first, second)]
    rows.append(("answers from the cache", str(cached[0]), str(cached[1]), "doesn't matter"))
    head = ("journal", "first run", "second run", "the same")
    return table(head, rows, numeric=head[1:3])


def _decided(run: Run) -> dict[str, list[Any]]:
    def answer(e: Evaluation) -> tuple[Any, ...]:
        # An energy's own record of its seconds is left out.
        told = [e.result.get(name) for name in ("components", "properties", "reason")]
        return e.round, e.fidelity, e.smiles, e.key, e.status, pose_file(e.result), json.dumps(told)

    with run.journal() as journal:
        return {
            "proposals": journal.proposals(),
            "evaluations": sorted(map(answer, journal.evaluations()), key=str),
            "scores": journal.scores(),
            "metrics": journal.metrics(),
            "the best": run.best(),
        }


def ladder_correlations(run: Run) -> dict[str, RankCorrelation]:
    """How alike neighbouring fidelities rank a run's molecules and the benchmark's dimers."""
    model = read_report(run)
    wanted, docked = model.specification, model.dockings
    early = {
        c.number: wanted.score({k: v for k, v in c.components.items() if COMPONENTS[k][1] == "triage"})
        for c in model.candidates
    }
    energies = [(docked[c.number].energy, c.components.get("interaction_energy")) for c in model.simulated]
    equilibrium = [row for row in measured("interaction_standard") if row["set"] == "equilibrium"]
    dimers = [row for row in equilibrium if row["class"] == "neutral"]
    pairs: dict[str, list[tuple[Any, Any]]] = {
        "triage's score → Vina's energy": [(-early[i], found.energy) for i, found in docked.items()],
        "Vina's energy → interaction energy": [pair for pair in energies if pair[1] is not None],
        "fast → standard, the same contacts": _fast_and_standard(run),
        "fast → standard, benchmark's dimers": [(row["fast"], row["kcal_mol"]) for row in dimers],
        "standard → CCSD(T)/CBS, benchmark's dimers": [(row["kcal_mol"], row["reference"]) for row in dimers],
    }
    ordered = {name: np.array(found, float).T for name, found in pairs.items() if len(found) > 2}
    tell_apart = {name: both for name, both in ordered.items() if (np.ptp(both, axis=1) > 0).all()}
    return {name: rank_correlation(*both) for name, both in tell_apart.items()}


def _fast_and_standard(run: Run) -> list[tuple[float, float]]:
    done = [e.result for e in _evaluations(run, "interaction") if e.status == "done"]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "contact.xyz"
        for entry in (entry for result in done for entry in result["contacts"]):
            if entry["energy"]["level"] == "standard":
                file.write_text(entry["dimer"])
                fast = interaction_energy(read_dimer(file), "fast").kcal_mol
                found.append((fast, entry["energy"]["kcal_mol"]))
    return found


def ladder_picture(correlations: Mapping[str, RankCorrelation]) -> Picture:
    """Rank correlations between fidelities with their intervals."""
    traces = []
    for i, few in enumerate((False, True)):
        mine = [(y, rho) for y, rho in enumerate(correlations.values()) if (rho.count < _FEW) == few]
        x, y = [rho.value for _, rho in mine], [y for y, _ in mine]
        spans = errors([rho.high - rho.value for _, rho in mine], [rho.value - rho.low for _, rho in mine])
        traces.append(marks("", x, y, *palette.series(i), 11, error_x=spans, showlegend=False))
    ends = (-0.5, len(correlations) - 0.5)
    traces.append(line("", (0, 0), ends, palette.BLACK, width=0.8, showlegend=False))
    alt = "Rank correlations: " + "; ".join(f"{k} {interval(rho)}" for k, rho in correlations.items())
    caption = f"95 % bootstrap intervals; squares where n is below {_FEW}."
    names = [f"{name} (n = {rho.count})" for name, rho in correlations.items()]
    rows = {"tickvals": range(len(names)), "ticktext": names, "range": ends[::-1]}
    label, height = "← opposite order      Spearman's ρ      same order →", 1.0 + 0.5 * len(names)
    return drawn(
        Chart("", label, "", traces, alt, caption, x={"range": (-1.05, 1.05)}, y=rows, height=height)
    )


def ladder_in_words(correlations: Mapping[str, RankCorrelation]) -> Block:
    """What each rank correlation lets us say."""
    texts = []
    for label, rho in correlations.items():
        verdict = "not even the sign is known" if rho.low <= 0 <= rho.high else "they disagree"
        if rho.low > 0:
            verdict = "much the same order" if rho.low > 0.5 else "they agree in part"
        if rho.count < _FEW:
            verdict += f"; {rho.count} molecules are too few to tell, even the interval is too narrow"
        texts.append(f"{label}: ρ = {interval(rho)}: {verdict}.")
    return paragraphs(*texts)


def paired_gain(rows: Rows, column: str) -> Interval:
    """Learning less no learning, each seed with itself: mean and 95 % interval (Student's t)."""
    gains = [learning - without for learning, without in _pairs(rows, column).values()]
    found = stats.ttest_1samp(gains, 0.0).confidence_interval(0.95)
    return Interval(float(np.mean(gains)), float(found.low), float(found.high), len(gains))


def _pairs(rows: Rows, column: str) -> dict[str, tuple[float, float]]:
    found = {(row["seed"], row["learning"]): float(row[column]) for row in rows}
    return {s: (found[s, "true"], found[s, "false"]) for s in sorted({seed for seed, _ in found}, key=int)}


def learning_picture(rows: Rows, column: str, label: str) -> Picture:
    """Runs with and without learning, paired by seed."""
    pairs = _pairs(rows, column)
    places, columns = range(len(pairs)), zip(*pairs.values(), strict=True)
    traces = [line("", (x, x), pair, palette.GREY, showlegend=False) for x, pair in enumerate(pairs.values())]
    for k, (name, values) in enumerate(zip(("learning", "learning off"), columns, strict=True)):
        traces.append(marks(name, places, values, *palette.series(k), 11))
    told = "; ".join(f"seed {s}: {number(a)} learning, {number(b)} off" for s, (a, b) in pairs.items())
    wins = sum(learning > without for learning, without in pairs.values())
    alt, caption = f"{label} by seed. {told}.", f"Learning ends higher in {wins} of {len(pairs)}."
    x, y = {"tickvals": places, "ticktext": list(pairs)}, {"rangemode": "tozero"}
    return drawn(Chart("", "seed", label, traces, alt, caption, x=x, y=y, height=3.4))


def learning_table(cases: Sequence[tuple[str, Rows, str]]) -> Block:
    """Paired differences of several quantities: name, rows of a benchmark, their column."""
    head = ("what", "learning", "learning off", "difference", "95 % interval", "seeds", "with learning")
    lines = []
    for name, rows, column in cases:
        gain, means = paired_gain(rows, column), np.mean(list(_pairs(rows, column).values()), axis=0)
        verdict = "higher" if gain.low > 0 else "lower" if gain.high < 0 else "nothing either way"
        own = (number(float(means[0])), number(float(means[1])), signed(gain.value, 3))
        between = f"{signed(gain.low, 3)} to {signed(gain.high, 3)}"
        lines.append((name, *own, between, str(gain.count), verdict))
    return table(head, lines, numeric=head[1:6])


def quantum_added(run: Run) -> Block:
    """What a better solver of the active space changes: in a run's contacts, in dimers, in triplets."""
    contacts = [contact for contact in read_report(run).contacts if contact.quantum]
    dimers, triplets = measured("interaction_standard"), measured("triplet")
    parts = [json.loads(row["components"]) for row in triplets]
    own = [contact.error_kcal_mol for contact in contacts]
    off, far = ([float(row["error"]) for row in rows] for rows in (dimers, triplets))
    cases: list[tuple[str, list[float], list[float]]] = []
    for name, key in (
        ("circuit less CCSD (δ)", "delta_kcal_mol"),
        ("exact less CCSD", "delta_exact_kcal_mol"),
    ):
        cases.append((f"contacts of the run (kcal/mol): {name}", [c.quantum[key] for c in contacts], own))
        cases.append((f"benchmark's dimers (kcal/mol): {name}", [float(row[key]) for row in dimers], off))
    for name, key in (("circuit less one determinant", "determinant"), ("circuit less exact", "exact")):
        cases.append((f"benchmark's triplets (eV): {name}", [p["solver"] - p[key] for p in parts], far))
    lines = []
    for name, changes, off_by in cases:
        if changes:
            sizes, error = np.abs(changes), float(np.mean(np.abs(off_by)))
            told = (
                f"{np.median(sizes):.2g}",
                f"{sizes.max():.2g}",
                f"{error:.2g}",
                f"{(sizes > error).sum()}",
            )
            lines.append((name, str(len(sizes)), *told))
    head = ("change of an energy", "n", "median", "largest", "method's error", "larger than it")
    return table(head, lines, numeric=head[1:])
