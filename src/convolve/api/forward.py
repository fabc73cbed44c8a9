"""Forward convolutions: a filter slides over sequences, images or volumes."""

from typing import Any

from numpy.typing import ArrayLike

from convolve.api.dispatch import forward
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.dtypes import Array
from convolve.spec import Accuracy, Algorithm, Layout, NanRule, Overflow


def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout = "channels_first",
    flip: bool = False,
    out: Array | None = None,
    out_dtype: Any = None,
    overflow: Overflow = "raise",
    nan: NanRule = "propagate",
    accuracy: Accuracy = "default",
    algorithm: Algorithm = "auto",
) -> Array:
    """Slide a filter over a batch of images: multiply element by element, sum, collect the feature map.

    The filter is not flipped (cross-correlation), as in the lesson and in deep learning; ``flip=True`` is
    the mathematician's convolution.

    Parameters
    ----------
    input
        Shape (N, C, H, W) or (C, H, W); with ``layout="channels_last"`` (N, H, W, C) or (H, W, C). With a
        weight that has nothing but its spatial dimensions: (H, W).
    weight
        Shape (K, C / groups, filter height, filter width), whatever the layout; or bare, with nothing but
        its spatial dimensions: (filter height, filter width).
    bias
        Shape (K,), added to every output of its channel.
    stride, dilation
        A number, or one per spatial dimension: cells from one output to the next, and from one tap to
        the next.
    padding
        Cells laid around the image: a number, one per dimension, a (before, after) pair per dimension, or
        "valid", "same" (ceil(size / stride) outputs, the odd cell after), "same_lower" (before), "full", and
        in one dimension "causal".
    groups
        Into how many groups the channels are split that do not see each other.
    padding_mode
        What the padding holds: "zeros", a number, "reflect" (edge not repeated), "symmetric" (edge repeated),
        "replicate" or "circular", of any width.
    layout
        "channels_first" or "channels_last", for the input and the result.
    flip
        Turn the filter by 180 degrees first.
    out
        Array of the result's shape and dtype to write into; it may overlap the input.
    out_dtype
        dtype of the result; rounding (half to even) and ``overflow`` apply when it is an integer.
    overflow
        When an exact integer result does not fit: "raise", "wrap" or "saturate".
    nan
        "propagate": a NaN touches exactly the outputs whose window holds it. "ignore": it is left out and
        the rest scaled up, Σ_valid(w·x) · Σ|w| / Σ_valid|w|; a window without a valid value gives NaN.
    accuracy
        "default", whose relative L2 error is at most 1e-5 in float32, or "strict" for the direct sum alone.
    algorithm
        "auto", or "reference" for the NumPy reference.

    Returns
    -------
    numpy.ndarray
        Shape (N, K, floor((H + before + after - dilation * (filter - 1) - 1) / stride) + 1, ...), laid out
        like the input. Floats keep their dtype; bool, 8- and 16-bit integers give int32, wider ones int64.

    Raises
    ------
    ShapeError
        If the sizes do not fit together, or an output size would be below 1.
    IntegerOverflowError
        If an exact integer result does not fit its dtype and ``overflow`` is "raise".
    ArgumentError, DTypeError
        If an option makes no sense, or an array cannot be convolved.

    Notes
    -----
    The argument order is that of ``torch.nn.functional.conv2d``; the meaning of the options beyond it is
    told in the package's README. Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
    (2016), derives the sizes.

    Examples
    --------
    >>> import numpy as np
    >>> rows = [1, 2, 3, 0, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [2, 1, 0, 1, 2], [0, 1, 2, 3, 1]
    >>> image = np.array(rows)
    >>> conv2d(image, np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]))
    array([[-4,  2,  4],
           [ 0,  0,  0],
           [ 0,  0,  0]])
    """
    options = (
        stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy, algorithm
    )  # fmt: skip
    return forward(2, input, weight, bias, options, out, out_dtype)


def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout = "channels_first",
    flip: bool = False,
    out: Array | None = None,
    out_dtype: Any = None,
    overflow: Overflow = "raise",
    nan: NanRule = "propagate",
    accuracy: Accuracy = "default",
    algorithm: Algorithm = "auto",
) -> Array:
    """Slide a filter over a batch of sequences: `conv2d` with one spatial dimension.

    Parameters, results and errors are those of `conv2d`; the input has shape (N, C, L), the weight
    (K, C / groups, taps), and both may be bare signals.

    Examples
    --------
    >>> conv1d([1, 2, 4, 8], [1, -1])
    array([-1, -2, -4])
    """
    options = (
        stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy, algorithm
    )  # fmt: skip
    return forward(1, input, weight, bias, options, out, out_dtype)


def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    layout: Layout = "channels_first",
    flip: bool = False,
    out: Array | None = None,
    out_dtype: Any = None,
    overflow: Overflow = "raise",
    nan: NanRule = "propagate",
    accuracy: Accuracy = "default",
    algorithm: Algorithm = "auto",
) -> Array:
    """Slide a filter over a batch of volumes: `conv2d` with three spatial dimensions.

    Parameters, results and errors are those of `conv2d`; the input has shape (N, C, D, H, W), the weight
    (K, C / groups, depth, height, width), and both may be bare volumes.

    Examples
    --------
    >>> import numpy as np
    >>> conv3d(np.ones((3, 3, 3), dtype=np.uint8), np.ones((2, 2, 2), dtype=np.uint8)).tolist()
    [[[8, 8], [8, 8]], [[8, 8], [8, 8]]]
    """
    options = (
        stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy, algorithm
    )  # fmt: skip
    return forward(3, input, weight, bias, options, out, out_dtype)
