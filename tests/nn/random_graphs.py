"""Random networks for sequences, images and volumes: a dozen layers or so, with branches that are joined."""

import random
from typing import Any

import numpy as np

from convolve import nn

LONGEST = 14
CHANNELS = (4, 8, 12)
DIMS = (2, 2, 2, 1, 3)
SIZES = {1: ((16, 21, 33),), 2: ((12, 16, 21), (12, 15, 24)), 3: ((6, 8), (7, 8), (6, 9))}
LARGEST = {1: 60, 2: 30, 3: 12}
"""Cells along a dimension up to which maps are enlarged."""

MODES = {1: ("nearest", "linear"), 2: ("nearest", "bilinear", "bicubic"), 3: ("nearest", "trilinear")}


def drawn(seed: int) -> nn.Network:
    """Return a network that follows from the seed."""
    draw = random.Random(seed)
    dims = draw.choice(DIMS)
    image = nn.Input((3, *(draw.choice(sizes) for sizes in SIZES[dims])))
    values: list[nn.Value] = [image]
    makers = (_convolution, _convolution, _shape, _cells, _normal, _join, _operation)
    for _ in range(draw.randint(4, LONGEST)):
        values.append(draw.choice(makers)(draw.choice(values[-3:]), values, draw))
    last = values[-1]
    head = draw.random()
    if head < 0.3:
        last = nn.Linear(last.shape[1], 10)(nn.Flatten()(_layer("AdaptiveAvgPool", last)(1)(last)))
    elif head < 0.5:
        last = nn.Softmax(1)(last)
    return nn.network(image, [last, *draw.sample(values[1:-1], min(1, len(values) - 2))], seed=seed)


def _layer(kind: str, value: nn.Value) -> Any:
    """Return the layer of a kind that fits the value's dimensions."""
    return getattr(nn, f"{kind}{_dims(value)}d")


def _dims(value: nn.Value) -> int:
    return len(value.shape) - 2


def _small(value: nn.Value) -> bool:
    return max(value.shape[2:]) < LARGEST[_dims(value)]


def _convolution(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    conv, channels, out = _layer("Conv", value), value.shape[1], draw.choice(CHANNELS)
    kind = draw.random()
    if kind < 0.15:
        return conv(channels, channels, 3, padding=1, groups=channels)(value)
    if kind < 0.25 and channels % 4 == 0:
        return conv(channels, out, 3, padding=1, groups=4)(value)
    if kind < 0.35:
        return conv(channels, out, 1)(value)
    if kind < 0.5 and _small(value):
        more = draw.choice([{}, {"padding": 1}, {"output_padding": 1, "dilation": 2}])
        return _layer("ConvTranspose", value)(channels, out, draw.choice([2, 3]), stride=2, **more)(value)
    if kind < 0.6:
        return conv(channels, out, 3, padding=1, padding_mode=draw.choice(["reflect", "replicate"]))(value)
    stride, dilation = draw.choice([(1, 1), (1, 1), (2, 1), (1, 2)])
    padding = draw.choice(["same", dilation, ((1, 2),) * _dims(value)])
    return conv(channels, out, 3, stride=stride, padding=padding, dilation=dilation)(value)


def _shape(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    kind, large = draw.random(), min(value.shape[2:]) >= 6
    if kind < 0.3 and large:
        pool = _layer("MaxPool", value)
        return pool(draw.choice([2, 3]), 2, 1, ceil_mode=draw.random() < 0.5)(value)
    if kind < 0.6 and large:
        pool = _layer("AvgPool", value)
        return pool(3, draw.choice([1, 2]), 1, count_include_pad=draw.random() < 0.5)(value)
    if kind < 0.8 and _small(value):
        return nn.Upsample(2, draw.choice(MODES[_dims(value)]))(value)
    if _dims(value) == 2 and value.shape[1] % 4 == 0 and _small(value):
        return nn.PixelShuffle(2)(value)
    if _dims(value) == 2 and value.shape[2] % 2 == value.shape[3] % 2 == 0 and value.shape[1] <= 12:
        return nn.PixelUnshuffle(2)(value)
    return nn.Tanh()(value)


def _cells(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    layers = (
        nn.ReLU(), nn.LeakyReLU(0.1), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Sigmoid(), nn.Clip(-1, 2),
        nn.PReLU(value.shape[1]), nn.ELU(), nn.Mish(), nn.Softplus(), nn.Dropout(0.2),
    )  # fmt: skip
    return draw.choice(layers)(value)


def _normal(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    channels = value.shape[1]
    layers: tuple[nn.Layer, ...] = (
        _layer("BatchNorm", value)(channels), nn.GroupNorm(1, channels),
        _layer("InstanceNorm", value)(channels), nn.LayerNorm(value.shape[-1]), nn.LocalResponseNorm(3),
    )  # fmt: skip
    fitting = layers if _dims(value) == 2 else layers[:-1]  # ONNX Runtime's LRN is for images
    return draw.choice(fitting)(value)


def _join(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    alike = [one for one in values if one.shape == value.shape and one is not value]
    fitting = [one for one in values if one.shape[2:] == value.shape[2:]]
    if alike and draw.random() < 0.5:
        other = draw.choice(alike)
        return draw.choice([value + other, value * other])  # differences may leave nothing but rounding
    return nn.Concat()(value, draw.choice(fitting)) if value.shape[1] <= 24 else nn.ReLU()(value)


def _operation(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    """Return what has no layer of its own, or several layers that belong together."""
    channels, dims = value.shape[1], _dims(value)
    half, first, axis = np.array([max(1, channels // 2)]), np.array([0]), np.array([1])
    around = np.array([0, 0, *[1] * dims, 0, 0, *[2] * dims])
    flat = nn.Reshape((channels, -1))
    made = (
        lambda: nn.Apply("Slice", first, half, axis)(value),
        lambda: nn.Apply("Gather", np.arange(channels)[::-1].copy(), axis=1)(value),
        lambda: nn.Apply("Pad", around, np.float32(0.5))(value) if _small(value) else value + 1,
        lambda: nn.Apply("Pad", around, mode="edge")(value) if _small(value) else value - 1,
        lambda: nn.Apply("Erf")(value),
        lambda: nn.Apply("Pow", np.float32(2))(nn.Sigmoid()(value)),
        lambda: nn.Apply("Sqrt")(nn.Softplus()(value)),
        lambda: value / (nn.Apply("Abs")(value) + 1),
        lambda: value - nn.Apply("ReduceMean", axis)(value),
        lambda: nn.Apply("ReduceMax", np.array([2]))(value) * value,
        lambda: value * nn.Sigmoid()(_layer("Conv", value)(channels, channels, 1)(_means(value))),
        lambda: nn.Reshape(value.shape[1:])(nn.Softmax(2)(flat(value))),
        lambda: nn.Permute((0, 1, *range(dims + 1, 1, -1)))(value),
        lambda: nn.Apply("Cast", to="float32")(nn.Apply("Cast", to="float64")(value)),
        lambda: nn.Apply("MatMul", np.eye(value.shape[-1], dtype=np.float32) + np.float32(0.1))(value),
    )
    return draw.choice(made)()


def _means(value: nn.Value) -> nn.Value:
    return _layer("AdaptiveAvgPool", value)(1)(value)  # type: ignore[no-any-return]
