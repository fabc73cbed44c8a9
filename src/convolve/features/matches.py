"""Where a template is found: peaks of its normalised cross-correlation, at one size or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.dtypes import Array, kind_of
from convolve.errors import ArgumentError, ShapeError
from convolve.exact import integer_range, saturated
from convolve.features.drawing import boxes, canvas
from convolve.features.overlap import box_overlap, kept
from convolve.features.peaks import largest_around, peaks
from convolve.features.scale_space import positive
from convolve.features.templates import match_template
from convolve.options import real_number, whole_number
from convolve.views import as_array, native


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Places where a template was found, the best first.

    Attributes
    ----------
    corners
        The first cell of each along each dimension: (matches, dimensions).
    sizes
        How many cells each takes: (matches, dimensions).
    scores
        The normalised cross-correlation there, up to 1.
    """

    corners: Array
    sizes: Array
    scores: Array

    def __len__(self) -> int:
        """Return how many matches there are."""
        return len(self.scores)

    @property
    def centres(self) -> Array:
        """The middle of each match, in cells; half cells where a size is even."""
        return np.asarray(self.corners + (self.sizes - 1) / 2)

    def chosen(self, which: Array) -> "Matches":
        """Return some of the matches, by indices or by a mask."""
        return Matches(self.corners[which], self.sizes[which], self.scores[which])

    def overlay(self, image: ArrayLike) -> Array:
        """Return the image with a box around each match and its score: (rows, columns, 3), uint8.

        ``image`` is grey (H, W), of bytes with three colours (H, W, 3), or a volume (D, H, W), which is seen
        through along its first dimension; small images are enlarged.
        """
        on = canvas(as_array(image, "image"))
        labels = [f"{score:.2f}" for score in self.scores]
        return on.drawn(list(boxes(on, self.corners[:, -2:], self.sizes[:, -2:], labels)))


def find_template(
    image: ArrayLike,
    template: ArrayLike,
    *,
    threshold: float = 0.8,
    overlap: float = 0.3,
    scales: Sequence[float] = (1.0,),
    max_matches: int | None = None,
    mask: ArrayLike | None = None,
    channel_axis: int | None = None,
) -> Matches:
    """Find the places that look like a template.

    Parameters
    ----------
    image, template, mask, channel_axis
        As in `match_template`.
    threshold
        Normalised cross-correlation that a match must reach, from -1 to 1.
    overlap
        Of two matches that share more than this part of the smaller one, the better is kept.
    scales
        Sizes of the template that are tried, 1 being its own; for images, not volumes. Sizes at which it does
        not fit into the image are left out.
    max_matches
        How many are returned at most; all if None.

    Returns
    -------
    Matches
        The best first.

    Raises
    ------
    ShapeError
        If image, template and mask do not fit together.
    ArgumentError
        If a number makes no sense, or the template has a single value.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((20, 20), np.uint8)
    >>> cross = np.array([[0, 9, 0], [9, 9, 9], [0, 9, 0]], np.uint8)
    >>> image[4:7, 3:6] = image[10:13, 12:15] = cross
    >>> find_template(image, cross).corners
    array([[ 4,  3],
           [10, 12]])
    """
    whole, pattern = as_array(image, "image"), as_array(template, "template")
    floor = real_number(threshold, "threshold")
    limit = real_number(overlap, "overlap")
    if not (-1 <= floor <= 1 and 0 <= limit <= 1):
        raise ArgumentError(
            f"threshold must lie between -1 and 1 and overlap between 0 and 1; got {threshold} and {overlap}"
        )
    most = None if max_matches is None else whole_number(max_matches, "max_matches", 1)
    weights = None if mask is None else as_array(mask, "mask")
    parts = [
        _at_scale(whole, one, part, floor, channel_axis)
        for one, part in _templates(whole, pattern, weights, scales, channel_axis)
    ]
    every = Matches(*(np.concatenate([getattr(one, name) for one in parts]) for name in Matches.__slots__))
    return every.chosen(_without_overlaps(every, limit)[:most])


def _templates(
    image: Array, template: Array, mask: Array | None, scales: Any, channel_axis: int | None
) -> list[tuple[Array, Array | None]]:
    """Return the template and its mask at each size at which it fits into the image."""
    factors = [positive(one, "scales") for one in np.atleast_1d(np.asarray(scales, dtype=object))]
    if not factors:
        raise ArgumentError("scales must hold at least one size, such as (1.0,)")
    if factors == [1.0] or template.ndim != image.ndim:
        return [(template, mask)]
    if template.ndim - (channel_axis is not None) != 2:
        raise ShapeError(f"scales are for images, but this is a volume: {template.shape}; leave scales out")
    axis = None if channel_axis is None else channel_axis % template.ndim
    size = [n for d, n in enumerate(image.shape) if d != axis]
    cells = [n for d, n in enumerate(template.shape) if d != axis]
    found = []
    for factor in factors:
        wanted = tuple(max(1, round(n * factor)) for n in cells)
        if all(one <= n for one, n in zip(wanted, size, strict=True)):
            part = None if mask is None else _resized(mask, wanted, None, smooth=False)
            found.append((_resized(template, wanted, axis, smooth=True), part))
    if not found:
        raise ShapeError(
            f"the template must fit into the image at one of its sizes: it has {'×'.join(map(str, cells))} "
            f"cells, the image {'×'.join(map(str, size))}, scales are {factors}; add a smaller one"
        )
    return found


def _resized(array: Array, size: tuple[int, ...], axis: int | None, *, smooth: bool) -> Array:
    """Return an image of another size, in its own dtype: by cubic interpolation, or each cell the nearest."""
    from PIL import Image  # slow to load, and needed for several sizes alone

    planes = array[None] if axis is None else np.moveaxis(array, axis, 0)
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    made = [
        np.asarray(Image.fromarray(one.astype(np.float32)).resize((size[1], size[0]), how)) for one in planes
    ]
    result = made[0] if axis is None else np.moveaxis(np.stack(made), 0, axis)
    dtype = native(array)
    if kind_of(dtype) != "integer":
        return result
    return saturated(np.rint(result.astype(np.float64)), *integer_range(dtype), dtype)


def _at_scale(
    image: Array, template: Array, mask: Array | None, floor: float, channel_axis: int | None
) -> Matches:
    """Return the peaks for one size of the template, overlapping ones too."""
    scores = match_template(image, template, mask=mask, channel_axis=channel_axis)
    corners = peaks(scores, largest_around(scores), float(np.nextafter(floor, -2)))
    axis = None if channel_axis is None else channel_axis % template.ndim
    cells = [n for d, n in enumerate(template.shape) if d != axis]
    return Matches(corners, np.tile(cells, (len(corners), 1)), scores[tuple(corners.T)])


def _without_overlaps(found: Matches, limit: float) -> Array:
    """Return the indices of the matches that are kept, the best first."""

    def overlaps(first: Array, second: Array) -> Array:
        one, other = found.chosen(first), found.chosen(second)
        return box_overlap(one.corners, one.sizes, other.corners, other.sizes)

    order = np.argsort(-found.scores, kind="stable")
    return kept(order, found.centres, found.sizes / 2, overlaps, limit)
