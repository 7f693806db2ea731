"""What the quantum step shows, and what it can't show, in plain sentences computed from a run's contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.dashboards._report_model import ContactEnergy

GOAL_MHA = 1.0


@dataclass(frozen=True)
class QuantumFacts:
    """What all quantum steps of a run have in common (energies in mHa unless named otherwise).

    Attributes:
        count: contacts with a quantum step.
        worst: largest error of the quantum solver against exact.
        share: the smallest share of the full space that its subspace spanned, 0–1.
        cap: share of the full space that the controls were given, 0–1.
        delta: largest |δ|, quantum less CCSD in interaction energy, kcal/mol.
        delta_exact: the same for exact less CCSD, kcal/mol.
        qubits: of the largest circuit.
        gates: two-qubit gates of the largest circuit.
        noise_wins: in how many contacts uniformly random bits did at least as well at the capped dimension.
        excitations_win: in how many singles and doubles did, without any sample.
    """

    count: int
    worst: float
    share: float
    cap: float
    delta: float
    delta_exact: float
    qubits: int
    gates: int
    noise_wins: int
    excitations_win: int


def quantum_facts(contacts: Sequence[ContactEnergy]) -> QuantumFacts | None:
    """Facts over all contacts that have a quantum step; None if none has."""
    found = [contact.quantum for contact in contacts if contact.quantum]
    if not found:
        return None
    controls = [q["controls"] for q in found]
    return QuantumFacts(
        count=len(found),
        worst=max(q["error_mha"] for q in found),
        share=min(q["dimer"]["dimension"] / q["dimer"]["full_dimension"] for q in found),
        cap=max(c["cap_share"] for c in controls),
        delta=max(abs(q["delta_kcal_mol"]) for q in found),
        delta_exact=max(abs(q["delta_exact_kcal_mol"]) for q in found),
        qubits=max(q["circuit"]["qubits"] for q in found),
        gates=max(q["circuit"]["two_qubit_gates"] for q in found),
        noise_wins=sum(abs(c["random_bits_error_mha"]) <= abs(c["capped_error_mha"]) for c in controls),
        excitations_win=sum(
            abs(c["singles_doubles_error_mha"]) <= abs(c["capped_error_mha"]) for c in controls
        ),
    )


def quantum(facts: QuantumFacts) -> list[str]:
    """What the comparison with exact shows, and what it can't show."""
    holds = "within" if facts.worst <= GOAL_MHA else "beyond"
    texts = [
        f"The quantum solver's energies are {holds} {GOAL_MHA:g} mHa of the exact ones: the largest error of "
        f"{facts.count} contacts, dimer and monomers, is {mha(facts.worst)}."
    ]
    if facts.share > 0.5:
        texts.append(
            f"That alone proves little: the subspace that the samples opened spans at least "
            f"{100 * facts.share:.0f} % of the full space, where any sampling ends up nearly exact."
        )
    texts.append(
        f"What the samples are worth shows when all get the same dimension, at most "
        f"{100 * facts.cap:.0f} % of the full space. "
        + _wins(facts.noise_wins, facts.count, "uniformly random bits")
        + " "
        + _wins(facts.excitations_win, facts.count, "singles and doubles, which need no quantum computer,")
        + f" Each circuit has up to {facts.qubits} qubits and {facts.gates:,} two-qubit gates and is "
        f"simulated without noise: on a machine whose two-qubit gates are 99.5 % right, a share of "
        f"{0.995**facts.gates:.0e} of the state would survive it."
    )
    return texts


def _wins(wins: int, count: int, rival: str) -> str:
    if wins == 0:
        return f"There, {rival} do worse in all {count} contacts."
    return f"There, {rival} do as well or better in {wins} of {count} contacts."


def mha(value: float) -> str:
    """An error in millihartree."""
    return f"{value:.2g} mHa" if value >= 1e-3 else "below 0.001 mHa"


def delta(facts: QuantumFacts, contacts: Sequence[ContactEnergy]) -> str:
    """What the quantum solver adds over its classical rival."""
    error = max(contact.error_kcal_mol for contact in contacts)
    text = (
        f"In the active spaces, exact and CCSD interaction energies differ by at most "
        f"{facts.delta_exact:.2g} kcal/mol, quantum and CCSD by at most δ = {facts.delta:.2g}"
    )
    text += (
        ", most of which is the quantum solver's own error. " if facts.delta > 3 * facts.delta_exact else ". "
    )
    if facts.delta_exact < error / 2:
        return (
            text + "Exact less CCSD is about nothing beside the headline's error: one determinant describes "
            "these contacts, and here the quantum step adds a check, not a better number. It would matter "
            "where bonds stretch or break, at metals, and in excited states."
        )
    return text + "That is not small: at least one contact is not described by one determinant; look at it."
