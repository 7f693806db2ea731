"""The quantum dashboard: an active space, its solvers and its shots, live or as pictures."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.dashboards import _quantum_figures as figures
from labkit.dashboards import palette
from labkit.dashboards._noise_view import VARIANTS, distributions, resources_table
from labkit.dashboards._page import Block, paragraphs, together
from labkit.dashboards._quantum_model import KINDS, SOLVERS, Choice, Finding, QuantumModel, Row
from labkit.errors import InputError, LabkitError

if TYPE_CHECKING:
    import ipywidgets

_FIRST_MITIGATION = "post_selected"
_ORBITALS = (4, 6, 8, 10, 12)  # the last is refused, with what it would take
_SHOTS = (100, 1_000, 10_000, 100_000)
_TWO_QUBIT = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
_READOUT = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05)
# Powers of ten: rarer strings are seen with no number of shots that is offered.
_SHARES = (-6.5, 0.3)
_CAPS = (0.05, 0.1, 0.25, 0.5, 1.0)


def quantum_dashboard(
    ui: str,
    run: str | Path | None = None,
    kind: str = Choice.kind,
    system: str = Choice.system,
    orbitals: int = Choice.orbitals,
) -> ipywidgets.Widget | Block:
    """The dashboard of a dimer, of a contact of a run's poses (or of shipped ones), or of a dye.

    Args:
        ui: "widget" or "static".
        run: of whose best poses contacts are offered.
        kind: dimer, contact or dye.
        system: a name of that kind's list, an xyz file's path, or of a dye a SMILES.
        orbitals: active ones, at most.

    Raises:
        InputError: if there is no such run, kind or number of orbitals.
    """
    if kind not in KINDS:
        raise InputError(f"kind '{kind}' is unknown; there are: {', '.join(KINDS)}")
    if orbitals not in _ORBITALS:
        raise InputError(f"orbitals={orbitals}; one of {', '.join(map(str, _ORBITALS))} is wanted")
    model = QuantumModel(run)
    choice = Choice(kind=kind, system=system, orbitals=orbitals)
    return quantum_widget(model, choice) if ui == "widget" else quantum_static(model, choice)


def quantum_static(
    model: QuantumModel, choice: Choice | None = None, mitigation: str = _FIRST_MITIGATION
) -> Block:
    """Pictures, tables and words about a choice; computed now, unless known from before.

    Raises:
        LabkitError: if the choice makes no sense, or the computation fails.
    """
    choice = choice or Choice()
    finding = model.find(choice) or model.compute(choice, lambda *_: None, threading.Event())
    rows = finding.rows(mitigation)
    shown = {VARIANTS[name]: finding.shares(name) for name in ("noiseless", "noisy", mitigation)}
    ideal = finding.studies[0].ideal
    means = {
        # What other strings hold completes the distribution.
        name: {bits: mean for bits, (mean, _) in shares.items()}
        | {"": 1 - sum(m for m, _ in shares.values())}
        for name, shares in shown.items()
    }
    deviations = {
        name: {bits: deviation for bits, (_, deviation) in shares.items()} for name, shares in shown.items()
    }
    return together(
        paragraphs(figures.heading(finding)),
        figures.in_words(finding, mitigation),
        figures.energies_picture(rows),
        figures.controls_table(finding, rows),
        distributions(ideal, means, deviations),
        figures.circuit_picture(finding.space),
        resources_table(finding.space.machines, choice.shots),
    )


def quantum_widget(model: QuantumModel, choice: Choice | None = None) -> ipywidgets.Widget:
    """Controls, charts and tables; what isn't known yet is computed beside, and can be cancelled."""
    return _View(model, choice or Choice()).box


