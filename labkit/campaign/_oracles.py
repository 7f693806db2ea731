"""The oracles of a campaign: each turns plain inputs into plain results, in whatever process it is put."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labkit.energy import Meter
from labkit.errors import EvaluationError, InputError, ResourceError
from labkit.store import content_key

if TYPE_CHECKING:
    from labkit.campaign._specification import Resources, Specification
    from labkit.quantum import InteractionSettings


@dataclass(frozen=True)
class Task:
    """One question to an oracle: all plain values, so that it can be hashed and sent to any process."""

    oracle: str
    key: str
    inputs: Mapping[str, Any]
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Oracle:
    """A fidelity with its settings. Whoever changes what it computes raises its version: the cache asks."""

    name: str
    version: str
    settings: Mapping[str, Any]

    def task(self, **inputs: Any) -> Task:
        """The question about these inputs."""
        key = content_key(self.name, self.version, inputs, self.settings)
        return Task(self.name, key, inputs, self.settings)


@dataclass(frozen=True)
class Stage:
    """A rung of a campaign's ladder.

    Attributes:
        oracle: who answers.
        inputs: the question about a molecule, of its standard SMILES and its answers so far by fidelity.
        resources: what an answer may take.
        candidates: at most so many molecules of a round; None for all.
        choice: which of them: by "best" score so far, at "random" or by "value" (see ``Interaction``).
    """

    oracle: Oracle
    inputs: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
    resources: Resources
    candidates: int | None = None
    choice: str = "best"


def ladder(specification: Specification) -> list[Stage]:
    """The stages above triage that a campaign has, cheapest first.

    Raises:
        InputError: naming what the campaign names and isn't there, or a wrong value.
        MissingDependencyError: naming the package and how to get it.
    """
    stages = []
    resources = specification.resources_of
    if specification.docking is not None:
        stages.append(
            Stage(_docking_oracle(specification), lambda smiles, _: {"smiles": smiles}, resources("docking"))
        )
    contacts = {"screening": _screening_oracle, "interaction": _interaction_oracle}
    for name, oracle in contacts.items():
        section = getattr(specification, name)
        if section is not None:
            stages.append(
                Stage(
                    oracle(specification),
                    lambda _, answers: {"pose": answers["docking"]["pose"]},
                    resources(name),
                    section.candidates,
                    section.choice,
                )
            )
    if specification.triplet is not None:
        stages.append(
            Stage(
                _triplet_oracle(specification),
                lambda smiles, _: {"smiles": smiles},
                resources("triplet"),
                specification.triplet.candidates,
                specification.triplet.choice,
            )
        )
    return stages


def _docking_oracle(specification: Specification) -> Oracle:
    """Vina with the campaign's settings on the campaign's target."""
    from labkit.docking import load_target

    assert specification.docking is not None
    target = load_target(specification.target)
    settings = specification.docking.model_dump() | {
        "target": target.name,
        "target_identity": target.identity,
    }
    return Oracle("docking", "1", settings)


def _screening_oracle(specification: Specification) -> Oracle:
    """GFN2-xTB on the contacts that the quantum step would take."""
    settings = _interaction_oracle(specification).settings
    cut = {name: settings[name] for name in ("contacts", "max_heavy_atoms", "target_identity")}
    return Oracle("screening", "1", cut)


def _interaction_oracle(specification: Specification) -> Oracle:
    """The quantum step on the strongest contacts of a pose."""
    from labkit.docking import load_target

    assert specification.interaction is not None
    settings = specification.interaction.model_dump(exclude={"candidates", "choice"})
    _interaction_settings(settings)  # wrong values are told now
    return Oracle(
        "interaction", "2", settings | {"target_identity": load_target(specification.target).identity}
    )


def _triplet_oracle(specification: Specification) -> Oracle:
    """The lowest triplet's energy, its active space solved by a circuit."""
    assert specification.triplet is not None
    settings = specification.triplet.model_dump(exclude={"candidates", "choice"})
    _triplet_settings(settings)  # wrong values are told now
    return Oracle("triplet", "2", settings)


