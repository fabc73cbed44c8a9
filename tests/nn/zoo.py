"""Well-known networks, written with our own layers; narrow where width adds nothing to what is tested."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from convolve import nn
from convolve.nn.network import Network

Value = nn.Value


def conv_norm(value: Value, out: int, kernel: int, stride: int = 1, groups: int = 1) -> Value:
    """Return a convolution that keeps the size but for its stride, and its batch norm."""
    conv = nn.Conv2d(value.shape[1], out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.BatchNorm2d(out)(conv(value))


def head(value: Value, classes: int) -> Value:
    """Return the classes of a feature map's mean."""
    return nn.Linear(value.shape[1], classes)(nn.Flatten()(nn.AdaptiveAvgPool2d(1)(value)))


def resnet18() -> Network:
    """Return ResNet-18 (He et al., 2015)."""

    def block(value: Value, out: int, stride: int) -> Value:
        inner = nn.ReLU()(conv_norm(value, out, 3, stride))
        same = stride == 1 and value.shape[1] == out
        return nn.ReLU()(conv_norm(inner, out, 3) + (value if same else conv_norm(value, out, 1, stride)))

    image = nn.Input((3, None, None))
    value = nn.MaxPool2d(3, 2, 1)(nn.ReLU()(conv_norm(image, 64, 7, 2)))
    for out, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        value = block(value, out, stride)
    return nn.network(image, head(value, 1000))


def mobilenet2() -> Network:
    """Return MobileNetV2 (Sandler et al., 2018)."""

    def block(value: Value, expand: int, out: int, stride: int) -> Value:
        inner, hidden = value, value.shape[1] * expand
        if expand != 1:
            inner = nn.Clip(0, 6)(conv_norm(inner, hidden, 1))
        inner = nn.Clip(0, 6)(conv_norm(inner, hidden, 3, stride, hidden))
        inner = conv_norm(inner, out, 1)
        return inner + value if stride == 1 and value.shape[1] == out else inner

    image = nn.Input((3, None, None))
    value = nn.Clip(0, 6)(conv_norm(image, 32, 3, 2))
    rows = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    )  # fmt: skip
    for expand, out, count, stride in rows:
        for place in range(count):
            value = block(value, expand, out, stride if place == 0 else 1)
    return nn.network(image, head(nn.Dropout(0.2)(nn.Clip(0, 6)(conv_norm(value, 1280, 1))), 1000))


def squeezed(value: Value, hidden: int, act: Callable[[], nn.Layer], gate: Callable[[], nn.Layer]) -> Value:
    """Return a feature map whose channels are weighed by what its means say (Hu et al., 2018)."""
    weights = nn.Conv2d(value.shape[1], hidden, 1)(nn.AdaptiveAvgPool2d(1)(value))
    return value * gate()(nn.Conv2d(hidden, value.shape[1], 1)(act()(weights)))


class HardGate(nn.Layer):
    """clip(x / 6 + 1/2, 0, 1)."""

    def build(self, *values: Value) -> Value:
        return self.step("HardSigmoid", *values, alpha=1 / 6, beta=0.5)


