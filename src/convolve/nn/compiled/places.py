"""Where a tensor lies: whose memory, an offset into it, and strides, like a view of NumPy's.

>>> whole = Place.dense("joined", (1, 6, 2, 2), np.dtype(np.float32))
>>> whole.cut(1, 4, 2)
Place(root='joined', offset=64, shape=(1, 2, 2, 2), strides=(96, 16, 8, 4), dtype=dtype('float32'))
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from convolve.dtypes import Array, DType
from convolve.nn.tensor import Shape


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor's memory.

    Attributes
    ----------
    root
        Name of the tensor whose memory it is, or is a part of.
    offset, strides
        In bytes.
    """

    root: str
    offset: int
    shape: Shape
    strides: tuple[int, ...]
    dtype: DType

    @staticmethod
    def dense(root: str, shape: Shape, dtype: DType) -> "Place":
        """Return memory without gaps."""
        return Place(root, 0, shape, _dense_strides(shape, dtype.itemsize), dtype)

    @property
    def is_dense(self) -> bool:
        """Whether it has no gaps, in C order."""
        return self.strides == _dense_strides(self.shape, self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    def cut(self, axis: int, start: int, count: int) -> "Place":
        """Return a part along one dimension."""
        shape = (*self.shape[:axis], count, *self.shape[axis + 1 :])
        return replace(self, offset=self.offset + start * self.strides[axis], shape=shape)

    def turned(self, order: tuple[int, ...]) -> "Place":
        """Return the dimensions in another order."""
        shape, strides = (tuple(one[axis] for axis in order) for one in (self.shape, self.strides))
        return replace(self, shape=shape, strides=strides)

    def reshaped(self, shape: Shape) -> "Place | None":
        """Return the same numbers in another shape, or None if they do not lie evenly enough for that."""
        runs: list[list[int]] = []
        for size, stride in zip(self.shape, self.strides, strict=True):
            if size > 1 and runs and runs[-1][1] == stride * size:
                runs[-1] = [runs[-1][0] * size, stride]
            elif size > 1:
                runs.append([size, stride])
        strides = [0] * len(shape)
        axis = len(shape)
        for size, stride in reversed(runs):
            while size > 1:
                axis -= 1
                if axis < 0 or size % shape[axis]:
                    return None
                if shape[axis] > 1:
                    strides[axis] = stride
                    size, stride = size // shape[axis], stride * shape[axis]
        for axis in reversed(range(len(shape))):
            if shape[axis] == 1:  # any stride would do; that of memory without gaps is what routines look for
                last = axis == len(shape) - 1
                strides[axis] = self.dtype.itemsize if last else strides[axis + 1] * shape[axis + 1]
        return replace(self, shape=shape, strides=tuple(strides))

    def stand_in(self) -> Array:
        """Return an array with this shape and these strides; its numbers must not be looked at."""
        return np.lib.stride_tricks.as_strided(
            np.zeros((), self.dtype), self.shape, self.strides, writeable=False
        )

    def view(self, memory: Array) -> Array:
        """Return the tensor in its root's memory, an array of bytes."""
        return np.ndarray(self.shape, self.dtype, memory.data, self.offset, self.strides)


def _dense_strides(shape: Shape, item: int) -> tuple[int, ...]:
    later = itertools.accumulate(reversed(shape[1:]), lambda size, step: size * step, initial=item)
    return tuple(reversed(list(later))) if shape else ()
