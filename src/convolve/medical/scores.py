"""How well one labelling agrees with another: Dice's coefficient, and Hausdorff's distance in mm."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError

BLOCK = 1 << 22
"""Distances that are held at once: 32 MiB."""


def _masks(found: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    first, second = np.asarray(found, bool), np.asarray(truth, bool)
    if first.shape != second.shape or not first.ndim:
        raise ShapeError(f"both masks must have one shape, got {first.shape} and {second.shape}")
    return first, second


def dice(found: ArrayLike, truth: ArrayLike) -> float:
    """Return Dice's coefficient of two masks, 2·|A ∩ B| / (|A| + |B|); 1 if both are empty.

    Dice, "Measures of the amount of ecologic association between species" (1945).

    >>> dice([1, 1, 0, 0], [0, 1, 1, 0])
    0.5
    """
    first, second = _masks(found, truth)
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def hausdorff(
    found: ArrayLike, truth: ArrayLike, spacing: Sequence[float], percentile: float = 100.0
) -> float:
    """Return Hausdorff's distance of the surfaces of two masks.

    Parameters
    ----------
    found, truth
        Masks of one shape.
    spacing
        Size of a cell per dimension; the distance has its unit.
    percentile
        Of the distances from each surface to the other, the larger of both is given: 100 is Hausdorff's own,
        95 forgives single cells.

    Returns
    -------
    float
        0 if both are empty, infinite if one is.

    Raises
    ------
    ShapeError, ArgumentError
        If shapes differ, or spacing or percentile make no sense.

    Notes
    -----
    A cell is on the surface if a neighbour along a dimension is not in the mask; beyond the volume none is.

    Examples
    --------
    >>> hausdorff([[1, 0, 0, 0]], [[0, 0, 0, 1]], (1.0, 0.5))
    1.5
    """
    first, second = _masks(found, truth)
    sizes = np.asarray(spacing, float)
    if sizes.shape != (first.ndim,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ArgumentError(f"spacing must be a positive number per dimension ({first.ndim}), got {spacing}")
    if not 0 <= percentile <= 100:
        raise ArgumentError(f"percentile must be from 0 to 100, got {percentile}")
    return _largest(surface_distances(first, second, sizes), percentile)


def _largest(both: tuple[Array, Array] | None, percentile: float) -> float:
    """Return the larger percentile of the distances either way; None stands for one mask that is empty."""
    if both is None:
        return float("inf")
    return float(max((np.percentile(one, percentile) for one in both if len(one)), default=0.0))


def surface_distances(first: Array, second: Array, sizes: Array) -> tuple[Array, Array] | None:
    """Return the distance from each cell of either mask's surface to the other surface.

    None if one mask is empty and the other is not.
    """
    if first.any() != second.any():
        return None
    one, other = surface(first), surface(second)
    return _to(one, other, sizes), _to(other, one, sizes)


def _to(one: Array, other: Array, sizes: Array) -> Array:
    """Return the distances from a surface to another; those of cells on both are 0."""
    apart = np.zeros(int(one.sum()))
    away = ~other[one]
    if away.any():
        apart[away] = nearest(np.argwhere(one)[away] * sizes, np.argwhere(other) * sizes)
    return apart


def surface(mask: Array) -> Array:
    """Return the cells of a mask that have a neighbour outside it.

    >>> surface(np.array([1, 1, 1, 0, 1], bool)).astype(int).tolist()
    [1, 0, 1, 0, 1]
    """
    wide = np.pad(mask, 1)
    inner = mask.copy()
    for axis in range(mask.ndim):
        for start in (0, 2):
            place = [slice(1, -1)] * mask.ndim
            place[axis] = slice(start, start + mask.shape[axis])
            inner &= wide[tuple(place)]
    return mask & ~inner


def nearest(points: Array, others: Array) -> Array:
    """Return the distance from each point to the nearest of others."""
    step = max(1, BLOCK // len(others))
    squares = (others**2).sum(axis=1)
    found = []
    for first in range(0, len(points), step):
        block = points[first : first + step]
        apart = (block**2).sum(axis=1)[:, None] + squares - 2 * block @ others.T
        found.append(np.sqrt(np.maximum(apart.min(axis=1), 0)))
    return np.concatenate(found)


def score(found: Array, truth: Array, spacing: Sequence[float], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return Dice, Hausdorff's distance and its 95th percentile for each label but the first.

    >>> score(np.array([0, 1, 1]), np.array([0, 1, 1]), (2.0,), ("air", "body"))
    [{'label': 'body', 'dice': 1.0, 'hausdorff': 0.0, 'hausdorff95': 0.0}]
    """
    rows = []
    for number, name in enumerate(names):
        if number:
            masks = found == number, truth == number
            both = surface_distances(*masks, np.asarray(spacing, float))
            whole, most = (_largest(both, percentile) for percentile in (100, 95))
            rows.append({"label": name, "dice": dice(*masks), "hausdorff": whole, "hausdorff95": most})
    return rows
