"""Activations, shapes and joins, with PyTorch's arguments."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from convolve.errors import ArgumentError
from convolve.nn.initial import filled
from convolve.nn.layers.base import Layer, Value, numbers
from convolve.options import choice, whole_number


@dataclass(frozen=True, eq=False)
class _Plain(Layer):
    name: str | None = field(default=None, kw_only=True)

    operation: ClassVar[str]

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step(self.operation, *values)


class ReLU(_Plain):
    """Negative cells become 0."""

    operation = "Relu"


class SiLU(_Plain):
    """x · sigmoid(x)."""

    operation = "Swish"


class Mish(_Plain):
    """x · tanh(softplus(x))."""

    operation = "Mish"


class Hardswish(_Plain):
    """x · clip(x / 6 + 1/2, 0, 1), cheap and close to SiLU."""

    operation = "HardSwish"


class Sigmoid(_Plain):
    """1 / (1 + exp(−x))."""

    operation = "Sigmoid"


class Tanh(_Plain):
    """The hyperbolic tangent."""

    operation = "Tanh"


class Softplus(_Plain):
    """log(1 + exp(x))."""

    operation = "Softplus"


class Identity(_Plain):
    """What comes in."""

    operation = "Identity"


@dataclass(frozen=True, eq=False)
class LeakyReLU(Layer):
    """Negative cells times a small number."""

    negative_slope: float = 0.01
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("LeakyRelu", *values, alpha=self.negative_slope)


@dataclass(frozen=True, eq=False)
class ELU(Layer):
    """Negative cells become alpha · (exp(x) − 1)."""

    alpha: float = 1.0
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Elu", *values, alpha=self.alpha)


@dataclass(frozen=True, eq=False)
class GELU(Layer):
    """x · Φ(x), with the normal distribution or, with ``approximate="tanh"``, close to it."""

    approximate: str = "none"
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step(
            "Gelu", *values, approximate=choice(self.approximate, "approximate", ("none", "tanh"))
        )


@dataclass(frozen=True, eq=False)
class PReLU(Layer):
    """Negative cells times a learned number, one for all or one per channel."""

    num_parameters: int = 1
    init: float = 0.25
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        (value,) = values
        count = whole_number(self.num_parameters, "num_parameters", 1)
        shape = (count,) + (1,) * (value.tensor.ndim - 2)
        return self.step("PRelu", value, self.parameter("weight", shape, filled(self.init)))


@dataclass(frozen=True, eq=False)
class Clip(Layer):
    """Cells kept between two numbers; ``Clip(0, 6)`` is ReLU6."""

    min: float
    max: float
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Clip", *values, np.array(self.min, np.float32), np.array(self.max, np.float32))


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """Along one dimension, numbers that add up to 1."""

    dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Softmax", *values, axis=self.dim)


@dataclass(frozen=True, eq=False)
class Dropout(Layer):
    """While training, cells left out at random; else nothing."""

    p: float = 0.5
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        if not 0 <= self.p < 1:
            raise ArgumentError(f"{self.label}: p must be from 0 to below 1, got {self.p}")
        return self.step("Dropout", *values, np.array(self.p, np.float32))


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """All dimensions from one on become one."""

    start_dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        (value,) = values
        if self.start_dim == 1:
            return self.step("Flatten", value)
        kept = value.shape[: whole_number(self.start_dim, "start_dim", 0)]
        return self.step("Reshape", value, numbers(*(0 for _ in kept), -1))


@dataclass(frozen=True, eq=False)
class Reshape(Layer):
    """Every image's cells in another shape, without the batch; one size may be −1."""

    shape: tuple[int, ...]
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Reshape", *values, numbers(0, *self.shape))


@dataclass(frozen=True, eq=False)
class Permute(Layer):
    """Dimensions in another order, the batch as number 0."""

    dims: tuple[int, ...]
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Transpose", *values, perm=self.dims)


@dataclass(frozen=True, eq=False)
class Concat(Layer):
    """Several values joined along one dimension, the channels if nothing is said."""

    dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    takes: ClassVar[int | None] = None

    def build(self, *values: Value) -> Value:
        """Lay the layer on the values."""
        return self.step("Concat", *values, axis=self.dim)


@dataclass(frozen=True, eq=False)
class Add(_Plain):
    """Values summed up; ``a + b`` makes it too."""

    operation = "Add"
    takes = 2


@dataclass(frozen=True, eq=False)
class Mul(_Plain):
    """Values multiplied; ``a * b`` makes it too."""

    operation = "Mul"
    takes = 2
