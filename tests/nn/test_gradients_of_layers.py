"""Gradients of every layer, in training, beside PyTorch's."""

from typing import Any

import numpy as np
import pytest

from convolve import nn
from convolve.errors import ArgumentError
from convolve.nn.backward import Differentiated
from convolve.nn.tensor import Tensor
from convolve.nn.trainable import STATE, trainable
from tests.nn.test_layers import CASES, theirs_with_our_weights
from tests.peers import peer

RANDOM = {"dropout"}
"""Cells left out at random are not the same ones; `test_dropout_…` looks at these."""


@pytest.mark.parametrize("case", [name for name in CASES if name not in RANDOM])
def test_gradients_of_layer(case: str) -> None:
    torch = peer("torch")
    kind, arguments, options, shape = CASES[case]
    network = nn.Sequential(getattr(nn, kind)(*arguments, **options), input_shape=shape, seed=3)
    random = np.random.default_rng(7)
    image = random.normal(size=(2, *shape)).astype(np.float32)
    x = torch.from_numpy(image).requires_grad_()
    layer = theirs_with_our_weights(kind, arguments, options, network).train()
    expected = layer(x)
    into = random.normal(size=tuple(expected.shape)).astype(np.float32)
    expected.backward(torch.from_numpy(into))

    ours = gradients(network, image, into)
    np.testing.assert_allclose(ours.pop("input"), x.grad.numpy(), rtol=1e-3, atol=1e-5)
    theirs = {name: one.grad.numpy() for name, one in layer.named_parameters()}
    assert {name.split(".")[-1] for name in ours} == set(theirs)
    for name, gradient in ours.items():
        wanted = theirs[name.split(".")[-1]]
        turned = wanted.T if kind == "Linear" and wanted.shape != gradient.shape else wanted
        np.testing.assert_allclose(gradient, turned.reshape(gradient.shape), rtol=1e-3, atol=1e-4)


def gradients(network: nn.Network, image: Any, into: Any) -> dict[str, Any]:
    """Return the gradients of the input and of all parameters, as training computes them."""
    try:
        form = trainable(network)
    except ArgumentError:  # a layer without weights
        graph, given, wanted = network.graph, {"input": image}, ["input"]
    else:
        state = np.array([0, 0], np.int64)
        given = {"input": image, STATE: state, **form.parameters, **form.statistics}
        graph, wanted = form.graph, ["input", *form.parameters]
    tensors = {name: Tensor.of(array) for name, array in given.items()}
    both = Differentiated(graph, tensors, graph.outputs, wanted)
    return both.backward(both.forward(given), {network.outputs[0]: into})


def test_running_statistics_are_pytorchs() -> None:
    torch = peer("torch")
    network = nn.Sequential(nn.BatchNorm2d(3), input_shape=(3, 4, 5))
    layer = torch.nn.BatchNorm2d(3).train()
    image = np.random.default_rng(7).normal(2, 3, (4, 3, 4, 5)).astype(np.float32)
    layer(torch.from_numpy(image))
    form = trainable(network)
    given = {"input": image, STATE: np.array([0, 0]), **form.parameters, **form.statistics}
    tensors = {name: Tensor.of(array) for name, array in given.items()}
    kept = Differentiated(form.graph, tensors, form.graph.outputs, []).forward(given)
    for name, wanted in (("running_mean", layer.running_mean), ("running_var", layer.running_var)):
        found = kept[form.updates[f"batchnorm2d1.{name}"]]
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5)


def test_dropout_leaves_out_the_share_that_is_asked_for_and_keeps_the_mean() -> None:
    network = nn.Sequential(nn.Linear(4, 100), nn.Dropout(0.3), input_shape=(4,))
    form = trainable(network)

    def run(step: int) -> Any:
        given = {"input": np.ones((50, 4), np.float32), STATE: np.array([1, step]), **form.parameters}
        tensors = {name: Tensor.of(array) for name, array in given.items()}
        return Differentiated(form.graph, tensors, form.graph.outputs, []).forward(given)

    first, again, other = run(0), run(0), run(1)
    scale = first["dropout1.scale"]
    assert set(np.unique(scale)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs(np.mean(scale == 0) - 0.3) < 0.02
    np.testing.assert_array_equal(first["dropout1"], again["dropout1"])
    assert not np.array_equal(scale, other["dropout1.scale"])
    assert network(np.ones((1, 4), np.float32)).all()  # nothing is left out when it runs


def test_a_layer_that_is_laid_twice_learns_from_both() -> None:
    image = nn.Input((2, 4, 4))
    conv, norm = nn.Conv2d(2, 2, 1, bias=False), nn.BatchNorm2d(2)
    network = nn.network(image, norm(conv(norm(conv(image)))))
    form = trainable(network)
    assert set(form.parameters) == {"conv2d1.weight", "batchnorm2d1.weight", "batchnorm2d1.bias"}
    assert form.updates["batchnorm2d1.running_mean"] == "batchnorm2d1.2.mean"
