"""The stencil: few channels, so vectors of neighbouring outputs of one row are kept in registers.

The inner block keeps ``channels × rows × vectors`` sums. A row of the input is loaded once and used for all
output rows whose windows hold it: rows + taps − 1 loads serve ``rows`` output rows. Each weight is repeated
over a register and serves all rows and vectors.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.costs import taps_of_a_column
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Packer, Place, lay_border
from convolve.compiler.lower.frame import (
    ABOVE,
    BC,
    BEFORE,
    BX,
    BY,
    BZ,
    FACTS,
    FRONT,
    SYMBOLS,
    C,
    G,
    K,
    X,
    Y,
    Z,
    grid,
    image_index,
    shared_buffers,
    write_output,
)
from convolve.compiler.lower.pack import weight_extents
from convolve.compiler.lower.unroll import columns, tap_runs
from convolve.compiler.plan import Code
from convolve.compiler.problem import cells_first
from convolve.compiler.target import LINE_BYTES, Target

FAR = 1 << 32
"""Tiles, more than any row has."""

KT, BK, XS = map(Affine.symbol, ("KP", "BK", "XS"))
"""Tiles of output channels, those of one item, and the columns that a packed row has room for."""


def stencil(code: Code, target: Target) -> Routine:
    """Return the loop nest of a stencil."""
    return Stencil(code, target).routine()


def stencil_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of a stencil."""
    return Stencil(code, target).signature()


def packed_columns(code: Code, lanes: int, columns: Index) -> Affine:
    """Return how many columns a packed row needs for so many outputs: whole tiles may reach beyond them."""
    furthest = (code.taps[2] - 1) * code.dilation[2] // code.packed_stride[2]
    return Affine.of(columns) + (code.tile[2] * lanes - 1 + furthest)


Place3 = tuple[Affine, Affine, Affine]


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where a tile's cells are: in the packed scratch or in the input, and the first of them."""

    buffer: str
    origin: Place3
    place: Place

    def index(
        self, c: Affine, z: Affine, *, row: Affine, lane: int, phase: int, column: Affine
    ) -> Sequence[Index]:
        """Return the place of a vector of cells."""
        z, y, x = self.origin[0] + z, self.origin[1] + row, self.origin[2] + column + lane
        if self.buffer == "input":
            return image_index("x", self.place.n, self.place.g, c, z, y, x)
        return [c, z, y, phase, x]


