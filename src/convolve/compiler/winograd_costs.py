"""The cost model of Winograd's method: for what, with which tiles, and how much one item does.

Its constants were measured on 64 channels of 56 × 56, 3 × 3, whose parts were timed one by one: packing 41
µs, transforming cells 83, products 565, transforming back and writing out 90 of 782. For 14 shapes of 8 to
512 channels it was then within a quarter of what was measured (2026-11-25, AMD Zen 3).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from convolve.compiler.costs import (
    MOST_BYTES,
    PACK_CYCLES,
    WRITE_CYCLES,
    Choice,
    contraction_tiles,
    inner_block,
)
from convolve.compiler.plan import Code, Triple
from convolve.compiler.problem import Geometry, Sizes, item_bytes, panel_channels, pieces
from convolve.compiler.target import Target
from convolve.compiler.winograd import POINTS, TAPS, beyond

FORWARD_CYCLES = 4.7
BACK_CYCLES = 3.0
"""Cycles to transform a vector of channels of one point's cells, and of one point's products back: forward
costs more because every store reaches another page."""

TILE_CYCLES = 20
"""Cycles around the inner block of one tile: sums are stored, and none are loaded."""

WEIGHT_BYTES_PER_CYCLE = 12
"""Weights that arrive per cycle from beyond the second-level cache, fetched ahead: each block reads all of
them. 512 channels of 14 × 14, 38 MB, and 256, 9.4 MB, lost 3.0 and 0.66 million cycles by it."""

LEAST_FILLED = 0.5
"""Part of the registers that sums fill at least: smaller tiles were never the cheapest, and would double the
time of planning."""

BLOCK_CYCLES = 300
"""Cycles around an item: finding its place, its tables and bounds."""

MOST_TILES = 48
"""Tiles of a block. With more the weights count no less to speak of: 12, 28, 42 and 56 tiles of 128 channels
made 262, 276, 302 and 277 GFLOP/s, where 42 fill the contraction's tiles of six and 28 and 56 do not."""

MOST_CHANNELS = 2048
"""Input channels up to which the bound of 1e-5 is kept with room to spare: 4.0e-6 at 2048 (2026-11-26)."""

MOST_RESIDUES = 16
"""Tiles that stand side by side because of a dilation, up to which a block of some of them fits the cache."""

LEAST_CHANNELS = 16
"""Channels, in and out, from which on the transforms are sure to pay: with 8 to 8 the direct method was
quicker at 14 × 14, and slower by a seventh at 56 × 56."""

UNBOUND_SHARE = 0.25
"""Part of the cost of packing that counts: the choice is the same whether weights are bound once or packed in
every call, since the bits must be."""

PACK_WEIGHT_CYCLES = 1.0
"""Cycles to pack one transformed weight, beyond what packing for the direct method takes: 0.5 for the 4.2
million of 512 × 512 by F(2×2), 1.2 for the 9.4 million by F(4×4)."""


def winograd_choices(sizes: Sizes, geometry: Geometry, target: Target) -> Iterator[Choice]:
    """Yield the tiles of Winograd's method with their estimates, if it may be taken."""
    if not _fits(sizes, geometry, target):
        return
    for outputs in POINTS:
        for tiles, vectors in contraction_tiles(target, geometry.dtype):
            if tiles * vectors < target.registers * LEAST_FILLED:
                continue
            code = geometry.code("winograd", (tiles, vectors, outputs))
            items = _Items(code, sizes, target)
            cycles = min(items.cycles(cut) for cut in items.cuts(1))
            weights = items.points * sizes.channels * sizes.filters
            cycles += weights * PACK_WEIGHT_CYCLES * UNBOUND_SHARE / sizes.batch
            whole = sizes.batch * sizes.groups * cycles
            yield Choice("winograd", code.tile, whole, items.busy() / cycles)


def _fits(sizes: Sizes, geometry: Geometry, target: Target) -> bool:
    """Whether the method can be taken, keeps its bound, and may be worth its transforms."""
    plain = geometry.stride == (1, 1, 1) and geometry.taps == (1, 3, 3)
    plain = plain and math.prod(geometry.dilation[1:]) <= MOST_RESIDUES
    lanes = target.lanes(item_bytes(geometry.dtype))
    least = max(LEAST_CHANNELS, lanes)
    enough = least <= sizes.channels <= MOST_CHANNELS and sizes.filters >= least and sizes.outputs > 0
    return geometry.transforms and geometry.dtype == "float32" and plain and enough


FEW_ITEMS = 24
"""Up to here a block cut off decides how long threads wait for each other: of 28 rows two threads took
24 and 4, and 2.8 ms where one took 3.1 (deeplab.d2, 2026-11-26, AMD Zen 4)."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How much one item does: groups of tiles down and across, and panels."""

    down: int
    across: int
    panels: int