class _View:
    """The widgets, the choice that they show, and the finding that was drawn last."""

    def __init__(self, model: QuantumModel, choice: Choice) -> None:
        """Build all widgets and start on the first choice."""
        import ipywidgets

        from labkit.dashboards._live import Background, chart, column, control, row

        self._model, self._asked = model, choice
        self._finding: Finding | None = None
        self._drawing, self._quiet = threading.Lock(), False
        self._drawn: object = None
        own = choice.system not in model.systems(choice.kind)
        labels = list(model.systems(choice.kind))

        def steps(label: str, values: Sequence[float], value: float, form: str) -> Any:
            options = [(format(each, form), each) for each in values]
            return control("step slider", label, options=options, value=value, layout={"min_width": "310px"})

        self._controls: Mapping[str, Any] = {
            "kind": control(
                "choice", "System", options=[(v, k) for k, v in KINDS.items()], value=choice.kind
            ),
            "system": control("choice", "which", options=labels, value=labels[0] if own else choice.system),
            "own": control(
                "text",
                "or your own",
                value=choice.system if own else "",
                placeholder="path of an xyz file, or a dye's SMILES",
                continuous_update=False,
                layout={"min_width": "320px"},
            ),
            "orbitals": steps("Active orbitals", _ORBITALS, choice.orbitals, "d"),
            "solver": control("choice", "Solver", options=[(v, k) for k, v in SOLVERS.items()]),
            "shots": steps("Shots", _SHOTS, choice.shots, ",d"),
            "two_qubit": steps("Two-qubit error", _TWO_QUBIT, choice.two_qubit, "g"),
            "readout": steps("Read-out error", _READOUT, choice.readout, "g"),
            "cap": steps("Subspace, at most", _CAPS, choice.cap, ".0%"),
        }
        self._mitigation = control(
            "choice", "Mitigation", options=[(v, k) for k, v in VARIANTS.items()], value=_FIRST_MITIGATION
        )
        self._with_controls = control("check", "Random bits, singles and doubles", value=True)
        self._energies = chart("Energy against exact", "distance from exact (mHa)", "", "nothing yet", 360)
        self._energies.update_layout(showlegend=False)  # every row has its name
        self._energies.update_xaxes(type="log", exponentformat="power")
        self._energies.update_yaxes(autorange="reversed")
        self._shares = chart("Bit strings measured", "share of the shots", "", "nothing yet", 360)
        corner = {"x": 1, "xanchor": "right", "y": 0.8, "yanchor": "top"}
        self._shares.update_layout(legend=corner)
        self._shares.update_xaxes(type="log", exponentformat="power", range=_SHARES)
        self._shares.update_yaxes(autorange="reversed", tickfont={"family": "monospace", "size": 12})
        self._work: Background[Finding] = Background(self._compute, self._show, "Computing")
        html = [ipywidgets.HTML() for _ in range(5)]
        self._line, self._words, self._table, self._circuit, self._machines = html
        tabs = ipywidgets.Tab([self._table, self._circuit, self._machines])
        tabs.titles = ("Subspaces", "Circuit", "Quantum computers")
        c = self._controls
        self.box = column(
            row(c["kind"], c["system"], c["own"]),
            row(c["orbitals"], c["solver"], c["shots"]),
            row(c["two_qubit"], c["readout"], c["cap"]),
            row(self._mitigation, self._with_controls, self._work.view),
            self._line,
            row(self._energies, self._shares),
            self._words,
            tabs,
        )
        for name, widget in c.items():
            widget.observe(self._change_kind if name == "kind" else self._change, names="value")
        for widget in (self._mitigation, self._with_controls):
            widget.observe(lambda _: self._draw(), names="value")
        self._change()

    def _choice(self) -> Choice:
        values = {name: widget.value for name, widget in self._controls.items()}
        own = values.pop("own").strip()
        return Choice(**{**values, "system": own or values["system"]})

    def _change_kind(self, change: Mapping[str, Any]) -> None:
        self._quiet = True  # the lists are exchanged at once
        try:
            self._controls["own"].value = ""
            self._controls["system"].options = list(self._model.systems(change["new"]))
        except LabkitError as error:
            self._refuse(error)
            return
        finally:
            self._quiet = False
        self._change()

    def _change(self, _: object = None) -> None:
        """Show what is known of the choice, or have it computed."""
        if self._quiet:
            return
        try:
            self._asked = self._choice()
            finding = self._model.find(self._asked)
        except LabkitError as error:
            self._refuse(error)
            return
        if finding is None:
            self._work.start()
        else:
            self._work.cancel()
            self._show(finding)

    def _refuse(self, error: LabkitError) -> None:
        self._work.cancel()
        former = "" if self._finding is None else f"<br>Still shown: {escape(figures.heading(self._finding))}"
        self._line.value = f'<b role="alert">{escape(str(error))}</b>{former}'

    def _compute(self, report: Any, cancelled: threading.Event) -> Finding:
        return self._model.compute(self._asked, report, cancelled)

    def _show(self, finding: Finding) -> None:
        self._finding = finding
        self._draw()

    def _draw(self) -> None:
        from labkit.dashboards._live import update

        with self._drawing:
            finding, mitigation = self._finding, self._mitigation.value
            if finding is None:
                return
            rows = finding.rows(mitigation)
            if not self._with_controls.value:
                rows = [row for row in rows if row.group != "control"]
            low, high = figures.FLOOR_MHA / 2, 1000 * max(figures.bars_of(row)[0] for row in rows)
            self._energies.update_xaxes(range=[log10(low), log10(high)])
            update(self._energies, _energy_traces(rows, high), figures.energies_alt(rows))
            names = [_arrows(bits) for bits in finding.studies[0].ideal]
            self._shares.update_yaxes(tickvals=list(range(len(names))), ticktext=names)
            update(self._shares, _share_traces(finding, mitigation), figures.shares_alt(finding, mitigation))
            self._line.value = f"<b>{escape(figures.heading(finding))}</b>"
            for widget, block in (
                (self._words, figures.in_words(finding, mitigation)),
                (self._table, figures.controls_table(finding, rows)),
                (self._machines, resources_table(finding.space.machines, finding.choice.shots)),
            ):
                widget.value = f'<div style="line-height:1.4">{block.html}</div>'
            if self._drawn != finding.space.gates:  # takes a moment, and other shots don't change it
                self._drawn = finding.space.gates
                self._circuit.value = figures.circuit_picture(finding.space)._repr_html_()


