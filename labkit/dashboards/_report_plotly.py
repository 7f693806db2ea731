"""The report's figures to point at: plotly, for a notebook that is open in JupyterLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from labkit.dashboards import palette
from labkit.dashboards._quantum_words import GOAL_MHA
from labkit.dashboards._report_figures import FLOOR_MHA, KINDS, contact_rows, solver_errors
from labkit.dashboards._report_model import ContactEnergy, Round, Triplet
from labkit.dashboards._triplet_figures import KINDS as STATES
from labkit.dashboards._triplet_figures import spread
from labkit.dashboards._triplet_words import SINGLET_OXYGEN_EV


def scores_by_round(rounds: Sequence[Round]) -> go.Figure:
    """Score of every proposal by round; pointing at one shows its SMILES."""
    figure = go.Figure()
    spread = np.random.default_rng(0)
    for found in rounds:
        figure.add_scatter(
            x=found.number + spread.uniform(-0.22, 0.22, len(found.scores)),
            y=found.scores,
            text=found.smiles,
            mode="markers",
            name=f"round {found.number}",
            hovertemplate="%{text}<br>score %{y:.3f}",
            marker={"color": palette.GREY if found.number == 1 else palette.SKY, "size": 7},
        )
    means = [found.mean for found in rounds]
    figure.add_scatter(
        x=[found.number for found in rounds],
        y=[mean.value for mean in means],
        error_y={
            "array": [mean.high - mean.value for mean in means],
            "arrayminus": [mean.value - mean.low for mean in means],
        },
        mode="markers",
        name="mean, 95 % interval",
        marker={"color": palette.BLUE, "symbol": "diamond", "size": 11},
    )
    _add_line(figure, means[0].value, "the prior's mean")
    return _plain(figure, "round", "score (0–1)", xaxis={"dtick": 1})


def contact_energies(contacts: Sequence[ContactEnergy]) -> go.Figure:
    """Interaction energies by residue; pointing at one shows molecule and distance."""
    figure = go.Figure()
    rows = contact_rows(contacts)
    for i, kind in enumerate(KINDS):
        shown = [(label, c) for label, members in rows for c in members if c.kind == kind]
        figure.add_scatter(
            x=[c.kcal_mol for _, c in shown],
            y=[label for label, _ in shown],
            error_x={"array": [c.error_kcal_mol for _, c in shown]},
            text=[f"no. {c.number}, {c.distance:.2f} Å" for _, c in shown],
            hovertemplate="%{text}<br>%{x:.2f} kcal/mol",
            mode="markers",
            name=kind,
            marker={"color": palette.SERIES[i], "symbol": palette.PLOTLY_MARKERS[i], "size": 9},
        )
    order = [label for label, _ in rows][::-1]
    return _plain(
        figure, "interaction energy (kcal/mol)", "", yaxis={"categoryorder": "array", "categoryarray": order}
    )


def quantum_errors(contacts: Sequence[ContactEnergy]) -> go.Figure:
    """The quantum solver and its controls against exact, of contacts."""
    names = [f"no. {c.number}, {c.residue} {c.part}" for c in contacts if c.quantum]
    return errors_against_exact(solver_errors(contacts), names)


def errors_against_exact(errors: Mapping[str, Sequence[float]], names: Sequence[str]) -> go.Figure:
    """Solvers against exact on a logarithmic axis: solver to |error| in mHa of each named case."""
    figure = go.Figure()
    for i, (label, values) in enumerate(errors.items()):
        name = label.replace("\n", " ")
        figure.add_scatter(
            x=[name] * len(values),
            y=np.maximum(values, FLOOR_MHA),
            text=names,
            hovertemplate="%{text}<br>%{y:.2g} mHa",
            mode="markers",
            name=name,
            showlegend=False,
            marker={"color": palette.SERIES[i], "symbol": palette.PLOTLY_MARKERS[i], "size": 10},
        )
    _add_line(figure, GOAL_MHA, "1 mHa = 0.63 kcal/mol, labkit's goal", logarithmic=True)
    return _plain(figure, "", "|error| against exact (mHa)", yaxis={"type": "log"})


def triplets_by_round(triplets: Sequence[Triplet], window: tuple[float, float] | None) -> go.Figure:
    """Triplet energies by round; pointing at one shows its molecule."""
    figure = go.Figure()
    places = spread(triplets)
    for i, state in enumerate(STATES):
        shown = [(x, t) for x, t in zip(places, triplets, strict=True) if t.energy.state == state]
        figure.add_scatter(
            x=[x for x, _ in shown],
            y=[t.energy.ev for _, t in shown],
            error_y={"array": [t.energy.error_estimate_ev for _, t in shown], "thickness": 1},
            text=[f"no. {t.number}, {t.smiles}" for _, t in shown],
            hovertemplate="%{text}<br>%{y:.2f} eV",
            mode="markers",
            name=state,
            marker={"color": palette.SERIES[i], "symbol": palette.PLOTLY_MARKERS[i], "size": 9},
        )
    if window is not None:
        figure.add_hrect(*window, fillcolor=palette.YELLOW, opacity=0.25, line_width=0, layer="below")
    _add_line(figure, SINGLET_OXYGEN_EV, f"singlet oxygen, {SINGLET_OXYGEN_EV} eV")
    return _plain(figure, "round", "vertical triplet energy (eV)", xaxis={"dtick": 1})


def _add_line(figure: go.Figure, y: float, text: str, *, logarithmic: bool = False) -> None:
    figure.add_hline(y, line={"dash": "dash", "width": 1, "color": palette.BLACK})
    # On a logarithmic axis, plotly takes lines as values but texts as their logarithms.
    figure.add_annotation(
        x=1,
        xref="paper",
        xanchor="right",
        y=np.log10(y) if logarithmic else y,
        yanchor="bottom",
        text=text,
        showarrow=False,
    )


def _plain(
    figure: go.Figure,
    x: str,
    y: str,
    xaxis: Mapping[str, object] | None = None,
    yaxis: Mapping[str, object] | None = None,
) -> go.Figure:
    figure.update_layout(
        template=palette.plotly_template(),
        height=420,
        xaxis={"title": x, **(xaxis or {})},
        yaxis={"title": y, **(yaxis or {})},
        margin={"t": 30},
    )
    return figure
