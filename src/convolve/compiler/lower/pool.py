"""Pooling: the largest cell or the mean of every window, read where the image lies.

A vector holds neighbouring outputs of one row, or the channels of one output where those are neighbours in
memory. Padding is never read: the taps of a window that stand outside are left out of the loops over taps.
Cells are taken in reading order, so that of equal maxima the first stays. Where windows share rows
(`shares_rows`), each row is reduced once along itself, into the scratch of a block, and the windows take what
they need from there.

Symbols: ``N`` images of ``C`` channels, ``Z Y X`` the input's size and ``OZ OY OX`` the output's, ``BC`` and
``BY`` the channels and rows of one item, ``CELLS`` a plane's cells; ``front above before`` the padding.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.lower.unroll import tap_groups
from convolve.compiler.plan import PoolCode
from convolve.compiler.target import Target

SIZES = ("N", "C", "Z", "Y", "X", "OZ", "OY", "OX", "BC", "BY", "CELLS")
PADDING = ("front", "above", "before")
N, C, Z, Y, X, OZ, OY, OX, BC, BY, CELLS = map(Affine.symbol, SIZES)
SIZE, OUTPUTS = (Z, Y, X), (OZ, OY, OX)

MOST_STEP = 8
"""Strides up to which neighbouring outputs are computed together: so many vectors are loaded for one."""

MOST_ROWS = 16
"""Rows of a window that are written out, if all of them lie inside."""

LEAST_BYTES = {"alone": 2, "places": 4}
"""Numbers are taken to be so large when vectors are filled with them: with more lanes there would be more
widths to write, and places, of 8 bytes each, would not fit into registers."""

FAR = 1 << 32
"""Columns, more than any row has."""

MOST_TAPS = 64
"""Taps of a window's row that are written out, for one vector."""

VECTORS = 2
"""Vectors computed side by side: their maxima do not wait for each other."""

Writer = Callable[[Affine, int, bool], None]
"""(x, width, whole): writes the work of so many outputs from x on."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A window: its image, channel and output."""

    n: Affine
    c: Affine
    z: Affine
    y: Affine
    x: Affine

    @property
    def outputs(self) -> tuple[Affine, Affine, Affine]:
        """The output of each spatial dimension."""
        return self.z, self.y, self.x


def pool(code: PoolCode, target: Target) -> Routine:
    """Return the loop nest of a pooling."""
    return _Pool(code, target).routine()


def pool_signature(code: PoolCode) -> Signature:
    """Return what a caller must know of a pooling."""
    clipped = zip(PADDING, code.clipped, strict=True)
    symbols = (*SIZES, *(name for name, outside in clipped if outside))
    facts = [Affine.symbol(name) - (name in ("BC", "BY", *"ZYX")) for name in symbols]
    for size, outputs, stride, extent, outside in zip(
        SIZE, OUTPUTS, code.stride, code.extent, code.clipped, strict=True
    ):
        if not outside:
            facts.append(size - (outputs - 1) * stride - extent)
    apart = code.order != "none"
    image, result = place(code, N, C, *SIZE), place(code, N, C, *OUTPUTS)
    buffers = [
        Buffer("input", code.dtype, image, "input", contiguous=apart),
        Buffer("output", code.output, result, "output", contiguous=apart),
        Buffer("start", code.sums, affines([1]), "weights"),
    ]
    if code.kind == "mean":
        buffers += [
            Buffer("rows", code.sums, affines([OZ, OY]), "weights"),
            Buffer("columns", code.sums, affines([OX]), "weights"),
        ]
    if code.places:
        cells = (Affine.of(0), CELLS)
        buffers += [
            Buffer("places", "int64", result, "output", contiguous=apart),
            Buffer("plane_place", "int64", affines([Z]), "table", values=cells),
            Buffer("row_place", "int64", affines([Y]), "table", values=cells),
        ]
    if shares_rows(code):
        reach = (BY - 1) * code.stride[1] + code.extent[1]
        buffers.append(Buffer("reduced", code.sums, affines([code.taps[0], reach, OX]), "scratch"))
    return Signature("pool", symbols, tuple(facts), tuple(buffers))


def shares_rows(code: PoolCode) -> bool:
    """Whether rows are reduced along themselves first, because several windows hold each of them."""
    return code.order == "x" and not code.places and code.taps[1] > code.stride[1] and code.taps[2] > 1


def place(code: PoolCode, n: Index, c: Index, z: Index, y: Index, x: Index) -> tuple[Affine, ...]:
    """Return the index of a cell whose innermost dimension is x or the channel."""
    return affines([n, z, y, x, c] if code.order == "channel" else [n, c, z, y, x])


