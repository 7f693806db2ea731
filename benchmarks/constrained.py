"""Do scaffolds, fragments and nearness stand in every molecule, and what do 1,000 of them cost?

    python benchmarks/constrained.py [--count N] [--seed N] [--only NAME…]

Writes benchmarks/results/constrained.csv; rows that it has already are skipped. The parts are those of drugs
that the code wasn't tried on while it was written. Whether a molecule keeps a frame is judged by a query
written by hand, with the hydrogens of each atom that must bear no substituent; nearness by the counts of the
fingerprints. `valid_results`, `unique_results` and `kept` are shares of the molecules that came back,
`valid_drawn` that of the language model's strings; `unique_made` says how many were not made before.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from _table import append, cpu_seconds, machine, rows, versions
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from labkit.generative import decorate, generate_counted, link, load_prior, near
from labkit.generative._constraints import Constraint

TABLE = Path(__file__).parent / "results" / "constrained.csv"
KEY = ("task", "drug", "constraint", "count", "seed")
SHARES = ("valid_drawn", "unique_made", "valid_results", "unique_results", "kept")
COLUMNS = (*KEY, *SHARES, "seconds", "cpu_s", "machine", "versions")
ECFP4 = rdFingerprintGenerator.GetMorganGenerator(radius=2)


@dataclass(frozen=True)
class Case:
    """A task, the drug that it is taken from, the constraint, and a query that each result matches."""

    task: str
    constraint: Constraint
    query: str = ""


CASES = {
    "paroxetine": Case(
        "scaffold, one point",
        decorate("Fc1ccc(cc1)[C@@H]1CCN([*:1])C[C@H]1COc1ccc2OCOc2c1"),
        "F-c1[cH][cH]c([cH][cH]1)-[C@@H]1[CH2][CH2]N(-[!#1])[CH2][C@H]1[CH2]-O-c1[cH][cH]c2O[CH2]Oc2[cH]1",
    ),
    "gefitinib": Case(
        "scaffold, two points",
        decorate("COc1cc2ncnc(N[*:1])c2cc1O[*:2]"),
        "[CH3]-O-c1[cH]c2n[cH]nc(-[NH]-[!#1])c2[cH]c1-O-[!#1]",
    ),
    "sorafenib": Case(
        "linker",
        link("FC(F)(F)c1cc([*:1])ccc1Cl.CNC(=O)c1cc(O[*:2])ccn1"),
        "FC(F)(F)-c1[cH][cH0D3][cH][cH]c1Cl.[CH3]-[NH]-C(=O)-c1[cH]c(-[OH0D2])[cH][cH]n1",
    ),
    "sertraline": Case("near, 0.4", near("CN[C@H]1CC[C@@H](c2ccc(Cl)c(Cl)c2)c2ccccc21", 0.4)),
    "neostigmine": Case(
        "scaffold, two points",
        decorate("C[N+](C)(C)c1cccc(OC(=O)N([*:1])[*:2])c1"),
        "[CH3][N+]([CH3])([CH3])-c1[cH][cH][cH]c([cH]1)-O-C(=O)-N(-[!#1])-[!#1]",
    ),
    "donepezil": Case(
        "linker",
        link("COc1cc2c(cc1OC)C(=O)C([*:1])C2.c1ccc(CN2CCC([*:2])CC2)cc1"),
        "[CH3]-O-c1[cH]c2c([cH]c1-O-[CH3])C(=O)[CH1D3][CH2]2."
        "[cH]1[cH][cH]c([cH][cH]1)-[CH2]-N1[CH2][CH2][CH1D3][CH2][CH2]1",
    ),
}


def kept(case: Case, molecule: Chem.Mol) -> bool:
    """Return whether a molecule keeps the constraint, by a route of its own."""
    if case.query:
        return molecule.HasSubstructMatch(Chem.MolFromSmarts(case.query), useChirality=True)
    ours = ECFP4.GetSparseCountFingerprint(molecule).GetNonzeroElements()
    theirs = ECFP4.GetSparseCountFingerprint(Chem.MolFromSmiles(case.constraint.smiles)).GetNonzeroElements()
    counts = [(ours.get(bit, 0), theirs.get(bit, 0)) for bit in ours.keys() | theirs.keys()]
    return sum(map(min, counts)) / sum(map(max, counts)) >= float(case.task.partition(", ")[2])


def measure(drug: str, count: int, seed: int) -> None:
    """Add a row."""
    case = CASES[drug]
    row = (case.task, drug, case.constraint.smiles, count, seed)
    if tuple(map(str, row)) in {tuple(entry[key] for key in KEY) for entry in rows(TABLE)}:
        return
    start, cpu = time.perf_counter(), cpu_seconds()
    made = generate_counted(count, seed, constraint=case.constraint)
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    molecules = [Chem.MolFromSmiles(text) for text in made.smiles]
    valid = [molecule for molecule in molecules if molecule is not None]
    shares = (
        made.valid_fraction,
        made.unique_fraction,
        len(valid) / count,
        len({Chem.MolToSmiles(molecule) for molecule in valid}) / count,
        sum(kept(case, molecule) for molecule in valid) / count,
    )
    append(
        TABLE,
        COLUMNS,
        {
            **dict(zip(KEY, row, strict=True)),
            **{name: f"{share:.4f}" for name, share in zip(SHARES, shares, strict=True)},
            "seconds": round(seconds),
            "cpu_s": round(cpu),
            "machine": machine(),
            "versions": versions("jax", "rdkit", "numpy"),
        },
    )
    print(f"{case.task} of {drug}: {seconds:.0f} s; {' '.join(made.smiles[:5])}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=list(CASES), choices=CASES)
    options = parser.parse_args()
    load_prior()  # not timed
    for drug in options.only:
        measure(drug, options.count, options.seed)


if __name__ == "__main__":
    main()
