"""What is known of a tensor before anything runs: its dtype, its shape, perhaps its numbers.

Rules of shapes ask for numbers only where ONNX puts them among the inputs (`Reshape`'s shape). Where these
depend on the image itself, `known` gives up, and the shape is known when the network runs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from convolve.dtypes import Array, DType
from convolve.errors import ArgumentError, DTypeError, ShapeError

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor as the rules of shapes see it.

    Attributes
    ----------
    dtype, shape
        As of a NumPy array.
    value
        The numbers, if they do not depend on the network's inputs.
    """

    dtype: DType
    shape: Shape
    value: Array | None = None

    @classmethod
    def of(cls, array: Array) -> "Tensor":
        """Return the tensor whose numbers are these."""
        return cls(array.dtype, array.shape, array)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the numbers take."""
        return self.size * self.dtype.itemsize

    def like(self, shape: Sequence[int] | None = None, dtype: DType | None = None) -> "Tensor":
        """Return a tensor without numbers of another shape or another dtype."""
        return Tensor(dtype or self.dtype, self.shape if shape is None else tuple(shape))

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class UnknownUntilRun(Exception):
    """The shape asked for depends on numbers that only a run knows; no error, and never shown to a user."""


def known(tensor: Tensor) -> Array:
    """Return a tensor's numbers, or give up the shape until the network runs."""
    if tensor.value is None:
        raise UnknownUntilRun
    return tensor.value


def whole_numbers(tensor: Tensor, name: str, most: int = 1024) -> list[int]:
    """Return the numbers of a list that steers an operation, such as the shape of a `Reshape`."""
    if tensor.ndim > 1 or tensor.dtype.kind not in "iu":
        raise ShapeError(f"{name} must be one list of whole numbers, got {tensor}")
    if tensor.size > most:
        raise ShapeError(f"{name} must have at most {most} numbers, got {tensor.size}")
    return [int(number) for number in known(tensor).reshape(-1)]


def axis_of(axis: int, ndim: int, name: str = "axis") -> int:
    """Return a dimension's number, counted from the front; negative ones count from the end."""
    if not -ndim <= axis < ndim:
        raise ArgumentError(f"{name} must be from {-ndim} to {ndim - 1} for {ndim} dimensions, got {axis}")
    return axis % ndim


def axes_of(axes: Sequence[int], ndim: int, name: str = "axes") -> tuple[int, ...]:
    """Return several dimensions' numbers, each at most once."""
    found = tuple(axis_of(int(axis), ndim, name) for axis in axes)
    if len(set(found)) < len(found):
        raise ArgumentError(f"{name} must name each dimension once, got {tuple(axes)}")
    return found


def broadcast(*tensors: Tensor) -> Shape:
    """Return the shape to which all are repeated, as NumPy does it."""
    try:
        return np.broadcast_shapes(*(tensor.shape for tensor in tensors))
    except ValueError:
        shapes = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ShapeError(
            f"shapes must be equal, or 1 where they differ, counted from the last dimension; got {shapes}"
        ) from None


def same_dtype(*tensors: Tensor) -> DType:
    """Return the dtype that all have."""
    kinds = {tensor.dtype for tensor in tensors}
    if len(kinds) > 1:
        names = ", ".join(str(tensor.dtype) for tensor in tensors)
        raise DTypeError(f"all inputs must have one dtype, got {names}; cast them first")
    return tensors[0].dtype


def check_ndim(tensor: Tensor, least: int, most: int = 64, name: str = "input") -> None:
    """Refuse a tensor with too few or too many dimensions."""
    if not least <= tensor.ndim <= most:
        range_ = f"{least}" if least == most else f"{least} to {most}" if most < 64 else f"at least {least}"
        raise ShapeError(f"{name} must have {range_} dimensions, it has {tensor.ndim}: {tensor.shape}")


def is_float(dtype: DType) -> bool:
    """Whether numbers of this dtype have a fraction (bfloat16 and the small floats of ml_dtypes too)."""
    return dtype.kind == "f" or "float" in dtype.name


def check_float(tensor: Tensor, name: str = "input") -> None:
    """Refuse whole numbers where an operation is defined for real ones."""
    if not is_float(tensor.dtype):
        raise DTypeError(f"{name} must be of a float dtype, got {tensor.dtype}; cast it first")
