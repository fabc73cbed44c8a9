"""Packing: the input cells that a block of outputs reads, border included, into the thread's scratch.

Everything behind this step sees a plain rectangle without edges. The scratch is as large as one block,
never as the image. In "x" order it is [channel][z][y][phase][x]: with a stride the columns are dealt out into
``stride`` phases, so that neighbouring outputs read neighbouring cells; a contraction, which reads pixel by
pixel, needs one phase only. In "channel" order it is [z][y][x][channel].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.lower.frame import BEFORE, X, image_index
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
    def by_channel(self) -> bool:
        """Whether the scratch holds all channels of a pixel together."""
        return packs_by_channel(self.code)

    def pack(self, channel: Affine, channels: Affine) -> None:
        """Write the packing of ``channels`` channels from ``channel`` on."""
        self.pen.repeat("fill", "border", [0], self.lanes)
        self.pen.repeat("fill_one", "border", [0], 1)
        if self.by_channel:
            self._planes(lambda row: self._pixels(row, channel, channels))
            return
        with self.pen.loop("c", 0, channels) as c:
            self._planes(lambda row: self._columns(row, c, channel + c))

    def _planes(self, write: RowWriter) -> None:
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
            self._move(row, channel, source_x, to, lanes)
        with self.pen.otherwise():
            self.pen.store("cells", to, "fill" if lanes > 1 else "fill_one", lanes)

    def _move(
        self, row: Row, channel: Affine, x: Affine, to: Sequence[Index], lanes: int, step: int = 1
    ) -> None:
        """Copy numbers of the input into the scratch."""
        index = image_index(
            self.code.reads, self.place.n, self.place.g, channel, row.source_z, row.source_y, x
        )
        register = self.pen.load(f"moved{lanes}", "input", index, lanes, step)
        self.pen.store("cells", to, register, lanes)

    # -- [channel][z][y][phase][x] ---------------------------------------------------------------------

    def _columns(self, row: Row, c: Affine, channel: Affine) -> None:
        """Pack a row: its left border, what shows the input in order, its right border."""
        pen = self.pen
        for phase in range(self.code.phases):
            count = self._phase_cells(phase)
            left = self._in_phase(f"left{phase}", BEFORE - self.first[2], phase)
            right = self._in_phase(f"right{phase}", BEFORE + X - self.first[2], phase)
            start = pen.largest(f"start{phase}", 0, pen.smallest(f"start_{phase}", left, count))
            stop = pen.largest(f"stop{phase}", start, pen.smallest(f"stop_{phase}", right, count))
            with pen.when(row.shown):
                self._border(row, c, channel, phase, (0, start))
                self._inner(row, c, channel, phase, (start, stop), (left, right))
                self._border(row, c, channel, phase, (stop, count))
            with pen.otherwise():
                self._fill(row, c, phase, count)

    def _phase_cells(self, phase: int) -> Affine:
        """Return how many cells of a packed row belong to a phase."""
        if self.code.phases == 1:
            return self.cells[2]
        return self._in_phase(f"cells{phase}", self.cells[2], phase)

    def _in_phase(self, name: str, cell: Affine, phase: int) -> Affine:
        """Return the first column of a phase that shows a padded cell at or behind this one."""
        if self.column_step == 1:
            return cell
        return self.pen.quotient(name, cell - phase + self.column_step - 1, self.column_step)

    def _border(self, row: Row, c: Affine, channel: Affine, phase: int, columns: tuple[Index, Index]) -> None:
        """Pack columns one by one, as the table says."""
        with self.pen.loop("px", *columns) as x:
            source_x = self.pen.lookup("source_x", "x_map", self.first[2] + self.column_step * x + phase)
            self._move_or_fill(row, source_x, channel, source_x, [c, row.z, row.y, phase, x], 1)

    def _inner(
        self,
        row: Row,
        c: Affine,
        channel: Affine,
        phase: int,
        columns: tuple[Affine, Affine],
        sides: tuple[Affine, Affine],
    ) -> None:
        """Pack the columns that show the input in order, many at once where there are that many."""
        start, stop = columns

        def move(lanes: int) -> None:
            begins, ends = [start, sides[0]], [stop, sides[1]]
            with self.pen.loop("px", begins, ends, lanes, overlap=lanes > 1) as x:
                source = self.first[2] + self.column_step * x + phase - BEFORE
                self._move(row, channel, source, [c, row.z, row.y, phase, x], lanes, self.column_step)

        widest = self.lanes if self.code.reads == "x" else 1
        self.pen.widths(stop - start, widest, move)

    def _fill(self, row: Row, c: Affine, phase: int, count: Affine) -> None:
        """Pack a row that shows the constant only."""

        def fill(lanes: int) -> None:
            register = "fill" if lanes == self.lanes else "fill_one"
            with self.pen.loop("px", 0, count, lanes, overlap=lanes > 1) as x:
                self.pen.store("cells", [c, row.z, row.y, phase, x], register, lanes)

        with self.pen.when(count - self.lanes):
            fill(self.lanes)
        with self.pen.otherwise():
            fill(1)


def packs_by_channel(code: Code) -> bool:
    """Whether the scratch holds all channels of a pixel together: if the input does and pixels are wanted."""
    return code.method == "contract" and code.reads == "channel"
