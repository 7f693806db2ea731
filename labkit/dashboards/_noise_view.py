"""Noisy samples: what is measured, what leaks away, what mending brings, and what would do without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from labkit.dashboards import palette
from labkit.dashboards._chart import UPSIDE_DOWN, Chart, bars, beside, joined, marks
from labkit.dashboards._chart_drawn import drawn
from labkit.dashboards._format import number
from labkit.dashboards._page import Block, Picture, bullets, paragraphs, picture, table, together
from labkit.quantum import NoiseStudy, Resources, share_by_electrons, total_variation

if TYPE_CHECKING:
    import ipywidgets

Distribution = Mapping[str, float]

VARIANTS = {
    "noiseless": "without noise",
    "noisy": "noisy",
    "post_selected": "post-selected",
    "readout_inverted": "read-out inverted",
    "inverted_then_selected": "inverted, then selected",
}
_BARS = 12
_RAREST = 1e-7  # shares that no number of shots shows


def distributions(ideal: Distribution, others: Mapping[str, Distribution]) -> Picture:
    """The most probable bit strings: without noise as bars, as measured as marks.

    Args:
        ideal: probabilities without noise.
        others: name to counts or weights.
    """
    shown = sorted(ideal, key=lambda bits: -ideal[bits])[:_BARS]
    totals = {name: sum(other.values()) for name, other in others.items()}
    shares = {name: [other.get(bits, 0) / totals[name] for bits in shown] for name, other in others.items()}
    places, half = range(len(shown)), len(shown[0]) // 2
    traces = [bars("exact", places, [ideal[bits] for bits in shown], "#CCCCCC", orientation="v")]
    for i, (offset, (name, found)) in enumerate(zip(beside(len(others), 0.25), shares.items(), strict=True)):
        traces.append(marks(name, [x + offset for x in places], found, *palette.series(i)))
    alt = "Share of the most probable bit strings. " + "; ".join(
        f"{bits}: {ideal[bits]:.2g} exact, "
        + ", ".join(f"{found[i]:.2g} {name}" for name, found in shares.items())
        for i, bits in enumerate(shown[:4])
    )
    rest = 1 - sum(ideal[bits] for bits in shown)
    seen = [share for found in (list(ideal.values()), *shares.values()) for share in found if share > _RAREST]
    return drawn(
        Chart(
            "",
            "bit string: spin down above spin up, the lowest orbital on the right",
            "share of the shots",
            traces,
            alt,
            f"All other strings together: {rest:.1%} without noise.",
            x={
                "tickvals": places,
                "ticktext": [f"{bits[:half]}\n{bits[half:]}" for bits in shown],
                "tickfont": {"family": "monospace", "size": 9},
            },
            y={"type": "log", "range": (log10(min(seen) / 2), log10(2 * max(seen)))},
            height=4.2,
        )
    )


def electrons_field(distribution: Distribution, nelec: tuple[int, int]) -> Picture:
    """Share of the shots with each number of electrons of either spin, the right one framed."""
    norb = len(next(iter(distribution))) // 2
    shares = share_by_electrons(distribution, norb)
    with palette.canvas(5.6, 4.4) as (figure, axes):
        field = axes.imshow(shares.T, cmap="cividis", vmin=0, origin="lower")
        for (up, down), share in np.ndenumerate(shares):
            colour = "black" if share > 0.6 * shares.max() else "white"
            axes.text(up, down, f"{100 * share:.1f}", ha="center", va="center", color=colour, fontsize=9)
        corner = (nelec[0] - 0.5, nelec[1] - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=palette.VERMILION, linewidth=2.5))
        axes.set(xlabel="electrons of spin up", ylabel="electrons of spin down")
        axes.grid(visible=False)
        figure.colorbar(field, label="share of the shots")
    right = shares[nelec]
    text = (
        f"{right:.1%} of the shots have the right {nelec[0]} + {nelec[1]} electrons; {1 - right:.1%} leaked."
    )
    return picture(figure, text, text + " Numbers in per cent; the right sector is framed.")


def rising_noise(
    ideal: Distribution, measured: Mapping[float, Mapping[str, Distribution]], nelec: tuple[int, int]
) -> Picture:
    """Distance from the circuit's own distribution as its gates get worse, by kind of mending.

    Args:
        ideal: probabilities without noise.
        measured: two-qubit error → name → distribution; the first is what was measured, before any mending.
        nelec: the right electrons of either spin.
    """
    rates = list(measured)
    names = list(next(iter(measured.values())))
    distances = {name: [total_variation(ideal, measured[rate][name]) for rate in rates] for name in names}
    raw = [measured[rate][names[0]] for rate in rates]
    inside = [share_by_electrons(one, len(next(iter(one))) // 2)[nelec] for one in raw]
    alt = "By error of a two-qubit gate: " + "; ".join(
        f"{rate:g}: {share:.0%} with the right electrons, distance "
        + ", ".join(f"{values[i]:.3f} {name}" for name, values in distances.items())
        for i, (rate, share) in enumerate(zip(rates, inside, strict=True))
    )
    x = {"type": "log"} if min(rates) > 0 else {}
    error, share_label = "error of a two-qubit gate", "share with the right electrons"
    caption = "Distance: total variation, the share of shots that would have to change."
    kept = [joined("with the right electrons, as measured", rates, inside, palette.BLACK, "circle")]
    apart = [joined(n, rates, values, *palette.series(i)) for i, (n, values) in enumerate(distances.items())]
    return drawn(
        Chart("", error, share_label, kept, alt, caption, x=x, y={"range": (0, 1.02)}, height=3.8),
        Chart("", error, "distance from exact (0 to 1)", apart, "", x=x, y={"rangemode": "tozero"}),
    )


def mending_in_words(
    ideal: Distribution, noiseless: Distribution, variants: Mapping[str, Distribution]
) -> Block:
    """Whether each kind of mending brings a sample nearer; the first variant is the one to be mended."""
    floor = total_variation(ideal, noiseless)
    (first, raw), *others = ((n, total_variation(ideal, v)) for n, v in variants.items())
    texts = [
        f"Distance from the exact distribution: {raw:.3f} {first}. As many shots without any noise are at "
        f"{floor:.3f}, for a sample is never exact."
    ]
    for name, value in others:
        verdict = f"takes away {1 - value / raw:.0%} of it" if value < raw else "doesn't help"
        texts.append(f"{name[0].upper()}{name[1:]}: {value:.3f}; {verdict}.")
    return paragraphs(*texts)


def study_picture(study: NoiseStudy) -> Picture:
    """SQD's error at one capped dimension from each kind of sample, and from none."""
    errors = {VARIANTS[name]: judged.sqd_error_mha for name, judged in study.samples.items()}
    controls = {
        "random bits": study.random_bits_error_mha,
        "singles and doubles": study.singles_doubles_error_mha,
    }
    rows = {**errors, **controls}
    alt = f"Errors (mHa) with {study.cap_strings} strings a spin: " + "; ".join(
        f"{name} {number(value, 1)}" for name, value in rows.items()
    )
    caption = f"All with at most {study.cap_strings} strings a spin. Hatched: controls without the circuit."
    traces = [
        bars(label, [*found.values()], [*found], color, pattern, text=[number(v, 1) for v in found.values()])
        for label, found, color, pattern in (
            ("from the circuit's shots", errors, palette.BLUE, ""),
            ("control", controls, palette.ORANGE, "/"),
        )
    ]
    label = "SQD's energy less exact (mHa)"
    return drawn(Chart("", label, "", traces, alt, caption, y=UPSIDE_DOWN, height=3.6))


