"""Packing the input cells of one vector of channels, pixel by pixel: [y][x][channel], border included.

Where neighbouring columns are neighbours in memory, squares of columns × channels are turned round.
"""

import functools

from convolve.compiler.affine import Affine, Index
from convolve.compiler.lower.border import Columns, Packer, Row
from convolve.compiler.lower.frame import BEFORE, image_index


class ChannelCells(Packer):
    """Writes the packing of a block's plane for ``lanes`` channels."""

    def pack_plane(self, channel: Affine, room: tuple[Affine, Affine]) -> None:
        """Write the packing of the channels from ``channel`` on, and zeros up to the room of whole tiles."""
        pen, lanes = self.pen, self.lanes
        pen.repeat("fill", "border", [0], lanes)
        pen.number("nothing", 0.0, self.code.dtype, lanes)
        (columns,) = self.columns_of_phases()
        source_z = pen.lookup("source_z", "z_map", self.first[0])
        with pen.loop("py", 0, self.cells[1]) as y:
            source_y = pen.lookup("source_y", "y_map", self.first[1] + y)
            row = Row(Affine.of(0), y, source_z, source_y, pen.smallest("row_shown", source_z, source_y))
            with pen.when(row.shown):
                self._shown(row, channel, columns)
            with pen.otherwise():
                self._fill_columns("fill", y, (0, columns.count))
            self._fill_columns("nothing", y, (columns.count, room[1]))
        with pen.loop("py", self.cells[1], room[0]) as y:
            self._fill_columns("nothing", y, (0, room[1]))

    def _fill_columns(self, register: str, y: Affine, columns: tuple[Index, Index]) -> None:
        with self.pen.loop("px", *columns) as x:
            self.pen.store("cells", [y, x, 0], register, self.lanes)

    def _shown(self, row: Row, channel: Affine, columns: Columns) -> None:
        """Pack a row that shows one of the input: its borders, and what it shows in order."""
        for border in ((0, columns.start[0]), (columns.stop[0], columns.count)):
            with self.pen.loop("px", *border) as x:
                source_x = self.pen.lookup("source_x", "x_map", self.first[2] + x)
                with self.pen.when(source_x):
                    self._pixel(row, channel, x, source_x)
                with self.pen.otherwise():
                    self.pen.store("cells", [row.y, x, 0], "fill", self.lanes)
        if self.code.reads == "x":
            inside = columns.stop[0] - columns.start[0]
            self.pen.widths(inside, self.lanes, functools.partial(self._turned, row, channel, columns))
        else:
            self._turned(row, channel, columns, 1)

    def _pixel(self, row: Row, channel: Affine, x: Affine, source_x: Affine) -> None:
        """Pack one pixel's channels: a vector where they lie together, else one by one."""
        lanes = self.lanes if self.code.reads == "channel" else 1
        for lane in range(0, self.lanes, lanes):
            register = self.pen.load(
                f"pixel{lanes}", "input", self._input(row, channel + lane, source_x), lanes
            )
            self.pen.store("cells", [row.y, x, lane], register, lanes)

    def _turned(self, row: Row, channel: Affine, columns: Columns, step: int) -> None:
        """Pack columns in order, ``step`` at a time, as many channels turned round with them."""
        pen = self.pen
        with pen.loop("px", columns.start, columns.stop, step, overlap=step > 1) as x:
            source = self.first[2] + x - BEFORE
            if step == 1:
                self._pixel(row, channel, x, source)
                return
            for part in range(0, self.lanes, step):
                rows = [
                    pen.load(f"row{i}_{step}", "input", self._input(row, channel + part + i, source), step)
                    for i in range(step)
                ]
                turned = [f"column{j}_{step}" for j in range(step)]
                pen.transpose(turned, rows)
                for j, column in enumerate(turned):
                    pen.store("cells", [row.y, x + j, part], column, step)

    def _input(self, row: Row, channel: Affine, x: Affine) -> tuple[Affine, ...]:
        place = self.place
        return image_index(self.code.reads, place.n, place.g, channel, row.source_z, row.source_y, x)
