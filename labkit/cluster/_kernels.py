"""How long an accelerator takes for matrix products and for passes over memory."""

from __future__ import annotations

import math

from labkit.cluster._entries import Accelerator
from labkit.errors import InputError

# The tile of a matrix product that one multiprocessor computes at a time: the largest that NVIDIA's libraries
# choose from, and the most efficient (NVIDIA, Matrix Multiplication Background User's Guide). The best shapes
# that others found by scanning (see `accelerators.toml`) fill waves of it exactly: 32 on A100, 4 on MI250X.
_TILE = (256, 128)
_STEP = 16  # rows or columns of a tensor core's instruction
# Measured copies reach this part of the rated bandwidth: 1383 of 1555 GB/s (A100, 40 GB; a result file on the
# web), 3.57 of 3.94 TB/s (a Hopper card, likewise). Secondary.
_MEMORY_EFFICIENCY = 0.89
# Time from one operation to the next, s, when they come from Python (measured on a Hopper card; secondary).
_LAUNCH_S = 4.2e-6


def matmul_s(
    rows: int,
    columns: int,
    inner: int,
    accelerator: Accelerator,
    *,
    count: int = 1,
    result_bytes: float = 2.0,
) -> float:
    """Return the time of `count` products (rows × inner)·(inner × columns) of 16 bits in one go, s.

    The result is cut into tiles, of which each multiprocessor computes one after the other: first the
    products, then it writes the tile, which nothing hides, as a tile of this size fills the multiprocessor.
    What is cut off at the edges and in the last wave is lost (tile and wave quantisation). A product with few
    operations takes as long as its operands take through memory.

    Args:
        rows: of the result.
        columns: of the result.
        inner: summed over.
        accelerator: that computes it.
        count: of products, their tiles together.
        result_bytes: moved for each element of the result; 8 where it is added to 32-bit sums.
    """
    elements = _elements(rows, columns, count, accelerator)
    computed = elements * (2.0 * inner / _rate_flop_s(accelerator) + result_bytes / _bandwidth(accelerator))
    moved = count * (2.0 * inner * (rows + columns) + result_bytes * rows * columns)
    return max(computed, moved_s(moved, accelerator))


def moved_s(size_bytes: float, accelerator: Accelerator) -> float:
    """Return the time of a pass that reads and writes so many bytes together, s."""
    return max(size_bytes / _bandwidth(accelerator), _LAUNCH_S)


def _bandwidth(accelerator: Accelerator) -> float:
    return accelerator.memory_gb_s * 1e9 * _MEMORY_EFFICIENCY


def _elements(rows: int, columns: int, count: int, accelerator: Accelerator) -> int:
    """Return the elements of the result with those that full tiles and waves add to them."""
    ways = []
    for high, wide in (_TILE, _TILE[::-1]):
        # A matrix thinner than a tile gets thinner tiles, in steps of the hardware's instruction.
        high, wide = (min(side, -(-size // _STEP) * _STEP) for side, size in ((high, rows), (wide, columns)))
        waves = math.ceil(
            count * math.ceil(rows / high) * math.ceil(columns / wide) / accelerator.multiprocessors
        )
        ways.append(waves * accelerator.multiprocessors * high * wide)
    return min(ways)


def _rate_flop_s(accelerator: Accelerator) -> float:
    """Return the rate inside tiles, of all multiprocessors, that gives the product measured its time."""
    measured = accelerator.matmul_tflop_s * 1e12
    if not accelerator.matmul_shape:
        return measured
    rows, columns, inner = accelerator.matmul_shape
    elements = _elements(rows, columns, 1, accelerator)
    multiply = 2.0 * rows * columns * inner / measured - 2.0 * elements / _bandwidth(accelerator)
    if multiply <= 0:
        raise InputError(
            f"accelerator {accelerator.name!r}: matmul_tflop_s = {accelerator.matmul_tflop_s:g} of "
            f"{list(accelerator.matmul_shape)} is more than memory_gb_s = {accelerator.memory_gb_s:g} allows"
        )
    return 2.0 * elements * inner / multiply
