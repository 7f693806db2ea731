"""Docking judged by eye: pose and crystal, score and size, the small pair that a contact is cut to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rdkit import Chem

from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, errors, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number, place, signed
from labkit.dashboards._page import Block, Picture, paragraphs, picture, table
from labkit.dashboards._pose_scene import Points, face_on
from labkit.dashboards._pose_view import PAPER, draw_molecule
from labkit.docking import Contact, Pose, rmsd
from labkit.molecules import Dimer
from labkit.quantum import InteractionEnergy

_CRYSTAL = palette.ORANGE


def overlay_picture(pose: Pose, crystal: Chem.Mol) -> Picture:
    """A docked pose over the same molecule as a crystal structure has it, heavy atoms only.

    Raises:
        InputError: if the two are not the same molecule.
    """
    apart = rmsd(pose, crystal)
    docked, found = _heavy(pose.molecule()), _heavy(crystal)
    turned = face_on(found.GetConformer().GetPositions())
    with palette.canvas(9.0, 4.6) as (figure, axes):
        for molecule, carbon, width in ((found, _CRYSTAL, 8.0), (docked, palette.ELEMENTS["C"], 3.0)):
            draw_molecule(
                axes,
                [atom.GetSymbol() for atom in molecule.GetAtoms()],
                turned(molecule.GetConformer().GetPositions()),
                _bonds(molecule),
                carbon=carbon,
                width=width,
            )
        axes.plot([], [], color=_CRYSTAL, linewidth=8, label="crystal structure (thick)")
        axes.plot([], [], color=palette.ELEMENTS["C"], linewidth=3, label="docked (thin)")
        axes.set_aspect("equal")
        axes.axis("off")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    text = f"Docked pose and crystal structure; their heavy atoms are {apart:.2f} Å apart (RMSD)."
    return picture(figure, text, text)


def contact_table(contacts: Sequence[Contact]) -> Block:
    """Contacts of a pose in the order of their strength."""
    head = ("residue", "part", "kind", "distance (Å)", "angle (°)", "pairs of atoms")
    rows = [
        (
            place(contact.residue),
            contact.part,
            contact.kind,
            number(contact.distance, 1),
            "" if contact.angle is None else number(contact.angle, 0),
            f"{len(contact.protein_atoms)} × {len(contact.ligand_atoms)}",
        )
        for contact in contacts
    ]
    return table(head, rows, numeric=head[3:])


def energy_by_size(known: Mapping[str, Pose], decoys: Mapping[str, Pose]) -> Picture:
    """Vina's energies over the size of the molecules, known inhibitors and decoys."""
    with palette.canvas(9.0, 4.4) as (figure, axes):
        for i, (label, poses) in enumerate((("known inhibitors", known), ("decoys", decoys))):
            sizes = [_size(pose) for pose in poses.values()]
            energies = [pose.energy for pose in poses.values()]
            axes.plot(
                sizes,
                energies,
                palette.MARKERS[i],
                color=palette.SERIES[i],
                markersize=9,
                label=label,
                zorder=4,
            )
            for name, size, energy in zip(poses, sizes, energies, strict=True):
                axes.annotate(
                    name, (size, energy), xytext=(8, 4), textcoords="offset points", bbox=PAPER, zorder=5
                )
        right = axes.get_xlim()[1] + 4
        axes.set_xlim(0, right)
        axes.set_ylim(1.1 * min(pose.energy for pose in (*known.values(), *decoys.values())), 0)
        for efficiency in (0.25, 0.35, 0.5, 0.7):
            axes.plot([0, right], [0, -efficiency * right], ":", color=palette.GREY, linewidth=1)
            x = min(right, -axes.get_ylim()[0] / efficiency) * 0.97
            axes.text(x, -efficiency * x, f"{efficiency:g}", color="#555555", ha="right", bbox=PAPER)
        axes.invert_yaxis()
        axes.set(xlabel="heavy atoms", ylabel="Vina energy (kcal/mol)")
        axes.legend(loc="upper left")
    alt = "Vina energies (kcal/mol) and heavy atoms: " + "; ".join(
        f"{name} {number(pose.energy, 1)}, {_size(pose)}" for name, pose in {**known, **decoys}.items()
    )
    caption = "Dotted: equal ligand efficiency, minus the energy per heavy atom (kcal/mol)."
    return picture(figure, alt, caption)


def energy_by_size_in_words(known: Mapping[str, Pose], decoys: Mapping[str, Pose]) -> Block:
    """What Vina's ranking gets right among these molecules, and what it doesn't."""
    wrong = [
        f"{decoy} ({number(d.energy, 1)}, {_size(d)} heavy atoms) before {name} ({number(k.energy, 1)}, "
        f"{_size(k)})"
        for decoy, d in decoys.items()
        for name, k in known.items()
        if d.energy < k.energy
    ]
    pairs = len(known) * len(decoys)
    ranking = (
        f"Of {pairs} pairs of an inhibitor and a decoy, Vina puts {pairs - len(wrong)} in the right order."
    )
    if wrong:
        ranking += f" It puts {'; '.join(wrong)}."
    by_efficiency = sorted({**known, **decoys}.items(), key=lambda item: -item[1].ligand_efficiency)
    order = ", ".join(f"{name} {number(pose.ligand_efficiency)}" for name, pose in by_efficiency)
    return paragraphs(ranking, f"By ligand efficiency (kcal/mol per heavy atom) the order is: {order}.")


