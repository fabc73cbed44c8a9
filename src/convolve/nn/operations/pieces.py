"""Pieces: joined, cut out, repeated, padded."""

from typing import Any

import numpy as np

from convolve.dtypes import Array
from convolve.errors import ArgumentError, ShapeError
from convolve.nn.attributes import choice, needed, whole
from convolve.nn.operation import MANY, Back, Node, Operation, everything, table
from convolve.nn.operations.derivatives import along, summed_to
from convolve.nn.tensor import (
    Tensor,
    axes_of,
    axis_of,
    broadcast,
    check_ndim,
    same_dtype,
    whole_numbers,
)


def _concat_infer(node: Node, *tensors: Tensor) -> Tensor:
    first = tensors[0]
    check_ndim(first, 1)
    axis = axis_of(node["axis"], first.ndim)
    for tensor in tensors[1:]:
        rest = [sizes[:axis] + sizes[axis + 1 :] for sizes in (first.shape, tensor.shape)]
        if tensor.ndim != first.ndim or rest[0] != rest[1]:
            raise ShapeError(
                f"inputs must agree in every dimension but {axis}, got {first.shape} and {tensor.shape}"
            )
    shape = (*first.shape[:axis], sum(one.shape[axis] for one in tensors), *first.shape[axis + 1 :])
    return Tensor(same_dtype(*tensors), shape)


def _concat(node: Node, *arrays: Array) -> Array:
    return np.concatenate(arrays, axis=node["axis"])


def _concat_back(back: Back) -> list[Array]:
    axis = back.node["axis"]
    ends = np.cumsum([x.shape[axis] for x in back.inputs])
    return np.split(back.dy, ends[:-1], axis=axis)