def mobilenet3() -> Network:
    """Return MobileNetV3-Small (Howard et al., 2019)."""
    image = nn.Input((3, None, None))
    value = nn.Hardswish()(conv_norm(image, 16, 3, 2))
    hard = nn.Hardswish
    rows = (
        (3, 16, 16, True, nn.ReLU, 2), (3, 72, 24, False, nn.ReLU, 2), (3, 88, 24, False, nn.ReLU, 1),
        (5, 96, 40, True, hard, 2), (5, 240, 40, True, hard, 1), (5, 240, 40, True, hard, 1),
        (5, 120, 48, True, hard, 1), (5, 144, 48, True, hard, 1), (5, 288, 96, True, hard, 2),
        (5, 576, 96, True, hard, 1), (5, 576, 96, True, hard, 1),
    )  # fmt: skip
    for kernel, hidden, out, squeeze, act, stride in rows:
        inner = act()(conv_norm(value, hidden, 1)) if hidden != value.shape[1] else value
        inner = act()(conv_norm(inner, hidden, kernel, stride, hidden))
        if squeeze:
            inner = squeezed(inner, -(-hidden // 32) * 8, nn.ReLU, HardGate)
        inner = conv_norm(inner, out, 1)
        value = inner + value if inner.shape == value.shape else inner
    value = nn.AdaptiveAvgPool2d(1)(nn.Hardswish()(conv_norm(value, 576, 1)))
    flat = nn.Hardswish()(nn.Linear(576, 1024)(nn.Flatten()(value)))
    return nn.network(image, nn.Linear(1024, 1000)(nn.Dropout(0.2)(flat)))


def efficientnet() -> Network:
    """Return EfficientNet-B0 (Tan and Le, 2019)."""
    image = nn.Input((3, None, None))
    value = nn.SiLU()(conv_norm(image, 32, 3, 2))
    rows = (
        (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
    )  # fmt: skip
    for expand, kernel, stride, out, count in rows:
        for place in range(count):
            hidden, step = value.shape[1] * expand, stride if place == 0 else 1
            inner = nn.SiLU()(conv_norm(value, hidden, 1)) if expand > 1 else value
            inner = nn.SiLU()(conv_norm(inner, hidden, kernel, step, hidden))
            inner = conv_norm(squeezed(inner, max(1, value.shape[1] // 4), nn.SiLU, nn.Sigmoid), out, 1)
            value = inner + value if inner.shape == value.shape else inner
    return nn.network(image, head(nn.SiLU()(conv_norm(value, 1280, 1)), 1000))


def convnext() -> Network:
    """Return ConvNeXt-T (Liu et al., 2022)."""

    def normal(value: Value) -> Value:
        last = nn.LayerNorm(value.shape[1], eps=1e-6)(nn.Permute((0, 2, 3, 1))(value))
        return nn.Permute((0, 3, 1, 2))(last)

    def block(value: Value) -> Value:
        width = value.shape[1]
        inner = nn.Permute((0, 2, 3, 1))(nn.Conv2d(width, width, 7, padding=3, groups=width)(value))
        inner = nn.Linear(width, 4 * width)(nn.LayerNorm(width, eps=1e-6)(inner))
        return value + nn.Permute((0, 3, 1, 2))(nn.Linear(4 * width, width)(nn.GELU()(inner)))

    image = nn.Input((3, None, None))
    value = normal(nn.Conv2d(3, 96, 4, 4)(image))
    for place, (width, count) in enumerate(((96, 3), (192, 3), (384, 9), (768, 3))):
        if place:
            value = nn.Conv2d(width // 2, width, 2, 2)(normal(value))
        for _ in range(count):
            value = block(value)
    flat = nn.Flatten()(nn.AdaptiveAvgPool2d(1)(value))
    return nn.network(image, nn.Linear(768, 1000)(nn.LayerNorm(768, eps=1e-6)(flat)))


def unet(dims: int = 2, width: int = 32) -> Network:
    """Return a U-Net (Ronneberger et al., 2015) for images or volumes."""
    conv = nn.Conv2d if dims == 2 else nn.Conv3d
    pool = nn.MaxPool2d if dims == 2 else nn.MaxPool3d
    up = nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d
    norm = nn.BatchNorm2d if dims == 2 else nn.BatchNorm3d

    def block(value: Value, out: int) -> Value:
        for _ in range(2):
            value = nn.ReLU()(norm(out)(conv(value.shape[1], out, 3, padding=1)(value)))
        return value

    image = value = nn.Input((1 if dims == 3 else 3, *(None,) * dims))
    kept = []
    for level in range(3):
        value = block(value, width << level)
        kept.append(value)
        value = pool(2)(value)
    value = block(value, width << 3)
    for level in (2, 1, 0):
        value = up(value.shape[1], width << level, 2, stride=2)(value)
        value = block(nn.Concat()(kept[level], value), width << level)
    return nn.network(image, conv(width, 2, 1)(value))


def unet3d() -> Network:
    """Return a U-Net for volumes (Çiçek et al., 2016), narrow."""
    return unet(3, 8)


def detector() -> Network:
    """Return a detector in the style of SSD (Liu et al., 2016): boxes and scores from three maps.

    The softmax over classes is left out: it would hide errors.
    """
    anchors, classes = 4, 11
    image = nn.Input((3, None, None))
    value = nn.ReLU()(conv_norm(image, 16, 3, 2))
    boxes, scores = [], []
    for width in (32, 64, 64, 128):
        value = nn.ReLU()(conv_norm(nn.ReLU()(conv_norm(value, width, 3)), width, 3, 2))
        if width > 32:
            for found, count in ((boxes, 4), (scores, classes)):
                raw = nn.Permute((0, 2, 3, 1))(nn.Conv2d(width, anchors * count, 3, padding=1)(value))
                found.append(nn.Reshape((-1, count))(raw))
    return nn.network(image, [nn.Concat()(*boxes), nn.Concat()(*scores)])


ZOO: dict[str, tuple[Callable[[], Network], tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "resnet18": (resnet18, ((64, 64), (96, 72))),
    "mobilenet2": (mobilenet2, ((64, 64), (96, 72))),
    "mobilenet3": (mobilenet3, ((64, 64), (96, 72))),
    "efficientnet": (efficientnet, ((64, 64), (96, 72))),
    "convnext": (convnext, ((64, 64), (96, 64))),
    "unet": (unet, ((32, 48), (64, 40))),
    "unet3d": (unet3d, ((16, 16, 16), (8, 16, 24))),
    "detector": (detector, ((96, 96), (128, 80))),
}
"""Name -> (the network, two sizes of images)."""


def with_statistics(network: Network, seed: int) -> Network:
    """Return the network with batch norms that do something: scales, shifts, means and variances drawn."""
    random = np.random.default_rng(seed)
    constants = dict(network.graph.constants)
    for node in network.graph.nodes:
        if node.operation == "BatchNormalization":
            for place, (low, high) in enumerate(((0.7, 1.3), (-0.2, 0.2), (-0.2, 0.2), (0.7, 1.3)), 1):
                shape = constants[node.inputs[place]].shape
                constants[node.inputs[place]] = random.uniform(low, high, shape).astype(np.float32)
    return Network(replace(network.graph, constants=constants))
