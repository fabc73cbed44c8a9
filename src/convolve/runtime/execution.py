"""One compiled convolution of given sizes: its block of arguments, made once and filled in by every call.

An `Execution` may be used by many threads at once: each call borrows a `Workspace` of its own.
"""

import ctypes
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from convolve.axis import OUTSIDE, Axis, source_cells
from convolve.compiler.layout import ITEM_BYTES, ArgumentLayout, argument_layout
from convolve.compiler.loopnest import Signature
from convolve.compiler.lower.pack import reads_runs
from convolve.compiler.lower.words import MOVED, signed_word
from convolve.compiler.passes import packed_axis, row_reach, strip_columns, strip_tile
from convolve.compiler.pipeline import AT_ONCE_WORDS
from convolve.compiler.plan import Code, Inner, Plan
from convolve.compiler.problem import Sizes, panel_channels, pieces, three
from convolve.compiler.target import Target
from convolve.compiler.winograd_costs import winograd_parameters
from convolve.dtypes import Array, DType
from convolve.errors import VerificationError
from convolve.runtime import threads
from convolve.runtime.job import Job
from convolve.runtime.locks import fork_safe_lock
from convolve.runtime.machine_code import Machine

Strides = tuple[int, ...]

SCRATCH = AT_ONCE_WORDS.index("scratch")

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""

CYCLES_PER_NANOSECOND = 3.0
"""To turn the cost model's cycles into time, where only the order of magnitude matters: whether a job is
worth handing to other threads."""


PACK_NANOSECONDS = 0.5
"""Time to pack one weight; 2.4 million of 512 × 512 × 3 × 3 take 2.6 ms, a few thousand 0.3 ns each
(2026-11-23, AMD Zen 3)."""

MOST_FREE = 4
"""Workspaces that an execution keeps for the next calls: more callers at once are rare."""

LARGE_BYTES = 256 << 10
MOST_LARGE_BYTES = 128 << 20
"""Workspaces with more packed weights than the first are kept together, up to the second: all executions that
are remembered must not hold on to the weights of a whole network each."""


class Execution:
    """A routine with everything about one call's sizes worked out.

    Parameters
    ----------
    sizes, plan, machine, target
        What is computed and how, and its machine code.
    axes
        Three of them: depth, height and width.
    fill
        What the border holds where it is a constant.
    """

    def __init__(
        self,
        sizes: Sizes,
        plan: Plan,
        machine: Machine,
        target: Target,
        axes: Sequence[Axis],
        fill: int | float,
        interleaved: int = 1,
    ) -> None:
        channels = sizes.channels
        sizes = sizes.for_method(plan.code.method)
        self.sizes, self.plan, self.machine = sizes, plan, machine
        self.dtype = np.dtype(plan.code.dtype)
        self.panels = pieces(sizes.filters, panel_channels(plan.code, target))
        self.width = panel_channels(plan.code, target)
        self.nanoseconds = plan.cycles / CYCLES_PER_NANOSECOND
        padding = [axis.before for axis in axes[:2]] + [axes[2].before * interleaved]
        values = _parameters(sizes, plan, target, padding, self.panels) | {"CB": channels}
        self._channels = channels if plan.code.together > 1 else sizes.channels
        self.items = _items(sizes, plan, self.panels)
        self.tables = [cell_table(axes[0], 1), cell_table(axes[1], 1), cell_table(axes[2], interleaved)]
        self.table_bytes = sum(table.nbytes for table in self.tables)
        self.border = border(plan.code, fill)
        pointers = {
            "z_map": self.tables[0].ctypes.data,
            "y_map": self.tables[1].ctypes.data,
            "x_map": self.tables[2].ctypes.data,
            "border": self.border.ctypes.data,
        }
        self.routine = Template(machine.routine, values, pointers)
        self.packed_shape = tuple(one.value(values) for one in machine.routine.buffer("weights").extents)
        self.sets = sizes.groups * plan.code.spread
        packing = {name: values[name] for name in ("C", "CB", "K", "KP")} | {"G": self.sets}
        if plan.code.method == "separable":  # its factors stand where other filters have their channels
            packing["C"] = sizes.terms
        self.packing = Template(machine.packing, packing, {})
        self.check_lanes = machine.packing.buffer("checks").extents[-1].constant
        weights = math.prod(self.packed_shape)
        self.is_small = self.nanoseconds + weights * PACK_NANOSECONDS < threads.HOLDING_BELOW_NS
        self.needs_finite_weights = fill == 0 and any(
            axis.boundary == "constant" and (axis.before or axis.after) for axis in axes
        )
        self._free: list[Workspace] = []
        self.packed_bytes = math.prod(self.packed_shape) * self.dtype.itemsize
        self._is_large = self.packed_bytes > LARGE_BYTES

    def source(self, weight: Array) -> Array:
        """Return weights of (groups, filters, channels, *taps) as the packing reads them: maybe a copy."""
        if self.plan.code.method == "depthwise":
            return weight.reshape(1, -1, *weight.shape[2:])
        if not reads_runs(self.plan.code):
            return weight
        runs = weight.reshape(*weight.shape[:2], -1)
        return runs if runs.strides[-1] == runs.itemsize else np.ascontiguousarray(runs)

    def strides(self, image: Array, out: Array) -> tuple[Strides, Strides]:
        """Return the strides of (batch, channels, *spatial) arrays as the routine wants them."""
        code = self.plan.code
        return (
            six_strides(image.strides, self._channels, code.reads),
            six_strides(out.strides, self.sizes.filters, code.writes),
        )

    def borrow(self) -> "Workspace":
        """Return a workspace that nobody else uses until it is given back."""
        if self._free:
            return self._free.pop()
        return (_large.take(self) if self._is_large else None) or Workspace(self, Packed(self))

    def give_back(self, workspace: "Workspace") -> None:
        """Keep a workspace for the next call."""
        if self._is_large:
            _large.keep(self, workspace)
        elif len(self._free) < MOST_FREE:
            self._free.append(workspace)


