"""What a campaign file says, checked before anything runs."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from labkit.campaign._objective import COMPONENTS, Desirability, score
from labkit.errors import InputError
from labkit.store import data_path

MAX_ROUNDS = 10_000


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _later(default: Any, **limits: Any) -> Any:
    """A key that came after the first runs: at its default, as they were, no identity holds it."""
    return Field(default=default, exclude_if=lambda value: value == default, **limits)


class Breeding(_Section):
    """How candidates are bred from what scored well; what isn't given is as in ``generative.Breeding``."""

    children: int = Field(ge=1, le=10_000)
    generations: int | None = _later(None, ge=1, le=100)
    mutation: float | None = _later(None, ge=0, le=1)
    fresh: float | None = _later(None, ge=0, le=1)
    kappa: float | None = _later(None, ge=0)
    strange: int | None = _later(None, ge=0)
    start: int | None = _later(None, ge=1)
    max_heavy_atoms: int | None = _later(None, ge=1)


class Constraint(_Section):
    """What each molecule keeps: one of these (see ``generative.decorate``, ``link`` and ``near``).

    Attributes:
        decorate: scaffold with attachment points.
        link: two fragments with one attachment point each.
        near: a molecule.
        similarity: least Tanimoto similarity to ``near``.
    """

    decorate: str | None = None
    link: str | None = None
    near: str | None = None
    similarity: float = Field(default=0.4, ge=0, le=1)

    @model_validator(mode="after")
    def _one(self) -> Constraint:
        if sum(smiles is not None for smiles in (self.decorate, self.link, self.near)) != 1:
            raise ValueError("one of decorate, link and near is needed")
        return self


class Generator(_Section):
    """Which language model proposes, and how it learns (see ``generative.OptimiserSettings``)."""

    prior: str = "zinc250k"
    learning: bool = True
    beta: float = Field(default=20.0, gt=0)
    updates: int = Field(default=8, ge=0)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=2e-4, gt=0)
    rank_weight: float = Field(default=0.1, gt=0)
    breeding: Breeding | None = _later(None)
    bucket: int = _later(0, ge=0)
    good: float = _later(0.4, ge=0, le=1)
    constraint: Constraint | None = _later(None)


class Docking(_Section):
    """How molecules are docked (see ``docking.dock``)."""

    exhaustiveness: int = Field(default=4, ge=1, le=64)
    ph: float = Field(default=7.4, ge=0, le=14)
    seed: int = Field(default=1, ge=0, lt=2**31)


Choice = Literal["best", "random", "value"]


class Screening(_Section):
    """GFN2-xTB on the contacts that [interaction] would simulate, for more molecules than that can take.

    Attributes:
        candidates: most molecules of a round.
        choice: which, as in ``Interaction``.
        cost: of an answer, as a share of the next stage's; with "value" no molecule is sent whose answer
            would tell less for it than the next stage's. Measured: benchmarks/results/layers_abl1.csv.
    """

    candidates: int = Field(default=16, ge=1)
    choice: Choice = "best"
    cost: float = Field(default=0.01, gt=0, le=1)


class Interaction(_Section):
    """Which candidates climb to the quantum step, and how it is done (see ``quantum``).

    Attributes:
        candidates: so many of a round's molecules.
        choice: "best" by the score so far; "random", in the order in which they were drawn; or by "value":
            what a Gaussian process over all earlier answers expects of them (see ``campaign._value``).
        contacts: simulated contacts per molecule, the strongest first.
        max_heavy_atoms: largest cluster cut for a contact, both fragments together.
        level: of ``interaction_energy``.
        active_occupied: active occupied orbitals of each monomer; the dimer's space is the sum of both.
        active_virtual: active virtual orbitals of each monomer.
        shots: measured on the simulated quantum computer per circuit.
    """

    candidates: int = Field(default=2, ge=1)
    choice: Choice = _later("best")
    contacts: int = Field(default=1, ge=1, le=8)
    max_heavy_atoms: int = Field(default=14, ge=4, le=30)
    level: str = "standard"
    active_occupied: int = Field(default=2, ge=1)
    active_virtual: int = Field(default=2, ge=1)
    shots: int = Field(default=100_000, ge=100, le=10_000_000)
    seed: int = Field(default=0, ge=0, lt=2**31)


