"""Pictures, tables and sentences of the quantum dashboard that need no browser."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from labkit.dashboards import palette
from labkit.dashboards._format import number, signed
from labkit.dashboards._noise_view import VARIANTS
from labkit.dashboards._page import Block, Picture, paragraphs, picture, table
from labkit.dashboards._quantum_model import SOLVERS, Finding, Row
from labkit.quantum import Space

# Colour and marker by group of rows, matplotlib's and plotly's, and what the group is.
GROUPS = {
    "classical": (palette.BLACK, "s", "square", "classical"),
    "circuit": (palette.GREEN, "D", "diamond", "a circuit's state, without shots"),
    "samples": (palette.BLUE, "o", "circle", "SQD from shots"),
    "control": (palette.VERMILION, "^", "triangle-up", "control: no circuit at all"),
}
FLOOR_MHA = 1e-3  # what lies below is drawn here

_COLUMNS = 60  # of a circuit's drawing, side by side


def name_of(row: Row) -> str:
    """A row's name for the reader."""
    return f"SQD, {VARIANTS[row.name]}" if row.group == "samples" else row.name


def error_of(row: Row) -> str:
    """A row's error with its scatter, mHa."""
    if row.deviation_mha is None:
        tiny = abs(row.error_mha) < FLOOR_MHA
        return f"under {FLOOR_MHA:g}" if tiny else signed(row.error_mha, 3 if abs(row.error_mha) < 1 else 1)
    digits = 3 if row.deviation_mha < 0.1 else 1 if abs(row.error_mha) < 100 else 0
    return f"{signed(row.error_mha, digits)} ± {number(row.deviation_mha, digits)}"


def bars_of(row: Row) -> tuple[float, float, float]:
    """Where a row's mark stands on a logarithmic axis, and how far its bar goes down and up, mHa."""
    place, deviation = max(abs(row.error_mha), FLOOR_MHA), row.deviation_mha or 0.0
    return place, min(deviation, place - FLOOR_MHA), deviation


def energies_alt(rows: Sequence[Row]) -> str:
    """Alternative text of a chart of energies."""
    return "Energy less exact (mHa): " + "; ".join(f"{name_of(row)} {error_of(row)}" for row in rows)


def shares_alt(finding: Finding, mitigation: str) -> str:
    """Alternative text of a histogram of bit strings."""
    ideal = finding.studies[0].ideal
    return f"Share of the most probable bit strings, exact and {VARIANTS[mitigation]}: " + "; ".join(
        f"{bits} {ideal[bits]:.2g}, {mean:.2g} ± {deviation:.1g}"
        for bits, (mean, deviation) in list(finding.shares(mitigation).items())[:4]
    )


