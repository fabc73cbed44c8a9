"""Which of several finds that overlap is kept: balls for blobs, boxes for matches of a template."""

from collections.abc import Callable

import numpy as np

from convolve.dtypes import Array

Overlaps = Callable[[int, Array], Array]
"""From one find and the indices of others to the shares of overlap."""


def kept(order: Array, centres: Array, reach: Array, overlaps: Overlaps, limit: float) -> Array:
    """Return which finds are kept, best first: each drops those after it that it overlaps too much.

    Parameters
    ----------
    order
        Indices of the finds, the best first.
    centres
        Where each is along one dimension.
    reach
        How far each extends from there; finds farther apart than both reaches are not compared.
    overlaps
        Tells the share of overlap, from 0 to 1.
    limit
        The largest share allowed.
    """
    along = np.argsort(centres, kind="stable")
    line, widest = centres[along], float(reach.max(initial=0))
    alive = np.ones(len(order), bool)
    chosen = []
    for one in order:
        if not alive[one]:
            continue
        chosen.append(one)
        span = reach[one] + widest
        first, end = np.searchsorted(line, (centres[one] - span, centres[one] + span), side="left")
        others = along[first : end + 1]
        others = others[alive[others] & (others != one)]
        alive[others[overlaps(int(one), others) > limit]] = False
    return np.array(chosen, dtype=np.intp)


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
