"""The cost model: cycles of one core for every tile that fits the registers of a target.

It counts multiply-adds, loads, packing and writing out, with what is wasted where sizes do not fill a tile.
Each constant stands beside its reason and its measurement (AMD Zen 3, AVX2, 2026-11-23).
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from convolve.compiler.plan import Method, Triple
from convolve.compiler.problem import Geometry, Sizes, cells_first, item_bytes, pieces
from convolve.compiler.target import LINE_BYTES, Target

LOADS_PER_CYCLE = 2
"""Loads of any kind; of whole vectors no more than the target's units."""

FMA_LATENCY = 4.6
"""Zen 2 to 5, Haswell to Sapphire Rapids: a sum can be used again after four cycles. With two multiply-adds a
cycle, eight sums at once would just do if nothing ever came late: measured, they give 0.87 of the peak and
twelve 0.98, so the latency counts a little more."""

INTEGER_OPERATIONS = {"int32": 2, "int64": 8}
"""A product and a sum; products of 64 bits are put together from three of 32 on all targets but AVX-512."""

LEAST_SUMS = 4.5
"""Sums of a contraction's tile for each unit; with four, 2 pixels × 4 vectors on AVX2, a block takes 0.8 of
the peak and its weights more than the second-level cache delivers."""

L2_BYTES_PER_CYCLE = 20
"""What one core reads from its second-level cache in long runs: 32 at best, 18 to 22 measured."""

PACK_CYCLES = 0.5
PACK_CYCLES_ONE_BY_ONE = 2.0
"""Cycles to pack one number: 8 at once take about 4 with the loop around them; one by one a load, a store and
the loop's own step."""

PIXEL_CYCLES = 8
"""Cycles around each pixel whose channels lie together, in memory and in the scratch: 3 channels of 322 × 322
took 0.27 ms longer than rows that lie together (2026-11-26, AMD Zen 4). Counted where cells are converted."""

PACK_TILE_CYCLES = 5.5
"""Cycles to pack a channel's pixels of one tile at once, however many: 1024 channels of 14 × 14 by sevens
took 0.043 ms (2026-11-26, AMD Zen 4)."""

MOST_STEP = 8
"""Steps up to which several numbers are moved at once: vectors have at most 16 numbers, and as many of them
are read as the step is wide. A stride of a million would be a million instructions."""

WRITE_CYCLES = {"contract": 0.5, "stencil": 0.25, "one by one": 2.0}
"""Cycles to write one output: 64 numbers are turned round in about 32 cycles; straight stores take 1 per
vector, and the last, partial tile of a row goes by way of the scratch."""

TILE_CYCLES = 45
"""Cycles around the inner block of one tile: finding its pixels, sums loaded and stored, and one mispredicted
branch where the loop over channels ends (about 15). In planes in the caches half of them pass while a core
that begins one vector in a cycle multiplies: 32 of 112 × 112, 3 × 3, took 117 µs with 7 × 1 vectors and 131
with 7 × 2, expected were 169 and 159 (2026-11-26, AMD Zen 4, AVX-512)."""

MOST_DIRECT_ROWS = 9
"""Rows of a window that is read from the input itself. Rows of a wide image often lie a multiple of 1 KiB
apart and then share a few sets of 8 lines in the first-level cache: 15 × 15 on 3840 columns took 55 ms read
directly and 42 packed, 7 × 7 took 10.8 and 12.2 (2026-11-23, AMD Zen 3)."""

FEW_CHANNELS = 4
FAR_CYCLES = 0.05
"""Cycles that a cell of the input costs each time it is read where it is, if there are more than a few
channels: each lies in other pages, and 64 of them fill the first table of translations. 1 × 1 on 64 channels
to 256 took 1.26 ms read directly and 1.16 packed, on 96 channels to 24 0.195 and 0.226 (2026-11-23, AMD Zen
3)."""

SEEN_LOADS = 0.15
"""Part of the loads that multiply-adds do not hide if there are as many of them, on cores that begin one
vector in a cycle; others have time to spare. 6 × 6 with stride 2, 3 channels to 32: tiles 4 × 3 × 1, 2 × 5 ×
1 and 2 × 5 × 2, whose loads take 61, 60 and 83 % of the cycles of their multiply-adds, took 7.0, 7.1 and 7.6
ms (2026-11-26, AMD Zen 4, AVX-512)."""

