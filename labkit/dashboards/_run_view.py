"""What every report shows, whatever its campaign computes: funnel, scores, objective, use, provenance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from labkit.campaign import COMPONENTS
from labkit.dashboards import _report_figures as figures
from labkit.dashboards import _report_words as words
from labkit.dashboards._chart import Chart
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._energy_model import EnergyModel
from labkit.dashboards._energy_view import use_by_stage, use_table
from labkit.dashboards._page import Block, Picture, paragraphs, table, together
from labkit.dashboards._report_model import ReportModel
from labkit.errors import InputError

Shown = Block | Picture | Any  # a plotly widget carries no type

SHOWN = 6  # molecules that are drawn
_ROWS = 24  # of tables that grow with the run


@dataclass(frozen=True)
class RunView(ABC):
    """Parts of a report, ready to be shown.

    Attributes:
        model: what is told.
        ui: "static" for pictures that need no browser, "widget" for plotly figures in JupyterLab.
    """

    model: ReportModel
    ui: Literal["static", "widget"] = "static"

    all_done: ClassVar[str]  # said where nothing failed
    zero_scores: ClassVar[str]  # said below the scores: what stands at 0, and what is left out

    def __post_init__(self) -> None:
        if self.ui not in ("static", "widget"):
            raise InputError(f"ui '{self.ui}': choose 'static' or 'widget'")

    @abstractmethod
    def _step_times(self) -> str:
        """Where the time of the dearest step goes."""

    def funnel(self) -> Block:
        """How many molecules got how far, why the triage rejected some, and what failed."""
        model = self.model
        pieces: list[Block | Picture] = [figures.funnel(model.steps)]
        if model.rejections:
            rows = [(reason, str(count)) for reason, count in model.rejections.items()]
            pieces.append(table(("rejected by the triage, since", "molecules"), rows, numeric=("molecules",)))
        if model.failures:
            failed = [(f.fidelity, f.smiles, f.reason) for f in model.failures]
            pieces.append(first_rows(("failed step", "molecule", "reason"), failed))
        else:
            pieces.append(paragraphs(self.all_done))
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
        return self._shown(figures.scores_by_round(rounds, self.zero_scores))

    def _shown(self, chart: Chart) -> Shown:
        if self.ui == "static":
            return drawn(chart)
        from labkit.dashboards._chart_widget import live

        return live(chart)

    def gain(self) -> Block:
        """Whether the proposals got better, in words."""
        return paragraphs(words.gain(self.model))

    def use(self) -> Block:
        """Wall time, energy and carbon by stage, for one molecule and for one quantum energy."""
        energy = EnergyModel(str(self.model.run.folder), unit="Wh")
        if not energy.metered:
            return paragraphs("No stage is finished yet, so nothing was metered.")
        return together(
            use_by_stage(energy),
            paragraphs(self._step_times(), words.metered(self.model)),
            use_table(energy),
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
        machine, cores = manifest["machine"], f"{manifest['machine']['cores']} cores"
        rows = [
            ("run", manifest["run"]),
            ("campaign", f"{specification.name} (identity {manifest['identity'][:16]})"),
            ("seed", str(manifest["seed"])),
            ("language model", specification.generator.prior),
            *([("target", specification.target)] if specification.docking is not None else []),
            ("started", manifest["started"]),
            ("labkit's commit", commit),
            ("versions", versions),
            ("machine", ", ".join(filter(None, (machine["system"], cores, machine.get("surroundings"))))),
        ]
        return table(("what", "value"), rows)


def first_rows(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()) -> Block:
    """A table that stays readable for a long run."""
    left_out = len(rows) - _ROWS
    return together(
        table(head, rows[:_ROWS], numeric), paragraphs(f"And {left_out} more." if left_out > 0 else "")
    )


def widget(figure: Any) -> Any:
    """The figure as an anywidget, which JupyterLab shows without a network."""
    import plotly.graph_objects as go

    return go.FigureWidget(figure)
