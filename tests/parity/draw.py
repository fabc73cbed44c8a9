"""Drawn options for the parity tests against PyTorch, reproducible by their seed."""

from dataclasses import dataclass

import numpy as np

from tests.parity.compare import Array, whole

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class ConvCase:
    """One call: the shapes of its arrays and all its options, in PyTorch's terms."""

    seed: int
    transposed: bool
    image_shape: Sizes
    weight_shape: Sizes
    out_channels: int
    stride: Sizes
    padding: Sizes
    pairs: tuple[tuple[int, int], ...]
    dilation: Sizes
    groups: int
    output_padding: Sizes

    def arrays(self) -> tuple[Array, Array, Array]:
        """Return input, weight and bias, whole numbers in float64."""
        return (
            whole(self.seed, self.image_shape),
            whole(self.seed + 1, self.weight_shape),
            whole(self.seed + 2, (self.out_channels,)),
        )

    def options(self) -> tuple[object, ...]:
        """Return the options in the order in which both libraries take them."""
        if self.transposed:
            return (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return (self.stride, self.padding, self.dilation, self.groups)


def draw_conv(dims: int, seed: int, per_side: bool = False) -> ConvCase:
    """Return a forward convolution whose output has at least one cell in every dimension."""
    rng = np.random.default_rng([dims, seed])
    groups = int(rng.choice([1, 1, 2, 3]))
    taps, stride, dilation = (_sizes(rng, dims, 1, 4) for _ in range(3))
    extents = [step * (count - 1) + 1 for step, count in zip(dilation, taps, strict=True)]
    # PyTorch reflects by less than the size, so the image is wider than any padding drawn here
    size = tuple(int(extent + rng.integers(6, 9)) for extent in extents)
    pairs = tuple((int(rng.integers(0, 4)), int(rng.integers(0, 4))) for _ in range(dims))
    padding = pairs if per_side else tuple((before, before) for before, _ in pairs)
    in_group, out_group = (int(rng.integers(1, 4)) for _ in range(2))
    return ConvCase(
        seed=seed,
        transposed=False,
        image_shape=(int(rng.integers(1, 3)), groups * in_group, *size),
        weight_shape=(groups * out_group, in_group, *taps),
        out_channels=groups * out_group,
        stride=stride,
        padding=tuple(before for before, _ in padding),
        pairs=padding,
        dilation=dilation,
        groups=groups,
        output_padding=(0,) * dims,
    )


def draw_transposed(dims: int, seed: int) -> ConvCase:
    """Return a transposed convolution whose result has at least one cell in every dimension."""
    rng = np.random.default_rng([dims, seed, 1])
    groups = int(rng.choice([1, 1, 2, 3]))
    taps, stride, dilation = (_sizes(rng, dims, 1, 4) for _ in range(3))
    in_group, out_group = (int(rng.integers(1, 4)) for _ in range(2))
    padding = _sizes(rng, dims, 0, 3)
    # PyTorch wants the output padding below the stride or the dilation
    extra = tuple(int(rng.integers(0, max(pair))) for pair in zip(stride, dilation, strict=True))
    size = _sizes(rng, dims, 5, 8)
    return ConvCase(
        seed=seed,
        transposed=True,
        image_shape=(int(rng.integers(1, 3)), groups * in_group, *size),
        weight_shape=(groups * in_group, out_group, *taps),
        out_channels=groups * out_group,
        stride=stride,
        padding=padding,
        pairs=tuple((width, width) for width in padding),
        dilation=dilation,
        groups=groups,
        output_padding=extra,
    )


def _sizes(rng: np.random.Generator, dims: int, low: int, high: int) -> Sizes:
    return tuple(int(number) for number in rng.integers(low, high, dims))
