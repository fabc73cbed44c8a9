"""One step of a convolution as data: the window, the weights laid on it, the products and their sum.

Which input cell lies under which weight is asked of `Axis.source` alone, so that an explanation can not
have rules for borders of its own.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from convolve.arguments import Call
from convolve.axis import OUTSIDE, Axis
from convolve.dtypes import Array, DType, kind_of, sum_dtype

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One dimension of a window, place by place.

    Attributes
    ----------
    cells
        The input cell at each place; None for a border without a cell and for a hole.
    taps
        The tap of the unflipped filter that is laid there.
    holes
        Whether there is nothing at all: between and beyond the cells of a transposed convolution's input.
    positions
        Where the place lies on the padded input, 0 being its first cell; for a transposed convolution,
        on the input stretched by the stride.
    """

    cells: tuple[int | None, ...]
    taps: tuple[int, ...]
    holes: tuple[bool, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """One way on which an input cell reaches an output: ``output[index] += weight * cell``.

    ``tap`` is the weight's place in the filter as the caller wrote it. Where a border repeats cells, one
    output can read a cell several times, each time with another tap.
    """

    index: Index
    tap: Index
    weight: Any


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The five steps for one output.

    Attributes
    ----------
    number
        Position of this step among all, from 0.
    index
        The output: (out channel, *spatial).
    channels
        First and last + 1 of the input channels that it reads, those of its group.
    lines
        The window, one `Line` per spatial dimension.
    window, weights, products
        Shape (channels, *window): input cells, weights as laid on them, and one times the other.
    holes
        Shape (*window): where a transposed convolution finds nothing; products there are no part of the sum.
    sums
        The sum of the products of each channel.
    bias
        What is added, or None.
    total
        The output's value.
    """

    number: int
    index: Index
    channels: tuple[int, int]
    lines: tuple[Line, ...]
    window: Array
    weights: Array
    products: Array
    holes: Array
    sums: tuple[Any, ...]
    bias: Any
    total: Any

    @property
    def reads(self) -> tuple[tuple[int | None, ...], ...]:
        """Per dimension, the input cell at each place of the window; None for a border or a hole."""
        return tuple(line.cells for line in self.lines)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The smallest slices of the input, channels first, that hold every cell read."""
        hulls = [slice(*self.channels)]
        for cells in self.reads:
            inside = [cell for cell in cells if cell is not None]
            hulls.append(slice(min(inside), max(inside) + 1) if inside else slice(0, 0))
        return tuple(hulls)


def step(call: Call, number: int) -> Step:
    """Compute the step of one output, counted along channels, rows and columns."""
    spec = call.spec
    shape = spec.result_shape[1:]
    index = tuple(int(one) for one in np.unravel_index(number, shape))
    transposed = spec.operation == "conv_transpose"
    lines = tuple(line(axis, at, transposed) for axis, at in zip(spec.axes, index[1:], strict=True))
    channels, filters = group_of(call, index[0])
    weights = laid(call, filters, lines)
    window, inside = window_of(call, channels, lines)
    dead = spec.fill == 0 and spec.boundary == "constant"
    with np.errstate(all="ignore"):
        products = window * weights
        if dead or transposed:
            products = np.where(inside, products, products.dtype.type(0) if products.dtype != object else 0)
        sums = tuple(_number(_sum(one)) for one in products)
        bias = None if call.bias is None else numbers(call.bias[index[0]], spec.out_dtype)
        total = _total(_sum(products), bias, spec.out_dtype)
    return Step(
        number,
        index,
        channels,
        lines,
        window,
        weights,
        products,
        _all_pairs([np.array(one.holes) for one in lines], np.logical_or),
        sums,
        None if bias is None else _number(bias[()]),
        total,
    )


@lru_cache(maxsize=1 << 14)
def line(axis: Axis, index: int, transposed: bool) -> Line:
    """Return what one result index reads along one dimension."""
    if transposed:
        return _transposed_line(axis, index)
    cells = axis.source([index])[0]
    return Line(
        tuple(None if cell == OUTSIDE else int(cell) for cell in cells),
        tuple(range(axis.taps)),
        (False,) * axis.taps,
        tuple(int(one) for one in axis.positions([index])[0]),
    )


def _transposed_line(axis: Axis, index: int) -> Line:
    """Return the stretched input under the turned filter, and once more for each border cell folded here.

    The forward convolution read this cell at its own position, and where its border repeats cells at
    others too; each of these positions gives one window.
    """
    feeding = axis.feeds(index, index + 1)
    sources, positions = axis.source(feeding), axis.positions(feeding)
    found = {
        (int(positions[row, tap]), int(tap)): int(feeding[row]) for row, tap in np.argwhere(sources == index)
    }
    cells, taps, places = [], [], []
    for position in sorted({index} | {at for at, _ in found}):
        for tap in reversed(range(axis.taps)):
            cells.append(found.get((position, tap)))
            taps.append(tap)
            places.append(position + axis.before - tap * axis.dilation)
    return Line(tuple(cells), tuple(taps), tuple(cell is None for cell in cells), tuple(places))


def group_of(call: Call, channel: int) -> tuple[tuple[int, int], Array]:
    """Return the input channels that a result channel reads, and its weights, one filter for each."""
    spec = call.spec
    forward = spec.operation == "conv"
    results = spec.out_channels if forward else spec.in_channels
    reads = spec.in_channels if forward else spec.out_channels
    group, within = divmod(channel, results // spec.groups)
    each = reads // spec.groups
    channels = (group * each, (group + 1) * each)
    return channels, call.second[channel] if forward else call.second[slice(*channels), within]


def laid(call: Call, filters: Array, lines: tuple[Line, ...]) -> Array:
    """Return the filters of a group as they lie on the window: turned if asked for, and tap by tap."""
    spatial = tuple(range(1, filters.ndim))
    turned = np.flip(filters, spatial) if call.spec.flip else filters
    every = np.arange(len(filters))
    return numbers(turned[np.ix_(every, *(np.array(one.taps) for one in lines))], call.spec.out_dtype)


def window_of(call: Call, channels: tuple[int, int], lines: tuple[Line, ...]) -> tuple[Array, Array]:
    """Return the window's values, the border's number where there is no cell, and where there is one."""
    image = call.first[0, slice(*channels)]
    real = [np.array([cell is not None for cell in one.cells]) for one in lines]
    inside = _all_pairs(real, np.logical_and)
    places = [np.flatnonzero(some) for some in real]
    cells = [np.array([cell for cell in one.cells if cell is not None], np.int64) for one in lines]
    fill = np.array(call.spec.fill).astype(call.spec.input_dtype)
    values = np.full((len(image), *inside.shape), fill)
    every = np.arange(len(image))
    if inside.any():
        values[np.ix_(every, *places)] = image[np.ix_(every, *cells)]
    return numbers(values, call.spec.out_dtype), inside


def _all_pairs(parts: list[Array], combine: np.ufunc) -> Array:
    """Return one truth value per place of the window from those per dimension."""
    result = parts[0]
    for part in parts[1:]:
        result = combine.outer(result, part)
    return np.asarray(result)


def numbers(array: Array, result: DType) -> Array:
    """Return numbers that sums are exact in: whole numbers of any size for integers, else the sums' dtype."""
    if kind_of(result) != "integer":
        return np.asarray(array).astype(sum_dtype(result))
    whole = array.astype(np.uint8) if array.dtype == bool else array
    return np.asarray(whole).astype(object)


def _sum(products: Array) -> Any:
    """Add up one by one, in the order in which the reference does."""
    flat = products.ravel()
    return np.add.accumulate(flat)[-1] if len(flat) else 0


def _total(products: Any, bias: Array | None, result: DType) -> Any:
    total = products if bias is None else products + bias[()]
    return total if kind_of(result) == "integer" else _number(result.type(total))


def _number(value: Any) -> Any:
    """Return a plain Python number."""
    return value.item() if isinstance(value, np.generic) else value
