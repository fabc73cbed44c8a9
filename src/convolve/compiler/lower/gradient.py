"""The gradient with respect to the weight: products of cells and output gradients, summed over pixels.

Weights are counted ``m = channel · taps + tap``, in the order in which they lie in memory. An item of work
has some input channels and some panels of output channels, and goes through all pixels of its part: block by
block it packs the cells, border included, and the output gradients of these pixels, and adds the block's sums
to those so far. Every block's sums begin at 0, so that rounding errors do not grow with the number of pixels.

"gradient_contract" keeps ``weights × vectors`` sums, vectors of output channels: for each pixel it loads the
gradients of the vectors, repeats one cell per weight over a register, and multiplies each with each. Where
output channels are few, "gradient_stencil" keeps ``weights × channels`` sums over neighbouring pixels, whose
lanes are added up in a fixed tree at the end.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Packer, Place, packs_by_channel
from convolve.compiler.lower.frame import (
    BC,
    BX,
    BY,
    BZ,
    FACTS,
    OX,
    OY,
    OZ,
    SYMBOLS,
    C,
    G,
    K,
    N,
    image_index,
    shared_buffers,
)
from convolve.compiler.lower.unroll import counted
from convolve.compiler.plan import Code
from convolve.compiler.target import Target

KP, BK, S, XS = map(Affine.symbol, ("KP", "BK", "S", "XS"))
"""Panels of output channels, those of one item, parts of the pixels, and the columns that a packed row has
room for."""

RANGES = (("n", N), ("z", OZ), ("y", OY), ("x", OX))
"""What a part is a range of; ``n_part`` holds at 2·s where part s begins, and behind it where it ends."""


TAP_TABLES = ("plane", "row", "phase", "column")
"""What tables say of each tap: the place, in a block's packed cells, of the cell that it meets first."""

Tap = tuple[Affine, Affine, Affine, Affine]


@dataclass(frozen=True, slots=True)
class Item:
    """What one item of work has: a group, input channels, panels of output channels, and a part."""

    g: Affine
    channel: tuple[Affine, Affine]
    panel: tuple[Affine, Affine]
    part: Affine


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight of the tile: its number, its channel in the block, and where the first cell of its tap is."""

    number: Affine
    channel: Affine
    tap: Tap


def gradient(code: Code, target: Target) -> Routine:
    """Return the loop nest of a gradient with respect to the weight."""
    return _writer(code, target).routine()


def gradient_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of such a gradient."""
    return _writer(code, target).signature()


def tap_extents(code: Code) -> dict[str, int]:
    """Return below what the values of each table of taps lie."""
    depth, height, width = code.extent
    columns = (width - 1) // code.phases + 1
    return dict(zip(TAP_TABLES, (depth, height, code.phases, columns), strict=True))


def _writer(code: Code, target: Target) -> "_Gradient":
    return (_Contract if code.method == "gradient_contract" else _Stencil)(code, target)


