"""Chunks of a file that were unpacked, kept for the next regions: neighbours read the same ones.

A region's halo reaches into chunks all around it. Without this each chunk of a volume would be unpacked up to
27 times. Whole chunks are kept as long as there is room; of those that go, the edges that other regions ask
for stay, if they are few bytes: where all edges fit, a chunk is unpacked for a neighbour and for itself.
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from convolve.arrays.stores.base import Description, Source
from convolve.arrays.work import Range, Ranges
from convolve.dtypes import Array
from convolve.runtime.locks import fork_safe_lock

ENTRY = 1000
"""Bytes that keeping an array takes besides its numbers: key, array and places in dictionaries."""

LARGEST_EDGE = 0.25
"""Part of a chunk up to which what a region reads of it is kept as an edge: more is its middle, which the
regions that lie on it need once."""

MOST_OF_EDGES = 0.35
"""Part of a chunk's bytes up to which its edges are kept. Edges of a quarter made 2 to 7 readings of 12 to
19; those of half and more made more readings than chunks alone, for they push these out (2026-11-27)."""

MOST_BOXES = 300
"""Boxes of one chunk that regions read, beyond which no edges are kept: more than the 3^5 of regions about as
large as chunks in five dimensions means that regions are far smaller, and edges are most of a chunk."""

Box = tuple[Range, ...]
"""Cells of a chunk: one range per dimension."""

Edges = tuple[Mapping[int, tuple[Range, ...]], ...]
"""Per dimension: number of a chunk -> the ranges of its cells that regions read."""


class _Kept:
    """The chunks that this process keeps; those used longest ago are dropped first, and edges last."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Any, Array] = OrderedDict()
        self._edges: OrderedDict[Any, dict[Box, Array]] = OrderedDict()
        self._bytes = 0
        self._lock = fork_safe_lock()
        self._reading: dict[Any, Future[Array]] = {}

    def get(
        self, key: Any, boxes: Sequence[Box], read: "_Reading", *, patient: bool
    ) -> Sequence[Array] | None:
        """Return boxes of a chunk, kept or read now; one that another thread reads only if patient."""
        with self._lock:
            found = self._find(key, boxes)
            if found is not None:
                return found
            awaited = self._reading.get(key)
            if awaited is None:
                mine = self._reading[key] = Future()
        if awaited is not None:
            return _cut(awaited.result(), boxes) if patient else None
        try:
            chunk = read.chunk()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(chunk)
            self._keep(key, chunk, read)
            return _cut(chunk, boxes)
        finally:
            with self._lock:
                del self._reading[key]

    def _find(self, key: Any, boxes: Sequence[Box]) -> Sequence[Array] | None:
        """Return boxes of a chunk if it is kept, or all of them are."""
        if key in self._chunks:
            self._chunks.move_to_end(key)
            return _cut(self._chunks[key], boxes)
        edges = self._edges.get(key, {})
        if not all(box in edges for box in boxes):
            return None
        self._edges.move_to_end(key)
        return [edges[box] for box in boxes]

    def _keep(self, key: Any, chunk: Array, read: "_Reading") -> None:
        """Keep a chunk, and its edges if there are more chunks than there is room."""
        edges: dict[Box, Array] = {}
        if key not in self._edges and any(chunk.strides):
            edges = {box: chunk[_slices(box)].copy() for box in read.edges()}
        with self._lock:
            if key not in self._chunks:
                self._chunks[key] = chunk
                self._bytes += _bytes(chunk)
            if edges and key not in self._edges:
                self._edges[key] = edges
                self._bytes += sum(map(_bytes, edges.values()))
            while self._bytes > read.most and self._chunks:
                self._bytes -= _bytes(self._chunks.popitem(last=False)[1])
            while self._bytes > read.most:
                self._bytes -= sum(map(_bytes, self._edges.popitem(last=False)[1].values()))

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._chunks.clear()
            self._edges.clear()
            self._bytes = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a chunk is read, which edges are cut off, and how many bytes may be kept."""

    chunk: Callable[[], Array]
    edges: Callable[[], Sequence[Box]]
    most: int


def _bytes(array: Array) -> int:
    """Return the bytes that an array takes: a chunk without a file is one number, seen in many places."""
    return (array.nbytes if any(array.strides) else 0) + ENTRY


def _slices(box: Box) -> tuple[slice, ...]:
    return tuple(slice(*one) for one in box)


def _cut(chunk: Array, boxes: Sequence[Box]) -> Sequence[Array]:
    return [chunk[_slices(box)] for box in boxes]


_kept = _Kept()


class _Piece(NamedTuple):
    """Along one dimension: a chunk, and which of its cells go where."""

    number: int
    of: Range
    to: Range


def _pieces(ranges: Ranges, size: int) -> Iterator[_Piece]:
    """Cut the ranges of one dimension at the borders of the chunks."""
    at = 0
    for start, stop in ranges:
        for number in range(start // size, -(-stop // size)):
            first, last = max(start, number * size), min(stop, (number + 1) * size)
            of = (first - number * size, last - number * size)
            yield _Piece(number, of, (at + first - start, at + last - start))
        at += stop - start


def edges(reads: Sequence[Sequence[Ranges]], chunks: Sequence[int]) -> Edges:
    """Return which cells of each chunk are read, by what all regions read per dimension.

    >>> edges([[((0, 5),), ((3, 8),)]], [4])
    ({0: ((0, 4), (3, 4)), 1: ((0, 1), (0, 4))},)
    """
    found = []
    for several, size in zip(reads, chunks, strict=True):
        of_chunk: dict[int, set[Range]] = {}
        for ranges in several:
            for number, of, _ in _pieces(ranges, size):
                of_chunk.setdefault(number, set()).add(of)
        found.append({number: tuple(sorted(each)) for number, each in sorted(of_chunk.items())})
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ChunkReader:
    """Reads a source by whole chunks, which are kept in memory, in every process that reads it.

    Attributes
    ----------
    source
        What is read.
    run
        Tells this reading from others: a file may change in between.
    most
        Bytes of chunks, and of their edges, that are kept.
    edges
        What will be read of each chunk; of those that are not named, no edges are kept.
    """

    source: Source
    run: str
    most: int
    edges: Edges

    def gathered(self, ranges: tuple[Ranges, ...]) -> Array:
        """Return several ranges per dimension, laid side by side, from chunks that are kept or read now.

        Chunks that other threads are unpacking come last: those want others of this region meanwhile.
        """
        told = self.source.description
        room = np.empty([sum(stop - start for start, stop in each) for each in ranges], told.dtype)
        pieces = [list(_pieces(each, size)) for each, size in zip(ranges, told.chunks, strict=True)]
        of_chunk: dict[tuple[int, ...], list[tuple[Box, Box]]] = {}
        for several in itertools.product(*pieces):
            both = tuple(piece.of for piece in several), tuple(piece.to for piece in several)
            of_chunk.setdefault(tuple(piece.number for piece in several), []).append(both)
        left = list(of_chunk.items())
        for patient in (False, True):
            left = [one for one in left if not self._fill(room, *one, patient=patient)]
        return room

    def _fill(
        self, room: Array, numbers: tuple[int, ...], parts: list[tuple[Box, Box]], *, patient: bool
    ) -> bool:
        """Copy the parts of one chunk to where they belong, unless it has to be waited for."""
        told = self.source.description
        place = tuple(
            slice(number * size, min(length, (number + 1) * size))
            for number, size, length in zip(numbers, told.chunks, told.shape, strict=True)
        )
        reading = _Reading(partial(self.source.read, place), partial(self._edges, numbers), self.most)
        found = _kept.get((self.run, numbers), [of for of, _ in parts], reading, patient=patient)
        if found is None:
            return False
        for (_, to), cells in zip(parts, found, strict=True):
            room[_slices(to)] = cells
        return True

    def _edges(self, numbers: tuple[int, ...]) -> list[Box]:
        """Return which edges of a chunk are kept: none where all chunks may stay, or edges are no less."""
        told = self.source.description
        ranges = [each.get(number, ()) for each, number in zip(self.edges, numbers, strict=True)]
        is_all_kept = math.prod(told.shape) * told.dtype.itemsize <= self.most
        if is_all_kept or math.prod(map(len, ranges)) > MOST_BOXES:
            return []
        sizes = (
            min(size, length - number * size)
            for number, size, length in zip(numbers, told.chunks, told.shape, strict=True)
        )
        cells = math.prod(sizes)
        found = {box: math.prod(stop - start for start, stop in box) for box in itertools.product(*ranges)}
        small = {box: size for box, size in found.items() if size <= LARGEST_EDGE * cells}
        held = sum(small.values()) * told.dtype.itemsize + ENTRY * len(small)
        return list(small) if held <= MOST_OF_EDGES * cells * told.dtype.itemsize else []


def forget() -> None:
    """Drop the chunks that this process keeps."""
    _kept.clear()


def chunk_bytes(description: Description) -> int:
    """Return the bytes of one chunk, unpacked."""
    return math.prod(description.chunks) * description.dtype.itemsize
