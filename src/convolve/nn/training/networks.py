"""The network that `convolve train` and `ConvNetClassifier` start from: three convolutions and a line."""

from collections.abc import Sequence

from convolve.errors import ShapeError
from convolve.nn.build import Sequential
from convolve.nn.layers.base import Layer
from convolve.nn.layers.cells import Dropout, Flatten, ReLU
from convolve.nn.layers.convolution import Conv2d, Linear
from convolve.nn.layers.normalisation import BatchNorm2d
from convolve.nn.layers.pooling import AdaptiveAvgPool2d, MaxPool2d
from convolve.nn.network import Network
from convolve.nn.tensor import Shape

CHANNELS = (32, 64, 64)
"""Feature maps of the convolutions; they get 99.6 % of scikit-learn's digits right (bench/NOTES.md)."""

POOLED = 4
"""Cells that a dimension must have to be halved: 2 are left, which a 3 × 3 filter can still tell apart."""

LARGEST_MAPS = 8
"""Beyond so many cells in a dimension the last maps are averaged down to 4 × 4, so that the linear layer
stays small for photographs."""


def small_network(shape: Sequence[int], classes: int, *, seed: int = 0) -> Network:
    """Return a network of three convolutions that tells classes of small images apart.

    Parameters
    ----------
    shape
        (channels, height, width).
    classes
        How many.
    seed
        From which the first weights are drawn.

    Examples
    --------
    >>> small_network((1, 8, 8), 10).summary().parameters
    58474
    """
    if len(shape) != 3 or min(shape) < 1:
        raise ShapeError(f"shape must be (channels, height, width), got {tuple(shape)}")
    size, channels = (shape[1], shape[2]), shape[0]
    layers: list[Layer] = []
    for place, maps in enumerate(CHANNELS):
        layers += [Conv2d(channels, maps, 3, padding=1, bias=False), BatchNorm2d(maps), ReLU()]
        window = (2 if size[0] >= POOLED else 1, 2 if size[1] >= POOLED else 1)
        if place and window != (1, 1):
            layers.append(MaxPool2d(window))
            size = (size[0] // window[0], size[1] // window[1])
        channels = maps
    if max(size) > LARGEST_MAPS:
        size = (min(4, size[0]), min(4, size[1]))
        layers.append(AdaptiveAvgPool2d(size))
    features = channels * size[0] * size[1]
    layers += [Flatten(), Dropout(0.3), Linear(features, classes)]
    return Sequential(*layers, input_shape=_sizes(shape), seed=seed)


def _sizes(shape: Sequence[int]) -> Shape:
    return tuple(int(size) for size in shape)
