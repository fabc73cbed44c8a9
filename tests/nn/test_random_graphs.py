"""Random networks beside ONNX Runtime, at batch 1 and 3 (figure F17)."""

import os
from pathlib import Path

import numpy as np

from convolve import nn
from tests.nn.random_graphs import drawn
from tests.peers import peer
from tests.seeds import seed

GRAPHS = int(os.environ.get("CONVOLVE_GRAPHS", "30"))


OPERATIONS = {
    "Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "ConvTranspose",
    "DepthToSpace", "Div", "Dropout", "Elu", "Erf", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool",
    "GroupNormalization", "HardSwish", "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu",
    "MatMul", "MaxPool", "Mish", "Mul", "PRelu", "Pad", "Pow", "ReduceMax", "ReduceMean", "Relu", "Reshape",
    "Resize", "Sigmoid", "Slice", "Softmax", "Softplus", "SpaceToDepth", "Sqrt", "Sub", "Swish", "Tanh",
    "Transpose",
}  # fmt: skip


def test_two_hundred_have_these_operations_and_every_number_of_dimensions() -> None:
    networks = [drawn(number) for number in range(200)]
    assert {node.operation for one in networks for node in one.graph.nodes} == OPERATIONS
    counts = [len(one.inputs[0].shape) - 2 for one in networks]
    assert min(counts.count(dims) for dims in (1, 2, 3)) >= 20


def test_beside_onnx_runtime(tmp_path: Path) -> None:
    runtime = peer("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    for number in range(GRAPHS):
        this = (seed() + number) % 2**32
        network, path = drawn(this), tmp_path / "graph.onnx"
        nn.save(network, path, force=True)
        session = runtime.InferenceSession(path, options)
        random = np.random.default_rng(this)
        for batch in (1, 3):
            sizes = network.inputs[0].shape[1:]
            image = random.standard_normal((batch, *sizes), np.float32)  # type: ignore[arg-type]
            for mine, other in zip(network(image), session.run(None, {"input": image}), strict=True):
                assert mine.shape == other.shape
                error = np.abs(mine - other).max() / max(np.abs(other).max(), 1e-3)
                assert error <= 1e-4, f"graph {this} of seed {seed()}: {error}"
