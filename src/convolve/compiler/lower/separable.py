"""The separable filter: a sum of products of one-dimensional filters, one pass along each dimension.

A block's cells are packed in strips that stay in the first-level cache, and the filter's columns go down each
strip: ``planes`` holds what the pass along the depth leaves, ``rows`` what that along the height does, in the
second-level cache. The last pass goes along the rows and writes the outputs. Every pass multiplies each cell
of a window by its factor, so a NaN or an infinity reaches the same outputs as in the direct sum.

In passes of unequal factors a cell that was loaded serves all outputs of the tile whose windows hold it. Down
a strip these are rows. Along a row they are vectors: taps that lie whole vectors apart read the same ones, so
the taps are taken in the order of what is left when their place is divided by the lanes. Where all factors of
a line are equal, neighbouring outputs share sums: see `convolve.compiler.lower.box`.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from convolve.compiler.affine import Affine, Index
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.border import Packer, Place
from convolve.compiler.lower.box import Box
from convolve.compiler.lower.frame import (
    ABOVE,
    BEFORE,
    BX,
    BY,
    BZ,
    FACTS,
    FRONT,
    SYMBOLS,
    C,
    G,
    grid,
    image_index,
    shared_buffers,
)
from convolve.compiler.lower.pack import factor_code, packed_place, weight_order
from convolve.compiler.lower.slide import Cells, slide
from convolve.compiler.lower.stencil import BK, KT, XS, Stencil
from convolve.compiler.lower.unroll import MOST_IN_COLUMNS, tap_runs
from convolve.compiler.passes import (
    MOST_IN_STRIP,
    held_weights,
    packed_axis,
    row_reach,
    strip_tile,
    vector_taps,
)
from convolve.compiler.plan import Code
from convolve.compiler.problem import pieces
from convolve.compiler.target import LINE_BYTES, Target

CW, CS, TERMS = map(Affine.symbol, ("CW", "CS", "Q"))
"""Columns of a strip, those that a packed row of it has room for, and products of one-dimensional filters."""

Pair = tuple[Affine, Affine]

Hint = Callable[[Affine, Affine], None]


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines of cells are: a buffer, and the place in it of a term, a line and a column."""

    buffer: str
    place: Callable[[Affine, Affine, Affine], Sequence[Index]]

    def tile(self, q: Affine, line: Affine, column: Affine, lanes: int) -> Cells:
        """Return where a tile's vectors are, given the line and the vector within it."""
        return lambda row, v: (self.buffer, self.place(q, line + row, column + v * lanes))


def separable(code: Code, target: Target) -> Routine:
    """Return the loop nest of a separable convolution."""
    return _Separable(code, target).routine()


def separable_signature(code: Code, target: Target) -> Signature:
    """Return what a caller must know of a separable convolution."""
    return _Separable(code, target).signature()


