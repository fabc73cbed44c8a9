"""Grad-CAM beside PyTorch's gradients, beside finite differences, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.nn.seeing.grad_cam import resized
from convolve.nn.seeing.heads import head_of
from tests.nn.seeing.networks import NETWORKS, drawn, images, in_float64, theirs
from tests.peers import peer


@pytest.mark.parametrize("layer", [None, "relu1", "conv2d1"])
@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_those_of_pytorchs_gradients(name: str, layer: str | None) -> None:
    torch = peer("torch")
    network, x, classes = drawn(name), images(), [6, 0, 3]
    cam = nn.grad_cam(network, x, classes, layer=layer)
    kept: dict[str, Any] = {}
    output = theirs(torch, network, torch.from_numpy(x).requires_grad_(), kept)
    np.testing.assert_allclose(network(x), output.detach().numpy(), rtol=1e-4, atol=1e-5)
    scores = kept[head_of(network.graph).scores]
    scores[range(3), classes].sum().backward()
    maps = kept[next(node.outputs[0] for node in network.graph.nodes if node.name == cam.layer)]
    weights = maps.grad.mean((2, 3))
    coarse = torch.relu((weights[:, :, None, None] * maps).sum(1))
    fine = torch.nn.functional.interpolate(coarse[:, None], x.shape[2:], mode="bilinear")[:, 0]
    fine = fine / fine.amax((1, 2), keepdim=True).clamp(min=1e-30)  # where nothing speaks for the class
    np.testing.assert_allclose(cam.weights, weights.detach().numpy(), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(cam.coarse, coarse.detach().numpy(), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(cam.maps, fine.detach().numpy(), rtol=1e-3, atol=1e-3)
    assert cam.coarse.max() > 0 and cam.maps.shape == (3, 14, 12)
    shares = scores.softmax(1)[range(3), classes].detach().numpy()
    np.testing.assert_allclose(cam.probabilities, shares, rtol=1e-4)


@pytest.mark.parametrize(("name", "convolution"), [("plain", "conv2d2"), ("concatenated", "conv2d3")])
def test_weights_are_finite_differences(name: str, convolution: str) -> None:
    """A bias moves every cell of its map alike, so that its derivative is the sum of the cells' gradients."""
    network = drawn(name)
    x, step, bias = images(1).astype(np.float64), 1e-6, f"{convolution}.bias"
    first = network.graph.constants[bias].astype(np.float64)
    cam = nn.grad_cam(in_float64(network), x, 2)
    assert cam.layer == convolution

    def score(channel: int, by: float) -> float:
        moved = first + by * (np.arange(len(first)) == channel)
        values = in_float64(network, **{bias: moved})(x)[0].astype(np.float64)
        return float(np.log(values[2] / values[0]) if name == "plain" else values[2])

    differences = [(score(k, step) - score(k, -step)) / (2 * step) for k in range(len(first))]
    cells = cam.coarse[0].size
    weights = cam.weights[0] - (nn.grad_cam(in_float64(network), x, 0).weights[0] if name == "plain" else 0)
    np.testing.assert_allclose(weights * cells, differences, rtol=1e-5, atol=1e-8)


def test_the_most_likely_class_is_taken_and_named() -> None:
    network, x = drawn("residual"), images(5)
    cam = nn.grad_cam(network, x)
    assert cam.classes == tuple(network(x).argmax(axis=1))
    one_by_one = [nn.grad_cam(network, x[k : k + 1]) for k in range(5)]
    np.testing.assert_allclose(cam.maps, np.concatenate([one.maps for one in one_by_one]), atol=1e-4)


