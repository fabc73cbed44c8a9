"""TIFF, by tifffile: read tile by tile; written as one large file of tiles that are not compressed."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convolve.arrays.stores.base import Description, Location, checked
from convolve.arrays.work import Region
from convolve.dtypes import Array
from convolve.errors import FileAccessError, FileFormatError, MissingExtraError
from convolve.files import Picture
from convolve.files.tiff import LARGEST_RATIO, check_pages, described, writing_options

TILE = 256
"""Rows and columns of a tile that is written: 256 KiB of float32."""


@dataclass(frozen=True, slots=True)
class Tiff:
    """The first series of a TIFF file, read by regions."""

    path: str
    description: Description

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension."""
        import zarr  # by which tifffile reads single tiles

        with _opened(self.path) as file, file.series[0].aszarr(level=0) as store:
            return np.asarray(zarr.open_array(store, mode="r")[place])


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Open a file; what the library finds wrong becomes an error of ours."""
    try:
        import tifffile
        import zarr
    except ImportError as error:
        missing = ("tifffile", "tiff") if "tifffile" in str(error) else ("zarr", "zarr")
        raise MissingExtraError.of(*missing, "reading a TIFF by tiles") from error
    del zarr
    try:
        with tifffile.TiffFile(path) as file:
            yield file
    except FileFormatError:
        raise
    except OSError as error:
        raise FileAccessError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged file can make the library raise nearly anything
        raise FileFormatError(f"{path} is damaged or not a whole TIFF file: {error}; get it again") from error


def open_source(location: Location) -> Tiff:
    """Return the first series of a TIFF file."""
    with _opened(location.path) as file:
        check_pages(file, location.path)
        series = file.series[0]
        shape, dtype = tuple(int(size) for size in series.shape), np.dtype(series.dtype)
        size = Path(location.path).stat().st_size
        if math.prod(shape) * dtype.itemsize > LARGEST_RATIO * size:
            raise FileFormatError(
                f"{location.path} is damaged: its header says {shape} of {dtype}, more than {size} bytes hold"
            )
        axes, spacing, unit = described(file, location.path)
        page = series.keyframe
        tile = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    sizes = dict(zip("YX", tile, strict=True)) | {"C": shape[-1] if axes.endswith("C") else 1}
    chunks = tuple(min(sizes.get(axis, 1), length) for axis, length in zip(axes, shape, strict=True))
    description = Description(shape, dtype, chunks, axes, spacing, unit)
    return Tiff(location.path, checked(description, location.path))


@dataclass(frozen=True, slots=True)
class TiledFile:
    """A file of tiles that lie at known places, not compressed: regions are written into them."""

    path: str
    offsets: tuple[int, ...]
    description: Description

    def write(self, region: Region, values: Array) -> None:
        """Write a region through to the file, tile by tile."""
        lead = len(self.description.shape) - self._inner
        with Path(self.path).open("r+b") as file:
            for plane in np.ndindex(*(stop - start for start, stop in region[:lead])):
                at = tuple(start + step for (start, _), step in zip(region, plane, strict=False))
                self._write_plane(file, at, region[lead : lead + 2], values[plane])
            file.flush()

    @property
    def _inner(self) -> int:
        """How many dimensions a page has: rows, columns, and colours."""
        return 3 if self.description.axes.endswith("C") else 2

    def _write_plane(self, file: Any, plane: tuple[int, ...], region: Region, values: Array) -> None:
        """Write the tiles of one page that a region touches."""
        lead = self.description.shape[: len(plane)]
        page = int(np.ravel_multi_index(plane, lead)) if plane else 0
        height, width = self.description.shape[len(plane) : len(plane) + 2]
        down, across = -(-height // TILE), -(-width // TILE)
        (top, bottom), (left, right) = region
        for row in range(top // TILE, -(-bottom // TILE)):
            for column in range(left // TILE, -(-right // TILE)):
                offset = self.offsets[page * down * across + row * across + column]
                rows = max(top, row * TILE), min(bottom, (row + 1) * TILE)
                columns = max(left, column * TILE), min(right, (column + 1) * TILE)
                part = values[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]
                shape = (TILE, TILE, *self.description.shape[len(plane) + 2 :])
                tile = np.memmap(file, self.description.dtype, "r+", offset, shape)
                inside = (
                    slice(a - at * TILE, b - at * TILE) for (a, b), at in ((rows, row), (columns, column))
                )
                tile[tuple(inside)] = part
                tile.flush()


def create(location: Location, description: Description) -> TiledFile:
    """Make a BigTIFF file of empty tiles."""
    import tifffile  # an extra; who reads TIFF has it, and `open_source` tells who has not

    stand_in = np.broadcast_to(np.zeros((), description.dtype), description.shape)
    picture = Picture(stand_in, description.axes, False, description.spacing, description.unit)
    colours = description.axes == "YXC" and description.shape[-1] in (3, 4)
    if not colours and description.axes[-2:] != "YX":
        raise FileFormatError(
            f"a TIFF file written by regions holds planes, or one of 3 or 4 colours; not "
            f"{description.axes} of shape {description.shape}: write .zarr"
        )
    try:
        tifffile.imwrite(
            location.path,
            shape=description.shape,
            dtype=description.dtype,
            bigtiff=True,
            tile=(TILE, TILE),
            **writing_options(picture),
        )
    except OSError as error:
        raise FileAccessError(f"{location.path} cannot be written: {error.strerror or error}") from error
    except Exception as error:  # the library refuses in many words what it cannot write
        raise FileFormatError(f"a TIFF file cannot hold this array: {error}; write .zarr or .npy") from error
    return open_sink(location, description)


def open_sink(location: Location, description: Description) -> TiledFile:
    """Return a file that `create` made."""
    with _opened(location.path) as file:
        offsets = tuple(int(one) for page in file.pages for one in page.aspage().dataoffsets)
    return TiledFile(location.path, offsets, description)