def _arrows(bits: str) -> str:
    """A bit string with the electrons of each spin told apart."""
    half = len(bits) // 2
    return f"↓{bits[:half]} ↑{bits[half:]}"


def _energy_traces(rows: Sequence[Row], right: float) -> list[dict[str, Any]]:
    """A trace for each group of rows, and one with the numbers, at the right end of the axis."""
    names = {row: figures.name_of(row) + (" ◀" if row.chosen else "") for row in rows}
    traces = []
    for group, (colour, _, symbol, label) in figures.GROUPS.items():
        members = [row for row in rows if row.group == group]
        places, down, up = ([figures.bars_of(row)[i] or None for row in members] for i in range(3))
        sizes = [15 if row.chosen else 9 for row in members]
        traces.append(
            {
                "x": places,
                "y": [names[row] for row in members],
                "error_x": {"type": "data", "arrayminus": down, "array": up},
                "mode": "markers",
                "marker": {"color": colour, "symbol": symbol, "size": sizes, "opacity": 1},
                "name": label,
            }
        )
    numbers = {
        "x": [right] * len(rows),
        "y": list(names.values()),
        "mode": "text",
        "text": [figures.error_of(row) for row in rows],
        "textposition": "middle left",
        "hoverinfo": "skip",
    }
    return [*traces, numbers]


def _share_traces(finding: Finding, mitigation: str) -> list[dict[str, Any]]:
    ideal = finding.studies[0].ideal
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": list(ideal.values()),
        "y": list(range(len(ideal))),
        "marker": {"color": "#CCCCCC"},
        "name": "exact",
    }
    traces = [bars]
    for i, variant in enumerate(dict.fromkeys(("noiseless", "noisy", mitigation))):
        shares = finding.shares(variant).values()
        traces.append(
            {
                # What wasn't seen has no place on a logarithmic axis.
                "x": [mean or None for mean, _ in shares],
                "y": [place + 0.28 * (i - 1) for place in range(len(ideal))],
                "error_x": {
                    "type": "data",
                    "array": [deviation for _, deviation in shares],
                    "arrayminus": [min(deviation, 0.9 * mean) for mean, deviation in shares],
                },
                "mode": "markers",
                "marker": {"color": palette.SERIES[i], "symbol": palette.PLOTLY_MARKERS[i], "size": 7},
                "name": VARIANTS[variant],
            }
        )
    return traces
