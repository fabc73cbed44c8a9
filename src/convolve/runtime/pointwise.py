"""Passes over numbers by compiled code: arrays of any strides, seen with as few dimensions as they have."""

import functools
import math
from collections.abc import Sequence
from typing import Literal

from convolve.compiler.expressions import Expression
from convolve.compiler.lower.pointwise import FEW_STEPS, SIZES
from convolve.compiler.plan import PointCode
from convolve.compiler.problem import pieces
from convolve.dtypes import Array
from convolve.runtime.execution import Template
from convolve.runtime.host import host_target
from convolve.runtime.job import Job
from convolve.runtime.machine_code import Alone, point_code

NUMBER_NANOSECONDS = 0.085
STEP_NANOSECONDS = 0.02
"""How long a number takes that is read, changed a little and written, and how much more for each step of a
longer expression, one thread: 64 × 112 × 112 numbers take 68 µs by ReLU and 334 by SiLU (2026-11-26, AMD
Zen 4). Only whether a pass is worth sharing depends on it."""
APART = 8.0
"""Numbers that are not neighbours take so many times as long, one by one."""

ITEM_NUMBERS = 8192
"""Numbers of one item of work: some µs."""

Dimension = tuple[int, tuple[int, ...]]
"""A size, and the strides of all arrays along it, in bytes."""


def joined(dimensions: Sequence[Dimension]) -> list[Dimension]:
    """Return the dimensions with neighbours joined where every array goes on evenly from one to the next.

    >>> joined([(2, (48, 0)), (3, (16, 0)), (4, (4, 4))])
    [(6, (16, 0)), (4, (4, 4))]
    """
    found: list[Dimension] = []
    for size, strides in dimensions:
        if size == 1:
            continue
        if found and all(outer == inner * size for outer, inner in zip(found[-1][1], strides, strict=True)):
            found[-1] = (found[-1][0] * size, strides)
        else:
            found.append((size, strides))
    return found


def point_job(expression: Expression, inputs: Sequence[Array], out: Array) -> Job | None:
    """Return a pass as a job, or None if the arrays have more than four dimensions that differ.

    Parameters
    ----------
    expression
        What is made of the numbers in one place.
    inputs
        float32 arrays that are broadcast to the output; only their strides matter.
    out
        Of float32; it must overlap no input.
    """
    arrays = [*inputs, out]
    item = out.itemsize
    strides = [(0,) * (out.ndim - one.ndim) + _strides(one) for one in inputs] + [out.strides]
    dimensions = joined([(size, tuple(one[axis] for one in strides)) for axis, size in enumerate(out.shape)])
    if len(dimensions) > 4:
        return None
    if not dimensions:
        dimensions = [(1, (item,) * len(arrays))]
    dimensions = [(1, (0,) * len(arrays))] * (4 - len(dimensions)) + dimensions
    *kinds, result = (_kind(step, item) for step in dimensions[-1][1])
    code = PointCode(expression, tuple(kinds), "x" if result == "x" else "apart")
    return _job(code, tuple(dimensions))


def _strides(array: Array) -> tuple[int, ...]:
    """Return the strides of an array, 0 where it is repeated."""
    return tuple(0 if size == 1 else step for size, step in zip(array.shape, array.strides, strict=True))


def _kind(step: int, item: int) -> Literal["x", "apart", "one"]:
    """Return how neighbours along a row lie."""
    return "one" if step == 0 else "x" if step == item else "apart"


def _job(code: PointCode, dimensions: tuple[Dimension, ...]) -> Job:
    machine = point_code(code, host_target())
    sizes = [size for size, _ in dimensions]
    columns = min(sizes[3], ITEM_NUMBERS)
    rows = max(1, ITEM_NUMBERS // columns)
    template = _template(code, (*sizes, rows, columns))
    block, layout = template.block(), template.layout
    names = [f"input{place}" for place in range(len(code.inputs))] + ["output"]
    for number, name in enumerate(names):
        first = layout.strides[name]
        block[first : first + 4] = [strides[number] for _, strides in dimensions]
    items = sizes[0] * sizes[1] * pieces(sizes[2], rows) * pieces(sizes[3], columns)
    places = {name: layout.pointers[name] for name in names}
    return Job(machine.run, block, items, 0, _nanoseconds(code, math.prod(sizes)), places, machine)


@functools.lru_cache(maxsize=256)
def _template(code: PointCode, values: tuple[int, ...]) -> Template:
    """Return the block of arguments of a pass over arrays of these sizes."""
    machine: Alone = point_code(code, host_target())
    return Template(machine.routine, dict(zip(SIZES, values, strict=True)), {})


def _nanoseconds(code: PointCode, numbers: int) -> float:
    steps = max(0, len(code.expression.steps) - FEW_STEPS)
    each = NUMBER_NANOSECONDS * max(1, len(code.inputs)) + STEP_NANOSECONDS * steps
    return numbers * each * (APART if "apart" in (*code.inputs, code.output) else 1.0)
