"""From a spec to a compiled convolution that is ready to run: what is compiled, and what was made before."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from convolve.axis import Axis
from convolve.compiler import planner
from convolve.compiler.expressions import NOTHING, Expression
from convolve.compiler.plan import Arithmetic, Inner, Plan, Way
from convolve.compiler.problem import Geometry, Sizes, geometry_of, sizes_of
from convolve.compiler.target import Target
from convolve.dtypes import Array
from convolve.factors import Factors, factors, may_gain
from convolve.runtime.arithmetic import decide
from convolve.runtime.execution import Execution
from convolve.runtime.host import host_target
from convolve.runtime.machine_code import machine_code
from convolve.runtime.threads import get_num_threads
from convolve.spec import ConvSpec

LONGEST_LINE = 1 << 22
"""Padded cells of a line for which a table is made, 32 MiB: 95 s of music at 44.1 kHz."""

MOST_TAPS = 1 << 20
"""Taps of a filter whose gradient is compiled: each has 256 bytes of sums in a thread's scratch, at most."""

LONGEST_ROW = 1 << 16
"""Pixels that are seen as one row by 1 × 1 filters; longer rows gain nothing from being joined, and need a
table as long."""

MOST_TABLE_BYTES = 1 << 20
"""Tables of an execution that is remembered like others; of longer lines only the last `FEW` are, as 256 of
them would hold gigabytes."""

FEW = 2

LARGEST_SCRATCH = 32 << 20
"""Bytes of scratch per thread: some hundred kB do for anything but filters that span thousands of cells."""

FILTER_AXIS = Axis(1, 1, 1)
"""A dimension that is not there: one cell, one tap."""


@dataclass(frozen=True, slots=True)
class View:
    """How arrays are seen by a routine.

    Attributes
    ----------
    reads, writes
        Their innermost dimensions.
    one_row
        Whether all pixels of a channel form one row.
    interleaved
        How many channels, each filtered by the same weights, are seen as one whose pixels are that many
        times as far apart; 1 for none.
    """

    reads: Inner
    writes: Inner
    one_row: bool = False
    interleaved: int = 1


def view_of(
    spec: ConvSpec, image: Array, out: Array, weight: Array | None = None, added: Array | None = None
) -> View:
    """Return how these arrays of (batch, channels, *spatial) are best seen."""
    if weight is not None and _is_interleaved(spec.whole or spec, image, out, weight):
        return View("x", "x", interleaved=spec.in_channels)
    pointwise = all(
        axis.taps == axis.stride == 1 and not axis.before and not axis.after for axis in spec.axes
    )
    short = math.prod(spec.out_size) <= LONGEST_ROW
    outs = [out] if added is None else [out, added]
    as_whole = spec.whole is None or spec.whole.axes == spec.axes  # a row of a region is no row of the whole
    one_row = as_whole and pointwise and short and spec.dims > 1 and all(map(_is_one_row, [image, *outs]))
    orders = {_inner(one, spec) for one in outs}
    return View(_inner(image, spec), orders.pop() if len(orders) == 1 else "none", one_row)


def _is_interleaved(spec: ConvSpec, image: Array, out: Array, weight: Array) -> bool:
    """Whether every channel has the same filter and a pixel's channels lie together, as in a photograph."""
    channels = spec.in_channels
    one_filter = channels > 1 and weight.strides[0] == 0 and spec.groups == channels == spec.out_channels
    together = all(
        array.strides[1] == array.itemsize and array.strides[-1] == array.itemsize * channels
        for array in (image, out)
    )
    longest = channels * (spec.in_size[-1] + spec.axes[-1].extent) < LONGEST_LINE
    return one_filter and together and longest and spec.axes[-1].stride == 1 and spec.bias_dtype is None


def dense_view(spec: ConvSpec) -> View:
    """Return how fresh arrays without gaps are seen; of complex numbers their real parts, which have gaps."""
    image, out = dense_arrays(spec)
    return view_of(spec, image.real, out.real if spec.operation == "weight_grad" else out)


def dense_arrays(spec: ConvSpec) -> tuple[Array, Array]:
    """Return an image and a result with the strides of fresh ones; their numbers must not be looked at."""
    arrays = ((spec.input_shape, spec.input_dtype), (spec.output_shape, spec.out_dtype))
    last = spec.layout == "channels_last"
    image, out = (np.broadcast_to(np.zeros((), dtype), shape) for shape, dtype in arrays)
    return _as_if_dense(image, last), _as_if_dense(out, last)


