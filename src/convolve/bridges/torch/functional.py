"""`conv1d` to `conv_transpose3d` with the arguments of torch.nn.functional, on tensors."""

from typing import Any

import torch

from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.bridges.torch import functions, operators
from convolve.bridges.torch.arrays import Tensor, check_all
from convolve.bridges.torch.functions import Geometry, Target
from convolve.errors import ArgumentError, ShapeError
from convolve.options import per_dimension
from convolve.spec import Accuracy


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Convolve tensors as ``torch.nn.functional.conv2d`` does, with gradients of every order.

    Parameters
    ----------
    input
        Shape (N, C, H, W) or (C, H, W), on the CPU, in float32, float64, float16 or bfloat16. It is read
        where it is, whatever its strides.
    weight
        Shape (K, C / groups, filter height, filter width), of the input's dtype.
    bias
        Shape (K,).
    stride, padding, dilation, groups, padding_mode, flip, accuracy
        As in `convolve.conv2d`, whose paddings go beyond PyTorch's.

    Returns
    -------
    torch.Tensor
        In the memory format of the input: a channels_last tensor gives a channels_last tensor.

    Raises
    ------
    ArgumentError, ArgumentTypeError, DTypeError, ShapeError
        As `convolve.conv2d`; also for tensors on other devices.

    Examples
    --------
    >>> import torch
    >>> image, weight = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2, requires_grad=True)
    >>> conv2d(image, weight).sum().backward()
    >>> weight.grad.tolist()
    [[[[4.0, 4.0], [4.0, 4.0]]]]
    """
    how = Geometry(2, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return convolved(input, weight, bias, how)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Convolve sequences, (N, C, L) or (C, L), as PyTorch does; see `conv2d`.

    Examples
    --------
    >>> import torch
    >>> conv1d(torch.tensor([[1.0, 2, 4, 8]]), torch.tensor([[[1.0, -1]]]))
    tensor([[-1., -2., -4.]])
    """
    how = Geometry(1, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return convolved(input, weight, bias, how)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Convolve volumes, (N, C, D, H, W) or (C, D, H, W), as PyTorch does; see `conv2d`.

    Examples
    --------
    >>> import torch
    >>> conv3d(torch.ones(1, 1, 2, 2, 2), torch.ones(1, 1, 2, 2, 2)).tolist()
    [[[[[8.0]]]]]
    """
    how = Geometry(3, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return convolved(input, weight, bias, how)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Send tensors back through a filter as ``torch.nn.functional.conv_transpose2d`` does.

    Parameters
    ----------
    input
        Shape (N, K, H, W) or (K, H, W), as in `conv2d` here.
    weight
        Shape (K, C / groups, filter height, filter width).
    bias
        Shape (C,).
    stride, padding, output_padding, groups, dilation, padding_mode, flip, accuracy
        As in `convolve.conv_transpose2d`.

    Returns
    -------
    torch.Tensor
        In the memory format of the input.

    Raises
    ------
    ArgumentError, ArgumentTypeError, DTypeError, ShapeError
        As `conv2d` here.

    Examples
    --------
    >>> import torch
    >>> conv_transpose2d(torch.tensor([[[1.0, 2]]]), torch.ones(1, 1, 2, 2), stride=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]
    """
    how = Geometry(2, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return sent_back(input, weight, bias, how, output_padding)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Send sequences back through a filter; see `conv_transpose2d`.

    Examples
    --------
    >>> import torch
    >>> conv_transpose1d(torch.tensor([[1.0, 2]]), torch.tensor([[[1.0, 10]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    how = Geometry(1, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return sent_back(input, weight, bias, how, output_padding)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: PaddingArgument = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    flip: bool = False,
    accuracy: Accuracy = "default",
) -> Tensor:
    """Send volumes back through a filter; see `conv_transpose2d`.

    Examples
    --------
    >>> import torch
    >>> conv_transpose3d(torch.full((1, 1, 1, 1), 3.0), torch.ones(1, 1, 1, 1, 2)).tolist()
    [[[[3.0, 3.0]]]]
    """
    how = Geometry(3, stride, padding, dilation, groups, padding_mode, flip, accuracy)
    return sent_back(input, weight, bias, how, output_padding)


def convolved(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> Tensor:
    """Check tensors and convolve them."""
    input, weight, bias = _ready(input, weight, bias, how)
    return _calls().conv(input, weight, bias, how)


def sent_back(
    input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry, output_padding: Size
) -> Tensor:
    """Check tensors and convolve them the other way."""
    input, weight, bias = _ready(input, weight, bias, how)
    if output_padding not in (0, (0,) * how.dims):
        input, output_padding = _with_whole_steps(input, how, output_padding)
    return _calls().conv_transpose(input, weight, bias, how, Target(output_padding))


def _calls() -> functions.Calls:
    return operators.CALLS if torch.compiler.is_compiling() else functions.CALLS


def _with_whole_steps(input: Tensor, how: Geometry, output_padding: Size) -> tuple[Tensor, tuple[int, ...]]:
    """Return an input with zeros after it for each whole stride of output padding, and what remains of that.

    So the forward convolution, which is the gradient, has as many outputs as the input has cells.
    """
    extras = per_dimension(output_padding, how.dims, "output_padding", 0)
    strides = per_dimension(how.stride, how.dims, "stride", 1)
    dilations = per_dimension(how.dilation, how.dims, "dilation", 1)
    most = [max(pair) for pair in zip(strides, dilations, strict=True)]
    if all(extra < stride for extra, stride in zip(extras, strides, strict=True)) or any(
        extra >= one
        for extra, one in zip(extras, most, strict=True)  # which is refused later
    ):
        return input, extras
    steps = [extra // stride for extra, stride in zip(extras, strides, strict=True)]
    padded = torch.nn.functional.pad(input, [n for step in reversed(steps) for n in (0, step)])
    return padded, tuple(extra % stride for extra, stride in zip(extras, strides, strict=True))


def _ready(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> tuple[Any, Any, Any]:
    """Return the tensors, checked, and under autocast in its dtype."""
    if torch.is_autocast_enabled("cpu"):
        input, weight, bias = autocast(input), autocast(weight), autocast(bias)
    check_all(input, weight, bias)
    if torch.jit.is_tracing():
        raise ArgumentError(
            "torch.jit.trace would keep the numbers of a result instead of the call; trace PyTorch's own "
            "convolution, or a module before it is accelerated"
        )
    if weight.ndim != how.dims + 2:
        raise ShapeError(
            f"weight must have {how.dims + 2} dimensions, two for channels and {how.dims} of the filter; got "
            f"the shape {tuple(weight.shape)}; reshape it"
        )
    return input, weight, bias


def autocast(tensor: Any) -> Any:
    """Return a tensor in the dtype that autocast gives to convolutions on the CPU."""
    if not isinstance(tensor, torch.Tensor) or not tensor.is_cpu or not tensor.is_floating_point():
        return tensor
    return tensor if tensor.dtype is torch.float64 else tensor.to(torch.get_autocast_dtype("cpu"))
