"""Colours that everyone can tell apart, each with a second cue (marker, dash or letter).

Okabe & Ito's set of eight (2008, https://jfly.uni-koeln.de/color/), chosen for all common kinds of colour
vision. Colour is never the only thing that tells two series apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"

SERIES = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
PLOTLY_MARKERS = ("circle", "square", "diamond", "cross", "x", "circle-open", "square-open")
PLOTLY_DASHES = ("solid", "dash", "dashdot", "dot")

# Chemists' habits (nitrogen blue, oxygen red) with this set's colours; pictures write the letter as well.
ELEMENTS = {
    "C": "#333333",
    "H": "#BBBBBB",
    "N": BLUE,
    "O": VERMILION,
    "S": ORANGE,
    "P": PURPLE,
    "F": GREEN,
    "Cl": GREEN,
    "Br": GREEN,
    "I": GREEN,
}
PROTEIN_CARBON = "#9A9A9A"

_STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "svg.fonttype": "path",  # the same letters on every machine
    "svg.hashsalt": "labkit",  # the same file from the same data
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's settings for everything that labkit draws."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        yield


@contextmanager
def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **more: Any) -> Iterator[Any]:
    """Matplotlib's figure in that style, inches, and its axes as `Figure.subplots` has them."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height))
        yield figure, figure.subplots(rows, columns, **more)


def plotly_template() -> str:
    """Plotly's settings for everything that labkit draws; the name that they are registered under."""
    import plotly.graph_objects as go
    import plotly.io

    name = "labkit"
    if name not in plotly.io.templates:
        axis = {
            "showgrid": True,
            "gridcolor": "#E6E6E6",
            "linecolor": BLACK,
            "showline": True,
            "ticks": "outside",
            "zeroline": False,
            "automargin": True,
            "title": {"standoff": 8},
        }
        plotly.io.templates[name] = go.layout.Template(
            layout={
                "colorway": SERIES,
                "colorscale": {"sequential": "Cividis"},
                "font": {"size": 13, "color": BLACK},
                "title": {"font": {"size": 15}, "x": 0, "xref": "paper"},
                "paper_bgcolor": "white",
                "plot_bgcolor": "white",
                "xaxis": axis,
                "yaxis": axis,
                "margin": {"l": 60, "r": 16, "t": 44, "b": 48},
                "legend": {"bgcolor": "rgba(255,255,255,0.7)"},
                "hoverlabel": {"font": {"size": 13}},
            }
        )
    return name


def series(i: int) -> tuple[str, str]:
    """Colour and plotly's marker of the i-th series of a chart."""
    return SERIES[i % len(SERIES)], PLOTLY_MARKERS[i % len(SERIES)]


def stroke(i: int) -> tuple[str, str]:
    """Colour and plotly's dash of the i-th line of a chart."""
    return SERIES[i % len(SERIES)], PLOTLY_DASHES[i % len(PLOTLY_DASHES)]
