"""A work on the planes or volumes of a larger array, one after the other: time points, slices, channels."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.work import Range, Ranges, Region, Work
from convolve.dtypes import Array, DType


@dataclass(frozen=True, slots=True, eq=False)
class StackWork:
    """One work on every part of an array that is left when some dimensions are looped over.

    Attributes
    ----------
    inner
        What is done to each part.
    source
        Shape of the array.
    places
        Which dimension of the array each dimension of a part is, in any order: an array may be laid out
        X before Y, and a filter's rows still lie along X.
    """

    inner: Work
    source: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        return self._spread(self.source, self.inner.shape)

    @property
    def dtype(self) -> DType:
        """Dtype of the result."""
        return self.inner.dtype

    @property
    def steps(self) -> tuple[int, ...]:
        """Where regions may be cut."""
        return self._spread((1,) * len(self.source), self.inner.steps)

    def outputs_before(self, dimension: int, cell: int) -> int:
        """Return how many results along a dimension have their middle before a cell of the source."""
        if dimension not in self.places:
            return cell
        return self.inner.outputs_before(self.places.index(dimension), cell)

    def reads(self, region: Region) -> tuple[Ranges, ...]:
        """Return which ranges of the source a region reads, per dimension."""
        looped: tuple[Ranges, ...] = tuple((one,) for one in region)
        return self._spread(looped, self.inner.reads(self._inner_region(region)))

    def compute(self, region: Region, cells: Array) -> Array:
        """Return a region of the result from the ranges of the source, laid side by side."""
        inner = self._inner_region(region)
        result = np.empty([stop - start for start, stop in region], self.dtype)
        order = np.argsort(np.argsort(self.places))  # where a part's dimensions stand among each other
        for part in self._parts(region):
            done = self.inner.compute(inner, cells[part].transpose(order))
            result[part] = done.transpose(np.argsort(order))
        return result

    def _inner_region(self, region: Region) -> tuple[Range, ...]:
        return tuple(region[place] for place in self.places)

    def _parts(self, region: Region) -> Iterator[tuple[int | slice, ...]]:
        """Yield where each part of a region stands."""
        ranges: list[range | list[slice]] = [
            [slice(None)] if d in self.places else range(stop - start)
            for d, (start, stop) in enumerate(region)
        ]
        yield from itertools.product(*ranges)

    def _spread(self, outer: tuple[Any, ...], inner: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return numbers or ranges of all dimensions, those of a part being given apart."""
        own = dict(zip(self.places, inner, strict=True))
        return tuple(own.get(d, one) for d, one in enumerate(outer))
