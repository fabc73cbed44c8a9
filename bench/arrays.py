"""Smooths an array, beside dask-image: from memory to memory, and from Zarr to Zarr.

``python -m bench.arrays`` starts a cluster of two processes of one thread each, makes the array in their
memory and as Zarr, and lets the sides take turns; then the same in one process, on its threads. Medians of
all turns are printed.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, CHUNKS = (128, 768, 768), (64, 256, 256)
"""302 MB of float32, 18 chunks of 17 MB: Zarr's packing of more takes minutes, and tells no more."""

SIGMA = (1.0, 2.0, 2.0)
TURNS = 5


def noise() -> Any:
    """Return random numbers as a Dask array."""
    import dask.array as da

    return da.random.default_rng(20261126).standard_normal(SHAPE, chunks=CHUNKS, dtype="float32")


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

    print(f"{'×'.join(map(str, SHAPE))} float32, sigma {SIGMA}, circular; Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            held = noise().persist()
            wait(held)
            held.to_zarr(folder / "source.zarr")
            measure("from memory to memory, two workers", in_memory(held))
            del held
            measure("from Zarr to Zarr, two workers", in_files(folder, client))
        with dask.config.set(scheduler="threads"):
            measure("from Zarr to Zarr, one process", in_files(folder, None))


def measure(what: str, sides: dict[str, Callable[[], None]]) -> None:
    """Let all sides take turns, and print their rates."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(TURNS + 1):  # the first warms up: workers import, routines are compiled
        for name, work in sides.items():
            started = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    cells = float(np.prod(SHAPE))
    base = statistics.median(seconds["dask-image"])
    print(what)
    for name, times in seconds.items():
        middle = statistics.median(times)
        rate, ratio = cells / middle / 1e6, base / middle
        print(f"  {name:30} {middle:5.2f} s {rate:7.1f} million cells a second, {ratio:.2f} times dask-image")


if __name__ == "__main__":
    main()
