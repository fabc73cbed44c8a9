"""Every gradient of the table against central differences in float64; and which operations have one."""

from typing import Any

import numpy as np
import pytest

from convolve.errors import ArgumentError
from convolve.nn.backward import Differentiated
from convolve.nn.graph import Graph, Input, make_node
from convolve.nn.operations import OPERATIONS
from convolve.nn.tensor import Tensor
from tests.nn.gradient_cases import CASES, NOT_DIFFERENTIABLE

STEP, ABSOLUTE, RELATIVE = 1e-6, 1e-5, 1e-3
"""The numbers of ``torch.autograd.gradcheck``."""

MOST_CELLS = 16
"""Cells of each input that are changed, drawn at random; all would be no other test and take longer."""

OUTPUTS = {"Split": 2, "BatchNormTraining": 5, "DropCells": 2, "TopK": 2}


def differentiated(
    operation: str, arrays: list[Any], attributes: dict[str, Any]
) -> tuple[Any, Any, list[str]]:
    """Return (forward and back of one node, its inputs by name, the names of the outputs)."""
    named = {f"in{place}": array for place, array in enumerate(arrays) if array is not None}
    names = [f"in{place}" if array is not None else "" for place, array in enumerate(arrays)]
    outputs = [f"out{place}" for place in range(OUTPUTS.get(operation, 1))]
    node = make_node(operation, names, outputs, "case", attributes)
    floats = [name for name, array in named.items() if array.dtype == np.float64]
    inputs = tuple(Input(name, named[name].shape, named[name].dtype) for name in floats)
    constants = {name: array for name, array in named.items() if name not in floats}
    graph = Graph(inputs, (node,), constants, tuple(outputs))
    given = {name: Tensor.of(named[name]) for name in floats}
    return Differentiated(graph, given, outputs, floats), {name: named[name] for name in floats}, outputs


@pytest.mark.parametrize("case", CASES, ids=[f"{k}-{case[0]}" for k, case in enumerate(CASES)])
def test_gradients_are_those_of_central_differences(case: Any) -> None:
    network, arrays, outputs = differentiated(*case)
    random = np.random.default_rng(0)
    kept = network.forward(arrays)
    used = outputs if case[0] == "Split" else outputs[:1]
    weights = {name: random.standard_normal(kept[name].shape) for name in used}

    def total(changed: dict[str, Any]) -> float:
        found = network.forward(changed)
        return float(sum(np.sum(found[name] * weights[name]) for name in used))

    gradients = network.backward(kept, weights)
    for name, array in arrays.items():
        assert gradients[name].shape == array.shape
        for cell in random.permutation(array.size)[:MOST_CELLS]:
            step = np.zeros(array.size)
            step[cell] = STEP
            by = step.reshape(array.shape)
            slope = (total({**arrays, name: array + by}) - total({**arrays, name: array - by})) / (2 * STEP)
            np.testing.assert_allclose(
                gradients[name].reshape(-1)[cell], slope, RELATIVE, ABSOLUTE, err_msg=name
            )


def test_every_operation_has_a_gradient_or_is_listed_as_having_none() -> None:
    without = {name for name, operation in OPERATIONS.items() if isinstance(operation.gradient, str)}
    assert without == NOT_DIFFERENTIABLE
    assert {case[0] for case in CASES} == set(OPERATIONS) - NOT_DIFFERENTIABLE


def test_a_gradient_that_cannot_go_through_is_refused_with_the_layers_name() -> None:
    network, arrays, outputs = differentiated("Hardmax", [np.array([[1.0, 2.0]])], {})
    kept = network.forward(arrays)
    with pytest.raises(ArgumentError, match=r"case \(Hardmax\): gradients do not go through.*Softmax"):
        network.backward(kept, {outputs[0]: np.ones((1, 2))})


def test_whole_numbers_end_the_way_back_in_silence() -> None:
    network, arrays, outputs = differentiated("ArgMax", [np.array([[1.0, 2.0]])], {})
    kept = network.forward(arrays)
    assert network.backward(kept, {outputs[0]: np.ones((1, 2))})["in0"].tolist() == [[0, 0]]
