"""Convolution, transposed convolution, and convolution of quantised numbers: our own compiled calls."""

import math
from typing import Any

import numpy as np

from convolve.api import gradients, planned, transposed
from convolve.api.planned import PlannedConv
from convolve.arguments import conv_spec
from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import whole, wholes
from convolve.nn.operation import ROUNDED, WHOLE, Back, Node, Operation, Window, everything, table
from convolve.nn.operations import windows
from convolve.nn.operations.integer_sums import CONV, integer_sums, planned_dtypes
from convolve.nn.operations.windows import (
    Pairs,
    extents_of,
    given_pads,
    options,
    per_dimension,
    spatial_dims,
    taps_of,
)
from convolve.nn.quantising import quantised
from convolve.nn.tensor import Tensor, check_float, check_ndim, same_dtype, whole_numbers
from convolve.spec import Operation as ConvOperation

CONV_TRANSPOSE = {
    1: transposed.conv_transpose1d,
    2: transposed.conv_transpose2d,
    3: transposed.conv_transpose3d,
}
INPUT_GRAD = {
    1: gradients.conv1d_input_grad,
    2: gradients.conv2d_input_grad,
    3: gradients.conv3d_input_grad,
}
WEIGHT_GRAD = {
    1: gradients.conv1d_weight_grad,
    2: gradients.conv2d_weight_grad,
    3: gradients.conv3d_weight_grad,
}

FORWARD = {**windows.ATTRIBUTES, "group": whole(1, least=1)}
TRANSPOSED = {**FORWARD, "output_padding": wholes(least=0), "output_shape": wholes(least=1)}


def stand_in(tensor: Tensor) -> Array:
    """Return an array of one cell that has the shape of many."""
    return np.broadcast_to(np.zeros((), tensor.dtype), tensor.shape)


def _result(
    operation: ConvOperation, x: Tensor, weight: Tensor, bias: Tensor | None, how: dict[str, Any]
) -> tuple[int, ...]:
    """Return the shape of a convolution; every refusal is that of our public functions."""
    sums = None if bias is None else stand_in(bias)
    call = conv_spec(operation, x.ndim - 2, stand_in(x), stand_in(weight), sums, **how)
    return call.shape


