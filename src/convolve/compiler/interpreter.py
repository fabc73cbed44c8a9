"""Runs a loop nest in Python, number by number: slow, but for any target and without LLVM.

It is a second opinion on the loop language: tests compare it with the reference and with machine code. It
checks every index itself and trusts no proof.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convolve.compiler.affine import Affine
from convolve.compiler.expressions import Expression, Given, Result, Value
from convolve.compiler.loopnest import (
    Access,
    Block,
    Blocks,
    Body,
    Compute,
    Convert,
    Extremum,
    Join,
    Load,
    Lookup,
    Loop,
    Mark,
    Number,
    Prefetch,
    Quotient,
    Ramp,
    Repeat,
    Routine,
    Select,
    Share,
    Store,
    ToLine,
    Transpose,
    Walk,
    When,
)
from convolve.compiler.printer import show_access
from convolve.compiler.target import LINE_BYTES
from convolve.dtypes import DType, bfloat16

Array = NDArray[Any]


def interpret(
    routine: Routine,
    arrays: Mapping[str, Array],
    values: Mapping[str, int],
    begin: int = 0,
    end: int | None = None,
) -> None:
    """Run the items [begin, end) of a routine, or all of them.

    Parameters
    ----------
    arrays
        One per buffer, shaped as its extents, of any strides. Scratch buffers may be left out; they are
        then as `unwritten`, so that numbers which were never written show.
    values
        The parameters.

    Raises
    ------
    IndexError
        If an access leaves its buffer, or a table's value its range.
    ValueError
        If an array has not the shape or the dtype that its buffer declares.

    Examples
    --------
    >>> from convolve.compiler.builder import Pen
    >>> from convolve.compiler.loopnest import Buffer
    >>> width, pen = Affine.symbol("width"), Pen()
    >>> with pen.loop("x", 1, width) as x:
    ...     pen.store("line", [x], pen.number("one", 1.0, "float32", 1))
    >>> line = np.zeros(4, np.float32)
    >>> buffers = (Buffer("line", "float32", (width,), "output"),)
    >>> interpret(Routine("fill", ("width",), (width,), buffers, pen.body()), {"line": line}, {"width": 4})
    >>> line.tolist()
    [0.0, 1.0, 1.0, 1.0]
    """
    _Machine(routine, arrays, values, begin, end).body(routine.body)


def numpy_dtype(name: str) -> DType:
    """Return the dtype of this name."""
    return bfloat16() if name == "bfloat16" else np.dtype(name)


def unwritten(shape: tuple[int, ...], dtype: str) -> Array:
    """Return an array of NaN, or of integers that no test expects."""
    bits = np.full((*shape, numpy_dtype(dtype).itemsize), 0xFF if dtype.startswith(("float", "bf")) else 0xAB)
    return bits.astype(np.uint8).view(numpy_dtype(dtype))[..., 0]


class _Machine:
    def __init__(
        self,
        routine: Routine,
        arrays: Mapping[str, Array],
        values: Mapping[str, int],
        begin: int,
        end: int | None,
    ) -> None:
        self.routine = routine
        self.symbols = {name: int(values[name]) for name in routine.parameters}
        self.registers: dict[str, Array] = {}
        self.begin, self.end = begin, end
        self.arrays: dict[str, Array] = {}
        for buffer in routine.buffers:
            shape = tuple(self.value(extent) for extent in buffer.extents)
            given = arrays.get(buffer.name)
            if given is None and buffer.role == "scratch":
                given = unwritten(shape, buffer.dtype)
            if given is None or given.shape != shape or given.dtype != numpy_dtype(buffer.dtype):
                found = "nothing" if given is None else f"{given.dtype} {given.shape}"
                raise ValueError(f"{buffer.name} must be {buffer.dtype} {shape}, but is {found}")
            self.arrays[buffer.name] = given

    def value(self, index: Affine) -> int:
        """Return the value of an index."""
        return index.value(self.symbols)

    def body(self, body: Body) -> None:
        """Run statements."""
        for statement in body:
            RUNNERS[type(statement)](self, statement)

    # -- control -------------------------------------------------------------------------------------

    def share(self, share: Share) -> None:
        """Run items of the grid, the last dimension fastest."""
        for number, item in enumerate(product(*(list(self.pieces(block)) for block in share.blocks))):
            if number >= self.begin and (self.end is None or number < self.end):
                for block, (start, count) in zip(share.blocks, item, strict=True):
                    self.symbols |= {block.start: start, block.count: count}
                self.body(share.body)

    def blocks(self, blocks: Blocks) -> None:
        """Run blocks in order."""
        for start, count in self.pieces(blocks.block):
            self.symbols |= {blocks.block.start: start, blocks.block.count: count}
            self.body(blocks.body)

    def pieces(self, block: Block) -> Iterator[tuple[int, int]]:
        """Yield the start and the count of each block."""
        extent, step = self.value(block.extent), self.value(block.step)
        for start in range(0, extent, step):
            yield start, min(step, extent - start)

    def loop(self, loop: Loop) -> None:
        """Run whole steps; an overlapping last one is moved back."""
        start, stop = max(map(self.value, loop.starts)), min(map(self.value, loop.stops))
        last = stop - loop.step
        for var in range(start, stop if loop.overlap and last >= start else last + 1, loop.step):
            self.symbols[loop.var] = min(var, last)
            self.body(loop.body)

    def walk(self, walk: Walk) -> None:
        """Run over pixels, several at a time; the last one is repeated where there are fewer."""
        pixels = list(product(range(self.value(walk.rows)), range(self.value(walk.columns))))
        count = len(walk.pixels)
        for step, first in zip(range(self.value(walk.limit)), range(0, len(pixels), count), strict=False):
            self.symbols[walk.step] = step
            for i, names in enumerate(walk.pixels):
                place = pixels[min(first + i, len(pixels) - 1)]
                self.symbols |= dict(zip(names, place, strict=True))
            self.body(walk.body)

    def when(self, when: When) -> None:
        """Run one of two bodies."""
        self.body(when.body if self.value(when.condition) >= 0 else when.otherwise)

    # -- symbols -------------------------------------------------------------------------------------

    def quotient(self, let: Quotient) -> None:
        """Divide, rounding down."""
        self.symbols[let.var] = self.value(let.dividend) // let.divisor

    def lookup(self, let: Lookup) -> None:
        """Read a table."""
        access = Access(let.table, (let.index,))
        value = int(self.numbers(access)[0])
        low, high = map(self.value, self.routine.buffer(let.table).values or ())
        if not low <= value < high:
            raise IndexError(f"{show_access(access)} is {value}, which is not from {low} below {high}")
        self.symbols[let.var] = value

    def extremum(self, let: Extremum) -> None:
        """Choose the smallest or the largest."""
        choose = min if let.kind == "min" else max
        self.symbols[let.var] = choose(map(self.value, let.choices))

    def to_line(self, let: ToLine) -> None:
        """Count the numbers up to the next line, in an array that begins with one."""
        array = self.arrays[let.access.buffer]
        places = zip(let.access.index, array.strides, strict=True)
        address = sum(self.value(index) * stride for index, stride in places)
        self.symbols[let.var] = -address % LINE_BYTES // array.itemsize

    # -- registers -----------------------------------------------------------------------------------

    def numbers(self, access: Access) -> Array:
        """Return the view of an array that an access means, once every index has been checked."""
        array = self.arrays[access.buffer]
        *outer, first = map(self.value, access.index)
        last = first + (access.lanes - 1) * access.step
        for index, size in zip((*outer, first, last), (*array.shape, array.shape[-1]), strict=True):
            if not 0 <= index < size:
                raise IndexError(f"{show_access(access)} at {(*outer, first)} leaves {array.shape}")
        line: Array = array[tuple(outer)]
        return line[first : last + 1 : access.step]

    def number(self, number: Number) -> None:
        """Set all lanes to a number."""
        self.registers[number.register] = np.full(number.lanes, number.value, number.dtype)

    def load(self, load: Load) -> None:
        """Read numbers."""
        self.registers[load.register] = self.numbers(load.access).copy()

    def repeat(self, repeat: Repeat) -> None:
        """Read one number into all lanes."""
        self.registers[repeat.register] = np.repeat(self.numbers(repeat.access), repeat.lanes)

    def compute(self, compute: Compute) -> None:
        """Compute lane by lane."""
        arguments = [self.registers[name] for name in compute.arguments]
        with np.errstate(all="ignore"):  # scratch that is not used holds NaN
            self.registers[compute.register] = COMPUTERS[compute.operation](*arguments)

    def ramp(self, ramp: Ramp) -> None:
        """Count up from lane to lane."""
        self.registers[ramp.register] = self.value(ramp.start) + ramp.step * np.arange(ramp.lanes)

    def select(self, select: Select) -> None:
        """Choose lane by lane."""
        new, old, winner, loser = (
            self.registers[name] for name in (select.new, select.old, select.winner, select.loser)
        )
        beats = (new > old) | ((new != new) & (old == old))
        self.registers[select.register] = np.where(beats, winner, loser)

    def convert(self, move: Convert) -> None:
        """Convert lane by lane."""
        numbers, wanted = self.registers[move.argument], numpy_dtype(move.dtype)
        with np.errstate(all="ignore"):
            self.registers[move.register] = _converted(numbers, wanted, move.saturated)

    def join(self, join: Join) -> None:
        """Take bytes by fours."""
        self.registers[join.register] = self.registers[join.argument].view("<i4").astype(np.int32)

    def transpose(self, move: Transpose) -> None:
        """Turn rows into columns."""
        rows = np.stack([self.registers[name] for name in move.arguments])
        self.registers |= dict(zip(move.registers, rows.T.copy(), strict=True))

    def store(self, store: Store) -> None:
        """Write numbers."""
        self.numbers(store.access)[:] = self.registers[store.register]

    def mark(self, mark: Mark) -> None:
        """Write 1 if there is a NaN."""
        if np.isnan(self.registers[mark.register]).any():
            self.numbers(mark.access)[:] = 1

    def prefetch(self, _hint: Prefetch) -> None:
        """Do nothing, as a hint does."""


RUNNERS: dict[type, Callable[[_Machine, Any], None]] = {
    Share: _Machine.share,
    Blocks: _Machine.blocks,
    Loop: _Machine.loop,
    Walk: _Machine.walk,
    When: _Machine.when,
    Quotient: _Machine.quotient,
    Lookup: _Machine.lookup,
    Extremum: _Machine.extremum,
    ToLine: _Machine.to_line,
    Number: _Machine.number,
    Load: _Machine.load,
    Repeat: _Machine.repeat,
    Compute: _Machine.compute,
    Ramp: _Machine.ramp,
    Select: _Machine.select,
    Convert: _Machine.convert,
    Join: _Machine.join,
    Transpose: _Machine.transpose,
    Store: _Machine.store,
    Mark: _Machine.mark,
    Prefetch: _Machine.prefetch,
}
"""Kind of statement -> what runs it."""


def _fma(a: Array, b: Array, c: Array) -> Array:
    """Return a·b + c; float64 holds the product of two float32 exactly, that of two float64 is rounded."""
    if a.dtype.kind == "i":
        return a * b + c
    wide = np.float64 if a.dtype == np.float32 else a.dtype
    total: Array = (a.astype(wide) * b.astype(wide) + c.astype(wide)).astype(a.dtype)
    return total


def _dot(a: Array, b: Array, c: Array) -> Array:
    """Return c plus the products of unsigned and signed bytes, four in each lane."""
    without, with_sign = (
        one.astype("<i4").view(kind).astype(np.int32) for one, kind in ((a, "u1"), (b, "i1"))
    )
    total: Array = c + (without * with_sign).reshape(-1, 4).sum(axis=1, dtype=np.int32)
    return total


def _larger(a: Array, b: Array) -> Array:
    return np.where((a > b) | (a != a), a, b)


def _smaller(a: Array, b: Array) -> Array:
    return np.where((a < b) | (a != a), a, b)


def _converted(numbers: Array, wanted: DType, saturated: bool) -> Array:
    """Return numbers of another dtype, as `Convert` says."""
    if numbers.dtype.kind == "b" or wanted.kind not in "biu":
        return numbers.astype(wanted)
    low, high = (0, 1) if wanted.kind == "b" else (int(np.iinfo(wanted).min), int(np.iinfo(wanted).max))
    whole = [round(number) if np.isfinite(number) else 0 for number in numbers.tolist()]
    if saturated:
        ends = [min(max(number, low), high) for number in numbers.tolist()]
        return np.array([round(number) for number in ends], object).astype(wanted)
    return np.array([(number - low) % (high - low + 1) + low for number in whole], object).astype(wanted)


def _scale(a: Array, b: Array) -> Array:
    """Return a·2^b by two factors, as machine code does: results below the normal range round twice."""
    whole = np.nan_to_num(b).astype(np.int64)
    low = whole >> 1
    one: Array = np.ldexp(np.ldexp(a, low), whole - low)
    return np.where(np.isnan(b), a.dtype.type(np.nan), one)


def evaluate(expression: Expression, *arrays: Array) -> Array:
    """Return what an expression makes of arrays, cell by cell.

    >>> evaluate(Expression.of(lambda write, x: write("relu", x)), np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    results: list[Array] = []

    def meant(value: Value) -> Array:
        if isinstance(value, Given):
            return arrays[value.place]
        return results[value.step] if isinstance(value, Result) else arrays[0].dtype.type(value)

    with np.errstate(all="ignore"):
        for step in expression.steps:
            results += [COMPUTERS[step.operation](*map(meant, step.arguments))]
    return np.asarray(meant(expression.result))


COMPUTERS: dict[str, Callable[..., Array]] = {
    "copy": lambda a: a,
    "even": lambda a, b: np.concatenate([a, b])[::2],
    "odd": lambda a, b: np.concatenate([a, b])[1::2],
    "fma": _fma,
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "larger": _larger,
    "relu": lambda a: np.where(a < 0, a.dtype.type(0), a),
    "poison": lambda a, b: a + a.dtype.type(0) * b,
    "dot": _dot,
    "subtract": lambda a, b: a - b,
    "smaller": _smaller,
    "square_root": np.sqrt,
    "scale": _scale,
}
"""Operation -> its meaning, lane by lane."""
