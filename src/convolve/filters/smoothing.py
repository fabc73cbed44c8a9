"""Filters that average, and those that are differences of averages."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.errors import FilterError
from convolve.filters.weights import Weights, frozen

LARGEST = 1 << 24
"""Taps beyond which a filter is refused before it is made: 16 million, a 4096×4096 filter, are 128 MiB."""

SMALLEST = 1e-3
"""Cells: a Gaussian narrower than this is a single tap, and the powers of its width soon leave float64."""

LARGEST_NUMBER = 1e300
"""Numbers beyond this overflow in the first step of any formula here."""

TRUNCATE = 4.0
"""Standard deviations at which a Gaussian ends, as in SciPy: what is cut off is below 1e-4 of the whole."""


def checked_size(shape: Sequence[int], what: str) -> tuple[int, ...]:
    """Return the shape of a filter, if it is not absurd."""
    if any(isinstance(length, bool) or not isinstance(length, int | np.integer) for length in shape):
        raise FilterError(f"{what} must have whole numbers as its size, got {tuple(shape)}; round them")
    if any(length < 1 for length in shape):
        raise FilterError(f"{what} must be at least 1 cell wide, got {'×'.join(map(str, shape))}")
    if math.prod(shape) > LARGEST:
        raise FilterError(
            f"{what} must have at most {LARGEST} taps, but {'×'.join(map(str, shape))} has "
            f"{math.prod(shape)}; use a smaller one, or shrink the image first"
        )
    return tuple(shape)


def per_axis(values: float | Sequence[float], ndim: int, what: str) -> tuple[float, ...]:
    """Return one positive, finite number per dimension."""
    check_ndim(ndim)
    numbers = tuple(values) if isinstance(values, Sequence) and not isinstance(values, str) else (values,)
    if len(numbers) == 1:
        numbers *= ndim
    if len(numbers) != ndim:
        raise FilterError(f"{what} must be one number or one per dimension ({ndim}), got {numbers}")
    return tuple(_positive(number, what) for number in numbers)


def _positive(number: Any, what: str) -> float:
    if not _is_finite(number) or number <= 0:
        raise FilterError(f"{what} must be a positive, finite number, got {number!r}; try 1.0")
    if number < SMALLEST:
        raise FilterError(f"{what} must be at least {SMALLEST}, got {number!r}; try 1.0")
    return float(number)


def finite(number: Any, what: str) -> float:
    """Return a finite number as a float."""
    if not _is_finite(number):
        raise FilterError(f"{what} must be a finite number, got {number!r}; try 1.0")
    return float(number)


def _is_finite(number: Any) -> bool:
    real = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
    return real and bool(abs(number) < LARGEST_NUMBER)


def check_ndim(ndim: int) -> None:
    """Refuse a filter of other than one, two or three dimensions."""
    whole = isinstance(ndim, int | np.integer) and not isinstance(ndim, bool)
    if not whole or ndim not in (1, 2, 3):
        raise FilterError(f"ndim must be 1, 2 or 3, got {ndim!r}; images have 2, volumes 3")


def box(*size: int, ndim: int = 2) -> Weights:
    """Return the mean over a box: ``box(5)`` over 5 cells along every dimension.

    >>> box(2, ndim=1).tolist()
    [0.5, 0.5]
    """
    check_ndim(ndim)
    shape = checked_size(size * ndim if len(size) == 1 else size, "a box")
    if len(shape) != ndim:
        raise FilterError(
            f"a box must have one size or one per dimension ({ndim}), got {len(shape)}: {shape}"
        )
    return frozen(np.full(shape, 1 / math.prod(shape)), np.float64)


def gaussian(sigma: float | Sequence[float], *, truncate: float = TRUNCATE, ndim: int = 2) -> Weights:
    """Return a Gaussian of standard deviation ``sigma`` cells, one number or one per dimension, summing to 1.

    >>> gaussian(1.0, ndim=1).round(3).tolist()
    [0.0, 0.004, 0.054, 0.242, 0.399, 0.242, 0.054, 0.004, 0.0]
    """
    return gaussian_derivative(sigma, 0, truncate=truncate, ndim=ndim)


def gaussian_derivative(
    sigma: float | Sequence[float], order: int | Sequence[int], *, truncate: float = TRUNCATE, ndim: int = 2
) -> Weights:
    """Return a derivative of a Gaussian; ``order`` (0, 1 or 2) is one number or one per dimension.

    Laid on an image, it gives the derivative of the smoothed image: positive where brightness grows.
    """
    widths = per_axis(sigma, ndim, "sigma")
    (end,) = per_axis(truncate, 1, "truncate")
    orders = tuple(order) if isinstance(order, Sequence) else (order,) * ndim
    if len(orders) != ndim or any(one not in (0, 1, 2) for one in orders):
        raise FilterError(f"order must be 0, 1 or 2, one number or one per dimension ({ndim}), got {orders}")
    radii = [int(min(end * width, 1e9) + 0.5) for width in widths]
    checked_size([2 * radius + 1 for radius in radii], "a Gaussian")
    lines = [_line(width, radius, one) for width, radius, one in zip(widths, radii, orders, strict=True)]
    return frozen(functools.reduce(np.multiply.outer, lines), np.float64)


def _line(sigma: float, radius: int, order: int) -> Weights:
    """Return a Gaussian, or its first or second derivative, along one dimension, sampled as SciPy does."""
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-0.5 * (x / sigma) ** 2)
    bell /= bell.sum()
    if order == 1:
        return np.asarray(x / sigma**2 * bell)
    if order == 2:
        return np.asarray((x**2 / sigma**4 - 1 / sigma**2) * bell)
    return np.asarray(bell)


def laplacian_of_gaussian(
    sigma: float | Sequence[float], *, ndim: int = 2, spacing: float | Sequence[float] = 1.0
) -> Weights:
    """Return the Laplacian of a Gaussian, shifted so that it gives nothing on an even image.

    ``spacing`` is the size of a cell, one number or one per dimension, in any unit: where cells are longer
    along one dimension, its second derivative counts less, by the square. The result is then the Laplacian in
    space, times the square of the smallest size; for cells of one size it is that per cell, as without it.

    >>> abs(float(laplacian_of_gaussian(1.5).sum())) < 1e-12
    True
    """
    parts = [
        gaussian_derivative(sigma, [2 if d == axis else 0 for d in range(ndim)], ndim=ndim)
        for axis in range(ndim)
    ]
    sizes = _sizes_of_cell(spacing, ndim)
    total = sum((min(sizes) / size) ** 2 * part for size, part in zip(sizes, parts, strict=True))
    return frozen(total - np.mean(total), np.float64)


def _sizes_of_cell(spacing: float | Sequence[float], ndim: int) -> tuple[float, ...]:
    """Return the size of a cell along each dimension; in metres it may be far below a sigma's least."""
    sizes = tuple(spacing) if isinstance(spacing, Sequence) else (spacing,) * ndim
    if len(sizes) != ndim:
        raise FilterError(f"spacing must be one number or one per dimension ({ndim}), got {sizes}")
    for size in sizes:
        if finite(size, "spacing") <= 0:
            raise FilterError(f"spacing must be a positive number, got {size!r}; try 1.0")
    return tuple(float(size) for size in sizes)


