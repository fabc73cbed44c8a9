"""How much of a convolution one item does: rows, columns, input channels and panels of output channels.

A block's packed cells and sums must stay in the second-level cache while every panel uses them. Larger blocks
pack fewer cells twice; smaller ones give several threads enough to share. None of it changes a result, except
that the input channels summed up together set the order of summation: they follow from the target alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from convolve.compiler.costs import L2_BYTES_PER_CYCLE, MOST_BYTES, PACK_CYCLES, SHORT_ROW, TILE_CYCLES
from convolve.compiler.plan import Code, Triple
from convolve.compiler.problem import Sizes, item_bytes, panel_channels, pieces
from convolve.compiler.target import LINE_BYTES, Target
from convolve.compiler.winograd_costs import winograd_blocking

CACHE_SHARE = 0.6
"""Part of the second-level cache that cells and sums may fill; weights stream through the rest. 64 channels
of 56 × 56: 257 KiB of 512 gave 90 GFLOP/s, 428 gave 78 (2026-11-23, AMD Zen 3)."""

PANEL_SHARE = 0.08
"""Part of the second-level cache for the weights of one panel and the channels summed up together: each tile
of the block reads them again. 256 channels of 14 × 14, 3 × 3, AMD Zen 3 (2026-11-23): 64 channels at once (36
KiB) gave 96 GFLOP/s, 128 the same, 256 (147 KiB) 94, and 26 (15 KiB, in the first-level cache) 86, because
the loop over channels ends too often. The share is such that 64 channels of 3 × 3 fit into 512 KiB's."""

WHOLE_SHARE = 0.12
"""The same where it suffices for all channels, so that no sums have to wait: 32 channels of 3 × 3 × 3 (54
KiB) at once took 68.2 ms and 16 69.3 (2026-11-23, AMD Zen 3)."""

CELLS_SHARE = 0.75
"""Part of the first-level cache that a stencil's cells may fill if many panels read them; beyond it they come
from the second-level cache for each, which costs the less the more is computed meanwhile. 1 × 1 on 64
channels to 256: 96 columns at once (24 of 32 KiB) took 1.3 ms and 1046 1.65, about half of what reading them
takes by itself (2026-11-23, AMD Zen 3). 6 × 6 with stride 2 on 3 channels to 32, 36 products for each cell
read and filter: 5 rows of 64 columns took 8.8 ms, whole rows of 320 7.6 (2026-11-26, AMD Zen 4, AVX-512)."""

DEPTHWISE_SHARE = 0.5
"""Part of the second-level cache for the cells and sums of one vector of channels. Where a pixel's channels
lie together, the block's cells of all channels must fit as well: the next vector's stand in the same or the
next lines. 144 channels of 56 × 56, stride 2, took 0.19 ms in one block and 0.13 in blocks of 8 rows
(2026-11-25, AMD Zen 3)."""

UNEVEN = 0.05
"""Part of an item's time that threads wait for the last one to end: on a machine with neighbours one thread
is often a tenth slower than the other."""

ITEMS_PER_THREAD = 4
"""With several threads: so many items each where whole planes are shared out by output channels."""

PACK_ROW_CYCLES = 15
"""Cycles around one packed row: its place, its border. 512 channels of 7 × 7 took 26 µs to pack, 17 cycles a
row of which 4 are its numbers (2026-11-23, AMD Zen 3)."""

L3_BYTES_PER_CYCLE = 8
"""What one core reads from the third-level cache while it computes: weights that the second-level cache does
not hold come from there once per block."""

PLANES_TOGETHER = (2, 4, 8)
"""Planes of an item that holds only some of their rows. 32 channels of 48 × 48 × 48, 3 × 3 × 3: 4 planes of 6
rows took 66.8 ms, single planes of 12 rows 69.1 and 24 whole planes 70.4 (2026-11-25, AMD Zen 3)."""

MOST_STREAMED = 1 << 14
"""Columns of a row of results, written past the caches, that is cut into blocks: each has two tiles more that
do not fill their lines."""

LEAST_STREAMED = 10
"""Tiles of a row of results that is written past the caches: up to two do not fill their lines and are
written by way of the scratch. 32 × 96 × 96 × 96, one tile in a row, took 31 ms instead of 15 (2026-11-26, AMD
Zen 4)."""

BLOCK_CYCLES = 300
"""Cycles around an item: finding its place, its tables and bounds."""

SMALL_WORK = 100_000
"""Cycles below which a convolution is not cut for threads: handing over costs about 15,000."""


@dataclass(frozen=True, slots=True)
class Blocking:
    """The decision: outputs, input channels and panels of one item, and its cells of one channel."""

    block: Triple
    channels: int
    panels: int
    cells: int


