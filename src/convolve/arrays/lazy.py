"""Works on Dask arrays: one task for each chunk of the result, which reads the chunks that it needs.

A chunk of the result holds what has its middle in a chunk of the source. Its task is given what `Work.reads`
says, be that a neighbour's edge or, where a halo is wider than a chunk, all of several neighbours. Edges
are cut off by tasks of their own, so that no worker sends a whole chunk for one. Every task computes on the
thread that runs it: Dask has one for each of its own.
"""

import itertools
import operator
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.digest import digest_of
from convolve.arrays.work import Range, Ranges, Region, Work
from convolve.dtypes import Array
from convolve.errors import ArgumentTypeError, MissingExtraError, ShapeError
from convolve.runtime import threads

Piece = tuple[int, slice]
"""Number of a chunk along a dimension, and what is taken out of it."""


def compute_block(work: Work, region: "Here", pieces: Any) -> Array:
    """Compute one chunk of the result.

    ``pieces`` are nested lists of parts of chunks of the source, one level for each dimension.
    """
    is_main = threading.current_thread() is threading.main_thread()
    with nullcontext() if is_main else threads.alone():
        return work.compute(region.ranges, _assembled(pieces, 0))


@dataclass(frozen=True, slots=True)
class Here:
    """A region, which Dask does not look into."""

    ranges: Region


def _assembled(pieces: Any, axis: int) -> Array:
    """Return parts of chunks, laid side by side."""
    if not isinstance(pieces, list):
        return np.asarray(pieces)
    parts = [_assembled(one, axis + 1) for one in pieces]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def lazily(work: Work, source: Any) -> Any:
    """Return the Dask array that a work makes of a Dask array."""
    from dask.array import Array as DaskArray
    from dask.highlevelgraph import HighLevelGraph

    bounds = [tuple(itertools.accumulate(sizes, initial=0)) for sizes in source.chunks]
    cuts = [_cuts(work, d, bounds[d] if d < len(bounds) else ()) for d in range(len(work.shape))]
    name = f"convolve-{digest_of((source.name, work))}"
    shared = f"{name}-work"
    layer: dict[Any, Any] = {shared: work}
    keys = _Keys(source.name, name, source.chunks, layer)
    for place in itertools.product(*(range(len(ranges)) for ranges in cuts)):
        region = tuple(cuts[d][number] for d, number in enumerate(place))
        pieces = [_pieces(ranges, ends) for ranges, ends in zip(work.reads(region), bounds, strict=True)]
        layer[(name, *place)] = (compute_block, shared, Here(region), keys.nested(pieces, ()))
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[source])
    chunks = tuple(tuple(stop - start for start, stop in ranges) for ranges in cuts)
    return DaskArray(graph, name, chunks, dtype=work.dtype)


@dataclass(frozen=True, slots=True)
class _Keys:
    """Names of pieces of the source's chunks; tasks that cut them off are added to the layer."""

    source: str
    name: str
    chunks: Sequence[Sequence[int]]
    layer: dict[Any, Any]

    def nested(self, pieces: list[list[Piece]], taken: tuple[Piece, ...]) -> Any:
        """Return the keys of all combinations of pieces, as nested lists."""
        if not pieces:
            return self._key(taken)
        return [self.nested(pieces[1:], (*taken, one)) for one in pieces[0]]

    def _key(self, taken: tuple[Piece, ...]) -> Any:
        numbers = tuple(number for number, _ in taken)
        whole = all(part == slice(0, self.chunks[d][number]) for d, (number, part) in enumerate(taken))
        if whole:
            return (self.source, *numbers)
        places = tuple(f"{number}:{part.start}-{part.stop}" for number, part in taken)
        key = (f"{self.name}-piece", *places)
        self.layer[key] = (operator.getitem, (self.source, *numbers), tuple(part for _, part in taken))
        return key


def _cuts(work: Work, dimension: int, bounds: Sequence[int]) -> list[Range]:
    """Return the ranges into which the result is cut along a dimension, as the source is."""
    size, step = work.shape[dimension], work.steps[dimension]
    ends = {min(size, round(work.outputs_before(dimension, end) / step) * step) for end in bounds}
    places = sorted({0, size} | ends)
    return list(itertools.pairwise(places)) or [(0, 0)]


def _pieces(ranges: Ranges, bounds: Sequence[int]) -> list[Piece]:
    """Return which pieces of which chunks hold some ranges, in order; one at least.

    >>> _pieces(((1, 5), (7, 8)), (0, 2, 6, 9))
    [(0, slice(1, 2, None)), (1, slice(0, 3, None)), (2, slice(1, 2, None))]
    """
    found = [
        (number, slice(max(start, first) - first, min(stop, last) - first))
        for start, stop in ranges
        for number, (first, last) in enumerate(itertools.pairwise(bounds))
        if max(start, first) < min(stop, last)
    ]
    return found or [(0, slice(0, 0))]


def checked_source(source: Any) -> Any:
    """Return a Dask array whose chunks are known, or say what is wrong with it."""
    try:
        from dask.array import Array as DaskArray
    except ImportError:
        raise MissingExtraError.of("dask", "dask", "computing on Dask arrays") from None
    if not isinstance(source, DaskArray):
        raise ArgumentTypeError(
            f"convolve.arrays takes Dask arrays, got {type(source).__name__}; for an array in memory call "
            "convolve's function of the same name, or wrap it with dask.array.from_array"
        )
    if any(size != size for sizes in source.chunks for size in sizes):
        raise ShapeError(
            f"the sizes of all chunks must be known, but this array has the chunks {source.chunks}; call its "
            "compute_chunk_sizes() first"
        )
    return source