class Packed:
    """Weights and bias in the order in which a routine reads them."""

    def __init__(self, execution: Execution) -> None:
        self._machine, sizes = execution.machine, execution.sizes
        self._groups, self._filters = sizes.groups, sizes.filters
        self.items = execution.sets * execution.panels
        self.weights = aligned(execution.packed_shape, execution.dtype)
        self.bias = np.zeros((execution.sets, execution.panels * execution.width), execution.dtype)
        self._checks = np.zeros((execution.sets, execution.panels, execution.check_lanes), execution.dtype)
        self.offsets = np.zeros(self.bias.shape, execution.dtype)
        self._check_bytes = self._checks.data.cast("B")  # asking NumPy would take 3 µs
        self._all_finite = bytes(self._checks.nbytes)
        template = execution.packing
        self._block = template.block()
        self.address = ctypes.addressof(self._block)
        self.scratch_bytes = template.scratch_bytes
        at = template.layout.pointers
        self._block[at["weights"]] = self.weights.ctypes.data
        self._block[at["checks"]] = self._checks.ctypes.data
        if "offsets" in at:
            self._block[at["offsets"]] = self.offsets.ctypes.data
        self._source, self._first_stride = at["source"], template.layout.strides["source"]
        self._strides: Strides | None = None
        self._has_bias = False
        self.nanoseconds = self.weights.size * PACK_NANOSECONDS

    def fill(self, source: int, strides: Strides, bias: Array | None) -> None:
        """Pack weights as `Execution.source` returns them."""
        self.prepare(source, strides, bias)
        threads.run(self._machine.pack, self.address, self.items, self.scratch_bytes, self.nanoseconds)

    def prepare(self, source: int, strides: Strides, bias: Array | None) -> None:
        """Say which weights are to be packed, and lay down the bias."""
        if strides != self._strides:
            self._block[self._first_stride : self._first_stride + len(strides)] = strides
            self._strides = strides
        self._block[self._source] = source
        if bias is not None:
            each = self.bias.reshape(self._groups, -1, self.bias.shape[1])
            each[:, :, : self._filters] = bias.reshape(self._groups, 1, -1)
            self._has_bias = True
        elif self._has_bias:  # left by the call before
            self.bias[...] = 0
            self._has_bias = False

    @property
    def finite(self) -> bool:
        """Whether no weight is infinite or NaN: their checks are all 0 then, and one is NaN otherwise."""
        return self._check_bytes.tobytes() == self._all_finite


