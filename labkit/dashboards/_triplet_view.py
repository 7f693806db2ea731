"""The report of a campaign that computes triplets: each part a short call in the notebook."""

from __future__ import annotations

from labkit.dashboards import _report_words as words
from labkit.dashboards import _triplet_figures as figures
from labkit.dashboards import _triplet_words as triplet_words
from labkit.dashboards._format import number
from labkit.dashboards._molecules_view import cards
from labkit.dashboards._page import Block, bullets, paragraphs, together
from labkit.dashboards._report_model import Candidate, Triplet
from labkit.dashboards._run_view import SHOWN, RunView, Shown, first_rows

_NONE = "No molecule has a triplet energy and a score yet."


class TripletReportView(RunView):
    """The report of a campaign that computes triplet energies, in parts that are ready to be shown."""

    all_done = "No triplet computation failed."
    zero_scores = (
        "Molecules that the triage refused, or whose triplet can't be computed, stand at 0. Molecules that "
        "passed and weren't chosen have no score; in the means, those that were chosen stand for them too."
    )

    def summary(self) -> Block:
        """How the run ended, what it found."""
        model = self.model
        found = [words.outcome(model), words.gain(model)]
        if model.triplets:
            best = model.triplets[0]
            found += [
                f"The best molecule has a score of {number(model.candidates[0].score)} and a vertical "
                f"triplet energy of {triplet_words.energy(best)} ({best.energy.state}): {best.smiles}",
                triplet_words.placement(model),
            ]
        solved = triplet_words.solved_by_circuit(model.triplets)
        if solved:
            found.append(triplet_words.verdict(solved))
        return bullets(found)

    def gain(self) -> Block:
        """Whether the proposals got better, in words."""
        return paragraphs(words.gain(self.model), triplet_words.sampling(self.model))

    def best(self, count: int = SHOWN) -> Block:
        """The best molecules, drawn, with their numbers."""
        triplets = {triplet.number: triplet for triplet in self.model.triplets}
        shown = [candidate for candidate in self.model.candidates if candidate.number in triplets][:count]
        if not shown:
            return paragraphs(f"{_NONE} So there is no list of the best.")
        remarks = {c.number: triplets[c.number].energy.notes for c in shown}
        return together(
            paragraphs(triplet_words.novelty(self.model, shown)),
            cards(
                [c.smiles for c in shown],
                [_numbers(c, triplets[c.number]) for c in shown],
                titles=[f"no. {c.number}, score {number(c.score)}, round {c.round}" for c in shown],
            ),
            bullets(f"No. {n}: {'; '.join(notes)}." for n, notes in remarks.items() if notes),
        )

    def triplets(self) -> Shown:
        """Triplet energies by round."""
        triplets, window = self.model.triplets, triplet_words.window(self.model.specification)
        if not triplets:
            return paragraphs(_NONE)
        return self._shown(figures.triplets_by_round(triplets, window))

    def triplets_in_words(self) -> Block:
        """How many triplets lie where they are wanted."""
        if not self.model.triplets:
            return Block("")
        return paragraphs(triplet_words.placement(self.model), triplet_words.trend(self.model))

    def quantum(self) -> Shown:
        """The quantum solver against exact in each state, with its control."""
        solved = triplet_words.solved_by_circuit(self.model.triplets)
        if not solved:
            exactly = "The active spaces were solved exactly (solver 'exact'): no circuit took part."
            return paragraphs(exactly if self.model.triplets else _NONE)
        return self._shown(figures.solver_errors(solved))

    def quantum_in_words(self) -> Block:
        """What the comparison with exact shows, molecule by molecule and in sum."""
        solved = triplet_words.solved_by_circuit(self.model.triplets)
        if not solved:
            return Block("")
        # Short heads: what they mean stands above the table.
        head = ("molecule", "space", "S0", "T1", "⟨S²⟩", "circuit", "exact", "determinant", "CASSCF")
        meaning = (
            "In the table: active electrons and orbitals; errors of S0 and T1 in mHa; ⟨S²⟩ of T1, which is 2 "
            "for a pure triplet; the triplet energy in eV by circuit, exactly, by one determinant, and by "
            "CASSCF without the functional."
        )
        rows = [
            (
                f"no. {t.number}",
                _space(t),
                *(f"{t.energy.quantum[state]['error_mha']:.2g}" for state in triplet_words.STATES),
                number(t.energy.quantum["T1"]["spin_square"]),
                *(number(t.energy.components[name]) for name in ("solver", "exact", "determinant", "casscf")),
            )
            for t in solved
        ]
        return together(
            paragraphs(*triplet_words.quantum(self.model), meaning), first_rows(head, rows, numeric=head)
        )

    def limits(self) -> Block:
        """What a reader should not conclude."""
        return bullets(triplet_words.limits(self.model))

    def _step_times(self) -> str:
        # A computation runs in a process of its own, whose start is all that its steps don't name.
        answers = []
        for triplet in self.model.triplets:
            steps = {name: s for name, s in triplet.energy.seconds.items() if name != "total"}
            start = triplet.energy.seconds["total"] - sum(steps.values())
            answers.append(steps | {"starting the process": max(start, 0.0)})
        return words.step_times("A triplet energy", answers)


def _numbers(candidate: Candidate, triplet: Triplet) -> dict[str, str]:
    singlet, upper = (triplet.energy.quantum[state] for state in triplet_words.STATES)
    pairs = singlet["nelec"][1]
    frontier = singlet["natural_occupations"][pairs - 1 : pairs + 1]
    return {
        "T1, vertical": triplet_words.energy(triplet),
        "kind of T1": triplet.energy.state,
        "active space": _space(triplet),
        "S0 occupations": ", ".join(map(number, frontier)),
        "⟨S²⟩ of T1": number(upper["spin_square"]),
        "SA (1 easy – 10 hard)": number(candidate.properties.sa, 1),
        "molecular weight": f"{number(candidate.properties.mw, 0)} g/mol",
        "known dye": candidate.dye or "not on the list",
    }


def _space(triplet: Triplet) -> str:
    space = triplet.energy.active_space
    return f"{space['electrons']} e⁻, {space['orbitals']} orb."
