"""The report of a campaign that docks: each part a short call in the notebook. Shows what the model holds."""

from __future__ import annotations

from labkit.dashboards import _quantum_words as quantum_words
from labkit.dashboards import _report_figures as figures
from labkit.dashboards import _report_words as words
from labkit.dashboards import _triplet_words as triplet_words
from labkit.dashboards._format import number, place
from labkit.dashboards._loop_view import ladder_picture
from labkit.dashboards._molecules_view import cards
from labkit.dashboards._page import Block, bullets, paragraphs, together
from labkit.dashboards._pose_view import pose_picture, pose_plot
from labkit.dashboards._report_model import Candidate
from labkit.dashboards._run_view import SHOWN, RunView, Shown, first_rows, widget
from labkit.docking import Pose, read_poses


class ReportView(RunView):
    """The report of a campaign that docks, in parts that are ready to be shown."""

    all_done = "No docking or simulation failed."
    zero_scores = (
        "Molecules that triage or docking refused stand at 0. To compare all alike, the interaction energy, "
        "which only few have, is left out of the score here."
    )

    def summary(self) -> Block:
        """How the run ended, what it found."""
        model = self.model
        found = [words.outcome(model), words.gain(model)]
        if model.dockings:
            best = model.candidates[0]
            found.append(
                f"The best molecule has a score of {number(best.score)} and docks with "
                f"{number(model.dockings[best.number].energy, 1)} kcal/mol: {best.smiles}"
            )
        if model.by_circuit:
            found.append(quantum_words.delta(model.by_circuit))
        return bullets(found)

    def ranks(self) -> Shown:
        """How alike the fidelities rank molecules."""
        found = self.model.ranks
        if not found:
            return paragraphs("Too few molecules have climbed to compare how the fidelities rank them.")
        return ladder_picture({f"{lower} → {upper}": rho for (lower, upper), rho in found.items()})

    def ranks_in_words(self) -> Block:
        """What that lets us say, and which fidelities were bypassed."""
        return paragraphs(*words.ranks(self.model.ranks, self.model.specification))

    def best(self, count: int = SHOWN) -> Block:
        """The best molecules, drawn, with their numbers."""
        best = self.model.candidates[:count]
        if not self.model.dockings:
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
        docked = self.model.dockings[candidate.number]
        rows = {
            "Vina energy": f"{number(docked.energy)} kcal/mol",
            "ligand efficiency": f"{number(docked.ligand_efficiency)} kcal/mol per atom",
        }
        if self.model.specification.interaction is not None:
            # Contacts of one method err alike: their errors add up linearly.
            rows["interaction energy"] = (
                f"{number(sum(energies))} ± {number(sum(errors))} kcal/mol" if energies else "not simulated"
            )
        if self.model.specification.triplet is not None:
            own = [triplet for triplet in self.model.triplets if triplet.number == candidate.number]
            rows["T1, vertical"] = triplet_words.energy(own[0]) if own else "not computed"
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
        if not self.model.dockings:
            return paragraphs("No docked molecule has a score yet, so there is no best pose to show.")
        pose = self.best_pose()
        return widget(pose_plot(pose)) if self.ui == "widget" else pose_picture(pose)

    def best_pose(self) -> Pose:
        """Pose of the best molecule.

        Raises:
            InputError: if its file is missing or damaged.
        """
        best = self.model.dockings[self.model.candidates[0].number]
        (pose,) = read_poses(self.model.run.folder / best.pose)
        return pose

    def contacts(self) -> Shown:
        """Interaction energies by residue."""
        contacts = self.model.contacts
        if not contacts:
            return paragraphs(self._nothing_simulated())
        return self._shown(figures.contact_energies(contacts))

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
        if not self.model.by_circuit:
            return paragraphs(self._no_quantum_step())
        return self._shown(figures.quantum_errors(self.model.by_circuit))

    def _no_quantum_step(self) -> str:
        if not self.model.contacts:
            return self._nothing_simulated()
        section = self.model.specification.interaction
        if section is not None and section.level != "fast":
            return "The quantum step failed for each contact; the journal holds the reasons."
        return "The contacts were computed at level 'fast' (GFN2-xTB), which has no quantum step."

    def quantum_in_words(self) -> Block:
        """What the comparison with exact shows, contact by contact and in sum."""
        contacts = self.model.by_circuit
        if not contacts:
            return Block("")
        rows = []
        for contact in contacts:
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
            paragraphs(*quantum_words.quantum(contacts), quantum_words.delta(contacts)),
            first_rows(head, rows, numeric=head[1:]),
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

    def limits(self) -> Block:
        """What a reader should not conclude."""
        return bullets(words.limits(self.model))

    def _step_times(self) -> str:
        return words.step_times("A simulated contact", [contact.seconds for contact in self.model.contacts])
