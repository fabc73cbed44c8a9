"""Chunks of a file that are kept: what is gathered from them, and which of them several threads unpack."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from convolve.arrays.stores import Description
from convolve.arrays.stores.base import gathered
from convolve.arrays.stores.caching import ChunkReader, forget
from tests import seeds


class Held:
    """An array in memory as a source; what is done at each reading is told."""

    def __init__(self, array: Any, chunks: tuple[int, ...], at_reading: Any = lambda: None) -> None:
        self.array, self.at_reading = array, at_reading
        self.description = Description(array.shape, array.dtype, chunks, "I" * array.ndim)

    def read(self, place: tuple[slice, ...]) -> Any:
        self.at_reading()
        return self.array[place]


def test_ranges_are_laid_side_by_side() -> None:
    draw = random.Random(f"{seeds.seed()} caching")
    for case in range(50):
        shape = [draw.randint(1, 30) for _ in range(draw.randint(1, 3))]
        chunks = tuple(draw.randint(1, size) for size in shape)
        source = Held(np.arange(np.prod(shape)).reshape(shape), chunks)
        ranges = []
        for size in shape:
            ends = sorted(draw.sample(range(size + 1), 2 * draw.randint(1, min(3, (size + 1) // 2))))
            several = [(ends[at], ends[at + 1]) for at in range(0, len(ends), 2)]
            ranges.append(tuple(draw.sample(several, len(several))))  # circular borders begin at the end
        reader = ChunkReader(source, f"case {case}", draw.choice((0, 100, 10**6)))
        for _ in range(2):
            assert np.array_equal(reader.gathered(tuple(ranges)), gathered(source, tuple(ranges)))
    forget()


def test_two_threads_that_want_the_same_chunks_unpack_different_ones() -> None:
    both = threading.Barrier(2, timeout=20)  # breaks where one thread waits for the chunk of the other
    source = Held(np.arange(16 * 16).reshape(16, 16), (4, 4), both.wait)
    reader = ChunkReader(source, "two threads", 10**6)
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(reader.gathered, [(((0, 16),),) * 2] * 2):
            assert np.array_equal(result, source.array)
    forget()
