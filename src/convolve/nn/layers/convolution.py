"""Convolutions and fully connected layers, with PyTorch's arguments."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from convolve.api.types import PaddingArgument, Size
from convolve.errors import ArgumentError
from convolve.nn.initial import bias_uniform, he_uniform
from convolve.nn.layers.base import Layer, Parameter, Value, numbers
from convolve.nn.operations import windows
from convolve.nn.operations.windows import Pairs
from convolve.options import choice, paddings, per_dimension, resolve_padding, whole_number

PAD_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""Our names of boundaries -> ONNX's."""

AUTO_PAD = {ours: name for name, ours in windows.AUTO_PAD.items()}
"""Our names of paddings -> ONNX's."""


def pads_of(pairs: Pairs) -> tuple[int, ...]:
    """Return pairs as ONNX writes them: all the befores and then all the afters."""
    return tuple(before for before, _ in pairs) + tuple(after for _, after in pairs)


def padding_attributes(
    rule: Pairs | str, extents: tuple[int, ...], strides: tuple[int, ...]
) -> dict[str, Any]:
    """Return the attributes that mean a padding: numbers, unless they depend on the image's size."""
    if isinstance(rule, str) and rule in AUTO_PAD and max(strides) > 1:
        return {"auto_pad": AUTO_PAD[rule]}
    pairs = (
        tuple(resolve_padding(rule, 1, extent, 1) for extent in extents) if isinstance(rule, str) else rule
    )
    return {"pads": pads_of(pairs)}


