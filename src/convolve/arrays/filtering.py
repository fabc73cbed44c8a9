"""One filter on an array in a file, region by region, into another file: here, or on Dask's workers."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from numpy.typing import ArrayLike

import convolve
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arrays import stores
from convolve.arrays.cutting import Cut, all_regions, cut, kept, reads_per_dimension
from convolve.arrays.digest import digest_of
from convolve.arrays.journal import Journal
from convolve.arrays.planning import (
    absolute,
    check_destination,
    check_range,
    identity,
    placed,
    unpacked,
    work_on,
)
from convolve.arrays.running import one_by_one, side_by_side
from convolve.arrays.stores import Sink, Source
from convolve.arrays.stores.base import gathered
from convolve.arrays.stores.caching import ChunkReader, edges, forget
from convolve.arrays.work import Ranges, Region, Runner, Work
from convolve.dtypes import Array, DType, parse_dtype
from convolve.errors import ArgumentError, TooLargeError
from convolve.filters import Filter, Measured
from convolve.options import choice
from convolve.pictures import (
    RANGES,
    VOLUME_AXES,
    Ends,
    Range,
    Report,
    finite_ends,
    to_range,
)
from convolve.runtime.threads import get_num_threads

USUAL_MEMORY = 1 << 30
"""Bytes that a process may use, if nobody says how many: most machines have several times that."""


Gatherer = Callable[[tuple[Ranges, ...]], Array]
"""Ranges of the source per dimension -> their cells, laid side by side."""


MOST_RANGES = 1000
"""Ranges along all dimensions, beyond which no edges are kept: a table of them goes to Dask's workers with
each region, 11 kB for 1000 ranges and 1.2 MB for 100,000 (2026-11-27)."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to every region; it can be sent to another process."""

    gather: Gatherer
    sink: Sink
    work: Work
    dtype: DType
    range: Range
    ends: Ends | None = None

    def values(self, region: Region) -> Any:
        """Return a region of the responses."""
        return self.work.compute(region, self.gather(self.work.reads(region)))

    def run(self, region: Region) -> Report:
        """Compute a region, write it, and say what was clipped."""
        values, report = to_range(self.values(region), self.dtype, self.range, self.ends)
        self.sink.write(region, values)
        return report

    def extremes(self, region: Region) -> Ends | None:
        """Return the smallest and the largest response of a region."""
        return finite_ends(self.values(region))


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
    >>> import numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> np.save(f"{folder}/a.npy", np.arange(12.0).reshape(3, 4))
    >>> filter_stored(f"{folder}/a.npy", f"{folder}/b.npy", [[0, 0, 1]], padding_mode="circular").values
    12
    >>> np.load(f"{folder}/b.npy")[0]
    array([1., 2., 3., 0.])
    """
    chosen = cast(Range, choice(range, "range", RANGES))
    check_destination(destination)
    if scheduler is not None:
        source, destination = absolute(source), absolute(destination)  # workers stand in other folders
    opened = stores.open_source(source)
    told = opened.description
    options = {"stride": stride, "padding": padding, "padding_mode": padding_mode, "flip": flip}
    work, sliding = work_on(told, kernel, options, through)
    target = told.dtype.newbyteorder("=") if dtype is None else parse_dtype(dtype, "dtype")
    check_range(work, target, chosen)
    with _runner(scheduler, destination) as (run, together):
        facts = (convolve.__version__, absolute(source), identity(source), told, work, target, chosen)
        with closing(
            Journal(str(destination), digest_of(facts), work.shape, resume=resume, force=force)
        ) as journal:
            packed = stores.is_packed(source)

            def sized(many: int) -> Cut:
                read = unpacked(opened, memory, many) if packed else 0
                return cut(work, told.dtype, told.chunks, memory, many, read, journal.cut)

            try:
                size = sized(together)
            except TooLargeError:
                if scheduler is not None:
                    raise
                run, size = one_by_one, sized(1)
            made = replace(placed(told, work, sliding), shape=work.shape, dtype=target, chunks=size.block)
            sink = journal.begin(
                size,
                lambda part: stores.create(part, made),
                lambda part: stores.open_sink(part, made),
            )
            gather = _gatherer(opened, work, size, memory, packed=packed)
            task, regions = Task(gather, sink, work, target, chosen), all_regions(work, size.region)
            if chosen == "scale":
                task = replace(task, ends=_ends(task, regions, run))
            report = _do(task, regions, run, journal, progress)
            journal.finish(tuple((0, length) for length in work.shape))
    return report


def _gatherer(source: Source, work: Work, size: Cut, memory: int, *, packed: bool) -> Gatherer:
    """Return what fetches the cells of regions: by whole chunks, which are kept, where chunks are packed."""
    if not packed:
        return partial(gathered, source)
    many = sum(-(-length // one) for length, one in zip(work.shape, size.region, strict=True))
    reads = reads_per_dimension(work, size.region) if many <= MOST_RANGES else [() for _ in work.shape]
    read = edges(reads, source.description.chunks)
    return ChunkReader(source, secrets.token_hex(8), kept(memory), read).gathered


@contextmanager
def _runner(scheduler: Any, destination: str | Path) -> Iterator[tuple[Runner, int]]:
    """Give what does the regions, and how many of them a process does at a time."""
    if scheduler is None:
        try:
            yield side_by_side, get_num_threads()
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
    left = [region for region in regions if not journal.is_written(region)]
    done, report = len(regions) - len(left), Report(0)
    for place, one in run(task.run, left):
        journal.add(left[place])
        done += 1
        report = Report(
            report.values + one.values, report.below + one.below, report.above + one.above, one.low, one.high
        )
        if progress is not None:
            progress(done, len(regions))
    return report


def _ends(task: Task, regions: Sequence[Region], run: Runner) -> Ends | None:
    """Return the smallest and the largest of all responses: they are computed once for that alone."""
    found = [ends for _, ends in run(task.extremes, regions) if ends is not None]
    return (min(low for low, _ in found), max(high for _, high in found)) if found else (0.0, 0.0)
