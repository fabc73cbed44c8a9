"""Pooling and resizing, with PyTorch's arguments."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from convolve.api.types import PaddingArgument, Size
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.layers.base import Layer, Value
from convolve.nn.layers.convolution import padding_attributes
from convolve.options import choice, flag, paddings, per_dimension, real_number, whole_number


@dataclass(frozen=True, eq=False)
class _Pool(Layer):
    kernel_size: Size
    stride: Size | None = None
    padding: PaddingArgument = 0

    dims: ClassVar[int]

    def windows(self, dilation: Size, ceil_mode: bool) -> dict[str, Any]:
        """Return the attributes of the windows."""
        taps = per_dimension(self.kernel_size, self.dims, "kernel_size", 1)
        dilations = per_dimension(dilation, self.dims, "dilation", 1)
        extents = tuple(step * (count - 1) + 1 for step, count in zip(dilations, taps, strict=True))
        stride = self.kernel_size if self.stride is None else self.stride
        strides = per_dimension(stride, self.dims, "stride", 1)
        return {
            "kernel_shape": taps,
            "strides": strides,
            "dilations": dilations,
            "ceil_mode": flag(ceil_mode, "ceil_mode"),
            **padding_attributes(paddings(self.padding, self.dims), extents, strides),
        }


@dataclass(frozen=True, eq=False)
class _MaxPool(_Pool):
    dilation: Size = 1
    ceil_mode: bool = False
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the pooling on one value."""
        return self.step("MaxPool", *values, **self.windows(self.dilation, self.ceil_mode))


