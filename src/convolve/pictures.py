"""One filter on what a picture file holds: colours, alpha, the range of its dtype, frames and volumes.

`convolve.apply` filters an array and keeps signs. A picture file cannot: its dtype has a range, its last
channel may be alpha, and it may be a stack. Everything that follows from that is decided here.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from convolve import filters
from convolve.api.images import apply
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arguments import conv_spec
from convolve.dtypes import Array, DType, kind_of, parse_dtype
from convolve.errors import ArgumentError, ShapeError
from convolve.exact import integer_range, saturated
from convolve.files import Picture
from convolve.filters import Filter, Measured
from convolve.options import choice, paddings, per_dimension

Range = Literal["clip", "abs", "offset", "scale"]
RANGES: tuple[Range, ...] = get_args(Range)
Ends = tuple[float, float]
VOLUME_AXES = "ZT"
"""Which axis a 3-D filter slides along beside Y and X unless told, the first that the picture has."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the values on their way into the picture's dtype.

    Attributes
    ----------
    values
        How many values there are, alpha not counted.
    below, above
        How many of them were below the smallest or above the largest value of the dtype, and were clipped.
    low, high
        These two ends; None for floats, which are never clipped.
    """

    values: int
    below: int = 0
    above: int = 0
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class FilteredPicture:
    """A filtered picture, and the report of what became of its values."""

    picture: Picture
    report: Report


def filter_picture(
    picture: Picture,
    kernel: ArrayLike | str | Filter | Measured,
    *,
    stride: Size = 1,
    padding: PaddingArgument = "same",
    padding_mode: PaddingMode = "reflect",
    flip: bool = False,
    dtype: Any = None,
    range: Range = "clip",
    through: str = VOLUME_AXES,
) -> FilteredPicture:
    """Apply one filter to every channel and every plane of a picture.

    A 2-D filter goes over each plane of a stack by itself; a 1-D one counts as a row of it. A 3-D filter
    slides along Z (along T where there is no Z) as well.

    Alpha says how much a pixel counts: colours are multiplied by it before they are filtered, so that the
    hidden colour of a transparent pixel is not seen, and each result is divided by the share of the filter's
    weight that lay on visible pixels, Σ|w|·alpha / Σ|w|. Alpha itself is kept as it was. A border of a
    constant colour counts as visible.

    Parameters
    ----------
    picture
        As `convolve.files.read` returns it.
    kernel, stride, padding, padding_mode, flip
        As in `convolve.apply`.
    dtype
        Of the result; the picture's own without it.
    range
        What happens to values that an integer dtype does not have, after rounding halves to even. "clip":
        they become its nearest end. "abs": signs are dropped first. "offset": the middle of the dtype (128
        for uint8) is added first, so that it stands for 0. "scale": the smallest value becomes the lowest
        of the dtype and the largest the highest (0 and 1 for floats).
    through
        Axes that a 3-D filter may slide along beside Y and X: it takes the first that the picture has. "TZ"
        goes through time where there are both.

    Returns
    -------
    FilteredPicture
        The picture has the same axes; its spacing grows with the stride.

    Raises
    ------
    ShapeError
        If the picture lacks an axis that the filter slides along.
    ArgumentError
        If the range does not suit the dtype, or NaN would have to become an integer.

    Examples
    --------
    >>> from convolve.files import Picture
    >>> edge = Picture(np.array([[0, 0, 9, 9]] * 3, dtype=np.uint8), "YX")
    >>> filter_picture(edge, "sobel-x").picture.array[0]
    array([ 0, 36, 36,  0], dtype=uint8)
    """
    chosen = cast(Range, choice(range, "range", RANGES))
    found = kernel_for(kernel, picture.axes, picture.spacing, picture.unit, through)
    weights = found.weights if isinstance(found, Filter) else (np.asarray(found),)
    sliding = sliding_axes(picture.axes, weights[0].ndim, through)
    options = {"stride": stride, "padding": padding, "padding_mode": padding_mode, "flip": flip}
    responses, alpha, order = _responses(picture, found, weights, sliding, options)
    target = picture.array.dtype if dtype is None else parse_dtype(dtype, "dtype")
    values, report = to_range(responses, target, chosen)
    if alpha is not None:
        values = np.concatenate([values, _alpha_as(alpha, target)[..., None]], axis=-1)
    array = np.ascontiguousarray(np.transpose(values, np.argsort(order)))
    spacing = _spacing(picture, sliding, per_dimension(stride, len(sliding), "stride", 1))
    metadata = _metadata(picture, array.shape)
    if "affine" in metadata:
        moved = _moved_cells(picture, weights[0], sliding, options)
        if not np.array_equal(moved, np.eye(4)):
            metadata["affine"] = metadata["affine"] @ moved
            metadata["moved"] = metadata.get("moved", np.eye(4)) @ moved
    return FilteredPicture(replace(picture, array=array, spacing=spacing, metadata=metadata), report)


def kernel_for(
    kernel: ArrayLike | str | Filter | Measured,
    axes: str,
    spacing: tuple[float | None, ...] | None,
    unit: str | None,
    through: str = VOLUME_AXES,
) -> ArrayLike | Filter:
    """Return what is laid on a picture of these axes, whose cells have this size."""
    if isinstance(kernel, str):
        kernel = Measured(kernel, 2) if filters.needs_spacing(kernel) else filters.get(kernel)
    if isinstance(kernel, Measured):
        sizes = dict(zip(axes, spacing or (None,) * len(axes), strict=True))
        along = sliding_axes(axes, kernel.ndim, through)
        known = None if None in (sizes[axis] for axis in along) else tuple(sizes[axis] for axis in along)
        kernel = kernel.at(known, unit)
    return as_row(kernel, axes)


def as_row(kernel: ArrayLike | Filter, axes: str) -> ArrayLike | Filter:
    """Return a 1-D filter as a row of a 2-D one, unless the picture is a line itself."""
    if isinstance(kernel, Filter):
        return replace(kernel, weights=tuple(np.asarray(as_row(one, axes)) for one in kernel.weights))
    return np.asarray(kernel)[None] if np.ndim(kernel) == 1 and "Y" in axes else kernel


def sliding_axes(axes: str, dims: int, through: str = VOLUME_AXES) -> str:
    """Return the axes that a filter of so many dimensions slides along.

    >>> sliding_axes("TYXC", 2), sliding_axes("TZYX", 3), sliding_axes("TZYX", 3, "TZ")
    ('YX', 'ZYX', 'TYX')
    """
    along = next((axis for axis in through if axis in axes), "")
    names = f"{along}YX"[-dims:]
    if len(names) != dims or not set(names) <= set(axes):
        raise ShapeError(
            f"the filter's dimensions must be found in the picture: the filter has {dims}, the picture the "
            f"axes {', '.join(axes)}; a 2-D filter fits every picture, a 3-D one needs a stack of planes"
        )
    return names


def _responses(
    picture: Picture,
    kernel: ArrayLike | Filter,
    weights: tuple[Array, ...],
    sliding: str,
    options: dict[str, Any],
) -> tuple[Array, Array | None, list[int]]:
    """Return the filter's responses, the alpha to keep, and the order that their axes are in.

    The axes are brought into the order (planes to loop over, axes to slide along, channels).
    """
    together = picture.alpha or picture.axes.endswith("C")  # else channels are planes like others
    channels = "C" if "C" in picture.axes and together else ""
    looped = "".join(axis for axis in picture.axes if axis not in sliding and axis not in channels)
    order = [picture.axes.index(axis) for axis in looped + sliding + channels]
    frames = np.transpose(picture.array, order)
    coloured = frames[..., :-1] if picture.alpha else frames
    visible = _visible(frames[..., -1]) if picture.alpha else None
    options = {**options, "channel_axis": -1 if channels else None}
    responses, alphas = None, None
    for index in np.ndindex(frames.shape[: len(looped)]):
        if visible is None:
            response = apply(coloured[index], kernel, **options)
        else:
            response = _through_alpha(coloured[index], visible[index], kernel, weights, options)
            kept = _kept(visible[index], weights[0].shape, options)
            alphas = _room(alphas, frames.shape[: len(looped)], kept)
            alphas[index] = kept
        responses = _room(responses, frames.shape[: len(looped)], response)
        responses[index] = response
    if responses is None:
        raise ShapeError(
            f"a picture must have at least one plane, this one has the shape {picture.array.shape}"
        )
    return responses, alphas, order


def _room(room: Array | None, planes: tuple[int, ...], plane: Array) -> Array:
    """Return the room for all planes, made when the first of them is known."""
    return np.empty(planes + plane.shape, plane.dtype) if room is None else room


def _visible(alpha: Array) -> Array:
    """Return alpha as shares of 1."""
    if alpha.dtype.kind == "f":
        return alpha.astype(np.float64)
    return alpha / np.float64(integer_range(alpha.dtype)[1])


def _alpha_as(alpha: Array, dtype: DType) -> Array:
    """Return shares of 1 as alpha of a dtype."""
    if kind_of(dtype) != "integer":
        return alpha.astype(dtype)
    low, high = integer_range(dtype)
    return saturated(np.rint(alpha * np.float64(high)), low, high, dtype)


def _through_alpha(
    colours: Array,
    visible: Array,
    kernel: ArrayLike | Filter,
    weights: tuple[Array, ...],
    options: dict[str, Any],
) -> Array:
    """Return the responses of colours that count by their alpha."""
    if (visible == 1).all():
        return apply(colours, kernel, **options)  # exact for integers, and the same as without alpha
    response = apply(colours * visible[..., None], kernel, **options)
    sizes = sum(np.abs(weight).astype(np.float64) for weight in weights)
    total = np.sum(sizes)
    if total == 0:
        return response
    seen = apply(visible, sizes / total, **_for_alpha(options))[..., None]
    return np.divide(response, seen, out=np.zeros_like(response), where=seen > SMALLEST_SHARE)


SMALLEST_SHARE = 1e-9
"""Below this share of visible weight there is nothing but rounding left, and the response is 0."""


def _kept(visible: Array, taps: tuple[int, ...], options: dict[str, Any]) -> Array:
    """Return the alpha of the pixel that the middle of the filter lies on, for every output."""
    after = options["padding"] == "same_lower"  # the rule that puts an even filter's middle one tap later
    middle = np.zeros(taps)
    middle[tuple(size // 2 if after else (size - 1) // 2 for size in taps)] = 1
    return apply(visible, middle, **{**_for_alpha(options), "flip": False})


def _for_alpha(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options for filtering alpha: a border of a constant colour is visible."""
    mode = options["padding_mode"]
    visible_border = mode == "zeros" or not isinstance(mode, str)
    return {**options, "channel_axis": None, "padding_mode": 1.0 if visible_border else mode}


