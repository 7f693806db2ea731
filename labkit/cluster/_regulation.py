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


@dataclass(frozen=True)
class _Demand:
    """A value that must be at least or at most so much, or true, from a day on; `exempt`: why not here."""

    paragraph: str
    what: str
    value: float | bool | None
    due: date
    exempt: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def words(self) -> str:
        if self.most is not None:
            return f"{self.what} of at most {self.most:g}"
        return self.what if self.least is None else f"{self.what} of at least {self.least:g}"

    def verdict(self, on: date) -> Verdict:
        if self.exempt:
            return Verdict(self.paragraph, self.words, DOES_NOT_APPLY, self.exempt)
        if on < self.due:
            return Verdict(self.paragraph, self.words, DOES_NOT_APPLY, f"due from {self.due}, judged on {on}")
        if self.value is None:
            return Verdict(self.paragraph, self.words, UNKNOWN, "it isn't known")
        if isinstance(self.value, bool):
            met, said = self.value, "there is one" if self.value else "there is none"
        else:
            met = self.value <= self.most if self.most is not None else self.value >= (self.least or 0.0)
            said = f"it is {self.value:.4g}"
        return Verdict(self.paragraph, self.words, MET if met else NOT_MET, f"{said}, due from {self.due}")


def judge(centre: DataCentre, on: date) -> tuple[Verdict, ...]:
    """Return how a data centre stands to each demand of EnEfG §§ 11 and 12 on a day.

    The exceptions of § 11 (3) for reused energy (an agreement with a municipality or a heating network, an
    offer of heat that was turned down) aren't known here; they are the operator's to prove.
    """
    return tuple(demand.verdict(on) for demand in _demands(centre, on))


def _demands(centre: DataCentre, on: date) -> tuple[_Demand, ...]:
    start, outside = centre.commissioned, _outside(centre, on)
    new = start >= _NEW_FROM
    only_old = outside or (f"it starts on {start}, not before {_NEW_FROM}" if new else "")
    only_new = outside or ("" if new else f"it starts on {start}, before {_NEW_FROM}")
    certified_kw = _LEAST_KW if centre.public else _CERTIFIED_KW
    only_large = outside or ("" if centre.connected_kw >= certified_kw else _under(centre, certified_kw))

    two_years_on = _two_years_after(start)
    new_pue = centre.pue if centre.pue_without_heat_pump is None else centre.pue_without_heat_pump
    reuse = max((share for day, share in _REUSE if start >= day), default=_REUSE[0][1])
    renewable, system = centre.renewable_share, centre.management_system
    return (
        _Demand("§ 11 (1) no. 1", "PUE", centre.pue, date(2027, 7, 1), only_old, most=1.5),
        _Demand("§ 11 (1) no. 2", "PUE", centre.pue, date(2030, 7, 1), only_old, most=1.3),
        _Demand("§ 11 (2) sentence 1 no. 1", "PUE", new_pue, two_years_on, only_new, most=1.2),
        _Demand("§ 11 (2) sentence 1 no. 2", "ERF", centre.erf, two_years_on, only_new, least=reuse),
        _Demand("§ 11 (5) no. 1", "renewable share", renewable, date(2024, 1, 1), outside, least=0.5),
        _Demand("§ 11 (5) no. 2", "renewable share", renewable, date(2027, 1, 1), outside, least=1.0),
        _Demand("§ 12 (1)", "a management system", system, date(2025, 7, 1), outside),
        _Demand("§ 12 (3)", "its certificate", centre.certified, date(2026, 1, 1), only_large),
    )


def _outside(centre: DataCentre, on: date) -> str:
    """Return why the act doesn't apply to a centre at all; empty if it does."""
    if centre.country != "DEU":
        return f"it stands in {centre.country}, not in Germany"
    if centre.connected_kw < _LEAST_KW:
        return f"{_under(centre, _LEAST_KW)} (§ 3 no. 24)"
    if on < centre.commissioned:
        return f"it doesn't operate before {centre.commissioned}"
    return ""


def _under(centre: DataCentre, least_kw: float) -> str:
    return f"connected power of {centre.connected_kw:g} kW is under {least_kw:g} kW"


def _two_years_after(day: date) -> date:
    leap_day = day.month == 2 and day.day == 29
    return date(day.year + 2, 3, 1) if leap_day else day.replace(year=day.year + 2)
