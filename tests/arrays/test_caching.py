"""Chunks of a file that are kept: what is gathered from them, and which of them several threads unpack."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convolve import apply, arrays
from convolve.arrays import cutting, filtering, stores
from convolve.arrays.stores import Description, caching
from convolve.arrays.stores.base import gathered
from convolve.arrays.stores.caching import ChunkReader, edges, forget
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
        read = edges([[one] for one in ranges], chunks)
        reader = ChunkReader(source, f"case {case}", draw.choice((0, 5000, 10**6)), read)
        for _ in range(2):
            assert np.array_equal(reader.gathered(tuple(ranges)), gathered(source, tuple(ranges)))
    forget()


def test_two_threads_that_want_the_same_chunks_unpack_different_ones() -> None:
    both = threading.Barrier(2, timeout=20)  # breaks where one thread waits for the chunk of the other
    source = Held(np.arange(16 * 16).reshape(16, 16), (4, 4), both.wait)
    reader = ChunkReader(source, "two threads", 10**6, edges([[((0, 16),)]] * 2, (4, 4)))
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(reader.gathered, [(((0, 16),),) * 2] * 2):
            assert np.array_equal(result, source.array)
    forget()


def test_a_chunk_is_unpacked_twice_where_chunks_do_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time a neighbour needs an edge, and all edges are kept; then its own region does."""
    array = np.random.default_rng(seeds.seed()).random((96, 96)).astype(np.float32)
    source = tmp_path / "a.zarr"
    told = Description(array.shape, array.dtype, (32, 32), "YX")
    stores.create(source, told).write(((0, 96), (0, 96)), array)
    unpacked: list[Any] = []
    read_one = stores.zarr_store.Zarr.read

    def counted(self: Any, place: Any) -> Any:
        unpacked.append(str(place))
        return read_one(self, place)

    blocks = cutting.Cut((32, 32), (32, 32))
    monkeypatch.setattr(caching, "ENTRY", 0)
    monkeypatch.setattr(stores.zarr_store.Zarr, "read", counted)
    monkeypatch.setattr(filtering, "cut", lambda *_: blocks)
    weight = np.random.default_rng(seeds.seed()).random((3, 3)).astype(np.float32)
    edges_of_all = 9 * 4 * (34 * 34 - 32 * 32)  # four bytes of a ring of cells
    for most, often in ((array.nbytes, 1), (edges_of_all, 2)):
        monkeypatch.setattr(filtering, "kept", lambda _, most=most: most)
        unpacked.clear()
        arrays.filter_stored(source, tmp_path / "b.npy", weight, padding_mode="circular", force=True)
        assert 9 <= len(unpacked) <= 9 * often
        assert np.array_equal(np.load(tmp_path / "b.npy"), apply(array, weight, padding_mode="circular"))


def test_chunks_without_files_take_no_room(tmp_path: Path) -> None:
    source = stores.create(tmp_path / "a.zarr", Description((64, 64), np.dtype("f"), (16, 16), "YX"))
    source.write(((0, 64), (0, 64)), np.zeros((64, 64), np.float32))
    source.write(((0, 16), (16, 48)), np.repeat([[0, 1]], 16, 1).repeat(16, 0).astype("f"))
    source.write(((16, 32), (0, 16)), np.full((16, 16), -0.0, "f"))
    kept = sorted(str(one.relative_to(tmp_path / "a.zarr" / "c")) for one in tmp_path.glob("a.zarr/c/*/*"))
    assert kept == ["0/2", "1/0"]
    assert not any(source.read((slice(0, 16), slice(0, 16))).strides)
    assert np.signbit(source.read((slice(16, 32), slice(0, 16)))).all()
    source.write(((0, 16), (32, 48)), np.zeros((16, 16), "f"))  # also where there was a file
    assert not source.read((slice(0, 64), slice(0, 64))).any()