def blocking(code: Code, sizes: Sizes, target: Target, threads: int, cycles: float) -> Blocking:
    """Return the cheapest blocking."""
    sizes = sizes.for_method(code.method)
    channels = channels_at_once(code, sizes, target)
    panels = max(1, pieces(sizes.filters, panel_channels(code, target)))
    if code.method == "winograd":
        block, many = winograd_blocking(code, sizes, target, 1 if cycles < SMALL_WORK else threads)
        return Blocking(block, channels, many, code.cells(block))
    threads = 1 if cycles < SMALL_WORK else threads
    if code.method == "depthwise":
        return _rows_of_channels(code, sizes, target)
    if code.whole:  # few images are shared out by output channels; each item packs the plane for itself
        wanted = 1 if threads == 1 else threads * ITEMS_PER_THREAD
        parts = pieces(wanted, max(1, sizes.batch * sizes.groups))
        whole = whole_plane(sizes)
        return Blocking(whole, channels, pieces(panels, min(parts, panels)), code.cells(whole))
    candidates = [
        Blocking(block, channels, pieces(panels, parts), cells)
        for block, cells in ((block, code.cells(block)) for block in _blocks(code, sizes))
        for parts in (1, 2, 4, 8, 16)
        if parts <= panels
    ]
    small = [one for one in candidates if _room(one, code, sizes, target) <= MOST_BYTES]
    if not small:  # single outputs, one panel
        return Blocking((1, 1, 1), channels, 1, code.cells((1, 1, 1)))
    return min(small, key=lambda one: _cost(one, code, sizes, target, threads, cycles))


def _rows_of_channels(code: Code, sizes: Sizes, target: Target) -> Blocking:
    """Return the blocking of one vector of channels: a whole plane, or as many rows as the cache holds."""
    depth, height, width = whole_plane(sizes)
    blocks = [(depth, height, width)] if code.whole else [(1, rows, width) for rows in range(height, 0, -1)]
    blocks += [(1, 1, columns) for columns in range(width, 0, -code.tile[0])]
    lanes, item = panel_channels(code, target), item_bytes(code.dtype)

    def fits(block: Triple) -> bool:
        cells, sums = code.cells(block), math.prod(block[1:])
        if code.reads == "channel" and cells * sizes.channels * item > target.l2_bytes:
            return False
        return (cells + sums) * lanes * item <= target.l2_bytes * DEPTHWISE_SHARE

    block = next(filter(fits, blocks), (1, 1, 1))
    return Blocking(block, lanes, 1, code.cells(block))


def _room(one: Blocking, code: Code, sizes: Sizes, target: Target) -> int:
    """Return the bytes of scratch that an item needs: rows have room for whole tiles, and for a few more."""
    whole = code.tile[2] * target.lanes(item_bytes(code.dtype)) if code.method == "stencil" else 1
    more = one.cells // _columns(one, code) * (whole + SHORT_ROW) * code.packed_stride[2]
    return _footprint(one, code, sizes, target) + more * one.channels * item_bytes(code.dtype)


def _columns(one: Blocking, code: Code) -> int:
    """Return the columns of a packed row."""
    return (one.block[2] - 1) * code.packed_stride[2] + code.extent[2]


def _footprint(one: Blocking, code: Code, sizes: Sizes, target: Target) -> int:
    """Return the bytes of an item's cells and sums."""
    numbers = one.cells * one.channels
    if code.is_contraction:
        waiting = one.panels if one.channels < sizes.channels else 1
        numbers += math.prod(one.block) * panel_channels(code, target) * waiting * code.spread
    return numbers * item_bytes(code.dtype)


