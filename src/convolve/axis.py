"""One spatial dimension of a convolution: which input cell every tap of every output reads.

Everything about sizes, padding, strides and boundaries is answered here, one dimension at a time; a
two-dimensional convolution is two of these. The whole meaning is one line: tap ``t`` of output ``o``
stands at position ``o * stride + t * dilation - before`` of the input, and ``source_cells`` says which
cell is found at a position outside.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convolve.errors import ShapeError, TooLargeError

Boundary = Literal["constant", "reflect", "symmetric", "replicate", "circular"]
Cells = NDArray[np.int64]

BOUNDARIES: tuple[Boundary, ...] = ("constant", "reflect", "symmetric", "replicate", "circular")
LARGEST_LINE = 1 << 27
"""Cells of one line that are listed at once, 1 GiB of cell numbers; more is refused before it is made."""

OUTSIDE = -1
"""Stands for "no input cell": the border supplies a constant there."""


def check_cells(count: int) -> None:
    """Refuse to list more cells than fit into memory beside anything else."""
    if count > LARGEST_LINE:
        raise TooLargeError(
            f"at most {LARGEST_LINE} cells of a line can be looked at together, but here they are {count}; "
            "use less padding, less dilation or a smaller filter"
        )


def source_cells(positions: Cells, size: int, boundary: Boundary) -> Cells:
    """Return the input cell found at each position of the endless, padded line.

    The names have NumPy's meanings (``numpy.pad``), for any distance outside.

    >>> source_cells(np.arange(-4, 6), 3, "reflect").tolist()
    [0, 1, 2, 1, 0, 1, 2, 1, 0, 1]
    >>> source_cells(np.arange(-2, 5), 3, "constant").tolist()
    [-1, -1, 0, 1, 2, -1, -1]
    """
    if size == 0 or boundary == "constant":
        return np.where((positions >= 0) & (positions < size), positions, OUTSIDE)
    if boundary == "replicate":
        return np.clip(positions, 0, size - 1)
    if boundary == "circular":
        return positions % size
    if boundary == "symmetric":
        folded = positions % (2 * size)
        return np.minimum(folded, 2 * size - 1 - folded)
    period = max(1, 2 * (size - 1))
    folded = positions % period
    return np.minimum(folded, period - folded)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring padded cells, and the input cells that they show.

    ``step`` is 1 (forwards), -1 (mirrored) or 0 (one cell repeated); ``start`` is ``OUTSIDE`` where the
    border supplies a constant.
    """

    start: int
    count: int
    step: int

    def cells(self) -> Cells:
        """Return the input cell of each padded cell of this run."""
        return self.start + self.step * np.arange(self.count, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AxisReads:
    """What a range of outputs needs of one dimension.

    Attributes
    ----------
    cells
        For each padded cell from the first to the last one touched: the input cell, or ``OUTSIDE``.
    hull
        The smallest slice of the input that holds them all.
    border
        How many of these cells lie before the first and after the last cell of the input.
    """

    cells: Cells
    hull: slice
    border: tuple[int, int]

    def runs(self) -> tuple[Run, ...]:
        """Return the cells as the fewest runs, so that each can be fetched as one slice.

        >>> axis = Axis(size=9, outputs=9, taps=3, before=1, after=1, boundary="circular")
        >>> axis.reads(0, 2).runs()
        (Run(start=8, count=1, step=0), Run(start=0, count=3, step=1))
        """
        runs = []
        first = 0
        while first < len(self.cells):
            steps = np.diff(self.cells[first:])
            step = int(steps[0]) if len(steps) and self._joins(first, int(steps[0])) else 0
            breaks = np.flatnonzero(steps != step) if len(steps) else np.array([], dtype=np.int64)
            count = int(breaks[0]) + 1 if len(breaks) else len(self.cells) - first
            runs.append(Run(int(self.cells[first]), count, step if count > 1 else 0))
            first += count
        return tuple(runs)

    def _joins(self, first: int, step: int) -> bool:
        """Tell whether two neighbouring cells may share a run: a constant never joins a real cell."""
        here, there = self.cells[first : first + 2]
        return abs(step) <= 1 and (here == OUTSIDE) == (there == OUTSIDE)


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial dimension: ``size`` input cells in, ``outputs`` cells out.

    Examples
    --------
    >>> axis = Axis(size=5, outputs=3, taps=3)
    >>> axis.source([0, 1, 2]).tolist()
    [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    >>> axis.feeds(2, 3).tolist()
    [0, 1, 2]
    """

    size: int
    outputs: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    boundary: Boundary = "constant"

    @property
    def extent(self) -> int:
        """Cells from the first to the last tap."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def middle(self) -> float:
        """Where the first window has its middle, 0 being the first input cell."""
        return (self.extent - 1) / 2 - self.before

    def positions(self, outputs: Any) -> Cells:
        """Return the position, 0 being the first input cell, of each tap of each output."""
        starts = np.asarray(outputs, dtype=np.int64)[:, None] * self.stride - self.before
        return starts + np.arange(self.taps, dtype=np.int64) * self.dilation

    def source(self, outputs: Any = None) -> Cells:
        """Return the input cell that each tap reads, shape (outputs, taps); ``OUTSIDE`` for a constant."""
        wanted = range(self.outputs) if outputs is None else outputs
        check_cells(len(wanted) * self.taps)
        return source_cells(self.positions(wanted), self.size, self.boundary)

    def reads(self, start: int, stop: int) -> AxisReads:
        """Return what the outputs from ``start`` to before ``stop`` need of the input."""
        if stop <= start:
            return AxisReads(np.zeros(0, np.int64), slice(0, 0), (0, 0))
        first = start * self.stride - self.before
        last = (stop - 1) * self.stride - self.before + self.extent - 1
        check_cells(last - first + 1)
        cells = source_cells(np.arange(first, last + 1), self.size, self.boundary)
        inside = cells[cells != OUTSIDE]
        hull = slice(int(inside.min()), int(inside.max()) + 1) if len(inside) else slice(0, 0)
        length = last - first + 1
        border = (min(length, max(0, -first)), min(length, max(0, last - self.size + 1)))
        return AxisReads(cells, hull, border)

    def feeds(self, start: int, stop: int) -> Cells:
        """Return, in order, the outputs that read any input cell from ``start`` to before ``stop``."""
        first = -(-(start + self.before - self.extent + 1) // self.stride)
        last = (stop - 1 + self.before) // self.stride
        candidates = self._outputs(first, last + 1)
        if self.boundary != "constant":  # a border repeats cells, so its outputs may read any of them
            candidates = np.union1d(candidates, self.border_outputs())
        cells = self.source(candidates)
        return candidates[((cells >= start) & (cells < stop)).any(axis=1)]

    def border_outputs(self) -> Cells:
        """Return, in order, the outputs whose window reaches beyond the input, before or after it."""
        before = self._outputs(0, -(-self.before // self.stride))
        after = self._outputs((self.size - self.extent + self.before) // self.stride + 1, self.outputs)
        return np.union1d(before, after)

    def _outputs(self, start: int, stop: int) -> Cells:
        """Return the outputs there are from ``start`` to before ``stop``."""
        first, last = max(0, start), min(self.outputs, stop)
        check_cells(last - first)
        return np.arange(first, max(first, last), dtype=np.int64)

    def tap_range(self, tap: int, start: int, stop: int) -> tuple[int, int]:
        """Return the outputs within [start, stop) for which this tap stands inside the input."""
        offset = tap * self.dilation - self.before
        first = max(start, -(offset // self.stride))
        last = min(stop, (self.size - 1 - offset) // self.stride + 1)
        return first, max(first, last)

    def coverage(self) -> Cells:
        """Return how often each input cell is read by all outputs together."""
        cells = self.source()
        return np.bincount(cells[cells != OUTSIDE].ravel(), minlength=self.size)

    def formula(self) -> str:
        """Return the size formula with this dimension's numbers put in.

        >>> Axis(size=5, outputs=3, taps=3).formula()
        '⌊(5 + 2·0 − 1·(3−1) − 1) / 1⌋ + 1 = 3'
        """
        padding = f"2·{self.before}" if self.before == self.after else f"{self.before} + {self.after}"
        inner = f"{self.size} + {padding} − {self.dilation}·({self.taps}−1) − 1"
        return f"⌊({inner}) / {self.stride}⌋ + 1 = {self.outputs}"


def output_count(
    size: int, taps: int, stride: int, dilation: int, before: int, after: int, name: str = "dimension"
) -> int:
    """Return floor((size + before + after - dilation * (taps - 1) - 1) / stride) + 1.

    Raises
    ------
    ShapeError
        If the filter does not fit into the padded input even once.
    """
    extent = dilation * (taps - 1) + 1
    room = size + before + after - extent
    if room < 0:
        raise ShapeError(
            f"the output size must be at least 1, but {name} would give "
            f"⌊({size} + {before} + {after} − {dilation}·({taps}−1) − 1) / {stride}⌋ + 1 = "
            f"{room // stride + 1}: the filter spans {extent} cells and the padded input has "
            f"{size + before + after}; use more padding, a smaller filter or less dilation"
        )
    return room // stride + 1
