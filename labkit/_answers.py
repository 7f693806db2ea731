"""Answers of the commands in words, for people; programs ask for JSON."""

from __future__ import annotations

from typing import Any

Answer = dict[str, Any]


def show_run(answer: Answer) -> str:
    lines = [
        f"{answer['status']} in {answer['seconds']:.0f} s, {answer['energy_wh']:.2f} Wh"
        f" ± {answer['energy_uncertainty_wh']:.2f} ({answer['energy_method']})",
        "evaluations: " + ", ".join(f"{name} {n}" for name, n in answer["evaluations"].items()),
        "best molecules:",
    ]
    for row in answer["best"]:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in row["components"].items())
        lines.append(f"  {row['score']:.3f}  {row['smiles']}  ({parts})")
    return "\n".join([*lines, f"run:    {answer['run']}", f"report: {answer['report']}"])


def show_runs(answer: Answer) -> str:
    rows = answer["runs"]
    if not rows:
        return "no runs yet; `labkit run` starts one"
    return "\n".join(f"{r['run']:<40} {r['status']:<12} {r['seconds']:>8.0f} s  {r['folder']}" for r in rows)


def show_poses(answer: Answer) -> str:
    return "\n".join(
        f"{pose['energy']:7.2f} kcal/mol  {pose['smiles']}  "
        + " ".join(dict.fromkeys(contact["residue"] for contact in pose["contacts"]))
        + f"  {pose['file']}"
        for pose in answer["poses"]
    )


def show_triplet(answer: Answer) -> str:
    error, quantum = answer["error_estimate_ev"], answer["quantum"]
    controls = quantum["controls"]
    lines = [
        f"{answer['ev']:.2f} ± {error:.2f} eV  {answer['state']}  ({answer['method']})",
        f"quantum: {quantum['error_mha']:.4f} mHa from exact in the same space;"
        f" one determinant gives {controls['determinant_ev']:.2f} eV,"
        f" no functional {controls['casscf_ev']:.2f} eV",
    ]
    return "\n".join([*lines, *answer["notes"]])


def show_interaction(answer: Answer) -> str:
    error = answer["error_estimate_kcal_mol"]
    lines = [
        f"{answer['kcal_mol']:.2f} ± {error:.2f} kcal/mol  ({answer['method']}, {answer['charge_class']})",
        *(f"  {name}: {value:.2f}" for name, value in answer["components"].items()),
    ]
    quantum = answer["quantum"]
    if quantum:
        lines.append(
            f"quantum: δ {quantum['delta_kcal_mol']:+.4f} kcal/mol beside it,"
            f" {quantum['error_mha']:.4f} mHa from exact in the same space"
        )
    return "\n".join([*lines, *answer["notes"]])


def show_doctor(answer: Answer) -> str:
    rows = [f"{'ok  ' if c['ok'] else 'FAIL'}  {c['check']}: {c['found']}" for c in answer["checks"]]
    mends = [f"      {c['check']}: {c['remedy']}" for c in answer["checks"] if not c["ok"]]
    return "\n".join([*rows, *(["", "what to do:", *mends] if mends else ["", "all is well"])])
