"""Gradients with respect to the weight, compiled: from a spec and its arrays to the call of a routine.

The images of a batch are seen as planes of one deep image if there are no planes yet, so that a block of
pixels may hold several small ones.
"""

import ctypes
import functools
from dataclasses import replace

import numpy as np

from convolve.axis import Axis
from convolve.compiler.gradient_planner import gradient_plan
from convolve.compiler.lower.gradient import TAP_TABLES
from convolve.compiler.plan import Arithmetic, Code, Inner, Plan
from convolve.compiler.problem import Sizes, panel_channels, pieces
from convolve.compiler.target import Target
from convolve.dtypes import Array
from convolve.runtime import engine, threads
from convolve.runtime.engine import Question, View
from convolve.runtime.execution import (
    CYCLES_PER_NANOSECOND,
    Strides,
    Template,
    address_of,
    aligned,
    cell_table,
    packed_row,
    six_strides,
)
from convolve.runtime.host import host_target
from convolve.runtime.machine_code import Alone, gradient_code
from convolve.spec import ConvSpec


def question(spec: ConvSpec, view: View, arithmetic: Arithmetic | None = None) -> Question:
    """Return the question that a spec and its arrays' layout pose."""
    asked = engine.question(spec, view, arithmetic=arithmetic)
    if spec.dims == 3:
        return asked
    planes, sizes = asked.sizes.batch, asked.sizes
    deep = replace(sizes, batch=1, input=(planes, *sizes.input[1:]), output=(planes, *sizes.output[1:]))
    return replace(asked, sizes=deep, axes=(Axis(planes, planes, 1), *asked.axes[1:]))


def plan_of(asked: Question, target: Target) -> Plan:
    """Return the plan of a question."""
    return gradient_plan(asked.sizes, asked.geometry, target, asked.threads)


class WeightGradient:
    """A gradient with respect to the weight of arrays of given sizes and strides.

    The gradient with respect to the output has the dtype of the sums, and so has the result.
    """

    def __init__(self, spec: ConvSpec, image: Array, gradient: Array, arithmetic: Arithmetic) -> None:
        self._spec = spec
        self._view = engine.view_of(spec, image, gradient)
        self._ready = ready_for(question(spec, self._view, arithmetic))
        self.table_bytes = sum(table.nbytes for table in self._ready.constants.values())

    def run(self, image: Array, gradient: Array, out: Array) -> bool:
        """Write the gradient of canonical arrays; False if their values forbid this way."""
        spec, ready = self._spec, self._ready
        plain = out.flags.c_contiguous and ready.parts == 1 and not spec.flip
        sums = out[None] if plain else aligned((ready.parts, *spec.weight_shape), out.dtype)
        ready.run(engine.seen(self._view, image), engine.seen(self._view, gradient), sums, spec.dims == 3)
        if ready.may_mix and np.isnan(_total(sums)) and not _all_finite(image, gradient):
            return False
        if not plain:
            total = _added(sums)
            out[...] = np.flip(total, axis=tuple(range(2, out.ndim))) if spec.flip else total
        return True


def _total(sums: Array) -> float:
    with np.errstate(all="ignore"):
        return float(sums.sum())


def _all_finite(*arrays: Array) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)


def _added(parts: Array) -> Array:
    """Return the sum of all parts, one after the other."""
    total: Array = parts[0]
    for part in parts[1:]:
        total += part
    return total