def to_range(responses: Array, dtype: DType, range: Range, ends: Ends | None = None) -> tuple[Array, Report]:
    """Return responses as values of a dtype, and the report of what was clipped; see `filter_picture`.

    ``ends`` are the smallest and the largest response for "scale", if these are but some of them.

    >>> values, report = to_range(np.array([-20, 0, 300]), np.dtype("uint8"), "clip")
    >>> values.tolist(), report.below, report.above
    ([0, 0, 255], 1, 1)
    """
    if kind_of(dtype) != "integer":
        return _in_float_range(responses, dtype, range, ends), Report(_count(responses))
    if responses.dtype.kind == "c" and range != "abs":
        raise ArgumentError(f"complex values must become real before they are {dtype}; use range='abs'")
    low, high = integer_range(dtype)
    moved = _moved(responses, low, high, dtype, range, ends)
    if moved.dtype.kind == "f":
        if np.isnan(moved).any():
            raise ArgumentError(
                f"a picture of {dtype} cannot hold NaN, but {int(np.isnan(moved).sum())} values are NaN; "
                "choose a float dtype, such as float32"
            )
        moved = np.rint(moved)
    report = Report(_count(moved), int((moved < low).sum()), int((moved > high).sum()), low, high)
    return saturated(moved, low, high, dtype), report


