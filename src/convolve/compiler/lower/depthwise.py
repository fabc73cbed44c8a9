"""The depthwise convolution: every channel has its own filter, so vectors of channels are kept in registers.

A vector of cells is one cell of each channel, and it is multiplied by a vector of weights, one tap of each
channel. Nothing is repeated over a register, and a map 7 wide fills vectors as well as a large one. An item
is a block of outputs of one vector of channels; its cells are packed as [z][y][x][channel], turned round
where the input has neighbouring columns in memory. Where channels do not fill a vector, the last one is moved
back and computes some of them again.

To the routine all channels are those of one group: ``G`` is 1 and ``C`` and ``K`` are the number of groups.
"""

import itertools
from collections.abc import Sequence

from convolve.compiler.affine import Affine
from convolve.compiler.builder import Pen
from convolve.compiler.costs import WIDEST_TURN, taps_at_once
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Columns, Packer, Place, Row
from convolve.compiler.lower.frame import (
    BEFORE,
    BX,
    BY,
    BZ,
    FACTS,
    SYMBOLS,
    C,
    K,
    grid,
    image_index,
    shared_buffers,
    write_output,
)
from convolve.compiler.lower.pack import weight_extents
from convolve.compiler.lower.unroll import tap_runs
from convolve.compiler.plan import Code
from convolve.compiler.target import Target

KP, XS = map(Affine.symbol, ("KP", "XS"))
"""Vectors of channels, and the columns that a packed row has room for."""

NONE = Affine.of(0)
Pair = tuple[Affine, Affine]
At = tuple[Affine, Affine, Affine]


def depthwise(code: Code, target: Target) -> Routine:
    """Return the loop nest of a depthwise convolution."""
    return _Depthwise(code, target).routine()


