"""Which of several finds that overlap is kept: balls for blobs, boxes for matches of a template."""

from collections.abc import Callable, Iterator

import numpy as np

from convolve.dtypes import Array

Overlaps = Callable[[Array, Array], Array]
"""From the indices of finds, and of others, to the share of overlap of each pair."""

PAIRS = 1 << 20
"""Pairs that are looked at together: some arrays of a million numbers."""


def kept(order: Array, centres: Array, reach: Array, overlaps: Overlaps, limit: float) -> Array:
    """Return which finds are kept, best first: each drops those after it that it overlaps too much.

    Parameters
    ----------
    order
        Indices of the finds, the best first.
    centres
        Where each is: (finds, dimensions).
    reach
        How far each extends from there, along each dimension, or one number each.
    overlaps
        Tells the shares of overlap, from 0 to 1.
    limit
        The largest share allowed.
    """
    crowded: dict[int, list[int]] = {}
    for first, second in near(centres, np.broadcast_to(reach, centres.shape)):
        close = overlaps(first, second) > limit
        for one, other in zip(first[close].tolist(), second[close].tolist(), strict=True):
            crowded.setdefault(one, []).append(other)
            crowded.setdefault(other, []).append(one)
    chosen: list[int] = []
    dropped: set[int] = set()
    for one in order.tolist():
        if one not in dropped:
            chosen.append(one)
            dropped.update(crowded.get(one, ()))
    return np.array(chosen, dtype=np.intp)


def near(centres: Array, reach: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the pairs of finds whose boxes of ``reach`` around their centres touch, many at a time.

    They are sorted along the dimension that they are spread over most, and compared with those that follow.

    >>> places, reach = np.array([[0, 0], [0, 9], [1, 8]]), np.ones((3, 2))
    >>> [pair for part in near(places, reach) for pair in zip(*(one.tolist() for one in part))]
    [(2, 1)]
    """
    if len(centres) < 2:
        return
    axis = int(np.argmax(np.ptp(centres, axis=0)))
    along = np.argsort(centres[:, axis], kind="stable")
    line, extent = centres[along, axis], reach[along, axis]
    ends = np.searchsorted(line, line + extent + extent.max(), side="right")
    counts = ends - np.arange(len(line)) - 1
    start = 0
    while start < len(line):
        stop = start + max(1, int(np.searchsorted(np.cumsum(counts[start:]), PAIRS)))
        first = np.repeat(np.arange(start, stop), counts[start:stop])
        begins = np.cumsum(counts[start:stop]) - counts[start:stop]
        second = first + 1 + np.arange(len(first)) - np.repeat(begins, counts[start:stop])
        one, other = along[first], along[second]
        touching = (np.abs(centres[one] - centres[other]) <= reach[one] + reach[other]).all(axis=1)
        yield one[touching], other[touching]
        start = stop


def ball_overlap(distance: Array, first: Array, second: Array, ndim: int) -> Array:
    """Return the share of the smaller of two discs (2-D) or balls (3-D) that lies in the other.

    >>> ball_overlap(np.array([0.0, 1.0, 3.0]), np.array(1.0), np.array(1.0), 2).round(3).tolist()
    [1.0, 0.391, 0.0]
    """
    small, large = np.minimum(first, second), np.maximum(first, second)
    apart, within = distance >= small + large, distance <= large - small
    between = np.where(apart | within, large, distance)  # any distance at which the formulas hold
    share = _lens(between, small, large) if ndim == 2 else _two_caps(between, small, large)
    return np.where(within, 1.0, np.where(apart, 0.0, share))


def _lens(distance: Array, small: Array, large: Array) -> Array:
    """Return the share of the small disc within the large one, where their edges cross (two segments)."""
    chord = (distance**2 + small**2 - large**2) / 2 / distance  # from the small centre to the common chord
    other = distance - chord
    areas = [
        radius**2 * np.arccos(np.clip(depth / radius, -1, 1))
        - depth * np.sqrt(np.maximum(radius**2 - depth**2, 0))
        for radius, depth in ((small, chord), (large, other))
    ]
    return np.asarray((areas[0] + areas[1]) / (np.pi * small**2))


def _two_caps(distance: Array, small: Array, large: Array) -> Array:
    """Return the share of the small ball within the large one, where their surfaces cross (two caps)."""
    total = small + large
    inner = distance**2 + 2 * distance * total - 3 * (small - large) ** 2
    volume = np.pi * (total - distance) ** 2 * inner / (12 * distance)
    return np.asarray(volume / (4 / 3 * np.pi * small**3))


def box_overlap(first: Array, first_size: Array, second: Array, second_size: Array) -> Array:
    """Return the share of the smaller of two boxes that lies in the other, from corners and sizes.

    >>> a, b = np.array([0, 0]), np.array([4, 4])
    >>> float(box_overlap(a, b, np.array([2, 0]), np.array([4, 4])))
    0.5
    """
    low = np.maximum(first, second)
    high = np.minimum(first + first_size, second + second_size)
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    smaller = np.minimum(np.prod(first_size, axis=-1), np.prod(second_size, axis=-1))
    return np.asarray(common / smaller)
