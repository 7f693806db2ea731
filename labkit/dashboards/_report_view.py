"""The report as a reader sees it: each part a short call in the notebook. Shows what the model holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labkit.campaign import COMPONENTS
from labkit.dashboards import _quantum_words as quantum_words
from labkit.dashboards import _report_figures as figures
from labkit.dashboards import _report_words as words
from labkit.dashboards._format import duration, number, place
from labkit.dashboards._molecules_view import cards
from labkit.dashboards._page import Block, Picture, bullets, paragraphs, table, together
from labkit.dashboards._pose_view import pose_picture, pose_plot
from labkit.dashboards._report_model import Candidate, ReportModel
from labkit.docking import Pose, read_poses
from labkit.errors import InputError

Shown = Block | Picture | Any  # a plotly widget carries no type

_SHOWN = 6  # molecules that are drawn
_ROWS = 24  # of tables that grow with the run


@dataclass(frozen=True)
class ReportView:
    """Parts of a report, ready to be shown.

    Attributes:
        model: what is told.
        ui: "static" for pictures that need no browser, "widget" for plotly figures in JupyterLab.
    """

    model: ReportModel
    ui: Literal["static", "widget"] = "static"

    def __post_init__(self) -> None:
        if self.ui not in ("static", "widget"):
            raise InputError(f"ui '{self.ui}': choose 'static' or 'widget'")

    def summary(self) -> Block:
        """How the run ended, what it found."""
        model = self.model
        found = [words.outcome(model), words.gain(model)]
        if model.candidates:
            best = model.candidates[0]
            found.append(
                f"The best molecule has a score of {number(best.score)} and docks with "
                f"{number(best.docking_energy, 1)} kcal/mol: {best.smiles}"
            )
        facts = quantum_words.quantum_facts(model.contacts)
        if facts is not None:
            found.append(quantum_words.delta(facts, model.contacts))
        return bullets(found)

    def funnel(self) -> Block:
        """How many molecules got how far, why the triage rejected some, and what failed."""
        model = self.model
        pieces: list[Block | Picture] = [figures.funnel(model.steps)]
        if model.rejections:
            rows = [(reason, str(count)) for reason, count in model.rejections.items()]
            pieces.append(table(("rejected by the triage, since", "molecules"), rows, numeric=("molecules",)))
        if model.failures:
            failed = [(f.fidelity, f.smiles, f.reason) for f in model.failures]
            pieces.append(_first_rows(("failed step", "molecule", "reason"), failed))
        else:
            pieces.append(paragraphs("No docking or simulation failed."))
        if model.cached:
            taken = ", ".join(f"{count} of {name}" for name, count in model.cached.items())
            pieces.append(
                paragraphs(
                    f"Taken from the cache or an equal molecule, not computed again: {taken}. "
                    f"From an empty cache the run takes longer."
                )
            )
        return together(*pieces)

    def scores(self) -> Shown:
        """Score by round against the language model's own distribution."""
        rounds = self.model.rounds
        if not rounds:
            return paragraphs("No round is finished yet, so there are no scores.")
        if self.ui == "widget":
            from labkit.dashboards._report_plotly import scores_by_round

            return _widget(scores_by_round(rounds))
        return figures.scores_by_round(rounds)

    def gain(self) -> Block:
        """Whether the proposals got better, in words."""
        return paragraphs(words.gain(self.model))

    def best(self, count: int = _SHOWN) -> Block:
        """The best molecules, drawn, with their numbers."""
        best = self.model.candidates[:count]
        if not best:
            return paragraphs("No docked molecule has a score yet, so there is no list of the best.")
        return together(
            paragraphs(words.novelty(best)),
            cards(
                [c.smiles for c in best],
                [self._numbers(c) for c in best],
                titles=[f"no. {c.number}, score {number(c.score)}, round {c.round}" for c in best],
            ),
        )

    def _numbers(self, candidate: Candidate) -> dict[str, str]:
        errors = [c.error_kcal_mol for c in self.model.contacts if c.number == candidate.number]
        energies = [c.kcal_mol for c in self.model.contacts if c.number == candidate.number]
        rows = {
            "Vina energy": f"{number(candidate.docking_energy)} kcal/mol",
            "ligand efficiency": f"{number(candidate.ligand_efficiency)} kcal/mol per atom",
        }
        if self.model.specification.interaction is not None:
            # Contacts of one method err alike: their errors add up linearly.
            rows["interaction energy"] = (
                f"{number(sum(energies))} ± {number(sum(errors))} kcal/mol" if energies else "not simulated"
            )
        properties = candidate.properties
        return rows | {
            "QED (0–1)": number(properties.qed),
            "SA (1 easy – 10 hard)": number(properties.sa, 1),
            "log P": number(properties.logp, 1),
            "molecular weight": f"{number(properties.mw, 0)} g/mol",
            "similarity": words.similarity(candidate),
        }

    def pose(self) -> Shown:
        """The best molecule in the pocket."""
        if not self.model.candidates:
            return paragraphs("No docked molecule has a score yet, so there is no best pose to show.")
        pose = self.best_pose()
        return _widget(pose_plot(pose)) if self.ui == "widget" else pose_picture(pose)

    def best_pose(self) -> Pose:
        """Pose of the best molecule.

        Raises:
            InputError: if its file is missing or damaged.
        """
        (pose,) = read_poses(self.model.run.folder / self.model.candidates[0].pose)
        return pose

    def contacts(self) -> Shown:
        """Interaction energies by residue."""
        contacts = self.model.contacts
        if not contacts:
            return paragraphs(self._nothing_simulated())
        if self.ui == "widget":
            from labkit.dashboards._report_plotly import contact_energies

            return _widget(contact_energies(contacts))
        return figures.contact_energies(contacts)

    def contacts_in_words(self) -> Block:
        """The strongest contact, and how far its energy can be trusted."""
        contacts = self.model.contacts
        return paragraphs(words.strongest(contacts) if contacts else "")

    def _nothing_simulated(self) -> str:
        if self.model.specification.interaction is None:
            return "This campaign has no section [interaction]: no contact was simulated."
        return "No contact has been simulated."

    def quantum(self) -> Shown:
        """The quantum solver against exact, with its controls."""
        contacts = self.model.contacts
        if quantum_words.quantum_facts(contacts) is None:
            return paragraphs(self._no_quantum_step())
        if self.ui == "widget":
            from labkit.dashboards._report_plotly import quantum_errors

            return _widget(quantum_errors(contacts))
        return figures.quantum_errors(contacts)

    def _no_quantum_step(self) -> str:
        if not self.model.contacts:
            return self._nothing_simulated()
        return "The contacts were computed at level 'fast' (GFN2-xTB), which has no quantum step."

    def quantum_in_words(self) -> Block:
        """What the comparison with exact shows, contact by contact and in sum."""
        contacts = self.model.contacts
        facts = quantum_words.quantum_facts(contacts)
        if facts is None:
            return Block("")
        rows = []
        for contact in contacts:
            if not contact.quantum:
                continue
            dimer, circuit = contact.quantum["dimer"], contact.quantum["circuit"]
            rows.append(
                (
                    f"no. {contact.number}, {place(contact.residue)} {contact.part}",
                    f"{circuit['qubits']}",
                    f"{contact.quantum['shots']:,}",
                    f"{dimer['dimension']:,} of {dimer['full_dimension']:,}",
                    f"{contact.quantum['error_mha']:.2g}",
                    f"{contact.quantum['delta_kcal_mol']:.2g}".replace("-", "−"),
                )
            )
        head = (
            "contact",
            "qubits",
            "shots",
            "subspace of full space",
            "largest error (mHa)",
            "δ (kcal/mol)",
        )
        return together(
            paragraphs(*quantum_words.quantum(facts), quantum_words.delta(facts, contacts)),
            _first_rows(head, rows, numeric=head[1:]),
        )

    def ranking(self) -> Block:
        """What the interaction energies changed in the ranking."""
        if not self.model.contacts:
            return paragraphs(self._nothing_simulated() + " So nothing in the ranking changed.")
        said = paragraphs(*words.ranking(self.model))
        moved = words.shifts(self.model)
        if len(moved) < 2 or "interaction_energy" not in self.model.specification.objective:
            return said
        return together(said, figures.rank_changes(moved))

    def use(self) -> Block:
        """Wall time and energy by stage."""
        stages = self.model.stages
        if not stages:
            return paragraphs("No stage is finished yet, so nothing was metered.")
        rows = [
            (
                stage.name,
                duration(stage.seconds),
                f"{number(stage.energy_wh, 3)} ± {number(stage.uncertainty_wh, 3)} Wh",
                stage.method,
            )
            for stage in stages
        ]
        rows.append(
            (
                "sum",
                duration(sum(s.seconds for s in stages)),
                f"{number(sum(s.energy_wh for s in stages), 3)} ± "
                f"{number(sum(s.uncertainty_wh for s in stages), 3)} Wh",
                "",
            )
        )
        return together(
            figures.stage_times(stages),
            paragraphs(words.simulation_time(self.model.contacts)),
            table(
                ("stage", "wall time", "energy", "how it was obtained"), rows, numeric=("wall time", "energy")
            ),
        )

    def objective(self) -> Block:
        """How the score is made up."""
        rows = [
            (
                name,
                want.direction,
                f"{want.range[0]:g} to {want.range[1]:g}".replace("-", "−"),
                COMPONENTS[name][0],
                f"{want.weight:g}",
            )
            for name, want in self.model.specification.objective.items()
        ]
        return table(("component", "direction", "between", "unit", "weight"), rows, numeric=("weight",))

    def provenance(self) -> Block:
        """What is needed to repeat the run."""
        manifest, specification = self.model.manifest, self.model.specification
        commit = manifest.get("commit") or "unknown (not run from a checkout)"
        versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
        machine = manifest["machine"]
        rows = [
            ("run", manifest["run"]),
            ("campaign", f"{specification.name} (identity {manifest['identity'][:16]})"),
            ("seed", str(manifest["seed"])),
            ("language model", specification.generator.prior),
            ("target", specification.target),
            ("started", manifest["started"]),
            ("labkit's commit", commit),
            ("versions", versions),
            ("machine", f"{machine['system']}, {machine['cores']} cores"),
        ]
        return table(("what", "value"), rows)

    def limits(self) -> Block:
        """What a reader should not conclude."""
        return bullets(words.limits(self.model))


def _first_rows(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()) -> Block:
    """A table that stays readable for a long run."""
    left_out = len(rows) - _ROWS
    return together(
        table(head, rows[:_ROWS], numeric), paragraphs(f"And {left_out} more." if left_out > 0 else "")
    )


def _widget(figure: Any) -> Any:
    """The figure as an anywidget, which JupyterLab shows without a network."""
    import plotly.graph_objects as go

    return go.FigureWidget(figure)