class Workspace:
    """A block of arguments and packed weights: what one call at a time may write to."""

    def __init__(self, execution: Execution, packed: Packed) -> None:
        self.packed = packed
        self._execution = execution
        template = execution.routine
        self._block = template.block()
        self._address = ctypes.addressof(self._block)
        at = template.layout.pointers
        self._block[at["weights"]] = packed.weights.ctypes.data
        self._block[at["bias"]] = packed.bias.ctypes.data
        self._input, self._output = at["input"], at["output"]
        self._alarm = ctypes.c_float()
        if "offsets" in at:
            self._block[at["offsets"]] = packed.offsets.ctypes.data
        if "alarm" in at:
            self._block[at["alarm"]] = ctypes.addressof(self._alarm)
        places = template.layout.strides
        self._input_stride, self._output_stride = places["input"], places["output"]
        self._strides: tuple[Strides, Strides] | None = None
        self._rest = (execution.items, template.scratch_bytes, execution.nanoseconds)
        words = (packed.address, packed.items, self._address, execution.items, 0)
        self._call = (ctypes.c_int64 * len(words))(*words)
        self._call_address = ctypes.addressof(self._call)
        self._at_once = threads.holding(execution.machine.at_once)

    def run(self, image: int, out: int, strides: tuple[Strides, Strides]) -> bool:
        """Convolve what begins at these addresses.

        False if it must be done by the direct method instead: a transformed number was not finite.
        """
        self._prepare(image, out, strides)
        threads.run(self._execution.machine.convolve, self._address, *self._rest)
        return not self._alarm.value

    def pack_and_run(
        self,
        image: int,
        out: int,
        strides: tuple[Strides, Strides],
        weight: tuple[int, Strides],
        bias: Array | None,
    ) -> bool:
        """Pack weights and convolve with them, in one call, as `run` does; for small work."""
        self._prepare(image, out, strides)
        packed = self.packed
        packed.prepare(*weight, bias)
        kept, self._call[SCRATCH] = threads.own_scratch(max(self._rest[1], packed.scratch_bytes))
        self._at_once(self._call_address)
        del kept  # it was held so long: a signal handler may replace the thread's own by a larger one
        return not self._alarm.value

    def job(self, strides: tuple[Strides, Strides], added: Strides | None) -> Job:
        """Return this call as one job of many, its arrays' addresses still open: input, output and added."""
        self._prepare(0, 0, strides)
        layout = self._execution.routine.layout
        names = ["input", "output"]
        if added is not None:
            first = layout.strides["added"]
            self._block[first : first + len(added)] = added
            names.append("added")
        places = {name: layout.pointers[name] for name in names}
        return Job(self._execution.machine.convolve, self._block, *self._rest, places, self, self._alarm)

    def _prepare(self, image: int, out: int, strides: tuple[Strides, Strides]) -> None:
        """Fill in what differs from call to call."""
        block = self._block
        if strides != self._strides:
            block[self._input_stride : self._input_stride + 6] = strides[0]
            block[self._output_stride : self._output_stride + 6] = strides[1]
            self._strides = strides
        block[self._input] = image
        block[self._output] = out
        self._alarm.value = 0.0