def evaluate(task: Task) -> dict[str, Any]:
    """Answers a task: status, result and seconds. What can't be computed is an answer with its reason.

    Raises:
        ResourceError: if memory is short, which says nothing about the molecule.
    """
    start = time.perf_counter()
    try:
        result, status = _EVALUATE[task.oracle](task.inputs, task.settings), "done"
    except ResourceError:
        raise
    except MemoryError as error:
        raise ResourceError(f"{task.oracle}: memory ran out ({error})") from None
    except (EvaluationError, InputError) as error:
        result, status = {"reason": str(error)}, "failed"
    return {"status": status, "result": result, "seconds": time.perf_counter() - start}


def evaluate_metered(task: Task) -> dict[str, Any]:
    """Answers a task as ``evaluate`` does, with its "use": energy_wh, uncertainty_wh and method."""
    with Meter() as meter:
        outcome = evaluate(task)
    used = meter.total
    return outcome | {"use": (used.energy_wh, used.uncertainty_wh, used.method)}


def _dock(inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from labkit.docking import dock, pose_to_sdf

    docking = dock(
        inputs["smiles"],
        settings["target"],
        exhaustiveness=settings["exhaustiveness"],
        n_poses=1,
        seed=settings["seed"],
        ph=settings["ph"],
    )
    return {
        "smiles": docking.smiles,
        "state": docking.best.state.smiles,
        "components": {"docking_energy": docking.energy, "ligand_efficiency": docking.ligand_efficiency},
        "contacts": [asdict(contact) for contact in docking.best.contacts],
        "pose": pose_to_sdf(docking.best),
    }


def _screening(inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from labkit.quantum import InteractionSettings

    return _energies(inputs, settings, "screening_energy", InteractionSettings(level="fast"))


def _interaction(inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    return _energies(inputs, settings, "interaction_energy", _interaction_settings(settings))


def _energies(
    inputs: Mapping[str, Any], settings: Mapping[str, Any], component: str, how: InteractionSettings
) -> dict[str, Any]:
    """Interaction energies of a pose's strongest contacts, their sum as a component of the score."""
    from labkit.docking import contact_dimers, poses_from_sdf
    from labkit.molecules import dimer_to_xyz
    from labkit.quantum import compute_interaction_energy

    (pose,) = poses_from_sdf(inputs["pose"])
    # Charged contacts are left out: a gas-phase ion pair reaches tens of kcal/mol and would breed cations.
    dimers, refused = contact_dimers(
        pose, limit=settings["contacts"], max_heavy_atoms=settings["max_heavy_atoms"], neutral_only=True
    )
    if not dimers:
        raise EvaluationError("no contact can be simulated: " + ("; ".join(refused) or "the pose has none"))
    contacts: list[dict[str, Any]] = []
    for contact, dimer in dimers:
        energy = compute_interaction_energy(dimer, how)
        contacts.append(
            {"contact": asdict(contact), "dimer": dimer_to_xyz(dimer), "energy": energy.as_dict()}
        )
    total = sum(entry["energy"]["kcal_mol"] for entry in contacts)
    return {"components": {component: total}, "contacts": contacts, "refused": refused}


def _interaction_settings(settings: Mapping[str, Any]) -> InteractionSettings:
    from labkit.quantum import InteractionSettings

    names = ("level", "active_occupied", "active_virtual", "shots", "seed")
    return InteractionSettings(**{name: settings[name] for name in names})


def _triplet(inputs: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    from labkit.quantum import triplet_energy

    energy = triplet_energy(inputs["smiles"], settings=_triplet_settings(settings), threads=_cores())
    return {
        "smiles": inputs["smiles"],
        "components": {"triplet_energy": energy.ev},
        "energy": energy.as_dict(),
    }


def _cores() -> int:
    """What the stage grants this process (see ``guarded``)."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def _triplet_settings(settings: Mapping[str, Any]) -> Any:
    from labkit.quantum import TripletSettings

    return TripletSettings(**settings)


_EVALUATE: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]] = {
    "docking": _dock,
    "screening": _screening,
    "interaction": _interaction,
    "triplet": _triplet,
}
