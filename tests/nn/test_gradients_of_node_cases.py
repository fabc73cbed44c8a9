"""Every gradient along two directions, on ONNX's own node cases with all attributes and inputs they have.

Cells are drawn anew, in float64, so that no two are equal and none lies where a function has a corner.
"""

import re
from typing import Any

import numpy as np
import pytest

from convolve.nn.backward import Differentiated
from convolve.nn.graph import Graph, Input
from convolve.nn.onnx.reading import graph_of
from convolve.nn.operation import Node
from convolve.nn.operations import OPERATIONS
from convolve.nn.tensor import Tensor, is_float
from tests.nn.node_cases import NAMES, as_arrays, node_cases

STEP = 1e-6
POSITIVE = {"Log", "Sqrt", "ReduceLogSum", "Pow"}
"""Operations of positive numbers."""

STEERED = {"Resize": 1, "Clip": 1, "Pad": 1, "Dropout": 1}
"""Operation -> the first of its inputs that are no data: sizes, limits, ratios."""

LEFT_OUT = re.compile("cast|empty_set|scatter.*_(max|min|mul)|pow_types_int")
"""Names of cases without a difference to compare with: numbers that are rounded, none, refused ones."""


def samples() -> list[str]:
    """Return the cases of one node that has a gradient."""
    found = []
    for name in NAMES:
        nodes = node_cases()[name].model.graph.node
        known = len(nodes) == 1 and OPERATIONS.get(nodes[0].op_type)
        if known and not isinstance(known.gradient, str) and not LEFT_OUT.search(name):
            found.append(name)
    return found


def sample(name: str) -> tuple[Graph, dict[str, Any]]:
    """Return a case as a graph of float64, and its inputs by name."""
    case = node_cases()[name]
    graph = graph_of(case.model, None)
    (node,) = graph.nodes
    given = dict(zip([one.name for one in graph.inputs], as_arrays(case.data_sets[0][0]), strict=True))
    random = np.random.default_rng(sum(map(ord, name)))
    arrays = {
        one: drawn(node, place, (given | dict(graph.constants))[one], random)
        for place, one in enumerate(node.inputs)
        if one
    }
    steered = STEERED.get(node.operation, 99)
    floats = {
        one: arrays[one] for one in node.inputs[:steered] if one in given and arrays[one].dtype == np.float64
    }
    inputs = tuple(Input(one, array.shape, array.dtype) for one, array in floats.items())
    rest = {one: array for one, array in arrays.items() if one not in floats}
    return Graph(inputs, (node,), rest, graph.outputs), floats


def drawn(node: Node, place: int, array: Any, random: np.random.Generator) -> Any:
    """Return cells of their own for an input that has a gradient; what steers an operation stays."""
    if not is_float(array.dtype):
        return array
    if place >= STEERED.get(node.operation, 99):
        return array if node.operation == "Resize" else array.astype(np.float64)
    cells = random.permutation(array.size) - array.size / 2 + random.uniform(0.1, 0.6, array.size)
    reach = 1.2 if node.operation == "Tan" else 4
    spread = cells.reshape(array.shape) * max(reach / max(4, array.size), 1e-3)
    positive = node.operation in POSITIVE or (node.operation == "BatchNormalization" and place == 4)
    return np.abs(spread) + 0.5 if positive else spread


@pytest.mark.parametrize("name", samples())
def test_node_case(name: str) -> None:
    graph, arrays = sample(name)
    if not arrays:
        return
    random = np.random.default_rng(11)
    outputs = graph.outputs if graph.nodes[0].operation == "Split" else graph.outputs[:1]
    given = {one: Tensor.of(array) for one, array in arrays.items()}
    network = Differentiated(graph, given, graph.outputs, list(arrays))
    kept = network.forward(arrays)
    weights = {one: random.standard_normal(kept[one].shape) for one in outputs}

    def total(changed: dict[str, Any]) -> float:
        found = network.forward(changed)
        return float(sum(np.sum(found[one] * weights[one]) for one in outputs))

    for one, gradient in network.backward(kept, weights).items():
        assert gradient.shape == arrays[one].shape
        for _ in range(2):
            direction = random.standard_normal(gradient.shape)
            up, down = (total({**arrays, one: arrays[one] + by * direction}) for by in (STEP, -STEP))
            scale = max(1.0, float(np.sqrt(np.sum(gradient**2))))
            assert abs((up - down) / (2 * STEP) - np.sum(gradient * direction)) <= 1e-6 * scale, one
