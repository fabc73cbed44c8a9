"""Blobs by the Laplacian of a Gaussian: round things of any size, bright or dark, in images and volumes."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array
from convolve.errors import ArgumentError
from convolve.features.drawing import canvas, circles
from convolve.features.overlap import ball_overlap, kept
from convolve.features.peaks import between, largest_around, peaks, refined, scaled
from convolve.features.scale_space import Polarity, laplacian, per_axis, positive, prepared
from convolve.options import flag, real_number, whole_number
from convolve.views import as_array

LARGEST_STEP = 1.2
"""Ratio of neighbouring scales where their number is not given: a blob midway answers by less than 1 % weaker
than at its own scale, and the parabola through three of them finds its size."""

LARGEST_SIGMA = 30.0
"""Where none is given; allowed in smaller images, too, where the image's longest side is the limit else."""

DEFAULT_SHARE = 0.1
"""Of the image's range, the contrast that a blob must have where no threshold is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Blobs:
    """Blobs, the strongest first.

    Attributes
    ----------
    centres
        Where they are, in cells along each dimension: (blobs, dimensions), between cells too.
    radii
        In the unit of ``spacing``; in cells without one.
    strengths
        The contrast, in the image's own numbers, of an even disc or ball that would answer as strongly.
    """

    centres: Array
    radii: Array
    strengths: Array

    def __len__(self) -> int:
        """Return how many blobs there are."""
        return len(self.radii)

    @property
    def sigmas(self) -> Array:
        """Scale at which each blob answers most: its radius by √dimensions."""
        return np.asarray(self.radii / math.sqrt(self.centres.shape[1]))

    def chosen(self, which: Array) -> "Blobs":
        """Return some of the blobs, by indices or by a mask."""
        return Blobs(self.centres[which], self.radii[which], self.strengths[which])

    def overlay(self, image: ArrayLike, spacing: float | Sequence[float] = 1.0) -> Array:
        """Return the image with a circle around each blob: (rows, columns, 3), uint8.

        ``image`` is grey (H, W), of bytes with three colours (H, W, 3), or a volume (D, H, W), which is seen
        through along its first dimension; small images are enlarged. ``spacing`` as in `blobs`.
        """
        on = canvas(as_array(image, "image"))
        steps = np.asarray(per_axis(spacing, self.centres.shape[1], "spacing"))
        return on.drawn(list(circles(on, self.centres[:, -2:], self.radii[:, None] / steps[-2:])))


def blobs(
    image: ArrayLike,
    min_sigma: float = 1.0,
    max_sigma: float = LARGEST_SIGMA,
    *,
    num_sigma: int | None = None,
    threshold: float | None = None,
    overlap: float = 0.5,
    polarity: Polarity = "bright",
    spacing: float | Sequence[float] = 1.0,
    exclude_border: bool = False,
) -> Blobs:
    """Find blobs: places and sizes at which the Laplacian of a Gaussian answers most.

    Parameters
    ----------
    image
        Shape (H, W) or (D, H, W), any real dtype.
    min_sigma, max_sigma
        Smallest and largest scale, in the unit of ``spacing``. An even disc of radius r answers most at
        sigma = r / √2, a ball at r / √3.
    num_sigma
        Scales between them, both included, in equal ratios; as many as keep ratios within 1.2 if None.
    threshold
        Contrast that a blob must have, in the image's own numbers: an even disc of this contrast passes.
        A tenth of the image's range if None.
    overlap
        Of two blobs that share more than this part of the smaller one's area, the stronger is kept.
    polarity
        "bright": brighter than what surrounds them. "dark": darker.
    spacing
        Size of a cell, one number or one per dimension, such as (2.0, 0.5, 0.5) µm.
    exclude_border
        Whether to leave out blobs that reach beyond the image.

    Returns
    -------
    Blobs
        The strongest first. Centres and radii are refined between cells and scales by parabolas.

    Raises
    ------
    ShapeError
        If the image has not 2 or 3 dimensions, or the spacing another number of them.
    ArgumentError
        If scales, threshold or overlap make no sense.

    Notes
    -----
    Outside the image lies its mirror image. Nothing is found where the filter meets a NaN or infinity, that
    is within 4 sigma of one. Memory: about six images, however many scales.

    Source: Lindeberg, Feature Detection with Automatic Scale Selection (1998).

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:64, :64]
    >>> disc = 50.0 * ((y - 30) ** 2 + (x - 21) ** 2 < 8**2)
    >>> found = blobs(disc, 2, 10)
    >>> found.centres.round(1), found.radii.round(), found.strengths.round()
    (array([[30., 21.]]), array([8.]), array([50.]))
    """
    values = prepared(image, polarity)
    steps = per_axis(spacing, values.ndim, "spacing")
    sigmas = scales(min_sigma, max_sigma, num_sigma)
    widest = max(LARGEST_SIGMA, *(size * step for size, step in zip(values.shape, steps, strict=True)))
    if sigmas[-1] > widest:
        raise ArgumentError(
            f"max_sigma must not exceed the image, whose longest side is {widest:g}; got {sigmas[-1]:g}: "
            "nothing wider can be seen in it"
        )
    limit = real_number(overlap, "overlap")
    if not 0 <= limit <= 1:
        raise ArgumentError(f"overlap must be a share from 0 to 1, got {overlap!r}; try 0.5")
    floor = _floor(values, threshold) * disc_answer(values.ndim)
    parts = [_at_scale(window, floor, sigmas) for window in _windows(values, sigmas, steps)]
    centres, found_sigmas, answers = (np.concatenate(each) for each in zip(*parts, strict=True))
    found = Blobs(centres, found_sigmas * math.sqrt(values.ndim), answers / disc_answer(values.ndim))
    best = found.chosen(_without_overlaps(found, steps, limit))
    return best.chosen(_inside(best, values.shape, steps)) if flag(exclude_border, "exclude_border") else best


def scales(smallest: Any, largest: Any, number: int | None) -> Array:
    """Return scales in equal ratios.

    >>> scales(1, 4, 3).tolist(), len(scales(1, 4, None))
    ([1.0, 2.0, 4.0], 9)
    """
    low, high = positive(smallest, "min_sigma"), positive(largest, "max_sigma")
    if low > high:
        raise ArgumentError(f"min_sigma must not exceed max_sigma, got {low:g} and {high:g}; swap them")
    if number is None:
        count = math.ceil(math.log(high / low) / math.log(LARGEST_STEP)) + 1
    else:
        count = whole_number(number, "num_sigma", 1)
    return np.geomspace(low, high, count)


def disc_answer(ndim: int) -> float:
    """Return the strongest scale-normalised answer to an even disc (2-D) or ball (3-D) of contrast 1.

    The flux of the Gaussian's gradient through the surface at radius sigma·√n.

    >>> round(disc_answer(2), 4), round(disc_answer(3), 4)
    (0.7358, 0.9251)
    """
    half = ndim / 2
    return float(2 * half**half * math.exp(-half) / math.gamma(half))


def _floor(values: Array, threshold: Any) -> float:
    if threshold is not None:
        number = real_number(threshold, "threshold")
        if not (math.isfinite(number) and number >= 0):
            raise ArgumentError(f"threshold must be a contrast of at least 0, got {threshold!r}")
        return float(number)
    finite = values[np.isfinite(values)]
    return DEFAULT_SHARE * float(np.ptp(finite)) if finite.size else 0.0


class Layer(NamedTuple):
    """Answers at one scale, and the largest around each."""

    answers: Array
    around: Array


class Window(NamedTuple):
    """Answers at one scale, and at its neighbours where there are any."""

    scale: int
    before: Layer | None
    here: Layer
    after: Layer | None


def _windows(values: Array, sigmas: Array, steps: tuple[float, ...]) -> Iterator[Window]:
    """Yield each scale with its neighbours; three at a time are kept in memory."""
    layers: Iterator[Layer | None] = (_layer(values, sigma, steps) for sigma in sigmas)
    before: Layer | None = None
    here = next(layers)
    for index, after in enumerate(itertools.chain(layers, (None,))):
        assert here is not None  # only what comes after the last scale is None
        yield Window(index, before, here, after)
        before, here = here, after


def _layer(values: Array, sigma: float, steps: tuple[float, ...]) -> Layer:
    answers = laplacian(values, [float(sigma) / step for step in steps])
    np.negative(answers, out=answers)
    return Layer(answers, largest_around(answers))


def _at_scale(window: Window, floor: float, sigmas: Array) -> tuple[Array, Array, Array]:
    """Return centres, sigmas and answers of the maxima in space and scale whose scale this is."""
    answers = window.here.answers
    places = peaks(answers, window.here.around, floor)
    for other in (window.before, window.after):
        if other is not None:
            index = tuple(places.T)
            places = places[answers[index] >= other.around[index]]
    centres, gains = refined(answers, places)
    heights = answers[tuple(places.T)] + gains
    found = np.full(len(places), sigmas[window.scale])
    if window.before is not None and window.after is not None:
        three = (one.answers[tuple(places.T)].astype(np.float64) for one in window[1:] if one is not None)
        step, gain = between(*three)
        found = found * (sigmas[1] / sigmas[0]) ** step
        heights = heights + gain
    return centres, found, heights


def _without_overlaps(found: Blobs, steps: tuple[float, ...], limit: float) -> Array:
    """Return the indices of the blobs that are kept, the strongest first."""
    places = scaled(found.centres, steps)

    def overlaps(first: Array, second: Array) -> Array:
        distances = np.sqrt(((places[first] - places[second]) ** 2).sum(axis=1))
        return ball_overlap(distances, found.radii[first], found.radii[second], places.shape[1])

    order = np.argsort(-found.strengths, kind="stable")
    return kept(order, places, found.radii[:, None], overlaps, limit)


def _inside(found: Blobs, shape: tuple[int, ...], steps: tuple[float, ...]) -> Array:
    """Tell which blobs lie inside the image; its outermost cells reach half a cell beyond their middles."""
    places = scaled(found.centres + 0.5, steps)
    ends = scaled(np.asarray(shape), steps)
    reach = found.radii[:, None]
    return np.asarray(((places >= reach) & (ends - places >= reach)).all(axis=1))
