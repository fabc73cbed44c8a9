"""What callers write -> ConvSpec: shapes, channels, groups, paddings and dtypes that belong together.

The functions here return a `Call`: the spec, and views of the caller's arrays that match it. Nothing is
computed and nothing of the result's size is allocated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import numpy as np

from convolve.axis import Axis, Boundary, output_count
from convolve.dtypes import (
    Array,
    DType,
    check_conversion,
    float_dtype,
    kind_of,
    parse_dtype,
    result_dtype,
)
from convolve.errors import ArgumentError, ArgumentTypeError, ShapeError, TooLargeError
from convolve.options import (
    LARGEST_NUMBER,
    Pair,
    boundary_and_fill,
    choice,
    flag,
    paddings,
    per_dimension,
    resolve_padding,
    whole_number,
)
from convolve.spec import Accuracy, Algorithm, ConvSpec, Layout, NanRule, Operation, Overflow
from convolve.views import Form, Shape, as_array, check_out, native

LARGEST_SHAPE = 2**60
"""Numbers in an array beyond which a shape is refused as it is written: 16 bytes each are all of an int64."""

SPATIAL_NAMES = ("depth", "height", "width")


@dataclass(frozen=True, slots=True)
class Call:
    """A spec and the arrays that go with it, as (batch, channels, *spatial) views.

    ``first`` and ``second`` are the two arrays that go in: input and weight, or for "weight_grad" input
    and output gradient.
    """

    spec: ConvSpec
    first: Array
    second: Array
    bias: Array | None
    form: Form
    out: Array | None

    @property
    def shape(self) -> Shape:
        """The result's shape as the caller sees it."""
        if self.spec.operation == "weight_grad":
            return self.spec.filter_size if self.form.bare else self.spec.weight_shape
        return self.form.shape(self.spec.result_shape)

    def canonical(self, result: Array) -> Array:
        """Return an array of the caller's result shape as a canonical view."""
        if self.spec.operation != "weight_grad":
            return self.form.canonical(result)
        return result[None, None] if self.form.bare else result


def conv_spec(
    operation: Operation, dims: int, first: Any, second: Any, bias: Any = None, **options: Any
) -> Call:
    """Return the `Call` of a forward or transposed convolution.

    ``options`` are those of the public functions, under the same names.
    """
    left, right = as_array(first, "input"), as_array(second, "weight")
    right = like(second, right, native(left))
    bare = right.ndim == dims
    layout = cast(Layout, choice(options.get("layout", "channels_first"), "layout", get_args(Layout)))
    form = Form.of(left.shape, dims, layout, bare)
    image = form.canonical(left)
    weight = _canonical_weight(right, dims)
    groups = whole_number(options.get("groups", 1), "groups", 1)
    products = result_dtype(native(left), native(right))
    sums = like(bias, as_array(bias, "bias"), products) if bias is not None else None
    _check_channels(operation, form, left.shape, image.shape[1], weight.shape, groups)
    filters = weight.shape[0] if operation == "conv" else weight.shape[1] * groups
    sums = _check_bias(sums, filters)
    transposed = operation == "conv_transpose"
    channels = (weight.shape[1] * groups, weight.shape[0])
    boundary, fill = boundary_and_fill(options.get("padding_mode", "zeros"), native(left))
    axes = _axes(image.shape[2:], weight.shape[2:], boundary, transposed, options)
    used = [array for array in (left, right, sums) if array is not None]
    spec = ConvSpec(
        operation,
        image.shape[0],
        *channels,
        groups,
        axes,
        0 if transposed else fill,
        flag(options.get("flip", False), "flip"),
        native(left),
        native(right),
        None if sums is None else native(sums),
        _out_dtype(used, options.get("out_dtype")),
        layout,
        **_rules(options),
    )
    return _with_out(Call(spec, image, weight, sums, form, None), options.get("out"))


def input_grad_spec(dims: int, input_shape: Any, weight: Any, grad_output: Any, **options: Any) -> Call:
    """Return the `Call` of the gradient with respect to the input: a transposed convolution to its size."""
    shape = parse_shape(input_shape, "input_shape")
    gradient, right = as_array(grad_output, "grad_output"), as_array(weight, "weight")
    bare = right.ndim == dims
    layout = cast(Layout, choice(options.get("layout", "channels_first"), "layout", get_args(Layout)))
    form = Form.of(shape, dims, layout, bare, "input_shape")
    filters = _canonical_weight(right, dims)
    groups = whole_number(options.get("groups", 1), "groups", 1)
    batch, channels, *size = form.canonical_shape(shape)
    _check_channels("conv", form, shape, channels, filters.shape, groups, "input_shape")
    boundary, _ = boundary_and_fill(options.get("padding_mode", "zeros"), native(gradient))
    axes = _axes(size, filters.shape[2:], boundary, False, options)
    spec = ConvSpec(
        "conv_transpose",
        batch,
        channels,
        filters.shape[0],
        groups,
        axes,
        0,
        flag(options.get("flip", False), "flip"),
        native(gradient),
        native(right),
        None,
        _out_dtype([gradient, right], options.get("out_dtype")),
        layout,
        **_rules(options),
    )
    given = _check_gradient(form, gradient, spec)
    return _with_out(Call(spec, given, filters, None, form, None), options.get("out"))