def depthwise_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of a depthwise convolution."""
    return _Depthwise(code, target).signature()


class _Depthwise:
    def __init__(self, code: Code, target: Target) -> None:
        self.code = code
        self.lanes = target.lanes(ITEM_BYTES[code.dtype])
        self.registers = target.registers
        self.pen = Pen()

    def routine(self) -> Routine:
        signature = self.signature()
        if self.code.whole:
            self._lay_border(signature.buffer("cells").extents)
        with self.pen.share(grid(KP, 1)) as (n, _, z, y, x, k):
            first = self.pen.smallest("first", k[0] * self.lanes, C - self.lanes)
            place = Place(n[0], NONE, (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            self._pack(place, first)
            with self.pen.loop("oz", 0, z[1]) as oz:
                self._plane(place, first, oz)
                if self.code.writes == "x":
                    self._write_turned(place, first, oz)
        return Routine.of(signature, self.pen.body())

    def signature(self) -> Signature:
        code = self.code
        depth, height, room = (
            (b - 1) * s + e for b, s, e in zip((BZ, BY, BX), code.packed_stride, code.extent, strict=True)
        )
        buffers = (
            *shared_buffers(code),
            Buffer("weights", code.dtype, affines(weight_extents(code, 1, KP, 1, self.lanes)), "weights"),
            Buffer("bias", code.dtype, affines([KP * self.lanes]), "weights"),
            Buffer("cells", code.dtype, affines([depth, height, XS, self.lanes]), "scratch"),
            Buffer("sums", code.dtype, affines([BY, BX, self.lanes]), "scratch"),
        )
        facts = (*FACTS, C - self.lanes, K - C, KP * self.lanes - C, XS - room)
        return Signature("depthwise", (*SYMBOLS, "KP", "XS"), facts, buffers)

    # -- packing ---------------------------------------------------------------------------------------

    def _lay_border(self, extents: Sequence[Affine]) -> None:
        """Fill the whole scratch with the border's constant, which no item changes."""
        pen = self.pen
        pen.repeat("fill", "border", [0], self.lanes)
        with (
            pen.loop("bz", 0, extents[0]) as z,
            pen.loop("by", 0, extents[1]) as y,
            pen.loop("bx", 0, extents[2]) as x,
        ):
            pen.store("cells", [z, y, x, 0], "fill", self.lanes)

    def _pack(self, place: Place, first: Affine) -> None:
        """Pack the cells of one vector of channels."""
        packer = Packer(self.pen, self.code, self.lanes, place)
        columns = packer.columns_of_phases()[0]
        if self.code.whole:
            with packer.rows_inside() as row:
                self._in_order(packer, row, first, columns)
            return
        self.pen.repeat("fill", "border", [0], self.lanes)
        packer.planes(lambda row: self._row(packer, row, first, columns))

    def _row(self, packer: Packer, row: Row, first: Affine, columns: Columns) -> None:
        """Pack a row: what shows the input in order, and the border on both sides."""
        pen = self.pen
        with pen.when(row.shown):
            self._in_order(packer, row, first, columns)
            for start, stop in ((NONE, columns.start[0]), (columns.stop[0], columns.count)):
                with pen.loop("px", start, stop) as x:
                    source = pen.lookup("source_x", "x_map", packer.first[2] + x)
                    with pen.when(source):
                        self._pixel(packer, row, first, source, x)
                    with pen.otherwise():
                        pen.store("cells", [row.z, row.y, x, 0], "fill", self.lanes)
        with pen.otherwise(), pen.loop("px", 0, columns.count) as x:
            pen.store("cells", [row.z, row.y, x, 0], "fill", self.lanes)

    def _pixel(self, packer: Packer, row: Row, first: Affine, source: Affine, x: Affine) -> None:
        """Pack all channels of one cell."""
        if self.code.reads == "channel":
            packer.move(row, first, source, [row.z, row.y, x, 0], self.lanes)
            return
        with self.pen.loop("lane", 0, self.lanes) as lane:
            packer.move(row, first + lane, source, [row.z, row.y, x, lane], 1)

    def _in_order(self, packer: Packer, row: Row, first: Affine, columns: Columns) -> None:
        """Pack the columns that show the input in order."""
        pen, shift = self.pen, packer.first[2] - BEFORE
        if self.code.reads == "channel":
            with pen.loop("px", columns.start, columns.stop) as x:
                packer.move(row, first, x + shift, [row.z, row.y, x, 0], self.lanes)
            return

        def turned(side: int) -> None:
            with pen.loop("px", columns.start, columns.stop, side, overlap=side > 1) as x:
                for c in range(0, self.lanes, side):
                    for i in range(side):
                        packer.load(f"row{side}_{i}", row, first + c + i, x + shift, side)
                    for j, register in enumerate(self._turned(side)):
                        pen.store("cells", [row.z, row.y, x + j, c], register, side)

        pen.widths(columns.stop[0] - columns.start[0], min(self.lanes, WIDEST_TURN), turned)

    def _turned(self, side: int) -> list[str]:
        """Turn ``side`` registers of as many lanes round: rows into columns."""
        columns = [f"column{side}_{i}" for i in range(side)]
        self.pen.transpose(columns, [f"row{side}_{i}" for i in range(side)])
        return columns

    # -- the tile --------------------------------------------------------------------------------------

    def _plane(self, place: Place, first: Affine, oz: Affine) -> None:
        """Compute a plane of outputs: rows in whole tiles, the last one moved back, or one by one."""
        pen, pixels = self.pen, self.code.tile[0]
        with pen.loop("oy", 0, place.counts[1]) as y:

            def tiles(pixels: int) -> None:
                with pen.loop("ox", 0, place.counts[2], pixels, overlap=pixels > 1) as x:
                    self._tile(place, first, (oz, y, x), pixels)

            with pen.when(place.counts[2] - pixels):
                tiles(pixels)
            with pen.otherwise():
                tiles(1)

    def _tile(self, place: Place, first: Affine, at: At, pixels: int) -> None:
        """Sum up a tile of neighbouring outputs."""
        pen = self.pen
        pen.load("start", "bias", [first], self.lanes)
        for j in range(pixels):
            pen.compute(f"sum{j}", "copy", "start")
        depth, height, width = self.code.taps
        with pen.loop("tz", 0, depth) as tz, pen.loop("ty", 0, height) as ty:
            for run in tap_runs(pen, width, min(width, taps_at_once(pixels, self.registers))):
                self._multiply((tz, ty), run, first, at, pixels)
        for j in range(pixels):
            self._store(place, first, (at[0], at[1], at[2] + j), f"sum{j}")

    def _multiply(self, tap: Pair, run: list[Affine], first: Affine, at: At, pixels: int) -> None:
        """Add some taps of a row: each cell is loaded once and multiplied for all outputs that read it.

        Written tap by tap, LLVM would see that they read the same cells, keep all of them and run out of
        registers.
        """
        pen, code = self.pen, self.code
        z, y, x = (one * stride for one, stride in zip(at, code.packed_stride, strict=True))
        (dz, dy, dx), step = code.dilation, code.packed_stride[2]
        for t, tx in enumerate(run):
            pen.load(f"weight{t}", "weights", [*tap, tx, first], self.lanes)
        readers: dict[int, list[tuple[int, int]]] = {}
        for j, t in itertools.product(range(pixels), range(len(run))):
            readers.setdefault(j * step + t * dx, []).append((j, t))
        for column in sorted(readers):
            place = affines([z + tap[0] * dz, y + tap[1] * dy, x + run[0] * dx + column, 0])
            pen.load("cell", "cells", place, self.lanes)
            for j, t in readers[column]:
                pen.compute(f"sum{j}", "fma", "cell", f"weight{t}", f"sum{j}")

    # -- writing out -----------------------------------------------------------------------------------

    def _store(self, place: Place, first: Affine, at: At, register: str) -> None:
        """Write an output's channels: straight, or into the scratch if they must be turned round."""
        if self.code.writes == "x":
            self.pen.store("sums", [at[1], at[2], 0], register, self.lanes)
            return
        z, y, x = (start + one for start, one in zip(place.starts, at, strict=True))
        index = image_index("channel", place.n, 0, first, z, y, x)
        write_output(self.pen, self.code, register, index, self.lanes)

    def _write_turned(self, place: Place, first: Affine, oz: Affine) -> None:
        """Write a plane of sums, turned round, to rows of neighbouring outputs."""
        pen, (z, y, left) = self.pen, place.starts
        with pen.loop("wy", 0, place.counts[1]) as row:

            def turned(side: int) -> None:
                with pen.loop("wx", 0, place.counts[2], side, overlap=side > 1) as x:
                    for c in range(0, self.lanes, side):
                        for i in range(side):
                            pen.load(f"row{side}_{i}", "sums", [row, x + i, c], side)
                        for j, register in enumerate(self._turned(side)):
                            at = (first + c + j, z + oz, y + row, left + x)
                            index = image_index("x", place.n, 0, *at)
                            write_output(pen, self.code, register, index, side)

            pen.widths(place.counts[2], min(self.lanes, WIDEST_TURN), turned)
