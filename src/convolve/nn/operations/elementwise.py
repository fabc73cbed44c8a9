"""What operations on single cells share: rules of shapes, and forwards made from NumPy's functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import DTypeError
from convolve.nn.attributes import Attribute
from convolve.nn.operation import Forward, Gradient, Infer, Node, Operation
from convolve.nn.tensor import Tensor, broadcast, check_float, same_dtype

OfCells = Callable[[Node, Array], Any]


def same(_node: Node, x: Tensor, *_others: Tensor | None) -> Tensor:
    """Return the rule of operations that keep shape and dtype."""
    return x.like()


def same_float(_node: Node, x: Tensor, *_others: Tensor | None) -> Tensor:
    """Return the rule of operations that keep shape and dtype and are defined for floats."""
    check_float(x)
    return x.like()


def kept(function: OfCells) -> Forward:
    """Return a forward that computes ``function`` and keeps the dtype of its input."""

    def forward(node: Node, x: Array, *_others: Array | None) -> Array:
        with np.errstate(all="ignore"):  # infinities and NaN are results like others
            return np.asarray(function(node, x), dtype=x.dtype)

    return forward


def unary(
    name: str,
    function: OfCells,
    gradient: Gradient | str,
    floats: bool = True,
    **attributes: Attribute,
) -> Operation:
    """Return an operation that computes every cell from one cell and keeps the dtype."""
    infer: Infer = same_float if floats else same
    return Operation(name, (1, 1), infer, kept(function), gradient, attributes)


def combined(_node: Node, *tensors: Tensor) -> Tensor:
    """Return the rule of operations that combine cells of one dtype."""
    return Tensor(same_dtype(*tensors), broadcast(*tensors))


def combined_bool(node: Node, *tensors: Tensor) -> Tensor:
    """Return the rule of comparisons."""
    return combined(node, *tensors).like(dtype=np.dtype(bool))


def logical(node: Node, *tensors: Tensor) -> Tensor:
    """Return the rule of operations on truth values."""
    for tensor in tensors:
        if tensor.dtype != np.bool_:
            raise DTypeError(f"inputs must be of dtype bool, got {tensor.dtype}; compare or cast first")
    return combined(node, *tensors)


def joined(function: Callable[[Node, Array, Array], Any]) -> Forward:
    """Return a forward that combines any number of arrays from the left, in the first one's dtype."""

    def forward(node: Node, *arrays: Array) -> Array:
        result = arrays[0]
        with np.errstate(all="ignore"):
            for array in arrays[1:]:
                result = np.asarray(function(node, result, array), dtype=arrays[0].dtype)
        return result

    return forward