def study_in_words(study: NoiseStudy) -> Block:
    """What noise costs SQD, whether mending helps it, and whether the samples beat their controls."""
    clean, noisy = (study.samples[name].sqd_error_mha for name in ("noiseless", "noisy"))
    if noisy > clean + 1e-3:
        cost = "noise makes it worse"
    elif noisy < clean - 1e-3:
        cost = "noise makes it better, for it spreads the samples over more strings"
    else:
        cost = "noise changes nothing"
    texts = [
        f"{study.fraction_in_sector:.0%} of {study.shots:,} shots have the right electrons. SQD is off by "
        f"{number(clean, 1)} mHa without noise and by {number(noisy, 1)} mHa with it: {cost}."
    ]
    for name in ("post_selected", "readout_inverted", "inverted_then_selected"):
        judged = study.samples[name]
        gain = noisy - judged.sqd_error_mha
        raw = study.samples["noisy"].distance
        effect = "no difference to SQD"
        if abs(gain) > 1e-3:
            effect = f"SQD {number(abs(gain), 1)} mHa {'better' if gain > 0 else 'worse'}"
        nearer = f"distance {judged.distance:.3f} instead of {raw:.3f}"
        texts.append(f"{VARIANTS[name][0].upper()}{VARIANTS[name][1:]}: {nearer}, {effect}.")
    best = min(judged.sqd_error_mha for name, judged in study.samples.items() if name != "noiseless")
    for control, error in (
        ("Random bits", study.random_bits_error_mha),
        ("Singles and doubles, which need no quantum computer,", study.singles_doubles_error_mha),
    ):
        texts.append(
            f"{control} {'do better than' if error < best else 'do worse than'} the best noisy sample: "
            f"{number(error, 1)} against {number(best, 1)} mHa."
        )
    return paragraphs(*texts)


