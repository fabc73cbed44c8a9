"""20 GB of Zarr under 2 GB of memory: `python -m bench.large_array [--gigabytes 20]`.

An anisotropic Gaussian of one micrometre with stride 3 and a circular border goes over a volume of which most
chunks are empty: once in a process of its own, once on two Dask workers, one of which is killed midway.
Printed is how long each took, the peak of memory, whether both wrote the same bits, and how far three blocks,
two of them across the border, are from SciPy's in float64.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from convolve import arrays, filters
from convolve.arrays import stores
from convolve.arrays.stores import Description
from convolve.arrays.stores.base import gathered

PLANE, CHUNKS = (2048, 2048), (64, 256, 256)
"""Chunks of 17 MB."""
SPACING = (1.0, 0.5, 0.5)
"""Of cells, in micrometres: σ is 1, 2 and 2 cells."""
KERNEL, STRIDE, MEMORY = filters.Measured("gaussian:1um", 3), 3, 2 << 30
EVERY = 16
"""One chunk of so many holds numbers; files of the rest do not exist."""
OPTIONS: dict[str, Any] = {"stride": STRIDE, "padding_mode": "circular", "memory": MEMORY}
BLOCKS = ((0, 0, 0), (2, 175, 20), (-8, -24, -24))
"""First outputs of the blocks that are compared; from the end if they are negative."""
BLOCK, HALO = (8, 24, 24), (5, 9, 9)
"""Outputs of a block, and cells around what they stand on: SciPy's Gaussian ends after four sigmas."""


def make(path: Path, planes: int) -> None:
    """Write an OME-NGFF image."""
    told = Description((planes, *PLANE), np.dtype(np.float32), CHUNKS, "ZYX", SPACING, "µm")
    made = stores.create(path, told)
    random = np.random.default_rng(20261127)
    counts = [-(-size // part) for size, part in zip(told.shape, CHUNKS, strict=True)]
    for number, place in enumerate(np.ndindex(*counts)):
        if number % EVERY == 0 or all(
            index in (0, count - 1) for index, count in zip(place, counts, strict=True)
        ):
            region = tuple(
                (index * part, min(size, (index + 1) * part))
                for index, part, size in zip(place, CHUNKS, told.shape, strict=True)
            )
            made.write(region, random.random([stop - start for start, stop in region], np.float32))


def alone(source: Path, goal: Path) -> None:
    """Filter in this process, and print the seconds and the peak of its memory."""
    start = time.perf_counter()
    arrays.filter_stored(source, goal, KERNEL, **OPTIONS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"one process: {time.perf_counter() - start:.0f} s, {peak:.0f} MiB at most", flush=True)


def on_workers(source: Path, goal: Path) -> None:
    """Filter on two workers, one of which is killed midway."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if not killed and 2 * done >= total:
            victim = next(iter(cluster.workers.values()))
            killed.append(victim.pid)
            subprocess.run(["kill", "-9", str(victim.pid)], check=True)

    with cluster, Client(cluster) as client:
        start = time.perf_counter()
        arrays.filter_stored(source, goal, KERNEL, **OPTIONS, scheduler=client, progress=progress)
        print(f"two workers, one killed midway: {time.perf_counter() - start:.0f} s", flush=True)


def differing(one: Path, other: Path) -> int:
    """Return how many values of two results differ, read slab by slab."""
    first, second = (stores.open_source(path) for path in (one, other))
    planes, *rest = first.description.shape
    step = first.description.chunks[0]
    found = 0
    for start in range(0, planes, step):
        place = (slice(start, min(planes, start + step)), *(slice(0, size) for size in rest))
        found += int((first.read(place).view(np.uint32) != second.read(place).view(np.uint32)).sum())
    return found


def wrapped(first: int, last: int, size: int) -> tuple[tuple[int, int], ...]:
    """Return a range of cells beyond a circular border as ranges inside."""
    if first < 0:
        return (first + size, size), (0, last)
    return ((first, size), (0, last - size)) if last > size else ((first, last),)


def distance(source: Path, result: Path, first: tuple[int, ...]) -> float:
    """Return the largest difference of a block from SciPy's, in units of the block's largest value."""
    from scipy.ndimage import gaussian_filter

    given, made = stores.open_source(source), stores.open_source(result)
    told = made.description
    starts = [start % size for start, size in zip(first, told.shape, strict=True)]
    origin = np.zeros(3) if told.origin is None else np.array(told.origin) / SPACING
    ranges = tuple(
        wrapped(start * STRIDE + at - halo, (start + many - 1) * STRIDE + at + halo + 1, size)
        for start, at, many, halo, size in zip(
            starts, origin.round().astype(int).tolist(), BLOCK, HALO, given.description.shape, strict=True
        )
    )
    whole = gaussian_filter(gathered(given, ranges).astype(np.float64), [1 / size for size in SPACING])
    wanted = whole[tuple(slice(halo, -halo, STRIDE) for halo in HALO)]
    place = tuple(slice(start, start + many) for start, many in zip(starts, BLOCK, strict=True))
    return float(np.abs(made.read(place) - wanted).max() / np.abs(wanted).max())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--alone", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        alone(*given.alone)
        return
    planes = max(CHUNKS[0], round(given.gigabytes * 1e9 / 4 / PLANE[0] / PLANE[1]))
    with tempfile.TemporaryDirectory() as place:
        source, one, other = (Path(place) / name for name in ("source.zarr", "one.zarr", "other.zarr"))
        make(source, planes)
        print(
            f"{planes}×{PLANE[0]}×{PLANE[1]} float32, {planes * PLANE[0] * PLANE[1] * 4 / 1e9:.1f} GB",
            flush=True,
        )
        subprocess.run([sys.executable, "-m", "bench.large_array", "--alone", source, one], check=True)
        on_workers(source, other)
        print(f"{differing(one, other)} values differ")
        for first in BLOCKS:
            print(f"block at {first}: {distance(source, one, first):.1e} of its largest value from SciPy's")


if __name__ == "__main__":
    main()