def _conv_infer(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dims = spatial_dims(x)
    check_float(x)
    same_dtype(x, weight, *([] if bias is None else [bias]))
    taps_of(node, dims, weight)
    return x.like(_result("conv", x, weight, bias, options(node, dims)))


def _conv(node: Node, x: Array, weight: Array, bias: Array | None = None) -> Array:
    dims = x.ndim - 2
    return CONV[dims](x, weight, bias, **options(node, dims))


def _bias_back(back: Back) -> Array | None:
    """Return the sums over all that a bias was added to."""
    if len(back.inputs) < 3 or not back.wanted[2]:
        return None
    return np.asarray(back.dy.sum(axis=(0, *range(2, back.dy.ndim))))


def _conv_back(back: Back) -> tuple[Array | None, ...]:
    x, weight = back.inputs[:2]
    dims = x.ndim - 2
    how = options(back.node, dims)
    into_x = INPUT_GRAD[dims](x.shape, weight, back.dy, **how) if back.wanted[0] else None
    into_weight = WEIGHT_GRAD[dims](x, weight.shape, back.dy, **how) if back.wanted[1] else None
    return into_x, into_weight, _bias_back(back)


def _conv_plan(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> PlannedConv:
    return planned.plan(
        x.shape, weight.shape, dtype=x.dtype.name, bias=bias is not None, **options(node, x.ndim - 2)
    )


def transposed_options(node: Node, size: tuple[int, ...], taps: tuple[int, ...]) -> dict[str, Any]:
    """Return the options of a transposed convolution; its padding may follow from the size that is wanted."""
    dims = len(size)
    strides, dilations = per_dimension(node, "strides", dims), per_dimension(node, "dilations", dims)
    extra = per_dimension(node, "output_padding", dims, 0)
    pads, extra = _transposed_padding(node, size, strides, extents_of(taps, dilations), extra)
    return {
        "stride": strides,
        "padding": pads,
        "output_padding": extra,
        "groups": node["group"],
        "dilation": dilations,
    }


def _transposed_padding(
    node: Node,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    extents: tuple[int, ...],
    extra: tuple[int, ...],
) -> tuple[Pairs, tuple[int, ...]]:
    """Return (padding, output padding); half of what is too much is cut off on either side."""
    wanted = node["output_shape"]
    if wanted is None and node["auto_pad"].startswith("SAME"):
        wanted = tuple(count * stride for count, stride in zip(size, strides, strict=True))
    if wanted is None:
        return given_pads(node, len(size)), extra
    wanted = wanted[-len(size) :]  # some files give batch and channels too
    if len(wanted) != len(size):
        raise ShapeError(f"output_shape must have {len(size)} numbers, got {wanted}")
    full = [
        (count - 1) * stride + extent + more
        for count, stride, extent, more in zip(size, strides, extents, extra, strict=True)
    ]
    surplus = [most - least for most, least in zip(full, wanted, strict=True)]
    cut = [max(0, number) for number in surplus]
    upper = node["auto_pad"] == "SAME_UPPER"
    pairs = tuple((n // 2, n - n // 2) if upper else (n - n // 2, n // 2) for n in cut)
    short = (max(0, -number) for number in surplus)
    return pairs, tuple(more + less for more, less in zip(extra, short, strict=True))


def _conv_transpose_infer(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    dims = spatial_dims(x)
    check_float(x)
    same_dtype(x, weight, *([] if bias is None else [bias]))
    how = transposed_options(node, x.shape[2:], taps_of(node, dims, weight))
    return x.like(_result("conv_transpose", x, weight, bias, how))


def _conv_transpose(node: Node, x: Array, weight: Array, bias: Array | None = None) -> Array:
    how = transposed_options(node, x.shape[2:], weight.shape[2:])
    return CONV_TRANSPOSE[x.ndim - 2](x, weight, bias, **how)


def _conv_transpose_back(back: Back) -> tuple[Array | None, ...]:
    """Convolve forwards: a transposed convolution is the adjoint of one, whose input is like ``dy``."""
    x, weight = back.inputs[:2]
    dims, how = x.ndim - 2, transposed_options(back.node, x.shape[2:], weight.shape[2:])
    dy, how = _without_extra(back.dy, how)
    into_x = CONV[dims](dy, weight, **how) if back.wanted[0] else None
    into_weight = WEIGHT_GRAD[dims](dy, weight.shape, x, **how) if back.wanted[1] else None
    return into_x, into_weight, _bias_back(back)


def _without_extra(dy: Array, how: dict[str, Any]) -> tuple[Array, dict[str, Any]]:
    """Return gradient and options without output padding: with less padding after, or fewer cells."""
    after = [pair[1] - extra for pair, extra in zip(how["padding"], how["output_padding"], strict=True)]
    cells = tuple(slice(size + min(0, pad)) for size, pad in zip(dy.shape[2:], after, strict=True))
    pairs = tuple((pair[0], max(0, pad)) for pair, pad in zip(how["padding"], after, strict=True))
    rest = {name: how[name] for name in ("stride", "groups", "dilation")}
    return dy[(slice(None), slice(None), *cells)], {**rest, "padding": pairs}


def _conv_transpose_plan(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> PlannedConv:
    how = transposed_options(node, x.shape[2:], weight.shape[2:])
    return planned.plan(
        x.shape,
        weight.shape,
        operation="conv_transpose",
        dtype=x.dtype.name,
        bias=bias is not None,
        **how,
    )


def _transposed_window(node: Node, inputs: tuple[Tensor, ...]) -> Window:
    x, weight = inputs[0], inputs[1]
    how = transposed_options(node, x.shape[2:], weight.shape[2:])
    extents = extents_of(weight.shape[2:], how["dilation"])
    reach = tuple(-(-extent // stride) for extent, stride in zip(extents, how["stride"], strict=True))
    jump = tuple(1 / stride for stride in how["stride"])
    return Window(reach, jump, tuple(size - 1 for size in reach))


def _transposed_multiply_adds(_node: Node, inputs: tuple[Tensor, ...], _outputs: tuple[Tensor, ...]) -> int:
    return inputs[0].size * math.prod(inputs[1].shape[1:])


def _zero_point(zero: Tensor | None, name: str, filters: int | None = None) -> None:
    if zero is not None and zero.size != 1 and zero.shape != (filters,):
        many = "" if filters is None else f" or {filters}"
        raise ShapeError(f"{name} must be one number{many}, got shape {zero.shape}")


def _integer_shape(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[int, ...]:
    dims = spatial_dims(x)
    taps_of(node, dims, weight)
    return _result("conv", x, weight, bias, options(node, dims))


def _conv_integer_infer(
    node: Node,
    x: Tensor,
    weight: Tensor,
    x_zero: Tensor | None = None,
    weight_zero: Tensor | None = None,
) -> Tensor:
    _zero_point(x_zero, "x_zero_point")
    _zero_point(weight_zero, "w_zero_point", weight.shape[0])
    return Tensor(np.dtype(np.int32), _integer_shape(node, x, weight))


def _conv_integer(
    node: Node, x: Array, weight: Array, x_zero: Array | None = None, weight_zero: Array | None = None
) -> Array:
    return integer_sums(x, x_zero, weight, weight_zero, options(node, x.ndim - 2))


def _conv_integer_plan(
    node: Node, x: Tensor, weight: Tensor, _x_zero: Tensor | None = None, weight_zero: Tensor | None = None
) -> PlannedConv:
    """Return the plan of bytes, or of whole numbers less their zero points, which have 16 bits."""
    dtype, weight_dtype = planned_dtypes(x, weight, weight_zero)
    how = options(node, x.ndim - 2)
    return planned.plan(x.shape, weight.shape, dtype=dtype, weight_dtype=weight_dtype, **how, overflow="wrap")


def _conv_quantised_infer(
    node: Node,
    x: Tensor,
    _x_scale: Tensor,
    x_zero: Tensor,
    weight: Tensor,
    weight_scale: Tensor,
    weight_zero: Tensor,
    _y_scale: Tensor,
    y_zero: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    _zero_point(x_zero, "x_zero_point")
    _zero_point(y_zero, "y_zero_point")
    for name, tensor in (("w_scale", weight_scale), ("w_zero_point", weight_zero)):
        _zero_point(tensor, name, weight.shape[0])
    if bias is not None:
        check_ndim(bias, 1, 1, "bias")
    return Tensor(y_zero.dtype, _integer_shape(node, x, weight, bias))


def _conv_quantised(
    node: Node,
    x: Array,
    x_scale: Array,
    x_zero: Array,
    weight: Array,
    weight_scale: Array,
    weight_zero: Array,
    y_scale: Array,
    y_zero: Array,
    bias: Array | None = None,
) -> Array:
    dims = x.ndim - 2
    sums = integer_sums(x, x_zero, weight, weight_zero, options(node, dims))
    if bias is not None:
        sums = sums + bias.astype(np.int64).reshape((-1,) + (1,) * dims)
    scale = x_scale.reshape(()) * weight_scale.reshape(-1) / y_scale.reshape(())
    per_channel = scale.reshape((-1,) + (1,) * dims)
    return quantised(sums * per_channel.astype(np.float32), y_zero.reshape(()), y_zero.dtype)


def _conv_quantised_plan(
    node: Node,
    x: Tensor,
    _x_scale: Tensor,
    _x_zero: Tensor,
    weight: Tensor,
    _weight_scale: Tensor,
    weight_zero: Tensor,
    *_rest: Tensor | None,
) -> PlannedConv:
    return _conv_integer_plan(node, x, weight, None, weight_zero)


def _columns_shape(
    node: Node, x: Tensor, image: Tensor, block: Tensor
) -> tuple[list[int], tuple[int, ...], dict[str, Any]]:
    """Return (image size, block, options) of columns that are laid into an image."""
    check_ndim(x, 3, 3)
    size, taps = whole_numbers(image, "image_shape", 3), tuple(whole_numbers(block, "block_shape", 3))
    dims = len(size)
    if not dims or len(taps) != dims or min(*size, *taps) < 1:
        raise ShapeError(f"image_shape and block_shape must have equally many sizes, got {size} and {taps}")
    how = {
        "stride": per_dimension(node, "strides", dims),
        "padding": given_pads(node, dims),
        "dilation": per_dimension(node, "dilations", dims),
    }
    return size, taps, how


def _columns_infer(node: Node, x: Tensor, image: Tensor, block: Tensor) -> Tensor:
    size, taps, how = _columns_shape(node, x, image, block)
    channels, rest = divmod(x.shape[1], math.prod(taps))
    plane = Tensor(np.dtype(np.float32), (1, 1, *size))
    places = _result("conv", plane, Tensor(plane.dtype, (1, 1, *taps)), None, how)[2:]
    if rest or math.prod(places) != x.shape[2]:
        raise ShapeError(
            f"input {x.shape} must have a multiple of {math.prod(taps)} rows and {math.prod(places)} "
            f"columns, one for each of the {places} blocks {taps} of an image {tuple(size)}"
        )
    return x.like((x.shape[0], channels, *size))


def _columns(node: Node, x: Array, image: Array, block: Array) -> Array:
    """Lay columns into an image: a transposed convolution whose filters each have one tap that is 1."""
    size, taps, how = _columns_shape(node, Tensor.of(x), Tensor.of(image), Tensor.of(block))
    count, weight = math.prod(taps), _single_taps(taps, x)
    plane = Tensor(x.dtype, (1, 1, *size))
    places = _result("conv", plane, Tensor(x.dtype, weight.shape[1:2] + (1, *taps)), None, how)[2:]
    maps = x.reshape(-1, count, *places)
    least = [
        (p - 1) * s - sum(pads) + e
        for p, s, pads, e in zip(
            places, how["stride"], how["padding"], extents_of(taps, how["dilation"]), strict=True
        )
    ]
    extra = tuple(whole - part for whole, part in zip(size, least, strict=True))
    result = CONV_TRANSPOSE[len(taps)](maps, weight, **how, output_padding=extra)
    return result.reshape(x.shape[0], -1, *size)


def _single_taps(taps: tuple[int, ...], x: Array) -> Array:
    """Return one filter for each tap, which is 1 there and 0 elsewhere."""
    count = math.prod(taps)
    return np.eye(count, dtype=x.dtype).reshape(count, 1, *taps)


def _columns_back(back: Back) -> tuple[Array]:
    x, image, block = back.inputs
    size, taps, how = _columns_shape(back.node, Tensor.of(x), Tensor.of(image), Tensor.of(block))
    return (CONV[len(taps)](back.dy.reshape(-1, 1, *size), _single_taps(taps, x), **how).reshape(x.shape),)


TABLE = table(
    Operation(
        "Conv", (2, 3), _conv_infer, _conv, _conv_back,
        attributes=FORWARD, weights=(1, 2), multiply_adds=windows.multiply_adds,
        window=windows.convolution_window, method="convolution", plan=_conv_plan,
    ),
    Operation(
        "ConvTranspose", (2, 3), _conv_transpose_infer, _conv_transpose, _conv_transpose_back,
        attributes=TRANSPOSED, weights=(1, 2), multiply_adds=_transposed_multiply_adds,
        window=_transposed_window, method="convolution", plan=_conv_transpose_plan,
    ),
    Operation(
        "ConvInteger", (2, 4), _conv_integer_infer, _conv_integer, WHOLE,
        attributes=FORWARD, weights=(1,), multiply_adds=windows.multiply_adds,
        window=windows.convolution_window, method="convolution", plan=_conv_integer_plan,
    ),
    Operation(
        "QLinearConv", (8, 9), _conv_quantised_infer, _conv_quantised, ROUNDED,
        attributes=FORWARD, weights=(3, 8), multiply_adds=windows.multiply_adds,
        window=windows.convolution_window, method="convolution", plan=_conv_quantised_plan,
    ),
    Operation(
        "Col2Im", (3, 3), _columns_infer, _columns, _columns_back,
        attributes={name: windows.ATTRIBUTES[name] for name in ("strides", "dilations", "pads")},
        window=everything,
    ),
)  # fmt: skip
