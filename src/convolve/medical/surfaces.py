"""Surfaces of masks, and the exact distance from each cell of one to the other.

Both surfaces are cut into boxes of few points that lie together, as leaves of a k-d tree (Friedman, Bentley
and Finkel, 1977). The points of a box are compared with those boxes alone that may hold something nearer.
"""

from collections.abc import Iterator

import numpy as np

from convolve.dtypes import Array

LEAF = 128
"""Points of a box, at most: of 32, 64 and 128 that took least for surfaces of 33 000 cells (2026-11-27)."""

PIECE = 1 << 16
"""Points that are compared with one box at once, so that no more than 32 MiB of distances are held."""


def surface_distances(first: Array, second: Array, sizes: Array) -> tuple[Array, Array] | None:
    """Return the distance from each cell of either mask's surface to the other surface.

    None if one mask is empty and the other is not.
    """
    if first.any() != second.any():
        return None
    place = bounds(first | second)
    one, other = surface(first[place]), surface(second[place])
    return _to(one, other, sizes), _to(other, one, sizes)


def bounds(mask: Array) -> tuple[slice, ...]:
    """Return the box that holds all of a mask.

    >>> bounds(np.array([[0, 0, 0, 0], [0, 1, 1, 0]], bool))
    (slice(1, 2, None), slice(1, 3, None))
    """
    found = []
    for axis in range(mask.ndim):
        there = np.flatnonzero(mask.any(axis=tuple(k for k in range(mask.ndim) if k != axis)))
        found.append(slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0))
    return tuple(found)


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


def _to(one: Array, other: Array, sizes: Array) -> Array:
    """Return the distances from a surface to another; those of cells on both are 0."""
    apart = np.zeros(int(one.sum()))
    away = ~other[one]
    if away.any():
        apart[away] = nearest(np.argwhere(one)[away] * sizes, np.argwhere(other) * sizes)
    return apart


def nearest(points: Array, others: Array) -> Array:
    """Return the distance from each point (N, dimensions) to the nearest of others.

    >>> nearest(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 4.0], [9.0, 8.0]])).tolist()
    [4.0, 5.0]
    """
    boxes = [others[box] for box in boxes_of(others)]
    low = np.array([box.min(axis=0) for box in boxes])
    high = np.array([box.max(axis=0) for box in boxes])
    squares = np.empty(len(points))
    for box in boxes_of(points):
        few = points[box]
        ends = few.min(axis=0), few.max(axis=0)
        least = _gaps(low, high, *ends)
        order = least.argsort()
        best = np.full(len(few), np.inf)
        start, count = 0, 1  # the nearest box first, then twice as many each time
        while start < len(order) and least[order[start]] < best.max():
            near = np.concatenate([boxes[k] for k in order[start : start + count]])
            near = near[_gaps(near, near, *ends) < best.max()]
            best = np.minimum(best, _least(few, near)) if len(near) else best
            start, count = start + count, 2 * count
        squares[box] = best
    return np.asarray(np.sqrt(squares))


def _gaps(low: Array, high: Array, least: Array, most: Array) -> Array:
    """Return the squared distance of each box, from its low to its high corner, to one from least to most."""
    gap = np.maximum(np.maximum(low - most, least - high), 0)
    return np.asarray(np.einsum("ij,ij->i", gap, gap))


def boxes_of(points: Array) -> Iterator[Array]:
    """Return the places of points that lie together, few at a time: halved along the longer side."""
    waiting = [np.arange(len(points))]
    while waiting:
        places = waiting.pop()
        if len(places) <= LEAF:
            yield places
            continue
        part = points[places]
        along = part[:, int(np.ptp(part, axis=0).argmax())]
        half = len(places) // 2
        order = np.argpartition(along, half)
        waiting += [places[order[half:]], places[order[:half]]]


def _least(points: Array, others: Array) -> Array:
    """Return the least squared distance of each point to others, from differences, which lose no digits."""
    best = np.full(len(points), np.inf)
    for start in range(0, len(others), PIECE):
        piece = others[start : start + PIECE]
        squares = np.zeros((len(points), len(piece)))
        for axis in range(points.shape[1]):
            apart = np.subtract.outer(points[:, axis], piece[:, axis])
            squares += np.multiply(apart, apart, out=apart)
        best = np.minimum(best, squares.min(axis=1))
    return best