def dimer_picture(dimer: Dimer) -> Picture:
    """A dimer laid flat: A in light sticks, B in dark ones, and the shortest way from one to the other."""
    atoms = face_on(dimer.coordinates)(dimer.coordinates)
    members = (dimer.selection_a, dimer.selection_b)
    between = np.linalg.norm(atoms[list(members[0]), None] - atoms[None, list(members[1])], axis=-1)
    nearest = np.unravel_index(int(np.argmin(between)), between.shape)
    ends = [atoms[own[i]] for own, i in zip(members, nearest, strict=True)]
    shortest = float(between.min())
    with palette.canvas(9.0, 3.9) as (figure, axes):
        names = ("A, of the protein", "B, of the ligand")
        for own, name, carbon in zip(
            members, names, (palette.PROTEIN_CARBON, palette.ELEMENTS["C"]), strict=True
        ):
            symbols = [dimer.symbols[i] for i in own]
            draw_molecule(axes, symbols, atoms[list(own)], _near(symbols, atoms[list(own)]), carbon=carbon)
            axes.plot([], [], color=carbon, linewidth=4, label=name)
        a, b = ends
        axes.plot([a[0], b[0]], [a[1], b[1]], "--", color=palette.BLUE, linewidth=1.8, zorder=6)
        middle = (a + b) / 2
        axes.text(middle[0], middle[1], f"{shortest:.1f} Å", color=palette.BLUE, zorder=9, bbox=PAPER)
        axes.plot([], [], color=palette.ELEMENTS["H"], linewidth=4, label="hydrogen")
        axes.set_aspect("equal")
        axes.axis("off")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.1), ncols=3)
    formulas = [sum_formula([dimer.symbols[i] for i in own]) for own in members]
    charges = [signed(charge, 0) if charge else "0" for charge in (dimer.charge_a, dimer.charge_b)]
    alt = (
        f"{formulas[0]} of the protein (charge {charges[0]}) and {formulas[1]} of the ligand (charge "
        f"{charges[1]}); their nearest atoms are {shortest:.1f} Å apart."
    )
    return picture(figure, alt, alt)


def interaction_bars(energies: Mapping[str, InteractionEnergy]) -> Picture:
    """Interaction energies with the mean error of their level, neutral and ionic pairs told apart."""
    traces = []
    for i, (kind, pattern) in enumerate((("neutral", ""), ("ionic", "/"))):
        mine = {name: e for name, e in energies.items() if e.charge_class == kind}
        x, y = [e.kcal_mol for e in mine.values()], [list(energies).index(name) for name in mine]
        spans = errors([e.error_estimate_kcal_mol for e in mine.values()])
        traces.append(bars("", x, y, "#CCCCCC", pattern, width=0.6, showlegend=False))
        traces.append(marks(f"{kind} pair", x, y, *palette.series(i), error_x=spans))
    alt = "Interaction energies (kcal/mol): " + "; ".join(
        f"{name} {signed(energy.kcal_mol, 1)} ± {number(energy.error_estimate_kcal_mol, 1)}, "
        f"{energy.charge_class}"
        for name, energy in energies.items()
    )
    return drawn(
        Chart(
            "",
            "← attraction      interaction energy (kcal/mol)      repulsion →",
            "",
            traces,
            alt,
            "Bars to the side: the level's mean error against CCSD(T)/CBS.",
            y=UPSIDE_DOWN | {"tickvals": range(len(energies)), "ticktext": list(energies)},
            height=1.2 + 0.55 * len(energies),
        )
    )


def _size(pose: Pose) -> int:
    return int(pose.molecule().GetNumHeavyAtoms())


def _heavy(molecule: Chem.Mol) -> Chem.Mol:
    return Chem.RemoveAllHs(molecule, sanitize=False)


def _bonds(molecule: Chem.Mol) -> list[tuple[int, int]]:
    return [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]


def _near(symbols: Sequence[str], atoms: Points) -> list[tuple[int, int]]:
    """Pairs of atoms that are bonded, by their covalent radii."""
    elements = Chem.GetPeriodicTable()
    radii = np.array([elements.GetRcovalent(symbol) for symbol in symbols])
    distances = np.linalg.norm(atoms[:, None] - atoms[None], axis=-1)
    bonded = np.triu(distances < 1.25 * (radii[:, None] + radii[None]), k=1)
    return [(int(i), int(j)) for i, j in np.argwhere(bonded)]


def sum_formula(symbols: Sequence[str]) -> str:
    """Sum formula in Hill's order: carbon, hydrogen, then the alphabet."""
    order = sorted(set(symbols), key=lambda s: (s != "C", s != "H", s))
    return "".join(f"{s}{symbols.count(s) if symbols.count(s) > 1 else ''}" for s in order)
