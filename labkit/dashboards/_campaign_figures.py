"""The campaign dashboard's charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labkit.dashboards import palette
from labkit.dashboards._campaign_model import LABELS, CampaignModel
from labkit.dashboards._chart import Chart, line, marks
from labkit.dashboards._format import number

_OWN = " The method's error of each energy stands below its molecule."
_ERRORS = {
    "docking_energy": " Vina's standard error is nearly 3 kcal/mol.",
    "interaction_energy": _OWN,
    "triplet_energy": _OWN,
}


def calls(model: CampaignModel) -> Chart:
    """Score by call, with the best so far."""
    found, fidelities = model.calls(), model.chosen().specification.fidelities
    of = f"one in {found.stride} of {found.count:,}" if found.stride > 1 else f"{found.count}"
    rising: dict[str, Any] = {
        "shape": "hv",
        "width": 2.5,
        "hovertemplate": "best so far %{y:.3f}<extra></extra>",
    }
    traces = (
        _cloud("a call", found.numbers, found.scores, found.smiles, palette.SKY, "circle", 6),
        line("best so far", found.steps, found.best, palette.VERMILION, **rising),
    )
    rises = "; ".join(f"call {x:.0f}: {number(y)}" for x, y in zip(found.steps, found.best, strict=True))
    left_out = f" The energies of {' and '.join(fidelities[1:])} are left out." if len(fidelities) > 1 else ""
    return Chart(
        "Score by call",
        f"call of {fidelities[0]} ({of})",
        LABELS["score"],
        traces,
        f"Score of each call of {fidelities[0]} ({of}); the best so far: {rises or 'none yet'}.",
        f"To compare all alike, the score is what triage and {fidelities[0]} make of it; failures count 0."
        + left_out,
    )


def distribution(model: CampaignModel, quantity: str) -> Chart:
    """A quantity by round against the prior."""
    spreads, label = model.distribution(quantity), LABELS[quantity]
    traces: list[dict[str, Any]] = []
    for name, own, colour in (("prior", spreads[:1], palette.GREY), ("learning", spreads[1:], palette.BLUE)):
        low, q1, median, q3, high = ([s.quantiles[k] for s in own] for k in range(5))
        places = [_round(s.round, s.count) for s in own]
        box = {"x": places, "lowerfence": low, "q1": q1, "median": median, "q3": q3, "upperfence": high}
        fill = {"fillcolor": "white" if name == "prior" else palette.SKY, "marker": {"color": colour}}
        traces.append({"type": "box", "name": name, **box, **fill, "line": {"width": 1.5}})
    if spreads:
        ends = [_round(s.round, s.count) for s in (spreads[0], spreads[-1])]
        medians = [spreads[0].quantiles[2]] * 2
        traces.append(line("prior's median", ends, medians, palette.BLACK, "dash"))
    said = "; ".join(
        f"round {s.round}: {number(s.quantiles[2])}, {number(s.quantiles[1])} to {number(s.quantiles[3])}"
        for s in spreads
    )
    error = _ERRORS.get(quantity, "")
    kept = quantity in ("qed", "sa", "logp", "mw", "tpsa")
    whose = "molecules" if kept else "molecules computed"
    refused = " Molecules that the triage refused for size or elements have no properties." if kept else ""
    return Chart(
        "Distribution by round against the prior",
        f"round (n {whose}); round 1 is the prior's own",
        label,
        tuple(traces),
        f"{label} by round, median and middle half: {said or 'none yet'}.",
        "Boxes hold the middle half, whiskers 90 %. Round 1 is drawn before anything is learned: it is the "
        f"prior's own distribution.{error}{refused}",
    )


def _round(number: int, count: int) -> str:
    return f"{number} ({count})"


def space(model: CampaignModel) -> Chart:
    """The map of chemical space."""
    found, best = model.space(), model.best()
    if found is None:
        text = "The map needs three unlike molecules of round 1."
        return Chart("Map of chemical space", "", "", (), text, text)
    x, y = found.places.T
    scored, first = np.isfinite(found.scores), found.rounds == 1
    traces = [_shown("no score", found.smiles, x, y, ~scored, palette.GREY, "x", 5)]
    low, high = (np.nanmin(found.scores), np.nanmax(found.scores)) if scored.any() else (0.0, 1.0)
    groups = (("round 1, the prior", first, "circle"), ("later rounds", ~first, "triangle-up"))
    for name, of_it, symbol in groups:
        own = scored & of_it
        trace = _shown(name, found.smiles, x, y, own, palette.BLUE, symbol, 8)
        colours = {"color": found.scores[own], "colorscale": "Cividis", "cmin": low, "cmax": high}
        bar = {"showscale": symbol == "circle", "colorbar": {"title": {"text": "score"}, "thickness": 12}}
        traces.append(trace | {"marker": trace["marker"] | colours | bar})
    index = {smiles: i for i, smiles in enumerate(found.smiles)}
    leaders = {place: index[row["proposed"]] for place, row in best.items() if row["proposed"] in index}
    rings = [*leaders.values()]
    best_of = [found.smiles[i] for i in rings]
    circles = _cloud("best, by place", x[rings], y[rings], best_of, palette.VERMILION, "circle-open", 14)
    numbers = {"text": [str(place) for place in leaders], "textposition": "top center"}
    traces.append(circles | numbers | {"mode": "markers+text"})
    shares = [f"{100 * share:.0f} % of round 1's spread" for share in found.plane.shares]
    places = "; ".join(f"no. {place} at {number(x[i], 1)}, {number(y[i], 1)}" for place, i in leaders.items())
    return Chart(
        "Map of chemical space",
        f"1st principal axis of Morgan bits ({shares[0]})",
        f"2nd axis ({shares[1]})",
        tuple(traces),
        f"{len(found.smiles)} molecules by the first two principal axes of their Morgan bits; the best: "
        f"{places or 'none yet'}.",
        f"Axes are fitted once, to {found.plane.fitted} molecules of round 1, so nothing moves while others "
        "come; they show little of how molecules differ, so neighbours here need not be alike.",
    )


def _shown(
    name: str, smiles: Sequence[str], x: Any, y: Any, own: Any, colour: str, symbol: str, size: int
) -> dict[str, Any]:
    texts = [text for text, shown in zip(smiles, own, strict=True) if shown]
    return _cloud(name, x[own], y[own], texts, colour, symbol, size)


def _cloud(
    name: str, x: Any, y: Any, smiles: Sequence[str], colour: str, symbol: str, size: int
) -> dict[str, Any]:
    """Points whose SMILES show when they are pointed at, and go with a click."""
    hover = "%{customdata}<br>%{x:.3~f}, %{y:.3~f}<extra></extra>"
    return marks(name, x, y, colour, symbol, size, customdata=list(smiles), hovertemplate=hover)
