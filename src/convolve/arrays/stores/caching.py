"""Chunks of a file that were unpacked, kept for the next regions: neighbours read the same ones.

A region's halo reaches into chunks all around it. Without this each chunk of a volume would be unpacked up to
27 times; with room for a row of chunks, a few times.
"""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.stores.base import Description, Source
from convolve.dtypes import Array
from convolve.runtime.locks import fork_safe_lock


class _Kept:
    """The chunks that this process keeps, those used longest ago dropped first."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[Any, Array] = OrderedDict()
        self._bytes = 0
        self._lock = fork_safe_lock()
        self._reading: dict[Any, Future[Array]] = {}

    def get(self, key: Any, read: Callable[[], Array], most: int) -> Array:
        """Return a chunk that is kept, or is read now: by one thread, while others that want it wait."""
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
                return self._chunks[key]
            awaited = self._reading.get(key)
            if awaited is None:
                mine = self._reading[key] = Future()
        if awaited is not None:
            return awaited.result()
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


@dataclass(frozen=True, slots=True)
class CachedSource:
    """A source whose chunks are kept in memory, in every process that reads it.

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

    @property
    def description(self) -> Description:
        """What the array is."""
        return self.source.description

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension, from chunks that are kept or read now."""
        told = self.description
        room = np.empty([one.stop - one.start for one in place], told.dtype)
        touched = (
            range(one.start // size, -(-one.stop // size))
            for one, size in zip(place, told.chunks, strict=True)
        )
        for numbers in itertools.product(*touched):
            first = [number * size for number, size in zip(numbers, told.chunks, strict=True)]
            chunk = self._chunk(numbers)
            ends = [start + length for start, length in zip(first, chunk.shape, strict=True)]
            both = [
                (max(one.start, start), min(one.stop, end))
                for one, start, end in zip(place, first, ends, strict=True)
            ]
            to = tuple(slice(a - one.start, b - one.start) for (a, b), one in zip(both, place, strict=True))
            out_of = tuple(slice(a - start, b - start) for (a, b), start in zip(both, first, strict=True))
            room[to] = chunk[out_of]
        return room

    def _chunk(self, numbers: tuple[int, ...]) -> Array:
        told = self.description
        place = tuple(
            slice(number * size, min(length, (number + 1) * size))
            for number, size, length in zip(numbers, told.chunks, told.shape, strict=True)
        )
        return _kept.get((self.run, numbers), lambda: self.source.read(place), self.most)


def forget() -> None:
    """Drop the chunks that this process keeps."""
    _kept.clear()


def chunk_bytes(description: Description) -> int:
    """Return the bytes of one chunk, unpacked."""
    return math.prod(description.chunks) * description.dtype.itemsize
