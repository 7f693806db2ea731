"""Pictures, tables and sentences of the quantum dashboard that need no browser."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10

from matplotlib.figure import Figure

from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, errors, marks
from labkit.dashboards._format import number, signed
from labkit.dashboards._noise_view import VARIANTS
from labkit.dashboards._page import Block, Picture, paragraphs, picture, table
from labkit.dashboards._quantum_model import SOLVERS, Finding, Row
from labkit.quantum import Space

# Colour and marker by group of rows, and what the group is.
GROUPS = {
    "classical": (palette.BLACK, "square", "classical"),
    "circuit": (palette.GREEN, "diamond", "a circuit's state, without shots"),
    "samples": (palette.BLUE, "circle", "SQD from shots"),
    "control": (palette.VERMILION, "triangle-up", "control: no circuit at all"),
}
FLOOR_MHA = 1e-3  # what lies below is drawn here

# Powers of ten: rarer strings are seen with no number of shots that is offered.
_SHARES = (-6.5, 0.3)
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


def energies(rows: Sequence[Row]) -> Chart:
    """Every way to the energy against the exact one, with the scatter of repeated measurements."""
    names = [name_of(row) + (" ◀" if row.chosen else "") for row in rows]
    places = [max(abs(row.error_mha), FLOOR_MHA) for row in rows]
    right = 1000 * max(places)
    traces = []
    for group, (colour, symbol, label) in GROUPS.items():
        mine = [(i, row.deviation_mha or 0.0) for i, row in enumerate(rows) if row.group == group]
        x, y = [places[i] for i, _ in mine], [names[i] for i, _ in mine]
        sizes = [15 if rows[i].chosen else 9 for i, _ in mine]
        up, down = [d or None for _, d in mine], [min(d, places[i] - FLOOR_MHA) or None for i, d in mine]
        traces.append(marks(label, x, y, colour, symbol, sizes, error_x=errors(up, down)))
    numbers = {"mode": "text", "name": "numbers", "textposition": "middle left", "hoverinfo": "skip"}
    texts = {"x": [right] * len(rows), "y": names, "text": [error_of(row) for row in rows]}
    return Chart(
        "Energy against exact",
        "distance from exact (mHa)",
        "",
        [*traces, numbers | texts],
        "Energy less exact (mHa): " + "; ".join(f"{name_of(row)} {error_of(row)}" for row in rows),
        "Bars: standard deviation of one measurement. ◀: solver and mitigation that are chosen.",
        x={"type": "log", "exponentformat": "power", "range": (log10(FLOOR_MHA / 2), log10(right))},
        y=UPSIDE_DOWN,
        height=1.5 + 0.38 * len(rows),
    )


def shares(finding: Finding, mitigation: str) -> Chart:
    """Share of the shots of the most probable bit strings: exact, and as measured."""
    ideal = finding.studies[0].ideal
    rows, half = [*range(len(ideal))], len(next(iter(ideal))) // 2
    traces = [bars("exact", [*ideal.values()], rows, "#CCCCCC")]
    for i, variant in enumerate(dict.fromkeys(("noiseless", "noisy", mitigation))):
        found = finding.shares(variant).values()
        # What wasn't seen has no place on a logarithmic axis.
        x, y = [mean or None for mean, _ in found], [row + 0.28 * (i - 1) for row in rows]
        spans = errors([off for _, off in found], [min(off, 0.9 * mean) for mean, off in found])
        traces.append(marks(VARIANTS[variant], x, y, *palette.series(i), 7, error_x=spans))
    names = [f"↓{bits[:half]} ↑{bits[half:]}" for bits in ideal]
    alt = f"Share of the most probable bit strings, exact and {VARIANTS[mitigation]}: " + "; ".join(
        f"{bits} {ideal[bits]:.2g}, {mean:.2g} ± {deviation:.1g}"
        for bits, (mean, deviation) in list(finding.shares(mitigation).items())[:4]
    )
    rest = 1 - sum(ideal.values())
    return Chart(
        "Bit strings measured",
        "share of the shots",
        "",
        traces,
        alt,
        f"All other strings together: {rest:.1%} without noise.",
        x={"type": "log", "exponentformat": "power", "range": _SHARES},
        y=UPSIDE_DOWN
        | {"tickvals": rows, "ticktext": names, "tickfont": {"family": "monospace", "size": 12}},
        height=0.8 + 0.34 * len(rows),
    )


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
