"""Sums of products of whole numbers less their zero points: on bytes as they are, where weights allow it.

Σ (x − x₀)·w is Σ x·w − x₀·Σ w, with x₀ in the border instead of 0. So cells need not be made wider, and
sums of bytes are what processors take quickest.
"""

from typing import Any

import numpy as np

from convolve.api import forward
from convolve.dtypes import Array, DType
from convolve.nn.tensor import Tensor

CONV = {1: forward.conv1d, 2: forward.conv2d, 3: forward.conv3d}

MIDDLE = 128
"""The usual zero point of weights without a sign: they are bytes with a sign whose highest bit is turned."""


def integer_sums(
    x: Array, x_zero: Array | None, weight: Array, weight_zero: Array | None, how: dict[str, Any]
) -> Array:
    """Return a convolution's sums in int32, around which they wrap as ONNX says.

    Parameters
    ----------
    x_zero, weight_zero
        One number each, or one for every filter; nothing stands for 0.
    how
        The convolution's options.
    """
    convolution = CONV[x.ndim - 2]
    filters = _as_bytes(weight, weight_zero)
    if filters is None:
        image, filters = centred(x, x_zero), centred(weight, weight_zero, filters=True)
        return convolution(image, filters, **how, overflow="wrap")
    point = 0 if x_zero is None else int(x_zero.reshape(()))
    sums = convolution(x, filters, **how, padding_mode=point, overflow="wrap")
    if point:
        each = filters.reshape(len(filters), -1).sum(axis=1, dtype=np.int32) * np.int32(point)
        sums -= each.reshape((-1,) + (1,) * (x.ndim - 2))
    return sums


def byte_dtype(dtype: DType, zero: Array | None) -> DType | None:
    """Return the dtype of weights less these zero points, if all of them are bytes whatever they were.

    >>> byte_dtype(np.dtype("uint8"), np.array([128], "uint8"))
    dtype('int8')
    """
    if zero is None or not zero.any():
        return dtype
    return np.dtype(np.int8) if dtype == np.uint8 and (zero == MIDDLE).all() else None


def planned_dtypes(x: Tensor, weight: Tensor, zero: Tensor | None) -> tuple[str, str]:
    """Return in which dtypes cells and weights will be convolved."""
    known = zero is None or zero.value is not None
    found = byte_dtype(weight.dtype, None if zero is None else zero.value) if known else None
    return ("int16", "int16") if found is None else (x.dtype.name, found.name)


def _as_bytes(weight: Array, zero: Array | None) -> Array | None:
    """Return weights less their zero points if those are bytes again, or None."""
    found = byte_dtype(weight.dtype, zero)
    if found is None or found == weight.dtype:
        return weight if found is not None else None
    return (weight ^ MIDDLE).view(found)


def centred(x: Array, zero: Array | None, filters: bool = False) -> Array:
    """Return whole numbers less their zero point, of which filters may have one each."""
    wide = x.astype(np.int16)
    if zero is None:
        return wide
    point = zero.astype(np.int16)
    shape = (-1,) + (1,) * (x.ndim - 1) if filters and point.size > 1 else ()
    return np.asarray(wide - point.reshape(shape))
