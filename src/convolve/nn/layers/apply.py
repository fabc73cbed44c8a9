"""`Apply`: any operation of the table as a layer, for what has no layer of its own."""

from typing import Any

import numpy as np

from convolve.errors import ArgumentError, ArgumentTypeError
from convolve.nn.layers.base import Layer, Value
from convolve.nn.operations import OPERATIONS


class Apply(Layer):
    """An operation by its name in ONNX, such as "Pad", "Slice", "ReduceMean", "Erf" or "Pow".

    Parameters
    ----------
    operation
        One of those that docs/networks.md lists, with one result whose size
        does not follow from the image's cells.
    *constants
        Arrays, numbers or None (left out): what the operation reads after the values that the layer
        is called on.
    name
        Of the layer.
    **attributes
        The operation's own, as ONNX names them.

    Raises
    ------
    ArgumentError
        If there is no such operation, or how large its result is follows from cells.

    Examples
    --------
    >>> import numpy as np
    >>> from convolve import nn
    >>> image = nn.Input((3, 8, 8))
    >>> nn.Apply("Pad", np.array([0, 0, 1, 1, 0, 0, 2, 2]), mode="reflect")(image).shape
    (1, 3, 11, 11)
    >>> nn.Apply("Resize", None, None, np.array([1, 3, 4, 4]), mode="cubic", antialias=1)(image).shape
    (1, 3, 4, 4)
    >>> rows = nn.Apply("ReduceMean", np.array([3]), keepdims=0)(image)
    >>> nn.Apply("MatMul")(rows, nn.Apply("Transpose", perm=(0, 2, 1))(rows)).shape
    (1, 3, 3)
    """

    takes = None

    def __init__(self, operation: str, *constants: Any, name: str | None = None, **attributes: Any) -> None:
        if operation not in OPERATIONS or not OPERATIONS[operation].onnx:
            raise ArgumentError(
                f"operation must be one of ONNX's in docs/networks.md, such as 'Pad'; got {operation!r}"
            )
        self.operation, self.name, self.attributes = operation, name, attributes
        self.constants = tuple(None if one is None else np.array(one) for one in constants)

    @property
    def label(self) -> str:
        """The layer's name in messages."""
        return self.name or self.operation

    def build(self, *values: Value) -> Value:
        """Lay the operation on some values."""
        if not values:
            raise ArgumentTypeError(f"{self.label}: must be called on at least one value, got none")
        return self.step(self.operation, *values, *self.constants, **self.attributes)
