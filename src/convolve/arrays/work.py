"""What is computed on an array that is not in memory: what a region of the result reads, and the region.

A `Work` knows sizes and weights, but no array: who has the cells (a file, Dask) asks what a region reads,
fetches that, and gets the region, with the bits that it has in the whole result.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from convolve.axis import Axis
from convolve.dtypes import Array, DType

Range = tuple[int, int]
"""From the first to before the last."""

Ranges = tuple[Range, ...]
Region = tuple[Range, ...]
"""One range for each dimension of an array."""

Runner = Callable[[Callable[[Region], Any], Sequence[Region]], Iterator[tuple[int, Any]]]
"""(what is done, regions) -> (number of a region, what came of it), in any order."""


class Work(Protocol):
    """One operation on an array of a known shape and dtype.

    Attributes
    ----------
    shape, dtype
        Of the result, which has as many dimensions as the source.
    steps
        Regions of the result begin, and end unless it is the result's end, at multiples of these.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""

    @property
    def dtype(self) -> DType:
        """Dtype of the result."""

    @property
    def steps(self) -> tuple[int, ...]:
        """Where regions may be cut."""

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, in order and apart, per dimension."""

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""


def middles_before(axis: Axis, cell: int) -> int:
    """Return how many windows of one dimension have their middle before a cell.

    >>> middles_before(Axis(size=9, outputs=5, taps=3, stride=2, before=1, after=1), 4)
    2
    """
    first = axis.before - (axis.extent - 1) // 2  # position 0 is the first input cell
    return min(axis.outputs, max(0, -(-(cell + first) // axis.stride)))


def picked(cells: Array, held: tuple[Ranges, ...], wanted: tuple[Ranges, ...]) -> Array:
    """Return those cells that are wanted of those that are held, both as ranges per dimension.

    >>> picked(np.array([5, 6, 7, 9]), (((5, 8), (9, 10)),), (((6, 8),),)).tolist()
    [6, 7]
    """
    for d, (have, want) in enumerate(zip(held, wanted, strict=True)):
        if have != want:
            cells = np.take(cells, np.searchsorted(_numbers(have), _numbers(want)), axis=d)
    return cells


def _numbers(ranges: Ranges) -> Array:
    return np.concatenate([np.arange(*one) for one in ranges])


def joined(several: list[tuple[Ranges, ...]]) -> tuple[Ranges, ...]:
    """Return the ranges that hold everything which any of several works reads, per dimension.

    >>> joined([(((0, 3),),), (((2, 5), (8, 9)),)])
    (((0, 5), (8, 9)),)
    """
    return tuple(_union(each) for each in zip(*several, strict=True))


def _union(several: tuple[Ranges, ...]) -> Ranges:
    """Return ranges of one dimension as the fewest that hold the same cells."""
    found: list[Range] = []
    for start, stop in sorted(one for ranges in several for one in ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return tuple(found)
