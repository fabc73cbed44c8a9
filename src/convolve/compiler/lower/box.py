"""Sums of equal factors, which neighbouring outputs share.

Down the rows, the windows of a tile have most rows in common. Their sum runs on upwards through the rows
before, and leaves the first part of every window; another runs downwards through the rows behind and adds the
second part (van Herk 1992). Along a row, cells that lie whole vectors apart are summed up first, for all
places of the row; an output is then the sum of as many of these as there are lanes.

Nothing is ever subtracted: each output is a sum of its own window's cells and of no others, so it holds no
rounding of a large cell that has left the window, and no NaN. Cells are multiplied as they are added, fused:
no sum grows beyond what the direct sum holds.
"""

from collections.abc import Sequence

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.lower.slide import Cells, slide
from convolve.compiler.lower.unroll import tap_runs
from convolve.compiler.passes import BOX_VECTORS, MOST_IN_STRIP, vector_taps
from convolve.compiler.plan import Code
from convolve.compiler.problem import pieces


class Box:
    """Writes the passes of equal factors."""

    def __init__(self, pen: Pen, code: Code, lanes: int) -> None:
        self.pen, self.code, self.lanes = pen, code, lanes
        self.period, self.vectors = vector_taps(code, lanes)

    def down(
        self, taps: int, tile: tuple[int, int], factor: Sequence[Index], cells: Cells, result: Cells
    ) -> None:
        """Sum up a tile of rows × vectors, of at most as many rows as there are taps."""
        pen, (rows, vectors) = self.pen, tile
        pen.repeat("factor", "weights", factor, self.lanes)
        self._clear(vectors)
        with pen.loop("tap", rows - 1, taps) as tap:
            self._add(vectors, cells, tap)
        self._store(vectors, result, Affine.of(rows - 1))
        with pen.loop("back", 1, rows) as back:
            row = rows - 1 - back
            self._add(vectors, cells, row)
            self._store(vectors, result, row)
        self._clear(vectors)
        with pen.loop("behind", 1, rows) as row:
            self._add(vectors, cells, row + (taps - 1))
            for v in range(vectors):
                buffer, index = result(row, v)
                pen.load(f"first{v}", buffer, index, self.lanes)
                pen.store(buffer, index, pen.compute(f"first{v}", "add", f"first{v}", f"line{v}"), self.lanes)

    def _clear(self, vectors: int) -> None:
        for v in range(vectors):
            self.pen.number(f"line{v}", 0.0, self.code.dtype, self.lanes)

    def _add(self, vectors: int, cells: Cells, row: Affine) -> None:
        """Add a row's vectors to the sums."""
        for v in range(vectors):
            buffer, index = cells(row, v)
            self.pen.load(f"cells{v}", buffer, index, self.lanes)
            self.pen.compute(f"line{v}", "fma", f"cells{v}", "factor", f"line{v}")

    def _store(self, vectors: int, result: Cells, row: Affine) -> None:
        for v in range(vectors):
            buffer, index = result(row, v)
            self.pen.store(buffer, index, f"line{v}", self.lanes)

    def across(
        self,
        factor: Sequence[Index],
        columns: Affine,
        cells: Sequence[Index],
        shared: Sequence[Index],
    ) -> None:
        """Sum up cells of a row that lie whole vectors apart, for so many columns.

        ``cells`` and ``shared`` are places without their column. The first of the two sums of a place holds
        as many cells as every remainder has taps, the second one more, which the first remainders have.
        """
        pen, width = self.pen, BOX_VECTORS * self.lanes
        whole, longer = divmod(self.code.taps[2], self.period)
        ahead = (self.period - 1) * self.code.dilation[2]
        tiles = pen.quotient("shared_tiles", columns + (ahead + width - 1), width)
        with pen.loop("st", 0, tiles) as tile:
            column = tile * width
            self._clear(BOX_VECTORS)
            if whole:
                most = max(1, MOST_IN_STRIP // BOX_VECTORS)
                for group in tap_runs(pen, whole, pieces(whole, pieces(whole, most))):
                    self._apart(group, factor, [*cells, column])
                self._store_shared(0, shared, column)
            if longer:
                self._apart([Affine.of(whole)], factor, [*cells, column])
                self._store_shared(1, shared, column)

    def _apart(self, group: Sequence[Affine], factor: Sequence[Index], cells: Sequence[Index]) -> None:
        """Add some cells that lie whole vectors apart to the sums of places side by side."""
        *row, column = cells
        factors = [(one * self.vectors, factor) for one in group]

        def place(vector: Affine, _: int) -> tuple[str, Sequence[Index]]:
            return "rows", [*row, column + vector * self.lanes]

        slide(self.pen, self.lanes, factors, (BOX_VECTORS, 1), place, lambda v, _: f"line{v}")

    def _store_shared(self, kind: int, shared: Sequence[Index], column: Affine) -> None:
        for v in range(BOX_VECTORS):
            index = [*shared, kind, column + v * self.lanes]
            self.pen.store("shared", index, f"line{v}", self.lanes)