class _Gradient(ABC):
    """What both ways share: the item, its blocks of pixels, and the loops over panels and weights."""

    def __init__(self, code: Code, target: Target) -> None:
        self.code, self.pen = code, Pen()
        self.lanes = target.lanes(ITEM_BYTES[code.dtype])
        self.weights, self.columns, _ = code.tile
        self.taps = math.prod(code.taps)

    width: int
    """Output channels of a panel."""

    @abstractmethod
    def packed_gradients(self) -> list[Index]:
        """Return the extents of a panel's packed output gradients."""

    @abstractmethod
    def kept_sums(self) -> list[Index]:
        """Return the extents of what is kept of each weight of a panel."""

    @abstractmethod
    def room(self) -> Affine:
        """Return the columns that a packed row must have room for."""

    @abstractmethod
    def prepare(self) -> None:
        """Write what comes before the first block."""

    @abstractmethod
    def pack(self, item: Item, place: Place) -> None:
        """Pack the output gradients of a block."""

    @abstractmethod
    def tile(self, panel: Affine, place: Place, weights: Sequence[Weight], again: Affine) -> None:
        """Sum up a tile over the pixels of a block; ``again >= 0`` if there are sums of earlier blocks."""

    @abstractmethod
    def finish(self, item: Item) -> None:
        """Write the sums out."""

    def routine(self) -> Routine:
        """Return the loop nest."""
        with self.pen.share([("g", G, 1), ("c", C, BC), ("k", KP, BK), ("s", S, 1)]) as (g, c, k, s):
            item = Item(g[0], c, k, s[0])
            self.prepare()
            self._blocks(item)
            self.finish(item)
        return Routine.of(self.signature(), self.pen.body())

    def signature(self) -> Signature:
        """Return what a caller must know."""
        code = self.code
        depth, height = (
            (b - 1) * s + e for b, s, e in zip((BZ, BY), code.packed_stride, code.extent, strict=False)
        )
        cells: list[Index] = [BC, depth, height, code.phases, XS]
        if packs_by_channel(code):
            cells = [depth, height, XS, BC]
        image, output, *rest = shared_buffers(code)
        parts = [
            Buffer(f"{name}_part", "int64", (S * 2,), "table", values=(Affine.of(0), extent + 1))
            for name, extent in RANGES
        ]
        taps = [
            Buffer(f"tap_{name}", "int64", affines([self.taps]), "table", values=(Affine(), Affine.of(end)))
            for name, end in tap_extents(code).items()
        ]
        buffers = (
            image,
            Buffer("gradient", code.dtype, output.extents, "input", output.contiguous),
            Buffer("output", code.dtype, affines([S, G, K, C * self.taps]), "output"),
            *rest,
            *parts,
            *taps,
            Buffer("cells", code.dtype, affines(cells), "scratch"),
            Buffer("gradients", code.dtype, affines([BK, *self.packed_gradients()]), "scratch"),
            Buffer("sums", code.dtype, affines([BK, *self.kept_sums()]), "scratch"),
        )
        facts = (*FACTS, KP, BK - 1, S, XS - self.room())
        return Signature("gradient", (*SYMBOLS, "KP", "BK", "S", "XS"), facts, buffers)

    # -- blocks of pixels ------------------------------------------------------------------------------

    def _blocks(self, item: Item) -> None:
        """Go through the pixels of a part, block by block."""
        pen = self.pen
        first, last = self._range("n", item.part)
        origin, extents = [], []
        for name, _ in RANGES[1:]:
            start, stop = self._range(name, item.part)
            origin.append(start)
            extents.append(pen.largest(f"{name}_count_of_part", 0, stop - start))
        with (
            pen.loop("n", first, last) as n,
            pen.blocks("z", extents[0], BZ) as z,
            pen.blocks("y", extents[1], BY) as y,
            pen.blocks("x", extents[2], BX) as x,
        ):
            starts = [first + block[0] for first, block in zip(origin, (z, y, x), strict=True)]
            place = Place(n, item.g, starts, (z[1], y[1], x[1]))
            Packer(pen, self.code, self.lanes, place).pack(*item.channel)
            self.pack(item, place)
            with pen.loop("kp", 0, item.panel[1]) as panel:
                self._tiles(item, panel, place, n - first + z[0] + y[0] + x[0] - 1)

    def _range(self, name: str, part: Affine) -> tuple[Affine, Affine]:
        """Return where a part begins and ends."""
        start = self.pen.lookup(f"{name}_first", f"{name}_part", part * 2)
        return start, self.pen.lookup(f"{name}_last", f"{name}_part", part * 2 + 1)

    def _tiles(self, item: Item, panel: Affine, place: Place, again: Affine) -> None:
        """Go through all weights of a panel, some at a time."""
        channels, by_channel = item.channel[1], packs_by_channel(self.code)
        rows, columns = (self.taps, channels) if by_channel else (channels, self.taps)
        with self.pen.walk(self.weights, rows, columns, BC * self.taps) as (_, places):
            found = []
            for i, (row, column) in enumerate(places):
                channel, tap = (column, row) if by_channel else (row, column)
                found.append(Weight(channel * self.taps + tap, channel, self._tap(i, tap)))
            self.tile(panel, place, found, again)

    def _tap(self, i: int, tap: Affine) -> Tap:
        """Look up where a tap's first cell is."""
        plane, row, phase, column = (
            self.pen.lookup(f"{name}_of{i}", f"tap_{name}", tap) for name in TAP_TABLES
        )
        return plane, row, phase, column

    def above(self, weight: Weight, z: Affine, y: Affine) -> tuple[Affine, Affine]:
        """Return the plane and the row of the cells that a weight meets in a row of pixels."""
        depth, height, _ = self.code.packed_stride
        return z * depth + weight.tap[0], y * height + weight.tap[1]

    def keep(self, sums: Sequence[tuple[str, Sequence[Index]]], again: Affine) -> None:
        """Add a block's sums to those of the blocks before, if there are any.

        All are read before any is written: a tile that reaches behind the last weight has it several times.
        """
        pen = self.pen
        with pen.when(again):
            for register, place in sums:
                pen.load("before_it", "sums", place, self.lanes)
                pen.compute(register, "add", "before_it", register)
        for register, place in sums:
            pen.store("sums", place, register, self.lanes)