class _Large:
    """Large workspaces of all executions, those of the execution used longest ago dropped first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Execution, list[Workspace]] = OrderedDict()
        self._bytes = 0
        self._lock = fork_safe_lock()

    def take(self, execution: Execution) -> Workspace | None:
        """Return a workspace of an execution, if one is kept."""
        with self._lock:
            return self._pop(execution) if execution in self._kept else None

    def keep(self, execution: Execution, workspace: Workspace) -> None:
        """Keep a workspace, and drop the oldest ones while there are too many bytes."""
        with self._lock:
            self._kept.setdefault(execution, []).append(workspace)
            self._kept.move_to_end(execution)
            self._bytes += execution.packed_bytes
            while self._bytes > MOST_LARGE_BYTES:
                self._pop(next(iter(self._kept)))

    def _pop(self, execution: Execution) -> Workspace:
        """Return a workspace that is kept, and keep it no longer."""
        free = self._kept[execution]
        workspace = free.pop()
        self._bytes -= execution.packed_bytes
        if not free:
            del self._kept[execution]
        return workspace


_large = _Large()


class Template:
    """A routine's block of arguments with all that is the same in every call."""

    def __init__(self, routine: Signature, values: dict[str, int], pointers: dict[str, int]) -> None:
        check_domain(routine, values)
        self.layout: ArgumentLayout = argument_layout(routine)
        self._kind = ctypes.c_int64 * self.layout.words
        words = [0] * self.layout.words
        self.scratch_bytes = 0
        for buffer in routine.buffers:
            extents = [extent.value(values) for extent in buffer.extents]
            first = self.layout.strides[buffer.name]
            words[first : first + len(extents)] = dense_strides(extents, ITEM_BYTES[buffer.dtype])
            if buffer.role == "scratch":
                words[self.layout.pointers[buffer.name]] = self.scratch_bytes
                size = math.prod(extents) * ITEM_BYTES[buffer.dtype]
                self.scratch_bytes += pieces(size, ALIGNMENT) * ALIGNMENT
        for name, place in self.layout.parameters.items():
            words[place] = values[name]
        for name, pointer in pointers.items():
            words[self.layout.pointers[name]] = pointer
        self._words = bytes(self._kind(*words))

    def block(self) -> Any:
        """Return a new block of arguments."""
        return self._kind.from_buffer_copy(self._words)


def _parameters(
    sizes: Sizes, plan: Plan, target: Target, padding: Sequence[int], panels: int
) -> dict[str, int]:
    """Return the values of a routine's parameters."""
    names = ("N", "G", "C", "K", "Z", "Y", "X", "OZ", "OY", "OX", "BZ", "BY", "BX", "BC")
    numbers = (sizes.batch, sizes.groups, sizes.channels, sizes.filters, *sizes.input, *sizes.output)
    values = dict(zip(names, (*numbers, *plan.block, plan.channels_at_once), strict=True))
    kept = 1 if plan.channels_at_once >= sizes.channels else plan.panels_at_once
    values |= dict(zip(("front", "above", "before"), padding, strict=True))
    tiles = pieces(plan.block[1] * plan.block[2], plan.code.tile[0])
    values |= {"KP": panels, "BK": plan.panels_at_once, "BS": kept, "PT": tiles}
    values |= {"Q": sizes.terms}
    if plan.code.method == "separable":
        return values | _pass_rooms(plan, target)
    if plan.code.method == "winograd":
        return values | winograd_parameters(sizes, plan.code, plan.block)
    return values | {"XS": packed_row(plan, target)}


def _items(sizes: Sizes, plan: Plan, panels: int) -> int:
    """Return how many items of work there are."""
    blocks = math.prod(pieces(size, step) for size, step in zip(sizes.output, plan.block, strict=True))
    return sizes.batch * sizes.groups * blocks * pieces(panels, plan.panels_at_once)


def packed_row(plan: Plan, target: Target) -> int:
    """Return the columns that a packed row has room for."""
    code = plan.code
    width = 1 if code.direct else plan.block[2]
    room = (width - 1) * code.packed_stride[2] + code.extent[2]
    if code.method in ("stencil", "gradient_stencil"):
        furthest = (code.taps[2] - 1) * code.dilation[2] // code.packed_stride[2]
        room = width + code.tile[2] * target.lanes(ITEM_BYTES[code.dtype]) - 1 + furthest
    rows = code.cells((*plan.block[:2], 1)) // code.extent[2] * code.phases
    return _spread(room, rows, ITEM_BYTES[code.dtype])


