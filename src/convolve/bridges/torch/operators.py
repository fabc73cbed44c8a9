"""The same three as operators of PyTorch's, which torch.compile keeps as they are.

An operator takes tensors, numbers and text; `Geometry` goes through it as text.
"""

import ast
from functools import cache, partial
from typing import Any

import torch

import convolve
from convolve.bridges.torch import functions
from convolve.bridges.torch.arrays import FORMATS, Tensor, is_channels_last
from convolve.bridges.torch.functions import Geometry, Target
from convolve.options import per_dimension

SCHEMAS = {
    "conv": "(Tensor input, Tensor weight, Tensor? bias, str how) -> Tensor",
    "conv_transpose": (
        "(Tensor input, Tensor weight, Tensor? bias, str how, int[] extra, int[]? shape) -> Tensor"
    ),
    "weight_grad": "(Tensor input, Tensor grad, str how, int[] shape, bool last) -> Tensor",
}
"""Operator -> its arguments."""


@cache
def parsed(how: str) -> Geometry:
    """Return the geometry that a text holds."""
    return Geometry(*ast.literal_eval(how))


def written(how: Geometry) -> str:
    """Return a geometry as text."""
    return repr(tuple(how))


def conv(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> Tensor:
    """Convolve, as a step of a graph."""
    return CONV(input, weight, bias, written(how))


def conv_transpose(input: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry, size: Target) -> Tensor:
    """Convolve the other way, as a step of a graph."""
    extra = per_dimension(size.output_padding, how.dims, "output_padding", 0)
    shape = None if size.shape is None else list(size.shape)
    return CONV_TRANSPOSE(input, weight, bias, written(how), list(extra), shape)


def weight_grad(input: Tensor, grad: Tensor, how: Geometry, weight: Tensor) -> Tensor:
    """Return the gradient with respect to a weight, as a step of a graph."""
    return WEIGHT_GRAD(input, grad, written(how), list(weight.shape), is_channels_last(weight))


CALLS = functions.Calls(conv, conv_transpose, weight_grad)


def _conv(input: Tensor, weight: Tensor, bias: Tensor | None, how: str) -> Tensor:
    return functions.Conv.forward(input, weight, bias, parsed(how))


def _conv_transpose(
    input: Tensor, weight: Tensor, bias: Tensor | None, how: str, extra: list[int], shape: list[int] | None
) -> Tensor:
    return functions.ConvTranspose.forward(input, weight, bias, parsed(how), _target(extra, shape))


def _weight_grad(input: Tensor, grad: Tensor, how: str, shape: list[int], last: bool) -> Tensor:
    return functions.WeightGrad.forward(input, grad, parsed(how), tuple(shape), last)


def _target(extra: list[int], shape: list[int] | None) -> Target:
    return Target(tuple(extra), None if shape is None else tuple(shape))


def _empty(like: Tensor, shape: Any, last: bool) -> Tensor:
    form = FORMATS[len(shape)] if last else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=form)


def _fake_conv(input: Tensor, weight: Tensor, bias: Tensor | None, how: str) -> Tensor:
    one = parsed(how)
    shape = convolve.output_shape(
        input.shape, weight.shape, one.stride, one.padding, one.dilation, one.groups
    )
    return _empty(input, shape, is_channels_last(input))


def _fake_conv_transpose(
    input: Tensor, weight: Tensor, bias: Tensor | None, how: str, extra: list[int], shape: list[int] | None
) -> Tensor:
    options = parsed(how)[1:5]
    result = shape or convolve.output_shape(
        input.shape, weight.shape, *options, output_padding=tuple(extra), transposed=True
    )
    return _empty(input, result, is_channels_last(input))


def _fake_weight_grad(input: Tensor, grad: Tensor, how: str, shape: list[int], last: bool) -> Tensor:
    return _empty(input, shape, last)


def _keep(ctx: Any, inputs: Any, output: Tensor) -> None:
    """Keep what the gradients of `conv` and `conv_transpose` need."""
    input, weight, _, how, *_ = inputs
    ctx.how = parsed(how)
    ctx.save_for_backward(input, weight)


def _keep_both(ctx: Any, inputs: Any, output: Tensor) -> None:
    """Keep what the gradients of `weight_grad` need."""
    input, grad, how, *_ = inputs
    ctx.how = parsed(how)
    ctx.save_for_backward(input, grad)


def _operator(name: str, call: Any, fake: Any, backward: Any, keep: Any) -> Any:
    """Tell PyTorch of an operator."""
    made = torch.library.custom_op(f"convolve::{name}", call, mutates_args=(), schema=SCHEMAS[name])
    made.register_fake(fake)
    made.register_autograd(partial(backward, CALLS), setup_context=keep)
    return made


CONV = _operator("conv", _conv, _fake_conv, functions.conv_backward, _keep)
CONV_TRANSPOSE = _operator(
    "conv_transpose", _conv_transpose, _fake_conv_transpose, functions.conv_transpose_backward, _keep
)
WEIGHT_GRAD = _operator(
    "weight_grad", _weight_grad, _fake_weight_grad, functions.weight_grad_backward, _keep_both
)
