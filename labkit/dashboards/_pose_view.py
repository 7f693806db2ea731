"""A pose in its pocket: a static projection that needs no browser, and one to turn with the mouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from labkit.dashboards import palette
from labkit.dashboards._format import place
from labkit.dashboards._page import Picture, picture
from labkit.dashboards._pose_scene import Points, Scene, describe, half_bonds, scene
from labkit.docking import Pose

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEPTH = 6.0  # Å from the middle at which a stick is palest or darkest
PAPER = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def pose_picture(pose: Pose) -> Picture:
    """Projection of a pose onto the plane in which its ligand is widest."""
    drawn = scene(pose)
    with palette.canvas(9.0, 6.4) as (figure, axes):
        _draw_pocket(axes, drawn)
        for contact, *ends in drawn.dashes:
            bond = contact.kind == "hydrogen bond"
            x, y, _ = np.array(ends).T
            color, width, gaps = (palette.BLUE, 1.8, (4, 2)) if bond else (palette.GREY, 1.2, (1, 2))
            axes.plot(x, y, linestyle=(0, gaps), color=color, linewidth=width, zorder=6)
            if bond:
                style = {"va": "center", "fontsize": 8.5, "color": color, "zorder": 9, "bbox": PAPER}
                axes.text(x.mean() + 0.15, y.mean(), f"{contact.distance:.1f} Å", **style)
        draw_molecule(axes, drawn.symbols, drawn.atoms, drawn.bonds)
        _label_residues(axes, drawn.centres, drawn.atoms)
        axes.set_aspect("equal")
        axes.axis("off")
        axes.plot([], [], color=palette.ELEMENTS["C"], linewidth=4, label="ligand")
        axes.plot([], [], color=palette.PROTEIN_CARBON, linewidth=2, label="residues in contact")
        axes.plot([], [], "--", color=palette.BLUE, label="hydrogen bond")
        axes.plot([], [], ":", color=palette.GREY, label="close contact")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.06), ncols=4)
    return picture(figure, describe(pose), describe(pose))


def _draw_pocket(axes: Axes, drawn: Scene) -> None:
    pocket = drawn.pocket
    kept = {i for i, residue in enumerate(pocket.residues) if residue in drawn.centres}
    bonds = [(i, j) for i, j in pocket.bonds if i in kept and j in kept]
    halves = half_bonds(pocket.symbols, pocket.coordinates, bonds, palette.PROTEIN_CARBON)
    _draw_sticks(axes, halves, width=1.9, fade=0.6, zorder=2)


def draw_molecule(
    axes: Axes,
    symbols: Sequence[str],
    atoms: Points,
    bonds: Sequence[tuple[int, int]],
    *,
    carbon: str = palette.ELEMENTS["C"],
    width: float = 4.5,
) -> None:
    """Draws a molecule as sticks; atoms other than carbon and hydrogen carry their letter."""
    _draw_sticks(axes, half_bonds(symbols, atoms, bonds, carbon), width=width, fade=0.3, zorder=5)
    for symbol, point in zip(symbols, atoms, strict=True):
        if symbol in ("C", "H"):
            continue
        letter: dict[str, Any] = {"color": "white", "fontsize": 8, "fontweight": "bold", "zorder": 8}
        disc = {"boxstyle": "circle,pad=0.2", "color": palette.ELEMENTS.get(symbol, palette.GREY)}
        axes.text(point[0], point[1], symbol, ha="center", va="center", bbox=disc, **letter)


def _draw_sticks(
    axes: Axes,
    halves: Mapping[str, list[tuple[Points, Points]]],
    *,
    width: float,
    fade: float,
    zorder: int,
) -> None:
    """Half bonds; what lies deeper is paler."""
    for colour, pieces in halves.items():
        points = np.array(pieces)  # shape (nhalf, 2, 3)
        nearness = np.clip(0.5 + points[:, :, 2].mean(axis=1) / (2 * _DEPTH), 0.0, 1.0)
        # Mixed with white, not transparent: transparent sticks would show where they overlap.
        own = np.array(to_rgb(colour))
        colours = [1 - (1 - own) * (1 - fade * (1 - near)) for near in nearness]
        axes.add_collection(
            LineCollection(
                list(points[:, :, :2]), colors=colours, linewidths=width, capstyle="round", zorder=zorder
            )
        )
    axes.autoscale_view()


def _label_residues(axes: Axes, centres: Mapping[str, Points], ligand: Points) -> None:
    """Writes names outside of their residues, pushed off the ligand and off each other."""
    places: list[Points] = []

    def covers(spot: Points) -> bool:
        near = any(abs(spot[0] - p[0]) < 2.4 and abs(spot[1] - p[1]) < 0.75 for p in places)
        return near or bool((np.abs(ligand[:, :2] - spot) < (1.5, 0.8)).all(axis=1).any())

    for label, centre in sorted(centres.items(), key=lambda item: -item[1][1]):
        direction = centre[:2] / max(float(np.linalg.norm(centre[:2])), 1e-9)
        spot = centre[:2] + 1.2 * direction
        while covers(spot):
            spot = spot + 0.2 * direction
        places.append(spot)
        style: dict[str, Any] = {"fontsize": 10, "fontweight": "bold", "zorder": 10, "bbox": PAPER}
        axes.text(spot[0], spot[1], place(label), ha="center", va="center", **style)


def pose_plot(pose: Pose) -> go.Figure:
    """The same scene in three dimensions, to be turned, as a plotly figure."""
    import plotly.graph_objects as go

    drawn = scene(pose)
    figure = go.Figure()
    pocket = drawn.pocket
    _add_sticks(figure, pocket.symbols, pocket.coordinates, pocket.bonds, palette.PROTEIN_CARBON, 3, "pocket")
    _add_sticks(figure, drawn.symbols, drawn.atoms, drawn.bonds, palette.ELEMENTS["C"], 9, "ligand")
    x, y, z = drawn.atoms.T
    marker = {"size": 4, "color": [palette.ELEMENTS.get(s, palette.GREY) for s in drawn.symbols]}
    told = {"text": drawn.symbols, "hoverinfo": "text", "showlegend": False}
    figure.add_scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, **told)
    for contact, ligand, protein in drawn.dashes:
        x, y, z = np.array([ligand, protein]).T
        bond = contact.kind == "hydrogen bond"
        line = {"dash": "dash" if bond else "dot", "color": palette.BLUE if bond else palette.GREY}
        text = f"{place(contact.residue)} {contact.part}, {contact.kind}, {contact.distance:.1f} Å"
        told = {"text": text, "hoverinfo": "text", "showlegend": False}
        figure.add_scatter3d(x=x, y=y, z=z, mode="lines", line=line | {"width": 5}, **told)
    x, y, z = np.array(list(drawn.centres.values())).T
    figure.add_scatter3d(
        x=x, y=y, z=z, mode="text", text=[place(label) for label in drawn.centres], showlegend=False
    )
    figure.update_layout(
        height=600,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={
            "aspectmode": "data",
            "camera": {"eye": {"x": 0, "y": 0, "z": 1.1}, "up": {"x": 0, "y": 1, "z": 0}},
            **{f"{axis}axis": {"visible": False} for axis in "xyz"},
        },
    )
    return figure


def _add_sticks(
    figure: go.Figure,
    symbols: Sequence[str],
    atoms: Points,
    bonds: Sequence[tuple[int, int]],
    carbon: str,
    width: int,
    name: str,
) -> None:
    gap = np.full(3, np.nan)
    for colour, halves in half_bonds(symbols, atoms, bonds, carbon).items():
        x, y, z = np.array([point for a, b in halves for point in (a, b, gap)]).T
        figure.add_scatter3d(
            x=x,
            y=y,
            z=z,
            mode="lines",
            line={"color": colour, "width": width},
            name=name,
            legendgroup=name,
            showlegend=colour == carbon,
            hoverinfo="skip",
        )
