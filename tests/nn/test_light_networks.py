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

FIRST = (224, 224)
"""The size that every file names."""

SECOND = {
    "squeezenet": (256, 192), "densenet121": (256, 192), "shufflenet": (223, 221), "inception_v1": (240, 232),
    "inception_v2": (227, 226), "resnet50": (200, 220), "zfnet512": (240, 232), "bvlc_alexnet": (240, 232),
    "vgg19": (240, 232),
}  # fmt: skip
"""Another size. SqueezeNet and DenseNet end in a mean over the whole plane: any size. In the others `Reshape`
has the number of cells of one size written into it, in ShuffleNet between its groups, elsewhere before the
classifier. Only sizes that are rounded to as many cells on the way there go through, in ONNX Runtime too."""

ANY_SIZE = ("squeezenet", "densenet121")

FULL = int(os.environ.get("CONVOLVE_F17", "6")) > 6
RUN = NAMES if FULL else NAMES[:6]
"""The last three have 60 to 140 million weights and take 10 s each: a release runs them (scripts/soak), and
every network with both batches at both sizes."""


@pytest.mark.parametrize("name", RUN)
def test_beside_onnx_runtime(name: str) -> None:
    runtime = peer("onnxruntime")
    model = light_model(name, seed())
    ours = network_of(model)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    theirs = runtime.InferenceSession(model.SerializeToString(), options)
    random = np.random.default_rng(seed())
    pairs = [(1, FIRST), (3, SECOND[name])] + [(3, FIRST), (1, SECOND[name])] * FULL
    for batch, size in pairs:
        image = random.standard_normal((batch, 3, *size), np.float32)
        (expected,) = theirs.run(None, {ours.inputs[0].name: image})
        assert expected.std() >= 1e-3, "nearly uniform outputs prove little"
        error = np.abs(ours(image) - expected).max() / np.abs(expected).max()
        assert error <= 1e-4, f"batch {batch}, {size}"
    if name not in ANY_SIZE:
        with pytest.raises(ShapeError, match=r"\((Reshape|AveragePool|Concat)\): "):
            ours.summary((1, 3, 256, 192))


def test_a_size_that_the_graph_does_not_allow_is_refused_by_the_layer() -> None:
    network = network_of(light_model("shufflenet", 1))
    with pytest.raises(ShapeError, match=r"n7 \(Reshape\): the input has 344064 cells"):
        network(np.zeros((1, 3, 256, 192), np.float32))
