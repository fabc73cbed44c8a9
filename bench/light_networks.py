"""The networks in the onnx wheel with weights that mean something.

Their own weights are constants of one number, and their expected outputs nearly uniform, which proves little.
Here every weight is drawn from a seed so that feature maps keep their variance, and the final softmax, which
hides errors, is left out. Tests compare these networks (tests/nn/test_light_networks.py), and
`bench.networks` times them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx

NAMES = (
    "squeezenet", "shufflenet", "inception_v1", "inception_v2", "resnet50", "densenet121", "zfnet512",
    "bvlc_alexnet", "vgg19",
)  # fmt: skip


def light_model(name: str, seed: int) -> Any:
    """Return the network as a model with drawn weights, open batch and image size, and no final softmax."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load(folder / f"light_{name}.onnx")
    graph, random = model.graph, np.random.default_rng(seed)
    shapes = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    filled = {n.output[0]: shapes[n.input[0]] for n in graph.node if n.op_type == "ConstantOfShape"}
    readers = {source: (n, place) for n in graph.node for place, source in enumerate(n.input)}
    for weight, shape in filled.items():
        array = drawn(random, *_origin(weight, readers), tuple(int(size) for size in shape))
        graph.initializer.append(onnx.numpy_helper.from_array(array, weight))
    kept = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    if kept[-1].op_type == "Softmax":
        graph.output[0].name = kept.pop().input[0]
    del graph.node[:]
    graph.node.extend(kept)
    _open_sizes(graph)
    model.ir_version = 8  # in which initializers need not be inputs
    return model


def _origin(weight: str, readers: dict[str, Any]) -> tuple[str, int]:
    """Return which operation reads a weight, and at which place; Unsqueeze only shapes it."""
    node, place = readers[weight]
    while node.op_type == "Unsqueeze":
        node, place = readers[node.output[0]]
    return node.op_type, place


def drawn(random: np.random.Generator, operation: str, place: int, shape: tuple[int, ...]) -> Any:
    """Return numbers for one weight: filters keep the variance through ReLU, scales lie around 1."""
    if operation in ("Conv", "Gemm", "MatMul") and place == 1:
        return random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if operation == "Mul" or (operation == "BatchNormalization" and place in (1, 4)):
        return random.uniform(0.8, 1.2, shape).astype(np.float32)
    return random.standard_normal(shape, np.float32) * np.float32(0.1)


def _open_sizes(graph: Any) -> None:
    """Let batch and image have any size where the file writes one down only because it was traced."""
    del graph.value_info[:]
    numbers = {one.name: one for one in graph.initializer}
    inputs = [one for one in graph.input if one.name not in numbers]
    del graph.input[:]
    graph.input.extend(inputs)
    for value in [*graph.input, *graph.output]:
        dims = value.type.tensor_type.shape.dim
        for place in range(len(dims)):
            if place != 1:
                dims[place].ClearField("dim_value")
                dims[place].dim_param = f"{value.name}{place}"
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[0] not in numbers:
            shape = onnx.numpy_helper.to_array(numbers[node.input[1]]).copy()
            shape[0] = 0  # as many as come in
            numbers[node.input[1]].CopyFrom(onnx.numpy_helper.from_array(shape, node.input[1]))