@dataclass(frozen=True, eq=False)
class _Conv(Layer):
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: PaddingArgument = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    name: str | None = field(default=None, kw_only=True)

    dims: ClassVar[int]

    def build(self, *values: Value) -> Value:
        """Lay the convolution on one value."""
        (value,) = values
        groups = self._groups()
        taps = per_dimension(self.kernel_size, self.dims, "kernel_size", 1)
        strides = per_dimension(self.stride, self.dims, "stride", 1)
        dilations = per_dimension(self.dilation, self.dims, "dilation", 1)
        extents = tuple(step * (count - 1) + 1 for step, count in zip(dilations, taps, strict=True))
        rule = paddings(self.padding, self.dims)
        if choice(self.padding_mode, "padding_mode", tuple(PAD_MODES)) != "zeros":
            value, rule = self._padded(value, rule, extents, strides), ((0, 0),) * self.dims
        weight, bias = self._parameters((self.out_channels, self.in_channels // groups, *taps))
        return self.step(
            "Conv", value, weight, bias,
            strides=strides, dilations=dilations, group=groups, **padding_attributes(rule, extents, strides),
        )  # fmt: skip

    def _groups(self) -> int:
        groups = whole_number(self.groups, "groups", 1)
        for what, channels in (("in", self.in_channels), ("out", self.out_channels)):
            if whole_number(channels, f"{what}_channels", 1) % groups:
                raise ArgumentError(
                    f"{self.label}: groups must divide the {what} channels, got {groups} for {channels}"
                )
        return groups

    def _parameters(self, shape: tuple[int, ...]) -> tuple[Parameter, Parameter | None]:
        fan_in = math.prod(shape[1:])
        weight = self.parameter("weight", shape, he_uniform(fan_in))
        bias = self.parameter("bias", (self.out_channels,), bias_uniform(fan_in)) if self.bias else None
        return weight, bias

    def _padded(
        self, value: Value, rule: Pairs | str, extents: tuple[int, ...], strides: tuple[int, ...]
    ) -> Value:
        """Return the value with a border that is not of zeros."""
        if isinstance(rule, str):
            if max(strides) > 1 and rule.startswith("same"):
                raise ArgumentError(
                    f"{self.label}: padding={rule!r} with a stride depends on the size, and padding_mode="
                    f"{self.padding_mode!r} needs numbers; give padding as numbers"
                )
            rule = tuple(resolve_padding(rule, extent, extent, 1) for extent in extents)
        pads = numbers(*pads_of(((0, 0), (0, 0), *rule)))
        return self.step("Pad", value, pads, part="pad", mode=PAD_MODES[self.padding_mode])


class Conv1d(_Conv):
    """A convolution along sequences (N, C, L); arguments as in ``torch.nn.Conv1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Conv1d(3, 8, 5, stride=2)(nn.Input((3, 100))).shape
    (1, 8, 48)
    """

    dims = 1


class Conv2d(_Conv):
    """A convolution over images (N, C, H, W); arguments as in ``torch.nn.Conv2d``.

    Parameters
    ----------
    in_channels, out_channels
        Feature maps that come in, and filters.
    kernel_size, stride, padding, dilation, groups
        As in `convolve.conv2d`.
    bias
        Whether every filter has a number that is added.
    padding_mode
        "zeros", "reflect", "replicate" or "circular".
    name
        Of the layer; its kind and a number if None.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Conv2d(3, 8, 3, padding=1, stride=2)(nn.Input((3, 224, 224))).shape
    (1, 8, 112, 112)
    """

    dims = 2


class Conv3d(_Conv):
    """A convolution over volumes (N, C, D, H, W); arguments as in ``torch.nn.Conv3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Conv3d(1, 8, 3, padding=1)(nn.Input((1, 10, 20, 20))).shape
    (1, 8, 10, 20, 20)
    """

    dims = 3


@dataclass(frozen=True, eq=False)
class _ConvTranspose(Layer):
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: PaddingArgument = 0
    output_padding: Size = 0
    groups: int = 1
    bias: bool = True
    dilation: Size = 1
    name: str | None = field(default=None, kw_only=True)

    dims: ClassVar[int]

    def build(self, *values: Value) -> Value:
        """Lay the transposed convolution on one value."""
        (value,) = values
        groups = whole_number(self.groups, "groups", 1)
        if whole_number(self.out_channels, "out_channels", 1) % groups:
            raise ArgumentError(
                f"{self.label}: groups must divide the out channels, got {groups} for {self.out_channels}"
            )
        taps = per_dimension(self.kernel_size, self.dims, "kernel_size", 1)
        strides = per_dimension(self.stride, self.dims, "stride", 1)
        dilations = per_dimension(self.dilation, self.dims, "dilation", 1)
        extents = tuple(step * (count - 1) + 1 for step, count in zip(dilations, taps, strict=True))
        weight, bias = self._parameters((self.in_channels, self.out_channels // groups, *taps))
        return self.step(
            "ConvTranspose", value, weight, bias,
            strides=strides, dilations=dilations, group=groups,
            output_padding=per_dimension(self.output_padding, self.dims, "output_padding", 0),
            **padding_attributes(paddings(self.padding, self.dims), extents, strides),
        )  # fmt: skip

    def _parameters(self, shape: tuple[int, ...]) -> tuple[Parameter, Parameter | None]:
        fan_in = math.prod(shape[1:])
        weight = self.parameter("weight", shape, he_uniform(fan_in))
        bias = self.parameter("bias", (self.out_channels,), bias_uniform(fan_in)) if self.bias else None
        return weight, bias


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution along sequences; arguments as in ``torch.nn.ConvTranspose1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.ConvTranspose1d(8, 4, 2, stride=2)(nn.Input((8, 10))).shape
    (1, 4, 20)
    """

    dims = 1


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution over images; arguments as in ``torch.nn.ConvTranspose2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.ConvTranspose2d(8, 4, 2, stride=2)(nn.Input((8, 14, 14))).shape
    (1, 4, 28, 28)
    """

    dims = 2


class ConvTranspose3d(_ConvTranspose):
    """A transposed convolution over volumes; arguments as in ``torch.nn.ConvTranspose3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.ConvTranspose3d(8, 4, 2, stride=2)(nn.Input((8, 5, 6, 7))).shape
    (1, 4, 10, 12, 14)
    """

    dims = 3


@dataclass(frozen=True, eq=False)
class Linear(Layer):
    """Every output a weighted sum of all features; arguments as in ``torch.nn.Linear``.

    Parameters
    ----------
    in_features, out_features
        Sizes of the last dimension before and after.
    bias
        Whether every output has a number that is added.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Linear(64, 10)(nn.Input((64,))).shape
    (1, 10)
    """

    in_features: int
    out_features: int
    bias: bool = True
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        (value,) = values
        shape = (
            whole_number(self.in_features, "in_features", 1),
            whole_number(self.out_features, "out_features", 1),
        )
        bias = self.parameter("bias", shape[1:], bias_uniform(shape[0])) if self.bias else None
        if value.tensor.ndim == 2:
            turned = self.parameter("weight", shape[::-1], he_uniform(shape[0], 1.0))
            return self.step("Gemm", value, turned, bias, transB=1)
        weight = self.parameter("weight", shape, he_uniform(shape[0], 1.0))
        product = self.step("MatMul", value, weight, part="" if bias is None else "product")
        return product if bias is None else self.step("Add", product, bias)


__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Linear",
]  # fmt: skip
