"""How numbers, times and residues are written."""

from __future__ import annotations


def number(value: float, digits: int = 2) -> str:
    """A number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def change(part: float, whole: float) -> str:
    """A difference in per cent of what it is a difference to, with its sign."""
    if not part:
        return "0 %"
    value = 100 * part / whole
    if abs(value) < 0.001:
        return "under 0.001 %"
    if abs(value) < 0.05:
        return f"{value:+.1g} %".replace("-", "−")
    return f"{signed(value, 1 if abs(value) < 10 else 0)} %"


def duration(seconds: float) -> str:
    """A time span in words."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


def place(residue: str) -> str:
    """A residue without its chain: "MET318" of "A:MET318"."""
    return residue.rpartition(":")[2]
