"""What a node is, and what an operation is: one record with everything that is known about it.

The records stand in `convolve.nn.operations`, one file per family. To add an operation, write one record;
inference of shapes, running, import, export, `summary` and training all look it up there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.nn.attributes import Attribute
from convolve.nn.tensor import Tensor

Infer = Callable[..., Tensor | tuple[Tensor, ...]]
Forward = Callable[..., Array | tuple[Array, ...]]
Gradient = Callable[["Back"], Sequence[Array | None]]


@dataclass(frozen=True, eq=False)
class Node:
    """One step of a network: an operation, its attributes, and the names of what it reads and writes.

    Attributes
    ----------
    operation
        Name in the table of operations.
    inputs, outputs
        Names of tensors; "" stands for an optional one that is absent.
    attributes
        Complete and checked.
    name
        The layer's name, as errors and `summary` call it.
    """

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    name: str

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def __str__(self) -> str:
        return f"{self.name} ({self.operation})"


@dataclass(frozen=True, slots=True)
class Back:
    """One node on the way back: all that its gradient is worked out from.

    Attributes
    ----------
    node
        What was computed.
    inputs, outputs
        The arrays that it read and wrote; None where an optional one is absent.
    gradients
        Of the outputs; None where nothing depends on one.
    wanted
        Of which inputs the gradient is asked for; others may be left out.
    """

    node: Node
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    gradients: tuple[Any, ...]
    wanted: tuple[bool, ...]

    @property
    def dy(self) -> Any:
        """Gradient of the first output."""
        return self.gradients[0]

    def at(self, output: int) -> Any:
        """Gradient of one of several outputs: zeros where nothing depends on it."""
        found = self.gradients[output]
        return np.zeros_like(self.outputs[output]) if found is None else found


WHOLE = "its results are whole numbers or truth values"
ROUNDED = "its results are rounded to whole numbers; train before quantising"
"""Why an operation has no gradient."""


@dataclass(frozen=True, slots=True)
class Window:
    """What one output of an operation reads of its first input, per spatial dimension.

    ``jump`` is the stride; below 1 for operations that enlarge.
    """

    size: tuple[int, ...]
    jump: tuple[float, ...]
    before: tuple[int, ...]


WindowOf = Callable[[Node, tuple[Tensor, ...]], Window | None]
"""(node, inputs) -> what an output reads, or None where an output reads everything."""


def cell_by_cell(_node: Node, inputs: tuple[Tensor, ...]) -> Window:
    """Return the window of operations that look at one cell at a time."""
    dims = max(0, inputs[0].ndim - 2)
    return Window((1,) * dims, (1.0,) * dims, (0,) * dims)


def everything(_node: Node, _inputs: tuple[Tensor, ...]) -> None:
    """Return the window of operations whose outputs depend on all cells."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Everything that is known about one operation.

    Attributes
    ----------
    name
        ONNX's name, or our own where ONNX has none (`onnx` is False then).
    inputs, outputs
        (fewest, most).
    infer
        (node, *tensors) -> the tensors that come out; refuses what does not fit.
    forward
        (node, *arrays) -> the arrays that come out; it may rely on what `infer` checked.
    gradient
        (`Back`) -> gradients of the inputs, in order; text: why there is none.
    attributes
        Name -> kind, default and limits.
    weights
        Inputs that hold what is learned, if they are constants.
    multiply_adds
        (node, inputs, outputs) -> their number, where it is worth counting.
    window
        What an output reads, for receptive fields.
    onnx
        Whether ONNX has this operation.
    method
        How it is computed: "numpy", "pooling" (compiled), or "convolution".
    plan
        (node, *tensors) -> the plan of a convolution.
    """

    name: str
    inputs: tuple[int, int]
    infer: Infer
    forward: Forward
    gradient: Gradient | str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    outputs: tuple[int, int] = (1, 1)
    weights: tuple[int, ...] = ()
    multiply_adds: Callable[[Node, tuple[Any, ...], tuple[Tensor, ...]], int] | None = None
    window: WindowOf = cell_by_cell
    onnx: bool = True
    method: str = "numpy"
    plan: Callable[..., Any] | None = None


MANY = 2**31
"""The most inputs of operations that take any number of them."""


def table(*operations: Operation) -> dict[str, Operation]:
    """Return operations by name."""
    return {operation.name: operation for operation in operations}
