"""Small classifiers of several architectures, ours and PyTorch's with the same weights."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from convolve import nn
from convolve.nn import Network
from tests.nn.zoo import conv_norm, with_statistics


def plain() -> Network:
    """Return convolutions in a row that end in a softmax."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 3),
        nn.ReLU(), nn.Flatten(), nn.Linear(6 * 5 * 4, 7), nn.Softmax(), input_shape=(3, 14, 12), seed=1,
    )  # fmt: skip


def residual() -> Network:
    """Return blocks whose inputs are added to their outputs."""
    image = nn.Input((3, None, None))
    value = nn.ReLU()(conv_norm(image, 8, 3))
    for stride in (1, 2):
        inner = conv_norm(nn.ReLU()(conv_norm(value, 8, 3, stride)), 8, 3)
        value = nn.ReLU()(inner + (value if stride == 1 else conv_norm(value, 8, 1, 2)))
    return _ended(image, value)


def concatenated() -> Network:
    """Return branches whose maps stand side by side, the last convolution in one of them."""
    image = nn.Input((3, None, None))
    value = nn.ReLU()(nn.Conv2d(3, 6, 3, stride=2)(image))
    value = nn.Concat()(value, nn.ReLU()(nn.Conv2d(6, 5, 3, padding=1)(value)))
    return _ended(image, nn.Concat()(value, nn.Tanh()(nn.Conv2d(11, 4, 3, padding=1)(value))))


def _ended(image: nn.Input, value: nn.Value) -> Network:
    pooled = nn.Flatten()(nn.AdaptiveAvgPool2d(1)(value))
    return nn.network(image, nn.Linear(value.shape[1], 7)(pooled))


NETWORKS: dict[str, Callable[[], Network]] = {
    "plain": plain,
    "residual": residual,
    "concatenated": concatenated,
}


def drawn(name: str) -> Network:
    """Return one of the networks with statistics that matter."""
    return with_statistics(NETWORKS[name](), 5)


def images(count: int = 3, seed: int = 0) -> Any:
    """Return a batch that all of them take."""
    return np.random.default_rng(seed).normal(size=(count, 3, 14, 12)).astype(np.float32)


def in_float64(network: Network, **changed: Any) -> Network:
    """Return the network in float64, some constants replaced by others."""
    graph = network.graph
    constants = {
        name: changed.get(name, array.astype(np.float64) if array.dtype == np.float32 else array)
        for name, array in graph.constants.items()
    }
    inputs = tuple(replace(one, dtype=np.dtype(np.float64)) for one in graph.inputs)
    return Network(replace(graph, inputs=inputs, constants=constants))


def theirs(torch: Any, network: Network, x: Any, kept: dict[str, Any]) -> Any:
    """Run a network node by node in PyTorch and return its output; ``kept`` gets every tensor by name."""
    f = torch.nn.functional
    kept |= {name: torch.from_numpy(array.copy()) for name, array in network.graph.constants.items()}
    kept[network.inputs[0].name] = x
    for node in network.graph.nodes:
        given = [kept[name] for name in node.inputs if name]
        match node.operation:
            case "Conv":
                one = f.conv2d(
                    *given, stride=tuple(node["strides"] or (1, 1)), padding=tuple(node["pads"][:2])
                )
            case "BatchNormalization":
                values, scale, bias, mean, variance = given
                one = f.batch_norm(values, mean, variance, scale, bias, eps=node["epsilon"])
            case "Gemm":
                one = f.linear(*given)
            case "Concat":
                one = torch.cat(given, 1)
            case "MaxPool":
                one = f.max_pool2d(*given, 2)
            case "GlobalAveragePool":
                one = given[0].mean((2, 3), keepdim=True)
            case "Flatten":
                one = given[0].flatten(1)
            case "Softmax":
                one = given[0].softmax(-1)
            case "Add" | "Relu" | "Tanh":
                one = {"Add": torch.add, "Relu": torch.relu, "Tanh": torch.tanh}[node.operation](*given)
            case other:
                raise AssertionError(other)
        if one.requires_grad:
            one.retain_grad()
        kept[node.outputs[0]] = one
    return kept[network.outputs[0]]
