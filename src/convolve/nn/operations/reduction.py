"""Reductions: many cells along some dimensions become one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.attributes import flag, whole
from convolve.nn.operation import WHOLE, Back, Gradient, Node, Operation, everything, table
from convolve.nn.operations.derivatives import factors_of_product
from convolve.nn.tensor import Shape, Tensor, axes_of, axis_of, check_ndim, is_float, whole_numbers

Reduce = Callable[..., Any]
Reduced = Callable[[Array, Array, tuple[int, ...]], Any]
"""(x, y with 1 in the place of what vanished, the dimensions that vanished) -> dy/dx of every cell."""


def reduced_axes(node: Node, ndim: int, axes: list[int] | None) -> tuple[int, ...] | None:
    """Return the dimensions that vanish; None where nothing is to be done."""
    if not axes:
        return None if node["noop_with_empty_axes"] else tuple(range(ndim))
    return axes_of(axes, ndim)


def without(shape: Shape, axes: tuple[int, ...], keep: bool) -> Shape:
    """Return a shape without some of its dimensions, or with 1 in their place."""
    if keep:
        return tuple(1 if d in axes else size for d, size in enumerate(shape))
    return tuple(size for d, size in enumerate(shape) if d not in axes)


def _infer(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    found = reduced_axes(node, x.ndim, None if axes is None else whole_numbers(axes, "axes"))
    return x.like() if found is None else x.like(without(x.shape, found, node["keepdims"]))


def _reduced_back(derivative: Reduced) -> Gradient:
    """Return the gradient of a reduction."""

    def gradient(back: Back) -> tuple[Array]:
        x, axes = (*back.inputs, None)[:2]
        given = None if axes is None else [int(axis) for axis in axes.reshape(-1)]
        found = reduced_axes(back.node, x.ndim, given) or ()
        shape = without(x.shape, found, True)
        slopes = derivative(x, back.outputs[0].reshape(shape), found)
        return (np.broadcast_to(back.dy.reshape(shape) * slopes, x.shape),)

    return gradient


def _mean_slope(x: Array, _y: Array, axes: tuple[int, ...]) -> Any:
    return 1 / math.prod(x.shape[axis] for axis in axes)


def _extreme_slope(x: Array, y: Array, axes: tuple[int, ...]) -> Any:
    """Share the gradient among all cells that are the largest, or the least."""
    chosen = x == y
    return chosen / np.maximum(chosen.sum(axis=axes, keepdims=True), 1).astype(x.dtype)


def _product_slope(x: Array, _y: Array, axes: tuple[int, ...]) -> Any:
    zero = x == 0
    product = np.prod(np.where(zero, 1, x), axis=axes, keepdims=True)
    return factors_of_product(x, product, zero.sum(axis=axes, keepdims=True))


def _reduction(name: str, function: Reduce, slopes: Reduced, neutral: float | None = None) -> Operation:
    """Return one reduction; ``function(x, axis=, keepdims=)``, and what nothing at all is reduced to."""

    def forward(node: Node, x: Array, axes: Array | None = None) -> Array:
        found = reduced_axes(node, x.ndim, None if axes is None else [int(a) for a in axes.reshape(-1)])
        if found is None:
            return np.asarray(function(x, axis=(), keepdims=True)).astype(x.dtype)
        if neutral is not None and any(x.shape[axis] == 0 for axis in found):
            return np.full(without(x.shape, found, node["keepdims"]), _least(x, neutral), x.dtype)
        with np.errstate(all="ignore"):
            wide = x.astype(np.float32) if x.dtype.itemsize < 4 and is_float(x.dtype) else x
            return np.asarray(function(wide, axis=found, keepdims=node["keepdims"])).astype(x.dtype)

    attributes = {"keepdims": flag(True), "noop_with_empty_axes": flag()}
    gradient = _reduced_back(slopes)
    return Operation(name, (1, 2), _infer, forward, gradient, attributes=attributes, window=everything)


def _least(x: Array, sign: float) -> Any:
    """Return what the largest (sign −1) or least (1) of no numbers is: beyond all others."""
    if is_float(x.dtype):
        return sign * np.inf
    if x.dtype == np.bool_:
        return sign > 0
    limits = np.iinfo(x.dtype)
    return limits.max if sign > 0 else limits.min


def _sum_abs(x: Array, **how: Any) -> Any:
    return np.sum(np.abs(x), **how)


def _root_of_squares(x: Array, **how: Any) -> Any:
    return np.sqrt(np.sum(np.square(x.astype(np.float64) if x.dtype.kind in "iu" else x), **how))


def _log_sum_exp(x: Array, axis: tuple[int, ...], keepdims: bool) -> Any:
    if not x.size:
        return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    sums = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return sums if keepdims else np.squeeze(sums, axis=axis)


def _arg_infer(node: Node, x: Tensor) -> Tensor:
    check_ndim(x, 1)
    axis = axis_of(node["axis"], x.ndim)
    if x.shape[axis] == 0:
        raise ShapeError(f"dimension {axis} must have a cell to choose from, got shape {x.shape}")
    return Tensor(np.dtype(np.int64), without(x.shape, (axis,), node["keepdims"]))


def _arg(name: str, function: Callable[..., Array]) -> Operation:
    """Return the operation that says where the largest or the least cell is."""

    def forward(node: Node, x: Array) -> Array:
        axis = axis_of(node["axis"], x.ndim)
        if node["select_last_index"]:
            found = x.shape[axis] - 1 - function(np.flip(x, axis), axis=axis, keepdims=node["keepdims"])
        else:
            found = function(x, axis=axis, keepdims=node["keepdims"])
        return np.asarray(found, np.int64)

    attributes = {"axis": whole(0), "keepdims": flag(True), "select_last_index": flag()}
    return Operation(name, (1, 1), _arg_infer, forward, WHOLE, attributes=attributes, window=everything)


def _running_infer(_node: Node, x: Tensor, axis: Tensor) -> Tensor:
    if axis.size != 1:
        raise ShapeError(f"axis must be one number, got shape {axis.shape}")
    return x.like()


def _running_sum(node: Node, x: Array, axis: Array) -> Array:
    return _running(x, axis_of(int(axis.reshape(())), x.ndim), node["exclusive"], node["reverse"])


def _running(x: Array, axis: int, exclusive: bool, reverse: bool) -> Array:
    cells = np.flip(x, axis) if reverse else x
    sums = np.cumsum(cells, axis=axis, dtype=x.dtype)
    if exclusive:
        sums = sums - cells
    return np.flip(sums, axis) if reverse else sums


def _running_back(back: Back) -> tuple[Array]:
    axis = axis_of(int(back.inputs[1].reshape(())), back.dy.ndim)
    return (_running(back.dy, axis, back.node["exclusive"], not back.node["reverse"]),)


def _top_infer(node: Node, x: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    check_ndim(x, 1)
    axis = axis_of(node["axis"], x.ndim)
    (wanted,) = whole_numbers(count, "K", 1)
    if not 0 <= wanted <= x.shape[axis]:
        raise ArgumentError(
            f"K must be from 0 to the {x.shape[axis]} cells of dimension {axis}, got {wanted}"
        )
    shape = (*x.shape[:axis], wanted, *x.shape[axis + 1 :])
    return x.like(shape), Tensor(np.dtype(np.int64), shape)


def _top(node: Node, x: Array, count: Array) -> tuple[Array, Array]:
    axis, wanted = node["axis"], int(count.reshape(()))
    if node["largest"]:  # from behind and turned round, so that the first of equals stays first
        order = x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis=axis, kind="stable")
    places = np.take(order, range(wanted), axis=axis)
    return np.take_along_axis(x, places, axis=axis), places.astype(np.int64)


def _top_back(back: Back) -> tuple[Array]:
    x, count = back.inputs
    _, places = _top(back.node, x, count)
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, places, back.dy, axis=back.node["axis"])
    return (gradient,)


TABLE = table(
    _reduction("ReduceSum", np.sum, lambda x, y, axes: 1),
    _reduction("ReduceMean", np.mean, _mean_slope),
    _reduction("ReduceMax", np.max, _extreme_slope, -1.0),
    _reduction("ReduceMin", np.min, _extreme_slope, 1.0),
    _reduction("ReduceProd", np.prod, _product_slope),
    _reduction("ReduceL1", _sum_abs, lambda x, y, axes: np.sign(x)),
    _reduction("ReduceL2", _root_of_squares, lambda x, y, axes: x / np.where(y == 0, 1, y)),
    _reduction("ReduceSumSquare", lambda x, **how: np.sum(np.square(x), **how), lambda x, y, axes: 2 * x),
    _reduction("ReduceLogSum", lambda x, **how: np.log(np.sum(x, **how)), lambda x, y, axes: np.exp(-y)),
    _reduction("ReduceLogSumExp", _log_sum_exp, lambda x, y, axes: np.exp(x - y)),
    _arg("ArgMax", np.argmax),
    _arg("ArgMin", np.argmin),
    Operation(
        "CumSum",
        (2, 2),
        _running_infer,
        _running_sum,
        _running_back,
        attributes={"exclusive": flag(), "reverse": flag()},
        window=everything,
    ),
    Operation(
        "TopK",
        (2, 2),
        _top_infer,
        _top,
        _top_back,
        attributes={"axis": whole(-1), "largest": flag(True), "sorted": flag(True)},
        outputs=(1, 2),
        window=everything,
    ),
)