@dataclass(frozen=True, eq=False)
class _AvgPool(_Pool):
    ceil_mode: bool = False
    count_include_pad: bool = True
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the pooling on one value."""
        include = flag(self.count_include_pad, "count_include_pad")
        return self.step("AveragePool", *values, count_include_pad=include, **self.windows(1, self.ceil_mode))


class MaxPool1d(_MaxPool):
    """The largest cell of every window of a sequence; arguments as in ``torch.nn.MaxPool1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.MaxPool1d(2)(nn.Input((8, 28))).shape
    (1, 8, 14)
    """

    dims = 1


class MaxPool2d(_MaxPool):
    """The largest cell of every window of an image; arguments as in ``torch.nn.MaxPool2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.MaxPool2d(2)(nn.Input((8, 28, 28))).shape
    (1, 8, 14, 14)
    """

    dims = 2


class MaxPool3d(_MaxPool):
    """The largest cell of every window of a volume; arguments as in ``torch.nn.MaxPool3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.MaxPool3d(2)(nn.Input((8, 28, 28, 14))).shape
    (1, 8, 14, 14, 7)
    """

    dims = 3


class AvgPool1d(_AvgPool):
    """The mean of every window of a sequence; arguments as in ``torch.nn.AvgPool1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AvgPool1d(3, stride=2, padding=1)(nn.Input((8, 28))).shape
    (1, 8, 14)
    """

    dims = 1


class AvgPool2d(_AvgPool):
    """The mean of every window of an image; arguments as in ``torch.nn.AvgPool2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AvgPool2d(3, stride=2, padding=1)(nn.Input((8, 28, 28))).shape
    (1, 8, 14, 14)
    """

    dims = 2


class AvgPool3d(_AvgPool):
    """The mean of every window of a volume; arguments as in ``torch.nn.AvgPool3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AvgPool3d(2)(nn.Input((8, 28, 28, 14))).shape
    (1, 8, 14, 14, 7)
    """

    dims = 3


@dataclass(frozen=True, eq=False)
class _Adaptive(Layer):
    output_size: Size = 1
    name: str | None = field(default=None, kw_only=True)

    dims: ClassVar[int]
    kinds: ClassVar[tuple[str, str]]

    def build(self, *values: Value) -> Value:
        """Lay the pooling on one value."""
        if values[0].tensor.ndim != self.dims + 2:
            raise ShapeError(f"input must have {self.dims + 2} dimensions, got shape {values[0].shape}")
        size = per_dimension(self.output_size, self.dims, "output_size", 1)
        whole, adaptive = self.kinds
        return (
            self.step(whole, *values) if set(size) == {1} else self.step(adaptive, *values, output_size=size)
        )


class _AdaptiveAvg(_Adaptive):
    kinds = ("GlobalAveragePool", "AdaptiveAveragePool")


class _AdaptiveMax(_Adaptive):
    kinds = ("GlobalMaxPool", "AdaptiveMaxPool")


class AdaptiveAvgPool1d(_AdaptiveAvg):
    """Means of as many windows as are asked for; as ``torch.nn.AdaptiveAvgPool1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveAvgPool1d(3)(nn.Input((8, 10))).shape
    (1, 8, 3)
    """

    dims = 1


class AdaptiveAvgPool2d(_AdaptiveAvg):
    """Means of as many windows as are asked for; as ``torch.nn.AdaptiveAvgPool2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveAvgPool2d((2, 3))(nn.Input((8, 5, 7))).shape
    (1, 8, 2, 3)
    """

    dims = 2


class AdaptiveAvgPool3d(_AdaptiveAvg):
    """Means of as many windows as are asked for; as ``torch.nn.AdaptiveAvgPool3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveAvgPool3d(2)(nn.Input((8, 5, 7, 6))).shape
    (1, 8, 2, 2, 2)
    """

    dims = 3


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest cells of as many windows as are asked for; as ``torch.nn.AdaptiveMaxPool1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveMaxPool1d(3)(nn.Input((8, 10))).shape
    (1, 8, 3)
    """

    dims = 1


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest cells of as many windows as are asked for; as ``torch.nn.AdaptiveMaxPool2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveMaxPool2d((2, 3))(nn.Input((8, 5, 7))).shape
    (1, 8, 2, 3)
    """

    dims = 2


class AdaptiveMaxPool3d(_AdaptiveMax):
    """The largest cells of as many windows as are asked for; as ``torch.nn.AdaptiveMaxPool3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.AdaptiveMaxPool3d(2)(nn.Input((8, 5, 7, 6))).shape
    (1, 8, 2, 2, 2)
    """

    dims = 3


MODES = {
    "nearest": "nearest",
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "bicubic": "cubic",
}
"""PyTorch's names of interpolations -> ONNX's."""


@dataclass(frozen=True, eq=False)
class Upsample(Layer):
    """Larger or smaller feature maps; arguments as in ``torch.nn.Upsample``.

    Parameters
    ----------
    scale_factor
        A number, or one per spatial dimension.
    mode
        "nearest", "linear", "bilinear", "trilinear" or "bicubic".
    align_corners
        Whether the centres of the corner cells stay where they are.
    antialias
        Whether cells are averaged where maps become smaller, as ``torch.nn.functional.interpolate`` does it.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Upsample(2, mode="bilinear")(nn.Input((8, 14, 14))).shape
    (1, 8, 28, 28)
    """

    scale_factor: float | tuple[float, ...]
    mode: str = "nearest"
    align_corners: bool = False
    antialias: bool = False
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        (value,) = values
        dims = value.tensor.ndim - 2
        given = self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor,) * dims
        factors = [real_number(factor, "scale_factor") for factor in given]
        if len(factors) != dims or not all(factor > 0 for factor in factors):
            raise ArgumentError(
                f"scale_factor must be positive, one number or {dims}, got {self.scale_factor}"
            )
        mode = MODES[choice(self.mode, "mode", tuple(MODES))]
        return self.step(
            "Resize", value, None, np.array((1, 1, *factors), np.float32),
            mode=mode, **self._antialiasing(), **self._coordinates(mode),
        )  # fmt: skip

    def _antialiasing(self) -> dict[str, Any]:
        """Return PyTorch's: cells beyond the edge do not count, and the cubic is another one."""
        if not flag(self.antialias, "antialias"):
            return {}
        return {"antialias": True, "exclude_outside": True, "cubic_coeff_a": -0.5}

    def _coordinates(self, mode: str) -> dict[str, str]:
        if mode == "nearest":
            return {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        aligned = flag(self.align_corners, "align_corners")
        return {"coordinate_transformation_mode": "align_corners" if aligned else "pytorch_half_pixel"}


@dataclass(frozen=True, eq=False)
class PixelShuffle(Layer):
    """Channels become cells: (C·r², H, W) to (C, H·r, W·r); as ``torch.nn.PixelShuffle``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.PixelShuffle(2)(nn.Input((8, 5, 7))).shape
    (1, 2, 10, 14)
    """

    upscale_factor: int
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        factor = whole_number(self.upscale_factor, "upscale_factor", 1)
        return self.step("DepthToSpace", *values, blocksize=factor, mode="CRD")


@dataclass(frozen=True, eq=False)
class PixelUnshuffle(Layer):
    """Cells become channels: (C, H·r, W·r) to (C·r², H, W); as ``torch.nn.PixelUnshuffle``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.PixelUnshuffle(2)(nn.Input((8, 6, 4))).shape
    (1, 32, 3, 2)
    """

    downscale_factor: int
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        factor = whole_number(self.downscale_factor, "downscale_factor", 1)
        return self.step("SpaceToDepth", *values, blocksize=factor, mode="CRD")
