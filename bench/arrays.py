"""Smooths a Zarr array that is larger than a worker's memory on two Dask workers, beside dask-image.

``python -m bench.arrays`` makes the array, starts a cluster of two processes of one thread each, and lets
each side read, smooth and write in turn. Medians of the turns' rates are printed, in million cells a second.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, CHUNKS = (256, 1024, 1024), (64, 256, 256)
"""1.07 GB of float32, 64 chunks of 17 MB."""

SIGMA = (1.0, 2.0, 2.0)
TURNS = 5


def make(path: Path) -> None:
    """Write random numbers."""
    import zarr

    made = zarr.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype="float32")
    random = np.random.default_rng(20261126)
    for first in range(0, SHAPE[0], CHUNKS[0]):
        made[first : first + CHUNKS[0]] = random.standard_normal((CHUNKS[0], *SHAPE[1:]), np.float32)


def contenders(source: Path, folder: Path, client: Any) -> dict[str, Callable[[str], None]]:
    """Return what each side does, given the name of its result."""
    import dask.array as da
    from dask_image.ndfilters import gaussian_filter

    from convolve import arrays, filters

    kernel = filters.get(f"gaussian:{','.join(map(str, SIGMA))}", ndim=3)

    def by_dask_image(name: str) -> None:
        gaussian_filter(da.from_zarr(str(source)), SIGMA, mode="wrap").to_zarr(folder / name, overwrite=True)

    def by_arrays(name: str) -> None:
        smoothed = arrays.apply(da.from_zarr(str(source)), kernel, padding_mode="circular")
        smoothed.to_zarr(folder / name, overwrite=True)

    def by_regions(name: str) -> None:
        arrays.filter_stored(
            source, folder / name, kernel, padding_mode="circular", scheduler=client, force=True
        )

    return {
        "dask-image": by_dask_image,
        "convolve.arrays.apply": by_arrays,
        "convolve.arrays.filter_stored": by_regions,
    }


def main() -> None:
    """Measure and print."""
    from distributed import Client, LocalCluster

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder / "source.zarr")
        cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with cluster, Client(cluster) as client:
            measure(contenders(folder / "source.zarr", folder, client))


def measure(sides: dict[str, Callable[[str], None]]) -> None:
    """Let all sides take turns, and print their rates."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(TURNS + 1):  # the first warms up: workers import, routines are compiled
        for number, (name, work) in enumerate(sides.items()):
            started = time.perf_counter()
            work(f"{number}.zarr")
            if turn:
                seconds[name].append(time.perf_counter() - started)
    cells = float(np.prod(SHAPE))
    base = statistics.median(seconds["dask-image"])
    print(f"{'×'.join(map(str, SHAPE))} float32, sigma {SIGMA}, circular; Python {sys.version.split()[0]}")
    for name, times in seconds.items():
        middle = statistics.median(times)
        rate, ratio = cells / middle / 1e6, base / middle
        print(f"{name:30} {rate:7.1f} million cells a second, {ratio:.2f} times dask-image")


if __name__ == "__main__":
    main()
