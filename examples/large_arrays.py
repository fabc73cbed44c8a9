"""A volume in a Zarr folder is smoothed by two workers, one of which is killed: the bits are the same.

``python examples/large_arrays.py [--picture FILE]`` makes an OME-NGFF volume of noisy spheres whose cells are
twice as deep as wide, starts two Dask workers, kills one midway, and compares with one process.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from convolve import arrays, filters
from convolve.arrays import stores
from convolve.arrays.stores import Description

SPACING = (2.0, 1.0, 1.0)
"""Size of a cell along Z, Y and X, in µm."""

SIGMA = 3.0
"""Of the Gaussian, in µm along every dimension."""

MEMORY = 400 << 20


def volume(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """Write spheres in noise, a slab at a time."""
    sink = stores.create(path, Description(shape, np.dtype(np.float32), chunks, "ZYX", SPACING, "µm"))
    random = np.random.default_rng(7)
    centres = random.random((40, 3)) * shape * SPACING
    radii = random.uniform(6, 16, 40)
    rows, columns = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in shape[1:]), indexing="ij")
    for first in range(0, shape[0], chunks[0]):
        last = min(shape[0], first + chunks[0])
        slab = random.standard_normal((last - first, *shape[1:]), np.float32)
        for number, plane in enumerate(slab, start=first):
            for (z, y, x), radius in zip(centres, radii, strict=True):
                distance = (number * SPACING[0] - z) ** 2 + (rows - y) ** 2 + (columns - x) ** 2
                plane += distance < radius**2
        sink.write(((first, last), (0, shape[1]), (0, shape[2])), slab)


def on_two_workers(source: Path, target: Path, kernel: Any) -> None:
    """Smooth on two workers, and kill one of them as soon as regions are done."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        victim = next(iter(cluster.workers.values())).pid

        def kill() -> None:
            while not target.with_name(f"{target.stem}.part.zarr.txt").exists():
                time.sleep(0.01)
            os.kill(victim, 9)
            print(f"worker {victim} was killed")

        threading.Thread(target=kill, daemon=True).start()
        arrays.filter_stored(source, target, kernel, memory=MEMORY, scheduler=client)


def report(*, quick: bool = False, picture: Path | None = None) -> bool:
    """Return whether both ways give the same bits."""
    shape, chunks = ((24, 96, 96), (8, 48, 48)) if quick else ((128, 512, 512), (32, 128, 128))
    sigma = tuple(SIGMA / size for size in SPACING)
    kernel = filters.get(f"gaussian:{','.join(map(str, sigma))}", ndim=3)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        volume(folder / "spheres.zarr", shape, chunks)
        on_two_workers(folder / "spheres.zarr", folder / "two.zarr", kernel)
        arrays.filter_stored(folder / "spheres.zarr", folder / "one.zarr", kernel, memory=MEMORY)
        before, one, two = (
            source.read(tuple(slice(0, size) for size in shape))
            for source in (stores.open_source(folder / f"{name}.zarr") for name in ("spheres", "one", "two"))
        )
    same = bool(np.array_equal(one, two))
    print(f"{'×'.join(map(str, shape))} cells; the same bits from one process and from two workers: {same}")
    if picture is not None:
        draw(before, one, picture)
    return same


def draw(before: Any, after: Any, picture: Path) -> None:
    """Draw the middle slices before and after, across and from the side, in their true proportions."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    depth, height, width = before.shape
    axes = figure.subplots(2, 2, height_ratios=(height * SPACING[1], depth * SPACING[0]))
    for column, (name, array) in enumerate((("as it was", before), (f"Gaussian, σ = {SIGMA:g} µm", after))):
        limits = {"vmin": -1, "vmax": 2} if column == 0 else {"vmin": 0, "vmax": 1}
        planes = (array[depth // 2], array[:, height // 2])
        for row, (plane, deep) in enumerate(
            zip(planes, (height * SPACING[1], depth * SPACING[0]), strict=True)
        ):
            axis = axes[row][column]
            axis.imshow(plane, cmap="gray", extent=(0, width * SPACING[2], deep, 0), **limits)
            axis.set_xlabel("x in µm")
            axis.set_ylabel("y in µm" if row == 0 else "z in µm")
        axes[0][column].set_title(name)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path)
    report(picture=parser.parse_args().picture)
