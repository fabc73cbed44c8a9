"""Tensors from nothing, from a shape, or of another dtype."""

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.attributes import array, choice, dtype, flag, needed, whole
from convolve.nn.casting import cast
from convolve.nn.operation import WHOLE, Back, Node, Operation, everything, table
from convolve.nn.operations.derivatives import passed
from convolve.nn.tensor import Tensor, known, whole_numbers

FIXED = "its results do not depend on what is learned"
"""Why these operations have no gradient."""

INT64 = np.dtype(np.int64)


def _constant(node: Node) -> Array:
    value: Array = node["value"]
    return value


def _filled_infer(node: Node, shape: Tensor) -> Tensor:
    sizes = whole_numbers(shape, "shape", 64)
    if min(sizes, default=0) < 0:
        raise ShapeError(f"shape must not have negative numbers, got {sizes}")
    value = node["value"]
    if value is not None and value.size != 1:
        raise ShapeError(f"value must be one number, got shape {value.shape}")
    return Tensor(np.dtype(np.float32) if value is None else value.dtype, tuple(sizes))


def _filled(node: Node, shape: Array) -> Array:
    value = np.zeros((), np.float32) if node["value"] is None else node["value"]
    return np.full(tuple(int(size) for size in shape), value.reshape(()), value.dtype)


def _sizes(node: Node, shape: tuple[int, ...]) -> Array:
    return np.array(shape[node["start"] : node["end"]], np.int64)


def _shape_infer(node: Node, x: Tensor) -> Tensor:
    return Tensor.of(_sizes(node, x.shape))


def _size_infer(_node: Node, x: Tensor) -> Tensor:
    return Tensor.of(np.array(x.size, np.int64))


def _cast_infer(node: Node, x: Tensor) -> Tensor:
    return x.like(dtype=node["to"])


def _steps(start: Array, limit: Array, delta: Array) -> int:
    """Return how many numbers a range has."""
    first, last, step = (float(number.reshape(())) for number in (start, limit, delta))
    if step == 0:
        raise ArgumentError("delta must not be 0")
    count = np.ceil((last - first) / step)
    if not count <= 2**31:
        raise ShapeError(f"a range must have at most 2³¹ numbers, got {count}")
    return max(0, int(count))


def _range_infer(_node: Node, start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return start.like((_steps(known(start), known(limit), known(delta)),))


def _range(_node: Node, start: Array, limit: Array, delta: Array) -> Array:
    count = _steps(start, limit, delta)
    return np.asarray(start.reshape(()) + np.arange(count) * delta.reshape(()), start.dtype)


def _dropout_infer(
    _node: Node, x: Tensor, _ratio: Tensor | None = None, training: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    if training is not None and bool(known(training)):
        raise ArgumentError("a network that runs drops nothing; export it with training_mode false")
    return x.like(), x.like(dtype=np.dtype(bool))


def _dropout(node: Node, x: Array, *_how: Array | None) -> tuple[Array, ...]:
    return (x,) if len(node.outputs) == 1 else (x, np.ones(x.shape, bool))


def _cast_back(back: Back) -> tuple[Array]:
    return (back.dy.astype(back.inputs[0].dtype),)


TABLE = table(
    Operation(
        "Constant",
        (0, 0),
        lambda node: Tensor.of(node["value"]),
        _constant,
        FIXED,
        attributes={"value": needed(array())},
    ),
    Operation(
        "ConstantOfShape",
        (1, 1),
        _filled_infer,
        _filled,
        FIXED,
        attributes={"value": array()},
        window=everything,
    ),
    Operation(
        "Shape",
        (1, 1),
        _shape_infer,
        lambda node, x: _sizes(node, x.shape),
        WHOLE,
        attributes={"start": whole(0), "end": whole(None)},
        window=everything,
    ),
    Operation("Size", (1, 1), _size_infer, lambda _, x: np.array(x.size, np.int64), WHOLE, window=everything),
    Operation(
        "Cast",
        (1, 1),
        _cast_infer,
        lambda node, x: cast(x, node["to"], node["saturate"]),
        _cast_back,
        attributes={
            "to": needed(dtype(None)),
            "saturate": flag(True),
            "round_mode": choice("up", "up", "down", "nearest"),
        },
    ),
    Operation(
        "CastLike",
        (2, 2),
        lambda _, x, like: x.like(dtype=like.dtype),
        lambda node, x, like: cast(x, like.dtype, node["saturate"]),
        _cast_back,
        attributes={"saturate": flag(True), "round_mode": choice("up", "up", "down", "nearest")},
    ),
    Operation("Range", (3, 3), _range_infer, _range, FIXED, window=everything),
    Operation(
        "Dropout", (1, 3), _dropout_infer, _dropout, passed, attributes={"seed": whole(None)}, outputs=(1, 2)
    ),
)
