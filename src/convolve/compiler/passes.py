"""The planner of separable filters: how a convolution is cut up whose filter is a sum of products of lines.

Whether it is one depends on the weights' values, so this is asked when weights are there; the planner of
shapes alone answers with the direct method. Constants stand beside their measurement (AMD Zen 3, AVX2).
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

from convolve.compiler.blocking import (
    BLOCK_CYCLES,
    CACHE_SHARE,
    L3_BYTES_PER_CYCLE,
    SMALL_WORK,
    UNEVEN,
    streams,
)
from convolve.compiler.costs import (
    PACK_CYCLES,
    PACK_CYCLES_ONE_BY_ONE,
    TILE_CYCLES,
    WRITE_CYCLES,
    crossing,
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

BOX_STRIP = 256
"""Columns of a strip whose cells are read three times only, however high the window: longer runs count more
than the first-level cache. 63 × 63 on 4K, blocks of 128 × 480: 14.9 ms with 256, 16.0 with 64 (2026-11-26,
AMD Zen 3, while others used the machine)."""

WIDEST_STRIP = 512
"""Columns of a strip beyond which packing a row has no costs to speak of around it."""


LEAST_BOX = 9
"""Equal factors of a line from which on outputs share sums of them."""

SEGMENT = 32
"""Rows of a tile whose windows share sums. An output costs three additions and its part of the rows that all
windows have in common, taps / 32."""

LENGTHS = (5, 10, 20, 30, 40, 60, 80, 120, 160, 240)
"""Rows and planes of a block that are tried."""

BOX_VECTORS = 8
"""Vectors side by side whose sums run on together: a sum can be used again after four cycles, two are made in
each."""

MOST_SCRATCH = 2 << 20
"""Bytes that a block may keep between its passes, for each thread."""


def packed_axis(code: Code) -> int:
    """Return the dimension of the first pass: its cells are packed."""
    return 0 if code.taps[0] > 1 else 1


def strip_tile(code: Code, axis: int, target: Target) -> tuple[int, int]:
    """Return the rows and vectors of the tile that goes down a strip."""
    if code.boxes[axis]:
        return min(code.taps[axis], SEGMENT), BOX_VECTORS
    if target.registers >= 32:
        return 6, 3
    return (5, 2) if target.fma else (4, 2)


def held_weights(target: Target) -> int:
    """Return how many factors of a row's taps are kept in registers."""
    return 8 if target.registers >= 32 else 4


