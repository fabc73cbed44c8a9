"""Arithmetic on cells: sums, products, powers, roots, comparisons, truth values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import DTypeError
from convolve.nn.attributes import flag
from convolve.nn.operation import MANY, WHOLE, Back, Gradient, Node, Operation, table
from convolve.nn.operations.derivatives import each, flat, shared, slope, summed_to
from convolve.nn.operations.elementwise import combined, combined_bool, joined, logical, unary
from convolve.nn.tensor import Tensor, broadcast, same_dtype


def _quotient(_node: Node, a: Array, b: Array) -> Any:
    """Divide; whole numbers towards zero, and by 0 they give 0 instead of a trap."""
    if a.dtype.kind not in "iu":
        return a / b
    floor = np.floor_divide(a, b)
    return floor + ((np.remainder(a, b) != 0) & ((a < 0) != (b < 0)))


def _remainder(node: Node, a: Array, b: Array) -> Any:
    return np.fmod(a, b) if node["fmod"] else np.mod(a, b)


def _power_infer(_node: Node, base: Tensor, exponent: Tensor) -> Tensor:
    return Tensor(base.dtype, broadcast(base, exponent))


def _power(_node: Node, base: Array, exponent: Array) -> Array:
    with np.errstate(all="ignore"):
        if base.dtype.kind in "iu" and (exponent.dtype.kind == "f" or np.any(exponent < 0)):
            return np.power(base.astype(np.float64), exponent).astype(base.dtype)
        return np.asarray(np.power(base, exponent)).astype(base.dtype)


def _power_slope(back: Back) -> Any:
    base, exponent = back.inputs
    return np.where(exponent == 0, 0, back.dy * exponent * np.power(base, exponent - 1))


def _exponent_slope(back: Back) -> Any:
    base, _ = back.inputs
    return back.dy * back.outputs[0] * np.log(np.where(base == 0, 1, base))


def _remainder_slope(back: Back) -> Any:
    a, b = back.inputs
    return -back.dy * (np.trunc(a / b) if back.node["fmod"] else np.floor(a / b))


def _sum_back(back: Back) -> list[Array]:
    return [summed_to(back.dy, x.shape) for x in back.inputs]


def _mean_back(back: Back) -> list[Array]:
    return [summed_to(back.dy / len(back.inputs), x.shape) for x in back.inputs]


def _where_back(back: Back) -> tuple[Array | None, ...]:
    condition, x, y = back.inputs
    first, second = np.where(condition, back.dy, 0), np.where(condition, 0, back.dy)
    return None, summed_to(first, x.shape), summed_to(second, y.shape)


def _mean(node: Node, *arrays: Array) -> Array:
    sums: Any = joined(lambda _, a, b: a + b)(node, *arrays)
    return np.asarray(sums / len(arrays), dtype=arrays[0].dtype)


def _where_infer(_node: Node, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if condition.dtype != np.bool_:
        raise DTypeError(f"condition must be of dtype bool, got {condition.dtype}; compare or cast first")
    return Tensor(same_dtype(x, y), broadcast(condition, x, y))


def _binary(
    name: str, function: Callable[[Node, Array, Array], Any], gradient: Gradient, most: int = 2
) -> Operation:
    least = 2 if most == 2 else 1
    return Operation(name, (least, most), combined, joined(function), gradient, weights=(0, 1))


def _comparison(name: str, function: Callable[[Array, Array], Any]) -> Operation:
    return Operation(name, (2, 2), combined_bool, lambda _, a, b: np.asarray(function(a, b)), WHOLE)


def _logical(name: str, function: Callable[..., Any], count: int = 2) -> Operation:
    return Operation(name, (count, count), logical, lambda _, *arrays: np.asarray(function(*arrays)), WHOLE)


def _question(name: str, function: Callable[[Array], Any]) -> Operation:
    return Operation(name, (1, 1), combined_bool, lambda _, x: np.asarray(function(x)), WHOLE)


def _infinite(node: Node, x: Array) -> Array:
    above, below = node["detect_positive"], node["detect_negative"]
    return np.asarray(np.isinf(x) & (((x > 0) & above) | ((x < 0) & below)))


TABLE = table(
    _binary("Add", lambda _, a, b: a + b, each(lambda back: back.dy, lambda back: back.dy)),
    _binary("Sub", lambda _, a, b: a - b, each(lambda back: back.dy, lambda back: -back.dy)),
    _binary(
        "Mul",
        lambda _, a, b: a * b,
        each(lambda back: back.dy * back.inputs[1], lambda back: back.dy * back.inputs[0]),
    ),
    _binary(
        "Div",
        _quotient,
        each(
            lambda back: back.dy / back.inputs[1],
            lambda back: -back.dy * back.outputs[0] / back.inputs[1],
        ),
    ),
    Operation(
        "Mod",
        (2, 2),
        combined,
        joined(_remainder),
        each(lambda back: back.dy, _remainder_slope),
        attributes={"fmod": flag()},
    ),
    Operation("Pow", (2, 2), _power_infer, _power, each(_power_slope, _exponent_slope)),
    _binary("Max", lambda _, a, b: np.maximum(a, b), shared, MANY),
    _binary("Min", lambda _, a, b: np.minimum(a, b), shared, MANY),
    _binary("Sum", lambda _, a, b: a + b, _sum_back, MANY),
    Operation("Mean", (1, MANY), combined, _mean, _mean_back),
    unary("Neg", lambda _, x: -x, slope(lambda _, x, y: -1), floats=False),
    unary("Abs", lambda _, x: np.abs(x), slope(lambda _, x, y: np.sign(x)), floats=False),
    unary("Sign", lambda _, x: np.sign(x), flat, floats=False),
    unary("Sqrt", lambda _, x: np.sqrt(x), slope(lambda _, x, y: 0.5 / y)),
    unary("Reciprocal", lambda _, x: 1 / x, slope(lambda _, x, y: -y * y)),
    unary("Exp", lambda _, x: np.exp(x), slope(lambda _, x, y: y)),
    unary("Log", lambda _, x: np.log(x), slope(lambda _, x, y: 1 / x)),
    unary("Floor", lambda _, x: np.floor(x), flat),
    unary("Ceil", lambda _, x: np.ceil(x), flat),
    unary("Round", lambda _, x: np.rint(x), flat),
    unary("Sin", lambda _, x: np.sin(x), slope(lambda _, x, y: np.cos(x))),
    unary("Cos", lambda _, x: np.cos(x), slope(lambda _, x, y: -np.sin(x))),
    unary("Tan", lambda _, x: np.tan(x), slope(lambda _, x, y: 1 + y * y)),
    unary("Atan", lambda _, x: np.arctan(x), slope(lambda _, x, y: 1 / (1 + x * x))),
    _comparison("Equal", lambda a, b: a == b),
    _comparison("Greater", lambda a, b: a > b),
    _comparison("GreaterOrEqual", lambda a, b: a >= b),
    _comparison("Less", lambda a, b: a < b),
    _comparison("LessOrEqual", lambda a, b: a <= b),
    _logical("And", np.logical_and),
    _logical("Or", np.logical_or),
    _logical("Xor", np.logical_xor),
    _logical("Not", np.logical_not, 1),
    _question("IsNaN", np.isnan),
    Operation(
        "IsInf",
        (1, 1),
        combined_bool,
        _infinite,
        WHOLE,
        attributes={"detect_positive": flag(True), "detect_negative": flag(True)},
    ),
    Operation("Where", (3, 3), _where_infer, lambda _, c, x, y: np.where(c, x, y), _where_back),
)