class _Contract(_Gradient):
    """Vectors of output channels."""

    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.width = self.columns * self.lanes

    def packed_gradients(self) -> list[Index]:
        return [BZ, BY, BX, self.width]

    def kept_sums(self) -> list[Index]:
        return [BC * self.taps, self.width]

    def room(self) -> Affine:
        return (BX - 1) * self.code.packed_stride[2] + self.code.extent[2]

    def prepare(self) -> None:
        """Nothing: every number of the scratch is written before it is read."""

    # -- packing the output gradients --------------------------------------------------------------------

    def pack(self, item: Item, place: Place) -> None:
        """Pack [panel][z][y][x][channel of the panel]."""
        pen = self.pen
        pen.number("nothing", 0.0, self.code.dtype, 1)
        with (
            pen.loop("kp", 0, item.panel[1]) as panel,
            pen.loop("oz", 0, place.counts[0]) as z,
            pen.loop("oy", 0, place.counts[1]) as y,
        ):
            for v in range(self.columns):
                self._pack_row(place, (panel, z, y), v, (item.panel[0] + panel) * self.width + v * self.lanes)

    def _pack_row(self, place: Place, at: tuple[Affine, Affine, Affine], v: int, first: Affine) -> None:
        """Pack the channels of one vector of a row of pixels."""
        pen, lanes, count = self.pen, self.lanes, place.counts[2]
        wide = K - first - lanes
        if self.code.writes == "x":
            wide = pen.smallest(f"room{v}", wide, count - lanes)
        if self.code.writes != "none":
            with pen.when(wide):
                (self._turned if self.code.writes == "x" else self._straight)(place, at, v, first)
            with pen.otherwise():
                self._single(place, at, v, first)
            return
        self._single(place, at, v, first)

    def _source(self, place: Place, at: Sequence[Affine], channel: Affine, x: Affine) -> tuple[Affine, ...]:
        """Return the place of an output gradient in memory."""
        z, y, left = place.starts
        index = (z + at[1], y + at[2], left + x)
        return image_index(self.code.writes, place.n, place.g, channel, *index)

    def _turned(self, place: Place, at: tuple[Affine, Affine, Affine], v: int, first: Affine) -> None:
        """Pack a square of channels × pixels at a time, turned round."""
        pen, lanes = self.pen, self.lanes
        with pen.loop("ox", 0, place.counts[2], lanes, overlap=True) as x:
            rows = [
                pen.load(f"row{i}", "gradient", self._source(place, at, first + i, x), lanes)
                for i in range(lanes)
            ]
            columns = [f"column{j}" for j in range(lanes)]
            pen.transpose(columns, rows)
            for j, column in enumerate(columns):
                pen.store("gradients", [*at, x + j, v * lanes], column, lanes)

    def _straight(self, place: Place, at: tuple[Affine, Affine, Affine], v: int, first: Affine) -> None:
        """Pack a vector of one pixel's channels at a time."""
        with self.pen.loop("ox", 0, place.counts[2]) as x:
            moved = self.pen.load("moved_row", "gradient", self._source(place, at, first, x), self.lanes)
            self.pen.store("gradients", [*at, x, v * self.lanes], moved, self.lanes)

    def _single(self, place: Place, at: tuple[Affine, Affine, Affine], v: int, first: Affine) -> None:
        """Pack number by number, and zeros where there is no channel."""
        pen, lanes = self.pen, self.lanes
        with pen.loop("ox", 0, place.counts[2]) as x:
            with pen.loop("lane", 0, [lanes, K - first]) as lane:
                moved = pen.load("moved_one", "gradient", self._source(place, at, first + lane, x))
                pen.store("gradients", [*at, x, lane + v * lanes], moved)
            with pen.loop("lane", [0, K - first], lanes) as lane:
                pen.store("gradients", [*at, x, lane + v * lanes], "nothing")

    # -- the tile ----------------------------------------------------------------------------------------

    def tile(self, panel: Affine, place: Place, weights: Sequence[Weight], again: Affine) -> None:
        """Sum up a tile of weights × vectors of output channels."""
        pen, lanes = self.pen, self.lanes
        every = list(itertools.product(range(self.weights), range(self.columns)))
        for i, v in every:
            pen.number(f"sum{i}_{v}", 0.0, self.code.dtype, lanes)
        with (
            pen.loop("oz", 0, place.counts[0]) as z,
            pen.loop("oy", 0, place.counts[1]) as y,
        ):
            work = self.weights * self.columns
            for x in counted(pen, "ox", place.counts[2], work, lambda _: None):
                self._pixel([panel, z, y, x], weights)
        self.keep([(f"sum{i}_{v}", [panel, weights[i].number, v * lanes]) for i, v in every], again)

    def _pixel(self, at: Sequence[Affine], weights: Sequence[Weight]) -> None:
        """Add the products of one pixel."""
        pen, code, (_, z, y, x) = self.pen, self.code, at
        for v in range(self.columns):
            pen.load(f"gradient{v}", "gradients", [*at, v * self.lanes], self.lanes)
        for i, weight in enumerate(weights):
            above = self.above(weight, z, y)
            column = x * code.packed_stride[2] + weight.tap[3]
            index: list[Index] = [weight.channel, *above, 0, column]
            if packs_by_channel(code):
                index = [*above, column, weight.channel]
            pen.repeat("cell", "cells", index, self.lanes)
            for v in range(self.columns):
                pen.compute(f"sum{i}_{v}", "fma", "cell", f"gradient{v}", f"sum{i}_{v}")

    # -- writing out -------------------------------------------------------------------------------------

    def finish(self, item: Item) -> None:
        """Write the sums out, turned round where there are whole vectors of channels and of weights."""
        pen, lanes = self.pen, self.lanes
        count = item.channel[1] * self.taps
        with pen.loop("kp", 0, item.panel[1]) as panel:
            for v in range(self.columns):
                first = (item.panel[0] + panel) * self.width + v * lanes
                with pen.when(pen.smallest(f"square{v}", K - first - lanes, count - lanes)):
                    self._write_turned(item, panel, v, first, count)
                with pen.otherwise():
                    self._write_single(item, panel, v, first, count)

    def _write_turned(self, item: Item, panel: Affine, v: int, first: Affine, count: Affine) -> None:
        pen, lanes = self.pen, self.lanes
        with pen.loop("m", 0, count, lanes, overlap=True) as m:
            rows = [pen.load(f"row{i}", "sums", [panel, m + i, v * lanes], lanes) for i in range(lanes)]
            columns = [f"column{j}" for j in range(lanes)]
            pen.transpose(columns, rows)
            for j, column in enumerate(columns):
                place = [item.part, item.g, first + j, item.channel[0] * self.taps + m]
                pen.store("output", place, column, lanes)

    def _write_single(self, item: Item, panel: Affine, v: int, first: Affine, count: Affine) -> None:
        pen, lanes = self.pen, self.lanes
        with pen.loop("lane", 0, [lanes, K - first]) as lane, pen.loop("m", 0, count) as m:
            one = pen.load("one", "sums", [panel, m, lane + v * lanes])
            place = [item.part, item.g, first + lane, item.channel[0] * self.taps + m]
            pen.store("output", place, one)


