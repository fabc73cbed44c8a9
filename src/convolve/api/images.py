"""`apply`: one filter over every channel of an image, video frame or volume."""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convolve.api.dispatch import OPTIONS, forward
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.arguments import like
from convolve.dtypes import Array, DType, check_conversion, float_dtype, kind_of, parse_dtype
from convolve.errors import ArgumentTypeError, ShapeError
from convolve.exact import Sums
from convolve.filters import Filter, get
from convolve.filters.weights import Combine
from convolve.spec import Accuracy, Algorithm, NanRule, Overflow
from convolve.views import as_array, check_out, native


def apply(
    image: ArrayLike,
    kernel: ArrayLike | str | Filter,
    *,
    stride: Size = 1,
    padding: PaddingArgument = "same",
    padding_mode: PaddingMode = "reflect",
    dilation: Size = 1,
    channel_axis: int | None = None,
    flip: bool = False,
    out: Array | None = None,
    out_dtype: Any = None,
    overflow: Overflow = "saturate",
    nan: NanRule = "propagate",
    accuracy: Accuracy = "default",
    algorithm: Algorithm = "auto",
) -> Array:
    """Apply one filter to an image: to its only channel, or to every channel by itself.

    Parameters
    ----------
    image
        Any array with the kernel's number of dimensions, and one more when ``channel_axis`` is given.
    kernel
        An array; or a name such as "sobel-x" or "gaussian:1.5" (`convolve.filters.names`), two-dimensional;
        or what `convolve.filters.get` returns. Filters of several weights, such as "sobel", give the
        combined response.
    stride, padding, padding_mode, dilation, flip
        As in `conv2d`; by default the result has the image's size, and the border mirrors the image.
    channel_axis
        Which dimension holds the channels, -1 for an RGB photograph; None if there is none.
    out, out_dtype, overflow, nan, accuracy, algorithm
        As in `conv2d`; results that do not fit an integer ``out_dtype`` are set to its nearest end.

    Returns
    -------
    numpy.ndarray
        Laid out like the image. Without ``out_dtype`` signs are kept: 8- and 16-bit integers give int32
        (float32 with a filter of floats), so that the edges of a uint8 image lose nothing.

    Raises
    ------
    ShapeError
        If image and kernel do not have the dimensions told above.
    FilterError
        If there is no filter of that name.

    Examples
    --------
    >>> import numpy as np
    >>> edge = np.array([[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]], dtype=np.uint8)
    >>> apply(edge, "sobel-x")
    array([[ 0, 36, 36,  0],
           [ 0, 36, 36,  0],
           [ 0, 36, 36,  0]], dtype=int32)
    """
    array = as_array(image, "image")
    options = {
        "stride": stride,
        "padding": padding,
        "padding_mode": padding_mode,
        "dilation": dilation,
        "flip": flip,
        "overflow": overflow,
        "nan": nan,
        "accuracy": accuracy,
        "algorithm": algorithm,
    }
    weights, combine = weights_for(array, kernel)
    if combine is None:
        return _apply_one(array, weights[0], channel_axis, out, out_dtype, options)
    responses = (_apply_one(array, weight, channel_axis, None, None, options) for weight in weights)
    result = combined(responses, combine, native(array))
    return delivered(result, out, out_dtype, overflow)


def weights_for(image: Array, kernel: ArrayLike | str | Filter) -> tuple[list[Array], Combine | None]:
    """Return the weights that are laid on an image, and how several responses become one."""
    found = get(kernel) if isinstance(kernel, str) else kernel
    if isinstance(found, Filter):
        return [_in_kind_of(image, weight) for weight in found.weights], found.combine
    return [like(found, as_array(found, "kernel"), native(image))], None


def _in_kind_of(image: Array, weight: Array) -> Array:
    """Return a named filter's weights as floats of the image's own precision where floats are needed."""
    dtype = native(image)
    if kind_of(dtype) == "integer" and kind_of(native(weight)) == "integer":
        return weight
    return weight.astype(np.empty(0, float_dtype(dtype)).real.dtype)


def _apply_one(
    image: Array, weight: Array, channel_axis: int | None, out: Any, out_dtype: Any, options: dict[str, Any]
) -> Array:
    """Apply one array of weights."""
    view, each, options, axis = arranged(image, weight, channel_axis, options)
    if axis == 0:
        return _convolved(weight.ndim, view, each, out, out_dtype, options)
    if isinstance(out, np.ndarray) and out.ndim == image.ndim:
        _convolved(weight.ndim, view, each, np.moveaxis(out, axis, 0), out_dtype, options)
        return out
    return np.moveaxis(_convolved(weight.ndim, view, each, out, out_dtype, options), 0, axis)


