"""What is decided before the first region of an array in a file is read: the work, the memory, refusals."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from convolve.arrays import cutting, stores
from convolve.arrays.convolving import CombinedWork, ConvWork, application
from convolve.arrays.stacking import StackWork
from convolve.arrays.stores import Description, Source
from convolve.arrays.stores.caching import chunk_bytes
from convolve.arrays.work import Work
from convolve.dtypes import DType
from convolve.errors import ArgumentError, TooLargeError
from convolve.files import atomic
from convolve.filters import Filter, Measured
from convolve.pictures import VOLUME_AXES, Range, finite_ends, kernel_for, sliding_axes, to_range


def work_on(
    told: Description,
    kernel: ArrayLike | str | Filter | Measured,
    options: dict[str, Any],
    through: str = VOLUME_AXES,
) -> tuple[Work, str]:
    """Return the work of one filter on an array whose axes are known, and the axes that it slides along."""
    found = kernel_for(kernel, told.axes, told.spacing, told.unit, through)
    dims = found.weights[0].ndim if isinstance(found, Filter) else np.ndim(found)
    sliding = sliding_axes(told.axes, dims, through)
    places = tuple(told.axes.index(axis) for axis in sliding)  # in the filter's order, whatever the array's
    channels = None
    if told.axes[-1:] == "C":  # colours lie together, and are filtered together
        places, channels = (*places, len(told.axes) - 1), -1
    part = tuple(told.shape[place] for place in places)
    inner = application(part, told.dtype, found, channels, options)
    is_all = places == tuple(range(len(told.shape)))
    return (inner if is_all else StackWork(inner, told.shape, places)), sliding


def placed(told: Description, work: Work, sliding: str) -> Description:
    """Return what is told of a result's cells: larger where a filter strides, and where the first one is."""
    inner = work.inner if isinstance(work, StackWork) else work
    axes = (inner.works[0] if isinstance(inner, CombinedWork) else cast(ConvWork, inner)).spec.axes
    moved = dict(zip(sliding, axes, strict=True))
    if told.spacing is None:
        return told
    spacing, origin = [], []
    for axis, size, first in zip(told.axes, told.spacing, told.origin or (0,) * len(told.axes), strict=True):
        line = moved.get(axis)
        stride, middle = (1, 0.0) if line is None else (line.stride, line.middle)
        spacing.append(None if size is None else size * stride)
        origin.append(first + middle * (1.0 if size is None else size))
    return replace(told, spacing=tuple(spacing), origin=tuple(origin) if any(origin) else None)


def unpacked(source: Source, memory: int, together: int) -> int:
    """Return the bytes of chunks, packed and not, that are read at a time; refuse more than is allowed."""
    chunk = chunk_bytes(source.description)
    most = 2 * chunk * together
    if most > memory - cutting.BASE:
        told, wanted, allowed = source.description, most + cutting.BASE, memory / 2**20
        raise TooLargeError(
            f"a chunk must fit into the memory allowed, but those of {told.chunks} cells have "
            f"{chunk / 2**20:.0f} MiB, which needs {wanted / 2**20:.0f} MiB and {allowed:.0f} are allowed; "
            "allow more, or save the array in smaller chunks"
        )
    return most


def absolute(text: str | Path) -> str:
    """Return a path, and a place inside it, that mean the same in every folder."""
    location = stores.Location.of(text)
    return str(replace(location, path=str(Path(location.path).absolute())))


def check_destination(text: str | Path) -> None:
    """Refuse a path whose suffix does not say its format, a place inside a file, and one without a folder."""
    stores.check_suffix(text)
    location = stores.Location.of(text)
    if location.inside:
        raise ArgumentError(
            f"a result becomes a file of its own, but {text} names a place inside one; write {location.path}"
        )
    atomic.check_folder(Path(location.path).absolute())


def check_range(work: Work, dtype: DType, chosen: Range) -> None:
    """Refuse a range that does not suit the responses or the dtype before anything is computed."""
    none = np.empty(0, work.dtype)
    if chosen == "scale":
        finite_ends(none)
    to_range(none, dtype, chosen)


def identity(source: str | Path) -> tuple[int, int, int]:
    """Return what changes when a file does, or any file of a folder: newest time, bytes, and how many."""
    location = stores.Location.of(source)
    path = Path(location.path)
    files = [path] if path.is_file() else (path / location.inside.strip("/")).rglob("*")
    newest, size, count = 0, 0, 0
    for one in files:
        facts = one.stat()
        if stat.S_ISREG(facts.st_mode):
            newest, size, count = max(newest, facts.st_mtime_ns), size + facts.st_size, count + 1
    return newest, size, count
