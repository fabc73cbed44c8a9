"""Nodes as older opsets write them, beside ONNX Runtime, which implements every opset since 7."""

from typing import Any

import numpy as np
import pytest

from convolve.errors import FileFormatError
from convolve.nn.onnx.reading import network_of
from tests.peers import peer

IMAGE = (2, 4, 6, 8)
STATISTICS = [np.full(4, number, np.float32) for number in (1, 2, 3, 4)]

CASES: dict[str, tuple[str, int, dict[str, Any], list[Any], int]] = {
    "softmax of all from axis 1 on": ("Softmax", 11, {}, [], 1),
    "softmax of all from axis 2 on": ("Softmax", 9, {"axis": 2}, [], 1),
    "softmax from the end": ("Softmax", 11, {"axis": -1}, [], 1),
    "log softmax": ("LogSoftmax", 12, {"axis": 3}, [], 1),
    "hardmax": ("Hardmax", 11, {"axis": 1}, [], 1),
    "clip by attributes": ("Clip", 7, {"min": -0.5, "max": 0.75}, [], 1),
    "clip above": ("Clip", 10, {"max": 0.1}, [], 1),
    "pad by attributes": ("Pad", 9, {"pads": [0, 0, 1, 2, 0, 0, 0, 1], "value": 1.5}, [], 1),
    "pad by reflection": ("Pad", 9, {"pads": [0, 0, 1, 2, 0, 0, 3, 1], "mode": "reflect"}, [], 1),
    "slice by attributes": ("Slice", 9, {"starts": [1, -3], "ends": [99, -1], "axes": [1, 3]}, [], 1),
    "slice of the first axes": ("Slice", 7, {"starts": [0, 1], "ends": [1, 3]}, [], 1),
    "split by attribute": ("Split", 11, {"axis": 1, "split": [1, 3]}, [], 2),
    "split evenly": ("Split", 7, {"axis": 3}, [], 2),
    "squeeze": ("Squeeze", 11, {"axes": [0]}, [], 1),
    "unsqueeze": ("Unsqueeze", 9, {"axes": [0, 3]}, [], 1),
    "mean over axes": ("ReduceMean", 13, {"axes": [2, 3], "keepdims": 0}, [], 1),
    "sum over axes": ("ReduceSum", 11, {"axes": [-1]}, [], 1),
    "largest of all": ("ReduceMax", 11, {"keepdims": 0}, [], 1),
    "dropout": ("Dropout", 7, {"ratio": 0.3}, [], 1),
    "top k by attribute": ("TopK", 7, {"k": 3, "axis": 1}, [], 2),
    "top k by input": ("TopK", 10, {"axis": 3}, [np.array([2])], 2),
    "upsample by attribute": ("Upsample", 7, {"scales": [1.0, 1.0, 2.0, 3.0]}, [], 1),
    "upsample by input": ("Upsample", 9, {"mode": "linear"}, [np.array([1, 1, 2, 2], np.float32)], 1),
    "resize larger": ("Resize", 10, {}, [np.array([1, 1, 2, 1.5], np.float32)], 1),
    "resize smaller": ("Resize", 10, {}, [np.array([1, 1, 0.5, 0.6], np.float32)], 1),
    "resize linear": ("Resize", 10, {"mode": "linear"}, [np.array([1, 1, 0.5, 2], np.float32)], 1),
    "resize 11": (
        "Resize", 11, {"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel"},
        [np.array([], np.float32), np.array([1, 1, 2, 2], np.float32)], 1,
    ),
    "batch normalisation 7": ("BatchNormalization", 7, {}, STATISTICS, 1),
    "batch normalisation 9": ("BatchNormalization", 9, {"epsilon": 1e-3}, STATISTICS, 1),
    "largest pooling 7": (
        "MaxPool", 7, {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}, [], 1,
    ),
    "mean pooling 7": (
        "AveragePool", 7, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}, [], 1,
    ),
    "flatten": ("Flatten", 9, {"axis": 2}, [], 1),
    "scatter": (
        "Scatter", 10, {"axis": 3}, [np.zeros((1, 1, 1, 1), np.int64), np.ones((1, 1, 1, 1), np.float32)], 1,
    ),
    "samples": (
        "GridSample", 16, {"mode": "bicubic", "padding_mode": "reflection"},
        [np.random.default_rng(1).uniform(-1.3, 1.3, (2, 5, 3, 2)).astype(np.float32)], 1,
    ),
    "samples between": (
        "GridSample", 16, {"align_corners": 1},
        [np.random.default_rng(1).uniform(-1.3, 1.3, (2, 5, 3, 2)).astype(np.float32)], 1,
    ),
    "slopes": ("PRelu", 7, {}, [np.array([0.1, 0.2, 0.3, 0.4], np.float32).reshape(4, 1, 1)], 1),
}  # fmt: skip
"""Name -> (operation, opset, attributes, constant inputs, number of outputs)."""


def model_of(case: str) -> Any:
    """Return the case as a model of one node, whose first input has the shape of an image."""
    onnx = peer("onnx")
    operation, opset, attributes, numbers, count = CASES[case]
    shape = [1, 4, 6, 8] if case == "squeeze" else list(IMAGE)
    names = [f"n{place}" for place in range(len(numbers))]
    node = onnx.helper.make_node(operation, ["x", *names], [f"y{k}" for k in range(count)], **attributes)
    kinds = [
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.INT64 if operation == "TopK" else onnx.TensorProto.FLOAT,
    ]
    outputs = [onnx.helper.make_tensor_value_info(f"y{k}", kinds[k], None) for k in range(count)]
    given = onnx.helper.make_tensor_value_info("x", 1, shape)
    weights = [onnx.numpy_helper.from_array(array, name) for array, name in zip(numbers, names, strict=True)]
    graph = onnx.helper.make_graph([node], "g", [given], outputs, weights)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("case", CASES)
def test_beside_onnx_runtime(case: str) -> None:
    runtime, model = peer("onnxruntime"), model_of(case)
    network = network_of(model)
    image = np.random.default_rng(4).normal(size=network.inputs[0].shape).astype(np.float32)
    found = network(image)
    results = found if isinstance(found, tuple) else (found,)
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    theirs = runtime.InferenceSession(model.SerializeToString(), options).run(None, {"x": image})
    for mine, other in zip(results, theirs, strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("opset", "operation", "attributes", "words"),
    [
        (7, "BatchNormalization", {"spatial": 0}, "spatial must be 1"),
        (6, "BatchNormalization", {"is_test": 0}, "must be exported for inference"),
        (10, "Upsample", {}, "opset 10 has no such operation any more"),
        (5, "Relu", {}, "opsets 6 to 28 are read, this file has opset 5"),
        (29, "Relu", {}, "opsets 6 to 28 are read, this file has opset 29"),
    ],
)
def test_what_old_files_may_ask_for_in_vain(opset: int, operation: str, attributes: Any, words: str) -> None:
    onnx = peer("onnx")
    node = onnx.helper.make_node(operation, ["x"], ["y"], **attributes)
    values = [onnx.helper.make_tensor_value_info(name, 1, [1, 4, 6, 8]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    with pytest.raises(FileFormatError, match=words):
        network_of(model)
