"""The cost model of products of bytes by fours: the tiles of a contraction, whose packed numbers are words.

Each constant stands beside its reason and its measurement (AMD Zen 4, AVX-512 with VNNI, 2026-11-26).
"""

import math
from collections.abc import Iterator

from convolve.compiler.costs import (
    L2_BYTES_PER_CYCLE,
    PIXEL_CYCLES,
    WRITE_CYCLES,
    Choice,
    contraction_tiles,
    inner_block,
    packed_cells,
)
from convolve.compiler.plan import DOT_CHANNELS
from convolve.compiler.problem import Geometry, Sizes, pieces
from convolve.compiler.target import Target

WORD_CYCLES = {"x": 2.4, "channel": 0.5, "one by one": 4.0}
"""Cycles to pack one word: joined from the bytes of four rows (26,000 words of 8 channels of 114 × 114 took
17 µs), as they stand in memory, where they fill whole vectors, and from single bytes."""

SUM_CYCLES = 3.0
START_CYCLES = 30
"""Cycles around a tile: a load and a store of 64 bytes for each of its sums, and what `costs.TILE_CYCLES`
tells. With these, estimates of 50 shapes were within a sixth of what was measured, but where the planes of a
result lie a multiple of 4 KiB apart: 3 channels to 16 of 320 × 320 take 0.91 ms, 318 × 318 0.61."""


SPARE = 3
"""Registers for what is used at once: with two, 9 pixels × 3 vectors, LLVM kept a sum on the stack."""


def dot_tiles(target: Target) -> Iterator[tuple[int, int]]:
    """Yield (pixels, vectors) of tiles that fit the registers.

    >>> from convolve.compiler.target import AVX512_VNNI
    >>> tiles = list(dot_tiles(AVX512_VNNI))
    >>> (9, 2) in tiles, (9, 3) in tiles
    (True, False)
    """
    for pixels, vectors in contraction_tiles(target, "float32"):
        if (pixels + 1) * vectors + SPARE <= target.registers:
            yield pixels, vectors


def dot_choices(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield every tile of pixels × vectors that fits the registers, if bytes may be multiplied by fours."""
    if not (target.dots and geometry.arithmetic.bytes) or geometry.spread > 1:
        return
    words, lanes = pieces(sizes.channels, DOT_CHANNELS), target.lanes(4)
    rest = _packing(words, sizes, geometry, lanes) + _writing(sizes, geometry, lanes)
    images, plane = sizes.batch * sizes.groups, sizes.output[1] * sizes.output[2]
    for pixels, vectors in dot_tiles(target):
        tiles = sizes.output[0] * pieces(plane, pixels) * pieces(sizes.filters, vectors * lanes)
        inside = tiles * words * math.prod(geometry.taps) * _block(pixels, vectors, target)
        total = inside + tiles * (START_CYCLES + SUM_CYCLES * pixels * vectors) + rest
        yield Choice("dot", (pixels, vectors, 1), images * total, inside / total if total else 0.0)


def _block(pixels: int, vectors: int, target: Target) -> float:
    """Return the cycles of an inner block: as many dot products are done in a cycle as multiply-adds."""
    sums = pixels * vectors
    block = inner_block(sums, vectors, sums, target, "float32", repeats=pixels)
    return max(block, vectors * target.vector_bytes / L2_BYTES_PER_CYCLE)


def _packing(words: int, sizes: Sizes, geometry: Geometry, lanes: int) -> float:
    """Return the cycles to pack all cells of a group once."""
    pixels = packed_cells(geometry, sizes.output)
    if geometry.reads == "x":
        return pixels * words * WORD_CYCLES["x"]
    vectors = geometry.reads == "channel" and words >= lanes
    return pixels * (words * WORD_CYCLES["channel" if vectors else "one by one"] + PIXEL_CYCLES)


def _writing(sizes: Sizes, geometry: Geometry, lanes: int) -> float:
    """Return the cycles to write a group's outputs: whole vectors of channels, the others one by one."""
    single = sizes.filters if geometry.writes == "none" else sizes.filters % lanes
    whole = (sizes.filters - single) * WRITE_CYCLES["contract"]
    return sizes.outputs * (whole + single * WRITE_CYCLES["one by one"])