def channels_at_once(code: Code, sizes: Sizes, target: Target) -> int:
    """Return how many input channels are packed and summed up together.

    It sets the order of summation, so it follows from the code and the channels alone.
    """
    if code.method in ("stencil", "winograd") or sizes.channels == 0:
        return max(1, sizes.channels)
    weights = math.prod(code.taps) * panel_channels(code, target) * item_bytes(code.dtype)
    if sizes.channels * weights <= target.l2_bytes * WHOLE_SHARE:
        return sizes.channels
    most = max(8, int(target.l2_bytes * PANEL_SHARE) // weights)
    return pieces(sizes.channels, pieces(sizes.channels, most))


def streams(code: Code, sizes: Sizes, moved: int, target: Target) -> bool:
    """Whether results are written past the caches, in rows of whole lines.

    Cells and results that the last cache does not hold would only drive each other out, and each line of
    results would be read before it is written. 3 × 3 on 3840 × 2160: 3.1 ms, and 1.8 past the caches, which
    is as fast as a copy; with AVX2 3.2 and 2.4 (2026-11-26, AMD Zen 4). Where rows of the result do not all
    begin at the same place of a line they are written as usual.
    """
    if code.method not in ("stencil", "separable") or code.writes != "x" or code.whole:
        return False
    tile = code.tile[2] * target.lanes(item_bytes(code.dtype))
    whole_lines = code.tile[2] * target.vector_bytes % LINE_BYTES == 0 and code.output_dtype == code.dtype
    return whole_lines and sizes.output[2] >= LEAST_STREAMED * tile and moved > target.l3_bytes


def whole_plane(sizes: Sizes) -> Triple:
    """Return the block that is everything."""
    depth, height, width = (max(1, size) for size in sizes.output)
    return depth, height, width


def _blocks(code: Code, sizes: Sizes) -> Iterator[Triple]:
    """Yield blocks of outputs: parts of a row, rows of one plane or of several, parts of a plane, planes."""
    depth, height, width = (max(1, size) for size in sizes.output)
    least = code.tile[1] if code.method == "stencil" else 1
    for parts in _parts(width, 32):
        yield (1, min(least, height), pieces(width, parts))
    for parts in _parts(height, least):
        rows = min(height, pieces(pieces(height, parts), least) * least)
        yield (1, rows, width)
        if width >= (MOST_STREAMED if code.streams else 512):
            yield (1, rows, pieces(width, 2))
            yield (1, rows, pieces(width, 4))
        if code.taps[0] > 1:  # neighbouring planes read each other's cells
            for planes in PLANES_TOGETHER:
                yield (min(planes, depth), rows, width)
    for parts in _parts(depth, 1):
        yield (pieces(depth, parts), height, width)


def _parts(length: int, least: int) -> Iterator[int]:
    """Yield numbers of parts that leave at least ``least`` each, ever further apart."""
    parts = 1
    while parts == 1 or length // parts >= least:
        yield parts
        parts = parts + 1 if parts < 8 else parts * 5 // 4


def _cost(one: Blocking, code: Code, sizes: Sizes, target: Target, threads: int, cycles: float) -> float:
    """Return the cycles that a blocking adds, all threads together: packing, waste, waiting."""
    blocks = math.prod(pieces(max(1, out), step) for out, step in zip(sizes.output, one.block, strict=True))
    panels = max(1, pieces(sizes.filters, panel_channels(code, target)))
    shares = pieces(panels, one.panels)
    items = blocks * shares
    cost = _packing(one, code, sizes) * items + BLOCK_CYCLES * items
    images = sizes.batch * sizes.groups
    cost += _surplus(one, code, sizes, target) * cycles / max(1, images)
    room = target.l2_bytes * CACHE_SHARE
    footprint = _footprint(one, code, sizes, target)
    if code.is_contraction:
        chunks = pieces(max(1, sizes.channels), one.channels)
        tiles = one.block[0] * pieces(one.block[1] * one.block[2], code.tile[0]) * blocks * panels
        cost += tiles * chunks * TILE_CYCLES * code.spread
        weights = sizes.filters * code.spread * sizes.channels * math.prod(code.taps) * item_bytes(code.dtype)
        if weights > room:
            cost += weights * blocks / L3_BYTES_PER_CYCLE
    elif not code.direct and footprint > target.l1_bytes * CELLS_SHARE:  # cells come from there per panel
        moving = footprint / L2_BYTES_PER_CYCLE * one.panels * items
        cost += moving * moving / (moving + cycles / images) if moving else 0.0
    if footprint > room:  # cells come from the third-level cache again for every panel
        again = min(one.panels, 64)
        planes = (one.block[0] - 1) * code.packed_stride[0] + code.extent[0]
        if footprint * code.extent[0] / planes > room:  # and for every plane of taps
            again *= code.taps[0]
        cost += (footprint - room) / L3_BYTES_PER_CYCLE * again * items
    everything = images * items
    rounds = pieces(everything, threads)
    waiting = rounds * threads / everything - 1 + (UNEVEN / rounds if threads > 1 else 0.0)
    return cost * images + cycles * waiting


def _packing(one: Blocking, code: Code, sizes: Sizes) -> float:
    """Return the cycles to pack the cells of an item."""
    if code.direct:
        return 0.0
    rows = one.cells // _columns(one, code)
    numbers = one.cells * PACK_CYCLES * math.sqrt(code.phases)
    return sizes.channels * (numbers + rows * PACK_ROW_CYCLES * code.phases)


def _surplus(one: Blocking, code: Code, sizes: Sizes, target: Target) -> float:
    """Return the part of the work that goes into outputs of tiles which lie beyond a block's end."""
    height, width = (
        min(max(1, out), step) for out, step in zip(sizes.output[1:], one.block[1:], strict=True)
    )
    if code.is_contraction:
        return pieces(height * width, code.tile[0]) * code.tile[0] / (height * width) - 1
    across = code.tile[2] * target.lanes(item_bytes(code.dtype))
    rows, columns = pieces(height, code.tile[1]) * code.tile[1], pieces(width, across) * across
    return rows * columns / (height * width) - 1
