"""Molecules as chemists draw them, and what sets of them look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from labkit.dashboards import palette
from labkit.dashboards._chart import Chart, line
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._page import Block, Picture, image, picture
from labkit.molecules import parse, tanimoto

_DASHES = ("-", "--", "-.", ":")


def formula_svg(
    smiles: str, *, width: int = 300, height: int = 210, atoms: Sequence[int] = (), numbered: bool = False
) -> str:
    """Structural formula of a molecule as SVG.

    Args:
        smiles: one SMILES.
        width: in pixels; -1 for as much as the molecule needs.
        height: the same.
        atoms: indices of atoms to highlight.
        numbered: whether each atom shows its index.

    Raises:
        InputError: if the SMILES can't be read.
    """
    molecule = Chem.Mol(parse(smiles))
    rdDepictor.SetPreferCoordGen(True)
    rdDepictor.Compute2DCoords(molecule)
    drawing = rdMolDraw2D.MolDraw2DSVG(width, height)
    options = drawing.drawOptions()
    options.clearBackground = False
    options.addAtomIndices = numbered
    # In pixels, so that small molecules aren't blown up; a free canvas has room for larger ones.
    options.fixedBondLength = 28.0 if width > 0 else 44.0
    options.scalingFactor = 30.0
    options.setAtomPalette(
        {
            Chem.GetPeriodicTable().GetAtomicNumber(symbol): to_rgb(colour)
            for symbol, colour in palette.ELEMENTS.items()
        }
    )
    options.setHighlightColour((*to_rgb(palette.YELLOW), 0.8))
    rdMolDraw2D.PrepareAndDrawMolecule(drawing, molecule, highlightAtoms=list(atoms))
    drawing.FinishDrawing()
    return str(drawing.GetDrawingText())


def formula(smiles: str, *, numbered: bool = False) -> Picture:
    """Structural formula of a molecule as a picture.

    Raises:
        InputError: if the SMILES can't be read.
    """
    return Picture(
        formula_svg(smiles, width=-1, height=-1, numbered=numbered), f"Structural formula of {smiles}"
    )


def cards(smiles: Sequence[str], texts: Sequence[Mapping[str, str]], *, titles: Sequence[str] = ()) -> Block:
    """Molecules side by side, each drawn above its name and numbers.

    Args:
        smiles: what is drawn.
        texts: for each molecule name to value of what stands below.
        titles: for each molecule what stands above.
    """
    found = []
    for i, (one, rows) in enumerate(zip(smiles, texts, strict=True)):
        title = f"<strong>{escape(titles[i])}</strong><br>" if titles else ""
        drawn = image(formula_svg(one), f"Structural formula of {one}", "width:100%;height:auto")
        lines = "".join(
            f'<div style="display:flex;justify-content:space-between;gap:0.7em"><span>{escape(name)}</span>'
            f'<span style="text-align:right">{escape(value)}</span></div>'
            for name, value in rows.items()
        )
        code = f'<code style="font-size:0.8em;overflow-wrap:anywhere">{escape(one)}</code>'
        found.append(
            '<div style="border:1px solid #ddd;border-radius:6px;padding:0.6em;font-size:0.9em">'
            f"{title}{drawn}{code}{lines}</div>"
        )
    style = "display:grid;grid-template-columns:repeat(auto-fill,minmax(15em,1fr));gap:0.8em"
    return Block(f'<div style="{style}">{"".join(found)}</div>')


def histograms(sets: Mapping[str, Mapping[str, Sequence[float]]]) -> Picture:
    """Distributions side by side: a panel a quantity, a line a set.

    Args:
        sets: name of the set → quantity with its unit → values.
    """
    quantities = list(next(iter(sets.values())))
    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    with palette.style():
        figure = Figure(figsize=(3.0 * max(columns, 2), 0.4 + 2.4 * rows))
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for panel in panels[len(quantities) :]:
            panel.set_visible(False)
        for panel, quantity in zip(panels, quantities, strict=False):
            everything = np.concatenate([np.asarray(values[quantity], float) for values in sets.values()])
            bins = np.linspace(everything.min(), everything.max(), 26)
            for i, (name, values) in enumerate(sets.items()):
                # Few molecules make a ragged histogram: each is a mark on the axis instead.
                if len(values[quantity]) < 50:
                    panel.plot(
                        values[quantity],
                        np.full(len(values[quantity]), 0.05),
                        palette.MARKERS[i],
                        color=palette.SERIES[i],
                        label=name,
                        markeredgecolor=palette.BLACK,
                        transform=panel.get_xaxis_transform(),
                        linestyle="none",
                        markersize=6,
                    )
                else:
                    # The first is filled, the others are outlines, so that all can be seen.
                    outline = {"color": palette.SERIES[i], "linestyle": _DASHES[i % 4], "linewidth": 1.8}
                    panel.hist(
                        values[quantity],
                        bins,
                        density=True,
                        label=name,
                        histtype="step" if i else "stepfilled",
                        **(outline if i else {"color": palette.SKY, "alpha": 0.6}),
                    )
            panel.set_xlabel(quantity)
            panel.set_yticks([])
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(sets))
    alt = "Distributions. " + " ".join(
        f"{quantity}: "
        + ", ".join(f"median {np.median(v[quantity]):.3g} for {name}" for name, v in sets.items())
        + "."
        for quantity in quantities
    )
    return picture(figure, alt)


def similarity_matrix(names: Sequence[str], smiles: Sequence[str]) -> Picture:
    """Tanimoto similarities between molecules, as a field."""
    values = np.array([[tanimoto(a, b) for b in smiles] for a in smiles])
    with palette.canvas(6.6, 5.4) as (figure, axes):
        field = axes.imshow(values, cmap="cividis", vmin=0, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=False)
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                colour = "black" if value > 0.55 else "white"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
        figure.colorbar(field, label="Tanimoto similarity")
    off = values[~np.eye(len(values), dtype=bool)]
    alt = (
        f"Tanimoto similarities of {', '.join(names)}; between different ones {off.min():.2f} to "
        f"{off.max():.2f}, median {np.median(off):.2f}."
    )
    return picture(figure, alt)


def charged_fraction(groups: Mapping[str, tuple[float, str]], ph: float) -> Picture:
    """Which share of a group carries a charge, over pH.

    The Henderson–Hasselbalch equation.

    Args:
        groups: name → pKa and "acid" or "base".
        ph: drawn as a line.
    """
    axis = np.linspace(0, 14, 281)

    def share(pka: float, kind: str, at: Any) -> Any:
        return 1 / (1 + 10 ** ((1 if kind == "base" else -1) * (at - pka)))

    traces = [
        line(f"{name}, pKa {pka:g}", axis, share(pka, kind, axis), *palette.stroke(i), width=2.2)
        for i, (name, (pka, kind)) in enumerate(groups.items())
    ]
    traces.append(line(f"pH {ph:g}", (ph, ph), (0, 1), palette.BLACK, width=1))
    told = ", ".join(f"{name} {share(pka, kind, ph):.2g}" for name, (pka, kind) in groups.items())
    alt = f"Charged share at pH {ph:g}: {told}"
    return drawn(Chart("", "pH", "charged share", traces, alt, x={"range": (0, 14)}, height=3.4))
