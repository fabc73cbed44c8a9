"""Max and average pooling: a window that slides like a filter's, but takes the largest cell or the mean.

`pool` reads what callers write. `max_pool` and `avg_pool` are the truth, in NumPy, that compiled code
(`convolve.runtime.pooled`) is compared with.

Padding is zeros-style, as PyTorch defines it: it never wins a maximum, and it counts in a mean only when
``count_include_pad`` says so.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np

from convolve.arguments import SPATIAL_NAMES
from convolve.axis import OUTSIDE, Axis, output_count
from convolve.dtypes import Array, DType, float_dtype, kind_of, sum_dtype
from convolve.errors import ArgumentError, DTypeError, ShapeError
from convolve.options import choice, flag, paddings, per_dimension, resolve_padding, whole_number
from convolve.spec import Layout
from convolve.views import Form, as_array, check_fits, native

BLOCK_CELLS = 1 << 20
"""Results worked on at a time, so that memory beyond the result is bounded (about 16 MB in float64)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One pooling: the windows, the form of the caller's array, and a canonical view of it.

    ``is_region``: whether it is a region of a larger one, with whose bits its windows are summed up.
    """

    axes: tuple[Axis, ...]
    form: Form
    image: Array
    is_region: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The result's canonical shape."""
        return (*self.image.shape[:2], *(axis.outputs for axis in self.axes))

    def planes(self) -> Iterator[tuple[int, slice]]:
        """Yield (image, channels) blocks."""
        step = max(1, BLOCK_CELLS // max(1, math.prod(self.shape[2:])))
        for n in range(self.shape[0]):
            for start in range(0, self.shape[1], step):
                yield n, slice(start, start + step)

    def windows(self) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
        """Yield (tap, outputs that have a cell under this tap, these cells) for every tap, in order."""
        for tap in itertools.product(*(range(axis.taps) for axis in self.axes)):
            outputs, cells = [], []
            for axis, t in zip(self.axes, tap, strict=True):
                first, last = axis.tap_range(t, 0, axis.outputs)
                begin = first * axis.stride + t * axis.dilation - axis.before
                stop = begin + (last - first - 1) * axis.stride + 1
                outputs.append(slice(first, last))
                cells.append(slice(begin, stop, axis.stride) if last > first else slice(0, 0))
            yield tap, tuple(outputs), tuple(cells)


def pool(dims: int, image: Any, kernel_size: Any, **options: Any) -> Pool:
    """Return the canonical `Pool` of what a caller wrote, if its result fits into memory."""
    made = windows_over(dims, image, kernel_size, **options)
    check_fits(made.shape, native(made.image))
    return made


def windows_over(dims: int, image: Any, kernel_size: Any, **options: Any) -> Pool:
    """Return the canonical `Pool` of what a caller wrote, of any size."""
    array = as_array(image, "input")
    layout = cast(Layout, choice(options.get("layout", "channels_first"), "layout", get_args(Layout)))
    form = Form.of(array.shape, dims, layout, array.ndim == dims)
    view = form.canonical(array)
    taps = per_dimension(kernel_size, dims, "kernel_size", 1)
    stride = options.get("stride")
    strides = taps if stride is None else per_dimension(stride, dims, "stride", 1)
    dilations = per_dimension(options.get("dilation", 1), dims, "dilation", 1)
    rule = paddings(options.get("padding", 0), dims)
    ceil = flag(options.get("ceil_mode", False), "ceil_mode")
    axes = tuple(
        _axis(
            SPATIAL_NAMES[d - dims],
            view.shape[2 + d],
            taps[d],
            strides[d],
            dilations[d],
            rule if isinstance(rule, str) else rule[d],
            ceil,
        )
        for d in range(dims)
    )
    made = Pool(axes, form, view)
    for d, axis in enumerate(axes):
        check_windows(axis, SPATIAL_NAMES[d - dims])
    return made


def _axis(
    name: str, size: int, taps: int, stride: int, dilation: int, rule: tuple[int, int] | str, ceil: bool
) -> Axis:
    extent = dilation * (taps - 1) + 1
    before, after = resolve_padding(rule, size, extent, stride) if isinstance(rule, str) else rule
    room = size + before + after - extent
    if ceil and -stride < room < 0:
        outputs = 1  # the only window hangs over the edge
    else:
        outputs = output_count(size, taps, stride, dilation, before, after, name)
    if ceil and room > 0 and room % stride and (outputs * stride) < size + before:
        outputs += 1  # a last window may hang over the edge, if it starts inside the image or before it
    return Axis(size, outputs, taps, stride, dilation, before, after)


def check_windows(axis: Axis, name: str) -> None:
    """Refuse windows that hold nothing but padding: they have neither a largest cell nor a mean."""
    if (axis.source(axis.border_outputs()) == OUTSIDE).all(axis=1).any():
        raise ShapeError(
            f"every pooling window must hold a cell of the image, but with size {axis.size}, "
            f"kernel_size={axis.taps}, dilation={axis.dilation} and padding={(axis.before, axis.after)} one "
            f"window of {name} holds padding alone; use less padding"
        )


def max_dtype(made: Pool) -> DType:
    """Return the dtype of the maxima, or refuse numbers that have none."""
    dtype = native(made.image)
    if kind_of(dtype) == "complex":
        raise DTypeError(
            f"max pooling needs numbers with an order, got {dtype}; pool abs(input) or its parts"
        )
    return dtype


def max_pool(made: Pool, return_indices: bool) -> Array | tuple[Array, Array]:
    """Return the largest cell of every window, and on request its flat index within its plane."""
    dtype = max_dtype(made)
    result = np.empty(made.form.shape(made.shape), dtype)
    indices = np.empty(made.form.shape(made.shape), np.int64) if return_indices else None
    for n, channels in made.planes():
        with np.errstate(invalid="ignore"):  # NaN of 16 bits warns when it is compared
            best, where = _block_maximum(made, made.image[n, channels].astype(dtype), return_indices)
        made.form.canonical(result)[n, channels] = best
        if indices is not None:
            made.form.canonical(indices)[n, channels] = where
    return result if indices is None else (result, indices)


def _block_maximum(made: Pool, planes: Array, with_indices: bool) -> tuple[Array, Array | None]:
    """Return the maxima of some channels and where they are: the first of equals, NaN before all."""
    shape = (len(planes), *made.shape[2:])
    best, seen = np.zeros(shape, planes.dtype), np.zeros(made.shape[2:], bool)
    where = np.zeros(shape, np.int64) if with_indices else None
    flat = np.arange(math.prod(planes.shape[1:])).reshape(planes.shape[1:])
    for _, outputs, cells in made.windows():
        values, old = planes[:, *cells], best[:, *outputs]
        wins = ~seen[outputs] | (values > old) | ((values != values) & (old == old))
        best[:, *outputs] = np.where(wins, values, old)
        if where is not None:
            where[:, *outputs] = np.where(wins, flat[cells], where[:, *outputs])
        seen[outputs] = True
    return best, where


def mean_dtype(made: Pool) -> DType:
    """Return the dtype of the means: floats keep theirs, integers give floats."""
    return float_dtype(native(made.image))


def whole_divisor(override: Any) -> int | None:
    """Return what every sum is divided by, if the caller says so."""
    if override is None:
        return None
    number = whole_number(override, "divisor_override", -(2**40))
    if number == 0:
        raise ArgumentError("divisor_override must not be 0; pass None to divide by the cells of each window")
    return number


def avg_pool(made: Pool, count_include_pad: bool, divisor_override: int | None) -> Array:
    """Return the mean of every window; integers give floats."""
    dtype = mean_dtype(made)
    total = sum_dtype(dtype)
    divisor = _divisor(made, count_include_pad, divisor_override).astype(np.abs(np.zeros(0, total)).dtype)
    result = np.empty(made.form.shape(made.shape), dtype)
    view = made.form.canonical(result)
    with np.errstate(all="ignore"):
        for n, channels in made.planes():
            planes = made.image[n, channels].astype(total)
            sums = np.zeros((len(planes), *made.shape[2:]), total)
            for _, outputs, cells in made.windows():
                sums[:, *outputs] += planes[:, *cells]
            view[n, channels] = (sums / divisor).astype(dtype)
    return result


def _divisor(made: Pool, count_include_pad: bool, override: int | None) -> Array:
    """Return by how many cells each window's sum is divided."""
    if override is not None:
        return np.full(made.shape[2:], override)
    counts = np.ones((1,) * len(made.axes), np.int64)
    for d, axis in enumerate(made.axes):
        low, high = (-axis.before, axis.size + axis.after) if count_include_pad else (0, axis.size)
        positions = axis.positions(np.arange(axis.outputs))
        inside = ((positions >= low) & (positions < high)).sum(axis=1)
        counts = counts * inside.reshape([-1 if i == d else 1 for i in range(len(made.axes))])
    return counts
