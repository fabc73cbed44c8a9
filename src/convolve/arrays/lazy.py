"""Works on Dask arrays: one task for each chunk of the result, which reads the chunks that it needs.

A chunk of the result holds what has its middle in a chunk of the source. Its task is given what `Work.reads`
says, be that a neighbour's edge or, where a halo is wider than a chunk, all of several neighbours. What
others need of a chunk is cut off by one task, so no worker sends a whole chunk for an edge, and there are
few tasks. Every task computes on the thread that runs it: Dask has one for each of its own.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.digest import digest_of
from convolve.arrays.running import on_this_thread
from convolve.arrays.work import Range, Ranges, Region, Work
from convolve.dtypes import Array
from convolve.errors import ArgumentTypeError, MissingExtraError, ShapeError

Piece = tuple[int, Range]
"""Number of a chunk along a dimension, and what is taken out of it."""

Numbers = tuple[int, ...]
Taken = tuple[Numbers, Region]
"""Numbers of a chunk, and the part of it that is needed."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one task computes, which Dask does not look into.

    Attributes
    ----------
    region
        Of the result.
    pieces
        How many pieces it is put together of, along each dimension.
    places
        For each piece, in order: which of the task's inputs holds it, and its number in a list of pieces or
        its place in a chunk.
    """

    region: Region
    pieces: tuple[int, ...]
    places: tuple[tuple[int, int | Region], ...]


def compute_block(work: Work, block: Block, *inputs: Any) -> Array:
    """Compute one chunk of the result from chunks of the source and lists of what was cut off others."""
    parts = [
        inputs[number][place] if isinstance(place, int) else _cut(inputs[number], place)
        for number, place in block.places
    ]
    cells = parts[0] if len(parts) == 1 else np.block(_nested(parts, block.pieces))
    return on_this_thread(work.compute, block.region, cells)


def _nested(parts: list[Array], pieces: tuple[int, ...]) -> Any:
    """Return pieces as lists in lists, one level for each dimension, as `numpy.block` takes them."""
    for count in pieces[:0:-1]:
        parts = [parts[i : i + count] for i in range(0, len(parts), count)]  # type: ignore[misc]
    return parts


def cut_off(chunk: Any, places: "Places") -> list[Array]:
    """Return what other chunks' tasks need of a chunk."""
    return [np.ascontiguousarray(_cut(chunk, place)) for place in places.parts]


def _cut(chunk: Any, part: Region) -> Array:
    return np.asarray(chunk)[tuple(slice(*one) for one in part)]


@dataclass(frozen=True, slots=True)
class Places:
    """Parts of a chunk, which Dask does not look into."""

    parts: tuple[Region, ...]


def lazily(work: Work, source: Any) -> Any:
    """Return the Dask array that a work makes of a Dask array."""
    from dask.array import Array as DaskArray
    from dask.highlevelgraph import HighLevelGraph

    bounds = [tuple(itertools.accumulate(sizes, initial=0)) for sizes in source.chunks]
    cuts = [_cuts(work, d, bounds[d] if d < len(bounds) else ()) for d in range(len(work.shape))]
    name = f"convolve-{digest_of((source.name, work))}"
    shared = f"{name}-work"
    edges = _Edges(source.chunks, {})
    blocks: dict[tuple[int, ...], tuple[Region, tuple[int, ...], list[Taken]]] = {}
    for place in itertools.product(*(range(len(ranges)) for ranges in cuts)):
        region = tuple(cuts[d][number] for d, number in enumerate(place))
        pieces = [_pieces(ranges, ends) for ranges, ends in zip(work.reads(region), bounds, strict=True)]
        taken = [edges.take(one) for one in itertools.product(*pieces)]
        blocks[place] = (region, tuple(map(len, pieces)), taken)
    layer: dict[Any, Any] = {shared: work}
    for place, (region, counts, taken) in blocks.items():
        keys: dict[Any, int] = {}
        places = []
        for numbers, part in taken:
            cut = edges.are_cut(numbers, part)
            key = (f"{name}-edges" if cut else source.name, *numbers)
            places.append((keys.setdefault(key, len(keys)), edges.taken[numbers][part] if cut else part))
        layer[(name, *place)] = (compute_block, shared, Block(region, counts, tuple(places)), *keys)
    for numbers, parts in edges.taken.items():
        if parts and edges.are_cut(numbers, next(iter(parts))):
            layer[(f"{name}-edges", *numbers)] = (cut_off, (source.name, *numbers), Places(tuple(parts)))
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[source])
    chunks = tuple(tuple(stop - start for start, stop in ranges) for ranges in cuts)
    return DaskArray(graph, name, chunks, dtype=work.dtype)


@dataclass(frozen=True, slots=True)
class _Edges:
    """What is taken out of each chunk by tasks of several results; ``taken`` numbers the parts of each."""

    chunks: Sequence[Sequence[int]]
    taken: dict[Numbers, dict[Region, int]]

    def take(self, pieces: tuple[Piece, ...]) -> Taken:
        """Note that a piece of a chunk is needed."""
        numbers = tuple(number for number, _ in pieces)
        part = tuple(one for _, one in pieces)
        parts = self.taken.setdefault(numbers, {})
        if not self._is_whole(numbers, part):
            parts.setdefault(part, len(parts))
        return numbers, part

    def are_cut(self, numbers: Numbers, part: Region) -> bool:
        """Whether a part is cut off by a task of its chunk: all parts are then well below the chunk."""
        if self._is_whole(numbers, part):
            return False
        whole = math.prod(self.chunks[d][number] for d, number in enumerate(numbers))
        cells = sum(math.prod(stop - start for start, stop in one) for one in self.taken[numbers])
        return 2 * cells < whole

    def _is_whole(self, numbers: Numbers, part: Region) -> bool:
        sizes = (self.chunks[d][number] for d, number in enumerate(numbers))
        return all(one == (0, size) for one, size in zip(part, sizes, strict=True))


def _cuts(work: Work, dimension: int, bounds: Sequence[int]) -> list[Range]:
    """Return the ranges into which the result is cut along a dimension, as the source is."""
    size, step = work.shape[dimension], work.steps[dimension]
    ends = {min(size, round(work.outputs_before(dimension, end) / step) * step) for end in bounds}
    places = sorted({0, size} | ends)
    return list(itertools.pairwise(places)) or [(0, 0)]


def _pieces(ranges: Ranges, bounds: Sequence[int]) -> list[Piece]:
    """Return which pieces of which chunks hold some ranges, in order; one at least.

    >>> _pieces(((1, 5), (7, 8)), (0, 2, 6, 9))
    [(0, (1, 2)), (1, (0, 3)), (2, (1, 2))]
    """
    found = [
        (number, (max(start, first) - first, min(stop, last) - first))
        for start, stop in ranges
        for number, (first, last) in enumerate(itertools.pairwise(bounds))
        if max(start, first) < min(stop, last)
    ]
    return found or [(0, (0, 0))]


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
