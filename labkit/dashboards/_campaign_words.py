"""How far a run is, in words, for the campaign dashboard."""

from __future__ import annotations

from labkit.campaign import recorded
from labkit.dashboards._campaign_model import CampaignModel, Spread
from labkit.dashboards._format import number
from labkit.dashboards._report_words import ranks


def in_words(model: CampaignModel) -> list[str]:
    """How far the run is and what it has found, a sentence each."""
    fault = [model.fault] if model.fault else []
    if model.run is None:
        return fault or ["The run is starting." if model.status == "starting" else "No run is chosen."]
    specification, news, counts = model.run.specification, model.news, model.counts
    calls = []
    for name in specification.fidelities:
        done, failed = counts[name, "done"], counts[name, "failed"]
        calls.append(f"{done + failed} of {name}" + (f" ({failed} failed)" if failed else ""))
    said = [
        f"Run {model.run.folder.name} (campaign '{specification.name}', seed {specification.seed}) is "
        f"{model.status}: {news.finished} of {model.rounds} rounds finished, {news.proposed} molecules "
        f"proposed, {counts['triage', 'done']} accepted by the triage; calls: {', '.join(calls)}; "
        f"{number(model.energy_wh)} ± {number(model.uncertainty_wh)} Wh booked."
    ]
    if spreads := model.distribution():
        first, last = spreads[0], spreads[-1]
        later = f"; {_mean(last)} in round {last.round}" if last is not first else ""
        said.append(f"Mean score of what was computed: {_mean(first)} in round 1, the prior's own{later}.")
    for found in recorded(news.metrics).values():
        said += ranks(found, specification)
    for row in model.best(1).values():
        known = "of those with every component" if row["complete"] else "none has every component yet"
        said.append(f"Best so far, {known}: score {number(row['score'])}, {row['smiles']}.")
    return said + fault


def _mean(spread: Spread) -> str:
    """A mean with its 95 % interval, taken as normal."""
    error = 1.96 * spread.deviation / spread.count**0.5
    return number(spread.mean) + (f" ± {number(error)}" if error == error else "") + f" (n = {spread.count})"