def test_a_convolution_whose_maps_have_one_cell_is_not_the_last() -> None:
    """Classifiers that end in a 1 × 1 convolution behind the mean of the maps."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 7, 1), input_shape=(3, 14, 12)
    )
    cam = nn.grad_cam(network, images())
    assert cam.layer == "conv2d1" and cam.maps.shape == (3, 14, 12)


def test_scores_stand_before_a_sigmoid_too() -> None:
    layers = (nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 12 * 10, 2))
    bare, ended = (
        nn.Sequential(*layers, *end, input_shape=(3, 14, 12), seed=2) for end in ((), (nn.Sigmoid(),))
    )
    both = [nn.grad_cam(network, images(1), 1) for network in (bare, ended)]
    np.testing.assert_array_equal(both[0].coarse, both[1].coarse)
    np.testing.assert_allclose(both[1].probabilities, ended(images(1))[:, 1], rtol=1e-5)


def test_lines_and_volumes() -> None:
    line = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(40, 3), input_shape=(1, 12))
    assert nn.grad_cam(line, np.ones((2, 1, 12), np.float32), 1).maps.shape == (2, 12)
    solid = nn.Sequential(
        nn.Conv3d(1, 4, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3), input_shape=(1, 6, 7, 8)
    )
    assert nn.grad_cam(solid, np.ones((2, 1, 6, 7, 8), np.float32), 1).maps.shape == (2, 6, 7, 8)


def test_an_overlay_mixes_colours() -> None:
    cam = nn.grad_cam(drawn("plain"), images(2))
    black = np.zeros((2, 1, 28, 24), np.uint8)
    alone, under = cam.overlay(black, 0), cam.overlay(black, 1)
    assert alone.shape == (2, 28, 24, 3) and not alone.any()
    top = np.unravel_index(resized(cam.coarse, (28, 24))[0].argmax(), (28, 24))
    assert under[0][top].tolist() == [252, 255, 164]
    np.testing.assert_array_equal(
        cam.overlay(np.ones((2, 3, 28, 24)), 0.5), cam.overlay(np.full((2, 3, 28, 24), 255, np.uint8), 0.5)
    )


def test_a_plot_names_layer_class_and_probability() -> None:
    matplotlib = peer("matplotlib")
    matplotlib.use("agg")
    cam = nn.grad_cam(drawn("plain"), images(2), 4)
    ax = cam.plot(picture=np.zeros((3, 14, 12)), place=1)
    assert ax.get_title() == f"conv2d2: class 4, {100 * cam.probabilities[1]:.1f} %"
    assert ax.images[0].get_array().shape == (14, 12, 3)
    with pytest.raises(ArgumentError, match="place must be from 0 to 1, got 2"):
        cam.plot(place=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"classes": 7}, "classes must be from 0 to 6; got 7"),
        ({"classes": -1}, "class must be at least 0, got -1"),
        ({"classes": [1, 2]}, "one for each of 3 images; got 2"),
        ({"layer": "conv2d9"}, "layer must be one before the scores, of conv2d1, .*; got conv2d9"),
        ({"layer": "softmax1"}, "layer must be one before the scores"),
        ({"layer": "flatten1"}, r"flatten1 \(Flatten\): a layer must give maps"),
    ],
)
def test_refusals(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        nn.grad_cam(drawn("plain"), images(), **arguments)


def test_what_is_no_classifier_of_images_is_refused() -> None:
    line = nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 12, 7), input_shape=(3, 14, 12))
    with pytest.raises(ArgumentError, match="must have a convolution, its layers are flatten1, linear1"):
        nn.grad_cam(line, images())
    maps = nn.Sequential(nn.Conv2d(3, 7, 3), input_shape=(3, 14, 12))
    with pytest.raises(ShapeError, match=r"one row of numbers per picture, it gives shape \(3, 7, 12, 10\)"):
        nn.grad_cam(maps, images())
    with pytest.raises(ShapeError, match="images must be a batch"):
        nn.grad_cam(drawn("plain"), images()[0])
    with pytest.raises(DTypeError, match="images must have dtype float32, got float64"):
        nn.grad_cam(drawn("plain"), images().astype(np.float64))
    cam = nn.grad_cam(drawn("plain"), images())
    with pytest.raises(ShapeError, match="one for each map"):
        cam.overlay(np.zeros((2, 3, 14, 12)))
    with pytest.raises(ArgumentError, match="share must be from 0 to 1, got 2"):
        cam.overlay(np.zeros((3, 3, 14, 12)), 2)
