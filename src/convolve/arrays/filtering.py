"""One filter on an array in a file, region by region, into another file: here, or on Dask's workers."""

import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

import convolve
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arrays import stores
from convolve.arrays.convolving import application
from convolve.arrays.cutting import BASE, all_regions, cut
from convolve.arrays.digest import digest_of
from convolve.arrays.journal import Journal
from convolve.arrays.stacking import StackWork
from convolve.arrays.stores import Description, Sink, Source
from convolve.arrays.stores.base import gathered
from convolve.arrays.stores.caching import CachedSource, forget
from convolve.arrays.work import Region, Runner, Work
from convolve.dtypes import DType, parse_dtype
from convolve.errors import ArgumentError
from convolve.filters import Filter, Measured
from convolve.options import choice, per_dimension
from convolve.pictures import (
    RANGES,
    VOLUME_AXES,
    Ends,
    Range,
    Report,
    finite_ends,
    kernel_for,
    sliding_axes,
    to_range,
)

SHARE_KEPT = 0.4
"""Part of the memory for chunks of the source that were unpacked: as much as a region needs."""

USUAL_MEMORY = 1 << 30
"""Bytes that a process may use, if nobody says how many: most machines have several times that."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to every region; it can be sent to another process."""

    source: Source
    sink: Sink
    work: Work
    dtype: DType
    range: Range
    ends: Ends | None = None

    def values(self, region: Region) -> Any:
        """Return a region of the responses."""
        return self.work.compute(region, gathered(self.source, self.work.reads(region)))

    def run(self, region: Region) -> Report:
        """Compute a region, write it, and say what was clipped."""
        values, report = to_range(self.values(region), self.dtype, self.range, self.ends)
        self.sink.write(region, values)
        return report

    def extremes(self, region: Region) -> Ends | None:
        """Return the smallest and the largest response of a region."""
        return finite_ends(self.values(region))


def here(function: Callable[[Region], Any], regions: Sequence[Region]) -> Iterator[tuple[int, Any]]:
    """Do the regions one after the other, in this process."""
    for number, region in enumerate(regions):
        yield number, function(region)


