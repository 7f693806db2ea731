"""How far triplet energies are off, as measured by `benchmarks/triplet.py` against QUEST's best estimates."""

from __future__ import annotations

# Mean absolute error in eV and number of molecules (at most 10 π orbitals), from the committed
# benchmarks/results/triplet.csv; a test recomputes both from there.
_MEASURED = (0.148, 33)


def error_estimate() -> tuple[float, str]:
    """Return the mean absolute error in eV, and in words where it comes from."""
    error, count = _MEASURED
    return error, (
        f"mean absolute error against theoretical best estimates (QUEST) over {count} molecules with at most "
        "10 π orbitals, benchmarks/results/triplet.csv"
    )
