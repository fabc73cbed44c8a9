"""Activations, shapes and joins, with PyTorch's arguments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from convolve.errors import ArgumentError
from convolve.nn.initial import filled
from convolve.nn.layers.base import Layer, Value, numbers
from convolve.options import choice, per_dimension, real_number, whole_number


@dataclass(frozen=True, eq=False)
class _Plain(Layer):
    name: str | None = field(default=None, kw_only=True)

    operation: ClassVar[str]

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step(self.operation, *values)


class ReLU(_Plain):
    """Negative cells become 0.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.ReLU(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[0., 0., 1.]], dtype=float32)
    """

    operation = "Relu"


class SiLU(_Plain):
    """x · sigmoid(x).

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.SiLU(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.238,  0.   ,  0.731]], dtype=float32)
    """

    operation = "Swish"


class Mish(_Plain):
    """x · tanh(softplus(x)).

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Mish(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.253,  0.   ,  0.865]], dtype=float32)
    """

    operation = "Mish"


class Hardswish(_Plain):
    """x · clip(x / 6 + 1/2, 0, 1), cheap and close to SiLU.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Hardswish(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.333,  0.   ,  0.667]], dtype=float32)
    """

    operation = "HardSwish"


class Sigmoid(_Plain):
    """1 / (1 + exp(−x)).

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Sigmoid(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[0.119, 0.5  , 0.731]], dtype=float32)
    """

    operation = "Sigmoid"


class Tanh(_Plain):
    """The hyperbolic tangent.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Tanh(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.964,  0.   ,  0.762]], dtype=float32)
    """

    operation = "Tanh"


class Softplus(_Plain):
    """log(1 + exp(x)).

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Softplus(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[0.127, 0.693, 1.313]], dtype=float32)
    """

    operation = "Softplus"


class Identity(_Plain):
    """What comes in.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Identity(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-2.,  0.,  1.]], dtype=float32)
    """

    operation = "Identity"


@dataclass(frozen=True, eq=False)
class LeakyReLU(Layer):
    """Negative cells times a small number.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.LeakyReLU(0.1), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.2,  0. ,  1. ]], dtype=float32)
    """

    negative_slope: float = 0.01
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("LeakyRelu", *values, alpha=self.negative_slope)


@dataclass(frozen=True, eq=False)
class ELU(Layer):
    """Negative cells become alpha · (exp(x) − 1).

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.ELU(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.865,  0.   ,  1.   ]], dtype=float32)
    """

    alpha: float = 1.0
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Elu", *values, alpha=self.alpha)


@dataclass(frozen=True, eq=False)
class GELU(Layer):
    """x · Φ(x), with the normal distribution or, with ``approximate="tanh"``, close to it.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.GELU(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.046,  0.   ,  0.841]], dtype=float32)
    """

    approximate: str = "none"
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step(
            "Gelu", *values, approximate=choice(self.approximate, "approximate", ("none", "tanh"))
        )


@dataclass(frozen=True, eq=False)
class PReLU(Layer):
    """Negative cells times a learned number, one for all or one per channel.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.PReLU(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-0.5,  0. ,  1. ]], dtype=float32)
    """

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
    """Cells kept between two numbers; ``Clip(0, 6)`` is ReLU6.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Clip(-1, 0.5), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-1. ,  0. ,  0.5]], dtype=float32)
    """

    min: float
    max: float
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        limits = (real_number(self.min, "min"), real_number(self.max, "max"))
        return self.step("Clip", *values, *(np.array(limit, np.float32) for limit in limits))


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """Along one dimension, numbers that add up to 1.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Softmax(), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[0.035, 0.259, 0.705]], dtype=float32)
    """

    dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Softmax", *values, axis=self.dim)


@dataclass(frozen=True, eq=False)
class Dropout(Layer):
    """While training, cells left out at random; else nothing.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Sequential(nn.Dropout(0.2), input_shape=(3,))([[-2.0, 0.0, 1.0]]).round(3)
    array([[-2.,  0.,  1.]], dtype=float32)
    """

    p: float = 0.5
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        if not 0 <= real_number(self.p, "p") < 1:
            raise ArgumentError(f"p must be from 0 to below 1, got {self.p}")
        return self.step("Dropout", *values, np.array(self.p, np.float32))


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """All dimensions from one on become one.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Flatten()(nn.Input((8, 3, 3))).shape
    (1, 72)
    """

    start_dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        (value,) = values
        if self.start_dim == 1:
            return self.step("Flatten", value)
        kept = value.shape[: whole_number(self.start_dim, "start_dim", 0)]
        if self.start_dim >= len(value.shape):
            raise ArgumentError(
                f"start_dim must be below the number of dimensions, {len(value.shape)}, got {self.start_dim}"
            )
        return self.step("Reshape", value, numbers(*(0 for _ in kept), -1))


@dataclass(frozen=True, eq=False)
class Reshape(Layer):
    """Every image's cells in another shape, without the batch; one size may be −1.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Reshape((4, -1))(nn.Input((8, 3, 3))).shape
    (1, 4, 18)
    """

    shape: tuple[int, ...]
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        sizes = self.shape if isinstance(self.shape, Sequence) else (self.shape,)
        shape = per_dimension(sizes, len(sizes), "shape", -1) if sizes else ()
        return self.step("Reshape", *values, numbers(0, *shape))


@dataclass(frozen=True, eq=False)
class Permute(Layer):
    """Dimensions in another order, the batch as number 0.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Permute((0, 2, 3, 1))(nn.Input((8, 3, 5))).shape
    (1, 3, 5, 8)
    """

    dims: tuple[int, ...]
    name: str | None = field(default=None, kw_only=True)

    def build(self, *values: Value) -> Value:
        """Lay the layer on one value."""
        return self.step("Transpose", *values, perm=self.dims)


@dataclass(frozen=True, eq=False)
class Concat(Layer):
    """Several values joined along one dimension, the channels if nothing is said.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Concat()(nn.Input((8, 5)), nn.Input((4, 5))).shape
    (1, 12, 5)
    """

    dim: int = 1
    name: str | None = field(default=None, kw_only=True)

    takes: ClassVar[int | None] = None

    def build(self, *values: Value) -> Value:
        """Lay the layer on the values."""
        return self.step("Concat", *values, axis=self.dim)


@dataclass(frozen=True, eq=False)
class Add(_Plain):
    """Values summed up; ``a + b`` makes it too.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Add()(nn.Input((8, 5)), nn.Input((8, 1))).shape
    (1, 8, 5)
    """

    operation = "Add"
    takes = 2


@dataclass(frozen=True, eq=False)
class Mul(_Plain):
    """Values multiplied; ``a * b`` makes it too.

    Examples
    --------
    >>> from convolve import nn
    >>> nn.Mul()(nn.Input((8, 5)), nn.Input((8, 1))).shape
    (1, 8, 5)
    """

    operation = "Mul"
    takes = 2
