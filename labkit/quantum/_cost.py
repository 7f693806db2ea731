"""What an interaction energy would cost, known before anything starts; too much is refused."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from labkit.errors import InputError, TooLittleMemoryError
from labkit.molecules import Dimer
from labkit.quantum._result import InteractionSettings

# Above this the integrals of level `standard` stop being small: they grow with the third power.
_MAX_HEAVY_ATOMS = 30
_MAX_HOURS = 2.0


@dataclass(frozen=True)
class _Element:
    """What an atom brings.

    Attributes:
        number: its electrons.
        valence: those of the outermost shell.
        core: orbitals that coupled cluster leaves filled, as PySCF's `chemcore` has it.
        double: functions of aug-cc-pVDZ; 0 where there is no such basis without a core potential.
        quadruple: functions of aug-cc-pVQZ, of hydrogen those of cc-pVQZ.
    """

    number: int
    valence: int
    core: int
    double: int
    quadruple: int


_ELEMENTS = {
    "H": _Element(1, 1, 0, 9, 30),
    "B": _Element(5, 3, 1, 23, 80),
    "C": _Element(6, 4, 1, 23, 80),
    "N": _Element(7, 5, 1, 23, 80),
    "O": _Element(8, 6, 1, 23, 80),
    "F": _Element(9, 7, 1, 23, 80),
    "Si": _Element(14, 4, 5, 27, 84),
    "P": _Element(15, 5, 5, 27, 84),
    "S": _Element(16, 6, 5, 27, 84),
    "Cl": _Element(17, 7, 5, 27, 84),
    "Br": _Element(35, 7, 9, 36, 93),
    "I": _Element(53, 7, 18, 0, 0),
}


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Attributes:
        memory_gb: peak, GB.
        hours: on one core.
    """

    memory_gb: float
    hours: float


def accurate_cost(dimer: Dimer) -> Cost:
    """Return what level `accurate` takes: coupled cluster in aug-cc-pVDZ and integrals in haQZ."""
    elements = [_ELEMENTS[symbol] for symbol in dimer.symbols]
    filled = (sum(element.number for element in elements) - dimer.charge) // 2
    nocc = filled - sum(element.core for element in elements)
    nvirt = sum(element.double for element in elements) - filled
    kept = 0.75 * nvirt  # natural orbitals that count
    functions = sum(element.quadruple for element in elements)
    integrals = ((filled + nvirt) ** 2 / 2) ** 2 / 2
    coupled_cluster = integrals + 1.5 * ((nocc + kept) ** 2 / 2) ** 2 + nocc * kept**3
    fitting = 1.2 * 2.8 * functions * functions**2 / 2
    # Measured on the dimers of benchmarks/results/interaction_accurate.csv.
    seconds = (nocc**3 * nvirt**4 + 30 * nocc**2 * nvirt**4) / 2.1e10 + functions**3 / 2e6
    return Cost(memory_gb=0.5 + 8e-9 * max(coupled_cluster, fitting), hours=seconds / 3600)


def check_cost(dimer: Dimer, settings: InteractionSettings) -> None:
    """Make sure that a dimer isn't too large for level, machine and active space.

    Raises:
        InputError: if it is; with the estimate. TooLittleMemoryError where only this machine is too small.
    """
    name = dimer.name or "the dimer"
    if settings.level == "fast":
        return
    _check_active_space(dimer, settings)
    heavy = sum(symbol != "H" for symbol in dimer.symbols)
    if settings.level == "accurate":
        without = sorted({symbol for symbol in dimer.symbols if not _ELEMENTS[symbol].double})
        if without:
            raise InputError(
                f"{name} holds {', '.join(without)}; level accurate has no basis for it: use level standard"
            )
        cost = accurate_cost(dimer)
        if cost.hours > _MAX_HOURS:
            raise InputError(
                f"{name} has {heavy} heavy atoms; level accurate would take about {cost.hours:.0f} hours and "
                f"{cost.memory_gb:.0f} GB, and at most {_MAX_HOURS:g} hours are allowed: use level standard"
            )
    else:
        cost = Cost(memory_gb=0.7 + 8 * (heavy / 30) ** 3, hours=0.0)
        if heavy > _MAX_HEAVY_ATOMS:
            raise InputError(
                f"{name} has {heavy} heavy atoms; level standard takes at most {_MAX_HEAVY_ATOMS} (about "
                f"{cost.memory_gb:.0f} GB): cut it to the contact, or use level fast"
            )
    available = psutil.virtual_memory().available / 1e9
    if cost.memory_gb > available:
        raise TooLittleMemoryError(
            f"{name} needs about {cost.memory_gb:.1f} GB at level {settings.level}, and {available:.1f} GB "
            "are free: use a lower level or a larger machine"
        )


def _check_active_space(dimer: Dimer, settings: InteractionSettings) -> None:
    # Virtual orbitals never run short: hydrogen alone brings more than an active space holds.
    for label, selection, charge in (
        ("A", dimer.selection_a, dimer.charge_a),
        ("B", dimer.selection_b, dimer.charge_b),
    ):
        filled = (sum(_ELEMENTS[dimer.symbols[i]].valence for i in selection) - charge) // 2
        if settings.active_occupied is not None and settings.active_occupied > filled:
            raise InputError(
                f"active_occupied={settings.active_occupied}, but monomer {label} fills only {filled} "
                f"valence orbital{'s'[: filled > 1]}; at most that many can be active"
            )