EARLY_CELLS = 3
"""Registers for cells that LLVM loads early where columns of several phases stand in one block: 7 × 7 with
stride 2 is spilled with tiles of 1 × 5 × 2 and 16 registers, and with 2 × 5 × 2 and 32."""

MOST_IN_ROWS = 150
"""Multiply-adds of one column of a filter's rows that are written out: 15 rows of 10 sums. With 20 rows LLVM
loads weights early and runs out of registers; equal groups waste least."""

MOST_UNROLLED = 200
"""Multiply-adds written out in one block. Compiling takes about 0.2 ms each, and straight-line code of
some thousand takes seconds (1,600 take 0.8 s); loops of 200 have no cost to speak of. A stencil with a stride
has a column of each phase in a block."""

ROWS_OF_ONE = 5
"""Rows of a tile of one channel of images, on cores that begin one vector in a cycle: five sums hide the
latency. 3 × 3, 7 × 7 and 15 × 15 on 3840 × 2160 took 1.99, 8.9 and 37.7 ms with 7 × 2 vectors, and 1.93, 8.1
and 36.1 with 5 × 2; in the caches, too, 5 × 2 was quicker by 3 to 9 % (2026-11-26, AMD Zen 4, AVX-512)."""

TILE_LINES = 2
"""Cache lines of a row of results that a stencil's tile of several rows writes. With 7 × 3 vectors of 64
bytes 21 lines are asked for at the same moment: 3 × 3 on 3840 × 2160 took 4.2 ms, and 3.1 with 5 × 2, though
both are as fast where all is in the caches (2026-11-26, AMD Zen 4, AVX-512)."""

MOST_BYTES = 16 << 20
"""Cells and sums of one item, beyond which no speed is worth the memory. Usual plans stay far below; filters
that span thousands of cells would otherwise rather hold 100 GiB than pack a cell twice."""

SHORT_ROW = 20
"""Numbers that a packed row has room for at least, so that rows spread over the sets of the first cache."""

MOST_PHASES = 16
"""Stride up to which a stencil deals columns out, one phase after the other: each makes 150 instructions."""

DEPTHWISE_PIXELS = (1, 4, 7, 8, 14)
LEAST_TAPS = 3
"""Neighbouring outputs of a depthwise tile: maps are 7, 14, 28 … wide in most networks, or powers of two. The
weights of three taps should fit beside their sums."""

DEPTHWISE_TILE_CYCLES = 12
"""Cycles around a depthwise tile: three nested loops and the stores."""

WIDEST_TURN = 8
"""Side of the largest square of columns × channels that is turned round at once: maps 56 wide hold whole ones
of 8 and not of 16, and more shuffles of 32 bytes than of 64 begin in a cycle. 144 of 56 × 56 with stride 2
took 78 µs with 16 and 76 with 8 (2026-11-26, AMD Zen 4, AVX-512)."""

MOVE_CYCLES = 2.0
TURN_CYCLES = {8: (2.2, 3.4), 4: (3.0, 6.0)}
"""Cycles to move a vector of one pixel's channels as it is; and to pack one or to write one out, turned round
in squares of 8 or of 4. One by one each number takes `PACK_CYCLES_ONE_BY_ONE`. Expected and measured with
these, 3 × 3: 0.080 and 0.073 ms on 192 channels of 28 × 28, 0.062 and 0.058 on 576 of 14 × 14, 0.091 and
0.090 on 144 of 56 × 56 with stride 2, 0.032 and 0.032 on 960 of 7 × 7 (2026-11-25, AMD Zen 3)."""

PLANE_CYCLES = 100
"""Cycles around a stencil's whole plane: 7 × 7 takes 245 and not 119, 14 × 14 490 and not 380; numbers that
were just packed are read by wider loads, which wait until they are in the cache (2026-11-25, AMD Zen 3)."""

