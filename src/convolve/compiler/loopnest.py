"""The loop language: what every routine is written in before it becomes LLVM IR.

Its grammar, on one screen (``index`` is an `Affine` expression of symbols)::

    routine  = name (parameters) facts, buffers: body
    buffer   = name: dtype [extent, ...]    input | output | weights | scratch | table
    body     = statement ...
    statement
             = share (start, count) of extent by step, ... : body    this thread's items of a grid of blocks
             | blocks start, count of extent by step: body           blocks one after another
             | for v from max(index, ...) below min(index, ...) by step [overlap]: body
             | walk step, (y, x), ... over rows × columns, at most limit: body     several pixels at once
             | when index >= 0: body [else: body]
             | let v = index // number | table[index] | min(index, ...) | max(index, ...)
             | let v = numbers from access to the next line
             | register = value
             | register = index, index + step, ...               whole numbers, one per lane
             | register = register if register beats register else register
             | access = register [past the caches]
             | mark access if register is NaN
             | prefetch access
    value    = number | access | repeat access | operation(register, ...) | transpose(register, ...)
             | dtype(register) [saturated] | words(register)
    access   = buffer[index, ...] [× lanes [step number]]

Symbols are whole numbers, bound once: parameters, loop variables and ``let``. Registers hold ``lanes``
numbers and may be assigned again. An access has one index per dimension of its buffer; strides and addresses
appear only in `convolve.compiler.llvm`. Buffers never overlap, except that a routine may read what it wrote.

``for ... overlap`` does whole steps only, the last one moved back so that it ends with the range; a range
shorter than one step does nothing. Without ``overlap`` what is left after the last whole step is not done.
``walk`` repeats the last pixel where fewer are left than it takes at once. The facts that hold inside each
statement are what `convolve.compiler.verify` proves accesses with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convolve.compiler.affine import Affine

Role = Literal["input", "output", "weights", "scratch", "table"]
Body = tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Numbers in memory, one extent per dimension.

    Attributes
    ----------
    dtype
        One of `convolve.compiler.layout.ITEM_BYTES`; tables are "int64".
    contiguous
        Whether neighbours in the last dimension are neighbours in memory; only then can several be
        loaded or stored at once.
    values
        For a table: its values lie from the first to below the second.
    """

    name: str
    dtype: str
    extents: tuple[Affine, ...]
    role: Role
    contiguous: bool = True
    values: tuple[Affine, Affine] | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """A place in a buffer, the first of ``lanes`` neighbours in the last dimension, ``step`` apart."""

    buffer: str
    index: tuple[Affine, ...]
    lanes: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A dimension cut into blocks: 0 <= start, 1 <= count <= step and start + count <= extent."""

    start: str
    count: str
    extent: Affine
    step: Affine


@dataclass(frozen=True, slots=True)
class Share:
    """The thread's share, items [begin, end), of the grid of all combinations of blocks."""

    blocks: tuple[Block, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Blocks:
    """All blocks of one dimension, in order."""

    block: Block
    body: Body


@dataclass(frozen=True, slots=True)
class Loop:
    """A symbol from the largest of ``starts``, ``var + step <= stop`` holding for every stop."""

    var: str
    starts: tuple[Affine, ...]
    stops: tuple[Affine, ...]
    step: int
    overlap: bool
    body: Body


@dataclass(frozen=True, slots=True)
class Walk:
    """Pixels of a rectangle in reading order, ``len(pixels)`` at a time: 0 <= y < rows, 0 <= x < columns.

    ``step`` counts the tiles: 0 <= step < limit. The walk ends after ``limit`` tiles.
    """

    step: str
    limit: Affine
    pixels: tuple[tuple[str, str], ...]
    rows: Affine
    columns: Affine
    body: Body


@dataclass(frozen=True, slots=True)
class When:
    """One of two bodies: the first if ``condition >= 0``."""

    condition: Affine
    body: Body
    otherwise: Body = ()


@dataclass(frozen=True, slots=True)
class Quotient:
    """``var = floor(dividend / divisor)``."""

    var: str
    dividend: Affine
    divisor: int


@dataclass(frozen=True, slots=True)
class Lookup:
    """``var = table[index]``."""

    var: str
    table: str
    index: Affine


@dataclass(frozen=True, slots=True)
class Extremum:
    """``var = min(choices)`` or ``max(choices)``."""

    var: str
    kind: Literal["min", "max"]
    choices: tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class ToLine:
    """``var`` = how many numbers lie between a place, which may be outside, and the next line of the caches.

    It is 0 where a line begins. Nothing but speed may depend on it.
    """

    var: str
    access: Access


@dataclass(frozen=True, slots=True)
class Number:
    """``register = value`` in every lane."""

    register: str
    value: float
    dtype: str
    lanes: int


@dataclass(frozen=True, slots=True)
class Load:
    """``register = buffer[...]``."""

    register: str
    access: Access


@dataclass(frozen=True, slots=True)
class Repeat:
    """One number of a buffer in every lane."""

    register: str
    access: Access
    lanes: int


@dataclass(frozen=True, slots=True)
class Compute:
    """``register = operation(arguments)``, lane by lane; the operations are `OPERATIONS`."""

    register: str
    operation: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ramp:
    """``register = start, start + step, ...``: int64 numbers, such as the places of neighbouring cells."""

    register: str
    start: Affine
    step: int
    lanes: int


@dataclass(frozen=True, slots=True)
class Select:
    """Lane by lane ``register = winner if new beats old else loser``.

    A number beats a smaller one, and NaN beats every number; nothing beats its equal, nor a NaN. So the first
    of equal maxima stays.
    """

    register: str
    new: str
    old: str
    winner: str
    loser: str


@dataclass(frozen=True, slots=True)
class Convert:
    """``register = dtype(argument)``, lane by lane.

    Integers keep their value where the dtype holds it; where it does not they wrap around, or ``saturated``
    become the nearest end of its range. Floats are rounded to the nearest, halves to even. A float becomes an
    integer in one of two ways: ``saturated`` it is rounded, halves to even, and set to the nearest end, and
    must not be NaN; otherwise it must be a whole number that 32 bits (64 for a float64) hold, as sums of
    integers that were taken in floats are.
    """

    register: str
    dtype: str
    argument: str
    saturated: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """``register = words(argument)``: every four neighbouring uint8 become an int32, the first its lowest."""

    register: str
    argument: str


@dataclass(frozen=True, slots=True)
class Transpose:
    """As many registers as each has lanes, rows turned into columns."""

    registers: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """``buffer[...] = register``.

    ``streams``: written past the caches where it fills whole lines, or parts of one that the next ones fill.
    """

    access: Access
    register: str
    streams: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """``buffer[...] = 1`` if any lane of a register is NaN; nothing otherwise. Threads may mark one place."""

    access: Access
    register: str


@dataclass(frozen=True, slots=True)
class Prefetch:
    """A hint that a buffer's number will be needed soon; it may lie outside, and changes nothing."""

    access: Access


Statement = (
    Share | Blocks | Loop | Walk | When | Quotient | Lookup | Extremum | ToLine
    | Number | Load | Repeat | Compute | Convert | Join | Ramp | Select | Transpose | Store | Mark | Prefetch
)  # fmt: skip

OPERATIONS = {
    "copy": 1, "even": 2, "odd": 2, "fma": 3, "add": 2, "multiply": 2, "divide": 2, "larger": 2, "relu": 1,
    "poison": 2, "dot": 3, "subtract": 2, "smaller": 2, "square_root": 1, "scale": 2,
}  # fmt: skip
"""Operation -> number of arguments. even(a, b) and odd(a, b) are every second number of a and b laid end to
end; fma(a, b, c) is a·b + c; larger(a, b) and smaller(a, b) are the larger and the smaller one, b if they are
equal, NaN if one is; scale(a, b) is a·2^b for whole numbers b of at most 252 on either side of 0; poison(a,
b) is a + 0·b, NaN once b is not finite; dot(a, b, c) takes int32 as four bytes each, those of a without and
those of b with a sign, and adds their four products to c, which wraps around as all integers do."""


@dataclass(frozen=True, slots=True)
class Signature:
    """All that a caller must know of a routine: it is enough to call machine code that was made before.

    Attributes
    ----------
    parameters
        Symbols whose values come with each call.
    facts
        Expressions that are never negative: the domain of the parameters. A call checks that its values
        are members; the verifier proves every access for all of them.
    buffers
        In the order in which a call hands them over.
    """

    name: str
    parameters: tuple[str, ...]
    facts: tuple[Affine, ...]
    buffers: tuple[Buffer, ...]

    def buffer(self, name: str) -> Buffer:
        """Return a buffer by its name."""
        return next(buffer for buffer in self.buffers if buffer.name == name)


@dataclass(frozen=True, slots=True)
class Routine(Signature):
    """A loop nest with everything it needs: the unit that is verified, printed, interpreted and compiled."""

    body: Body

    @staticmethod
    def of(signature: Signature, body: Body) -> "Routine":
        """Return a routine with this signature."""
        return Routine(signature.name, signature.parameters, signature.facts, signature.buffers, body)


def affines(values: Sequence[Affine | int]) -> tuple[Affine, ...]:
    """Return numbers and expressions as expressions."""
    return tuple(Affine.of(value) for value in values)
