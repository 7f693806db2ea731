"""Energies of active spaces: a bond pulled apart, an interaction energy's parts, two states of a molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, bars, errors, joined
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number, signed
from labkit.dashboards._page import Block, Picture, paragraphs, picture, table
from labkit.quantum import InteractionEnergy, SolverComparison, TripletEnergy

METHODS = {
    "rhf": "RHF",
    "ccsd": "CCSD",
    "uccsd": "UCCSD",
    "lucj": "LUCJ",
    "ucj": "UCJ",
    "sqd": "SQD",
    "exact": "exact",
}
_DASHES = ("-.", "--", "none", "none", "none", "none", "-")
_GOAL_MHA = 1.6  # 1 kcal/mol, what chemists call accurate


def dissociation(distances: Sequence[float], compared: Sequence[SolverComparison]) -> Picture:
    """Energies along a bond by every method, and their errors against exact.

    Args:
        distances: length of the bond in each structure, Å.
        compared: the structures' energies, in the same order.
    """
    methods = _methods(compared)
    with palette.canvas(9.0, 4.4, 1, 2) as (figure, (left, right)):
        for method in methods:
            i = list(METHODS).index(method)
            look = {"color": palette.SERIES[i], "linestyle": _DASHES[i]}
            line = method in ("rhf", "ccsd", "exact")
            marker = {} if method == "exact" else {"marker": palette.MARKERS[i], "markersize": 6}
            if not line:
                marker["markerfacecolor"] = "none"
            energies = [one.energies.get(method, np.nan) for one in compared]
            left.plot(distances, energies, label=METHODS[method], zorder=2 if line else 3, **look, **marker)
            if method != "exact":
                errors = [one.error_mha(method) for one in compared]
                right.plot(distances, errors, **{**look, "linestyle": "-"}, **marker)
        right.set_yscale("symlog", linthresh=1.0)
        right.axhspan(-_GOAL_MHA, _GOAL_MHA, color=palette.GREEN, alpha=0.15, linewidth=0)
        right.axhline(0, color=palette.BLACK, linewidth=0.8)
        left.set(xlabel="length of the bond (Å)", ylabel="energy (Ha)")
        right.set(xlabel="length of the bond (Å)", ylabel="energy less exact (mHa)")
        figure.legend(loc="outside upper center", ncols=len(methods))
    alt = "Energies less the exact one (mHa) along the bond. " + "; ".join(
        f"{METHODS[method]}: "
        + ", ".join(
            f"{_mha(one.error_mha(method))} at {r:g} Å" if method in one.energies else f"no result at {r:g} Å"
            for r, one in zip(distances, compared, strict=True)
        )
        for method in methods
        if method != "exact"
    )
    return picture(figure, alt, "Green: within 1 kcal/mol. The right axis is linear between −1 and 1 mHa.")


def dissociation_in_words(distances: Sequence[float], compared: Sequence[SolverComparison]) -> Block:
    """Where each method leaves the exact curve, goes below it, or gives no result."""
    return paragraphs(
        *(_fate(method, distances, compared) for method in _methods(compared) if method != "exact")
    )


def _fate(method: str, distances: Sequence[float], compared: Sequence[SolverComparison]) -> str:
    found = [(r, one.error_mha(method)) for r, one in zip(distances, compared, strict=True)]
    known = [(r, error) for r, error in found if not np.isnan(error)]
    if not known:
        return f"{METHODS[method]} gives no result at any length."
    worst, most = max(known, key=lambda pair: abs(pair[1]))
    if abs(most) <= _GOAL_MHA:
        text = f"{METHODS[method]} stays within {_mha(abs(most))} of exact"
    else:
        near = sum(abs(error) <= _GOAL_MHA for _, error in known)
        text = f"{METHODS[method]} is within 1 kcal/mol of exact at {near} of {len(known)} lengths"
        text += f", and off by {_mha(most)} at {worst:g} Å"
    below = [r for r, error in known if error < -1e-3]
    if below:
        text += (
            f"; from {below[0]:g} Å it lies below the exact energy, where no variational method can be"
            if below == [r for r, _ in known if r >= below[0]]
            else f"; at {', '.join(f'{r:g}' for r in below)} Å it lies below the exact energy"
        )
    lost = [f"{r:g}" for r, error in found if np.isnan(error)]
    if lost:
        text += f"; at {', '.join(lost)} Å there is none: {_reason(method, compared)}"
    return text + "."


def _reason(method: str, compared: Sequence[SolverComparison]) -> str:
    reason = next(one.failures[method] for one in compared if method in one.failures)
    return reason[0].lower() + reason[1:] if not reason[:2].isupper() else reason


def solver_table(compared: SolverComparison) -> Block:
    """Every method on one structure: energy, error, spin, and what it took."""
    head = ("method", "energy (Ha)", "error (mHa)", "⟨S²⟩", "parameters", "two-qubit gates", "time (s)")
    rows = []
    for method in _methods([compared]):
        if method not in compared.energies:
            rows.append((METHODS[method], "none", "", "", "", "", ""))
            continue
        cost = compared.cost.get(method, {})
        spin = compared.spin_square.get(method)
        rows.append(
            (
                METHODS[method],
                number(compared.energies[method], 6),
                "0" if method == "exact" else signed(compared.error_mha(method), 3),
                "" if spin is None else number(abs(spin), 3),
                str(cost.get("parameters", "")),
                str(cost.get("two_qubit_gates", "")),
                number(float(cost["seconds"])) if "seconds" in cost else "",
            )
        )
    return table(head, rows, numeric=head[1:])


def occupations(distances: Sequence[float], compared: Sequence[SolverComparison]) -> Picture:
    """How many electrons each natural orbital of the exact state holds, along a bond."""
    values = np.array([one.occupations["exact"] for one in compared])
    traces = []
    for i, column in enumerate(values.T):
        colour, symbol = palette.series(i)
        symbol += "-open" if i % 2 and not symbol.endswith("-open") else ""
        traces.append(joined(f"orbital {i + 1}", distances, column, colour, symbol))
    alt = "Natural occupations of the exact state: " + "; ".join(
        f"{', '.join(number(value) for value in row)} at {r:g} Å"
        for r, row in zip(distances, values, strict=True)
    )
    caption, label = "One determinant would be 2 and 0 only.", "length of the bond (Å)"
    y = {"range": (-0.05, 2.05)}
    return drawn(Chart("", label, "electrons", traces, alt, caption, y=y, height=3.6))


def interaction_parts(energy: InteractionEnergy) -> Picture:
    """The headline with its error beside its parts and rivals, kcal/mol."""
    labels = {
        "hartree_fock": "Hartree–Fock",
        "mp2": "MP2",
        "casci": "exact, active space alone",
        "dispersion": "dispersion (part of the headline)",
        "no_counterpoise": "without counterpoise",
        "full_counterpoise": "full counterpoise",
    }
    shown = {labels[name]: value for name, value in energy.components.items() if name in labels}
    shown[f"headline: {energy.method.split(',')[0].split(' (')[0]}"] = energy.kcal_mol
    spread = [0.0] * (len(shown) - 1) + [energy.error_estimate_kcal_mol]
    head, others = palette.BLUE, ["#CCCCCC"] * (len(shown) - 1)
    parts = bars("", [*shown.values()], [*shown], [*others, head], width=0.6, showlegend=False)
    parts |= {
        "text": [signed(value) for value in shown.values()],
        "error_x": errors([s or None for s in spread]),
    }
    alt = "Interaction energies (kcal/mol): " + "; ".join(f"{n} {signed(v)}" for n, v in shown.items())
    caption = f"The error bar is the {energy.error_estimate_source.partition(',')[0]}."
    label, height = "interaction energy (kcal/mol)", 0.9 + 0.42 * len(shown)
    return drawn(Chart("", label, "", [parts], alt, caption, height=height))


def interaction_in_words(energy: InteractionEnergy) -> Block:
    """The headline, and what the quantum step beside it adds."""
    error = number(energy.error_estimate_kcal_mol)
    texts = [
        f"{energy.method}: {signed(energy.kcal_mol)} ± {error} kcal/mol for this {energy.charge_class} pair."
    ]
    found = energy.quantum
    if found:
        size, controls = energy.active_space["dimer"], found["controls"]
        texts.append(
            f"Beside it: {size['electrons']} electrons in {size['orbitals']} orbitals. SQD's largest error "
            f"against exact is {_mha(found['error_mha'])}. In interaction energy, quantum less CCSD is δ = "
            f"{signed(found['delta_kcal_mol'])} kcal/mol, exact less CCSD "
            f"{signed(found['delta_exact_kcal_mol'], 3)}."
        )
        small = abs(found["delta_exact_kcal_mol"]) < energy.error_estimate_kcal_mol / 2
        texts.append(
            "So one determinant describes this pair, and CCSD leaves a quantum computer nothing to add: here "
            "the quantum step is a check."
            if small
            else "That is not small beside the headline's error: CCSD misses something here."
        )
        texts.append(
            f"With {controls['cap_strings']} strings a spin ({100 * controls['cap_share']:.1f} % of the "
            f"space) the errors are {_mha(controls['capped_error_mha'])} from samples, "
            f"{_mha(controls['random_bits_error_mha'])} from random bits, and "
            f"{_mha(controls['singles_doubles_error_mha'])} from singles and doubles without any sample."
        )
    return paragraphs(*texts, *energy.notes)


def triplet_table(energy: TripletEnergy) -> Block:
    """Both states of a molecule: electrons by spin, energies, ⟨S²⟩, and occupations."""
    head = ("state", "electrons ↑ ↓", "circuit (Ha)", "exact (Ha)", "error (mHa)", "⟨S²⟩", "occupations")
    rows = []
    for name in ("S0", "T1"):
        state = energy.quantum[name]
        rows.append(
            (
                name,
                " + ".join(map(str, state["nelec"])),
                number(state["energy"], 5),
                number(state["exact"], 5),
                number(state["error_mha"], 3),
                number(abs(state["spin_square"])),
                "  ".join(number(value) for value in state["natural_occupations"]),
            )
        )
    return table(head, rows, numeric=head[1:6])


def triplet_in_words(energy: TripletEnergy) -> Block:
    """The triplet energy with its error, and what other choices would have given."""
    control = energy.quantum["controls"]
    error, source = energy.error_estimate_ev, energy.error_estimate_source
    return paragraphs(
        f"{energy.ev:.2f} ± {error:.2f} eV above the ground state ({energy.state}), by {energy.method}. The "
        f"error is the {source}.",
        f"One determinant for each state gives {control['determinant_ev']:.2f} eV, the active space alone "
        f"(CASSCF) {control['casscf_ev']:.2f} eV.",
        *energy.notes,
    )


def _methods(compared: Sequence[SolverComparison]) -> list[str]:
    tried = {method for one in compared for method in (*one.energies, *one.failures)}
    return [method for method in METHODS if method in tried]


def _mha(value: float) -> str:
    if abs(value) < 1e-3:
        return "less than 0.001 mHa"
    return f"{number(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3)} mHa"
