"""Convolution, its transpose and its weight gradient, each differentiated by the other two.

All three are linear in either of their tensors, so that the gradient of each is a call of the others:
gradients of every order follow.
"""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.autograd import forward_ad

import convolve
from convolve.api.types import PaddingArgument, PaddingMode, Size
from convolve.bridges.torch.arrays import FORMATS, Tensor, as_array, as_tensor, is_channels_last, seen, told
from convolve.dtypes import Array
from convolve.spec import Accuracy

FORWARD = {1: convolve.conv1d, 2: convolve.conv2d, 3: convolve.conv3d}
TRANSPOSED = {1: convolve.conv_transpose1d, 2: convolve.conv_transpose2d, 3: convolve.conv_transpose3d}
INPUT_GRAD = {1: convolve.conv1d_input_grad, 2: convolve.conv2d_input_grad, 3: convolve.conv3d_input_grad}
WEIGHT_GRAD = {1: convolve.conv1d_weight_grad, 2: convolve.conv2d_weight_grad, 3: convolve.conv3d_weight_grad}


class Geometry(NamedTuple):
    """The options of a forward convolution, which its gradients share."""

    dims: int
    stride: Size
    padding: PaddingArgument
    dilation: Size
    groups: int
    padding_mode: PaddingMode
    flip: bool = False
    accuracy: Accuracy = "default"

    def options(self, last: bool) -> dict[str, Any]:
        """Return them as our functions call them."""
        return {
            "stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups,
            "padding_mode": self.padding_mode, "flip": self.flip, "accuracy": self.accuracy,
            "layout": "channels_last" if last else "channels_first",
        }  # fmt: skip

    @property
    def linear(self) -> "Geometry":
        """The same with zeros for the number that the border holds: what remains of a difference."""
        return self if isinstance(self.padding_mode, str) else self._replace(padding_mode="zeros")


def has_graph(*tensors: Tensor | None) -> bool:
    """Whether derivatives of what is made of these tensors may be asked for."""
    if forward_ad._current_level >= 0:
        return True
    return torch.is_grad_enabled() and any(one is not None and one.requires_grad for one in tensors)


