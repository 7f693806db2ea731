"""How far each level is off, as measured by `benchmarks/interaction.py` against CCSD(T)/CBS."""

from __future__ import annotations

# (level, charge class) -> mean absolute error in kcal/mol and number of dimers, from the committed
# benchmarks/results/interaction_<level>.csv; a test recomputes both from there.
_MEASURED: dict[tuple[str, str], tuple[float, int]] = {
    ("accurate", "neutral"): (0.02, 6),
    ("accurate", "ionic"): (0.12, 2),
    ("standard", "neutral"): (0.19, 55),
    ("standard", "ionic"): (0.21, 6),
    ("fast", "neutral"): (0.73, 55),
    ("fast", "ionic"): (1.24, 6),
}


def error_estimate(level: str, charge_class: str) -> tuple[float, str]:
    """Return the mean absolute error of a level in kcal/mol, and in words where it comes from."""
    error, count = _MEASURED[level, charge_class]
    source = (
        f"mean absolute error against CCSD(T)/CBS over {count} {charge_class} dimer{'s' * (count > 1)} "
        f"at equilibrium, benchmarks/results/interaction_{level}.csv"
    )
    return error, source