def _parts(node: Node, size: int, given: list[int] | None) -> list[int]:
    """Return the sizes that `Split` cuts one dimension into; equal ones leave the last one shorter."""
    count = len(node.outputs)
    if given is None:
        step = -(-size // count)
        given = [max(0, min(step, size - k * step)) for k in range(count)]
    if node["num_outputs"] not in (None, count) or len(given) != count:
        raise ShapeError(f"the {count} outputs must be as many as the parts, got {len(given)}: {given}")
    if sum(given) != size or min(given) < 0:
        raise ShapeError(f"parts must add up to the {size} cells of the dimension, got {given}")
    return given


def _split_infer(node: Node, x: Tensor, split: Tensor | None = None) -> tuple[Tensor, ...]:
    check_ndim(x, 1)
    axis = axis_of(node["axis"], x.ndim)
    parts = _parts(node, x.shape[axis], None if split is None else whole_numbers(split, "split"))
    return tuple(x.like((*x.shape[:axis], part, *x.shape[axis + 1 :])) for part in parts)


def _split(node: Node, x: Array, split: Array | None = None) -> tuple[Array, ...]:
    axis = axis_of(node["axis"], x.ndim)
    parts = _parts(node, x.shape[axis], None if split is None else [int(part) for part in split])
    return tuple(np.split(x, np.cumsum(parts[:-1]), axis=axis))


def _split_back(back: Back) -> tuple[Array]:
    count = len(back.node.outputs)
    return (np.concatenate([back.at(k) for k in range(count)], axis=back.node["axis"]),)


def _slices(ndim: int, numbers: list[list[int] | None]) -> list[slice]:
    """Return the slice of every dimension, from starts, ends, axes and steps."""
    starts, ends, axes, steps = numbers
    if starts is None or ends is None:
        raise ArgumentError("starts and ends must both be given")
    where = axes_of(list(range(len(starts))) if axes is None else axes, ndim)
    by = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(where) == len(by) or 0 in by:
        raise ArgumentError(
            f"starts, ends, axes, steps must be equally many and no step 0: {starts}, {ends}, {where}, {by}"
        )
    found = [slice(None)] * ndim
    for start, end, axis, step in zip(starts, ends, where, by, strict=True):
        # Counting down, a stop before the first cell cannot be written as a number; ONNX clamps it there.
        found[axis] = slice(start, end, step)
    return found


def _cut(size: int, cut: slice) -> range:
    """Return the cells that a slice takes of a dimension, with ONNX's clamping of far ends."""
    step = 1 if cut.step is None else cut.step
    if cut.start is None:
        return range(size)
    start, end = (place + size if place < 0 else place for place in (cut.start, cut.stop))
    if step > 0:
        return range(min(max(start, 0), size), min(max(end, 0), size), step)
    return range(min(max(start, 0), size - 1), min(max(end, -1), size - 1), step)


def _slice_infer(
    _node: Node,
    x: Tensor,
    starts: Tensor,
    ends: Tensor,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    named = (("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps))
    numbers = [None if given is None else whole_numbers(given, name, 64) for name, given in named]
    slices = _slices(x.ndim, numbers)
    return x.like([len(_cut(size, cut)) for size, cut in zip(x.shape, slices, strict=True)])


def _taken(x: Array, given: tuple[Array | None, ...]) -> tuple[slice, ...]:
    """Return what `Slice` takes, as NumPy writes it."""
    numbers = [None if one is None else [int(n) for n in one.reshape(-1)] for one in given]
    slices = _slices(x.ndim, [*numbers, None, None][:4])
    cells = [_cut(size, cut) for size, cut in zip(x.shape, slices, strict=True)]
    return tuple(
        slice(r.start, None if r.stop < 0 else r.stop, r.step) if len(r) else slice(0) for r in cells
    )


def _slice(_node: Node, x: Array, *given: Array | None) -> Array:
    return x[_taken(x, given)]


def _slice_back(back: Back) -> tuple[Array]:
    x, *given = back.inputs
    gradient = np.zeros_like(x)
    gradient[_taken(x, tuple(given))] = back.dy
    return (gradient,)


def _expand_infer(_node: Node, x: Tensor, shape: Tensor) -> Tensor:
    sizes = whole_numbers(shape, "shape", 64)
    if min(sizes, default=0) < 0:
        raise ShapeError(f"shape must not have negative numbers, got {sizes}")
    return x.like(broadcast(x, x.like(sizes)))


def _expand(node: Node, x: Array, shape: Array) -> Array:
    sizes = np.broadcast_shapes(x.shape, tuple(int(size) for size in shape))
    return np.broadcast_to(x, sizes)


def _expand_back(back: Back) -> tuple[Array]:
    return (summed_to(back.dy, back.inputs[0].shape),)


def _tile_infer(_node: Node, x: Tensor, repeats: Tensor) -> Tensor:
    counts = whole_numbers(repeats, "repeats", 64)
    if len(counts) != x.ndim or min(counts, default=0) < 0:
        raise ShapeError(f"repeats must have one number per dimension of {x.shape}, got {counts}")
    return x.like([size * count for size, count in zip(x.shape, counts, strict=True)])


def _tile(_node: Node, x: Array, repeats: Array) -> Array:
    return np.tile(x, [int(count) for count in repeats])


def _tile_back(back: Back) -> tuple[Array]:
    x, repeats = back.inputs
    shape = [size for pair in zip(repeats.tolist(), x.shape, strict=True) for size in pair]
    return (back.dy.reshape(shape).sum(axis=tuple(range(0, 2 * x.ndim, 2))),)


def _pads(ndim: int, pads: list[int], axes: list[int] | None) -> list[tuple[int, int]]:
    """Return (before, after) for every dimension."""
    where = list(range(ndim)) if axes is None else list(axes_of(axes, ndim))
    if len(pads) != 2 * len(where):
        raise ShapeError(f"pads must have two numbers for each of {len(where)} dimensions, got {len(pads)}")
    pairs = [(0, 0)] * ndim
    for place, axis in enumerate(where):
        pairs[axis] = pads[place], pads[place + len(where)]
    return pairs


def _pad_infer(
    node: Node, x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None
) -> Tensor:
    if value is not None and value.size != 1:
        raise ShapeError(f"constant_value must be one number, got shape {value.shape}")
    where = None if axes is None else whole_numbers(axes, "axes", 64)
    pairs = _pads(x.ndim, whole_numbers(pads, "pads", 128), where)
    sizes = [size + before + after for size, (before, after) in zip(x.shape, pairs, strict=True)]
    if min(sizes, default=0) < 0:
        raise ShapeError(f"pads {pairs} cut more off than the input {x.shape} has")
    if node["mode"] != "constant" and any(s == 0 < max(p) for s, p in zip(x.shape, pairs, strict=True)):
        raise ShapeError(f"mode {node['mode']} needs a cell to repeat, but the input's shape is {x.shape}")
    return x.like(sizes)


def _pad(node: Node, x: Array, pads: Array, value: Array | None = None, axes: Array | None = None) -> Array:
    where = None if axes is None else [int(axis) for axis in axes.reshape(-1)]
    pairs = _pads(x.ndim, [int(pad) for pad in pads], where)
    cut = tuple(
        slice(max(0, -before), size - max(0, -after))
        for size, (before, after) in zip(x.shape, pairs, strict=True)
    )
    grown = [(max(0, before), max(0, after)) for before, after in pairs]
    how: dict[str, Any] = {"mode": node["mode"]}
    if node["mode"] == "constant" and value is not None:
        how["constant_values"] = value.reshape(())
    return np.pad(x[cut], grown, **how)


def _pad_back(back: Back) -> list[Array | None]:
    """Sum up, for every cell, all the places where it went; what is constant, where it went."""
    x, pads, value, axes = (*back.inputs, None, None)[:4]
    where = None if axes is None else [int(axis) for axis in axes.reshape(-1)]
    pairs = _pads(x.ndim, [int(pad) for pad in pads], where)
    result = back.dy
    for axis, (size, pair) in enumerate(zip(x.shape, pairs, strict=True)):
        if pair != (0, 0):
            result = along(result, axis, _copies(back.node["mode"], size, pair))
    rest = None if value is None else (back.dy.sum() - result.sum()).reshape(value.shape)
    return [result, None, rest]


def _copies(mode: str, size: int, pair: tuple[int, int]) -> Array:
    """Return the matrix (cells after, cells before) that is 1 where padding copies a cell."""
    line = Node("Pad", (), (), {"mode": mode}, "")
    # 0 stands for the constant, so cells count from 1
    places = _pad(line, np.arange(1, size + 1), np.array(pair))
    return np.asarray(places[:, None] == np.arange(1, size + 1), np.float64)


TABLE = table(
    Operation("Concat", (1, MANY), _concat_infer, _concat, _concat_back, {"axis": needed(whole(None))}),
    Operation(
        "Split",
        (1, 2),
        _split_infer,
        _split,
        _split_back,
        attributes={"axis": whole(0), "num_outputs": whole(None, least=1)},
        outputs=(1, MANY),
    ),
    Operation("Slice", (3, 5), _slice_infer, _slice, _slice_back),
    Operation("Expand", (2, 2), _expand_infer, _expand, _expand_back),
    Operation("Tile", (2, 2), _tile_infer, _tile, _tile_back, window=everything),
    Operation(
        "Pad",
        (2, 4),
        _pad_infer,
        _pad,
        _pad_back,
        attributes={"mode": choice("constant", "constant", "reflect", "edge", "wrap")},
    ),
)