def conv(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> Tensor:
    """Return a convolution of tensors that were checked."""
    if has_graph(input, weight, bias):
        return Conv.apply(input, weight, bias, how)
    return Conv.forward(input, weight, bias, how)


def conv_transpose(
    input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry, size: "Target"
) -> Tensor:
    """Return a transposed convolution of tensors that were checked."""
    if has_graph(input, weight, bias):
        return ConvTranspose.apply(input, weight, bias, how, size)
    return ConvTranspose.forward(input, weight, bias, how, size)


def weight_grad(input: Tensor, grad: Tensor, how: Geometry, weight: Tensor) -> Tensor:
    """Return the gradient with respect to a weight, which lies in memory as that does."""
    shape, last = tuple(weight.shape), is_channels_last(weight)
    if has_graph(input, grad):
        return WeightGrad.apply(input, grad, how, shape, last)
    return WeightGrad.forward(input, grad, how, shape, last)


class Target(NamedTuple):
    """The size of a transposed convolution's result: cells added after it, or the shape itself."""

    output_padding: Size = 0
    shape: tuple[int, ...] | None = None


class Calls(NamedTuple):
    """How the three are called: as below, or as operators of a graph."""

    conv: Callable[..., Tensor]
    conv_transpose: Callable[..., Tensor]
    weight_grad: Callable[..., Tensor]


CALLS = Calls(conv, conv_transpose, weight_grad)


def conv_backward(calls: Calls, ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of a forward convolution, with nothing for what is no tensor."""
    (input, weight), how = ctx.saved_tensors, ctx.how
    of_input, of_weight, of_bias, *others = ctx.needs_input_grad
    size = Target(shape=tuple(input.shape))
    return (
        calls.conv_transpose(grad, weight, None, how, size) if of_input else None,
        calls.weight_grad(input, grad, how, weight) if of_weight else None,
        bias_grad(grad, how.dims) if of_bias else None,
        *(None for _ in others),
    )


def conv_transpose_backward(calls: Calls, ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of a transposed convolution, with nothing for what is no tensor."""
    (input, weight), how = ctx.saved_tensors, ctx.how.linear
    of_input, of_weight, of_bias, *others = ctx.needs_input_grad
    return (
        calls.conv(grad, weight, None, how) if of_input else None,
        calls.weight_grad(grad, input, how, weight) if of_weight else None,
        bias_grad(grad, how.dims) if of_bias else None,
        *(None for _ in others),
    )


def weight_grad_backward(calls: Calls, ctx: Any, of: Tensor) -> tuple[Tensor | None, ...]:
    """Return the gradients of a weight gradient, with nothing for what is no tensor."""
    (input, grad), how = ctx.saved_tensors, ctx.how
    of_input, of_grad, *others = ctx.needs_input_grad
    size = Target(shape=tuple(input.shape))
    return (
        calls.conv_transpose(grad, of, None, how, size) if of_input else None,
        calls.conv(input, of, None, how) if of_grad else None,
        *(None for _ in others),
    )


def in_order(weight: Tensor) -> Array:
    """Return the numbers of a weight in order: packing them from any other takes longer than the copy."""
    return as_array(weight.detach().contiguous())


def bias_grad(grad: Tensor, dims: int) -> Tensor:
    """Return the gradient with respect to the bias: sums over all but the channels."""
    return grad.sum([d for d in range(grad.ndim) if d != grad.ndim - dims - 1])


def signed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep a function's signature, which PyTorch asks for at every call: to work it out takes 25 µs."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


class Conv(torch.autograd.Function):  # type: ignore[misc]
    """A forward convolution."""

    @staticmethod
    @signed
    def forward(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> Tensor:
        """Compute it, in the memory format of the input."""
        last = is_channels_last(input)
        sums = None if bias is None else seen(bias, False)
        arrays = seen(input, last), in_order(weight), sums
        return told(FORWARD[how.dims](*arrays, **how.options(last)), last)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Keep what the gradients need."""
        input, weight, _, ctx.how = inputs
        ctx.save_for_backward(input, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients with respect to input, weight and bias."""
        return conv_backward(CALLS, ctx, grad)


class ConvTranspose(torch.autograd.Function):  # type: ignore[misc]
    """A transposed convolution, which is the gradient of the forward one with respect to its input."""

    @staticmethod
    @signed
    def forward(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry, size: Target) -> Tensor:
        """Compute it, in the memory format of its input."""
        last = is_channels_last(input)
        first, second, options = seen(input, last), in_order(weight), how.options(last)
        if size.shape is not None:
            shape = _moved(size.shape, last)
            return told(INPUT_GRAD[how.dims](shape, second, first, **options), last)
        sums: Array | None = None if bias is None else seen(bias, False)
        options["output_padding"] = size.output_padding
        return told(TRANSPOSED[how.dims](first, second, sums, **options), last)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Keep what the gradients need."""
        input, weight, _, ctx.how, _ = inputs
        ctx.save_for_backward(input, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients with respect to input, weight and bias."""
        return conv_transpose_backward(CALLS, ctx, grad)


class WeightGrad(torch.autograd.Function):  # type: ignore[misc]
    """The gradient of a forward convolution with respect to its weight."""

    @staticmethod
    @signed
    def forward(input: Tensor, grad: Tensor, how: Geometry, shape: tuple[int, ...], last: bool) -> Tensor:
        """Compute it, from the forward input and the gradient of the output."""
        seen_last = is_channels_last(input)
        arrays, options = (seen(input, seen_last), shape, seen(grad, seen_last)), how.options(seen_last)
        if not last:
            return as_tensor(WEIGHT_GRAD[how.dims](*arrays, **options))
        result = torch.empty(shape, dtype=input.dtype, memory_format=FORMATS[len(shape)])
        WEIGHT_GRAD[how.dims](*arrays, **options, out=as_array(result))
        return result

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        """Keep what the gradients need."""
        input, grad, ctx.how, *_ = inputs
        ctx.save_for_backward(input, grad)

    @staticmethod
    def backward(ctx: Any, of: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients with respect to the input and to the gradient of the output."""
        return weight_grad_backward(CALLS, ctx, of)


def _moved(shape: tuple[int, ...], last: bool) -> tuple[int, ...]:
    """Return a tensor's shape as the layout has it."""
    return (shape[0], *shape[2:], shape[1]) if last else shape
