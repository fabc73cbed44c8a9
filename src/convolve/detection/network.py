"""The detector's network: one pass over a picture gives, at every place of three grids, a box and its class.

A trunk of convolutions halves the picture again and again; after the third, fourth and fifth time a head, a
1 × 1 convolution, says at every place how far the four sides of a box are from it and how likely each class
is. No boxes are given in advance (anchor-free, as FCOS of Tian et al., 2019, and YOLOX). As all is
convolution, it takes pictures of any size that the coarsest grid divides.
"""

import math
from dataclasses import replace

import numpy as np

from convolve.detection.boxes import CORNERS
from convolve.detection.loss import BEFORE_CLASSES
from convolve.dtypes import Array
from convolve.nn.build import network
from convolve.nn.layers.base import Input, Value
from convolve.nn.layers.cells import Concat, ReLU, Reshape
from convolve.nn.layers.convolution import Conv2d
from convolve.nn.layers.normalisation import BatchNorm2d
from convolve.nn.network import Network

STRIDES = (8, 16, 32)
"""Pixels between neighbouring places of each grid."""

TRUNK = ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1))
"""(feature maps, stride) of the convolutions before the first grid."""

LATER = (96, 96)
"""Feature maps before the other grids."""

RARE = 0.01
"""Probability that a place shows anything before anything is learned: nearly all places show nothing, and
with 0.5 these would drown out the rest at first (Lin et al., 2017)."""


def raw_network(classes: int, *, seed: int = 0) -> Network:
    """Return a network with first weights, which gives what `loss.DetectionLoss` takes.

    Parameters
    ----------
    classes
        How many.
    seed
        From which the weights are drawn.

    Returns
    -------
    Network
        From (N, 3, height, width) to (N, 5 + classes, places): logarithms of the distances of left, upper,
        right and lower side in strides; the logit of there being anything; and logits of the classes. The
        places of the finest grid come first, row by row.

    Examples
    --------
    >>> raw_network(10).summary((1, 3, 64, 64)).rows[-1].shape
    (1, 15, 84)
    """
    first = value = Input((3, None, None))
    for maps, stride in TRUNK:
        value = _block(value, maps, stride)
    features = [value]
    for maps in LATER:
        features.append(_block(_block(features[-1], maps, 2), maps, 1))
    heads = [
        Conv2d(one.shape[1], BEFORE_CLASSES + classes, 1, name=f"head{k}") for k, one in enumerate(features)
    ]
    flat = [
        Reshape((BEFORE_CLASSES + classes, -1))(head(one)) for head, one in zip(heads, features, strict=True)
    ]
    made = network(first, Concat(2)(*flat), seed=seed)
    return Network(replace(made.graph, constants={**made.graph.constants, **_first_biases(classes)}))


def _first_biases(classes: int) -> dict[str, Array]:
    """Return the heads' biases: a box of two strides a side, and hardly anything."""
    bias = np.zeros(BEFORE_CLASSES + classes, np.float32)
    bias[CORNERS] = -math.log((1 - RARE) / RARE)
    return {f"head{k}.bias": bias for k in range(len(STRIDES))}


def _block(value: Value, maps: int, stride: int) -> Value:
    convolution = Conv2d(value.shape[1], maps, 3, stride, padding=1, bias=False)
    return ReLU()(BatchNorm2d(maps)(convolution(value)))