MOST_PIXELS = 9
MOST_VECTORS = 4
"""Pixels and vectors of a contraction's tile: each pixel has an address of its own, and x86 has 16 general
registers. Larger tiles gain nothing: 9, 12, 14 × 2 and 28 × 1 on AVX-512 took the same within a hundredth.
Which one fits the map matters: 512 channels of 7 × 7 made 96 % of the peak with 7 × 2 and 86 with 9 × 2
(2026-11-26, AMD Zen 4)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A method and a tile with its estimate; ``busy`` is the share of time spent in the inner block."""

    method: Method
    tile: Triple
    cycles: float
    busy: float
    direct: bool = False
    whole: bool = False


def direct_choices(sizes: Sizes, geometry: Geometry, target: Target) -> list[Choice]:
    """Return every tile of the direct method that fits the registers, with its estimate."""
    found = (_contractions,) if geometry.spread > 1 else (_contractions, _stencils, _depthwise)
    return [choice for method in found for choice in method(sizes, geometry, target)]


def inner_block(
    fmas: float, loads: float, sums: int, target: Target, dtype: str, repeats: float = 0.0
) -> float:
    """Return the cycles of an inner block: the slowest of units, loads and the chain of sums.

    ``repeats`` are loads of single numbers.
    """
    ports = max(loads / target.units, (loads + repeats) / LOADS_PER_CYCLE)
    slowest = max(fmas * _operations(target, dtype) / target.units, ports, FMA_LATENCY * fmas / sums)
    seen = SEEN_LOADS if target.units == 1 else 0.0
    return slowest + seen * ports * ports / max(1.0, slowest)


def crossing(target: Target) -> float:
    """Return the loads that a load at any address costs: half of those of 32 bytes reach into a second line.

    Of those of 64 bytes all do, but for the few that begin with a line.
    """
    return 1 + target.vector_bytes / LINE_BYTES


def _operations(target: Target, dtype: str) -> float:
    """Return the operations of one multiply-add."""
    if dtype in INTEGER_OPERATIONS:
        return INTEGER_OPERATIONS[dtype]
    return 1 if target.fma else 2


