"""Normalisation layers, with PyTorch's arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from convolve.errors import ShapeError
from convolve.nn.initial import filled
from convolve.nn.layers.base import Layer, Value
from convolve.options import real_number, whole_number


@dataclass(frozen=True, eq=False)
class _BatchNorm(Layer):
    num_features: int
    eps: float = 1e-5
    momentum: float = 0.1
    name: str | None = field(default=None, kw_only=True)

    ndims: ClassVar[tuple[int, ...]]

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        _check_ndim(self, values[0], self.ndims)
        shape = (whole_number(self.num_features, "num_features", 1),)
        parts = (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0))
        numbers = [self.parameter(part, shape, filled(value)) for part, value in parts]
        # ONNX's momentum is what is kept of the old statistics, PyTorch's what is taken of the new.
        keep = 1 - real_number(self.momentum, "momentum")
        return self.step("BatchNormalization", *values, *numbers, epsilon=self.eps, momentum=keep)


def _check_ndim(layer: Layer, value: Value, ndims: tuple[int, ...]) -> None:
    if value.tensor.ndim not in ndims:
        many = " or ".join(map(str, ndims))
        raise ShapeError(f"{layer.label}: input must have {many} dimensions, got shape {value.shape}")


class BatchNorm1d(_BatchNorm):
    """Every feature map normalised by statistics of the training; as ``torch.nn.BatchNorm1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.BatchNorm1d(8)(nn.Input((8, 20))).shape
    (1, 8, 20)
    """

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Every feature map normalised by statistics of the training; as ``torch.nn.BatchNorm2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.BatchNorm2d(8)(nn.Input((8, 14, 14))).shape
    (1, 8, 14, 14)
    """

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Every feature map normalised by statistics of the training; as ``torch.nn.BatchNorm3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.BatchNorm3d(8)(nn.Input((8, 5, 6, 7))).shape
    (1, 8, 5, 6, 7)
    """

    ndims = (5,)


@dataclass(frozen=True, eq=False)
class GroupNorm(Layer):
    """Groups of channels normalised, image by image; arguments as in ``torch.nn.GroupNorm``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.GroupNorm(2, 8)(nn.Input((8, 14, 14))).shape
    (1, 8, 14, 14)
    """

    num_groups: int
    num_channels: int
    eps: float = 1e-5
    affine: bool = True
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step(
            "GroupNormalization",
            *values,
            *_scale_and_shift(self, (whole_number(self.num_channels, "num_channels", 1),), self.affine),
            epsilon=self.eps,
            num_groups=whole_number(self.num_groups, "num_groups", 1),
        )


def _scale_and_shift(layer: Layer, shape: tuple[int, ...], learned: bool) -> list[object]:
    """Return weight and bias: learned, or 1 and 0."""
    if learned:
        return [layer.parameter("weight", shape, filled(1.0)), layer.parameter("bias", shape, filled(0.0))]
    return [np.ones(shape, np.float32), np.zeros(shape, np.float32)]


@dataclass(frozen=True, eq=False)
class _InstanceNorm(Layer):
    num_features: int
    eps: float = 1e-5
    affine: bool = False
    name: str | None = field(default=None, kw_only=True)

    ndims: ClassVar[tuple[int, ...]]

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        _check_ndim(self, values[0], self.ndims)
        count = whole_number(self.num_features, "num_features", 1)
        numbers = _scale_and_shift(self, (count,), self.affine)
        return self.step("InstanceNormalization", *values, *numbers, epsilon=self.eps)


class InstanceNorm1d(_InstanceNorm):
    """Every feature map of every sequence normalised; as ``torch.nn.InstanceNorm1d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.InstanceNorm1d(8)(nn.Input((8, 20))).shape
    (1, 8, 20)
    """

    ndims = (3,)


class InstanceNorm2d(_InstanceNorm):
    """Every feature map of every image normalised; as ``torch.nn.InstanceNorm2d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.InstanceNorm2d(8)(nn.Input((8, 14, 14))).shape
    (1, 8, 14, 14)
    """

    ndims = (4,)


class InstanceNorm3d(_InstanceNorm):
    """Every feature map of every volume normalised; as ``torch.nn.InstanceNorm3d``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.InstanceNorm3d(8)(nn.Input((8, 5, 6, 7))).shape
    (1, 8, 5, 6, 7)
    """

    ndims = (5,)


@dataclass(frozen=True, eq=False)
class LayerNorm(Layer):
    """The last dimensions normalised; arguments as in ``torch.nn.LayerNorm``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.LayerNorm((14, 14))(nn.Input((8, 14, 14))).shape
    (1, 8, 14, 14)
    """

    normalized_shape: int | Sequence[int]
    eps: float = 1e-5
    elementwise_affine: bool = True
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        given = self.normalized_shape
        shape = tuple(given) if isinstance(given, Sequence) else (given,)
        if values[0].shape[-len(shape) :] != shape:
            raise ShapeError(
                f"{self.label}: normalized_shape must be the input's last sizes; {shape} does not end "
                f"{values[0].shape}"
            )
        numbers = _scale_and_shift(self, shape, self.elementwise_affine)
        return self.step("LayerNormalization", *values, *numbers, axis=-len(shape), epsilon=self.eps)


@dataclass(frozen=True, eq=False)
class LocalResponseNorm(Layer):
    """Cells divided by a power of their neighbours in other channels; as ``torch.nn.LocalResponseNorm``.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.LocalResponseNorm(5)(nn.Input((8, 14, 14))).shape
    (1, 8, 14, 14)
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        size = whole_number(self.size, "size", 1)
        return self.step("LRN", *values, size=size, alpha=self.alpha, beta=self.beta, bias=self.k)