class _Items:
    """The work of one image's group, cut into items, and the cycles of its parts."""

    def __init__(self, code: Code, sizes: Sizes, target: Target) -> None:
        self.tiles, vectors, outputs = code.tile
        self.points = (outputs + TAPS - 1) ** 2
        self.span = [outputs * apart for apart in code.dilation[1:]]
        self.together = math.prod(code.dilation[1:])
        self.rows, self.columns = map(pieces, (max(1, size) for size in sizes.output[1:]), self.span)
        self.width, item = panel_channels(code, target), item_bytes(code.dtype)
        self.panels = max(1, pieces(sizes.filters, self.width))
        self.channels, self.item = sizes.channels, item
        lanes, sums = target.lanes(item), self.tiles * vectors
        cells = self.points * FORWARD_CYCLES + 1.3 * outputs**2 * lanes * PACK_CYCLES
        self._cells = pieces(sizes.channels, lanes) * cells
        back = self.points * BACK_CYCLES + outputs**2 * lanes * WRITE_CYCLES["contract"]
        self._back = pieces(sizes.filters, lanes) * back
        numbers = self.points * sizes.channels * self.panels * self.width
        self._weights = numbers * item / WEIGHT_BYTES_PER_CYCLE
        block = inner_block(sums, vectors, sums, target, code.dtype, repeats=self.tiles)
        self._products = self.points * self.panels * (sizes.channels * block + TILE_CYCLES)

    def cuts(self, threads: int) -> Iterator[Cut]:
        """Yield ways to cut: whole rows of tiles if a block holds one, else parts of a row."""
        parts = {pieces(self.panels, many) for many in ((1, 2, 4, 8) if threads > 1 else (1,))}
        groups = max(1, MOST_TILES // self.together)
        narrow = pieces(self.columns, groups)
        for across in {pieces(self.columns, many) for many in range(narrow, 4 * narrow + 1)}:
            most = min(self.rows, groups // across)
            for down in range(max(1, most // (2 * threads)), most + 1):
                for panels in parts:
                    cut = Cut(down, across, panels)
                    if down == 1 or self._room(cut) <= MOST_BYTES:
                        yield cut

    def _room(self, cut: Cut) -> int:
        """Return the bytes of an item's transformed cells and products."""
        channels = self.channels + cut.panels * self.width
        return self.points * cut.down * cut.across * self.together * channels * self.item

    def cycles(self, cut: Cut) -> float:
        """Return the cycles of all items of an image's group."""
        return sum(many * one for one, many in self._each(cut))

    def _each(self, cut: Cut) -> Iterator[tuple[float, int]]:
        """Yield the cycles of a block, all its shares of panels together, and how many blocks are such."""
        shares = pieces(self.panels, cut.panels)
        for down, many_down in _blocks(self.rows, cut.down):
            for across, many_across in _blocks(self.columns, cut.across):
                yield self._block(down * across * self.together, shares), many_down * many_across

    def until_all_are_done(self, cut: Cut, threads: int, images: int) -> float:
        """Return the cycles that threads take, each taking the longest item that is left."""
        shares, everything = pieces(self.panels, cut.panels), images * self.items(cut)
        if everything > FEW_ITEMS:
            return images * self.cycles(cut) * pieces(everything, threads) / everything
        each = [one / shares for one, many in self._each(cut) for _ in range(many * shares * images)]
        taken = [0.0] * threads
        for item in sorted(each, reverse=True):
            taken[taken.index(min(taken))] += item
        return max(taken)

    def busy(self) -> float:
        """Return the cycles that the products take if they fill all tiles."""
        return self._products * pieces(self.rows * self.columns * self.together, self.tiles)

    def items(self, cut: Cut) -> int:
        """Return how many items there are of an image's group."""
        blocks = pieces(self.rows, cut.down) * pieces(self.columns, cut.across)
        return blocks * pieces(self.panels, cut.panels)

    def _block(self, tiles: int, shares: int) -> float:
        """Return the cycles of a block of tiles; its cells are transformed anew for every share of panels."""
        cells = shares * (tiles * self._cells + BLOCK_CYCLES)
        return cells + tiles * self._back + self._products * pieces(tiles, self.tiles) + self._weights


def _blocks(length: int, step: int) -> Iterator[tuple[int, int]]:
    """Yield sizes of blocks and how many there are of each."""
    yield step, length // step
    if length % step:
        yield length % step, 1


def winograd_blocking(code: Code, sizes: Sizes, target: Target, threads: int) -> tuple[Triple, int]:
    """Return the block of outputs and the panels of one item."""
    items = _Items(code, sizes, target)

    def cost(cut: Cut) -> float:
        return items.until_all_are_done(cut, threads, sizes.batch * sizes.groups)

    best, (down, across) = min(items.cuts(threads), key=cost), items.span
    height, width = sizes.output[1:]
    return (1, min(height, best.down * down), min(width, best.across * across)), best.panels


SPREAD = 8
"""Numbers between one tile's transformed channels and the next one's: powers of two would share few sets."""


def winograd_parameters(sizes: Sizes, code: Code, block: Triple) -> dict[str, int]:
    """Return the values of the parameters of which Winograd's routine has another idea."""
    outputs, apart = code.tile[2], code.dilation[1:]
    tiles = math.prod(
        pieces(size, outputs * step) * step for size, step in zip(block[1:], apart, strict=True)
    )
    return {
        "PT": pieces(tiles, code.tile[0]),
        "XS": block[2] + beyond(outputs, apart[1]) + 2 * apart[1],
        "CS": sizes.channels + SPREAD,
    }
