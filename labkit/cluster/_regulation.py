"""What the German Energy Efficiency Act asks of a data centre, judged for a date.

Energieeffizienzgesetz (EnEfG) of 13 November 2023, BGBl. 2023 I Nr. 309, as enacted. § 11 (1), (2) and § 12
were read in the text; § 3 no. 24 and § 11 (5) are secondary, and the number of that subsection recalled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from labkit.errors import InputError

MET, NOT_MET, DOES_NOT_APPLY, UNKNOWN = "met", "not met", "does not apply", "unknown"

_NEW_FROM = date(2026, 7, 1)
_LEAST_KW = 300.0  # § 3: connected power without redundancy, from which a data centre is one
_CERTIFIED_KW = 1000.0
# § 11 (2) sentence 1 no. 2: share of reused energy for centres that start from a day on.
_REUSE = ((date(2026, 7, 1), 0.10), (date(2027, 7, 1), 0.15), (date(2028, 7, 1), 0.20))


@dataclass(frozen=True)
class DataCentre:
    """What the act's demands depend on; None where it isn't known.

    Attributes:
        country: ISO 3166-1 code of three letters.
        commissioned: when it starts to operate.
        connected_kw: rated electric connection without redundancy, IT and building, kW.
        public: whether a public body runs it.
        pue: of a year.
        pue_without_heat_pump: likewise, without electricity that only lifts waste heat, which § 11 (2)
            sentence 3 leaves out for new centres; where not given, none does.
        erf: energy reuse factor of a year.
        renewable_share: of the electricity, in the balance of a year.
        management_system: whether there is an energy or environmental management system.
        certified: whether that is certified or validated.

    Raises:
        InputError: if a value is out of range.
    """

    country: str
    commissioned: date
    connected_kw: float
    public: bool = False
    pue: float | None = None
    pue_without_heat_pump: float | None = None
    erf: float | None = None
    renewable_share: float | None = None
    management_system: bool | None = None
    certified: bool | None = None

    def __post_init__(self) -> None:
        if not 0 < self.connected_kw < np.inf:
            raise InputError(f"connected_kw={self.connected_kw:g}; more than 0 is wanted")
        for name, least in (("pue", 1), ("pue_without_heat_pump", 1), ("erf", 0), ("renewable_share", 0)):
            value = getattr(self, name)
            if value is not None and not least <= value < np.inf:
                raise InputError(f"{name}={value:g}; at least {least} is wanted")


@dataclass(frozen=True)
class Verdict:
    """The answer to one demand.

    Attributes:
        paragraph: of the EnEfG.
        demand: in words.
        answer: "met", "not met", "does not apply" or, where a figure is missing, "unknown".
        reason: why.
    """

    paragraph: str
    demand: str
    answer: str
    reason: str


def judge(centre: DataCentre, on: date) -> tuple[Verdict, ...]:
    """Return how a data centre stands to each demand of EnEfG §§ 11 and 12 on a day.

    The exceptions of § 11 (3) for reused energy (an agreement with a municipality or a heating network, an
    offer of heat that was turned down) aren't known here; they are the operator's to prove.
    """
    new = centre.commissioned >= _NEW_FROM
    old_why = f"it starts on {centre.commissioned}, before {_NEW_FROM}"
    new_why = f"it starts on {centre.commissioned}, not before {_NEW_FROM}"
    new_pue = centre.pue if centre.pue_without_heat_pump is None else centre.pue_without_heat_pump
    due = _two_years_later(centre.commissioned)
    reuse = max((share for start, share in _REUSE if centre.commissioned >= start), default=_REUSE[0][1])
    certificate_kw = _LEAST_KW if centre.public else _CERTIFIED_KW
    small = f"connected power of {centre.connected_kw:g} kW is under {certificate_kw:g} kW"

    def most(limit: float, pue: float | None) -> tuple[str, bool | None, str]:
        return f"PUE <= {limit:g}", _fits(pue, most=limit), _said("PUE", pue)

    def renewable(share: float) -> tuple[str, bool | None, str]:
        fits = _fits(centre.renewable_share, least=share)
        return f"renewable electricity >= {share:.0%}", fits, _said("share", centre.renewable_share)

    def has(what: str, value: bool | None) -> tuple[str, bool | None, str]:
        return what, value, {None: "not told whether", True: "there is", False: "there is not"}[value]

    reused = (f"reused energy >= {reuse:.0%}", _fits(centre.erf, least=reuse), _said("ERF", centre.erf))
    demands: tuple[tuple[str, tuple[str, bool | None, str], date, str], ...] = (
        # paragraph, (demand, whether met, said), due from, why it doesn't apply whatever the day
        ("§ 11 (1) no. 1", most(1.5, centre.pue), date(2027, 7, 1), new_why if new else ""),
        ("§ 11 (1) no. 2", most(1.3, centre.pue), date(2030, 7, 1), new_why if new else ""),
        ("§ 11 (2) sentence 1 no. 1", most(1.2, new_pue), due, "" if new else old_why),
        ("§ 11 (2) sentence 1 no. 2", reused, due, "" if new else old_why),
        ("§ 11 (5) no. 1", renewable(0.5), date(2024, 1, 1), ""),
        ("§ 11 (5) no. 2", renewable(1.0), date(2027, 1, 1), ""),
        ("§ 12 (1)", has("a management system", centre.management_system), date(2025, 7, 1), ""),
        (
            "§ 12 (3)",
            has("its certificate or validation", centre.certified),
            date(2026, 1, 1),
            small if centre.connected_kw < certificate_kw else "",
        ),
    )
    outside = _outside(centre, on)
    return tuple(
        Verdict(
            paragraph, demand, *_answer(fits, said, on, max(from_day, centre.commissioned), outside or why)
        )
        for paragraph, (demand, fits, said), from_day, why in demands
    )


def _outside(centre: DataCentre, on: date) -> str:
    """Return why the act doesn't apply to a centre at all; empty if it does."""
    if centre.country != "DEU":
        return f"it stands in {centre.country}, not in Germany"
    if centre.connected_kw < _LEAST_KW:
        return f"connected power of {centre.connected_kw:g} kW is under {_LEAST_KW:g} kW (§ 3 no. 24)"
    if on < centre.commissioned:
        return f"it doesn't operate before {centre.commissioned}"
    return ""


def _answer(fits: bool | None, said: str, on: date, due: date, why_not: str) -> tuple[str, str]:
    if why_not:
        return DOES_NOT_APPLY, why_not
    if on < due:
        return DOES_NOT_APPLY, f"due from {due}, judged on {on}; {said}"
    if fits is None:
        return UNKNOWN, said
    return (MET if fits else NOT_MET), f"{said}; due from {due}"


def _fits(value: float | None, *, least: float = -np.inf, most: float = np.inf) -> bool | None:
    return None if value is None else bool(least <= value <= most)


def _said(name: str, value: float | None) -> str:
    return f"{name} isn't known" if value is None else f"{name} is {value:.3g}"


def _two_years_later(day: date) -> date:
    leap_day = day.month == 2 and day.day == 29
    return date(day.year + 2, 3, 1) if leap_day else day.replace(year=day.year + 2)
