"""The planner of gradients with respect to the weight: (sizes, geometry, target) -> Plan.

As in `convolve.compiler.planner`, the cheapest tile by a cost model, then the blocks. The pixels of one block
and the parts set the order of summation, so they follow from the sizes and the target alone; how many
channels and panels one item has follows from the threads too, and changes no result.
"""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from convolve.compiler.blocking import BLOCK_CYCLES, CACHE_SHARE, L3_BYTES_PER_CYCLE, SMALL_WORK, UNEVEN
from convolve.compiler.costs import (
    L2_BYTES_PER_CYCLE,
    LEAST_SUMS,
    MOST_PIXELS,
    PACK_CYCLES,
    PACK_CYCLES_ONE_BY_ONE,
    TILE_CYCLES,
    Choice,
    crossing,
    inner_block,
    spare,
)
from convolve.compiler.plan import Code, Method, Plan, Triple
from convolve.compiler.problem import Geometry, Sizes, cells_read, item_bytes, panel_channels, pieces
from convolve.compiler.target import Target

PANEL_SHARE = 0.25
"""Part of the second-level cache for a block's output gradients of one panel: every weight reads them again,
the cells only once. From there they come as fast as they are used, and longer sums begin and end less often:
16 × 128 → 128@28 took 37.6 ms with half of the first-level cache, 35.5 with twice of it and 33.7 with a
quarter of the second; held to AVX2 36.0, 34.9 and 33.9 (2026-11-26, AMD Zen 4)."""

PLANE_SHARE = 0.5
"""Part of the first-level cache for the same where vectors hold neighbouring pixels: small planes, which are
cut for threads."""

SEEN_SHARE = 0.1
"""Part of the time of reading them that is not hidden: tiles of 6 × 4 took 35.7 ms there, 9 × 2 33.7."""

ROW_CYCLES = 14
"""Cycles around one row of pixels in the inner block: where its cells are, and the end of its loop."""

LEAST_ITEMS = 16
"""Items that there should be if threads are to share a gradient: with fewer channels, the pixels are cut into
parts. It must not depend on the threads there are, because the parts are added up one after the other."""


@functools.lru_cache(maxsize=1024)
def gradient_plan(sizes: Sizes, geometry: Geometry, target: Target, threads: int = 1) -> Plan:
    """Return how the gradient of a convolution with respect to its weight is computed on a target."""
    tiles = list(_tiles(sizes, geometry, target))
    best = min(tiles, key=lambda one: one.cycles)
    return gradient_planned(best, tiles, sizes, geometry, target, threads)


def gradient_planned(
    best: Choice, tiles: list[Choice], sizes: Sizes, geometry: Geometry, target: Target, threads: int
) -> Plan:
    """Return the plan of one choice."""
    code = geometry.code(best.method, best.tile)
    block = pixels_at_once(code, sizes, target)
    cut = _blocking(code, block, sizes, target, threads, best.cycles)
    weights = sizes.groups * sizes.filters * sizes.channels * math.prod(geometry.taps)
    numbers = sizes.channels * cells_read(sizes, geometry) + sizes.filters * sizes.outputs
    return Plan(
        code,
        f"the cheapest of {len(tiles)} tiles, {best.busy:.0%} of its time in the inner block",
        block,
        cut.channels,
        cut.panels,
        2 * weights * sizes.outputs,
        (sizes.groups * numbers + weights) * item_bytes(geometry.dtype),
        int(best.cycles),
        parts(code, block, sizes, target),
    )