def difference_of_gaussians(
    small: float | Sequence[float], large: float | Sequence[float], *, ndim: int = 2
) -> Weights:
    """Return a narrow Gaussian minus a wide one: spots of a size between the two.

    Each sigma is one number, or one per dimension.

    >>> difference_of_gaussians(1, 2).shape
    (17, 17)
    """
    narrow_sigmas, wide_sigmas = (per_axis(one, ndim, "sigma") for one in (small, large))
    if not all(one < other for one, other in zip(narrow_sigmas, wide_sigmas, strict=True)):
        raise FilterError(f"dog needs the smaller sigma first, got {small} and {large} cells; swap them")
    wide = gaussian(large, ndim=ndim)
    narrow = gaussian(small, ndim=ndim)
    margin = [((big - little) // 2,) * 2 for big, little in zip(wide.shape, narrow.shape, strict=True)]
    return frozen(np.pad(narrow, margin) - wide, np.float64)


def unsharp(sigma: float | Sequence[float] = 1.0, amount: float = 1.0, *, ndim: int = 2) -> Weights:
    """Return the image plus ``amount`` times what a Gaussian takes away from it.

    >>> round(float(unsharp(1.0, 0.5).sum()), 12)
    1.0
    """
    amount = finite(amount, "amount")
    weights = -amount * gaussian(sigma, ndim=ndim)
    weights[tuple(length // 2 for length in weights.shape)] += 1 + amount
    return frozen(weights, np.float64)
