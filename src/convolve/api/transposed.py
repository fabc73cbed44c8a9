"""Transposed convolutions: every value is sent back through the filter (the adjoint of the forward one)."""

from typing import Any

from numpy.typing import ArrayLike

from convolve.api.dispatch import transposed
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.dtypes import Array
from convolve.spec import Accuracy, Algorithm, Layout, NanRule, Overflow


def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
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
    """Send every value of a feature map back through a filter, as the adjoint of `conv2d` does.

    Each input value, times the filter, is added onto the result at ``stride`` times its place. This is the
    gradient of `conv2d` with respect to its input, and the "deconvolution" of upsampling networks. The
    filter is laid as `conv2d` reads it, so that ⟨conv2d(x, w), y⟩ = ⟨x, conv_transpose2d(y, w)⟩.

    Parameters
    ----------
    input
        Shape (N, K, H, W) or (K, H, W), or (H, W) with a bare filter; channels last with ``layout``.
    weight
        Shape (K, C / groups, filter height, filter width), as in PyTorch: the forward convolution's weight.
    bias
        Shape (C,).
    stride, dilation, groups, padding
        Those of the forward convolution. "same" gives size × stride.
    output_padding
        Cells added to the size after, where several sizes would have given the same forward output.
    padding_mode
        That of the forward convolution: what lands in the border is added onto the cells that the border
        repeats. With "zeros" or a number it is dropped.
    layout, flip, out, out_dtype, overflow, nan, accuracy, algorithm
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray
        Shape (N, C, (H - 1) * stride - before - after + dilation * (filter - 1) + 1 + output_padding, ...).

    Raises
    ------
    ShapeError, ArgumentError, DTypeError, IntegerOverflowError
        As `conv2d`.

    Notes
    -----
    The argument order is that of ``torch.nn.functional.conv_transpose2d``.

    Examples
    --------
    >>> conv_transpose2d([[1, 2]], [[1, 1], [1, 1]], stride=2).tolist()
    [[1, 1, 2, 2], [1, 1, 2, 2]]
    """
    options = (stride, padding, output_padding, groups, dilation, padding_mode, layout, flip, overflow, nan,
               accuracy, algorithm)  # fmt: skip
    return transposed(2, input, weight, bias, options, out, out_dtype)


def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
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
    """Send every value back through a filter: `conv_transpose2d` with one spatial dimension.

    Examples
    --------
    >>> conv_transpose1d([1, 2], [1, 10], stride=2)
    array([ 1, 10,  2, 20])
    """
    options = (stride, padding, output_padding, groups, dilation, padding_mode, layout, flip, overflow, nan,
               accuracy, algorithm)  # fmt: skip
    return transposed(1, input, weight, bias, options, out, out_dtype)


def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
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
    """Send every value back through a filter: `conv_transpose2d` with three spatial dimensions.

    Examples
    --------
    >>> conv_transpose3d([[[3]]], [[[1, 2], [3, 4]]]).tolist()
    [[[3, 6], [9, 12]]]
    """
    options = (stride, padding, output_padding, groups, dilation, padding_mode, layout, flip, overflow, nan,
               accuracy, algorithm)  # fmt: skip
    return transposed(3, input, weight, bias, options, out, out_dtype)
