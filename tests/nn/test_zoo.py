"""Well-known networks, written with our own layers and exported, beside ONNX Runtime at batch 1 and 3."""

import os
from pathlib import Path

import numpy as np
import pytest

from convolve import nn
from tests.nn.zoo import ZOO, with_statistics
from tests.peers import peer
from tests.seeds import seed

FULL = int(os.environ.get("CONVOLVE_F17", "6")) > 6
RUN = [name for name in ZOO if FULL or name != "convnext"]
"""ConvNeXt-T has 28 million weights and takes 10 s: a release runs it (scripts/soak), and every network with
both batches at both sizes."""


@pytest.mark.parametrize("name", RUN)
def test_beside_onnx_runtime(name: str, tmp_path: Path) -> None:
    runtime = peer("onnxruntime")
    make, sizes = ZOO[name]
    network, path = with_statistics(make(), seed()), tmp_path / "network.onnx"
    nn.save(network, path)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path, options)
    random = np.random.default_rng(seed())
    channels = network.inputs[0].shape[1]
    first, second = sizes
    for batch, size in [(1, first), (3, second)] + [(3, first), (1, second)] * FULL:
        image = random.standard_normal((batch, channels, *size), np.float32)  # type: ignore[arg-type]
        found = network(image)
        results = found if isinstance(found, tuple) else (found,)
        for ours, theirs in zip(results, session.run(None, {"input": image}), strict=True):
            assert theirs.std() >= 1e-3
            assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


PARAMETERS = {
    "resnet18": 11_689_512, "mobilenet2": 3_504_872, "mobilenet3": 2_542_856, "efficientnet": 5_288_548,
    "convnext": 28_589_128 - 6_624,
}  # fmt: skip
"""As torchvision counts them; ConvNeXt's 6624 scales of layers, 1e-6 at first, are left out here."""


@pytest.mark.parametrize("name", PARAMETERS)
def test_they_are_the_networks_of_their_names(name: str) -> None:
    assert ZOO[name][0]().summary().parameters == PARAMETERS[name]