class Triplet(_Section):
    """How many candidates' triplet energies are computed each round, and how (see ``quantum``).

    Attributes:
        candidates: so many of a round's molecules.
        choice: which, as in ``Interaction``.
        max_orbitals: orbitals of the active space; of a larger π system the most correlated are taken.
        solver: of the active space.
    """

    candidates: int = Field(default=8, ge=1)
    choice: Choice = "best"
    max_orbitals: int = Field(default=10, ge=2, le=12)
    solver: str = "uccsd"


class Resources(_Section):
    """What an evaluation of a stage may take, and how often it is tried. No result depends on it.

    Attributes:
        cores: threads of its process.
        memory_gb: most memory, GB.
        limit_s: most time, s.
        retries: so many times it is tried again when its process dies or is ended.
    """

    cores: int = Field(default=1, ge=1, le=1024)
    memory_gb: float = Field(default=4.0, gt=0)
    limit_s: float = Field(default=7200.0, gt=0)
    retries: int = Field(default=2, ge=0, le=100)


class Specification(_Section):
    """A campaign: what is optimised, with what budget, on which ladder of fidelities.

    The ladder is triage, then each section that is there: [docking] into the target, [screening] and
    [interaction] of its poses' contacts, [triplet]. A molecule's score counts once it has reached the first
    of them.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    description: str = ""
    target: str = "abl1"
    seed: int = Field(default=0, ge=0, lt=2**31)
    rounds: int = Field(ge=1, le=MAX_ROUNDS)
    proposals: int = Field(ge=2, le=100_000)
    generator: Generator = Generator()
    triage: dict[str, Any] = Field(default_factory=dict)
    docking: Docking | None = None
    screening: Screening | None = _later(None)
    interaction: Interaction | None = None
    triplet: Triplet | None = None
    resources: dict[str, Resources] = Field(default_factory=dict)
    objective: dict[str, Desirability] = Field(min_length=1)
    combine: Literal["product", "sum"] = _later("product")

    @field_validator("objective", mode="before")
    @classmethod
    def _known_components(cls, objective: Any) -> Any:
        for name in objective if isinstance(objective, dict) else ():
            if name not in COMPONENTS:
                raise ValueError(f"'{name}' is no component;{_nearest(name, list(COMPONENTS))}")
        return objective

    @model_validator(mode="after")
    def _consistent(self) -> Specification:
        if not self.fidelities:
            raise ValueError("a section [docking] or [triplet] is needed: nothing would be computed")
        if self.interaction is not None and self.docking is None:
            raise ValueError("[interaction] needs a section [docking], whose poses it takes")
        if self.screening is not None and self.interaction is None:
            raise ValueError("[screening] needs a section [interaction], whose contacts it takes")
        for stage in self.resources:
            if stage not in self.fidelities:
                raise ValueError(f"resources.{stage} is of no use: there is no section [{stage}]")
        for name in self.objective:
            fidelity = COMPONENTS[name][1]
            if fidelity not in ("triage", *self.fidelities):
                raise ValueError(f"objective.{name} needs a section [{fidelity}]")
        for fidelity in ("screening", "interaction", "triplet"):
            section = getattr(self, fidelity)
            if section is not None and section.candidates > self.proposals:
                raise ValueError(
                    f"{fidelity}.candidates = {section.candidates} exceeds proposals = {self.proposals}"
                )
        for rank, fidelity in enumerate(self.fidelities):
            choice = getattr(getattr(self, fidelity), "choice", "")
            if choice == "value" and self.highest not in self.fidelities[rank:]:
                raise ValueError(
                    f"{fidelity}.choice = 'value' needs a component of [{fidelity}] or above in the objective"
                )
        return self

    @property
    def fidelities(self) -> tuple[str, ...]:
        """The ladder above triage, cheapest first."""
        names = ("docking", "screening", "interaction", "triplet")
        return tuple(name for name in names if getattr(self, name))

    @property
    def highest(self) -> str:
        """The highest fidelity that the objective scores; none if it scores what the triage tells."""
        scored = {COMPONENTS[name][1] for name in self.objective}
        return next((name for name in reversed(self.fidelities) if name in scored), "")

    @property
    def chooses_by_value(self) -> bool:
        """Whether a stage does."""
        sections = [getattr(self, name) for name in self.fidelities]
        return any(getattr(section, "choice", "") == "value" for section in sections)

    def resources_of(self, fidelity: str) -> Resources:
        """What an evaluation may take, as the file says or by default."""
        return self.resources.get(fidelity, Resources())

    def score(self, components: Mapping[str, float]) -> float:
        """Score of a molecule by what is known of it, 0–1 (see ``campaign.score``)."""
        return score(self.objective, components, self.combine)

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of all that decides a run's outcome."""
        content = self.model_dump(mode="json", exclude={"description", "resources"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def load_specification(source: str | Path, overrides: Sequence[str] = ()) -> Specification:
    """Reads a campaign file, or a shipped campaign by its name.

    Args:
        source: path of a TOML file, or "quick", "abl1", …
        overrides: "key=value" with dotted keys, as in ``interaction.shots=20000``; values in TOML.

    Raises:
        InputError: naming the file, the key and what would be right.
    """
    path = Path(source)
    if path.suffix != ".toml":
        path = data_path("campaigns", f"{source}.toml")
    try:
        content = tomllib.loads(path.read_text())
    except (FileNotFoundError, IsADirectoryError):
        shipped = ", ".join(sorted(p.stem for p in data_path("campaigns").glob("*.toml")))
        raise InputError(f"no campaign '{source}'; name a .toml file or one of: {shipped}") from None
    except OSError as error:
        raise InputError(f"campaign '{path}' can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"campaign '{path}' is no TOML: {error}") from None
    for override in overrides:
        _override(content, override)
    return validate(content, str(source))


def validate(content: dict[str, Any], source: str) -> Specification:
    """A checked campaign of the content of a campaign file.

    Raises:
        InputError: naming the source, the key and what would be right.
    """
    from labkit.molecules import TriageRules

    try:
        specification = Specification.model_validate(content)
    except ValidationError as error:
        raise InputError(f"campaign '{source}': {_first_fault(error)}") from None
    known = TriageRules.__dataclass_fields__
    for key, value in specification.triage.items():
        if key not in known:
            raise InputError(f"campaign '{source}': triage.{key} is no key;{_nearest(key, list(known))}")
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            raise InputError(f"campaign '{source}': triage.{key} = {value}: finite numbers are needed")
    try:
        _checked(TriageRules).validate_python(specification.triage)
    except ValidationError as error:
        raise InputError(f"campaign '{source}': triage.{_first_fault(error)}") from None
    except InputError as error:
        raise InputError(f"campaign '{source}': {error}") from None
    return specification


def _override(content: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set '{override}': write key=value, as in interaction.shots=20000")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string
    *parents, last = key.strip().split(".")
    section = content
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            raise InputError(f"--set '{override}': '{parent}' is a value, not a section")
    section[last] = value


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key} is no key;{_nearest(key.rpartition('.')[2], _keys_beside(fault['loc']))}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    value = "" if isinstance(fault["input"], dict) else f" = {fault['input']!r}"
    return f"{key}{value}: {message}" if key else message


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    if location[0] == "objective":
        return list(Desirability.model_fields)
    if location[0] == "resources":
        return list(Resources.model_fields)
    sections: dict[str, type[BaseModel]] = {
        "generator": Generator,
        "breeding": Breeding,
        "constraint": Constraint,
        "docking": Docking,
        "screening": Screening,
        "interaction": Interaction,
        "triplet": Triplet,
    }
    model = Specification if len(location) == 1 else sections[str(location[-2])]
    return list(model.model_fields)


@cache
def _checked(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" did you mean {close[0]}?" if close else f" known are {', '.join(known)}"
