"""What callers hand over as arrays, and the views under which the rest of the package sees them.

Inside, every array is (batch, channels, *spatial). A `Form` remembers how the caller's own array differs
(channels last, no batch, nothing but spatial dimensions) and turns one into the other without copying.
"""

import math
import os
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from convolve.dtypes import Array, DType, check_dtype
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, TooLargeError
from convolve.spec import Layout

Shape = tuple[int, ...]


def as_array(value: Any, name: str) -> Array:
    """Return a NumPy view of anything NumPy can view, or of anything that speaks DLPack."""
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):  # else it takes 13 ms to import
        raise ArgumentTypeError(
            f"{name} is a masked array, whose mask would be lost; fill it first, for example with "
            f"{name}.filled(numpy.nan) and nan='ignore'"
        )
    try:
        if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
            array = np.from_dlpack(value)
        else:
            array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError, BufferError) as error:
        raise ArgumentTypeError(
            f"{name} must be something NumPy can view as an array, got {type(value).__name__}: {error}; make "
            "all rows equally long, or convert it with numpy.asarray first"
        ) from error
    check_dtype(array.dtype.newbyteorder("="), name)
    return np.asarray(array)


def native(array: Array) -> DType:
    """Return the dtype of an array in this machine's byte order."""
    return array.dtype.newbyteorder("=")


@dataclass(frozen=True, slots=True)
class Form:
    """How the caller lays out arrays: which dimensions there are, and where the channels stand.

    Attributes
    ----------
    dims
        Number of spatial dimensions.
    layout
        "channels_first" or "channels_last".
    batched
        Whether there is a batch dimension.
    bare
        Whether there is nothing but spatial dimensions.
    """

    dims: int
    layout: Layout
    batched: bool
    bare: bool

    @classmethod
    def of(cls, shape: Shape, dims: int, layout: Layout, bare: bool, name: str = "input") -> "Form":
        """Return the form of an array of this shape, or say which shapes are possible."""
        wanted = (dims,) if bare else (dims + 1, dims + 2)
        if len(shape) in wanted:
            return cls(dims, layout, len(shape) == dims + 2, bare)
        spatial = ", ".join(("depth", "height", "width")[-dims:])
        if bare:
            choices = f"({spatial}), because the weight has only its {dims} spatial dimensions"
            advice = "give the weight as (out channels, in channels / groups, *filter) for channels"
        else:
            one = f"channels, {spatial}" if layout == "channels_first" else f"{spatial}, channels"
            choices = f"(batch, {one}) or ({one})"
            advice = "add or drop a dimension, for example with numpy.newaxis"
        raise ShapeError(
            f"{name} must have shape {choices}; it has {len(shape)} dimensions: {shape}; {advice}"
        )

    def canonical(self, array: Array) -> Array:
        """Return the caller's array as a view of shape (batch, channels, *spatial)."""
        if self.bare:
            return array[None, None]
        whole = array if self.batched else array[None]
        return whole if self.layout == "channels_first" else np.moveaxis(whole, -1, 1)

    def canonical_shape(self, shape: Shape) -> Shape:
        """Return the caller's shape as (batch, channels, *spatial)."""
        if self.bare:
            return (1, 1, *shape)
        whole = shape if self.batched else (1, *shape)
        return whole if self.layout == "channels_first" else (whole[0], whole[-1], *whole[1:-1])

    def shape(self, canonical: Shape) -> Shape:
        """Return a canonical shape as the caller's."""
        batch, channels, *spatial = canonical
        if self.bare:
            return tuple(spatial)
        inner = (channels, *spatial) if self.layout == "channels_first" else (*spatial, channels)
        return (batch, *inner) if self.batched else inner


def check_out(out: Any, shape: Shape, dtype: DType) -> Array:
    """Return the caller's ``out`` if the result can be written into it as it is."""
    if not isinstance(out, np.ndarray):
        raise ArgumentTypeError(
            f"out must be a numpy.ndarray, got {type(out).__name__}; allocate it with numpy.empty"
        )
    if isinstance(out, np.ma.MaskedArray):
        raise ArgumentTypeError("out is a masked array; pass out.data, the plain array below it")
    if out.shape != shape:
        raise ShapeError(
            f"out must have the result's shape {shape}, got {out.shape}; allocate it with that shape"
        )
    if native(out) != dtype:
        raise DTypeError(
            f"out must have the result's dtype {dtype}, got {out.dtype}; or pass out_dtype={out.dtype}"
        )
    if not out.flags.writeable:
        raise ArgumentError("out must be writable, but it is read-only; pass a copy of it")
    if _shares_cells(out):
        raise ArgumentError(
            f"out must have a cell of memory for every number, but its strides {out.strides} let several of "
            f"its {out.size} share one; allocate it with numpy.empty"
        )
    return out


def _shares_cells(array: Array) -> bool:
    """Tell whether two places of an array may be the same memory, as after a broadcast."""
    reach = array.itemsize
    if array.size == 0:
        return False
    steps = zip(array.strides, array.shape, strict=True)
    for stride, count in sorted((abs(stride), count) for stride, count in steps if count > 1):
        if stride < reach:
            return True
        reach += stride * (count - 1)
    return False


def check_fits(shape: Shape, dtype: DType, name: str = "the result") -> None:
    """Refuse, before anything is allocated, what this machine's memory cannot hold."""
    wanted = math.prod(shape) * dtype.itemsize
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > available:
        raise TooLargeError(
            f"{name} must fit into memory: shape {shape} of {dtype} needs {wanted / 2**30:.4g} GiB and this "
            f"machine has {available / 2**30:.4g} GiB; use less padding, a larger stride or smaller pieces"
        )
