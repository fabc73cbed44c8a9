"""The networks in the onnx wheel, with drawn weights, beside ONNX Runtime (figure F17)."""

import os

import numpy as np
import pytest

from convolve.errors import ShapeError
from convolve.nn.onnx.reading import network_of
from tests.peers import peer
from tests.seeds import seed

peer("onnx")  # before what needs it

from bench.light_networks import NAMES, light_model  # noqa: E402

ANY_SIZE = ("densenet121", "squeezenet")
"""Networks that end in a pooling over the whole plane; the others allow one image size only."""

RUN = NAMES[: int(os.environ.get("CONVOLVE_F17", "6"))]
"""The last three have 60 to 140 million weights and take 10 s each: a release runs them (scripts/soak)."""


@pytest.mark.parametrize("name", RUN)
def test_beside_onnx_runtime(name: str) -> None:
    runtime = peer("onnxruntime")
    model = light_model(name, seed())
    ours = network_of(model)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    theirs = runtime.InferenceSession(model.SerializeToString(), options)
    random = np.random.default_rng(seed())
    sizes = [(1, 224, 224), (3, 224, 224)] + [(1, 256, 192), (3, 160, 224)] * (name in ANY_SIZE)
    for batch, height, width in sizes:
        image = random.standard_normal((batch, 3, height, width), np.float32)
        (expected,) = theirs.run(None, {ours.inputs[0].name: image})
        assert expected.std() >= 1e-3, "nearly uniform outputs prove little"
        error = np.abs(ours(image) - expected).max() / np.abs(expected).max()
        assert error <= 1e-4


def test_a_size_that_the_graph_does_not_allow_is_refused_by_the_layer() -> None:
    network = network_of(light_model("shufflenet", 1))
    with pytest.raises(ShapeError, match=r"n7 \(Reshape\): the input has 344064 cells"):
        network(np.zeros((1, 3, 256, 192), np.float32))
