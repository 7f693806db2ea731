from pathlib import Path

import numpy as np
import pytest

from labkit.cluster._all_reduce import Law, Samples, fit_all_reduce, measured_all_reduce, read_all_reduce
from labkit.errors import InputError

HEADER = "accelerators_per_node,nodes,bytes,mean_ms\n"
SIZES = np.geomspace(1e3, 1e8, 120)


def test_regimes_that_were_put_in_are_found() -> None:
    """Three lines with jumps between them, without noise: latency, bandwidth and where they change."""
    times = np.where(
        SIZES < 1e5, 2e-5 + SIZES / 5e9, np.where(SIZES < 1e7, 6e-5 + SIZES / 40e9, 1e-4 + SIZES / 90e9)
    )
    fit = fit_all_reduce({(8, 1): Samples(SIZES, times)}, regimes=3)
    latencies, bandwidths, starts = zip(
        *((r.latency_s, r.bandwidth_gb_s, r.start_bytes) for r in fit.regimes[8, 1]), strict=True
    )
    assert latencies == pytest.approx([2e-5, 6e-5, 1e-4], rel=1e-4)
    assert bandwidths == pytest.approx([5, 40, 90], rel=1e-4)
    assert starts == pytest.approx([0, 1e5, 1e7], rel=0.1)
    assert fit.seconds(SIZES, 8) == pytest.approx(times, rel=1e-6)
    assert float(fit.seconds(1e9, 8)) == pytest.approx(1e-4 + 1e9 / 90e9)


def test_a_leap_of_the_largest_size_alone_bends_no_regime() -> None:
    times = 1e-5 + SIZES / 5e9
    times[-1] /= 2
    times[60] *= 2
    fit = fit_all_reduce({(8, 1): Samples(SIZES, times)})
    assert float(fit.seconds(1e9, 8)) == pytest.approx(1e-5 + 1e9 / 5e9, rel=1e-6)


def test_more_regimes_never_fit_worse() -> None:
    samples = read_all_reduce()[2, 2]
    errors = [
        np.mean(
            (fit_all_reduce({(2, 2): samples}, n).seconds(samples.size_bytes, 2, 2) / samples.time_s - 1) ** 2
        )
        for n in (1, 2, 4, 8)
    ]
    assert errors == sorted(errors, reverse=True)


def test_sizes_left_out_are_told_within_five_per_cent() -> None:
    """The measurements themselves scatter by 1–4 %; one α–β pair misses by 30 % what it was fitted to."""
    samples = read_all_reduce()[8, 2]
    left_out = np.arange(len(samples.size_bytes)) % 7 == 3
    seen = Samples(samples.size_bytes[~left_out], samples.time_s[~left_out])
    errors = []
    for regimes in (1, 6):
        told = fit_all_reduce({(8, 2): seen}, regimes).seconds(samples.size_bytes[left_out], 8, 2)
        errors.append(np.mean(np.abs(told / samples.time_s[left_out] - 1)))
    assert errors[0] > 0.25 and errors[1] < 0.05


def test_a_law_that_was_put_in_tells_configurations_that_were_not() -> None:
    law = Law(5e-5, 4e-6, 12.0, 0.3)
    samples = {(g, 2): Samples(SIZES, law.seconds(SIZES, (g, 2))) for g in (1, 2, 8)}
    fit = fit_all_reduce(samples)
    assert fit.seconds(SIZES, 4, 2) == pytest.approx(law.seconds(SIZES, (4, 2)), rel=0.1)
    assert fit.seconds(SIZES, 4, 4) == pytest.approx(law.seconds(SIZES, (4, 4)), rel=0.1)


def test_a_configuration_left_out_is_told_better_than_by_copying() -> None:
    samples = read_all_reduce()
    one = samples.pop((2, 1))
    told = fit_all_reduce(samples).seconds(one.size_bytes, 2)
    copied = np.interp(one.size_bytes, samples[4, 1].size_bytes, samples[4, 1].time_s)
    assert np.mean(np.abs(told / one.time_s - 1)) < 0.5 * np.mean(np.abs(copied / one.time_s - 1))


def test_two_node_bandwidth_is_not_monotone() -> None:
    """GB/s just below 64 MB. (At 64 MB itself, one size alone, NCCL is twice as fast with 2 GPUs a node.)"""
    fit = measured_all_reduce()
    bandwidths = [66.9e6 / float(fit.seconds(66.9e6, g, 2)) / 1e9 for g in (1, 2, 4, 8)]
    assert bandwidths == pytest.approx([5.84, 3.92, 12.25, 9.4], rel=0.05)
    # Bus bandwidth of NVLink 3 in one node, 2(p−1)/p · S/T.
    assert 1.75 * 2**26 / float(fit.seconds(2**26, 8)) / 1e9 == pytest.approx(174, rel=0.02)


def test_time_rises_with_configurations_beyond_those_measured() -> None:
    fit = measured_all_reduce()
    times = [float(fit.seconds(2**26, 8, nodes)) for nodes in (4, 16, 64, 256)]
    assert times == sorted(times)
    assert float(fit.seconds(1e6, 1, 1)) == 0.0
    assert np.all(fit.seconds([1.0, 1e3], 6) > 0)


def test_bad_questions_are_told() -> None:
    fit = measured_all_reduce()
    for size in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="finite sizes of more than 0"):
            fit.seconds(size, 8)
    with pytest.raises(InputError, match="0 nodes of 8; at least 1"):
        fit.seconds(1, 8, 0)
    only = fit_all_reduce({(8, 1): Samples(SIZES, 1e-5 + SIZES / 1e11)})
    with pytest.raises(InputError, match="none over several nodes was fitted"):
        only.seconds(1, 8, 2)
    with pytest.raises(InputError, match="4 sizes; at least 5"):
        fit_all_reduce({(8, 1): Samples(SIZES[:4], SIZES[:4])})
    with pytest.raises(InputError, match="regimes=0"):
        fit_all_reduce({(8, 1): Samples(SIZES, SIZES)}, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accelerators_per_node,nodes,bytes\n", "own.csv:1: column mean_ms is missing"),
        (
            HEADER + "8,1,2048,0.05\n8,1,4096,fast\n",
            "own.csv:3: four numbers",
        ),
        (HEADER + "8,1,2048\n", "own.csv:2: four numbers"),
        (HEADER + "8,1,2048,-0.05\n", "own.csv:2: numbers of more than 0"),
        (HEADER + "8,0,2048,0.05\n", "own.csv:2: numbers of more than 0"),
    ],
)
def test_bad_lines_are_told_by_number(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=told):
        read_all_reduce(path)
    with pytest.raises(InputError, match="can't be read"):
        read_all_reduce(tmp_path / "none.csv")
