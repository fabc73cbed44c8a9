"""Networks written as ONNX files: ONNX Runtime computes the same from them, and so do we."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convolve
from convolve import nn
from convolve.errors import ArgumentError, ArgumentTypeError, FileExistsRefusal
from tests.nn.test_layers import CASES
from tests.peers import peer

UNEQUAL = {"adaptive_avg1d", "adaptive_avg2d", "adaptive_max2d"}
"""Cases whose windows have different sizes, which ONNX does not have."""


def beside(network: nn.Network, folder: Path, *images: Any) -> None:
    """Compare what a written network gives in ONNX Runtime and here with what it gives."""
    runtime = peer("onnxruntime")
    path = folder / "network.onnx"
    nn.save(network, path)
    session = runtime.InferenceSession(path)
    again = convolve.load(path)
    names = [one.name for one in network.inputs]
    results = network(*images)
    expected = results if isinstance(results, tuple) else (results,)
    theirs = session.run(None, dict(zip(names, images, strict=True)))
    for mine, other in zip(expected, theirs, strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    read = again(*images)
    for mine, other in zip(expected, read if isinstance(read, tuple) else (read,), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case not in UNEQUAL])
def test_every_layer(case: str, tmp_path: Path) -> None:
    kind, arguments, options, shape = CASES[case]
    network = nn.Sequential(getattr(nn, kind)(*arguments, **options), input_shape=shape, seed=3)
    beside(network, tmp_path, np.random.default_rng(7).normal(size=(2, *shape)).astype(np.float32))


def unet() -> nn.Network:
    """Return a small U-Net: two halvings, two enlargements, joined channels."""

    def block(value: nn.Value, channels: int, out: int) -> nn.Value:
        value = nn.BatchNorm2d(out)(nn.Conv2d(channels, out, 3, padding=1, bias=False)(value))
        return nn.SiLU()(nn.Conv2d(out, out, 3, padding=1)(nn.ReLU()(value)))

    image = nn.Input((3, None, None), name="image")
    first = block(image, 3, 8)
    second = block(nn.MaxPool2d(2)(first), 8, 16)
    third = block(nn.MaxPool2d(2)(second), 16, 32)
    up = nn.ConvTranspose2d(32, 16, 2, stride=2)(third)
    up = block(nn.Concat()(up, second), 32, 16)
    up = nn.Upsample(2, mode="bilinear")(up)
    return nn.network(image, nn.Sigmoid()(nn.Conv2d(24, 2, 1)(nn.Concat()(up, first))), seed=1)


@pytest.mark.parametrize("shape", [(1, 3, 32, 48), (3, 3, 64, 64)])
def test_a_graph_of_any_size(shape: tuple[int, ...], tmp_path: Path) -> None:
    beside(unet(), tmp_path, np.random.default_rng(2).normal(size=shape).astype(np.float32))


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    a, b = nn.Input((4,), name="a"), nn.Input((4,), name="b")
    network = nn.network([a, b], [a * b, nn.Concat()(a, b), a / b])
    beside(network, tmp_path, *np.random.default_rng(2).normal(size=(2, 3, 4)).astype(np.float32))


def test_what_onnx_does_not_have_is_refused() -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d((3, 4)), input_shape=(4, 7, 9))
    with pytest.raises(ArgumentError, match=r"adaptiveavgpool2d1 .*no pooling into \(3, 4\) windows"):
        nn.save(network, "never.onnx")
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), input_shape=(4, None, None))
    with pytest.raises(ArgumentError, match="for images of any size; give nn.Input the image's size"):
        nn.save(network, "never.onnx")


def test_files_are_not_overwritten_unasked(tmp_path: Path) -> None:
    network, path = nn.Sequential(nn.ReLU(), input_shape=(4,)), tmp_path / "a.onnx"
    nn.save(network, path)
    with pytest.raises(FileExistsRefusal):
        nn.save(network, path)
    nn.save(network, path, force=True)
    with pytest.raises(ArgumentTypeError, match="network must be a Network"):
        nn.save(3, path)  # type: ignore[arg-type]