def _count(values: Array) -> int:
    return int(values.size)


def _in_float_range(responses: Array, dtype: DType, range: Range, ends: Ends | None) -> Array:
    if range == "offset":
        raise ArgumentError(
            f"range='offset' needs an integer dtype, which has a middle, but the result is {dtype}, "
            "which keeps signs; use range='clip'"
        )
    if range == "abs":
        responses = np.abs(responses)
    if range == "scale":
        responses = _scaled(responses, 0, 1, ends)
    if responses.dtype.kind == "c" and kind_of(dtype) != "complex":
        raise ArgumentError(f"complex values must become real before they are {dtype}; use range='abs'")
    return responses.astype(dtype)


def _moved(responses: Array, low: int, high: int, dtype: DType, range: Range, ends: Ends | None) -> Array:
    """Return the responses moved as the range says, before rounding and clipping."""
    if range == "abs":
        if responses.dtype.kind == "i":  # the most negative integer has no positive twin
            responses = np.maximum(responses, -np.iinfo(responses.dtype).max)
        return np.abs(responses)
    if range == "offset":
        if dtype.itemsize > 4:
            raise ArgumentError(f"range='offset' needs a dtype of at most 32 bits, got {dtype}; use 'scale'")
        middle = (low + high + 1) // 2
        far = 2**62  # nothing as far out as this is inside a dtype of 32 bits, moved or not
        whole = responses.dtype.kind in "iu"
        return (np.clip(responses.astype(np.int64), -far, far) if whole else responses) + middle
    return _scaled(responses, low, high, ends) if range == "scale" else responses


