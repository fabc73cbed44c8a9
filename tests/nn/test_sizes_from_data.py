"""Graphs whose shapes depend on the numbers that go in: known when they run, checked then."""

from typing import Any

import numpy as np
import pytest

from convolve.errors import ShapeError
from convolve.nn.onnx.reading import network_of
from tests.peers import peer

INT64, FLOAT = 7, 1


def model(nodes: list[Any], inputs: dict[str, Any], output: str, constants: dict[str, Any]) -> Any:
    onnx = peer("onnx")
    given = [onnx.helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    result = [onnx.helper.make_tensor_value_info(output, FLOAT, None)]
    numbers = [onnx.numpy_helper.from_array(np.array(array), name) for name, array in constants.items()]
    graph = onnx.helper.make_graph(nodes, "g", given, result, numbers)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def detector() -> Any:
    """Return a model that picks the best boxes of one image and gives their corners."""
    node = peer("onnx").helper.make_node
    nodes = [
        node(
            "NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["found"], name="suppress"
        ),
        node("Gather", ["found", "two"], ["places"], axis=1, name="places"),
        node("Squeeze", ["boxes", "zero"], ["image"], name="image"),
        node("Gather", ["image", "places"], ["picked"], axis=0, name="pick"),
        node("Squeeze", ["picked", "one"], ["corners"], name="corners"),
        node("Mul", ["corners", "scale"], ["out"], name="scaled"),
    ]
    constants = {
        "most": np.int64([5]), "overlap": np.float32([0.4]), "least": np.float32([0.37]),
        "two": np.int64([2]), "zero": np.int64([0]), "one": np.int64([1]), "scale": np.float32([2.0]),
    }  # fmt: skip
    return model(nodes, {"boxes": [1, 40, 4], "scores": [1, 2, 40]}, "out", constants)


def test_a_detector_beside_onnx_runtime() -> None:
    runtime, made = peer("onnxruntime"), detector()
    network = network_of(made)
    session = runtime.InferenceSession(made.SerializeToString())
    random = np.random.default_rng(3)
    counts = set()
    for _ in range(20):
        corners = random.uniform(0, 10, (1, 40, 2))
        boxes = np.concatenate([corners, corners + random.uniform(0.5, 6, (1, 40, 2))], 2).astype(np.float32)
        scores = random.uniform(0, 0.4, (1, 2, 40)).astype(np.float32)
        (expected,) = session.run(None, {"boxes": boxes, "scores": scores})
        np.testing.assert_array_equal(network(boxes, scores), expected)
        counts.add(len(expected))
    assert network(boxes, np.zeros_like(scores)).shape == (0, 4)
    assert len(counts) > 1, "always the same number proves little"


def test_the_summary_says_where_sizes_are_known_only_when_it_runs() -> None:
    rows = {row.layer: row for row in network_of(detector()).summary().rows}
    assert rows["suppress"].shape is None and rows["scaled"].shape is None
    assert rows["image"].shape == (40, 4)
    assert "?" in str(network_of(detector()).summary())


def test_what_does_not_fit_is_refused_when_it_runs() -> None:
    node = peer("onnx").helper.make_node
    nodes = [
        node("NonZero", ["x"], ["places"], name="places"),
        node("Cast", ["places"], ["numbers"], to=FLOAT, name="numbers"),
        node("Add", ["numbers", "three"], ["out"], name="sum"),
    ]
    network = network_of(model(nodes, {"x": [4]}, "out", {"three": np.ones((1, 3), np.float32)}))
    np.testing.assert_array_equal(network(np.float32([1, 0, 1, 1])), [[1, 3, 4]])
    with pytest.raises(ShapeError, match=r"sum \(Add\): shapes must be equal.* got \(1, 2\) and \(1, 3\)"):
        network(np.float32([1, 0, 1, 0]))
