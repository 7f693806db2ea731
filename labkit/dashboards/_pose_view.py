"""A pose in its pocket: a static projection that needs no browser, and one to turn with the mouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rdkit import Chem

from labkit.dashboards import palette
from labkit.dashboards._page import Picture, picture
from labkit.docking import Contact, Pocket, Pose, pocket_atoms

if TYPE_CHECKING:
    import plotly.graph_objects as go

Points = NDArray[np.float64]
_DEPTH = 6.0  # Å from the middle at which a stick is palest or darkest
_LABELLED = 8  # residues named in the picture; more would cover each other


@dataclass(frozen=True, eq=False)
class Scene:
    """What is drawn, in the receptor's frame (Å).

    Attributes:
        symbols: elements of the ligand's atoms, without hydrogens that don't bind to N, O or S.
        atoms: their positions, shape (natom, 3).
        bonds: pairs of indices into them.
        pocket: atoms of the residues around.
        dashes: contact, the ligand atom's and the protein atom's position.
        centres: residue label to the mean of its atoms' positions, the strongest contacts' residues only.
    """

    symbols: tuple[str, ...]
    atoms: Points
    bonds: tuple[tuple[int, int], ...]
    pocket: Pocket
    dashes: tuple[tuple[Contact, Points, Points], ...]
    centres: Mapping[str, Points]


def scene(pose: Pose) -> Scene:
    """What there is to draw of a pose."""
    molecule, pocket = pose.molecule(), pocket_atoms(pose)
    positions = molecule.GetConformer().GetPositions()
    shown = [atom.GetIdx() for atom in molecule.GetAtoms() if not _on_carbon(atom)]
    index = {atom: i for i, atom in enumerate(shown)}
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    chosen = list({contact.residue: contact for contact in reversed(pose.contacts)}.values())
    chosen = sorted(chosen, key=lambda contact: -contact.strength)[:_LABELLED]
    residues = np.array(pocket.residues)
    return Scene(
        symbols=tuple(molecule.GetAtomWithIdx(i).GetSymbol() for i in shown),
        atoms=positions[shown],
        bonds=tuple((index[i], index[j]) for i, j in bonds if i in index and j in index),
        pocket=pocket,
        dashes=tuple(
            (contact, positions[contact.ligand_atom], _partner(contact, positions, pocket))
            for contact in chosen
        ),
        centres={c.residue: pocket.coordinates[residues == c.residue].mean(axis=0) for c in chosen},
    )


def _on_carbon(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 1 and atom.GetNeighbors()[0].GetAtomicNum() == 6


def _partner(contact: Contact, positions: Points, pocket: Pocket) -> Points:
    """The protein's atom of a contact: that of its residue whose distance is the contact's."""
    own = [i for i, residue in enumerate(pocket.residues) if residue == contact.residue]
    distances = np.linalg.norm(pocket.coordinates[own] - positions[contact.ligand_atom], axis=1)
    return pocket.coordinates[own[int(np.argmin(np.abs(distances - contact.distance)))]]


def _halves(
    symbols: Sequence[str], atoms: Points, bonds: Sequence[tuple[int, int]], carbon: str
) -> dict[str, list[tuple[Points, Points]]]:
    """Half bonds by colour, each half in the colour of its atom."""
    halves: dict[str, list[tuple[Points, Points]]] = {}
    for i, j in bonds:
        middle = (atoms[i] + atoms[j]) / 2
        for atom in (i, j):
            colour = carbon if symbols[atom] == "C" else palette.ELEMENTS.get(symbols[atom], palette.GREY)
            halves.setdefault(colour, []).append((atoms[atom], middle))
    return halves


def describe(pose: Pose) -> str:
    """The pose in words: what it touches, the strongest first."""
    bonds = [c for c in pose.contacts if c.kind == "hydrogen bond"]
    close = [c for c in pose.contacts if c.kind != "hydrogen bond"]
    text = f"Pose of {pose.state.smiles} in {pose.target}, Vina {pose.energy:.1f} kcal/mol. "
    named = ", ".join(f"{_short(c.residue)} {c.part} ({c.distance:.1f} Å)" for c in bonds[:_LABELLED])
    text += f"Hydrogen bonds: {named or 'none'}. "
    near = ", ".join(dict.fromkeys(_short(c.residue) for c in close[:_LABELLED]))
    return text + f"Closest other contacts: {near or 'none'}."


def _short(residue: str) -> str:
    return residue.rpartition(":")[2]


def pose_picture(pose: Pose) -> Picture:
    """Projection of a pose onto the plane in which its ligand is widest."""
    drawn = scene(pose)
    centre = drawn.atoms.mean(axis=0)
    # The ligand's principal axes: the first two span the paper, the third is depth.
    axes_of = np.linalg.svd(drawn.atoms - centre, full_matrices=False)[2]
    if np.linalg.det(axes_of) < 0:
        axes_of[2] *= -1  # a mirror image would be another molecule

    def project(points: Points) -> Points:
        return np.asarray((points - centre) @ axes_of.T)

    with palette.style():
        figure = Figure(figsize=(9.0, 6.4))
        axes = figure.subplots()
        _draw_pocket(axes, drawn, project)
        for contact, ligand, protein in drawn.dashes:
            a, b = project(np.array([ligand, protein]))
            bond = contact.kind == "hydrogen bond"
            axes.plot(
                [a[0], b[0]],
                [a[1], b[1]],
                linestyle=(0, (4, 2)) if bond else (0, (1, 2)),
                color=palette.BLUE if bond else palette.GREY,
                linewidth=1.8 if bond else 1.2,
                zorder=6,
            )
            if bond:
                x, y, _ = (a + b) / 2
                axes.text(x, y, f"{contact.distance:.1f} Å", fontsize=8.5, color=palette.BLUE, zorder=9)
        _draw_ligand(axes, drawn, project)
        _label_residues(
            axes, {label: project(point) for label, point in drawn.centres.items()}, project(drawn.atoms)
        )
        axes.set_aspect("equal")
        axes.axis("off")
        axes.plot([], [], color=palette.ELEMENTS["C"], linewidth=4, label="ligand")
        axes.plot([], [], color=palette.PROTEIN_CARBON, linewidth=2, label="residues in contact")
        axes.plot([], [], "--", color=palette.BLUE, label="hydrogen bond")
        axes.plot([], [], ":", color=palette.GREY, label="close contact")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.06), ncols=4)
    return picture(figure, describe(pose), describe(pose))


def _draw_pocket(axes: Axes, drawn: Scene, project: Callable[[Points], Points]) -> None:
    pocket = drawn.pocket
    kept = {i for i, residue in enumerate(pocket.residues) if residue in drawn.centres}
    bonds = [(i, j) for i, j in pocket.bonds if i in kept and j in kept]
    halves = _halves(pocket.symbols, pocket.coordinates, bonds, palette.PROTEIN_CARBON)
    _draw_sticks(axes, halves, project, width=1.9, zorder=2)


def _draw_ligand(axes: Axes, drawn: Scene, project: Callable[[Points], Points]) -> None:
    halves = _halves(drawn.symbols, drawn.atoms, drawn.bonds, palette.ELEMENTS["C"])
    _draw_sticks(axes, halves, project, width=4.5, zorder=5)
    for symbol, point in zip(drawn.symbols, project(drawn.atoms), strict=True):
        if symbol in ("C", "H"):
            continue
        axes.text(
            point[0],
            point[1],
            symbol,
            color="white",
            fontsize=8,
            fontweight="bold",
            ha="center",
            va="center",
            zorder=8,
            bbox={"boxstyle": "circle,pad=0.2", "color": palette.ELEMENTS.get(symbol, palette.GREY)},
        )


def _draw_sticks(
    axes: Axes,
    halves: Mapping[str, list[tuple[Points, Points]]],
    project: Callable[[Points], Points],
    *,
    width: float,
    zorder: int,
) -> None:
    """Half bonds; what lies deeper is paler."""
    for colour, pieces in halves.items():
        points = project(np.array(pieces))  # shape (nhalf, 2, 3)
        nearness = np.clip(0.5 + points[:, :, 2].mean(axis=1) / (2 * _DEPTH), 0.0, 1.0)
        # Mixed with white, not transparent: transparent sticks would show where they overlap.
        own = np.array(to_rgb(colour))
        colours = [1 - (1 - own) * (0.4 + 0.6 * near) for near in nearness]
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
        axes.text(
            spot[0],
            spot[1],
            _short(label),
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold",
            zorder=10,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )


def pose_plot(pose: Pose) -> go.Figure:
    """The same scene in three dimensions, to be turned, as a plotly figure."""
    import plotly.graph_objects as go

    drawn = scene(pose)
    figure = go.Figure()
    pocket = drawn.pocket
    _add_sticks(figure, pocket.symbols, pocket.coordinates, pocket.bonds, palette.PROTEIN_CARBON, 3, "pocket")
    _add_sticks(figure, drawn.symbols, drawn.atoms, drawn.bonds, palette.ELEMENTS["C"], 9, "ligand")
    x, y, z = drawn.atoms.T
    figure.add_scatter3d(
        x=x,
        y=y,
        z=z,
        mode="markers",
        text=drawn.symbols,
        hoverinfo="text",
        showlegend=False,
        marker={"size": 4, "color": [palette.ELEMENTS.get(s, palette.GREY) for s in drawn.symbols]},
    )
    for contact, ligand, protein in drawn.dashes:
        x, y, z = np.array([ligand, protein]).T
        bond = contact.kind == "hydrogen bond"
        figure.add_scatter3d(
            x=x,
            y=y,
            z=z,
            mode="lines",
            showlegend=False,
            hoverinfo="text",
            text=f"{_short(contact.residue)} {contact.part}, {contact.kind}, {contact.distance:.1f} Å",
            line={
                "dash": "dash" if bond else "dot",
                "width": 5,
                "color": palette.BLUE if bond else palette.GREY,
            },
        )
    x, y, z = np.array(list(drawn.centres.values())).T
    figure.add_scatter3d(
        x=x, y=y, z=z, mode="text", text=[_short(label) for label in drawn.centres], showlegend=False
    )
    figure.update_layout(
        height=600,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={"aspectmode": "data", **{f"{axis}axis": {"visible": False} for axis in "xyz"}},
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
    for colour, halves in _halves(symbols, atoms, bonds, carbon).items():
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
