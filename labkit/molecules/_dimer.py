"""Two closed-shell molecules side by side: what the quantum layer takes an interaction energy of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.errors import InputError

# Atomic number and covalent radius in Å (Cordero et al. 2008, doi:10.1039/b801115j).
_ELEMENTS: dict[str, tuple[int, float]] = {
    "H": (1, 0.31),
    "B": (5, 0.84),
    "C": (6, 0.76),
    "N": (7, 0.71),
    "O": (8, 0.66),
    "F": (9, 0.57),
    "Si": (14, 1.11),
    "P": (15, 1.07),
    "S": (16, 1.05),
    "Cl": (17, 1.02),
    "Br": (35, 1.20),
    "I": (53, 1.39),
}

DIMER_ELEMENTS: tuple[str, ...] = tuple(_ELEMENTS)

# Two atoms nearer than this share of the sum of their covalent radii are no molecule: the shortest real
# contact, H–H in H2, stands at 1.19, and a bond squeezed by a fifth is still above 0.75.
_OVERLAP = 0.6

# Atoms of the two monomers nearer than this share are bonded: bonds stretch by a tenth at most, and the
# proton that two waters share stands at 1.24; hydrogen bonds of the shipped dimers begin at 1.71.
_BOND = 1.15

# A dimer of a thousand atoms is 60 kB; anything larger is another kind of file.
_MAX_BYTES = 1_000_000
_MAX_ATOMS = 1000

_HEADER_KEYS = ("charge", "charge_a", "charge_b", "selection_a", "selection_b")


@dataclass(frozen=True, eq=False)
class Dimer:
    """Two closed-shell monomers A and B that don't share atoms, checked once here.

    Attributes:
        symbols: element symbols, in the order of the atoms.
        coordinates: positions in Å, shape (natom, 3), a read-only array.
        charge: total charge; the sum of the monomers'.
        charge_a: charge of monomer A.
        charge_b: charge of monomer B.
        selection_a: atoms of monomer A, counted from 0.
        selection_b: atoms of monomer B, counted from 0.
        name: a label for messages and tables; takes no part in any calculation.

    Raises:
        InputError: where the pieces don't make two closed-shell molecules of supported elements.
    """

    symbols: tuple[str, ...]
    coordinates: NDArray[np.float64]
    charge: int
    charge_a: int
    charge_b: int
    selection_a: tuple[int, ...]
    selection_b: tuple[int, ...]
    name: str = ""

    def __post_init__(self) -> None:
        coordinates = np.array(self.coordinates, dtype=np.float64)
        coordinates.flags.writeable = False
        object.__setattr__(self, "coordinates", coordinates)
        object.__setattr__(self, "symbols", tuple(self.symbols))
        object.__setattr__(self, "selection_a", tuple(int(i) for i in self.selection_a))
        object.__setattr__(self, "selection_b", tuple(int(i) for i in self.selection_b))
        _check_atoms(self)
        _check_selections(self)
        _check_electrons(self)
        _check_distances(self)


def read_dimer(path: str | Path) -> Dimer:
    """Return the dimer in an xyz file whose second line tells the monomers apart.

    That line must hold `charge= charge_a= charge_b= selection_a= selection_b=`, with selections counted
    from 1, such as `selection_a=1-3,5`. Anything else on it (a reference energy, a scaling) is ignored.

    Raises:
        InputError: if the file can't be read, or is no such dimer; the message starts with the file's name.
    """
    path = Path(path)
    text = _read_text(path)
    try:
        return _parse(text.splitlines(), path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def dimer_to_xyz(dimer: Dimer) -> str:
    """Return the dimer as the text of an xyz file that `read_dimer` reads back, coordinates to 1e-10 Å."""
    header = (
        f"charge={dimer.charge} charge_a={dimer.charge_a} charge_b={dimer.charge_b} "
        f"selection_a={_format_selection(dimer.selection_a)} "
        f"selection_b={_format_selection(dimer.selection_b)}"
    )
    lines = [str(len(dimer.symbols)), header]
    for symbol, (x, y, z) in zip(dimer.symbols, dimer.coordinates, strict=True):
        lines.append(f"{symbol:<2} {x:16.10f} {y:16.10f} {z:16.10f}")
    return "\n".join(lines) + "\n"


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file; give the path of a dimer in xyz format")
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"{path}: {size} bytes is too large for a dimer; at most {_MAX_BYTES} are read")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; a dimer in xyz format is wanted") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path!s:.200}: can't be read ({error}); give a readable xyz file") from None


def _parse(lines: Sequence[str], name: str) -> Dimer:
    if len(lines) < 2:
        raise InputError(
            "an xyz file starts with the number of atoms and a header line; this one ends before"
        )
    try:
        natom = int(lines[0])
    except ValueError:
        raise InputError(f"line 1 is {lines[0][:40]!r}; the number of atoms is wanted there") from None
    if not 2 <= natom <= _MAX_ATOMS:
        raise InputError(f"line 1 says {natom} atoms; a dimer has 2 to {_MAX_ATOMS}")
    header = _parse_header(lines[1])
    rows = lines[2:]
    while rows and not rows[-1].strip():
        rows = rows[:-1]
    if len(rows) != natom:
        raise InputError(f"line 1 says {natom} atoms, but {len(rows)} atom lines follow the header")
    symbols, coordinates = [], []
    for number, row in enumerate(rows, start=3):
        fields = row.split()
        try:
            symbol, x, y, z = fields[0], float(fields[1]), float(fields[2]), float(fields[3])
        except (IndexError, ValueError):
            raise InputError(
                f"line {number} is {row[:60]!r}; an element and x, y, z in Å are wanted"
            ) from None
        symbols.append(symbol.capitalize())
        coordinates.append((x, y, z))
    return Dimer(
        symbols=tuple(symbols),
        coordinates=np.array(coordinates),
        charge=_parse_charge(header, "charge"),
        charge_a=_parse_charge(header, "charge_a"),
        charge_b=_parse_charge(header, "charge_b"),
        selection_a=_parse_selection(header, "selection_a", natom),
        selection_b=_parse_selection(header, "selection_b", natom),
        name=name,
    )


def _parse_header(line: str) -> dict[str, str]:
    header = dict(re.findall(r"(\w+)\s*=\s*(\S+)", line))
    missing = [key for key in _HEADER_KEYS if key not in header]
    if missing:
        raise InputError(
            f"the header (line 2) lacks {', '.join(missing)}; it must read like "
            "'charge=0 charge_a=0 charge_b=0 selection_a=1-3 selection_b=4-6'"
        )
    return header


def _parse_charge(header: dict[str, str], key: str) -> int:
    try:
        return int(header[key])
    except ValueError:
        raise InputError(
            f"{key}={header[key]} in the header; a whole number such as 0 or -1 is wanted"
        ) from None


def _parse_selection(header: dict[str, str], key: str, natom: int) -> tuple[int, ...]:
    chosen: list[int] = []
    for part in header[key].split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if match is None:
            raise InputError(
                f"{key}={header[key]}: {part!r} is no range; atoms are counted from 1, as in 1-3,5"
            )
        first = int(match[1])
        last = int(match[2] or first)
        if not 1 <= first <= last <= natom:
            raise InputError(f"{key}={header[key]}: {part!r} is outside the atoms 1-{natom}")
        chosen.extend(range(first - 1, last))
    return tuple(chosen)


def _format_selection(selection: tuple[int, ...]) -> str:
    """Return atoms counted from 0 as ranges counted from 1, in the order given: (0, 1, 2, 4) -> '1-3,5'."""
    ranges: list[list[int]] = []
    for atom in selection:
        if ranges and atom == ranges[-1][1] + 1:
            ranges[-1][1] = atom
        else:
            ranges.append([atom, atom])
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in ranges)


def _check_atoms(dimer: Dimer) -> None:
    natom = len(dimer.symbols)
    if dimer.coordinates.shape != (natom, 3):
        raise InputError(
            f"coordinates have shape {dimer.coordinates.shape}; {natom} atoms want ({natom}, 3), in Å"
        )
    for number, symbol in enumerate(dimer.symbols, start=1):
        if symbol not in _ELEMENTS:
            raise InputError(
                f"atom {number} is {symbol!r}, which is not supported; supported are {', '.join(_ELEMENTS)}"
            )
    for number, position in enumerate(dimer.coordinates, start=1):
        if not np.isfinite(position).all():
            raise InputError(
                f"atom {number} ({dimer.symbols[number - 1]}) stands at {position.tolist()}; "
                "finite numbers in Å are wanted"
            )


def _check_selections(dimer: Dimer) -> None:
    natom = len(dimer.symbols)
    for key, selection in (("selection_a", dimer.selection_a), ("selection_b", dimer.selection_b)):
        if not selection:
            raise InputError(f"{key} is empty; each monomer has at least one atom")
    counts = [0] * natom
    for atom in dimer.selection_a + dimer.selection_b:
        if not 0 <= atom < natom:
            raise InputError(f"the selections name atom {atom + 1}; there are {natom} atoms")
        counts[atom] += 1
    for number, count in enumerate(counts, start=1):
        if count != 1:
            fault = "in neither selection" if count == 0 else "selected more than once"
            raise InputError(
                f"atom {number} is {fault}; selection_a and selection_b must share out all {natom} atoms"
            )


def _check_electrons(dimer: Dimer) -> None:
    if dimer.charge != dimer.charge_a + dimer.charge_b:
        raise InputError(
            f"charge={dimer.charge}, but charge_a={dimer.charge_a} and charge_b={dimer.charge_b} add up to "
            f"{dimer.charge_a + dimer.charge_b}"
        )
    for label, selection, charge in (
        ("A", dimer.selection_a, dimer.charge_a),
        ("B", dimer.selection_b, dimer.charge_b),
    ):
        heavy = sum(dimer.symbols[i] != "H" for i in selection)
        if abs(charge) > max(heavy, 1):
            raise InputError(
                f"charge_{label.lower()}={charge}: {label} has {heavy} heavy atom{'s'[: heavy != 1]}, "
                "and at most one elementary charge for each (or one on hydrogen alone) is taken"
            )
        electrons = sum(_ELEMENTS[dimer.symbols[i]][0] for i in selection) - charge
        if electrons < 2 or electrons % 2:
            raise InputError(
                f"monomer {label} with charge {charge} has {electrons} electrons; "
                "a closed shell needs an even number of at least 2 (check the charge and the hydrogens)"
            )


def _check_distances(dimer: Dimer) -> None:
    distances = np.linalg.norm(dimer.coordinates[:, None] - dimer.coordinates[None], axis=-1)
    radii = np.array([_ELEMENTS[symbol][1] for symbol in dimer.symbols])
    sums = radii[:, None] + radii[None]
    limits = _OVERLAP * sums
    overlapping = np.argwhere(np.triu(distances < limits, k=1))
    if len(overlapping):
        i, j = overlapping[0]
        raise InputError(
            f"atoms {i + 1} ({dimer.symbols[i]}) and {j + 1} ({dimer.symbols[j]}) overlap: they are "
            f"{distances[i, j]:.2f} Å apart and should be at least {limits[i, j]:.2f} Å"
        )
    across = np.ix_(dimer.selection_a, dimer.selection_b)
    bonded = np.argwhere(distances[across] < _BOND * sums[across])
    if len(bonded):
        i, j = dimer.selection_a[bonded[0][0]], dimer.selection_b[bonded[0][1]]
        raise InputError(
            f"the selections cut a bond: atoms {i + 1} ({dimer.symbols[i]}, of A) and {j + 1} "
            f"({dimer.symbols[j]}, of B) are {distances[i, j]:.2f} Å apart, and up to "
            f"{_BOND * sums[i, j]:.2f} Å that is one; each monomer must be a whole molecule"
        )