def finite_ends(responses: Array) -> Ends | None:
    """Return the smallest and the largest finite response, None if there is none.

    >>> finite_ends(np.array([3.0, np.nan, -1.0]))
    (-1.0, 3.0)
    """
    if responses.dtype.kind == "c":
        raise ArgumentError("range='scale' needs real values, but the results are complex; use range='abs'")
    finite = responses[np.isfinite(responses)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def _scaled(responses: Array, low: int, high: int, ends: Ends | None) -> Array:
    """Return the responses stretched so that the smallest finite one is low and the largest high."""
    smallest, largest = ends or finite_ends(responses) or (0.0, 0.0)
    if smallest == largest:
        return np.full(responses.shape, float(low))
    return (responses.astype(np.float64) - smallest) * ((high - low) / (largest - smallest)) + low


def _spacing(picture: Picture, sliding: str, strides: tuple[int, ...]) -> tuple[float | None, ...] | None:
    """Return the distances between pixels, larger where the filter strides over some."""
    if picture.spacing is None:
        return None
    step = dict(zip(sliding, strides, strict=True))
    return tuple(
        None if space is None else space * step.get(axis, 1)
        for axis, space in zip(picture.axes, picture.spacing, strict=True)
    )


def _moved_cells(picture: Picture, weight: Array, sliding: str, options: dict[str, Any]) -> Array:
    """Return which cells results stand on once a filter strode over some, or left some out at the border.

    Result 0 stands in the middle of its window, and one step further is ``stride`` cells further.
    """
    shape = tuple(picture.array.shape[picture.axes.index(axis)] for axis in sliding)
    stand_in = np.broadcast_to(np.zeros((), np.float32), shape)
    spec = conv_spec(
        "conv", weight.ndim, stand_in, np.broadcast_to(np.float32(0), weight.shape), **options
    ).spec
    step, first = np.ones(3), np.zeros(3)
    for axis, line in zip(sliding, spec.axes, strict=True):
        if axis in "XYZ":
            place = "XYZ".index(axis)
            step[place], first[place] = line.stride, line.middle
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = np.diag(step), first
    return moved


def _metadata(picture: Picture, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what goes along into the file; durations of frames only if there are as many as before."""
    kept = dict(picture.metadata)
    place = picture.axes.find("T")
    if place >= 0 and shape[place] != picture.array.shape[place]:
        kept.pop("durations", None)
    return kept


ALONG = {"x": (1, -1), "y": (-1, 1), "z": (-1, 1, 1), "t": (-1, 1, 1)}
"""Axis -> the shape of a filter of one dimension that slides along it; "z" and "t" are through a stack."""

THROUGH = {"x": VOLUME_AXES, "y": VOLUME_AXES, "z": "Z", "t": "TZ"}
"""Axis -> what `filter_picture` takes as ``through`` for such a filter: a stack without T counts as time."""


def along_axis(
    kernel: Filter, axis: str, stride: Size, padding: PaddingArgument
) -> tuple[Filter, tuple[int, ...], PaddingArgument]:
    """Return a filter of one dimension as one that slides along an axis, with its stride and padding.

    Parameters
    ----------
    kernel
        Of one dimension, or a single row.
    axis
        "x", "y", "z", or "t": time, or the planes of a stack without it. What filters then is told `THROUGH`.
    stride, padding
        One number each, a (before, after) pair, or the name of a padding; along the axis.

    Returns
    -------
    Filter, stride, padding
        Of 2 dimensions, or 3 for "z" and "t"; the other dimensions keep their size.

    Raises
    ------
    ShapeError
        If the filter, the stride or the padding has more than one dimension.

    Examples
    --------
    >>> change, stride, padding = along_axis(filters.get("1 0 -1"), "t", 2, "same")
    >>> change.weights[0].shape, stride, padding
    ((3, 1, 1), (2, 1, 1), 'same')
    """
    shape = ALONG[choice(axis, "along", tuple(ALONG))]
    place = shape.index(-1)
    flat = [np.squeeze(one, 0) if one.ndim == 2 and one.shape[0] == 1 else one for one in kernel.weights]
    if any(one.ndim != 1 for one in flat):
        raise ShapeError(
            f"a filter along {axis} must have one dimension, but {kernel.name!r} has "
            f"{kernel.weights[0].ndim}: {kernel.weights[0].shape}; leave --along out, or give one row"
        )
    step = per_dimension(stride, 1, "stride", 1)[0]
    pads = paddings(padding, 1)
    others = len(shape) - 1 - place
    everywhere = (1,) * place + (step,) + (1,) * others
    sides = padding if isinstance(pads, str) else ((0, 0),) * place + pads + ((0, 0),) * others
    return replace(kernel, weights=tuple(one.reshape(shape) for one in flat)), everywhere, sides
