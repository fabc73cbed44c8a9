"""The planner of separable filters: how a convolution is cut up whose filter is a sum of products of lines.

Whether it is one depends on the weights' values, so this is asked when weights are there; the planner of
shapes alone answers with the direct method. Constants stand beside their measurement (AMD Zen 3, AVX2).
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

from convolve.compiler.blocking import BLOCK_CYCLES, CACHE_SHARE, L3_BYTES_PER_CYCLE, SMALL_WORK, UNEVEN
from convolve.compiler.costs import (
    CROSSING,
    PACK_CYCLES,
    PACK_CYCLES_ONE_BY_ONE,
    TILE_CYCLES,
    WRITE_CYCLES,
    inner_block,
)
from convolve.compiler.plan import Code, Plan, Triple
from convolve.compiler.problem import Geometry, Sizes, cells_read, item_bytes, pieces
from convolve.compiler.target import Target

MOST_IN_STRIP = 150
"""Multiply-adds of a strip's tile that are written out: 15 taps of 10 sums, as for a stencil's columns."""

STRIP_ROW_CYCLES = 15
"""Cycles around one packed row of a strip, as `blocking.PACK_ROW_CYCLES`."""

STRIP_SHARE = 0.75
"""Part of the first-level cache that a strip's cells may fill: every tile reads most of its neighbour's."""

WIDEST_STRIP = 512
"""Columns of a strip beyond which packing a row has no costs to speak of around it."""


def strip_tile(target: Target) -> tuple[int, int]:
    """Return the rows and vectors of the tile that goes down a strip."""
    if target.registers >= 32:
        return 6, 3
    return (5, 2) if target.fma else (4, 2)


def held_weights(target: Target) -> int:
    """Return how many factors of a row's taps are kept in registers."""
    return 8 if target.registers >= 32 else 4


