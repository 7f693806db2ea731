"""The route of a candidate through the lab, as a drawing."""

from __future__ import annotations

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from labkit.dashboards import palette
from labkit.dashboards._page import Picture, picture

# Step, what it does, and about how long one molecule takes on one core (measured, quick campaign).
_STEPS = (
    ("language model", "writes molecules\nas strings", "milliseconds"),
    ("triage", "throws out what\nis unfit", "hundredths\nof a second"),
    ("docking", "places them into\nthe protein", "seconds"),
    ("quantum step", "simulates the\nbest contacts", "a minute"),
    ("score", "one number from\nall of them", "nothing"),
)
_WIDTH, _GAP = 1.62, 0.36


def route() -> Picture:
    """From string to score, and back into the model."""
    with palette.canvas(9.0, 2.9) as (figure, axes):
        for i, (name, does, time) in enumerate(_STEPS):
            left = i * (_WIDTH + _GAP)
            axes.add_patch(
                FancyBboxPatch(
                    (left, 0),
                    _WIDTH,
                    1.15,
                    boxstyle="round,pad=0.04",
                    facecolor="#EAF4FB",
                    edgecolor=palette.BLUE,
                )
            )
            middle = left + _WIDTH / 2
            axes.text(middle, 0.9, name, ha="center", va="center", fontweight="bold")
            axes.text(middle, 0.4, does, ha="center", va="center", fontsize=9.5)
            axes.text(middle, -0.14, time, ha="center", va="top", fontsize=9, color="#555555")
            if i:
                axes.add_patch(_arrow((left - _GAP + 0.04, 0.57), (left - 0.04, 0.57), 0))
        right = len(_STEPS) * (_WIDTH + _GAP) - _GAP - _WIDTH / 2
        axes.add_patch(_arrow((right, 1.22), (_WIDTH / 2, 1.22), 0.13))
        axes.text(
            right / 2 + _WIDTH / 4, 2.0, "what scored well is made more likely", ha="center", style="italic"
        )
        axes.set_xlim(-0.1, len(_STEPS) * (_WIDTH + _GAP) - _GAP + 0.1)
        axes.set_ylim(-0.75, 2.3)
        axes.axis("off")
    names = ", ".join(f"{name} ({does.replace(chr(10), ' ')})" for name, does, _ in _STEPS)
    return picture(
        figure,
        f"The route of a candidate: {names}; then back to the language model.",
        "Below each step: about how long one molecule takes on one core.",
    )


def _arrow(start: tuple[float, float], end: tuple[float, float], bend: float) -> FancyArrowPatch:
    return FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=14,
        color=palette.BLACK,
        connectionstyle=f"arc3,rad={bend}",
    )
