"""Normalised cross-correlation: how alike each window of an image and a template are, from -1 to 1.

Means, lengths and products of all windows are convolutions: with the mask (ones without one) of the image and
of its square, and with the template. Sums of bytes are exact integers; others are taken in float64 after the
image's mean is taken away, so that a large offset costs no precision.
"""

import math
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from convolve.api.forward import conv2d, conv3d
from convolve.api.types import PaddingArgument, PaddingMode
from convolve.dtypes import Array, kind_of
from convolve.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from convolve.views import as_array, native

BYTES = ("bool", "int8", "uint8")
"""Dtypes whose sums are taken as exact integers."""

EXACT = float(2**53)
"""Below this every whole number is a float64."""

ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""Share of a window's sum of squares, per cell of it, below which its variance is rounding: each of the two
sums that are subtracted carries at most one rounding per cell, and a product doubles it."""


def match_template(
    image: ArrayLike,
    template: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    channel_axis: int | None = None,
    padding: PaddingArgument = "valid",
    padding_mode: PaddingMode = "reflect",
) -> Array:
    """Return how alike a template and each window of an image are: their normalised cross-correlation.

    Parameters
    ----------
    image
        Shape (H, W) or (D, H, W), and one more dimension with ``channel_axis``; any real dtype.
    template
        As many dimensions as the image, and not larger; the same channels.
    mask
        What counts of the template: 0 or False for cells that do not, larger numbers for more weight. Shaped
        like the template, without its channels.
    channel_axis
        Which dimension holds the channels, -1 for an RGB photograph. Each channel's mean is taken away from
        it, then all are compared together.
    padding, padding_mode
        As in `conv2d`. "valid": result[i, j] is of the window whose corner is image[i, j]. "same": the
        result has the image's size and belongs to the window's middle.

    Returns
    -------
    numpy.ndarray
        float64, from -1 (the negative) over 0 (not related) to 1 (the same but for brightness and contrast).
        A window of a single value gives 0, one that holds NaN or infinity gives NaN.

    Raises
    ------
    ShapeError
        If image, template and mask do not fit together.
    ArgumentError
        If the template has a single value or is not finite, or the mask weighs nothing.

    Notes
    -----
    The same as ``skimage.feature.match_template`` without channels, and as ``cv2.matchTemplate`` with
    ``TM_CCOEFF_NORMED``.

    Source: Lewis, Fast Normalized Cross-Correlation (1995).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 5, 0]])
    >>> match_template(image, [[10, 20], [30, 50]]).round(2).tolist()
    [[0.88, 0.97, 0.1], [0.83, 1.0, -0.19]]
    """
    pair = _with_channels(as_array(image, "image"), as_array(template, "template"), channel_axis)
    _check_finite(pair.template)
    weights = _weights(mask, pair.template.shape[1:])
    options = {"padding": padding, "padding_mode": padding_mode}
    counted = bool((weights % 1 == 0).all())  # each cell once or not at all: whole numbers stay whole
    if counted and {native(pair.image).name, native(pair.template).name} <= set(BYTES):
        sums = _Sums(pair.image, pair.template, True)
    else:
        sums = _centred(pair, weights, counted)
    return _scores(sums, weights, options)


class _Pair(NamedTuple):
    """Image and template with channels first."""

    image: Array
    template: Array


class _Sums(NamedTuple):
    """Image and template in the numbers that sums are taken of, and whether these sums are exact."""

    image: Array
    template: Array
    exact: bool


def _with_channels(image: Array, template: Array, axis: Any) -> _Pair:
    """Return both with their channels first, if they fit together."""
    for name, one in (("image", image), ("template", template)):
        if kind_of(native(one)) == "complex":
            raise DTypeError(f"{name} must be real, got {native(one)}; take its .real or abs()")
    if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int | np.integer)):
        raise ArgumentTypeError(f"channel_axis must be a whole number or None, got {axis!r}; try -1")
    spatial = image.ndim - (axis is not None)
    if spatial not in (2, 3) or template.ndim != image.ndim:
        hint = "" if axis is not None or image.ndim not in (3, 4) else "; pass channel_axis=-1?"
        raise ShapeError(
            f"image and template must both have 2 or 3 dimensions{' and channels' * (axis is not None)}; "
            f"they have the shapes {image.shape} and {template.shape}{hint}"
        )
    if axis is None:
        pair = _Pair(image[None], template[None])
    else:
        if not -image.ndim <= axis < image.ndim:
            raise ShapeError(f"channel_axis must be a dimension of the image {image.shape}, got {axis}")
        pair = _Pair(np.moveaxis(image, axis, 0), np.moveaxis(template, axis, 0))
    _check_fit(pair)
    return pair


def _check_fit(pair: _Pair) -> None:
    channels, *size = pair.image.shape
    of_template, *cells = pair.template.shape
    if channels != of_template:
        raise ShapeError(
            f"image and template must have the same channels; the image has {channels}, the template "
            f"{of_template}"
        )
    if min(cells, default=0) < 1 or any(one > whole for one, whole in zip(cells, size, strict=True)):
        raise ShapeError(
            "the template must fit into the image, but the template is "
            f"{'×'.join(map(str, cells))} and the image {'×'.join(map(str, size))}; swap them, or cut it"
        )


def _check_finite(template: Array) -> None:
    if not np.isfinite(template).all():
        raise ArgumentError(
            "the template must be finite, but it holds NaN or infinity; replace these by 0 and leave them "
            "out with mask=numpy.isfinite(template)"
        )


def _weights(mask: ArrayLike | None, cells: tuple[int, ...]) -> Array:
    """Return how much each cell of the template counts."""
    if mask is None:
        return np.ones(cells)
    weights = as_array(mask, "mask")
    if weights.shape != cells:
        raise ShapeError(
            f"mask must have the template's shape without channels, {cells}; it has {weights.shape}"
        )
    if kind_of(native(weights)) == "complex":
        raise DTypeError(f"mask must be real, got {native(weights)}; take its abs()")
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ArgumentError("mask must hold numbers of at least 0, and at least one above 0")
    return weights / weights.max() if weights.max() > 1 else weights


def _centred(pair: _Pair, weights: Array, counted: bool) -> _Sums:
    """Return both in float64 around zero; whole numbers stay whole."""
    image, template = (one.astype(np.float64) for one in pair)
    finite = np.isfinite(image)
    middle = float(image[finite].mean()) if finite.any() else 0.0
    whole = counted and all(kind_of(native(one)) == "integer" for one in pair)
    image -= np.rint(middle) if whole else middle
    image[~finite] = np.nan
    template -= np.rint(template.mean()) if whole else template.mean()
    largest = [float(np.abs(one[np.isfinite(one)]).max(initial=0)) for one in (image, template)]
    if whole:
        return _Sums(image, template, max(largest) ** 2 * weights.size < EXACT)
    for one, size in zip((image, template), largest, strict=True):
        np.ldexp(one, -math.frexp(size)[1], out=one)  # exact, and no square overflows or vanishes
    return _Sums(image, template, False)


def _scores(sums: _Sums, weights: Array, options: dict[str, Any]) -> Array:
    """Return the coefficients of all windows, summed over channels before they are divided."""
    count = float(weights.sum())
    template = sums.template.astype(np.float64)
    weighted = template * weights
    axes = tuple(range(1, template.ndim))
    of_template = weighted.sum(axes)
    length = float((count * (weighted * template).sum(axes) - of_template**2).sum())
    if length <= ROUNDING * count**2 * float((weighted * template).sum()) * (not sums.exact):
        raise ArgumentError(
            "the template must show something, but all its cells (that the mask leaves) have the same value, "
            "which is found everywhere and nowhere; cut it larger"
        )
    products = _slide(sums.image, _same_kind(weighted, sums), options)
    products *= count
    variance, floor = _variances(sums, weights, products, of_template, options)
    return _divided(products, variance, length, floor)


def _variances(
    sums: _Sums, weights: Array, products: Array, of_template: Array, options: dict[str, Any]
) -> tuple[Array, Array | float]:
    """Return the windows' variances and the size of their rounding; take the means out of the products."""
    count = float(weights.sum())
    cells = _same_kind(weights[None], sums)
    variance: Array | None = None
    floor: Array | float = 0.0
    for channel, total in zip(sums.image, of_template, strict=True):
        mean = _slide(channel[None], cells, options)
        square = _slide(_squared(channel)[None], cells, options)
        square *= count
        if not sums.exact:
            floor = floor + ROUNDING * count * square
        products -= mean * total
        mean *= mean
        square -= mean
        variance = square if variance is None else np.add(variance, square, out=variance)
    assert variance is not None  # there is at least one channel
    return variance, floor


def _same_kind(weights: Array, sums: _Sums) -> Array:
    """Return weights as integers where the image is of integers."""
    if sums.image.dtype.kind == "f":
        return weights
    small = np.int16 if np.abs(weights).max() > 255 or (weights < 0).any() else np.uint8
    return weights.astype(small)


def _squared(channel: Array) -> Array:
    return np.square(channel, dtype=np.float64 if channel.dtype.kind == "f" else np.int32)


def _slide(image: Array, weights: Array, options: dict[str, Any]) -> Array:
    """Return the sums of products of all windows as float64, over all channels."""
    conv = conv2d if weights.ndim == 3 else conv3d
    wide = np.float64 if image.dtype.kind == "f" else np.int64
    sums = conv(image, weights[None], **options, out_dtype=wide)
    return cast(Array, sums[0].astype(np.float64, copy=False))


def _divided(products: Array, variance: Array, length: float, floor: Any) -> Array:
    """Return products over lengths, in their place; 0 for windows without variance, NaN stays."""
    variance[variance <= floor] = np.inf  # and a product divided by it is 0
    variance *= length
    np.sqrt(variance, out=variance)
    np.divide(products, variance, out=products)
    return np.clip(products, -1.0, 1.0, out=products)