class GradientExecution:
    """A routine with everything about one call's sizes worked out.

    Attributes
    ----------
    parts
        How many sums over a part of the pixels it writes, to be added up.
    constants, values
        The buffers that are the same in every call, and the parameters.
    may_mix
        Whether numbers that do not belong together are multiplied, one of them always zero: a border with an
        output gradient, or what fills up a row with a cell. They must be finite.
    """

    def __init__(self, asked: Question, plan: Plan, machine: Alone, target: Target) -> None:
        sizes, axes = asked.sizes, asked.axes
        self.plan, self.parts = plan, plan.parts
        self._sizes, self._machine = sizes, machine
        maps = dict(zip(("z_map", "y_map", "x_map"), (cell_table(axis, 1) for axis in axes), strict=True))
        border = {"border": np.array([asked.fill]).astype(plan.code.dtype)}
        self.constants = border | maps | _ranges(sizes, plan) | _taps(plan.code)
        pointers = {name: table.ctypes.data for name, table in self.constants.items()}
        panels = pieces(sizes.filters, panel_channels(plan.code, target))
        self.values = _parameters(asked, plan, target, panels)
        self._template = Template(machine.routine, self.values, pointers)
        channels = pieces(sizes.channels, plan.channels_at_once)
        self.items = sizes.groups * channels * pieces(panels, plan.panels_at_once) * plan.parts
        padded = any(axis.before or axis.after for axis in axes)
        zeros = padded and asked.fill == 0 and all(axis.boundary == "constant" for axis in axes[1:])
        self.may_mix = zeros or plan.code.method == "gradient_stencil"
        self._nanoseconds = plan.cycles / CYCLES_PER_NANOSECOND

    def run(self, image: Array, gradient: Array, sums: Array, has_planes: bool) -> None:
        """Write the sums of all parts, an array of (parts, filters, channels, *taps) without gaps."""
        code, block = self.plan.code, self._template.block()
        layout = self._template.layout
        for name, array, channels, inner in (
            ("input", image, self._sizes.channels, code.reads),
            ("gradient", gradient, self._sizes.filters, code.writes),
        ):
            first = layout.strides[name]
            block[first : first + 6] = _strides(array.strides, channels, inner, has_planes)
            block[layout.pointers[name]] = address_of(array)
        block[layout.pointers["output"]] = address_of(sums)
        threads.run(
            self._machine.run,
            ctypes.addressof(block),
            self.items,
            self._template.scratch_bytes,
            self._nanoseconds,
        )


def ready_for(asked: Question) -> GradientExecution:
    """Return the execution of a question, one of those kept if it was asked before."""
    return _execution_of_long_lines(asked) if engine.has_long_lines(asked) else execution(asked)


@functools.lru_cache(maxsize=256)
def execution(asked: Question) -> GradientExecution:
    """Return the execution of a question; the last ones are kept, see `ready_for` for long tables."""
    target = host_target()
    plan = plan_of(asked, target)
    return GradientExecution(asked, plan, gradient_code(plan.code, target), target)


_execution_of_long_lines = functools.lru_cache(maxsize=engine.FEW)(execution.__wrapped__)


def _strides(strides: Strides, channels: int, inner: Inner, has_planes: bool) -> Strides:
    """Return a (batch, channels, *spatial) view's strides as the routine wants them."""
    batch, group, *rest = six_strides(strides, channels, inner)
    if has_planes:
        return (batch, group, *rest)
    rest[0 if inner == "channel" else 1] = batch  # images are planes
    return (0, group, *rest)


def _ranges(sizes: Sizes, plan: Plan) -> dict[str, Array]:
    """Return the tables of the parts: where each begins and ends in every dimension."""
    whole = {"n": sizes.batch, "z": sizes.output[0], "y": sizes.output[1], "x": sizes.output[2]}
    blocks = [pieces(size, step) for size, step in zip(sizes.output, plan.block, strict=True)]
    cut = "zyx"[blocks.index(max(blocks))]
    tables = {f"{name}_part": np.tile(np.array([0, size]), plan.parts) for name, size in whole.items()}
    step, count = plan.block["zyx".index(cut)], max(blocks)
    ends = np.arange(plan.parts + 1) * count // plan.parts * step
    each = np.stack([ends[:-1], np.minimum(ends[1:], whole[cut])], axis=1)
    return tables | {f"{cut}_part": np.ascontiguousarray(each.ravel())}


def _taps(code: Code) -> dict[str, Array]:
    """Return the tables of the taps: where the cell that each meets first is in a block's packed cells."""
    places = np.indices(code.taps).reshape(3, -1) * np.array(code.dilation)[:, None]
    plane, row, cell = places
    values = (plane, row, cell % code.phases, cell // code.phases)
    return {f"tap_{name}": np.ascontiguousarray(one) for name, one in zip(TAP_TABLES, values, strict=True)}


def _parameters(asked: Question, plan: Plan, target: Target, panels: int) -> dict[str, int]:
    """Return the values of a routine's parameters."""
    sizes = asked.sizes
    names = ("N", "G", "C", "K", "Z", "Y", "X", "OZ", "OY", "OX", "BZ", "BY", "BX", "BC")
    numbers = (sizes.batch, sizes.groups, sizes.channels, sizes.filters, *sizes.input, *sizes.output)
    values = dict(zip(names, (*numbers, *plan.block, plan.channels_at_once), strict=True))
    padding = (axis.before for axis in asked.axes)
    values |= dict(zip(("front", "above", "before"), padding, strict=True))
    return values | {
        "KP": panels, "BK": plan.panels_at_once, "S": plan.parts, "XS": packed_row(plan, target)
    }  # fmt: skip