def strip_columns(code: Code, block: Triple, target: Target) -> int:
    """Return the columns of a strip: as many as stay in the first-level cache, in whole tiles."""
    axis = packed_axis(code)
    height, vectors = strip_tile(code, axis, target)
    rows = code.extent[axis] + height - 1
    tile = vectors * target.lanes(item_bytes(code.dtype))
    most = int(target.l1_bytes * STRIP_SHARE) // (rows * item_bytes(code.dtype))
    if code.boxes[axis]:
        most = BOX_STRIP
    return min(
        max(tile, most // tile * tile), WIDEST_STRIP, pieces(block[2] + code.extent[2] - 1, tile) * tile
    )


def vector_taps(code: Code, lanes: int) -> tuple[int, int]:
    """Return after how many taps along a row their places are whole vectors apart, and how many vectors."""
    apart = code.dilation[2]
    period = lanes // math.gcd(lanes, apart)
    return period, period * apart // lanes


def row_reach(code: Code, target: Target) -> int:
    """Return how many columns behind those that a block needs its tiles may touch."""
    lanes = target.lanes(item_bytes(code.dtype))
    vectors = max(code.tile[2], strip_tile(code, 0, target)[1], strip_tile(code, 1, target)[1])
    reach = vectors * lanes - 1
    if not code.boxes[2]:
        return reach
    ahead = (vector_taps(code, lanes)[0] - 1) * code.dilation[2]
    return max(reach, BOX_VECTORS * lanes - 1 + ahead)


def scratch_numbers(code: Code, block: Triple, terms: int, target: Target) -> int:
    """Return the numbers that an item keeps between its passes."""
    height, width = block[1] + code.extent[1] - 1, block[2] + code.extent[2] - 1
    planes = terms * block[0] * height * width if code.taps[0] > 1 else 0
    shared = 2 * terms * width if code.boxes[2] else 0
    return planes + terms * block[1] * width + shared


@functools.lru_cache(maxsize=1024)
def plan_passes(sizes: Sizes, geometry: Geometry, target: Target, threads: int) -> Plan:
    """Return how a convolution with ``sizes.terms`` products of lines is computed."""
    alone = [(*_best_block(code, sizes, target, 1), code) for code in _codes(sizes, geometry, target)]
    cycles, _, code = min(alone, key=lambda one: one[0])  # for one thread: it sets the order of summation
    return _plan(sizes, geometry, target, code, _best_block(code, sizes, target, threads)[1], cycles)


def plan_passes_as(code: Code, sizes: Sizes, geometry: Geometry, target: Target, threads: int) -> Plan:
    """Return the plan of a region of a larger result, whose code is given."""
    code = replace(code, streams=False)
    cycles, block = _best_block(code, sizes, target, threads)
    return _plan(sizes, geometry, target, code, block, cycles)


def _codes(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Code]:
    """Yield tiles of the last pass, without shared sums and, where there are boxes, with them."""
    for tile in _row_tiles(target):
        code = replace(geometry.code("stencil", tile), method="separable")
        yield code
        boxes = _boxes(code, sizes, target)
        if any(boxes):
            yield replace(code, boxes=boxes)


def _boxes(code: Code, sizes: Sizes, target: Target) -> tuple[bool, bool, bool]:
    """Return along which dimensions outputs can share sums."""
    deep, high = (
        sizes.boxes[axis] and code.taps[axis] >= LEAST_BOX and code.dilation[axis] == 1 for axis in (0, 1)
    )
    lanes = target.lanes(item_bytes(code.dtype))
    least = max(LEAST_BOX, vector_taps(code, lanes)[0])
    return deep, high, sizes.boxes[2] and code.taps[2] >= least


def _best_block(code: Code, sizes: Sizes, target: Target, threads: int) -> tuple[float, Triple]:
    """Return the cheapest block among those that keep little, and its cycles."""
    blocks = list(_blocks(code, sizes, target))
    item = item_bytes(code.dtype)
    kept = [scratch_numbers(code, block, sizes.terms, target) * item for block in blocks]
    most = max(MOST_SCRATCH, min(kept))
    small = (block for block, size in zip(blocks, kept, strict=True) if size <= most)
    return min((_cycles(code, block, sizes, target, threads), block) for block in small)


def _plan(sizes: Sizes, geometry: Geometry, target: Target, code: Code, block: Triple, cycles: float) -> Plan:
    products = sizes.terms * sum(length for length in geometry.taps if length > 1)
    direct = math.prod(geometry.taps)
    reason = f"rank {sizes.terms}: {products} products for each output instead of {direct}"
    if any(code.boxes):
        along = " and ".join(name for name, box in zip(("z", "y", "x"), code.boxes, strict=True) if box)
        reason += f", those along {along} in sums that neighbours share"
    outputs = sizes.batch * sizes.groups * sizes.filters * sizes.outputs
    moved = cells_read(sizes, geometry) * item_bytes(geometry.arithmetic.input)
    moved += sizes.filters * sizes.outputs * item_bytes(geometry.arithmetic.output)
    moved *= sizes.batch * sizes.groups
    moved += sizes.groups * sizes.filters * products * item_bytes(geometry.dtype)
    code = replace(code, streams=streams(code, sizes, moved, target))
    return Plan(code, reason, block, 1, 1, 2 * outputs * products, moved, int(cycles))


def _row_tiles(target: Target) -> Iterator[Triple]:
    """Yield tiles of rows × vectors for the last pass: with the factors held they fit the registers."""
    sums = target.registers - held_weights(target) - (2 if target.fma else 4)
    for vectors in (sums, sums // 2, 4, 3):
        yield 1, max(1, sums // vectors), vectors


def _blocks(code: Code, sizes: Sizes, target: Target) -> Iterator[Triple]:
    """Yield blocks of outputs.

    Those of boxes hold whole tiles: so any blocks, for any number of threads, share the same sums.
    """
    widths = {pieces(sizes.output[2], parts) for parts in (1, 2, 3, 4, 6, 8, 16)}
    depths, heights = (
        {min(sizes.output[axis], pieces(length, rows) * rows) for length in LENGTHS}
        for axis, rows in enumerate(
            strip_tile(code, axis, target)[0] if code.boxes[axis] else 1 for axis in (0, 1)
        )
    )
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
    lanes = target.lanes(item_bytes(code.dtype))
    packed = depth * height
    strip = strip_columns(code, block, target)
    each = PACK_CYCLES if code.reads == "x" else PACK_CYCLES_ONE_BY_ONE
    pack = packed * (width * each + pieces(width, strip) * STRIP_ROW_CYCLES)
    rows, vectors = strip_tile(code, 1, target)
    down = block[0] * pieces(block[1], rows) * pieces(width, vectors * lanes) * _down(code, 1, target)
    if code.taps[0] > 1:
        rows, vectors = strip_tile(code, 0, target)
        tiles = pieces(block[0], rows) * pieces(width, vectors * lanes)
        down += height * tiles * _down(code, 0, target)
    row_tiles = block[0] * pieces(block[1], code.tile[1]) * pieces(block[2], code.tile[2] * lanes)
    each = WRITE_CYCLES["stencil"] if code.writes == "x" else PACK_CYCLES_ONE_BY_ONE
    write = math.prod(block) * each
    sums = sizes.terms * (down + row_tiles * _across(code, target)) + row_tiles * TILE_CYCLES
    if code.boxes[2]:
        sums += sizes.terms * block[0] * block[1] * _shared(code, width, target)
    kept = scratch_numbers(code, block, sizes.terms, target) * item_bytes(code.dtype)
    far = max(0.0, kept - target.l2_bytes * CACHE_SHARE) * 2 / L3_BYTES_PER_CYCLE
    return pack + sums + write + far + BLOCK_CYCLES


def _down(code: Code, axis: int, target: Target) -> float:
    """Return the cycles of a tile that goes down a strip."""
    rows, vectors = strip_tile(code, axis, target)
    taps, apart = code.taps[axis], code.dilation[axis]
    if code.boxes[axis]:
        loads, stores = (taps + 2 * rows) * vectors, 2 * rows * vectors
        return loads / target.units + stores + TILE_CYCLES
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
    if code.boxes[2]:
        sums = rows * vectors
        return inner_block(sums * period, sums * period * crossing(target), sums, target, code.dtype)
    together = min(held_weights(target), pieces(taps, period))
    cells = min(vectors * together, vectors + (together - 1) * (period * apart // lanes)) * rows
    sums, loads = rows * vectors, taps * (cells * crossing(target) / together + 1)
    return inner_block(sums * taps, loads, sums, target, code.dtype)


def _shared(code: Code, width: int, target: Target) -> float:
    """Return the cycles of a row's sums of cells that lie whole vectors apart."""
    lanes = target.lanes(item_bytes(code.dtype))
    sums = pieces(code.taps[2], vector_taps(code, lanes)[0])
    loads = BOX_VECTORS + sums
    each = inner_block(BOX_VECTORS * sums, loads, BOX_VECTORS, target, code.dtype) + 2 * BOX_VECTORS
    return pieces(width, BOX_VECTORS * lanes) * each + TILE_CYCLES
