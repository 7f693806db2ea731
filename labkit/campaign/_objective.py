"""From components with units to one score between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

# What a campaign may score, with unit and the fidelity that gives it.
COMPONENTS = {
    "qed": ("0–1", "triage"),
    "sa": ("1–10", "triage"),
    "logp": ("1", "triage"),
    "mw": ("g/mol", "triage"),
    "tpsa": ("Å²", "triage"),
    "docking_energy": ("kcal/mol", "docking"),
    "ligand_efficiency": ("kcal/mol per heavy atom", "docking"),
    "screening_energy": ("kcal/mol", "screening"),
    "interaction_energy": ("kcal/mol", "interaction"),
    "triplet_energy": ("eV", "triplet"),
}


def value_of(fidelity: str) -> str:
    """The component by which a fidelity is compared with others: its first."""
    return next(name for name, (_, own) in COMPONENTS.items() if own == fidelity)


class Desirability(BaseModel):
    """How a component counts: which way is better, between which values, with what weight.

    Attributes:
        direction: "maximise" (0 below the range, 1 above it), "minimise" (the reverse) or "window" (1 inside
            the range, falling to 0 on either side).
        range: the two values, smaller first, in the component's unit; linear between them.
        fall: of a window, how far below and above the range the 0 is; the range's own width where not given.
        weight: exponent of the component in the weighted geometric mean.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    direction: Literal["maximise", "minimise", "window"]
    range: tuple[float, float]
    fall: tuple[float, float] | None = None
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> Desirability:
        low, high = self.range
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"range {list(self.range)}: two finite numbers are needed, the smaller first")
        if self.fall is not None and (self.direction != "window" or not 0 < min(self.fall) < math.inf):
            raise ValueError(f"fall {list(self.fall)}: two numbers above 0, for a window alone")
        return self

    def __call__(self, value: float) -> float:
        """Desirability of a value, 0–1 (Derringer & Suich 1980, doi:10.1080/00224065.1980.11980968)."""
        low, high = self.range
        if self.direction == "window":
            below, above = self.fall or (high - low, high - low)
            rise = 1 + min((value - low) / below, (high - value) / above, 0)
        else:
            rise = (value - low) / (high - low)
            if self.direction == "minimise":
                rise = 1 - rise
        return min(max(rise, 0.0), 1.0)


def score(
    objective: Mapping[str, Desirability],
    components: Mapping[str, float],
    combine: Literal["product", "sum"] = "product",
) -> float:
    """Weighted mean of the desirabilities of those components that are known, 0–1.

    A molecule that has not climbed to a fidelity is scored on what is known of it, so that the ranking within
    one fidelity is fair; ``has_all`` tells the ranks apart.

    Args:
        objective: desirabilities by component.
        components: values by component; others than the objective's don't count.
        combine: "product", the geometric mean, 0 where one desirability is; "sum", the arithmetic one, in
            which one makes up for another.
    """
    known = [(objective[name], value) for name, value in components.items() if name in objective]
    total = sum(desirability.weight for desirability, _ in known)
    if not total:
        return 0.0
    parts = [(desirability(value), desirability.weight / total) for desirability, value in known]
    if combine == "sum":
        return sum(worth * share for worth, share in parts)
    return math.prod(worth**share for worth, share in parts)


def pareto_front(
    objective: Mapping[str, Desirability], molecules: Sequence[Mapping[str, float]]
) -> list[int]:
    """Which molecules no other one beats: as desirable in each component, and more in at least one.

    Args:
        objective: desirabilities by component.
        molecules: the components of each; those without all of the objective's are never in front.

    Returns:
        Positions in ``molecules``, ascending; of equal ones all.
    """
    whole = [i for i, components in enumerate(molecules) if has_all(objective, components)]
    worth = np.array([[each(molecules[i][name]) for name, each in objective.items()] for i in whole])
    beaten = [bool(((worth >= one).all(axis=1) & (worth > one).any(axis=1)).any()) for one in worth]
    return [i for i, lost in zip(whole, beaten, strict=True) if not lost]


def has_all(objective: Mapping[str, Desirability], components: Mapping[str, float]) -> bool:
    """Whether every component of the objective is known."""
    return all(name in components for name in objective)
