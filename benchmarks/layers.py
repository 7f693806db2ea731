"""What does each layer of the ladder add? A pool answered once by all of them, and replayed.

    python benchmarks/layers.py evaluate abl1 [--workers 1]               # an hour of processor time
    python benchmarks/layers.py evaluate photosensitiser [--workers 1]    # 45 minutes
    python benchmarks/layers.py replay                                    # minutes

`evaluate` is a campaign without learning that sends everybody up the whole ladder, so that it may be stopped
and goes on where it was; at its end, or with what there is by then, it writes results/layers_POOL.csv.
`replay` writes results/layers.csv anew: ten seeds in each arm.

abl1 (the settings of the campaign `quick`; each seed plays on a random half of the pool): molecules are
ranked by the score that Vina gives; that GFN2-xTB gives beside it; that `standard` gives beside Vina for a
quarter of them, chosen by value, or by one of the former scores; the same with δ added to it (here and
nowhere else: a functional counts correlation already); `standard` for all. `found` is the mean score by
`standard` of the ten first, `hits` how many of these are among the ten best.

photosensitiser: quantum calls are spent at random, by a descriptor (conjugated atoms, the more the lower the
triplet) or by value, five at a time; `found` is the mean score of the ten best so far, and `calls` so many
were needed to come up to the share `of_best` of the ten best of the pool.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from _table import append, machine, rows, versions
from rdkit import Chem

from labkit.campaign import Campaign, Run, Specification, list_runs, load_specification, resume
from labkit.campaign._correlation import Values, correlations
from labkit.campaign._value import Experience, promoted, tenth_best

RESULTS = Path(__file__).parent / "results"
TABLE = RESULTS / "layers.csv"
COLUMNS = ("pool", "molecules", "seed", "arm", "of_best", "calls", "found", "hits", "machine", "versions")
POOLS = {
    "abl1": (
        "quick",
        ["rounds=12", "proposals=40", "interaction.candidates=40", "screening={candidates=40}"],
    ),
    "photosensitiser": ("photosensitiser", ["rounds=16", "proposals=1024", "triplet.candidates=1024"]),
}
PROPERTIES = ("qed", "sa", "logp", "mw", "tpsa")
ENERGIES = ("docking_energy", "ligand_efficiency", "screening_energy", "interaction_energy", "triplet_energy")
DELTAS = ("delta_kcal_mol", "delta_exact_kcal_mol")
TAIL = ("seconds", "failed", "machine", "versions")
SEEDS, FIRST, BATCH = 10, 10, 5
SHARES = (0.8, 0.9, 0.95)
Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("evaluate")
    one.add_argument("pool", choices=POOLS)
    one.add_argument("--workers", type=int, default=1)
    one.add_argument("--runs", type=Path, default=Path("runs/layers"))
    commands.add_parser("replay")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.command == "evaluate":
        evaluate(args.pool, args.runs / args.pool, args.workers)
    else:
        TABLE.unlink(missing_ok=True)
        for pool, play in (("abl1", play_abl1), ("photosensitiser", play_photosensitiser)):
            if (RESULTS / f"layers_{pool}.csv").is_file():
                told = {"machine": machine(), "versions": versions("labkit", "rdkit", "scipy")}
                append(TABLE, COLUMNS, *({"pool": pool} | row | told for row in play()))
        print("\n".join(summary()))


def evaluate(pool: str, folder: Path, workers: int) -> None:
    """Answers a pool at every fidelity; writes it also when stopped."""
    campaign, changes = POOLS[pool]
    try:
        known = list_runs([folder])
        if known:
            resume(folder / known[0]["run"], workers=workers)
        else:
            loaded = Campaign.load(campaign, [*changes, f"name=layers-{pool}", "generator.learning=false"])
            loaded.run(0, workers=workers, out=folder)
    finally:
        run = Run(folder / list_runs([folder])[0]["run"])
        table = RESULTS / f"layers_{pool}.csv"
        table.unlink(missing_ok=True)
        found = list(molecules(run))
        columns = ("smiles", *PROPERTIES, *(name for name in (*ENERGIES, *DELTAS) if name in found[0]), *TAIL)
        told = {"machine": machine(), "versions": versions("labkit", "vina", "tblite", "pyscf")}
        append(table, columns, *(row | told for row in found))
        logging.info("%d molecules, %d failed", len(found), sum(bool(row["failed"]) for row in found))


def molecules(run: Run) -> Iterator[dict[str, Any]]:
    """Each molecule that was answered, or failed, at the highest fidelity: all that is known of it."""
    with run.journal() as journal:
        answers: dict[str, list[Any]] = {}
        for answer in sorted(journal.evaluations(), key=lambda e: e.round):
            answers.setdefault(answer.smiles, []).append(answer)
    last, seen = run.specification.fidelities[-1], set[str]()
    for own in answers.values():
        by_name = {answer.fidelity: answer for answer in own}
        standard = by_name["triage"].result.get("smiles")
        if last not in by_name and not any(answer.status == "failed" for answer in own):
            continue  # refused by the triage, or not yet answered
        if standard in seen:
            continue  # the same molecule, written in another way
        seen.add(standard)
        row: dict[str, Any] = {name: "" for name in (*ENERGIES, *DELTAS) if _belongs(name, run.specification)}
        properties = by_name["triage"].result["properties"]
        row |= {"smiles": standard} | {name: properties[name] for name in PROPERTIES}
        for answer in own:
            row |= answer.result.get("components", {})
        steps = (
            [entry["energy"]["quantum"] for entry in by_name[last].result.get("contacts", ())]
            if last in by_name
            else []
        )
        if steps and all(steps):
            row |= {name: sum(step[name] for step in steps) for name in DELTAS}
        row["seconds"] = " ".join(f"{answer.fidelity}={answer.seconds:.2f}" for answer in own[1:])
        row["failed"] = "; ".join(answer.result["reason"] for answer in own if answer.status == "failed")
        yield {name: f"{value:.5f}" if isinstance(value, float) else value for name, value in row.items()}


def _belongs(name: str, specification: Specification) -> bool:
    if name in DELTAS:
        return specification.interaction is not None
    return name.split("_")[0].replace("ligand", "docking") in specification.fidelities


def pool(name: str) -> dict[str, dict[str, float]]:
    """All numbers of the molecules that nothing failed for, by standard SMILES."""
    return {
        row["smiles"]: {
            column: float(row[column])
            for column in (*PROPERTIES, *ENERGIES, *DELTAS)
            if row.get(column) not in (None, "")
        }
        for row in rows(RESULTS / f"layers_{name}.csv")
        if not row["failed"]
    }


def by_value(
    specification: Specification, known: Values, candidates: Values, fidelity: str, scores: Sequence[float]
) -> list[str]:
    """Who climbs next, as the loop would choose."""
    found = correlations(known, specification.fidelities)
    return promoted(specification, Experience(known, found, tenth_best(scores)), fidelity, candidates)


def play_abl1() -> Iterator[dict[str, Any]]:
    """Rows of the arms, a seed after another."""
    changes = [f"interaction={{candidates={BATCH}, choice='value'}}", "screening={}"]
    specification = load_specification("quick", changes)
    everybody = pool("abl1")
    names = sorted(everybody)

    def score(parts: Mapping[str, float], *without: str, **instead: float) -> float:
        return specification.score({k: v for k, v in (parts | instead).items() if k not in without})

    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        some = rng.choice(names, len(names) // 2, replace=False).tolist()
        calls, parts = len(some) // 4, {text: everybody[text] for text in some}
        truth = {text: score(parts[text]) for text in some}
        vina = {text: score(parts[text], "interaction_energy") for text in some}
        xtb = {text: score(p, interaction_energy=p["screening_energy"]) for text, p in parts.items()}
        chosen = some[:FIRST]
        while len(chosen) < calls:
            ahead = {"interaction_energy", *DELTAS}
            left = {t: {k: v for k, v in parts[t].items() if k not in ahead} for t in some if t not in chosen}
            known = {text: parts[text] for text in chosen}
            chosen += by_value(specification, known, left, "interaction", [truth[t] for t in chosen])
        chosen = chosen[:calls]
        delta = {text: parts[text].get(DELTAS[0], 0.0) for text in chosen}
        shifted = {
            text: score(parts[text], interaction_energy=parts[text]["interaction_energy"] + delta[text])
            for text in chosen
        }
        arms: dict[str, tuple[Mapping[str, float], int]] = {
            "Vina": (vina, 0),
            "+ xTB": (xtb, 0),
            "+ standard by value": ({text: truth[text] for text in chosen}, calls),
            "+ standard by value + delta": (shifted, calls),
            "+ standard for the best by Vina": (_best_of(vina, truth, calls), calls),
            "+ standard for the best by xTB": (_best_of(xtb, truth, calls), calls),
            "+ standard for all": (truth, len(some)),
        }
        best = _ten(truth)
        for arm, (ranked, spent) in arms.items():
            first = _ten(ranked)
            found = fmean(truth[text] for text in first)
            yield {
                "molecules": len(some),
                "seed": seed,
                "arm": arm,
                "of_best": f"{found / fmean(truth[text] for text in best):.4f}",
                "calls": spent,
                "found": f"{found:.5f}",
                "hits": len({*first} & {*best}),
            }


def _ten(scores: Mapping[str, float]) -> list[str]:
    return sorted(scores, key=lambda text: (-scores[text], text))[:10]


def _best_of(cheap: Mapping[str, float], truth: Mapping[str, float], calls: int) -> dict[str, float]:
    return {text: truth[text] for text in sorted(cheap, key=lambda text: (-cheap[text], text))[:calls]}


def play_photosensitiser() -> Iterator[dict[str, Any]]:
    """Rows of the three arms, a seed after another: calls until each share of the best is found."""
    specification = load_specification(
        "photosensitiser", [f"triplet.candidates={BATCH}", "triplet.choice='value'"]
    )
    everybody = pool("photosensitiser")
    truth = {text: specification.score(parts) for text, parts in everybody.items()}
    best = fmean(sorted(truth.values(), reverse=True)[:10])
    conjugated = {text: _conjugated(text) for text in everybody}

    def value(chosen: Sequence[str], left: Sequence[str]) -> list[str]:
        known = {text: everybody[text] for text in chosen}
        open_ = {text: {name: everybody[text][name] for name in PROPERTIES} for text in left}
        return by_value(specification, known, open_, "triplet", [truth[text] for text in chosen])

    def descriptor(_: Sequence[str], left: Sequence[str]) -> list[str]:
        return sorted(left, key=lambda text: -conjugated[text])[:BATCH]

    def chance(_: Sequence[str], left: Sequence[str]) -> list[str]:
        return list(left[:BATCH])

    arms = {"random": chance, "descriptor": descriptor, "by value": value}
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(sorted(everybody)).tolist()
        for arm, choose in arms.items():
            # The descriptor needs no answers to begin with.
            curve = _calls(order, choose, truth, 0 if arm == "descriptor" else FIRST)
            for share in SHARES:
                spent = next(calls for calls, found in curve if found >= share * best - 1e-12)
                yield {
                    "molecules": len(order),
                    "seed": seed,
                    "arm": arm,
                    "of_best": share,
                    "calls": spent,
                    "found": f"{dict(curve)[spent]:.5f}",
                }


def _calls(
    order: Sequence[str],
    choose: Callable[[Sequence[str], Sequence[str]], list[str]],
    truth: Mapping[str, float],
    first: int,
) -> list[tuple[int, float]]:
    """Calls, and the mean of the ten best found by them, until everybody has been asked."""
    chosen, curve = list(order[:first]), []
    while len(chosen) < len(order):
        taken = set(chosen)
        chosen += choose(chosen, [text for text in order if text not in taken])
        found = sorted((truth[text] for text in chosen), reverse=True)[:10]
        curve.append((len(chosen), sum(found) / 10))
    return curve


def _conjugated(smiles: str) -> int:
    atoms = Chem.MolFromSmiles(smiles).GetAtoms()
    return sum(any(bond.GetIsConjugated() for bond in atom.GetBonds()) for atom in atoms)


def summary() -> list[str]:
    """Means over the seeds, in words."""
    table = rows(TABLE)
    lines = []
    for arm in dict.fromkeys(row["arm"] for row in table if row["pool"] == "abl1"):
        own = [row for row in table if row["pool"] == "abl1" and row["arm"] == arm]
        shares = np.array([float(row["of_best"]) for row in own])
        error = 1.96 * shares.std(ddof=1) / len(shares) ** 0.5
        hits = fmean(float(row["hits"]) for row in own)
        lines.append(
            f"abl1, {arm}: {shares.mean():.3f} ± {error:.3f} of the best, {hits:.1f} of the ten best, "
            f"{own[0]['calls']} calls"
        )
    light = [row for row in table if row["pool"] == "photosensitiser"]
    for share in SHARES:
        calls = {
            arm: fmean(float(r["calls"]) for r in light if r["arm"] == arm and float(r["of_best"]) == share)
            for arm in dict.fromkeys(row["arm"] for row in light)
        }
        if calls:
            told = ", ".join(f"{arm} {mean:.0f}" for arm, mean in calls.items())
            ratio = calls["random"] / calls["by value"]
            lines.append(
                f"photosensitiser, calls to {share:.0%} of the best: {told}; "
                f"by value {ratio:.1f} times fewer than random"
            )
    return lines


if __name__ == "__main__":
    main()
