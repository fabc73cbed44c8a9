"""Arrays between two pages that must not be touched: one number too far ends the process."""

import ctypes
import mmap
import random
from typing import Any

import numpy as np

PAGE = mmap.PAGESIZE
FORBIDDEN = 0  # PROT_NONE

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def area(size: int) -> mmap.mmap:
    """Return pages for so many bytes, with a forbidden page before and one behind them."""
    pages = max(1, -(-size // PAGE))
    memory = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (start, start + (pages + 1) * PAGE):
        if _libc.mprotect(guard, PAGE, FORBIDDEN) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    return memory


def raw(size: int, at_end: bool) -> Any:
    """Return bytes that begin where a forbidden page ends, or end where one begins."""
    memory = area(size)
    offset = len(memory) - PAGE - size if at_end else PAGE
    return np.frombuffer(memory, np.uint8, size, offset)


def copied(array: Any, at_end: bool = True) -> Any:
    """Return the same numbers between guards, in one piece."""
    array = np.ascontiguousarray(array)
    copy = raw(array.nbytes, at_end).view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def held(draw: random.Random, array: Any) -> Any:
    """Return the same numbers between guards, laid out in memory in one of the ways that callers have."""
    at_end = draw.random() < 0.5
    form = draw.choice(("plain", "plain", "reversed", "fortran", "sliced", "misaligned", "read-only"))
    if form == "reversed":
        return copied(array[..., ::-1], at_end)[..., ::-1]
    if form == "fortran":
        return copied(array.T, at_end).T
    if form == "sliced":
        room = raw((2 * array.size - 1) * array.itemsize, at_end).view(array.dtype)
        step = [2 * stride for stride in np.empty(array.shape, array.dtype).strides]
        view = np.lib.stride_tricks.as_strided(room, array.shape, step)
        view[...] = array
        return view
    if form == "misaligned":
        moved = raw(array.nbytes + 1, at_end)
        moved = moved[:-1] if at_end else moved[1:]
        moved = moved.view(array.dtype).reshape(array.shape)
        moved[...] = array
        return moved
    whole = copied(array, at_end)
    whole.flags.writeable = form != "read-only"
    return whole


class GuardedNumPy:
    """NumPy for a module under test: whatever it allocates lies between guards, at either end."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def _new(self, array: Any) -> Any:
        return copied(array, self._draw.random() < 0.5) if array.size else array

    def empty(self, *arguments: Any) -> Any:
        return self._new(np.empty(*arguments))

    def zeros(self, *arguments: Any) -> Any:
        return self._new(np.zeros(*arguments))

    def array(self, *arguments: Any) -> Any:
        return self._new(np.array(*arguments))

    def ascontiguousarray(self, array: Any) -> Any:
        return self._new(np.ascontiguousarray(array))
