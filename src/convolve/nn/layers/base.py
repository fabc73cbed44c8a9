"""`Input`, `Layer` and `Value`: layers are called on values, and what they give is checked at once.

A value remembers the layer that it came from, so that the last one holds the whole network. A layer has no
weights of its own: `build.network` draws them, and a layer that is called twice shares them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from convolve.dtypes import Array, parse_dtype
from convolve.errors import ArgumentError, ArgumentTypeError, ConvolveError
from convolve.nn import graph
from convolve.nn.graph import in_layer, make_node
from convolve.nn.inference import infer_node
from convolve.nn.initial import Initial
from convolve.nn.tensor import Shape, Tensor

OPEN_SIZE = 224
"""Cells with which layers are checked along a dimension of any size, ImageNet's."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """A learned tensor of one layer: its part of the name, its shape, and how its first numbers are drawn."""

    layer: "Layer"
    part: str
    shape: Shape
    initial: Initial

    @property
    def tensor(self) -> Tensor:
        """What inference sees."""
        return Tensor(np.dtype(np.float32), self.shape)


@dataclass(frozen=True, eq=False)
class Step:
    """One node before it has names: what it reads are values, parameters and constants."""

    layer: "Layer"
    part: str
    operation: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Value:
    """What a layer gives, or an input of the network: known by shape and dtype, its numbers come later.

    Attributes
    ----------
    tensor
        dtype and shape, with open sizes at a likely one.
    step
        What computes it; None for inputs.
    declared
        The input that it is; None for results.
    """

    tensor: Tensor
    step: Step | None = None
    declared: graph.Input | None = None

    @property
    def shape(self) -> Shape:
        """Sizes, with a batch of 1 and 224 where any size is possible."""
        return self.tensor.shape

    def __add__(self, other: "Value | float") -> "Value":
        return _combined("Add", self, other)

    def __sub__(self, other: "Value | float") -> "Value":
        return _combined("Sub", self, other)

    def __mul__(self, other: "Value | float") -> "Value":
        return _combined("Mul", self, other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return _combined("Div", self, other)

    __radd__, __rmul__ = __add__, __mul__


def Input(shape: Sequence[int | None], *, name: str = "input", dtype: Any = "float32") -> Value:
    """Return an input of a network.

    Parameters
    ----------
    shape
        Sizes without the batch, such as (3, 224, 224); None where any size is possible.
    name
        By which it can be given.
    dtype
        Of the array.

    Returns
    -------
    Value
        To call layers on.

    Examples
    --------
    >>> Input((3, 224, 224)).shape
    (1, 3, 224, 224)
    """
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        raise ArgumentTypeError(
            f"shape must be sizes without the batch, such as (3, 224, 224); got {shape!r}"
        )
    for size in shape:
        if size is not None and (not isinstance(size, int | np.integer) or size < 1):
            raise ArgumentError(f"shape must have sizes of at least 1, or None for any; got {tuple(shape)}")
    kind = parse_dtype(dtype, "dtype")
    sizes = tuple(OPEN_SIZE if size is None else int(size) for size in shape)
    declared = graph.Input(name, ("N", *(None if size is None else int(size) for size in shape)), kind)
    return Value(Tensor(kind, (1, *sizes)), declared=declared)


class Layer(ABC):
    """One layer: call it on a value (or several) to obtain the next. One's own says what it builds.

    Examples
    --------
    >>> from convolve import nn
    >>> class HardGate(nn.Layer):
    ...     def build(self, *values):
    ...         return self.step("HardSigmoid", *values, alpha=1 / 6, beta=0.5)
    >>> nn.Sequential(HardGate(), input_shape=(3,))([[-3.0, 0.0, 1.5]])
    array([[0.  , 0.5 , 0.75]], dtype=float32)
    """

    name: str | None = None
    takes: ClassVar[int | None] = 1  # values; None: any number

    @abstractmethod
    def build(self, *values: Value) -> Value:
        """Return what the layer makes of its inputs, by `step` and `parameter`."""

    def __call__(self, *values: Value) -> Value:
        """Lay this layer on some values.

        Raises
        ------
        ConvolveError
            If they do not fit, with the layer's name and the sizes.
        """
        if self.takes not in (None, len(values)):
            count = "one value" if self.takes == 1 else f"{self.takes} values"
            raise ArgumentError(f"{self.label}: must be called on {count}, got {len(values)}")
        for value in values:
            if not isinstance(value, Value):
                raise ArgumentTypeError(
                    f"{self.label}: layers are called on values, from nn.Input or another layer; got "
                    f"{type(value).__name__}; build a network and call that with arrays"
                )
        try:
            return self.build(*values)
        except ConvolveError as error:
            raise (error if str(error).startswith(self.label) else in_layer(error, self.label)) from None

    @property
    def label(self) -> str:
        """The layer's name in messages."""
        return self.name or type(self).__name__

    def parameter(self, part: str, shape: Sequence[int], initial: Initial) -> Parameter:
        """Return a learned tensor of this layer."""
        return Parameter(self, part, tuple(shape), initial)

    def step(self, operation: str, *inputs: Any, part: str = "", **attributes: Any) -> Value:
        """Return what an operation makes of values, parameters and arrays, checked."""
        names = ["" if one is None else f"{place}" for place, one in enumerate(inputs)]
        node = make_node(operation, names, ["out"], self.label, attributes)
        found = infer_node(node, [_tensor_of(one) for one in inputs])
        if not found:
            raise ArgumentError(
                f"{node}: the size of its result must follow from sizes, but it follows from cells; end the "
                "network before it"
            )
        return Value(found[0].like(), Step(self, part, operation, inputs, attributes))


def _tensor_of(one: Any) -> Tensor | None:
    if one is None:
        return None
    return Tensor.of(one) if isinstance(one, np.ndarray) else one.tensor


def numbers(*values: int) -> Array:
    """Return whole numbers as operations take them."""
    return np.array(values, np.int64)


@dataclass(frozen=True, eq=False)
class _Binary(Layer):
    """Two values combined cell by cell; what ``a + b`` makes."""

    operation: str
    takes: ClassVar[int | None] = 2

    def build(self, *values: Value) -> Value:
        """Return the combination."""
        return self.step(self.operation, *values)

    @property
    def label(self) -> str:
        """The layer's name in messages."""
        return self.operation


def _combined(operation: str, value: Value, other: Value | float) -> Value:
    """Return two values combined, or a value and a number."""
    layer = _Binary(operation)
    if isinstance(other, int | float | np.number):
        return layer.step(operation, value, np.array(other, value.tensor.dtype))
    return layer(value, other)
