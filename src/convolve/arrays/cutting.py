"""Into which regions a result is cut, so that none needs more memory than there may be used."""

import itertools
import math
from collections.abc import Sequence

from convolve.arrays.work import Region, Work
from convolve.dtypes import DType
from convolve.errors import TooLargeError

BASE = 300 << 20
"""Bytes of a process that computes nothing yet: Python, NumPy, LLVM, Zarr and Dask; 180 to 260 MiB measured
(2026-11-26)."""

CELLS_HELD, VALUES_HELD = 3, 4
"""How many arrays of a region's cells, and of its values, are held at the same time: as they are read, laid
side by side, and once more where a border repeats cells; sums, what is made of them, and what is written."""

LARGEST_REGION = 256 << 20
"""Bytes of a region beyond which nothing is gained: its halo is then a few per cent of it."""


def cut(
    work: Work, source_dtype: DType, chunks: Sequence[int], memory: int, together: int = 1
) -> tuple[Region, tuple[int, ...]]:
    """Return the size of a region, as one at the beginning, and the chunks of the file it is written to.

    Parameters
    ----------
    work
        What is computed.
    source_dtype, chunks
        Of the source: chunks of the result hold what theirs do.
    memory
        Bytes that one process may use.
    together
        Regions that it computes at the same time.

    Raises
    ------
    TooLargeError
        If the smallest region needs more.
    """
    room = min((memory - BASE) // together, LARGEST_REGION)
    sizes = [max(1, work.outputs_before(d, size)) for d, size in enumerate(chunks)]
    unit = [_whole_steps(size, *three) for size, three in zip(sizes, _limits(work), strict=True)]
    while needed(work, source_dtype, unit) > room:
        smaller = [_whole_steps(size // 2, *three) for size, three in zip(unit, _limits(work), strict=True)]
        widest = max(range(len(unit)), key=lambda d: unit[d] / smaller[d])
        if smaller[widest] == unit[widest]:
            raise TooLargeError(
                f"a region must fit into the memory allowed, but the smallest, {tuple(unit)}, needs "
                f"{(needed(work, source_dtype, unit) + BASE) / 2**20:.0f} MiB and {memory / 2**20:.0f} are "
                "allowed; allow more, or use a smaller filter"
            )
        unit[widest] = smaller[widest]
    region = list(unit)
    for d in reversed(range(len(region))):
        while region[d] < work.shape[d]:
            more = [*region[:d], min(work.shape[d], region[d] + unit[d]), *region[d + 1 :]]
            if needed(work, source_dtype, more) > room:
                break
            region = more
    return tuple((0, size) for size in region), tuple(unit)


def _limits(work: Work) -> list[tuple[int, int]]:
    return list(zip(work.steps, work.shape, strict=True))


def _whole_steps(size: int, step: int, most: int) -> int:
    """Return a size as whole steps, one at least, but no more than there are."""
    return max(1, min(most, max(1, round(size / step)) * step))


def needed(work: Work, source_dtype: DType, sizes: Sequence[int]) -> int:
    """Return the bytes that a region of this size needs, about the middle of the result."""
    region = []
    for size, (step, length) in zip(sizes, _limits(work), strict=True):
        start = min(length - size, length // 2) // step * step
        region.append((start, min(length, start + size)))
    cells = math.prod(sum(stop - start for start, stop in each) for each in work.reads(tuple(region)))
    values = math.prod(sizes)
    return CELLS_HELD * cells * source_dtype.itemsize + VALUES_HELD * values * max(8, work.dtype.itemsize)


def all_regions(work: Work, size: Region) -> list[Region]:
    """Return all regions, in the order of the file."""
    ranges = []
    for length, (_, step) in zip(work.shape, size, strict=True):
        ranges.append([(start, min(length, start + step)) for start in range(0, length, max(1, step))])
    return list(itertools.product(*ranges))
