"""Smooths an array, beside dask-image: from memory to memory, and from Zarr to Zarr.

``python -m bench.arrays`` starts a cluster of two processes of one thread each, makes the array in their
memory and as Zarr, and lets the sides take turns; then the same in one process, on its threads. Medians of
all turns are printed. ``--shape 256 1024 1024 --turns 2`` takes another array, ``--every 16`` fills one chunk
of sixteen (and leaves memory out): of the rest no files exist.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, CHUNKS = (128, 768, 768), (64, 256, 256)
"""302 MB of float32, 18 chunks of 17 MB, unless told."""

SIGMA = (1.0, 2.0, 2.0)
TURNS = 5


Shape = tuple[int, ...]


def noise(shape: Shape) -> Any:
    """Return random numbers as a Dask array."""
    import dask.array as da

    return da.random.default_rng(20261126).standard_normal(shape, chunks=CHUNKS, dtype="float32")


def mostly_empty(path: Path, shape: Shape, every: int) -> None:
    """Write a Zarr array of which one chunk of so many holds random numbers."""
    import zarr

    made, random = zarr.create_array(path, shape=shape, chunks=CHUNKS, dtype="float32"), noise(shape)
    for number, index in enumerate(np.ndindex(*random.numblocks)):
        if number % every == 0:
            place = tuple(slice(at * size, (at + 1) * size) for at, size in zip(index, CHUNKS, strict=True))
            made[place] = random.blocks[index].compute()


def in_memory(held: Any) -> dict[str, Callable[[], None]]:
    """Return what each side does with an array that the workers hold."""
    from dask_image.ndfilters import gaussian_filter
    from distributed import wait

    from convolve import arrays

    return {
        "dask-image": lambda: wait(gaussian_filter(held, SIGMA, mode="wrap").persist()) and None,
        "convolve.arrays.apply": lambda: (
            wait(arrays.apply(held, kernel(), padding_mode="circular").persist()) and None
        ),
    }


def in_files(folder: Path, client: Any) -> dict[str, Callable[[], None]]:
    """Return what each side does with an array in a file, by a client or, without one, in this process."""
    import dask.array as da
    from dask_image.ndfilters import gaussian_filter

    from convolve import arrays

    source = folder / "source.zarr"

    def written(result: Any, name: str) -> None:
        result.to_zarr(folder / name, overwrite=True)

    def stored() -> None:
        arrays.filter_stored(
            source, folder / "3.zarr", kernel(), padding_mode="circular", scheduler=client, force=True
        )

    return {
        "dask-image": lambda: written(gaussian_filter(da.from_zarr(source), SIGMA, mode="wrap"), "1.zarr"),
        "convolve.arrays.apply": lambda: written(
            arrays.apply(da.from_zarr(source), kernel(), padding_mode="circular"), "2.zarr"
        ),
        "convolve.arrays.filter_stored": stored,
        "a copy, without any filter": lambda: written(da.from_zarr(source), "4.zarr"),
    }


def kernel() -> Any:
    """Return the filter."""
    from convolve import filters

    return filters.get(f"gaussian:{','.join(map(str, SIGMA))}", ndim=3)


def main() -> None:
    """Measure and print."""
    import dask
    from distributed import Client, LocalCluster, wait

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", nargs=3, type=int, default=SHAPE)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--turns", type=int, default=TURNS)
    asked = parser.parse_args()
    shape, turns = tuple(asked.shape), asked.turns
    print(f"{'×'.join(map(str, shape))} float32, sigma {SIGMA}, circular; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            if asked.every == 1:
                held = noise(shape).persist()
                wait(held)
                held.to_zarr(folder / "source.zarr")
                measure("from memory to memory, two workers", in_memory(held), shape, turns)
                del held
            else:
                mostly_empty(folder / "source.zarr", shape, asked.every)
            measure("from Zarr to Zarr, two workers", in_files(folder, client), shape, turns)
        with dask.config.set(scheduler="threads"):
            measure("from Zarr to Zarr, one process", in_files(folder, None), shape, turns)


def measure(what: str, sides: dict[str, Callable[[], None]], shape: Shape, turns: int) -> None:
    """Let all sides take turns, and print their rates."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):  # the first warms up: workers import, routines are compiled
        for name, work in sides.items():
            started = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    cells = float(np.prod(shape))
    base = statistics.median(seconds["dask-image"])
    print(what)
    for name, times in seconds.items():
        middle = statistics.median(times)
        rate, ratio = cells / middle / 1e6, base / middle
        print(f"  {name:30} {middle:5.2f} s {rate:7.1f} million cells a second, {ratio:.2f} times dask-image")


if __name__ == "__main__":
    main()
