"""Into which regions a result is cut, so that none needs more memory than there may be used."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convolve.arrays.work import Range, Ranges, Region, Work
from convolve.dtypes import DType
from convolve.errors import TooLargeError

BASE = 300 << 20
"""Bytes of a process that computes nothing yet: Python, NumPy, LLVM, Zarr and Dask; 180 to 260 MiB measured
(2026-11-26)."""

CELLS_HELD, VALUES_HELD = 3, 4
"""How many arrays of a region's cells, and of its values, are held at the same time: as they are read, laid
side by side, and once more where a border repeats cells; sums, what is made of them, and what is written.
Values are counted with 8 bytes, as sums and numbers on the way to another dtype have, but for float32 as it
is: 16 to 28 bytes a cell in all, most for the three components of a gradient (tracemalloc, 2026-11-27)."""

SHARE_KEPT = 0.35
"""Part of the memory for chunks of the source that were unpacked, and their edges. With 0.4 the gaps that
they leave when they go took a process to 1,062 MiB of 1,024 (256 × 1024 × 1024 float32, 2026-11-27)."""

LARGEST_REGION = 256 << 20
"""Bytes of a region beyond which nothing is gained: its halo is then a few per cent of it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a result is cut.

    Attributes
    ----------
    region
        Size of the regions that are computed one at a time.
    block
        Size of the blocks that these are made of: the chunks of the file that is written.
    """

    region: tuple[int, ...]
    block: tuple[int, ...]


def cut(
    work: Work,
    source_dtype: DType,
    chunks: Sequence[int],
    memory: int,
    together: int = 1,
    read: int = 0,
    begun: Cut | None = None,
) -> Cut:
    """Return how a result is cut.

    Parameters
    ----------
    work
        What is computed.
    source_dtype, chunks
        Of the source: blocks of the result hold what its chunks do.
    memory
        Bytes that one process may use, what is `kept` and what it needs without any array included.
    together
        Regions that it computes at the same time.
    read
        Bytes of chunks that it reads at that time.
    begun
        How a result was cut that goes on: blocks stay as they are, and regions unless they are too large.

    Raises
    ------
    TooLargeError
        If the smallest region needs more.
    """
    allowed = int((memory - BASE) * (1 - SHARE_KEPT) - read) // together
    room = min(allowed, LARGEST_REGION)
    block = _block(work, source_dtype, chunks, room) if begun is None else begun.block
    needs = needed(work, source_dtype, block)
    if needs > allowed:
        would_do = BASE + (needs * together + read) / (1 - SHARE_KEPT)
        smallest, instead = "the smallest", "use a smaller filter"
        if begun is not None:
            smallest, instead = "a block of the file that was begun", "begin anew with --force"
        raise TooLargeError(
            f"a region must fit into the memory allowed, but {smallest}, {block}, needs "
            f"{math.ceil(would_do / 2**20)} MiB in all and {memory >> 20} are allowed; allow more, or "
            f"{instead}"
        )
    ends, region = work.shape if begun is None else begun.region, block
    for d in reversed(range(len(region))):
        while region[d] < ends[d]:
            more = (*region[:d], min(ends[d], region[d] + block[d]), *region[d + 1 :])
            if needed(work, source_dtype, more) > room:
                break
            region = more
    return Cut(region, block)


def kept(memory: int) -> int:
    """Return the bytes for chunks of the source that were unpacked, of those that a process may use."""
    return max(0, int((memory - BASE) * SHARE_KEPT))


def _block(work: Work, source_dtype: DType, chunks: Sequence[int], room: int) -> tuple[int, ...]:
    """Return blocks that hold what the chunks of the source do, or less where memory is short."""
    sizes = [max(1, work.outputs_before(d, size)) for d, size in enumerate(chunks)]
    block = [_whole_steps(size, *two) for size, two in zip(sizes, _limits(work), strict=True)]
    while needed(work, source_dtype, block) > room:
        smaller = [_whole_steps(size // 2, *two) for size, two in zip(block, _limits(work), strict=True)]
        widest = max(range(len(block)), key=lambda d: block[d] / smaller[d])
        if smaller[widest] == block[widest]:
            break
        block[widest] = smaller[widest]
    return tuple(block)


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
    is_single = work.dtype == source_dtype == np.float32
    sums = work.dtype.itemsize if is_single else max(8, work.dtype.itemsize)
    return CELLS_HELD * cells * source_dtype.itemsize + VALUES_HELD * values * sums


def all_regions(work: Work, size: Sequence[int]) -> list[Region]:
    """Return all regions of a size, in the order of the file."""
    return list(itertools.product(*_ranges(work, size)))


def reads_per_dimension(work: Work, size: Sequence[int]) -> list[list[Ranges]]:
    """Return what all regions of a size read, per dimension; along one, the others change nothing."""
    ranges = _ranges(work, size)
    if not all(ranges):
        return [[] for _ in ranges]
    first = tuple(each[0] for each in ranges)
    return [
        [work.reads((*first[:d], one, *first[d + 1 :]))[d] for one in each] for d, each in enumerate(ranges)
    ]


def _ranges(work: Work, size: Sequence[int]) -> list[list[Range]]:
    return [
        [(start, min(length, start + step)) for start in range(0, length, max(1, step))]
        for length, step in zip(work.shape, size, strict=True)
    ]
