"""HDF5, by h5py: a dataset of a file, its spacing from the attributes that ImageJ and ilastik write."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.arrays.stores.base import Description, Location, checked, default_axes, usual_chunks
from convolve.arrays.work import Region
from convolve.dtypes import Array
from convolve.errors import FileAccessError, FileFormatError, FileMissingError, MissingExtraError
from convolve.filters.lengths import METRES

NEW = "/data"
"""Name of the dataset in a file that is made here."""

SPACING = "element_size_um"
"""Attribute of a dataset: size of a cell along Z, Y, X in µm (ImageJ's HDF5 plugin, ilastik, cellpose)."""

AXES = "axes"
"""Attribute of a dataset: a letter for each dimension, such as zyx."""

MOST_DATASETS = 1000
"""Datasets of a file that are looked at to find one without a name."""


@dataclass(frozen=True, slots=True)
class Hdf5:
    """A dataset; the file is opened for each region, so that several processes can take turns."""

    location: Location
    description: Description

    def read(self, place: tuple[slice, ...]) -> Array:
        """Return the cells of one range per dimension."""
        with _opened(self.location, "r") as file:
            return np.asarray(file[self.location.inside][place])

    def write(self, region: Region, values: Array) -> None:
        """Write a region through to the file."""
        with _opened(self.location, "r+") as file:
            data = file[self.location.inside]
            data[tuple(slice(*one) for one in region)] = values
            data.flush()  # the file's flush leaves chunks out while another thread has the same data open
            file.flush()


@contextmanager
def _opened(location: Location, mode: str) -> Iterator[Any]:
    """Open a file; what the library finds wrong becomes an error of ours."""
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError.of("h5py", "hdf5", "HDF5") from error
    try:
        with h5py.File(location.path, mode) as file:
            yield file
    except (FileFormatError, FileMissingError):
        raise
    except PermissionError as error:
        raise FileAccessError(f"{location.path} cannot be opened: {error.strerror or error}") from error
    except Exception as error:  # a damaged file can make the library raise nearly anything
        raise FileFormatError(f"{location.path} is damaged or no HDF5 file: {error}; get it again") from error


def open_source(location: Location) -> Hdf5:
    """Return a dataset, the only one if none is named."""
    with _opened(location, "r") as file:
        inside = location.inside or _only(file, location.path)
        found = file.get(inside)
        if not hasattr(found, "shape") or found.shape is None:
            raise FileMissingError(
                f"{location.path} has no dataset {inside}; it has {', '.join(_datasets(file)) or 'none'}"
            )
        _check_storage(found, location.path)
        shape, dtype = tuple(int(size) for size in found.shape), np.dtype(found.dtype)
        chunks = tuple(found.chunks) if found.chunks else usual_chunks(shape, dtype)
        axes = _axes(found, shape)
        spacing, unit = _spacing(found, axes)
    description = Description(shape, dtype, chunks, axes, spacing, unit)
    return Hdf5(Location(location.path, inside), checked(description, str(location)))


def _datasets(file: Any) -> list[str]:
    """Return the names of datasets; links to other files are not followed."""
    found: list[str] = []

    def see(name: str, node: Any) -> bool | None:
        if hasattr(node, "shape"):
            found.append("/" + name)
        return True if len(found) >= MOST_DATASETS else None

    file.visititems(see)
    return found


def _only(file: Any, path: str) -> str:
    names = _datasets(file)
    if len(names) != 1:
        listed = ", ".join(names[:10]) or "none"
        raise FileFormatError(
            f"{path} must have one dataset, or one must be named, but it has {listed}; write {path}:/NAME"
        )
    return names[0]


def _check_storage(dataset: Any, path: str) -> None:
    """Refuse external and virtual data, and a dataset without chunks that the file cannot hold."""
    if dataset.external or dataset.is_virtual:
        raise FileFormatError(f"{path} keeps its numbers in other files, which are not opened; copy them in")
    wanted = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if dataset.chunks is None and 0 < stored < wanted:
        raise FileFormatError(
            f"{path} is damaged: its header says {dataset.shape} of {dataset.dtype}, {wanted} bytes, but "
            f"{stored} are there"
        )


def _axes(dataset: Any, shape: tuple[int, ...]) -> str:
    """Return the axes that the dataset names, or what such dimensions usually are.

    Labels of dimensions are not read: in a damaged file they end the process, inside the library.
    """
    named = dataset.attrs.get(AXES)
    text = named.decode("ascii", "replace") if isinstance(named, bytes) else named
    text = text.upper() if isinstance(text, str) else ""
    known = len(text) == len(shape) == len(set(text)) and set(text) <= set("TCZYXI")
    return text if known else default_axes(shape)


def _spacing(dataset: Any, axes: str) -> tuple[tuple[float | None, ...] | None, str | None]:
    """Return the size of a cell, if the dataset tells it."""
    sizes = dataset.attrs.get(SPACING)
    if sizes is None or np.shape(sizes) != (3,):
        return None, None
    by_axis = {axis: float(size) for axis, size in zip("ZYX", sizes, strict=True)}
    return tuple(by_axis.get(axis) for axis in axes), "µm"


def create(location: Location, description: Description) -> Hdf5:
    """Make a file with one dataset, whose chunks have their places from the beginning.

    Regions then change numbers alone, and a process that is killed while it writes one leaves the others as
    they are. Chunks that are packed get places as they come: a kill lost their list, and regions with it.
    """
    import h5py

    place = Location(location.path, location.inside or NEW)
    with _opened(place, "w") as file:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk(description.chunks)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)  # the file grows by a hole, which reads as zeros
        shape = description.shape
        numbers, sizes = h5py.h5t.py_create(description.dtype, logical=True), h5py.h5s.create_simple(shape)
        made = h5py.Dataset(h5py.h5d.create(file.id, place.inside.encode(), numbers, sizes, layout))
        made.attrs[AXES] = np.bytes_(description.axes.lower())  # of a fixed length, unlike Python's text
        size = dict(zip(description.axes, description.spacing or (), strict=False))
        if description.unit in METRES and any(size.get(axis) for axis in "ZYX"):
            to_um = METRES[description.unit] / METRES["µm"]
            made.attrs[SPACING] = [(size.get(axis) or 1 / to_um) * to_um for axis in "ZYX"]
    return Hdf5(place, description)


def open_sink(location: Location, description: Description) -> Hdf5:
    """Return a file that `create` made."""
    return Hdf5(Location(location.path, location.inside or NEW), description)
