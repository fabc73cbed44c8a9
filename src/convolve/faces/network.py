"""The detector's network: local contrast, then five convolutions, 25 × 25 cells → one number.

Contrast comes first: each cell less the mean of its 7 × 7 neighbours, divided by their standard deviation. A
face in the shade then looks like one in the sun. A hundred faces are too few to learn that from: without it
an emblem on the astronaut's suit was more like a face than her face (three seeds of three, 2026-11-26).
"""

import numpy as np

from convolve.nn import (
    Apply,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Input,
    Mul,
    ReLU,
    Value,
    network,
)
from convolve.nn.network import Network

AROUND = 7
"""Cells of the neighbourhood's side: an eye and its surroundings in a face of 25."""

NOISE = 1e-3
"""Added to the variance: contrast below 3 % of the range, a plain wall, stays low."""

CONVOLUTIONS = ((12, 3, 1), (20, 3, 2), (28, 3, 1), (36, 2, 2), (48, 3, 1))
"""(maps, side, stride): the 19 × 19 cells of contrast become 17, 8, 6, 3, 1."""


def face_network(seed: int = 0) -> Network:
    """Return a network of grey pictures of any size; for each window of 25 × 25, every fourth, one number.

    Examples
    --------
    >>> network = face_network()
    >>> network(np.zeros((1, 1, 25, 25), np.float32)).shape
    (1, 1, 1, 1)
    >>> network(np.zeros((1, 1, 49, 65), np.float32)).shape
    (1, 1, 7, 11)
    """
    picture = Input((1, None, None))
    value, channels = contrast(picture), 1
    for place, (maps, side, stride) in enumerate(CONVOLUTIONS):
        if place == len(CONVOLUTIONS) - 1:
            value = Dropout(0.3)(value)
        value = Conv2d(channels, maps, side, stride=stride, bias=False)(value)
        value, channels = ReLU()(BatchNorm2d(maps)(value)), maps
    return network(picture, Conv2d(channels, 1, 1)(Dropout(0.4)(value)), seed=seed)


def contrast(cells: Value) -> Value:
    """Return cells less the mean around them, divided by the standard deviation there."""
    mean = AvgPool2d(AROUND, stride=1)(cells)
    squares = AvgPool2d(AROUND, stride=1)(Mul()(cells, cells))
    variance = ReLU()(squares - Mul()(mean, mean))  # rounding can make it negative
    edge = AROUND // 2
    inner = Apply("Pad", np.array([0, 0, -edge, -edge, 0, 0, -edge, -edge]))(cells)
    return Apply("Div")(inner - mean, Apply("Sqrt")(variance + NOISE))
