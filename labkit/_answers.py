"""Answers of the commands in words, for people; programs ask for JSON."""

from __future__ import annotations

from typing import Any

Answer = dict[str, Any]


def show_run(answer: Answer) -> str:
    lines = [
        f"{answer['status']} in {answer['seconds']:.0f} s, {answer['energy_wh']:.2f} Wh"
        f" ± {answer['energy_uncertainty_wh']:.2f} ({answer['energy_method']}),"
        f" {answer['co2e_g']:.2g} ± {answer['co2e_uncertainty_g']:.2g} gCO2e (grid: {answer['grid']})",
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


def show_comparison(answer: Answer) -> str:
    level = answer["common_score"]
    lines = [f"{'run':<40} {'ten best':>8} {'best':>6} {'calls':>7} {'s':>8} {'Wh':>9} {'gCO2e':>8}  status"]
    for row in answer["runs"]:
        used = f"{row['calls']:>7} {row['seconds']:>8.0f} {row['energy_wh']:>9.3g} {row['co2e_g']:>8.2g}"
        lines.append(
            f"{row['name']:<40} {row['top10_mean']:>8.3f} {row['best_score']:>6.3f} {used}  {row['status']}"
        )
    lines.append(f"until the mean of the ten best was {level:.3f}, which all have reached:")
    for row in answer["runs"]:
        used = "{calls:>23.0f} {seconds:>8.0f} {energy_wh:>9.3g} {co2e_g:>8.2g}"
        lines.append(f"{row['name']:<40} {used.format(**row['until_common_score'])}")
    return "\n".join([*lines, f"figure: {answer['figure']}"])


def show_files(answer: Answer) -> str:
    return "\n".join(answer["files"])


def show_steering(answer: Answer) -> str:
    lines = [f"{answer['run']}: {answer['status']}, {answer['rounds']} rounds in all"]
    for row in answer["steering"]:
        when = "waits" if row["round"] is None else f"round {row['round'] + 1}, {row['place']}"
        lines.append(f"  {row['command']:<7} {row['value'] or '':<40} {when}")
    return "\n".join(lines)


def show_poses(answer: Answer) -> str:
    return "\n".join(
        f"{pose['energy']:7.2f} kcal/mol  {pose['smiles']}  "
        + " ".join(dict.fromkeys(contact["residue"] for contact in pose["contacts"]))
        + f"  {pose['file']}"
        for pose in answer["poses"]
    )


def show_search(answer: Answer) -> str:
    failed = f", of which {answer['failed']} failed" if answer["failed"] else ""
    lines = [f"{one['score']:7.3f}  {one['smiles']}" for one in answer["best"]]
    return "\n".join(
        [
            *lines,
            f"ten best {answer['top10_mean']:.3f}, area under their mean {answer['auc_top10']:.3f}; "
            f"{answer['calls']} calls{failed}, {answer['seconds']:.0f} s",
            f"all of them: {answer['out']}/calls.csv",
        ]
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


def show_notebooks(answer: Answer) -> str:
    rows = [
        f"{r['name']:<28} {r['status']:<7} {r['seconds']:6.0f} s, {r['cpu_seconds']:4.0f} s of processor, "
        + ", ".join([f"{r['peak_mb']:5.0f} MB", *filter(None, (r["error"], *r["warnings"]))])
        for r in answer["notebooks"]
    ]
    return "\n".join([*rows, f"all on one page: {answer['report']}"])


def show_doctor(answer: Answer) -> str:
    rows = [f"{'ok  ' if c['ok'] else 'FAIL'}  {c['check']}: {c['found']}" for c in answer["checks"]]
    mends = [f"      {c['check']}: {c['remedy']}" for c in answer["checks"] if not c["ok"]]
    return "\n".join([*rows, *(["", "what to do:", *mends] if mends else ["", "all is well"])])


def show_simulation(answer: Answer) -> str:
    """Return the federation's indicators, then a line for each machine."""
    lines = [
        f"{answer['jobs']} jobs in {answer['makespan_s'] / 86400:.2f} days, waiting "
        f"{answer['wait_mean_s']:.0f} s on average; {100 * answer['utilisation']:.0f} % of the nodes' time",
        f"{answer['energy_mwh']:.1f} MWh, PUE {answer['pue']:.3f}, ERF {answer['erf']:.2f}, "
        f"{answer['co2_t']:.1f} t CO2, of which work {answer['work_energy_mwh']:.1f} MWh, "
        f"{answer['work_co2_t']:.1f} t; the rest is nodes at rest",
        f"{answer['zone_violations']} zone violations; simulated in {answer['seconds']:.1f} s",
    ]
    if "price_of_zones" in answer:
        price = answer["price_of_zones"]
        lines.append(
            f"zones cost {price['wait_mean_s']:+.0f} s of waiting, {price['work_energy_mwh']:+.2f} MWh and "
            f"{price['work_co2_t']:+.2f} t CO2 of work"
        )
    lines += [
        f"  {row['machine']:<18} {row['country']}  {row['jobs']:>7} jobs  wait {row['wait_mean_s']:>7.0f} s  "
        f"{100 * row['utilisation']:>3.0f} %  {row['energy_mwh']:>8.1f} MWh  PUE {row['pue']:.3f}  "
        f"{row['co2_t']:>7.1f} t CO2"
        for row in answer["machines"]
    ]
    if "sites" in answer:
        price = answer["price_of_zone"]
        lines += ["the run alone on each machine:"] + [
            f"  {row['machine']:<18} {row['country']}  {row['seconds']:>7.0f} s  "
            f"{row['energy_kwh']:>8.3f} kWh  {row['co2_kg']:>8.4f} kg CO2"
            + ("" if row["allowed"] else "  (outside the zone)")
            for row in answer["sites"]
        ]
        lines.append(
            f"the zone costs {price['seconds']:+.0f} s, {price['energy_kwh']:+.3f} kWh, "
            f"{price['co2_kg']:+.4f} kg CO2 against the best machine anywhere"
        )
    return "\n".join(lines)
