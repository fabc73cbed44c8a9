"""Gaussian scale space: an image's derivatives at a scale, by one filter along each dimension in turn.

All are scale-normalised (Lindeberg 1998): a derivative along a dimension is multiplied by sigma there, so
that the answer to a structure does not depend on how large it is. With sigma in cells along each dimension,
cells that are not cubes need nothing else.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from convolve import filters
from convolve.api.images import apply
from convolve.dtypes import Array, kind_of
from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.options import choice, real_number
from convolve.views import as_array, native

Polarity = Literal["bright", "dark"]


def prepared(image: ArrayLike, polarity: Any) -> Array:
    """Return a 2-D or 3-D image as floats around zero, its bright structures those that are looked for.

    Wide integers and float64 stay exact to float64, others become float32. The mean is taken away first, so
    that a large offset costs no precision. NaN and infinity become NaN.
    """
    sign = 1 if choice(polarity, "polarity", get_args(Polarity)) == "bright" else -1
    array = as_array(image, "image")
    dtype = native(array)
    if kind_of(dtype) == "complex":
        raise DTypeError(f"image must be real, got {dtype}; take its .real or abs()")
    if array.ndim not in (2, 3):
        raise ShapeError(
            f"image must have 2 dimensions, or 3 for a volume, got {array.ndim}: {array.shape}; take one "
            "channel of it, or its mean over the channels"
        )
    if array.size == 0:
        raise ShapeError(f"image must have at least one cell, got the shape {array.shape}")
    wide = dtype.name in ("int32", "uint32", "int64", "uint64", "float64")
    values = array.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        values[~finite] = np.nan
    values -= values[finite].mean() if finite.any() else 0.0
    values *= sign
    return values if wide else values.astype(np.float32)


def per_axis(value: Any, ndim: int, name: str) -> tuple[float, ...]:
    """Return one positive number per dimension; one number stands for all.

    >>> per_axis(2, 3, "spacing"), per_axis((0.5, 1), 2, "spacing")
    ((2.0, 2.0, 2.0), (0.5, 1.0))
    """
    given = tuple(value) if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str) else None
    if given is not None and len(given) != ndim:
        raise ShapeError(
            f"{name} must be one number or one per dimension: the image has {ndim}, but {name} has "
            f"{len(given)}: {given}"
        )
    return tuple(positive(one, name) for one in (given if given is not None else (value,) * ndim))


def positive(value: Any, name: str) -> float:
    """Return a positive, finite number."""
    number = real_number(value, name)
    if not (math.isfinite(number) and number > 0):
        raise ArgumentError(f"{name} must be a positive, finite number, got {value!r}")
    return float(number)


def smoothed_derivative(image: Array, sigmas: Sequence[float], orders: Sequence[int]) -> Array:
    """Return a scale-normalised derivative of the smoothed image; ``sigmas`` are in cells, per dimension.

    Outside the image lies its mirror image, the edge repeated.
    """
    result = image
    for axis, (sigma, order) in enumerate(zip(sigmas, orders, strict=True)):
        shape = [1] * image.ndim
        shape[axis] = -1
        weights = line(sigma, order).astype(image.dtype).reshape(shape)
        result = apply(result, weights, padding_mode="symmetric")
    return result


def line(sigma: float, order: int) -> Array:
    """Return the scale-normalised derivative of a Gaussian along one dimension.

    Sampling a second derivative and cutting it off leaves a small sum, which would answer to even brightness;
    as much of the Gaussian itself is taken away.

    >>> bool(abs(line(1.5, 2).sum()) < 1e-15)
    True
    """
    weights = filters.gaussian_derivative(sigma, order, ndim=1) * sigma**order
    if order == 2:
        weights = weights - weights.sum() * filters.gaussian(sigma, ndim=1)
    return cast(Array, weights)


def laplacian(image: Array, sigmas: Sequence[float]) -> Array:
    """Return the scale-normalised Laplacian of the smoothed image: negative on bright blobs."""
    orders = np.eye(image.ndim, dtype=int) * 2
    total = smoothed_derivative(image, sigmas, orders[0].tolist())
    for each in orders[1:]:
        total += smoothed_derivative(image, sigmas, each.tolist())
    return total