def weight_grad_spec(dims: int, first: Any, weight_shape: Any, grad_output: Any, **options: Any) -> Call:
    """Return the `Call` of the gradient with respect to the weight."""
    left, gradient = as_array(first, "input"), as_array(grad_output, "grad_output")
    shape = parse_shape(weight_shape, "weight_shape")
    bare = len(shape) == dims
    layout = cast(Layout, choice(options.get("layout", "channels_first"), "layout", get_args(Layout)))
    form = Form.of(left.shape, dims, layout, bare)
    image = form.canonical(left)
    filters = _canonical_weight(np.broadcast_to(np.int8(0), shape), dims, "weight_shape").shape
    groups = whole_number(options.get("groups", 1), "groups", 1)
    _check_channels("conv", form, left.shape, image.shape[1], filters, groups)
    boundary, fill = boundary_and_fill(options.get("padding_mode", "zeros"), native(left))
    axes = _axes(image.shape[2:], filters[2:], boundary, False, options)
    if choice(options.get("nan", "propagate"), "nan", get_args(NanRule)) == "ignore":
        raise ArgumentError(
            "nan='ignore' has no gradient with respect to the weight; set the NaN in the input to 0 instead"
        )
    spec = ConvSpec(
        "weight_grad",
        image.shape[0],
        image.shape[1],
        filters[0],
        groups,
        axes,
        fill,
        flag(options.get("flip", False), "flip"),
        native(left),
        native(gradient),
        None,
        _out_dtype([left, gradient], options.get("out_dtype")),
        layout,
        **_rules(options),
    )
    given = _check_gradient(form, gradient, spec)
    return _with_out(Call(spec, image, given, None, form, None), options.get("out"))


def _with_out(call: Call, out: Any) -> Call:
    """Return the call with the caller's ``out``, checked."""
    return call if out is None else replace(call, out=check_out(out, call.shape, call.spec.out_dtype))


def like(given: Any, array: Array, other: DType) -> Array:
    """Return lists and plain numbers, which have no dtype of their own, in the float dtype they meet."""
    if hasattr(given, "dtype") or hasattr(given, "__array__") or kind_of(native(array)) == "complex":
        return array
    if kind_of(other) == "integer" and kind_of(native(array)) == "integer":
        return array
    real = np.empty(0, float_dtype(other)).real.dtype
    return array.astype(real)


def _canonical_weight(weight: Array, dims: int, name: str = "weight") -> Array:
    """Return the weight as (out channels, in channels / groups, *filter)."""
    if weight.ndim not in (dims, dims + 2):
        raise ShapeError(
            f"{name} must have {dims} spatial dimensions, alone or as (out channels, in channels / groups, "
            f"*filter), {dims + 2} in all; it has {weight.ndim}: {weight.shape}; reshape it, for "
            "example with numpy.newaxis"
        )
    if 0 in weight.shape[-dims:]:
        raise ShapeError(
            f"{name} must have at least one tap in every dimension, got the shape {weight.shape}; give one "
            "cell or more"
        )
    return weight[None, None] if weight.ndim == dims else weight


def _check_channels(
    operation: Operation,
    form: Form,
    shape: Shape,
    channels: int,
    weight: Shape,
    groups: int,
    name: str = "input",
) -> None:
    """Check that the input's channels, the weight's and the groups belong together."""
    transposed = operation == "conv_transpose"
    expected = weight[0] if transposed else weight[1] * groups
    if channels != expected:
        raise ShapeError(_channel_message(form, shape, channels, weight, groups, name, expected))
    if weight[0] % groups:
        what = "in channels" if transposed else "out channels"
        raise ShapeError(
            f"groups must divide the {what}: the weight has {weight[0]}, which {groups} groups do not divide "
            f"(its shape is {weight}); use other groups or another weight"
        )


def _channel_message(
    form: Form, shape: Shape, channels: int, weight: Shape, groups: int, name: str, expected: int
) -> str:
    why = f" ({weight[1]} per group × {groups} groups)" if groups > 1 else ""
    text = f"{name} has {channels} channels but the weight expects {expected}{why}"
    other = shape[-1] if form.layout == "channels_first" else shape[-form.dims - 1]
    if other == expected and not form.bare:
        place = "last" if form.layout == "channels_first" else "first"
        where = "its last dimension" if place == "last" else "its dimension before the spatial ones"
        return f"{text}; {where} is {other}: pass layout='channels_{place}'?"
    return f"{text}; {name} has shape {shape}, the weight {weight}: change one of them or groups"


def _check_bias(bias: Array | None, filters: int) -> Array | None:
    """Return the bias as (out channels,), a single number standing for a single channel."""
    if bias is None:
        return None
    if bias.ndim == 0 and filters == 1:
        return bias.reshape(1)
    if bias.shape != (filters,):
        raise ShapeError(
            f"bias must have one number per out channel, shape ({filters},); got {bias.shape}; reshape it "
            "or leave it out"
        )
    return bias


