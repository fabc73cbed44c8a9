"""Pooling: the largest cell, or the mean, of every window."""

from typing import Any

from numpy.typing import ArrayLike

from convolve.api.pooled import avg_pool, max_pool
from convolve.api.types import PaddingArgument, Size
from convolve.dtypes import Array
from convolve.spec import Layout


def max_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout = "channels_first",
) -> Any:
    """Return the largest cell of every window that slides over the image.

    Parameters
    ----------
    input
        Shape (N, C, H, W), (C, H, W) or (H, W); channels last with ``layout``.
    kernel_size
        Cells of the window: a number, or one per dimension.
    stride
        Cells from one window to the next; the window's own size if None.
    padding
        As in `conv2d`, names and per-side pairs too; padding never wins.
    dilation
        Cells from one tap to the next.
    ceil_mode
        Whether a last window may hang over the edge, if it starts inside the image or the padding before it.
    return_indices
        Whether to return, too, where each maximum is: its flat index within its image plane (int64).
    layout
        "channels_first" or "channels_last".

    Returns
    -------
    numpy.ndarray, or a tuple of two
        The input's dtype; the first of equal maxima is the one whose index is given, and a NaN in a window
        is its maximum.

    Raises
    ------
    ShapeError
        If a window would hold nothing but padding, or an output size would be below 1.

    Notes
    -----
    The argument order is that of ``torch.nn.functional.max_pool2d``.

    Examples
    --------
    >>> max_pool2d([[1, 2, 5, 0], [3, 4, 1, 1]], 2)
    array([[4, 5]])
    """
    return max_pool(
        2,
        input,
        kernel_size,
        return_indices,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )


def avg_pool2d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Size = 1,
    layout: Layout = "channels_first",
) -> Array:
    """Return the mean of every window that slides over the image.

    Parameters
    ----------
    input, kernel_size, stride, padding, ceil_mode, layout
        As in `max_pool2d`.
    count_include_pad
        Whether padding counts among the cells that the sum is divided by.
    divisor_override
        Number to divide by instead.
    dilation
        Cells from one tap to the next.

    Returns
    -------
    numpy.ndarray
        Floats keep their dtype; integers up to 16 bits give float32, wider ones float64.

    Raises
    ------
    ShapeError
        If a window would hold nothing but padding, or an output size would be below 1.

    Notes
    -----
    The argument order is that of ``torch.nn.functional.avg_pool2d``.

    Examples
    --------
    >>> avg_pool2d([[1.0, 2.0], [3.0, 6.0]], 2)
    array([[3.]])
    """
    mean: Array = avg_pool(
        2,
        input,
        kernel_size,
        count_include_pad,
        divisor_override,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )
    return mean


def max_pool1d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout = "channels_first",
) -> Any:
    """Return the largest cell of every window of a sequence; see `max_pool2d`.

    Examples
    --------
    >>> max_pool1d([3, 1, 4, 1, 5], 2, return_indices=True)
    (array([3, 4]), array([0, 2]))
    """
    return max_pool(
        1,
        input,
        kernel_size,
        return_indices,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )


def avg_pool1d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Size = 1,
    layout: Layout = "channels_first",
) -> Array:
    """Return the mean of every window of a sequence; see `avg_pool2d`.

    Examples
    --------
    >>> avg_pool1d([1.0, 3.0, 5.0, 7.0], 2)
    array([2., 6.])
    """
    mean: Array = avg_pool(
        1,
        input,
        kernel_size,
        count_include_pad,
        divisor_override,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )
    return mean


def max_pool3d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: Layout = "channels_first",
) -> Any:
    """Return the largest cell of every window of a volume; see `max_pool2d`.

    Examples
    --------
    >>> max_pool3d([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 2).tolist()
    [[[8]]]
    """
    return max_pool(
        3,
        input,
        kernel_size,
        return_indices,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )


def avg_pool3d(
    input: ArrayLike,
    kernel_size: Size,
    stride: Size | None = None,
    padding: PaddingArgument = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dilation: Size = 1,
    layout: Layout = "channels_first",
) -> Array:
    """Return the mean of every window of a volume; see `avg_pool2d`.

    Examples
    --------
    >>> avg_pool3d([[[1.0, 2.0], [3.0, 4.0]]], (1, 2, 2)).tolist()
    [[[2.5]]]
    """
    mean: Array = avg_pool(
        3,
        input,
        kernel_size,
        count_include_pad,
        divisor_override,
        stride=stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
        layout=layout,
    )
    return mean