class _Stencil(_Gradient):
    """Vectors of neighbouring pixels; rows are filled up with zeros to whole vectors."""

    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.width = self.columns

    def packed_gradients(self) -> list[Index]:
        return [self.width, BZ, BY, BX + self.lanes]

    def kept_sums(self) -> list[Index]:
        return [self.width, BC * self.taps, self.lanes]

    def room(self) -> Affine:
        code = self.code
        return BX + (self.lanes - 1 + (code.extent[2] - 1) // code.packed_stride[2])

    def prepare(self) -> None:
        """Fill the scratch of cells: the zeros that fill up a row are multiplied by what lies there."""
        pen = self.pen
        nothing = pen.number("no_cells", 0.0, self.code.dtype, self.lanes)
        channels, depth, height, phases, columns = self.signature().buffer("cells").extents
        with (
            pen.loop("bc", 0, channels) as c,
            pen.loop("bz", 0, depth) as z,
            pen.loop("by", 0, height) as y,
            pen.loop("bp", 0, phases) as phase,
            pen.loop("bx", 0, columns, self.lanes, overlap=True) as x,
        ):
            pen.store("cells", [c, z, y, phase, x], nothing, self.lanes)

    # -- packing the output gradients --------------------------------------------------------------------

    def pack(self, item: Item, place: Place) -> None:
        """Pack [panel][channel of the panel][z][y][x]."""
        pen = self.pen
        pen.number("nothing", 0.0, self.code.dtype, self.lanes)
        with (
            pen.loop("kp", 0, item.panel[1]) as panel,
            pen.loop("lane", 0, [self.width, K - (item.panel[0] + panel) * self.width]) as lane,
            pen.loop("oz", 0, place.counts[0]) as z,
            pen.loop("oy", 0, place.counts[1]) as y,
        ):
            at = [panel, lane, z, y]
            channel = (item.panel[0] + panel) * self.width + lane
            pen.store("gradients", [*at, place.counts[2]], "nothing", self.lanes)
            widest = self.lanes if self.code.writes == "x" else 1
            pen.widths(place.counts[2], widest, lambda lanes: self._pack_row(place, at, channel, lanes))

    def _pack_row(self, place: Place, at: Sequence[Affine], channel: Affine, lanes: int) -> None:
        """Pack a row of pixels of one channel."""
        (starts_z, starts_y, left), (_, _, z, y) = place.starts, at
        with self.pen.loop("ox", 0, place.counts[2], lanes, overlap=lanes > 1) as x:
            index = image_index(
                self.code.writes, place.n, place.g, channel, starts_z + z, starts_y + y, left + x
            )
            moved = self.pen.load(f"moved_row{lanes}", "gradient", index, lanes)
            self.pen.store("gradients", [*at, x], moved, lanes)

    # -- the tile ----------------------------------------------------------------------------------------

    def tile(self, panel: Affine, place: Place, weights: Sequence[Weight], again: Affine) -> None:
        """Sum up a tile of weights × output channels, some pixels at a time."""
        pen, lanes = self.pen, self.lanes
        every = list(itertools.product(range(self.weights), range(self.width)))
        for i, k in every:
            pen.number(f"sum{i}_{k}", 0.0, self.code.dtype, lanes)
        with (
            pen.loop("oz", 0, place.counts[0]) as z,
            pen.loop("oy", 0, place.counts[1]) as y,
            pen.loop("ox", 0, place.counts[2] + (lanes - 1), lanes) as x,
        ):
            for k in range(self.width):
                pen.load(f"gradient{k}", "gradients", [panel, k, z, y, x], lanes)
            for i, weight in enumerate(weights):
                phase, column = weight.tap[2:]
                pen.load(
                    "cell", "cells", [weight.channel, *self.above(weight, z, y), phase, x + column], lanes
                )
                for k in range(self.width):
                    pen.compute(f"sum{i}_{k}", "fma", "cell", f"gradient{k}", f"sum{i}_{k}")
        self.keep([(f"sum{i}_{k}", [panel, k, weights[i].number, 0]) for i, k in every], again)

    # -- writing out -------------------------------------------------------------------------------------

    def finish(self, item: Item) -> None:
        """Add the lanes of each sum and write the totals out, as many at once as there are lanes."""
        pen, count = self.pen, item.channel[1] * self.taps
        with (
            pen.loop("kp", 0, item.panel[1]) as panel,
            pen.loop("lane", 0, [self.width, K - (item.panel[0] + panel) * self.width]) as lane,
        ):
            channel = (item.panel[0] + panel) * self.width + lane
            with pen.when(count - self.lanes):
                self._write_together(item, (panel, lane), channel, count)
            with pen.otherwise():
                self._write_single(item, (panel, lane), channel, count)

    def _write_together(self, item: Item, at: tuple[Affine, Affine], channel: Affine, count: Affine) -> None:
        pen, lanes = self.pen, self.lanes
        with pen.loop("m", 0, count, lanes, overlap=True) as m:
            rows = [pen.load(f"row{i}", "sums", [*at, m + i, 0], lanes) for i in range(lanes)]
            columns = [f"column{j}" for j in range(lanes)]
            pen.transpose(columns, rows)
            place = [item.part, item.g, channel, item.channel[0] * self.taps + m]
            pen.store("output", place, self._tree(columns), lanes)

    def _write_single(self, item: Item, at: tuple[Affine, Affine], channel: Affine, count: Affine) -> None:
        pen = self.pen
        with pen.loop("m", 0, count) as m:
            ones = [pen.load(f"one{i}", "sums", [*at, m, i]) for i in range(self.lanes)]
            place = [item.part, item.g, channel, item.channel[0] * self.taps + m]
            pen.store("output", place, self._tree(ones))

    def _tree(self, registers: Sequence[str]) -> str:
        """Return the sum of some registers, added pair by pair."""
        while len(registers) > 1:
            pairs = zip(registers[::2], registers[1::2], strict=True)
            registers = [self.pen.compute(a, "add", a, b) for a, b in pairs]
        return registers[0]