def arranged(
    image: Array, weight: Array, channel_axis: int | None, options: dict[str, Any]
) -> tuple[Array, Array, dict[str, Any], int]:
    """Return the image, one weight for each channel and the options as a convolution takes them.

    The last number is the dimension of the image that the view has in front; 0 if none was moved.
    """
    _check_rank(image, weight, channel_axis)
    if channel_axis is None:
        return image, weight, options, 0
    axis = channel_axis % image.ndim
    channels = image.shape[axis]
    each = np.broadcast_to(weight, (channels, min(1, channels), *weight.shape))
    options = {**options, "groups": max(1, channels)}
    if axis == image.ndim - 1:
        return image, each, {**options, "layout": "channels_last"}, 0
    return np.moveaxis(image, axis, 0), each, options, axis


def _convolved(
    dims: int, image: Array, weight: Array, out: Any, out_dtype: Any, options: dict[str, Any]
) -> Array:
    """Return a convolution as the functions for convolutions compute it, also by a recipe of theirs."""
    named = {"groups": 1, "layout": "channels_first", **options}
    return forward(dims, image, weight, None, tuple(named[name] for name in OPTIONS), out, out_dtype)


def _check_rank(image: Array, weight: Array, channel_axis: int | None) -> None:
    """Check that the image has the kernel's dimensions, and one more for the channels."""
    if not 1 <= weight.ndim <= 3:
        raise ShapeError(
            f"kernel must have 1, 2 or 3 dimensions, got {weight.ndim}: {weight.shape}; give one filter, "
            "without dimensions for channels"
        )
    if channel_axis is None:
        if image.ndim != weight.ndim:
            hint = (
                f": pass channel_axis=-1? Or a filter of {image.ndim} dimensions, such as "
                f"filters.get('gaussian:1', ndim={image.ndim})"
                if image.ndim == weight.ndim + 1
                else "; give a kernel with as many dimensions as the image"
            )
            raise ShapeError(
                f"image and kernel must have the same number of dimensions; the image has {image.ndim}: "
                f"{image.shape}, the kernel {weight.ndim}: {weight.shape}{hint}"
            )
        return
    if isinstance(channel_axis, bool) or not isinstance(channel_axis, int | np.integer):
        raise ArgumentTypeError(
            f"channel_axis must be a whole number or None, got {channel_axis!r}; -1 is the last dimension"
        )
    if image.ndim != weight.ndim + 1:
        raise ShapeError(
            f"with channel_axis={channel_axis} the image must have one dimension more than the kernel's "
            f"{weight.ndim}; it has {image.ndim}: {image.shape}; drop channel_axis or give another kernel"
        )
    if not -image.ndim <= channel_axis < image.ndim:
        raise ShapeError(
            f"channel_axis must lie between {-image.ndim} and {image.ndim - 1} for an image of shape "
            f"{image.shape}, got {channel_axis}; -1 is the last one"
        )


def combined(responses: Iterable[Array], combine: Combine, dtype: DType) -> Array:
    """Return several responses as one: their magnitude, √(a² + b² + …), or their maximum.

    ``dtype`` is that of the image.
    """
    if combine == "magnitude":
        return _magnitude(responses).astype(np.empty(0, float_dtype(dtype)).real.dtype)
    return functools.reduce(np.maximum, responses)


def _magnitude(responses: Iterable[Array]) -> Array:
    """Return √(a² + b² + …) in float64, holding one response at a time."""
    total: Array | float = 0.0
    for response in responses:
        squares = np.abs(response).astype(np.float64)
        squares *= squares
        squares += total
        total = squares
    return np.sqrt(total)


def delivered(result: Array, out: Any, out_dtype: Any, overflow: Overflow) -> Array:
    """Return a computed result in the dtype and the array that the caller asked for."""
    wanted: DType = result.dtype if out_dtype is None else parse_dtype(out_dtype, "out_dtype")
    check_conversion(result.dtype, wanted)
    final = Sums(result.dtype, wanted, overflow, True).finish(result)
    if out is None:
        return final
    checked = check_out(out, final.shape, wanted)
    checked[...] = final
    return checked
