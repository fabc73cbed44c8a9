"""Pooling of whole planes: one output of each, so that the lanes of a vector are planes.

As many planes as a vector has lanes are read a square at a time and turned round: then each register holds
the same cell of all of them. Cells are taken in reading order, as `convolve.compiler.lower.pool` does.
"""

import math
from collections.abc import Iterable

from convolve.compiler.affine import Affine, Index
from convolve.compiler.builder import Pen
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.loopnest import Buffer, Routine, Signature, affines
from convolve.compiler.plan import PoolCode
from convolve.compiler.target import Target

N, C, BC = map(Affine.symbol, ("N", "C", "BC"))


def pool_planes(code: PoolCode, target: Target) -> Routine:
    """Return the loop nest of a pooling whose windows are whole planes."""
    return _Planes(code, target).routine()


def planes_signature(code: PoolCode) -> Signature:
    """Return what a caller must know of it."""
    buffers = [
        Buffer("input", code.dtype, affines([N, C, math.prod(code.taps)]), "input"),
        Buffer("output", code.dtype, affines([N, C]), "output"),
        Buffer("start", code.dtype, affines([1]), "weights"),
    ]
    if code.kind == "mean":
        buffers.append(Buffer("divisor", code.dtype, affines([1]), "weights"))
    return Signature("pool", ("N", "C", "BC"), (N, C, BC - 1), tuple(buffers))


class _Planes:
    def __init__(self, code: PoolCode, target: Target) -> None:
        self.code = code
        self.lanes = target.lanes(ITEM_BYTES[code.dtype])
        self.cells = math.prod(code.taps)
        self.pen = Pen()

    def routine(self) -> Routine:
        grid: list[tuple[str, Index, Index]] = [("n", N, 1), ("c", C, BC)]
        with self.pen.share(grid) as ((n, _), (c, count)):
            self.pen.widths(count, self.lanes, lambda lanes: self._some(n, c, count, lanes))
        return Routine.of(planes_signature(self.code), self.pen.body())

    def _some(self, n: Affine, c: Affine, count: Affine, lanes: int) -> None:
        """Pool all planes of an item, so many at once."""
        pen, best = self.pen, f"best{lanes}"
        pen.repeat(f"start{lanes}", "start", [0], lanes)
        with pen.loop("plane", 0, count, lanes, overlap=lanes > 1) as plane:
            pen.compute(best, "copy", f"start{lanes}")
            with pen.loop("cell", 0, Affine.of(self.cells), lanes) as cell:
                self._square(n, c + plane, cell, lanes, range(lanes))
            left = self.cells % lanes
            if left:  # the last square overlaps the one before it
                self._square(n, c + plane, Affine.of(self.cells - lanes), lanes, range(lanes - left, lanes))
            if self.code.kind == "mean":
                pen.repeat(f"divisor{lanes}", "divisor", [0], lanes)
                pen.compute(best, "divide", best, f"divisor{lanes}")
            pen.store("output", [n, c + plane], best, lanes)

    def _square(self, n: Affine, plane: Affine, cell: Affine, lanes: int, taken: Iterable[int]) -> None:
        """Read a square of planes × cells, and take some of its cells."""
        pen = self.pen
        rows = [pen.load(f"row{lanes}_{i}", "input", [n, plane + i, cell], lanes) for i in range(lanes)]
        columns = [f"cells{lanes}_{j}" for j in range(lanes)]
        if lanes > 1:
            pen.transpose(columns, rows)
        else:
            columns = rows
        for j in taken:
            operation = "add" if self.code.kind == "mean" else "larger"
            pen.compute(f"best{lanes}", operation, columns[j], f"best{lanes}")
