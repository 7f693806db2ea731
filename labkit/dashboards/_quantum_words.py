"""What the quantum step shows, and what it can't show, in plain sentences computed from a run's contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.dashboards._report_model import ContactEnergy

GOAL_MHA = 1.0


def quantum(contacts: Sequence[ContactEnergy]) -> list[str]:
    """What the comparison with exact shows, and what it can't show, of contacts with a quantum step."""
    found = [contact.quantum for contact in contacts]
    worst = max(q["error_mha"] for q in found)
    share = min(q["dimer"]["dimension"] / q["dimer"]["full_dimension"] for q in found)
    cap = max(q["controls"]["cap_share"] for q in found)
    qubits, gates = (max(q["circuit"][what] for q in found) for what in ("qubits", "two_qubit_gates"))
    holds = "within" if worst <= GOAL_MHA else "beyond"
    texts = [
        f"The quantum solver's energies are {holds} {GOAL_MHA:g} mHa of the exact ones: the largest error of "
        f"{len(found)} contacts, dimer and monomers, is {mha(worst)}."
    ]
    if share > 0.5:
        texts.append(
            f"That alone proves little: the subspace that the samples opened spans at least "
            f"{100 * share:.0f} % of the full space, where any sampling ends up nearly exact."
        )
    texts.append(
        f"What the samples are worth shows when all get the same dimension, at most "
        f"{100 * cap:.0f} % of the full space. "
        + _wins(found, "random_bits", "uniformly random bits")
        + " "
        + _wins(found, "singles_doubles", "singles and doubles, which need no quantum computer,")
        + f" Each circuit has up to {qubits} qubits and {gates:,} two-qubit gates and is "
        f"simulated without noise: on a machine whose two-qubit gates are 99.5 % right, a share of "
        f"{0.995**gates:.0e} of the state would survive it."
    )
    return texts


def _wins(found: Sequence[Mapping[str, Any]], control: str, rival: str) -> str:
    """In how many contacts a control does at least as well at the capped dimension."""
    errors = [(q["controls"][f"{control}_error_mha"], q["controls"]["capped_error_mha"]) for q in found]
    wins, count = sum(abs(its) <= abs(own) for its, own in errors), len(found)
    if wins == 0:
        return f"There, {rival} do worse in all {count} contacts."
    return f"There, {rival} do as well or better in {wins} of {count} contacts."


def mha(value: float) -> str:
    """An error in millihartree."""
    return f"{value:.2g} mHa" if value >= 1e-3 else "below 0.001 mHa"


def delta(contacts: Sequence[ContactEnergy]) -> str:
    """What the quantum solver adds over its classical rival, of contacts with a quantum step."""
    error = max(contact.error_kcal_mol for contact in contacts)
    by_circuit, exactly = (
        max(abs(contact.quantum[key]) for contact in contacts)
        for key in ("delta_kcal_mol", "delta_exact_kcal_mol")
    )
    text = (
        f"In the active spaces, exact and CCSD interaction energies differ by at most "
        f"{exactly:.2g} kcal/mol, quantum and CCSD by at most δ = {by_circuit:.2g}"
    )
    text += ", most of which is the quantum solver's own error. " if by_circuit > 3 * exactly else ". "
    if exactly < error / 2:
        return (
            text + "Exact less CCSD is about nothing beside the headline's error: one determinant describes "
            "these contacts, and here the quantum step adds a check, not a better number. It would matter "
            "where bonds stretch or break, at metals, and in excited states."
        )
    return text + "That is not small: at least one contact is not described by one determinant; look at it."