def controls_picture(rows: Sequence[Mapping[str, str]]) -> Picture:
    """SQD against its controls at equal dimension, each row of `benchmarks/results/sqd_controls.csv`."""
    columns = {
        "sqd_mha": "samples (SQD)",
        "singles_doubles_mha": "singles and doubles",
        "random_mha": "random",
    }
    names = [f"{row['system']}\n{int(row['shots']):,} shots" for row in rows]
    places = range(len(rows))
    traces = [
        marks(name, places, [float(row[column]) for row in rows], *palette.series(i), 11)
        for i, (column, name) in enumerate(columns.items())
    ]
    alt = "Errors (mHa) at equal dimension: " + "; ".join(
        f"{row['system']}, {int(row['shots']):,} shots: "
        + ", ".join(f"{name} {float(row[column]):.2f}" for column, name in columns.items())
        for row in rows
    )
    x = {"tickvals": places, "ticktext": names, "range": (-0.5, len(rows) - 0.5)}
    return drawn(Chart("", "", "energy less exact (mHa)", traces, alt, x=x, y={"type": "log"}, height=4.0))


def controls_in_words(rows: Sequence[Mapping[str, str]]) -> Block:
    """Which of samples and controls wins, and by how much."""
    cases = [
        (float(row["sqd_mha"]), float(row["singles_doubles_mha"]), float(row["random_mha"])) for row in rows
    ]
    wins = sum(sampled < min(others) for sampled, *others in cases)
    over = [excitations / sampled for sampled, excitations, _ in cases]
    share = max(float(row["share"]) for row in rows)
    texts = [
        f"At equal dimension, at most {100 * share:.0f} % of the full space, the samples are best in {wins} "
        f"of {len(cases)} cases. Singles and doubles are off by {min(over):.1f} to {max(over):.1f} times as "
        "much.",
        f"Random bits are off by {min(r for *_, r in cases):.1f} to {max(r for *_, r in cases):.1f} mHa, of "
        f"up to {max(float(row['hartree_fock_mha']) for row in rows):.0f} mHa that there are to win.",
    ]
    better = sum(float(row["ccsd_mha"]) < float(row["sqd_mha"]) for row in rows)
    texts.append(
        f"CCSD, which the circuit is made from, is nearer to exact than SQD in {better} of {len(cases)}."
    )
    return paragraphs(*texts)


def qpu_table(rows: Sequence[Mapping[str, str]], electrons: int, orbitals: int, repetitions: int) -> Block:
    """What one LUCJ circuit takes on each machine, from `benchmarks/results/resources.csv`."""
    wanted = (str(electrons), str(orbitals), str(repetitions))
    found = [row for row in rows if (row["electrons"], row["orbitals"], row["repetitions"]) == wanted]
    return resources_table([_resources(row) for row in found])


