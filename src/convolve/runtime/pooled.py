"""Pooling by compiled code: a routine per window, stride and dtype, an `Execution` per question of sizes."""

import ctypes
import functools
import math
from dataclasses import dataclass

import numpy as np

from convolve.axis import Axis
from convolve.compiler.layout import ITEM_BYTES
from convolve.compiler.lower.pool import MOST_STEP, PADDING
from convolve.compiler.plan import Inner, PoolCode
from convolve.compiler.problem import pieces, three
from convolve.dtypes import Array, DType, float_dtype, sum_dtype
from convolve.runtime import threads
from convolve.runtime.execution import Template, address_of
from convolve.runtime.host import host_target
from convolve.runtime.job import Job
from convolve.runtime.machine_code import Alone, pool_code

ITEM_TAPS = 1 << 16
"""Cells, each counted once per window that holds it, of one item of work: some 10 µs."""

TAP_NANOSECONDS = 0.15
"""Time to take one cell into a vector of maxima; alone it takes `SINGLE` times as long."""

SIDE = 16
"""Lanes of the widest vector: planes of an item are a multiple of them, so that only the last are fewer, and
whole planes of fewer cells are pooled as others are."""

SINGLE = 6


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides on an execution.

    Attributes
    ----------
    shape
        Images, and channels of each.
    axes
        Three of them.
    divisor
        For "mean": what every sum is divided by, or None for the number of its cells.
    include_padding
        For "mean": whether cells of the padding count.
    """

    code: PoolCode
    shape: tuple[int, int]
    axes: tuple[Axis, Axis, Axis]
    divisor: int | None = None
    include_padding: bool = False


WIDER = {"bool": "uint8", "float16": "float32", "bfloat16": "float32"}
"""In which dtype the largest of numbers is found that nothing is computed in."""


def code_of(
    kind: str, dtype: DType, axes: tuple[Axis, ...], order: Inner, places: bool = False, planes: bool = False
) -> PoolCode:
    """Return what the routine of a pooling is specialised to."""
    a, b, c = (_is_clipped(axis) for axis in axes)
    mean = float_dtype(dtype)
    largest = kind == "max"
    return PoolCode(
        "max" if largest else "mean",
        dtype.name,
        WIDER.get(dtype.name, dtype.name) if largest else sum_dtype(mean).name,
        dtype.name if largest else mean.name,
        three(tuple(axis.taps for axis in axes)),
        three(tuple(axis.stride for axis in axes)),
        three(tuple(axis.dilation for axis in axes)),
        (a, b, c),
        order,
        places,
        planes,
    )


def _is_clipped(axis: Axis) -> bool:
    """Whether a window reaches outside the image."""
    return axis.before > 0 or (axis.outputs - 1) * axis.stride + axis.extent > axis.size


@functools.lru_cache(maxsize=256)
def execution(asked: Question) -> "Execution":
    """Return the execution of a question; the last ones are kept."""
    return Execution(asked, pool_code(asked.code, host_target()))


class Execution:
    """A pooling with everything about its sizes worked out."""

    def __init__(self, asked: Question, machine: Alone) -> None:
        self.code, self._machine = asked.code, machine
        values = parameters(asked)
        items = asked.shape[0] * pieces(asked.shape[1], values["BC"])
        if not asked.code.planes:
            items *= values["OZ"] * pieces(values["OY"], values["BY"])
        self._tables = tables(asked)
        pointers = {name: table.ctypes.data for name, table in self._tables.items()}
        self._template = Template(machine.routine, values, pointers)
        self.rest = (machine.run, items, self._template.scratch_bytes, _nanoseconds(asked))

    def bound(self, *arrays: Array) -> "Bound":
        """Return the pooling of arrays with these strides: image, result and, if wanted, places."""
        block, layout = self._template.block(), self._template.layout
        names = ("input", "output", "places")[: len(arrays)]
        for name, array in zip(names, arrays, strict=True):
            first, strides = layout.strides[name], _strides(array, self.code, name)
            block[first : first + len(strides)] = strides
        return Bound(self, bytes(block), tuple(layout.pointers[name] for name in names))


class Bound:
    """A pooling of which only the arrays' addresses are missing."""

    def __init__(self, execution: Execution, words: bytes, places: tuple[int, ...]) -> None:
        self._kept, self._words, self._places = execution, words, places
        self._kind = ctypes.c_int64 * (len(words) // 8)
        self._rest = execution.rest

    def job(self) -> Job:
        """Return this pooling as one job of many, its arrays' addresses still open."""
        places = dict(zip(("input", "output", "places"), self._places, strict=False))
        return Job(self._rest[0], self._kind.from_buffer_copy(self._words), *self._rest[1:], places, self)

    def __call__(self, *arrays: Array) -> None:
        """Pool arrays, whose first numbers are those of the arrays that were bound."""
        block = self._kind.from_buffer_copy(self._words)
        for place, array in zip(self._places, arrays, strict=True):
            block[place] = address_of(array)
        routine, items, scratch, cost = self._rest
        threads.run(routine, ctypes.addressof(block), items, scratch, cost)


def _strides(array: Array, code: PoolCode, name: str) -> tuple[int, ...]:
    """Return the strides of (batch, channels, *spatial) as the routine wants them."""
    batch, channel, *spatial = array.strides
    if code.planes:
        return (batch, channel, array.itemsize) if name == "input" else (batch, channel)
    depth, height, width = three(tuple(spatial), 0)
    if code.order == "channel":
        return batch, depth, height, width, channel
    return batch, channel, depth, height, width


def parameters(asked: Question) -> dict[str, int]:
    """Return the values of a routine's parameters."""
    images, channels = asked.shape
    if asked.code.planes:
        taps = math.prod(asked.code.taps)
        return {"N": images, "C": channels, "BC": pieces(max(1, ITEM_TAPS // taps), SIDE) * SIDE}
    values = {"N": images, "C": channels, "CELLS": math.prod(axis.size for axis in asked.axes)}
    values |= dict(zip("ZYX", (axis.size for axis in asked.axes), strict=True))
    values |= dict(zip(("OZ", "OY", "OX"), (axis.outputs for axis in asked.axes), strict=True))
    values |= dict(zip(PADDING, (axis.before for axis in asked.axes), strict=True))
    row = asked.axes[2].outputs * math.prod(asked.code.taps)
    if asked.code.order == "channel":
        return values | {"BC": channels, "BY": max(1, ITEM_TAPS // (row * channels))}
    rows = max(1, ITEM_TAPS // row)
    return values | {"BY": min(rows, values["OY"]), "BC": max(1, rows // values["OY"])}


def _nanoseconds(asked: Question) -> float:
    """Return about how long a pooling takes on one thread."""
    outputs = math.prod(asked.shape) * math.prod(axis.outputs for axis in asked.axes)
    alone = asked.code.order == "none" or (asked.code.order == "x" and asked.code.stride[2] > MOST_STEP)
    item = ITEM_BYTES[asked.code.sums]
    return outputs * math.prod(asked.code.taps) * TAP_NANOSECONDS * (SINGLE if alone else item / 4)


def tables(asked: Question) -> dict[str, Array]:
    """Return what a routine reads beside the image."""
    dtype = np.dtype(asked.code.sums)
    if asked.code.kind == "max":
        lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
        tables = {"start": np.array([lowest], dtype)}
        if asked.code.places:
            depth, height, width = asked.axes
            tables["plane_place"] = np.arange(depth.size) * (height.size * width.size)
            tables["row_place"] = np.arange(height.size) * width.size
        return tables
    depths, heights, widths = (_counts(axis, asked) for axis in asked.axes)
    rows = np.outer(depths, heights)
    if asked.divisor is not None:
        rows[...] = asked.divisor
    if asked.code.planes:
        divisor = (rows * widths).ravel().astype(dtype)
        return {"start": np.zeros(1, dtype), "divisor": divisor}
    return {"start": np.zeros(1, dtype), "rows": rows.astype(dtype), "columns": widths.astype(dtype)}


def _counts(axis: Axis, asked: Question) -> Array:
    """Return by how many cells of a dimension each output's sum is divided."""
    if asked.divisor is not None:
        return np.ones(axis.outputs)
    low, high = (-axis.before, axis.size + axis.after) if asked.include_padding else (0, axis.size)
    counts = np.zeros(axis.outputs)
    for tap in range(axis.taps):
        positions = np.arange(axis.outputs) * axis.stride + (tap * axis.dilation - axis.before)
        counts += (positions >= low) & (positions < high)
    return counts
