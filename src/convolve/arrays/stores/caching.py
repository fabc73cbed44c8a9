"""Chunks of a file that were unpacked, kept for the next regions: neighbours read the same ones.

A region's halo reaches into chunks all around it. Without this each chunk of a volume would be unpacked up to
27 times; with room for a row of chunks, a few times.
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from convolve.arrays.stores.base import Description, Source
from convolve.arrays.work import Ranges
from convolve.dtypes import Array
from convolve.runtime.locks import fork_safe_lock


class _Kept:
    """The chunks that this process keeps, those used longest ago dropped first."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Any, Array] = OrderedDict()
        self._bytes = 0
        self._lock = fork_safe_lock()
        self._reading: dict[Any, Future[Array]] = {}

    def get(self, key: Any, read: Callable[[], Array], most: int, *, patient: bool) -> Array | None:
        """Return a chunk that is kept, or is read now; one that another thread reads if patient, or None."""
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
                return self._chunks[key]
            awaited = self._reading.get(key)
            if awaited is None:
                mine = self._reading[key] = Future()
        if awaited is not None:
            return awaited.result() if patient else None
        try:
            chunk = read()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(chunk)
            self._keep(key, chunk, most)
            return chunk
        finally:
            with self._lock:
                del self._reading[key]

    def _keep(self, key: Any, chunk: Array, most: int) -> None:
        """Keep a chunk, and drop others while there are more than so many bytes."""
        with self._lock:
            if key not in self._chunks and chunk.nbytes <= most:
                self._chunks[key] = chunk
                self._bytes += chunk.nbytes
            while self._bytes > most:
                self._bytes -= self._chunks.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Drop all chunks."""
        with self._lock:
            self._chunks.clear()
            self._bytes = 0


_kept = _Kept()


class _Piece(NamedTuple):
    """Along one dimension: a chunk, and which of its cells go where."""

    number: int
    of: slice
    to: slice


def _pieces(ranges: Ranges, size: int) -> Iterator[_Piece]:
    """Cut the ranges of one dimension at the borders of the chunks."""
    at = 0
    for start, stop in ranges:
        for number in range(start // size, -(-stop // size)):
            first, last = max(start, number * size), min(stop, (number + 1) * size)
            of = slice(first - number * size, last - number * size)
            yield _Piece(number, of, slice(at + first - start, at + last - start))
        at += stop - start


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
        Bytes of chunks that are kept.
    """

    source: Source
    run: str
    most: int

    def gathered(self, ranges: tuple[Ranges, ...]) -> Array:
        """Return several ranges per dimension, laid side by side, from chunks that are kept or read now.

        Chunks that other threads are unpacking come last: those want others of this region meanwhile.
        """
        told = self.source.description
        room = np.empty([sum(stop - start for start, stop in each) for each in ranges], told.dtype)
        pieces = [list(_pieces(each, size)) for each, size in zip(ranges, told.chunks, strict=True)]
        of_chunk: dict[tuple[int, ...], list[tuple[_Piece, ...]]] = {}
        for several in itertools.product(*pieces):
            of_chunk.setdefault(tuple(piece.number for piece in several), []).append(several)
        left = list(of_chunk.items())
        for patient in (False, True):
            left = [one for one in left if not self._fill(room, *one, patient=patient)]
        return room

    def _fill(
        self, room: Array, numbers: tuple[int, ...], parts: list[tuple[_Piece, ...]], *, patient: bool
    ) -> bool:
        """Copy the parts of one chunk to where they belong, unless it has to be waited for."""
        chunk = self._chunk(numbers, patient=patient)
        if chunk is None:
            return False
        for several in parts:
            room[tuple(piece.to for piece in several)] = chunk[tuple(piece.of for piece in several)]
        return True

    def _chunk(self, numbers: tuple[int, ...], *, patient: bool) -> Array | None:
        told = self.source.description
        place = tuple(
            slice(number * size, min(length, (number + 1) * size))
            for number, size, length in zip(numbers, told.chunks, told.shape, strict=True)
        )
        return _kept.get((self.run, numbers), lambda: self.source.read(place), self.most, patient=patient)


def forget() -> None:
    """Drop the chunks that this process keeps."""
    _kept.clear()


def chunk_bytes(description: Description) -> int:
    """Return the bytes of one chunk, unpacked."""
    return math.prod(description.chunks) * description.dtype.itemsize
