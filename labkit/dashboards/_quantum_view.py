"""The quantum dashboard: an active space, its solvers and its shots, live or as pictures."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets

from labkit.dashboards import _quantum_figures as figures
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._chart_widget import chart, show
from labkit.dashboards._live import Background, column, control, row
from labkit.dashboards._noise_view import VARIANTS, resources_table
from labkit.dashboards._page import Block, paragraphs, together
from labkit.dashboards._quantum_model import KINDS, SOLVERS, Choice, Finding, QuantumModel
from labkit.errors import InputError, LabkitError

_FIRST_MITIGATION = "post_selected"
_ORBITALS = (4, 6, 8, 10, 12)  # the last is refused, with what it would take
_SHOTS = (100, 1_000, 10_000, 100_000)
_TWO_QUBIT = (0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
_READOUT = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05)
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
    return together(
        paragraphs(figures.heading(finding)),
        figures.in_words(finding, mitigation),
        drawn(figures.energies(rows)),
        figures.controls_table(finding, rows),
        drawn(figures.shares(finding, mitigation)),
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
        self._energies, self._shares = (chart("nothing yet", 360) for _ in range(2))
        self._energies.update_layout(showlegend=False)  # every row has its name
        self._shares.update_layout(legend={"x": 1, "xanchor": "right", "y": 0.8, "yanchor": "top"})
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
        with self._drawing:
            finding, mitigation = self._finding, self._mitigation.value
            if finding is None:
                return
            rows = finding.rows(mitigation)
            if not self._with_controls.value:
                rows = [row for row in rows if row.group != "control"]
            show(self._energies, figures.energies(rows))
            show(self._shares, figures.shares(finding, mitigation))
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
