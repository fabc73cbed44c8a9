"""Works on Dask arrays: one task for each chunk of the result, which reads the chunks that it needs.

A chunk of the result holds what has its middle in a chunk of the source. Its task is given whole chunks and
takes out what `Work.reads` says, be that a neighbour's edge or, where a halo is wider than a chunk, all of
several neighbours. Every task computes on the thread that runs it: Dask has one for each of its own.
"""

import itertools
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.work import Range, Ranges, Region, Work
from convolve.dtypes import Array
from convolve.errors import ArgumentTypeError, MissingExtraError, ShapeError
from convolve.runtime import threads

Piece = tuple[int, slice]
"""Number of a chunk along a dimension, and what is taken out of it."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one task computes: a region, and along each dimension what is taken out of the chunks given."""

    region: Region
    pieces: tuple[tuple[slice, ...], ...]


def compute_block(work: Work, block: Block, chunks: Any) -> Array:
    """Compute one chunk of the result.

    ``chunks`` are nested lists of chunks of the source, one level for each dimension.
    """
    is_main = threading.current_thread() is threading.main_thread()
    with nullcontext() if is_main else threads.alone():
        return work.compute(block.region, _assembled(chunks, block.pieces, ()))


def _assembled(chunks: Any, pieces: tuple[tuple[slice, ...], ...], taken: tuple[slice, ...]) -> Array:
    """Return pieces of chunks, laid side by side."""
    if not pieces:
        return np.asarray(chunks)[taken]
    parts = [
        _assembled(chunk, pieces[1:], (*taken, piece)) for chunk, piece in zip(chunks, pieces[0], strict=True)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=len(taken))


def lazily(work: Work, source: Any) -> Any:
    """Return the Dask array that a work makes of a Dask array."""
    import dask
    from dask.array import Array as DaskArray
    from dask.highlevelgraph import HighLevelGraph

    bounds = [tuple(itertools.accumulate(sizes, initial=0)) for sizes in source.chunks]
    cuts = [_cuts(work, d, bounds[d] if d < len(bounds) else ()) for d in range(len(work.shape))]
    name = f"convolve-{dask.base.tokenize(source.name, work)}"
    shared = f"{name}-work"
    layer: dict[Any, Any] = {shared: work}
    for place in itertools.product(*(range(len(ranges)) for ranges in cuts)):
        region = tuple(cuts[d][number] for d, number in enumerate(place))
        pieces = [_pieces(ranges, ends) for ranges, ends in zip(work.reads(region), bounds, strict=True)]
        block = Block(region, tuple(tuple(piece for _, piece in each) for each in pieces))
        keys = _nested(source.name, [[number for number, _ in each] for each in pieces], ())
        layer[(name, *place)] = (compute_block, shared, block, keys)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[source])
    chunks = tuple(tuple(stop - start for start, stop in ranges) for ranges in cuts)
    return DaskArray(graph, name, chunks, dtype=work.dtype)


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


def _nested(name: str, numbers: list[list[int]], place: tuple[int, ...]) -> Any:
    """Return the keys of chunks as nested lists."""
    if not numbers:
        return (name, *place)
    return [_nested(name, numbers[1:], (*place, one)) for one in numbers[0]]


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
