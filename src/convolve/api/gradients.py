"""Gradients of the forward convolutions, with respect to the input and to the weight."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from convolve.api.dispatch import input_gradient, weight_gradient_of
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.dtypes import Array
from convolve.spec import Accuracy, Algorithm, Layout, NanRule, Overflow


def conv2d_input_grad(
    input_shape: Sequence[int],
    weight: ArrayLike,
    grad_output: ArrayLike,
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
    """Return the gradient of `conv2d` with respect to its input, the exact adjoint for every padding mode.

    Parameters
    ----------
    input_shape
        Shape of the forward input, batch and channels included where it has them.
    weight
        The forward weight, (K, C / groups, filter height, filter width).
    grad_output
        Gradient with respect to the forward result, of its shape.
    stride, padding, dilation, groups, padding_mode, layout, flip
        Those of the forward call.
    out, out_dtype, overflow, nan, accuracy, algorithm
        As in `conv2d`.

    Returns
    -------
    numpy.ndarray
        Shape ``input_shape``.

    Raises
    ------
    ShapeError
        If ``grad_output`` has not the shape that the forward call gives.

    Notes
    -----
    The argument order is that of ``torch.nn.grad.conv2d_input``.

    Examples
    --------
    >>> conv2d_input_grad((3, 3), [[1, 2], [3, 4]], [[1, 0], [0, 0]]).tolist()
    [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return input_gradient(2, input_shape, weight, grad_output, options, out, out_dtype)


def conv2d_weight_grad(
    input: ArrayLike,
    weight_shape: Sequence[int],
    grad_output: ArrayLike,
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
    """Return the gradient of `conv2d` with respect to its weight.

    Parameters
    ----------
    input
        The forward input.
    weight_shape
        Shape of the forward weight, (K, C / groups, filter height, filter width) or bare.
    grad_output
        Gradient with respect to the forward result, of its shape.
    stride, padding, dilation, groups, padding_mode, layout, flip
        Those of the forward call.
    out, out_dtype, overflow, nan, accuracy, algorithm
        As in `conv2d`; ``nan="ignore"`` has no such gradient and is refused.

    Returns
    -------
    numpy.ndarray
        Shape ``weight_shape``.

    Raises
    ------
    ShapeError
        If ``grad_output`` has not the shape that the forward call gives.

    Notes
    -----
    The argument order is that of ``torch.nn.grad.conv2d_weight``.

    Examples
    --------
    >>> conv2d_weight_grad([[1, 2, 3], [4, 5, 6]], (1, 2), [[1, 1], [0, 0]]).tolist()
    [[3, 5]]
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return weight_gradient_of(2, input, weight_shape, grad_output, options, out, out_dtype)


def conv1d_input_grad(
    input_shape: Sequence[int],
    weight: ArrayLike,
    grad_output: ArrayLike,
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
    """Return the gradient of `conv1d` with respect to its input; see `conv2d_input_grad`.

    Examples
    --------
    >>> conv1d_input_grad((4,), [1, 2], [1, 0, 10])
    array([ 1,  2, 10, 20])
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return input_gradient(1, input_shape, weight, grad_output, options, out, out_dtype)


def conv1d_weight_grad(
    input: ArrayLike,
    weight_shape: Sequence[int],
    grad_output: ArrayLike,
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
    """Return the gradient of `conv1d` with respect to its weight; see `conv2d_weight_grad`.

    Examples
    --------
    >>> conv1d_weight_grad([1, 2, 4, 8], (2,), [1, 0, 1])
    array([ 5, 10])
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return weight_gradient_of(1, input, weight_shape, grad_output, options, out, out_dtype)


def conv3d_input_grad(
    input_shape: Sequence[int],
    weight: ArrayLike,
    grad_output: ArrayLike,
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
    """Return the gradient of `conv3d` with respect to its input; see `conv2d_input_grad`.

    Examples
    --------
    >>> conv3d_input_grad((1, 1, 3), [[[1, 2]]], [[[1, 0]]]).tolist()
    [[[1, 2, 0]]]
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return input_gradient(3, input_shape, weight, grad_output, options, out, out_dtype)


def conv3d_weight_grad(
    input: ArrayLike,
    weight_shape: Sequence[int],
    grad_output: ArrayLike,
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
    """Return the gradient of `conv3d` with respect to its weight; see `conv2d_weight_grad`.

    Examples
    --------
    >>> conv3d_weight_grad([[[1, 2, 3]]], (1, 1, 2), [[[1, 1]]]).tolist()
    [[[3, 5]]]
    """
    options = (stride, padding, dilation, groups, padding_mode, layout, flip, overflow, nan, accuracy,
               algorithm)  # fmt: skip
    return weight_gradient_of(3, input, weight_shape, grad_output, options, out, out_dtype)
