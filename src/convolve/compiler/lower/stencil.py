"""The stencil: few channels, so vectors of neighbouring outputs of one row are kept in registers.

The inner block keeps ``channels × rows × vectors`` sums. A row of the input is loaded once and used for all
output rows whose windows hold it: rows + taps − 1 loads serve ``rows`` output rows. Each weight is repeated over
a register and serves all rows and vectors.
"""

from collections.abc import Sequence

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.loopnest import Buffer, Routine, affines
from convolve.compiler.lower.border import Packer, Place
from convolve.compiler.lower.frame import (
    BC,
    BX,
    BY,
    BZ,
    FACTS,
    SYMBOLS,
    C,
    G,
    K,
    grid,
    image_index,
    shared_buffers,
)
from convolve.compiler.lower.pack import weight_order
from convolve.compiler.lower.unroll import MOST_UNROLLED, tap_groups
from convolve.compiler.plan import Code
from convolve.compiler.target import Target

KT, BK, XS = map(Affine.symbol, ("KP", "BK", "XS"))
"""Tiles of output channels, those of one item, and the columns that a packed row has room for."""


def stencil(code: Code, target: Target) -> Routine:
    """Return the loop nest of a stencil."""
    return _Stencil(code, target).routine()


def packed_columns(code: Code, lanes: int, columns: Affine) -> Affine:
    """Return how many columns a packed row needs for so many outputs: whole tiles may reach beyond them."""
    furthest = (code.taps[2] - 1) * code.dilation[2] // code.packed_stride[2]
    return columns + code.tile[2] * lanes - 1 + furthest


