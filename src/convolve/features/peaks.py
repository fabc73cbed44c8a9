"""Peaks: local maxima of a map, and where between the cells they stand."""

from collections.abc import Sequence

import numpy as np

from convolve.api.pools import max_pool2d, max_pool3d
from convolve.dtypes import Array

NEIGHBOURHOOD = 3
"""Cells across that a peak must be the largest of."""


def largest_around(values: Array) -> Array:
    """Return the largest value around each cell of a 2-D or 3-D map, its own included."""
    pool = max_pool2d if values.ndim == 2 else max_pool3d
    around: Array = pool(values, NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2)
    return around


def peaks(values: Array, around: Array, floor: float) -> Array:
    """Return the places (k, dimensions) of cells above ``floor`` that no neighbour exceeds; NaN is none."""
    return np.argwhere((values == around) & (values > floor))


def between(before: Array, here: Array, after: Array) -> tuple[Array, Array]:
    """Return how far from the middle of three samples the top of their parabola is, and how much higher.

    The step is at most half a cell, and 0 where the middle is not the highest.

    >>> between(np.array([1.0]), np.array([3.0]), np.array([2.0]))
    (array([0.16666667]), array([0.04166667]))
    """
    bend = before - 2 * here + after
    slope = (after - before) / 2
    bent = np.isfinite(bend) & (bend < 0)
    step = np.where(bent, -slope / np.where(bent, bend, -1), 0.0)
    step = np.where(np.isfinite(step), np.clip(step, -0.5, 0.5), 0.0)
    gain = np.where(step != 0, slope * step + bend * step**2 / 2, 0.0)
    return step, gain


def refined(values: Array, places: Array) -> tuple[Array, Array]:
    """Return the places of peaks between the cells, and how much higher than the cells they are.

    A parabola through the neighbours along each dimension; places at the image's edge stay.
    """
    steps = np.zeros(places.shape)
    gains = np.zeros(len(places))
    middle = values[tuple(places.T)].astype(np.float64)
    for axis, size in enumerate(values.shape):
        inside = (places[:, axis] > 0) & (places[:, axis] < size - 1)
        before, after = _beside(values, places[inside], axis)
        step, gain = between(before, middle[inside], after)
        steps[inside, axis] = step
        gains[inside] += gain
    return places + steps, gains


def _beside(values: Array, places: Array, axis: int) -> tuple[Array, Array]:
    """Return the values before and after each place along one dimension."""
    step = np.eye(values.ndim, dtype=places.dtype)[axis]
    before, after = (values[tuple((places + sign * step).T)].astype(np.float64) for sign in (-1, 1))
    return before, after


def scaled(places: Array, spacing: Sequence[float]) -> Array:
    """Return places in cells as places in the unit of the spacing."""
    return np.asarray(places * np.asarray(spacing))