def contraction_tiles(target: Target, dtype: str) -> Iterator[tuple[int, int]]:
    """Yield (pixels, vectors) of a contraction's tiles that fit the registers and hide the latency.

    For each number of vectors the largest comes first.
    """
    for vectors in range(1, MOST_VECTORS + 1):
        most = min(MOST_PIXELS, (target.registers - vectors - spare(target, dtype)) // vectors)
        for pixels in range(most, 0, -1):
            if pixels * vectors >= LEAST_SUMS * target.units:
                yield pixels, vectors


def _contractions(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield the tiles of pixels × vectors."""
    lanes = target.lanes(item_bytes(geometry.dtype))
    reduction = sizes.channels * math.prod(geometry.taps)
    plane = sizes.output[1] * sizes.output[2]
    for pixels, vectors in contraction_tiles(target, geometry.dtype):
        panels = pieces(sizes.filters, vectors * lanes) * geometry.spread
        tiles = sizes.output[0] * pieces(plane, pixels) * panels
        sums = pixels * vectors
        block = inner_block(sums, vectors, sums, target, geometry.dtype, repeats=pixels)
        block = max(block, vectors * target.vector_bytes / L2_BYTES_PER_CYCLE)
        pack = _pack_tiles(sizes, geometry, pixels)
        if geometry.reads == "channel" and geometry.converts:
            pack += packed_cells(geometry, sizes.output) * PIXEL_CYCLES
        each = WRITE_CYCLES["contract" if geometry.writes != "none" else "one by one"]
        write = sizes.filters * sizes.outputs * geometry.spread * each
        yield _choice("contract", (pixels, vectors, 1), sizes, tiles, reduction * block, pack + write)


def _pack_tiles(sizes: Sizes, geometry: Geometry, pixels: int) -> float:
    """Return the cycles to pack all cells of a group once for a contraction: by rows, or tile by tile."""
    if geometry.pointwise and geometry.reads == "x" and geometry.stride[2] <= MOST_STEP:
        tiles = sizes.output[0] * pieces(sizes.output[1] * sizes.output[2], pixels)
        return sizes.channels * tiles * PACK_TILE_CYCLES
    cells = sizes.channels * packed_cells(geometry, sizes.output)
    return cells * (PACK_CYCLES if geometry.reads != "none" else PACK_CYCLES_ONE_BY_ONE)


def _stencils(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield the tiles of channels × rows × vectors."""
    if geometry.taps[2] > 1 and geometry.stride[2] > MOST_PHASES:
        return
    whole = lays_border_once(sizes, geometry, target)
    for tile in stencil_tiles(target, geometry.dtype):
        tall = target.units == tile[0] == 1 and tile[1] > ROWS_OF_ONE
        if tall and not (whole and tile[2] == 1):
            continue
        if _tile_bytes(sizes, geometry, target, tile) > MOST_BYTES // 2:
            continue
        if _live(geometry, tile, target) <= target.registers and tile[0] <= max(1, sizes.filters):
            yield _stencil(sizes, geometry, target, tile)


def stencil_tiles(target: Target, dtype: str) -> Iterator[Triple]:
    """Yield tiles of channels × rows × vectors whose sums leave registers for weights and cells."""
    most = target.registers - 5 - spare(target, dtype)
    widest = max(1, TILE_LINES * LINE_BYTES // target.vector_bytes)
    for channels, rows, vectors in itertools.product((1, 2, 4, 6), (1, 2, 3, 4, 5, 7), (1, 2, 3, 6, 10)):
        if rows in (3, 4) and channels != 4:
            continue
        if rows == 1 or (vectors <= min(3, widest) and channels * rows * vectors <= most):
            yield channels, rows, vectors


def _depthwise(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield the tiles of pixels × rows, if there are as many channels as lanes, each with one filter.

    Products of 64 bits would take more registers than the one to spare.
    """
    lanes = target.lanes(item_bytes(geometry.dtype))
    one_each = sizes.channels == sizes.filters == 1 and sizes.groups >= lanes and geometry.dtype != "int64"
    if not one_each or "none" in (geometry.reads, geometry.writes) or compacts(geometry):
        return
    if packed_cells(geometry, (1, 1, 1)) * target.vector_bytes > MOST_BYTES // 2:
        return
    vectors = pieces(sizes.groups, lanes)
    cells = packed_cells(geometry, sizes.output)
    together = sizes.groups if geometry.reads == "channel" else lanes
    small = cells * together * item_bytes(geometry.dtype) <= target.l2_bytes // 4
    moved = cells * _moving(geometry.reads, sizes.input[2], lanes)[0]
    moved += sizes.outputs * _moving(geometry.writes, sizes.output[2], lanes)[1]
    planes = (cells + sizes.outputs) * lanes * item_bytes(geometry.dtype)
    if planes > target.l2_bytes:
        moved += planes / L2_BYTES_PER_CYCLE
    whole = small and geometry.constant_border
    width = geometry.taps[2]
    for pixels in DEPTHWISE_PIXELS:
        if pixels > sizes.output[2] or taps_at_once(pixels, target.registers) < min(width, LEAST_TAPS):
            continue
        cells_read = (pixels - 1) * geometry.stride[2] + width
        row = inner_block(pixels * width, cells_read + width, pixels, target, geometry.dtype)
        rows = sizes.output[0] * sizes.output[1] * pieces(sizes.output[2], pixels)
        inside = rows * math.prod(geometry.taps[:2]) * row
        total = inside + rows * DEPTHWISE_TILE_CYCLES + moved
        cycles = sizes.batch * vectors * total
        yield Choice("depthwise", (pixels, 1, 1), cycles, inside / total if total else 0.0, whole=whole)


def taps_at_once(pixels: int, registers: int) -> int:
    """Return how many taps' weights a depthwise tile keeps, beside its sums, a cell and one to spare."""
    return max(1, registers - pixels - 2)


def _moving(order: str, columns: int, lanes: int) -> tuple[float, float]:
    """Return the cycles to pack and to write a vector of channels: straight, or turned round."""
    if order == "channel":
        return MOVE_CYCLES, MOVE_CYCLES
    side = min(lanes, WIDEST_TURN) if columns >= lanes else 4
    if columns < side or side not in TURN_CYCLES:
        return lanes * PACK_CYCLES_ONE_BY_ONE, lanes * PACK_CYCLES_ONE_BY_ONE
    return TURN_CYCLES[side]


def _tile_bytes(sizes: Sizes, geometry: Geometry, target: Target, tile: Triple) -> int:
    """Return the bytes of the cells that one tile reads of all channels, the least that is packed at once."""
    size, (depth, height, width) = item_bytes(geometry.dtype), geometry.extent
    rows = (tile[1] - 1) * geometry.stride[1] + height
    columns = (tile[2] * target.lanes(size) - 1) * geometry.stride[2] + width + SHORT_ROW
    return depth * rows * columns * sizes.channels * size


def spare(target: Target, dtype: str) -> int:
    """Return the registers for what is used at once: a cell, and the products where there is no multiply-add.

    Instructions that overwrite an operand need a copy before each product: with one register more for them
    LLVM kept up to one in two on the stack, with three more one in eight (tests/compiler/test_assembly.py).
    Integers have no multiply-add: a product takes a register, one of 64 bits three.
    """
    if target.fma and dtype in INTEGER_OPERATIONS:
        return 2 if dtype == "int32" else 4
    return 1 if target.fma else 4


def _live(geometry: Geometry, tile: Triple, target: Target) -> int:
    """Return how many registers a tile needs at once: sums, weights that are used again, and cells."""
    channels, rows, vectors = tile
    sums = channels * rows * vectors
    weights = channels * min(rows, geometry.taps[1])
    if geometry.stride[2] > 1 and geometry.taps[2] > 1:
        weights += EARLY_CELLS
    if cells_first(tile):
        return sums + vectors + spare(target, geometry.dtype)
    return sums + weights + spare(target, geometry.dtype)


def _stencil(sizes: Sizes, geometry: Geometry, target: Target, tile: Triple) -> Choice:
    """Return the estimate of one tile of channels × rows × vectors."""
    channels, rows, vectors = tile
    lanes = target.lanes(item_bytes(geometry.dtype))
    height, width = geometry.taps[1:]
    sums = channels * rows * vectors
    loads = rows_read(geometry, rows, sums) * vectors * (crossing(target) if width > 1 else 1.0)
    repeats = channels * height
    block = inner_block(sums * height, loads, sums, target, geometry.dtype, repeats) * width
    block += _from_l2(sizes, geometry, target, tile)
    tiles = pieces(sizes.filters, channels) * sizes.output[0]
    tiles *= pieces(sizes.output[1], rows) * pieces(sizes.output[2], vectors * lanes)
    straight = geometry.reads == geometry.writes == "x"
    each = WRITE_CYCLES["stencil"] if straight else PACK_CYCLES_ONE_BY_ONE
    write = sizes.filters * sizes.outputs * each
    inside = sizes.channels * geometry.taps[0] * block
    pack = _pack_block(sizes, geometry, straight)
    if straight and lays_border_once(sizes, geometry, target):
        rest = pack / 2 + write + PLANE_CYCLES
        around = TILE_CYCLES * target.units / 2
        return _choice("stencil", tile, sizes, tiles, inside, rest, around, whole=True)
    apart = _pack_border(sizes, geometry, target, tile) + _read_far(sizes, tile)
    direct = straight and reads_directly(geometry) and apart < pack
    return _choice("stencil", tile, sizes, tiles, inside, (apart if direct else pack) + write, direct=direct)


def taps_of_a_column(taps: int, stride: int, sums: int) -> int:
    """Return how many taps of a filter's column are written out together, in equal groups.

    >>> taps_of_a_column(15, 1, 14), taps_of_a_column(6, 2, 20)
    (8, 3)
    """
    most = max(1, min(MOST_IN_ROWS, MOST_UNROLLED // stride) // sums)
    return pieces(taps, pieces(taps, most))


@functools.lru_cache(maxsize=4096)
def rows_read(geometry: Geometry, rows: int, sums: int) -> int:
    """Return how many rows of cells a column of taps loads for so many rows of outputs.

    Taps that are written out together share them.

    >>> from convolve.compiler.expressions import NOTHING
    >>> from convolve.compiler.plan import Arithmetic
    >>> one = Geometry(Arithmetic("float32", "float32", "float32"), (1, 3, 3), (1, 2, 2), (1, 1, 1), "x", "x",
    ...                NOTHING, False, True, True)
    >>> rows_read(one, 4, 16)
    9
    """
    taps, stride, apart = geometry.taps[1], geometry.stride[1], geometry.dilation[1]
    together = taps_of_a_column(taps, geometry.stride[2] if geometry.taps[2] > 1 else 1, sums)
    return sum(
        len({tap * apart + row * stride for tap in range(min(together, taps - first)) for row in range(rows)})
        for first in range(0, taps, together)
    )


def lays_border_once(sizes: Sizes, geometry: Geometry, target: Target) -> bool:
    """Whether a whole plane is one block, with a border that is the same for all planes."""
    cells = packed_cells(geometry, sizes.output) * sizes.channels
    small = cells * item_bytes(geometry.dtype) <= target.l2_bytes // 4
    return small and geometry.constant_border and not compacts(geometry)


@functools.lru_cache(maxsize=256)
def packed_cells(geometry: Geometry, outputs: Triple) -> int:
    """Return how many cells of a channel are packed for so many outputs, which no tile changes."""
    return geometry.code("contract", (1, 1, 1)).cells(outputs)


def reads_directly(geometry: Geometry) -> bool:
    """Whether tiles can read the input where it is: neighbouring outputs read neighbouring cells."""
    plain = geometry.stride[2] == 1 and not geometry.converts and not compacts(geometry)
    return plain and geometry.extent[1] <= MOST_DIRECT_ROWS


def compacts(geometry: Geometry) -> bool:
    """Whether a dimension has one tap and a stride, so that most of its cells are not packed."""
    return any(t == 1 and s > 1 for t, s in zip(geometry.taps, geometry.stride, strict=True))


def _pack_block(sizes: Sizes, geometry: Geometry, straight: bool) -> float:
    """Return the cycles to pack all cells of a group once."""
    cells = sizes.channels * packed_cells(geometry, sizes.output)
    each = PACK_CYCLES if straight else PACK_CYCLES_ONE_BY_ONE
    return cells * each * math.sqrt(geometry.stride[2])


def _read_far(sizes: Sizes, tile: Triple) -> float:
    """Return the cycles lost because the channels of the input lie far apart."""
    if sizes.channels <= FEW_CHANNELS:
        return 0.0
    return sizes.channels * math.prod(sizes.input) * pieces(sizes.filters, tile[0]) * FAR_CYCLES


def _pack_border(sizes: Sizes, geometry: Geometry, target: Target, tile: Triple) -> float:
    """Return the cycles to pack the tiles whose windows reach beyond the input, each by itself."""
    steps = (1, tile[1], tile[2] * target.lanes(item_bytes(geometry.dtype)))
    inside, tiles, cells = 1, 1, 1
    sizes_by_dimension = zip(sizes.input, sizes.output, geometry.extent, geometry.stride, steps, strict=True)
    for length, outputs, extent, stride, step in sizes_by_dimension:
        span = (step - 1) * stride + extent
        there = pieces(outputs, step)
        whole = extent == 1 and length % (step * stride) == 0
        inside *= there if whole else max(0, (length - span) // (step * stride))
        tiles *= there
        cells *= span
    each = sizes.channels * cells * PACK_CYCLES_ONE_BY_ONE * pieces(sizes.filters, tile[0])
    return max(0, tiles - inside) * each


def _from_l2(sizes: Sizes, geometry: Geometry, target: Target, tile: Triple) -> float:
    """Return the cycles to fetch a tile's cells of one channel, if all channels leave the first cache."""
    size = item_bytes(geometry.dtype)
    height = (tile[1] - 1) * geometry.stride[1] + geometry.extent[1]
    width = tile[2] * target.vector_bytes * geometry.stride[2] + geometry.extent[2] * size + LINE_BYTES
    if height * width * sizes.channels * geometry.taps[0] <= target.l1_bytes // 2:
        return 0.0
    return height * width / L2_BYTES_PER_CYCLE


def _choice(
    method: Method,
    tile: Triple,
    sizes: Sizes,
    tiles: int,
    inside: float,
    rest: float,
    around: float = TILE_CYCLES,
    direct: bool = False,
    whole: bool = False,
) -> Choice:
    """Return the estimate of tiles that take ``inside`` cycles each and of the rest of the work."""
    total = tiles * (inside + around) + rest
    cycles = sizes.batch * sizes.groups * total
    return Choice(method, tile, cycles, tiles * inside / total if total else 0.0, direct, whole)
