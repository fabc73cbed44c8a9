"""Vesselness: tubes and lines of any width, by the curvatures of the smoothed image (Frangi's filter)."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.features.scale_space import Polarity, per_axis, positive, prepared, smoothed_derivative

BLOCK = 1 << 18
"""Cells whose curvatures are worked out at a time: some dozen arrays of them in float64 are 32 MiB."""

TURNS = (0.0, 2 * math.pi / 3, 4 * math.pi / 3)
"""Angles between the three roots of a cubic: the first root is the highest, the second the lowest."""

SMALLEST = 1e-10
"""Share of the strongest curvature below which there is none: quotients of rounding mean nothing."""


def vesselness(
    image: ArrayLike,
    sigmas: float | Sequence[float] = (1.0, 2.0, 3.0, 4.0),
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float | None = None,
    polarity: Polarity = "bright",
    spacing: float | Sequence[float] = 1.0,
) -> Array:
    """Return how much each cell looks like part of a vessel: a line in an image, a tube in a volume.

    Parameters
    ----------
    image
        Shape (H, W) or (D, H, W), any real dtype. Of a photograph of the retina take the green channel.
    sigmas
        Scales, in the unit of ``spacing``: a line in an image answers most at half its width, a tube in a
        volume at its radius / √2. The largest answer of all is returned.
    alpha
        In volumes, how flat a thing may be before it is a plate and no tube.
    beta
        How round a thing may be before it is a blob and no line.
    gamma
        How strong a curvature must be to count; half of the strongest one at each scale if None.
    polarity
        "bright": brighter than what surrounds them. "dark": darker, as in photographs of the retina.
    spacing
        Size of a cell, one number or one per dimension, such as (2.0, 0.5, 0.5) mm.

    Returns
    -------
    numpy.ndarray
        The image's shape, float32 (float64 for float64 and wide integers), from 0 to 1. NaN within 4 sigma of
        a NaN or infinity, at the largest sigma.

    Raises
    ------
    ShapeError
        If the image has not 2 or 3 dimensions, or the spacing another number of them.
    ArgumentError
        If a scale or a constant is not positive.

    Notes
    -----
    Outside the image lies its mirror image. Second derivatives are scale-normalised, so that ``gamma`` means
    the same at every scale. ``skimage.filters.frangi`` gives nearly the same for a single sigma, with
    ``black_ridges`` for "dark"; for several it keeps the ``gamma`` of the first, without normalising.

    Source: Frangi, Niessen, Vincken, Viergever, Multiscale Vessel Enhancement Filtering (1998).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((32, 32))
    >>> image[:, 15:18] = 100.0
    >>> found = vesselness(image, 1.5)
    >>> found[16, [3, 16]].round(2)
    array([0.  , 0.86])
    """
    values = prepared(image, polarity)
    steps = per_axis(spacing, values.ndim, "spacing")
    widths = [positive(one, "sigmas") for one in np.atleast_1d(np.asarray(sigmas, dtype=object))]
    if not widths:
        raise ArgumentError("sigmas must hold at least one scale, such as (1.0, 2.0)")
    shape_of = Shape(positive(alpha, "alpha"), positive(beta, "beta"))
    fixed = None if gamma is None else positive(gamma, "gamma")
    best = np.zeros_like(values)
    for sigma in widths:
        np.maximum(best, _at_scale(values, [sigma / step for step in steps], shape_of, fixed), out=best)
    return best


class Shape(NamedTuple):
    """How flat and how round a vessel may be."""

    alpha: float
    beta: float


def _at_scale(values: Array, sigmas: Sequence[float], shape_of: Shape, gamma: float | None) -> Array:
    """Return the vesselness at one scale, a block of cells after the other."""
    hessian = hessian_parts(values, sigmas)
    strongest = math.sqrt(max(float(np.nanmax(_strength(part), initial=0)) for part in _blocks(hessian)))
    limit = gamma if gamma is not None else strongest / 2 or 1.0
    result = np.empty(values.size, values.dtype)
    for start, part in zip(range(0, values.size, BLOCK), _blocks(hessian), strict=True):
        curved = eigenvalues(part)
        strength = 1 - np.exp(-_strength(part) / (2 * limit**2))
        result[start : start + BLOCK] = _likeness(curved, shape_of, strongest * SMALLEST) * strength
    return result.reshape(values.shape)


def hessian_parts(values: Array, sigmas: Sequence[float]) -> list[Array]:
    """Return the scale-normalised second derivatives: all pairs of dimensions, (0, 0), (0, 1), … in order."""
    parts = []
    for first, second in itertools.combinations_with_replacement(range(values.ndim), 2):
        orders = [(axis == first) + (axis == second) for axis in range(values.ndim)]
        parts.append(smoothed_derivative(values, sigmas, orders))
    return parts


def _blocks(hessian: list[Array]) -> Iterator[list[Array]]:
    """Yield the second derivatives of one block of cells after the other, in float64."""
    flat = [part.reshape(-1) for part in hessian]
    for start in range(0, flat[0].size, BLOCK):
        yield [part[start : start + BLOCK].astype(np.float64) for part in flat]


def _strength(part: list[Array]) -> Array:
    """Return the squared length of all second derivatives, which is the sum of the squared curvatures."""
    if len(part) == 3:
        first, mixed, second = part
        return np.asarray(first**2 + second**2 + 2 * mixed**2)
    a, b, c, d, e, f = part
    return np.asarray(a**2 + d**2 + f**2 + 2 * (b**2 + c**2 + e**2))


def eigenvalues(part: list[Array]) -> list[Array]:
    """Return the curvatures of each cell, the smallest in size first.

    >>> eigenvalues([np.array([2.0]), np.array([0.0]), np.array([-5.0])])
    [array([2.]), array([-5.])]
    """
    return _of_two(*part) if len(part) == 3 else _of_three(*part)


def _of_two(first: Array, mixed: Array, second: Array) -> list[Array]:
    middle = (first + second) / 2
    apart = np.copysign(np.sqrt(((first - second) / 2) ** 2 + mixed**2), middle)
    return [middle - apart, middle + apart]


def _of_three(a: Array, b: Array, c: Array, d: Array, e: Array, f: Array) -> list[Array]:
    """Return the eigenvalues of [[a, b, c], [b, d, e], [c, e, f]] by angles (Smith 1961)."""
    middle = (a + d + f) / 3
    a, d, f = a - middle, d - middle, f - middle
    radius = np.sqrt((a**2 + d**2 + f**2 + 2 * (b**2 + c**2 + e**2)) / 6)
    determinant = a * (d * f - e**2) - b * (b * f - e * c) + c * (b * e - d * c)
    cubed = 2 * radius**3
    cosine = np.divide(determinant, cubed, out=np.zeros_like(cubed), where=cubed > 0)
    angle = np.arccos(np.clip(cosine, -1, 1)) / 3
    highest, lowest, between = (middle + 2 * radius * np.cos(angle + turn) for turn in TURNS)
    other, largest = _by_size(highest, lowest)
    smallest, second = _by_size(other, between)
    return [smallest, second, largest]


def _by_size(first: Array, second: Array) -> tuple[Array, Array]:
    """Return the smaller in size of two numbers, then the larger, for each cell."""
    swapped = np.abs(first) > np.abs(second)
    return np.where(swapped, second, first), np.where(swapped, first, second)


def _likeness(curved: list[Array], shape_of: Shape, smallest: float) -> Array:
    """Return how much the curvatures are those of a bright line or tube, however strong they are."""
    along, *across = curved
    inside = across[0] < -smallest  # down on every side of a bright vessel
    for one in across[1:]:
        inside &= one < -smallest
    roundness = np.where(inside, along, 0) ** 2 / np.where(inside, across[0] * across[-1], 1)
    likeness = np.exp(-roundness / (2 * shape_of.beta**2))
    if len(across) == 2:
        flatness = (np.where(inside, across[0], 0) / np.where(inside, across[1], 1)) ** 2
        likeness *= 1 - np.exp(-flatness / (2 * shape_of.alpha**2))
    likeness[~inside] = 0
    likeness[np.isnan(along)] = np.nan
    return np.asarray(likeness)