class _Stencil:
    def __init__(self, code: Code, target: Target) -> None:
        self.code = code
        self.lanes = target.lanes(8 if code.dtype == "float64" else 4)
        self.channels, self.rows, self.vectors = code.tile
        self.width = self.vectors * self.lanes
        self.pen = Pen()

    def routine(self) -> Routine:
        code = self.code
        depth = (BZ - 1) * code.packed_stride[0] + code.extent[0]
        height = (BY + self.rows - 2) * code.packed_stride[1] + code.extent[1]
        weights = affines([G, KT, *weight_order(code, C), self.channels])
        buffers = (
            *shared_buffers(code),
            Buffer("weights", code.dtype, weights, "weights"),
            Buffer("bias", code.dtype, affines([G, KT, self.channels]), "weights"),
            Buffer("cells", code.dtype, (BC, depth, height, Affine.of(code.phases), XS), "scratch"),
            Buffer("sums", code.dtype, affines([self.channels, self.rows, self.width]), "scratch"),
        )
        self._item()
        facts = (*FACTS, KT, BK - 1, BC - C, XS - packed_columns(code, self.lanes, BX))
        return Routine("stencil", (*SYMBOLS, "KP", "BK", "XS"), facts, buffers, self.pen.body())

    def _item(self) -> None:
        """One item: pack the block, then tile by tile."""
        pen = self.pen
        with pen.share(grid(KT, BK)) as (n, g, z, y, x, k):
            place = Place(n[0], g[0], (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            Packer(pen, self.code, self.lanes, place).pack(Affine.of(0), C)
            down = pen.quotient("row_tiles", y[1] + self.rows - 1, self.rows)
            across = pen.quotient("column_tiles", x[1] + self.width - 1, self.width)
            with pen.loop("kt", 0, k[1]) as kt, pen.loop("oz", 0, z[1]) as oz:
                with pen.loop("yt", 0, down) as yt, pen.loop("xt", 0, across) as xt:
                    self._tile(place, k[0] + kt, (oz, yt * self.rows, xt * self.width))

    def _tile(self, place: Place, kt: Affine, at: tuple[Affine, Affine, Affine]) -> None:
        """Sum up one tile of channels × rows × vectors, and write it out."""
        pen = self.pen
        for k in range(self.channels):
            pen.repeat(f"start{k}", "bias", [place.g, kt, k], self.lanes)
            for i in range(self.rows):
                for v in range(self.vectors):
                    pen.compute(f"sum{k}_{i}_{v}", "copy", f"start{k}")
        with pen.loop("tz", 0, self.code.taps[0]) as tz, pen.loop("ci", 0, C) as c:
            self._plane(place, kt, at, tz, c)
        self._write(place, kt, at)

    def _plane(
        self, place: Place, kt: Affine, at: tuple[Affine, Affine, Affine], tz: Affine, c: Affine
    ) -> None:
        """Add one plane's taps: column by column of the filter, its rows in groups."""
        code, stride = self.code, self.code.packed_stride[2]
        z = at[0] * code.packed_stride[0] + tz * code.dilation[0]
        sums = self.channels * self.rows * self.vectors
        most = max(1, MOST_UNROLLED // sums)
        height = code.taps[1]
        unrolled = min(height, most)
        for tx in tap_groups(self.pen, code.taps[2], sums * unrolled, unit=stride):
            offset = tx * code.dilation[2]
            phase = offset.constant % stride
            column = at[2] + Affine(
                tuple((name, count // stride) for name, count in offset.terms), offset.constant // stride
            )
            for group in _row_groups(self.pen, height, unrolled):
                weight = [place.g, kt, tz, c, tx]
                self._rows(weight, [c, z], at[1], group, phase, column)

    def _rows(
        self,
        weight: Sequence[Index],
        plane: Sequence[Index],
        y: Affine,
        group: Sequence[Affine],
        phase: int,
        column: Affine,
    ) -> None:
        """Add the taps of some rows of one filter column: each input row is loaded once."""
        pen, code = self.pen, self.code
        users: dict[Affine, list[tuple[int, int]]] = {}
        for i in range(self.rows):
            for r, tap in enumerate(group):
                users.setdefault(Affine.of(i * code.packed_stride[1]) + tap * code.dilation[1], []).append(
                    (i, r)
                )
        loaded: set[int] = set()
        for row in sorted(users, key=lambda row: row.constant):
            for v in range(self.vectors):
                index = [*plane, y * code.packed_stride[1] + row, phase, column + v * self.lanes]
                pen.load(f"cells{v}", "cells", index, self.lanes)
            for i, r in users[row]:
                for k in range(self.channels):
                    if r not in loaded:
                        pen.repeat(f"weight{k}_{r}", "weights", [*weight, group[r], k], self.lanes)
                    for v in range(self.vectors):
                        name = f"sum{k}_{i}_{v}"
                        pen.compute(name, "fma", f"cells{v}", f"weight{k}_{r}", name)
                loaded.add(r)

    # -- writing out -----------------------------------------------------------------------------------

    def _write(self, place: Place, kt: Affine, at: tuple[Affine, Affine, Affine]) -> None:
        """Write a tile straight to the output if all of it belongs there, else by way of the scratch."""
        pen = self.pen
        for k in range(self.channels):
            for i in range(self.rows):
                for v in range(self.vectors):
                    self._activate(f"sum{k}_{i}_{v}")
        if self.code.writes != "x":
            self._keep()
            self._copy(place, kt, at)
            return
        whole = pen.smallest(
            "whole",
            K - kt * self.channels - self.channels,
            place.counts[1] - at[1] - self.rows,
            place.counts[2] - at[2] - self.width,
        )
        with pen.when(whole):
            for k in range(self.channels):
                for i in range(self.rows):
                    for v in range(self.vectors):
                        index = self._output(place, kt * self.channels + k, at, i, v * self.lanes)
                        pen.store("output", index, f"sum{k}_{i}_{v}", self.lanes)
        with pen.otherwise():
            self._keep()
            self._copy(place, kt, at)

    def _keep(self) -> None:
        """Lay the tile down in the scratch."""
        for k in range(self.channels):
            for i in range(self.rows):
                for v in range(self.vectors):
                    self.pen.store("sums", [k, i, v * self.lanes], f"sum{k}_{i}_{v}", self.lanes)

    def _copy(self, place: Place, kt: Affine, at: tuple[Affine, Affine, Affine]) -> None:
        """Copy what belongs to the output of a tile that reaches beyond it."""
        pen = self.pen
        first = kt * self.channels
        with (
            pen.loop("ok", 0, [self.channels, K - first]) as k,
            pen.loop("oi", 0, [self.rows, place.counts[1] - at[1]]) as i,
        ):
            count = pen.smallest("columns", self.width, place.counts[2] - at[2])
            widest = self.lanes if self.code.writes == "x" else 1
            pen.widths(
                count, widest, lambda lanes: self._copy_row(place, first + k, at, (k, i), count, lanes)
            )

    def _copy_row(
        self,
        place: Place,
        channel: Affine,
        at: tuple[Affine, Affine, Affine],
        row: tuple[Affine, Affine],
        count: Affine,
        lanes: int,
    ) -> None:
        """Copy one row of a tile."""
        with self.pen.loop("ox", 0, count, lanes, overlap=lanes > 1) as x:
            self.pen.load(f"done{lanes}", "sums", [*row, x], lanes)
            self.pen.store("output", self._output(place, channel, at, row[1], x), f"done{lanes}", lanes)

    def _output(
        self, place: Place, channel: Affine, at: tuple[Affine, Affine, Affine], row: Index, column: Index
    ) -> tuple[Affine, ...]:
        """Return the place of a number of a tile in the output."""
        z, y, x = (start + one for start, one in zip(place.starts, at, strict=True))
        return image_index(self.code.writes, place.n, place.g, channel, z, y + row, x + column)

    def _activate(self, register: str) -> None:
        if self.code.activation != "none":
            self.pen.compute(register, self.code.activation, register)


def _row_groups(pen: Pen, height: int, most: int):
    """Yield the filter's rows in groups that are unrolled together."""
    whole = height // most
    if whole == 1:
        yield [Affine.of(row) for row in range(most)]
    else:
        with pen.loop("tg", 0, whole) as group:
            yield [group * most + row for row in range(most)]
    if height % most:
        yield [Affine.of(row) for row in range(whole * most, height)]