class _Pool:
    def __init__(self, code: PoolCode, target: Target) -> None:
        self.code = code
        self.pen = Pen()
        least = LEAST_BYTES["places" if code.places else "alone"]  # of a number in a vector
        lanes = target.lanes(max(least, ITEM_BYTES[code.sums]))
        wide = code.order == "channel" or (code.order == "x" and code.stride[2] <= MOST_STEP)
        self.lanes = lanes if wide else 1
        self.widest = self.lanes * VECTORS if wide else 1

    def routine(self) -> Routine:
        pen = self.pen
        grid: list[tuple[str, Index, Index]] = [("n", N, 1), ("c", C, BC), ("z", OZ, 1), ("y", OY, BY)]
        with pen.share(grid) as ((n, _), (c, channels), (z, _), (y, rows)):
            self._range(0, z)
            if self.code.order == "channel":
                with pen.loop("oy", 0, rows) as row:
                    self._range(1, y + row)
                    self._pixels(_Window(n, c, z, y + row, Affine()), channels)
            elif shares_rows(self.code):
                with pen.loop("channel", 0, channels) as channel:
                    self._shared_rows(_Window(n, c + channel, z, y, Affine()), rows)
            else:
                with pen.loop("channel", 0, channels) as channel, pen.loop("oy", 0, rows) as row:
                    self._range(1, y + row)
                    self._row(_Window(n, c + channel, z, y + row, Affine()))
        return Routine.of(pool_signature(self.code), pen.body())

    # -- which taps stand inside -----------------------------------------------------------------------

    def _first_cell(self, dimension: int, output: Affine) -> Affine:
        """Return the cell, maybe outside, on which a window's first tap stands."""
        start = output * self.code.stride[dimension]
        return start - Affine.symbol(PADDING[dimension]) if self.code.clipped[dimension] else start

    def _range(self, dimension: int, output: Affine) -> None:
        """Let symbols be the first tap inside and the last one."""
        if not self.code.clipped[dimension]:
            return
        first, apart = self._first_cell(dimension, output), self.code.dilation[dimension]
        before = self.pen.quotient(f"outside{dimension}", apart - 1 - first, apart)
        self.pen.largest(f"tap{dimension}", 0, before)
        self.pen.quotient(f"last{dimension}", SIZE[dimension] - 1 - first, apart)

    def _first_tap(self, dimension: int) -> Affine:
        return Affine.symbol(f"tap{dimension}") if self.code.clipped[dimension] else Affine()

    def _taps(self, dimension: int) -> Iterator[Affine]:
        """Yield the taps inside: written out where all are and they are few, else in a loop."""
        taps = self.code.taps[dimension]
        if not self.code.clipped[dimension] and taps <= MOST_ROWS // self.code.taps[0]:
            yield from map(Affine.of, range(taps))
            return
        with self.pen.loop(f"t{dimension}", self._first_tap(dimension), self._stops(dimension)) as tap:
            yield tap

    def _stops(self, dimension: int) -> list[Index]:
        """Return what a loop over taps stays below."""
        taps: list[Index] = [self.code.taps[dimension]]
        return [*taps, Affine.symbol(f"last{dimension}") + 1] if self.code.clipped[dimension] else taps

    # -- rows and pixels -------------------------------------------------------------------------------

    def _parts(self) -> tuple[Affine, Affine]:
        """Return the columns from which on and up to which whole windows lie inside."""
        if not self.code.clipped[2]:
            return Affine(), OX
        stride, before = self.code.stride[2], Affine.symbol("before")
        start = self.pen.quotient("inner", before + (stride - 1), stride)
        last = self.pen.quotient("inner_last", X - self.code.extent[2] + before, stride)
        stop = self.pen.smallest("outer", OX, last + 1)
        return start, stop

    def _row(self, window: _Window) -> None:
        """Compute a row of windows."""
        self._along(lambda x, width, whole: self._window(replace(window, x=x), width, whole))

    def _along(self, write: Writer) -> None:
        """Write the work along a row: what hangs over its ends one by one, the rest many at once."""
        start, stop = self._parts()
        self._inside(start, stop, write)
        self._ends(start, stop, lambda x: write(x, 1, False))

    def _inside(self, start: Affine, stop: Affine, write: Writer) -> None:
        """Write the work of the windows of which no column is outside."""

        def some(width: int) -> None:
            self._starts(width)
            with self.pen.loop("ox", start, stop, width, overlap=width > 1) as x:
                write(x, width, True)

        self.pen.widths(stop - start, self.widest, some)

    def _shared_rows(self, window: _Window, rows: Affine) -> None:
        """Reduce every row of a block along itself, then down the columns of windows."""
        pen, stride = self.pen, self.code.stride[1]
        start, stop = self._parts()

        def end(x: Affine) -> None:
            self._range(2, x)  # here, because it is the same for all rows
            with self._each_row(window, rows) as write:
                write(x, 1, False)

        with self._each_row(window, rows) as write:
            self._inside(start, stop, write)
        self._ends(start, stop, end)
        with pen.loop("oy", 0, rows) as row:
            at = replace(window, y=window.y + row)
            self._range(1, at.y)
            pen.widths(OX, self.widest, lambda width: self._down(at, row * stride, width))

    @contextmanager
    def _each_row(self, window: _Window, rows: Affine) -> Iterator[Writer]:
        """Open the loops over the rows that a block of windows holds."""
        code = self.code
        first = self._first_cell(1, window.y)
        reach = (rows - 1) * code.stride[1] + code.extent[1]
        with (
            self.pen.loop("tz", self._first_tap(0), self._stops(0)) as tz,
            self.pen.loop("row", [0, -first], [reach, Y - first]) as row,
        ):
            cell = (self._first_cell(0, window.z) + tz * code.dilation[0], first + row)
            yield functools.partial(self._reduce_row, window, (tz, row), cell)

    def _reduce_row(
        self, window: _Window, to: tuple[Affine, Affine], cell: tuple[Affine, Affine], x: Affine, width: int,
        whole: bool,
    ) -> None:  # fmt: skip
        """Reduce a part of a row along itself."""
        pen, (lanes, vectors) = self.pen, self._vectors(width)
        self._begin(lanes, vectors)
        first = self._first_cell(2, x)
        for tx in self._columns(vectors, whole):
            for v in range(vectors):
                column = first + tx * self.code.dilation[2]
                self._take(window, (*cell, column), Affine(), lanes, v)
        for v in range(vectors):
            pen.store("reduced", [*to, x + v * lanes], f"best{lanes}_{v}", lanes)

    def _down(self, at: _Window, first: Affine, width: int) -> None:
        """Reduce the rows of windows, already reduced along themselves, and write the results."""
        pen, code, (lanes, vectors) = self.pen, self.code, self._vectors(width)
        self._starts(width)
        with pen.loop("ox", 0, OX, width, overlap=width > 1) as x:
            self._begin(lanes, vectors)
            for tz in self._taps(0):
                for ty in self._taps(1):
                    for v in range(vectors):
                        index = [tz, first + ty * code.dilation[1], x + v * lanes]
                        self._combine(pen.load(f"row{lanes}", "reduced", index, lanes), lanes, v)
            for v in range(vectors):
                self._finish(replace(at, x=x), lanes, v)

    def _ends(self, start: Affine, stop: Affine, write: Callable[[Affine], None]) -> None:
        """Write the work of the windows that hang over an end of a row."""
        if not self.code.clipped[2]:
            return
        pen = self.pen
        self._starts(1)
        # The first time round only the columns before the start, then only those from the stop on.
        with (
            pen.loop("side", 0, 2) as side,
            pen.loop(
                "ox", [0, stop - (1 - side) * FAR, start - (1 - side) * FAR], [OX, start + side * FAR]
            ) as x,
        ):
            write(x)

    def _pixels(self, window: _Window, channels: Affine) -> None:
        """Compute a row pixel by pixel, many channels at once."""
        pen, (start, stop) = self.pen, self._parts()

        def pixel(x: Affine, whole: bool) -> None:
            def some(lanes: int) -> None:
                self._starts(lanes)
                with pen.loop("oc", 0, channels, lanes, overlap=lanes > 1) as c:
                    self._window(replace(window, c=window.c + c, x=x), lanes, whole)

            pen.widths(channels, self.widest, some)

        with pen.loop("ox", start, stop) as x:
            pixel(x, whole=True)
        self._ends(start, stop, lambda x: pixel(x, whole=False))

    # -- one window, or several side by side -----------------------------------------------------------

    def _starts(self, width: int) -> None:
        """Load what sums and maxima begin with."""
        lanes, _ = self._vectors(width)
        self.pen.repeat(f"start{lanes}", "start", [0], lanes)

    def _window(self, at: _Window, width: int, whole: bool) -> None:
        """Compute windows, ``width`` side by side; ``whole`` says that no column of them is outside."""
        pen, code = self.pen, self.code
        lanes, vectors = self._vectors(width)
        firsts = [self._first_cell(d, output) for d, output in enumerate(at.outputs)]
        if not whole:
            self._range(2, at.x)
        self._begin(lanes, vectors)
        if code.places:
            self._first_places(at, firsts, lanes, vectors, whole)
        for tz in self._taps(0):
            z = firsts[0] + tz * code.dilation[0]
            flat = pen.lookup(f"plane{tz.constant}", "plane_place", z) if code.places else Affine()
            for ty in self._taps(1):
                y = firsts[1] + ty * code.dilation[1]
                name = f"row{tz.constant}_{ty.constant}"
                row = flat + pen.lookup(name, "row_place", y) if code.places else flat
                for tx in self._columns(vectors, whole):
                    x = firsts[2] + tx * code.dilation[2]
                    for v in range(vectors):
                        self._take(at, (z, y, x), row + x, lanes, v)
        for v in range(vectors):
            self._finish(at, lanes, v)

    def _vectors(self, width: int) -> tuple[int, int]:
        """Return the lanes of a vector and the number of vectors that are ``width`` side by side."""
        return min(width, self.lanes), max(1, width // self.lanes)

    def _begin(self, lanes: int, vectors: int) -> None:
        """Begin maxima or sums."""
        for v in range(vectors):
            self.pen.compute(f"best{lanes}_{v}", "copy", f"start{lanes}")

    def _columns(self, vectors: int, whole: bool) -> Iterator[Affine]:
        """Yield the taps of a row: all of them, or those inside."""
        if whole:
            yield from tap_groups(self.pen, self.code.taps[2], vectors, limit=MOST_TAPS)
        else:
            yield from self._taps(2)

    def _combine(self, cells: str, lanes: int, v: int) -> None:
        """Take cells into the maxima or sums."""
        best = f"best{lanes}_{v}"
        self.pen.compute(best, "add" if self.code.kind == "mean" else "larger", cells, best)

    def _side_by_side(self, c: Affine, x: Affine, lanes: int, v: int, stride: int) -> tuple[Affine, Affine]:
        """Return the channel and the column of a vector's first cell."""
        return (c + v * lanes, x) if self.code.order == "channel" else (c, x + v * lanes * stride)

    def _take(
        self, at: _Window, cell: tuple[Affine, Affine, Affine], flat: Affine, lanes: int, v: int
    ) -> None:
        """Take one tap's cells into the maxima or sums."""
        pen, code, best = self.pen, self.code, f"best{lanes}_{v}"
        z, y, x = cell
        step = code.stride[2] if code.order == "x" and lanes > 1 else 1
        c, column = self._side_by_side(at.c, x, lanes, v, code.stride[2])
        cells = pen.load(f"cells{lanes}", "input", place(code, at.n, c, z, y, column), lanes, step)
        if code.sums != code.dtype:
            cells = pen.convert(f"wide{lanes}", code.sums, cells)
        if code.places:
            self._ramp(f"here{lanes}", flat, lanes, v)
            pen.select(f"place{lanes}_{v}", cells, best, f"here{lanes}", f"place{lanes}_{v}")
            pen.select(best, cells, best, cells, best)
        else:
            self._combine(cells, lanes, v)

    def _ramp(self, register: str, flat: Affine, lanes: int, v: int) -> None:
        """Set a register to the places of a vector's cells."""
        step = 0 if self.code.order == "channel" else self.code.stride[2]
        self.pen.ramp(register, flat + v * lanes * step, step if lanes > 1 else 0, lanes)

    def _first_places(self, at: _Window, firsts: list[Affine], lanes: int, vectors: int, whole: bool) -> None:
        """Begin with the place of the first cell, which stays if no cell beats the smallest number."""
        taps = [self._first_tap(0), self._first_tap(1), Affine() if whole else self._first_tap(2)]
        z, y, x = (
            first + tap * apart for first, tap, apart in zip(firsts, taps, self.code.dilation, strict=True)
        )
        # Every window holds a cell, but the verifier does not know that.
        z, y = self.pen.smallest("first_z", z, Z - 1), self.pen.smallest("first_y", y, Y - 1)
        first = self.pen.lookup("first_plane", "plane_place", z)
        first = first + self.pen.lookup("first_row", "row_place", y) + x
        for v in range(vectors):
            self._ramp(f"place{lanes}_{v}", first, lanes, v)

    def _finish(self, at: _Window, lanes: int, v: int) -> None:
        """Divide sums, and write the results."""
        pen, code, best = self.pen, self.code, f"best{lanes}_{v}"
        c, x = self._side_by_side(at.c, at.x, lanes, v, 1)
        if code.kind == "mean":
            pen.repeat(f"rows{lanes}", "rows", [at.z, at.y], lanes)
            if code.order == "channel":
                pen.repeat(f"columns{lanes}", "columns", [x], lanes)
            else:
                pen.load(f"columns{lanes}", "columns", [x], lanes)
            pen.compute(f"cells_held{lanes}", "multiply", f"rows{lanes}", f"columns{lanes}")
            pen.compute(best, "divide", best, f"cells_held{lanes}")
        to = place(code, at.n, c, at.z, at.y, x)
        result = best if code.output == code.sums else pen.convert(f"result{lanes}", code.output, best)
        pen.store("output", to, result, lanes)
        if code.places:
            pen.store("places", to, f"place{lanes}_{v}", lanes)