def _axes(
    size: Sequence[int], taps: Sequence[int], boundary: Boundary, transposed: bool, options: dict[str, Any]
) -> tuple[Axis, ...]:
    """Return one Axis per spatial dimension, from stride, padding, dilation and output_padding."""
    dims = len(size)
    strides = per_dimension(options.get("stride", 1), dims, "stride", 1)
    dilations = per_dimension(options.get("dilation", 1), dims, "dilation", 1)
    extras = per_dimension(options.get("output_padding", 0), dims, "output_padding", 0)
    rule = paddings(options.get("padding", 0), dims)
    axes = []
    for d in range(dims):
        name = SPATIAL_NAMES[d - dims]
        build = _transposed_axis if transposed else _forward_axis
        pair = rule if isinstance(rule, str) else rule[d]
        axes.append(build(name, size[d], taps[d], strides[d], dilations[d], pair, extras[d], boundary))
    return tuple(axes)


def _forward_axis(
    name: str,
    size: int,
    taps: int,
    stride: int,
    dilation: int,
    rule: Pair | str,
    _extra: int,
    boundary: Boundary,
) -> Axis:
    extent = dilation * (taps - 1) + 1
    before, after = resolve_padding(rule, size, extent, stride) if isinstance(rule, str) else rule
    outputs = output_count(size, taps, stride, dilation, before, after, name)
    _check_border(name, size, before, after, boundary)
    return Axis(size, outputs, taps, stride, dilation, before, after, boundary)


def _transposed_axis(
    name: str,
    size: int,
    taps: int,
    stride: int,
    dilation: int,
    rule: Pair | str,
    extra: int,
    boundary: Boundary,
) -> Axis:
    """Return the forward axis whose adjoint this is: its outputs are the transposed convolution's input."""
    extent = dilation * (taps - 1) + 1
    if extra >= max(stride, dilation):
        raise ArgumentError(
            f"output_padding must be smaller than stride or dilation: {extra} is not below "
            f"max({stride}, {dilation}) in {name}; use a larger stride or less output_padding"
        )
    if isinstance(rule, str) and rule.startswith("same"):
        before, after = resolve_padding(rule, size * stride, extent, stride)
        result = size * stride
        if extra:
            raise ArgumentError(
                f"output_padding={extra} and padding={rule!r} contradict each other: {rule!r} alone gives "
                f"size × stride = {result}; leave one out"
            )
    else:
        before, after = resolve_padding(rule, size, extent, stride) if isinstance(rule, str) else rule
        result = (size - 1) * stride - before - after + extent + extra
    if result < 1:
        raise ShapeError(
            f"the output size must be at least 1, but {name} would give ({size} − 1)·{stride} − {before} − "
            f"{after} + {dilation}·({taps}−1) + 1 + {extra} = {result}; use less padding or a larger filter"
        )
    _check_border(name, result, before, after, boundary)
    return Axis(result, size, taps, stride, dilation, before, after, boundary)


def _check_border(name: str, size: int, before: int, after: int, boundary: Boundary) -> None:
    if size == 0 and boundary != "constant" and (before or after):
        raise ShapeError(
            f"padding_mode={boundary!r} needs at least one cell to repeat, but {name} has 0; use 'zeros'"
        )
    if size + before + after > LARGEST_NUMBER:
        raise ShapeError(
            f"{name} must stay below {LARGEST_NUMBER} cells with padding, got {size + before + after}; use "
            "less padding"
        )


def _check_gradient(form: Form, gradient: Array, spec: ConvSpec) -> Array:
    """Return the output gradient as a canonical view, if its shape is that of the forward output."""
    wanted = form.shape(spec.output_shape)
    if gradient.shape != wanted:
        raise ShapeError(
            f"grad_output must have the shape of the forward result, {wanted}; got {gradient.shape}: "
            "check stride, padding and dilation, or the shape given for the other array"
        )
    return form.canonical(gradient)


def parse_shape(value: Any, name: str) -> Shape:
    """Return a shape that a caller wrote."""
    scalar = isinstance(value, np.ndarray) and value.ndim == 0
    if scalar or not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise ArgumentTypeError(f"{name} must be a shape, such as (1, 3, 224, 224); got {value!r}")
    shape = tuple(whole_number(one, name, 0) for one in value)
    if math.prod(shape) > LARGEST_SHAPE:
        raise TooLargeError(
            f"{name} must stay below {LARGEST_SHAPE} numbers in all, got {shape}; use smaller pieces"
        )
    return shape


def _out_dtype(arrays: Sequence[Array], wanted: Any) -> DType:
    result = result_dtype(*(native(array) for array in arrays))
    if wanted is None:
        return result
    out = parse_dtype(wanted, "out_dtype")
    check_conversion(result, out)
    return out


def _rules(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are a choice among names."""
    choice(options.get("algorithm", "auto"), "algorithm", get_args(Algorithm))
    return {
        "overflow": choice(options.get("overflow", "raise"), "overflow", get_args(Overflow)),
        "nan": choice(options.get("nan", "propagate"), "nan", get_args(NanRule)),
        "accuracy": choice(options.get("accuracy", "default"), "accuracy", get_args(Accuracy)),
    }