def _as_if_dense(array: Array, channels_last: bool) -> Array:
    """Return an array of this shape with the strides of a fresh one; its numbers must not be looked at."""
    shape = array.shape
    order = (shape[0], *shape[2:], shape[1]) if channels_last else shape
    strides = [array.itemsize]
    for extent in reversed(order[1:]):
        strides.insert(0, strides[0] * extent)
    if channels_last:
        strides = [strides[0], strides[-1], *strides[1:-1]]
    return np.lib.stride_tricks.as_strided(array, shape, strides, writeable=False)


def _is_one_row(array: Array) -> bool:
    """Whether all pixels of a channel are evenly spaced in memory."""
    steps, sizes = array.strides[2:], array.shape[2:]
    return all(step == steps[i + 1] * sizes[i + 1] for i, step in enumerate(steps[:-1]))


def _inner(array: Array, spec: ConvSpec) -> Inner:
    """Return the dimension along which neighbours are neighbours in memory.

    Of a single channel the step to the next one means nothing, and must not decide on the order of summation.
    """
    item = array.itemsize
    together = array.strides[1] == item or (array.shape[1] == 1 and array.strides[-1] == item)
    if spec.layout == "channels_last" and together:
        return "channel"
    if array.strides[-1] == item:
        return "x"
    return "channel" if array.strides[1] == item else "none"


def seen(view: View, array: Array) -> Array:
    """Return an array as a view sees it: with all pixels of a channel as one row, or as it is."""
    if view.interleaved > 1:
        shape, strides = array.shape, array.strides
        return np.lib.stride_tricks.as_strided(
            array,
            (shape[0], 1, *shape[2:-1], shape[-1] * view.interleaved),
            (strides[0], strides[0], *strides[2:-1], strides[1]),
        )
    if not view.one_row:
        return array
    length = math.prod(array.shape[2:])
    return np.lib.stride_tricks.as_strided(
        array, (*array.shape[:2], length), (*array.strides[:2], array.strides[-1])
    )


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides on an execution; ``whole`` is asked of the result that this one is a region of.

    ``way`` is as in a spec.
    """

    sizes: Sizes
    geometry: Geometry
    axes: tuple[Axis, ...]
    fill: int | float
    threads: int
    interleaved: int
    whole: tuple[Sizes, Geometry] | None = None
    way: Way | None = None


def question(
    spec: ConvSpec,
    view: View,
    activation: Expression = NOTHING,
    arithmetic: Arithmetic | None = None,
    adds: bool = False,
) -> Question:
    """Return the question that a spec and its arrays' layout pose.

    Without ``arithmetic`` the values are taken to be small enough for what the dtypes let one expect.
    """
    if arithmetic is None:
        usual = decide(spec)
        arithmetic = None if usual is None else usual.arithmetic
    sizes = sizes_of(spec)
    geometry = geometry_of(spec, view.reads, view.writes, activation, arithmetic, adds)
    axes = (FILTER_AXIS,) * (3 - spec.dims) + spec.axes
    if view.one_row:
        length = sizes.outputs
        sizes = replace(sizes, input=(1, 1, length), output=(1, 1, length))
        axes = (FILTER_AXIS, FILTER_AXIS, Axis(length, length, 1))
    if view.interleaved > 1:
        sizes, geometry = _interleaved(sizes, geometry, view.interleaved)
    fill = spec.fill.real if spec.boundary == "constant" else 0
    return Question(sizes, geometry, axes, fill, get_num_threads(), view.interleaved)


def _interleaved(sizes: Sizes, geometry: Geometry, channels: int) -> tuple[Sizes, Geometry]:
    """Return the sizes and geometry of one channel whose pixels are ``channels`` times as far apart."""
    wide = replace(
        sizes,
        groups=1,
        interleaved=channels,
        input=(*sizes.input[:2], sizes.input[2] * channels),
        output=(*sizes.output[:2], sizes.output[2] * channels),
    )
    apart = (*geometry.dilation[:2], geometry.dilation[2] * channels)
    return wide, replace(geometry, dilation=apart)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An execution, how it sees the arrays, and the weights as it packs them; these may be a copy."""

    view: View
    execution: Execution
    source: Array


def prepare(
    spec: ConvSpec,
    image: Array,
    out: Array,
    weight: Array,
    activation: Expression = NOTHING,
    arithmetic: Arithmetic | None = None,
    added: Array | None = None,
) -> Prepared:
    """Return what computes a spec with these weights."""
    view, asked, found = _asked(spec, image, out, weight, activation, arithmetic, added)
    made = ready(asked)
    if found is not None and made.plan.code.method == "separable":
        return Prepared(view, made, found.packed)
    return Prepared(view, made, made.source(weights_of(spec, weight, view, made.plan.code.weight_dtype)))


