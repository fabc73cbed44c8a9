"""What every format of arrays in files has in common: a description, regions that are read and written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from convolve.arrays.work import Ranges, Region
from convolve.dtypes import Array, DType
from convolve.errors import FileFormatError

LARGEST_CHUNK = 1 << 30
"""Bytes of one chunk, unpacked, beyond which a file is refused: all of it is in memory to read one cell."""

USUAL_CHUNK = 1 << 22
"""Bytes of a chunk where nothing says how large it shall be: 4 MiB read in some milliseconds, and a disk's
overhead does not count."""

SUFFIXES = {
    ".zarr": "zarr_store",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npy": "npy",
    ".tif": "tiff",
    ".tiff": "tiff",
}
"""Suffix -> the module of this room that knows the format."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where an array is: a file or folder, and a place inside it, "" for the only one."""

    path: str
    inside: str = ""

    @staticmethod
    def of(text: str | Path) -> "Location":
        """Return the location that somebody wrote: "scan.h5:/raw/volume", "big.zarr/0" or just a path.

        >>> Location.of("scan.h5:/raw/volume"), Location.of("big.zarr/0")
        (Location(path='scan.h5', inside='/raw/volume'), Location(path='big.zarr', inside='/0'))
        """
        whole = str(text)
        path, colon, inside = whole.rpartition(":/")
        if colon and Path(path).suffix.lower() in SUFFIXES:
            return Location(path, "/" + inside)
        plain = Path(whole)
        folder = next((one for one in plain.parents if one.suffix.lower() == ".zarr"), None)
        if folder is not None and plain.suffix.lower() not in SUFFIXES:
            return Location(str(folder), f"/{plain.relative_to(folder).as_posix()}")
        return Location(whole.rstrip("/") or whole)

    def __str__(self) -> str:
        return f"{self.path}:{self.inside}" if self.inside else self.path


@dataclass(frozen=True, slots=True)
class Description:
    """What an array in a file is.

    Attributes
    ----------
    shape, dtype
        Of the array.
    chunks
        Sizes of its pieces in the file; regions of whole chunks are read and written fastest.
    axes
        One letter per dimension, as in `convolve.files.Picture`.
    spacing
        Size of a cell per dimension, None where it is not known.
    unit
        Of the spacing of X, Y and Z, such as "µm".
    origin
        Where the middle of the first cell is per dimension, in the unit of the spacing; None for zeros.
    time_unit
        Of the spacing of T, such as "second".
    """

    shape: tuple[int, ...]
    dtype: DType
    chunks: tuple[int, ...]
    axes: str
    spacing: tuple[float | None, ...] | None = None
    unit: str | None = None
    origin: tuple[float, ...] | None = None
    time_unit: str | None = None


class Source(Protocol):
    """An array in a file, read by regions; it can be sent to another process, which opens the file itself."""

    @property
    def description(self) -> Description:
        """What the array is."""

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension."""


class Sink(Protocol):
    """An array in a file that is being written; it can be sent to another process."""

    def write(self, region: Region, values: Array) -> None:
        """Write a region through to the file."""


def gathered(source: Source, ranges: tuple[Ranges, ...]) -> Array:
    """Return several ranges per dimension, laid side by side.

    The result is one array that each combination of ranges is read into.
    """
    if all(len(each) == 1 for each in ranges):
        return source.read(tuple(slice(*each[0]) for each in ranges))
    sizes = [sum(stop - start for start, stop in each) for each in ranges]
    room = np.empty(sizes, source.description.dtype)
    _fill(source, ranges, room, ())
    return room


def _fill(source: Source, ranges: tuple[Ranges, ...], room: Array, place: tuple[slice, ...]) -> None:
    """Read each combination of ranges into its part of the room."""
    d = len(place)
    if d == len(ranges):
        room[...] = source.read(place)
        return
    at = 0
    for start, stop in ranges[d]:
        part = room[(slice(None),) * d + (slice(at, at + stop - start),)]
        _fill(source, ranges, part, (*place, slice(start, stop)))
        at += stop - start


def checked(description: Description, name: str) -> Description:
    """Return the description of a file, if it can be worked with."""
    chunk = math.prod(description.chunks) * description.dtype.itemsize
    if chunk > LARGEST_CHUNK:
        raise FileFormatError(
            f"a chunk of an array must have at most {LARGEST_CHUNK} bytes, but those of {name} have the "
            f"shape {description.chunks} of {description.dtype}, {chunk} bytes: save it in smaller chunks"
        )
    if description.dtype.kind not in "biufc" or description.dtype.hasobject:
        raise FileFormatError(f"{name} must hold numbers, but its dtype is {description.dtype}")
    if not 1 <= len(description.shape) <= len(DEFAULT_AXES):
        raise FileFormatError(f"{name} must have 1 to 5 dimensions, its shape is {description.shape}")
    return description


DEFAULT_AXES = ("X", "YX", "ZYX", "TZYX", "TCZYX")
"""What dimensions are taken for where a file does not say; up to four along the last are colours."""


def default_axes(shape: Sequence[int]) -> str:
    """Return what the dimensions of an array are taken for.

    >>> default_axes((100, 200, 3)), default_axes((100, 200, 300))
    ('YXC', 'ZYX')
    """
    if len(shape) in (3, 4) and 1 < shape[-1] <= 4:
        return "YXC" if len(shape) == 3 else "ZYXC"
    return DEFAULT_AXES[len(shape) - 1] if 1 <= len(shape) <= len(DEFAULT_AXES) else "I" * len(shape)


def usual_chunks(shape: Sequence[int], dtype: DType) -> tuple[int, ...]:
    """Return chunks of some MiB, cut along the longest dimensions first.

    >>> usual_chunks((1000, 1000, 1000), np.dtype("float32"))
    (125, 125, 63)
    """
    chunks = list(shape)
    while math.prod(chunks) * dtype.itemsize > USUAL_CHUNK:
        longest = max(range(len(chunks)), key=lambda d: (chunks[d], d))
        chunks[longest] = -(-chunks[longest] // 2)
    return tuple(max(1, size) for size in chunks)