def _resources(row: Mapping[str, str]) -> Resources:
    whole = ("qubits", "one_qubit_gates", "two_qubit_gates", "depth", "shots", "jobs")
    real = ("gate_fidelity", "expected_fidelity", "seconds")
    numbers = {k: int(row[k]) for k in whole if row[k]} | {k: float(row[k]) for k in real if row[k]}
    assumed = tuple(row["assumed"].split("; ")) if row["assumed"] else ()
    return Resources(row["qpu"], not row["why_not"], row["why_not"], assumed=assumed, **numbers)  # type: ignore[arg-type]


def resources_table(machines: Sequence[Resources], shots: int = 10_000) -> Block:
    """What the circuit takes on each quantum computer, or why it doesn't run there."""
    head = ("machine", "qubits", "two-qubit gates", "depth", "fidelity, at most", f"{shots:,} shots (s)")
    lines, remarks = [], []
    for machine in machines:
        if not machine.runs:
            remarks.append(f"{machine.qpu} doesn't run it: {machine.why_not}.")
            continue
        fidelity, seconds = machine.expected_fidelity, machine.seconds
        lines.append(
            (
                machine.qpu,
                str(machine.qubits),
                f"{machine.two_qubit_gates:,}",
                f"{machine.depth:,}",
                "unknown" if fidelity is None else f"{fidelity:.2g}",
                "unknown" if seconds is None else f"{seconds / machine.shots * shots:,.3g}",
            )
        )
        if machine.assumed:
            assumed = "; ".join(machine.assumed).replace("=", " ")
            remarks.append(f"{machine.qpu}, not its own figures: {assumed}.")
    return together(table(head, lines, numeric=head[1:]), bullets(remarks))


def qpu_picture(rows: Sequence[Mapping[str, str]]) -> Picture:
    """Expected fidelity of LUCJ circuits over their two-qubit gates, a line a machine."""
    machines: dict[str, list[tuple[int, float, str]]] = {}
    for row in rows:
        if row["expected_fidelity"]:
            size = f"{2 * int(row['orbitals'])} qubits, {row['repetitions']} rep."
            point = (int(row["two_qubit_gates"]), float(row["expected_fidelity"]), size)
            machines.setdefault(row["qpu"], []).append(point)
    traces = []
    for i, (machine, found) in enumerate(machines.items()):
        gates, fidelities, sizes = zip(*sorted(found), strict=True)
        traces.append(joined(machine, gates, fidelities, *palette.series(i)))
        if len(found) == max(map(len, machines.values())):
            traces[-1] |= {"mode": "lines+markers+text", "text": sizes, "textposition": "top right"}
    alt = "Expected fidelities: " + "; ".join(
        f"{machine}: " + ", ".join(f"{f:.2g} for {size} ({g} gates)" for g, f, size in sorted(found))
        for machine, found in machines.items()
    )
    caption, log = "A fidelity of 0.5 means that every second shot is free of errors.", {"type": "log"}
    gates_label = "two-qubit gates, as the machine runs them"
    return drawn(Chart("", gates_label, "expected fidelity", traces, alt, caption, x=log, y=log, height=4.4))


def leaf_through(pictures: Mapping[str, Picture], label: str) -> ipywidgets.VBox:
    """Pictures of one kind behind a slider, in JupyterLab.

    Args:
        pictures: what the slider says → what is shown.
        label: what the slider sets.
    """
    import ipywidgets

    pages = {name: page._repr_html_() for name, page in pictures.items()}
    slider = ipywidgets.SelectionSlider(
        options=list(pages), description=label, style={"description_width": "initial"}
    )
    shown = ipywidgets.HTML(pages[slider.value])
    slider.observe(lambda change: setattr(shown, "value", pages[change["new"]]), names="value")
    return ipywidgets.VBox([slider, shown])