def plan_with(spec: ConvSpec, weight: Array, spread: int = 1) -> Plan:
    """Return how fresh arrays are convolved with these weights; nothing is compiled.

    ``spread`` is how far apart results stand along the last dimension, if others stand in between.
    """
    image, out = dense_arrays(spec)
    steps = (*out.strides[:-1], spread * out.strides[-1])
    apart = np.lib.stride_tricks.as_strided(out, out.shape, steps, writeable=False)
    _, asked, _ = _asked(spec, image, apart, weight)
    return plan_of(asked, host_target())


def _asked(
    spec: ConvSpec,
    image: Array,
    out: Array,
    weight: Array,
    activation: Expression = NOTHING,
    arithmetic: Arithmetic | None = None,
    added: Array | None = None,
) -> tuple[View, Question, Factors | None]:
    """Return how arrays are seen, the question that they and these weights pose, and the weights' factors."""
    view = view_of(spec, image, out, weight, added)
    asked = question(spec, view, activation, arithmetic, added is not None)
    found = None
    if may_be_separable(spec):
        found = factors(weights_of(spec, weight, view, asked.geometry.dtype))
    if found is not None:
        asked = replace(asked, sizes=replace(asked.sizes, terms=found.terms, boxes=found.boxes))
    if spec.way is not None:
        asked = replace(asked, way=cast(Way, spec.way))
    elif spec.whole is not None:
        asked = replace(asked, whole=_whole(spec, view, weight, asked))
    return view, asked, found


def _whole(spec: ConvSpec, view: View, weight: Array, part: Question) -> tuple[Sizes, Geometry]:
    """Return what is asked of the convolution that a spec is a region of, with the same weights."""
    assert spec.whole is not None, "only a region has a whole"
    whole = replace(spec.whole, accuracy=spec.accuracy)
    one_row = view_of(whole, *dense_arrays(whole), weight).one_row
    geometry = part.geometry
    asked = question(whole, replace(view, one_row=one_row), geometry.activation, geometry.arithmetic)
    return replace(asked.sizes, terms=part.sizes.terms, boxes=part.sizes.boxes), asked.geometry


def may_be_separable(spec: ConvSpec) -> bool:
    """Whether weights of this shape can be such that passes along one dimension each are cheaper.

    Those of integers too: factors of whole numbers are whole, and no sum on the way is larger than Σ|x·w|.
    """
    one_channel = spec.in_channels == spec.groups
    steps = all(axis.stride == 1 for axis in spec.axes)
    return one_channel and steps and spec.accuracy != "strict" and may_gain(spec.filter_size)


def plan_of(asked: Question, target: Target) -> Plan:
    """Return the plan of a question."""
    if asked.way is not None:
        return planner.plan_way(asked.way, asked.sizes, asked.geometry, target, asked.threads)
    if asked.whole is not None:
        return planner.plan_region(asked.sizes, asked.geometry, asked.whole, target, asked.threads)
    return planner.plan(asked.sizes, asked.geometry, target, asked.threads)


def ready(asked: Question) -> Execution:
    """Return the execution of a question, one of those kept if it was asked before."""
    return _execution_of_long_lines(asked) if has_long_lines(asked) else execution(asked)


def has_long_lines(asked: Question) -> bool:
    """Whether the tables of an execution are long, so that only a few of them are kept."""
    cells = sum((axis.outputs - 1) * axis.stride + axis.extent for axis in asked.axes) * asked.interleaved
    return 8 * cells > MOST_TABLE_BYTES


@functools.lru_cache(maxsize=256)
def execution(asked: Question) -> Execution:
    """Return the execution of a question; the last ones are kept, see `ready` for long tables."""
    target = host_target()
    plan = plan_of(asked, target)
    machine = machine_code(plan.code, target)
    return Execution(asked.sizes, plan, machine, target, asked.axes, asked.fill, asked.interleaved)


_execution_of_long_lines = functools.lru_cache(maxsize=FEW)(execution.__wrapped__)


def weights_of(spec: ConvSpec, weight: Array, view: View, dtype: str) -> Array:
    """Return weights as (groups, filters, channels, depth, height, width), turned if asked for.

    They are a view of those given, if these have the dtype wanted.
    """
    one = weight[:1] if view.interleaved > 1 else weight
    groups = 1 if view.interleaved > 1 else spec.groups
    filters, channels, *taps = one.shape
    whole = one.astype(dtype, copy=False)
    turned = np.flip(whole, axis=tuple(range(2, whole.ndim))) if spec.flip else whole
    ones: Sequence[int] = (1,) * (3 - len(taps))
    return turned.reshape(groups, filters // groups, channels, *ones, *taps)
