"""Pooling: windows that keep the largest cell or the mean, whole planes, adaptive ones, and the way back."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from convolve.api import pools
from convolve.dtypes import Array
from convolve.errors import ShapeError
from convolve.nn.attributes import flag, needed, whole, wholes
from convolve.nn.operation import Back, Gradient, Node, Operation, Window, everything, table
from convolve.nn.operations import windows
from convolve.nn.operations.convolution import INPUT_GRAD, stand_in
from convolve.nn.operations.derivatives import along
from convolve.nn.operations.indexing import checked_places
from convolve.nn.operations.windows import (
    extents_of,
    given_pads,
    padding,
    pairs_of,
    per_dimension,
    spatial_dims,
    taps_of,
)
from convolve.nn.tensor import Shape, Tensor, check_float, check_ndim, whole_numbers
from convolve.pooling import pool

MAX_POOL = {1: pools.max_pool1d, 2: pools.max_pool2d, 3: pools.max_pool3d}
AVG_POOL = {1: pools.avg_pool1d, 2: pools.avg_pool2d, 3: pools.avg_pool3d}

WINDOWED = {
    **windows.ATTRIBUTES,
    "kernel_shape": needed(wholes(least=1)),
    "ceil_mode": flag(),
}


def window_options(node: Node, dims: int) -> dict[str, Any]:
    """Return the options of a pooling for our functions."""
    return {
        "stride": per_dimension(node, "strides", dims),
        "padding": padding(node, dims),
        "dilation": per_dimension(node, "dilations", dims),
        "ceil_mode": node["ceil_mode"],
    }


def _pooled_shape(node: Node, x: Tensor) -> Shape:
    """Return the shape of a pooling; every refusal is that of our public functions."""
    dims = spatial_dims(x)
    made = pool(dims, stand_in(x), taps_of(node, dims), **window_options(node, dims))
    return made.shape


def _max_infer(node: Node, x: Tensor) -> tuple[Tensor, Tensor]:
    shape = _pooled_shape(node, x)
    return x.like(shape), Tensor(np.dtype(np.int64), shape)


def _max(node: Node, x: Array) -> tuple[Array, ...]:
    dims = x.ndim - 2
    taps, with_places = node["kernel_shape"], len(node.outputs) > 1
    result = MAX_POOL[dims](x, taps, return_indices=with_places, **window_options(node, dims))
    if not with_places:
        return (result,)
    values, indices = result
    return values, _through_all(indices, x.shape, node["storage_order"])


def _through_all(indices: Array, shape: Shape, column_major: bool) -> Array:
    """Return indices within one plane, as ours are, as ONNX counts them: through the whole array."""
    batch, channels, *spatial = shape
    if column_major:
        places = np.unravel_index(indices, spatial)
        indices = np.asarray(np.ravel_multi_index(places, spatial, order="F"))
    planes = np.arange(batch * channels).reshape((batch, channels) + (1,) * len(spatial))
    return np.asarray(indices + planes * math.prod(spatial), np.int64)


def _max_back(back: Back) -> tuple[Array]:
    """Give every gradient to the cell that was the largest; windows that overlap may share one."""
    x = back.inputs[0]
    if len(back.outputs) > 1 and not back.node["storage_order"]:
        places = back.outputs[1]
    else:
        dims = x.ndim - 2
        _, within = MAX_POOL[dims](
            x, back.node["kernel_shape"], return_indices=True, **window_options(back.node, dims)
        )
        places = _through_all(within, x.shape, False)
    if _apart(back.node, x.ndim - 2):
        gradient = np.zeros_like(x)
        gradient.reshape(-1)[places.reshape(-1)] = back.dy.reshape(-1)
        return (gradient,)
    sums = np.bincount(places.reshape(-1), back.dy.reshape(-1), x.size)
    return (sums.reshape(x.shape).astype(x.dtype, copy=False),)


def _apart(node: Node, dims: int) -> bool:
    """Whether windows share no cell."""
    extents = extents_of(node["kernel_shape"], per_dimension(node, "dilations", dims))
    return all(map(operator.ge, per_dimension(node, "strides", dims), extents))


def _average_infer(node: Node, x: Tensor) -> Tensor:
    check_float(x)
    return x.like(_pooled_shape(node, x))


def _average(node: Node, x: Array) -> Array:
    dims = x.ndim - 2
    how = {**window_options(node, dims), "count_include_pad": node["count_include_pad"]}
    return np.asarray(AVG_POOL[dims](x, node["kernel_shape"], **how))


def _spread(node: Node, shape: Shape, dy: Array) -> Array:
    """Give every cell the sum over the windows that it lies in: the way back of a sum over windows."""
    dims, size = len(shape) - 2, shape[2:]
    taps, strides = node["kernel_shape"], per_dimension(node, "strides", dims)
    dilations = per_dimension(node, "dilations", dims)
    extents = extents_of(taps, dilations)
    pads = tuple(  # with ceil_mode the last window may hang over: then there is more padding after
        (before, max(0, (count - 1) * stride + extent - before - cells))
        for (before, _), count, stride, extent, cells in zip(
            pairs_of(node, size, extents, strides), dy.shape[2:], strides, extents, size, strict=True
        )
    )
    ones = np.ones((1, 1, *taps), dy.dtype)
    planes = dy.reshape(-1, 1, *dy.shape[2:])
    how: dict[str, Any] = {"stride": strides, "padding": pads, "dilation": dilations}
    return INPUT_GRAD[dims]((len(planes), 1, *size), ones, planes, **how).reshape(shape)


def _average_back(back: Back) -> tuple[Array]:
    x, node = back.inputs[0], back.node
    dims = x.ndim - 2
    plane = np.ones((1, 1, *x.shape[2:]), x.dtype)
    cells = AVG_POOL[dims](plane, node["kernel_shape"], divisor_override=1, **window_options(node, dims))
    # The mean of ones is the share of cells that are no padding, so this is 1 / what was divided by.
    return (_spread(node, x.shape, back.dy * (_average(node, plane) / cells)),)


def _power_mean(node: Node, x: Array) -> Array:
    """Return (Σ|x|ᵖ)^(1/p) of every window: a mean of powers, times the cells that it was divided by."""
    dims, p = x.ndim - 2, node["p"]
    how = {**window_options(node, dims), "divisor_override": 1}
    sums = AVG_POOL[dims](np.abs(x) ** p, node["kernel_shape"], **how)
    return np.asarray(sums ** (1 / p), dtype=x.dtype)


def _power_mean_back(back: Back) -> tuple[Array]:
    x, p = back.inputs[0], back.node["p"]
    y = back.outputs[0]
    shares = _spread(back.node, x.shape, back.dy * np.where(y == 0, 1, y) ** (1 - p))
    return (shares * np.sign(x) * np.abs(x) ** (p - 1),)


def _global_infer(_node: Node, x: Tensor) -> Tensor:
    check_ndim(x, 3)
    if 0 in x.shape[2:]:
        raise ShapeError(f"a plane must have a cell, got shape {x.shape}")
    return x.like((*x.shape[:2], *(1,) * (x.ndim - 2)))


def _spatial(x: Array) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def _global_average(_node: Node, x: Array) -> Array:
    if x.ndim <= 5:
        return np.asarray(AVG_POOL[x.ndim - 2](x, x.shape[2:]))
    return np.asarray(np.mean(x, axis=_spatial(x), keepdims=True), dtype=x.dtype)


def _global_max(_node: Node, x: Array) -> Array:
    if x.ndim <= 5:
        return np.asarray(MAX_POOL[x.ndim - 2](x, x.shape[2:]))
    return np.asarray(np.max(x, axis=_spatial(x), keepdims=True))


def _global_power_mean(node: Node, x: Array) -> Array:
    sums = np.sum(np.abs(x) ** node["p"], axis=_spatial(x), keepdims=True)
    return np.asarray(sums ** (1 / node["p"]), dtype=x.dtype)


def _global_average_back(back: Back) -> tuple[Array]:
    x = back.inputs[0]
    return (np.broadcast_to(back.dy / math.prod(x.shape[2:]), x.shape),)


def _global_max_back(back: Back) -> tuple[Array]:
    x = back.inputs[0]
    planes = x.reshape(*x.shape[:2], -1)
    gradient = np.zeros_like(planes)
    best = planes.argmax(axis=2)[..., None]
    np.put_along_axis(gradient, best, back.dy.reshape(best.shape), axis=2)
    return (gradient.reshape(x.shape),)


def _global_power_mean_back(back: Back) -> tuple[Array]:
    x, y, p = back.inputs[0], back.outputs[0], back.node["p"]
    return (back.dy * np.where(y == 0, 1, y) ** (1 - p) * np.sign(x) * np.abs(x) ** (p - 1),)


def _adaptive_infer(node: Node, x: Tensor) -> Tensor:
    _global_infer(node, x)
    dims = spatial_dims(x)
    return x.like((*x.shape[:2], *per_dimension(node, "output_size", dims)))


def _adaptive(pooling: dict[int, Callable[..., Any]], plain: Callable[..., Any]) -> Callable[..., Array]:
    """Return a forward that cuts every dimension into windows that cover it: from ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉."""

    def forward(node: Node, x: Array) -> Array:
        size, wanted = x.shape[2:], node["output_size"]
        if all(cells % count == 0 for cells, count in zip(size, wanted, strict=True)):
            taps = tuple(cells // count for cells, count in zip(size, wanted, strict=True))
            return np.asarray(pooling[len(size)](x, taps))
        for axis, (cells, count) in enumerate(zip(size, wanted, strict=True), 2):
            x = _in_parts(x, axis, _bounds(cells, count), plain)
        return x

    return forward


def _bounds(cells: int, count: int) -> list[tuple[int, int]]:
    """Return (first cell, cell after the last) of every window of one dimension."""
    return [(k * cells // count, -(-(k + 1) * cells // count)) for k in range(count)]


def _in_parts(x: Array, axis: int, bounds: list[tuple[int, int]], plain: Callable[..., Any]) -> Array:
    parts = [np.take(x, range(*bound), axis=axis) for bound in bounds]
    return np.concatenate([plain(part, axis=axis, keepdims=True) for part in parts], axis=axis)


def _adaptive_average_back(back: Back) -> tuple[Array]:
    result, size = back.dy, back.inputs[0].shape[2:]
    for axis, (cells, count) in enumerate(zip(size, back.node["output_size"], strict=True), 2):
        matrix = np.zeros((count, cells))
        for k, (first, end) in enumerate(_bounds(cells, count)):
            matrix[k, first:end] = 1 / (end - first)
        result = along(result, axis, matrix)
    return (result,)


def _adaptive_max_back(back: Back) -> tuple[Array]:
    """Go back one dimension after the other, to the first of the largest cells each time."""
    x, wanted = back.inputs[0], back.node["output_size"]
    before = [x]
    for axis, count in enumerate(wanted, 2):
        before.append(_in_parts(before[-1], axis, _bounds(x.shape[axis], count), np.max))
    result = back.dy
    for axis, count in reversed(list(enumerate(wanted, 2))):
        cells = before[axis - 2]
        gradient = np.zeros_like(cells)
        for k, (first, end) in enumerate(_bounds(cells.shape[axis], count)):
            part = np.take(cells, range(first, end), axis=axis)
            best = np.expand_dims(part.argmax(axis=axis), axis)
            place = (slice(None),) * axis + (slice(first, end),)
            share = np.zeros_like(part)
            np.put_along_axis(share, best, np.take(result, [k], axis=axis), axis=axis)
            gradient[place] += share
        result = gradient
    return (result,)


def _adaptive_window(node: Node, inputs: tuple[Tensor, ...]) -> Window:
    size = inputs[0].shape[2:]
    taps = [-(-cells // count) for cells, count in zip(size, node["output_size"], strict=True)]
    jump = tuple(cells / count for cells, count in zip(size, node["output_size"], strict=True))
    return Window(tuple(taps), jump, (0,) * len(size))


def _unpool_infer(node: Node, x: Tensor, indices: Tensor, wanted: Tensor | None = None) -> Tensor:
    dims = spatial_dims(x)
    if indices.shape != x.shape:
        raise ShapeError(f"indices must have the input's shape {x.shape}, got {indices.shape}")
    if wanted is not None:
        sizes = whole_numbers(wanted, "output_shape", 8)
        if len(sizes) != x.ndim or min(sizes) < 1 or tuple(sizes[:2]) != x.shape[:2]:
            raise ShapeError(f"output_shape must be a shape for {x.shape}, got {sizes}")
        return x.like(sizes)
    return x.like((*x.shape[:2], *_unpooled(node, x.shape[2:], dims)))


def _unpooled(node: Node, size: Shape, dims: int) -> Shape:
    """Return the size that the pooling had before."""
    taps, strides = taps_of(node, dims), per_dimension(node, "strides", dims)
    pads = given_pads(node, dims)
    found = tuple(
        (cells - 1) * stride + tap - sum(pair)
        for cells, stride, tap, pair in zip(size, strides, taps, pads, strict=True)
    )
    if min(found) < 1:
        raise ShapeError(f"the output size must be at least 1, got {found}; use less padding")
    return found


def _unpool(node: Node, x: Array, indices: Array, wanted: Array | None = None) -> Array:
    """Write every cell back to where the largest was, counted through the array that was pooled.

    A shape that is asked for may be larger than that array, which then lies at its beginning.
    """
    before = (*x.shape[:2], *_unpooled(node, x.shape[2:], x.ndim - 2))
    pooled = np.zeros(before, x.dtype)
    pooled.reshape(-1)[checked_places(indices, pooled.size).reshape(-1)] = x.reshape(-1)
    if wanted is None:
        return pooled
    result = np.zeros(tuple(int(size) for size in wanted), x.dtype)
    shared = tuple(slice(min(sizes)) for sizes in zip(result.shape, before, strict=True))
    result[shared] = pooled[shared]
    return result


def _unpool_back(back: Back) -> tuple[Array]:
    x, indices = back.inputs[:2]
    before = (*x.shape[:2], *_unpooled(back.node, x.shape[2:], x.ndim - 2))
    gradient = np.zeros(before, x.dtype)
    shared = tuple(slice(min(sizes)) for sizes in zip(back.dy.shape, before, strict=True))
    gradient[shared] = back.dy[shared]
    places = checked_places(indices, gradient.size).reshape(-1)
    return (gradient.reshape(-1)[places].reshape(x.shape),)


def _global(
    name: str, forward: Callable[..., Array], gradient: Gradient, method: str = "pooling", **attributes: Any
) -> Operation:
    return Operation(
        name, (1, 1), _global_infer, forward, gradient, attributes, window=everything, method=method
    )


def _adaptive_operation(name: str, forward: Callable[..., Array], gradient: Gradient) -> Operation:
    return Operation(
        name, (1, 1), _adaptive_infer, forward, gradient,
        attributes={"output_size": needed(wholes(least=1))}, window=_adaptive_window, onnx=False,
    )  # fmt: skip


TABLE = table(
    Operation(
        "MaxPool", (1, 1), _max_infer, _max, _max_back,
        attributes={**WINDOWED, "storage_order": flag()}, outputs=(1, 2),
        window=windows.convolution_window, method="pooling",
    ),
    Operation(
        "AveragePool", (1, 1), _average_infer, _average, _average_back,
        attributes={**WINDOWED, "count_include_pad": flag()},
        window=windows.convolution_window, method="pooling",
    ),
    Operation(
        "LpPool", (1, 1), _average_infer, _power_mean, _power_mean_back,
        attributes={**WINDOWED, "p": whole(2, least=1, most=64)},
        window=windows.convolution_window, method="pooling",
    ),
    _global("GlobalAveragePool", _global_average, _global_average_back),
    _global("GlobalMaxPool", _global_max, _global_max_back),
    _global(
        "GlobalLpPool", _global_power_mean, _global_power_mean_back, "numpy", p=whole(2, least=1, most=64)
    ),
    _adaptive_operation("AdaptiveAveragePool", _adaptive(AVG_POOL, np.mean), _adaptive_average_back),
    _adaptive_operation("AdaptiveMaxPool", _adaptive(MAX_POOL, np.max), _adaptive_max_back),
    Operation(
        "MaxUnpool", (2, 3), _unpool_infer, _unpool, _unpool_back,
        attributes={
            "kernel_shape": needed(wholes(least=1)), "strides": wholes(least=1), "pads": wholes(least=0),
        },
        window=everything,
    ),
)  # fmt: skip