class _Separable(Stencil):
    """A stencil whose tiles are summed from the rows that other passes leave."""

    def __init__(self, code: Code, target: Target) -> None:
        super().__init__(code, target)
        self.target = target
        self.tiles = [strip_tile(code, axis, target) for axis in (0, 1)]
        self.held = held_weights(target)
        self.box = Box(self.pen, code, self.lanes)
        self.deep = code.taps[0] > 1

    def signature(self) -> Signature:
        """Return what a caller must know."""
        code = self.code
        depth, height, width = code.extent
        (planes_down, _), (rows_down, _) = self.tiles
        tall = max(self.rows, rows_down) - 1
        lines: tuple[Index, Index] = (1, BY + height + rows_down - 2)
        if self.deep:
            lines = (BZ + depth + planes_down - 2, 1)
        planes = [TERMS, BZ + planes_down - 1, BY + height + rows_down - 2, XS]
        shared: list[Index] = [TERMS, self.rows, 2, XS]
        buffers = (
            *shared_buffers(code),
            Buffer(
                "weights", code.dtype, affines([G, KT, *weight_order(factor_code(code), TERMS), 1]), "weights"
            ),
            Buffer("bias", code.dtype, affines([G, KT, 1]), "weights"),
            Buffer("cells", code.dtype, affines([1, *lines, 1, CS]), "scratch"),
            *([Buffer("planes", code.dtype, affines(planes), "scratch")] if self.deep else []),
            Buffer("rows", code.dtype, affines([TERMS, BY + tall, XS]), "scratch"),
            *([Buffer("shared", code.dtype, affines(shared), "scratch")] if code.boxes[2] else []),
            Buffer("sums", code.dtype, affines([1, self.rows, self.width]), "scratch"),
        )
        room = XS - BX - (width - 1) - row_reach(code, self.target)
        strip = CS - CW - self.tiles[packed_axis(code)][1] * self.lanes + 1
        facts = (*FACTS, KT, BK - 1, C - 1, TERMS - 1, CW - 1, strip, room)
        return Signature("separable", (*SYMBOLS, "KP", "BK", "XS", "CW", "CS", "Q"), facts, buffers)

    def _item(self) -> None:
        """One item: every pass in turn, filter by filter."""
        pen = self.pen
        with pen.share(grid(KT, BK)) as (n, g, z, y, x, k):
            place = Place(n[0], g[0], (z[0], y[0], x[0]), (z[1], y[1], x[1]))
            with pen.loop("kt", 0, k[1]) as one:
                kt = k[0] + one
                if self.deep:
                    self._pass_through(place, kt)
                with pen.loop("oz", 0, z[1]) as oz:
                    self._pass_down(place, kt, oz)
                    self._pass_across(place, kt, oz)

    # -- down the strips -------------------------------------------------------------------------------

    def _pass_through(self, place: Place, kt: Affine) -> None:
        """Go along the depth, row by row of the block: from the image to ``planes``."""
        (z, y, _), (depth, height, _) = place.starts, place.counts
        with (
            self.pen.loop("row", 0, height + (self.code.extent[1] - 1)) as row,
            self._strips(0, place, (z, y + row), (depth, Affine.of(1))) as (column, count),
        ):
            source = Lines("cells", lambda _, line, x: [0, line, 0, 0, x])
            to = Lines("planes", lambda q, line, x: [q, line, row, column + x])
            self._down(0, (place, kt), (depth, count), source, to)

    def _pass_down(self, place: Place, kt: Affine, oz: Affine) -> None:
        """Go along the height of a plane: from the image, or from ``planes``, to ``rows``."""
        (z, y, _), (_, height, width) = place.starts, place.counts
        if self.deep:
            source = Lines("planes", lambda q, line, x: [q, oz, line, x])
            to = Lines("rows", lambda q, line, x: [q, line, x])
            self._down(1, (place, kt), (height, width + (self.code.extent[2] - 1)), source, to)
            return
        with self._strips(1, place, (z + oz, y), (Affine.of(1), height)) as (column, count):
            source = Lines("cells", lambda _, line, x: [0, 0, line, 0, x])
            to = Lines("rows", lambda q, line, x: [q, line, column + x])
            hint = functools.partial(self._fetch_next, place, oz, column)
            self._down(1, (place, kt), (height, count), source, to, hint)

    def _fetch_next(self, place: Place, oz: Affine, strip: Affine, line: Affine, column: Affine) -> None:
        """Hint at the cells of the next strip: each tile at a few of those that no block above has read.

        Strips are narrower than what the processor recognises as a stream by itself. 31 × 31 taps on 3840 ×
        2160: 18.5 ms without, 15 with (2026-11-25, AMD Zen 3).
        """
        z, y, x = (
            first - padding for first, padding in zip(place.starts, (FRONT, ABOVE, BEFORE), strict=True)
        )
        rows, vectors = self.tiles[1]
        for row in range(rows):
            for cell in range(0, vectors * self.lanes, LINE_BYTES // ITEM_BYTES[self.code.dtype]):
                index = image_index(
                    self.code.reads, place.n, place.g, 0, z + oz,
                    y + line + (row + self.code.extent[1] - 1), x + strip + CW + column + cell,
                )  # fmt: skip
                self.pen.prefetch("input", index)

    @contextmanager
    def _strips(self, axis: int, place: Place, starts: Pair, counts: Pair) -> Iterator[Pair]:
        """Open a loop that packs strip after strip of a block: its first column and their count.

        The cells of a strip are what a filter with taps along one dimension alone would read.
        """
        taps = [self.code.taps[axis] if one == axis else 1 for one in range(3)]
        line = replace(self.code, method="stencil", taps=(taps[0], taps[1], 1))
        width = place.counts[2] + (self.code.extent[2] - 1)
        with self.pen.blocks("strip", width, CW) as (column, count):
            strip = Place(place.n, place.g, (*starts, place.starts[2] + column), (*counts, count))
            Packer(self.pen, line, self.lanes, strip).pack(Affine.of(0), Affine.of(1))
            yield column, count

    def _down(
        self,
        axis: int,
        filter_: tuple[Place, Affine],
        size: Pair,
        source: Lines,
        to: Lines,
        hint: Hint | None = None,
    ) -> None:
        """Go along one dimension with all terms of a filter, for so many lines and columns.

        ``hint`` is written into every tile, given its first line and column.
        """
        pen, (rows, vectors) = self.pen, self.tiles[axis]
        width = vectors * self.lanes
        lines = pen.quotient("line_tiles", size[0] + (rows - 1), rows)
        columns = pen.quotient("strip_tiles", size[1] + (width - 1), width)
        with (
            pen.loop("q", 0, TERMS) as q,
            pen.loop("lt", 0, lines) as lt,
            pen.loop("st", 0, columns) as st,
        ):
            line, column = lt * rows, st * width
            if hint is not None:
                hint(line, column)
            one = [filter_[0].g, filter_[1], q]
            cells, result = (lines.tile(q, line, column, self.lanes) for lines in (source, to))
            if self.code.boxes[axis]:
                factor = self._factor(one, sum(self.code.taps[:axis]))
                self.box.down(self.code.taps[axis], (rows, vectors), factor, cells, result)
            else:
                self._tile_down(axis, one, cells, result)

    def _tile_down(self, axis: int, filter_: Sequence[Affine], cells: Cells, result: Cells) -> None:
        """Sum up a strip's tile, tap by tap in groups that are written out."""
        rows, vectors = self.tiles[axis]
        for i, v in itertools.product(range(rows), range(vectors)):
            self.pen.number(f"line{i}_{v}", 0.0, self.code.dtype, self.lanes)
        taps, apart = self.code.taps[axis], self.code.dilation[axis]
        most = max(1, MOST_IN_STRIP // (rows * vectors))
        first = sum(self.code.taps[:axis])
        for group in tap_runs(self.pen, taps, pieces(taps, pieces(taps, most))):
            factors = [(tap * apart, self._factor(filter_, first + tap)) for tap in group]
            slide(self.pen, self.lanes, factors, (rows, vectors), cells, lambda i, v: f"line{i}_{v}")
        for i, v in itertools.product(range(rows), range(vectors)):
            buffer, index = result(Affine.of(i), v)
            self.pen.store(buffer, index, f"line{i}_{v}", self.lanes)

    def _factor(self, filter_: Sequence[Affine], tap: Index) -> list[Index]:
        """Return the place of a factor of a filter: its group, panel and term are given."""
        g, kt, q = filter_
        return [g, kt, *packed_place(factor_code(self.code), q, 0, 0, tap), 0]

    # -- across the rows -------------------------------------------------------------------------------

    def _pass_across(self, place: Place, kt: Affine, oz: Affine) -> None:
        """Go along the rows, and write the outputs."""
        pen = self.pen
        down = pen.quotient("row_tiles", place.counts[1] + self.rows - 1, self.rows)
        with pen.loop("yt", 0, down) as yt:
            if self.code.boxes[2]:
                self._share(place, kt, yt * self.rows)
            with self._tiles(place, kt, (oz, yt * self.rows)) as (at, columns):
                self._tile_across(place, kt, at, columns)

    def _tile_across(
        self, place: Place, kt: Affine, at: tuple[Affine, Affine, Affine], columns: Affine
    ) -> None:
        """Sum up and write one tile of outputs."""
        self._start(place, kt)
        with self.pen.loop("q", 0, TERMS) as q:
            if self.code.boxes[2]:
                self._add_shared(q, at)
            else:
                self._taps_across([place.g, kt, q], at)
        self._write(place, kt, at, columns)

    def _share(self, place: Place, kt: Affine, first: Affine) -> None:
        """Sum up what the outputs of some rows share."""
        factor = functools.partial(self._factor, tap=sum(self.code.taps[:2]))
        with self.pen.loop("q", 0, TERMS) as q, self.pen.loop("row", 0, self.rows) as row:
            one = factor([place.g, kt, q])
            self.box.across(one, place.counts[2], [q, first + row], [q, row])

    def _add_shared(self, q: Affine, at: Sequence[Affine]) -> None:
        """Add the shared sums of all remainders to a tile."""
        taps, period = self.code.taps[2], self.box.period
        for remainder, count in self._remainders(taps, period, period):
            column = at[2] + remainder * self.code.dilation[2]
            for i, v in itertools.product(range(self.rows), range(self.vectors)):
                index: list[Index] = [q, i, count - taps // period, column + v * self.lanes]
                self.pen.load(f"cells{v}", "shared", index, self.lanes)
                self.pen.compute(f"sum0_{i}_{v}", "add", f"cells{v}", f"sum0_{i}_{v}")

    def _taps_across(self, filter_: Sequence[Affine], at: Sequence[Affine]) -> None:
        """Add all taps of a tile: those whose places leave the same remainder by the lanes, together."""
        taps, apart = self.code.taps[2], self.code.dilation[2]
        period, vectors = vector_taps(self.code, self.lanes)
        first = sum(self.code.taps[:2])
        for remainder, count in self._remainders(taps, period, taps):
            for group in tap_runs(self.pen, count, pieces(count, pieces(count, self.held))):
                places = [(one * vectors, remainder + one * period) for one in group]
                factors = [(place, self._factor(filter_, first + tap)) for place, tap in places]
                cells = functools.partial(self._cells_across, filter_[2], at[1], at[2] + remainder * apart)
                tile = self.vectors, self.rows
                slide(self.pen, self.lanes, factors, tile, cells, lambda v, i: f"sum0_{i}_{v}")

    def _cells_across(
        self, q: Affine, row: Affine, column: Affine, vector: Affine, i: int
    ) -> tuple[str, Sequence[Index]]:
        """Return the place of a vector of one of the tile's rows."""
        return "rows", [q, row + i, column + vector * self.lanes]

    def _remainders(self, taps: int, period: int, work: int) -> Iterator[tuple[Affine, int]]:
        """Yield each remainder that taps leave, and how many taps leave it: in loops if there is much work.

        ``work`` counts the additions to each sum, for all remainders together.
        """
        whole, longer = divmod(taps, period)
        written_out = work * self.rows * self.vectors <= MOST_IN_COLUMNS
        for start, stop, count in ((0, longer, whole + 1), (longer, period, whole)):
            if written_out and count:
                yield from ((Affine.of(one), count) for one in range(start, stop))
            elif start < stop and count:
                with self.pen.loop("remainder", start, stop) as remainder:
                    yield remainder, count