def strip_columns(code: Code, block: Triple, target: Target) -> int:
    """Return the columns of a strip: as many as stay in the first-level cache, in whole tiles."""
    rows = code.extent[0 if code.taps[0] > 1 else 1] + strip_tile(target)[0] - 1
    tile = strip_tile(target)[1] * target.lanes(item_bytes(code.dtype))
    most = int(target.l1_bytes * STRIP_SHARE) // (rows * item_bytes(code.dtype))
    return min(
        max(tile, most // tile * tile), WIDEST_STRIP, pieces(block[2] + code.extent[2] - 1, tile) * tile
    )


def scratch_numbers(code: Code, block: Triple, terms: int, target: Target) -> int:
    """Return the numbers that an item keeps between its passes."""
    height, width = block[1] + code.extent[1] - 1, block[2] + code.extent[2] - 1
    planes = terms * block[0] * height * width if code.taps[0] > 1 else 0
    return planes + terms * block[1] * width


@functools.lru_cache(maxsize=1024)
def plan_passes(sizes: Sizes, geometry: Geometry, target: Target, threads: int) -> Plan:
    """Return how a convolution with ``sizes.terms`` products of lines is computed."""
    best: tuple[float, Code, Triple] | None = None
    for tile in _row_tiles(target):
        code = replace(geometry.code("stencil", tile), method="separable")
        for block in _blocks(sizes):
            cycles = _cycles(code, block, sizes, target, threads)
            if best is None or cycles < best[0]:
                best = cycles, code, block
    assert best is not None
    cycles, code, block = best
    return _plan(sizes, geometry, code, block, cycles)


def _plan(sizes: Sizes, geometry: Geometry, code: Code, block: Triple, cycles: float) -> Plan:
    products = sizes.terms * sum(length for length in geometry.taps if length > 1)
    direct = math.prod(geometry.taps)
    reason = f"rank {sizes.terms}: {products} products for each output instead of {direct}"
    outputs = sizes.batch * sizes.groups * sizes.filters * sizes.outputs
    moved = cells_read(sizes, geometry) * item_bytes(geometry.arithmetic.input)
    moved += sizes.filters * sizes.outputs * item_bytes(geometry.arithmetic.output)
    moved *= sizes.batch * sizes.groups
    moved += sizes.groups * sizes.filters * products * item_bytes(geometry.dtype)
    return Plan(code, reason, block, 1, 1, 2 * outputs * products, moved, int(cycles))


def _row_tiles(target: Target) -> Iterator[Triple]:
    """Yield tiles of rows × vectors for the last pass: with the factors held they fit the registers."""
    sums = target.registers - held_weights(target) - (2 if target.fma else 4)
    for vectors in (sums, sums // 2, 4, 3):
        yield 1, max(1, sums // vectors), vectors


def _blocks(sizes: Sizes) -> Iterator[Triple]:
    """Yield blocks of outputs."""
    widths = {pieces(sizes.output[2], parts) for parts in (1, 2, 3, 4, 6, 8, 16)}
    lengths = (5, 10, 20, 30, 40, 60, 80, 120, 160, 240)
    heights = {min(sizes.output[1], length) for length in lengths}
    depths = {min(sizes.output[0], length) for length in lengths}
    return itertools.product(sorted(depths), sorted(heights), sorted(widths))


def _cycles(code: Code, block: Triple, sizes: Sizes, target: Target, threads: int) -> float:
    """Return the estimate of all items, with what threads wait for each other."""
    item = _item(code, block, sizes, target)
    counts = [pieces(size, step) for size, step in zip(sizes.output, block, strict=True)]
    items = math.prod(counts) * sizes.batch * sizes.groups * sizes.filters
    total = item * items
    if threads == 1 or total < SMALL_WORK:
        return total
    rounds = pieces(items, threads)
    return total * (rounds * threads / items + UNEVEN / rounds)


def _item(code: Code, block: Triple, sizes: Sizes, target: Target) -> float:
    """Return the cycles of one item."""
    depth, height, width = (b + e - 1 for b, e in zip(block, code.extent, strict=True))
    rows, vectors = strip_tile(target)
    lanes = target.lanes(item_bytes(code.dtype))
    packed = depth * height
    strip = strip_columns(code, block, target)
    each = PACK_CYCLES if code.reads == "x" else PACK_CYCLES_ONE_BY_ONE
    pack = packed * (width * each + pieces(width, strip) * STRIP_ROW_CYCLES)
    across = pieces(width, vectors * lanes)
    tiles = block[0] * pieces(block[1], rows) * across
    down = tiles * _down(code, 1, target)
    if code.taps[0] > 1:
        down += height * pieces(block[0], rows) * across * _down(code, 0, target)
    row_tiles = block[0] * pieces(block[1], code.tile[1]) * pieces(block[2], code.tile[2] * lanes)
    each = WRITE_CYCLES["stencil"] if code.writes == "x" else PACK_CYCLES_ONE_BY_ONE
    write = math.prod(block) * each
    sums = sizes.terms * (down + row_tiles * _across(code, target)) + row_tiles * TILE_CYCLES
    kept = scratch_numbers(code, block, sizes.terms, target) * item_bytes(code.dtype)
    far = max(0.0, kept - target.l2_bytes * CACHE_SHARE) * 2 / L3_BYTES_PER_CYCLE
    return pack + sums + write + far + BLOCK_CYCLES


def _down(code: Code, axis: int, target: Target) -> float:
    """Return the cycles of a tile that goes down a strip."""
    rows, vectors = strip_tile(target)
    taps, apart = code.taps[axis], code.dilation[axis]
    most = MOST_IN_STRIP // (rows * vectors)
    groups = pieces(taps, most)
    cells = taps + groups * (rows - 1) if apart == 1 else taps * rows
    sums = rows * vectors
    return inner_block(sums * taps, cells * vectors + taps, sums, target, code.dtype) + TILE_CYCLES


def _across(code: Code, target: Target) -> float:
    """Return the cycles of a tile that goes along the rows, for one term."""
    _, rows, vectors = code.tile
    lanes = target.lanes(item_bytes(code.dtype))
    taps, apart = code.taps[2], code.dilation[2]
    period = lanes // math.gcd(lanes, apart)
    together = min(held_weights(target), pieces(taps, period))
    cells = min(vectors * together, vectors + (together - 1) * (period * apart // lanes)) * rows
    sums = rows * vectors
    return inner_block(sums * taps, taps * (cells * CROSSING / together + 1), sums, target, code.dtype)
