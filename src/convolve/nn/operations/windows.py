"""What convolution and pooling share: strides, padding and filters as ONNX writes them, as ours take them."""

import math
from typing import Any

from convolve.errors import ShapeError
from convolve.nn.attributes import Attribute, choice, wholes
from convolve.nn.operation import Node, Window
from convolve.nn.tensor import Tensor, check_ndim
from convolve.options import resolve_padding

Pairs = tuple[tuple[int, int], ...]

AUTO_PAD = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}
"""ONNX's names of paddings -> ours."""

ATTRIBUTES: dict[str, Attribute] = {
    "auto_pad": choice("NOTSET", "NOTSET", *AUTO_PAD),
    "strides": wholes(least=1),
    "dilations": wholes(least=1),
    "pads": wholes(least=0),
    "kernel_shape": wholes(least=1),
}


def per_dimension(node: Node, name: str, dims: int, default: int = 1) -> tuple[int, ...]:
    """Return an attribute that has one number per spatial dimension."""
    given: tuple[int, ...] | None = node.attributes.get(name)
    if given is None:
        return (default,) * dims
    if len(given) != dims:
        raise ShapeError(f"{name} must have one number for each of {dims} spatial dimensions, got {given}")
    return given


def given_pads(node: Node, dims: int) -> Pairs:
    """Return ONNX's pads, all the befores and then all the afters, as pairs."""
    pads = node["pads"] or (0,) * (2 * dims)
    if len(pads) != 2 * dims:
        raise ShapeError(f"pads must have two numbers for each of {dims} spatial dimensions, got {pads}")
    return tuple(zip(pads[:dims], pads[dims:], strict=True))


def padding(node: Node, dims: int) -> str | Pairs:
    """Return the padding in our words: a rule, or pairs."""
    return AUTO_PAD.get(node["auto_pad"]) or given_pads(node, dims)


def pairs_of(node: Node, size: tuple[int, ...], extents: tuple[int, ...], strides: tuple[int, ...]) -> Pairs:
    """Return the padding as pairs, whatever the rule."""
    rule = padding(node, len(size))
    if not isinstance(rule, str):
        return rule
    return tuple(resolve_padding(rule, *numbers) for numbers in zip(size, extents, strides, strict=True))


def extents_of(taps: tuple[int, ...], dilations: tuple[int, ...]) -> tuple[int, ...]:
    """Return the cells from the first tap to the last."""
    return tuple(step * (count - 1) + 1 for step, count in zip(dilations, taps, strict=True))


def spatial_dims(x: Tensor) -> int:
    """Return the number of spatial dimensions, 1 to 3."""
    check_ndim(x, 3, 5)
    return x.ndim - 2


def taps_of(node: Node, dims: int, weight: Tensor | None = None) -> tuple[int, ...]:
    """Return the filter's or the window's size; the weight's own if there is one."""
    if weight is None:
        return per_dimension(node, "kernel_shape", dims)
    if weight.ndim != dims + 2:
        raise ShapeError(f"weight must have {dims + 2} dimensions for such an input, got {weight.shape}")
    if node["kernel_shape"] not in (None, weight.shape[2:]):
        raise ShapeError(
            f"kernel_shape must be that of the weight, {weight.shape[2:]}; got {node['kernel_shape']}"
        )
    return weight.shape[2:]


def convolution_window(node: Node, inputs: tuple[Tensor, ...]) -> Window:
    """Return what one output reads: the filter's extent, the stride, and the cells before."""
    x = inputs[0]
    dims = x.ndim - 2
    weight = inputs[weight_place(node)] if len(inputs) > 1 else None
    extents = extents_of(taps_of(node, dims, weight), per_dimension(node, "dilations", dims))
    strides = per_dimension(node, "strides", dims)
    pads = pairs_of(node, x.shape[2:], extents, strides)
    return Window(extents, strides, tuple(before for before, _ in pads))


def weight_place(node: Node) -> int:
    """Return which input is the weight."""
    return 3 if node.operation == "QLinearConv" else 1


def multiply_adds(node: Node, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> int:
    """Return the multiply-adds of a convolution: outputs × taps × input channels per group."""
    return outputs[0].size * math.prod(inputs[weight_place(node)].shape[1:])


def options(node: Node, dims: int) -> dict[str, Any]:
    """Return the options of a forward convolution for our functions."""
    return {
        "stride": per_dimension(node, "strides", dims),
        "padding": padding(node, dims),
        "dilation": per_dimension(node, "dilations", dims),
        "groups": node["group"],
    }