class Stencil:
    """Writes the loop nest of a stencil; `convolve.compiler.lower.separable` sums in another way."""

    def __init__(self, code: Code, target: Target) -> None:
        self.code = code
        self.lanes = target.lanes(ITEM_BYTES[code.dtype])
        self.channels, self.rows, self.vectors = code.tile
        self.width = self.vectors * self.lanes
        self.pen = Pen()

    def routine(self) -> Routine:
        """Return the whole loop nest."""
        signature = self.signature()
        if self.code.whole:
            lay_border(self.pen, self.code, self.lanes, signature.buffer("cells").extents)
        self._item()
        return Routine.of(signature, self.pen.body())

    def signature(self) -> Signature:
        """Return what a caller must know."""
        code = self.code
        weights = affines(weight_extents(code, G, KT, C, self.channels))
        planes, rows, columns = (1, self.rows, 1) if code.direct else (BZ, BY + self.rows - 1, BX)
        depth = (planes - 1) * code.packed_stride[0] + code.extent[0]
        height = (rows - 1) * code.packed_stride[1] + code.extent[1]
        room: list[Index] = [BC, depth, height, code.phases, XS]
        buffers = (
            *shared_buffers(code),
            Buffer("weights", code.dtype, weights, "weights"),
            Buffer("bias", code.dtype, affines([G, KT, self.channels]), "weights"),
            Buffer("cells", code.dtype, affines(room), "scratch"),
            Buffer("sums", code.dtype, affines([self.channels, self.rows, self.width]), "scratch"),
        )
        facts = (*FACTS, KT, BK - 1, BC - C, XS - packed_columns(code, self.lanes, columns))
        return Signature("stencil", (*SYMBOLS, "KP", "BK", "XS"), facts, buffers)

    def _item(self) -> None:
        """One item: pack the block, unless tiles read the input itself, then go tile by tile."""
        pen = self.pen
        with pen.share(grid(KT, BK)) as (n, g, z, y, x, k):
            place = Place(n[0], g[0], (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            packer = Packer(pen, self.code, self.lanes, place)
            if self.code.whole:
                packer.pack_inside()
            elif not self.code.direct:
                packer.pack(Affine.of(0), C)
            down = pen.quotient("row_tiles", y[1] + self.rows - 1, self.rows)
            with (
                pen.loop("kt", 0, k[1]) as kt,
                pen.loop("oz", 0, z[1]) as oz,
                pen.loop("yt", 0, down) as yt,
            ):
                write = self._direct_row if self.code.direct else self._packed_row
                write(place, k[0] + kt, (oz, yt * self.rows))

    def _packed_row(self, place: Place, kt: Affine, row: tuple[Affine, Affine]) -> None:
        """Compute a row of tiles of channels × rows × vectors of a packed block."""
        depth, height, _ = self.code.packed_stride
        with self._tiles(place, kt, row) as (at, columns):
            self._start(place, kt)
            self._sum(place, kt, _Cells("cells", (at[0] * depth, at[1] * height, at[2]), place))
            self._write(place, kt, at, columns)

    # -- tiles along a row -----------------------------------------------------------------------------

    @contextmanager
    def _tiles(self, place: Place, kt: Affine, row: tuple[Affine, Affine]) -> Iterator[tuple[Place3, Affine]]:
        """Open a loop over a row's tiles: where each begins, and how many of its columns belong to it."""
        shift, _ = self._shift(place, kt, row)
        with self.pen.loop("xt", 0, self._across(place, shift)) as xt:
            yield self._tile_at(place, row, shift + xt * self.width)

    def _shift(self, place: Place, kt: Affine, row: tuple[Affine, Affine]) -> tuple[Affine, Affine]:
        """Return where a row's first tile begins, and the first tile that begins in the block.

        Results that are written past the caches are cut where lines of the output begin: then the first tile
        begins before the block, and only its end belongs to it.
        """
        if not self.code.streams:
            return Affine.of(0), Affine.of(0)
        at = (*row, Affine.of(0))
        lead = self.pen.to_line("lead", "output", self._output(place, kt * self.channels, at, 0, 0))
        late = self.pen.quotient("late", lead + self.width - 1, self.width)
        return lead - late * self.width, late

    def _across(self, place: Place, shift: Affine) -> Affine:
        """Return how many tiles a row has."""
        return self.pen.quotient("column_tiles", place.counts[2] - shift + self.width - 1, self.width)

    def _tile_at(self, place: Place, row: tuple[Affine, Affine], column: Affine) -> tuple[Place3, Affine]:
        """Return where a tile begins, and how many of its columns belong to it."""
        end = self.pen.smallest("tile_end", column + self.width, place.counts[2])
        left = self.pen.largest("tile_left", 0, column) if self.code.streams else column
        return (*row, left), end - left

    def _start(self, place: Place, kt: Affine) -> None:
        """Let all sums of a tile begin with the bias."""
        for k in range(self.channels):
            self.pen.repeat(f"start{k}", "bias", [place.g, kt, k], self.lanes)
            for i, v in itertools.product(range(self.rows), range(self.vectors)):
                self.pen.compute(f"sum{k}_{i}_{v}", "copy", f"start{k}")

    # -- straight from the input -----------------------------------------------------------------------

    def _direct_row(self, place: Place, kt: Affine, row: tuple[Affine, Affine]) -> None:
        """Compute a row of tiles: those inside from the input itself, in a loop with nothing else in it.

        Then the others, before and behind these, which pack what their windows read.
        """
        pen = self.pen
        shift, late = self._shift(place, kt, row)
        across = self._across(place, shift)
        origin, ends = self._reach(place, (*row, shift))
        rows = place.counts[1] - row[1] - self.rows
        channels = K - kt * self.channels - self.channels
        inside = pen.smallest("inside", *origin[:2], *ends[:2], rows, channels)
        first = pen.quotient("first", self.width - 1 - origin[2], self.width)
        last = pen.quotient("last", ends[2] + self.width, self.width)
        filled = pen.quotient("filled", place.counts[2] - shift, self.width)
        with pen.when(inside), pen.loop("xt", [late, first], [across, last, filled]) as xt:
            self._inside(place, kt, (*row, shift + xt * self.width))
        none = across + inside * FAR
        start = pen.smallest("inner", across, pen.largest("from", late, first))
        stop = pen.largest("outer", start, pen.smallest("upto", across, last, filled, none))
        with (
            pen.loop("side", 0, 2) as side,
            pen.loop("xt", [0, stop - (1 - side) * FAR], [across, start + side * FAR]) as xt,
        ):
            self._border(place, kt, *self._tile_at(place, row, shift + xt * self.width))

    def _reach(self, place: Place, at: Place3) -> tuple[list[Affine], list[Affine]]:
        """Return the first cell that a tile reads in each dimension, and how many are behind its last."""
        code = self.code
        firsts = zip(place.starts, at, code.stride, (FRONT, ABOVE, BEFORE), strict=True)
        origin = [(start + one) * stride - padding for start, one, stride, padding in firsts]
        spans = [
            extent + (tile - 1) * stride
            for extent, tile, stride in zip(code.extent, (1, self.rows, self.width), code.stride, strict=True)
        ]
        ends = [size - first - span for size, first, span in zip((Z, Y, X), origin, spans, strict=True)]
        return origin, ends

    def _inside(self, place: Place, kt: Affine, at: Place3) -> None:
        """Compute a tile whose windows and outputs lie inside."""
        origin, _ = self._reach(place, at)
        self._prefetch(place, origin)
        self._start(place, kt)
        self._sum(place, kt, _Cells("input", (origin[0], origin[1], origin[2]), place))
        self._store(place, kt, at)

    def _border(self, place: Place, kt: Affine, at: Place3, columns: Affine) -> None:
        """Compute a tile at the border: pack what its windows read."""
        rows = self.pen.smallest("tile_rows", self.rows, place.counts[1] - at[1])
        starts = [start + one for start, one in zip(place.starts, at, strict=True)]
        tile = Place(place.n, place.g, starts, (Affine.of(1), rows, columns))
        Packer(self.pen, self.code, self.lanes, tile).pack(Affine.of(0), C)
        self._start(place, kt)
        nothing = Affine.of(0)
        self._sum(place, kt, _Cells("cells", (nothing, nothing, nothing), place))
        self._write(place, kt, at, columns)

    def _prefetch(self, place: Place, origin: Sequence[Affine]) -> None:
        """Hint at the rows that the tile below will read in addition."""
        z, y, x = origin
        span = self.code.extent[1] + (self.rows - 1) * self.code.stride[1]
        line = LINE_BYTES // ITEM_BYTES[self.code.dtype]
        for row in range(self.rows * self.code.stride[1]):
            for column in range(0, self.width, line):
                index = image_index("x", place.n, place.g, 0, z, y + span + row, x + column)
                self.pen.prefetch("input", index)

    def _sum(self, place: Place, kt: Affine, cells: "_Cells") -> None:
        """Add all taps: plane by plane, channel by channel, column by column, rows in groups."""
        code, stride = self.code, self.code.packed_stride[2]
        sums = self.channels * self.rows * self.vectors
        unrolled = taps_of_a_column(code.taps[1], stride, sums)
        planes = Affine.of(code.taps[0])  # a loop even over one, see `unroll.tap_groups`
        with self.pen.loop("tz", 0, planes) as tz, self.pen.loop("ci", 0, C) as c:
            for tx in columns(self.pen, code.taps[2], sums * unrolled, unit=stride):
                offset = tx * code.dilation[2]
                terms = tuple((name, count // stride) for name, count in offset.terms)
                column = Affine(terms, offset.constant // stride)
                for group in tap_runs(self.pen, code.taps[1], unrolled):
                    place_of = functools.partial(
                        cells.index, c, tz * code.dilation[0], phase=offset.constant % stride, column=column
                    )
                    self._rows([place.g, kt, tz, c, tx], cells.buffer, place_of, group)

    def _rows(
        self,
        weight: Sequence[Index],
        buffer: str,
        place_of: Callable[..., Sequence[Index]],
        group: Sequence[Affine],
    ) -> None:
        """Add the taps of some rows of one filter column: each input row is loaded once."""
        pen, code = self.pen, self.code
        users: dict[Affine, list[tuple[int, int]]] = {}
        for i in range(self.rows):
            for r, tap in enumerate(group):
                row = tap * code.dilation[1] + i * code.packed_stride[1]
                users.setdefault(row, []).append((i, r))
        loaded: set[tuple[int, int]] = set()

        def weight_of(k: int, r: int) -> str:
            name = f"weight{k}_{r}"
            if (k, r) not in loaded:
                pen.repeat(name, "weights", [*weight, group[r], k], self.lanes)
                loaded.add((k, r))
            return name

        def load(row: Affine, v: int) -> None:
            pen.load(f"cells{v}", buffer, place_of(row=row, lane=v * self.lanes), self.lanes)

        def multiply(i: int, r: int, k: int, v: int) -> None:
            name = f"sum{k}_{i}_{v}"
            pen.compute(name, "fma", f"cells{v}", weight_of(k, r), name)

        vectors, channels = range(self.vectors), range(self.channels)
        for row in sorted(users, key=lambda row: row.constant):
            if cells_first(code.tile):
                for v in vectors:
                    load(row, v)
                for (i, r), k, v in itertools.product(users[row], channels, vectors):
                    multiply(i, r, k, v)
                continue
            for v in vectors:
                load(row, v)
                for (i, r), k in itertools.product(users[row], channels):
                    multiply(i, r, k, v)

    # -- writing out -----------------------------------------------------------------------------------

    def _write(self, place: Place, kt: Affine, at: Place3, columns: Affine) -> None:
        """Write a tile straight to the output if all of it belongs there, else by way of the scratch."""
        pen = self.pen
        if self.code.writes != "x":
            self._keep()
            self._copy(place, kt, at, columns)
            return
        whole = pen.smallest(
            "whole",
            K - kt * self.channels - self.channels,
            place.counts[1] - at[1] - self.rows,
            columns - self.width,
        )
        with pen.when(whole):
            self._store(place, kt, at)
        with pen.otherwise():
            self._keep()
            self._copy(place, kt, at, columns)

    def _store(self, place: Place, kt: Affine, at: Place3) -> None:
        """Write a tile that lies inside straight to the output."""
        for k, i, v in itertools.product(range(self.channels), range(self.rows), range(self.vectors)):
            index = self._output(place, kt * self.channels + k, at, i, v * self.lanes)
            register, streams = f"sum{k}_{i}_{v}", self.code.streams
            write_output(self.pen, self.code, register, index, self.lanes, streams)

    def _keep(self) -> None:
        """Lay the tile down in the scratch."""
        for k in range(self.channels):
            for i in range(self.rows):
                for v in range(self.vectors):
                    self.pen.store("sums", [k, i, v * self.lanes], f"sum{k}_{i}_{v}", self.lanes)

    def _copy(self, place: Place, kt: Affine, at: Place3, columns: Affine) -> None:
        """Copy what belongs to the output of a tile that reaches beyond it."""
        pen = self.pen
        first = kt * self.channels
        with (
            pen.loop("ok", 0, [self.channels, K - first]) as k,
            pen.loop("oi", 0, [self.rows, place.counts[1] - at[1]]) as i,
        ):
            widest = self.lanes if self.code.writes == "x" else 1
            pen.widths(
                columns, widest, lambda lanes: self._copy_row(place, first + k, at, (k, i), columns, lanes)
            )

    def _copy_row(
        self,
        place: Place,
        channel: Affine,
        at: Place3,
        row: tuple[Affine, Affine],
        count: Affine,
        lanes: int,
    ) -> None:
        """Copy one row of a tile."""
        with self.pen.loop("ox", 0, count, lanes, overlap=lanes > 1) as x:
            self.pen.load(f"done{lanes}", "sums", [*row, x], lanes)
            index = self._output(place, channel, at, row[1], x)
            write_output(self.pen, self.code, f"done{lanes}", index, lanes)

    def _output(
        self, place: Place, channel: Affine, at: Place3, row: Index, column: Index
    ) -> tuple[Affine, ...]:
        """Return the place of a number of a tile in the output."""
        z, y, x = (start + one for start, one in zip(place.starts, at, strict=True))
        return image_index(self.code.writes, place.n, place.g, channel, z, y + row, x + column)
