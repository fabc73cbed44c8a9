"""ONNX's own backend node cases, as the installed package generates them, computed by public functions.

Each case is a model of one node with inputs and expected outputs. The names are committed below, so that
a case that vanishes, or a new one that nobody looked at, fails.
"""

import importlib
import math
from typing import Any

import numpy as np
import pytest

import convolve
from tests.parity.compare import Array
from tests.parity.onnx_names import CASE_NAMES
from tests.peers import peer

onnx = peer("onnx")

OPERATORS = ("Conv", "ConvTranspose", "ConvInteger", "MaxPool", "AveragePool")
Pairs = tuple[tuple[int, int], ...]


def node_cases() -> dict[str, Any]:
    """Return ONNX's cases of our operators by name; importing a module of cases registers them."""
    for operator in OPERATORS:
        importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    registered = importlib.import_module("onnx.backend.test.case.node")._NodeTestCases
    return {case.name: case for case in registered if case.model.graph.node[0].op_type in OPERATORS}


CASES = node_cases()


class Node:
    """One node: its attributes with ONNX's defaults, for an input of known size and filter."""

    def __init__(self, model: Any, size: tuple[int, ...], taps: tuple[int, ...] | None) -> None:
        (node,) = model.graph.node
        self.operator = node.op_type
        self.given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        self.size = size
        self.taps = tuple(self.given.get("kernel_shape", taps))
        self.strides = tuple(self.given.get("strides", (1,) * len(size)))
        self.dilations = tuple(self.given.get("dilations", (1,) * len(size)))
        self.groups = self.given.get("group", 1)
        self.auto_pad = self.given.get("auto_pad", b"NOTSET").decode()

    @property
    def dims(self) -> int:
        return len(self.size)

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(step * (count - 1) + 1 for step, count in zip(self.dilations, self.taps, strict=True))

    def given_pads(self) -> Pairs:
        """Return ONNX's pads, all the befores and then all the afters, as pairs."""
        pads = self.given.get("pads", [0] * 2 * self.dims)
        return tuple(zip(pads[: self.dims], pads[self.dims :], strict=True))

    def padding(self) -> str | Pairs:
        """Return the padding of a forward operator in our words."""
        names = {"SAME_UPPER": "same", "SAME_LOWER": "same_lower", "VALID": "valid"}
        return names[self.auto_pad] if self.auto_pad in names else self.given_pads()

    def transposed_padding(self) -> tuple[Pairs, tuple[int, ...]]:
        """Return padding and output padding, which ONNX can also derive from the shape of the result."""
        extra = tuple(self.given.get("output_padding", (0,) * self.dims))
        wanted = self.given.get("output_shape")
        if wanted is None and self.auto_pad.startswith("SAME"):
            wanted = [size * stride for size, stride in zip(self.size, self.strides, strict=True)]
        if wanted is None:
            return self.given_pads(), extra
        full = [
            (size - 1) * stride + extent
            for size, stride, extent in zip(self.size, self.strides, self.extents, strict=True)
        ]
        surplus = [most - least for most, least in zip(full, wanted, strict=True)]
        cut = [max(0, number) for number in surplus]
        upper = self.auto_pad == "SAME_UPPER"
        pairs = [(n // 2, n - n // 2) if upper else (n - n // 2, n // 2) for n in cut]
        return tuple(pairs), tuple(max(0, -number) for number in surplus)


def conv(node: Node, image: Array, weight: Array, bias: Array | None = None) -> list[Array]:
    function = getattr(convolve, f"conv{node.dims}d")
    return [function(image, weight, bias, node.strides, node.padding(), node.dilations, node.groups)]


def conv_transpose(node: Node, image: Array, weight: Array, bias: Array | None = None) -> list[Array]:
    function = getattr(convolve, f"conv_transpose{node.dims}d")
    padding, extra = node.transposed_padding()
    return [function(image, weight, bias, node.strides, padding, extra, node.groups, node.dilations)]


def conv_integer(node: Node, image: Array, weight: Array, *zero_points: Array) -> list[Array]:
    """Subtract the zero points, after which a border of zeros is what ONNX asks for."""
    image_zero, weight_zero = (*zero_points, np.uint8(0), np.uint8(0))[:2]
    centred = image.astype(np.int16) - np.int16(image_zero)
    per_filter = np.reshape(weight_zero, (-1,) + (1,) * (weight.ndim - 1)).astype(np.int16)
    return conv(node, centred, weight.astype(np.int16) - per_filter)


def max_pool(node: Node, image: Array) -> list[Array]:
    function = getattr(convolve, f"max_pool{node.dims}d")
    ceil = bool(node.given.get("ceil_mode", 0))
    values, indices = function(
        image, node.taps, node.strides, node.padding(), node.dilations, ceil, return_indices=True
    )
    return [values, onnx_indices(indices, image.shape, bool(node.given.get("storage_order", 0)))]


def onnx_indices(indices: Array, shape: tuple[int, ...], column_major: bool) -> Array:
    """Return our indices, which count within one channel, as ONNX counts them: through the whole array."""
    batch, channels, *spatial = shape
    within = np.ravel_multi_index(
        np.unravel_index(indices, spatial), spatial, order="F" if column_major else "C"
    )
    planes = np.arange(batch * channels).reshape((batch, channels) + (1,) * len(spatial))
    return np.asarray(within + planes * math.prod(spatial))


def avg_pool(node: Node, image: Array) -> list[Array]:
    function = getattr(convolve, f"avg_pool{node.dims}d")
    ceil, include = (bool(node.given.get(name, 0)) for name in ("ceil_mode", "count_include_pad"))
    return [function(image, node.taps, node.strides, node.padding(), ceil, include, dilation=node.dilations)]


COMPUTE = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "ConvInteger": conv_integer,
    "MaxPool": max_pool,
    "AveragePool": avg_pool,
}


def test_the_cases_are_those_that_were_looked_at() -> None:
    assert sorted(CASES) == sorted(CASE_NAMES)
    assert len(CASES) == 58


@pytest.mark.parametrize("name", CASE_NAMES)
def test_node_case(name: str) -> None:
    case = CASES[name]
    compared = 0
    for inputs, outputs in case.data_sets:
        taps = inputs[1].shape[2:] if len(inputs) > 1 else None
        node = Node(case.model, inputs[0].shape[2:], taps)
        ours = COMPUTE[node.operator](node, *inputs)
        for mine, expected in zip(ours, outputs, strict=False):
            np.testing.assert_allclose(mine, expected, rtol=case.rtol, atol=case.atol)
            assert mine.shape == expected.shape and mine.dtype == expected.dtype
            compared += 1
    assert compared == len(case.model.graph.node[0].output)