def filter_stored(
    source: str | Path,
    destination: str | Path,
    kernel: ArrayLike | str | Filter | Measured,
    *,
    stride: Size = 1,
    padding: PaddingArgument = "same",
    padding_mode: PaddingMode = "reflect",
    flip: bool = False,
    dtype: Any = None,
    range: Range = "clip",
    through: str = VOLUME_AXES,
    memory: int = USUAL_MEMORY,
    resume: bool = False,
    force: bool = False,
    scheduler: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Apply one filter to an array in a file, region by region, in bounded memory.

    Parameters
    ----------
    source
        A .zarr (an array, or an OME-NGFF image), .h5, .npy or .tif; a place inside is written "scan.h5:/raw".
    destination
        A path of the same formats; axes and spacing are kept. It gets its name when it is whole.
    kernel, stride, padding, padding_mode, flip, dtype, range, through
        As `convolve.pictures.filter_picture` takes them: a 2-D filter goes over each plane, a 3-D one over
        each volume, and the result has the source's dtype unless told.
    memory
        Bytes that this process, or each of Dask's worker processes, may use in all.
    resume
        Go on with the same computation where it was interrupted; from the beginning if it was not begun.
    force
        Replace a file that exists.
    scheduler
        Address of a Dask scheduler, or a `distributed.Client`, whose workers see the same files; None
        computes in this process.
    progress
        Called with the number of regions that are done and their total.

    Returns
    -------
    Report
        How many values were clipped; of the regions of this call, if it resumed another.

    Raises
    ------
    FileMissingError, FileFormatError, FileAccessError
        If a file cannot be read or written, or its header does not fit it.
    FileExistsRefusal
        If the destination exists, whole or in part.
    TooLargeError
        If the memory does not do for the smallest region.
    ShapeError, ArgumentError, FilterError
        As `filter_picture` would.

    Notes
    -----
    The numbers are bit for bit those of `filter_picture` on the whole array.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> np.save(f"{folder}/a.npy", np.arange(12.0).reshape(3, 4))
    >>> filter_stored(f"{folder}/a.npy", f"{folder}/b.npy", [[0, 0, 1]], padding_mode="circular").values
    12
    >>> np.load(f"{folder}/b.npy")[0]
    array([1., 2., 3., 0.])
    """
    chosen = cast(Range, choice(range, "range", RANGES))
    source, destination = _absolute(source), _absolute(destination)  # workers may stand in other folders
    _check_destination(destination)
    opened = stores.open_source(source)
    told = opened.description
    options = {"stride": stride, "padding": padding, "padding_mode": padding_mode, "flip": flip}
    work, sliding = work_on(told, kernel, options, through)
    target = told.dtype.newbyteorder("=") if dtype is None else parse_dtype(dtype, "dtype")
    _check_range(work, target, chosen)
    steps = dict(zip(sliding, per_dimension(stride, len(sliding), "stride", 1), strict=True))
    with _runner(scheduler, destination) as (run, together):
        kept = max(0, int((memory - BASE) * SHARE_KEPT))
        size, chunks = cut(work, told.dtype, told.chunks, memory - kept, together)
        regions = all_regions(work, size)
        made = replace(told, shape=work.shape, dtype=target, chunks=chunks, spacing=_spacing(told, steps))
        facts = (convolve.__version__, source, _identity(source), told, work, target, chosen, size)
        journal = Journal(destination, digest_of(facts), resume=resume, force=force)
        sink = journal.begin(
            lambda part: stores.create(part, made), lambda part: stores.open_sink(part, made)
        )
        cached = CachedSource(opened, secrets.token_hex(8), kept) if stores.is_packed(source) else opened
        task = Task(cached, sink, work, target, chosen)
        with closing(journal):
            if chosen == "scale":
                task = replace(task, ends=_ends(task, regions, run))
            report = _do(task, regions, run, journal, progress)
            journal.finish(len(regions))
    return report


def _absolute(text: str | Path) -> str:
    """Return a path, and a place inside it, that mean the same in every folder."""
    location = stores.Location.of(text)
    return str(replace(location, path=str(Path(location.path).absolute())))


def _check_destination(text: str) -> None:
    """Refuse a path whose suffix does not say its format, and a place inside a file."""
    stores.check_suffix(text)
    location = stores.Location.of(text)
    if location.inside:
        raise ArgumentError(
            f"a result becomes a file of its own, but {text} names a place inside one; write {location.path}"
        )


def _check_range(work: Work, dtype: DType, chosen: Range) -> None:
    """Refuse a range that does not suit the responses or the dtype before anything is computed."""
    none = np.empty(0, work.dtype)
    if chosen == "scale":
        finite_ends(none)
    to_range(none, dtype, chosen)


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


@contextmanager
def _runner(scheduler: Any, destination: str | Path) -> Iterator[tuple[Runner, int]]:
    """Give what does the regions, and how many of them a process does at a time."""
    if scheduler is None:
        try:
            yield here, 1
        finally:
            forget()
        return
    if stores.kind_of_path(destination) == "hdf5":
        raise ArgumentError(
            f"several workers cannot write one HDF5 file, such as {destination}; write a .zarr, .npy or .tif"
        )
    from convolve.arrays.workers import connected  # which imports distributed, an extra

    with connected(scheduler) as both:
        yield both


def _do(
    task: Task,
    regions: Sequence[Region],
    run: Runner,
    journal: Journal,
    progress: Callable[[int, int], None] | None,
) -> Report:
    """Do all regions that are not done, and add up what was clipped."""
    left = [number for number in range(len(regions)) if number not in journal.done]
    report = Report(0)
    for place, one in run(task.run, [regions[number] for number in left]):
        journal.add(left[place])
        report = Report(
            report.values + one.values, report.below + one.below, report.above + one.above, one.low, one.high
        )
        if progress is not None:
            progress(len(journal.done), len(regions))
    return report


def _ends(task: Task, regions: Sequence[Region], run: Runner) -> Ends | None:
    """Return the smallest and the largest of all responses: they are computed once for that alone."""
    found = [ends for _, ends in run(task.extremes, regions) if ends is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)


def _spacing(told: Description, steps: dict[str, int]) -> tuple[float | None, ...] | None:
    """Return the distances between cells, larger where the filter strides over some."""
    if told.spacing is None:
        return None
    return tuple(
        None if size is None else size * steps.get(axis, 1)
        for axis, size in zip(told.axes, told.spacing, strict=True)
    )


def _identity(source: str) -> tuple[int, int, int]:
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
