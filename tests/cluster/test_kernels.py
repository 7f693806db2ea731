from dataclasses import replace

import pytest

from labkit.cluster._catalogue import read_catalogue
from labkit.cluster._kernels import matmul_s, moved_s
from labkit.errors import InputError

A100 = read_catalogue().accelerators["A100"]


def rate_tflop_s(rows: int, columns: int, inner: int) -> float:
    return 2e-12 * rows * columns * inner / matmul_s(rows, columns, inner, A100)


def test_the_product_that_was_measured_takes_what_was_measured() -> None:
    assert rate_tflop_s(8192, 8192, 8192) == pytest.approx(257.0)


def test_one_tile_more_than_a_wave_takes_a_wave_more() -> None:
    full = matmul_s(256 * 12, 128 * 9, 4096, A100)  # 108 tiles for 108 multiprocessors
    assert matmul_s(256 * 12 + 1, 128 * 9, 4096, A100) == pytest.approx(2 * full)
    assert matmul_s(256 * 6, 128 * 9, 4096, A100) == pytest.approx(full)


def test_products_of_a_batch_fill_waves_together() -> None:
    alone = matmul_s(2048, 2048, 128, A100)  # 128 tiles, 2 waves for what would fill 1.2
    assert matmul_s(2048, 2048, 128, A100, count=27) < 0.65 * 27 * alone


def test_tiles_lie_the_better_way_round() -> None:
    assert matmul_s(128, 256 * 100, 4096, A100) == pytest.approx(matmul_s(256 * 100, 128, 4096, A100))


def test_writing_weighs_more_the_less_is_summed() -> None:
    rates = [rate_tflop_s(8192, 8192, inner) for inner in (512, 1024, 2048, 4096, 8192)]
    assert rates == sorted(rates)
    added = matmul_s(8192, 8192, 2048, A100, result_bytes=8.0) / matmul_s(8192, 8192, 2048, A100)
    assert 1.1 < added < 1.3


def test_thin_products_and_passes_go_at_the_speed_of_memory() -> None:
    # One row against a matrix of 2·10⁹ bytes: 1 ms and a bit.
    time = matmul_s(1, 32_000, 32_000, A100)
    assert time == pytest.approx(2 * 32_000**2 / (2039e9 * 0.89), rel=1e-3)
    assert moved_s(2039e9 * 0.89, A100) == pytest.approx(1.0)
    assert moved_s(1.0, A100) == pytest.approx(4.2e-6)  # no operation is faster than its launch


def test_no_shipped_accelerator_beats_its_peak() -> None:
    for accelerator in read_catalogue().accelerators.values():
        seconds = matmul_s(2**15, 2**15, 2**17, accelerator)
        assert 0.6 < 2e-12 * 2**47 / seconds / accelerator.peak_tflop_s < 0.9


def test_a_measurement_that_memory_forbids_is_told() -> None:
    slow = replace(A100, memory_gb_s=10.0)
    with pytest.raises(
        InputError, match=r"'A100': matmul_tflop_s = 257 of \[8192, 8192, 8192\] is more than"
    ):
        matmul_s(8192, 8192, 8192, slow)