def _tiles(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield every tile that fits the registers, with its estimate."""
    lanes = target.lanes(item_bytes(geometry.dtype))
    free = target.registers - spare(target, geometry.dtype)
    for vectors in range(1, 5):
        weights = min(MOST_PIXELS, (free - vectors) // vectors)
        if weights * vectors >= LEAST_SUMS * target.units:
            sums = weights * vectors
            block = inner_block(sums, vectors, sums, target, geometry.dtype, repeats=weights)
            block += SEEN_SHARE * vectors * target.vector_bytes / L2_BYTES_PER_CYCLE
            tile = (weights, vectors, 1)
            panels = pieces(sizes.filters, vectors * lanes)
            yield _choice("gradient_contract", tile, panels, sizes.output[2] * block, sizes, geometry)
    for weights in (2, 3, 4, 6, 9, 12):
        for channels in (1, 2, 3, 4):
            if weights * channels + channels > free:
                continue
            loads = channels + weights * crossing(target)
            block = inner_block(weights * channels, loads, weights * channels, target, geometry.dtype)
            tile = (weights, channels, 1)
            row = pieces(sizes.output[2], lanes) * block
            yield _choice("gradient_stencil", tile, pieces(sizes.filters, channels), row, sizes, geometry)


def _choice(
    method: Method, tile: Triple, panels: int, row: float, sizes: Sizes, geometry: Geometry
) -> Choice:
    """Return the estimate of a tile that takes ``row`` cycles in the inner block of a row of pixels."""
    contract = method == "gradient_contract"
    rows = math.prod(sizes.output[:2])
    tiles = panels * pieces(sizes.channels * math.prod(geometry.taps), tile[0])
    inside = tiles * rows * row
    turned = PACK_CYCLES if geometry.writes != "none" else PACK_CYCLES_ONE_BY_ONE
    packed = sizes.filters * sizes.outputs * (turned if contract else PACK_CYCLES / 2)
    around = tiles * (rows * ROW_CYCLES + TILE_CYCLES)
    total = inside + around + packed
    return Choice(method, tile, sizes.groups * total, inside / total if total else 0.0)


def pixels_at_once(code: Code, sizes: Sizes, target: Target) -> Triple:
    """Return the pixels of one block: as many rows, or else columns, as the cache holds."""
    item = item_bytes(code.dtype)
    width = panel_channels(code, target)
    contract = code.method == "gradient_contract"
    kept = target.l2_bytes * PANEL_SHARE if contract else target.l1_bytes * PLANE_SHARE
    room = max(1, int(kept) // (width * item))
    block = []
    for size in reversed(sizes.output):
        size = max(1, size)
        block.append(pieces(size, pieces(size, room)))
        room = max(1, room // block[-1]) if block[-1] == size else 1
    depth, height, columns = reversed(block)
    return depth, height, columns


def parts(code: Code, block: Triple, sizes: Sizes, target: Target) -> int:
    """Return into how many parts the pixels are cut, so that there are enough items."""
    panels = pieces(sizes.filters, panel_channels(code, target))
    wanted = pieces(LEAST_ITEMS, max(1, sizes.groups * sizes.channels * panels))
    return max(1, min(wanted, max(_blocks(block, sizes))))


def _blocks(block: Triple, sizes: Sizes) -> list[int]:
    """Return the blocks of pixels along each dimension."""
    return [pieces(max(1, size), step) for size, step in zip(sizes.output, block, strict=True)]


@dataclass(frozen=True, slots=True)
class _Cut:
    """Input channels and panels of output channels of one item."""

    channels: int
    panels: int


def _blocking(code: Code, block: Triple, sizes: Sizes, target: Target, threads: int, cycles: float) -> _Cut:
    """Return the cheapest blocking of channels."""
    panels = max(1, pieces(sizes.filters, panel_channels(code, target)))
    threads = 1 if cycles < SMALL_WORK else threads
    cuts = [_Cut(c, k) for c in _divisions(max(1, sizes.channels)) for k in _divisions(panels)]
    return min(cuts, key=lambda one: _cost(one, code, block, sizes, target, threads, cycles))


def _divisions(count: int) -> list[int]:
    """Return the sizes of the pieces when something is cut into ever more of them.

    >>> _divisions(6)
    [6, 3, 2, 1]
    """
    return list(dict.fromkeys(pieces(count, parts) for parts in range(1, count + 1)))


def _cost(
    one: _Cut, code: Code, block: Triple, sizes: Sizes, target: Target, threads: int, cycles: float
) -> float:
    """Return the cycles that a blocking adds: packing again, waiting, and what leaves the cache."""
    width, item = panel_channels(code, target), item_bytes(code.dtype)
    panels = max(1, pieces(sizes.filters, width))
    channel_parts, panel_parts = pieces(sizes.channels, one.channels), pieces(panels, one.panels)
    blocks = math.prod(_blocks(block, sizes))
    items = channel_parts * panel_parts * parts(code, block, sizes, target)
    cells = code.cells(block)
    pixels = math.prod(block)
    cost = PACK_CYCLES * blocks * sizes.channels * cells * panel_parts
    cost += PACK_CYCLES * blocks * panels * width * pixels * channel_parts + items * BLOCK_CYCLES
    kept = one.channels * math.prod(code.taps) * one.panels * width
    if code.method == "gradient_stencil":
        kept *= target.lanes(item)
    footprint = item * (one.channels * cells + one.panels * width * pixels + kept)
    room = target.l2_bytes * CACHE_SHARE
    if footprint > room:
        cost += (footprint - room) * blocks * channel_parts * panel_parts / L3_BYTES_PER_CYCLE * 2
    everything = items * sizes.groups
    rounds = pieces(everything, threads)
    waiting = rounds * threads / everything - 1 + (UNEVEN / rounds if threads > 1 else 0.0)
    return cost * sizes.groups + cycles * waiting
