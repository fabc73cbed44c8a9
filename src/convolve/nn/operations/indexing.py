"""Cells picked by their places, or written to places."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ShapeError, StepError
from convolve.nn.attributes import choice, flag, whole
from convolve.nn.operation import WHOLE, Back, Node, Operation, everything, table
from convolve.nn.operations.derivatives import factors_of_product
from convolve.nn.tensor import Shape, Tensor, axis_of, check_ndim, known


def checked_places(places: Array, size: int) -> Array:
    """Return places in a dimension, counted from the front; those outside are refused."""
    if places.size and not (places.min() >= -size and places.max() < size):
        raise StepError(f"indices must be from {-size} to {size - 1}, got {places.min()} to {places.max()}")
    return np.where(places < 0, places + size, places)


def _gather_infer(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    check_ndim(x, 1)
    axis = axis_of(node["axis"], x.ndim)
    return x.like((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _gather(node: Node, x: Array, indices: Array) -> Array:
    return np.take(x, checked_places(indices, x.shape[node["axis"]]), axis=node["axis"])


def _gather_back(back: Back) -> tuple[Array]:
    x, indices = back.inputs
    axis = back.node["axis"] % x.ndim
    gradient = np.zeros_like(x)
    np.add.at(gradient, (slice(None),) * axis + (checked_places(indices, x.shape[axis]),), back.dy)
    return (gradient,)


def _gather_elements_infer(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    check_ndim(x, 1)
    axis_of(node["axis"], x.ndim)
    check_ndim(indices, x.ndim, x.ndim, "indices")
    return x.like(indices.shape)


def _grids(indices: Array, axis: int, size: int) -> tuple[Array, ...]:
    """Return for every element of ``indices`` its place, with ``indices`` along ``axis``."""
    places: list[Array] = list(np.indices(indices.shape, sparse=True))
    places[axis] = checked_places(indices, size)
    return tuple(places)


def _gather_elements(node: Node, x: Array, indices: Array) -> Array:
    axis = axis_of(node["axis"], x.ndim)
    return np.asarray(x[_grids(indices, axis, x.shape[axis])])


def _gather_elements_back(back: Back) -> tuple[Array]:
    x, indices = back.inputs
    axis = axis_of(back.node["axis"], x.ndim)
    gradient = np.zeros_like(x)
    np.add.at(gradient, _grids(indices, axis, x.shape[axis]), back.dy)
    return (gradient,)


def _gather_nd_infer(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    batch = node["batch_dims"]
    check_ndim(indices, batch + 1, name="indices")
    depth = indices.shape[-1]
    if batch + depth > x.ndim or x.shape[:batch] != indices.shape[:batch]:
        raise ShapeError(f"indices {indices.shape} with batch_dims {batch} do not fit the input {x.shape}")
    return x.like((*indices.shape[:-1], *x.shape[batch + depth :]))


def _nd_places(node: Node, x: Array, indices: Array) -> tuple[Array, ...]:
    """Return where in ``x`` the places are that `GatherND` reads."""
    batch, depth = node["batch_dims"], indices.shape[-1]
    fronts = [
        np.arange(x.shape[d]).reshape([-1 if e == d else 1 for e in range(indices.ndim - 1)])
        for d in range(batch)
    ]
    places = [checked_places(indices[..., k], x.shape[batch + k]) for k in range(depth)]
    return (*fronts, *places)


def _gather_nd(node: Node, x: Array, indices: Array) -> Array:
    return np.asarray(x[_nd_places(node, x, indices)])


def _gather_nd_back(back: Back) -> tuple[Array]:
    x, indices = back.inputs
    gradient = np.zeros_like(x)
    np.add.at(gradient, _nd_places(back.node, x, indices), back.dy)
    return (gradient,)


COMBINE: dict[str, Callable[..., Any]] = {
    "add": np.add.at,
    "mul": np.multiply.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}
"""How a number that is written meets the one that is there."""


def _write(node: Node, x: Array, places: Any, updates: Array) -> Array:
    result = x.copy()
    if node["reduction"] == "none":
        result[places] = updates
    else:
        COMBINE[node["reduction"]](result, places, updates)
    return result


def _write_back(back: Back, places: Any) -> tuple[Array, None, Array]:
    """Return the gradients of what was there and of what was written, by how they met."""
    x, _, updates = back.inputs
    y, dy = back.outputs[0], back.dy
    if back.node["reduction"] == "none":
        kept = dy.copy()
        kept[places] = 0
        return kept, None, dy[places]
    if back.node["reduction"] == "add":
        return dy, None, dy[places]
    if back.node["reduction"] == "mul":
        return _factors_back(x, updates, dy, places)
    chosen, written = x == y, updates == y[places]
    count = chosen.astype(x.dtype)
    np.add.at(count, places, written)
    part = dy / np.maximum(count, 1)
    return np.where(chosen, part, 0), None, np.where(written, part[places], 0)


def _factors_back(x: Array, updates: Array, dy: Array, places: Any) -> tuple[Array, None, Array]:
    zeros = (x == 0).astype(np.int64)
    product = np.where(x == 0, 1, x)
    np.add.at(zeros, places, updates == 0)
    np.multiply.at(product, places, np.where(updates == 0, 1, updates))
    into_updates = factors_of_product(updates, product[places], zeros[places])
    return dy * factors_of_product(x, product, zeros), None, dy[places] * into_updates


def _scatter_elements_infer(node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    check_ndim(x, 1)
    axis_of(node["axis"], x.ndim)
    check_ndim(indices, x.ndim, x.ndim, "indices")
    if indices.shape != updates.shape:
        raise ShapeError(f"updates must have the shape of indices, {indices.shape}; got {updates.shape}")
    return x.like()


def _scatter_elements(node: Node, x: Array, indices: Array, updates: Array) -> Array:
    axis = axis_of(node["axis"], x.ndim)
    return _write(node, x, _grids(indices, axis, x.shape[axis]), updates)


def _scatter_elements_back(back: Back) -> tuple[Array, None, Array]:
    x, indices, _ = back.inputs
    axis = axis_of(back.node["axis"], x.ndim)
    return _write_back(back, _grids(indices, axis, x.shape[axis]))


def _scatter_nd_infer(_node: Node, x: Tensor, indices: Tensor, updates: Tensor) -> Tensor:
    check_ndim(indices, 1, name="indices")
    depth = indices.shape[-1]
    if depth > x.ndim:
        raise ShapeError(f"indices {indices.shape} name {depth} dimensions, the input {x.shape} has fewer")
    wanted: Shape = (*indices.shape[:-1], *x.shape[depth:])
    if updates.shape != wanted:
        raise ShapeError(f"updates must have shape {wanted}, got {updates.shape}")
    return x.like()


def _named_places(x: Array, indices: Array) -> tuple[Array, ...]:
    return tuple(checked_places(indices[..., k], x.shape[k]) for k in range(indices.shape[-1]))


def _scatter_nd(node: Node, x: Array, indices: Array, updates: Array) -> Array:
    return _write(node, x, _named_places(x, indices), updates)


def _scatter_nd_back(back: Back) -> tuple[Array, None, Array]:
    x, indices, _ = back.inputs
    return _write_back(back, _named_places(x, indices))


def _non_zero_infer(_node: Node, x: Tensor) -> Tensor:
    return Tensor.of(_non_zero(_node, known(x)))


def _non_zero(_node: Node, x: Array) -> Array:
    return np.array(np.nonzero(x), np.int64).reshape(x.ndim, -1)


def _one_hot_infer(node: Node, indices: Tensor, depth: Tensor, values: Tensor) -> Tensor:
    if depth.size != 1 or values.shape != (2,):
        raise ShapeError(f"depth must be one number and values two, got {depth.shape} and {values.shape}")
    axis = axis_of(node["axis"], indices.ndim + 1)
    count = int(known(depth).reshape(()))
    return values.like((*indices.shape[:axis], count, *indices.shape[axis:]))


def _is_hot(node: Node, indices: Array, depth: Array) -> Array:
    count, axis = int(depth.reshape(())), axis_of(node["axis"], indices.ndim + 1)
    whole = np.where(indices < 0, indices + count, indices)
    shape = [-1 if d == axis else 1 for d in range(indices.ndim + 1)]
    return np.asarray(np.expand_dims(whole, axis) == np.arange(count).reshape(shape))


def _one_hot(node: Node, indices: Array, depth: Array, values: Array) -> Array:
    return np.asarray(np.where(_is_hot(node, indices, depth), values[1], values[0]))


def _one_hot_back(back: Back) -> tuple[None, None, Array]:
    indices, depth, _ = back.inputs
    hot = _is_hot(back.node, indices, depth)
    return None, None, np.array([back.dy[~hot].sum(), back.dy[hot].sum()])


def _triangle_infer(_node: Node, x: Tensor, _k: Tensor | None = None) -> Tensor:
    check_ndim(x, 2)
    return x.like()


def _triangle(node: Node, x: Array, k: Array | None = None) -> Array:
    cut = 0 if k is None else int(k.reshape(()))
    rows, columns = x.shape[-2:]
    keep = np.arange(columns) - np.arange(rows)[:, None]
    return np.where(keep >= cut if node["upper"] else keep <= cut, x, np.zeros((), x.dtype))


def _triangle_back(back: Back) -> tuple[Array]:
    return (_triangle(back.node, back.dy, *back.inputs[1:]),)


_REDUCTION = choice("none", "none", *COMBINE)

TABLE = table(
    Operation(
        "Gather",
        (2, 2),
        _gather_infer,
        _gather,
        _gather_back,
        attributes={"axis": whole(0)},
        window=everything,
    ),
    Operation(
        "GatherElements",
        (2, 2),
        _gather_elements_infer,
        _gather_elements,
        _gather_elements_back,
        attributes={"axis": whole(0)},
        window=everything,
    ),
    Operation(
        "GatherND",
        (2, 2),
        _gather_nd_infer,
        _gather_nd,
        _gather_nd_back,
        attributes={"batch_dims": whole(0, least=0, most=63)},
        window=everything,
    ),
    Operation(
        "ScatterElements",
        (3, 3),
        _scatter_elements_infer,
        _scatter_elements,
        _scatter_elements_back,
        attributes={"axis": whole(0), "reduction": _REDUCTION},
        window=everything,
    ),
    Operation(
        "ScatterND",
        (3, 3),
        _scatter_nd_infer,
        _scatter_nd,
        _scatter_nd_back,
        attributes={"reduction": _REDUCTION},
        window=everything,
    ),
    Operation("NonZero", (1, 1), _non_zero_infer, _non_zero, WHOLE, window=everything),
    Operation(
        "OneHot",
        (3, 3),
        _one_hot_infer,
        _one_hot,
        _one_hot_back,
        attributes={"axis": whole(-1)},
        window=everything,
    ),
    Operation("Trilu", (1, 2), _triangle_infer, _triangle, _triangle_back, attributes={"upper": flag(True)}),
)
