"""Random networks: a dozen layers or so, with branches that are added or joined."""

import random

from convolve import nn

LONGEST = 14
CHANNELS = (4, 8, 12)


def drawn(seed: int) -> nn.Network:
    """Return a network that follows from the seed."""
    draw = random.Random(seed)
    image = nn.Input((3, draw.choice([12, 16, 21]), draw.choice([12, 15, 24])))
    values: list[nn.Value] = [image]
    for _ in range(draw.randint(4, LONGEST)):
        value = draw.choice(values[-3:])
        values.append(
            draw.choice((_convolution, _convolution, _shape, _cells, _normal, _join))(value, values, draw)
        )
    last = values[-1]
    head = draw.random()
    if head < 0.3:
        last = nn.Linear(last.shape[1], 10)(nn.Flatten()(nn.AdaptiveAvgPool2d(1)(last)))
    elif head < 0.5:
        last = nn.Softmax(1)(last)
    return nn.network(image, [last, *draw.sample(values[1:-1], min(1, len(values) - 2))], seed=seed)


def _convolution(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    channels, out = value.shape[1], draw.choice(CHANNELS)
    kind = draw.random()
    if kind < 0.2:
        return nn.Conv2d(channels, channels, 3, padding=1, groups=channels)(value)
    if kind < 0.35:
        return nn.Conv2d(channels, out, 1)(value)
    if kind < 0.5 and max(value.shape[2:]) < 30:
        return nn.ConvTranspose2d(channels, out, 2, stride=2)(value)
    if kind < 0.6:
        return nn.Conv2d(channels, out, 3, padding=1, padding_mode=draw.choice(["reflect", "replicate"]))(
            value
        )
    stride, dilation = draw.choice([(1, 1), (1, 1), (2, 1), (1, 2)])
    padding = draw.choice(["same", dilation, ((1, 2), (2, 0))])
    return nn.Conv2d(channels, out, 3, stride=stride, padding=padding, dilation=dilation)(value)


def _shape(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    kind = draw.random()
    if kind < 0.3 and min(value.shape[2:]) >= 6:
        return nn.MaxPool2d(draw.choice([2, 3]), 2, 1, ceil_mode=draw.random() < 0.5)(value)
    if kind < 0.6 and min(value.shape[2:]) >= 6:
        return nn.AvgPool2d(3, draw.choice([1, 2]), 1, count_include_pad=draw.random() < 0.5)(value)
    if kind < 0.8 and max(value.shape[2:]) < 30:
        return nn.Upsample(2, draw.choice(["nearest", "bilinear", "bicubic"]))(value)
    return (
        nn.PixelShuffle(2)(value) if value.shape[1] % 4 == 0 and max(value.shape) < 30 else nn.Tanh()(value)
    )


def _cells(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    layers = (
        nn.ReLU(), nn.LeakyReLU(0.1), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Sigmoid(), nn.Clip(-1, 2),
        nn.PReLU(value.shape[1]), nn.ELU(), nn.Mish(), nn.Softplus(), nn.Dropout(0.2),
    )  # fmt: skip
    return draw.choice(layers)(value)


def _normal(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    channels = value.shape[1]
    layers: tuple[nn.Layer, ...] = (
        nn.BatchNorm2d(channels), nn.GroupNorm(1, channels), nn.InstanceNorm2d(channels),
        nn.LocalResponseNorm(3), nn.LayerNorm(value.shape[-1]),
    )  # fmt: skip
    return draw.choice(layers)(value)


def _join(value: nn.Value, values: list[nn.Value], draw: random.Random) -> nn.Value:
    alike = [one for one in values if one.shape == value.shape and one is not value]
    fitting = [one for one in values if one.shape[2:] == value.shape[2:]]
    if alike and draw.random() < 0.5:
        other = draw.choice(alike)
        return draw.choice([value + other, value * other])  # differences may leave nothing but rounding
    return nn.Concat()(value, draw.choice(fitting)) if value.shape[1] <= 24 else nn.ReLU()(value)