def energies_picture(rows: Sequence[Row]) -> Picture:
    """Every way to the energy against the exact one, with the scatter of repeated measurements."""
    with palette.style():
        figure = Figure(figsize=(9.0, 1.5 + 0.38 * len(rows)))
        axes = figure.subplots()
        for group, (colour, marker, _, label) in GROUPS.items():
            members = [(y, row) for y, row in enumerate(rows) if row.group == group]
            for y, row in members:
                place, down, up = bars_of(row)
                bar = {"xerr": [[down], [up]], "capsize": 4} if row.deviation_mha else {}
                size = 11 if row.chosen else 7
                axes.errorbar(place, y, fmt=marker, color=colour, markersize=size, **bar)  # type: ignore[arg-type]
                axes.text(1.02, y, error_of(row), transform=axes.get_yaxis_transform(), va="center")
            if members:
                axes.plot([], [], marker, color=colour, label=label)
        names = [name_of(row) + (" ◀" if row.chosen else "") for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlim(left=FLOOR_MHA / 2)
        axes.set_xlabel("distance from the exact energy (mHa)")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper center", ncols=len(GROUPS))
    caption = "Bars: standard deviation of one measurement. ◀: solver and mitigation that are chosen."
    return picture(figure, energies_alt(rows), caption)


def circuit_picture(space: Space) -> Picture:
    """The sampled circuit, gate by gate, folded: spin up on the upper half of the wires."""
    qubits, norb = space.circuit["qubits"], space.hamiltonian.norb
    last = max(column for column, _, _ in space.gates)
    lines = last // _COLUMNS + 1
    names = sorted({name for _, name, wires in space.gates if len(wires) == 2})
    with palette.style():
        figure = Figure(figsize=(9.6, lines * (0.5 + 0.15 * qubits)))
        for line, axes in enumerate(figure.subplots(lines, squeeze=False)[:, 0]):
            first = line * _COLUMNS
            here = [(c - first, name, wires) for c, name, wires in space.gates if c // _COLUMNS == line]
            right = min(_COLUMNS, last - first + 1) - 0.3
            axes.hlines(range(qubits), -0.7, right, color="#BBBBBB", linewidth=0.7, zorder=1)
            pairs = [(c, name, wires) for c, name, wires in here if len(wires) == 2]
            for kind, colour in (("cp", palette.VERMILION), ("cx", palette.BLUE)):
                ends = [(c, *wires) for c, name, wires in pairs if name == kind]
                if ends:
                    columns, controls, targets = zip(*ends, strict=True)
                    axes.vlines(columns, controls, targets, color=colour, linewidth=1.1, zorder=2)
                    axes.plot(columns, controls, ".", color=colour, markersize=6)
                    mark = {"marker": "."} if kind == "cp" else {"marker": "o", "markerfacecolor": "white"}
                    axes.plot(columns, targets, linestyle="", color=colour, markersize=5.5, **mark)
            single = [(c, wires[0], name) for c, name, wires in here if len(wires) == 1]
            for virtual, face in ((True, "white"), (False, palette.GREY)):
                spots = [(c, wire) for c, wire, name in single if (name == "p") == virtual]
                if spots:
                    axes.plot(
                        *zip(*spots, strict=True), "s", color=palette.GREY, markerfacecolor=face, ms=4.5
                    )
            axes.set_yticks(
                range(qubits), [f"{wire % norb + 1}{'↑' if wire < norb else '↓'}" for wire in range(qubits)]
            )
            axes.tick_params(length=0, labelsize=8, labelbottom=False)
            axes.set_xlim(-0.8, _COLUMNS - 0.2)
            axes.set_ylim(qubits - 0.4, -0.6)
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
    alt = (
        f"Truncated LUCJ circuit with {space.circuit['repetitions']} repetitions: {qubits} qubits, "
        f"{space.circuit['two_qubit_gates']} two-qubit gates ({', '.join(names)}), depth "
        f"{space.circuit['depth']}."
    )
    legend = (
        "Wires: spin orbitals. From left to right, then line by line. Blue: CNOT, open at the target. "
        "Red: controlled phase. "
        "Squares: gates on one qubit; open ones are phases, which take no pulse."
    )
    return picture(figure, alt, f"{alt} {legend}")


def controls_table(finding: Finding, rows: Sequence[Row]) -> Block:
    """What shots and controls are worth: error, subspace and share in the right sector."""
    head = ("subspace from", "error (mHa)", "determinants", "of the space (%)", "in the right sector (%)")
    lines = []
    for row in rows:
        if row.determinants is None:
            continue
        few, many = row.determinants
        span = f"{few} to {many}" if few < many else f"{many}"
        sector = "" if row.in_sector is None else " ± ".join(number(100 * x, 1) for x in row.in_sector)
        share = number(100 * many / finding.determinants, 1)
        lines.append((name_of(row), error_of(row), span, share, sector))
    return table(head, lines, numeric=head[1:])


def heading(finding: Finding) -> str:
    """What is shown, in one line."""
    choice, space = finding.choice, finding.space
    return (
        f"{choice.system}: {sum(space.hamiltonian.nelec)} electrons in {space.hamiltonian.norb} orbitals, "
        f"{space.circuit['qubits']} qubits, {finding.determinants:,} determinants; {len(finding.studies)} × "
        f"{choice.shots:,} shots, two-qubit error {choice.two_qubit:g}, read-out error {choice.readout:g}"
    )


def in_words(finding: Finding, mitigation: str) -> Block:
    """What the energies show: the solver's error, and whether the shots beat their controls."""
    choice, rows = finding.choice, finding.rows(mitigation)
    samples = next(row for row in rows if row.group == "samples" and row.name == mitigation)
    by_chance, excitations = (row for row in rows if row.group == "control")
    exact = number(finding.space.energies["exact"], 6)
    texts = [f"Orbitals: {finding.space.chosen_by}. Exact energy: {exact} Ha."]
    if choice.solver in finding.solved:
        solved = finding.solved[choice.solver]
        error = (solved["energy"] - finding.space.energies["exact"]) * 1e3
        ended = "" if solved["converged"] else "; its optimisation didn't converge"
        texts.append(f"{SOLVERS[choice.solver]}: {signed(error, 3)} mHa against exact, without shots{ended}.")
    texts.append(
        f"{name_of(samples)}: {error_of(samples)} mHa against exact (mean and standard deviation of one "
        f"measurement of {choice.shots:,} shots). "
        + _against(samples, by_chance)
        + _against(samples, excitations)
    )
    if finding.studies[0].cap_strings == 1:
        texts.append(
            f"{choice.cap:.0%} of so small a space leave one determinant, whatever is sampled: let the "
            "subspace be larger, or take more orbitals."
        )
    if choice.cap > 0.1:
        texts.append(
            f"The subspace may hold {choice.cap:.0%} of the space: above a tenth nearly any samples come "
            "near exact, so that little is proved."
        )
    return paragraphs(*texts, *finding.space.notes)


def _against(samples: Row, control: Row) -> str:
    gap = control.error_mha - samples.error_mha
    scatter = ((samples.deviation_mha or 0) ** 2 + (control.deviation_mha or 0) ** 2) ** 0.5
    subject = control.name[0].upper() + control.name[1:]
    if abs(gap) <= scatter:
        return f"{subject} can't be told apart from it ({error_of(control)} mHa). "
    return f"{subject} do {'worse' if gap > 0 else 'better'} ({error_of(control)} mHa). "
