"""Scratch memory: one aligned buffer for each Python thread, and a row of them for each pool."""

import threading

import numpy as np

from convolve.dtypes import Array
from convolve.errors import TooLargeError

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""

MOST_SCRATCH = 1 << 30
"""Bytes that one thread may ask for. Plans keep to a part of the second-level cache, far below."""


def buffer(size: int) -> tuple[Array, int]:
    """Return an array that holds `size` bytes at the aligned address returned beside it."""
    try:
        array = np.empty(size + ALIGNMENT, np.uint8)
    except MemoryError as error:
        raise TooLargeError(
            f"{size} bytes of scratch are needed, and this machine has no more memory; end other programs, "
            "or use fewer threads with convolve.set_num_threads"
        ) from error
    return array, aligned(array.ctypes.data)


def aligned(number: int) -> int:
    """Return the next multiple of the alignment.

    >>> aligned(65), aligned(64)
    (128, 64)
    """
    return -(-number // ALIGNMENT) * ALIGNMENT


def check_size(size: int) -> None:
    """Refuse more scratch for one thread than any plan may need."""
    if size > MOST_SCRATCH:
        raise TooLargeError(
            f"a thread may use {MOST_SCRATCH} bytes of scratch; {size} were asked for, which no plan should: "
            "pass algorithm='reference', and report the shapes and options as a defect of convolve"
        )


class OwnScratch(threading.local):
    """A buffer of the calling thread alone: it grows when needed and lives as long as the thread."""

    array: Array | None = None
    address: int = 0
    size: int = 0

    def room(self, size: int) -> tuple[Array | None, int]:
        """Return the buffer and its address; hold the buffer as long as the address is used."""
        if size > self.size:
            check_size(size)
            self.array, self.address = buffer(size)
            self.size = size
        return self.array, self.address