def _pass_rooms(plan: Plan, target: Target) -> dict[str, int]:
    """Return the columns of a separable filter's strips, and the room of the rows between its passes."""
    code, block, item = plan.code, plan.block, ITEM_BYTES[plan.code.dtype]
    strip = strip_columns(code, block, target)
    tile = strip_tile(code, packed_axis(code), target)[1] * target.lanes(item)
    row = block[2] + code.extent[2] - 1 + row_reach(code, target)
    return {"CW": strip, "CS": _spread(strip + tile - 1, 1, item), "XS": _spread(row, 1, item)}


def _spread(room: int, rows: int, item: int) -> int:
    """Return the least width from ``room`` on with which rows, and planes of so many, spread over a cache.

    Lines that lie a multiple of 4 KiB apart share a set of 8 in the first-level cache. Packed rows of 4096
    bytes made a 15 × 15 filter three times as slow as rows of 4160 (2026-11-23, AMD Zen 3). Where there are
    128 rows no width is good for planes.
    """
    wider = range(room, room + 1024 // item, 4)
    good = [width for width in wider if 64 <= width * item % 1024 <= 960]
    planes = (width for width in good if 128 <= width * item * rows % 4096 <= 3968)
    return next(planes, good[0])


def border(code: Code, fill: int | float) -> Array:
    """Return what packed cells hold where the border is a constant."""
    number = np.array([fill])
    if code.method == "dot":
        byte = int(fill) + MOVED * code.moves_cells
        number = np.array([signed_word(byte % 256)])
    return number.astype(code.dtype)


def cell_table(axis: Axis, interleaved: int) -> Array:
    """Return the input cell of each padded cell that some output reads, for channels that lie together."""
    count = (axis.outputs - 1) * axis.stride + axis.extent
    cells = source_cells(np.arange(count) - axis.before, axis.size, axis.boundary)
    if interleaved > 1:
        each = cells[:, None] * interleaved + np.arange(interleaved)
        cells = np.where(cells[:, None] == OUTSIDE, OUTSIDE, each).ravel()
    return np.ascontiguousarray(cells)


def check_domain(routine: Signature, values: dict[str, int]) -> None:
    """Refuse sizes outside the domain that the routine was verified for."""
    for fact in routine.facts:
        if fact.value(values) < 0:
            raise VerificationError(
                f"{routine.name}: {fact} must not be negative, but is {fact.value(values)} for {values}: a "
                "defect of convolve, please report it; algorithm='reference' does without compiled code"
            )


def dense_strides(extents: Sequence[int], item: int) -> list[int]:
    """Return the strides in bytes of an array without gaps.

    >>> dense_strides([2, 3, 4], 8)
    [96, 32, 8]
    """
    strides = [item]
    for extent in reversed(extents[1:]):
        strides.insert(0, strides[0] * extent)
    return strides


def aligned(shape: tuple[int, ...], dtype: DType) -> Array:
    """Return an array that begins at a cache line."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


DATA_POINTER = 2 * ctypes.sizeof(ctypes.c_void_p)
"""Where a NumPy array keeps the address of its data: behind the reference count and the type
(``PyArrayObject``, unchanged since NumPy 1.0)."""


def _address_in_object(array: Array) -> int:
    """Return where an array's first number is, read from the array object itself: 0.2 µs instead of 1.2."""
    return ctypes.c_size_t.from_address(id(array) + DATA_POINTER).value


def _address_asked(array: Array) -> int:
    """Return where an array's first number is, by NumPy's own word."""
    address: int = array.ctypes.data
    return address


_PROBE = np.arange(7.0)[2:]
address_of = _address_in_object if _address_in_object(_PROBE) == _address_asked(_PROBE) else _address_asked
"""The quick way, if it is seen to give what NumPy says."""


def six_strides(strides: Strides, channels: int, inner: Inner) -> Strides:
    """Return a (batch, channels, *spatial) view's strides as a routine wants them."""
    batch, channel, *spatial = strides
    z, y, x = three(tuple(spatial), 0)
    group = channel * channels
    return (batch, group, z, y, x, channel) if inner == "channel" else (batch, group, channel, z, y, x)
