"""The board that a window slides over: the input with its border, or stretched by the stride.

Text and drawings show the same board; only how a cell looks differs.
"""

from dataclasses import dataclass

import numpy as np

from convolve.axis import OUTSIDE, Axis, source_cells
from convolve.explain.steps import Line
from convolve.spec import ConvSpec

LARGEST_SIDE = 32
"""Cells along one side that still are a picture; of a longer board the part around the window is shown."""

CONTEXT = 2
"""Cells shown around the window where a board is too long to be shown whole."""


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One dimension of the board: ``cells`` from position ``first`` on, None where the input has none.

    ``border`` tells which positions lie beyond the input, whether or not they repeat one of its cells.
    """

    first: int
    cells: tuple[int | None, ...]
    border: tuple[bool, ...]

    def part(self, start: int, stop: int) -> "BoardLine":
        """Return the positions from offset ``start`` to before ``stop``."""
        return BoardLine(self.first + start, self.cells[start:stop], self.border[start:stop])

    def around(self, line: Line) -> "BoardLine":
        """Return the whole line, or of a long one the part around a window."""
        if len(self.cells) <= LARGEST_SIDE:
            return self
        start = max(0, min(line.positions) - self.first - CONTEXT)
        stop = min(len(self.cells), max(line.positions) - self.first + CONTEXT + 1)
        return self.part(start, stop)

    def places_at(self, line: Line) -> dict[int, list[int]]:
        """Return, for each offset of this line that the window covers, the places within the window.

        There are several where a folded border lays windows over each other.
        """
        found: dict[int, list[int]] = {}
        for place, position in enumerate(line.positions):
            found.setdefault(position - self.first, []).append(place)
        return found


def board(spec: ConvSpec) -> tuple[BoardLine, ...]:
    """Return the whole board of a convolution, one line per dimension."""
    build = stretched_line if spec.operation == "conv_transpose" else padded_line
    return tuple(build(axis) for axis in spec.axes)


def padded_line(axis: Axis) -> BoardLine:
    """Return the input with its border."""
    positions = np.arange(-axis.before, axis.size + axis.after)
    cells = source_cells(positions, axis.size, axis.boundary)
    return BoardLine(
        -axis.before,
        tuple(None if cell == OUTSIDE else int(cell) for cell in cells),
        tuple(not 0 <= position < axis.size for position in positions),
    )


def stretched_line(axis: Axis) -> BoardLine:
    """Return the input of a transposed convolution, its cells ``stride`` places apart.

    It reaches as far as the windows do, which is the filter's extent less the padding that is cut away.
    """
    folded = axis.boundary != "constant"
    lowest = 0 if folded else axis.before
    highest = axis.size - 1 + axis.before + (axis.after if folded else 0)
    first = min(0, lowest - (axis.extent - 1))
    last = max((axis.outputs - 1) * axis.stride, highest)
    cells = [
        position // axis.stride
        if position % axis.stride == 0 and 0 <= position < axis.outputs * axis.stride
        else None
        for position in range(first, last + 1)
    ]
    return BoardLine(first, tuple(cells), tuple(cell is None for cell in cells))
