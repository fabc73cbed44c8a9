"""Packing: the input cells that a block of outputs reads, border included, into the thread's scratch.

Everything behind this step sees a plain rectangle without edges. The scratch is as large as one block,
never as the image. In "x" order it is [channel][z][y][phase][x]: with a stride the columns are dealt out into
``stride`` phases, so that neighbouring outputs read neighbouring cells; a contraction, which reads pixel by
pixel, needs one phase only. In "channel" order it is [z][y][x][channel].
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.costs import MOST_STEP
from convolve.compiler.lower.frame import ABOVE, BEFORE, FRONT, C, X, Y, Z, image_index, read_input
from convolve.compiler.plan import Code


@dataclass(frozen=True, slots=True)
class Place:
    """The block being worked on: image, group, first output and number of outputs per dimension."""

    n: Affine
    g: Affine
    starts: Sequence[Affine]
    counts: Sequence[Affine]


@dataclass(frozen=True, slots=True)
class Row:
    """A padded row of the block, the input row that it shows, and whether it shows one (>= 0)."""

    z: Affine
    y: Affine
    source_z: Affine
    source_y: Affine
    shown: Affine


@dataclass(frozen=True, slots=True)
class Columns:
    """A phase's columns of a packed row.

    ``start`` and ``stop`` bound those that show the input in order, each with the bound that proves it.
    """

    phase: int
    count: Affine
    start: tuple[Affine, ...]
    stop: tuple[Affine, ...]


RowWriter = Callable[[Row], None]


class Packer:
    """Writes the packing of one block; ``lanes`` numbers are moved at once where neighbours allow it."""

    def __init__(self, pen: Pen, code: Code, lanes: int, place: Place) -> None:
        self.pen = pen
        self.code = code
        self.lanes = lanes
        self.place = place
        self.first = [start * stride for start, stride in zip(place.starts, code.stride, strict=True)]
        self.cells = [
            (count - 1) * stride + extent
            for count, stride, extent in zip(place.counts, code.packed_stride, code.extent, strict=True)
        ]
        self.steps = [s // p for s, p in zip(code.stride, code.packed_stride, strict=True)]
        self.column_step = self.steps[2] * code.phases

    @property
    def _widest(self) -> int:
        """How many numbers are moved at once, where there are that many."""
        return self.lanes if self.code.reads == "x" and self.column_step <= MOST_STEP else 1

    @property
    def by_channel(self) -> bool:
        """Whether the scratch holds all channels of a pixel together."""
        return packs_by_channel(self.code)

    def pack(self, channel: Affine, channels: Affine) -> None:
        """Write the packing of ``channels`` channels from ``channel`` on."""
        self.pen.repeat("fill", "border", [0], self.lanes)
        self.pen.repeat("fill_one", "border", [0], 1)
        if self.by_channel:
            self.planes(lambda row: self._pixels(row, channel, channels))
            return
        phases = self.columns_of_phases()
        with self.pen.loop("c", 0, channels) as c:
            self.planes(lambda row: self._row(row, c, channel + c, phases))

    def planes(self, write: RowWriter) -> None:
        """Write the loops over padded rows; each row knows the input row that it shows."""
        pen = self.pen
        with pen.loop("pz", 0, self.cells[0]) as z:
            source_z = pen.lookup("source_z", "z_map", self.first[0] + z * self.steps[0])
            with pen.loop("py", 0, self.cells[1]) as y:
                source_y = pen.lookup("source_y", "y_map", self.first[1] + y * self.steps[1])
                shown = pen.smallest("row_shown", source_z, source_y)
                write(Row(z, y, source_z, source_y, shown))

    # -- [z][y][x][channel] ----------------------------------------------------------------------------

    def _pixels(self, row: Row, channel: Affine, channels: Affine) -> None:
        """Pack a row pixel by pixel, all channels of each."""
        pen = self.pen
        with pen.loop("px", 0, self.cells[2]) as x:
            source_x = pen.lookup("source_x", "x_map", self.first[2] + x * self.steps[2])
            shown = pen.smallest("shown", row.shown, source_x)
            with pen.when(channels - self.lanes):
                self._channels(row, (shown, source_x), x, channel, channels, self.lanes)
            with pen.otherwise():
                self._channels(row, (shown, source_x), x, channel, channels, 1)

    def _channels(
        self, row: Row, shown: tuple[Affine, Affine], x: Affine, channel: Affine, channels: Affine, lanes: int
    ) -> None:
        """Pack the channels of one pixel."""
        with self.pen.loop("c", 0, channels, lanes, overlap=lanes > 1) as c:
            self._move_or_fill(row, shown[0], channel + c, shown[1], [row.z, row.y, x, c], lanes)

    def _move_or_fill(
        self, row: Row, shown: Affine, channel: Affine, source_x: Affine, to: Sequence[Index], lanes: int
    ) -> None:
        """Write numbers of the input if the cell shows any, else the constant."""
        with self.pen.when(shown):
            self.move(row, channel, source_x, to, lanes)
        with self.pen.otherwise():
            self.pen.store("cells", to, "fill" if lanes > 1 else "fill_one", lanes)

    def move(
        self, row: Row, channel: Affine, x: Affine, to: Sequence[Index], lanes: int, step: int = 1
    ) -> None:
        """Copy numbers of the input into the scratch."""
        index = image_index(
            self.code.reads, self.place.n, self.place.g, channel, row.source_z, row.source_y, x
        )
        register = read_input(self.pen, self.code, f"moved{lanes}", index, lanes, step)
        self.pen.store("cells", to, register, lanes)

    def load(self, register: str, row: Row, channel: Affine, x: Affine, lanes: int) -> None:
        """Load neighbouring numbers of the input."""
        place = self.place
        at = (place.n, place.g, channel, row.source_z, row.source_y, x)
        read_input(self.pen, self.code, register, image_index(self.code.reads, *at), lanes)

    # -- [channel][z][y][phase][x] ---------------------------------------------------------------------

    def columns_of_phases(self) -> list[Columns]:
        """Return the columns of each phase: how many, and which of them show the input in order."""
        pen, phases = self.pen, []
        for phase in range(self.code.phases):
            count = self.cells[2]
            if self.code.phases > 1:
                count = self._in_phase(f"cells{phase}", self.cells[2], phase)
            left = self._in_phase(f"left{phase}", BEFORE - self.first[2], phase)
            right = self._in_phase(f"right{phase}", BEFORE + X - self.first[2], phase)
            start = pen.largest(f"start{phase}", 0, pen.smallest(f"start_{phase}", left, count))
            stop = pen.largest(f"stop{phase}", start, pen.smallest(f"stop_{phase}", right, count))
            phases.append(Columns(phase, count, (start, left), (stop, right)))
        return phases

    def _in_phase(self, name: str, cell: Affine, phase: int) -> Affine:
        """Return the first column of a phase that shows a padded cell at or behind this one."""
        if self.column_step == 1:
            return cell
        return self.pen.quotient(name, cell - phase + self.column_step - 1, self.column_step)

    def _row(self, row: Row, c: Affine, channel: Affine, phases: Sequence[Columns]) -> None:
        """Pack a row: its left border, what shows the input in order, its right border."""
        with self.pen.when(row.shown):
            self._inner(row, c, channel, phases)
            for columns in phases:
                self._border(row, c, channel, columns.phase, (0, columns.start[0]))
                self._border(row, c, channel, columns.phase, (columns.stop[0], columns.count))
        with self.pen.otherwise():
            for columns in phases:
                self._fill(row, c, columns)

    def _border(self, row: Row, c: Affine, channel: Affine, phase: int, columns: tuple[Index, Index]) -> None:
        """Pack columns one by one, as the table says."""
        with self.pen.loop("px", *columns) as x:
            source_x = self.pen.lookup("source_x", "x_map", self.first[2] + self.column_step * x + phase)
            self._move_or_fill(row, source_x, channel, source_x, [c, row.z, row.y, phase, x], 1)

    def _inner(self, row: Row, c: Affine, channel: Affine, phases: Sequence[Columns]) -> None:
        """Pack the columns that show the input in order, many at once where there are that many."""
        widest = self._widest

        def each(lanes: int) -> None:
            for columns in phases:
                self._in_order(row, c, channel, columns, lanes)

        if len(phases) != 2 or widest == 1:
            for columns in phases:
                self.pen.widths(
                    columns.stop[0] - columns.start[0],
                    widest,
                    functools.partial(self._in_order, row, c, channel, columns),
                )
            return
        even, odd = phases
        with self.pen.when(even.stop[0] - even.start[0] - widest - 1):
            self._dealt(row, c, channel, even, odd)
            for ends in self._ends(even, odd):
                self._in_order(row, c, channel, ends, 1)
        with self.pen.otherwise():
            each(1)

    def _in_order(self, row: Row, c: Affine, channel: Affine, columns: Columns, lanes: int) -> None:
        """Pack one phase's columns with vectors of so many lanes."""
        with self.pen.loop("px", columns.start, columns.stop, lanes, overlap=lanes > 1) as x:
            source = self.first[2] + self.column_step * x + columns.phase - BEFORE
            if lanes == self.lanes and self.code.method == "contract":
                self._prefetch(row, channel + 1, source)
            self.move(row, channel, source, [c, row.z, row.y, columns.phase, x], lanes, self.column_step)

    def _prefetch(self, row: Row, channel: Affine, x: Affine) -> None:
        """Hint at the input of the next channel."""
        place = self.place
        at = (place.n, place.g, channel, row.source_z, row.source_y, x)
        self.pen.prefetch("input", image_index(self.code.reads, *at))

    def _dealt(self, row: Row, c: Affine, channel: Affine, even: Columns, odd: Columns) -> None:
        """Deal the columns that both phases have out."""
        pen, lanes = self.pen, self.lanes
        starts, stops = (*even.start, *odd.start), (*even.stop, *odd.stop)
        with pen.loop("px", starts, stops, lanes, overlap=True) as x:
            source = self.first[2] + 2 * x - BEFORE
            for half in range(2):
                index = image_index(
                    self.code.reads, self.place.n, self.place.g, channel, row.source_z, row.source_y,
                    source + half * lanes,
                )  # fmt: skip
                read_input(pen, self.code, f"half{half}", index, lanes)
            for columns, name in ((even, "even"), (odd, "odd")):
                register = pen.compute(name, name, "half0", "half1")
                pen.store("cells", [c, row.z, row.y, columns.phase, x], register, lanes)

    @staticmethod
    def _ends(even: Columns, odd: Columns) -> Iterator[Columns]:
        """Yield the columns before and behind those that both phases have."""
        for columns, other in ((even, odd), (odd, even)):
            yield Columns(columns.phase, columns.count, columns.start, (other.start[0], *columns.stop))
            yield Columns(columns.phase, columns.count, (other.stop[0], *columns.start), columns.stop)

    def _fill(self, row: Row, c: Affine, columns: Columns) -> None:
        """Pack a row that shows the constant only."""

        def fill(lanes: int) -> None:
            register = "fill" if lanes == self.lanes else "fill_one"
            with self.pen.loop("px", 0, columns.count, lanes, overlap=lanes > 1) as x:
                self.pen.store("cells", [c, row.z, row.y, columns.phase, x], register, lanes)

        with self.pen.when(columns.count - self.lanes):
            fill(self.lanes)
        with self.pen.otherwise():
            fill(1)

    # -- one block for all -----------------------------------------------------------------------------

    def pack_inside(self) -> None:
        """Write the packing of a block that is the whole image and whose border never changes.

        The border was laid once, by `lay_border`; only what shows the input is packed.
        """
        phases = self.columns_of_phases()
        with self.pen.loop("c", 0, C) as c:
            if len(phases) == 2 and self._widest > 1:
                self._dealt_inside(c, *phases)
            else:
                with self.rows_inside() as row:
                    self._inner(row, c, c, phases)

    def _dealt_inside(self, c: Affine, even: Columns, odd: Columns) -> None:
        """Deal all rows of a channel out: first what both phases have, then the columns at both ends.

        A loop over rows for each of these columns costs less than loops over columns in each row: 144 planes
        of 56 × 56 took 131 µs and 151 (2026-11-23, AMD Zen 3).
        """
        with self.pen.when(even.stop[0] - even.start[0] - self._widest - 1):
            with self.rows_inside() as row:
                self._dealt(row, c, c, even, odd)
            for ends in self._ends(even, odd):
                self._column_by_column(c, ends)
        with self.pen.otherwise(), self.rows_inside() as row:
            for columns in (even, odd):
                self._in_order(row, c, c, columns, 1)

    @contextmanager
    def rows_inside(self) -> Iterator[Row]:
        """Open the loops over the rows that show the input."""
        pen = self.pen
        with (
            pen.loop("sz", 0, [Z, self.cells[0] - FRONT]) as z,
            pen.loop("sy", 0, [Y, self.cells[1] - ABOVE]) as y,
        ):
            yield Row(z + FRONT, y + ABOVE, z, y, Affine.of(0))

    def _column_by_column(self, c: Affine, columns: Columns) -> None:
        """Pack a few columns of all rows."""
        with self.pen.loop("px", columns.start, columns.stop) as x, self.rows_inside() as row:
            source = self.first[2] + self.column_step * x + columns.phase - BEFORE
            self.move(row, c, source, [c, row.z, row.y, columns.phase, x], 1)


def lay_border(pen: Pen, code: Code, lanes: int, extents: Sequence[Index]) -> None:
    """Fill the whole scratch with the border's constant."""
    pen.repeat("fill", "border", [0], lanes)
    pen.repeat("fill_one", "border", [0], 1)
    channels, depth, height, phases, width = extents
    with (
        pen.loop("bc", 0, channels) as c,
        pen.loop("bz", 0, depth) as z,
        pen.loop("by", 0, height) as y,
        pen.loop("bp", 0, phases) as phase,
    ):

        def fill(step: int) -> None:
            with pen.loop("bx", 0, width, step, overlap=step > 1) as x:
                pen.store("cells", [c, z, y, phase, x], "fill" if step > 1 else "fill_one", step)

        with pen.when(Affine.of(width) - lanes):
            fill(lanes)
        with pen.otherwise():
            fill(1)


def packs_by_channel(code: Code) -> bool:
    """Whether the scratch holds all channels of a pixel together: if the input does and pixels are wanted."""
    return code.method in ("contract", "dot", "gradient_contract") and code.reads == "channel"
